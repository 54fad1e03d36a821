//! One target to its action: evaluates the script's variables, the environment, limits, tools.

use crate::base::path::ProjectPath;
use crate::base::source::Span;
use crate::golang::cacheprog::is_spoken_by;
use crate::golang::command::{GoBuild, default_command};
use crate::golang::static_binary::IS_STATIC;
use crate::golang::testing::spec::GoTestSpec;
use crate::lang::ast::{Kind, Script};
use crate::plan::action::{Action, BaseEnv, Command, INPUTS_FILE, Limits};
use crate::plan::body::{Body, Run};
use crate::plan::environment::{Environment, ScriptNames};
use crate::plan::error::{Lint, PlanError};
use crate::plan::eval::{Evaluator, Running, Scope};
use crate::plan::go;
use crate::plan::graph::{Decl, Graph, Target, TargetId};
use crate::plan::instance::{scope_of, single_instance};
use crate::plan::limit::read_duration;
use crate::plan::module::{Modules, Source};
use crate::plan::name::plain_text;
use crate::plan::place::{Place, place};
use crate::plan::query::{Answer, Answers, GitFact, Outcome, Query};
use crate::plan::resolve::{Request, in_text_order, tree_of};
use crate::plan::script::interpreter;
use crate::plan::settings;
use crate::plan::target::spanned;
use crate::plan::tool;
use crate::plan::uncounted;
use crate::plan::value::{Selector, TargetRef, Value};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;

/// What a target reads and makes by name, at the moment it is bound.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Files {
    /// Expanded `inputs`, project-relative, in the order declared.
    pub inputs: Vec<String>,
    /// Declared outputs as written (patterns too).
    pub outputs: Vec<String>,
}

/// What all bindings of a run share.
#[derive(Clone, Copy)]
pub struct Context<'a> {
    pub modules: Source<'a>,
    pub graph: &'a Graph,
    pub request: &'a Request,
    pub answers: &'a Answers,
    pub running: Running,
    /// What follows `--` on the command line, for the targets named there.
    pub extra_args: &'a [String],
}

/// A target's action, what may not be meant about it, and what was asked to make it, each question once.
pub type Binding = (Action, Vec<Lint>, Vec<Arc<Query>>);

/// Binds one target. `files.inputs` may still change when what it needs has run; binding again is cheap.
pub fn bind(context: &Context<'_>, target: TargetId, files: &Files) -> Outcome<Binding, PlanError> {
    let modules = match context.modules.get() {
        Ok(modules) => modules,
        Err(reason) => {
            return Outcome::Failed(vec![PlanError::Moved {
                reason: reason.to_owned(),
            }]);
        }
    };
    let mut binder = Binder::new(context, modules, target, files);
    let action = binder.action();
    if context.running == Running::Never && !binder.target.always_runs {
        uncounted::lint(&mut binder, &action.command);
    }
    let (found, wanted) = binder.evaluator.take();
    binder.errors.extend(found);
    if !binder.errors.is_empty() {
        Outcome::Failed(in_text_order(binder.errors))
    } else if wanted.is_empty() {
        let asked = binder.evaluator.asked();
        Outcome::Ready((action, in_text_order(binder.lints), asked))
    } else {
        Outcome::Wanting(wanted)
    }
}

/// What `$out` is while there is no single output: everything made of it is unknown by this name.
const AMBIGUOUS_OUT: &str = "out (not a single one)";

pub(super) struct Binder<'c> {
    pub context: &'c Context<'c>,
    pub modules: &'c Modules,
    pub evaluator: Evaluator<'c>,
    pub target: &'c Target,
    pub decl: &'c Decl,
    pub body: Body<'c>,
    pub files: &'c Files,
    /// Bindings, own lets, and what every script is given.
    pub scope: Scope<'c>,
    /// As seen from the working directory; trees with their `/`.
    pub outputs: Vec<String>,
    pub errors: Vec<PlanError>,
    pub lints: Vec<Lint>,
}

