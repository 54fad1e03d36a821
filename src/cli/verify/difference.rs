//! What is here beside what was made: finds where two files differ and shows it as a unified diff.

use crate::base::digest::Digest;
use crate::base::fs::{self, FileKind, FsResult, Stat};
use crate::report::size::short;
use crate::report::text::printable;
use crate::report::{Palette, Tone};
use similar::TextDiff;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Lines of one file's diff; more are counted.
const SHOWN_LINES: usize = 200;
/// Larger files are told by size and digest.
const LARGEST_TEXT: u64 = 4 << 20;
/// After that a diff may be longer than it need be.
const PATIENCE: Duration = Duration::from_secs(2);

/// The two places that are compared.
pub struct Sides<'a> {
    pub here: &'a Path,
    /// A copy of the other, in which commands have run.
    pub made: &'a Path,
    /// When the copy was complete: the change time of a file that was made then.
    pub copied: i64,
}

/// What differs at one path.
#[derive(Debug, PartialEq, Eq)]
pub struct Difference {
    /// Seen from where both sides begin.
    pub path: String,
    /// Lines to show, uncoloured.
    lines: Vec<String>,
}

/// What is at a path, as far as it is compared.
enum Thing {
    Nothing,
    File(Stat),
    /// Where it leads.
    Link(PathBuf),
    Other(&'static str),
}

impl Sides<'_> {
    /// Compares what both sides have at a path below them. None: the same.
    ///
    /// # Errors
    /// When a file cannot be read.
    pub fn compare(&self, path: &Path) -> FsResult<Option<Difference>> {
        let (here, made) = (self.here.join(path), self.made.join(path));
        let name = printable(&path.display().to_string()).into_owned();
        let lines = match (thing(&here)?, thing(&made)?) {
            (Thing::Nothing, Thing::Nothing) => return Ok(None),
            // Nobody can set a change time: what is older than the copy's end was not written since.
            (Thing::File(_), Thing::File(b)) if b.ctime < self.copied => Vec::new(),
            (Thing::File(a), Thing::File(b)) => files(&name, (&here, &a), (&made, &b))?,
            (Thing::Link(a), Thing::Link(b)) => {
                let b = self.as_here(&b);
                match a == b {
                    true => Vec::new(),
                    false => vec![format!(
                        "{name} is a link to {} here, and to {} when made",
                        a.display(),
                        b.display()
                    )],
                }
            }
            (Thing::Nothing, Thing::File(b)) => one_side(&name, &made, &b, Side::Made)?,
            (Thing::File(a), Thing::Nothing) => one_side(&name, &here, &a, Side::Here)?,
            (a, b) => vec![format!(
                "{name} is {} here, and {} when made",
                a.word(),
                b.word()
            )],
        };
        let differs = !lines.is_empty();
        Ok(differs.then_some(Difference { path: name, lines }))
    }

    /// A link of the copy by its full name, as it is in the original.
    fn as_here(&self, target: &Path) -> PathBuf {
        match target.strip_prefix(self.made) {
            Ok(inside) => self.here.join(inside),
            Err(_) => target.to_owned(),
        }
    }
}

impl Thing {
    fn word(&self) -> &'static str {
        match self {
            Self::Nothing => "missing",
            Self::File(_) => "a file",
            Self::Link(_) => "a link",
            Self::Other(word) => word,
        }
    }
}

fn thing(path: &Path) -> FsResult<Thing> {
    let Some(stat) = fs::if_exists(fs::lstat(path))? else {
        return Ok(Thing::Nothing);
    };
    Ok(match stat.kind {
        FileKind::File => Thing::File(stat),
        FileKind::Symlink => Thing::Link(fs::read_link(path)?),
        FileKind::Dir => Thing::Other("a directory"),
        FileKind::Other => Thing::Other("no regular file"),
    })
}

fn files(name: &str, here: (&Path, &Stat), made: (&Path, &Stat)) -> FsResult<Vec<String>> {
    let mut lines = Vec::new();
    let bits = (here.1.is_executable(), made.1.is_executable());
    if bits.0 != bits.1 {
        let word = |is_executable| {
            if is_executable {
                "executable"
            } else {
                "not executable"
            }
        };
        lines.push(format!(
            "{name} is {} here, and {} when made",
            word(bits.0),
            word(bits.1)
        ));
    }
    match (text(here)?, text(made)?) {
        (Some(a), Some(b)) if a == b => {}
        (Some(a), Some(b)) => {
            lines.extend(unified(&a, &b, &format!("a/{name}"), &format!("b/{name}")));
        }
        _ => {
            let (a, b) = (fs::hash_file(here.0)?, fs::hash_file(made.0)?);
            if a != b {
                lines.push(format!(
                    "{name} is {} here, and {} when made",
                    weight(here.1, a),
                    weight(made.1, b)
                ));
            }
        }
    }
    Ok(lines)
}

/// Which side a file is on that the other has not.
#[derive(Clone, Copy)]
enum Side {
    Here,
    Made,
}

fn one_side(name: &str, path: &Path, stat: &Stat, side: Side) -> FsResult<Vec<String>> {
    let mut lines = vec![match side {
        Side::Here => format!("{name} is here, and is not made"),
        Side::Made => format!("{name} is made, and is not here"),
    }];
    match (text((path, stat))?, side) {
        (Some(text), Side::Here) => {
            lines.extend(unified(&text, "", &format!("a/{name}"), "/dev/null"));
        }
        (Some(text), Side::Made) => {
            lines.extend(unified("", &text, "/dev/null", &format!("b/{name}")));
        }
        (None, _) => lines.push(format!("{name}: {}", weight(stat, fs::hash_file(path)?))),
    }
    Ok(lines)
}

