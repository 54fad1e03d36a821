//! The saved graph from a call's point of view: which one is meant, what a call may do with it, and how the next one is made.
//!
//! ```text
//! call -> glance: nothing changed?           -> done, nothing was parsed
//!      -> resume: the plan holds             -> the graph from the snapshot, only doubtful targets are looked at
//!      -> else parse and plan as ever
//! end of a run -> write
//! ```

mod asked;
mod former;
pub mod glance;
mod graph;
pub mod keep;
mod left_over;
pub mod rests;
pub mod resume;
mod rows;
mod secret;
pub mod write;

use crate::base::digest::{Digest, FieldHasher};
use crate::base::fs;
use crate::cli::load::GOFILE;
use crate::plan::graph::TargetId;
use crate::plan::resolve::Request;
use crate::state::dir::StateDir;
use crate::state::error::StateError;
use crate::state::snapshot::Snapshot;
use serde::{Deserialize, Serialize};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// What a call must know before it asks the graph; the `head` of a snapshot.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Head {
    /// The Gofiles: path below the root, the name that messages use, digest of the text.
    pub gofiles: Vec<(String, String, Digest)>,
    /// What each of them says, comments apart.
    pub meanings: Vec<Digest>,
    /// The files of `settings { dotenv = … }`.
    pub dotenv: Vec<String>,
    /// `settings { cache_size = … }`, bytes.
    pub cache_size: Option<u64>,
    /// What targets that are gone have left, and is as they left it.
    pub left_over: Vec<String>,
    /// What the words of the call add to the files.
    pub request: Request,
    /// The targets that are services.
    pub services: Vec<TargetId>,
    /// Which Go the caller has, by its variables; where anything asks Go.
    pub go: Option<Digest>,
    /// Targets with an input that is nowhere: a mistake for whoever wants one.
    pub unmet: Vec<TargetId>,
}

/// Which saved graph is meant.
#[derive(Debug, Clone)]
pub struct Place {
    /// The file in `.gomake/`.
    pub name: String,
    pub origin: Digest,
}

impl Place {
    /// None: the program cannot be looked at.
    pub fn of(root: &Path, gofile: &Path, words: &[String]) -> Option<Self> {
        let origin = origin_of(root, gofile, words)?;
        Some(Self {
            name: name_of(gofile, words, &origin),
            origin,
        })
    }
    /// # Errors
    /// When it is there and cannot be removed.
    pub fn remove(&self, dir: &StateDir) -> Result<(), StateError> {
        Ok(fs::remove_any(&dir.file(&self.name))?)
    }
    pub fn open(&self, dir: &StateDir) -> Option<Snapshot> {
        Snapshot::open(dir, &self.name, &self.origin)
    }
}

/// What a saved graph is made by and for: this very program, in this very place, and the words that change the graph
/// (values of lets, arguments of targets). None: the program cannot be looked at.
pub fn origin_of(root: &Path, gofile: &Path, words: &[String]) -> Option<Digest> {
    let program = fs::stat(&std::env::current_exe().ok()?).ok()?;
    let mut hasher = FieldHasher::new();
    hasher
        .field(env!("CARGO_PKG_VERSION").as_bytes())
        .field(&program.size.to_le_bytes())
        .field(&program.mtime.to_le_bytes())
        .field(root.as_os_str().as_bytes())
        .field(gofile.as_os_str().as_bytes());
    for word in words.iter().filter(|word| is_value(word)) {
        hasher.field(word.as_bytes());
    }
    Some(hasher.finish())
}

/// The file in `.gomake/`: one for the project's Gofile as it is, and one for each other graph.
pub fn name_of(gofile: &Path, words: &[String], origin: &Digest) -> String {
    let is_plain = gofile.ends_with(GOFILE) && !words.iter().any(|word| is_value(word));
    match is_plain {
        true => "graph".to_owned(),
        false => format!("graph-{}", &origin.hex()[..16]),
    }
}

/// By which a saved graph knows the words of a call.
pub fn words_digest(words: &[String]) -> Digest {
    let mut hasher = FieldHasher::new();
    words.iter().for_each(|word| {
        hasher.field(word.as_bytes());
    });
    hasher.finish()
}

/// Whether a word may change the graph: `name=value`, `deploy(host=web1)`.
fn is_value(word: &str) -> bool {
    word.contains(['=', '('])
}

/// As parts of a plan are stored.
fn encode(value: &impl Serialize) -> Vec<u8> {
    postcard::to_stdvec(value).expect("plans are plain data")
}

#[cfg(test)]
mod tests;
