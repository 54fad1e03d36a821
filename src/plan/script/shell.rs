//! The reading of POSIX-like shell, in one pass over the text. Knows words, quotes, expansions, here-documents and the
//! places where commands stand; nothing of what any command means but the builtins that assign.

use crate::plan::script::Names;
use std::collections::BTreeSet;

/// Reads a POSIX-like shell script.
pub fn shell_names(text: &str) -> Names {
    let mut reader = Reader {
        text,
        at: 0,
        names: Names::default(),
        functions: BTreeSet::new(),
        written: BTreeSet::new(),
        stack: vec![Context::command(Close::End)],
        heredocs: Vec::new(),
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
        written,
        ..
    } = reader;
    names.commands.retain(|word| !functions.contains(word));
    names.assigned.extend(functions);
    names.words.retain(|word| !written.contains(word));
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
    /// And it is a file that is read.
    reads: bool,
    /// The words of the command are names of files, as far as can be told.
    takes_files: bool,
    /// The last word was `-o`.
    makes: bool,
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
            reads: false,
            takes_files: false,
            makes: false,
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
    /// Where redirections and `-o` write to.
    written: BTreeSet<String>,
    stack: Vec<Context>,
    /// Where in the stack the open here-documents lie, and where they end.
    heredocs: Vec<(usize, usize)>,
}

/// Commands whose words are no files, or files that are not read.
const NO_FILES: &[&str] = &[
    ":", "[", "[[", "break", "cd", "chmod", "chown", "continue", "echo", "exit", "false", "git",
    "kill", "mkdir", "popd", "printf", "pushd", "return", "rm", "rmdir", "set", "shift", "sleep",
    "test", "touch", "trap", "true", "umask", "unset", "wait", "esac", "fi", "done", "}",
];

