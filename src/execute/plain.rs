//! Scripts that need no shell: one command of plain words, which a shell would do nothing with but start the program. Gives
//! the words that the shell would have made of them, or says nothing where it is not sure. Starts nothing itself.

use crate::execute::environment::Given;
use crate::plan::script::{interpreter, is_shells_own};
use std::ffi::{OsStr, OsString};
use std::iter::Peekable;
use std::str::Chars;

/// The words of a script that a shell would start a program with and do nothing else. `args` is what `"$@"` stands for.
///
/// None: there is syntax in it, it is the shell's own command, or the environment may change what the shell does.
pub fn words(
    called: &[String],
    script: &str,
    args: &[String],
    env: Given<'_>,
) -> Option<Vec<OsString>> {
    let script = script.trim_matches([' ', '\t', '\n']);
    if !is_known_shell(called) || env.names().any(is_read_by_shells) {
        return None;
    }
    let first = script.split([' ', '\t']).next()?;
    let is_name = |c: char| c.is_ascii_alphanumeric() || "_./+-".contains(c);
    if first.is_empty() || !first.chars().all(is_name) || SHELLS_OWN.contains(&first) {
        return None;
    }
    let mut reader = Reader {
        chars: script.chars().peekable(),
        words: Vec::new(),
        word: None,
        env,
    };
    reader.read(args)?;
    Some(reader.words)
}

/// Called as gomake calls it, and from where systems have it: another one may be anything.
fn is_known_shell(called: &[String]) -> bool {
    let Some(word) = called.first() else {
        return false;
    };
    let name = ["/bin/", "/usr/bin/"]
        .iter()
        .find_map(|dir| word.strip_prefix(dir))
        .unwrap_or(word);
    // zsh reads files of the system's before it does anything, ksh has more commands of its own, and so may ash.
    matches!(name, "sh" | "dash" | "bash") && interpreter(word).argv == called
}

/// Variables by which a shell's commands become others, and one that a shell corrects.
fn is_read_by_shells(name: &OsStr) -> bool {
    let name = name.as_encoded_bytes();
    name.starts_with(b"BASH_FUNC_")
        || [
            &b"BASH_ENV"[..],
            b"ENV",
            b"SHELLOPTS",
            b"BASHOPTS",
            b"EXECIGNORE",
            b"PWD",
        ]
        .contains(&name)
}

/// Reserved words, and commands that some `sh` has built in (dash, bash, ksh, mksh, busybox): it does not start them, or not
/// those in PATH.
const SHELLS_OWN: &[&str] = &[
    ".",
    "alias",
    "autoload",
    "bg",
    "bind",
    "break",
    "builtin",
    "caller",
    "case",
    "cat",
    "cd",
    "chdir",
    "command",
    "compgen",
    "complete",
    "compopt",
    "continue",
    "coproc",
    "declare",
    "dirs",
    "disown",
    "do",
    "done",
    "echo",
    "elif",
    "else",
    "enable",
    "esac",
    "eval",
    "exec",
    "exit",
    "export",
    "false",
    "fc",
    "fg",
    "fi",
    "float",
    "for",
    "function",
    "functions",
    "getconf",
    "getopts",
    "global",
    "hash",
    "help",
    "hist",
    "history",
    "if",
    "in",
    "integer",
    "jobs",
    "kill",
    "let",
    "local",
    "logout",
    "mapfile",
    "mknod",
    "nameref",
    "newgrp",
    "popd",
    "print",
    "printf",
    "pushd",
    "pwd",
    "r",
    "read",
    "readarray",
    "readonly",
    "realpath",
    "redirect",
    "rename",
    "return",
    "select",
    "set",
    "shift",
    "shopt",
    "sleep",
    "source",
    "stop",
    "suspend",
    "test",
    "then",
    "time",
    "times",
    "trap",
    "true",
    "type",
    "typeset",
    "ulimit",
    "umask",
    "unalias",
    "unset",
    "until",
    "wait",
    "whence",
    "while",
];