impl<'c> Binder<'c> {
    fn new(context: &'c Context<'c>, modules: &'c Modules, id: TargetId, files: &'c Files) -> Self {
        let target = &context.graph.targets[id];
        let decl = &context.graph.decls[target.decl];
        let tree = tree_of(modules, decl.module, decl.statement);
        // Mistakes in the shape were reported when the graph was made.
        let body = Body::read(tree, &mut Vec::new());
        let evaluator = Evaluator::new(
            modules,
            context.answers,
            &context.request.overrides,
            context.running,
        );
        let seen = |path: &String| seen_from(&target.dir, path);
        let mut binder = Self {
            context,
            modules,
            evaluator,
            target,
            decl,
            scope: Scope {
                lets: body.lets.clone(),
                ..scope_of(&target.bindings)
            },
            body,
            files,
            outputs: files.outputs.iter().map(seen).collect(),
            errors: Vec::new(),
            lints: Vec::new(),
        };
        binder.evaluate_defaults();
        binder.give(files.inputs.iter().map(seen).collect());
        binder
    }

    /// Defaults that need a command are unknown in the graph: only who runs the target pays for them.
    fn evaluate_defaults(&mut self) {
        let tree = tree_of(self.modules, self.decl.module, self.decl.statement);
        for param in &tree.params {
            let name = &param.name.value;
            if let (Some(Value::Unknown(_)), Some(default)) =
                (self.scope.values.get(name), &param.default)
            {
                let value = self
                    .evaluator
                    .eval(self.decl.module, &Scope::default(), default);
                self.scope.values.insert(name.clone(), value);
            }
        }
    }

    /// The names that gomake gives to every command.
    fn give(&mut self, inputs: Vec<String>) {
        let list = |texts: &[String]| {
            Value::list(texts.iter().map(|text| Value::str(text.as_str())).collect())
        };
        let out = match self.outputs.as_slice() {
            [one] => Value::str(one.as_str()),
            _ => Value::Unknown(AMBIGUOUS_OUT.into()),
        };
        let values = &mut self.scope.values;
        values.insert("out".to_owned(), out);
        values.insert("outputs".to_owned(), list(&self.outputs));
        values.insert("inputs".to_owned(), list(&inputs));
        values.insert("inputs_file".to_owned(), Value::str(INPUTS_FILE));
        if let Some(depfile) = &self.target.depfile {
            let path = depfile.relative_to(&self.target.dir);
            values.insert("depfile".to_owned(), Value::str(path));
        }
    }

    fn action(&mut self) -> Action {
        let run = self.body.run;
        let names = match run {
            Some(Run::Script(script)) => {
                Some(ScriptNames::of(script, &self.interpreter_word(script)))
            }
            _ => None,
        };
        let command = self.command(run);
        let is_built_here = self.target.kind == Kind::Image && !self.is_dockerfile();
        // Where no command runs, there is no environment: `env` is what the container gets.
        let env = if is_built_here {
            BTreeMap::new()
        } else {
            Environment::of(self, names.as_ref())
        };
        let tools = tool::tools(self, &command, names.as_ref());
        // `go build` takes packages to its end: nothing can be added to the command of a block.
        let takes_args = self.body.run.is_some() || self.target.kind == Kind::Test;
        Action {
            command,
            env,
            base_env: match self.target.kind {
                Kind::Task => BaseEnv::Whole,
                _ => BaseEnv::Strict,
            },
            dir: self.target.dir.clone(),
            tools,
            go_cache: self.shares_go_cache(),
            facts: self.facts(),
            limits: self.limits(),
            // What an engine built lies in the engine, which no cache can give back.
            cache: self.flag("cache").unwrap_or(!self.is_dockerfile()),
            remove: self.removals(),
            service: (self.target.kind == Kind::Service).then(|| Arc::new(self.service())),
            args: if takes_args {
                self.context.extra_args.to_vec()
            } else {
                Vec::new()
            },
        }
    }

