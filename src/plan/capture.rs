//! `capture(…)`: a command's output as a value. Gofile values reach its script as environment variables, as they reach
//! every other script; nothing is spliced into its text.

use crate::base::source::Span;
use crate::lang::ast::{Expr, ExprKind, StrPart};
use crate::plan::error::PlanError;
use crate::plan::eval::{Evaluator, Running};
use crate::plan::expression::Frame;
use crate::plan::function::{Call, module_dir};
use crate::plan::interpolate::{Joined, text_of, worse};
use crate::plan::query::{Answer, Capture, CaptureCommand, Query};
use crate::plan::script::{self, shell_names};
use crate::plan::settings;
use crate::plan::value::Value;
use std::collections::BTreeMap;

/// What a capture hands to its command, as far as it could be evaluated.
#[derive(Default)]
struct Handed {
    env: BTreeMap<String, String>,
    volatile: bool,
    doubt: Option<Value>,
}

pub(super) fn capture(frame: &Frame<'_, '_>, call: &Call<'_>) -> Value {
    let expr = call.args[0].expect("required arguments are there once matched");
    frame.ev.note_capture(call.span);
    if frame.ev.header().is_some() {
        return Value::Bad;
    }
    if frame.ev.running == Running::Never {
        check_parts(frame, expr);
        call.args[1]
            .iter()
            .for_each(|default| frame.check_names(default));
        return Value::Unknown("capture".into());
    }
    let mut handed = Handed::default();
    let command = match &expr.kind {
        ExprKind::Str(parts) => script_command(
            frame,
            &literal_script(frame, parts, &mut handed),
            expr.span,
            &mut handed,
        ),
        _ => computed_command(frame, expr, call, &mut handed),
    };
    let (Some(command), None) = (command, &handed.doubt) else {
        return handed.doubt.unwrap_or(Value::Bad);
    };
    let query = Query::Capture(Capture {
        command,
        env: handed.env,
        dir: module_dir(frame).clone(),
    });
    match (frame.ev.ask(query), call.args[1]) {
        (None, _) => Value::Unknown("capture".into()),
        (Some(Answer::Text(Some(text))), _) => {
            Value::str(text.as_str()).volatile_if(handed.volatile)
        }
        (Some(Answer::Failed(_)) | Some(Answer::Text(None)), Some(default)) => {
            frame.expr(default).volatile_if(handed.volatile)
        }
        (Some(Answer::Failed(reason)), None) => frame.wrong(PlanError::CaptureFailed {
            reason: reason.clone(),
            span: call.span,
        }),
        (Some(other), _) => unreachable!("the observer gave an answer of another kind: {other:?}"),
    }
}

/// Names inside `${…}` must exist; a bare `$name` may be the shell's.
fn check_parts(frame: &Frame<'_, '_>, expr: &Expr) {
    match &expr.kind {
        ExprKind::Str(parts) => parts.iter().for_each(|part| match part {
            StrPart::Value(value) if !matches!(value.kind, ExprKind::Name(_)) => {
                frame.check_names(value)
            }
            _ => {}
        }),
        _ => frame.check_names(expr),
    }
}

/// The script of a `"…"` literal: a name stays a name, for the environment to fill; any other expression gets one.
fn literal_script(frame: &Frame<'_, '_>, parts: &[StrPart], handed: &mut Handed) -> String {
    let mut text = String::new();
    for part in parts {
        match part {
            StrPart::Text(plain) => text.push_str(plain),
            StrPart::Value(Expr {
                kind: ExprKind::Name(name),
                ..
            }) => text.push_str(&format!("${{{name}}}")),
            StrPart::Value(expr) => {
                let name = format!("gomake_value_{}", handed.env.len() + 1);
                text.push_str(&format!("${{{name}}}"));
                hand_over(frame, name, &frame.expr(expr), expr.span, handed);
            }
        }
    }
    text
}

fn hand_over(frame: &Frame<'_, '_>, name: String, value: &Value, span: Span, handed: &mut Handed) {
    handed.volatile |= matches!(value, Value::Volatile(_));
    match text_of(value, Joined::Script, span) {
        Ok(Some(text)) => {
            handed.env.insert(name, text.to_string());
        }
        Ok(None) => handed.doubt = worse(handed.doubt.take(), value.doubt().unwrap_or(Value::Bad)),
        Err(error) => handed.doubt = Some(frame.wrong(error)),
    }
}

