//! How one expression is evaluated: names, operators, indices and fields. Knows nothing of what the functions do.

use crate::base::hash::HashMap;
use crate::base::names::nearest;
use crate::base::source::{Span, Spanned};
use crate::lang::ast::{Expr, ExprKind, IndexItem, Let, StrPart};
use crate::plan::error::PlanError;
use crate::plan::eval::{Evaluator, Scope};
use crate::plan::function;
use crate::plan::module::ModuleId;
use crate::plan::namespace::GIVEN;
use crate::plan::observe;
use crate::plan::value::{Selector, TargetRef, Value};
use miette::LabeledSpan;
use std::cell::RefCell;
use std::sync::Arc;

mod operator;

/// One evaluation: a module, a scope, and the values of the scope's own lets.
pub(super) struct Frame<'e, 'a> {
    pub ev: &'e Evaluator<'a>,
    pub module: ModuleId,
    pub scope: &'e Scope<'e>,
    locals: RefCell<HashMap<&'e str, Option<Value>>>,
    /// The own lets under evaluation, and where the name of each is used.
    chain: RefCell<Vec<(&'e str, Span)>>,
}

/// Nested expressions within one target, its own lets included; the parser's limit for a single one is 100.
const LOCAL_DEPTH: usize = 150;
/// A net below everything, far from what the smallest stack holds.
const HARD_DEPTH: usize = 450;
/// Lists and maps within each other.
const VALUE_NESTING: usize = 100;

impl<'e, 'a> Frame<'e, 'a> {
    pub fn new(ev: &'e Evaluator<'a>, module: ModuleId, scope: &'e Scope<'e>) -> Self {
        Self {
            ev,
            module,
            scope,
            locals: RefCell::default(),
            chain: RefCell::default(),
        }
    }
    pub fn expr(&self, expr: &Expr) -> Value {
        self.ev.nested(|depth| {
            if depth > HARD_DEPTH {
                self.wrong(PlanError::Nesting { span: expr.span })
            } else {
                self.kind(expr)
            }
        })
    }
    fn kind(&self, expr: &Expr) -> Value {
        let span = expr.span;
        match &expr.kind {
            ExprKind::Str(parts) => self.string(parts),
            ExprKind::Int(number) => Value::Int(*number),
            ExprKind::Bool(truth) => Value::Bool(*truth),
            ExprKind::List(items) => self.list(items, span),
            ExprKind::Map(entries) => self.map(entries, span),
            ExprKind::Name(name) => self.name(name, span),
            ExprKind::Call { function, args } => function::call(self, function, args, span),
            ExprKind::Index { base, items } => self.index(base, items, span),
            ExprKind::Field { base, name } => self.field(base, name),
            ExprKind::If {
                condition,
                then,
                otherwise,
            } => self.choose(condition, then, otherwise),
            ExprKind::Not(inner) => self.not(inner),
            ExprKind::Binary { op, left, right } => self.binary(*op, expr, left, right),
        }
    }
    /// Reports a mistake; its value.
    pub fn wrong(&self, error: PlanError) -> Value {
        self.ev.report(error);
        Value::Bad
    }

    fn list(&self, exprs: &[Expr], span: Span) -> Value {
        let mut volatile = false;
        let mut items = Vec::with_capacity(exprs.len());
        for expr in exprs {
            let (item, is_volatile) = self.expr(expr).into_plain();
            volatile |= is_volatile;
            items.push(match item {
                Value::Secret(_) => self.wrong(PlanError::SecretUse {
                    used: "an item of a list",
                    span: expr.span,
                }),
                item => item,
            });
        }
        self.bounded(Value::list(items), span).volatile_if(volatile)
    }
    /// A map keeps volatile and secret values as they are, for `env`.
    fn map(&self, entries: &[(Spanned<String>, Expr)], span: Span) -> Value {
        let mut first: HashMap<&str, Span> = HashMap::default();
        let mut values = Vec::with_capacity(entries.len());
        for (key, expr) in entries {
            let value = self.expr(expr);
            match first.insert(&key.value, key.span) {
                None => values.push((Arc::from(key.value.as_str()), value)),
                Some(first) => {
                    self.wrong(PlanError::DuplicateKey {
                        key: key.value.clone(),
                        first,
                        second: key.span,
                    });
                }
            }
        }
        self.bounded(Value::Map(Arc::new(values)), span)
    }
    /// Values are walked by recursion, so that what lets build level by level must end somewhere.
    fn bounded(&self, value: Value, span: Span) -> Value {
        if value.nesting() > VALUE_NESTING {
            self.wrong(PlanError::Nesting { span })
        } else {
            value
        }
    }

