//! Headers to instances: the product of the `for`s, the `if` filter, parameters, and the targets that calls make.

use crate::base::names::nearest;
use crate::base::source::Span;
use crate::lang::ast::{For, TargetDecl};
use crate::plan::body::Body;
use crate::plan::error::{Lint, PlanError};
use crate::plan::eval::{Evaluator, Scope};
use crate::plan::graph::{Decl, DeclId, ParamInfo, Target, TargetId};
use crate::plan::module::ModuleId;
use crate::plan::name::{instance_name, plain_text, read_like};
use crate::plan::namespace::declared_name;
use crate::plan::resolve::{Request, Resolver};
use crate::plan::value::{Selector, TargetRef, Value};
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::rc::Rc;

/// A row of the product: each `for` variable with its value.
type Row = Vec<(String, Value)>;

/// A call this deep is taken for endless recursion.
const MAX_CALLS: usize = 100;

/// Who gives the arguments of a call: texts of the command line take the type of the parameter's default.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Caller {
    CommandLine,
    File(Span),
}

impl<'a> Resolver<'a> {
    /// Adds a declaration and the instances that its header makes.
    pub fn declare_target(&mut self, module: ModuleId, statement: usize, tree: &'a TargetDecl) {
        let (name, name_span) = declared_name(tree);
        let body = Body::read(tree, &mut self.errors);
        let params = self.read_params(module, tree);
        let decl = self.graph.decls.push(Decl {
            module,
            statement,
            name: format!("{}{name}", self.modules.modules[module].prefix),
            kind: tree.kind.value,
            help: tree.help.clone(),
            name_span,
            params,
            fors: tree
                .fors
                .iter()
                .map(|each| each.name.value.clone())
                .collect(),
            instances: Vec::new(),
            go: body.go.as_ref().map(|block| block.span),
            go_static: body
                .go
                .as_ref()
                .and_then(|block| Some(block.get("static")?.span)),
        });
        self.bodies.push(Rc::new(body));
        // The first of two with one name counts; the second is a mistake already reported.
        self.by_decl
            .entry((module, name.to_owned()))
            .or_insert(decl);
        let rows = self.read_header(decl, module, tree);
        let defaults = defaults(&self.graph.decls[decl].params);
        if let Some(args) = defaults {
            for row in &rows {
                if self.make_target(decl, row, &args, 0).is_none() {
                    let span = tree.fors.first().map_or(name_span, |each| each.items.span);
                    let name = self.target_name(decl, row, &args);
                    if tree.fors.is_empty() {
                        continue;
                    }
                    self.errors
                        .push(PlanError::DuplicateInstance { name, span });
                }
            }
        }
        self.rows.push(rows);
    }

    fn read_params(&mut self, module: ModuleId, tree: &TargetDecl) -> Vec<ParamInfo> {
        let scope = Scope::default();
        let mut params = Vec::new();
        for param in &tree.params {
            let default = param
                .default
                .as_ref()
                .map(|expr| self.check.eval(module, &scope, expr));
            let choices = param.choices.as_ref().map(|expr| {
                let value = self.check.eval(module, &scope, expr);
                Evaluator::items(&value)
                    .iter()
                    .filter_map(plain_text)
                    .collect::<Vec<_>>()
            });
            let text = default.as_ref().and_then(plain_text);
            if let (Some(choices), Some(text), Some(expr)) = (&choices, text, &param.default)
                && !matches!(default, Some(Value::Unknown(_)))
                && !choices.contains(&text)
            {
                self.errors
                    .push(bad_choice(&param.name.value, &text, choices, expr.span));
            }
            params.push(ParamInfo {
                name: param.name.value.clone(),
                choices,
                default,
            });
        }
        params
    }

    fn read_header(&mut self, decl: DeclId, module: ModuleId, tree: &TargetDecl) -> Vec<Row> {
        let mut rows: Vec<Row> = vec![Vec::new()];
        for each in &tree.fors {
            let mut longer = Vec::new();
            for row in &rows {
                for item in self.for_items(decl, module, row, each) {
                    let mut row = row.clone();
                    row.push((each.name.value.clone(), item));
                    longer.push(row);
                }
            }
            // A condition that filters everything is meant (`if host.os == …`); a list of nothing hardly is.
            if longer.is_empty() && !rows.is_empty() && !self.unsettled.contains(&decl) {
                self.graph.lints.push(Lint::EmptyFor {
                    name: self.graph.decls[decl].name.clone(),
                    span: each.items.span,
                });
            }
            rows = longer;
        }
        if let Some(condition) = &tree.condition {
            rows.retain(|row| {
                match self.check.eval_header(module, &scope_of(row), condition) {
                    Value::Bool(keep) => return keep,
                    Value::Unknown(_) | Value::Bad => {}
                    other => self.errors.push(PlanError::KeyType {
                        key: "if".to_owned(),
                        expected: "a boolean",
                        got: other.type_name().to_owned(),
                        span: condition.span,
                        help: None,
                    }),
                }
                self.unsettled.insert(decl);
                false
            });
        }
        rows
    }

