//! `--fmt`: the root Gofile and the files of the project that it includes, in their one form. A file that is already
//! in it is not written to.

use crate::base::fs::{self, FsError};
use crate::cli::load::GofilePath;
use crate::lang::error::SyntaxError;
use crate::lang::format::format;
use similar::TextDiff;

/// What to do with a file that is not formatted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Formatting {
    Write,
    /// `--fmt --check`: show what would change.
    Compare,
}

/// What formatting came to.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Formatted {
    /// For standard output: the names of the files that were written, or a unified diff.
    pub text: String,
    /// How many files are, or were, not formatted.
    pub changed: usize,
}

/// A file that cannot be formatted.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub enum FmtError {
    #[error(transparent)]
    #[diagnostic(code(gomake::fmt::io))]
    File(#[from] FsError),
    #[error("{name} does not parse, and stays as it is: {first}")]
    #[diagnostic(
        code(gomake::fmt::syntax),
        help("`gomake --check` shows every mistake in its place")
    )]
    Syntax { name: String, first: SyntaxError },
}

/// Formats files that have been loaded. Each is written in one step, or not at all; after an error the files before
/// it are formatted and those after it are not.
///
/// # Errors
/// When a file cannot be read or written, or no longer parses.
pub fn format_files(files: &[GofilePath], how: Formatting) -> Result<Formatted, FmtError> {
    let mut done = Formatted::default();
    for file in files {
        let before = fs::read_text(&file.path)?;
        let after = match format(&before) {
            Ok(after) => after,
            Err(errors) => match errors.into_iter().next() {
                Some(first) => {
                    return Err(FmtError::Syntax {
                        name: file.name.clone(),
                        first,
                    });
                }
                None => continue,
            },
        };
        if before == after {
            continue;
        }
        done.changed += 1;
        match how {
            Formatting::Write => {
                // A link stays a link: what it leads to is written.
                fs::write_atomic(&fs::canonical(&file.path)?, after.as_bytes())?;
                done.text.push_str(&format!("formatted {}\n", file.name));
            }
            Formatting::Compare => done.text.push_str(&diff(&file.name, &before, &after)),
        }
    }
    Ok(done)
}

fn diff(name: &str, before: &str, after: &str) -> String {
    TextDiff::from_lines(before, after)
        .unified_diff()
        .context_radius(3)
        .header(name, &format!("{name} (formatted)"))
        .to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROUGH: &str = "let   a=1\n";

    fn file(text: &str) -> (tempfile::TempDir, Vec<GofilePath>) {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("Gofile");
        fs::write_atomic(&path, text.as_bytes()).expect("written");
        let name = "Gofile".to_owned();
        (
            dir,
            vec![GofilePath {
                path,
                name,
                digest: crate::base::digest::Digest::of(b""),
            }],
        )
    }

    #[test]
    fn writes_once_and_then_finds_nothing_to_do() {
        let (_dir, files) = file(ROUGH);
        let first = format_files(&files, Formatting::Write).expect("formats");
        assert_eq!(first.text, "formatted Gofile\n");
        let text = fs::read_text(&files[0].path).expect("readable");
        assert_eq!(text, "let a = 1\n");
        let before = fs::lstat(&files[0].path).expect("there");
        let again = format_files(&files, Formatting::Write).expect("formats");
        assert_eq!(again, Formatted::default());
        assert_eq!(fs::lstat(&files[0].path).expect("there"), before);
    }

    #[test]
    fn comparing_shows_a_diff_and_writes_nothing() {
        let (_dir, files) = file(ROUGH);
        let found = format_files(&files, Formatting::Compare).expect("compares");
        assert_eq!(found.changed, 1);
        assert_eq!(
            found.text,
            "--- Gofile\n+++ Gofile (formatted)\n@@ -1 +1 @@\n-let   a=1\n+let a = 1\n"
        );
        assert_eq!(fs::read_text(&files[0].path).expect("readable"), ROUGH);
    }

    #[test]
    fn a_link_stays_a_link() {
        let (dir, mut files) = file(ROUGH);
        let link = dir.path().join("link");
        fs::symlink(&files[0].path, &link).expect("linked");
        files[0].path = link.clone();
        format_files(&files, Formatting::Write).expect("formats");
        assert_eq!(fs::lstat(&link).expect("there").kind, fs::FileKind::Symlink);
    }

    #[test]
    fn what_does_not_parse_is_left_alone() {
        let (_dir, files) = file("build {{{\n");
        let error = format_files(&files, Formatting::Write).expect_err("no");
        assert!(matches!(error, FmtError::Syntax { .. }));
        assert_eq!(
            fs::read_text(&files[0].path).expect("readable"),
            "build {{{\n"
        );
    }
}
