//! A child by one `clone3`, as glibc's posix_spawn makes them since 2.38, without what older ones do for each: asking and
//! setting 64 signal handlers, mapping a stack and unmapping it again (which stops our other threads), asking for limits. Knows
//! x86-64 and kernels from 5.5 on; elsewhere `spawn` takes posix_spawn.
//!
//! The child runs in our memory and on the stack of the thread that starts it, which waits until the child has become the
//! program or has ended (`CLONE_VFORK`). Whatever may go wrong in Rust when a function returns twice cannot here: the child never
//! leaves the assembly but by a call of [`become_program`], which does not return.
#![expect(
    unsafe_code,
    reason = "a child that shares our memory can only be made by hand"
)]

use crate::execute::spawn::Start;
use rustix::io::Errno;
use rustix::process::{Pid, WaitOptions};
use std::cell::Cell;
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd, BorrowedFd};
use std::ptr;
use std::sync::atomic::{AtomicBool, Ordering};

/// `CLONE_VM`, `CLONE_VFORK` and `CLONE_CLEAR_SIGHAND` of linux/sched.h. A handler of ours that ran in the child would take
/// the child's signal for ours, so there are none; what is ignored stays so.
const FLAGS: u64 = 0x100 | 0x4000 | 0x1_0000_0000;

/// The kernel's `struct clone_args`, as of its first version. The child is on our stack where none is given.
#[derive(Default)]
#[repr(C)]
struct CloneArgs {
    flags: u64,
    pidfd: u64,
    child_tid: u64,
    parent_tid: u64,
    exit_signal: u64,
    stack: u64,
    stack_size: u64,
    tls: u64,
}

const STAYS: libc::c_int = -1;

/// What the child needs, down to pointers.
struct Orders {
    program: *const libc::c_char,
    args: *const *const libc::c_char,
    env: *const *const libc::c_char,
    dir: *const libc::c_char,
    /// Which descriptor becomes which; [`STAYS`]: the one that we have.
    streams: [(libc::c_int, libc::c_int); 3],
    own_group: bool,
    no_signals: libc::sigset_t,
    /// What went wrong; 0 as long as nothing has.
    error: Cell<libc::c_int>,
}

/// None: this kernel, or a sandbox, has no such thing.
///
/// # Errors
/// Of the fork, of the change of directory or of the exec: which one, is not said.
pub fn spawn(start: &Start<'_>) -> Option<io::Result<Pid>> {
    static IS_MISSING: AtomicBool = AtomicBool::new(false);
    if IS_MISSING.load(Ordering::Relaxed) {
        return None;
    }
    let pointers = |texts: &mut dyn Iterator<Item = *const libc::c_char>| {
        texts.chain([ptr::null()]).collect::<Vec<_>>()
    };
    let args = pointers(&mut start.args.iter().map(|arg| arg.as_ptr()));
    let env = pointers(&mut start.env.iter().map(|entry| entry.as_ptr()));
    let number = |fd: Option<BorrowedFd<'_>>| fd.map_or(STAYS, |fd| fd.as_raw_fd());
    let (stdin, output) = (number(start.stdin), number(start.output));
    let orders = Orders {
        program: start.program.as_ptr(),
        args: args.as_ptr(),
        env: env.as_ptr(),
        dir: start.dir.as_ptr(),
        streams: [(stdin, 0), (output, 1), (output, 2)],
        own_group: start.own_group,
        no_signals: no_signals(),
        error: Cell::new(0),
    };
    // SAFETY: `orders` and all that it points to live until the call is over, and the child is gone from our memory by then.
    let found = unsafe { clone_for(&orders) };
    match -found {
        libc::ENOSYS | libc::EINVAL | libc::EPERM => {
            IS_MISSING.store(true, Ordering::Relaxed);
            return None;
        }
        error if error > 0 => return Some(Err(io::Error::from_raw_os_error(error))),
        _ => {}
    }
    let pid = Pid::from_raw(found).expect("a child has a number");
    match orders.error.get() {
        0 => Some(Ok(pid)),
        error => {
            reap(pid);
            Some(Err(io::Error::from_raw_os_error(error)))
        }
    }
}

/// Of a child that has ended, or is about to.
fn reap(pid: Pid) {
    while let Err(Errno::INTR) = rustix::process::waitpid(Some(pid), WaitOptions::empty()) {}
}

fn no_signals() -> libc::sigset_t {
    let mut signals = MaybeUninit::uninit();
    // SAFETY: `sigemptyset` makes a value of the set, and cannot fail on a valid pointer.
    unsafe {
        libc::sigemptyset(signals.as_mut_ptr());
        signals.assume_init()
    }
}

/// The child's number, or an error's, negative.
///
/// # Safety
/// The orders hold valid pointers: C strings, and lists of them that end in null.
unsafe fn clone_for(orders: &Orders) -> libc::c_int {
    let args = CloneArgs {
        flags: FLAGS,
        exit_signal: libc::SIGCHLD as u64,
        ..CloneArgs::default()
    };
    let result: i64;
    // SAFETY: without a stack of its own the child goes on with ours, below what is in use, while we wait; it has registers of its
    // own. It leaves by a call that never returns, so that for the compiler this is a system call that comes back once, and
    // has changed memory.
    unsafe {
        std::arch::asm!(
            "syscall",
            "test rax, rax",
            "jnz 2f",
            "mov rdi, {orders}",
            "call {child}",
            "ud2",
            "2:",
            orders = in(reg) ptr::from_ref(orders),
            child = sym become_program,
            inlateout("rax") libc::SYS_clone3 => result,
            in("rdi") &raw const args,
            in("rsi") size_of::<CloneArgs>(),
            out("rcx") _,
            out("r11") _,
        );
    }
    libc::c_int::try_from(result).unwrap_or(-libc::EINVAL)
}

/// All that the child does. No memory may be asked for and nothing may panic: another thread of ours may hold a lock just now.
extern "C" fn become_program(orders: &Orders) -> ! {
    // SAFETY: system calls only, with the pointers of the orders, which are good.
    unsafe {
        if is_prepared(orders) {
            libc::execve(orders.program, orders.args, orders.env);
        }
        orders.error.set(*libc::__errno_location());
        libc::_exit(127)
    }
}

/// # Safety
/// As [`become_program`], in the child.
unsafe fn is_prepared(orders: &Orders) -> bool {
    // SAFETY: system calls with valid pointers.
    unsafe {
        if orders.own_group && libc::setpgid(0, 0) != 0 {
            return false;
        }
        // Rust ignores it in our own process, and a child would inherit that.
        libc::signal(libc::SIGPIPE, libc::SIG_DFL);
        for (from, to) in orders.streams {
            let done = match from {
                STAYS => 0,
                // In its place already, but closed on exec.
                from if from == to => libc::fcntl(to, libc::F_SETFD, 0),
                from => libc::dup2(from, to),
            };
            if done < 0 {
                return false;
            }
        }
        libc::chdir(orders.dir) == 0
            && libc::sigprocmask(
                libc::SIG_SETMASK,
                &raw const orders.no_signals,
                ptr::null_mut(),
            ) == 0
    }
}
