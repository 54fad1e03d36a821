//! Syntax tree plus what was observed, to the resolved graph. Pure: whatever must be known of the world is asked
//! for as a [`query::Query`] and comes back as data.
//!
//! ```text
//! trees + answers -> resolve() -> Graph            (targets, instances, edges: what exists and what orders what)
//! Graph + answers -> bind()    -> Action           (one target with its values: what runs, and in which environment)
//! ```
//!
//! A pass that meets an unanswered query goes on with [`value::Value::Unknown`], and hands back every query it
//! met; the caller answers them, in parallel, and asks again.

pub mod action;
pub mod base_variable;
pub mod bind;
mod body;
mod capture;
#[cfg(test)]
mod case;
#[cfg(test)]
mod case_bind;
#[cfg(test)]
mod case_image;
#[cfg(test)]
mod case_service;
mod check;
mod claim;
pub mod environment;
pub mod error;
pub mod eval;
mod expression;
mod file;
#[cfg(test)]
mod fixture;
pub mod function;
mod go;
mod goedge;
mod goenv;
pub mod graph;
pub mod image;
mod instance;
pub mod interpolate;
pub mod limit;
pub mod module;
pub mod name;
mod named;
mod namespace;
mod observe;
mod order;
mod overlap;
mod place;
pub mod query;
pub mod resolve;
pub mod script;
pub mod select;
pub mod service;
pub mod settings;
mod target;
#[cfg(test)]
pub(crate) mod testing;
mod tool;
mod uncounted;
pub mod value;
mod word;
