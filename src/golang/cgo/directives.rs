//! What a text in C or a language near it asks to be read: `#include`, `#import`, `#embed`, `__has_include`, `%include` of SWIG,
//! `.incbin` and `.include` of an assembler, `include` of Fortran. Bytes in, no disk.
//!
//! Conditions are not evaluated, and comments and strings not told apart: what stands in any branch counts. So one name too many may
//! be looked for, and none is missed that a compiler would take, under any flags.

use crate::base::digest::{Digest, FieldHasher};
use std::borrow::Cow;

/// No path is longer (`PATH_MAX` of Linux).
const LONGEST: usize = 4096;

/// How a name is looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum How {
    /// `"x.h"`: beside the file that asks, then along the path.
    Quoted,
    /// `<x.h>`: along the path.
    Angled,
    /// Each that is along the path: `#include_next`.
    Each,
    /// As [`How::Quoted`]; what is in it is not read any further.
    Data,
}

/// A file that is asked for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Asked {
    pub name: String,
    pub how: How,
}

/// What a text asks for. Each once, in the order of the text.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Directives {
    pub asked: Vec<Asked>,
    /// What macros stand for that look like a file: `#define CONFIG "config.h"`. Somebody's `#include CONFIG` may ask for it.
    pub defined: Vec<Asked>,
    /// A macro is included.
    pub is_computed: bool,
    /// What is included is put together in a way that is not followed: it may be anything.
    pub is_open: bool,
    /// What stands between quotes and looks like a path. Somebody's `.incbin` may be put together with it.
    pub literals: Vec<Asked>,
    /// There is an `.incbin` or an `.include` without a name of its own.
    pub is_assembled: bool,
}

/// Of all in a text that says which files it asks for.
pub fn digest(text: &[u8]) -> Digest {
    let found = read(text);
    let mut hasher = FieldHasher::new();
    hasher.field(b"gomake: includes 2");
    let lists = [
        (b"a", &found.asked),
        (b"d", &found.defined),
        (b"l", &found.literals),
    ];
    for (kind, list) in lists {
        for asked in list {
            let how = [asked.how as u8];
            hasher.field(kind).field(asked.name.as_bytes()).field(&how);
        }
    }
    let marks = [found.is_computed, found.is_open, found.is_assembled];
    hasher.field(&marks.map(u8::from));
    hasher.finish()
}

pub fn read(text: &[u8]) -> Directives {
    let mut found = Directives::default();
    let text = spliced(text);
    let mut lines = text.split(|byte| *byte == b'\n');
    while let Some(line) = lines.next() {
        found.line(line);
        if !leaves_comment_open(line) {
            continue;
        }
        // The directive goes on where the comment ends.
        let mut whole = line.to_vec();
        for line in lines.by_ref() {
            found.line(line);
            whole.push(b' ');
            whole.extend_from_slice(line);
            if line.windows(2).any(|pair| pair == b"*/") {
                break;
            }
        }
        found.line(&whole);
    }
    found.unify();
    found
}

/// Whether a line has a directive, and a comment begins behind it that does not end there.
fn leaves_comment_open(line: &[u8]) -> bool {
    let last = |wanted: &[u8; 2]| line.windows(2).rposition(|pair| pair == wanted);
    (line.contains(&b'#') || line.windows(2).any(|pair| pair == b"%:"))
        && last(b"/*").is_some_and(|begin| last(b"*/").is_none_or(|end| end < begin))
}

/// Lines that end in a backslash go on in the next one.
fn spliced(text: &[u8]) -> Cow<'_, [u8]> {
    if !text.contains(&b'\\') {
        return Cow::Borrowed(text);
    }
    let mut whole = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.iter().position(|byte| *byte == b'\\') {
        let after = &rest[at + 1..];
        let blanks = after
            .iter()
            .take_while(|byte| matches!(byte, b' ' | b'\t' | b'\r'));
        let blanks = blanks.count();
        let (kept, next) = match after.get(blanks) {
            Some(b'\n') => (at, &after[blanks + 1..]),
            _ => (at + 1, after),
        };
        whole.extend_from_slice(&rest[..kept]);
        rest = next;
    }
    whole.extend_from_slice(rest);
    Cow::Owned(whole)
}