    fn name(&self, name: &str, span: Span) -> Value {
        self.lookup(name, span).unwrap_or_else(|| {
            let help = self.help_for(name);
            self.wrong(PlanError::UnknownName {
                name: name.to_owned(),
                span,
                help,
            })
        })
    }
    /// The value of a name that is used at `span`; None where there is none of that name.
    pub fn lookup(&self, name: &str, span: Span) -> Option<Value> {
        if let Some(value) = self.variable(name, span) {
            return Some(value);
        }
        let (module, name) = self.find_target(name)?;
        Some(Value::Target(Arc::new(TargetRef {
            module,
            name,
            select: Vec::new(),
            args: Vec::new(),
            span,
        })))
    }
    /// The value of a parameter, a `for` variable or a let.
    pub fn variable(&self, name: &str, span: Span) -> Option<Value> {
        if let Some(value) = self.scope.values.get(name) {
            return Some(value.clone());
        }
        if self.is_given(name) {
            return Some(Value::Unknown(name.into()));
        }
        match self
            .scope
            .lets
            .iter()
            .find(|found| found.name.value == name)
        {
            Some(found) => Some(self.local(found, span)),
            None => self.ev.used_let(self.module, name, span),
        }
    }
    fn is_given(&self, name: &str) -> bool {
        self.scope.is_given && GIVEN.contains(&name)
    }
    fn is_known(&self, name: &str) -> bool {
        self.scope.values.contains_key(name)
            || self.is_given(name)
            || self.scope.lets.iter().any(|found| found.name.value == name)
            || self.ev.modules.definition(self.module, name).is_some()
            || self.find_target(name).is_some()
    }
    fn local(&self, found: &'e Let, used: Span) -> Value {
        let name = found.name.value.as_str();
        let known = self.locals.borrow().get(name).cloned();
        match known {
            Some(Some(value)) => value,
            Some(None) => self.wrong(self.local_cycle(name, used)),
            None => self.ev.nested(|depth| {
                if depth > LOCAL_DEPTH {
                    return self.wrong(PlanError::TooDeep {
                        name: name.to_owned(),
                        span: used,
                        limit: LOCAL_DEPTH,
                    });
                }
                self.locals.borrow_mut().insert(name, None);
                self.chain.borrow_mut().push((name, used));
                let value = self.expr(&found.value);
                self.chain.borrow_mut().pop();
                self.locals.borrow_mut().insert(name, Some(value.clone()));
                value
            }),
        }
    }
    fn local_cycle(&self, name: &str, used: Span) -> PlanError {
        let chain = self.chain.borrow();
        let start = chain
            .iter()
            .position(|(link, _)| *link == name)
            .unwrap_or(0);
        let uses = chain[start + 1..].iter().copied().chain([(name, used)]);
        let labels = uses
            .zip(&chain[start..])
            .map(|((needed, used), (by, _))| {
                LabeledSpan::new_with_span(Some(format!("`{by}` needs `{needed}`")), used)
            })
            .collect();
        PlanError::LetCycle {
            name: name.to_owned(),
            chain: labels,
        }
    }
    /// The module and the name there of a target `name`, `alias:name` or `alias:alias:name`.
    pub fn find_target(&self, name: &str) -> Option<(ModuleId, String)> {
        let mut module = self.module;
        let mut rest = name;
        while let Some((alias, inner)) = rest.split_once(':') {
            module = self.ev.modules.alias(module, alias)?;
            rest = inner;
        }
        self.ev
            .modules
            .target(module, rest)
            .map(|_| (module, rest.to_owned()))
    }
    /// What to say about a name that is not there.
    fn help_for(&self, name: &str) -> Option<String> {
        let modules = self.ev.modules;
        if let Some((parent, included)) = modules.includer(self.module)
            && modules.definition(parent, name).is_some()
        {
            let alias = &included.alias;
            return Some(format!(
                "the including Gofile has it: pass it on with `as {alias} with {{ {name} = {name} }}`"
            ));
        }
        if modules.alias(self.module, name).is_some() {
            return Some(format!(
                "`{name}` is an include: its targets are named like `{name}:target`"
            ));
        }
        if let Some(fields) = observe::fields_of(name) {
            return Some(format!(
                "`{name}` has the fields {}",
                fields
                    .iter()
                    .map(|f| format!("`{name}.{f}`"))
                    .collect::<Vec<_>>()
                    .join(", ")
            ));
        }
        if let Some(signature) = function::signature(name) {
            return Some(format!("it is a function: `{}`", signature.text));
        }
        let own = self
            .scope
            .values
            .keys()
            .cloned()
            .chain(self.scope.lets.iter().map(|found| found.name.value.clone()));
        let given = GIVEN.iter().filter(|name| self.is_given(name));
        let own = own.chain(given.map(|name| (*name).to_owned()));
        let mut candidates: Vec<String> = own.chain(modules.visible(self.module)).collect();
        candidates.sort_unstable();
        nearest(name, candidates.iter().map(String::as_str))
            .map(|near| format!("did you mean `{near}`?"))
    }

