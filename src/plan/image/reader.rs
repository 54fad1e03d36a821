//! Reads the keys of an image's or a service's body: values by shape, mistakes where they stand. What the keys mean is
//! said elsewhere.

use crate::base::path::ProjectPath;
use crate::base::source::Span;
use crate::lang::ast::{Entry, Expr, ExprKind};
use crate::plan::bind::Binder;
use crate::plan::body::{Body, Shape};
use crate::plan::check::check_value;
use crate::plan::error::{Lint, PlanError};
use crate::plan::eval::{Evaluator, Scope};
use crate::plan::module::ModuleId;
use crate::plan::target::spanned;
use crate::plan::value::Value;
use std::collections::BTreeMap;

pub(in crate::plan) struct Reader<'r, 'a> {
    /// For what the graph rests on.
    pub plan: &'r Evaluator<'a>,
    /// For what only a run needs.
    pub run: &'r Evaluator<'a>,
    pub module: ModuleId,
    pub scope: &'r Scope<'a>,
    /// Where relative paths begin.
    pub dir: &'r ProjectPath,
    pub body: &'r Body<'a>,
    pub errors: Vec<PlanError>,
    pub lints: Vec<Lint>,
}

/// An entry of a map, with its place where it is written as one.
pub(in crate::plan) struct Pair<'e> {
    pub key: String,
    pub key_span: Span,
    pub value: Value,
    pub span: Span,
    pub expr: Option<&'e Expr>,
}

impl<'a> Binder<'a> {
    /// The reader of the target's body as it is bound: the graph's values and a run's are of one kind then.
    pub(in crate::plan) fn reader(&self) -> Reader<'_, 'a> {
        Reader {
            plan: &self.evaluator,
            run: &self.evaluator,
            module: self.decl.module,
            scope: &self.scope,
            dir: &self.modules.modules[self.decl.module].dir,
            body: &self.body,
            errors: Vec::new(),
            lints: Vec::new(),
        }
    }
}