/// Beyond this, what is opened is read as if it stood in its surroundings.
const MAX_DEPTH: usize = 200;

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
        let finished = self.heredocs.iter().find(|(_, end)| *end <= self.at);
        let Some(&(depth, _)) = finished else { return };
        if let Context::HereDocument { next, .. } = self.stack[depth] {
            self.at = next;
        }
        self.stack.truncate(depth);
        self.heredocs.retain(|(open, _)| *open < depth);
        // What was read of the body is no word of the command.
        self.simple().word = Word::default();
    }
    fn push(&mut self, context: Context) {
        if self.stack.len() < MAX_DEPTH {
            self.stack.push(context);
        }
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
        self.push(context);
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
        for body in bodies.into_iter().rev() {
            if let Context::HereDocument { end, .. } = body {
                self.heredocs.push((self.stack.len(), end));
            }
            self.stack.push(body);
        }
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
        self.simple().reads = rest.starts_with('<') && !rest.starts_with("<<");
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
                self.heredocs.retain(|(open, _)| *open < depth);
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
        self.push(Context::Braces { quotes });
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
            } else if simple.reads {
                self.named_file(word);
            } else {
                self.written.insert(word.text);
            }
            return;
        }
        match simple.place {
            Place::Command | Place::Wrapped => self.first_word(&word),
            Place::Arguments => self.argument(word),
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
    fn argument(&mut self, word: Word) {
        let simple = self.simple();
        let is_made = std::mem::replace(&mut simple.makes, word.text == "-o");
        if is_made {
            self.written.insert(word.text);
        } else if simple.takes_files {
            self.named_file(word);
        }
    }
    fn named_file(&mut self, word: Word) {
        if !word.expanded && !word.assigns && !word.text.starts_with('-') {
            self.names.words.insert(word.text);
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
        simple.makes = false;
        simple.takes_files = place == Place::Arguments && !NO_FILES.contains(&keyword);
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

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> String {
        let names = shell_names(text);
        names.read.iter().for_each(|(name, at)| {
            assert!(
                text[*at..]
                    .trim_start_matches(['$', '{', '#', '!'])
                    .starts_with(name)
            )
        });
        names
            .read
            .into_iter()
            .map(|(name, _)| name)
            .collect::<Vec<_>>()
            .join(" ")
    }
    fn assigned(text: &str) -> String {
        shell_names(text)
            .assigned
            .into_iter()
            .collect::<Vec<_>>()
            .join(" ")
    }
    fn commands(text: &str) -> String {
        shell_names(text)
            .commands
            .into_iter()
            .collect::<Vec<_>>()
            .join(" ")
    }

    #[test]
    fn names_are_read_outside_of_single_quotes_and_comments() {
        assert_eq!(
            read("cc $cflags -o ${out} \"$in\" '$no' # $no"),
            "cflags out in"
        );
        assert_eq!(read("echo a#$b"), "b");
        assert_eq!(read("echo \\$no \"\\$no\" \"'$yes'\""), "yes");
        assert_eq!(read("echo $'\\'$no' $a"), "a");
        assert_eq!(
            read("echo $$ $1 $@ $# $? $- $! $* ${1} ${@} ${#} ${10} $ $a"),
            "a"
        );
        assert_eq!(read("$a$b${c}d"), "a b c");
    }

    #[test]
    fn offsets_point_at_the_dollar() {
        assert_eq!(
            shell_names("é $a ${b}").read,
            [("a".to_owned(), 3), ("b".to_owned(), 6)]
        );
    }

    #[test]
    fn expansions_of_every_form() {
        assert_eq!(
            read("${a:-$b} ${#c} ${d%%.*} ${e/$f/'$g'} ${!h} ${i:=x}"),
            "a b c d e f h i"
        );
        assert_eq!(assigned("${i:=x} ${j=y} ${k:-z}"), "i j");
        assert_eq!(read("\"${a:-it's $b}\" $c"), "a b c");
        assert_eq!(read("${a:-\"}\"$b} $c"), "a b c");
        assert_eq!(
            read("$(echo $a \"$(cat $b)\") `echo $c` \"`echo $d`\" $e"),
            "a b c d e"
        );
        assert_eq!(read("$((a + $b * (c - 1) + 0x1f)) $d"), "a b c d");
        assert_eq!(
            assigned("$((a = 1, b += 2, c == 3, d <= 4)); (( e++, f = e ))"),
            "a b f"
        );
    }

    #[test]
    fn here_documents_are_read_unless_their_delimiter_is_quoted() {
        assert_eq!(read("cat <<EOF\n$a 'q $b' \\$no\nEOF\necho $c"), "a b c");
        assert_eq!(read("cat <<'EOF'\n$no\nEOF\necho $c"), "c");
        assert_eq!(read("cat <<\"EOF\" && echo $x\n$no\nEOF\necho $c"), "x c");
        assert_eq!(read("cat <<-EOF\n\t$a\n\tEOF\necho $c"), "a c");
        assert_eq!(
            read("cat <<A <<'B' <<C\n$a\nA\n$no\nB\n${c\nC\necho $d '$no'"),
            "a c d"
        );
        assert_eq!(read("cat <<EOF\n$a"), "a");
        assert_eq!(read("cat <<<\"$a\"\necho $b"), "a b");
        assert_eq!(commands("cat <<EOF\nrm -rf\nEOF\ndone_now"), "cat done_now");
    }

    #[test]
    fn assignments_of_every_form() {
        assert_eq!(assigned("a=1 b=$x cmd c=2"), "a b");
        assert_eq!(
            assigned("export d=1 e; local f; readonly g=2; declare -x h=3"),
            "d e f g h"
        );
        assert_eq!(
            assigned("for i in $x; do read -r j k; done; while getopts ab: l; do :; done"),
            "ab i j k l"
        );
        assert_eq!(assigned("m+=1; n[0]=2; o=(a b=c d)"), "m n o");
        assert_eq!(
            assigned("go() { p=1; }; function bar { :; }; function baz() { :; }"),
            "bar baz go p"
        );
        assert_eq!(assigned("env q=1 cmd; echo r=2"), "q");
        assert_eq!(assigned("\"s\"=1; 1t=2"), "");
        assert_eq!(assigned("if u=$(v=1; cmd); then :; fi"), "u v");
    }

    #[test]
    fn command_words() {
        assert_eq!(
            commands("cc -c a.c && strip a | tee log; ./x.sh & bin/tool"),
            "./x.sh bin/tool cc strip tee"
        );
        assert_eq!(
            commands("if test -f a; then gcc; elif ! ld; then nm; else ar; fi"),
            "ar gcc ld nm test"
        );
        assert_eq!(
            commands("for f in cc ld; do strip $f; done; while read x; do objdump; done <file"),
            "objdump read strip"
        );
        assert_eq!(
            commands("A=1 B=$(protoc x) go build >out 2>&1 <in; $CC x; \"$y\" z; \"my tool\" w"),
            "go my tool protoc"
        );
        assert_eq!(
            commands("case $x in a|b) gcc ;; (c) ld;; *) as; esac; nm"),
            "as gcc ld nm"
        );
        assert_eq!(
            commands("case x in\n  a)\n    case y in b) gcc;; esac\n    ;;\nesac\nld"),
            "gcc ld"
        );
        assert_eq!(commands("helper() { gcc; }\nhelper a"), "gcc");
        assert_eq!(
            commands("exec env -i FOO=1 tool a; command -v node; (cd x; make)"),
            "cd command env exec make node tool"
        );
        assert_eq!(commands("echo a; # gcc\n[ -f x ] || ld"), "[ echo ld");
        assert_eq!(commands("a \\\n  b\nc"), "a c");
        assert_eq!(commands("diff <(sort a) <(uniq b)"), "diff sort uniq");
        assert_eq!(commands("x=(gcc ld)\nas"), "as");
        assert_eq!(commands("{ gcc; } ; [[ a == b ]] && ld"), "[[ gcc ld");
        assert_eq!(commands("echo `date` \"$(git log)\""), "date echo git");
    }

    #[test]
    fn odd_and_broken_scripts_end() {
        for text in [
            "",
            "'",
            "\"",
            "$",
            "${",
            "${a",
            "$((",
            "$(",
            "`",
            "\\",
            "<<",
            "cat <<EOF",
            "case",
            "case x in",
            "((",
            "a(",
            "$'",
            "${a:-'",
            "é$é",
            ")",
            "}",
            ";;",
            "<<'",
            "cat <<A\n`",
            "<",
            "for",
            "x=(",
        ] {
            shell_names(text);
        }
        shell_names(&"$(".repeat(100_000));
        shell_names(&"${a:-".repeat(20_000));
        shell_names(&"\"$(cat <<E\n".repeat(2_000));
    }

    #[test]
    fn words_are_files_that_may_be_read() {
        let words = |text: &str| Vec::from_iter(shell_names(text).words).join(" ");
        assert_eq!(
            words("sh x.sh -v; python3 tools/x.py <in.txt >out.txt; cat out.txt"),
            "in.txt tools/x.py x.sh"
        );
        assert_eq!(
            words("cc -c a.c -o a.o && ld a.o $b \"c$d\"; sort 'e f'"),
            "a.c e f"
        );
        assert_eq!(
            words("echo a.c; rm -f b; [ -f c ] && test -e d; for x in y; do cat $x z; done"),
            "z"
        );
        assert_eq!(words("cat <<EOF\nx.sh\nEOF\n"), "");
    }
}
