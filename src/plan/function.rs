//! The built-in functions: their signatures, how arguments are matched to them, and the pure ones. Their exact meaning
//! is written for users in `docs/functions.md`.

use crate::base::names::nearest;
use crate::base::path::ProjectPath;
use crate::base::source::{Span, Spanned};
use crate::lang::ast::{Arg, Expr};
use crate::plan::capture;
use crate::plan::error::PlanError;
use crate::plan::expression::Frame;
use crate::plan::observe;
use crate::plan::value::{TargetRef, Value};
use std::collections::HashSet;
use std::sync::Arc;

/// A function as messages show it and as arguments are matched to it.
#[derive(Debug, PartialEq, Eq)]
pub struct Signature {
    pub name: &'static str,
    pub text: &'static str,
    /// In order; each may be given by name as well.
    params: &'static [&'static str],
    /// How many of `params` must be given.
    required: usize,
    /// True: positional arguments all go to the first parameter, at least one of them.
    variadic: bool,
}

const fn of(
    name: &'static str,
    text: &'static str,
    params: &'static [&'static str],
    required: usize,
) -> Signature {
    Signature {
        name,
        text,
        params,
        required,
        variadic: false,
    }
}

/// Every function of the language.
pub const FUNCTIONS: &[Signature] = &[
    of("stem", "stem(path)", &["path"], 1),
    of("dir", "dir(path)", &["path"], 1),
    of("base", "base(path)", &["path"], 1),
    of("ext", "ext(path)", &["path"], 1),
    of("with_ext", "with_ext(path, ext)", &["path", "ext"], 2),
    of(
        "join",
        "join(list, separator = \" \")",
        &["list", "separator"],
        1,
    ),
    of(
        "split",
        "split(text, separator = blanks)",
        &["text", "separator"],
        1,
    ),
    of(
        "replace",
        "replace(text, from, to)",
        &["text", "from", "to"],
        3,
    ),
    of("trim", "trim(text)", &["text"], 1),
    of("upper", "upper(text)", &["text"], 1),
    of("lower", "lower(text)", &["text"], 1),
    of("unique", "unique(list)", &["list"], 1),
    of("flatten", "flatten(list)", &["list"], 1),
    of("len", "len(list | map | text)", &["value"], 1),
    of(
        "contains",
        "contains(list | map | text, item)",
        &["value", "item"],
        2,
    ),
    of(
        "starts_with",
        "starts_with(text, prefix)",
        &["text", "prefix"],
        2,
    ),
    of(
        "ends_with",
        "ends_with(text, suffix)",
        &["text", "suffix"],
        2,
    ),
    of("relative", "relative(path, from)", &["path", "from"], 2),
    of("fail", "fail(message)", &["message"], 1),
    Signature {
        variadic: true,
        ..of(
            "glob",
            "glob(pattern…, exclude = [])",
            &["pattern", "exclude"],
            1,
        )
    },
    of("read", "read(file)", &["file"], 1),
    of("exists", "exists(file)", &["file"], 1),
    of("which", "which(program)", &["program"], 1),
    of("env", "env(NAME, default)", &["name", "default"], 1),
    of(
        "capture",
        "capture(script | [argv], default = …)",
        &["script", "default"],
        1,
    ),
    of("volatile", "volatile(value)", &["value"], 1),
    of("secret", "secret(NAME)", &["name"], 1),
    of("optional", "optional(pattern)", &["pattern"], 1),
];

pub fn signature(name: &str) -> Option<&'static Signature> {
    FUNCTIONS.iter().find(|function| function.name == name)
}

/// A call whose arguments have been matched to parameters.
pub(super) struct Call<'c> {
    pub signature: &'static Signature,
    /// The whole call.
    pub span: Span,
    /// All positional arguments of a variadic function.
    pub all: Vec<&'c Expr>,
    /// By parameter.
    pub args: Vec<Option<&'c Expr>>,
}

