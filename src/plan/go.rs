//! A `go { }` block's values: the question that its inputs follow from, and the command and variables that it stands
//! for. Knows the words of the block and of Go's command line, not its import graph.

use crate::base::path::ProjectPath;
use crate::base::source::Span;
use crate::lang::ast::Kind;
use crate::plan::body::{GO_KEYS, GoBlock};
use crate::plan::check::check_value;
use crate::plan::error::PlanError;
use crate::plan::eval::{Evaluator, Scope};
use crate::plan::module::ModuleId;
use crate::plan::query::GoQuery;
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
    /// Build tags; `tags = "a,b"` is two.
    pub fn tags(&self) -> Vec<String> {
        let texts = self.texts("tags");
        let tags = texts.iter().flat_map(|text| text.split([',', ' ']));
        tags.filter(|tag| !tag.is_empty())
            .map(str::to_owned)
            .collect()
    }
    /// The packages as Go is to be told them: where none is named, the directory's own for a build, all for a test.
    pub fn packages(&self, kind: Kind) -> Vec<String> {
        let mut packages: Vec<String> = self.text("package").into_iter().collect();
        packages.extend(self.texts("packages"));
        if packages.is_empty() {
            packages.push(if kind == Kind::Test { "./..." } else { "." }.to_owned());
        }
        packages
    }
    fn cgo(&self) -> Option<bool> {
        self.flag("static").then_some(false)
    }
    /// What the block sets for `go`, for its own command as for a script.
    pub fn env(&self) -> Vec<(&'static str, String)> {
        let mut env = Vec::new();
        env.extend(self.text("os").map(|os| ("GOOS", os)));
        env.extend(self.text("arch").map(|arch| ("GOARCH", arch)));
        env.extend(self.cgo().map(|_| ("CGO_ENABLED", "0".to_owned())));
        env
    }

    /// The block's own command. `outputs` are as seen from the working directory, trees with their `/`.
    pub fn argv(&self, kind: Kind, outputs: &[String], extra: &[String]) -> Vec<String> {
        match kind {
            Kind::Test => self.test_argv(outputs, extra),
            _ => self.build_argv(outputs),
        }
    }

    fn build_argv(&self, outputs: &[String]) -> Vec<String> {
        let mut argv = words(&["go", "build", "-trimpath"]);
        let vcs = self.flag("vcs");
        argv.push(format!("-buildvcs={vcs}"));
        // With a build id, two checkouts with the same sources make different bytes.
        let id = (!vcs).then(|| "-buildid=".to_owned());
        let ldflags: Vec<String> = self.text("ldflags").into_iter().chain(id).collect();
        if !ldflags.is_empty() {
            argv.push(format!("-ldflags={}", ldflags.join(" ")));
        }
        self.shared(&mut argv);
        if self.flag("cover") {
            argv.push("-cover".to_owned());
        }
        argv.extend(self.texts("flags"));
        argv.push("-o".to_owned());
        argv.push(destination(outputs));
        argv.extend(self.packages(Kind::Build));
        argv
    }

    fn test_argv(&self, outputs: &[String], extra: &[String]) -> Vec<String> {
        let mut argv = words(&["go", "test"]);
        argv.extend(
            self.text("ldflags")
                .map(|flags| format!("-ldflags={flags}")),
        );
        self.shared(&mut argv);
        match outputs {
            [profile] if self.flag("cover") => argv.push(format!("-coverprofile={profile}")),
            _ if self.flag("cover") => argv.push("-cover".to_owned()),
            _ => {}
        }
        argv.extend(self.texts("flags"));
        argv.extend(self.packages(Kind::Test));
        argv.extend(extra.iter().cloned());
        argv
    }

    fn shared(&self, argv: &mut Vec<String>) {
        let tags = self.tags();
        if !tags.is_empty() {
            argv.push(format!("-tags={}", tags.join(",")));
        }
        if self.flag("race") {
            argv.push("-race".to_owned());
        }
    }
}

/// The question whose answer is the block's inputs. `dir` is where the command will run.
pub(super) fn query(block: &Block<'_>, dir: ProjectPath, kind: Kind) -> GoQuery {
    GoQuery {
        dir,
        packages: block.packages(kind),
        os: block.text("os"),
        arch: block.text("arch"),
        tags: block.tags(),
        cgo: block.cgo(),
        race: block.flag("race"),
        tests: kind == Kind::Test,
        flags: Vec::new(),
    }
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
    if block.flag("static") && block.flag("race") {
        clash(
            "static",
            "race",
            "the race detector needs cgo, which `static` turns off",
        );
    }
}

/// Where `go build -o` writes: the one output, or the directory that all share.
fn destination(outputs: &[String]) -> String {
    match outputs {
        [one] => one.clone(),
        [] => ".".to_owned(),
        [first, ..] => {
            let dir = first.rsplit_once('/').map_or(".", |(dir, _)| dir);
            format!("{dir}/")
        }
    }
}

fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
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
