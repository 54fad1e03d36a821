//! Values of Gofile expressions.

use crate::base::source::Span;
use crate::plan::module::ModuleId;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Value {
    Str(Arc<str>),
    Int(u64),
    Bool(bool),
    List(Arc<Vec<Value>>),
    /// In the order written; keys are unique.
    Map(Arc<Vec<(Arc<str>, Value)>>),
    /// A target, as `obj`, `dist["linux", *]` or `deploy(host = "web1")`.
    Target(Arc<TargetRef>),
    /// `secret(NAME)`: the name of the caller's variable, never its value.
    Secret(Arc<str>),
    /// `volatile(x)`: passed, not counted.
    Volatile(Arc<Value>),
    /// `optional("…")` around an input pattern.
    Optional(Arc<str>),
    /// Not known yet or, where nothing may run, not to be known: what it is called, for `‹version›`.
    /// Whatever is computed from an unknown is unknown.
    Unknown(Arc<str>),
    /// An expression with a mistake that has been reported; stays silent.
    Bad,
}

/// A reference to instances of a declared target; not yet resolved to ids.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TargetRef {
    pub module: ModuleId,
    /// Its name within that module.
    pub name: String,
    /// One item for each `for` variable; empty means all instances.
    pub select: Vec<Selector>,
    /// `deploy(host = "web1")`.
    pub args: Vec<(String, Value)>,
    pub span: Span,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Selector {
    Any,
    Is(String),
}

impl Value {
    pub fn str(text: impl Into<Arc<str>>) -> Self {
        Self::Str(text.into())
    }
    pub fn list(items: Vec<Value>) -> Self {
        Self::List(Arc::new(items))
    }
    /// The value without its `volatile`, and whether it had one.
    pub fn into_plain(self) -> (Self, bool) {
        match self {
            Self::Volatile(inner) => (Arc::unwrap_or_clone(inner), true),
            plain => (plain, false),
        }
    }
    /// Wraps it where what it was made of is volatile. Unknown and bad values need no wrapping: they say so themselves.
    pub fn volatile_if(self, volatile: bool) -> Self {
        match self {
            Self::Unknown(_) | Self::Bad | Self::Volatile(_) => self,
            plain if volatile => Self::Volatile(Arc::new(plain)),
            plain => plain,
        }
    }
    /// `Bad` or `Unknown` if it, or an item in it, is; a mistake outweighs a value not known yet.
    pub fn doubt(&self) -> Option<Self> {
        match self {
            Self::Bad | Self::Unknown(_) => Some(self.clone()),
            Self::Volatile(inner) => inner.doubt(),
            Self::List(items) => worst(items.iter()),
            Self::Map(entries) => worst(entries.iter().map(|(_, value)| value)),
            _ => None,
        }
    }
    /// Its text, for a string, an integer or a boolean.
    pub fn as_text(&self) -> Option<Arc<str>> {
        match self {
            Self::Str(text) => Some(text.clone()),
            Self::Int(number) => Some(number.to_string().into()),
            Self::Bool(truth) => Some(if *truth { "true" } else { "false" }.into()),
            _ => None,
        }
    }
    /// How many lists and maps lie within each other.
    pub fn nesting(&self) -> usize {
        match self {
            Self::List(items) => 1 + items.iter().map(Self::nesting).max().unwrap_or(0),
            Self::Map(entries) => {
                1 + entries
                    .iter()
                    .map(|(_, value)| value.nesting())
                    .max()
                    .unwrap_or(0)
            }
            Self::Volatile(inner) => inner.nesting(),
            _ => 0,
        }
    }
    /// The word for its type in messages.
    pub fn type_name(&self) -> &'static str {
        match self {
            Self::Str(_) => "a string",
            Self::Int(_) => "an integer",
            Self::Bool(_) => "a boolean",
            Self::List(_) => "a list",
            Self::Map(_) => "a map",
            Self::Target(_) => "a target",
            Self::Secret(_) => "a secret",
            Self::Volatile(_) => "a volatile value",
            Self::Optional(_) => "an optional pattern",
            Self::Unknown(_) => "a value not known yet",
            Self::Bad => "a mistake",
        }
    }
}

fn worst<'v>(values: impl Iterator<Item = &'v Value>) -> Option<Value> {
    let mut worst = None;
    for doubt in values.filter_map(Value::doubt) {
        if doubt == Value::Bad {
            return Some(doubt);
        }
        worst.get_or_insert(doubt);
    }
    worst
}
