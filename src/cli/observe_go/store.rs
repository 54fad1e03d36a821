//! Answers of Go's that are kept from call to call: `.gomake/go/`, a file for each question. What is damaged, foreign or older is
//! forgotten, and asked anew. Does not know whether an answer still holds.

use crate::base::digest::{Digest, FieldHasher};
use crate::base::frame::{self, Magic};
use crate::base::fs::{self, FileKind};
use crate::cli::observe_go::look::Row;
use crate::execute::environment::{Variables, strict};
use crate::golang::command::concerns_go;
use crate::golang::list::{GoInputs, GoRequest};
use crate::state::dir::{Access, StateDir};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// Raise the digit when [`Known`] changes.
const MAGIC: Magic = *b"gomakeK2";
/// So many answers stay, and more only where one call needs more.
const KEPT: usize = 256;

/// An answer, and what it rests on.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Known {
    /// Of the question.
    pub key: Digest,
    pub found: GoInputs,
    pub facts: BTreeMap<String, String>,
    /// As [`crate::golang::toolchain::GoEnv`] has it.
    pub has_cache_program: bool,
    pub rows: Vec<Row>,
}

/// Where answers are kept.
pub struct Store {
    dir: PathBuf,
    access: Access,
}

impl Store {
    /// None: there is no state, or none that may be used.
    pub fn open(root: &Path, access: Access) -> Option<Self> {
        let dir = StateDir::open(root, Access::Read).ok()?;
        let place = fs::lstat(&dir.file("")).ok()?;
        (place.kind == FileKind::Dir).then(|| Self {
            dir: dir.file("go"),
            access,
        })
    }

    pub fn get(&self, key: &Digest) -> Option<Known> {
        let bytes = fs::read(&self.file(key)).ok()?;
        let known: Known = frame::decode_file(&MAGIC, &bytes)?;
        (known.key == *key).then_some(known)
    }

    /// What cannot be written is only slower the next time.
    pub fn put(&self, known: &Known) {
        if self.access == Access::Read || fs::create_dirs(&self.dir).is_err() {
            return;
        }
        if let Some(bytes) = frame::encode_file(&MAGIC, known) {
            let _ = fs::write_atomic(&self.file(&known.key), &bytes);
        }
    }

    /// Removes the answers that were written longest ago; a call has just used `used` of them.
    pub fn forget(&self, used: usize) {
        let files = fs::list_dir(&self.dir).unwrap_or_default();
        let most = KEPT.max(2 * used);
        if self.access == Access::Read || files.len() <= most {
            return;
        }
        let mut files: Vec<(i64, PathBuf)> = files
            .into_iter()
            .filter_map(|file| {
                let path = self.dir.join(file.name);
                Some((fs::lstat(&path).ok()?.mtime, path))
            })
            .collect();
        files.sort_unstable();
        let surplus = files.len().saturating_sub(most);
        for (_, path) in files.into_iter().take(surplus) {
            let _ = fs::remove_file(&path);
        }
    }

    fn file(&self, key: &Digest) -> PathBuf {
        self.dir.join(&key.hex()[..32])
    }
}

/// What a question is known by: this program, the project's place, the request, the `go` that is asked, and all variables that it
/// looks at.
pub fn key_of(root: &Path, request: &GoRequest, program: &Path, env: &Variables) -> Digest {
    let mut hasher = question_of(request, program, env);
    hasher.field(root.as_os_str().as_bytes());
    if let Ok(ours) = std::env::current_exe()
        .map_err(drop)
        .and_then(|path| fs::stat(&path).map_err(drop))
    {
        hasher.field(&ours.size.to_le_bytes());
        hasher.field(&ours.mtime.to_le_bytes());
    }
    hasher.finish()
}

/// As [`key_of`], but for the project's place, and for which build of gomake this is.
pub fn question_of(request: &GoRequest, program: &Path, env: &Variables) -> FieldHasher {
    let mut hasher = FieldHasher::new();
    hasher.field(env!("CARGO_PKG_VERSION").as_bytes());
    let request = postcard::to_stdvec(request).expect("requests are plain data");
    hasher.field(&request).field(program.as_os_str().as_bytes());
    // Two that are equal may lead to different toolchains by where they are.
    let leads_to = fs::canonical(program).unwrap_or_default();
    hasher.field(leads_to.as_os_str().as_bytes());
    add_variables(&mut hasher, env);
    hasher
}

/// The variables of a caller that Go looks at, of those that it is given whether or not they are named.
pub fn environment_of(caller: &Variables) -> Digest {
    let mut hasher = FieldHasher::new();
    add_variables(&mut hasher, &strict(caller));
    hasher.finish()
}

fn add_variables(hasher: &mut FieldHasher, env: &Variables) {
    for (name, value) in looked_at(env) {
        hasher.field(name.as_bytes()).field(value.as_bytes());
    }
}

/// Those of the variables that an answer depends on.
pub fn looked_at(env: &Variables) -> impl Iterator<Item = (&OsString, &OsString)> {
    env.iter().filter(|(name, _)| is_looked_at(name))
}

/// Besides Go's own: where programs are, and where the user's settings are.
fn is_looked_at(name: &OsStr) -> bool {
    name.to_str().is_some_and(|name| {
        concerns_go(name) || matches!(name, "PATH" | "HOME" | "XDG_CONFIG_HOME")
    })
}
