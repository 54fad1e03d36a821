//! What can be wrong with a Gofile's text.

use crate::base::source::Span;
use miette::Diagnostic;
use thiserror::Error;

/// A mistake in the text. The caller attaches the [`crate::base::source::Sources`] when it renders one.
#[derive(Debug, Clone, Error, Diagnostic)]
pub enum SyntaxError {
    #[error("expected {expected}")]
    #[diagnostic(code(gomake::syntax::unexpected))]
    Unexpected {
        expected: String,
        #[label("here")]
        span: Span,
        #[help]
        help: Option<String>,
    },
}
