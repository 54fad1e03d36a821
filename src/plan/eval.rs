//! Expressions to values: what all evaluations of a pass share, and the top-level lets. How a single expression is
//! evaluated stands in `expression`; what the functions do in `function`, `observe` and `capture`.

use crate::base::hash::{HashMap, HashSet};
use crate::base::source::Span;
use crate::lang::ast::Expr;
use crate::plan::error::PlanError;
use crate::plan::expression::Frame;
use crate::plan::module::{Definition, ModuleId, Modules};
use crate::plan::query::{Answer, Answers, Asked, Query};
use crate::plan::value::Value;
use miette::LabeledSpan;
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::sync::Arc;

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
    /// Renderings of `errors`, to drop those met twice.
    seen: RefCell<HashSet<String>>,
    wanted: RefCell<Vec<Query>>,
    open: RefCell<HashSet<Query>>,
    asked: RefCell<Asked>,
    lets: RefCell<HashMap<Key, LetState>>,
    /// The lets under evaluation, outermost first.
    chain: RefCell<Vec<Link>>,
    /// A let that lies too deep to be evaluated by recursion; while it is set, everything unwinds.
    deferred: RefCell<Option<(Key, Span)>>,
    /// Nested expressions at the moment, and how many of them when the current attempt at a let began.
    depth: Cell<usize>,
    base_depth: Cell<usize>,
    /// The header under evaluation: there, a command is a mistake.
    header: Cell<Option<Span>>,
    /// The first command that the let under evaluation needs.
    captured: Cell<Option<Span>>,
}

type Key = (ModuleId, Arc<str>);

enum LetState {
    Busy,
    Done {
        value: Value,
        captured: Option<Span>,
    },
}

struct Link {
    key: Key,
    /// Where the let's name is used by the one before.
    used: Span,
}

/// The names visible in a target, innermost last. Top-level lets, targets and includes of the module come after these.
#[derive(Debug, Clone, Default)]
pub struct Scope<'a> {
    /// Bound values: parameters, `for` variables, `out`, `inputs`…
    pub values: BTreeMap<String, Value>,
    /// The target's own lets, evaluated when asked for.
    pub lets: Vec<&'a crate::lang::ast::Let>,
    /// Whether the names that a script is given are there too, with values that nobody knows before the run.
    pub is_given: bool,
}

