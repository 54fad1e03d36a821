//! What the functions make of their arguments, once these are evaluated and matched.

use crate::base::hash::HashSet;
use crate::plan::error::PlanError;
use crate::plan::eval::Evaluator;
use crate::plan::function::{Input, module_dir, project_path};
use crate::plan::observe;
use crate::plan::value::Value;
use std::sync::Arc;

/// None after a mistake that has been reported.
pub(super) fn apply(input: &Input<'_, '_, '_>) -> Option<Value> {
    match input.call.signature.name {
        "stem" => input.each(|path| Value::str(split_ext(file_name(path)).0)),
        "ext" => input.each(|path| Value::str(split_ext(file_name(path)).1)),
        "base" => input.each(|path| Value::str(file_name(path))),
        "dir" => input.each(|path| Value::str(parent(path))),
        "with_ext" => with_ext(input),
        "join" => join(input),
        "split" => split(input),
        "replace" => replace(input),
        "trim" => input.each(|text| Value::str(text.trim())),
        "upper" => input.each(|text| Value::str(text.to_uppercase())),
        "lower" => input.each(|text| Value::str(text.to_lowercase())),
        "unique" => Some(unique(input.list(0)?)),
        "flatten" => Some(Value::list(Evaluator::items(&Value::List(
            input.list(0)?.clone(),
        )))),
        "len" => len(input),
        "contains" => contains(input),
        "starts_with" => Some(Value::Bool(input.text(0)?.starts_with(&*input.text(1)?))),
        "ends_with" => Some(Value::Bool(input.text(0)?.ends_with(&*input.text(1)?))),
        "relative" => relative(input),
        "fail" => {
            let message = input.text(0)?.to_string();
            Some(input.frame.wrong(PlanError::Fail {
                message,
                span: input.call.span,
            }))
        }
        "volatile" => volatile(input),
        "secret" => Some(Value::Secret(input.text(0)?)),
        "optional" => optional(input.value(0)).or_else(|| {
            input.wrong_type(0, "a string or a list of strings", input.value(0));
            None
        }),
        "read" => observe::read(input),
        "exists" => observe::exists(input),
        "which" => observe::which(input),
        other => unreachable!("`{other}` is in the table of functions and not here"),
    }
}

/// The last component; a trailing `/` does not make an empty one.
fn file_name(path: &str) -> &str {
    path.trim_end_matches('/')
        .rsplit('/')
        .next()
        .unwrap_or_default()
}
/// A name before and from its last dot; a leading dot does not start an extension.
fn split_ext(name: &str) -> (&str, &str) {
    match name.rfind('.') {
        Some(at) if at > 0 => name.split_at(at),
        _ => (name, ""),
    }
}
fn parent(path: &str) -> &str {
    let trimmed = path.trim_end_matches('/');
    match trimmed.rfind('/') {
        None if trimmed.is_empty() && !path.is_empty() => "/",
        None => ".",
        Some(0) => "/",
        Some(at) => trimmed[..at].trim_end_matches('/'),
    }
}
fn with_ext(input: &Input<'_, '_, '_>) -> Option<Value> {
    let ext = input.text(1)?;
    if ext.contains('/') {
        return input.mistake("an extension holds no `/`", 1);
    }
    let dot = if ext.is_empty() || ext.starts_with('.') {
        ""
    } else {
        "."
    };
    input.each(|path| {
        let path = path.trim_end_matches('/');
        let kept = path.len() - split_ext(file_name(path)).1.len();
        Value::str(format!("{}{dot}{ext}", &path[..kept]))
    })
}
fn join(input: &Input<'_, '_, '_>) -> Option<Value> {
    let separator = if input.values[1].is_some() {
        input.text(1)?
    } else {
        Arc::from(" ")
    };
    let mut texts = Vec::new();
    for item in Evaluator::items(input.value(0)) {
        let Some(text) = item.as_text() else {
            input.wrong_type(0, "a list of strings", &item);
            return None;
        };
        texts.push(text);
    }
    Some(Value::str(texts.join(&*separator)))
}
fn split(input: &Input<'_, '_, '_>) -> Option<Value> {
    let text = input.text(0)?;
    if input.values[1].is_none() {
        return Some(Value::list(
            text.split_whitespace().map(Value::str).collect(),
        ));
    }
    let separator = input.text(1)?;
    if separator.is_empty() {
        return input.mistake("an empty separator splits nowhere", 1);
    }
    if text.is_empty() {
        return Some(Value::list(Vec::new()));
    }
    Some(Value::list(
        text.split(&*separator).map(Value::str).collect(),
    ))
}
fn replace(input: &Input<'_, '_, '_>) -> Option<Value> {
    let (from, to) = (input.text(1)?, input.text(2)?);
    if from.is_empty() {
        return input.mistake("an empty text is found everywhere", 1);
    }
    input.each(|text| Value::str(text.replace(&*from, &to)))
}
fn unique(items: &[Value]) -> Value {
    let mut texts: HashSet<Arc<str>> = HashSet::default();
    let mut kept: Vec<Value> = Vec::new();
    for item in items {
        let is_new = match item {
            Value::Str(text) => texts.insert(text.clone()),
            other => !kept.contains(other),
        };
        if is_new {
            kept.push(item.clone());
        }
    }
    Value::list(kept)
}
fn len(input: &Input<'_, '_, '_>) -> Option<Value> {
    let count = match input.value(0) {
        Value::List(items) => items.len(),
        Value::Map(entries) => entries.len(),
        Value::Str(text) => text.chars().count(),
        other => {
            input.wrong_type(0, "a list, a map or a string", other);
            return None;
        }
    };
    Some(Value::Int(count as u64))
}
fn contains(input: &Input<'_, '_, '_>) -> Option<Value> {
    let found = match input.value(0) {
        Value::List(items) => items.contains(input.value(1)),
        Value::Map(entries) => {
            let key = input.text(1)?;
            entries.iter().any(|(name, _)| *name == key)
        }
        Value::Str(text) => text.contains(&*input.text(1)?),
        other => {
            input.wrong_type(0, "a list, a map or a string", other);
            return None;
        }
    };
    Some(Value::Bool(found))
}
fn relative(input: &Input<'_, '_, '_>) -> Option<Value> {
    let dir = module_dir(input.frame);
    let from = project_path(input.frame, dir, &input.text(1)?, input.call.span_of(1))?;
    input.each(
        |path| match project_path(input.frame, dir, path, input.call.span_of(0)) {
            Some(path) => Value::str(path.relative_to(&from)),
            None => Value::Bad,
        },
    )
}
fn volatile(input: &Input<'_, '_, '_>) -> Option<Value> {
    match input.value(0) {
        value @ (Value::Str(_) | Value::Int(_) | Value::Bool(_) | Value::List(_)) => {
            Some(value.clone())
        }
        other => {
            input.wrong_type(0, "a string, an integer, a boolean or a list", other);
            None
        }
    }
}
fn optional(value: &Value) -> Option<Value> {
    match value {
        Value::Str(pattern) => Some(Value::Optional(pattern.clone())),
        Value::Optional(_) => Some(value.clone()),
        Value::List(items) => items
            .iter()
            .map(optional)
            .collect::<Option<Vec<_>>>()
            .map(Value::list),
        _ => None,
    }
}