impl Call<'_> {
    pub fn mistake(&self, problem: impl Into<String>, span: Span) -> PlanError {
        PlanError::Arguments {
            function: self.signature.name.to_owned(),
            problem: problem.into(),
            span,
            help: format!("it is called as `{}`", self.signature.text),
        }
    }
    /// The span of an argument, or of the call where it is absent.
    pub fn span_of(&self, param: usize) -> Span {
        self.args[param].map_or(self.span, |expr| expr.span)
    }
}

/// `name(args)`: a function, or a target with its parameters, which are always named.
pub(super) fn call(
    frame: &Frame<'_, '_>,
    name: &Spanned<String>,
    args: &[Arg],
    span: Span,
) -> Value {
    let all_named = !args.is_empty() && args.iter().all(|arg| arg.name.is_some());
    let known = signature(&name.value);
    if (known.is_none() || all_named)
        && let Some((module, target)) = frame.find_target(&name.value)
    {
        return call_target(
            frame,
            TargetRef {
                module,
                name: target,
                select: Vec::new(),
                args: Vec::new(),
                span,
            },
            args,
        );
    }
    let Some(signature) = known else {
        return check_unknown(frame, name, args);
    };
    let call = match matched(signature, args, span) {
        Ok(call) => call,
        Err(error) => {
            args.iter().for_each(|arg| frame.check_names(&arg.value));
            return frame.wrong(*error);
        }
    };
    match signature.name {
        "capture" => capture::capture(frame, &call),
        "glob" => observe::glob(frame, &call),
        "env" => observe::env(frame, &call),
        _ => plain_call(frame, &call),
    }
}

fn check_unknown(frame: &Frame<'_, '_>, name: &Spanned<String>, args: &[Arg]) -> Value {
    args.iter().for_each(|arg| frame.check_names(&arg.value));
    check_name(frame, name);
    Value::Bad
}

/// Reports a called name that is neither a function nor a target.
pub(super) fn check_name(frame: &Frame<'_, '_>, name: &Spanned<String>) {
    if signature(&name.value).is_some() || frame.find_target(&name.value).is_some() {
        return;
    }
    let help = nearest(&name.value, FUNCTIONS.iter().map(|function| function.name))
        .and_then(signature)
        .map(|near| format!("did you mean `{}`?", near.text));
    frame.wrong(PlanError::UnknownFunction {
        name: name.value.clone(),
        span: name.span,
        help,
    });
}

fn call_target(frame: &Frame<'_, '_>, mut target: TargetRef, args: &[Arg]) -> Value {
    let mut doubt = None;
    for arg in args {
        let value = frame.expr(&arg.value);
        match &arg.name {
            Some(name) if target.args.iter().any(|(other, _)| *other == name.value) => {
                doubt = Some(frame.wrong(target_arguments(
                    &target.name,
                    "an argument is given twice",
                    name.span,
                )));
            }
            Some(name) => target.args.push((name.value.clone(), value)),
            None => {
                doubt = Some(frame.wrong(target_arguments(
                    &target.name,
                    "the parameters of a target are named",
                    arg.value.span,
                )))
            }
        }
    }
    doubt.unwrap_or_else(|| Value::Target(Arc::new(target)))
}

fn target_arguments(target: &str, problem: &str, span: Span) -> PlanError {
    PlanError::Arguments {
        function: target.to_owned(),
        problem: problem.to_owned(),
        span,
        help: format!("a target is called as `{target}(parameter = value)`"),
    }
}

