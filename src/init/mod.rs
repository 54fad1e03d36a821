//! `gomake --init`: reads what a project holds, and writes the text of a Gofile for that. Starts no process, so that it works where
//! Go is missing; writes no file. What cannot be told for sure is left out, with a line that says so.
//!
//! disk -> `walk` -> `modules`, `c_sources`, `container` -> `names` -> `gofile` -> text

mod c_sources;
mod container;
mod gofile;
mod modules;
mod names;
mod text;
mod walk;

#[cfg(test)]
mod tests;

use crate::base::fs::FsError;
use crate::golang::constraint::Platform;
use crate::lang::error::SyntaxError;
use miette::Diagnostic;
use std::path::Path;
use thiserror::Error;

/// What is known of the machine and of the place, beside the files.
#[derive(Debug, Clone)]
pub struct Setting {
    /// What Go would build for here.
    pub platform: Platform,
    /// Whether `git describe` has something to say.
    pub has_history: bool,
}

impl Setting {
    /// For a system and a processor in Go's words. Of Go itself nothing is known: it is taken for a new one that has cgo.
    pub fn new(os: &str, arch: &str, has_history: bool) -> Self {
        Self {
            platform: Platform {
                os: os.to_owned(),
                arch: arch.to_owned(),
                cgo: true,
                tags: Vec::new(),
                go_minor: 99,
            },
            has_history,
        }
    }
}

/// A Gofile that is not written yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Draft {
    /// In its one form.
    pub text: String,
    /// What it declares, in its order.
    pub targets: Vec<Told>,
    /// What was seen and is not in it, or needs a person; a sentence each.
    pub notes: Vec<String>,
    /// Where programs go, as `.gitignore` would have it.
    pub made: Vec<String>,
}

/// A target, to be told of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    pub kind: &'static str,
    pub name: String,
    /// `the program of ./cmd/api`.
    pub what: String,
    /// A bare `gomake` runs it.
    pub is_default: bool,
}

/// What keeps a Gofile from being written.
#[derive(Debug, Error, Diagnostic)]
pub enum InitError {
    #[error(transparent)]
    #[diagnostic(
        code(gomake::init::io),
        help("`--init` reads what lies in the project to know what to write")
    )]
    Io(#[from] FsError),
    #[error("the Gofile for this project would not be one: {0}")]
    #[diagnostic(
        code(gomake::init::unsound),
        help("this is a mistake of gomake's; nothing was written")
    )]
    Unsound(SyntaxError),
}

/// The Gofile for what lies in `root`, which is absolute and without symlinks.
///
/// # Errors
/// All files that count and cannot be read.
pub fn draft(root: &Path, setting: &Setting) -> Result<Draft, Vec<InitError>> {
    let mut errors = Vec::new();
    let mut survey = walk::survey(root, &mut errors);
    let found = modules::find(root, &survey, setting, &mut errors);
    let programs = c_sources::find(root, &survey, &found, &mut errors);
    let container = container::find(root, &mut survey, &found, &mut errors);
    if !errors.is_empty() {
        return Err(errors.into_iter().map(InitError::Io).collect());
    }
    let place = gofile::Place::new(root, &survey, setting);
    gofile::write(&place, found, programs, container)
        .map_err(|errors| errors.into_iter().map(InitError::Unsound).collect())
}
