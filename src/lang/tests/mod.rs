//! Tests of the whole way from text to tree and back.

mod diagnostics;
mod limits;
mod properties;
mod situations;

use crate::lang::parse::parse;
use crate::lang::shape::shape;

/// The shape of a text that must parse.
fn read(text: &str) -> String {
    let (file, errors) = parse(text, 0);
    assert!(errors.is_empty(), "{text}\n{errors:#?}");
    shape(&file)
}

/// The codes of a text's mistakes, without their common beginning.
fn codes(text: &str) -> Vec<String> {
    let (_, errors) = parse(text, 0);
    errors.iter().map(code).collect()
}

fn code(error: &crate::lang::error::SyntaxError) -> String {
    let code = miette::Diagnostic::code(error)
        .expect("every mistake has a code")
        .to_string();
    code.strip_prefix("gomake::syntax::")
        .expect("of this layer")
        .to_owned()
}
