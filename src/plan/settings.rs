//! What the root's `settings { }` says, evaluated. `shell` and `pass_env` hold for the targets of their own file and
//! are read by `bind`; here they are only checked.

use crate::base::source::Span;
use crate::image::reference::Reference;
use crate::lang::ast::{Entry, Script};
use crate::plan::body::{Shape, known_entries};
use crate::plan::check::check_value;
use crate::plan::error::{Lint, PlanError};
use crate::plan::eval::{Evaluator, Scope};
use crate::plan::limit::read_size;
use crate::plan::module::{ModuleId, Modules};
use crate::plan::name::plain_text;
use crate::plan::resolve::Resolver;
use crate::plan::target::spanned;
use crate::plan::value::Value;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Where the Go tool keeps what it has built.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum GoCache {
    /// In its own cache.
    #[default]
    Go,
    /// In the user's cache, beside results; a Go from 1.24 on.
    Gomake,
}

/// Keys: `default shell dotenv pass_env pools cache_size go_cache insecure_registries`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Settings {
    /// What a bare `gomake` runs, by full target name; empty means the first target of the file.
    pub default: Vec<String>,
    /// Files with `NAME=value` lines; optional.
    pub dotenv: Vec<String>,
    /// Capacity of each named pool.
    pub pools: BTreeMap<String, u32>,
    /// Limit of the user's cache, in bytes.
    pub cache_size: Option<u64>,
    /// For commands of `go` blocks.
    pub go_cache: GoCache,
    /// Registries that are spoken to without TLS, or whose certificate nobody vouches for: `host:port`.
    pub insecure_registries: Vec<String>,
}

const KEYS: &[(&str, Shape)] = &[
    ("default", Shape::Targets),
    ("shell", Shape::Text),
    ("dotenv", Shape::Texts),
    ("pass_env", Shape::Texts),
    ("pools", Shape::Labels),
    ("cache_size", Shape::TextOrInt),
    ("go_cache", Shape::Text),
    ("insecure_registries", Shape::Texts),
];

/// Settings of an included file that only a root's are asked for.
pub fn idle(modules: &Modules, module: ModuleId) -> impl Iterator<Item = Lint> {
    let idle = modules.settings(module).filter(move |entry| {
        let key = entry.key.value.as_str();
        module != Modules::ROOT
            && matches!(
                key,
                "default" | "dotenv" | "pools" | "cache_size" | "go_cache" | "insecure_registries"
            )
    });
    idle.map(|entry| Lint::IdleSetting {
        key: entry.key.value.clone(),
        span: entry.key.span,
    })
}

/// `shell` of a file's settings, or `sh`.
pub fn shell(evaluator: &Evaluator<'_>, module: ModuleId) -> String {
    let entry = evaluator
        .modules
        .settings(module)
        .find(|entry| entry.key.value == "shell");
    let value = entry.map(|entry| evaluator.eval(module, &Scope::default(), &entry.value));
    match value {
        Some(Value::Str(shell)) => shell.to_string(),
        _ => "sh".to_owned(),
    }
}

/// `bash` in `run bash:`, else the file's shell.
pub fn interpreter_word(evaluator: &Evaluator<'_>, module: ModuleId, script: &Script) -> String {
    match &script.interpreter {
        Some(word) => word.value.clone(),
        None => shell(evaluator, module),
    }
}

/// A file's settings but for `default`, which needs the targets.
pub fn read(evaluator: &Evaluator<'_>, module: ModuleId, errors: &mut Vec<PlanError>) -> Settings {
    let mut settings = Settings::default();
    let all: Vec<Entry> = evaluator.modules.settings(module).cloned().collect();
    for entry in known_entries("`settings`", KEYS, &all, errors) {
        let key = entry.key.value.as_str();
        if key == "default" {
            continue;
        }
        let value = evaluator.eval(module, &Scope::default(), &entry.value);
        let shape = KEYS
            .iter()
            .find(|(name, _)| *name == key)
            .map(|(_, shape)| *shape);
        let before = errors.len();
        check_value(
            key,
            shape.unwrap_or(Shape::Plain),
            &value,
            entry.value.span,
            errors,
        );
        if errors.len() > before {
            continue;
        }
        match key {
            "dotenv" => {
                settings.dotenv = Evaluator::items(&value)
                    .iter()
                    .filter_map(plain_text)
                    .collect()
            }
            "insecure_registries" => {
                settings.insecure_registries = registries(&value, entry.value.span, errors)
            }
            "pools" => settings.pools = pools(&value, entry.value.span, errors),
            "cache_size" => settings.cache_size = cache_size(&value, entry.value.span, errors),
            "go_cache" => settings.go_cache = go_cache(&value, entry.value.span, errors),
            "shell" => check_shell(&value, entry.value.span, errors),
            _ => {}
        }
    }
    settings
}

