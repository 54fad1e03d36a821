//! How one expression is evaluated: names, operators, indices and fields. Knows nothing of what the functions do.

use crate::base::names::nearest;
use crate::base::source::{Span, Spanned};
use crate::lang::ast::{BinaryOp, Expr, ExprKind, IndexItem, Let, StrPart};
use crate::plan::error::PlanError;
use crate::plan::eval::{Evaluator, Scope};
use crate::plan::function;
use crate::plan::module::ModuleId;
use crate::plan::observe;
use crate::plan::value::{Selector, TargetRef, Value};
use miette::LabeledSpan;
use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::Arc;

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
        let mut first: HashMap<&str, Span> = HashMap::new();
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
    fn is_known(&self, name: &str) -> bool {
        self.scope.values.contains_key(name)
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
    /// A boolean and whether it is volatile, or what stands for it.
    fn truth(&self, expr: &Expr, what: &str) -> Result<(bool, bool), Value> {
        match self.expr(expr).into_plain() {
            (Value::Bool(truth), volatile) => Ok((truth, volatile)),
            (Value::Secret(_), _) => Err(self.wrong(PlanError::SecretUse {
                used: "a condition",
                span: expr.span,
            })),
            (other, _) => Err(self.wrong_type(what, "a boolean", &other, expr.span)),
        }
    }
    fn choose(&self, condition: &Expr, then: &Expr, otherwise: &Expr) -> Value {
        match self.truth(condition, "the condition of `if`") {
            Ok((truth, volatile)) => {
                let (taken, other) = if truth {
                    (then, otherwise)
                } else {
                    (otherwise, then)
                };
                self.check_names(other);
                match self.expr(taken) {
                    Value::Secret(_) if volatile => self.wrong(PlanError::SecretUse {
                        used: "chosen by a volatile value",
                        span: taken.span,
                    }),
                    value => value.volatile_if(volatile),
                }
            }
            Err(doubt) => {
                self.check_names(then);
                self.check_names(otherwise);
                doubt
            }
        }
    }
    fn not(&self, inner: &Expr) -> Value {
        match self.truth(inner, "the operand of `not`") {
            Ok((truth, volatile)) => Value::Bool(!truth).volatile_if(volatile),
            Err(doubt) => doubt,
        }
    }
    fn binary(&self, op: BinaryOp, whole: &Expr, left: &Expr, right: &Expr) -> Value {
        match op {
            BinaryOp::Or => self.logic(&spine(whole, op), "an operand of `or`", true),
            BinaryOp::And => self.logic(&spine(whole, op), "an operand of `and`", false),
            BinaryOp::Add => self.sum(&spine(whole, op)),
            BinaryOp::Equal => self.equal(left, right, true),
            BinaryOp::NotEqual => self.equal(left, right, false),
        }
    }
    /// Stops at the first operand that decides; the names of the others are still checked.
    fn logic(&self, operands: &[&Expr], what: &str, decisive: bool) -> Value {
        let mut any_volatile = false;
        for (at, operand) in operands.iter().enumerate() {
            let stop = match self.truth(operand, what) {
                Ok((truth, volatile)) => {
                    any_volatile |= volatile;
                    (truth == decisive).then(|| Value::Bool(truth).volatile_if(any_volatile))
                }
                Err(doubt) => Some(doubt),
            };
            if let Some(value) = stop {
                operands[at + 1..]
                    .iter()
                    .for_each(|rest| self.check_names(rest));
                return value;
            }
        }
        Value::Bool(!decisive).volatile_if(any_volatile)
    }
    fn equal(&self, left: &Expr, right: &Expr, wanted: bool) -> Value {
        let (a, a_volatile) = self.expr(left).into_plain();
        let (b, b_volatile) = self.expr(right).into_plain();
        for (value, span) in [(&a, left.span), (&b, right.span)] {
            if let Value::Secret(_) = value {
                return self.wrong(PlanError::SecretUse {
                    used: "compared",
                    span,
                });
            }
        }
        if let Some(doubt) = a
            .doubt()
            .into_iter()
            .chain(b.doubt())
            .min_by_key(|doubt| *doubt != Value::Bad)
        {
            return doubt;
        }
        if std::mem::discriminant(&a) != std::mem::discriminant(&b) || matches!(a, Value::Target(_))
        {
            let help = matches!(
                (&a, &b),
                (Value::Str(_), Value::Int(_)) | (Value::Int(_), Value::Str(_))
            )
            .then(|| "write the number in quotes".to_owned());
            return self.wrong(unlike(
                ("compare", "with"),
                (&a, left.span),
                (&b, right.span),
                help,
            ));
        }
        Value::Bool((a == b) == wanted).volatile_if(a_volatile || b_volatile)
    }
    fn sum(&self, operands: &[&Expr]) -> Value {
        let mut volatile = false;
        let mut doubt: Option<Value> = None;
        let mut sum: Option<(Sum, Span)> = None;
        for operand in operands {
            let (value, is_volatile) = self.expr(operand).into_plain();
            volatile |= is_volatile;
            match value {
                Value::Secret(_) => {
                    doubt = Some(self.wrong(PlanError::SecretUse {
                        used: "added",
                        span: operand.span,
                    }))
                }
                Value::Bad => doubt = Some(Value::Bad),
                Value::Unknown(_) => doubt = doubt.or(Some(value)),
                value => {
                    let added = match sum.take() {
                        None => Sum::start(value, operand.span),
                        Some((sum, span)) => sum.add(value, span, operand.span),
                    };
                    match added {
                        Ok(added) => sum = Some((added, operand.span)),
                        Err(error) => doubt = Some(self.wrong(*error)),
                    }
                }
            }
        }
        match (doubt, sum) {
            (None, Some((sum, _))) => sum.into_value().volatile_if(volatile),
            (doubt, _) => doubt.unwrap_or(Value::Bad),
        }
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

/// The operands of `a + b + c`, left to right. The tree of such a chain leans to the left, as deep as it is long.
fn spine(whole: &Expr, op: BinaryOp) -> Vec<&Expr> {
    let mut operands = Vec::new();
    let mut rest = whole;
    while let ExprKind::Binary {
        op: found,
        left,
        right,
    } = &rest.kind
        && *found == op
    {
        operands.push(&**right);
        rest = left;
    }
    operands.push(rest);
    operands.reverse();
    operands
}

fn unlike(
    words: (&'static str, &'static str),
    left: (&Value, Span),
    right: (&Value, Span),
    help: Option<String>,
) -> PlanError {
    PlanError::UnlikeTypes {
        verb: words.0,
        preposition: words.1,
        left: left.0.type_name(),
        right: right.0.type_name(),
        left_span: left.1,
        right_span: right.1,
        help,
    }
}

/// A sum in the making; it owns its buffer, so that a long chain is not copied at each step.
enum Sum {
    Str(String),
    List(Vec<Value>),
    Map(Vec<(Arc<str>, Value)>),
}

impl Sum {
    fn start(value: Value, span: Span) -> Result<Self, Box<PlanError>> {
        match value {
            Value::Str(text) => Ok(Self::Str(text.to_string())),
            Value::List(items) => Ok(Self::List(Arc::unwrap_or_clone(items))),
            Value::Map(entries) => Ok(Self::Map(Arc::unwrap_or_clone(entries))),
            other => Err(Box::new(PlanError::WrongType {
                what: "an operand of `+`".to_owned(),
                expected: "a string, a list or a map",
                found: other.type_name(),
                span,
                help: help_to_add(&other).map(str::to_owned),
            })),
        }
    }
    fn add(mut self, value: Value, span: Span, value_span: Span) -> Result<Self, Box<PlanError>> {
        match (&mut self, value) {
            (Self::Str(text), Value::Str(more)) => text.push_str(&more),
            (Self::List(items), Value::List(more)) => items.extend(Arc::unwrap_or_clone(more)),
            (Self::Map(entries), Value::Map(more)) => {
                for (key, value) in Arc::unwrap_or_clone(more) {
                    match entries.iter_mut().find(|(name, _)| *name == key) {
                        Some((_, old)) => *old = value,
                        None => entries.push((key, value)),
                    }
                }
            }
            (_, value) => {
                let left = self.into_value();
                let help = match (&left, &value) {
                    (Value::List(_), _) | (_, Value::List(_)) => {
                        Some("write the single value as a list: `[value]`")
                    }
                    (_, other) => help_to_add(other),
                };
                return Err(Box::new(unlike(
                    ("add", "and"),
                    (&left, span),
                    (&value, value_span),
                    help.map(str::to_owned),
                )));
            }
        }
        Ok(self)
    }
    fn into_value(self) -> Value {
        match self {
            Self::Str(text) => Value::str(text),
            Self::List(items) => Value::list(items),
            Self::Map(entries) => Value::Map(Arc::new(entries)),
        }
    }
}

fn help_to_add(value: &Value) -> Option<&'static str> {
    match value {
        Value::Int(_) | Value::Bool(_) => {
            Some("there is no arithmetic; to put it into a string write `\"…${value}\"`")
        }
        Value::Target(_) => Some("write targets as a list: `[first, second]`"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::testing::{World, mistakes, show, value, value_in};

    fn shown(expression: &str) -> String {
        show(&value(expression))
    }
    fn wrong(expression: &str) -> String {
        mistakes(&format!("let x = {expression}\n"))
    }

    #[test]
    fn literals_and_operators() {
        assert_eq!(
            shown("[1, true, \"a\", 'b$c']"),
            "[1, true, \"a\", \"b$c\"]"
        );
        assert_eq!(shown("\"a\" + \"b\" + \"c\""), "\"abc\"");
        assert_eq!(shown("[1] + [] + [2, 3]"), "[1, 2, 3]");
        assert_eq!(
            shown("{ a = 1, b = 2 } + { b = 3, c = 4 }"),
            "{a = 1, b = 3, c = 4}"
        );
        assert_eq!(shown("true and not false or false"), "true");
        assert_eq!(shown("[1] == [1] and 1 != 2 and \"a\" == 'a'"), "true");
        assert_eq!(shown("if 1 == 2 then \"a\" else \"b\""), "\"b\"");
        assert_eq!(shown("[10, 20][1]"), "20");
        assert_eq!(shown("{ a = { b = 5 } }.a.b"), "5");
        assert_eq!(shown("{ a = 1 }[\"a\"]"), "1");
    }

    #[test]
    fn logic_stops_at_what_decides() {
        assert_eq!(shown("false and fail(\"a\")"), "false");
        assert_eq!(shown("true or fail(\"a\")"), "true");
        assert_eq!(shown("if true then 1 else fail(\"a\")"), "1");
    }

    #[test]
    fn names_are_checked_where_nothing_is_evaluated() {
        let errors = wrong("if true or a then 1 else [\"$b\", c(d), stem(e)]");
        for name in ["`a`", "`b`", "function `c`", "`d`", "`e`"] {
            assert!(
                errors.contains(&format!("there is no {name}")),
                "{name}: {errors}"
            );
        }
    }

    #[test]
    fn a_sum_of_100_000_operands_needs_no_stack() {
        let text = format!("let x = {}\n", vec!["\"a\""; 100_000].join(" + "));
        let Value::Str(text) = value_in(&text) else {
            panic!()
        };
        assert_eq!(text.len(), 100_000);
    }

    #[test]
    fn targets_and_their_instances() {
        let text = "let x = [app, api:app, dist[\"linux\", *], dist[1, os], deploy(host = \"a\"), glob(n = 1)]\n\
            let os = \"b\"\ninclude \"api\" as api\nbuild app { }\nbuild dist { }\ntask deploy { }\ntask glob { }\n";
        let world = World::with_includes(text, &[("api", "build app { }\n")]);
        let (value, errors, _) = world.x();
        assert_eq!(errors, "");
        assert_eq!(
            show(&value),
            "[target 0.app[](), target 1.app[](), target 0.dist[Is(\"linux\"), Any](), \
             target 0.dist[Is(\"1\"), Is(\"b\")](), target 0.deploy[](host = \"a\"), target 0.glob[](n = 1)]"
        );
    }

    #[test]
    fn the_scope_goes_first_and_its_lets_see_each_other() {
        let world =
            World::new("let a = \"top\"\nbuild t { \n  let b = \"$a $src\"\n  let c = b + b\n}\n");
        let target = world.modules.target(ModuleId(0), "t").unwrap();
        let lets: Vec<&Let> = target
            .body
            .iter()
            .filter_map(|item| match item {
                crate::lang::ast::Item::Let(found) => Some(found),
                _ => None,
            })
            .collect();
        let scope = Scope {
            values: [("src".to_owned(), Value::str("m.c"))].into(),
            lets: lets.clone(),
        };
        let evaluator = world.evaluator();
        assert_eq!(
            show(&evaluator.eval(ModuleId(0), &scope, &lets[1].value)),
            "\"top m.ctop m.c\""
        );
    }

    #[test]
    fn volatile_infects_and_unknown_too() {
        let shown = |text: &str| show(&value_in(text));
        assert_eq!(
            shown("let x = \"a-$v\"\nlet v = volatile(\"1\")\n"),
            "~\"a-1\""
        );
        assert_eq!(
            shown("let x = v + \"a\"\nlet v = volatile(\"1\")\n"),
            "~\"1a\""
        );
        assert_eq!(
            shown("let x = [v, \"a\"]\nlet v = volatile(\"1\")\n"),
            "~[\"1\", \"a\"]"
        );
        assert_eq!(
            shown("let x = { A = v }\nlet v = volatile(\"1\")\n"),
            "{A = ~\"1\"}"
        );
        assert_eq!(
            shown("let x = if v == \"1\" then \"a\" else \"b\"\nlet v = volatile(\"1\")\n"),
            "~\"a\""
        );
        assert_eq!(
            shown("let x = upper(stem(v))\nlet v = volatile(\"d/a.c\")\n"),
            "~\"A\""
        );
        let (value, errors, wanted) =
            World::new("let x = \"$a \" + upper(env(\"A\", \"\")) + host.os\nlet a = 1\n").x();
        assert_eq!(
            (show(&value).as_str(), errors.as_str(), wanted.len()),
            ("‹x›", "", 2)
        );
    }

    #[test]
    fn secrets_stay_whole() {
        assert_eq!(shown("secret(\"TOKEN\")"), "secret TOKEN");
        assert_eq!(shown("{ A = secret(\"TOKEN\") }"), "{A = secret TOKEN}");
        assert_eq!(
            shown("if true then secret(\"A\") else secret(\"B\")"),
            "secret A"
        );
        for expression in [
            "\"${secret(\"T\")}\"",
            "[secret('T')]",
            "secret('T') + \"a\"",
            "secret('T') == \"a\"",
            "upper(secret('T'))",
            "capture(secret('T'))",
            "env(secret('T'))",
            "not secret('T')",
            "volatile(secret('T'))",
        ] {
            assert!(
                wrong(expression).contains("gomake::plan::secret_use"),
                "{expression}: {}",
                wrong(expression)
            );
        }
        insta::assert_snapshot!(wrong("\"Bearer ${secret(\"TOKEN\")}\""), @"");
    }

    #[test]
    fn unknown_names_come_with_help() {
        let text = "let x = [versoin, host, glob, api, tol]\nlet version = \"1\"\nbuild tool { }\ninclude \"api\" as api\n";
        let world = World::with_includes(text, &[("api", "build app { }\n")]);
        insta::assert_snapshot!(world.x().1, @"");
    }

    #[test]
    fn wrong_types_are_shown_where_they_stand() {
        insta::assert_snapshot!(wrong("if \"a\" then 1 else 2"), @"");
        insta::assert_snapshot!(wrong("\"a\" + [\"b\"]"), @"");
        insta::assert_snapshot!(wrong("1 + 2"), @"");
        insta::assert_snapshot!(wrong("8080 == \"8080\""), @"");
    }

    #[test]
    fn indices_and_keys_must_exist() {
        insta::assert_snapshot!(wrong("[1, 2][2]"), @"");
        insta::assert_snapshot!(wrong("{ linux = 1 }[\"linus\"]"), @"");
        insta::assert_snapshot!(wrong("\"a\"[0]"), @"");
        insta::assert_snapshot!(wrong("[1][*]"), @"");
        insta::assert_snapshot!(wrong("host.oss"), @"");
        insta::assert_snapshot!(wrong("{ a = 1, b = 2, a = 3 }"), @"");
    }

    #[test]
    fn nesting_by_lets_has_an_end() {
        let mut text = String::from("let a0 = []\n");
        (1..5000).for_each(|n| text += &format!("let a{n} = [a{}]\n", n - 1));
        text += "let x = a4999\n";
        assert!(mistakes(&text).contains("nested too deeply"));
    }

    #[test]
    fn a_long_chain_of_own_lets_is_refused_not_a_crash() {
        let mut text = String::from("build t {\n  let a0 = \"end\"\n");
        (1..5000).for_each(|n| text += &format!("  let a{n} = a{}\n", n - 1));
        text += "}\n";
        let world = World::new(&text);
        let lets: Vec<&Let> = world
            .modules
            .target(ModuleId(0), "t")
            .unwrap()
            .body
            .iter()
            .filter_map(|item| match item {
                crate::lang::ast::Item::Let(found) => Some(found),
                _ => None,
            })
            .collect();
        let last = &lets[4999].value;
        let scope = Scope {
            lets: lets.clone(),
            ..Scope::default()
        };
        let evaluator = world.evaluator();
        let value = evaluator.eval(ModuleId(0), &scope, last);
        assert_eq!(value, Value::Bad);
        assert!(matches!(
            evaluator.take().0[..],
            [PlanError::TooDeep { .. }]
        ));
    }
}
