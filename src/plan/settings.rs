//! What the root's `settings { }` says, evaluated.

use std::collections::BTreeMap;

/// Keys: `default shell dotenv pass_env pools cache_size`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Settings {
    /// What a bare `gomake` runs, by full target name; empty means the first target of the file.
    pub default: Vec<String>,
    /// Files with `NAME=value` lines; optional.
    pub dotenv: Vec<String>,
    /// Capacity of each named pool.
    pub pools: BTreeMap<String, u32>,
    /// Limit of the user's cache, in bytes.
    pub cache_size: Option<u64>,
}
