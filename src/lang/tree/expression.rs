//! Expressions: precedence is the grammar's, folding and what is wrong with numbers and comparisons is done here.

use super::{Builder, MAX_DEPTH, Rule, only};
use crate::base::source::{Span, Spanned};
use crate::lang::ast::{Arg, BinaryOp, Expr, ExprKind, IndexItem, StrPart};
use crate::lang::error::SyntaxError;
use crate::lang::node::Node;

/// A chain of one operator up to this long leans left; a longer one is balanced, which means the same because
/// every operator that chains is associative, and keeps the tree shallow for whoever walks or drops it.
const LEFT_LEANING: usize = 8;

impl Builder {
    pub(super) fn integer(&mut self, node: &Node<'_>) -> u64 {
        node.text().parse().unwrap_or_else(|_| {
            self.errors.push(SyntaxError::NumberTooLarge {
                span: self.span(node),
            });
            0
        })
    }

    pub fn expr(&mut self, node: Node<'_>) -> Expr {
        let mut parts = node.inner();
        let first = only(&mut parts);
        match (first.rule(), parts.next()) {
            (Rule::conditional, _) => self.conditional(first),
            (Rule::operand, None) => self.operand(first),
            _ => self.chain(node.inner()),
        }
    }

    fn conditional(&mut self, node: Node<'_>) -> Expr {
        let start = self.span(&node);
        let mut parts = node.inner();
        let mut next = || Box::new(self.expr(only(&mut parts)));
        let (condition, then, otherwise) = (next(), next(), next());
        let span = Span {
            end: otherwise.span.end,
            ..start
        };
        Expr {
            kind: ExprKind::If {
                condition,
                then,
                otherwise,
            },
            span,
        }
    }

    /// The grammar's layers leave a flat row of operators and operands, in an order that only needs folding.
    fn chain<'a>(&mut self, parts: impl Iterator<Item = Node<'a>>) -> Expr {
        let mut chain = Chain::default();
        for part in parts {
            let span = self.span(&part);
            match part.rule() {
                Rule::not => chain.nots.push(span),
                Rule::operand => chain.terms.push(self.operand(part)),
                Rule::plus => {}
                Rule::equal => chain.compare(BinaryOp::Equal, span, &mut self.errors),
                Rule::not_equal => chain.compare(BinaryOp::NotEqual, span, &mut self.errors),
                Rule::and => chain.end_negation(&mut self.errors),
                Rule::or => chain.end_conjunction(&mut self.errors),
                other => unreachable!("no part of an expression: {other:?}"),
            }
        }
        chain.end_conjunction(&mut self.errors);
        fold(BinaryOp::Or, chain.disjuncts)
    }

    fn operand(&mut self, node: Node<'_>) -> Expr {
        let mut parts = node.inner();
        let mut value = self.primary(only(&mut parts));
        for (count, part) in parts.enumerate() {
            let span = value.span.to(self.span(&part));
            if count == MAX_DEPTH {
                self.errors.push(SyntaxError::TooDeep {
                    limit: MAX_DEPTH,
                    span: self.span(&part),
                });
                break;
            }
            let base = Box::new(value);
            let kind = match part.rule() {
                Rule::field => ExprKind::Field {
                    base,
                    name: self.word(&only(part.inner())),
                },
                Rule::index => ExprKind::Index {
                    base,
                    items: part.each(|item| self.index_item(item)),
                },
                other => unreachable!("no suffix: {other:?}"),
            };
            value = Expr { kind, span };
        }
        value
    }

    fn index_item(&mut self, node: Node<'_>) -> IndexItem {
        match node.rule() {
            Rule::any => IndexItem::Any(self.span(&node)),
            _ => IndexItem::Value(self.expr(node)),
        }
    }

    fn primary(&mut self, node: Node<'_>) -> Expr {
        let span = self.span(&node);
        let kind = match node.rule() {
            Rule::string => ExprKind::Str(self.string(node)),
            Rule::raw_string => ExprKind::Str(raw_parts(node.text())),
            Rule::integer => ExprKind::Int(self.integer(&node)),
            Rule::boolean => ExprKind::Bool(node.text() == "true"),
            Rule::list => ExprKind::List(node.each(|item| self.expr(item))),
            Rule::map => ExprKind::Map(node.each(|entry| self.map_entry(entry))),
            Rule::reference => self.reference(node),
            Rule::group => return self.group(node),
            other => unreachable!("no value: {other:?}"),
        };
        Expr { kind, span }
    }

    /// Brackets around operators stay in the span, so that the formatter can tell that they were written;
    /// around anything else they mean nothing.
    fn group(&mut self, node: Node<'_>) -> Expr {
        let span = self.span(&node);
        let inner = self.expr(only(node.inner()));
        match inner.kind {
            ExprKind::If { .. } | ExprKind::Not(_) | ExprKind::Binary { .. } => {
                Expr { span, ..inner }
            }
            _ => inner,
        }
    }

    fn reference(&mut self, node: Node<'_>) -> ExprKind {
        let mut parts = node.inner();
        let name = only(&mut parts);
        match parts.next() {
            None => ExprKind::Name(name.text().to_owned()),
            Some(args) => ExprKind::Call {
                function: self.word(&name),
                args: args.each(|arg| self.arg(arg)),
            },
        }
    }

    fn arg(&mut self, node: Node<'_>) -> Arg {
        let mut parts = node.inner().peekable();
        let name = parts
            .next_if(|part| part.rule() == Rule::arg_name)
            .map(|name| self.word(&name));
        Arg {
            name,
            value: self.expr(only(&mut parts)),
        }
    }

    fn map_entry(&mut self, node: Node<'_>) -> (Spanned<String>, Expr) {
        let mut parts = node.inner();
        let key = only(&mut parts);
        let key = if key.rule() == Rule::plain_string {
            self.plain_string(key)
        } else {
            self.word(&key)
        };
        (key, self.expr(only(&mut parts)))
    }

    pub(super) fn plain_string(&mut self, node: Node<'_>) -> Spanned<String> {
        let span = self.span(&node);
        let mut value = String::new();
        for part in node.inner() {
            match part.rule() {
                Rule::raw_string => value.push_str(unquoted(part.text())),
                Rule::escape => value.push(escaped(part.text())),
                _ => value.push_str(part.text()),
            }
        }
        Spanned { value, span }
    }

    fn string(&mut self, node: Node<'_>) -> Vec<StrPart> {
        let mut inner = node.inner();
        if let (Some(only), None) = (inner.next(), inner.next())
            && only.rule() == Rule::text
        {
            return vec![StrPart::Text(only.text().to_owned())];
        }
        let mut parts = Vec::new();
        let mut text = String::new();
        for part in node.inner() {
            match part.rule() {
                Rule::text => text.push_str(part.text()),
                Rule::escape => text.push(escaped(part.text())),
                Rule::interpolation | Rule::dollar_name => {
                    if !text.is_empty() {
                        parts.push(StrPart::Text(std::mem::take(&mut text)));
                    }
                    parts.push(StrPart::Value(self.interpolated(only(part.inner()))));
                }
                other => unreachable!("no part of a string: {other:?}"),
            }
        }
        if !text.is_empty() {
            parts.push(StrPart::Text(text));
        }
        parts
    }

    fn interpolated(&mut self, node: Node<'_>) -> Expr {
        match node.rule() {
            Rule::variable => Expr {
                span: self.span(&node),
                kind: ExprKind::Name(node.text().to_owned()),
            },
            _ => self.expr(node),
        }
    }
}

