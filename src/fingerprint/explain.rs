//! Two sets of facts to the differences between them, for `--why`.

use crate::fingerprint::content::Content;
use crate::fingerprint::key::{FactValue, Field, Subject};
use serde::{Deserialize, Serialize};

/// A fact as recorded with a success.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fact {
    pub field: Field,
    pub name: String,
    pub value: Value,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Value {
    Text(String),
    /// The text of a variable that looks like a secret by its name: only its digest is kept.
    Hidden(crate::base::digest::Digest),
    Content(Content),
}

/// The facts of a subject, to be recorded.
pub fn facts(subject: &Subject<'_>) -> Vec<Fact> {
    let mut out = Vec::new();
    subject.walk(&mut |field, name, value| {
        let value = match value {
            FactValue::Text(text) if field == Field::Env && looks_secret(name) => {
                Value::Hidden(crate::base::digest::Digest::of(text.as_bytes()))
            }
            FactValue::Text(text) => Value::Text(text.to_owned()),
            FactValue::Content(content) => Value::Content(content),
        };
        out.push(Fact {
            field,
            name: name.to_owned(),
            value,
        });
    });
    out
}

/// Whether a variable's name suggests that its value should not be shown or stored.
pub fn looks_secret(name: &str) -> bool {
    let upper = name.to_ascii_uppercase();
    [
        "TOKEN",
        "SECRET",
        "PASSWORD",
        "PASSWD",
        "CREDENTIAL",
        "APIKEY",
        "API_KEY",
        "PRIVATE_KEY",
    ]
    .iter()
    .any(|word| upper.contains(word))
}

/// One difference between two sets of facts. `old` is None for what was added, `new` for what is gone; both are None where the
/// name says it all.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    pub field: Field,
    pub name: String,
    /// The first line of a script that differs, counted from 1 in the new text.
    pub line: Option<usize>,
    pub old: Option<Value>,
    pub new: Option<Value>,
}

/// The differences, in the order of [`Field`]; none means that the keys are equal.
pub fn compare(old: &[Fact], new: &[Fact]) -> Vec<Change> {
    let _ = (old, new);
    todo!()
}

impl Change {
    /// One line for people: `variable CC: "gcc" -> "clang"`, `input src/a.c changed (1a2b3c -> 3c4d5e)`.
    pub fn sentence(&self) -> String {
        todo!()
    }
}
