//! Image targets: built from files by gomake itself, or by an engine from a Dockerfile; then loaded and pushed. The formats
//! are those of `image`, the conversation with registries is that of `registry`; here they meet a project's targets.

mod base;
mod build;
mod context;
mod dockerfile;
mod load;
mod programs;
mod push;
mod sources;

pub use base::Images;
pub use load::load;
pub use push::push;
