//! What can be wrong with `.gomake/`. Damaged contents are not among it: they are forgotten.

use crate::base::fs::FsError;
use std::path::PathBuf;

#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub enum StateError {
    #[error("{} is tracked by git", path.display())]
    #[diagnostic(
        code(gomake::state::tracked),
        help(
            "it holds what this checkout has built, so a copy from elsewhere cannot be trusted: \
             run `git rm -r --cached {}` and commit",
            path.display()
        )
    )]
    Tracked { path: PathBuf },
    #[error("{} is not a directory", path.display())]
    #[diagnostic(
        code(gomake::state::not_a_directory),
        help("gomake keeps its state in a directory of this name: move the file or link away")
    )]
    NotADirectory { path: PathBuf },
    #[error("cannot keep state: {source}")]
    #[diagnostic(
        code(gomake::state::io),
        help("gomake must be able to write to `.gomake/` in the project's root")
    )]
    Io {
        #[from]
        source: FsError,
    },
}
