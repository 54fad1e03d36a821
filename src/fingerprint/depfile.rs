//! Make-format dependency files, as gcc, clang and others write them with `-MD`. Reads only what is depended on: the
//! targets of a rule are known from the Gofile. Pure.
//!
//! The rules are GNU make's, as far as compilers use them: backslashes are halved before a blank, `#` or a line's end, and an
//! odd one escapes it; `$$` is a `$`; every other byte stands for itself. A word in double quotes is clang's form for NMake.

use crate::base::hash::HashSet;
use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::path::PathBuf;

/// Why a text is not a dependency file. Lines count from 1.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DepfileError {
    #[error("line {line} has no `:` between targets and what they depend on")]
    NoColon { line: usize },
    #[error("line {line} holds a NUL byte")]
    Nul { line: usize },
}

/// The prerequisites of all rules, each once, in the order found. Names may be any bytes but NUL.
///
/// # Errors
/// When a rule has no colon or the text holds a NUL byte.
pub fn parse(bytes: &[u8]) -> Result<Vec<PathBuf>, DepfileError> {
    if let Some(at) = bytes.iter().position(|&byte| byte == 0) {
        let line = 1 + bytes[..at].iter().filter(|&&byte| byte == b'\n').count();
        return Err(DepfileError::Nul { line });
    }
    let mut reader = Reader {
        rest: bytes,
        line: 1,
    };
    let mut seen = HashSet::default();
    let mut found = Vec::new();
    while !reader.rest.is_empty() {
        let line = reader.line;
        for name in prerequisites(reader.rule(), line)? {
            if seen.insert(name.clone()) {
                found.push(PathBuf::from(OsString::from_vec(name)));
            }
        }
    }
    Ok(found)
}

/// A word of a rule.
#[derive(Debug, Default)]
struct Word {
    bytes: Vec<u8>,
    /// Where colons stand that may end the targets.
    colons: Vec<usize>,
}

/// What follows the colon. The first colon at a word's end is the one; where there is none (`a.o:a.c`), the first at all.
fn prerequisites(words: Vec<Word>, line: usize) -> Result<Vec<Vec<u8>>, DepfileError> {
    if words.is_empty() {
        return Ok(Vec::new());
    }
    let at_end = |word: &Word| {
        word.colons
            .last()
            .is_some_and(|at| at + 1 == word.bytes.len())
    };
    let (index, colon) = words
        .iter()
        .position(at_end)
        .map(|index| (index, words[index].bytes.len() - 1))
        .or_else(|| {
            let index = words.iter().position(|word| !word.colons.is_empty())?;
            Some((index, words[index].colons[0]))
        })
        .ok_or(DepfileError::NoColon { line })?;
    let mut names: Vec<Vec<u8>> = words.into_iter().skip(index).map(|w| w.bytes).collect();
    names[0].drain(..=colon);
    // A lone `|` sets order-only prerequisites apart.
    names.retain(|name| !name.is_empty() && name != b"|");
    Ok(names)
}

struct Reader<'a> {
    rest: &'a [u8],
    line: usize,
}