    fn command(&mut self, run: Option<Run<'c>>) -> Command {
        if self.target.kind == Kind::Image {
            return self.image();
        }
        match run {
            Some(Run::Script(script)) => {
                let word = self.interpreter_word(script);
                let called = interpreter(&word);
                Command::Script {
                    interpreter: called.argv,
                    text: script.text.clone(),
                    as_file: called.as_file,
                    name: word,
                }
            }
            Some(Run::Argv(entry)) => {
                let items = spanned(&self.evaluator, self.decl.module, &self.scope, &entry.value);
                let argv: Vec<String> = items
                    .iter()
                    .flat_map(|(item, span)| self.words(item, *span))
                    .collect();
                if argv.is_empty() && items.is_empty() {
                    self.errors.push(PlanError::KeyType {
                        key: "run".to_owned(),
                        expected: "a program and its arguments",
                        got: "an empty list".to_owned(),
                        span: entry.value.span,
                        help: None,
                    });
                }
                Command::Argv(argv)
            }
            None => match &self.body.go {
                Some(block) => {
                    let values = go::Block {
                        evaluator: &self.evaluator,
                        module: self.decl.module,
                        scope: &self.scope,
                        block,
                    };
                    let kind = self.target.kind;
                    let block = values.values(kind);
                    match self.go_test(&block) {
                        Some(spec) => Command::GoTest(Arc::new(spec)),
                        None => {
                            let kind = go::go_kind(kind);
                            Command::Argv(default_command(kind, &block, &self.outputs))
                        }
                    }
                }
                None => Command::None,
            },
        }
    }

    /// The tests that a block stands for, where they go a package at a time: what is added on the command line is for one run.
    fn go_test(&self, block: &GoBuild) -> Option<GoTestSpec> {
        let is_test = self.target.kind == Kind::Test && self.context.extra_args.is_empty();
        let request = self.target.go.clone().filter(|_| is_test)?;
        GoTestSpec::of(block, &self.outputs, request)
    }

    /// An item of an argument list as words of it.
    fn words(&mut self, item: &Value, span: Span) -> Vec<String> {
        match item {
            Value::Target(reference) => self.outputs_of(reference),
            Value::Unknown(name) if &**name == AMBIGUOUS_OUT => {
                self.report_out(span);
                Vec::new()
            }
            Value::Unknown(name) => vec![format!("‹{name}›")],
            item => item
                .as_text()
                .map(|text| text.to_string())
                .into_iter()
                .collect(),
        }
    }

    pub fn report_out(&mut self, span: Span) {
        self.errors.push(PlanError::NoSingleOut {
            target: self.target.name.to_string(),
            count: self.outputs.len(),
            span,
        });
    }

    pub fn interpreter_word(&self, script: &Script) -> String {
        settings::interpreter_word(&self.evaluator, self.decl.module, script)
    }

    /// The outputs of the targets that a reference stands for, as seen from the working directory.
    pub fn outputs_of(&self, reference: &TargetRef) -> Vec<String> {
        let graph = self.context.graph;
        let prefix = &self.modules.modules[reference.module].prefix;
        let name = format!("{prefix}{}", reference.name);
        let Some(decl) = graph.decl_named(&name).map(|id| &graph.decls[id]) else {
            return Vec::new();
        };
        let outputs = |target: &Target| {
            let outputs = target.outputs.iter();
            let seen = outputs.map(|output| seen_from(&self.target.dir, &output.text()));
            seen.collect::<Vec<String>>()
        };
        if let Some(name) = single_instance(decl, &reference.select)
            && let Some(&id) = graph.by_name.get(&name)
        {
            return outputs(&graph.targets[id]);
        }
        let selected = decl
            .instances
            .iter()
            .map(|&id| &graph.targets[id])
            .filter(|target| {
                let values = target.bindings.iter().map(|(_, value)| value);
                values
                    .zip(&reference.select)
                    .all(|(value, selector)| match selector {
                        Selector::Any => true,
                        Selector::Is(text) => plain_text(value).as_deref() == Some(text),
                    })
            });
        selected.flat_map(outputs).collect()
    }

    fn facts(&self) -> BTreeMap<String, String> {
        let Some(go) = &self.target.go else {
            return BTreeMap::new();
        };
        let mut facts = self.of_block();
        match self.ask_if_running(Query::Go(go.clone())) {
            Some(Answer::Go(answer)) => facts.extend(answer.facts.clone()),
            Some(Answer::Failed(reason)) => {
                self.evaluator.report(PlanError::GoList {
                    target: self.target.name.to_string(),
                    reason: reason.clone(),
                    span: self.decl.go.unwrap_or(self.decl.name_span),
                });
            }
            _ => {}
        }
        facts
    }

