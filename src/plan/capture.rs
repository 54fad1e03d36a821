//! `capture(…)`: a command's output as a value. Gofile values reach its script as environment variables, as they reach
//! every other script; nothing is spliced into its text.

use crate::base::source::Span;
use crate::lang::ast::{Expr, ExprKind, Statement, StrPart};
use crate::plan::error::PlanError;
use crate::plan::eval::{Evaluator, Running};
use crate::plan::expression::Frame;
use crate::plan::function::{Call, module_dir};
use crate::plan::interpolate::{Joined, text_of, worse};
use crate::plan::module::Modules;
use crate::plan::query::{Answer, Capture, CaptureCommand, Query};
use crate::plan::script::{self, shell_names};
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
    let interpreter = script::interpreter(&shell_setting(frame.ev)?).argv;
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

/// `shell` of the root's settings, or `sh`; None after a mistake.
fn shell_setting(ev: &Evaluator<'_>) -> Option<String> {
    let root = ev.modules.modules.get(Modules::ROOT)?;
    let entry = root
        .tree
        .statements
        .iter()
        .find_map(|statement| match statement {
            Statement::Settings { entries, .. } => {
                entries.iter().find(|entry| entry.key.value == "shell")
            }
            _ => None,
        });
    let Some(entry) = entry else {
        return Some("sh".to_owned());
    };
    let value = ev.eval(
        Modules::ROOT,
        &crate::plan::eval::Scope::default(),
        &entry.value,
    );
    ev.expect_string(&value, "`shell`", entry.value.span)
        .map(|shell| shell.to_string())
}
