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
pub mod bind;
mod capture;
pub mod error;
pub mod eval;
mod expression;
pub mod function;
pub mod graph;
pub mod interpolate;
pub mod module;
mod observe;
pub mod query;
pub mod resolve;
pub mod script;
pub mod select;
pub mod settings;
#[cfg(test)]
pub(crate) mod testing;
pub mod value;
