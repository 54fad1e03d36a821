//! A `go { }` block's entries, evaluated and checked. What they mean to Go is `golang`'s knowledge.

use crate::base::source::Span;
use crate::golang::command::{GoBuild, GoKind};
use crate::lang::ast::Kind;
use crate::plan::body::{GO_KEYS, GoBlock};
use crate::plan::check::check_value;
use crate::plan::error::PlanError;
use crate::plan::eval::{Evaluator, Scope};
use crate::plan::module::ModuleId;
use crate::plan::target::spanned;
use crate::plan::value::Value;

/// Evaluates a block's entries one by one.
pub(super) struct Block<'b> {
    pub evaluator: &'b Evaluator<'b>,
    pub module: ModuleId,
    pub scope: &'b Scope<'b>,
    pub block: &'b GoBlock<'b>,
}

impl Block<'_> {
    /// The strings of a key, a single one as a list; what is not known yet by its name.
    pub fn texts(&self, key: &str) -> Vec<String> {
        let Some(entry) = self.block.get(key) else {
            return Vec::new();
        };
        let items = spanned(self.evaluator, self.module, self.scope, &entry.value);
        items.iter().filter_map(|(item, _)| text(item)).collect()
    }
    pub fn text(&self, key: &str) -> Option<String> {
        let entry = self.block.get(key)?;
        text(&self.evaluator.eval(self.module, self.scope, &entry.value))
    }
    pub fn flag(&self, key: &str) -> bool {
        let value = self
            .block
            .get(key)
            .map(|entry| self.evaluator.eval(self.module, self.scope, &entry.value));
        value == Some(Value::Bool(true))
    }
    /// The block's values, for Go's own knowledge to make a command and a question of. Where no package is named, a build
    /// means the directory's own and a test means all.
    pub fn values(&self, kind: Kind) -> GoBuild {
        let mut packages = self.texts("packages");
        let package = self.text("package");
        if packages.is_empty() && package.is_none() && kind == Kind::Test {
            packages.push("./...".to_owned());
        }
        GoBuild {
            package,
            packages,
            os: self.text("os"),
            arch: self.text("arch"),
            static_: self.flag("static"),
            ldflags: self.text("ldflags"),
            tags: split(&self.texts("tags")),
            race: self.flag("race"),
            cover: self.flag("cover"),
            flags: self.texts("flags"),
            vcs: self.flag("vcs"),
        }
    }
}

/// Which of Go's commands a target's block stands for.
pub(super) fn go_kind(kind: Kind) -> GoKind {
    if kind == Kind::Test {
        GoKind::Test
    } else {
        GoKind::Build
    }
}

/// `tags = "a,b"` is two.
fn split(tags: &[String]) -> Vec<String> {
    let tags = tags.iter().flat_map(|text| text.split([',', ' ']));
    tags.filter(|tag| !tag.is_empty())
        .map(str::to_owned)
        .collect()
}

/// Reports values of the wrong type, and words that contradict each other.
pub(super) fn check(block: &Block<'_>, errors: &mut Vec<PlanError>) {
    for entry in &block.block.entries {
        let value = block
            .evaluator
            .eval(block.module, block.scope, &entry.value);
        let key = entry.key.value.as_str();
        let shape = GO_KEYS
            .iter()
            .find(|(name, _)| *name == key)
            .map(|(_, shape)| *shape);
        let shape = shape.expect("unknown keys are left out of a block");
        check_value(key, shape, &value, entry.value.span, errors);
    }
    let mut clash = |a: &str, b: &str, reason| {
        if let (Some(a), Some(b)) = (block.block.get(a), block.block.get(b)) {
            errors.push(PlanError::GoClash {
                first_key: a.key.value.clone(),
                key: b.key.value.clone(),
                first: a.span,
                span: b.span,
                reason,
            });
        }
    };
    clash(
        "package",
        "packages",
        "one names one package, the other names several",
    );
    if block.flag("static") {
        let values = block.values(Kind::Build);
        if let Some(reason) = values.os.as_deref().and_then(never_static) {
            clash("static", "os", reason);
        }
        if values.makes_no_program() {
            clash(
                "static",
                "flags",
                "what such a `-buildmode` makes is no program, and needs cgo, which `static` turns off",
            );
        }
    }
    if block.flag("static") && block.flag("race") {
        clash(
            "static",
            "race",
            "the race detector needs cgo, which `static` turns off",
        );
    }
}

/// Why a program for this system is never static.
fn never_static(os: &str) -> Option<&'static str> {
    let reason = "a program for Android always asks for its linker: leave out `static`, and turn cgo off by \
        `env = { CGO_ENABLED = \"0\" }` where it is not wanted";
    (os == "android").then_some(reason)
}

fn text(value: &Value) -> Option<String> {
    match value {
        Value::Str(text) => Some(text.to_string()),
        Value::Unknown(name) => Some(format!("‹{name}›")),
        _ => None,
    }
}

/// Whether go can write just these outputs: one place, or files of one directory; else why not.
pub(super) fn check_outputs(outputs: &[String], span: Span, errors: &mut Vec<PlanError>) {
    let dir = |text: &str| {
        text.rsplit_once('/')
            .map_or(String::new(), |(dir, _)| dir.to_owned())
    };
    let one_place = outputs.len() <= 1
        || outputs
            .windows(2)
            .all(|pair| dir(&pair[0]) == dir(&pair[1]));
    if !one_place {
        errors.push(PlanError::GoOutputs {
            outputs: outputs.join(", "),
            span,
        });
    }
}
