//! The command line: from the words of a call to one of the modes, and to an exit status.

pub mod args;
pub mod complete;
pub mod dotenv;
pub mod draw;
pub mod fault;
pub mod fmt;
pub mod list;
pub mod load;
pub mod observe;
pub mod plan;
pub mod run;
pub mod session;
pub mod settings;

use crate::base::source::Sources;
use crate::cli::args::{Args, CacheCommand};
use crate::cli::fault::Fault;
use crate::cli::load::{Loaded, load};
use crate::cli::observe::Observer;
use crate::cli::run::Call;
use crate::cli::settings::Environment;
use crate::plan::eval::Running;
use crate::report::{Reporter, Sinks};
use std::process::ExitCode;

/// Exit status where the Gofile or the call is wrong.
const WRONG: u8 = 2;

pub mod args;
pub mod load;
pub mod settings;

/// Runs the command line of this process and returns its exit status.
pub fn main() -> ExitCode {
    let env = match Environment::capture() {
        Ok(env) => env,
        Err(error) => return tell_plainly(&error.to_string()),
    };
    match Args::read(std::env::args_os()) {
        Ok(args) => ExitCode::from(App { args: &args, env: &env, out: Sinks::standard() }.run()),
        Err(error) => {
            let status = u8::try_from(error.exit_code()).unwrap_or(WRONG);
            // A closed pipe leaves nobody to tell.
            let _ = error.print();
            ExitCode::from(status)
        }
    }
}

fn tell_plainly(message: &str) -> ExitCode {
    Sinks::standard().err.write(format!("gomake: {message}\n").as_bytes());
    ExitCode::from(WRONG)
}

/// One call.
struct App<'a> {
    args: &'a Args,
    env: &'a Environment,
    out: Sinks,
}
