//! The outline of a statement: its text with a mark in place of everything that the grammar reads in one way whatever
//! it says: names, plain text of strings, comments, lines of scripts. Two statements of one outline have the same
//! nodes, in places that differ only by the lengths of these parts. Decides nothing: what it does not understand has
//! no outline, and the grammar is asked.

/// A stretch of the text that stands as one byte in the outline.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Part {
    pub start: u32,
    pub end: u32,
    pub what: What,
}

/// The marks are control characters, which no outlined text holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum What {
    /// A word that means nothing to the grammar.
    Word = 1,
    /// A word with a `-` in it, which is no variable.
    Dashed = 2,
    /// Plain text of a string between double quotes.
    Text = 3,
    /// Between single quotes.
    Raw = 4,
    Comment = 5,
    /// The script behind `run:`, or a line of the script below it.
    Script = 6,
}

/// The longest outline that is worth keeping.
const LONGEST: usize = 4096;

/// Every word that stands in the grammar. `run` is one only first on its line, but may as well be always.
const WORDS: [&str; 22] = [
    "gofile", "settings", "let", "include", "build", "test", "image", "service", "task", "clean",
    "run", "as", "with", "for", "in", "if", "then", "else", "or", "and", "not", "true",
];

#[derive(Default)]
pub struct Outline {
    pub bytes: Vec<u8>,
    pub parts: Vec<Part>,
}