/// The state of one pass over a row of operators.
#[derive(Default)]
struct Chain {
    disjuncts: Vec<Expr>,
    conjuncts: Vec<Expr>,
    nots: Vec<Span>,
    /// The left side of a comparison, its operator and where that stands.
    left: Option<(Expr, BinaryOp, Span)>,
    terms: Vec<Expr>,
}

impl Chain {
    /// What has been read since the last comparison, `and` or `or`.
    fn take_comparison(&mut self) -> Expr {
        let right = fold(BinaryOp::Add, std::mem::take(&mut self.terms));
        match self.left.take() {
            Some((left, op, _)) => binary(op, left, right),
            None => right,
        }
    }

    fn compare(&mut self, op: BinaryOp, span: Span, errors: &mut Vec<SyntaxError>) {
        if let Some((_, _, first)) = self.left.take() {
            // The left side is forgotten, so that a long chain does not nest.
            errors.push(SyntaxError::ChainedComparison { span, first });
        }
        let left = self.take_comparison();
        self.left = Some((left, op, span));
    }

    fn end_negation(&mut self, errors: &mut Vec<SyntaxError>) {
        let mut value = self.take_comparison();
        if let Some(&span) = self.nots.get(MAX_DEPTH) {
            errors.push(SyntaxError::TooDeep {
                limit: MAX_DEPTH,
                span,
            });
            self.nots.clear();
        }
        for not in self.nots.drain(..).rev() {
            let span = not.to(value.span);
            value = Expr {
                kind: ExprKind::Not(Box::new(value)),
                span,
            };
        }
        self.conjuncts.push(value);
    }

    fn end_conjunction(&mut self, errors: &mut Vec<SyntaxError>) {
        self.end_negation(errors);
        self.disjuncts
            .push(fold(BinaryOp::And, std::mem::take(&mut self.conjuncts)));
    }
}

fn binary(op: BinaryOp, left: Expr, right: Expr) -> Expr {
    let span = left.span.to(right.span);
    Expr {
        kind: ExprKind::Binary {
            op,
            left: Box::new(left),
            right: Box::new(right),
        },
        span,
    }
}

fn fold(op: BinaryOp, mut terms: Vec<Expr>) -> Expr {
    while terms.len() > LEFT_LEANING {
        let mut rest = terms.into_iter();
        let mut halved = Vec::with_capacity(rest.len().div_ceil(2));
        while let Some(left) = rest.next() {
            halved.push(match rest.next() {
                Some(right) => binary(op, left, right),
                None => left,
            });
        }
        terms = halved;
    }
    terms
        .into_iter()
        .reduce(|left, right| binary(op, left, right))
        .expect("the grammar demands an operand")
}

fn unquoted(raw: &str) -> &str {
    &raw[1..raw.len() - 1]
}

fn raw_parts(raw: &str) -> Vec<StrPart> {
    let text = unquoted(raw);
    if text.is_empty() {
        Vec::new()
    } else {
        vec![StrPart::Text(text.to_owned())]
    }
}

/// What a two-character escape stands for.
fn escaped(escape: &str) -> char {
    match escape.as_bytes()[1] {
        b'n' => '\n',
        b't' => '\t',
        other => char::from(other),
    }
}