/// Expression levels that an attempt at a let may use before the let that it needs is evaluated first.
const ATTEMPT_DEPTH: usize = 60;
/// The labels of a cycle's picture; longer ones lose their middle.
const CYCLE_LABELS: usize = 12;

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
            seen: RefCell::default(),
            wanted: RefCell::default(),
            open: RefCell::default(),
            asked: RefCell::default(),
            lets: RefCell::default(),
            chain: RefCell::default(),
            deferred: RefCell::default(),
            depth: Cell::new(0),
            base_depth: Cell::new(0),
            header: Cell::new(None),
            captured: Cell::new(None),
        }
    }
    /// The value of an expression. After a mistake it is `Bad` and the mistake is in `errors`. A list keeps its unknown
    /// and bad items; everything else that is made of such a value is one.
    pub fn eval(&self, module: ModuleId, scope: &Scope<'_>, expr: &Expr) -> Value {
        Frame::new(self, module, scope).expr(expr)
    }
    /// As [`Evaluator::eval`] for the list of a `for` or the condition of an `if` header, where a `capture` is a mistake.
    /// `git` facts are asked for even where nothing may run: the set of targets cannot stay open, and no command of
    /// the project's runs for them.
    pub fn eval_header(&self, module: ModuleId, scope: &Scope<'_>, expr: &Expr) -> Value {
        let outer = self.header.replace(Some(expr.span));
        let value = self.eval(module, scope, expr);
        self.header.set(outer);
        value
    }
    /// Reports the unknown names and functions of an expression without evaluating it.
    pub fn check_names(&self, module: ModuleId, scope: &Scope<'_>, expr: &Expr) {
        Frame::new(self, module, scope).check_names(expr);
    }
    /// The value of a top-level let by name, memoised; None where the module has no such let.
    pub fn top_level(&self, module: ModuleId, name: &str) -> Option<Value> {
        let used = match self.modules.definition(module, name)? {
            Definition::Let(found) => found.name.span,
            Definition::With(_, entry) => entry.key.span,
        };
        self.used_let(module, name, used)
    }
    /// Asks for an answer; the query is noted, an unanswered one as wanted.
    pub fn ask(&self, query: Query) -> Option<&'a Answer> {
        if let Some((query, answer)) = self.answers.find(&query) {
            self.asked.borrow_mut().note(query);
            return Some(answer);
        }
        if self.open.borrow_mut().insert(query.clone()) {
            self.wanted.borrow_mut().push(query);
        }
        None
    }
    /// Whether nothing is wrong or open so far.
    pub fn is_settled(&self) -> bool {
        self.errors.borrow().is_empty() && self.wanted.borrow().is_empty()
    }
    /// What was asked and answered so far, each once: all that the values given out rest on.
    pub fn asked(&self) -> Vec<Arc<Query>> {
        self.asked.borrow_mut().take()
    }
    /// Notes a mistake, once.
    pub fn report(&self, error: PlanError) {
        if self.seen.borrow_mut().insert(format!("{error:?}")) {
            self.errors.borrow_mut().push(error);
        }
    }
    /// Mistakes and unanswered queries met so far; empties both.
    pub fn take(&self) -> (Vec<PlanError>, Vec<Query>) {
        self.seen.take();
        self.open.take();
        (self.errors.take(), self.wanted.take())
    }
    /// A value that must be a string (integers and booleans are not), or the error is reported. Unknown and bad values
    /// give None without an error, and so does nothing else: a volatile string is refused, for what `what` says is
    /// counted.
    pub fn expect_string(&self, value: &Value, what: &str, span: Span) -> Option<Arc<str>> {
        let help = match value {
            Value::Str(text) => return Some(text.clone()),
            Value::Bad | Value::Unknown(_) => return None,
            Value::Int(_) | Value::Bool(_) => Some("write it in quotes".to_owned()),
            Value::Volatile(_) => Some(
                "a volatile value is not counted: it may only reach the environment".to_owned(),
            ),
            _ => None,
        };
        self.report(PlanError::WrongType {
            what: what.to_owned(),
            expected: "a string",
            found: value.type_name(),
            span,
            help,
        });
        None
    }
    /// A value as a flat list of its items, lists within lists laid flat: a single value is a list of one. The items of
    /// a volatile list are volatile.
    pub fn items(value: &Value) -> Vec<Value> {
        fn add(value: &Value, volatile: bool, items: &mut Vec<Value>) {
            match value {
                Value::List(inner) => inner.iter().for_each(|item| add(item, volatile, items)),
                Value::Volatile(inner) => add(inner, true, items),
                single => items.push(single.clone().volatile_if(volatile)),
            }
        }
        let mut items = Vec::new();
        add(value, false, &mut items);
        items
    }

    /// The header under evaluation, if one is.
    pub(super) fn header(&self) -> Option<Span> {
        self.header.get()
    }
    /// Notes that what is being evaluated needs a command; in a header that is a mistake.
    pub(super) fn note_capture(&self, capture: Span) {
        if self.captured.get().is_none() {
            self.captured.set(Some(capture));
        }
        if let Some(span) = self.header.get() {
            self.report(PlanError::CaptureInHeader { span, capture });
        }
    }
    /// Counts a level of expressions around `evaluate`; `Bad` while a deferred let makes everything unwind.
    pub(super) fn nested(&self, evaluate: impl FnOnce(usize) -> Value) -> Value {
        if self.is_unwinding() {
            return Value::Bad;
        }
        let depth = self.depth.get() + 1;
        self.depth.set(depth);
        let value = evaluate(depth);
        self.depth.set(depth - 1);
        value
    }
    /// The value of a let that is used at `used`.
    pub(super) fn used_let(&self, module: ModuleId, name: &str, used: Span) -> Option<Value> {
        let definition = self.modules.definition(module, name)?;
        if module == Modules::ROOT
            && let Some(value) = self.overrides.get(name)
        {
            return Some(value.clone());
        }
        let key = (module, Arc::from(name));
        let known = match self.lets.borrow().get(&key) {
            Some(LetState::Done { value, captured }) => Some((value.clone(), *captured)),
            Some(LetState::Busy) => {
                let error = self.cycle(&key, used);
                self.report(error);
                return Some(Value::Bad);
            }
            None => None,
        };
        if let Some((value, captured)) = known {
            captured
                .into_iter()
                .for_each(|span| self.note_capture(span));
            return Some(value);
        }
        if self.chain.borrow().is_empty() {
            return Some(self.drive(key, used));
        }
        if self.depth.get() - self.base_depth.get() > ATTEMPT_DEPTH {
            *self.deferred.borrow_mut() = Some((key, used));
            return Some(Value::Bad);
        }
        Some(self.attempt(key, definition, used))
    }
    fn is_unwinding(&self) -> bool {
        self.deferred.borrow().is_some()
    }
    /// Evaluates a let by attempts. One that comes to a let too deep for the stack gives up, that let is evaluated first,
    /// and the attempt is made again: a chain of 100,000 lets needs no more stack than one of 30.
    fn drive(&self, key: Key, used: Span) -> Value {
        let outer_base = self.base_depth.replace(self.depth.get());
        let mut pending = vec![(key, used, 0)];
        let mut value = Value::Bad;
        while let Some((key, used, from)) = pending.last().cloned() {
            let given_up: Vec<Link> = self.chain.borrow_mut().drain(from..).collect();
            given_up.iter().for_each(|link| {
                self.lets.borrow_mut().remove(&link.key);
            });
            let definition = self
                .modules
                .definition(key.0, &key.1)
                .expect("only defined lets become pending");
            value = self.attempt(key, definition, used);
            match self.deferred.take() {
                None => {
                    pending.pop();
                }
                Some((next, used)) => {
                    let from = self.chain.borrow().len();
                    pending.push((next, used, from));
                }
            }
        }
        self.base_depth.set(outer_base);
        value
    }
    /// Evaluates a let by recursion. When it gives up, it leaves its mark and its link for the cycle's picture.
    fn attempt(&self, key: Key, definition: Definition<'_>, used: Span) -> Value {
        self.lets.borrow_mut().insert(key.clone(), LetState::Busy);
        self.chain.borrow_mut().push(Link {
            key: key.clone(),
            used,
        });
        let outer_captured = self.captured.replace(None);
        let (module, expr) = match definition {
            Definition::Let(found) => (key.0, &found.value),
            Definition::With(parent, entry) => (parent, &entry.value),
        };
        let value = self.eval(module, &Scope::default(), expr);
        let captured = self.captured.replace(outer_captured);
        if self.is_unwinding() {
            return Value::Bad;
        }
        self.chain.borrow_mut().pop();
        captured
            .into_iter()
            .for_each(|span| self.note_capture(span));
        let value = if matches!(value, Value::Unknown(_)) {
            Value::Unknown(key.1.clone())
        } else {
            value
        };
        self.lets.borrow_mut().insert(
            key,
            LetState::Done {
                value: value.clone(),
                captured,
            },
        );
        value
    }
    fn cycle(&self, key: &Key, used: Span) -> PlanError {
        let chain = self.chain.borrow();
        let start = chain.iter().position(|link| link.key == *key).unwrap_or(0);
        let uses = chain[start + 1..]
            .iter()
            .map(|link| (link.used, &link.key))
            .chain([(used, key)]);
        let mut labels: Vec<LabeledSpan> = uses
            .zip(&chain[start..])
            .map(|((used, needed), by)| {
                LabeledSpan::new_with_span(
                    Some(format!("`{}` needs `{}`", by.key.1, needed.1)),
                    used,
                )
            })
            .collect();
        if labels.len() > CYCLE_LABELS {
            labels.drain(CYCLE_LABELS / 2..labels.len() - CYCLE_LABELS / 2);
        }
        PlanError::LetCycle {
            name: key.1.to_string(),
            chain: labels,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::testing::{World, mistakes, show, value_in};

    #[test]
    fn a_let_is_evaluated_when_asked_for_and_once() {
        let world = World::new(
            "let x = if true then a + b else c\nlet a = \"1\"\nlet b = \"2\"\nlet c = read(\"never\")\n",
        );
        let (value, errors, wanted) = world.x();
        assert_eq!(
            (show(&value).as_str(), errors.as_str(), wanted.len()),
            ("\"12\"", "", 0)
        );
    }

    #[test]
    fn doubling_lets_cost_no_doubling_time() {
        let mut text = String::from("let a0 = []\n");
        (1..200).for_each(|n| text += &format!("let a{n} = a{} + a{}\n", n - 1, n - 1));
        text += "let x = len(a199)\n";
        assert_eq!(show(&value_in(&text)), "0");
    }

    #[test]
    fn a_long_chain_of_lets_is_no_problem() {
        let mut text = String::from("let a0 = \"end\"\n");
        (1..20_000).for_each(|n| text += &format!("let a{n} = a{}\n", n - 1));
        text += "let x = a19999\n";
        assert_eq!(show(&value_in(&text)), "\"end\"");
    }

    #[test]
    fn a_long_cycle_is_found_across_attempts() {
        let mut text = String::from("let a0 = x\n");
        (1..1000).for_each(|n| text += &format!("let a{n} = a{}\n", n - 1));
        text += "let x = a999\n";
        let (value, errors, _) = World::new(&text).x();
        assert_eq!(value, Value::Bad);
        assert!(
            errors.contains("the value of `x` depends on itself"),
            "{errors}"
        );
        assert!(
            errors.contains("`x` needs `a999`") && errors.contains("`a0` needs `x`"),
            "{errors}"
        );
    }

    #[test]
    fn a_cycle_shows_every_step() {
        insta::assert_snapshot!(mistakes("let x = \"$b\"\nlet b = [c]\nlet c = not b\n"), @r##"
        gomake::plan::let_cycle

          × the value of `b` depends on itself
           ╭─[Gofile:2:10]
         1 │ let x = "$b"
         2 │ let b = [c]
           ·          ┬
           ·          ╰── `b` needs `c`
         3 │ let c = not b
           ·             ┬
           ·             ╰── `c` needs `b`
           ╰────
          help: give one of them a value that does not name the others
        "##);
    }

    #[test]
    fn the_command_line_overrides_the_root_only() {
        let mut world = World::with_includes(
            "let x = \"a\"\ninclude \"sub\" as sub\n",
            &[("sub", "let x = \"inner\"\n")],
        );
        world.overrides.insert("x".into(), Value::str("b"));
        let evaluator = world.evaluator();
        assert_eq!(evaluator.top_level(ModuleId(0), "x"), Some(Value::str("b")));
        assert_eq!(
            evaluator.top_level(ModuleId(1), "x"),
            Some(Value::str("inner"))
        );
        assert_eq!(evaluator.top_level(ModuleId(0), "y"), None);
    }

    #[test]
    fn an_include_sees_what_is_passed_and_nothing_else() {
        let root = "let version = \"1\"\nlet hidden = \"2\"\ninclude \"api\" as api with { v = \"$version!\", version = version }\n";
        let api = "let version = \"default\"\nlet a = \"$v $version\"\nlet b = hidden\n";
        let world = World::with_includes(root, &[("api", api)]);
        let evaluator = world.evaluator();
        assert_eq!(
            evaluator.top_level(ModuleId(1), "a"),
            Some(Value::str("1! 1"))
        );
        let bad = evaluator.top_level(ModuleId(1), "b").unwrap();
        insta::assert_snapshot!(world.finish(&evaluator, bad).1, @r##"
        gomake::plan::unknown_name

          × there is no `hidden` here
           ╭─[api/Gofile:3:9]
         2 │ let a = "$v $version"
         3 │ let b = hidden
           ·         ───┬──
           ·            ╰── not a let, a parameter, a `for` variable or a target
           ╰────
          help: the including Gofile has it: pass it on with `as api with { hidden = hidden }`
        "##);
    }

    #[test]
    fn an_unknown_value_takes_the_name_of_its_let() {
        let world =
            World::new("let version = git.describe\nlet x = [\"a\", \"-X $version\"]\n").never();
        let (value, errors, wanted) = world.x();
        assert_eq!(
            (show(&value).as_str(), errors.as_str(), wanted.len()),
            ("[\"a\", ‹version›]", "", 0)
        );
    }

    #[test]
    fn the_same_mistake_and_the_same_question_are_noted_once() {
        let (_, errors, wanted) = World::new(
            "let x = [y, \"$a$a\", env(\"A\", \"\"), env(\"A\", \"\")]\nlet a = nope\nlet y = a\n",
        )
        .x();
        assert_eq!(errors.matches("there is no `nope` here").count(), 1);
        assert_eq!(wanted, [Query::Env("A".into())]);
    }

    #[test]
    fn a_header_cannot_wait_for_a_command() {
        let world =
            World::new("let x = files\nlet files = split(list)\nlet list = capture(\"ls\")\n");
        let (_, errors, wanted) = world.x_in_header();
        assert_eq!(wanted, []);
        insta::assert_snapshot!(errors, @r##"
        gomake::plan::capture_in_header

          × a `for` or `if` header cannot wait for a command
           ╭─[Gofile:1:9]
         1 │ let x = files
           ·         ──┬──
           ·           ╰── this header needs the value
         2 │ let files = split(list)
         3 │ let list = capture("ls")
           ·            ──────┬──────
           ·                  ╰── which comes from this command
           ╰────
          help: the set of targets must be known without running anything: use `glob`, `read`, `env` or a
                list
        "##);
        // The same let is fine elsewhere, and a mistake in a header after that too.
        let evaluator = world.evaluator();
        evaluator.top_level(ModuleId(0), "x");
        assert_eq!(evaluator.take().1.len(), 1);
        let Some(Definition::Let(found)) = world.modules.definition(ModuleId(0), "x") else {
            panic!()
        };
        evaluator.eval_header(ModuleId(0), &Scope::default(), &found.value);
        assert!(
            evaluator
                .take()
                .0
                .iter()
                .any(|error| matches!(error, PlanError::CaptureInHeader { .. }))
        );
    }

    #[test]
    fn items_lie_flat() {
        let nested = Value::list(vec![
            Value::str("a"),
            Value::list(vec![Value::Int(1), Value::list(vec![])]),
        ]);
        assert_eq!(Evaluator::items(&nested), [Value::str("a"), Value::Int(1)]);
        assert_eq!(Evaluator::items(&Value::Bool(true)), [Value::Bool(true)]);
        let volatile = Value::Volatile(Arc::new(nested));
        assert_eq!(show(&Evaluator::items(&volatile)[0]), "~\"a\"");
    }

    #[test]
    fn a_string_is_expected() {
        let world = World::new("let x = 8080\n");
        let evaluator = world.evaluator();
        let span = Span::new(8, 12);
        assert_eq!(
            evaluator
                .expect_string(&Value::str("a"), "`dir`", span)
                .as_deref(),
            Some("a")
        );
        assert_eq!(evaluator.expect_string(&Value::Bad, "`dir`", span), None);
        assert_eq!(evaluator.take().0.len(), 0);
        assert_eq!(
            evaluator.expect_string(&Value::Int(8080), "`dir`", span),
            None
        );
        insta::assert_snapshot!(world.finish(&evaluator, Value::Bad).1, @r##"
        gomake::plan::wrong_type

          × `dir` must be a string, not an integer
           ╭─[Gofile:1:9]
         1 │ let x = 8080
           ·         ──┬─
           ·           ╰── this is an integer
           ╰────
          help: write it in quotes
        "##);
    }
}
