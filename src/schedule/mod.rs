//! Decides what runs next: waiting, ready, running, done. Pure: no clocks, no processes, no threads.

pub mod graph;
pub mod queue;

pub use graph::{Graph, Job};
pub use queue::{Needs, Outcome, PoolId, Schedule, State};
