//! The command line.

pub mod args;
pub mod complete;
pub mod draw;
pub mod fmt;
pub mod list;
pub mod load;
pub mod settings;

/// Runs the command line of this process and returns its exit status.
pub fn main() -> std::process::ExitCode {
    std::process::ExitCode::SUCCESS
}
