//! The saved graph from a call's point of view: which one is meant, what a call may do with it, and how the next one is made.
//!
//! ```text
//! call -> glance: nothing changed?           -> done, nothing was parsed
//!      -> resume: the plan holds             -> the graph from the snapshot, only doubtful targets are looked at
//!      -> else parse and plan as ever
//! end of a run -> write
//! ```

pub mod rests;
pub mod write;

use crate::base::digest::Digest;
use crate::plan::graph::TargetId;
use serde::{Deserialize, Serialize};

/// What a call must know before it asks the graph; the `head` of a snapshot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    /// The Gofiles: path below the root, the name that messages use, digest of the text.
    pub gofiles: Vec<(String, String, Digest)>,
    /// The files of `settings { dotenv = … }`.
    pub dotenv: Vec<String>,
    /// `settings { cache_size = … }`, bytes.
    pub cache_size: Option<u64>,
    /// What targets that are gone have left, and is as they left it.
    pub left_over: Vec<String>,
    /// Targets with an input that is nowhere: a mistake for whoever wants one.
    pub unmet: Vec<TargetId>,
}