impl Directives {
    pub fn add(&mut self, other: &Self) {
        self.asked.extend(other.asked.iter().cloned());
        self.defined.extend(other.defined.iter().cloned());
        self.is_computed |= other.is_computed;
        self.is_open |= other.is_open;
        self.literals.extend(other.literals.iter().cloned());
        self.is_assembled |= other.is_assembled;
    }

    fn unify(&mut self) {
        for list in [&mut self.asked, &mut self.defined, &mut self.literals] {
            let mut seen = crate::base::hash::HashSet::default();
            list.retain(|asked| seen.insert(asked.clone()));
        }
    }

    fn line(&mut self, line: &[u8]) {
        let bare = trimmed(line);
        // A directive is the first thing of its line, but for comments.
        let is_first = matches!(bare.first(), Some(b'#' | b'/' | b'*'))
            || bare.starts_with(b"%:")
            || bare.windows(2).any(|pair| pair == b"*/");
        for (at, byte) in bare.iter().enumerate() {
            match byte {
                b'#' => self.directive(&bare[at + 1..], is_first),
                b'%' if bare.get(at + 1) == Some(&b':') => {
                    self.directive(&bare[at + 2..], is_first)
                }
                b'%' => self.swig(&bare[at + 1..]),
                b'.' => self.assembler(&bare[at + 1..]),
                b'"' => self.literal(&bare[at + 1..]),
                b'_' if bare[at..].starts_with(b"__has_") => self.has(&bare[at..]),
                b'i' | b'I' if at == 0 => self.fortran(bare),
                _ => {}
            }
        }
    }

    /// What follows a `#`.
    fn directive(&mut self, text: &[u8], is_first: bool) {
        let (word, rest) = word(without_comments(text));
        let rest = without_comments(rest);
        match word {
            b"include" | b"import" | b"include_next" | b"embed" => {
                let how = match word {
                    b"include_next" => Some(How::Each),
                    b"embed" => Some(How::Data),
                    _ => None,
                };
                if !self.file(rest, how) && is_first {
                    self.computed(rest);
                }
            }
            b"define" => {
                let (_, rest) = self::word(rest);
                if let Some(asked) = file(without_comments(rest), None) {
                    self.defined.push(asked);
                }
            }
            _ => {}
        }
    }

    fn file(&mut self, text: &[u8], how: Option<How>) -> bool {
        let found = file(text, how);
        let is_found = found.is_some();
        self.asked.extend(found);
        is_found
    }

    fn computed(&mut self, text: &[u8]) {
        let (name, rest) = word(text);
        let is_called = without_comments(rest).first() == Some(&b'(');
        self.is_computed |= !name.is_empty();
        self.is_open |= !name.is_empty() && is_called;
    }

    /// `__has_include(…)`, `__has_include_next(…)`, `__has_embed(…)`.
    fn has(&mut self, text: &[u8]) {
        let (name, rest) = word(text);
        let Some((b'(', inner)) = without_comments(rest).split_first().map(|(a, b)| (*a, b)) else {
            return;
        };
        let inner = without_comments(inner);
        let how = match name {
            b"__has_include" => None,
            b"__has_include_next" => Some(How::Each),
            b"__has_embed" => Some(How::Data),
            _ => return,
        };
        if !self.file(inner, how) {
            self.is_computed |= !word(inner).0.is_empty();
        }
    }

    /// `%include "x.i"`, `%import(module="m") <x.i>`, `%include x.i`.
    fn swig(&mut self, text: &[u8]) {
        let (word, rest) = word(text);
        if !matches!(word, b"include" | b"import") {
            return;
        }
        let mut rest = trimmed(rest);
        if rest.first() == Some(&b'(') {
            let end = rest.iter().position(|byte| *byte == b')');
            rest = trimmed(end.map_or(&[][..], |end| &rest[end + 1..]));
        }
        if !self.file(rest, None) {
            let name = rest.split(|byte| byte.is_ascii_whitespace()).next();
            if let Some(name) = name.filter(|name| name.contains(&b'.')) {
                self.asked.push(asked(name, How::Quoted));
            }
        }
    }

