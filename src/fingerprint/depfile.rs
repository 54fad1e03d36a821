//! Make-format dependency files, as gcc, clang and others write them with `-MD`. Reads only what is depended on: the
//! targets of a rule are known from the Gofile. Pure.

use std::path::PathBuf;

/// Why a text is not a dependency file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DepfileError {
    #[error("line {line} has no `:` between targets and what they depend on")]
    NoColon { line: usize },
    #[error("line {line} holds a NUL byte")]
    Nul { line: usize },
}

/// The prerequisites of all rules, each once, in the order found. Names may be any bytes but NUL.
///
/// # Errors
/// When a rule has no colon or the text holds a NUL byte.
pub fn parse(bytes: &[u8]) -> Result<Vec<PathBuf>, DepfileError> {
    let _ = bytes;
    todo!()
}