fn matched<'c>(
    signature: &'static Signature,
    args: &'c [Arg],
    span: Span,
) -> Result<Call<'c>, Box<PlanError>> {
    let mut call = Call {
        signature,
        span,
        all: Vec::new(),
        args: vec![None; signature.params.len()],
    };
    let mut positional = 0;
    for arg in args {
        let at = match &arg.name {
            None if signature.variadic => {
                call.all.push(&arg.value);
                call.args[0].get_or_insert(&arg.value);
                continue;
            }
            None => {
                positional += 1;
                positional - 1
            }
            Some(name) => signature
                .params
                .iter()
                .position(|param| *param == name.value)
                .ok_or_else(|| {
                    Box::new(
                        call.mistake(format!("there is no parameter `{}`", name.value), name.span),
                    )
                })?,
        };
        match call.args.get_mut(at) {
            None => {
                return Err(Box::new(
                    call.mistake("an argument too many", arg.value.span),
                ));
            }
            Some(Some(_)) => {
                return Err(Box::new(call.mistake(
                    format!("`{}` is given twice", signature.params[at]),
                    arg.value.span,
                )));
            }
            Some(slot) => *slot = Some(&arg.value),
        }
    }
    if signature.variadic && call.all.is_empty() {
        call.all.extend(call.args[0]);
    }
    match (0..signature.required).find(|&at| call.args[at].is_none()) {
        Some(missing) => Err(Box::new(
            call.mistake(format!("`{}` is missing", signature.params[missing]), span),
        )),
        None => Ok(call),
    }
}

/// Functions that take all their arguments evaluated.
fn plain_call(frame: &Frame<'_, '_>, call: &Call<'_>) -> Value {
    let mut values = Vec::with_capacity(call.args.len());
    let mut volatile = call.signature.name == "volatile";
    let mut doubt = None;
    for expr in &call.args {
        let Some(expr) = expr else {
            values.push(None);
            continue;
        };
        let (value, is_volatile) = frame.expr(expr).into_plain();
        volatile |= is_volatile;
        if let Value::Secret(_) = value {
            doubt = Some(frame.wrong(PlanError::SecretUse {
                used: "handed to a function",
                span: expr.span,
            }));
        } else if let Some(new) = value.doubt() {
            doubt = crate::plan::interpolate::worse(doubt, new);
        }
        values.push(Some(value));
    }
    if let Some(doubt) = doubt {
        return doubt;
    }
    let input = Input {
        frame,
        call,
        values,
    };
    apply(&input).unwrap_or(Value::Bad).volatile_if(volatile)
}

/// Evaluated arguments, without volatile marks, unknown values or mistakes in them.
pub(super) struct Input<'i, 'e, 'a> {
    pub frame: &'i Frame<'e, 'a>,
    pub call: &'i Call<'i>,
    values: Vec<Option<Value>>,
}

impl Input<'_, '_, '_> {
    fn value(&self, param: usize) -> &Value {
        self.values[param]
            .as_ref()
            .expect("required arguments are there once matched")
    }
    fn wrong_type(&self, param: usize, expected: &'static str, found: &Value) {
        let what = format!(
            "`{}` of `{}`",
            self.call.signature.params[param], self.call.signature.text
        );
        self.frame
            .wrong_type(&what, expected, found, self.call.span_of(param));
    }
    pub fn text(&self, param: usize) -> Option<Arc<str>> {
        match self.value(param) {
            Value::Str(text) => Some(text.clone()),
            other => {
                self.wrong_type(param, "a string", other);
                None
            }
        }
    }
    fn list(&self, param: usize) -> Option<&Arc<Vec<Value>>> {
        match self.value(param) {
            Value::List(items) => Some(items),
            other => {
                self.wrong_type(param, "a list", other);
                None
            }
        }
    }
    fn mistake(&self, problem: &str, param: usize) -> Option<Value> {
        Some(
            self.frame
                .wrong(self.call.mistake(problem, self.call.span_of(param))),
        )
    }
    /// A function of one string applied to the first argument, or to each item of a list.
    fn each(&self, apply: impl Fn(&str) -> Value) -> Option<Value> {
        self.each_of(self.value(0), &apply)
    }
    fn each_of(&self, value: &Value, apply: &dyn Fn(&str) -> Value) -> Option<Value> {
        match value {
            Value::Str(text) => Some(apply(text)),
            Value::List(items) => items
                .iter()
                .map(|item| self.each_of(item, apply))
                .collect::<Option<Vec<_>>>()
                .map(Value::list),
            other => {
                self.wrong_type(0, "a string or a list of strings", other);
                None
            }
        }
    }
}

