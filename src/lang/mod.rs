//! Text to spanned tree. Builds nodes only: names are resolved later, in `plan`.

pub mod ast;
pub mod error;
pub mod format;
pub mod parse;
