//! stub
use std::path::Path;
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
#[error("x")]
pub struct DotenvError;
pub fn read(_: &Path, _: &str) -> Result<Vec<(String,String)>, DotenvError> { Ok(vec![]) }
