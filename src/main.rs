//! The thin binary: calls the command line, sets the exit status.
#![cfg_attr(all(not(test), target_os = "linux", target_env = "gnu"), no_main)]

#[cfg(not(all(not(test), target_os = "linux", target_env = "gnu")))]
fn main() -> std::process::ExitCode {
    gomake::cli::main().into()
}

/// The start of the process without what Rust's runtime does before `main`, the parts aside that we need. Left out is its
/// handler that names an overflow of the stack: to set it up, it has the kernel print the memory map and the C library read it,
/// which takes as long as half of a call that has nothing to run (docs/design/startup.md). An overflow is still a SIGSEGV, and
/// what nests deeply here brings its own stack.
///
/// Elsewhere than on Linux with glibc the runtime is what hands over the arguments, and starts us.
#[cfg(all(not(test), target_os = "linux", target_env = "gnu"))]
mod start {
    use rustix::event::{PollFd, PollFlags, poll};
    use rustix::fs::{Mode, OFlags, open};
    use std::ffi::c_int;
    use std::os::fd::IntoRawFd;

    /// As the runtime's own.
    const PANICKED: c_int = 101;

    #[expect(
        unsafe_code,
        reason = "the C library calls a function of this name; no other is linked"
    )]
    #[unsafe(no_mangle)]
    extern "C" fn main() -> c_int {
        open_standard_streams();
        ignore_closed_pipes();
        // No panic may cross into C. Its message has been printed by then.
        let status = std::panic::catch_unwind(gomake::cli::main).map_or(PANICKED, c_int::from);
        // Flushes what Rust's standard streams hold, as returning would not.
        std::process::exit(status)
    }

    /// Where a standard stream is closed, the next file that is opened would take its place, and get what is printed.
    fn open_standard_streams() {
        let (stdin, stdout, stderr) = (
            rustix::stdio::stdin(),
            rustix::stdio::stdout(),
            rustix::stdio::stderr(),
        );
        let mut streams =
            [&stdin, &stdout, &stderr].map(|stream| PollFd::new(stream, PollFlags::empty()));
        let now = rustix::time::Timespec {
            tv_sec: 0,
            tv_nsec: 0,
        };
        if poll(&mut streams, Some(&now)).is_err() {
            return;
        }
        // A file takes the lowest number that is free.
        for _ in streams
            .iter()
            .filter(|stream| stream.revents().contains(PollFlags::NVAL))
        {
            if let Ok(null) = open("/dev/null", OFlags::RDWR, Mode::empty()) {
                let _ = null.into_raw_fd();
            }
        }
    }

    /// A pipe that nobody reads any more is an error of the write.
    #[expect(unsafe_code, reason = "a call into the C library")]
    fn ignore_closed_pipes() {
        // SAFETY: SIG_IGN runs no code of ours, and no other thread exists yet.
        unsafe { libc::signal(libc::SIGPIPE, libc::SIG_IGN) };
    }
}
