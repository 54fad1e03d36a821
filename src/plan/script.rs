//! What a script's text names: variables read and assigned, and its command words. A light reading of shell, not a
//! parser: where it is unsure it says "named", because naming too much only counts a variable more.

use std::collections::BTreeSet;

mod shell;

pub use shell::shell_names;

/// What was found in a script.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Names {
    /// `$name`, `${name…}` outside of single quotes, each with the byte offset of its `$` in the script's text
    /// (of the name itself in arithmetic, where the `$` may be left out).
    pub read: Vec<(String, usize)>,
    /// `name=`, `for name in`, `read name`, `local name`, `export name=`, function names…
    pub assigned: BTreeSet<String>,
    /// First words of simple commands that are plain literals: the candidates for `tools`. Neither keywords nor the
    /// script's own functions; builtins and POSIX utilities are still among them.
    pub commands: BTreeSet<String>,
    /// Plain literal words that commands are given or read from, but for commands that only say, remove or test
    /// something, and for what the script itself writes.
    pub words: BTreeSet<String>,
}

/// How an interpreter is called for a script.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Interpreter {
    /// Program and options.
    pub argv: Vec<String>,
    /// True: it takes the script as a file, not by `-c`.
    pub as_file: bool,
}

/// The call for the word after `run`, or for `shell` in the settings: a name or a path.
pub fn interpreter(word: &str) -> Interpreter {
    let options: &[&str] = match word.rsplit('/').next().unwrap_or_default() {
        "sh" | "dash" | "ash" => &["-eu"],
        "bash" | "zsh" | "ksh" | "mksh" => &["-euo", "pipefail"],
        _ => &[],
    };
    let argv = [word]
        .iter()
        .chain(options)
        .map(|word| (*word).to_owned())
        .collect();
    Interpreter {
        argv,
        as_file: options.is_empty(),
    }
}

/// Whether a variable is the shell's own, so that a let of that name would break or be broken by it.
pub fn is_shells_own(name: &str) -> bool {
    const OWN: &[&str] = &[
        "BASH",
        "BASHOPTS",
        "BASHPID",
        "CDPATH",
        "COLUMNS",
        "COMP_WORDS",
        "DIRSTACK",
        "ENV",
        "EPOCHREALTIME",
        "EPOCHSECONDS",
        "EUID",
        "FPATH",
        "FUNCNAME",
        "GLOBIGNORE",
        "GROUPS",
        "HOME",
        "HOSTNAME",
        "HOSTTYPE",
        "IFS",
        "LINENO",
        "LINES",
        "MACHTYPE",
        "MAIL",
        "MAILCHECK",
        "MAILPATH",
        "OLDPWD",
        "OPTARG",
        "OPTERR",
        "OPTIND",
        "OSTYPE",
        "PATH",
        "PIPESTATUS",
        "POSIXLY_CORRECT",
        "PPID",
        "PROMPT_COMMAND",
        "PS0",
        "PS1",
        "PS2",
        "PS3",
        "PS4",
        "PWD",
        "RANDOM",
        "REPLY",
        "SECONDS",
        "SHELL",
        "SHELLOPTS",
        "SHLVL",
        "SRANDOM",
        "TIMEFORMAT",
        "TMOUT",
        "UID",
        "_",
    ];
    OWN.contains(&name)
        || ["BASH_", "LD_", "DYLD_"]
            .iter()
            .any(|prefix| name.starts_with(prefix))
}