struct Reader<'a> {
    chars: Peekable<Chars<'a>>,
    words: Vec<OsString>,
    /// The word that has begun.
    word: Option<String>,
    env: Given<'a>,
}

impl<'a> Reader<'a> {
    fn read(&mut self, args: &[String]) -> Option<()> {
        while let Some(c) = self.chars.next() {
            match c {
                ' ' | '\t' => self.end(),
                '\'' => self.single()?,
                '"' => self.double(args)?,
                '$' => self.variable()?,
                c if c.is_ascii_alphanumeric() || "_./,:@%+-=".contains(c) => self.push(c),
                _ => return None,
            }
        }
        self.end();
        Some(())
    }
    fn push(&mut self, c: char) {
        self.word.get_or_insert_default().push(c);
    }
    fn end(&mut self) {
        self.words.extend(self.word.take().map(OsString::from));
    }
    fn single(&mut self) -> Option<()> {
        self.word.get_or_insert_default();
        loop {
            match self.chars.next()? {
                '\'' => return Some(()),
                c => self.push(c),
            }
        }
    }
    fn double(&mut self, args: &[String]) -> Option<()> {
        if self.is_all_args() {
            self.words.extend(args.iter().map(OsString::from));
            return Some(());
        }
        self.word.get_or_insert_default();
        loop {
            match self.chars.next()? {
                '"' => return Some(()),
                '$' => {
                    let value = self.value()?;
                    self.word.get_or_insert_default().push_str(value);
                }
                '`' | '\\' | '!' => return None,
                c => self.push(c),
            }
        }
    }
    /// `$@"` as a word of its own, its first quote being read already. Takes it.
    fn is_all_args(&mut self) -> bool {
        let mut rest = self.chars.clone();
        let is_it = self.word.is_none() && rest.by_ref().take(3).eq("$@\"".chars());
        let is_it = is_it && matches!(rest.peek(), None | Some(' ' | '\t'));
        if is_it {
            self.chars = rest;
        }
        is_it
    }
    /// Outside of quotes a value falls apart at blanks.
    fn variable(&mut self) -> Option<()> {
        let value = self.value()?;
        if value.contains(['*', '?', '[', '\\']) {
            return None;
        }
        for c in value.chars() {
            match c {
                ' ' | '\t' | '\n' => self.end(),
                c => self.push(c),
            }
        }
        Some(())
    }
    /// Of `name` or `{name}`, the `$` being read already.
    fn value(&mut self) -> Option<&'a str> {
        let is_braced = self.chars.next_if_eq(&'{').is_some();
        let mut name = String::new();
        while let Some(c) = self
            .chars
            .next_if(|c| c.is_ascii_alphanumeric() || *c == '_')
        {
            name.push(c);
        }
        if is_braced && self.chars.next() != Some('}') {
            return None;
        }
        // A digit is an argument, and what the shell sets itself is not known here.
        if !name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
            || name == "_"
            || is_shells_own(&name)
        {
            return None;
        }
        self.env.get(OsStr::new(&name))?.to_str()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::execute::environment::Variables;

    fn words_of(script: &str, variables: &[(&str, &str)]) -> Option<Vec<OsString>> {
        let env: Variables = variables
            .iter()
            .map(|(name, value)| (OsString::from(name), OsString::from(value)))
            .collect();
        let args = ["one", "two three"].map(str::to_owned);
        words(&interpreter("sh").argv, script, &args, (&env).into())
    }

    const VARIABLES: &[(&str, &str)] = &[
        ("PATH", "/usr/local/bin:/usr/bin:/bin"),
        ("out", "out/a.o"),
        ("inputs", "a.c  b.c\n"),
        ("quoted", "it's \"so\" ~ $x `y` {a,b} #"),
        ("pattern", "*.c"),
        ("empty", ""),
        ("blank", " "),
    ];

