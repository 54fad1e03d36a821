//! gomake as the program that starts test binaries for the Go tool: adds the flag that has them log what they look at, and becomes the
//! test binary. It stays the process that the Go tool started, so that signals and the exit status need no care.

use crate::base::fs;
use crate::execute::gotest::exec::start_of;
use std::ffi::OsString;
use std::io::Write;
use std::os::unix::process::CommandExt;
use std::process::Command;

/// As a shell says that a program could not be started.
const NOT_STARTED: u8 = 126;

/// Becomes the test binary that the words name, and returns the exit status only where that failed.
pub fn become_test(words: &[OsString]) -> u8 {
    let here = std::env::current_dir().map_err(|error| error.to_string());
    let dir = here.and_then(|here| fs::canonical(&here).map_err(|error| error.to_string()));
    let why = match dir {
        Ok(dir) => match start_of(words, &dir) {
            Some((program, args)) => {
                let error = Command::new(&program).args(args).exec();
                format!("cannot run {}: {error}", program.display())
            }
            None => "there is no test binary to run".to_owned(),
        },
        Err(why) => why,
    };
    // The Go tool takes it for the test's own words.
    let _ = writeln!(std::io::stderr(), "gomake: {why}");
    NOT_STARTED
}
