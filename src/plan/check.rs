//! Whether a value is what its key takes. Knows shapes, not meanings.

use crate::base::names::nearest;
use crate::base::source::Span;
use crate::lang::ast::Entry;
use crate::plan::body::Shape;
use crate::plan::error::PlanError;
use crate::plan::limit::read_duration;
use crate::plan::settings::Settings;
use crate::plan::value::Value;

/// Reports a value of the wrong type; what is unknown or already reported passes.
pub fn check_value(
    key: &str,
    shape: Shape,
    value: &Value,
    span: Span,
    errors: &mut Vec<PlanError>,
) {
    if let Err((expected, got)) = fits(shape, value) {
        let help = match (shape, &got[..]) {
            (_, "a secret") => Some("a secret may stand only in `env`".to_owned()),
            (_, "a volatile value") => Some("a volatile value may stand only in `env`".to_owned()),
            (_, "an integer" | "a boolean") if expected.starts_with("a string") => {
                Some("write it in quotes".to_owned())
            }
            _ => None,
        };
        errors.push(PlanError::KeyType {
            key: key.to_owned(),
            expected,
            got,
            span,
            help,
        });
    } else if let (Shape::Duration, Value::Str(text)) = (shape, value)
        && read_duration(text).is_none()
    {
        errors.push(PlanError::BadText {
            text: text.to_string(),
            expected: "a duration",
            span,
            help: "durations are written \"90s\", \"10m\", \"1h30m\" or \"500ms\"",
        });
    }
}

/// A pool must be among the settings' pools.
pub fn pool(settings: &Settings, entry: &Entry, value: &Value, errors: &mut Vec<PlanError>) {
    let Value::Str(pool) = value else { return };
    if settings.pools.contains_key(&**pool) {
        return;
    }
    let help = match nearest(pool, settings.pools.keys().map(String::as_str)) {
        Some(near) => format!("did you mean \"{near}\"?"),
        None => format!("add it to the root Gofile: `settings {{ pools = {{ {pool} = 2 }} }}`"),
    };
    errors.push(PlanError::UnknownPool {
        pool: pool.to_string(),
        span: entry.value.span,
        help,
    });
}

type Fit = Result<(), (&'static str, String)>;

fn fits(shape: Shape, value: &Value) -> Fit {
    if matches!(value, Value::Unknown(_) | Value::Bad) {
        return Ok(());
    }
    let wrong = |expected| Err((expected, value.type_name().to_owned()));
    match (shape, value) {
        (Shape::Text | Shape::TextOrInt | Shape::TextOrTarget, Value::Str(_))
        | (Shape::Duration, Value::Str(_))
        | (Shape::TextOrInt | Shape::Int, Value::Int(_))
        | (Shape::TextOrTarget, Value::Target(_))
        | (Shape::Bool, Value::Bool(_)) => Ok(()),
        (Shape::Text, _) => wrong("a string"),
        (Shape::TextOrInt, _) => wrong("a string or an integer"),
        (Shape::TextOrTarget, _) => wrong("a string or a target"),
        (Shape::Duration, _) => wrong("a duration, such as \"10m\","),
        (Shape::Int, _) => wrong("an integer"),
        (Shape::Bool, _) => wrong("a boolean"),
        (Shape::Texts, value) => all(value, "a string or a list of strings", &|item| {
            matches!(item, Value::Str(_))
        }),
        (Shape::Ports, value) => all(value, "integers or strings", &|item| {
            matches!(item, Value::Str(_) | Value::Int(_))
        }),
        (Shape::Argv, value) => all(value, "a list of strings and targets", &|item| {
            matches!(item, Value::Str(_) | Value::Target(_))
        }),
        (Shape::Inputs | Shape::Targets, _) => Ok(()),
        (Shape::Env, value) => map_of(value, "a map of variables", &is_variable),
        (Shape::Labels, value) => map_of(value, "a map of strings", &|item| {
            matches!(item, Value::Str(_) | Value::Int(_) | Value::Bool(_))
        }),
        (Shape::Files, value) => map_of(value, "a map from paths to files", &|_| true),
        (Shape::Plain, Value::Map(pairs)) => pairs
            .iter()
            .try_for_each(|(_, value)| fits(Shape::Plain, value)),
        (Shape::Plain, value) => all(value, "strings, integers or booleans", &|item| {
            matches!(
                item,
                Value::Str(_) | Value::Int(_) | Value::Bool(_) | Value::Secret(_)
            )
        }),
    }
}

fn is_variable(value: &Value) -> bool {
    match value {
        Value::Str(_) | Value::Int(_) | Value::Bool(_) | Value::Secret(_) => true,
        Value::Volatile(inner) => is_unknown(inner) || is_variable(inner),
        _ => false,
    }
}

fn is_unknown(value: &Value) -> bool {
    matches!(value, Value::Unknown(_) | Value::Bad)
}

fn all(value: &Value, expected: &'static str, fit: &dyn Fn(&Value) -> bool) -> Fit {
    match value {
        Value::List(items) => items.iter().try_for_each(|item| all(item, expected, fit)),
        item if is_unknown(item) || fit(item) => Ok(()),
        item => Err((expected, item.type_name().to_owned())),
    }
}

fn map_of(value: &Value, expected: &'static str, fit: &dyn Fn(&Value) -> bool) -> Fit {
    let Value::Map(pairs) = value else {
        return Err((expected, value.type_name().to_owned()));
    };
    match pairs
        .iter()
        .find(|(_, value)| !is_unknown(value) && !fit(value))
    {
        Some((key, value)) => Err((expected, format!("{} for `{key}`", value.type_name()))),
        None => Ok(()),
    }
}
