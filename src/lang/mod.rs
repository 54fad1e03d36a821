//! Text to spanned tree. Builds nodes only: names are resolved later, in `plan`.

pub mod ast;
pub mod error;
mod expected;
pub mod format;
pub mod meaning;
mod node;
mod outline;
pub mod parse;
mod scan;
mod script;
pub mod shape;
mod stencil;
mod tree;

#[cfg(test)]
mod tests;
