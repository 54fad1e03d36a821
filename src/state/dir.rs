//! The directory `.gomake/` itself: made, kept out of git, refused where git tracks it.

use crate::base::frame::{self, Magic};
use crate::base::fs::{self, FileKind, FsResult, Stat};
use crate::state::error::StateError;
use crate::state::gitindex;
use std::path::{Path, PathBuf};

const NAME: &str = ".gomake";
const CHECKED: Magic = *b"gomakeG1";

/// Whether a process may change the state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// `--list`, `--why`: nothing is created or written, and no lock is needed.
    Read,
    /// A run, under the [`crate::state::lock::Lock`].
    Write,
}

/// The state directory of a project.
#[derive(Debug, Clone)]
pub struct StateDir {
    root: PathBuf,
    access: Access,
}

impl StateDir {
    /// Finds `.gomake/` in `root` (absolute); a writer makes it where it is missing.
    ///
    /// # Errors
    /// When git tracks it, when it is not a directory, or when it cannot be made.
    pub fn open(root: &Path, access: Access) -> Result<Self, StateError> {
        let dir = Self {
            root: root.to_owned(),
            access,
        };
        let path = root.join(NAME);
        match fs::if_exists(fs::lstat(&path))? {
            Some(stat) if stat.kind != FileKind::Dir => {
                return Err(StateError::NotADirectory { path });
            }
            Some(_) => dir.refuse_tracked()?,
            None if access == Access::Write => fs::create_dirs(&path)?,
            None => return Ok(dir),
        }
        if access == Access::Write {
            dir.ignore_in_git()?;
        }
        Ok(dir)
    }
    /// The project's root.
    pub fn root(&self) -> &Path {
        &self.root
    }
    pub fn access(&self) -> Access {
        self.access
    }
    /// `.gomake/name`.
    pub fn file(&self, name: &str) -> PathBuf {
        self.root.join(NAME).join(name)
    }

    fn ignore_in_git(&self) -> FsResult<()> {
        let path = self.file(".gitignore");
        match fs::if_exists(fs::lstat(&path))? {
            Some(_) => Ok(()),
            None => fs::write_atomic(&path, b"*\n"),
        }
    }

    /// A state that came with a clone would claim that things were built here. Git's index says whether it did; it is read
    /// only when it differs from the one that was last found to be good, so that a run with nothing to do looks at one `stat`.
    fn refuse_tracked(&self) -> Result<(), StateError> {
        let Some(index) = gitindex::find(&self.root) else {
            return Ok(());
        };
        let Some(stat) = fs::if_exists(fs::stat(&index.path))? else {
            return Ok(());
        };
        let checked = self.file("git-checked");
        let seen = fs::if_exists(fs::read(&checked))?
            .and_then(|bytes| frame::decode_file::<Stat>(&CHECKED, &bytes));
        if seen == Some(stat) {
            return Ok(());
        }
        let name = [&index.prefix, NAME.as_bytes()].concat();
        if gitindex::names(&fs::read(&index.path)?, &name) {
            return Err(StateError::Tracked {
                path: PathBuf::from(NAME),
            });
        }
        if self.access == Access::Write
            && let Some(bytes) = frame::encode_file(&CHECKED, &stat)
        {
            fs::write_atomic(&checked, &bytes)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Command;

    #[test]
    fn a_reader_makes_nothing_and_a_writer_hides_it_from_git() {
        let root = tempfile::tempdir().unwrap();
        StateDir::open(root.path(), Access::Read).unwrap();
        assert_eq!(fs::list_dir(root.path()).unwrap(), []);
        let dir = StateDir::open(root.path(), Access::Write).unwrap();
        assert_eq!(fs::read(&dir.file(".gitignore")).unwrap(), b"*\n");
    }

    #[test]
    fn a_link_or_file_in_its_place_is_refused() {
        let root = tempfile::tempdir().unwrap();
        fs::symlink(Path::new("/"), &root.path().join(NAME)).unwrap();
        let error = StateDir::open(root.path(), Access::Write).unwrap_err();
        assert!(matches!(error, StateError::NotADirectory { .. }));
    }

    #[test]
    fn tracked_state_is_refused_also_after_it_was_good() {
        let root = tempfile::tempdir().unwrap();
        let git = |args: &[&str]| {
            let run = Command::new("git")
                .args(args)
                .current_dir(root.path())
                .output();
            run.is_ok_and(|out| out.status.success())
        };
        if !git(&["init", "-q"]) {
            println!("skipped: no git");
            return;
        }
        let open = |access| StateDir::open(root.path(), access);
        let dir = open(Access::Write).unwrap();
        fs::write_atomic(&root.path().join("a"), b"").unwrap();
        assert!(git(&["add", "a"]));
        open(Access::Write).unwrap();
        assert!(fs::stat(&dir.file("git-checked")).is_ok());
        assert!(git(&["add", "-f", ".gomake"]));
        for access in [Access::Read, Access::Write] {
            assert!(matches!(open(access), Err(StateError::Tracked { .. })));
        }
        assert!(git(&["rm", "-rq", "--cached", ".gomake"]));
        open(Access::Write).unwrap();
    }
}
