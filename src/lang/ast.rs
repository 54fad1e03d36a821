//! The syntax tree of a Gofile. Every node has its span; nothing is resolved here.

use crate::base::source::{Span, Spanned};
use std::fmt;

/// One Gofile.
#[derive(Debug, Clone, Default)]
pub struct File {
    pub statements: Vec<Statement>,
    /// All comments, in order, for the formatter.
    pub comments: Vec<Comment>,
    pub span: Span,
}

#[derive(Debug, Clone)]
pub struct Comment {
    pub span: Span,
    /// With its `#`, without the newline.
    pub text: String,
}

#[derive(Debug, Clone)]
pub enum Statement {
    /// `gofile 1`
    Edition {
        number: Spanned<u64>,
        span: Span,
    },
    Settings {
        entries: Vec<Entry>,
        span: Span,
    },
    Let(Let),
    Include(Include),
    Target(Box<TargetDecl>),
}

#[derive(Debug, Clone)]
pub struct Let {
    pub name: Spanned<String>,
    pub value: Expr,
    pub span: Span,
}

/// `include "services/api" as api with { version = version }`
#[derive(Debug, Clone)]
pub struct Include {
    pub path: Spanned<String>,
    pub alias: Spanned<String>,
    pub with: Vec<Entry>,
    pub span: Span,
}

#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize,
)]
pub enum Kind {
    Build,
    Test,
    Image,
    Service,
    Task,
    Clean,
}

impl Kind {
    pub const ALL: [Self; 6] = [
        Self::Build,
        Self::Test,
        Self::Image,
        Self::Service,
        Self::Task,
        Self::Clean,
    ];
    pub fn word(self) -> &'static str {
        match self {
            Self::Build => "build",
            Self::Test => "test",
            Self::Image => "image",
            Self::Service => "service",
            Self::Task => "task",
            Self::Clean => "clean",
        }
    }
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.word() == word)
    }
}
impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// `KIND NAME? (params)? (for NAME in EXPR, …)? (if EXPR)? { body }`
#[derive(Debug, Clone)]
pub struct TargetDecl {
    /// The `## ` lines directly above it, without the marker.
    pub help: Vec<String>,
    pub kind: Spanned<Kind>,
    /// None: named after its kind.
    pub name: Option<Spanned<String>>,
    pub params: Vec<Param>,
    pub fors: Vec<For>,
    pub condition: Option<Expr>,
    pub body: Vec<Item>,
    /// From the kind to the closing brace.
    pub span: Span,
    /// From the kind to before the opening brace.
    pub header: Span,
}

/// `tier: ["dev", "prod"] = "dev"`
#[derive(Debug, Clone)]
pub struct Param {
    pub name: Spanned<String>,
    pub choices: Option<Expr>,
    pub default: Option<Expr>,
}

#[derive(Debug, Clone)]
pub struct For {
    pub name: Spanned<String>,
    pub items: Expr,
}

/// What may stand in a target's body.
#[derive(Debug, Clone)]
pub enum Item {
    Let(Let),
    Entry(Entry),
    /// `run: …` in its script form; `run = […]` is an `Entry` with the key `run`.
    Run(Script),
    /// A language block, `go { … }`.
    Block {
        name: Spanned<String>,
        entries: Vec<Entry>,
        span: Span,
    },
}

/// `key = value`
#[derive(Debug, Clone)]
pub struct Entry {
    pub key: Spanned<String>,
    pub value: Expr,
    pub span: Span,
}

/// A script as written, with its common indent taken off.
#[derive(Debug, Clone)]
pub struct Script {
    /// `bash` in `run bash:`; None means the settings' shell.
    pub interpreter: Option<Spanned<String>>,
    /// LF line ends; no trailing newline beyond the last line's.
    pub text: String,
    /// For each line of `text`, the global offset at which its first kept byte stands in the source.
    pub line_starts: Vec<u32>,
    /// The whole `run …:` item.
    pub span: Span,
}

#[derive(Debug, Clone)]
pub struct Expr {
    pub kind: ExprKind,
    pub span: Span,
}

#[derive(Debug, Clone)]
pub enum ExprKind {
    /// `"…"` or `'…'`; adjacent text is one part, a raw string is a single `Text`, an empty string has no part.
    Str(Vec<StrPart>),
    Int(u64),
    Bool(bool),
    List(Vec<Expr>),
    /// Keys are strings or bare names.
    Map(Vec<(Spanned<String>, Expr)>),
    /// A variable, a parameter, a target; may be `ns:target`, may hold `-`.
    Name(String),
    Call {
        function: Spanned<String>,
        args: Vec<Arg>,
    },
    /// `dist["linux", *]`
    Index {
        base: Box<Expr>,
        items: Vec<IndexItem>,
    },
    /// `host.os`
    Field {
        base: Box<Expr>,
        name: Spanned<String>,
    },
    If {
        condition: Box<Expr>,
        then: Box<Expr>,
        otherwise: Box<Expr>,
    },
    Not(Box<Expr>),
    Binary {
        op: BinaryOp,
        left: Box<Expr>,
        right: Box<Expr>,
    },
}

#[derive(Debug, Clone)]
pub enum StrPart {
    /// With escapes resolved.
    Text(String),
    /// `$name` or `${expression}`
    Value(Expr),
}

#[derive(Debug, Clone)]
pub struct Arg {
    /// `exclude` in `glob("…", exclude = "…")`
    pub name: Option<Spanned<String>>,
    pub value: Expr,
}

#[derive(Debug, Clone)]
pub enum IndexItem {
    Any(Span),
    Value(Expr),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BinaryOp {
    Or,
    And,
    Equal,
    NotEqual,
    Add,
}
