//! What the grammar found in a text, laid flat: a row a rule, in the order of the text. Where a row came from, the
//! grammar itself or an earlier text of the same outline, is of no concern to who builds a tree of it.

use crate::lang::tree::Rule;
use pest::Token;
use pest::iterators::Pairs;

/// The rules that mean something; brackets, separators and keywords are left out.
#[derive(Default)]
pub struct Nodes {
    pub rows: Vec<Row>,
    /// Start and end of each comment.
    pub comments: Vec<(u32, u32)>,
}

/// Offsets are bytes of the text that was parsed.
#[derive(Clone, Copy)]
pub struct Row {
    pub rule: Rule,
    pub start: u32,
    pub end: u32,
    /// The row behind everything inside of this one.
    pub next: u32,
}

/// A row with what it is about.
#[derive(Clone, Copy)]
pub struct Node<'a> {
    rows: &'a [Row],
    text: &'a str,
    at: u32,
}

impl Nodes {
    pub fn of(pairs: Pairs<'_, Rule>) -> Self {
        let mut nodes = Self::default();
        let mut open: Vec<usize> = Vec::new();
        // How deep inside of a mark, and where a comment began.
        let mut marks = 0_usize;
        let mut began = 0;
        for token in pairs.tokens() {
            match token {
                Token::Start { rule, pos } if marks > 0 || is_mark(rule) => {
                    marks += 1;
                    began = pos.pos() as u32;
                }
                Token::Start { rule, pos } => {
                    open.push(nodes.rows.len());
                    nodes.rows.push(Row {
                        rule,
                        start: pos.pos() as u32,
                        end: 0,
                        next: 0,
                    });
                }
                Token::End { rule, pos } if marks > 0 => {
                    marks -= 1;
                    if rule == Rule::comment {
                        nodes.comments.push((began, pos.pos() as u32));
                    }
                }
                Token::End { pos, .. } => {
                    let next = nodes.rows.len() as u32;
                    let at = open.pop().expect("rules end in the order that they began");
                    nodes.rows[at].end = pos.pos() as u32;
                    nodes.rows[at].next = next;
                }
            }
        }
        nodes
    }

    /// The node in the first row; `text` is what was parsed.
    pub fn first<'a>(&'a self, text: &'a str) -> Option<Node<'a>> {
        self.all(text).next()
    }

    /// Every node, the outer ones before what is inside of them.
    pub fn all<'a>(&'a self, text: &'a str) -> impl Iterator<Item = Node<'a>> {
        (0..self.rows.len() as u32).map(move |at| Node {
            rows: &self.rows,
            text,
            at,
        })
    }
}

impl<'a> Node<'a> {
    fn row(&self) -> &'a Row {
        &self.rows[self.at as usize]
    }
    pub fn rule(&self) -> Rule {
        self.row().rule
    }
    pub fn text(&self) -> &'a str {
        let row = self.row();
        &self.text[row.start as usize..row.end as usize]
    }
    pub fn start(&self) -> usize {
        self.row().start as usize
    }
    pub fn end(&self) -> usize {
        self.row().end as usize
    }
    /// What is made of each node directly inside of it, in a vector no larger than that: a tree of 100,000 statements is
    /// mostly lists of one or two.
    pub fn each<T>(self, make: impl FnMut(Self) -> T) -> Vec<T> {
        let mut all = Vec::with_capacity(self.inner().count());
        all.extend(self.inner().map(make));
        all
    }
    /// What is directly inside of it.
    pub fn inner(self) -> impl Iterator<Item = Self> {
        let end = self.row().next;
        let mut at = self.at + 1;
        std::iter::from_fn(move || {
            let found = Self { at, ..self };
            (at < end).then(|| {
                at = found.row().next;
                found
            })
        })
    }
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
