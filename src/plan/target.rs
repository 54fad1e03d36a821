//! One target's body, evaluated: its inputs, outputs, what it needs, its directory and its Go packages. Keys that
//! only a run needs are checked for their types. Does not know which files exist or who makes them.

use crate::base::glob::Pattern;
use crate::base::glob::is_pattern;
use crate::base::hash::HashSet;
use crate::base::path::ProjectPath;
use crate::base::source::Span;
use crate::lang::ast::{Entry, Expr, ExprKind, Kind};
use crate::plan::body::{Body, Run, Shape, shape_of, with_article};
use crate::plan::check::{self, check_value};
use crate::plan::error::PlanError;
use crate::plan::eval::{Evaluator, Running, Scope};
use crate::plan::go;
use crate::plan::goenv::GoVariables;
use crate::plan::graph::{Edge, EdgeWhy, Input, Inputs, Output, TargetId};
use crate::plan::image;
use crate::plan::image::reader::Reader;
use crate::plan::module::ModuleId;
use crate::plan::namespace::GIVEN;
use crate::plan::place::{Place, place};
use crate::plan::resolve::Resolver;
use crate::plan::service;
use crate::plan::value::{TargetRef, Value};
use std::rc::Rc;

/// What is collected while a body is read.
#[derive(Default)]
struct Read {
    inputs: Inputs,
    outputs: Vec<Output>,
    needs: Vec<Edge>,
    needed: HashSet<TargetId>,
    after: Vec<TargetId>,
    /// The output that tells of single tests.
    report: Option<Output>,
}

/// The items of an expression, each with the span of its own text where it is written as an item of a list.
pub(super) fn spanned(
    evaluator: &Evaluator<'_>,
    module: ModuleId,
    scope: &Scope<'_>,
    expr: &Expr,
) -> Vec<(Value, Span)> {
    let mut found = Vec::with_capacity(1);
    let mut open = Vec::new();
    let mut next = Some(expr);
    while let Some(expr) = next.take().or_else(|| open.pop()) {
        if let ExprKind::List(items) = &expr.kind {
            open.extend(items.iter().rev());
            continue;
        }
        match evaluator.eval(module, scope, expr) {
            value @ (Value::List(_) | Value::Volatile(_)) => {
                let items = Evaluator::items(&value).into_iter();
                found.extend(items.map(|item| (item, expr.span)));
            }
            single => found.push((single, expr.span)),
        }
    }
    found
}

impl<'a> Resolver<'a> {
    /// Fills in a target from its body.
    pub fn read_body(&mut self, id: TargetId) {
        let decl = self.graph.targets[id].decl;
        let module = self.graph.decls[decl].module;
        let body = Rc::clone(&self.bodies[decl]);
        let scope = self.scope(id, &body);
        let mut read = Read::default();
        let kind = self.graph.targets[id].kind;
        for entry in &body.entries {
            let is_own = match kind {
                Kind::Image => image::is_own_key(&entry.key.value),
                Kind::Service => service::is_own_key(&entry.key.value),
                _ => false,
            };
            if !is_own {
                self.read_entry(id, module, &scope, entry, &mut read);
            }
        }
        if kind == Kind::Image {
            read.outputs = self.read_image(id, module, &scope, &body);
        }
        if kind == Kind::Service {
            self.check_service(module, &scope, &body);
        }
        self.take_report(id, &mut read);
        self.read_command(id, module, scope.clone(), &body, &mut read);
        self.check_complete(id, &body);
        let go = body.go.as_ref().map(|block| {
            let dir = self.graph.targets[id].dir.clone();
            let values = |evaluator| go::Block {
                evaluator,
                module,
                scope: &scope,
                block,
            };
            go::check(&values(&self.check), &mut self.errors);
            if kind == Kind::Build && body.run.is_none() {
                let outputs: Vec<String> = read.outputs.iter().map(Output::text).collect();
                let span = body
                    .get("outputs")
                    .map_or(block.span, |entry| entry.value.span);
                go::check_outputs(&outputs, span, &mut self.errors);
            }
            let mut request = values(&self.plan)
                .values(kind)
                .request(dir, go::go_kind(kind));
            let variables = GoVariables {
                evaluator: &self.plan,
                module,
                scope: &with_given(scope.clone()),
                body: &body,
            };
            request.env = variables.with_block(&request.env);
            request
        });
        let target = &mut self.graph.targets[id];
        let runs_always = matches!(kind, Kind::Task | Kind::Clean);
        target.always_runs =
            runs_always || (kind == Kind::Test && !read.inputs.declared && go.is_none());
        target.go = go;
        target.inputs = read.inputs;
        target.outputs = read.outputs;
        target.needs = read.needs;
        target.after = read.after;
    }

