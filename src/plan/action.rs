//! A target bound to values: what runs, with what, and how.

use crate::base::path::{InputPath, ProjectPath};
use crate::golang::testing::spec::GoTestSpec;
/// Kinds are a word of the language; layers above `plan` take the type from here.
pub use crate::lang::ast::Kind;
use crate::plan::image::ImageSpec;
use crate::plan::service::ServiceSpec;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// Stands in an argument or a variable for the path of the file with an input a line; whoever runs the action writes
/// that file and puts its path here. No command line can hold a NUL, so nothing else looks like it. It is counted as it
/// stands: what the file holds is counted through the inputs.
pub const INPUTS_FILE: &str = "\0inputs_file\0";

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Action {
    pub command: Command,
    /// What follows `--` on the command line: `"$@"` of a script.
    pub args: Vec<String>,
    /// Variables from the Gofile and those counted from the caller, by name.
    pub env: BTreeMap<String, EnvValue>,
    /// What else of the caller's environment the command sees.
    pub base_env: BaseEnv,
    pub dir: ProjectPath,
    /// Programs whose identity counts: the word as written, and what PATH resolved it to, or the file of the project
    /// that it names (None: not found). What is an input or made by a target counts as such and is not here.
    pub tools: Vec<(String, Option<InputPath>)>,
    /// Other counted values by name: Go's toolchain and `go env`, modules by version.
    pub facts: BTreeMap<String, String>,
    pub limits: Limits,
    /// False keeps results out of the cache.
    pub cache: bool,
    /// The Go tool is to look for what it has built in the user's cache. Changes no result, and does not count.
    pub go_cache: bool,
    /// `service` only.
    pub service: Option<Arc<ServiceSpec>>,
    /// `clean` only: what `remove` names, as written after normalisation; trees and files alike, or patterns.
    pub remove: Vec<String>,
}

impl Action {
    /// Whether the command is handed the file with an input a line.
    pub fn names_inputs_file(&self) -> bool {
        let in_env = self.env.values().any(|value| match value {
            EnvValue::Text(text) | EnvValue::Volatile(text) => text.contains(INPUTS_FILE),
            EnvValue::Secret(_) => false,
        });
        let in_words = match &self.command {
            Command::Argv(words) => words.iter().any(|word| word.contains(INPUTS_FILE)),
            Command::None | Command::Script { .. } | Command::Image(_) | Command::GoTest(_) => {
                false
            }
        };
        in_env || in_words
    }
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Command {
    /// A group: nothing to run.
    None,
    Script {
        /// Program and options, such as `["bash", "-euo", "pipefail"]`.
        interpreter: Vec<String>,
        text: String,
        /// True: the script is handed over as a file, else by `-c`.
        as_file: bool,
        /// The first word as the Gofile says it, for messages: `sh`, `bash`, `python3`.
        name: String,
    },
    Argv(Vec<String>),
    /// Built by gomake itself, or by an engine from a Dockerfile.
    Image(Arc<ImageSpec>),
    /// The tests of Go packages, each with a result of its own.
    GoTest(Arc<GoTestSpec>),
}

impl Command {
    pub fn is_go_test(&self) -> bool {
        matches!(self, Self::GoTest(_))
    }
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum EnvValue {
    /// Counted.
    Text(String),
    /// Passed, not counted.
    Volatile(String),
    /// The caller's variable of this name; only the name counts.
    Secret(String),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum BaseEnv {
    /// The documented base only.
    Strict,
    /// The caller's whole environment (tasks).
    Whole,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    pub timeout: Option<Duration>,
    pub retries: u32,
    pub pool: Option<String>,
    pub weight: u32,
    pub interactive: bool,
    pub exclusive: bool,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            timeout: None,
            retries: 0,
            pool: None,
            weight: 1,
            interactive: false,
            exclusive: false,
        }
    }
}
