//! What a script's text names: variables read and assigned, and its command words. A light reading of shell, not a
//! parser: where it is unsure it says "named", because naming too much only counts a variable more.

use std::collections::BTreeSet;

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

/// Reads a POSIX-like shell script.
pub fn shell_names(text: &str) -> Names {
    let mut reader = Reader {
        text,
        at: 0,
        names: Names::default(),
        functions: BTreeSet::new(),
        stack: vec![Context::command(Close::End)],
    };
    while reader.at < text.len() {
        reader.leave_finished_heredocs();
        reader.step();
    }
    while let Some(context) = reader.stack.last() {
        if matches!(context, Context::Command(_)) {
            reader.end_word();
        }
        reader.stack.pop();
    }
    let Reader {
        mut names,
        functions,
        ..
    } = reader;
    names.commands.retain(|word| !functions.contains(word));
    names.assigned.extend(functions);
    names
}

/// What the reader is inside of. A stack of these and no recursion: a script may nest as it likes.
#[derive(Debug)]
enum Context {
    Command(Simple),
    DoubleQuotes,
    /// `${name…`; whether single quotes mean something in it.
    Braces {
        quotes: bool,
    },
    /// `$((…))` and `((…))`, with the parentheses open within.
    Arithmetic {
        open: u32,
    },
    /// The body of a here-document, and where reading goes on after it.
    HereDocument {
        start: usize,
        end: usize,
        next: usize,
    },
}

#[derive(Debug, PartialEq, Eq)]
enum Close {
    End,
    Parenthesis,
    Backtick,
}

/// A simple command in the making, and the state of the list of commands that it is in.
#[derive(Debug)]
struct Simple {
    close: Close,
    place: Place,
    word: Word,
    /// The next word is a redirection's.
    redirect: bool,
    heredocs: Vec<HereDocument>,
    /// A here-document's delimiter is the next word.
    heredoc: Option<bool>,
    /// How many `case`s are open.
    cases: u32,
}

/// What the next word is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Command,
    /// After `exec`, `env`…: options and assignments, then a command.
    Wrapped,
    Arguments,
    /// Arguments that are names, or `name=value`, which the builtin assigns.
    Assigned,
    For,
    Function,
    CaseSubject,
    CasePattern,
}

#[derive(Debug, Default)]
struct Word {
    text: String,
    begun: bool,
    /// Holds an expansion.
    expanded: bool,
    quoted: bool,
    /// `name=` has been read.
    assigns: bool,
}

#[derive(Debug)]
struct HereDocument {
    delimiter: String,
    literal: bool,
    strip_tabs: bool,
}

impl Context {
    fn command(close: Close) -> Self {
        Self::Command(Simple {
            close,
            place: Place::Command,
            word: Word::default(),
            redirect: false,
            heredocs: Vec::new(),
            heredoc: None,
            cases: 0,
        })
    }
}

struct Reader<'t> {
    text: &'t str,
    at: usize,
    names: Names,
    functions: BTreeSet<String>,
    stack: Vec<Context>,
}

fn is_name_start(byte: u8) -> bool {
    byte.is_ascii_alphabetic() || byte == b'_'
}
fn is_name_part(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}
fn is_name(text: &str) -> bool {
    text.bytes().next().is_some_and(is_name_start) && text.bytes().all(is_name_part)
}
/// The name that starts a text.
fn leading_name(text: &str) -> Option<&str> {
    let len = text.bytes().take_while(|&byte| is_name_part(byte)).count();
    let name = &text[..len];
    is_name(name).then_some(name)
}

