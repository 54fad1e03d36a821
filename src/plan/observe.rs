//! The functions that look at the world: each look is a query, so that it is on record.

use crate::base::glob::Pattern;
use crate::base::names::nearest;
use crate::base::source::{Span, Spanned};
use crate::lang::ast::Expr;
use crate::plan::error::PlanError;
use crate::plan::eval::{Evaluator, Running};
use crate::plan::expression::Frame;
use crate::plan::function::{Call, Input, module_dir, project_path};
use crate::plan::interpolate::worse;
use crate::plan::query::{Answer, GitFact, HostFact, Presence, Query};
use crate::plan::value::Value;

/// The fields of `host` and `git`; None for every other name.
pub(super) fn fields_of(object: &str) -> Option<&'static [&'static str]> {
    match object {
        "host" => Some(&["os", "arch", "cpus"]),
        "git" => Some(&["describe", "commit", "branch", "dirty"]),
        _ => None,
    }
}

/// `host.os`, `git.describe`.
pub(super) fn field(frame: &Frame<'_, '_>, object: &str, name: &Spanned<String>) -> Value {
    let label = format!("{object}.{}", name.value);
    let query = match label.as_str() {
        "host.os" => Query::Host(HostFact::Os),
        "host.arch" => Query::Host(HostFact::Arch),
        "host.cpus" => Query::Host(HostFact::Cpus),
        "git.describe" => Query::Git(GitFact::Describe),
        "git.commit" => Query::Git(GitFact::Commit),
        "git.branch" => Query::Git(GitFact::Branch),
        "git.dirty" => Query::Git(GitFact::Dirty),
        _ => {
            let fields = fields_of(object).unwrap_or_default();
            let near = nearest(&name.value, fields.iter().copied());
            let help = Some(near.map_or_else(
                || format!("it has {}", fields.join(", ")),
                |near| format!("did you mean `{near}`?"),
            ));
            return frame.wrong(PlanError::UnknownField {
                name: object.to_owned(),
                field: name.value.clone(),
                span: name.span,
                help,
            });
        }
    };
    if matches!(query, Query::Git(_))
        && frame.ev.running == Running::Never
        && frame.ev.header().is_none()
    {
        return Value::Unknown(label.into());
    }
    match frame.ev.ask(query) {
        None => Value::Unknown(label.into()),
        Some(Answer::Text(Some(text))) => typed(&label, text),
        Some(Answer::Text(None)) => not_observed(frame, &label, "there is no answer", name.span),
        Some(Answer::Failed(reason)) => not_observed(frame, &label, reason, name.span),
        Some(other) => unexpected(other),
    }
}
fn typed(label: &str, text: &str) -> Value {
    match label {
        "host.cpus" => text.parse().map_or_else(|_| Value::str(text), Value::Int),
        "git.dirty" => Value::Bool(text == "true"),
        _ => Value::str(text),
    }
}
fn not_observed(frame: &Frame<'_, '_>, what: &str, reason: &str, span: Span) -> Value {
    frame.wrong(PlanError::NotObserved {
        what: format!("`{what}`"),
        reason: reason.to_owned(),
        span,
    })
}
fn unexpected(answer: &Answer) -> Value {
    unreachable!("the observer gave an answer of another kind: {answer:?}")
}

