//! `healthcheck`: how an engine asks a container whether it is well.

use crate::base::names::nearest;
use crate::base::source::Span;
use crate::image::config::Healthcheck;
use crate::plan::error::PlanError;
use crate::plan::eval::Evaluator;
use crate::plan::image::reader::{Pair, Reader, is_open};
use crate::plan::limit::read_duration;
use crate::plan::value::Value;

const KEYS: &[&str] = &[
    "cmd",
    "test",
    "interval",
    "timeout",
    "start_period",
    "retries",
];
const HELP: &str = "write `{ cmd = [\"/app\", \"--health\"], interval = \"30s\" }`, or \"none\" to switch off the base's";

impl Reader<'_, '_> {
    pub(super) fn healthcheck(&mut self) -> Option<Healthcheck> {
        let entry = self.entry("healthcheck")?;
        let span = entry.value.span;
        let pairs = match self.pairs(self.run, &entry.value) {
            Ok(pairs) => pairs,
            Err(Value::Str(text)) if &*text == "none" => return Some(none()),
            Err(other) => {
                let help = Some(HELP.to_owned());
                self.key_type("healthcheck", "a map or \"none\"", &other, span, help);
                return None;
            }
        };
        let is_open_map = pairs.is_empty() && {
            let value = self.run.eval(self.module, self.scope, &entry.value);
            is_open(&value)
        };
        if is_open_map {
            return None;
        }
        self.checked(&pairs, span)
    }

    fn checked(&mut self, pairs: &[Pair<'_>], span: Span) -> Option<Healthcheck> {
        let mut check = Healthcheck {
            test: Vec::new(),
            ..none()
        };
        let mut is_said = false;
        for pair in pairs {
            match pair.key.as_str() {
                "cmd" | "test" => {
                    is_said = true;
                    check.test = self.health_command(pair);
                }
                "interval" => check.interval = self.nanoseconds(pair),
                "timeout" => check.timeout = self.nanoseconds(pair),
                "start_period" => check.start_period = self.nanoseconds(pair),
                "retries" => match &pair.value {
                    Value::Int(retries) => check.retries = Some(*retries),
                    other => self.key_type("retries", "an integer", other, pair.span, None),
                },
                _ => self.unknown_health_key(pair),
            }
        }
        if !is_said {
            self.errors.push(PlanError::MissingKey {
                target: "a healthcheck".to_owned(),
                key: "cmd",
                span,
                help: HELP,
            });
            return None;
        }
        Some(check)
    }

    /// A list is a program and its arguments, one string a shell's line.
    fn health_command(&mut self, pair: &Pair<'_>) -> Vec<String> {
        let mut words = match &pair.value {
            Value::Str(line) => return vec!["CMD-SHELL".to_owned(), line.to_string()],
            Value::List(_) => vec!["CMD".to_owned()],
            other => {
                let expected = "a list of strings, or one string for a shell";
                self.key_type(&pair.key, expected, other, pair.span, None);
                return Vec::new();
            }
        };
        for item in Evaluator::items(&pair.value) {
            match item.as_text() {
                Some(text) => words.push(text.to_string()),
                None => self.key_type(&pair.key, "a list of strings", &item, pair.span, None),
            }
        }
        words
    }

    fn nanoseconds(&mut self, pair: &Pair<'_>) -> Option<u64> {
        let Value::Str(text) = &pair.value else {
            let expected = "a duration, such as \"30s\",";
            self.key_type(&pair.key, expected, &pair.value, pair.span, None);
            return None;
        };
        let duration = read_duration(text);
        if duration.is_none() {
            self.bad_text(
                text,
                "a duration",
                pair.span,
                "durations are written \"90s\", \"10m\", \"1h30m\" or \"500ms\"",
            );
        }
        duration.and_then(|duration| u64::try_from(duration.as_nanos()).ok())
    }

    fn unknown_health_key(&mut self, pair: &Pair<'_>) {
        let help = match nearest(&pair.key, KEYS.iter().copied()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("its keys: {}", KEYS.join(", ")),
        };
        self.errors.push(PlanError::NoSuchKey {
            owner: "`healthcheck`".to_owned(),
            key: pair.key.clone(),
            span: pair.key_span,
            help: Some(help),
        });
    }
}

fn none() -> Healthcheck {
    Healthcheck {
        test: vec!["NONE".to_owned()],
        interval: None,
        timeout: None,
        start_period: None,
        retries: None,
    }
}