    fn scope(&self, id: TargetId, body: &Body<'a>) -> Scope<'a> {
        Scope {
            values: self.graph.targets[id].bindings.iter().cloned().collect(),
            lets: body.lets.clone(),
            ..Scope::default()
        }
    }

    fn read_entry(
        &mut self,
        id: TargetId,
        module: ModuleId,
        scope: &Scope<'a>,
        entry: &Entry,
        read: &mut Read,
    ) {
        match entry.key.value.as_str() {
            "inputs" => {
                read.inputs.declared = true;
                for (value, span) in spanned(&self.plan, module, scope, &entry.value) {
                    self.read_input(id, module, value, span, read);
                }
            }
            "outputs" => {
                for (value, span) in spanned(&self.plan, module, scope, &entry.value) {
                    read.outputs.extend(self.output(module, value, span));
                }
            }
            "needs" | "after" => {
                for (value, span) in spanned(&self.plan, module, scope, &entry.value) {
                    self.read_need(id, module, entry, value, span, read);
                }
            }
            "depfile" => self.graph.targets[id].depfile = self.read_path(module, scope, entry),
            "report" => read.report = self.read_report(module, scope, entry),
            "dir" => {
                if let Some(dir) = self.read_path(module, scope, entry) {
                    self.graph.targets[id].dir = dir;
                }
            }
            _ => self.check_entry(id, module, scope, entry),
        }
    }

    fn read_input(
        &mut self,
        id: TargetId,
        module: ModuleId,
        value: Value,
        span: Span,
        read: &mut Read,
    ) {
        match value {
            Value::Str(text) => match text.strip_prefix('!') {
                Some(_) if self.graph.targets[id].kind == Kind::Image => {
                    self.errors.push(image::exclusion(&text, span));
                }
                Some(excluded) => {
                    if let Some(pattern) = self.placed_pattern(module, excluded, span) {
                        read.inputs.excludes.push(pattern);
                        self.exclude_spans.entry(id).or_default().push(span);
                    }
                }
                None => self.read_file(module, &text, false, span, read),
            },
            Value::Optional(text) => self.read_file(module, &text, true, span, read),
            Value::Target(reference) => self.read_target(id, &reference, span, read),
            Value::Unknown(_) | Value::Bad => {}
            other => self.errors.push(PlanError::KeyType {
                key: "inputs".to_owned(),
                expected: "files, patterns and targets",
                got: other.type_name().to_owned(),
                span,
                help: None,
            }),
        }
    }

    fn read_file(
        &mut self,
        module: ModuleId,
        text: &str,
        optional: bool,
        span: Span,
        read: &mut Read,
    ) {
        let dir = &self.modules.modules[module].dir;
        match place(dir, text) {
            Ok(Place::Pattern(pattern)) => read.inputs.items.push(Input::Glob {
                pattern,
                optional,
                span,
            }),
            Ok(Place::File(path)) => read.inputs.items.push(Input::File {
                path,
                optional,
                span,
            }),
            Ok(Place::Dir(path)) => self.errors.push(PlanError::DirectoryInput {
                path: path.relative_to(dir),
                span,
            }),
            Err(reason) => self.errors.push(outside(text, &reason, span)),
        }
    }

    fn placed_pattern(&mut self, module: ModuleId, text: &str, span: Span) -> Option<String> {
        match place(&self.modules.modules[module].dir, text) {
            Ok(Place::Pattern(pattern)) => Some(pattern),
            Ok(Place::File(path)) => Some(path.as_str().to_owned()),
            Ok(Place::Dir(path)) => Some(format!("{path}/**")),
            Err(reason) => {
                self.errors.push(outside(text, &reason, span));
                None
            }
        }
    }

    fn read_target(&mut self, id: TargetId, reference: &TargetRef, span: Span, read: &mut Read) {
        for to in self.referred(reference, span, self.depth[id] + 1) {
            read.inputs.items.push(Input::Target { id: to, span });
            read.need(to, EdgeWhy::Input, span);
        }
    }

    /// What an output's text stands for; mistakes are reported.
    pub(super) fn output(&mut self, module: ModuleId, value: Value, span: Span) -> Option<Output> {
        let text = match value {
            Value::Str(text) => text,
            Value::Unknown(name) if self.running == Running::Never => {
                let shown = ProjectPath::root().resolve(&format!("‹{name}›"));
                return shown.map(|path| Output::File { path, span }).ok();
            }
            Value::Unknown(_) | Value::Bad => return None,
            other => {
                self.errors.push(PlanError::KeyType {
                    key: "outputs".to_owned(),
                    expected: "paths",
                    got: other.type_name().to_owned(),
                    span,
                    help: None,
                });
                return None;
            }
        };
        let placed = match place(&self.modules.modules[module].dir, &text) {
            Ok(placed) => placed,
            Err(reason) => {
                self.errors.push(outside(&text, &reason, span));
                return None;
            }
        };
        if let Some(owner) = protected(&placed).or_else(|| self.gofile_at(&placed)) {
            self.errors.push(PlanError::ProtectedOutput {
                path: text.to_string(),
                owner,
                span,
            });
            return None;
        }
        Some(match placed {
            Place::Pattern(pattern) => Output::Pattern { pattern, span },
            Place::File(path) => Output::File { path, span },
            Place::Dir(path) => Output::Tree { path, span },
        })
    }

    /// Whether an output would be one of the files that say what there is to do.
    fn gofile_at(&self, place: &Place) -> Option<&'static str> {
        let gofiles = &self.gofiles;
        let hit = match place {
            Place::Pattern(pattern) => Pattern::new(pattern)
                .is_ok_and(|pattern| gofiles.iter().any(|path| pattern.matches(path.as_str()))),
            Place::File(path) => gofiles.contains(path),
            Place::Dir(path) => gofiles.iter().any(|gofile| gofile.is_within(path)),
        };
        hit.then_some("whoever writes the Gofile")
    }

