//! Prints a Gofile in its one form. Idempotent; keeps comments, scripts and the author's choice of where a bracket
//! or an operator breaks the line. Knows layout only: two blanks a level, one item a line in what is broken.

mod expression;

use crate::base::source::Span;
use crate::lang::ast::{
    Comment, Entry, Expr, File, Item, Let, Param, Script, Statement, TargetDecl,
};
use crate::lang::error::SyntaxError;
use crate::lang::parse::parse;
use crate::lang::shape::shape;

/// The formatted text.
///
/// # Errors
/// All syntax errors of the text; a text that does not parse is not formatted.
pub fn format(text: &str) -> Result<String, Vec<SyntaxError>> {
    let (file, errors) = parse(text, 0);
    if !errors.is_empty() {
        return Err(errors);
    }
    let printed = print(text, &file);
    let (again, errors) = parse(&printed, 0);
    // A formatter must not change what a file means; better an unformatted file than a broken one.
    let is_same = errors.is_empty()
        && shape(&again) == shape(&file)
        && again.comments.len() == file.comments.len();
    debug_assert!(
        is_same,
        "the formatter changed the meaning of\n{text}\n---- to\n{printed}\n---- {errors:?}"
    );
    Ok(if is_same { printed } else { text.to_owned() })
}

fn print(text: &str, file: &File) -> String {
    let mut printer = Printer {
        source: text,
        comments: &file.comments,
        out: String::with_capacity(text.len()),
        level: 0,
        pending: Pending::Nothing,
        is_block_start: true,
    };
    for statement in &file.statements {
        printer.statement(statement);
    }
    printer.comments_before(text.len() + 1);
    if !printer.out.is_empty() {
        printer.out.push('\n');
    }
    printer.out
}

/// What goes between the last text and the next.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Pending {
    Nothing,
    Space,
    Newline,
    BlankLine,
}

struct Printer<'a> {
    source: &'a str,
    /// Those not yet printed.
    comments: &'a [Comment],
    out: String,
    level: usize,
    pending: Pending,
    /// Nothing has been printed since a bracket was opened (or the file began): no blank line goes here.
    is_block_start: bool,
}

/// A bracketed row: its brackets, and where in the source it stands.
struct Row {
    open: &'static str,
    close: &'static str,
    /// Right behind the opening bracket.
    start: usize,
    /// The closing bracket.
    end: usize,
    separator: Separator,
    is_broken: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Separator {
    /// `[a, b]`: a comma, also behind the last item of a broken row.
    Comma,
    /// `{ a = 1, b = 2 }`: blanks inside; a new line is enough in a broken row.
    Line,
}

fn start(span: Span) -> usize {
    span.start as usize
}

fn end(span: Span) -> usize {
    span.end as usize
}

impl<'a> Printer<'a> {
    fn text(&mut self, text: &str) {
        match self.pending {
            Pending::Nothing => {}
            Pending::Space => self.out.push(' '),
            Pending::Newline => self.new_line(),
            Pending::BlankLine => {
                self.out.push('\n');
                self.new_line();
            }
        }
        self.pending = Pending::Nothing;
        self.is_block_start = false;
        self.out.push_str(text);
    }

    fn new_line(&mut self) {
        self.out.push('\n');
        self.indent();
    }

    fn indent(&mut self) {
        (0..self.level).for_each(|_| self.out.push_str("  "));
    }

    /// A space, unless the line ends here anyway.
    fn space(&mut self) {
        if self.pending == Pending::Nothing {
            self.pending = Pending::Space;
        }
    }

    fn spaced(&mut self, text: &str) {
        self.space();
        self.text(text);
        self.space();
    }

    /// Text that stands at `at` in the source, with the comments before it.
    fn text_at(&mut self, text: &str, at: usize) {
        self.comments_before(at);
        self.text(text);
    }

    fn verbatim(&mut self, span: Span) {
        let source = self.source;
        self.text_at(&source[start(span)..end(span)], start(span));
    }

    /// Starts a line for what stands at `at`, behind at most one blank line.
    fn begin_line(&mut self, at: usize) {
        self.comments_before(at);
        self.break_line(at);
    }

    fn break_line(&mut self, at: usize) {
        self.pending = match () {
            () if self.out.is_empty() => Pending::Nothing,
            () if !self.is_block_start && self.has_blank_line_before(at) => Pending::BlankLine,
            () => Pending::Newline,
        };
    }

    fn has_blank_line_before(&self, at: usize) -> bool {
        let before = &self.source[..at];
        before[before.trim_end().len()..].matches('\n').count() > 1
    }

