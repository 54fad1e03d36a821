//! Prints expressions. A line breaks where the author broke it behind a bracket, an operator or a keyword.

use super::{Pending, Printer, end, start};
use crate::base::source::Span;
use crate::lang::ast::{Arg, BinaryOp, Expr, ExprKind, IndexItem};

impl Printer<'_> {
    pub(super) fn expr(&mut self, expr: &Expr) {
        self.comments_before(start(expr.span));
        if !self.has_own_brackets(expr) {
            return self.bare(expr);
        }
        let first = self.behind_brackets(start(expr.span));
        let is_broken = self.has_newline(start(expr.span), first);
        self.text("(");
        self.level += usize::from(is_broken);
        if is_broken {
            self.is_block_start = true;
            self.begin_line(first);
        }
        self.bare(expr);
        self.comments_before(end(expr.span) - 1);
        self.level -= usize::from(is_broken);
        if is_broken {
            self.pending = Pending::Newline;
        }
        self.text(")");
    }

    /// Brackets around operators are part of their span, and of nothing inside.
    fn has_own_brackets(&self, expr: &Expr) -> bool {
        match &expr.kind {
            ExprKind::Binary { left, .. } => left.span.start > expr.span.start,
            ExprKind::If { .. } | ExprKind::Not(_) => {
                self.source[start(expr.span)..].starts_with('(')
            }
            _ => false,
        }
    }

    fn bare(&mut self, expr: &Expr) {
        match &expr.kind {
            ExprKind::Str(_) | ExprKind::Int(_) | ExprKind::Bool(_) | ExprKind::Name(_) => {
                self.verbatim(expr.span)
            }
            ExprKind::List(items) => {
                let row = self.row("[", "]", start(expr.span) + 1, end(expr.span) - 1);
                self.items(&row, items, |item| start(item.span), Self::expr);
            }
            ExprKind::Map(entries) => {
                let row = self.row("{", "}", start(expr.span) + 1, end(expr.span) - 1);
                self.items(
                    &row,
                    entries,
                    |(key, _)| start(key.span),
                    |out, (key, value)| {
                        out.verbatim(key.span);
                        out.value(end(key.span), value);
                    },
                );
            }
            ExprKind::Call { function, args } => {
                self.text(&function.value);
                let row = self.row("(", ")", end(function.span) + 1, end(expr.span) - 1);
                self.items(
                    &row,
                    args,
                    |arg| {
                        arg.name
                            .as_ref()
                            .map_or(start(arg.value.span), |name| start(name.span))
                    },
                    Self::arg,
                );
            }
            ExprKind::Index { base, items } => {
                self.expr(base);
                let row = self.row("[", "]", end(base.span) + 1, end(expr.span) - 1);
                self.items(
                    &row,
                    items,
                    |item| start(index_span(item)),
                    Self::index_item,
                );
            }
            ExprKind::Field { base, name } => {
                self.expr(base);
                self.text(".");
                self.text(&name.value);
            }
            ExprKind::If { .. } => self.conditional(expr),
            ExprKind::Not(inner) => {
                self.text("not");
                self.space();
                self.after_gap(self.not_end(expr), start(inner.span), |out| out.expr(inner));
            }
            ExprKind::Binary { op, .. } => self.chain(*op, expr),
        }
    }

    fn not_end(&self, expr: &Expr) -> usize {
        self.behind_brackets(start(expr.span)) + "not".len()
    }

    /// The first code at or behind `at` that is no round bracket: several around one thing are printed as one.
    fn behind_brackets(&self, mut at: usize) -> usize {
        while self.source[at..].starts_with('(') {
            at = self.skip_trivia(at + 1);
        }
        at
    }

    fn arg(&mut self, arg: &Arg) {
        match &arg.name {
            None => self.expr(&arg.value),
            Some(name) => {
                self.text_at(&name.value, start(name.span));
                self.value(end(name.span), &arg.value);
            }
        }
    }

    fn index_item(&mut self, item: &IndexItem) {
        match item {
            IndexItem::Any(span) => self.verbatim(*span),
            IndexItem::Value(value) => self.expr(value),
        }
    }

    /// A conditional with its `else if`s, all at one level.
    fn conditional(&mut self, mut expr: &Expr) {
        let level = self.level;
        while let ExprKind::If {
            condition,
            then,
            otherwise,
        } = &expr.kind
        {
            self.text("if");
            self.space();
            let after_if = self.behind_brackets(start(expr.span)) + "if".len();
            self.after_gap(after_if, start(condition.span), |out| out.expr(condition));
            self.keyword("then", end(condition.span), start(then.span), level);
            self.expr(then);
            self.keyword("else", end(then.span), start(otherwise.span), level);
            if !matches!(otherwise.kind, ExprKind::If { .. }) || self.has_own_brackets(otherwise) {
                self.expr(otherwise);
                break;
            }
            expr = otherwise;
        }
        self.level = level;
    }

    /// `then` or `else` in a gap of the source, on a new line if that has one; deeper from there on.
    fn keyword(&mut self, word: &str, from: usize, to: usize, level: usize) {
        if self.is_broken_gap(from, to) {
            self.level = level + 1;
            self.comments_before(to);
            self.pending = Pending::Newline;
        }
        self.spaced(word);
    }

    /// Whether what stands at `to` goes on a new line: a comment may be left from within the brackets before the gap, which are
    /// not printed.
    pub(super) fn is_broken_gap(&self, from: usize, to: usize) -> bool {
        let next = self.comments.first();
        next.is_some_and(|next| start(next.span) < to) || self.has_newline(from, to)
    }

    /// Operands joined by one operator, however the tree leans.
    fn chain(&mut self, op: BinaryOp, expr: &Expr) {
        let mut operands = Vec::new();
        self.flatten(op, expr, &mut operands);
        let level = self.level;
        let mut last: Option<&Expr> = None;
        for operand in operands {
            if let Some(last) = last {
                self.spaced(word_of(op));
                if self.is_broken_gap(end(last.span), start(operand.span)) {
                    self.level = level + 1;
                    self.comments_before(start(operand.span));
                    self.pending = Pending::Newline;
                }
            }
            self.expr(operand);
            last = Some(operand);
        }
        self.level = level;
    }

    fn flatten<'e>(&self, op: BinaryOp, expr: &'e Expr, operands: &mut Vec<&'e Expr>) {
        let ExprKind::Binary { left, right, .. } = &expr.kind else {
            return;
        };
        for side in [left, right] {
            match &side.kind {
                ExprKind::Binary { op: inner, .. }
                    if *inner == op && !self.has_own_brackets(side) =>
                {
                    self.flatten(op, side, operands);
                }
                _ => operands.push(side),
            }
        }
    }
}

fn word_of(op: BinaryOp) -> &'static str {
    match op {
        BinaryOp::Or => "or",
        BinaryOp::And => "and",
        BinaryOp::Equal => "==",
        BinaryOp::NotEqual => "!=",
        BinaryOp::Add => "+",
    }
}

fn index_span(item: &IndexItem) -> Span {
    match item {
        IndexItem::Any(span) => *span,
        IndexItem::Value(value) => value.span,
    }
}
