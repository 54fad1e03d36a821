//! The command line.

pub mod dotenv;
mod git;
pub mod observe;
mod output;

/// Runs the command line of this process and returns its exit status.
pub fn main() -> std::process::ExitCode {
    std::process::ExitCode::SUCCESS
}
