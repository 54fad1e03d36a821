//! Comments and literals as C and Go write them. Each function is given a text that begins with one, and says how long it is.

/// `// …`, up to the line's end, which is not part of it.
pub fn line_comment(text: &[u8]) -> usize {
    let end = text.iter().position(|&byte| byte == b'\n');
    end.unwrap_or(text.len())
}

/// `/* … */`; one that does not end is all of the text.
pub fn block_comment(text: &[u8]) -> usize {
    let inner = text.get(2..).unwrap_or_default();
    let end = inner.windows(2).position(|pair| pair == b"*/");
    end.map_or(text.len(), |inner| inner + 4)
}

/// A literal in `"`, `'` or Go's back quotes, quotes included. One in `"` or `'` that does not end, ends with its line.
pub fn literal(text: &[u8]) -> usize {
    let Some(&quote) = text.first() else {
        return 0;
    };
    let mut at = 1;
    while let Some(&byte) = text.get(at) {
        match byte {
            b'\\' if quote != b'`' => at += 1,
            b'\n' if quote != b'`' => return at,
            _ if byte == quote => return at + 1,
            _ => {}
        }
        at += 1;
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths() {
        assert_eq!(line_comment(b"// a\nb"), 4);
        assert_eq!(block_comment(b"/*/ a */b"), 8);
        assert_eq!(block_comment(b"/*"), 2);
        assert_eq!(literal(br#""a\"" b"#), 5);
        assert_eq!(literal(b"'a\n'"), 2);
        assert_eq!(literal(b"`a\\\n` b"), 5);
        assert_eq!(literal(b"\"\\"), 2);
    }
}
