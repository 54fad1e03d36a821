//! What ends a call before anything runs: diagnostics for the user and an exit status.

use crate::cli::args::Args;
use crate::plan::error::PlanError;
use crate::plan::select::SelectError;
use clap::CommandFactory;
use miette::Diagnostic;

/// Why a call ended early, with the exit status 2.
#[derive(Debug, Default)]
pub struct Fault {
    pub diagnostics: Vec<Box<dyn Diagnostic + Send + Sync>>,
    /// The words of the call are wrong, whatever the Gofile says.
    pub is_of_call: bool,
}

impl Fault {
    pub fn one(diagnostic: impl Diagnostic + Send + Sync + 'static) -> Self {
        Self {
            diagnostics: vec![Box::new(diagnostic)],
            is_of_call: false,
        }
    }
    pub fn all<D: Diagnostic + Send + Sync + 'static>(
        diagnostics: impl IntoIterator<Item = D>,
    ) -> Self {
        Self {
            diagnostics: diagnostics
                .into_iter()
                .map(|one| Box::new(one) as _)
                .collect(),
            is_of_call: false,
        }
    }
    pub fn plan(errors: Vec<PlanError>) -> Self {
        Self::all(errors)
    }
    pub fn select(errors: Vec<SelectError>) -> Self {
        Self {
            is_of_call: true,
            ..Self::all(errors.into_iter().map(or_flag))
        }
    }
}

/// Who writes `gomake list` means the flag: no target is called so.
fn or_flag(error: SelectError) -> SelectError {
    match error {
        SelectError::UnknownTarget { word, .. } if is_flag(&word) => SelectError::UnknownTarget {
            help: Some(format!("did you mean `--{word}`?")),
            word,
        },
        error => error,
    }
}

fn is_flag(word: &str) -> bool {
    let command = Args::command();
    let mut shown = command.get_arguments().filter(|arg| !arg.is_hide_set());
    word == "version" || shown.any(|arg| arg.get_long() == Some(word))
}

/// A mistake that has no better home than the call itself.
#[derive(Debug, thiserror::Error, Diagnostic)]
pub enum CallError {
    #[error("gomake was started by a command of a gomake that runs in this very project")]
    #[diagnostic(
        code(gomake::call::nested),
        help(
            "it would wait for itself: name the target in `needs`, which also lets both run in one schedule"
        )
    )]
    Nested,
    #[error("there is no place for a cache: neither HOME nor XDG_CACHE_HOME is set")]
    #[diagnostic(code(gomake::call::no_cache), help("GOMAKE_CACHE_DIR names one"))]
    NoCache,
    #[error("{flag} needs an image target, and none of those named is one")]
    #[diagnostic(
        code(gomake::call::no_image),
        help("name one, as in `gomake {flag} NAME`, or `image` for all of them")
    )]
    NoImage { flag: &'static str },
    #[error("image {name} has no `tags`: nothing says where it goes")]
    #[diagnostic(
        code(gomake::call::no_tags),
        help("add `tags = \"registry/repository:version\"` to it")
    )]
    NoTags { name: String },
    #[error("the project's directory {} is gone", root.display())]
    #[diagnostic(
        code(gomake::watch::root_gone),
        help("watching ends with it; start anew where the project is now")
    )]
    RootGone { root: std::path::PathBuf },
    #[error("`{text}` is no interval to look for changes in")]
    #[diagnostic(
        code(gomake::watch::interval),
        help("a duration of at least 50ms, as in `--poll=2s`")
    )]
    PollInterval { text: String },
    #[error("what {flag} asks for cannot be written: {source}")]
    #[diagnostic(
        code(gomake::call::outlet),
        help("name a file in a directory that can be written to")
    )]
    Outlet {
        flag: &'static str,
        source: crate::base::fs::FsError,
    },
    #[error("{flag} tells of a run, and this call runs nothing")]
    #[diagnostic(code(gomake::call::nothing_runs), help("leave it out"))]
    NothingRuns { flag: &'static str },
    #[error("interrupted")]
    #[diagnostic(code(gomake::call::interrupted))]
    Interrupted,
    #[error("{what}: {source}")]
    #[diagnostic(code(gomake::call::system))]
    System {
        what: &'static str,
        source: std::io::Error,
    },
    #[error("{0}")]
    #[diagnostic(code(gomake::call::check))]
    Check(#[from] crate::execute::check::CheckError),
}