    fn for_items(&mut self, decl: DeclId, module: ModuleId, row: &Row, each: &For) -> Vec<Value> {
        let value = self.check.eval_header(module, &scope_of(row), &each.items);
        let mut items = Evaluator::items(&value);
        let mut settled = true;
        items.retain(|item| {
            let got = match item {
                Value::Str(_) | Value::Int(_) | Value::Bool(_) | Value::Target(_) => return true,
                Value::Unknown(_) | Value::Bad => None,
                other => Some(other.type_name()),
            };
            settled = false;
            if let Some(got) = got {
                self.errors.push(PlanError::KeyType {
                    key: "for".to_owned(),
                    expected: "strings, integers, booleans or targets",
                    got: got.to_owned(),
                    span: each.items.span,
                    help: None,
                });
            }
            false
        });
        if !settled {
            self.unsettled.insert(decl);
        }
        items
    }

    fn target_name(&self, decl: DeclId, row: &Row, args: &[(String, Value)]) -> String {
        let decl = &self.graph.decls[decl];
        let items: Vec<String> = row
            .iter()
            .filter_map(|(_, value)| plain_text(value))
            .collect();
        let changed = args
            .iter()
            .zip(&decl.params)
            .filter(|((_, value), param)| param.default.as_ref() != Some(value));
        let args: Vec<(String, String)> = changed
            .map(|((name, value), _)| (name.clone(), plain_text(value).unwrap_or_default()))
            .collect();
        instance_name(&decl.name, &items, &args)
    }

    /// A new target; None where there is one of that name.
    fn make_target(
        &mut self,
        decl: DeclId,
        row: &Row,
        args: &[(String, Value)],
        depth: usize,
    ) -> Option<TargetId> {
        let name = self.target_name(decl, row, args);
        let Entry::Vacant(free) = self.graph.by_name.entry(name) else {
            return None;
        };
        let info = &self.graph.decls[decl];
        let dir = self.modules.modules[info.module].dir.clone();
        let id = self.graph.targets.push(Target {
            bindings: row.iter().chain(args).cloned().collect(),
            ..Target::new(free.key(), info.kind, decl, dir)
        });
        self.depth.push(depth);
        free.insert(id);
        self.graph.decls[decl].instances.push(id);
        Some(id)
    }

    /// Makes the targets that the command line calls with arguments.
    pub fn calls_of(&mut self, request: &Request) {
        if request.calls.is_empty() {
            return;
        }
        let names: BTreeMap<String, DeclId> = self
            .graph
            .decls
            .iter()
            .map(|(id, decl)| (decl.name.clone(), id))
            .collect();
        for (name, args) in &request.calls {
            // An unknown name is the selection's to report.
            let Some(&decl) = names.get(name) else {
                continue;
            };
            let given: Vec<(String, Value)> = args
                .iter()
                .map(|(name, value)| (name.clone(), value.clone()))
                .collect();
            let Some(args) = self.arguments(decl, &given, Caller::CommandLine) else {
                continue;
            };
            for row in self.rows[decl].clone() {
                self.make_target(decl, &row, &args, 0);
            }
        }
    }

    /// The targets that a reference stands for; mistakes are reported.
    pub fn referred(&mut self, reference: &TargetRef, span: Span, depth: usize) -> Vec<TargetId> {
        let key = (reference.module, reference.name.clone());
        let Some(&decl) = self.by_decl.get(&key) else {
            self.report_unknown(reference, span);
            return Vec::new();
        };
        if self.unsettled.contains(&decl) {
            return Vec::new();
        }
        let Some(args) = self.arguments(decl, &reference.args, Caller::File(span)) else {
            return Vec::new();
        };
        if let Some(name) = single_instance(&self.graph.decls[decl], &reference.select)
            && let Some(&id) = self.graph.by_name.get(&name)
        {
            return vec![id];
        }
        let Some(rows) = self.selected_rows(decl, reference, span) else {
            return Vec::new();
        };
        let mut targets = Vec::with_capacity(rows.len());
        for row in rows {
            let name = self.target_name(decl, &row, &args);
            let found = self.graph.by_name.get(&name).copied();
            if found.is_none() && depth > MAX_CALLS {
                self.errors.push(PlanError::EndlessCall {
                    target: self.graph.decls[decl].name.clone(),
                    span,
                    limit: MAX_CALLS,
                });
                return targets;
            }
            targets.extend(found.or_else(|| self.make_target(decl, &row, &args, depth)));
        }
        targets
    }

