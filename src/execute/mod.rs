//! Runs actions: the driver over the schedule, and below it processes, signals and the jobserver.

pub mod check;
pub mod clean;
pub mod clock;
pub mod command;
pub mod declared;
pub mod drive;
pub mod engine;
pub mod environment;
pub mod expand;
pub mod forecast;
pub mod image;
pub mod launch;
pub mod live;
pub mod outcome;
pub mod output;
mod ownership;
pub mod past;
pub mod perform;
pub mod poll;
pub mod process;
pub mod project;
pub mod signal;
pub mod slots;
pub mod span;
pub mod test_report;
mod tests_told;
pub mod wanted;
