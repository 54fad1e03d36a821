//! String literals as Go writes them (Go specification, "String literals"; `strconv.Unquote`), and words of Go's variables, which are quoted
//! otherwise. Does not know where they stand.

/// The value of the string literal that `text` begins with, and what follows it. Bytes that are no UTF-8 are replaced.
pub fn unquoted(text: &str) -> Option<(String, &str)> {
    if let Some(raw) = text.strip_prefix('`') {
        let (value, rest) = raw.split_once('`')?;
        return Some((value.replace('\r', ""), rest));
    }
    let mut rest = text.strip_prefix('"')?;
    let mut value = Vec::new();
    loop {
        let plain = rest.find(['"', '\\', '\n'])?;
        value.extend_from_slice(&rest.as_bytes()[..plain]);
        let end = rest.as_bytes()[plain];
        rest = &rest[plain + 1..];
        match end {
            b'"' => return Some((String::from_utf8_lossy(&value).into_owned(), rest)),
            b'\\' => rest = escape(rest, &mut value)?,
            _ => return None,
        }
    }
}

/// Takes what stands behind a backslash.
fn escape<'t>(text: &'t str, value: &mut Vec<u8>) -> Option<&'t str> {
    let kind = text.chars().next()?;
    let rest = &text[kind.len_utf8()..];
    let (digits, radix) = match kind {
        'x' => (2, 16),
        'u' => (4, 16),
        'U' => (8, 16),
        '0'..='7' => {
            let (number, rest) = number(text, 3, 8)?;
            value.push(u8::try_from(number).ok()?);
            return Some(rest);
        }
        _ => {
            value.push(match kind {
                'a' => 7,
                'b' => 8,
                'f' => 12,
                'n' => b'\n',
                'r' => b'\r',
                't' => b'\t',
                'v' => 11,
                '\\' => b'\\',
                '"' => b'"',
                _ => return None,
            });
            return Some(rest);
        }
    };
    let (number, rest) = number(rest, digits, radix)?;
    if kind == 'x' {
        value.push(u8::try_from(number).ok()?);
    } else {
        let mut buffer = [0; 4];
        value.extend_from_slice(char::from_u32(number)?.encode_utf8(&mut buffer).as_bytes());
    }
    Some(rest)
}

/// So many digits, no sign among them.
fn number(text: &str, digits: usize, radix: u32) -> Option<(u32, &str)> {
    let (number, rest) = text.split_at_checked(digits)?;
    let plain = number.chars().all(|digit| digit.is_digit(radix));
    let number = plain.then(|| u32::from_str_radix(number, radix).ok())??;
    Some((number, rest))
}

/// The words of a variable such as GOFLAGS or CC: between blanks, or between quotes, in which nothing is escaped
/// (`cmd/internal/quoted`). What follows an open quote is one word; Go would complain.
pub fn split(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let (word, after) = match first {
            '"' | '\'' => {
                let inner = &rest[1..];
                inner.split_once(first).unwrap_or((inner, ""))
            }
            _ => rest.split_at(rest.find(char::is_whitespace).unwrap_or(rest.len())),
        };
        words.push(word.to_owned());
        rest = after.trim_start();
    }
    words
}

#[cfg(test)]
mod tests {
    use super::{split, unquoted};

    #[test]
    fn variables_are_split_as_go_splits_them() {
        assert_eq!(
            split(" -a '-b c' \"d'\"e f\"g \n"),
            ["-a", "-b c", "d'", "e", "f\"g"]
        );
        assert_eq!(split("-a 'b c"), ["-a", "b c"]);
        assert!(split(" ").is_empty());
    }

    #[test]
    fn a_literal_ends_where_go_ends_it() {
        let read = |text| unquoted(text).map(|(value, rest)| (value, rest.to_owned()));
        let is = |value: &str, rest: &str| Some((value.to_owned(), rest.to_owned()));
        assert_eq!(read(r#""a\tb\x41\101\u00e4" c"#), is("a\tbAA\u{e4}", " c"));
        assert_eq!(read("`a\\n\r`b"), is("a\\n", "b"));
        for wrong in [
            "a",
            "\"a",
            "`a",
            "\"a\nb\"",
            r#""\'""#,
            r#""\x+1""#,
            r#""\400""#,
            r#""\ud800""#,
            r#""\"#,
        ] {
            assert_eq!(read(wrong), None, "{wrong}");
        }
    }
}