    fn comments_before(&mut self, at: usize) {
        while let Some((comment, rest)) = self
            .comments
            .split_first()
            .filter(|(next, _)| start(next.span) < at)
        {
            self.comments = rest;
            let line = self.source[..start(comment.span)]
                .rsplit('\n')
                .next()
                .unwrap_or_default();
            // Nothing goes behind a comment, so the second of two that meet needs a line of its own.
            let is_behind_comment = matches!(self.pending, Pending::Newline | Pending::BlankLine);
            let is_alone =
                is_behind_comment || line.trim_start_matches('\u{feff}').trim().is_empty();
            if is_alone {
                self.break_line(start(comment.span));
                self.text(&comment.text);
            } else {
                // It stays on the line that it explains. A space that is due becomes the two before it.
                let was_start = self.is_block_start;
                self.pending = Pending::Nothing;
                self.text("  ");
                self.out.push_str(&comment.text);
                self.is_block_start = was_start;
            }
            self.pending = Pending::Newline;
        }
    }

    fn has_newline(&self, from: usize, to: usize) -> bool {
        self.source
            .get(from..to)
            .is_some_and(|gap| gap.contains('\n'))
    }

    /// Runs `print` a level deeper, on a new line if the source has one in the gap or a comment is left from before it; else on this
    /// line.
    fn after_gap(&mut self, from: usize, to: usize, print: impl FnOnce(&mut Self)) {
        let is_broken = self.is_broken_gap(from, to);
        self.level += usize::from(is_broken);
        self.comments_before(to);
        if is_broken {
            self.pending = Pending::Newline;
        }
        print(self);
        self.level -= usize::from(is_broken);
    }

    /// Skips blanks, line ends and comments of the source.
    fn skip_trivia(&self, mut at: usize) -> usize {
        loop {
            let rest = &self.source[at..];
            let text = rest.trim_start();
            at += rest.len() - text.len();
            if !text.starts_with('#') {
                return at;
            }
            at += text.find('\n').unwrap_or(text.len());
        }
    }

    /// Whether the author broke the line right behind the bracket that ends at `at`.
    fn is_broken_at(&self, at: usize) -> bool {
        let line = self.source[at..]
            .split('\n')
            .next()
            .unwrap_or_default()
            .trim();
        (line.is_empty() || line.starts_with('#')) && self.source[at..].contains('\n')
    }

    /// A row between brackets that stand at `start - 1` and `end` of the source.
    fn row(&self, open: &'static str, close: &'static str, start: usize, end: usize) -> Row {
        let separator = if open == "{" {
            Separator::Line
        } else {
            Separator::Comma
        };
        let has_comment = self
            .comments
            .first()
            .is_some_and(|comment| (comment.span.start as usize) < end);
        let is_broken = self.is_broken_at(start) || has_comment;
        Row {
            open,
            close,
            start,
            end,
            separator,
            is_broken,
        }
    }

    fn items<T>(
        &mut self,
        row: &Row,
        items: &[T],
        at: impl Fn(&T) -> usize,
        print: impl Fn(&mut Self, &T),
    ) {
        self.text(row.open);
        let has_comment = self
            .comments
            .first()
            .is_some_and(|comment| start(comment.span) < row.end);
        if items.is_empty() && !has_comment {
            return self.text(row.close);
        }
        debug_assert!(row.start <= row.end, "a bracket opens before it closes");
        self.is_block_start = true;
        self.level += usize::from(row.is_broken);
        for (index, item) in items.iter().enumerate() {
            if row.is_broken {
                self.begin_line(at(item));
            } else if index > 0 {
                self.text(",");
                self.space();
            } else if row.separator == Separator::Line {
                self.space();
            }
            print(self, item);
            if row.is_broken && row.separator == Separator::Comma {
                self.text(",");
            }
        }
        self.comments_before(row.end);
        self.level -= usize::from(row.is_broken);
        if row.is_broken {
            self.pending = Pending::Newline;
        } else if row.separator == Separator::Line {
            self.space();
        }
        self.text(row.close);
    }

    fn statement(&mut self, statement: &Statement) {
        match statement {
            Statement::Edition { number, span } => {
                self.begin_line(start(*span));
                self.text(&format!("gofile {}", number.value));
            }
            Statement::Settings { entries, span } => {
                self.begin_line(start(*span));
                self.text("settings");
                self.block(entries, start(*span) + "settings".len(), end(*span));
            }
            Statement::Let(binding) => {
                self.begin_line(start(binding.span));
                self.binding(binding);
            }
            Statement::Include(include) => {
                self.begin_line(start(include.span));
                self.text("include ");
                self.verbatim(include.path.span);
                self.spaced("as");
                self.text(&include.alias.value);
                let after_alias = self.skip_trivia(end(include.alias.span));
                if self.source[after_alias..end(include.span).max(after_alias)].starts_with("with")
                {
                    self.space();
                    self.text("with");
                    self.block(&include.with, after_alias + "with".len(), end(include.span));
                }
            }
            Statement::Target(target) => self.target(target),
        }
    }

    /// Entries between braces; the opening one is the next code behind `before`, the closing one ends at `end`. Those of a
    /// statement are broken where anything in them is: see [`Self::target`].
    fn block(&mut self, entries: &[Entry], before: usize, end: usize) {
        let open = self.skip_trivia(before) + 1;
        self.space();
        let mut row = self.row("{", "}", open, end - 1);
        row.is_broken |= self.level == 0 && self.has_newline(open, end - 1);
        self.items(&row, entries, |entry| start(entry.span), Self::entry);
    }

