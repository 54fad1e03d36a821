//! The shape of a target's body: which keys each kind has, what they take, and the body's items sorted by key.
//! Evaluates nothing.

use crate::base::names::nearest;
use crate::base::source::Span;
use crate::lang::ast::{Entry, Item, Kind, Let, Script, TargetDecl};
use crate::plan::error::PlanError;

/// What a key takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    Inputs,
    Targets,
    Text,
    Texts,
    Bool,
    Int,
    Duration,
    /// A map of variables: strings, integers, booleans, `volatile`, `secret`.
    Env,
    /// A map of texts.
    Labels,
    /// The argv form of `run`: texts, lists and targets, flattened.
    Argv,
    /// A map from a path in the image to what goes there.
    Files,
    TextOrInt,
    /// Texts or integers, one or many.
    Ports,
    TextOrTarget,
    /// A text, a list or a map of plain values.
    Plain,
}

struct Key {
    name: &'static str,
    kinds: &'static [Kind],
    shape: Shape,
}

use Kind::{Build, Clean, Image, Service, Task, Test};
const EVERY: &[Kind] = &Kind::ALL;
/// What comes to an end by itself.
const ENDING: &[Kind] = &[Build, Test, Image, Task, Clean];
const IMAGE: &[Kind] = &[Image];

const fn key(name: &'static str, kinds: &'static [Kind], shape: Shape) -> Key {
    Key { name, kinds, shape }
}

const KEYS: &[Key] = &[
    key("inputs", EVERY, Shape::Inputs),
    key("outputs", &[Build, Test, Task], Shape::Texts),
    key("needs", EVERY, Shape::Targets),
    key("after", EVERY, Shape::Targets),
    key("depfile", &[Build, Test], Shape::Text),
    key("report", &[Test], Shape::Text),
    key("run", EVERY, Shape::Argv),
    key("env", EVERY, Shape::Env),
    key("pass_env", EVERY, Shape::Texts),
    key("dir", EVERY, Shape::Text),
    key("tools", EVERY, Shape::Texts),
    key("timeout", ENDING, Shape::Duration),
    key("retries", ENDING, Shape::Int),
    key("pool", ENDING, Shape::Text),
    key("weight", ENDING, Shape::Int),
    key("interactive", ENDING, Shape::Bool),
    key("exclusive", ENDING, Shape::Bool),
    key("cache", &[Build, Test, Image], Shape::Bool),
    key("remove", &[Clean], Shape::Texts),
    key("ready", &[Service], Shape::Plain),
    key("stop", &[Service], Shape::Plain),
    key("base", IMAGE, Shape::TextOrTarget),
    key("files", IMAGE, Shape::Files),
    key("dockerfile", IMAGE, Shape::Text),
    key("context", IMAGE, Shape::Text),
    key("args", IMAGE, Shape::Labels),
    key("target", IMAGE, Shape::Text),
    key("secrets", IMAGE, Shape::Plain),
    key("engine", IMAGE, Shape::Text),
    key("entrypoint", IMAGE, Shape::Texts),
    key("cmd", IMAGE, Shape::Texts),
    key("workdir", IMAGE, Shape::Text),
    key("user", IMAGE, Shape::TextOrInt),
    key("ports", IMAGE, Shape::Ports),
    key("volumes", IMAGE, Shape::Texts),
    key("labels", IMAGE, Shape::Labels),
    key("stopsignal", IMAGE, Shape::Text),
    key("healthcheck", IMAGE, Shape::Plain),
    key("tags", IMAGE, Shape::Texts),
    key("output", IMAGE, Shape::Text),
    key("platforms", IMAGE, Shape::Texts),
    key("annotations", IMAGE, Shape::Labels),
    key("created", IMAGE, Shape::TextOrInt),
    key("add", IMAGE, Shape::Texts),
    key("compression", IMAGE, Shape::Text),
    key("load", IMAGE, Shape::Bool),
    key("sbom", IMAGE, Shape::Bool),
    key("vcs", IMAGE, Shape::Bool),
];

/// Keys of a `go { }` block.
pub const GO_KEYS: &[(&str, Shape)] = &[
    ("package", Shape::Text),
    ("packages", Shape::Texts),
    ("os", Shape::Text),
    ("arch", Shape::Text),
    ("static", Shape::Bool),
    ("ldflags", Shape::Text),
    ("tags", Shape::Texts),
    ("race", Shape::Bool),
    ("cover", Shape::Bool),
    ("flags", Shape::Texts),
    ("vcs", Shape::Bool),
];

/// What a key of a target takes, where its kind has it.
pub fn shape_of(kind: Kind, name: &str) -> Option<Shape> {
    let key = KEYS.iter().find(|key| key.name == name)?;
    key.kinds.contains(&kind).then_some(key.shape)
}

/// `a build`, `an image`.
pub fn with_article(kind: Kind) -> String {
    let article = if kind == Image { "an" } else { "a" };
    format!("{article} {kind}")
}

/// A target's body, by key.
#[derive(Debug, Default)]
pub struct Body<'a> {
    pub lets: Vec<&'a Let>,
    /// In the order of the text; without `run`.
    pub entries: Vec<&'a Entry>,
    pub run: Option<Run<'a>>,
    pub go: Option<GoBlock<'a>>,
}