impl Reader<'_> {
    /// The words up to the end of a line that is not continued.
    fn rule(&mut self) -> Vec<Word> {
        let mut words = Vec::new();
        loop {
            match self.rest {
                [] => return words,
                [b'\n', ..] | [b'\r', b'\n', ..] => {
                    self.newline();
                    return words;
                }
                [b' ' | b'\t', ..] => self.skip(1),
                [b'#', ..] => self.comment(),
                [b'"', ..] => match self.quoted() {
                    Some(word) => words.push(word),
                    None => words.push(self.word()),
                },
                _ => {
                    let word = self.word();
                    // A continuation alone makes no word.
                    if !word.bytes.is_empty() {
                        words.push(word);
                    }
                }
            }
        }
    }

    fn skip(&mut self, count: usize) {
        self.rest = &self.rest[count..];
    }
    fn newline(&mut self) {
        self.skip(if self.rest[0] == b'\r' { 2 } else { 1 });
        self.line += 1;
    }
    fn comment(&mut self) {
        let end = self.rest.iter().position(|&byte| byte == b'\n');
        self.skip(end.unwrap_or(self.rest.len()));
    }

    /// None: the quote is not closed on its line, so it is part of a name.
    fn quoted(&mut self) -> Option<Word> {
        let inner = &self.rest[1..];
        let len = inner
            .iter()
            .position(|&byte| matches!(byte, b'"' | b'\n'))?;
        if inner[len] != b'"' {
            return None;
        }
        let mut word = Word {
            bytes: inner[..len].to_vec(),
            colons: Vec::new(),
        };
        self.skip(len + 2);
        if self.rest.starts_with(b":") {
            word.colons.push(word.bytes.len());
            word.bytes.push(b':');
            self.skip(1);
        }
        Some(word)
    }

    fn word(&mut self) -> Word {
        let mut word = Word::default();
        loop {
            match self.rest {
                [] | [b' ' | b'\t' | b'\n', ..] | [b'\r', b'\n', ..] => return word,
                [b'\\', ..] => {
                    if self.backslashes(&mut word) {
                        return word;
                    }
                }
                [b'$', b'$', ..] => {
                    word.bytes.push(b'$');
                    self.skip(2);
                }
                [byte, after @ ..] => {
                    let drive = matches!(&word.bytes[..], [letter] if letter.is_ascii_alphabetic())
                        && matches!(after, [b'\\' | b'/', ..]);
                    if *byte == b':' && !drive {
                        word.colons.push(word.bytes.len());
                    }
                    word.bytes.push(*byte);
                    self.skip(1);
                }
            }
        }
    }

    /// A run of backslashes with what it escapes. True: it continued the line, so the word is over.
    fn backslashes(&mut self, word: &mut Word) -> bool {
        let count = self.rest.iter().take_while(|&&byte| byte == b'\\').count();
        self.skip(count);
        let (kept, escapes) = match self.rest {
            [] | [b' ' | b'\t' | b'#' | b'\n', ..] | [b'\r', b'\n', ..] => {
                (count / 2, count % 2 == 1)
            }
            // Only targets hold `\:`, and they are not kept.
            [b':', ..] => (count, count % 2 == 1),
            _ => (count, false),
        };
        word.bytes.extend(std::iter::repeat_n(b'\\', kept));
        if !escapes {
            return false;
        }
        match self.rest {
            [] => true,
            [b'\n', ..] | [b'\r', b'\n', ..] => {
                self.newline();
                true
            }
            [byte, ..] => {
                word.bytes.push(*byte);
                self.skip(1);
                false
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::os::unix::ffi::OsStrExt;

    fn names(text: &str) -> Vec<String> {
        let found = parse(text.as_bytes()).unwrap();
        found
            .iter()
            .map(|path| path.to_str().unwrap().to_owned())
            .collect()
    }

    #[test]
    fn what_compilers_write() {
        for (text, expected) in [
            ("", &[][..]),
            ("\n# a comment: with a colon\n", &[]),
            ("a.o: a.c a.h\n", &["a.c", "a.h"]),
            ("a.o: a.c \\\n  a.h \\\r\n b.h", &["a.c", "a.h", "b.h"]),
            ("a.o: a.c\\\n b.h", &["a.c", "b.h"]),
            // -MP
            ("a.o: a.c a.h\na.h:\n\nb.h :\n", &["a.c", "a.h"]),
            ("a.o a.d: a.c\nb.o: a.c b.c\n", &["a.c", "b.c"]),
            ("a.o:a.c b.c\n", &["a.c", "b.c"]),
            ("a.o:: a.c | gen\n", &["a.c", "gen"]),
            (
                "a.o: with\\ space.h ha\\#sh co$$t x#y\n",
                &["with space.h", "ha#sh", "co$t", "x#y"],
            ),
            ("my\\ file.o: a.c\n", &["a.c"]),
            (
                "C:\\out\\a.o: C:\\src\\a.c D:/x.h\r\n",
                &["C:\\src\\a.c", "D:/x.h"],
            ),
            ("C:/a.o: a.c\n", &["a.c"]),
            ("a\\:b.o: a:b.c c: d\n", &["a:b.c", "c:", "d"]),
            (
                "\"a b.o\": \"c d.h\" \"open e.h\n",
                &["c d.h", "\"open", "e.h"],
            ),
            (
                "a.o: two\\\\ back\\\\slash trail\\\\\n",
                &["two\\", "back\\\\slash", "trail\\"],
            ),
            ("a.o: lone$ a\\", &["lone$", "a"]),
            ("a.o: \\\n\\\n \\\n", &[]),
        ] {
            assert_eq!(names(text), expected, "{text:?}");
        }
    }

    #[test]
    fn what_is_no_depfile_is_said_with_its_line() {
        let no_colon = DepfileError::NoColon { line: 3 };
        assert_eq!(parse(b"a: b \\\n c\nhello world\n"), Err(no_colon));
        assert_eq!(parse(b"a: b\n\0"), Err(DepfileError::Nul { line: 2 }));
    }

    /// What make reads as one name.
    fn escape(name: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        for (at, &byte) in name.iter().enumerate() {
            let run = |bytes: &[u8]| bytes.iter().rev().take_while(|&&b| b == b'\\').count();
            match byte {
                b' ' | b'\t' | b'#' => {
                    out.extend(std::iter::repeat_n(b'\\', run(&name[..at]) + 1));
                    out.push(byte);
                }
                b'$' => out.extend(b"$$"),
                byte => out.push(byte),
            }
        }
        let trailing = name.iter().rev().take_while(|&&b| b == b'\\').count();
        out.extend(std::iter::repeat_n(b'\\', trailing));
        out
    }

    fn name() -> impl Strategy<Value = Vec<u8>> {
        let byte = prop_oneof![
            3 => prop::sample::select(&b"ab/\\ #$:\t|\"."[..]),
            1 => 1..=255u8,
        ];
        proptest::collection::vec(byte, 1..9).prop_filter("a name that make can hold", |name| {
            !name.iter().any(|byte| matches!(byte, b'\n' | b'\r'))
                && name[0] != b'"'
                && name != b"|"
        })
    }

    proptest! {
        #[test]
        fn escaped_names_come_back(names in proptest::collection::vec(name(), 0..6), continued in any::<bool>()) {
            let mut text = b"out.o:".to_vec();
            for name in &names {
                text.extend_from_slice(if continued { b" \\\n " } else { b" " });
                text.extend(escape(name));
            }
            text.push(b'\n');
            let mut expected: Vec<&[u8]> = Vec::new();
            for name in &names {
                if !expected.contains(&name.as_slice()) {
                    expected.push(name);
                }
            }
            let found = parse(&text).unwrap();
            let found: Vec<&[u8]> = found.iter().map(|path| path.as_os_str().as_bytes()).collect();
            prop_assert_eq!(found, expected);
        }

        #[test]
        fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = parse(&bytes);
        }
        #[test]
        fn any_syntax_is_read_or_refused(text in r#"[a: \\\n\r#$"|]{0,40}"#) {
            let _ = parse(text.as_bytes());
        }
    }
}