    /// Whether the Go tool is to ask us for what it has built, and can.
    fn shares_go_cache(&self) -> bool {
        let wanted = self.context.graph.settings.go_cache == settings::GoCache::Gomake;
        let Some(go) = self.target.go.as_ref().filter(|_| wanted) else {
            return false;
        };
        match self.ask_if_running(Query::Go(go.clone())) {
            Some(Answer::Go(answer)) => {
                let version = answer.facts.get("GOVERSION");
                version.is_some_and(|version| is_spoken_by(version)) && !answer.has_cache_program
            }
            _ => false,
        }
    }

    /// What `vcs = true` stamps into the binary (without a repository there is nothing to stamp), and that what is built is to be
    /// looked at.
    fn of_block(&self) -> BTreeMap<String, String> {
        let mut facts = BTreeMap::new();
        let Some(block) = &self.body.go else {
            return facts;
        };
        let values = go::Block {
            evaluator: &self.evaluator,
            module: self.decl.module,
            scope: &self.scope,
            block,
        };
        if self.target.kind == Kind::Build && values.flag("static") {
            facts.insert(IS_STATIC.to_owned(), "no interpreter".to_owned());
        }
        if !values.flag("vcs") {
            return facts;
        }
        for (name, fact) in [
            ("git.commit", GitFact::Commit),
            ("git.dirty", GitFact::Dirty),
        ] {
            if let Some(Answer::Text(Some(text))) = self.ask_if_running(Query::Git(fact)) {
                facts.insert(name.to_owned(), text.clone());
            }
        }
        facts
    }

    pub fn ask_if_running(&self, query: Query) -> Option<&'c Answer> {
        match self.context.running {
            Running::Allowed => self.evaluator.ask(query),
            Running::Never => self.context.answers.get(&query),
        }
    }

    fn limits(&self) -> Limits {
        let defaults = Limits::default();
        let number = |key| match self.value(key) {
            Some(Value::Int(number)) => Some(u32::try_from(number).unwrap_or(u32::MAX)),
            _ => None,
        };
        let text = |key| match self.value(key) {
            Some(Value::Str(text)) => Some(text),
            _ => None,
        };
        Limits {
            timeout: text("timeout").and_then(|text| read_duration(&text)),
            retries: number("retries").unwrap_or(defaults.retries),
            pool: text("pool").map(|pool| pool.to_string()),
            weight: number("weight").unwrap_or(defaults.weight).max(1),
            interactive: self.flag("interactive") == Some(true),
            exclusive: self.flag("exclusive") == Some(true),
        }
    }

    fn value(&self, key: &str) -> Option<Value> {
        let entry = self.body.get(key)?;
        Some(
            self.evaluator
                .eval(self.decl.module, &self.scope, &entry.value),
        )
    }

    fn flag(&self, key: &str) -> Option<bool> {
        match self.value(key) {
            Some(Value::Bool(flag)) => Some(flag),
            _ => None,
        }
    }

    fn removals(&self) -> Vec<String> {
        let Some(entry) = self.body.get("remove") else {
            return Vec::new();
        };
        let dir = &self.modules.modules[self.decl.module].dir;
        let items = spanned(&self.evaluator, self.decl.module, &self.scope, &entry.value);
        let texts = items.iter().filter_map(|(item, _)| item.as_text());
        let places = texts.filter_map(|text| place(dir, &text).ok());
        places
            .map(|place| match place {
                Place::File(path) => path.to_string(),
                Place::Dir(path) => format!("{path}/"),
                Place::Pattern(pattern) => pattern,
            })
            .collect()
    }
}

/// A project-relative text, a tree with its `/`, as seen from a directory.
fn seen_from(dir: &ProjectPath, text: &str) -> String {
    let Ok(path) = ProjectPath::root().resolve(text) else {
        return text.to_owned();
    };
    let mut seen = path.relative_to(dir);
    if text.ends_with('/') {
        seen.push('/');
    }
    seen
}
