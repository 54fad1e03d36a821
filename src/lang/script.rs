//! `run:` items to scripts: takes the common indent off and remembers where each line stands in the file.

use crate::base::source::{Span, Spanned};
use crate::lang::ast::Script;
use crate::lang::node::Node;
use crate::lang::tree::Rule;

/// Blanks as the language means them; other white space is text.
pub const BLANKS: [char; 2] = [' ', '\t'];

pub fn indent_of(line: &str) -> &str {
    &line[..line.len() - line.trim_start_matches(BLANKS).len()]
}

pub fn is_blank(line: &str) -> bool {
    line.trim_matches(BLANKS).is_empty()
}

/// The longest beginning, in bytes, that the indents of all lines share; blank lines have no say.
pub fn common_indent<'a>(lines: impl Iterator<Item = &'a str>) -> usize {
    let shared = |a: &str, b: &str| a.bytes().zip(b.bytes()).take_while(|(a, b)| a == b).count();
    lines
        .filter(|line| !is_blank(line))
        .map(indent_of)
        .reduce(|known, indent| &known[..shared(known, indent)])
        .map_or(0, str::len)
}

/// Builds the script of a `run_item` pair; `base` is the global offset of the text that was parsed.
pub fn build(node: Node<'_>, base: u32) -> Script {
    let start = node.start() + indent_of(node.text()).len();
    let end = node.end();
    let global = |offset: usize| base as usize + offset;
    let mut interpreter = None;
    let mut lines = Lines {
        text: String::new(),
        starts: Vec::new(),
    };
    for part in node.inner() {
        let at = part.start();
        match part.rule() {
            Rule::interpreter => {
                interpreter = Some(Spanned {
                    value: part.text().to_owned(),
                    span: Span::new(global(at), global(part.end())),
                });
            }
            Rule::script_block => {
                let body = part.text().find('\n').map_or(0, |newline| newline + 1);
                lines.block(&part.text()[body..], global(at + body), Lead::Drop);
            }
            Rule::script_line => {
                let text = part.inner().next().expect("the grammar demands the text");
                lines.one_line(text.text(), global(text.start()));
            }
            other => unreachable!("no part of a run item: {other:?}"),
        }
    }
    Script {
        interpreter,
        text: lines.text,
        line_starts: lines.starts,
        span: Span::new(global(start), global(end)),
    }
}

/// Whether blank lines before the first line of text are left out.
#[derive(PartialEq, Eq)]
enum Lead {
    Drop,
    Keep,
}

struct Lines {
    text: String,
    starts: Vec<u32>,
}

impl Lines {
    fn push(&mut self, line: &str, offset: usize) {
        if !self.starts.is_empty() {
            self.text.push('\n');
        }
        self.text.push_str(line);
        self.starts.push(offset as u32);
    }

    /// Lines with their common indent; `offset` is where they start.
    fn block(&mut self, block: &str, mut offset: usize, lead: Lead) {
        let clean = |line: &'_ str| line.strip_suffix('\r').map_or(line.len(), str::len);
        let common = common_indent(block.split('\n').map(|line| &line[..clean(line)]));
        for line in block.split('\n') {
            let kept = &line[..clean(line)];
            let cut = common.min(indent_of(kept).len());
            if lead == Lead::Keep || !self.starts.is_empty() || !is_blank(kept) {
                self.push(&kept[cut..], offset + cut);
            }
            offset += line.len() + 1;
        }
    }

    /// A script on the `run:` line itself, with the lines that a `\` at its end adds.
    fn one_line(&mut self, text: &str, offset: usize) {
        let (first, rest) = text
            .split_once('\n')
            .map_or((text, None), |(first, rest)| (first, Some(rest)));
        self.push(first.strip_suffix('\r').unwrap_or(first), offset);
        if let Some(rest) = rest {
            self.block(rest, offset + first.len() + 1, Lead::Keep);
        }
    }
}