    /// `.incbin "x"`, `.include "x"`, also within a string of C.
    fn assembler(&mut self, text: &[u8]) {
        let (word, rest) = word(text);
        let how = match word {
            b"incbin" => How::Data,
            b"include" => How::Quoted,
            _ => return,
        };
        let rest = trimmed(rest);
        let found = file(rest.strip_prefix(b"\\").unwrap_or(rest), Some(how));
        match found.filter(|asked| is_like_path(asked.name.as_bytes())) {
            Some(found) => self.asked.push(found),
            None => self.is_assembled = true,
        }
    }

    /// What follows a quote, be it the first or the last of a literal.
    fn literal(&mut self, text: &[u8]) {
        let found = until(text, b'"', How::Data);
        let found = found.filter(|asked| {
            let name = asked.name.as_bytes();
            is_like_path(name) && name.iter().any(|byte| matches!(byte, b'.' | b'/'))
        });
        self.literals.extend(found);
    }

    /// `include 'x.inc'`.
    fn fortran(&mut self, line: &[u8]) {
        let (word, rest) = word(line);
        if !word.eq_ignore_ascii_case(b"include") {
            return;
        }
        let rest = trimmed(rest);
        match rest.split_first() {
            Some((b'\'', rest)) => self.asked.extend(until(rest, b'\'', How::Quoted)),
            _ => drop(self.file(rest, None)),
        }
    }
}

fn asked(name: &[u8], how: How) -> Asked {
    Asked {
        name: String::from_utf8_lossy(name).into_owned(),
        how,
    }
}

/// A file's name between quotes or angle brackets at the start of a text.
fn file(text: &[u8], how: Option<How>) -> Option<Asked> {
    let (first, rest) = text.split_first()?;
    match first {
        b'"' => until(rest, b'"', how.unwrap_or(How::Quoted)),
        b'<' => until(rest, b'>', how.unwrap_or(How::Angled)),
        _ => None,
    }
}

fn until(text: &[u8], end: u8, how: How) -> Option<Asked> {
    let length = text.iter().position(|byte| *byte == end)?;
    // A string of C that holds assembly.
    let name = &text[..length];
    let name = name.strip_suffix(b"\\").unwrap_or(name);
    (!name.is_empty()).then(|| asked(name, how))
}

/// The identifier that a text begins with, and what follows.
fn word(text: &[u8]) -> (&[u8], &[u8]) {
    let is_in = |byte: &&u8| byte.is_ascii_alphanumeric() || **byte == b'_' || **byte == b'$';
    text.split_at(text.iter().take_while(is_in).count())
}

fn trimmed(text: &[u8]) -> &[u8] {
    text.trim_ascii()
}

/// Whether a name between quotes may be meant for a file, and is not what stands between two literals.
fn is_like_path(name: &[u8]) -> bool {
    let is_odd = |byte: &u8| byte.is_ascii_control() || matches!(byte, b'"' | b'#' | b'%' | b'\\');
    name.len() <= LONGEST
        && !name.iter().any(is_odd)
        && name
            .first()
            .is_some_and(|first| !first.is_ascii_whitespace())
}

