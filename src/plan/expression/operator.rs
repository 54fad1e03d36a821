//! The operators and `if`. Chains of one operator are walked along their spine: they may be as long as they like.

use crate::base::source::Span;
use crate::lang::ast::{BinaryOp, Expr, ExprKind};
use crate::plan::error::PlanError;
use crate::plan::expression::Frame;
use crate::plan::value::Value;
use std::sync::Arc;

impl Frame<'_, '_> {
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
    pub(super) fn choose(&self, condition: &Expr, then: &Expr, otherwise: &Expr) -> Value {
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
    pub(super) fn not(&self, inner: &Expr) -> Value {
        match self.truth(inner, "the operand of `not`") {
            Ok((truth, volatile)) => Value::Bool(!truth).volatile_if(volatile),
            Err(doubt) => doubt,
        }
    }
    pub(super) fn binary(&self, op: BinaryOp, whole: &Expr, left: &Expr, right: &Expr) -> Value {
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