#[derive(Debug, Clone, Copy)]
pub enum Run<'a> {
    Script(&'a Script),
    Argv(&'a Entry),
}

#[derive(Debug)]
pub struct GoBlock<'a> {
    pub entries: Vec<&'a Entry>,
    pub span: Span,
}

impl Run<'_> {
    pub fn span(&self) -> Span {
        match self {
            Run::Script(script) => script.span,
            Run::Argv(entry) => entry.span,
        }
    }
}

impl<'a> Body<'a> {
    /// Sorts the items; entries with a mistake are left out.
    pub fn read(decl: &'a TargetDecl, errors: &mut Vec<PlanError>) -> Self {
        let kind = decl.kind.value;
        let mut body = Self::default();
        for item in &decl.body {
            match item {
                Item::Let(let_) => body.lets.push(let_),
                Item::Run(script) => body.set_run(Run::Script(script), errors),
                Item::Entry(entry) if entry.key.value == "run" => {
                    body.set_run(Run::Argv(entry), errors);
                }
                Item::Entry(entry) => {
                    if shape_of(kind, &entry.key.value).is_none() {
                        errors.push(unknown_key(kind, entry));
                    } else if first_of_its_key(&body.entries, entry, errors) {
                        body.entries.push(entry);
                    }
                }
                Item::Block {
                    name,
                    entries,
                    span,
                } => {
                    if name.value != "go" || !matches!(kind, Build | Test) {
                        errors.push(unknown_block(kind, &name.value, name.span));
                    } else if let Some(first) = &body.go {
                        errors.push(PlanError::KeyTwice {
                            key: "go".to_owned(),
                            first: first.span,
                            span: *span,
                        });
                    } else {
                        let entries = known_entries("`go`", GO_KEYS, entries, errors);
                        body.go = Some(GoBlock {
                            entries,
                            span: *span,
                        });
                    }
                }
            }
        }
        body
    }

    pub fn get(&self, key: &str) -> Option<&'a Entry> {
        let found = self.entries.iter().find(|entry| entry.key.value == key);
        found.copied()
    }

    fn set_run(&mut self, run: Run<'a>, errors: &mut Vec<PlanError>) {
        match &self.run {
            None => self.run = Some(run),
            Some(first) => errors.push(PlanError::RunTwice {
                first: first.span(),
                span: run.span(),
            }),
        }
    }
}

impl<'a> GoBlock<'a> {
    pub fn get(&self, key: &str) -> Option<&'a Entry> {
        let found = self.entries.iter().find(|entry| entry.key.value == key);
        found.copied()
    }
}

/// The entries whose keys are known, each key once; the others are reported.
pub fn known_entries<'a>(
    owner: &str,
    keys: &[(&str, Shape)],
    entries: &'a [Entry],
    errors: &mut Vec<PlanError>,
) -> Vec<&'a Entry> {
    let mut known = Vec::new();
    for entry in entries {
        if keys.iter().any(|(name, _)| *name == entry.key.value) {
            if first_of_its_key(&known, entry, errors) {
                known.push(entry);
            }
            continue;
        }
        let names: Vec<&str> = keys.iter().map(|(name, _)| *name).collect();
        let help = match nearest(&entry.key.value, names.iter().copied()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("its keys: {}", names.join(", ")),
        };
        errors.push(PlanError::NoSuchKey {
            owner: owner.to_owned(),
            key: entry.key.value.clone(),
            span: entry.key.span,
            help: Some(help),
        });
    }
    known
}

/// There are as many entries as keys at most.
fn first_of_its_key(seen: &[&Entry], entry: &Entry, errors: &mut Vec<PlanError>) -> bool {
    match seen.iter().find(|first| first.key.value == entry.key.value) {
        None => true,
        Some(first) => {
            errors.push(PlanError::KeyTwice {
                key: entry.key.value.clone(),
                first: first.key.span,
                span: entry.key.span,
            });
            false
        }
    }
}

fn unknown_key(kind: Kind, entry: &Entry) -> PlanError {
    let name = entry.key.value.as_str();
    let elsewhere = KEYS.iter().find(|key| key.name == name);
    let known = KEYS.iter().filter(|key| key.kinds.contains(&kind));
    let near = nearest(name, known.map(|key| key.name));
    let help = match (near, elsewhere) {
        (_, Some(_)) if kind == Service && name == "timeout" => Some(
            "it runs until nobody needs it any more; how long it may take to be ready is said by `ready = { …, timeout = \"30s\" }`"
                .to_owned(),
        ),
        (_, Some(_)) if kind == Service && name == "outputs" => Some(
            "a service makes no files: what makes them is a build, which the service can need".to_owned(),
        ),
        (Some(near), _) => Some(format!("did you mean `{near}`?")),
        (None, Some(key)) => {
            let kinds: Vec<&str> = key.kinds.iter().map(|kind| kind.word()).collect();
            Some(format!("`{name}` is a key of {}", kinds.join(", ")))
        }
        (None, None) => Some(format!("for a value of your own, write `let {name} = …`")),
    };
    PlanError::NoSuchKey {
        owner: with_article(kind),
        key: name.to_owned(),
        span: entry.key.span,
        help,
    }
}

fn unknown_block(kind: Kind, name: &str, span: Span) -> PlanError {
    let help = if name == "go" {
        "a `go` block stands in a build or a test"
    } else {
        "the only language block is `go { }`"
    };
    PlanError::NoSuchKey {
        owner: with_article(kind),
        key: name.to_owned(),
        span,
        help: Some(help.to_owned()),
    }
}