/// Shell builtins and the utilities that POSIX says every system has; sorted. Their identity is not counted.
pub const POSIX_UTILITIES: &[&str] = &[
    ".",
    ":",
    "[",
    "[[",
    "admin",
    "alias",
    "ar",
    "asa",
    "at",
    "awk",
    "basename",
    "batch",
    "bc",
    "bg",
    "break",
    "builtin",
    "caller",
    "cat",
    "cd",
    "chgrp",
    "chmod",
    "chown",
    "cksum",
    "cmp",
    "comm",
    "command",
    "compress",
    "continue",
    "cp",
    "crontab",
    "csplit",
    "cut",
    "date",
    "dd",
    "declare",
    "df",
    "diff",
    "dirname",
    "dirs",
    "disown",
    "du",
    "echo",
    "ed",
    "enable",
    "env",
    "eval",
    "ex",
    "exec",
    "exit",
    "expand",
    "export",
    "expr",
    "false",
    "fc",
    "fg",
    "file",
    "find",
    "fold",
    "fuser",
    "getconf",
    "getopts",
    "grep",
    "hash",
    "head",
    "help",
    "history",
    "iconv",
    "id",
    "ipcrm",
    "ipcs",
    "jobs",
    "join",
    "kill",
    "let",
    "link",
    "ln",
    "local",
    "locale",
    "localedef",
    "logger",
    "logname",
    "logout",
    "lp",
    "ls",
    "m4",
    "mailx",
    "man",
    "mapfile",
    "mesg",
    "mkdir",
    "mkfifo",
    "more",
    "mv",
    "newgrp",
    "nice",
    "nl",
    "nm",
    "nohup",
    "od",
    "paste",
    "patch",
    "pathchk",
    "pax",
    "popd",
    "pr",
    "printf",
    "ps",
    "pushd",
    "pwd",
    "read",
    "readarray",
    "readonly",
    "renice",
    "return",
    "rm",
    "rmdir",
    "sed",
    "set",
    "sh",
    "shift",
    "shopt",
    "sleep",
    "sort",
    "source",
    "split",
    "strings",
    "strip",
    "stty",
    "suspend",
    "tabs",
    "tail",
    "talk",
    "tee",
    "test",
    "time",
    "times",
    "touch",
    "tput",
    "tr",
    "trap",
    "true",
    "tsort",
    "tty",
    "type",
    "typeset",
    "ulimit",
    "umask",
    "unalias",
    "uname",
    "uncompress",
    "unexpand",
    "uniq",
    "unlink",
    "unset",
    "uudecode",
    "uuencode",
    "vi",
    "wait",
    "wc",
    "what",
    "who",
    "write",
    "xargs",
    "zcat",
];

pub fn is_posix_utility(word: &str) -> bool {
    POSIX_UTILITIES.binary_search(&word).is_ok()
}

/// Whether `word` stands in `text` as a whole word; for interpreters other than shells.
pub fn has_word(text: &str, word: &str) -> bool {
    let is_part = |c: char| c.is_alphanumeric() || c == '_';
    !word.is_empty()
        && text.match_indices(word).any(|(at, _)| {
            !text[..at].ends_with(is_part) && !text[at + word.len()..].starts_with(is_part)
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_other_interpreters() {
        assert!(has_word("print(version)", "version"));
        assert!(!has_word("print(versions, my_version)", "version"));
        assert!(has_word("versions version", "version"));
        assert!(!has_word("x", ""));
    }

    #[test]
    fn interpreters_and_their_options() {
        assert_eq!(interpreter("sh").argv, ["sh", "-eu"]);
        assert_eq!(
            interpreter("/bin/bash").argv,
            ["/bin/bash", "-euo", "pipefail"]
        );
        assert_eq!(
            interpreter("python3"),
            Interpreter {
                argv: vec!["python3".into()],
                as_file: true
            }
        );
    }

    #[test]
    fn what_is_the_shells_own() {
        assert!(POSIX_UTILITIES.is_sorted());
        assert!(is_posix_utility("sed") && is_posix_utility("[") && !is_posix_utility("gcc"));
        assert!(
            [
                "PATH",
                "HOME",
                "IFS",
                "UID",
                "PWD",
                "OPTIND",
                "LD_PRELOAD",
                "BASH_ENV"
            ]
            .into_iter()
            .all(is_shells_own)
        );
        assert!(!is_shells_own("version") && !is_shells_own("CFLAGS"));
    }
}
