//! Expressions to values.

use crate::base::source::Span;
use crate::lang::ast::Expr;
use crate::plan::error::PlanError;
use crate::plan::module::{ModuleId, Modules};
use crate::plan::query::{Answers, Query};
use crate::plan::value::Value;
use std::cell::RefCell;
use std::collections::BTreeMap;

/// Whether values that need a command may be asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Running {
    /// `capture` and `git` become queries.
    Allowed,
    /// Listing, drawing, checking: they stay `Value::Unknown`.
    Never,
}

/// Evaluates expressions of any module against one set of answers. Collects mistakes and unanswered queries as it
/// goes; both are in the order met and without duplicates.
pub struct Evaluator<'a> {
    pub modules: &'a Modules,
    pub answers: &'a Answers,
    /// `name=value` of the command line for top-level lets of the root.
    pub overrides: &'a BTreeMap<String, Value>,
    pub running: Running,
    errors: RefCell<Vec<PlanError>>,
    wanted: RefCell<Vec<Query>>,
}

/// The names visible in a target, innermost last. Top-level lets, targets and includes of the module come after these.
#[derive(Debug, Clone, Default)]
pub struct Scope<'a> {
    /// Bound values: parameters, `for` variables, `out`, `inputs`…
    pub values: BTreeMap<String, Value>,
    /// The target's own lets, evaluated when asked for.
    pub lets: Vec<&'a crate::lang::ast::Let>,
}

impl<'a> Evaluator<'a> {
    pub fn new(
        modules: &'a Modules,
        answers: &'a Answers,
        overrides: &'a BTreeMap<String, Value>,
        running: Running,
    ) -> Self {
        Self {
            modules,
            answers,
            overrides,
            running,
            errors: RefCell::default(),
            wanted: RefCell::default(),
        }
    }
    /// The value of an expression. After a mistake it is `Bad` and the mistake is in `errors`.
    pub fn eval(&self, module: ModuleId, scope: &Scope<'_>, expr: &Expr) -> Value {
        todo!("{module:?} {scope:?} {expr:?}")
    }
    /// The value of a top-level let by name, memoised; None where the module has no such let.
    pub fn top_level(&self, module: ModuleId, name: &str) -> Option<Value> {
        todo!("{module:?} {name}")
    }
    /// Asks for an answer; an unanswered query is noted.
    pub fn ask(&self, query: Query) -> Option<&'a crate::plan::query::Answer> {
        let found = self.answers.get(&query);
        if found.is_none() && !self.wanted.borrow().contains(&query) {
            self.wanted.borrow_mut().push(query);
        }
        found
    }
    pub fn report(&self, error: PlanError) {
        self.errors.borrow_mut().push(error);
    }
    /// Mistakes and unanswered queries met so far; empties both.
    pub fn take(&self) -> (Vec<PlanError>, Vec<Query>) {
        (self.errors.take(), self.wanted.take())
    }
    /// A value that must be a string (integers and booleans are not), or the error is reported.
    pub fn expect_string(
        &self,
        value: &Value,
        what: &str,
        span: Span,
    ) -> Option<std::sync::Arc<str>> {
        todo!("{value:?} {what} {span:?}")
    }
    /// A value as a flat list of its items: a single value is a list of one.
    pub fn items(value: &Value) -> Vec<Value> {
        todo!("{value:?}")
    }
}
