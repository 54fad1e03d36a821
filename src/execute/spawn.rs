//! The system call's face: starts a program whose path is known, with descriptors that are open already. Knows no PATH, no
//! pipes, no targets; `launch` puts together what is handed over here.
//!
//! std's `Command` comes to the same posix_spawn, but copies the environment twice on the way, opens `/dev/null` and
//! duplicates the pipe for each command: docs/design/execution.md says what that came to.

#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
mod straight;

use rustix::process::Pid;
use std::borrow::Cow;
use std::ffi::{CStr, CString};
use std::io;
use std::os::fd::BorrowedFd;

/// What is started, down to the last detail.
pub(super) struct Start<'a> {
    /// Absolute.
    pub program: &'a CStr,
    /// With the name that the program is called by in front.
    pub args: &'a [CString],
    /// `NAME=value`, and nothing else.
    pub env: &'a [Cow<'a, CStr>],
    /// Absolute.
    pub dir: &'a CStr,
    /// Ours where there is none.
    pub stdin: Option<BorrowedFd<'a>>,
    /// Standard output and error. Ours where there is none.
    pub output: Option<BorrowedFd<'a>>,
    /// A process group of its own.
    pub own_group: bool,
}

#[cfg(target_os = "linux")]
mod system {
    #![expect(
        unsafe_code,
        reason = "posix_spawn has no safe face that takes an environment as it is"
    )]

    use super::{Pid, Start};
    use std::io;
    use std::mem::MaybeUninit;
    use std::os::fd::AsRawFd;
    use std::ptr;

    /// # Errors
    /// Of the fork, of the change of directory or of the exec: which one, the system does not say.
    pub fn spawn(start: &Start<'_>) -> io::Result<Pid> {
        let (attributes, actions) = (Attributes::of(start)?, Actions::of(start)?);
        let args = start.args.iter().map(|arg| arg.as_ptr().cast_mut());
        let args: Vec<*mut libc::c_char> = args.chain([ptr::null_mut()]).collect();
        let env = start.env.iter().map(|entry| entry.as_ptr().cast_mut());
        let env: Vec<*mut libc::c_char> = env.chain([ptr::null_mut()]).collect();
        let mut pid = 0;
        // SAFETY: all pointers are to initialised values that outlive the call, which changes none but `pid`; both lists end
        // in null, and what they hold are C strings.
        let result = unsafe {
            libc::posix_spawn(
                &raw mut pid,
                start.program.as_ptr(),
                &raw const actions.0,
                &raw const attributes.0,
                args.as_ptr(),
                env.as_ptr(),
            )
        };
        told(result)?;
        Ok(Pid::from_raw(pid).expect("a child has a number"))
    }

    fn told(result: libc::c_int) -> io::Result<()> {
        match result {
            0 => Ok(()),
            error => Err(io::Error::from_raw_os_error(error)),
        }
    }

    struct Attributes(libc::posix_spawnattr_t);

    impl Attributes {
        fn of(start: &Start<'_>) -> io::Result<Self> {
            let mut attributes = MaybeUninit::uninit();
            // SAFETY: `init` makes a value of it, or fails.
            let mut it = unsafe {
                told(libc::posix_spawnattr_init(attributes.as_mut_ptr()))?;
                Self(attributes.assume_init())
            };
            let mut flags = libc::POSIX_SPAWN_SETSIGDEF | libc::POSIX_SPAWN_SETSIGMASK;
            if start.own_group {
                flags |= libc::POSIX_SPAWN_SETPGROUP;
            }
            let mut signals = MaybeUninit::uninit();
            // SAFETY: `sigemptyset` makes a value of the set, and cannot fail on a valid pointer; all others are given
            // initialised values. A process group of 0 is a new one.
            unsafe {
                libc::sigemptyset(signals.as_mut_ptr());
                told(libc::posix_spawnattr_setsigmask(
                    &raw mut it.0,
                    signals.as_ptr(),
                ))?;
                // Rust ignores it in our own process, and a child would inherit that.
                libc::sigaddset(signals.as_mut_ptr(), libc::SIGPIPE);
                told(libc::posix_spawnattr_setsigdefault(
                    &raw mut it.0,
                    signals.as_ptr(),
                ))?;
                told(libc::posix_spawnattr_setpgroup(&raw mut it.0, 0))?;
                let flags = libc::c_short::try_from(flags).expect("the flags are few");
                told(libc::posix_spawnattr_setflags(&raw mut it.0, flags))?;
            }
            Ok(it)
        }
    }

    impl Drop for Attributes {
        fn drop(&mut self) {
            // SAFETY: it was initialised, and nobody uses it any more.
            unsafe { libc::posix_spawnattr_destroy(&raw mut self.0) };
        }
    }

    struct Actions(libc::posix_spawn_file_actions_t);

    impl Actions {
        fn of(start: &Start<'_>) -> io::Result<Self> {
            let mut actions = MaybeUninit::uninit();
            // SAFETY: `init` makes a value of it, or fails.
            let mut it = unsafe {
                told(libc::posix_spawn_file_actions_init(actions.as_mut_ptr()))?;
                Self(actions.assume_init())
            };
            for (from, to) in [(start.stdin, 0), (start.output, 1), (start.output, 2)] {
                let Some(from) = from else { continue };
                // SAFETY: the list is initialised; `start` keeps the descriptor open until the child has it.
                told(unsafe {
                    libc::posix_spawn_file_actions_adddup2(&raw mut it.0, from.as_raw_fd(), to)
                })?;
            }
            // SAFETY: the list is initialised, and copies the path.
            told(unsafe {
                libc::posix_spawn_file_actions_addchdir_np(&raw mut it.0, start.dir.as_ptr())
            })?;
            Ok(it)
        }
    }

    impl Drop for Actions {
        fn drop(&mut self) {
            // SAFETY: it was initialised, and nobody uses it any more.
            unsafe { libc::posix_spawn_file_actions_destroy(&raw mut self.0) };
        }
    }
}

