//! The scan's way through a script: where it ends, and whether its indentation can be read in one way only.

use super::{Scanner, run_head};
use crate::lang::error::SyntaxError;
use crate::lang::script::{common_indent, indent_of, is_blank};

impl Scanner<'_> {
    /// A `run:` first on its line, whose leading blanks are `indent`.
    pub(super) fn script(&mut self, run: usize, indent: &str) {
        let script = run + run_head(&self.text[run..]).unwrap_or_default();
        let line_end = run + self.line(run).len();
        if is_blank(&self.text[script..line_end]) {
            self.script_block(run, line_end, indent);
        } else {
            self.script_line(run, line_end, indent);
        }
    }

    fn script_block(&mut self, run: usize, line_end: usize, indent: &str) {
        let mut lines: Vec<(usize, usize)> = Vec::new();
        let mut next = self.line_end(line_end) + 1;
        while next <= self.text.len() {
            let line = self.line(next);
            let own = indent_of(line);
            if !is_blank(line) {
                if own.len() <= indent.len() || !own.starts_with(indent) {
                    break;
                }
                lines.push((next, next + line.len()));
            }
            next = self.line_end(next) + 1;
        }
        if next <= self.text.len() && !self.indents_agree(next, run - indent.len()) {
            return self.skip_mixed(next, indent);
        }
        let Some(&(_, end)) = lines.last() else {
            let span = self.span(run, line_end);
            self.error(SyntaxError::EmptyScript { span });
            self.at = line_end;
            return;
        };
        self.check_common(&lines);
        self.skip_to(end);
    }

    /// Passes over what was meant as the rest of a script.
    fn skip_mixed(&mut self, mut next: usize, indent: &str) {
        let is_entry = |line: &str| {
            !is_blank(line) && (indent_of(line).is_empty() || indent_of(line) == indent)
        };
        while next < self.text.len() && !is_entry(self.line(next)) {
            self.at = next + self.line(next).len();
            next = self.line_end(next) + 1;
        }
    }

    /// Reports a line whose indent and that of another line begin with different blanks.
    fn indents_agree(&mut self, line: usize, other: usize) -> bool {
        let (a, b) = (
            indent_of(&self.text[line..]),
            indent_of(&self.text[other..]),
        );
        let agree = a.starts_with(b) || b.starts_with(a);
        if !agree {
            let error = SyntaxError::MixedIndent {
                span: self.span(line, line + a.len()),
                line_indent: describe(a),
                other: self.span(other, other + b.len()),
                other_indent: describe(b),
            };
            self.error(error);
        }
        agree
    }

    /// The indent that is taken off must be some line's whole indent: else tabs and spaces part ways before it ends.
    fn check_common(&mut self, lines: &[(usize, usize)]) {
        let common = common_indent(lines.iter().map(|&(start, end)| &self.text[start..end]));
        let indent = |start: usize| indent_of(&self.text[start..]);
        if lines.iter().all(|&(start, _)| indent(start).len() > common) {
            let (first, _) = lines[0];
            let odd = lines.iter().find(|&&(start, _)| {
                indent(start).as_bytes()[common] != indent(first).as_bytes()[common]
            });
            if let Some(&(odd, _)) = odd {
                self.indents_agree(odd, first);
            }
        }
    }

    fn script_line(&mut self, run: usize, mut line_end: usize, indent: &str) {
        let is_deeper = |line: &str| {
            !is_blank(line) && indent_of(line).len() > indent.len() && line.starts_with(indent)
        };
        let mut line_start = run;
        while ends_in_backslash(&self.text[line_start..line_end]) {
            let next = self.line_end(line_end) + 1;
            if next > self.text.len() || !is_deeper(self.line(next)) {
                let span = self.span(line_end - 1, line_end);
                self.error(SyntaxError::DanglingBackslash { span });
                self.skip_to(line_end);
                return;
            }
            line_start = next;
            line_end = next + self.line(next).len();
        }
        self.skip_to(line_end);
        self.last_script = Some((run, line_end));
        let mut next = self.line_end(line_end) + 1;
        while next <= self.text.len() && is_blank(self.line(next)) && next < self.text.len() {
            next = self.line_end(next) + 1;
        }
        if next < self.text.len() && is_deeper(self.line(next)) {
            let end = next + self.line(next).len();
            let first = next + indent_of(self.line(next)).len();
            let error = SyntaxError::DeeperLine {
                span: self.span(first, end),
                script: self.span(run, line_end),
            };
            self.error(error);
            self.skip_deeper(next, indent);
        }
    }

    /// Passes over the lines of what was meant as a script, which has been reported.
    fn skip_deeper(&mut self, mut next: usize, indent: &str) {
        while next < self.text.len() {
            let line = self.line(next);
            if !is_blank(line)
                && (indent_of(line).len() <= indent.len() || !line.starts_with(indent))
            {
                break;
            }
            self.at = next + line.len();
            next = self.line_end(next) + 1;
        }
    }
}

fn ends_in_backslash(line: &str) -> bool {
    line.bytes().rev().take_while(|&byte| byte == b'\\').count() % 2 == 1
}

fn describe(indent: &str) -> String {
    let count =
        |wanted: char, name: &str| match indent.chars().filter(|&char| char == wanted).count() {
            0 => None,
            1 => Some(format!("1 {name}")),
            n => Some(format!("{n} {name}s")),
        };
    let parts: Vec<_> = [count('\t', "tab"), count(' ', "space")]
        .into_iter()
        .flatten()
        .collect();
    if parts.is_empty() {
        "no blank".to_owned()
    } else {
        parts.join(" and ")
    }
}
