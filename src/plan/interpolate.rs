//! Values put into text: strings with `$name` and `${…}`, and lists joined by spaces.

use crate::base::source::Span;
use crate::lang::ast::StrPart;
use crate::plan::error::PlanError;
use crate::plan::eval::Evaluator;
use crate::plan::expression::Frame;
use crate::plan::value::Value;
use std::sync::Arc;

/// Where a joined list ends up, which decides what its items may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Joined {
    /// In a string of the Gofile: no blanks.
    String,
    /// In a variable of a script, which the shell splits and expands: no blanks, quotes, backslashes or pattern characters.
    Script,
}

/// A plain value as text: a string as it is, a number or boolean spelled out, a list joined by spaces.
///
/// # Errors
/// For an item that would not survive the joining, and for values that have no text. None for `Bad` and `Unknown`,
/// which are the caller's to pass on; `volatile` is looked through.
pub fn text_of(value: &Value, place: Joined, span: Span) -> Result<Option<Arc<str>>, PlanError> {
    match value {
        Value::Bad | Value::Unknown(_) => Ok(None),
        Value::Volatile(inner) => text_of(inner, place, span),
        Value::List(_) => {
            let mut text = String::new();
            for item in Evaluator::items(value) {
                let Some(item) = text_of(&item, place, span)? else { return Ok(None) };
                check_item(&item, place, span)?;
                if !text.is_empty() {
                    text.push(' ');
                }
                text.push_str(&item);
            }
            Ok(Some(text.into()))
        }
        Value::Secret(_) => Err(PlanError::SecretUse { used: "put into text", span }),
        other => other.as_text().map(Some).ok_or_else(|| PlanError::Interpolation {
            found: other.type_name(),
            span,
            help: match other {
                Value::Target(_) => "a target stands for its outputs in `inputs` only: write the path of the output",
                Value::Map(_) => "name one of its keys: `${map.key}`",
                _ => "use its text",
            }
            .to_owned(),
        }),
    }
}

fn check_item(item: &str, place: Joined, span: Span) -> Result<(), PlanError> {
    let is_wrong = |c: &char| match place {
        Joined::String => c.is_whitespace(),
        Joined::Script => c.is_whitespace() || matches!(c, '\'' | '"' | '*' | '?' | '[' | '\\'),
    };
    let Some(wrong) = item.chars().find(is_wrong) else {
        return Ok(());
    };
    let what = match wrong {
        ' ' => "a blank".to_owned(),
        '\t' => "a tab".to_owned(),
        '\n' => "a newline".to_owned(),
        c if c.is_whitespace() => "a blank".to_owned(),
        c => format!("`{c}`"),
    };
    let help = match place {
        Joined::String => "say how to join it: `join(list, \" \")`, or keep it a list",
        Joined::Script => {
            "hand the items over one by one: `run = [\"program\", …]`, or read them from `$inputs_file`"
        }
    };
    Err(PlanError::JoinedItem {
        item: item.to_owned(),
        span,
        what,
        help: help.to_owned(),
    })
}

impl Frame<'_, '_> {
    pub fn string(&self, parts: &[StrPart]) -> Value {
        if let [StrPart::Text(text)] = parts {
            return Value::str(text.as_str());
        }
        let mut text = String::new();
        let mut volatile = false;
        let mut doubt: Option<Value> = None;
        for part in parts {
            let expr = match part {
                StrPart::Text(plain) => {
                    text.push_str(plain);
                    continue;
                }
                StrPart::Value(expr) => expr,
            };
            let value = self.expr(expr);
            volatile |= matches!(value, Value::Volatile(_));
            match text_of(&value, Joined::String, expr.span) {
                Ok(Some(more)) => text.push_str(&more),
                Ok(None) => doubt = worse(doubt, value.doubt().unwrap_or(Value::Bad)),
                Err(error) => doubt = Some(self.wrong(error)),
            }
        }
        doubt.unwrap_or_else(|| Value::str(text).volatile_if(volatile))
    }
}

/// The graver of two doubts; of two values not known yet, the first.
pub(super) fn worse(known: Option<Value>, new: Value) -> Option<Value> {
    match known {
        Some(known) if new != Value::Bad => Some(known),
        _ => Some(new),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::testing::{mistakes, show, value_in};

    #[test]
    fn plain_values_and_lists_go_into_a_string() {
        let text = "let x = \"$s ${n}$b $l.\"\nlet s = \"a b\"\nlet n = 1\nlet b = true\nlet l = [\"-O2\", 3, [\"c\"]]\n";
        assert_eq!(show(&value_in(text)), "\"a b 1true -O2 3 c.\"");
        assert_eq!(show(&value_in("let x = \"\"\n")), "\"\"");
    }

    #[test]
    fn what_has_no_text_is_refused() {
        insta::assert_snapshot!(mistakes("let x = \"$app\"\nbuild app { }\n"), @"");
        insta::assert_snapshot!(mistakes("let x = \"${{ a = 1 }}\"\n"), @"");
        insta::assert_snapshot!(mistakes("let x = \"-I $l\"\nlet l = [\"a\", \"b c\"]\n"), @"");
    }

    #[test]
    fn a_script_is_more_particular_about_items() {
        let list = Value::list(vec![Value::str("a*b")]);
        assert_eq!(
            text_of(&list, Joined::String, Span::default())
                .unwrap()
                .as_deref(),
            Some("a*b")
        );
        let error = text_of(&list, Joined::Script, Span::default()).unwrap_err();
        assert!(matches!(error, PlanError::JoinedItem { what, .. } if what == "`*`"));
        assert_eq!(
            text_of(&Value::str("a * b"), Joined::Script, Span::default())
                .unwrap()
                .as_deref(),
            Some("a * b")
        );
    }
}