/// What follows blanks and comments that end in the same line.
fn without_comments(text: &[u8]) -> &[u8] {
    let mut rest = text.trim_ascii_start();
    while let Some(comment) = rest.strip_prefix(b"/*") {
        let Some(end) = comment.windows(2).position(|pair| pair == b"*/") else {
            return &[];
        };
        rest = comment[end + 2..].trim_ascii_start();
    }
    rest
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn shown(text: &str) -> String {
        let found = read(text.as_bytes());
        let one = |asked: &Asked| match asked.how {
            How::Quoted => format!("\"{}\"", asked.name),
            How::Angled => format!("<{}>", asked.name),
            How::Each => format!("next {}", asked.name),
            How::Data => format!("data {}", asked.name),
        };
        let mut all: Vec<String> = found.asked.iter().map(one).collect();
        all.extend(found.defined.iter().map(|asked| format!("={}", one(asked))));
        all.extend(found.is_computed.then(|| "computed".to_owned()));
        all.extend(found.is_open.then(|| "open".to_owned()));
        all.extend(found.is_assembled.then(|| "assembled".to_owned()));
        all.join(" ")
    }

    #[test]
    fn what_looks_like_a_path_is_a_literal() {
        let found = read(b"f(\"../data/x.bin\", \"a b.c\", \"plain\", \"%d.%d\", \"y.z\")");
        let names: Vec<&str> = found.literals.iter().map(|one| one.name.as_str()).collect();
        assert_eq!(names, ["../data/x.bin", "a b.c", "y.z"]);
    }

    #[test]
    fn names_are_found_however_they_are_written() {
        for (text, found) in [
            (
                "#include \"a.h\"\n#include <b/c.h> // d\n",
                "\"a.h\" <b/c.h>",
            ),
            ("  #  include\t\"a.h\"", "\"a.h\""),
            ("#/* x */include/* y */<a.h>", "<a.h>"),
            ("/* x */ #include <a.h>", "<a.h>"),
            ("#inc\\\nlude \\\r\n <a.h>", "<a.h>"),
            ("%:include <a.h>", "<a.h>"),
            ("#import <a.h>\n#include_next <b.h>", "<a.h> next b.h"),
            (
                "#if 0\n#include \"a.h\"\n#endif\n#include \"a.h\"",
                "\"a.h\"",
            ),
            (
                "#if __has_include( <a.h> ) && __has_include(\"b.h\")",
                "<a.h> \"b.h\"",
            ),
            ("#embed \"a.bin\" limit(4)", "data a.bin"),
            (".incbin \"a.bin\"\n.include \"b.s\"", "data a.bin \"b.s\""),
            ("asm(\".incbin \\\"a.bin\\\"\");", "data a.bin"),
            (
                "%include \"a.i\"\n%import(module=\"m\") <b.i>\n%include c.i",
                "\"a.i\" <b.i> \"c.i\"",
            ),
            ("      INCLUDE 'a.inc'", "\"a.inc\""),
            ("#define A \"a.h\"\n#include A", "=\"a.h\" computed"),
            ("#define A <a.h>\n#if __has_include(A)", "=<a.h> computed"),
            ("#include NAME(x)", "computed open"),
            ("// words about #include, and includes", ""),
            ("int include = 1; char *s = \"include\";", ""),
            ("#include", ""),
            ("#include \"", ""),
            ("\\", ""),
            ("#include /* ", ""),
            ("#include /* one\n two */ \"a.h\"", "\"a.h\""),
            (
                "#define A 1 /* one\n#include \"b.h\"\n */\n#include <c.h>",
                "\"b.h\" <c.h>",
            ),
            ("asm(\".incbin \\\"\" file \"\\\"\");", "assembled"),
            ("asm(\".incbin \" #file);", "assembled"),
        ] {
            assert_eq!(shown(text), found, "{text}");
        }
    }

    #[test]
    fn only_what_is_asked_for_counts() {
        let one = digest(b"#include \"a.h\"\nint x;\n");
        assert_eq!(one, digest(b"// more\n#include   \"a.h\"\n"));
        assert_ne!(one, digest(b"#include <a.h>\nint x;\n"));
        assert_ne!(one, digest(b"#include \"a.h\"\n#include X\n"));
        assert_ne!(one, digest(b"#include \"a.h\"\n#define X \"b.h\"\n"));
    }

    proptest! {
        #[test]
        fn any_bytes_are_read(text in proptest::collection::vec(any::<u8>(), 0..200)) {
            read(&text);
        }
        #[test]
        fn near_directives_are_read(text in "[#%._a-z\"<>()/* \\\\\n]{0,80}") {
            read(text.as_bytes());
        }
    }
}
