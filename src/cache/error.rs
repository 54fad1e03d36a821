//! What can go wrong with the cache. The runner turns these into warnings, or into a run of the command.

use crate::base::fs::FsError;
use std::path::PathBuf;

#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub enum CacheError {
    /// A result is not (any more) whole; what was damaged is removed. Nothing of the project was touched.
    #[error("the cache holds no good copy of {what}")]
    #[diagnostic(
        code(gomake::cache::miss),
        help("the target is run instead; nothing is lost")
    )]
    Miss { what: String },
    /// An output was not what had been recorded when it was to be stored.
    #[error("{} changed while it was being stored in the cache", path.display())]
    #[diagnostic(
        code(gomake::cache::changed),
        help("something writes to the target's outputs after its command ended")
    )]
    Changed { path: PathBuf },
    /// A file that only its owner may read, although others' access is not withheld from new files: the cache keeps no
    /// modes, so it would come back readable.
    #[error("{} is for its owner only, and is not kept in the cache", path.display())]
    #[diagnostic(
        code(gomake::cache::private),
        help("`cache = false` says so in the Gofile")
    )]
    Private { path: PathBuf },
    /// An output's path, or a tree's entry, leads out of the project.
    #[error("{} leads out of the project", path.display())]
    #[diagnostic(
        code(gomake::cache::outside),
        help(
            "a directory on the way is a symlink to elsewhere; outputs are restored into the project only"
        )
    )]
    Outside { path: PathBuf },
    #[error("the cache failed: {source}")]
    #[diagnostic(
        code(gomake::cache::io),
        help(
            "check the space and permissions of the cache's directory; GOMAKE_CACHE_DIR chooses another"
        )
    )]
    Io {
        #[from]
        source: FsError,
    },
}