impl Outline {
    /// Outlines a statement's text; false where it has no outline.
    pub fn read(&mut self, text: &str) -> bool {
        self.bytes.clear();
        self.parts.clear();
        let mut reader = Reader {
            outline: self,
            bytes: text.as_bytes(),
            at: 0,
            open: Vec::new(),
        };
        reader.all().is_some()
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Open {
    Round,
    Square,
    Brace,
    /// `${` within a string.
    Value,
}

struct Reader<'o, 'a> {
    outline: &'o mut Outline,
    bytes: &'a [u8],
    at: usize,
    open: Vec<Open>,
}

/// None ends the reading: this text has no outline.
type Going = Option<()>;

impl Reader<'_, '_> {
    fn all(&mut self) -> Going {
        while let Some(&byte) = self.bytes.get(self.at) {
            if self.outline.bytes.len() > LONGEST {
                return None;
            }
            self.code(byte)?;
        }
        self.open.is_empty().then_some(())
    }

    /// Takes bytes as they are.
    fn literal(&mut self, len: usize) {
        let taken = &self.bytes[self.at..self.at + len];
        self.outline.bytes.extend_from_slice(taken);
        self.at += len;
    }

    /// Takes everything up to `end` as a part, if it is anything.
    fn part(&mut self, end: usize, what: What) {
        if end > self.at {
            self.outline.parts.push(Part {
                start: self.at as u32,
                end: end as u32,
                what,
            });
            self.outline.bytes.push(what as u8);
            self.at = end;
        }
    }

    fn code(&mut self, byte: u8) -> Going {
        let opened = match byte {
            b'(' => Some(Open::Round),
            b'[' => Some(Open::Square),
            b'{' => Some(Open::Brace),
            _ => None,
        };
        self.open.extend(opened);
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'_' => return self.word(),
            b'0'..=b'9' => {
                let len = self.length(is_name);
                self.literal(len);
            }
            b'"' => {
                self.literal(1);
                return self.string();
            }
            b'\'' => {
                self.literal(1);
                let end = self.end_of(|byte| byte == b'\'')?;
                self.part(end, What::Raw);
                return (self.bytes.get(self.at) == Some(&b'\'')).then(|| self.literal(1));
            }
            b'#' => {
                self.literal(1);
                let end = self.end_of(|_| false)?;
                self.part(end, What::Comment);
            }
            b'\n' => {
                self.literal(1);
                return self.line_start();
            }
            b')' => self.close(Open::Round)?,
            b']' => self.close(Open::Square)?,
            b'}' if self.open.last() == Some(&Open::Value) => {
                self.close(Open::Value)?;
                return self.string();
            }
            b'}' => self.close(Open::Brace)?,
            b'\t' | 0x20..=0x7e => self.literal(1),
            _ => return None,
        }
        Some(())
    }

    fn close(&mut self, wanted: Open) -> Going {
        (self.open.pop() == Some(wanted)).then(|| self.literal(1))
    }

    /// How many bytes from here on are of a kind.
    fn length(&self, is_kind: fn(u8) -> bool) -> usize {
        let rest = &self.bytes[self.at..];
        rest.iter()
            .position(|&byte| !is_kind(byte))
            .unwrap_or(rest.len())
    }

    /// Where a stretch of plain characters of one line ends; None where one is none of them.
    fn end_of(&self, is_end: impl Fn(u8) -> bool) -> Option<usize> {
        for (at, &byte) in self.bytes.iter().enumerate().skip(self.at) {
            match byte {
                b'\n' => return Some(at),
                byte if is_end(byte) => return Some(at),
                // 0xc2 leads the control characters that are not ASCII.
                b'\t' | 0x20..=0x7e | 0x80..=0xc1 | 0xc3..=0xff => {}
                _ => return None,
            }
        }
        Some(self.bytes.len())
    }

    fn word(&mut self) -> Going {
        let len = self.length(is_name);
        let word = &self.bytes[self.at..self.at + len];
        let what = if word.contains(&b'-') {
            What::Dashed
        } else {
            What::Word
        };
        // `if-x` is a word where a name may stand, but begins with one that is reserved.
        if word.split(|&byte| byte == b'-').any(is_known) {
            self.literal(len);
        } else {
            self.part(self.at + len, what);
        }
        Some(())
    }

    /// The rest of a string, up to its end or to an expression in it.
    fn string(&mut self) -> Going {
        loop {
            let end = self.end_of(|byte| matches!(byte, b'"' | b'\\' | b'$'))?;
            self.part(end, What::Text);
            match self.bytes.get(self.at)? {
                b'"' => {
                    self.literal(1);
                    return Some(());
                }
                b'\\' if self.bytes.get(self.at + 1).is_some_and(u8::is_ascii) => self.literal(2),
                b'$' => {
                    self.literal(1);
                    if self.bytes.get(self.at) == Some(&b'{') {
                        self.literal(1);
                        self.open.push(Open::Value);
                        return Some(());
                    }
                    let len = self.length(is_variable);
                    self.literal(len);
                }
                _ => return None,
            }
        }
    }

    /// The blanks of a line, and a script where they lead to one.
    fn line_start(&mut self) -> Going {
        let start = self.at;
        let len = self.length(is_blank);
        self.literal(len);
        if self.open != [Open::Brace] || !self.bytes[self.at..].starts_with(b"run") {
            return Some(());
        }
        let (run, mut end) = (self.at, self.at + 3);
        let skip = |from: usize, is_kind: fn(u8) -> bool| {
            let rest = self.bytes.get(from..).unwrap_or_default();
            from + rest.iter().take_while(|&&byte| is_kind(byte)).count()
        };
        let word = skip(end, is_blank);
        if word > end {
            end = skip(word, is_interpreter);
        }
        if self.bytes.get(end) != Some(&b':') {
            return Some(());
        }
        let script = skip(end + 1, is_blank);
        self.literal(script - run);
        match self.bytes.get(script) {
            Some(b'\n') => self.script_block(start..run),
            // `run:x` may be a name.
            _ if script == end + 1 => None,
            _ => {
                let end = self.end_of(|_| false)?;
                let is_continued = self.bytes[self.at..end].contains(&b'\\');
                self.part(end, What::Script);
                (!is_continued).then_some(())
            }
        }
    }

    /// The lines below a `run:` that are deeper than it.
    fn script_block(&mut self, indent: std::ops::Range<usize>) -> Going {
        while self.bytes.get(self.at) == Some(&b'\n') {
            let blanks = self.at + 1;
            let rest = &self.bytes[blanks..];
            let len = rest.iter().take_while(|&&byte| is_blank(byte)).count();
            let is_empty = matches!(rest.get(len), None | Some(b'\n'));
            let is_deeper = len > indent.len() && rest.starts_with(&self.bytes[indent.clone()]);
            if !is_empty && !is_deeper {
                return Some(());
            }
            self.literal(1 + len);
            let end = self.end_of(|_| false)?;
            self.part(end, What::Script);
        }
        Some(())
    }
}

fn is_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-'
}

fn is_variable(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

fn is_blank(byte: u8) -> bool {
    byte == b' ' || byte == b'\t'
}

fn is_interpreter(byte: u8) -> bool {
    is_name(byte) || matches!(byte, b'+' | b'.' | b'/')
}

fn is_known(word: &[u8]) -> bool {
    word == b"false" || WORDS.iter().any(|known| known.as_bytes() == word)
}