    /// What dash and bash make of these is what we make of them, word by word.
    #[test]
    #[cfg(target_os = "linux")]
    fn words_are_those_of_the_shells() {
        let scripts = [
            "ls",
            "  go build -o bin/app -ldflags=-s ./cmd/...  \n",
            "cp $inputs $out",
            "x x${out}y $inputs-$inputs '$out' \"$inputs\" \"${out}.d\"",
            "cc -c 'a b'\"c d\"e '' \"\" \"$empty\" $empty \"$blank\" a$blank'b'",
            "x \"$quoted\" $quoted \"$pattern\"",
            "x \"$@\" 'a\nb' \"c;d|e\" 'f\\g!' %1 a=b @x +y",
            "gcc-12 --sysroot=/x:/y,z",
        ];
        for script in scripts {
            let ours = words_of(script, VARIABLES).expect(script);
            for shell in ["dash", "bash"] {
                // A function stands for the program, so that its words can be told.
                let told = "{ printf '%s\\0' \"$name\" \"$@\"; }";
                let first = script.trim().split(' ').next().unwrap();
                let rest = script.trim().strip_prefix(first).unwrap();
                let text = format!("told() {told}\nname={first}\ntold {rest}");
                let output = std::process::Command::new(shell)
                    .args(["-eu", "-c", &text, "name", "one", "two three"])
                    .env_clear()
                    .envs(VARIABLES.iter().copied())
                    .output();
                // Not every machine has every shell.
                let Ok(output) = output else { continue };
                let theirs = String::from_utf8(output.stdout).unwrap();
                let theirs: Vec<&str> = theirs.split_terminator('\0').collect();
                assert_eq!(ours, theirs, "{shell}: {script}");
            }
        }
    }

    #[test]
    fn syntax_and_what_is_the_shells_own_go_to_the_shell() {
        let scripts = [
            "",
            " ",
            ":",
            ": i",
            ". ./x",
            "true",
            "cd x",
            "exit 3",
            "echo a",
            "test -f x",
            "if x",
            "{ ls",
            "! ls",
            "A=b ls",
            "'ls'",
            "$out",
            "\"ls\"",
            "ls\nls",
            "ls;",
            "ls &",
            "ls | x",
            "ls > x",
            "ls <x",
            "ls $(x)",
            "ls `x`",
            "ls \"`x`\"",
            "ls *.c",
            "ls a?",
            "ls [a]",
            "ls ~",
            "ls a=~",
            "ls {a,b}",
            "ls # x",
            "ls \\x",
            "ls \"\\x\"",
            "ls \"a!b\"",
            "ls 'a",
            "ls \"a",
            "ls $",
            "ls $1",
            "ls $@",
            "ls x\"$@\"",
            "ls \"$@\"x",
            "ls $0",
            "ls $unset",
            "ls ${out",
            "ls ${out%.o}",
            "ls ${out:-x}",
            "ls $PWD",
            "ls $HOME",
            "ls $IFS",
            "ls $_",
            "ls $pattern",
            "ls ü",
            "ls (x)",
            "ls ^x",
        ];
        for script in scripts {
            assert_eq!(words_of(script, VARIABLES), None, "{script}");
        }
    }

    #[test]
    fn only_shells_that_do_what_they_always_do() {
        let env = Variables::new();
        let plain = |called: &[&str], env: &Variables| {
            let called: Vec<String> = called.iter().map(|&word| word.to_owned()).collect();
            words(&called, "ls", &[], env.into()).is_some()
        };
        assert!(plain(&["sh", "-eu"], &env) && plain(&["/bin/dash", "-eu"], &env));
        assert!(plain(&["/usr/bin/bash", "-euo", "pipefail"], &env));
        for called in [
            &["sh"][..],
            &["sh", "-eux"],
            &["zsh", "-euo", "pipefail"],
            &["tools/sh", "-eu"],
            &["python3"],
        ] {
            assert!(!plain(called, &env), "{called:?}");
        }
        for name in ["BASH_ENV", "BASH_FUNC_ls%%", "SHELLOPTS", "PWD"] {
            let env = Variables::from([(name.into(), "x".into())]);
            assert!(!plain(&["sh", "-eu"], &env), "{name}");
        }
    }
}
