//! The built-in functions: their signatures, how arguments are matched to them, and the pure ones. Their exact meaning
//! is written for users in `docs/language.md`.

use crate::base::names::nearest;
use crate::base::path::ProjectPath;
use crate::base::source::{Span, Spanned};
use crate::lang::ast::{Arg, Expr};
use crate::plan::capture;
use crate::plan::error::PlanError;
use crate::plan::expression::Frame;
use crate::plan::observe;
use crate::plan::value::{TargetRef, Value};
use std::sync::Arc;

mod pure;

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
    pure::apply(&input)
        .unwrap_or(Value::Bad)
        .volatile_if(volatile)
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::testing::{World, mistakes, show, value};

    fn shown(expression: &str) -> String {
        show(&value(expression))
    }
    fn wrong(expression: &str) -> String {
        mistakes(&format!("let x = {expression}\n"))
    }
    /// The table of `docs/language.md`, as far as it needs nothing of the world.
    const MEANING: &[(&str, &str)] = &[
        (r#"stem("src/main.c")"#, r#""main""#),
        (r#"stem("a/b.tar.gz")"#, r#""b.tar""#),
        (r#"stem(".profile")"#, r#"".profile""#),
        (r#"stem(["a.c", "b/c.d"])"#, r#"["a", "c"]"#),
        (r#"dir("src/main.c")"#, r#""src""#),
        (r#"dir("main.c")"#, r#"".""#),
        (r#"dir("a/b/")"#, r#""a""#),
        (r#"dir("/a")"#, r#""/""#),
        (r#"base("src/main.c")"#, r#""main.c""#),
        (r#"base("src/")"#, r#""src""#),
        (r#"ext("a/b.tar.gz")"#, r#"".gz""#),
        (r#"ext("a.d/Makefile")"#, r#""""#),
        (r#"ext(".profile")"#, r#""""#),
        (r#"with_ext("src/main.c", ".o")"#, r#""src/main.o""#),
        (r#"with_ext("src/main.c", "o")"#, r#""src/main.o""#),
        (r#"with_ext("src/main.c", "")"#, r#""src/main""#),
        (r#"with_ext(["a.c", "b"], ".o")"#, r#"["a.o", "b.o"]"#),
        (r#"join(["a", "b c", 1], ",")"#, r#""a,b c,1""#),
        (r#"join(["a", "b c"])"#, r#""a b c""#),
        (r#"join([], ",")"#, r#""""#),
        (r#"split(" a  b\n")"#, r#"["a", "b"]"#),
        (r#"split("a,,b", ",")"#, r#"["a", "", "b"]"#),
        (r#"split("", ",")"#, "[]"),
        (r#"replace("a.b.c", ".", "-")"#, r#""a-b-c""#),
        (r#"trim("  a b \n")"#, r#""a b""#),
        (r#"upper("aß")"#, r#""ASS""#),
        (r#"lower(["A", "B"])"#, r#"["a", "b"]"#),
        (r#"unique(["b", "a", "b", 1, 1])"#, r#"["b", "a", 1]"#),
        (r#"flatten([["a"], [["b"], "c"]])"#, r#"["a", "b", "c"]"#),
        (r#"len(["a", ["b"]])"#, "2"),
        (r#"len("né")"#, "2"),
        (r#"len({ a = 1 })"#, "1"),
        (r#"contains(["a", "b"], "b")"#, "true"),
        (r#"contains("abc", "bc")"#, "true"),
        (r#"contains({ a = 1 }, "b")"#, "false"),
        (r#"starts_with("v1.2", "v")"#, "true"),
        (r#"ends_with("a.c", ".h")"#, "false"),
        (r#"relative("src/a/b.c", "src/d")"#, r#""../a/b.c""#),
        (r#"relative("src", "src")"#, r#"".""#),
        (r#"volatile("a")"#, r#"~"a""#),
        (r#"secret("TOKEN")"#, "secret TOKEN"),
        (r#"optional("*.c")"#, r#"optional "*.c""#),
        (r#"optional(["a", "b"])"#, r#"[optional "a", optional "b"]"#),
    ];

    #[test]
    fn functions_mean_what_the_docs_say() {
        for (expression, meaning) in MEANING {
            assert_eq!(shown(expression), *meaning, "{expression}");
        }
    }

    #[test]
    fn every_function_is_in_the_table() {
        for function in FUNCTIONS {
            assert!(function.text.starts_with(function.name));
            let observing = ["fail", "glob", "read", "exists", "which", "env", "capture"]
                .contains(&function.name);
            let tested = MEANING
                .iter()
                .any(|(expression, _)| expression.starts_with(&format!("{}(", function.name)));
            assert!(observing || tested, "{}", function.name);
        }
    }

    #[test]
    fn arguments_may_be_named() {
        assert_eq!(
            shown(r#"join(separator = "-", list = ["a", "b"])"#),
            r#""a-b""#
        );
        assert_eq!(shown(r#"replace("aa", to = "c", from = "a")"#), r#""cc""#);
    }

    #[test]
    fn wrong_arguments_show_the_signature() {
        insta::assert_snapshot!(wrong("stem()"), @r##"
        gomake::plan::arguments

          × `stem`: `path` is missing
           ╭─[Gofile:1:9]
         1 │ let x = stem()
           ·         ───┬──
           ·            ╰── `path` is missing
           ╰────
          help: it is called as `stem(path)`
        "##);
        insta::assert_snapshot!(wrong(r#"stem("a", "b")"#), @r##"
        gomake::plan::arguments

          × `stem`: an argument too many
           ╭─[Gofile:1:19]
         1 │ let x = stem("a", "b")
           ·                   ─┬─
           ·                    ╰── an argument too many
           ╰────
          help: it is called as `stem(path)`
        "##);
        insta::assert_snapshot!(wrong(r#"join(["a"], sep = ",")"#), @r##"
        gomake::plan::arguments

          × `join`: there is no parameter `sep`
           ╭─[Gofile:1:21]
         1 │ let x = join(["a"], sep = ",")
           ·                     ─┬─
           ·                      ╰── there is no parameter `sep`
           ╰────
          help: it is called as `join(list, separator = " ")`
        "##);
        insta::assert_snapshot!(wrong(r#"stem("a", path = "b")"#), @r##"
        gomake::plan::arguments

          × `stem`: `path` is given twice
           ╭─[Gofile:1:26]
         1 │ let x = stem("a", path = "b")
           ·                          ─┬─
           ·                           ╰── `path` is given twice
           ╰────
          help: it is called as `stem(path)`
        "##);
        insta::assert_snapshot!(wrong(r#"upper(1)"#), @r##"
        gomake::plan::wrong_type

          × `text` of `upper(text)` must be a string or a list of strings, not an integer
           ╭─[Gofile:1:15]
         1 │ let x = upper(1)
           ·               ┬
           ·               ╰── this is an integer
           ╰────
        "##);
        insta::assert_snapshot!(wrong(r#"split("a", "")"#), @r##"
        gomake::plan::arguments

          × `split`: an empty separator splits nowhere
           ╭─[Gofile:1:20]
         1 │ let x = split("a", "")
           ·                    ─┬
           ·                     ╰── an empty separator splits nowhere
           ╰────
          help: it is called as `split(text, separator = blanks)`
        "##);
        insta::assert_snapshot!(wrong(r#"stemm("a")"#), @r##"
        gomake::plan::unknown_function

          × there is no function `stemm`
           ╭─[Gofile:1:9]
         1 │ let x = stemm("a")
           ·         ──┬──
           ·           ╰── neither a function nor a target
           ╰────
          help: did you mean `stem(path)`?
        "##);
        insta::assert_snapshot!(wrong(r#"relative("../a", "b")"#), @r##"
        gomake::plan::path

          × `../a` is not a path of the project: it leaves the project
           ╭─[Gofile:1:18]
         1 │ let x = relative("../a", "b")
           ·                  ───┬──
           ·                     ╰── used here
           ╰────
          help: paths are relative to their Gofile and stay within the project
        "##);
        insta::assert_snapshot!(mistakes("let x = deploy(\"web1\")\ntask deploy { }\n"), @r##"
        gomake::plan::arguments

          × `deploy`: the parameters of a target are named
           ╭─[Gofile:1:16]
         1 │ let x = deploy("web1")
           ·                ───┬──
           ·                   ╰── the parameters of a target are named
         2 │ task deploy { }
           ╰────
          help: a target is called as `deploy(parameter = value)`
        "##);
    }

    #[test]
    fn fail_says_what_the_author_said() {
        insta::assert_snapshot!(wrong(r#"if host.os == "plan9" then 1 else fail("no such host")"#), @"");
        let world =
            World::new("let x = if host.os == \"linux\" then 1 else fail(\"only linux\")\n")
                .answer(
                    crate::plan::query::Query::Host(crate::plan::query::HostFact::Os),
                    crate::plan::query::Answer::Text(Some("darwin".into())),
                );
        insta::assert_snapshot!(world.x().1, @r##"
        gomake::plan::fail

          × only linux
           ╭─[Gofile:1:43]
         1 │ let x = if host.os == "linux" then 1 else fail("only linux")
           ·                                           ─────────┬────────
           ·                                                    ╰── this `fail` was reached
           ╰────
        "##);
    }
}
