//! What a Go file declares at its top level, as far as a linker can be told of it: `func main`, and string variables that `-X` sets.
//! Text in, no disk. Does not know types: a variable counts where its text alone says that it is a string.
//!
//! Rules: `go tool link` (`-X` takes a string variable that is not initialized, or to a constant string), and the lexical part of the
//! language's specification for comments, literals and where a line ends a statement.

use crate::base::lexis::{block_comment, line_comment, literal};

/// Top-level declarations.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Declarations {
    pub has_main: bool,
    /// Names of string variables, in order.
    pub strings: Vec<String>,
}

/// Reads a Go file's text. What is no Go gives what can be made out.
pub fn read(text: &str) -> Declarations {
    let tokens = top_level(text);
    let mut found = Declarations::default();
    let mut at = 0;
    let mut is_start = true;
    while at < tokens.len() {
        match &tokens[at..] {
            [
                Token::Word("func"),
                Token::Word("main"),
                Token::Mark(b'('),
                ..,
            ] if is_start => {
                found.has_main = true;
            }
            [Token::Word("var"), Token::Mark(b'('), rest @ ..] if is_start => {
                let group = rest.split(|token| *token == Token::Mark(b')')).next();
                let specs = group
                    .unwrap_or_default()
                    .split(|token| *token == Token::End);
                found.strings.extend(specs.filter_map(string));
            }
            [Token::Word("var"), rest @ ..] if is_start => {
                let spec = rest.split(|token| *token == Token::End).next();
                found.strings.extend(spec.and_then(string));
            }
            _ => {}
        }
        is_start = tokens[at] == Token::End;
        at += 1;
    }
    found
}

/// The name of a variable whose declaration is that of a string: `version string`, `version = "dev"`, or both.
fn string(spec: &[Token<'_>]) -> Option<String> {
    match spec {
        [Token::Word(name), Token::Word("string")]
        | [Token::Word(name), Token::Mark(b'='), Token::Text]
        | [
            Token::Word(name),
            Token::Word("string"),
            Token::Mark(b'='),
            Token::Text,
        ] if *name != "_" => Some((*name).to_owned()),
        _ => None,
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Token<'t> {
    Word(&'t str),
    /// A string.
    Text,
    Mark(u8),
    /// A semicolon, or a line's end; also where the line goes on, which nothing here depends on.
    End,
}

/// All tokens that stand in no braces. A brace that opens is one of them.
fn top_level(text: &str) -> Vec<Token<'_>> {
    let bytes = text.as_bytes();
    let mut tokens = Vec::new();
    let mut depth = 0usize;
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        let (token, length) = match byte {
            b'\n' | b';' => (Some(Token::End), 1),
            b'/' if bytes[at..].starts_with(b"//") => (None, line_comment(&bytes[at..])),
            b'/' if bytes[at..].starts_with(b"/*") => {
                let length = block_comment(&bytes[at..]);
                let ends = bytes[at..at + length].contains(&b'\n');
                (ends.then_some(Token::End), length)
            }
            b'"' | b'`' => (Some(Token::Text), literal(&bytes[at..])),
            b'\'' => (Some(Token::Mark(b'\'')), literal(&bytes[at..])),
            _ if byte.is_ascii_whitespace() => (None, 1),
            _ if is_word(byte) => {
                let length = bytes[at..]
                    .iter()
                    .take_while(|&&byte| is_word(byte))
                    .count();
                (text.get(at..at + length).map(Token::Word), length)
            }
            _ => (Some(Token::Mark(byte)), 1),
        };
        if byte == b'}' {
            depth = depth.saturating_sub(1);
        }
        if depth == 0 {
            tokens.extend(token);
        }
        if byte == b'{' {
            depth += 1;
        }
        at += length;
    }
    tokens
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || !byte.is_ascii()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn strings(text: &str) -> Vec<String> {
        read(text).strings
    }

    #[test]
    fn string_variables_are_those_that_the_linker_sets() {
        let text = "package main\n\nvar version = \"dev\" // here\nvar a string\nvar b string = `x\ny`\n\
                    var (\n\tcommit, date = \"\", \"\"\n\tbuilt = \"\"\n\tn = 1\n\tc string; d = f()\n)\n\
                    const no = \"\"\nvar no2 = \"a\" + \"b\"\nvar _ = \"\"\nvar no3 []string\n";
        assert_eq!(strings(text), ["version", "a", "b", "built", "c"]);
    }

    #[test]
    fn what_stands_in_functions_comments_and_texts_is_nothing() {
        let text = "package main\n\n/*\nvar a = \"\"\n*/\n// var b = \"\"\nvar text = `\nvar c = \"\"\nfunc main() {}\n`\n\
                    func f() {\n\tvar d = \"}\"\n\tr := '}'\n\tvar e = \"\\\"}\"\n}\nfunc (t T) main() {}\n";
        assert_eq!(
            read(text),
            Declarations {
                has_main: false,
                strings: vec!["text".to_owned()]
            }
        );
        assert!(read("package main; func main() { }").has_main);
        assert!(read("package main\r\n\r\nfunc main() {\r\n}\r\n").has_main);
        assert!(!read("package main\nfunc mainly() {}\n").has_main);
    }

    #[test]
    fn any_text_ends() {
        for text in [
            "",
            "\"",
            "'",
            "`",
            "/*",
            "/",
            "//",
            "var",
            "var (",
            "func",
            "}}}}",
            "{",
            "\"\\",
            "'\\",
            "é'",
            "var é = \"\"",
            "/*/",
        ] {
            read(text);
        }
        assert_eq!(strings("var é = \"\""), ["é"]);
        assert_eq!(strings("}\nvar a = \"\"\n"), ["a"]);
    }
}
