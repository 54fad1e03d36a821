//! The command line's words before anything is resolved: `name=value` becomes arguments of the named targets or
//! overrides of top-level lets. Reads the trees alone, so the type of a let is judged from how it is written.

use crate::base::names::nearest;
use crate::lang::ast::{BinaryOp, Expr, ExprKind, Statement, TargetDecl};
use crate::plan::module::{Definition, ModuleId, Modules};
use crate::plan::name::{Word, parse_word, read_like};
use crate::plan::namespace::declared_name;
use crate::plan::resolve::Request;
use crate::plan::select::SelectError;
use crate::plan::value::Value;
use std::collections::{BTreeMap, BTreeSet};

/// The command line's words after the options: `name=value` split from the rest, as data for [`Request`]. The rest
/// are the words for [`crate::plan::select::select`], with the arguments in them. Done before resolving, from the
/// trees alone.
///
/// # Errors
/// Values for names that are neither a parameter of a named target nor a top-level let of the root, or of a wrong type.
pub fn read_words(
    modules: &Modules,
    words: &[String],
) -> Result<(Request, Vec<String>), Vec<SelectError>> {
    let mut values: BTreeMap<String, String> = BTreeMap::new();
    let mut targets: Vec<String> = Vec::new();
    let mut errors = Vec::new();
    for word in words {
        match assignment(word) {
            None => targets.push(word.clone()),
            Some((name, _)) if values.contains_key(name) => {
                errors.push(SelectError::ValueTwice {
                    name: name.to_owned(),
                });
            }
            Some((name, text)) => {
                values.insert(name.to_owned(), text.to_owned());
            }
        }
    }
    let mut reader = Reader {
        modules,
        used: BTreeSet::new(),
        request: Request::default(),
        errors,
    };
    if targets.is_empty() && !values.is_empty() {
        targets = reader.default_words();
    }
    let targets = targets
        .iter()
        .map(|word| reader.call(word, &values))
        .collect();
    for (name, text) in &values {
        if !reader.used.contains(name) {
            reader.override_let(name, text);
        }
    }
    if reader.errors.is_empty() {
        Ok((reader.request, targets))
    } else {
        Err(reader.errors)
    }
}

/// `name=value`, where the name is one that a Gofile could declare.
fn assignment(word: &str) -> Option<(&str, &str)> {
    let (name, value) = word.split_once('=')?;
    let mut chars = name.chars();
    let first = chars.next()?;
    let starts = first.is_ascii_alphabetic() || first == '_';
    let is_name = starts && chars.all(|c| c.is_ascii_alphanumeric() || c == '_');
    is_name.then_some((name, value))
}

struct Reader<'a> {
    modules: &'a Modules,
    /// Values that a target took.
    used: BTreeSet<String>,
    request: Request,
    errors: Vec<SelectError>,
}