/// The text of a file; None for one that is none, or that is too long for a diff.
fn text((path, stat): (&Path, &Stat)) -> FsResult<Option<String>> {
    if stat.size > LARGEST_TEXT {
        return Ok(None);
    }
    let text = String::from_utf8(fs::read(path)?).ok();
    Ok(text.filter(|text| !text.contains('\0')))
}

/// `1.2 kB with digest 0123456789ab`.
fn weight(stat: &Stat, digest: Digest) -> String {
    format!("{} with digest {}", short(stat.size), &digest.hex()[..12])
}

fn unified(a: &str, b: &str, from: &str, to: &str) -> Vec<String> {
    let mut config = TextDiff::configure();
    let diff = config.timeout(PATIENCE).diff_lines(a, b);
    let text = diff
        .unified_diff()
        .context_radius(3)
        .header(from, to)
        .to_string();
    text.lines().map(str::to_owned).collect()
}

impl Difference {
    /// The lines to show, as many as a person reads.
    pub fn text(&self, palette: Palette) -> String {
        let mut out = String::new();
        for line in self.lines.iter().take(SHOWN_LINES) {
            out.push_str(&painted(line, palette));
            out.push('\n');
        }
        if let Some(more @ 1..) = self.lines.len().checked_sub(SHOWN_LINES) {
            let note = format!("… and {more} more lines of {}", self.path);
            out.push_str(&palette.paint(Tone::Faint, &note));
            out.push('\n');
        }
        out
    }
}

fn painted(line: &str, palette: Palette) -> String {
    if !palette.is_colored() {
        return line.to_owned();
    }
    // Tabs are harmless, and most of what Go's files are indented by.
    let parts: Vec<_> = line.split('\t').map(printable).collect();
    let line = parts.join("\t");
    match line.as_bytes() {
        [b'+', b'+', b'+', ..] | [b'-', b'-', b'-', ..] => palette.paint(Tone::Name, &line),
        [b'+', ..] => palette.paint(Tone::Good, &line),
        [b'-', ..] => palette.paint(Tone::Bad, &line),
        [b'@', ..] => palette.paint(Tone::Detail, &line),
        _ => line,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn compared(here: Option<&[u8]>, made: Option<&[u8]>) -> Option<String> {
        let dir = tempfile::tempdir().expect("a directory");
        for (side, bytes) in [("here", here), ("made", made)] {
            let path = dir.path().join(side);
            fs::create_dirs(&path).expect("made");
            if let Some(bytes) = bytes {
                fs::write_atomic(&path.join("x.txt"), bytes).expect("written");
            }
        }
        let (here, made) = (dir.path().join("here"), dir.path().join("made"));
        let sides = Sides {
            here: &here,
            made: &made,
            copied: 0,
        };
        let found = sides.compare(Path::new("x.txt")).expect("readable");
        found.map(|found| found.text(Palette::PLAIN))
    }

    #[test]
    fn equal_bytes_are_no_difference() {
        assert_eq!(compared(Some(b"a\n"), Some(b"a\n")), None);
        assert_eq!(compared(Some(b"\0a"), Some(b"\0a")), None);
        assert_eq!(compared(None, None), None);
    }

    #[test]
    fn texts_are_shown_as_a_diff() {
        let text = compared(Some(b"one\ntwo\nthree\n"), Some(b"one\n2\nthree"));
        insta::assert_snapshot!(text.expect("a difference"));
    }

    #[test]
    fn what_one_side_lacks_is_said() {
        insta::assert_snapshot!("only_here", compared(Some(b"a\n"), None).expect("one"));
        insta::assert_snapshot!("only_made", compared(None, Some(b"a\n")).expect("one"));
    }

    #[test]
    fn bytes_that_are_no_text_are_weighed() {
        let text = compared(Some(b"\0abc"), Some(b"\0abcd")).expect("a difference");
        assert!(text.starts_with("x.txt is 4 B with digest"), "{text}");
        let text = compared(Some(b"\xff"), None).expect("a difference");
        assert!(text.contains("x.txt: 1 B with digest"), "{text}");
    }

    #[test]
    fn long_diffs_are_cut() {
        let long: String = (0..1000).map(|n| format!("{n}\n")).collect();
        let text = compared(None, Some(long.as_bytes())).expect("a difference");
        assert_eq!(text.lines().count(), SHOWN_LINES + 1);
        assert!(text.ends_with("… and 804 more lines of x.txt\n"), "{text}");
    }

    #[test]
    fn the_executable_bit_and_links_count() {
        let dir = tempfile::tempdir().expect("a directory");
        let (here, made) = (dir.path().join("here"), dir.path().join("made"));
        for side in [&here, &made] {
            fs::create_dirs(side).expect("made");
            fs::write_atomic(&side.join("run"), b"x\n").expect("written");
            fs::symlink(&side.join("run"), &side.join("full")).expect("linked");
        }
        fs::set_mode(&made.join("run"), 0o755).expect("set");
        fs::symlink(Path::new("run"), &here.join("link")).expect("linked");
        fs::symlink(Path::new("other"), &made.join("link")).expect("linked");
        let sides = Sides {
            here: &here,
            made: &made,
            copied: 0,
        };
        let text = |path: &str| {
            let found = sides.compare(Path::new(path)).expect("readable");
            found.map(|found| found.text(Palette::PLAIN))
        };
        assert_eq!(text("full"), None);
        let expected = "run is not executable here, and executable when made\n";
        assert_eq!(text("run").as_deref(), Some(expected));
        let expected = "link is a link to run here, and to other when made\n";
        assert_eq!(text("link").as_deref(), Some(expected));
    }
}