impl<'t> Reader<'t> {
    fn rest(&self) -> &'t str {
        self.text.get(self.at..).unwrap_or_default()
    }
    /// The innermost list of commands: the word in the making is its.
    fn simple(&mut self) -> &mut Simple {
        let found = self
            .stack
            .iter_mut()
            .rev()
            .find_map(|context| match context {
                Context::Command(simple) => Some(simple),
                _ => None,
            });
        found.expect("the bottom of the stack is a list of commands")
    }
    fn leave_finished_heredocs(&mut self) {
        let at = self.at;
        let finished =
            |context: &Context| matches!(context, Context::HereDocument { end, .. } if *end <= at);
        let Some(depth) = self.stack.iter().position(finished) else {
            return;
        };
        if let Context::HereDocument { next, .. } = self.stack[depth] {
            self.at = next;
        }
        self.stack.truncate(depth);
    }
    fn step(&mut self) {
        let Some(c) = self.rest().chars().next() else {
            self.at = self.text.len();
            return;
        };
        match self.stack.last() {
            Some(Context::Command(_)) => self.command_step(c),
            Some(Context::DoubleQuotes | Context::HereDocument { .. }) => self.quoted_step(c),
            Some(Context::Braces { quotes }) => {
                let quotes = *quotes;
                self.braces_step(c, quotes);
            }
            Some(Context::Arithmetic { .. }) => self.arithmetic_step(c),
            None => self.at = self.text.len(),
        }
    }

    fn command_step(&mut self, c: char) {
        match c {
            '\\' => self.escaped(),
            '\'' => self.single_quotes(),
            '"' => {
                self.quote();
                self.open(1, Context::DoubleQuotes);
            }
            '$' => self.dollar(true),
            '`' => self.backtick(),
            '#' if !self.simple().word.begun => {
                self.at += self.rest().find('\n').unwrap_or(self.rest().len())
            }
            ' ' | '\t' | '\r' => {
                self.end_word();
                self.at += 1;
            }
            '\n' => self.newline(),
            ';' | '&' | '|' => self.operator(),
            '<' | '>' => self.redirection(),
            '(' => self.parenthesis(),
            ')' => self.close_parenthesis(),
            '=' => {
                let word = &mut self.simple().word;
                let name = word
                    .text
                    .trim_end_matches('+')
                    .split('[')
                    .next()
                    .unwrap_or_default();
                word.assigns |= !word.expanded && !word.quoted && is_name(name);
                self.literal(c);
            }
            _ => self.literal(c),
        }
    }
    fn literal(&mut self, c: char) {
        let word = &mut self.simple().word;
        word.begun = true;
        word.text.push(c);
        self.at += c.len_utf8();
    }
    fn quote(&mut self) {
        let word = &mut self.simple().word;
        word.begun = true;
        word.quoted = true;
    }
    fn open(&mut self, skip: usize, context: Context) {
        self.at += skip;
        self.stack.push(context);
    }
    fn escaped(&mut self) {
        self.at += 1;
        match self.rest().chars().next() {
            Some('\n') => self.at += 1,
            Some(c) => {
                self.quote();
                self.literal(c);
            }
            None => {}
        }
    }
    fn single_quotes(&mut self) {
        self.quote();
        let inner = &self.rest()[1..];
        let len = inner.find('\'').unwrap_or(inner.len());
        self.simple().word.text.push_str(&inner[..len]);
        self.at += (len + 2).min(self.rest().len());
    }
    fn newline(&mut self) {
        self.end_word();
        self.at += 1;
        self.end_command();
        let heredocs = std::mem::take(&mut self.simple().heredocs);
        let mut bodies: Vec<Context> = Vec::new();
        let mut from = self.at;
        for heredoc in heredocs {
            let (end, next) = heredoc_end(self.text, from, &heredoc);
            match bodies.last_mut() {
                _ if !heredoc.literal => bodies.push(Context::HereDocument {
                    start: from,
                    end,
                    next,
                }),
                Some(Context::HereDocument { next: after, .. }) => *after = next,
                _ => {}
            }
            from = next;
        }
        // The first body is read first: it lies on top.
        self.at = match bodies.first() {
            Some(Context::HereDocument { start, .. }) => *start,
            _ => from,
        };
        self.stack.extend(bodies.into_iter().rev());
    }
    /// The words that follow are a new command's, or a new pattern's.
    fn end_command(&mut self) {
        let simple = self.simple();
        if !matches!(simple.place, Place::CasePattern | Place::CaseSubject) {
            simple.place = Place::Command;
        }
        simple.redirect = false;
        simple.heredoc = None;
    }
    fn operator(&mut self) {
        self.end_word();
        let is_case_end = self.rest().starts_with(";;") || self.rest().starts_with(";&");
        self.at += if is_case_end { 2 } else { 1 };
        if is_case_end && self.simple().cases > 0 {
            self.simple().place = Place::CasePattern;
        }
        self.end_command();
    }
    fn redirection(&mut self) {
        let word = &mut self.simple().word;
        if !word.text.is_empty()
            && !word.expanded
            && word.text.bytes().all(|byte| byte.is_ascii_digit())
        {
            *word = Word::default();
        }
        self.end_word();
        let rest = self.rest();
        if rest[1..].starts_with('(') {
            return self.open(2, Context::command(Close::Parenthesis));
        }
        let is_heredoc = rest.starts_with("<<") && !rest.starts_with("<<<");
        let strip_tabs = rest.starts_with("<<-");
        self.at += rest
            .bytes()
            .take_while(|byte| matches!(byte, b'<' | b'>' | b'&' | b'|'))
            .count()
            + usize::from(strip_tabs);
        self.simple().redirect = true;
        self.simple().heredoc = is_heredoc.then_some(strip_tabs);
    }
    fn parenthesis(&mut self) {
        let is_arithmetic = self.rest().starts_with("((");
        let is_function = self.rest()[1..]
            .trim_start_matches([' ', '\t'])
            .starts_with(')');
        let simple = self.simple();
        match simple.place {
            Place::CasePattern => self.at += 1,
            Place::Command | Place::For if is_arithmetic && !simple.word.begun => {
                self.open(2, Context::Arithmetic { open: 0 })
            }
            Place::Command | Place::Function if is_function && simple.word.begun => {
                let name = std::mem::take(&mut simple.word).text;
                simple.place = Place::Command;
                self.functions.insert(name);
                self.at += self.rest().find(')').unwrap_or(0) + 1;
            }
            _ => {
                // The items of an array are no commands.
                let is_array = simple.word.assigns;
                let mut inner = Context::command(Close::Parenthesis);
                if let (true, Context::Command(inner)) = (is_array, &mut inner) {
                    inner.place = Place::Arguments;
                }
                self.open(1, inner);
            }
        }
    }
    fn close_parenthesis(&mut self) {
        self.end_word();
        self.at += 1;
        let simple = self.simple();
        if simple.place == Place::CasePattern {
            simple.place = Place::Command;
        } else if simple.close == Close::Parenthesis {
            self.stack.pop();
        }
    }
    fn backtick(&mut self) {
        self.end_if_command();
        let open = self.stack.iter().rposition(|context| matches!(context, Context::Command(simple) if simple.close == Close::Backtick));
        match open {
            Some(depth) => {
                self.stack.truncate(depth);
                self.at += 1;
            }
            None => {
                self.expand();
                self.open(1, Context::command(Close::Backtick));
            }
        }
    }
    /// A word of a backtick's own commands ends with it.
    fn end_if_command(&mut self) {
        if matches!(self.stack.last(), Some(Context::Command(simple)) if simple.close == Close::Backtick)
        {
            self.end_word();
        }
    }
    fn expand(&mut self) {
        let word = &mut self.simple().word;
        word.begun = true;
        word.expanded = true;
    }

    /// `$` and what follows it; `plain` where quotes may follow it.
    fn dollar(&mut self, plain: bool) {
        self.expand();
        let start = self.at;
        let rest = &self.rest()[1..];
        if rest.starts_with("((") {
            self.open(3, Context::Arithmetic { open: 0 });
        } else if rest.starts_with('(') {
            self.open(2, Context::command(Close::Parenthesis));
        } else if let Some(inner) = rest.strip_prefix('{') {
            self.parameter(start, inner);
        } else if let Some(name) = leading_name(rest) {
            self.names.read.push((name.to_owned(), start));
            self.at += 1 + name.len();
        } else if plain && rest.starts_with('\'') {
            self.at += 2;
            self.skip_ansi_quotes();
        } else if plain && rest.starts_with('"') {
            self.at += 1;
        } else {
            // `$$`, `$1`, `$@`…, or a lone dollar.
            self.at += 1;
            if let Some(c) = rest
                .chars()
                .next()
                .filter(|c| c.is_ascii_digit() || "$@*#?!-".contains(*c))
            {
                self.at += c.len_utf8();
            }
        }
    }
    fn parameter(&mut self, start: usize, inner: &str) {
        let body = inner
            .strip_prefix(['#', '!'])
            .filter(|body| leading_name(body).is_some())
            .unwrap_or(inner);
        self.at += 2 + inner.len() - body.len();
        match leading_name(body) {
            Some(name) => {
                self.names.read.push((name.to_owned(), start));
                self.at += name.len();
                if body[name.len()..].starts_with(":=") || body[name.len()..].starts_with('=') {
                    self.names.assigned.insert(name.to_owned());
                }
            }
            // `${1}`, `${@}`, `${#}`: the special ones are a character each.
            None => {
                self.at += body
                    .chars()
                    .next()
                    .filter(|c| *c != '}')
                    .map_or(0, char::len_utf8)
            }
        }
        let quotes = !self
            .stack
            .iter()
            .rev()
            .take_while(|context| !matches!(context, Context::Command(_)))
            .any(|context| {
                matches!(
                    context,
                    Context::DoubleQuotes | Context::HereDocument { .. }
                )
            });
        self.stack.push(Context::Braces { quotes });
    }
    fn skip_ansi_quotes(&mut self) {
        while let Some(c) = self.rest().chars().next() {
            self.at += c.len_utf8();
            match c {
                '\'' => return,
                '\\' => self.at += self.rest().chars().next().map_or(0, char::len_utf8),
                _ => {}
            }
        }
    }

    fn quoted_step(&mut self, c: char) {
        match c {
            '"' if matches!(self.stack.last(), Some(Context::DoubleQuotes)) => {
                self.stack.pop();
                self.at += 1;
            }
            '\\' => {
                self.at += 1;
                if let Some(c) = self.rest().chars().next() {
                    self.literal(c);
                }
            }
            '$' => self.dollar(false),
            '`' => self.backtick(),
            c => self.literal(c),
        }
    }
    fn braces_step(&mut self, c: char, quotes: bool) {
        match c {
            '}' => {
                self.stack.pop();
                self.at += 1;
            }
            '"' => self.open(1, Context::DoubleQuotes),
            '\'' if quotes => self.single_quotes(),
            '\\' => {
                self.at += 1;
                self.at += self.rest().chars().next().map_or(0, char::len_utf8);
            }
            '$' => self.dollar(quotes),
            '`' => self.backtick(),
            c => self.at += c.len_utf8(),
        }
    }
    fn arithmetic_step(&mut self, c: char) {
        let Some(Context::Arithmetic { open }) = self.stack.last_mut() else {
            return;
        };
        match c {
            '(' => *open += 1,
            ')' if *open > 0 => *open -= 1,
            ')' => {
                self.stack.pop();
                self.at += usize::from(self.rest().starts_with("))"));
            }
            '$' => return self.dollar(false),
            '`' => return self.backtick(),
            c if c.is_ascii_digit() => {
                // `0x1f`, `16#ff`: no names.
                let len = self
                    .rest()
                    .bytes()
                    .take_while(|&byte| is_name_part(byte) || byte == b'#')
                    .count();
                self.at += len;
                return;
            }
            _ => {
                if let Some(name) = leading_name(self.rest()) {
                    return self.arithmetic_name(name);
                }
            }
        }
        self.at += c.len_utf8();
    }
    fn arithmetic_name(&mut self, name: &str) {
        self.names.read.push((name.to_owned(), self.at));
        self.at += name.len();
        let operator = self.rest().trim_start();
        let after = operator.trim_start_matches(['+', '-', '*', '/', '%', '<', '>', '&', '|', '^']);
        let is_compared = operator.starts_with("==")
            || (operator.starts_with(['<', '>']) && operator[1..].starts_with('='));
        if after.starts_with('=') && !is_compared {
            self.names.assigned.insert(name.to_owned());
        }
    }

    /// The word in the making is complete: what it is follows from its place.
    fn end_word(&mut self) {
        let simple = self.simple();
        if !simple.word.begun {
            return;
        }
        let word = std::mem::take(&mut simple.word);
        if simple.redirect {
            simple.redirect = false;
            if let Some(strip_tabs) = simple.heredoc.take() {
                simple.heredocs.push(HereDocument {
                    delimiter: word.text,
                    literal: word.quoted,
                    strip_tabs,
                });
            }
            return;
        }
        match simple.place {
            Place::Command | Place::Wrapped => self.first_word(&word),
            Place::Arguments => {}
            Place::Assigned => {
                if let Some(name) = leading_name(&word.text) {
                    self.names.assigned.insert(name.to_owned());
                }
            }
            Place::For => {
                simple.place = Place::Arguments;
                if is_name(&word.text) {
                    self.names.assigned.insert(word.text);
                }
            }
            Place::Function => {
                simple.place = Place::Command;
                self.functions.insert(word.text);
            }
            Place::CaseSubject => {
                if word.text == "in" && !word.quoted && !word.expanded {
                    simple.place = Place::CasePattern;
                }
            }
            Place::CasePattern => {
                if word.text == "esac" {
                    simple.cases = simple.cases.saturating_sub(1);
                    simple.place = Place::Arguments;
                }
            }
        }
    }
    fn first_word(&mut self, word: &Word) {
        if word.assigns {
            self.names
                .assigned
                .extend(leading_name(&word.text).map(str::to_owned));
            return;
        }
        let simple = self.simple();
        if simple.place == Place::Wrapped && word.text.starts_with('-') {
            return;
        }
        let keyword = if word.quoted || word.expanded {
            ""
        } else {
            &*word.text
        };
        let place = match keyword {
            "if" | "then" | "elif" | "else" | "do" | "while" | "until" | "!" | "{" | "time"
            | "coproc" => return,
            "for" | "select" => Place::For,
            "function" => Place::Function,
            "case" => {
                simple.cases += 1;
                Place::CaseSubject
            }
            "esac" => {
                simple.cases = simple.cases.saturating_sub(1);
                Place::Arguments
            }
            "fi" | "done" | "}" => Place::Arguments,
            "read" | "local" | "export" | "readonly" | "declare" | "typeset" | "getopts"
            | "mapfile" | "readarray" | "let" => Place::Assigned,
            "exec" | "command" | "env" | "nohup" | "nice" | "xargs" | "builtin" | "sudo" => {
                Place::Wrapped
            }
            _ => Place::Arguments,
        };
        simple.place = place;
        let is_keyword = matches!(
            keyword,
            "for" | "select" | "function" | "case" | "esac" | "fi" | "done" | "}"
        );
        if !is_keyword && !word.expanded && !word.text.is_empty() {
            self.names.commands.insert(word.text.clone());
        }
    }
}

/// Where a here-document's body ends, and where its delimiter's line does.
fn heredoc_end(text: &str, from: usize, heredoc: &HereDocument) -> (usize, usize) {
    let mut at = from;
    for line in text[from..].split_inclusive('\n') {
        let bare = line.trim_end_matches('\n');
        let bare = if heredoc.strip_tabs {
            bare.trim_start_matches('\t')
        } else {
            bare
        };
        if bare == heredoc.delimiter {
            return (at, at + line.len());
        }
        at += line.len();
    }
    (text.len(), text.len())
}