/// `glob(pattern…, exclude = …)`: paths relative to the Gofile, sorted by their project path.
pub(super) fn glob(frame: &Frame<'_, '_>, call: &Call<'_>) -> Value {
    let mut doubt = None;
    let mut volatile = false;
    let mut gather = |expr: &Expr, patterns: &mut Vec<String>| {
        let (value, is_volatile) = frame.expr(expr).into_plain();
        volatile |= is_volatile;
        for item in Evaluator::items(&value) {
            match pattern(frame, &item, expr.span) {
                Ok(pattern) => patterns.push(pattern),
                Err(new) => doubt = worse(doubt.take(), new),
            }
        }
    };
    let mut include = Vec::new();
    call.all.iter().for_each(|expr| gather(expr, &mut include));
    let mut exclude = Vec::new();
    call.args[1]
        .iter()
        .for_each(|expr| gather(expr, &mut exclude));
    if let Some(doubt) = doubt {
        return doubt;
    }
    let found = match frame.ev.ask(Query::Glob { include, exclude }) {
        None => return Value::Unknown("glob".into()),
        Some(Answer::Paths(paths)) => paths,
        Some(Answer::Failed(reason)) => return not_observed(frame, "glob", reason, call.span),
        Some(other) => return unexpected(other),
    };
    let dir = module_dir(frame);
    Value::list(
        found
            .iter()
            .map(|path| Value::str(path.relative_to(dir)))
            .collect(),
    )
    .volatile_if(volatile)
}
/// A pattern as the project sees it, or what the value's mistake stands for.
fn pattern(frame: &Frame<'_, '_>, value: &Value, span: Span) -> Result<String, Value> {
    let text = match value {
        Value::Str(text) => text,
        Value::Secret(_) => {
            return Err(frame.wrong(PlanError::SecretUse {
                used: "a pattern",
                span,
            }));
        }
        other => return Err(frame.wrong_type("a pattern of `glob`", "a string", other, span)),
    };
    let path = project_path(frame, module_dir(frame), text, span).ok_or(Value::Bad)?;
    match Pattern::new(path.as_str()) {
        Ok(_) => Ok(path.as_str().to_owned()),
        Err(error) => Err(frame.wrong(PlanError::Pattern {
            pattern: text.to_string(),
            reason: error.reason,
            span,
        })),
    }
}

/// `read(file)`: the text without its trailing newlines, as `$(cat file)` gives it.
pub(super) fn read(input: &Input<'_, '_, '_>) -> Option<Value> {
    let text = input.text(0)?;
    let span = input.call.span_of(0);
    let path = project_path(input.frame, module_dir(input.frame), &text, span)?;
    let unreadable = |reason: &str, help: Option<&str>| {
        input.frame.wrong(PlanError::Unreadable {
            path: path.to_string(),
            reason: reason.to_owned(),
            span,
            help: help.map(str::to_owned),
        })
    };
    Some(match input.frame.ev.ask(Query::Read(path.clone())) {
        None => Value::Unknown("read".into()),
        Some(Answer::Text(Some(text))) => Value::str(text.trim_end_matches(['\n', '\r'])),
        Some(Answer::Text(None)) => unreadable(
            "there is no such file",
            Some("`if exists(file) then read(file) else \"…\"` allows for that"),
        ),
        Some(Answer::Failed(reason)) => unreadable(reason, None),
        Some(other) => unexpected(other),
    })
}

/// `exists(file)`: whether a file or a directory is there.
pub(super) fn exists(input: &Input<'_, '_, '_>) -> Option<Value> {
    let text = input.text(0)?;
    let path = project_path(
        input.frame,
        module_dir(input.frame),
        &text,
        input.call.span_of(0),
    )?;
    Some(match input.frame.ev.ask(Query::Presence(path)) {
        None => Value::Unknown("exists".into()),
        Some(Answer::Presence(presence)) => Value::Bool(*presence != Presence::Missing),
        Some(Answer::Failed(reason)) => {
            not_observed(input.frame, "exists", reason, input.call.span)
        }
        Some(other) => unexpected(other),
    })
}

/// `which(program)`: its path, or the empty string.
pub(super) fn which(input: &Input<'_, '_, '_>) -> Option<Value> {
    let program = input.text(0)?;
    if program.is_empty() || program.contains('/') {
        let mistake = input
            .call
            .mistake("a program is a name without `/`", input.call.span_of(0));
        return Some(input.frame.wrong(mistake));
    }
    Some(
        match input.frame.ev.ask(Query::Which(program.to_string())) {
            None => Value::Unknown("which".into()),
            Some(Answer::Program(None)) => Value::str(""),
            Some(Answer::Program(Some(path))) => match path.to_str() {
                Some(path) => Value::str(path),
                None => not_observed(
                    input.frame,
                    "which",
                    "the path is not UTF-8",
                    input.call.span,
                ),
            },
            Some(Answer::Failed(reason)) => {
                not_observed(input.frame, "which", reason, input.call.span)
            }
            Some(other) => unexpected(other),
        },
    )
}

