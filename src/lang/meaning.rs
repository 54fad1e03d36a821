//! By what a Gofile differs from one that says something else: a digest that comments have no part in. Two texts with one
//! digest have one tree, but for its places. It errs on the other side: a changed indent, say, makes another digest.

use crate::base::digest::{Digest, FieldHasher};
use crate::lang::outline::{Outline, What};
use crate::lang::parse::{BYTE_ORDER_MARK, statement_starts};

/// Stands for a comment's text; no outlined text holds it.
const MARK: u8 = What::Comment as u8;
/// So much is gathered before it is hashed.
const BLOCK: usize = 64 << 10;

/// What a text that parses says. `##` lines count, because they may be a target's help.
pub fn meaning(text: &str) -> Digest {
    let body = text.strip_prefix(BYTE_ORDER_MARK).unwrap_or(text);
    let mut starts = statement_starts(body);
    starts.push(body.len());
    let mut gatherer = Gatherer::default();
    gatherer.chunk(&body[..starts[0]]);
    for pair in starts.windows(2) {
        gatherer.chunk(&body[pair[0]..pair[1]]);
    }
    gatherer.finish()
}

#[derive(Default)]
struct Gatherer {
    hasher: FieldHasher,
    block: Vec<u8>,
    outline: Outline,
    /// Of the statement that is read: what counts.
    counted: Vec<u8>,
}

impl Gatherer {
    /// A statement and what follows it, up to the next one.
    fn chunk(&mut self, text: &str) {
        let is_outlined = text.contains('#') && self.outline.read(text);
        self.counted.clear();
        if is_outlined {
            self.without_comments(text.as_bytes());
        } else {
            self.counted.extend_from_slice(text.as_bytes());
        }
        let end = end_of_code(&self.counted, is_outlined);
        // A text that has no outline may hold anything, also what stands for a comment.
        let is_marked = is_outlined && self.counted[..end].contains(&MARK);
        self.block.push(u8::from(is_marked));
        self.block.extend((end as u64).to_le_bytes());
        self.block.extend_from_slice(&self.counted[..end]);
        if self.block.len() >= BLOCK {
            self.hasher.field(&self.block);
            self.block.clear();
        }
    }

    fn without_comments(&mut self, text: &[u8]) {
        let mut from = 0;
        for part in &self.outline.parts {
            let (start, end) = (part.start as usize, part.end as usize);
            if part.what == What::Comment && text[start] != b'#' {
                self.counted.extend_from_slice(&text[from..start]);
                self.counted.push(MARK);
                from = end;
            }
        }
        self.counted.extend_from_slice(&text[from..]);
    }

    fn finish(mut self) -> Digest {
        self.hasher.field(&self.block);
        self.hasher.finish()
    }
}

/// Where a chunk ends without the empty lines behind its statement and, in an outlined one, without comments in column 0. All
/// brackets are closed there. Help stays as it stands: it is the next target's only if it is directly above.
fn end_of_code(chunk: &[u8], is_outlined: bool) -> usize {
    let mut end = chunk.len();
    loop {
        let line = chunk[..end].iter().rposition(|&byte| byte == b'\n');
        let start = line.map_or(0, |newline| newline + 1);
        let is_comment = |line: &[u8]| is_outlined && matches!(line, b"#" | [b'#', MARK]);
        match &chunk[start..end] {
            line if line.starts_with(b"##") => return chunk.len(),
            line if line.is_empty() || is_comment(line) => {}
            _ => return end,
        }
        match line {
            Some(newline) => end = newline,
            None => return start,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str =
        "# head\nlet a = 1 # one\n\n## help\nbuild x {\n  # in\n  run:\n    echo # a\n}\n";

    fn is_same(text: &str) -> bool {
        meaning(text) == meaning(TEXT)
    }

    #[test]
    fn comments_between_statements_and_their_texts_do_not_count() {
        for (from, to) in [
            ("# head\n", ""),
            ("# head\n", "#\n\n# other\n"),
            ("# one", "# two, é"),
            ("# in", "# within"),
            ("}\n", "}\n\n# end"),
            ("}\n", "}"),
        ] {
            let text = TEXT.replace(from, to);
            assert!(text != TEXT && is_same(&text), "{text}");
        }
    }

    #[test]
    fn all_else_counts() {
        for (from, to) in [
            ("1 #", "2 #"),
            ("# a", "# b"),
            ("# a", "#"),
            ("  # in\n", ""),
            ("## help\n", ""),
            ("## help\n", "## other\n"),
            ("## help\n", "## help\n\n"),
            ("## help\n", "## help\n# more\n"),
            ("## help\n", "# help\n"),
            (" # one", ""),
            ("run:", "run: "),
        ] {
            let text = TEXT.replace(from, to);
            assert!(text != TEXT && !is_same(&text), "{text}");
        }
    }
}