impl<'r, 'a> Reader<'r, 'a> {
    pub(in crate::plan) fn entry(&self, key: &str) -> Option<&'a Entry> {
        self.body.get(key)
    }

    /// A value that only a run needs, if it has the shape; what is not known yet is as if it were not written.
    pub(in crate::plan) fn value(&mut self, key: &str, shape: Shape) -> Option<(Value, Span)> {
        self.value_by(self.run, key, shape)
    }

    /// A value that the graph rests on.
    pub(in crate::plan) fn plan_value(&mut self, key: &str, shape: Shape) -> Option<(Value, Span)> {
        self.value_by(self.plan, key, shape)
    }

    fn value_by(
        &mut self,
        evaluator: &Evaluator<'a>,
        key: &str,
        shape: Shape,
    ) -> Option<(Value, Span)> {
        let entry = self.entry(key)?;
        let value = evaluator.eval(self.module, self.scope, &entry.value);
        let span = entry.value.span;
        let before = self.errors.len();
        check_value(key, shape, &value, span, &mut self.errors);
        let fits = self.errors.len() == before;
        (fits && !is_open(&value)).then_some((value, span))
    }

    pub(in crate::plan) fn text(&mut self, key: &str) -> Option<(String, Span)> {
        let (value, span) = self.value(key, Shape::Text)?;
        Some((value.as_text()?.to_string(), span))
    }

    pub(in crate::plan) fn flag(&mut self, key: &str) -> Option<bool> {
        match self.value(key, Shape::Bool)?.0 {
            Value::Bool(flag) => Some(flag),
            _ => None,
        }
    }

    /// The items of a list, or the one value, each where it stands.
    pub(in crate::plan) fn items(&mut self, key: &str, shape: Shape) -> Option<Vec<(Value, Span)>> {
        let entry = self.entry(key)?;
        let mut found = Vec::new();
        for (value, span) in spanned(self.run, self.module, self.scope, &entry.value) {
            let before = self.errors.len();
            check_value(key, shape, &value, span, &mut self.errors);
            if self.errors.len() == before && !is_open(&value) {
                found.push((value, span));
            }
        }
        Some(found)
    }

    pub(in crate::plan) fn texts(&mut self, key: &str) -> Option<Vec<(String, Span)>> {
        let items = self.items(key, Shape::Texts)?;
        let texts = items.into_iter();
        Some(
            texts
                .filter_map(|(item, span)| Some((item.as_text()?.to_string(), span)))
                .collect(),
        )
    }

    /// A map of plain texts.
    pub(in crate::plan) fn labels(&mut self, key: &str) -> BTreeMap<String, String> {
        let Some((Value::Map(pairs), _)) = self.value(key, Shape::Labels) else {
            return BTreeMap::new();
        };
        let texts = pairs.iter();
        texts
            .filter_map(|(name, value)| Some((name.to_string(), value.as_text()?.to_string())))
            .collect()
    }

    /// The entries of a map; `Err` holds a value that is none.
    pub(in crate::plan) fn pairs<'e>(
        &self,
        evaluator: &Evaluator<'a>,
        expr: &'e Expr,
    ) -> Result<Vec<Pair<'e>>, Value> {
        // What stands in a map within it may be for a run alone: `{ text = "$version" }`.
        let by = |expr: &Expr| match expr.kind {
            ExprKind::Map(_) => self.run.eval(self.module, self.scope, expr),
            _ => evaluator.eval(self.module, self.scope, expr),
        };
        match (&expr.kind, by(expr)) {
            (ExprKind::Map(_), Value::Bad) => Ok(Vec::new()),
            (ExprKind::Map(written), _) => {
                let pair = |(key, expr): &'e (crate::base::source::Spanned<String>, Expr)| Pair {
                    key: key.value.clone(),
                    key_span: key.span,
                    value: by(expr),
                    span: expr.span,
                    expr: Some(expr),
                };
                Ok(written.iter().map(pair).collect())
            }
            (_, value) => pairs_of(&value, expr.span),
        }
    }

    pub(in crate::plan) fn bad_text(
        &mut self,
        text: &str,
        expected: &'static str,
        span: Span,
        help: &'static str,
    ) {
        self.errors.push(PlanError::BadText {
            text: text.to_owned(),
            expected,
            span,
            help,
        });
    }

    pub(in crate::plan) fn key_type(
        &mut self,
        key: &str,
        expected: &'static str,
        got: &Value,
        span: Span,
        help: Option<String>,
    ) {
        if !is_open(got) {
            self.errors.push(PlanError::KeyType {
                key: key.to_owned(),
                expected,
                got: got.type_name().to_owned(),
                span,
                help,
            });
        }
    }
}

/// The entries of a map that is no literal, all at one place.
pub(in crate::plan) fn pairs_of(value: &Value, span: Span) -> Result<Vec<Pair<'static>>, Value> {
    match value {
        Value::Map(pairs) => Ok(pairs
            .iter()
            .map(|(key, value)| Pair {
                key: key.to_string(),
                key_span: span,
                value: value.clone(),
                span,
                expr: None,
            })
            .collect()),
        Value::Unknown(_) | Value::Bad => Ok(Vec::new()),
        other => Err(other.clone()),
    }
}

/// Whether a value is not known yet, or was reported.
pub(in crate::plan) fn is_open(value: &Value) -> bool {
    matches!(value, Value::Unknown(_) | Value::Bad)
}

/// A path in an image: absolute, with components that are neither empty nor dots.
pub(in crate::plan) fn image_path(text: &str) -> Result<String, &'static str> {
    if !text.starts_with('/') {
        return Err("paths in an image are absolute: begin it with `/`");
    }
    if text.contains('\0') {
        return Err("no path holds a NUL");
    }
    let mut path = String::with_capacity(text.len());
    for part in text.split('/').filter(|part| !matches!(*part, "" | ".")) {
        if part == ".." {
            return Err("write the path without `..`");
        }
        path.push('/');
        path.push_str(part);
    }
    if path.is_empty() {
        path.push('/');
    }
    Ok(path)
}
