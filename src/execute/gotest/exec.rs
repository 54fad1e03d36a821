//! How the Go tool is told to start test binaries by gomake, which has them log what they look at.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// The first word of a call of gomake that starts a test binary: nothing that a user would say.
pub const EXEC_WORD: &str = "--go-test-exec";

/// The program that is to start test binaries: ourselves.
#[derive(Debug, Clone)]
pub(super) struct ExecFlag(String);

impl ExecFlag {
    /// None: there is no program that could be named.
    pub fn new() -> Option<Self> {
        let program = std::env::current_exe().ok().filter(|path| path.exists())?;
        quoted(&program).map(Self)
    }
    /// `logs` is where test binaries are to log to, absolute.
    pub fn flag(&self, logs: &Path) -> Option<OsString> {
        let logs = quoted(logs)?;
        Some(format!("-exec={} {EXEC_WORD} {logs}", self.0).into())
    }
}

/// A word as the Go tool splits them (`cmd/internal/quoted`): a word may stand in quotes as a whole, and nothing is escaped.
pub(in crate::execute) fn quoted(path: &Path) -> Option<String> {
    let text = path.to_str()?;
    if !text.contains([' ', '\t', '\n', '\r', '\'', '"']) {
        return Some(text.to_owned());
    }
    let quote = ['\'', '"']
        .into_iter()
        .find(|quote| !text.contains(*quote))?;
    Some(format!("{quote}{text}{quote}"))
}

/// What to start, and with which words, for a call with these words after [`EXEC_WORD`]: the directory of the logs, a test binary, its
/// arguments. `dir` is where we are, free of links.
pub fn start_of(words: &[OsString], dir: &Path) -> Option<(PathBuf, Vec<OsString>)> {
    let [logs, program, args @ ..] = words else {
        return None;
    };
    let log = Path::new(logs).join(crate::golang::testing::log::log_name(dir));
    let mut flag = OsString::from("-test.testlogfile=");
    flag.push(log);
    let args = [flag].into_iter().chain(args.iter().cloned()).collect();
    Some((PathBuf::from(program), args))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_with_blanks_are_quoted_as_go_reads_them() {
        let quoted = |text: &str| quoted(Path::new(text));
        assert_eq!(quoted("/a/b").as_deref(), Some("/a/b"));
        assert_eq!(quoted("/a b").as_deref(), Some("'/a b'"));
        assert_eq!(quoted("/a's").as_deref(), Some("\"/a's\""));
        assert_eq!(quoted("/a's \"b\""), None);
    }

    #[test]
    fn the_log_comes_before_the_other_flags() {
        let words = ["/logs", "/w/a.test", "-test.v", "-x"].map(OsString::from);
        let (program, args) = start_of(&words, Path::new("/p/a")).unwrap();
        assert_eq!(program, Path::new("/w/a.test"));
        let log = args[0].to_str().unwrap();
        assert!(log.starts_with("-test.testlogfile=/logs/"), "{log}");
        assert_eq!(args[1..], words[2..]);
        assert_eq!(start_of(&words[..1], Path::new("/p")), None);
    }
}
