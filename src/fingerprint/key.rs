//! The walk over an action's facts, and the keys made of it.

use crate::base::digest::{Digest, FieldHasher};
use crate::base::path::{InputPath, ProjectPath};
use crate::fingerprint::content::{Content, Outputs, SERVICE};
use crate::plan::action::{Action, BaseEnv, Command, EnvValue, Kind};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Raise when the walk changes: every recorded key is then unequal.
const VERSION: &str = "1";

/// What a fact is about. The order is the order of the walk and of explanations.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Field {
    Version,
    Kind,
    Interpreter,
    Script,
    Arg,
    Dir,
    Env,
    /// Only its name is a fact.
    Secret,
    BaseEnv,
    Tool,
    /// Go's toolchain, `go env`, modules.
    Fact,
    Output,
    Input,
    /// An output of what it needs: `target\0path`.
    Upstream,
    /// A file that the depfile named.
    Dep,
    /// A part of an image's description.
    Image,
    /// A service that it needs.
    Service,
}

/// The value of a fact. Texts may be long (scripts).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FactValue<'a> {
    Text(&'a str),
    Content(Content),
}

/// Everything that an action's result depends on.
#[derive(Debug, Clone, Copy)]
pub struct Subject<'a> {
    pub kind: Kind,
    pub action: &'a Action,
    /// As declared, with `/` after trees.
    pub outputs: &'a [String],
    /// Project inputs and those outside, each once, in a fixed order.
    pub inputs: &'a [(InputPath, Content)],
    /// What `$inputs` and `$inputs_file` list: the order counts as well.
    pub listed: &'a [ProjectPath],
    /// For each target that it needs, its name and what it made.
    pub upstream: &'a [(Arc<str>, Outputs)],
    /// Files that the last run's depfile named.
    pub deps: &'a [(InputPath, Content)],
    /// Identities of `action.tools`, in their order.
    pub tools: &'a [Content],
}

impl Subject<'_> {
    /// Calls `visit` with each fact, always in the same order.
    pub fn walk(&self, visit: &mut dyn FnMut(Field, &str, FactValue<'_>)) {
        let text = FactValue::Text;
        visit(Field::Version, "", text(VERSION));
        visit(Field::Kind, "", text(self.kind.word()));
        self.walk_command(visit);
        visit(Field::Dir, "", text(self.action.dir.as_str()));
        for (name, value) in &self.action.env {
            match value {
                EnvValue::Text(value) => visit(Field::Env, name, text(value)),
                EnvValue::Secret(variable) => visit(Field::Secret, name, text(variable)),
                EnvValue::Volatile(_) => visit(Field::Env, name, text("(volatile)")),
            }
        }
        let base = match self.action.base_env {
            BaseEnv::Strict => "strict",
            BaseEnv::Whole => "whole",
        };
        visit(Field::BaseEnv, "", text(base));
        for ((name, _), content) in self.action.tools.iter().zip(self.tools) {
            visit(Field::Tool, name, FactValue::Content(*content));
        }
        for (name, value) in &self.action.facts {
            visit(Field::Fact, name, text(value));
        }
        for output in self.outputs {
            visit(Field::Output, output, text(""));
        }
        self.walk_files(visit);
    }

    fn walk_command(&self, visit: &mut dyn FnMut(Field, &str, FactValue<'_>)) {
        match &self.action.command {
            Command::None | Command::Image(_) => {}
            Command::Script {
                interpreter,
                text,
                as_file,
                ..
            } => {
                for (i, word) in interpreter.iter().enumerate() {
                    visit(Field::Interpreter, &i.to_string(), FactValue::Text(word));
                }
                visit(
                    Field::Interpreter,
                    "as",
                    FactValue::Text(if *as_file { "a file" } else { "-c" }),
                );
                visit(Field::Script, "", FactValue::Text(text));
            }
            Command::Argv(words) => walk_words(words, visit),
            Command::GoTest(spec) => walk_words(&spec.argv, visit),
        }
        if let Command::Image(spec) = &self.action.command {
            spec.facts(&mut |name, value| visit(Field::Image, name, FactValue::Text(value)));
        }
        if self.action.names_inputs_file() {
            // The list has an order, which the inputs as such have not.
            let listed: Vec<&str> = self.listed.iter().map(ProjectPath::as_str).collect();
            visit(
                Field::Arg,
                "inputs_file",
                FactValue::Text(&listed.join("\n")),
            );
        }
        for (i, word) in self.action.args.iter().enumerate() {
            visit(Field::Arg, &format!("@{i}"), FactValue::Text(word));
        }
    }

    fn walk_files(&self, visit: &mut dyn FnMut(Field, &str, FactValue<'_>)) {
        for (path, content) in self.inputs {
            visit_path(Field::Input, path, *content, visit);
        }
        let mut name = String::new();
        for (target, outputs) in self.upstream {
            for (path, content) in outputs.iter() {
                if path == SERVICE {
                    visit(Field::Service, target, FactValue::Content(*content));
                    continue;
                }
                name.clear();
                name.extend([target, "\0", path.as_str()]);
                visit(Field::Upstream, &name, FactValue::Content(*content));
            }
        }
        for (path, content) in self.deps {
            visit_path(Field::Dep, path, *content, visit);
        }
    }

    /// The fingerprint: blake3 over all facts, each length-prefixed.
    pub fn key(&self) -> Digest {
        let mut hasher = FieldHasher::new();
        self.walk(&mut |field, name, value| {
            hasher.field(&[field as u8]).field(name.as_bytes());
            match value {
                FactValue::Text(text) => hasher.field(text.as_bytes()),
                FactValue::Content(content) => hasher.field(&content.encode()),
            };
        });
        hasher.finish()
    }
}

fn walk_words(words: &[String], visit: &mut dyn FnMut(Field, &str, FactValue<'_>)) {
    for (i, word) in words.iter().enumerate() {
        visit(Field::Arg, &i.to_string(), FactValue::Text(word));
    }
}

fn visit_path(
    field: Field,
    path: &InputPath,
    content: Content,
    visit: &mut dyn FnMut(Field, &str, FactValue<'_>),
) {
    match path {
        InputPath::Project(path) => visit(field, path.as_str(), FactValue::Content(content)),
        InputPath::Outside(path) => {
            visit(field, &path.to_string_lossy(), FactValue::Content(content))
        }
    }
}
