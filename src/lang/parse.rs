//! pest pairs to the syntax tree, statement by statement, so that one mistake does not hide the next.

use crate::lang::ast::File;
use crate::lang::error::SyntaxError;

/// Parses a Gofile whose first byte has the global offset `base`.
/// The tree holds every statement that could be read; the errors are all that could not, in order.
pub fn parse(text: &str, base: u32) -> (File, Vec<SyntaxError>) {
    todo!("{text} {base}")
}