/// None after a mistake that has been reported.
fn apply(input: &Input<'_, '_, '_>) -> Option<Value> {
    match input.call.signature.name {
        "stem" => input.each(|path| Value::str(split_ext(file_name(path)).0)),
        "ext" => input.each(|path| Value::str(split_ext(file_name(path)).1)),
        "base" => input.each(|path| Value::str(file_name(path))),
        "dir" => input.each(|path| Value::str(parent(path))),
        "with_ext" => with_ext(input),
        "join" => join(input),
        "split" => split(input),
        "replace" => replace(input),
        "trim" => input.each(|text| Value::str(text.trim())),
        "upper" => input.each(|text| Value::str(text.to_uppercase())),
        "lower" => input.each(|text| Value::str(text.to_lowercase())),
        "unique" => Some(unique(input.list(0)?)),
        "flatten" => Some(Value::list(crate::plan::eval::Evaluator::items(
            &Value::List(input.list(0)?.clone()),
        ))),
        "len" => len(input),
        "contains" => contains(input),
        "starts_with" => Some(Value::Bool(input.text(0)?.starts_with(&*input.text(1)?))),
        "ends_with" => Some(Value::Bool(input.text(0)?.ends_with(&*input.text(1)?))),
        "relative" => relative(input),
        "fail" => {
            let message = input.text(0)?.to_string();
            Some(input.frame.wrong(PlanError::Fail {
                message,
                span: input.call.span,
            }))
        }
        "volatile" => volatile(input),
        "secret" => Some(Value::Secret(input.text(0)?)),
        "optional" => optional(input.value(0)).or_else(|| {
            input.wrong_type(0, "a string or a list of strings", input.value(0));
            None
        }),
        "read" => observe::read(input),
        "exists" => observe::exists(input),
        "which" => observe::which(input),
        other => unreachable!("`{other}` is in the table of functions and not here"),
    }
}