    fn index(&self, base: &Expr, items: &[IndexItem], span: Span) -> Value {
        let (value, volatile) = self.expr(base).into_plain();
        let found = value.type_name();
        let not_indexable = |how, help: Option<&str>| PlanError::NotIndexable {
            found,
            how,
            span: base.span,
            help: help.map(str::to_owned),
        };
        match value {
            Value::Target(target) => self.select(&target, items, span),
            Value::Bad | Value::Unknown(_) => {
                items.iter().for_each(|item| {
                    if let IndexItem::Value(expr) = item {
                        self.check_names(expr)
                    }
                });
                value
            }
            Value::List(_) | Value::Map(_) => match items {
                [IndexItem::Value(key)] => self.item(&value, key).volatile_if(volatile),
                _ => self.wrong(not_indexable(
                    " by several items or `*`",
                    Some("only a target's instances are named that way"),
                )),
            },
            Value::Secret(_) => self.wrong(PlanError::SecretUse {
                used: "indexed",
                span: base.span,
            }),
            _ => self.wrong(not_indexable("", None)),
        }
    }
    fn item(&self, base: &Value, key: &Expr) -> Value {
        let (index, volatile) = self.expr(key).into_plain();
        match (base, &index) {
            (_, Value::Bad | Value::Unknown(_)) => index,
            (Value::List(items), Value::Int(number)) => {
                match usize::try_from(*number).ok().and_then(|at| items.get(at)) {
                    Some(item) => item.clone().volatile_if(volatile),
                    None => self.wrong(PlanError::NoSuchItem {
                        index: *number,
                        len: items.len(),
                        span: key.span,
                    }),
                }
            }
            (Value::Map(entries), Value::Str(name)) => {
                self.key(entries, name, key.span).volatile_if(volatile)
            }
            (Value::List(_), _) => {
                self.wrong_type("the index of a list", "an integer", &index, key.span)
            }
            _ => self.wrong_type("the key of a map", "a string", &index, key.span),
        }
    }
    fn key(&self, entries: &[(Arc<str>, Value)], key: &str, span: Span) -> Value {
        if let Some((_, value)) = entries.iter().find(|(name, _)| **name == *key) {
            return value.clone();
        }
        let near = nearest(key, entries.iter().map(|(name, _)| &**name));
        let help = near.map(|near| format!("did you mean `{near}`?"));
        self.wrong(PlanError::UnknownKey {
            key: key.to_owned(),
            span,
            help,
        })
    }
    /// `dist["linux", *]`: how many items there must be is the resolver's to know.
    fn select(&self, target: &TargetRef, items: &[IndexItem], span: Span) -> Value {
        if !target.select.is_empty() {
            let help = Some(format!("name all items at once: `{}[a, b]`", target.name));
            return self.wrong(PlanError::NotIndexable {
                found: "a target",
                how: " twice",
                span,
                help,
            });
        }
        let mut select = Vec::with_capacity(items.len());
        let mut doubt = None;
        for item in items {
            let IndexItem::Value(expr) = item else {
                select.push(Selector::Any);
                continue;
            };
            match self.expr(expr) {
                value @ (Value::Bad | Value::Unknown(_)) => doubt = Some(value),
                value => match value.as_text() {
                    Some(text) => select.push(Selector::Is(text.to_string())),
                    None => {
                        doubt = Some(self.wrong_type(
                            "an item of an instance",
                            "a string",
                            &value,
                            expr.span,
                        ))
                    }
                },
            }
        }
        doubt.unwrap_or_else(|| {
            Value::Target(Arc::new(TargetRef {
                select,
                span,
                ..target.clone()
            }))
        })
    }
    fn field(&self, base: &Expr, name: &Spanned<String>) -> Value {
        if let ExprKind::Name(object) = &base.kind
            && observe::fields_of(object).is_some()
            && !self.is_known(object)
        {
            return observe::field(self, object, name);
        }
        let (value, volatile) = self.expr(base).into_plain();
        match &value {
            Value::Bad | Value::Unknown(_) => value,
            Value::Map(entries) => self
                .key(entries, &name.value, name.span)
                .volatile_if(volatile),
            Value::Secret(_) => self.wrong(PlanError::SecretUse {
                used: "asked for a field",
                span: base.span,
            }),
            _ => self.wrong_type(
                &format!("what `.{}` is asked of", name.value),
                "a map",
                &value,
                base.span,
            ),
        }
    }

