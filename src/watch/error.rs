//! Why files cannot be watched.

use miette::Diagnostic;
use std::path::PathBuf;
use thiserror::Error;

#[derive(Debug, Error, Diagnostic)]
pub enum WatchError {
    #[error("the system has no more file watches to give (at {})", path.display())]
    #[diagnostic(
        code(gomake::watch::too_many),
        help(
            "raise the limit with `sysctl fs.inotify.max_user_watches=1048576`, or look at files every second with `--poll`"
        )
    )]
    TooMany { path: PathBuf },
    #[error("cannot watch {}: {reason}", path.display())]
    #[diagnostic(
        code(gomake::watch::system),
        help("`--poll` needs nothing of the system's")
    )]
    System { path: PathBuf, reason: String },
}
