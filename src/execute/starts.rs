//! What the commands of a run have in common, found out once for all of them: the variables that each is given, and where the
//! interpreters are. Starts nothing itself.

use crate::base::hash::HashMap;
use crate::execute::environment::{Given, Shared, Variables};
use crate::execute::launch;
use crate::plan::action::BaseEnv;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

/// Empty when a run begins.
#[derive(Debug, Default)]
pub struct Starts {
    strict: OnceLock<Arc<Shared>>,
    whole: OnceLock<Arc<Shared>>,
    /// By name and PATH.
    interpreters: Mutex<HashMap<(OsString, OsString), PathBuf>>,
}

impl Starts {
    /// The variables that every command with such a base is given, from the first time that they were made.
    pub fn shared(&self, base: BaseEnv, make: impl FnOnce() -> Variables) -> Arc<Shared> {
        let known = match base {
            BaseEnv::Strict => &self.strict,
            BaseEnv::Whole => &self.whole,
        };
        known.get_or_init(|| Arc::new(Shared::new(make()))).clone()
    }
    /// Where an interpreter was when this run first needed it; None where it must be looked for each time.
    ///
    /// Other programs are always looked for: a target of this run may make one, also in a directory of PATH that comes before
    /// the one where it was found. That a run makes the shell that runs its scripts is not waited for, unless PATH leads into
    /// the directory that the command runs in.
    pub fn interpreter(&self, name: &OsStr, env: Given<'_>, dir: &Path) -> Option<PathBuf> {
        let path = env.get(OsStr::new("PATH"))?;
        if name.as_encoded_bytes().contains(&b'/')
            || std::env::split_paths(path).any(|entry| !entry.is_absolute())
        {
            return None;
        }
        let mut known = self
            .interpreters
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let key = (name.to_owned(), path.to_owned());
        if let Some(found) = known.get(&key) {
            return Some(found.clone());
        }
        let found = launch::find(name, env, dir).ok()?;
        known.insert(key, found.clone());
        Some(found)
    }
}