    pub fn wrong_type(
        &self,
        what: &str,
        expected: &'static str,
        found: &Value,
        span: Span,
    ) -> Value {
        if let Value::Bad | Value::Unknown(_) = found {
            return found.clone();
        }
        let help = match (expected, found) {
            ("a boolean", Value::Str(_)) => Some("compare it: `name != \"\"`".to_owned()),
            ("a boolean", Value::List(_)) => Some("compare it: `len(list) != 0`".to_owned()),
            ("a string", Value::Int(_)) => Some("write it in quotes".to_owned()),
            ("a string", Value::Target(_)) => Some(
                "a target stands for its outputs in `inputs` only; elsewhere write their paths"
                    .to_owned(),
            ),
            _ => None,
        };
        self.wrong(PlanError::WrongType {
            what: what.to_owned(),
            expected,
            found: found.type_name(),
            span,
            help,
        })
    }
    /// Reports unknown names and functions without evaluating anything.
    pub fn check_names(&self, expr: &Expr) {
        let mut rest = vec![expr];
        while let Some(expr) = rest.pop() {
            match &expr.kind {
                ExprKind::Int(_) | ExprKind::Bool(_) => {}
                ExprKind::Str(parts) => rest.extend(parts.iter().filter_map(|part| match part {
                    StrPart::Value(value) => Some(value),
                    StrPart::Text(_) => None,
                })),
                ExprKind::List(items) => rest.extend(items),
                ExprKind::Map(entries) => rest.extend(entries.iter().map(|(_, value)| value)),
                ExprKind::Name(name) => {
                    if !self.is_known(name) {
                        self.name(name, expr.span);
                    }
                }
                ExprKind::Call { function, args } => {
                    // The script of a capture names shell variables too.
                    let skip = usize::from(function.value == "capture");
                    rest.extend(args.iter().skip(skip).map(|arg| &arg.value));
                    function::check_name(self, function);
                }
                ExprKind::Index { base, items } => {
                    rest.push(base);
                    rest.extend(items.iter().filter_map(|item| match item {
                        IndexItem::Value(value) => Some(value),
                        IndexItem::Any(_) => None,
                    }));
                }
                ExprKind::Field { base, .. } => {
                    let observed = matches!(&base.kind, ExprKind::Name(name) if observe::fields_of(name).is_some());
                    if !observed {
                        rest.push(base);
                    }
                }
                ExprKind::If {
                    condition,
                    then,
                    otherwise,
                } => rest.extend([&**condition, then, otherwise]),
                ExprKind::Not(inner) => rest.push(inner),
                ExprKind::Binary { left, right, .. } => rest.extend([&**left, right]),
            }
        }
    }
}

#[cfg(test)]
mod tests;