    fn report_unknown(&mut self, reference: &TargetRef, span: Span) {
        let names = self
            .by_decl
            .keys()
            .filter(|(module, _)| *module == reference.module);
        let near = nearest(&reference.name, names.map(|(_, name)| name.as_str()));
        self.errors.push(PlanError::UnknownName {
            name: reference.name.clone(),
            span,
            help: near.map(|near| format!("did you mean `{near}`?")),
        });
    }

    fn selected_rows(
        &mut self,
        decl: DeclId,
        reference: &TargetRef,
        span: Span,
    ) -> Option<Vec<Row>> {
        if reference.select.is_empty() {
            return Some(self.rows[decl].clone());
        }
        let matches = |row: &&Row| {
            row.len() == reference.select.len()
                && row
                    .iter()
                    .zip(&reference.select)
                    .all(|((_, value), selector)| match selector {
                        Selector::Any => true,
                        Selector::Is(text) => plain_text(value).as_deref() == Some(text),
                    })
        };
        let rows: Vec<Row> = self.rows[decl].iter().filter(matches).cloned().collect();
        if rows.is_empty() {
            self.report_selection(decl, reference, span);
            return None;
        }
        Some(rows)
    }

    fn report_selection(&mut self, decl: DeclId, reference: &TargetRef, span: Span) {
        let wanted = plain_text(&Value::Target(reference.clone().into())).unwrap_or_default();
        let info = &self.graph.decls[decl];
        let names = info
            .instances
            .iter()
            .map(|&id| &*self.graph.targets[id].name);
        self.errors.push(PlanError::UnknownInstance {
            target: info.name.clone(),
            wanted,
            span,
            help: instances_help(&info.name, info.fors.len(), names),
        });
    }

    /// One value for each parameter, in their order; None after a mistake.
    fn arguments(
        &mut self,
        decl: DeclId,
        given: &[(String, Value)],
        caller: Caller,
    ) -> Option<Vec<(String, Value)>> {
        let tree = self.decl_tree(decl);
        let info = &self.graph.decls[decl];
        let (target, params) = (info.name.clone(), info.params.clone());
        let before = self.errors.len();
        for (name, _) in given {
            if !params.iter().any(|param| param.name == *name) {
                let span = caller.place(declared_name(tree).1);
                self.errors
                    .push(unknown_argument(&target, name, &params, span));
            }
        }
        let mut args = Vec::new();
        let mut missing = Vec::new();
        for (param, written) in params.iter().zip(&tree.params) {
            let value = given
                .iter()
                .find(|(name, _)| *name == param.name)
                .map(|(_, value)| value);
            let span = caller.place(written.name.span);
            match (value, &param.default) {
                (Some(value), _) => match accepted(param, value, caller, span) {
                    Ok(value) => args.push((param.name.clone(), value)),
                    Err(Some(error)) => self.errors.push(*error),
                    Err(None) => return None,
                },
                (None, Some(default)) => args.push((param.name.clone(), default.clone())),
                (None, None) => missing.push(format!("`{}`", param.name)),
            }
        }
        if !missing.is_empty() {
            self.errors.push(PlanError::MissingArgument {
                usage: usage(&target, &params, caller),
                target,
                missing: missing.join(" and "),
                span: caller.place(declared_name(tree).1),
            });
        }
        (self.errors.len() == before).then_some(args)
    }
}

impl Caller {
    /// Where a mistake in an argument is shown: at the call, or for the command line at the declaration.
    fn place(self, declared: Span) -> Span {
        match self {
            Self::CommandLine => declared,
            Self::File(span) => span,
        }
    }
}

/// The scope of a header or body that sees only these names.
pub(super) fn scope_of(bindings: &[(String, Value)]) -> Scope<'static> {
    Scope {
        values: bindings.iter().cloned().collect(),
        ..Scope::default()
    }
}

/// The arguments of a call without any; None where one is required.
fn defaults(params: &[ParamInfo]) -> Option<Vec<(String, Value)>> {
    params
        .iter()
        .map(|param| Some((param.name.clone(), param.default.clone()?)))
        .collect()
}