/// The last component; a trailing `/` does not make an empty one.
fn file_name(path: &str) -> &str {
    path.trim_end_matches('/')
        .rsplit('/')
        .next()
        .unwrap_or_default()
}
/// A name before and from its last dot; a leading dot does not start an extension.
fn split_ext(name: &str) -> (&str, &str) {
    match name.rfind('.') {
        Some(at) if at > 0 => name.split_at(at),
        _ => (name, ""),
    }
}
fn parent(path: &str) -> &str {
    let trimmed = path.trim_end_matches('/');
    match trimmed.rfind('/') {
        None if trimmed.is_empty() && !path.is_empty() => "/",
        None => ".",
        Some(0) => "/",
        Some(at) => trimmed[..at].trim_end_matches('/'),
    }
}
fn with_ext(input: &Input<'_, '_, '_>) -> Option<Value> {
    let ext = input.text(1)?;
    if ext.contains('/') {
        return input.mistake("an extension holds no `/`", 1);
    }
    let dot = if ext.is_empty() || ext.starts_with('.') {
        ""
    } else {
        "."
    };
    input.each(|path| {
        let path = path.trim_end_matches('/');
        let kept = path.len() - split_ext(file_name(path)).1.len();
        Value::str(format!("{}{dot}{ext}", &path[..kept]))
    })
}
fn join(input: &Input<'_, '_, '_>) -> Option<Value> {
    let separator = if input.values[1].is_some() {
        input.text(1)?
    } else {
        Arc::from(" ")
    };
    let mut texts = Vec::new();
    for item in crate::plan::eval::Evaluator::items(input.value(0)) {
        let Some(text) = item.as_text() else {
            input.wrong_type(0, "a list of strings", &item);
            return None;
        };
        texts.push(text);
    }
    Some(Value::str(texts.join(&*separator)))
}
fn split(input: &Input<'_, '_, '_>) -> Option<Value> {
    let text = input.text(0)?;
    if input.values[1].is_none() {
        return Some(Value::list(
            text.split_whitespace().map(Value::str).collect(),
        ));
    }
    let separator = input.text(1)?;
    if separator.is_empty() {
        return input.mistake("an empty separator splits nowhere", 1);
    }
    if text.is_empty() {
        return Some(Value::list(Vec::new()));
    }
    Some(Value::list(
        text.split(&*separator).map(Value::str).collect(),
    ))
}
fn replace(input: &Input<'_, '_, '_>) -> Option<Value> {
    let (from, to) = (input.text(1)?, input.text(2)?);
    if from.is_empty() {
        return input.mistake("an empty text is found everywhere", 1);
    }
    input.each(|text| Value::str(text.replace(&*from, &to)))
}
fn unique(items: &[Value]) -> Value {
    let mut texts: HashSet<Arc<str>> = HashSet::new();
    let mut kept: Vec<Value> = Vec::new();
    for item in items {
        let is_new = match item {
            Value::Str(text) => texts.insert(text.clone()),
            other => !kept.contains(other),
        };
        if is_new {
            kept.push(item.clone());
        }
    }
    Value::list(kept)
}
fn len(input: &Input<'_, '_, '_>) -> Option<Value> {
    let count = match input.value(0) {
        Value::List(items) => items.len(),
        Value::Map(entries) => entries.len(),
        Value::Str(text) => text.chars().count(),
        other => {
            input.wrong_type(0, "a list, a map or a string", other);
            return None;
        }
    };
    Some(Value::Int(count as u64))
}
fn contains(input: &Input<'_, '_, '_>) -> Option<Value> {
    let found = match input.value(0) {
        Value::List(items) => items.contains(input.value(1)),
        Value::Map(entries) => {
            let key = input.text(1)?;
            entries.iter().any(|(name, _)| *name == key)
        }
        Value::Str(text) => text.contains(&*input.text(1)?),
        other => {
            input.wrong_type(0, "a list, a map or a string", other);
            return None;
        }
    };
    Some(Value::Bool(found))
}
fn relative(input: &Input<'_, '_, '_>) -> Option<Value> {
    let dir = module_dir(input.frame);
    let from = project_path(input.frame, dir, &input.text(1)?, input.call.span_of(1))?;
    input.each(
        |path| match project_path(input.frame, dir, path, input.call.span_of(0)) {
            Some(path) => Value::str(path.relative_to(&from)),
            None => Value::Bad,
        },
    )
}
fn volatile(input: &Input<'_, '_, '_>) -> Option<Value> {
    match input.value(0) {
        value @ (Value::Str(_) | Value::Int(_) | Value::Bool(_) | Value::List(_)) => {
            Some(value.clone())
        }
        other => {
            input.wrong_type(0, "a string, an integer, a boolean or a list", other);
            None
        }
    }
}
fn optional(value: &Value) -> Option<Value> {
    match value {
        Value::Str(pattern) => Some(Value::Optional(pattern.clone())),
        Value::Optional(_) => Some(value.clone()),
        Value::List(items) => items
            .iter()
            .map(optional)
            .collect::<Option<Vec<_>>>()
            .map(Value::list),
        _ => None,
    }
}

/// The directory that the paths of the frame's Gofile are relative to.
pub(super) fn module_dir<'f>(frame: &'f Frame<'_, '_>) -> &'f ProjectPath {
    &frame.ev.modules.modules[frame.module].dir
}
/// A path or pattern of the project, or the mistake is reported.
pub(super) fn project_path(
    frame: &Frame<'_, '_>,
    dir: &ProjectPath,
    text: &str,
    span: Span,
) -> Option<ProjectPath> {
    match dir.resolve(text) {
        Ok(path) => Some(path),
        Err(reason) => {
            let help = "paths are relative to their Gofile and stay within the project".to_owned();
            frame.wrong(PlanError::Path {
                path: text.to_owned(),
                reason: reason.to_string(),
                span,
                help: Some(help),
            });
            None
        }
    }
}
