//! Words of the command line to targets: names, instances with `*`, kinds, and `name=value`.

use crate::plan::graph::{Graph, TargetId};
use crate::plan::resolve::Request;

/// A word that selects nothing.
#[derive(Debug, Clone, thiserror::Error, miette::Diagnostic)]
pub enum SelectError {
    #[error("there is no target `{word}`")]
    #[diagnostic(code(gomake::select::unknown_target))]
    UnknownTarget {
        word: String,
        #[help]
        help: Option<String>,
    },
}

/// The command line's words after the options: `name=value` split from the rest, as data for [`Request`].
/// Done before resolving, from the trees alone; unknown names are found by [`select`].
pub fn read_words(
    modules: &crate::plan::module::Modules,
    words: &[String],
) -> Result<(Request, Vec<String>), Vec<SelectError>> {
    todo!("{modules:?} {words:?}")
}

/// The targets that the words name, in stages: a `clean` is a barrier between what stands before and after it.
/// No words: the default.
pub fn select(graph: &Graph, words: &[String]) -> Result<Vec<Vec<TargetId>>, Vec<SelectError>> {
    todo!("{graph:?} {words:?}")
}