/// The value as the parameter's type has it. `Err(None)`: a mistake that is reported already, or not known yet.
fn accepted(
    param: &ParamInfo,
    value: &Value,
    caller: Caller,
    span: Span,
) -> Result<Value, Option<Box<PlanError>>> {
    let value = match (caller, value, &param.default) {
        (_, Value::Bad | Value::Unknown(_), _) => return Err(None),
        (Caller::CommandLine, Value::Str(text), Some(default)) => read_like(text, default)
            .map_err(|expected| wrong_argument(param, expected, value, span))?,
        (Caller::File(_), value, Some(default)) if !same_type(value, default) => {
            return Err(wrong_argument(param, default.type_name(), value, span));
        }
        _ => value.clone(),
    };
    let Some(text) = plain_text(&value) else {
        return Err(wrong_argument(
            param,
            "a string, a number, a boolean or a list",
            &value,
            span,
        ));
    };
    match &param.choices {
        Some(choices) if !choices.contains(&text) => Err(Some(Box::new(bad_choice(
            &param.name,
            &text,
            choices,
            span,
        )))),
        _ => Ok(value),
    }
}

fn same_type(a: &Value, b: &Value) -> bool {
    matches!(b, Value::Unknown(_) | Value::Bad)
        || std::mem::discriminant(a) == std::mem::discriminant(b)
}

fn wrong_argument(
    param: &ParamInfo,
    expected: &'static str,
    value: &Value,
    span: Span,
) -> Option<Box<PlanError>> {
    let got = match value {
        Value::Str(text) => format!("{text:?}"),
        other => other.type_name().to_owned(),
    };
    Some(Box::new(PlanError::KeyType {
        key: param.name.clone(),
        expected,
        got,
        span,
        help: Some("a parameter has the type of its default".to_owned()),
    }))
}

fn bad_choice(name: &str, value: &str, choices: &[String], span: Span) -> PlanError {
    PlanError::BadChoice {
        name: name.to_owned(),
        value: value.to_owned(),
        choices: choices.join(", "),
        span,
    }
}

fn unknown_argument(target: &str, name: &str, params: &[ParamInfo], span: Span) -> PlanError {
    let names: Vec<&str> = params.iter().map(|param| param.name.as_str()).collect();
    let help = match nearest(name, names.iter().copied()) {
        Some(near) => format!("did you mean `{near}`?"),
        None if names.is_empty() => "it takes none".to_owned(),
        None => format!("its parameters: {}", names.join(", ")),
    };
    PlanError::UnknownArgument {
        target: target.to_owned(),
        name: name.to_owned(),
        span,
        help,
    }
}

/// How a call is written: `deploy(host = …)`, or `gomake deploy host=…`.
fn usage(target: &str, params: &[ParamInfo], caller: Caller) -> String {
    let required = params.iter().filter(|param| param.default.is_none());
    match caller {
        Caller::CommandLine => command_usage(target, params),
        Caller::File(_) => {
            let args: Vec<String> = required
                .map(|param| format!("{} = …", param.name))
                .collect();
            format!("{target}({})", args.join(", "))
        }
    }
}

/// `gomake deploy host=…`
pub fn command_usage(target: &str, params: &[ParamInfo]) -> String {
    let required = params.iter().filter(|param| param.default.is_none());
    let args: Vec<String> = required.map(|param| format!(" {}=…", param.name)).collect();
    format!("gomake {target}{}", args.concat())
}

/// The name of the only instance that a selection can mean, where it names every item: 100,000 targets that read one
/// instance each must not look at 100,000 each. None where parameters have a say.
pub(super) fn single_instance(decl: &Decl, select: &[Selector]) -> Option<String> {
    if select.is_empty() || select.len() != decl.fors.len() || !decl.params.is_empty() {
        return None;
    }
    let items = select.iter().map(|selector| match selector {
        Selector::Any => None,
        Selector::Is(text) => Some(text.clone()),
    });
    let items: Vec<String> = items.collect::<Option<_>>()?;
    Some(instance_name(&decl.name, &items, &[]))
}

/// What a declaration offers, for a selection that matches nothing.
pub fn instances_help<'n>(
    name: &str,
    variables: usize,
    instances: impl Iterator<Item = &'n str>,
) -> String {
    /// More than this fill a screen and help nobody.
    const SHOWN: usize = 12;
    if variables == 0 {
        return format!("`{name}` has no `for`: write it without brackets");
    }
    let all: Vec<&str> = instances.collect();
    let mut help = format!("instances: {}", all[..all.len().min(SHOWN)].join(", "));
    if all.len() > SHOWN {
        help.push_str(&format!(" and {} more", all.len() - SHOWN));
    }
    help
}