/// Hosts as image names begin with them.
fn registries(value: &Value, span: Span, errors: &mut Vec<PlanError>) -> Vec<String> {
    let mut hosts = Vec::new();
    for host in Evaluator::items(value).iter().filter_map(plain_text) {
        let image: Option<Reference> = format!("{host}/image").parse().ok();
        // What names no image's registry would be accepted and never count.
        if image.is_none_or(|image| image.registry != host) {
            errors.push(PlanError::BadText {
                text: host,
                expected: "a registry",
                span,
                help: "registries are named as in an image's name: \"registry.lan:5000\"",
            });
        } else {
            hosts.push(host);
        }
    }
    hosts
}

fn pools(value: &Value, span: Span, errors: &mut Vec<PlanError>) -> BTreeMap<String, u32> {
    let Value::Map(pairs) = value else {
        return BTreeMap::new();
    };
    let mut pools = BTreeMap::new();
    for (name, value) in pairs.iter() {
        match value {
            Value::Int(size) if (1..=u64::from(u32::MAX)).contains(size) => {
                pools.insert(name.to_string(), *size as u32);
            }
            Value::Bad => {}
            other => errors.push(PlanError::KeyType {
                key: format!("pools.{name}"),
                expected: "an integer from 1",
                got: plain_text(other).unwrap_or_else(|| other.type_name().to_owned()),
                span,
                help: Some("how many of the pool's targets may run at once".to_owned()),
            }),
        }
    }
    pools
}

fn cache_size(value: &Value, span: Span, errors: &mut Vec<PlanError>) -> Option<u64> {
    let text = match value {
        Value::Int(bytes) => return Some(*bytes),
        Value::Str(text) => text,
        _ => return None,
    };
    let size = read_size(text);
    if size.is_none() {
        errors.push(PlanError::BadText {
            text: text.to_string(),
            expected: "a size",
            span,
            help: "sizes are written \"500MB\", \"10GiB\" or as a number of bytes",
        });
    }
    size
}

fn go_cache(value: &Value, span: Span, errors: &mut Vec<PlanError>) -> GoCache {
    let Value::Str(text) = value else {
        return GoCache::default();
    };
    match &**text {
        "go" => GoCache::Go,
        "gomake" => GoCache::Gomake,
        other => {
            errors.push(PlanError::BadText {
                text: other.to_owned(),
                expected: "a cache for Go",
                span,
                help: "\"go\" is Go's own, \"gomake\" keeps what Go builds in gomake's cache",
            });
            GoCache::default()
        }
    }
}

fn check_shell(value: &Value, span: Span, errors: &mut Vec<PlanError>) {
    if let Value::Str(text) = value
        && (text.is_empty() || text.contains(char::is_whitespace))
    {
        errors.push(PlanError::BadText {
            text: text.to_string(),
            expected: "a program's name",
            span,
            help: "name the program alone, such as \"bash\": its strict options are gomake's to set",
        });
    }
}

/// Fills in `default`, now that the targets are known.
pub(super) fn name_default(resolver: &mut Resolver<'_>) {
    let modules = resolver.modules;
    let Some(entry) = modules
        .settings(Modules::ROOT)
        .find(|entry| entry.key.value == "default")
    else {
        return;
    };
    for (value, span) in spanned(
        &resolver.check,
        Modules::ROOT,
        &Scope::default(),
        &entry.value,
    ) {
        match value {
            Value::Target(reference) => {
                let prefix = &modules.modules[reference.module].prefix;
                if reference.select.is_empty() && reference.args.is_empty() {
                    let name = format!("{prefix}{}", reference.name);
                    resolver.graph.settings.default.push(name);
                    continue;
                }
                for id in resolver.referred(&reference, span, 0) {
                    let name = resolver.graph.targets[id].name.to_string();
                    resolver.graph.settings.default.push(name);
                }
            }
            Value::Bad | Value::Unknown(_) => {}
            other => resolver.errors.push(PlanError::KeyType {
                key: "default".to_owned(),
                expected: "targets",
                got: other.type_name().to_owned(),
                span,
                help: match &other {
                    Value::Str(text) => Some(format!("write {text} without quotes")),
                    _ => None,
                },
            }),
        }
    }
}
