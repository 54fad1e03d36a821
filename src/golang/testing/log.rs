//! What a test binary did while it ran, by the log that it writes for `-test.testlogfile`. The flag and the format are the Go
//! tool's own (`testing/internal/testdeps`): a first line, then an operation and a name a line.

use crate::base::digest::Digest;
use std::collections::BTreeSet;
use std::os::unix::ffi::OsStrExt;
use std::path::{Component, Path, PathBuf};

/// The first line. Without it the file is not a log that we know.
const MAGIC: &str = "# test log\n";

/// The file that the tests of a package log to, by the directory in which they begin, free of links: all that who starts a test
/// binary for the Go tool can tell of it.
pub fn log_name(dir: &Path) -> String {
    let digest = Digest::of(dir.as_os_str().as_bytes());
    format!("{}.log", &digest.hex()[..32])
}

/// What a test looked at, each thing once. Paths are absolute and free of `.` and `..`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TestLog {
    /// Variables that were asked for by name. GODEBUG is always read and never told: it is among them.
    pub env: BTreeSet<String>,
    /// Files that were opened, to be read or written; directories that were opened or listed.
    pub opened: BTreeSet<PathBuf>,
    /// Paths that were asked about and not opened, and the directories that the test went to.
    pub looked: BTreeSet<PathBuf>,
}

/// Why a log says nothing.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum LogError {
    /// Not written to its end, or by a Go that writes it otherwise.
    #[error("the test log does not begin as one")]
    Foreign,
    #[error("line {line} of the test log is not understood")]
    Line { line: usize },
}

impl TestLog {
    /// Reads a log. `dir` is where the test began: the directory of its package.
    ///
    /// # Errors
    /// When it is not a log as this Go writes it: what the test looked at is unknown then.
    pub fn read(text: &[u8], dir: &Path) -> Result<Self, LogError> {
        let text = std::str::from_utf8(text).map_err(|_| LogError::Foreign)?;
        let lines = text.strip_prefix(MAGIC).ok_or(LogError::Foreign)?;
        // The last line of a log that was cut off has no end.
        if !(lines.is_empty() || lines.ends_with('\n')) {
            let line = lines.lines().count() + 1;
            return Err(LogError::Line { line });
        }
        let mut log = Self::default();
        log.env.insert("GODEBUG".to_owned());
        let mut here = dir.to_owned();
        for (at, line) in lines.lines().enumerate() {
            let known = line.split_once(' ').filter(|(_, name)| !name.is_empty());
            let Some((operation, name)) = known else {
                return Err(LogError::Line { line: at + 2 });
            };
            match operation {
                "getenv" => {
                    log.env.insert(name.to_owned());
                }
                "open" => {
                    log.opened.insert(clean(&here.join(name)));
                }
                "stat" => {
                    log.looked.insert(clean(&here.join(name)));
                }
                "chdir" => {
                    here = clean(&here.join(name));
                    log.looked.insert(here.clone());
                }
                _ => return Err(LogError::Line { line: at + 2 }),
            }
        }
        log.looked.retain(|path| !log.opened.contains(path));
        Ok(log)
    }
}

/// Without `.` and `..`, as text: what Go does before it compares.
fn clean(path: &Path) -> PathBuf {
    let mut clean = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir => {
                clean.pop();
            }
            part => clean.push(part),
        }
    }
    clean
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<TestLog, LogError> {
        TestLog::read(text.as_bytes(), Path::new("/p/pkg"))
    }
    fn shown(paths: &BTreeSet<PathBuf>) -> Vec<&str> {
        paths.iter().filter_map(|path| path.to_str()).collect()
    }

    #[test]
    fn names_are_seen_from_where_the_test_is() {
        let log = read(
            "# test log\ngetenv HOME\nopen testdata/a b.txt\nstat ../go.mod\nstat testdata/a b.txt\nchdir /tmp/x\nopen y\nchdir ..\nstat z\n",
        )
        .unwrap();
        assert_eq!(
            log.env.iter().map(String::as_str).collect::<Vec<_>>(),
            ["GODEBUG", "HOME"]
        );
        assert_eq!(shown(&log.opened), ["/p/pkg/testdata/a b.txt", "/tmp/x/y"]);
        assert_eq!(
            shown(&log.looked),
            ["/p/go.mod", "/tmp", "/tmp/x", "/tmp/z"]
        );
    }

    #[test]
    fn a_test_that_looked_at_nothing() {
        let log = read("# test log\n").unwrap();
        assert!(log.opened.is_empty() && log.looked.is_empty() && log.env.len() == 1);
    }

    #[test]
    fn what_is_not_understood_is_no_log() {
        assert_eq!(read(""), Err(LogError::Foreign));
        assert_eq!(read("getenv HOME\n"), Err(LogError::Foreign));
        for (text, line) in [
            ("# test log\nopen\n", 2),
            ("# test log\nopen \n", 2),
            ("# test log\nopen a\nfetch b\n", 3),
            ("# test log\nopen a\nope", 3),
            ("# test log\n\n", 2),
        ] {
            assert_eq!(read(text), Err(LogError::Line { line }), "{text:?}");
        }
        assert_eq!(
            TestLog::read(b"# test log\nopen \xff\n", Path::new("/p")),
            Err(LogError::Foreign)
        );
    }
}