#[cfg(not(target_os = "linux"))]
mod system {
    use super::{Pid, Start};
    use std::ffi::OsStr;
    use std::io;
    use std::os::unix::ffi::OsStrExt;
    use std::os::unix::process::CommandExt;
    use std::process::{Command, Stdio};

    /// # Errors
    /// As the system says.
    pub fn spawn(start: &Start<'_>) -> io::Result<Pid> {
        let word = |text: &'_ std::ffi::CStr| OsStr::from_bytes(text.to_bytes()).to_owned();
        let mut command = Command::new(word(start.program));
        let mut args = start.args.iter().map(|arg| word(arg));
        command.arg0(args.next().unwrap_or_default());
        command
            .args(args)
            .current_dir(word(start.dir))
            .env_clear()
            .envs(start.env.iter().filter_map(|entry| {
                let at = entry.to_bytes().iter().position(|byte| *byte == b'=')?;
                let (name, value) = entry.to_bytes().split_at(at);
                Some((
                    OsStr::from_bytes(name).to_owned(),
                    OsStr::from_bytes(&value[1..]).to_owned(),
                ))
            }));
        if start.own_group {
            command.process_group(0);
        }
        if let Some(stdin) = start.stdin {
            command.stdin(Stdio::from(stdin.try_clone_to_owned()?));
        }
        if let Some(output) = start.output {
            command
                .stdout(Stdio::from(output.try_clone_to_owned()?))
                .stderr(Stdio::from(output.try_clone_to_owned()?));
        }
        Ok(Pid::from_child(&command.spawn()?))
    }
}

/// Starts it. The child is the caller's to reap.
///
/// # Errors
/// As the system says; the child is gone then.
pub(super) fn spawn(start: &Start<'_>) -> io::Result<Pid> {
    #[cfg(all(target_os = "linux", target_arch = "x86_64"))]
    if let Some(spawned) = straight::spawn(start) {
        return spawned;
    }
    system::spawn(start)
}