    fn read_need(
        &mut self,
        id: TargetId,
        module: ModuleId,
        entry: &Entry,
        value: Value,
        span: Span,
        read: &mut Read,
    ) {
        match value {
            Value::Target(reference) => {
                for to in self.referred(&reference, span, self.depth[id] + 1) {
                    if entry.key.value == "needs" {
                        read.need(to, EdgeWhy::Needs, span);
                    } else if !read.after.contains(&to) {
                        read.after.push(to);
                        self.graph.after_spans.insert((id, to), span);
                    }
                }
            }
            Value::Unknown(_) | Value::Bad => {}
            other => {
                let named = match &other {
                    Value::Str(text) => self.modules.target(module, text).map(|_| text),
                    _ => None,
                };
                self.errors.push(PlanError::KeyType {
                    key: entry.key.value.clone(),
                    expected: "targets",
                    got: other.type_name().to_owned(),
                    span,
                    help: named.map(|name| format!("write {name} without quotes")),
                });
            }
        }
    }

    fn read_path(
        &mut self,
        module: ModuleId,
        scope: &Scope<'a>,
        entry: &Entry,
    ) -> Option<ProjectPath> {
        let value = self.plan.eval(module, scope, &entry.value);
        self.check_key(entry, Shape::Text, &value);
        let Value::Str(text) = value else { return None };
        match self.modules.modules[module].dir.resolve(&text) {
            Ok(path) => Some(path),
            Err(reason) => {
                self.errors
                    .push(outside(&text, &reason.to_string(), entry.value.span));
                None
            }
        }
    }

    /// A report is a plain file: what it says is read when the command has ended.
    fn read_report(
        &mut self,
        module: ModuleId,
        scope: &Scope<'a>,
        entry: &Entry,
    ) -> Option<Output> {
        let value = self.plan.eval(module, scope, &entry.value);
        let before = self.errors.len();
        self.check_key(entry, Shape::Text, &value);
        if self.errors.len() > before {
            return None;
        }
        let output = self.output(module, value, entry.value.span)?;
        let got = match &output {
            Output::File { .. } => return Some(output),
            Output::Tree { .. } => "a directory",
            Output::Pattern { .. } => "a pattern",
        };
        self.errors.push(PlanError::KeyType {
            key: entry.key.value.clone(),
            expected: "the path of a file",
            got: got.to_owned(),
            span: entry.value.span,
            help: None,
        });
        None
    }

    /// The report is the last of the outputs, unless it is named there.
    fn take_report(&mut self, id: TargetId, read: &mut Read) {
        let Some(report) = read.report.take() else {
            return;
        };
        if let Output::File { path, .. } = &report {
            self.graph.targets[id].report = Some(path.clone());
        }
        if !read
            .outputs
            .iter()
            .any(|other| other.text() == report.text())
        {
            read.outputs.push(report);
        }
    }

    /// A key that only a run needs.
    fn check_entry(&mut self, id: TargetId, module: ModuleId, scope: &Scope<'a>, entry: &Entry) {
        let kind = self.graph.targets[id].kind;
        let shape = shape_of(kind, &entry.key.value).expect("unknown keys are left out of a body");
        let given;
        let scope = if shape == Shape::Env {
            given = with_given(scope.clone());
            &given
        } else {
            scope
        };
        let value = self.check.eval(module, scope, &entry.value);
        let before = self.errors.len();
        self.check_key(entry, shape, &value);
        if self.errors.len() > before {
            return;
        }
        match entry.key.value.as_str() {
            "pool" => check::pool(&self.graph.settings, entry, &value, &mut self.errors),
            "remove" => {
                for (value, span) in spanned(&self.check, module, scope, &entry.value) {
                    if let Value::Str(text) = value {
                        self.placed_pattern(module, &text, span);
                    }
                }
            }
            _ => {}
        }
    }

