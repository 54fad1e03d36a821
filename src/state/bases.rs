//! What the tags of base images were resolved to, so that a build asks a registry once and stays with the answer until it
//! is told to ask again. Does not know what a reference or a digest means.

use crate::base::frame::{self, Magic};
use crate::base::fs::{self, FsResult};
use crate::state::dir::{Access, StateDir};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

/// Raise the digit when what is stored changes.
const MAGIC: Magic = *b"gomakeI1";

/// Reference in full with a tag to digest.
#[derive(Debug)]
pub struct Bases {
    path: PathBuf,
    access: Access,
    known: Mutex<BTreeMap<String, String>>,
}

impl Bases {
    /// Reads what was recorded; a damaged file is as good as none.
    pub fn open(dir: &StateDir) -> Self {
        let path = dir.file("bases");
        let known = fs::read(&path).ok();
        let known = known.and_then(|bytes| frame::decode_file(&MAGIC, &bytes));
        Self {
            path,
            access: dir.access(),
            known: Mutex::new(known.unwrap_or_default()),
        }
    }
    pub fn get(&self, reference: &str) -> Option<String> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.get(reference).cloned()
    }
    /// Records a resolution; a reader keeps it for itself.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn set(&self, reference: &str, digest: &str) -> FsResult<()> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.insert(reference.to_owned(), digest.to_owned());
        match (self.access, frame::encode_file(&MAGIC, &*known)) {
            (Access::Write, Some(bytes)) => fs::write_atomic(&self.path, &bytes),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_resolution_stays_and_damage_only_forgets() {
        let temp = tempfile::tempdir().unwrap();
        let dir = StateDir::open(temp.path(), Access::Write).unwrap();
        let bases = Bases::open(&dir);
        assert_eq!(bases.get("r/a:1"), None);
        bases.set("r/a:1", "sha256:1").unwrap();
        bases.set("r/b:1", "sha256:2").unwrap();
        let again = Bases::open(&dir);
        assert_eq!(again.get("r/a:1").as_deref(), Some("sha256:1"));
        let reader = Bases::open(&StateDir::open(temp.path(), Access::Read).unwrap());
        reader.set("r/a:1", "sha256:3").unwrap();
        assert_eq!(reader.get("r/a:1").as_deref(), Some("sha256:3"));
        assert_eq!(Bases::open(&dir).get("r/a:1").as_deref(), Some("sha256:1"));
        fs::write_atomic(&dir.file("bases"), b"gomakeI1 and nothing else").unwrap();
        assert_eq!(Bases::open(&dir).get("r/a:1"), None);
    }
}
