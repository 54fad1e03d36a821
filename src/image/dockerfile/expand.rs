//! Quotes, escapes and variables of a word (Dockerfile reference, "Environment replacement"). What cannot be told gives
//! None: an unknown variable, a form that not every builder knows, quotes that do not end.

use std::iter::Peekable;
use std::str::Chars;

/// What a variable is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Variable<'a> {
    Text(&'a str),
    Unset,
    /// It may be anything.
    Unknown,
}

/// No path is longer than PATH_MAX; and values that double with each line stay small.
const LONGEST: usize = 4096;
/// How deep `${a:-${b:-…}}` may go.
const DEEPEST: usize = 20;

pub(super) fn expand<'a>(
    word: &str,
    escape: char,
    find: &dyn Fn(&str) -> Variable<'a>,
) -> Option<String> {
    let mut reader = Reader {
        chars: word.chars().peekable(),
        escape,
        find,
        depth: 0,
    };
    let text = reader.until(None)?;
    (text.len() <= LONGEST).then_some(text)
}

struct Reader<'a, 'w> {
    chars: Peekable<Chars<'w>>,
    escape: char,
    find: &'w dyn Fn(&str) -> Variable<'a>,
    depth: usize,
}

impl Reader<'_, '_> {
    /// Up to `end`, which is taken too, or to the word's end.
    fn until(&mut self, end: Option<char>) -> Option<String> {
        let mut out = String::new();
        loop {
            match self.chars.next() {
                None if end.is_none() => return Some(out),
                None => return None,
                Some(c) if Some(c) == end => return Some(out),
                Some('\'') => self.single(&mut out)?,
                Some('"') => self.double(&mut out)?,
                Some('$') => out.push_str(&self.dollar()?),
                // At the end of the word it vanishes.
                Some(c) if c == self.escape => out.extend(self.chars.next()),
                Some(c) => out.push(c),
            }
            if out.len() > LONGEST {
                return None;
            }
        }
    }
    fn single(&mut self, out: &mut String) -> Option<()> {
        loop {
            match self.chars.next()? {
                '\'' => return Some(()),
                c => out.push(c),
            }
        }
    }
    fn double(&mut self, out: &mut String) -> Option<()> {
        loop {
            match self.chars.next()? {
                '"' => return Some(()),
                '$' => out.push_str(&self.dollar()?),
                c if c == self.escape => {
                    let next = self.chars.next()?;
                    // Before anything else it stays.
                    if next != '"' && next != '$' && next != self.escape {
                        out.push(c);
                    }
                    out.push(next);
                }
                c => out.push(c),
            }
            if out.len() > LONGEST {
                return None;
            }
        }
    }
    fn dollar(&mut self) -> Option<String> {
        if self.chars.peek() != Some(&'{') {
            let name = self.name();
            return match (name.is_empty(), (self.find)(&name)) {
                (true, _) => Some("$".to_owned()),
                (false, Variable::Text(text)) => Some(text.to_owned()),
                (false, Variable::Unset) => Some(String::new()),
                (false, Variable::Unknown) => None,
            };
        }
        self.chars.next();
        let name = self.name();
        let variable = (self.find)(&name);
        match self.chars.next()? {
            _ if name.is_empty() => None,
            '}' => match variable {
                Variable::Text(text) => Some(text.to_owned()),
                Variable::Unset => Some(String::new()),
                Variable::Unknown => None,
            },
            ':' => {
                let operator = self.chars.next()?;
                let variable = match variable {
                    Variable::Text("") => Variable::Unset,
                    other => other,
                };
                self.choose(operator, variable)
            }
            operator => self.choose(operator, variable),
        }
    }
    /// `${x-word}`, `${x+word}`, `${x?word}`. Patterns (`#`, `%`, `/`) are left to newer builders.
    fn choose(&mut self, operator: char, variable: Variable<'_>) -> Option<String> {
        self.depth += 1;
        if self.depth > DEEPEST {
            return None;
        }
        let word = self.until(Some('}'))?;
        self.depth -= 1;
        match (operator, variable) {
            ('-' | '?', Variable::Text(text)) => Some(text.to_owned()),
            ('-', Variable::Unset) | ('+', Variable::Text(_)) => Some(word),
            ('+', Variable::Unset) => Some(String::new()),
            _ => None,
        }
    }
    fn name(&mut self) -> String {
        let mut name = String::new();
        while let Some(&c) = self.chars.peek() {
            let fits =
                c == '_' || c.is_ascii_alphabetic() || (!name.is_empty() && c.is_ascii_digit());
            if !fits {
                // `$1`, `$@`: a shell's, of one character, which no ARG or ENV sets.
                if name.is_empty() && (c.is_ascii_digit() || "@*#".contains(c)) {
                    name.push(c);
                    self.chars.next();
                }
                break;
            }
            name.push(c);
            self.chars.next();
        }
        name
    }
}
