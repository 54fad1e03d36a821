//! pest pairs to the syntax tree. Trusts the grammar for shape; knows what a grammar cannot say well:
//! precedence, chained comparisons, number ranges. Knows nothing of statements that failed to parse.

mod expression;

use crate::base::source::{Span, Spanned};
use crate::lang::ast::{Entry, For, Include, Item, Kind, Let, Param, Statement, TargetDecl};
use crate::lang::error::SyntaxError;
use crate::lang::script;
use pest::iterators::Pair;

/// The grammar, compiled.
#[derive(pest_derive::Parser)]
#[grammar = "../grammar/gofile.pest"]
pub struct Grammar;

/// How deep brackets, conditionals, `not`s and suffixes may be nested.
pub const MAX_DEPTH: usize = 100;

type Node<'a> = Pair<'a, Rule>;

/// Builds nodes from the pairs of one text that starts at the global offset `base`.
pub struct Builder {
    pub base: u32,
    pub errors: Vec<SyntaxError>,
}

/// The children that mean something: no brackets, separators, keywords or comments.
fn children(node: Node<'_>) -> impl Iterator<Item = Node<'_>> {
    node.into_inner().filter(|child| !is_mark(child.as_rule()))
}

fn is_mark(rule: Rule) -> bool {
    use Rule::{
        assign, brace_close, brace_open, bracket_close, bracket_open, colon, comma, comment, end,
        kw_as, kw_else, kw_for, kw_gofile, kw_if, kw_in, kw_include, kw_let, kw_settings, kw_then,
        kw_with, paren_close, paren_open, quote,
    };
    matches!(
        rule,
        assign
            | brace_close
            | brace_open
            | bracket_close
            | bracket_open
            | colon
            | comma
            | comment
            | end
            | kw_as
            | kw_else
            | kw_for
            | kw_gofile
            | kw_if
            | kw_in
            | kw_include
            | kw_let
            | kw_settings
            | kw_then
            | kw_with
            | paren_close
            | paren_open
            | quote
    )
}

fn only<'a>(mut nodes: impl Iterator<Item = Node<'a>>) -> Node<'a> {
    nodes.next().expect("the grammar demands this child")
}

impl Builder {
    /// Implicit blanks at the end of a rule belong to its pair, but not to the user's idea of it.
    pub fn span(&self, node: &Node<'_>) -> Span {
        let start = self.base as usize + node.as_span().start();
        Span::new(start, start + node.as_str().trim_end().len())
    }

    fn word(&self, node: &Node<'_>) -> Spanned<String> {
        Spanned {
            value: node.as_str().to_owned(),
            span: self.span(node),
        }
    }

    pub fn statement(&mut self, node: Node<'_>) -> Statement {
        let span = self.span(&node);
        match node.as_rule() {
            Rule::edition => {
                let number = only(children(node));
                let number = Spanned {
                    span: self.span(&number),
                    value: self.integer(&number),
                };
                Statement::Edition { number, span }
            }
            Rule::settings => Statement::Settings {
                entries: self.entries(only(children(node))),
                span,
            },
            Rule::let_binding => Statement::Let(self.let_binding(node)),
            Rule::include => Statement::Include(self.include(node)),
            Rule::target => Statement::Target(Box::new(self.target(node))),
            other => unreachable!("no statement: {other:?}"),
        }
    }

    fn let_binding(&mut self, node: Node<'_>) -> Let {
        let start = self.span(&node);
        let mut parts = children(node);
        let name = self.word(&only(&mut parts));
        let value = self.expr(only(&mut parts));
        Let {
            name,
            span: Span {
                end: value.span.end,
                ..start
            },
            value,
        }
    }

    fn include(&mut self, node: Node<'_>) -> Include {
        let span = self.span(&node);
        let mut parts = children(node);
        let path = self.plain_string(only(&mut parts));
        let alias = self.word(&only(&mut parts));
        let with = parts
            .next()
            .map(|block| self.entries(block))
            .unwrap_or_default();
        Include {
            path,
            alias,
            with,
            span,
        }
    }

    fn target(&mut self, node: Node<'_>) -> TargetDecl {
        let span = self.span(&node);
        let mut parts = children(node).peekable();
        let kind = only(&mut parts);
        let kind = Spanned {
            value: Kind::from_word(kind.as_str()).expect("the grammar lists the kinds"),
            span: self.span(&kind),
        };
        let mut target = TargetDecl {
            help: Vec::new(),
            header: kind.span,
            kind,
            name: None,
            params: Vec::new(),
            fors: Vec::new(),
            condition: None,
            body: Vec::new(),
            span,
        };
        for part in parts {
            let covered = self.span(&part);
            match part.as_rule() {
                Rule::target_name => target.name = Some(self.word(&part)),
                Rule::params => {
                    target.params = children(part).map(|param| self.param(param)).collect()
                }
                Rule::fors => {
                    target.fors = children(part).map(|item| self.for_item(item)).collect()
                }
                Rule::condition => target.condition = Some(self.expr(only(children(part)))),
                Rule::body => {
                    target.body = children(part).map(|item| self.item(item)).collect();
                    break;
                }
                other => unreachable!("no part of a target: {other:?}"),
            }
            target.header = target.header.to(covered);
        }
        if let Some(condition) = &target.condition {
            target.header = target.header.to(condition.span);
        }
        target
    }

    fn param(&mut self, node: Node<'_>) -> Param {
        let mut parts = children(node);
        let mut param = Param {
            name: self.word(&only(&mut parts)),
            choices: None,
            default: None,
        };
        for part in parts {
            let is_default = part.as_rule() == Rule::default;
            let value = Some(self.expr(only(children(part))));
            if is_default {
                param.default = value;
            } else {
                param.choices = value;
            }
        }
        param
    }

    fn for_item(&mut self, node: Node<'_>) -> For {
        let mut parts = children(node);
        For {
            name: self.word(&only(&mut parts)),
            items: self.expr(only(&mut parts)),
        }
    }

    pub fn item(&mut self, node: Node<'_>) -> Item {
        let span = self.span(&node);
        match node.as_rule() {
            Rule::let_binding => Item::Let(self.let_binding(node)),
            Rule::entry => Item::Entry(self.entry(node)),
            Rule::run_item => Item::Run(script::build(node, self.base)),
            Rule::block => {
                let mut parts = children(node);
                let name = self.word(&only(&mut parts));
                Item::Block {
                    name,
                    entries: self.entries(only(&mut parts)),
                    span,
                }
            }
            other => unreachable!("no item of a body: {other:?}"),
        }
    }

    fn entries(&mut self, node: Node<'_>) -> Vec<Entry> {
        children(node).map(|entry| self.entry(entry)).collect()
    }

    pub fn entry(&mut self, node: Node<'_>) -> Entry {
        let mut parts = children(node);
        let key = self.word(&only(&mut parts));
        let value = self.expr(only(&mut parts));
        Entry {
            span: key.span.to(value.span),
            key,
            value,
        }
    }
}