    fn check_key(&mut self, entry: &Entry, shape: Shape, value: &Value) {
        check_value(
            &entry.key.value,
            shape,
            value,
            entry.value.span,
            &mut self.errors,
        );
    }

    /// `ready` and `stop`, as far as they are known without running anything.
    fn check_service(&mut self, module: ModuleId, scope: &Scope<'a>, body: &Body<'a>) {
        let mut reader = Reader {
            plan: &self.plan,
            run: &self.check,
            module,
            scope,
            dir: &self.modules.modules[module].dir,
            body,
            errors: Vec::new(),
            lints: Vec::new(),
        };
        reader.service();
        let errors = reader.errors;
        self.errors.extend(errors);
    }

    /// The command and the target's own lets, as far as they can be checked without running it. The targets that the
    /// command names are needed.
    fn read_command(
        &mut self,
        id: TargetId,
        module: ModuleId,
        scope: Scope<'a>,
        body: &Body<'a>,
        read: &mut Read,
    ) {
        let scope = Scope {
            is_given: true,
            ..scope
        };
        for let_ in &body.lets {
            self.check.eval(module, &scope, &let_.value);
        }
        let mut named = Vec::new();
        match body.run {
            Some(Run::Argv(entry)) => {
                for (value, span) in spanned(&self.check, module, &scope, &entry.value) {
                    check_value("run", Shape::Argv, &value, span, &mut self.errors);
                    if let Value::Target(reference) = value {
                        named.push((reference, span));
                    }
                }
            }
            Some(Run::Script(script)) => {
                named = self.named_by_script(module, &scope, body, script);
            }
            None => {}
        }
        for (reference, span) in named {
            for to in self.referred(&reference, span, self.depth[id] + 1) {
                read.need(to, EdgeWhy::Input, span);
            }
        }
    }

    /// What a kind cannot do without.
    fn check_complete(&mut self, id: TargetId, body: &Body<'_>) {
        let target = &self.graph.targets[id];
        let (kind, span) = (target.kind, self.graph.decls[target.decl].name_span);
        let mut missing = |key, help| {
            self.errors.push(PlanError::MissingKey {
                target: with_article(kind),
                key,
                span,
                help,
            });
        };
        if kind == Kind::Build {
            if body.get("outputs").is_none() {
                missing(
                    "outputs",
                    "a build makes files: name them; what makes none is a task or a test",
                );
            }
            if body.get("inputs").is_none() && body.go.is_none() {
                missing(
                    "inputs",
                    "name the files that it reads, or write `inputs = []` if there are none",
                );
            }
        }
        if matches!(kind, Kind::Build | Kind::Test) && body.run.is_none() && body.go.is_none() {
            missing(
                "run",
                "write the command as `run: …`, or use a `go { }` block",
            );
        }
        if kind == Kind::Service && body.run.is_none() {
            missing("run", "write the command that keeps running as `run: …`");
        }
        if body.get("report").is_some() && body.run.is_none() && body.go.is_some() {
            missing(
                "run",
                "`go test` alone writes no report: add `run: go test -json ./... > $out`",
            );
        }
        if kind == Kind::Image && body.get("base").is_none() && body.get("dockerfile").is_none() {
            missing(
                "base",
                "write `base = \"scratch\"` and `files`, or `dockerfile = \"Dockerfile\"`",
            );
        }
    }
}

impl Read {
    fn need(&mut self, to: TargetId, why: EdgeWhy, span: Span) {
        if self.needed.insert(to) {
            self.needs.push(Edge { to, why, span });
        }
    }
}

/// Adds the names that a script is given, which nobody knows before the run.
pub(super) fn with_given(mut scope: Scope<'_>) -> Scope<'_> {
    for name in GIVEN {
        scope
            .values
            .insert(name.to_owned(), Value::Unknown(name.into()));
    }
    scope
}

fn outside(path: &str, reason: &str, span: Span) -> PlanError {
    PlanError::PathOutside {
        path: path.to_owned(),
        reason: reason.to_owned(),
        span,
    }
}

/// Who owns a place where no output may lie.
fn protected(place: &Place) -> Option<&'static str> {
    let text = match place {
        Place::Pattern(pattern) => pattern.as_str(),
        Place::File(path) | Place::Dir(path) => path.as_str(),
    };
    if text.is_empty() {
        return Some("the project itself");
    }
    if text.split('/').any(|part| part == ".git") {
        return Some("git");
    }
    (text.split('/').next() == Some(".gomake")).then_some("gomake")
}

/// Whether a text is shown for an output that is not known without running something.
pub(super) fn is_unknown_output(path: &ProjectPath) -> bool {
    path.as_str().starts_with('‹') && !is_pattern(path.as_str())
}
