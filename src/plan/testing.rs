//! A small world for tests: Gofiles as text, answers as data, values and diagnostics as text.

use crate::base::ids::IdVec;
use crate::base::path::ProjectPath;
use crate::base::source::Sources;
use crate::lang::ast::Statement;
use crate::lang::parse::parse;
use crate::plan::eval::{Evaluator, Running, Scope};
use crate::plan::module::{Included, Module, ModuleId, Modules};
use crate::plan::query::{Answer, Answers, Query};
use crate::plan::value::Value;
use miette::{Diagnostic, GraphicalReportHandler, GraphicalTheme, Report};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Gofiles, parsed, and what is known of the world.
pub struct World {
    pub sources: Arc<Sources>,
    pub modules: Modules,
    pub answers: Answers,
    pub overrides: BTreeMap<String, Value>,
    pub running: Running,
}

impl World {
    /// A root Gofile.
    pub fn new(text: &str) -> Self {
        Self::with_includes(text, &[])
    }
    /// A root Gofile and those that its includes name, by their directory.
    pub fn with_includes(text: &str, others: &[(&str, &str)]) -> Self {
        let mut sources = Sources::default();
        let mut modules: IdVec<ModuleId, Module> = IdVec::new();
        let dir = ProjectPath::root();
        let base = sources.add("Gofile", text);
        let (tree, errors) = parse(text, base);
        assert!(errors.is_empty(), "{errors:?}");
        modules.push(Module {
            tree,
            dir,
            prefix: String::new(),
            includes: Vec::new(),
        });
        let mut at = 0;
        while at < modules.len() {
            let id = ModuleId(at as u32);
            let includes =
                modules[id]
                    .tree
                    .statements
                    .iter()
                    .filter_map(|statement| match statement {
                        Statement::Include(include) => Some(include.clone()),
                        _ => None,
                    });
            for include in includes.collect::<Vec<_>>() {
                let dir = modules[id].dir.resolve(&include.path.value).unwrap();
                let text = others
                    .iter()
                    .find(|(path, _)| *path == dir.as_str())
                    .unwrap()
                    .1;
                let base = sources.add(format!("{dir}/Gofile"), text);
                let (tree, errors) = parse(text, base);
                assert!(errors.is_empty(), "{errors:?}");
                let prefix = format!("{}{}:", modules[id].prefix, include.alias.value);
                let module = modules.push(Module {
                    tree,
                    dir,
                    prefix,
                    includes: Vec::new(),
                });
                modules[id].includes.push(Included {
                    alias: include.alias.value,
                    module,
                    with: include.with,
                    span: include.span,
                });
            }
            at += 1;
        }
        Self {
            sources: Arc::new(sources),
            modules: Modules::new(modules),
            answers: Answers::default(),
            overrides: BTreeMap::new(),
            running: Running::Allowed,
        }
    }
    pub fn answer(mut self, query: Query, answer: Answer) -> Self {
        self.answers.insert(query, answer);
        self
    }
    pub fn never(mut self) -> Self {
        self.running = Running::Never;
        self
    }
    pub fn evaluator(&self) -> Evaluator<'_> {
        Evaluator::new(&self.modules, &self.answers, &self.overrides, self.running)
    }
    /// The value of the root's let `x` as text, with its mistakes rendered, and what it asks for.
    pub fn x(&self) -> (Value, String, Vec<Query>) {
        let evaluator = self.evaluator();
        let value = evaluator
            .top_level(Modules::ROOT, "x")
            .expect("the root has a let `x`");
        self.finish(&evaluator, value)
    }
    /// The same, as the list of a `for`.
    pub fn x_in_header(&self) -> (Value, String, Vec<Query>) {
        let evaluator = self.evaluator();
        let Some(crate::plan::module::Definition::Let(found)) =
            self.modules.definition(Modules::ROOT, "x")
        else {
            panic!("the root has no let `x`");
        };
        let value = evaluator.eval_header(Modules::ROOT, &Scope::default(), &found.value);
        self.finish(&evaluator, value)
    }
    pub fn finish(&self, evaluator: &Evaluator<'_>, value: Value) -> (Value, String, Vec<Query>) {
        let (errors, wanted) = evaluator.take();
        let texts: Vec<String> = errors.into_iter().map(|error| self.render(error)).collect();
        (value, texts.join("\n"), wanted)
    }
    pub fn render(&self, error: impl Diagnostic + Send + Sync + 'static) -> String {
        let report = Report::new(error).with_source_code(self.sources.clone());
        let handler =
            GraphicalReportHandler::new_themed(GraphicalTheme::unicode_nocolor()).with_width(100);
        let mut text = String::new();
        handler.render_report(&mut text, report.as_ref()).unwrap();
        text.lines()
            .map(str::trim_end)
            .collect::<Vec<_>>()
            .join("\n")
    }
}

/// The value of `let x = EXPRESSION`, which must have no mistake and ask for nothing.
pub fn value(expression: &str) -> Value {
    value_in(&format!("let x = {expression}\n"))
}
/// The value of `x` in a Gofile.
pub fn value_in(text: &str) -> Value {
    let (value, errors, wanted) = World::new(text).x();
    assert_eq!(errors, "");
    assert_eq!(wanted, []);
    value
}
/// A value as short text: strings in quotes, volatile after `~`, unknown in `‹›`.
pub fn show(value: &Value) -> String {
    let all = |values: &[Value]| values.iter().map(show).collect::<Vec<_>>().join(", ");
    match value {
        Value::Str(text) => format!("{text:?}"),
        Value::Int(number) => number.to_string(),
        Value::Bool(truth) => truth.to_string(),
        Value::List(items) => format!("[{}]", all(items)),
        Value::Map(entries) => {
            let entries: Vec<String> = entries
                .iter()
                .map(|(key, value)| format!("{key} = {}", show(value)))
                .collect();
            format!("{{{}}}", entries.join(", "))
        }
        Value::Target(target) => {
            let select: Vec<String> = target.select.iter().map(|s| format!("{s:?}")).collect();
            let args: Vec<String> = target
                .args
                .iter()
                .map(|(name, value)| format!("{name} = {}", show(value)))
                .collect();
            format!(
                "target {}.{}[{}]({})",
                target.module.0,
                target.name,
                select.join(", "),
                args.join(", ")
            )
        }
        Value::Secret(name) => format!("secret {name}"),
        Value::Volatile(inner) => format!("~{}", show(inner)),
        Value::Optional(pattern) => format!("optional {pattern:?}"),
        Value::Unknown(label) => format!("‹{label}›"),
        Value::Bad => "bad".to_owned(),
    }
}
/// The mistakes of `x` in a Gofile, rendered.
pub fn mistakes(text: &str) -> String {
    World::new(text).x().1
}