/// A script with the values of every variable that it names. A target's name is left to the shell.
fn script_command(
    frame: &Frame<'_, '_>,
    text: &str,
    span: Span,
    handed: &mut Handed,
) -> Option<CaptureCommand> {
    for (name, _) in shell_names(text).read {
        if !handed.env.contains_key(&name)
            && let Some(value) = frame.variable(&name, span)
        {
            hand_over(frame, name, &value, span, handed);
        }
    }
    let interpreter = script::interpreter(&settings::shell(frame.ev, frame.module)).argv;
    Some(CaptureCommand::Script {
        interpreter,
        text: text.to_owned(),
    })
}

/// `capture(cmd)` and `capture(["argv"])`.
fn computed_command(
    frame: &Frame<'_, '_>,
    expr: &Expr,
    call: &Call<'_>,
    handed: &mut Handed,
) -> Option<CaptureCommand> {
    let (value, volatile) = frame.expr(expr).into_plain();
    handed.volatile |= volatile;
    if let Some(doubt) = value.doubt() {
        handed.doubt = worse(handed.doubt.take(), doubt);
        return None;
    }
    match &value {
        Value::Str(text) => script_command(frame, text, expr.span, handed),
        Value::List(items) if items.is_empty() => {
            frame.wrong(call.mistake("an empty list names no program", expr.span));
            None
        }
        Value::List(_) => {
            let mut argv = Vec::new();
            for item in Evaluator::items(&value) {
                match item.as_text() {
                    Some(word) => argv.push(word.to_string()),
                    None => {
                        frame.wrong_type("an argument of a command", "a string", &item, expr.span);
                        return None;
                    }
                }
            }
            Some(CaptureCommand::Argv(argv))
        }
        Value::Secret(_) => {
            frame.wrong(PlanError::SecretUse {
                used: "a command",
                span: expr.span,
            });
            None
        }
        other => {
            frame.wrong_type(
                &format!("`script` of `{}`", call.signature.text),
                "a string or a list of arguments",
                other,
                expr.span,
            );
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::path::ProjectPath;
    use crate::plan::module::{ModuleId, Modules};
    use crate::plan::testing::{World, show};

    fn asked(text: &str) -> Capture {
        let (value, errors, mut wanted) = World::new(text).x();
        assert_eq!(errors, "");
        assert!(matches!(value, Value::Unknown(_)));
        match wanted.pop() {
            Some(Query::Capture(capture)) => capture,
            other => panic!("{other:?}"),
        }
    }
    fn script(capture: &Capture) -> String {
        match &capture.command {
            CaptureCommand::Script { interpreter, text } => {
                format!("{}: {text}", interpreter.join(" "))
            }
            CaptureCommand::Argv(argv) => format!("{argv:?}"),
        }
    }
    fn env(capture: &Capture) -> String {
        capture
            .env
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect::<Vec<_>>()
            .join(" ")
    }

    #[test]
    fn values_reach_the_script_by_the_environment() {
        let text = "let x = capture(\"echo $a '$b' ${stem(a)} $HOME \\$c $app\")\nlet a = \"x; rm -rf /\"\nlet b = [\"1\", \"2\"]\nlet c = a\nbuild app { }\n";
        let capture = asked(text);
        assert_eq!(
            script(&capture),
            "sh -eu: echo ${a} '${b}' ${gomake_value_1} ${HOME} $c ${app}"
        );
        assert_eq!(
            env(&capture),
            "a=x; rm -rf / c=x; rm -rf / gomake_value_1=x; rm -rf "
        );
    }

    #[test]
    fn raw_and_computed_scripts_name_lets_too() {
        let capture = asked("let x = capture('echo ${a:-none}')\nlet a = 1\n");
        assert_eq!(
            (script(&capture).as_str(), env(&capture).as_str()),
            ("sh -eu: echo ${a:-none}", "a=1")
        );
        let capture = asked("let x = capture(cmd)\nlet cmd = 'echo $a'\nlet a = [\"b\", \"c\"]\n");
        assert_eq!(
            (script(&capture).as_str(), env(&capture).as_str()),
            ("sh -eu: echo $a", "a=b c")
        );
    }

    #[test]
    fn an_argv_needs_no_shell_and_settings_choose_one() {
        let capture =
            asked("let x = capture([\"git\", \"log\", n])\nlet n = \"-1 $m\"\nlet m = 2\n");
        assert_eq!(script(&capture), "[\"git\", \"log\", \"-1 2\"]");
        let capture = asked("settings { shell = \"bash\" }\nlet x = capture(\"true\")\n");
        assert_eq!(script(&capture), "bash -euo pipefail: true");
    }

    #[test]
    fn it_runs_where_its_gofile_stands() {
        let world = World::with_includes(
            "include \"api\" as api\n",
            &[("api", "let x = capture(\"pwd\")\n")],
        );
        let evaluator = world.evaluator();
        evaluator.top_level(ModuleId(1), "x");
        let wanted = evaluator.take().1;
        assert!(
            matches!(&wanted[..], [Query::Capture(Capture { dir, .. })] if dir.as_str() == "api")
        );
    }

    #[test]
    fn a_default_stands_in_for_a_failure() {
        let query = |text: &str| {
            Query::Capture(Capture {
                command: CaptureCommand::Script {
                    interpreter: vec!["sh".into(), "-eu".into()],
                    text: text.into(),
                },
                env: BTreeMap::new(),
                dir: ProjectPath::root(),
            })
        };
        let failed = || Answer::Failed("`the script` exited with status 1".into());
        let world =
            World::new("let x = capture(\"no\", default = \"d\")\n").answer(query("no"), failed());
        assert_eq!(show(&world.x().0), "\"d\"");
        let world = World::new("let x = capture(\"no\")\n").answer(query("no"), failed());
        insta::assert_snapshot!(world.x().1, @r##"
        gomake::plan::capture_failed

          × the captured command failed: `the script` exited with status 1
           ╭─[Gofile:1:9]
         1 │ let x = capture("no")
           ·         ──────┬──────
           ·               ╰── run from here
           ╰────
          help: `capture(…, default = "…")` gives a value for when it fails
        "##);
        let world = World::new("let x = capture(\"yes\", fail(\"never\"))\n")
            .answer(query("yes"), Answer::Text(Some("1".into())));
        assert_eq!(show(&world.x().0), "\"1\"");
    }

    #[test]
    fn it_waits_for_what_it_is_handed() {
        let (value, errors, wanted) =
            World::new("let x = capture(\"echo $v\")\nlet v = env(\"V\")\n").x();
        assert_eq!((show(&value).as_str(), errors.as_str()), ("‹x›", ""));
        assert_eq!(wanted, [Query::Env("V".into())]);
    }

    #[test]
    fn nothing_runs_where_nothing_may() {
        let (value, errors, wanted) =
            World::new("let x = capture(\"echo $HOME ${nope}\", default = oops)\n")
                .never()
                .x();
        assert_eq!((show(&value).as_str(), wanted.len()), ("‹x›", 0));
        assert!(
            errors.contains("there is no `oops` here") && !errors.contains("no `nope`"),
            "{errors}"
        );
    }

    #[test]
    fn lists_with_awkward_items_and_secrets_do_not_reach_it() {
        let (_, errors, _) = World::new(
            "let x = capture(\"ls $files $t\")\nlet files = [\"*.c\"]\nlet t = secret(\"T\")\n",
        )
        .x();
        insta::assert_snapshot!(errors, @r##"
        gomake::plan::joined_item

          × the item `*.c` would fall apart when its list is joined
           ╭─[Gofile:1:17]
         1 │ let x = capture("ls $files $t")
           ·                 ───────┬──────
           ·                        ╰── this list is joined by spaces, and the item holds `*`
         2 │ let files = ["*.c"]
           ╰────
          help: hand the items over one by one: `run = ["program", …]`, or read them from `$inputs_file`
        gomake::plan::secret_use

          × a secret cannot be put into text
           ╭─[Gofile:1:17]
         1 │ let x = capture("ls $files $t")
           ·                 ───────┬──────
           ·                        ╰── this is a secret
         2 │ let files = ["*.c"]
           ╰────
          help: a secret may be the whole value of a variable in `env`, or a let that a script names;
                nothing can be made of it
        "##);
    }

    #[test]
    fn the_shell_is_that_of_the_file() {
        let world = World::with_includes(
            "settings {\n  shell = \"zsh\"\n}\ninclude \"api\" as api\n",
            &[(
                "api",
                "settings {\n  shell = \"bash\"\n}\nlet y = capture(\"date\")\n",
            )],
        );
        let evaluator = world.evaluator();
        let included = world.modules.modules[Modules::ROOT].includes[0].module;
        evaluator.top_level(included, "y");
        match evaluator.take().1.pop() {
            Some(Query::Capture(found)) => {
                assert_eq!(script(&found), "bash -euo pipefail: date");
            }
            other => panic!("{other:?}"),
        }
    }
}
