//! Go's own knowledge: the import graph becomes inputs, the toolchain becomes an identity, a `go { }` block
//! becomes a command. Pure but for its tests: nothing here starts `go`; the caller runs it and hands over what it said.

pub mod build_files;
pub mod buildinfo;
pub mod cacheprog;
pub mod cgo;
pub mod command;
pub mod constraint;
pub mod declarations;
pub mod directory;
pub mod flags;
pub mod header;
pub mod list;
pub mod listing;
pub mod modfile;
pub mod package;
pub mod place;
pub mod quoted;
pub mod rests;
pub mod static_binary;
pub mod testing;
pub mod toolchain;
