//! Prints a Gofile in its one form. Idempotent; keeps comments and scripts.

use crate::lang::error::SyntaxError;

/// The formatted text.
///
/// # Errors
/// All syntax errors of the text; a text that does not parse is not formatted.
pub fn format(text: &str) -> Result<String, Vec<SyntaxError>> {
    todo!("{text}")
}
