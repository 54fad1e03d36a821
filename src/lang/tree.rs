//! The grammar's nodes to the syntax tree. Trusts the grammar for shape; knows what a grammar cannot say well:
//! precedence, chained comparisons, number ranges. Knows nothing of statements that failed to parse.

mod expression;

use crate::base::source::{Span, Spanned};
use crate::lang::ast::{Entry, For, Include, Item, Kind, Let, Param, Statement, TargetDecl};
use crate::lang::error::SyntaxError;
use crate::lang::node::Node;
use crate::lang::script;

/// The grammar, compiled.
#[derive(pest_derive::Parser)]
#[grammar = "../grammar/gofile.pest"]
pub struct Grammar;

/// How deep brackets, conditionals, `not`s and suffixes may be nested.
pub const MAX_DEPTH: usize = 100;

/// Builds nodes from the pairs of one text that starts at the global offset `base`.
pub struct Builder {
    pub base: u32,
    pub errors: Vec<SyntaxError>,
}

fn only<'a>(mut nodes: impl Iterator<Item = Node<'a>>) -> Node<'a> {
    nodes.next().expect("the grammar demands this child")
}

impl Builder {
    /// Implicit blanks at the end of a rule belong to its pair, but not to the user's idea of it.
    pub fn span(&self, node: &Node<'_>) -> Span {
        let start = self.base as usize + node.start();
        Span::new(start, start + node.text().trim_end().len())
    }

    fn word(&self, node: &Node<'_>) -> Spanned<String> {
        Spanned {
            value: node.text().to_owned(),
            span: self.span(node),
        }
    }

    pub fn statement(&mut self, node: Node<'_>) -> Statement {
        let span = self.span(&node);
        match node.rule() {
            Rule::edition => {
                let number = only(node.inner());
                let number = Spanned {
                    span: self.span(&number),
                    value: self.integer(&number),
                };
                Statement::Edition { number, span }
            }
            Rule::settings => Statement::Settings {
                entries: self.entries(only(node.inner())),
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
        let mut parts = node.inner();
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
        let mut parts = node.inner();
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
        let mut parts = node.inner().peekable();
        let kind = only(&mut parts);
        let kind = Spanned {
            value: Kind::from_word(kind.text()).expect("the grammar lists the kinds"),
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
            match part.rule() {
                Rule::target_name => target.name = Some(self.word(&part)),
                Rule::params => target.params = part.each(|param| self.param(param)),
                Rule::fors => target.fors = part.each(|item| self.for_item(item)),
                Rule::condition => target.condition = Some(self.expr(only(part.inner()))),
                Rule::body => {
                    target.body = part.each(|item| self.item(item));
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
        let mut parts = node.inner();
        let mut param = Param {
            name: self.word(&only(&mut parts)),
            choices: None,
            default: None,
        };
        for part in parts {
            let is_default = part.rule() == Rule::default;
            let value = Some(self.expr(only(part.inner())));
            if is_default {
                param.default = value;
            } else {
                param.choices = value;
            }
        }
        param
    }

    fn for_item(&mut self, node: Node<'_>) -> For {
        let mut parts = node.inner();
        For {
            name: self.word(&only(&mut parts)),
            items: self.expr(only(&mut parts)),
        }
    }

    pub fn item(&mut self, node: Node<'_>) -> Item {
        let span = self.span(&node);
        match node.rule() {
            Rule::let_binding => Item::Let(self.let_binding(node)),
            Rule::entry => Item::Entry(self.entry(node)),
            Rule::run_item => Item::Run(script::build(node, self.base)),
            Rule::block => {
                let mut parts = node.inner();
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
        node.each(|entry| self.entry(entry))
    }

    pub fn entry(&mut self, node: Node<'_>) -> Entry {
        let mut parts = node.inner();
        let key = self.word(&only(&mut parts));
        let value = self.expr(only(&mut parts));
        Entry {
            span: key.span.to(value.span),
            key,
            value,
        }
    }
}
