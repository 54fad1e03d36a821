//! What is said once more at the end of a run: which targets failed, how, where they stand, and one line of the reason.

use crate::event::Failure;
use crate::report::palette::{Palette, Tone};
use crate::report::tame;
use crate::report::text::{clipped, columns, printable};

/// Failed targets that are named; the others are counted.
const NAMED: usize = 20;
/// Up to so many, the reason is given too.
const WITH_REASON: usize = 10;

/// A failed target as the end of a run tells it.
#[derive(Debug, Clone)]
pub struct Failed {
    pub label: String,
    pub how: String,
    pub place: String,
    /// A line of its output that may say why.
    pub reason: Option<String>,
}

impl Failed {
    /// `output` is the end of what it printed.
    pub fn new(label: &str, failure: &Failure, output: &[u8]) -> Self {
        Self {
            label: label.to_owned(),
            how: printable(&failure.how).into_owned(),
            place: printable(&failure.place).into_owned(),
            reason: telling(output),
        }
    }

    /// One of which only the name is known: an image that could not be loaded or pushed, say.
    pub fn unknown(name: &str) -> Self {
        Self {
            label: printable(name).into_owned(),
            how: String::new(),
            place: String::new(),
            reason: None,
        }
    }
}

/// The line of an output that most likely says what went wrong: the first one that speaks of it, else the last one.
fn telling(output: &[u8]) -> Option<String> {
    let lines = || {
        output
            .split(|&byte| byte == b'\n')
            .filter(|line| !line.trim_ascii().is_empty())
    };
    let speaks = |line: &&[u8]| {
        let line = line.to_ascii_lowercase();
        let has = |word: &&[u8]| line.windows(word.len()).any(|part| part == *word);
        WORDS.iter().any(has)
    };
    let line = lines().find(speaks).or_else(|| lines().next_back())?;
    let text = tame::plain(line).trim().replace('\t', " ");
    (!text.is_empty()).then(|| printable(&text).into_owned())
}

const WORDS: &[&[u8]] = &[
    b"error",
    b"fail",
    b"fatal",
    b"panic",
    b"undefined",
    b"cannot",
    b"not found",
    b"no such",
];

/// The failed targets under one heading. `width` is what lines may take; None: any number of columns.
pub fn text(palette: Palette, failed: &[Failed], width: Option<usize>) -> String {
    let fit = |text: String, taken: usize| match width {
        Some(width) => clipped(&text, width.saturating_sub(taken)),
        None => text,
    };
    let shown = &failed[..failed.len().min(NAMED)];
    let longest = shown.iter().map(|failed| columns(&failed.label)).max();
    let longest = longest.unwrap_or(0).min(40);
    let mut out = palette.paint(Tone::Bad, "these failed:") + "\n";
    for one in shown {
        let label = fit(one.label.clone(), 2);
        let gap = " ".repeat(longest.saturating_sub(columns(&label)) + 2);
        let place = match one.place.as_str() {
            "" => String::new(),
            place => format!(" at {place}"),
        };
        let taken = 2 + columns(&label) + gap.len();
        let rest = fit(format!("{}{place}", one.how), taken);
        let line = format!("  {}{gap}{rest}", palette.paint(Tone::Name, &label));
        out.push_str(line.trim_end());
        out.push('\n');
        if let Some(reason) = one.reason.as_ref().filter(|_| failed.len() <= WITH_REASON) {
            let reason = fit(reason.clone(), 4);
            out.push_str(&format!("    {}\n", palette.paint(Tone::Faint, &reason)));
        }
    }
    if failed.len() > NAMED {
        out.push_str(&format!("  and {} more\n", failed.len() - NAMED));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failed(label: &str, output: &str) -> Failed {
        let failure = Failure {
            how: "exit status 1".into(),
            command: "x".into(),
            place: "Gofile:12:3".into(),
            notes: vec![],
        };
        Failed::new(label, &failure, output.as_bytes())
    }

    #[test]
    fn the_line_that_speaks_of_it_is_the_reason() {
        let reason = |output| failed("build a", output).reason;
        assert_eq!(reason(""), None);
        assert_eq!(reason("\n \n"), None);
        assert_eq!(
            reason("compiling\n\x1b[31mmain.c:3: error:\tno\x1b[0m\nmake: *** Error 1\n"),
            Some("main.c:3: error: no".into())
        );
        assert_eq!(reason("one\n50%\rtwo\n\n"), Some("two".into()));
        assert_eq!(reason("a\x1b[2J\u{202e}\n"), Some("a\\u{202e}".into()));
    }

    #[test]
    fn each_has_a_line_and_fits_the_screen() {
        let all = [
            failed("test  unit", "--- FAIL: TestX\n"),
            failed("build 资产/图", ""),
        ];
        assert_eq!(
            text(Palette::PLAIN, &all, None),
            "these failed:\n  test  unit     exit status 1 at Gofile:12:3\n    --- FAIL: TestX\n  build 资产/图  exit status 1 at Gofile:12:3\n"
        );
        for width in [0, 1, 5, 13, 20, 30] {
            let text = text(Palette::PLAIN, &all, Some(width));
            let lines = text.lines().skip(1);
            assert!(
                lines.into_iter().all(|line| columns(line) <= width.max(4)),
                "{text}"
            );
        }
        let many = vec![failed("build a", "error"); 30];
        let text = text(Palette::PLAIN, &many, None);
        assert_eq!(text.lines().count(), 22);
        assert!(text.ends_with("  and 10 more\n"));
    }
}