    fn target(&mut self, target: &TargetDecl) {
        self.begin_line(start(target.span));
        self.text(target.kind.value.word());
        let level = self.level;
        self.header(target);
        self.level = level;
        let open = self.skip_trivia(end(target.header)) + 1;
        let mut row = self.row("{", "}", open, end(target.span) - 1);
        // A bracket that closes at the margin would be taken for the statement's end.
        row.is_broken |= self.has_newline(open, end(target.span) - 1);
        row.is_broken |= target.body.iter().any(|item| matches!(item, Item::Run(_)));
        self.space();
        self.items(&row, &target.body, |item| start(span_of(item)), Self::item);
    }

    fn header(&mut self, target: &TargetDecl) {
        let mut last = end(target.kind.span);
        if let Some(name) = &target.name {
            self.header_gap(last, start(name.span));
            self.text(&name.value);
            last = end(name.span);
        }
        if let Some(param) = target.params.last() {
            let open = self.skip_trivia(last) + 1;
            let close = self.params_end(param);
            let row = self.row("(", ")", open, close);
            self.items(
                &row,
                &target.params,
                |param| start(param.name.span),
                Self::param,
            );
            last = close + 1;
        }
        for (index, item) in target.fors.iter().enumerate() {
            if index > 0 {
                self.text(",");
            }
            self.header_gap(last, start(item.name.span));
            if index == 0 {
                self.text("for ");
            }
            self.text(&item.name.value);
            self.spaced("in");
            self.after_gap(end(item.name.span), start(item.items.span), |out| {
                out.expr(&item.items)
            });
            last = end(item.items.span);
        }
        if let Some(condition) = &target.condition {
            self.header_gap(last, start(condition.span));
            self.text("if ");
            self.expr(condition);
        }
    }

    /// Between two parts of a header: a line break where the author made one, and all that follows stands deeper
    /// than the body will.
    fn header_gap(&mut self, from: usize, to: usize) {
        if self.is_broken_gap(from, to) {
            self.level = 2;
            self.comments_before(to);
            self.pending = Pending::Newline;
        }
        self.space();
    }

    /// Where the bracket behind the last parameter closes.
    fn params_end(&self, last: &Param) -> usize {
        let value = last.default.as_ref().or(last.choices.as_ref());
        let at = self.skip_trivia(value.map_or(end(last.name.span), |value| end(value.span)));
        if self.source[at..].starts_with(',') {
            self.skip_trivia(at + 1)
        } else {
            at
        }
    }

    fn param(&mut self, param: &Param) {
        self.text_at(&param.name.value, start(param.name.span));
        let mut last = end(param.name.span);
        if let Some(choices) = &param.choices {
            self.text(":");
            self.space();
            self.after_gap(last, start(choices.span), |out| out.expr(choices));
            last = end(choices.span);
        }
        if let Some(default) = &param.default {
            self.spaced("=");
            self.after_gap(last, start(default.span), |out| out.expr(default));
        }
    }

    fn item(&mut self, item: &Item) {
        match item {
            Item::Let(binding) => self.binding(binding),
            Item::Entry(entry) => self.entry(entry),
            Item::Run(script) => self.script(script),
            Item::Block {
                name,
                entries,
                span,
            } => {
                self.text_at(&name.value, start(name.span));
                self.block(entries, end(name.span), end(*span));
            }
        }
    }

    fn script(&mut self, script: &Script) {
        self.text("run");
        if let Some(interpreter) = &script.interpreter {
            self.text(" ");
            self.text(&interpreter.value);
        }
        self.text(":");
        let first = script
            .line_starts
            .first()
            .map_or(end(script.span), |&first| first as usize);
        let mut lines = script.text.split('\n');
        if !self.has_newline(start(script.span), first) {
            self.out.push(' ');
            self.out.push_str(lines.next().unwrap_or_default());
        }
        self.level += 1;
        for line in lines {
            self.out.push('\n');
            if !line.is_empty() {
                self.indent();
                self.out.push_str(line);
            }
        }
        self.level -= 1;
    }

    fn binding(&mut self, binding: &Let) {
        self.text("let ");
        self.text(&binding.name.value);
        self.value(end(binding.name.span), &binding.value);
    }

    fn entry(&mut self, entry: &Entry) {
        self.text_at(&entry.key.value, start(entry.key.span));
        self.value(end(entry.key.span), &entry.value);
    }

    /// `= value` behind a key that ends at `key_end`.
    fn value(&mut self, key_end: usize, value: &Expr) {
        self.spaced("=");
        self.after_gap(key_end, start(value.span), |out| out.expr(value));
    }
}

fn span_of(item: &Item) -> Span {
    match item {
        Item::Let(binding) => binding.span,
        Item::Entry(entry) => entry.span,
        Item::Run(script) => script.span,
        Item::Block { span, .. } => *span,
    }
}
