//! The Gofiles of a run: the root and its includes, parsed.

use crate::base::ids::IdVec;
use crate::base::path::ProjectPath;
use crate::base::source::Span;
use crate::dense_id;
use crate::lang::ast;

dense_id! {
    /// A Gofile in its place: the same file included twice is two modules.
    ModuleId
}

/// The root is the first.
#[derive(Debug, Default)]
pub struct Modules {
    pub modules: IdVec<ModuleId, Module>,
}

#[derive(Debug)]
pub struct Module {
    pub tree: ast::File,
    /// The directory that the file's paths are relative to.
    pub dir: ProjectPath,
    /// `""` for the root, `"api:"`, `"api:db:"`.
    pub prefix: String,
    pub includes: Vec<Included>,
}

/// An include that was found and parsed.
#[derive(Debug)]
pub struct Included {
    pub alias: String,
    pub module: ModuleId,
    /// `with { name = value }`; evaluated in the including module.
    pub with: Vec<ast::Entry>,
    pub span: Span,
}

impl Modules {
    pub const ROOT: ModuleId = ModuleId(0);
}