/// `env(NAME, default)`: the default is evaluated only where the variable is not set.
pub(super) fn env(frame: &Frame<'_, '_>, call: &Call<'_>) -> Value {
    let expr = call.args[0].expect("required arguments are there once matched");
    let name = match frame.expr(expr) {
        Value::Str(name) => name,
        Value::Secret(_) => {
            return frame.wrong(PlanError::SecretUse {
                used: "handed to a function",
                span: expr.span,
            });
        }
        other => {
            return frame.wrong_type(
                &format!("`name` of `{}`", call.signature.text),
                "a string",
                &other,
                expr.span,
            );
        }
    };
    if name.is_empty() || name.contains(['=', '\0']) {
        return frame.wrong(call.mistake("this cannot be a variable's name", expr.span));
    }
    match (frame.ev.ask(Query::Env(name.to_string())), call.args[1]) {
        (None, default) => {
            default
                .iter()
                .for_each(|default| frame.check_names(default));
            Value::Unknown(name)
        }
        (Some(Answer::Text(Some(text))), default) => {
            default
                .iter()
                .for_each(|default| frame.check_names(default));
            Value::str(text.as_str())
        }
        (Some(Answer::Text(None)), Some(default)) => frame.expr(default),
        (Some(Answer::Text(None)), None) => frame.wrong(PlanError::EnvUnset {
            help: format!("set it, or give a value for when it is not: `env(\"{name}\", \"…\")`"),
            name: name.to_string(),
            span: call.span,
        }),
        (Some(Answer::Failed(reason)), _) => not_observed(frame, &name, reason, call.span),
        (Some(other), _) => unexpected(other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::path::ProjectPath;
    use crate::plan::module::ModuleId;
    use crate::plan::testing::{World, mistakes, show};
    use std::path::PathBuf;

    fn path(text: &str) -> ProjectPath {
        ProjectPath::root().resolve(text).unwrap()
    }
    fn world(expression: &str) -> World {
        World::new(&format!("let x = {expression}\n"))
    }
    fn answered(expression: &str, query: Query, answer: Answer) -> String {
        let (value, errors, wanted) = world(expression).answer(query, answer).x();
        assert_eq!(wanted, []);
        if errors.is_empty() {
            show(&value)
        } else {
            errors
        }
    }

    #[test]
    fn globs_are_asked_for_by_project_path_and_answered_by_the_files_own() {
        let world = World::with_includes(
            "include \"api\" as api\n",
            &[(
                "api",
                "let x = glob(\"*.c\", [\"../lib/*.h\"], exclude = \"a.c\")\n",
            )],
        );
        let evaluator = world.evaluator();
        evaluator.top_level(ModuleId(1), "x");
        let query = Query::Glob {
            include: vec!["api/*.c".into(), "lib/*.h".into()],
            exclude: vec!["api/a.c".into()],
        };
        assert_eq!(evaluator.take().1, std::slice::from_ref(&query));
        let world = world.answer(query, Answer::Paths(vec![path("api/b.c"), path("lib/c.h")]));
        assert_eq!(
            show(&world.evaluator().top_level(ModuleId(1), "x").unwrap()),
            "[\"b.c\", \"../lib/c.h\"]"
        );
    }

    #[test]
    fn patterns_must_be_patterns_of_the_project() {
        insta::assert_snapshot!(mistakes("let x = glob(\"src/[a\")\n"), @r##"
        gomake::plan::pattern

          × `src/[a` is not a pattern: a `[` is not closed
           ╭─[Gofile:1:14]
         1 │ let x = glob("src/[a")
           ·              ────┬───
           ·                  ╰── in this pattern
           ╰────
          help: `*`, `?`, `[a-z]` and `{a,b}` match within a name, `**` as a whole name matches across
                directories
        "##);
        insta::assert_snapshot!(mistakes("let x = glob(\"/etc/*\")\n"), @r##"
        gomake::plan::path

          × `/etc/*` is not a path of the project: it is absolute
           ╭─[Gofile:1:14]
         1 │ let x = glob("/etc/*")
           ·              ────┬───
           ·                  ╰── used here
           ╰────
          help: paths are relative to their Gofile and stay within the project
        "##);
        assert!(mistakes("let x = glob(1)\n").contains("gomake::plan::wrong_type"));
        assert!(mistakes("let x = glob()\n").contains("`pattern` is missing"));
    }

    #[test]
    fn files_are_read_without_their_last_newlines() {
        let query = || Query::Read(path("VERSION"));
        assert_eq!(
            answered(
                "read(\"VERSION\")",
                query(),
                Answer::Text(Some("1.2\n\n".into()))
            ),
            "\"1.2\""
        );
        insta::assert_snapshot!(answered("read(\"VERSION\")", query(), Answer::Text(None)), @r##"
        gomake::plan::unreadable

          × cannot read `VERSION`: there is no such file
           ╭─[Gofile:1:14]
         1 │ let x = read("VERSION")
           ·              ────┬────
           ·                  ╰── needed here
           ╰────
          help: `if exists(file) then read(file) else "…"` allows for that
        "##);
        insta::assert_snapshot!(answered("read(\"VERSION\")", query(), Answer::Failed("it is not UTF-8".into())), @r##"
        gomake::plan::unreadable

          × cannot read `VERSION`: it is not UTF-8
           ╭─[Gofile:1:14]
         1 │ let x = read("VERSION")
           ·              ────┬────
           ·                  ╰── needed here
           ╰────
        "##);
        assert!(mistakes("let x = read(\"../x\")\n").contains("gomake::plan::path"));
    }

    #[test]
    fn presence_and_programs() {
        assert_eq!(
            answered(
                "exists(\"a\")",
                Query::Presence(path("a")),
                Answer::Presence(Presence::Dir)
            ),
            "true"
        );
        assert_eq!(
            answered(
                "exists(\"a\")",
                Query::Presence(path("a")),
                Answer::Presence(Presence::Missing)
            ),
            "false"
        );
        assert_eq!(
            answered(
                "which(\"cc\")",
                Query::Which("cc".into()),
                Answer::Program(Some(PathBuf::from("/bin/cc")))
            ),
            "\"/bin/cc\""
        );
        assert_eq!(
            answered(
                "which(\"cc\")",
                Query::Which("cc".into()),
                Answer::Program(None)
            ),
            "\"\""
        );
        assert!(mistakes("let x = which(\"/bin/cc\")\n").contains("a name without `/`"));
    }

    #[test]
    fn variables_have_defaults() {
        let query = || Query::Env("A".into());
        assert_eq!(
            answered("env(\"A\")", query(), Answer::Text(Some("b".into()))),
            "\"b\""
        );
        assert_eq!(
            answered(
                "env(\"A\", fail(\"no\"))",
                query(),
                Answer::Text(Some(String::new()))
            ),
            "\"\""
        );
        assert_eq!(
            answered("env(\"A\", default = \"c\")", query(), Answer::Text(None)),
            "\"c\""
        );
        insta::assert_snapshot!(answered("env(\"A\")", query(), Answer::Text(None)), @r##"
        gomake::plan::env_unset

          × the environment variable `A` is not set
           ╭─[Gofile:1:9]
         1 │ let x = env("A")
           ·         ────┬───
           ·             ╰── needed here
           ╰────
          help: set it, or give a value for when it is not: `env("A", "…")`
        "##);
        assert!(mistakes("let x = env(\"A=B\")\n").contains("cannot be a variable's name"));
    }

    #[test]
    fn facts_have_types() {
        let text = |text: &str| Answer::Text(Some(text.into()));
        assert_eq!(
            answered("host.cpus", Query::Host(HostFact::Cpus), text("8")),
            "8"
        );
        assert_eq!(
            answered("host.arch", Query::Host(HostFact::Arch), text("amd64")),
            "\"amd64\""
        );
        assert_eq!(
            answered(
                "if git.dirty then 1 else 2",
                Query::Git(GitFact::Dirty),
                text("false")
            ),
            "2"
        );
        insta::assert_snapshot!(answered("git.commit", Query::Git(GitFact::Commit), Answer::Failed("this is not a git repository".into())), @r##"
        gomake::plan::not_observed

          × cannot tell `git.commit`: this is not a git repository
           ╭─[Gofile:1:13]
         1 │ let x = git.commit
           ·             ───┬──
           ·                ╰── needed here
           ╰────
        "##);
    }

    #[test]
    fn a_let_may_be_called_host() {
        let (value, errors, _) =
            World::new("let x = \"$host ${h.os}\"\nlet host = \"web1\"\nlet h = { os = \"a\" }\n")
                .x();
        assert_eq!((show(&value).as_str(), errors.as_str()), ("\"web1 a\"", ""));
    }

    #[test]
    fn git_is_left_alone_where_nothing_may_run_except_in_headers() {
        let world = world("git.branch").never();
        assert_eq!(world.x().2, []);
        assert_eq!(world.x_in_header().2, [Query::Git(GitFact::Branch)]);
    }
}
