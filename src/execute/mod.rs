//! Runs actions: processes, signals, the jobserver, and the driver on top of them.

pub mod environment;
pub mod launch;
pub mod output;
pub mod poll;
pub mod process;
pub mod signal;
pub mod slots;