impl Reader<'_> {
    /// What a bare call runs, as far as the text says it.
    fn default_words(&self) -> Vec<String> {
        let default = self
            .modules
            .settings(Modules::ROOT)
            .find(|entry| entry.key.value == "default");
        if let Some(entry) = default {
            return named(&entry.value);
        }
        let statements = &self.modules.modules[Modules::ROOT].tree.statements;
        let first = statements.iter().find_map(|statement| match statement {
            Statement::Target(decl) => Some(declared_name(decl).0.to_owned()),
            _ => None,
        });
        first.into_iter().collect()
    }

    /// Gives a word the values that its target takes, and returns it with them.
    fn call(&mut self, text: &str, values: &BTreeMap<String, String>) -> String {
        let Some(word) = parse_word(text) else {
            return text.to_owned();
        };
        let Some(decl) = self.declaration(&word.name) else {
            return text.to_owned();
        };
        let names = decl.params.iter().map(|param| &param.name.value);
        let taken = names.filter_map(|name| values.get_key_value(name));
        let taken: Vec<(String, String)> = taken
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect();
        self.used.extend(taken.iter().map(|(name, _)| name.clone()));
        let mut given = word.args.clone().unwrap_or_default();
        given.extend(taken);
        if given.is_empty() {
            return text.to_owned();
        }
        let args = given
            .iter()
            .map(|(name, value)| (name.clone(), Value::str(value.as_str())));
        self.request.calls.push((word.name.clone(), args.collect()));
        let word = Word {
            args: Some(given),
            ..word
        };
        word.to_string()
    }

    fn declaration(&self, name: &str) -> Option<&TargetDecl> {
        let mut module = Modules::ROOT;
        let mut rest = name;
        while let Some((alias, inner)) = rest.split_once(':') {
            module = self.modules.alias(module, alias)?;
            rest = inner;
        }
        self.modules.target(module, rest)
    }

    fn override_let(&mut self, name: &str, text: &str) {
        let Some(like) = self.like(Modules::ROOT, name, 0) else {
            self.errors.push(self.unknown_value(name));
            return;
        };
        match read_like(text, &like) {
            Ok(value) => {
                self.request.overrides.insert(name.to_owned(), value);
            }
            Err(expected) => self.errors.push(SelectError::ValueType {
                name: name.to_owned(),
                expected,
                text: text.to_owned(),
            }),
        }
    }

    fn unknown_value(&self, name: &str) -> SelectError {
        let statements = || self.modules.modules[Modules::ROOT].tree.statements.iter();
        let lets = statements().filter_map(|statement| match statement {
            Statement::Let(let_) => Some(let_.name.value.as_str()),
            _ => None,
        });
        let decls = || {
            statements().filter_map(|statement| match statement {
                Statement::Target(decl) => Some(&**decl),
                _ => None,
            })
        };
        let params =
            decls().flat_map(|decl| decl.params.iter().map(|param| param.name.value.as_str()));
        let near = nearest(name, lets.chain(params));
        let owner = decls().find(|decl| decl.params.iter().any(|param| param.name.value == name));
        let help = match (owner, near) {
            (Some(decl), _) => {
                let target = declared_name(decl).0;
                Some(format!(
                    "it is a parameter of `{target}`: name that target too"
                ))
            }
            (None, Some(near)) => Some(format!("did you mean `{near}`?")),
            (None, None) => Some(
                "values go to top-level lets and to parameters of the named targets".to_owned(),
            ),
        };
        SelectError::UnknownValue {
            name: name.to_owned(),
            help,
        }
    }

    /// A value of the type that a let seems to have; None where there is no such let.
    fn like(&self, module: ModuleId, name: &str, depth: usize) -> Option<Value> {
        match self.modules.definition(module, name)? {
            Definition::Let(let_) => Some(self.expr_like(module, &let_.value, depth)),
            Definition::With(_, _) => Some(Value::str("")),
        }
    }

    fn expr_like(&self, module: ModuleId, expr: &Expr, depth: usize) -> Value {
        /// Lets that rest on lets; a circle among them is the resolver's to report.
        const MAX_DEPTH: usize = 100;
        let next = |expr: &Expr| self.expr_like(module, expr, depth + 1);
        if depth > MAX_DEPTH {
            return Value::str("");
        }
        match &expr.kind {
            ExprKind::Int(number) => Value::Int(*number),
            ExprKind::Bool(_) | ExprKind::Not(_) => Value::Bool(true),
            ExprKind::List(items) => Value::list(items.first().map(next).into_iter().collect()),
            ExprKind::If { then, .. } => next(then),
            ExprKind::Binary { op, left, .. } => match op {
                BinaryOp::Add => next(left),
                _ => Value::Bool(true),
            },
            ExprKind::Name(name) => self
                .like(module, name, depth + 1)
                .unwrap_or_else(|| Value::str("")),
            ExprKind::Call { function, .. } => match function.value.as_str() {
                "glob" | "split" | "unique" | "flatten" => Value::list(Vec::new()),
                "contains" | "starts_with" | "ends_with" | "exists" => Value::Bool(true),
                "len" => Value::Int(0),
                _ => Value::str(""),
            },
            ExprKind::Str(_)
            | ExprKind::Map(_)
            | ExprKind::Index { .. }
            | ExprKind::Field { .. } => Value::str(""),
        }
    }
}

/// The names in a `default`.
fn named(expr: &Expr) -> Vec<String> {
    match &expr.kind {
        ExprKind::Name(name) => vec![name.clone()],
        ExprKind::List(items) => items.iter().flat_map(named).collect(),
        ExprKind::Index { base, .. } => named(base),
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_before_the_sign_are_assignments() {
        assert_eq!(assignment("host=web1"), Some(("host", "web1")));
        assert_eq!(assignment("a="), Some(("a", "")));
        assert_eq!(assignment("deploy(host=web1)"), None);
        assert_eq!(assignment("1a=2"), None);
        assert_eq!(assignment("app"), None);
    }
}
