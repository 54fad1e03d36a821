//! What can be wrong with a Gofile that parses.

use crate::base::source::Span;
use miette::Diagnostic;
use thiserror::Error;

#[derive(Debug, Clone, Error, Diagnostic)]
pub enum PlanError {
    #[error("there is no `{name}` here")]
    #[diagnostic(code(gomake::plan::unknown_name))]
    UnknownName {
        name: String,
        #[label("not a let, a parameter, a `for` variable or a target")]
        span: Span,
        #[help]
        help: Option<String>,
    },
}

/// Something legal that is probably not meant; shown by `--check`.
#[derive(Debug, Clone, Error, Diagnostic)]
pub enum Lint {
    #[error("`!{pattern}` excludes nothing")]
    #[diagnostic(code(gomake::lint::idle_exclusion), severity(Warning))]
    IdleExclusion {
        pattern: String,
        #[label("matches no file of these inputs")]
        span: Span,
    },
}
