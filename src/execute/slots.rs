//! GNU make's jobserver, both ways: the slots that running actions hold, shared with a make above or makes below us.
//! Knows nothing of schedules.
//!
//! A slot is a byte in a pipe. As a server we hold as many bytes as there are slots and inherit the pipe to all
//! children: a `make` among them runs its first recipe on the slot that we took for it, and takes bytes for the others.
//! Under a make we have one slot of our own, which no byte stands for, and take a byte for every further action.
//!
//! The protocol is spoken here and not through the `jobserver` crate, whose client on a pipe cannot stop waiting when the
//! run is cancelled, reads the environment by itself, and needs a `pre_exec`, which makes every spawn a fork.

use crate::execute::poll::readable;
use crate::execute::signal::{Cancel, Level};
use rustix::fs::{FileType, Mode, OFlags};
use rustix::io::{Errno, FdFlags};
use std::ffi::OsString;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

/// The slots of this run. Shared by reference between the threads that run actions.
#[derive(Debug)]
pub struct Slots {
    /// What is shared with other processes.
    shared: Pipe,
    /// Under a make: our own slot, as a byte in a pipe of our own.
    own: Option<Pipe>,
    /// What `--jobserver-auth` says to children.
    auth: String,
    limit: Option<usize>,
    /// How many bytes there are when nothing runs. None for a pipe that is not ours.
    served: Option<u64>,
    /// Slots that are held or waited for.
    busy: Mutex<usize>,
    /// Keeps the descriptors that `auth` names open for children.
    _inherited: Option<(OwnedFd, OwnedFd)>,
}

#[derive(Debug)]
struct Pipe {
    read: OwnedFd,
    write: OwnedFd,
    /// A read of the empty pipe waits.
    may_block: bool,
}

/// What every pipe has room for.
const MOST: usize = 4096;

/// A slot that is held; given back when dropped, also by a panic.
#[derive(Debug)]
pub struct Slot<'a> {
    slots: &'a Slots,
    pipe: &'a Pipe,
    byte: u8,
}

impl Slots {
    /// `jobs` slots of our own (from 1 to 4096), which a `make` that an action runs (without a `-j` of its own) shares.
    /// The pipe's descriptors are inherited by everything that is started from now on.
    ///
    /// # Errors
    /// When no pipe can be had.
    pub fn serve(jobs: usize) -> io::Result<Self> {
        let jobs = jobs.clamp(1, MOST);
        let (read, write) = io::pipe()?;
        let (read, write) = (OwnedFd::from(read), OwnedFd::from(write));
        let shared = Pipe::opened_again(read.as_fd(), write.as_fd())?;
        shared.fill(jobs)?;
        rustix::io::fcntl_setfd(&read, FdFlags::empty())?;
        rustix::io::fcntl_setfd(&write, FdFlags::empty())?;
        Ok(Self {
            auth: format!("{},{}", read.as_raw_fd(), write.as_raw_fd()),
            shared,
            own: None,
            limit: Some(jobs),
            served: Some(jobs as u64),
            busy: Mutex::new(0),
            _inherited: Some((read, write)),
        })
    }
    /// Joins the jobserver that `makeflags` (the value of the variable of that name) speaks of. None where it speaks of
    /// none, or of one that we cannot reach, because the recipe lacks a `+`: then [`Slots::serve`] is right.
    pub fn join(makeflags: &str) -> Option<Self> {
        // Variable assignments follow after ` -- `.
        let flags = || {
            makeflags
                .split_ascii_whitespace()
                .take_while(|word| *word != "--")
        };
        let auth = flags()
            .filter_map(|word| {
                word.strip_prefix("--jobserver-auth=")
                    .or(word.strip_prefix("--jobserver-fds="))
            })
            .last()?;
        let shared = match auth.strip_prefix("fifo:") {
            Some(path) => Pipe::from_fifo(path)?,
            None => Pipe::from_numbers(auth)?,
        };
        let jobs = flags()
            .filter_map(|word| word.strip_prefix("-j")?.parse().ok())
            .last();
        Some(Self {
            shared,
            own: Some(Pipe::private().ok()?),
            auth: auth.to_owned(),
            limit: jobs,
            served: None,
            busy: Mutex::new(0),
            _inherited: None,
        })
    }
    /// How many slots there are in all. None under a make that does not say so.
    pub fn limit(&self) -> Option<usize> {
        self.limit
    }
    /// Waits for a slot. None when cancelled, or when a make above us has gone.
    pub fn acquire(&self, cancel: &Cancel) -> Option<Slot<'_>> {
        *self.busy() += 1;
        let slot = self.wait(cancel);
        if slot.is_none() {
            self.rest();
        }
        slot
    }
    /// The variable (`MAKEFLAGS`) that lets a child share the slots; the descriptors it names are inherited.
    pub fn variable(&self) -> (OsString, OsString) {
        // Makes before 4.2 know the older name only. A bare `-j` says that there is a server, not how many jobs it has.
        let flags = format!(" -j --jobserver-fds={0} --jobserver-auth={0}", self.auth);
        (OsString::from("MAKEFLAGS"), OsString::from(flags))
    }
    fn wait(&self, cancel: &Cancel) -> Option<Slot<'_>> {
        loop {
            if cancel.is_cancelled() {
                return None;
            }
            for pipe in self.own.iter().chain([&self.shared]) {
                if let Some(byte) = pipe.take().ok()? {
                    return Some(Slot {
                        slots: self,
                        pipe,
                        byte,
                    });
                }
            }
            let own = self.own.as_ref().map(|own| own.read.as_fd());
            readable(
                [
                    own,
                    Some(self.shared.read.as_fd()),
                    cancel.above(Level::None),
                ],
                None,
            )
            .ok()?;
        }
    }
    /// One less holds or waits. When none is left, slots that a killed `make` took to its grave are made up for.
    fn rest(&self) {
        let mut busy = self.busy();
        *busy -= 1;
        let Some(served) = self.served.filter(|_| *busy == 0) else {
            return;
        };
        let there = rustix::io::ioctl_fionread(&self.shared.read).unwrap_or(served);
        let lost = usize::try_from(served.saturating_sub(there)).unwrap_or(0);
        // Fewer slots are slower, not wrong: nothing to report.
        let _ = self.shared.fill(lost);
    }
    fn busy(&self) -> MutexGuard<'_, usize> {
        self.busy.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Slot<'_> {
    fn drop(&mut self) {
        // The pipe had room for this byte before. If its other end is gone, there is nobody to give it back to.
        let _ = self.pipe.put(self.byte);
        self.slots.rest();
    }
}

impl Pipe {
    /// The same pipe through open files of our own, so that reading without waiting stays our own affair: the flag
    /// belongs to the open file, and GNU make 4.3 gives up when it meets it on the one that it shares with us.
    fn opened_again(read: BorrowedFd<'_>, write: BorrowedFd<'_>) -> io::Result<Self> {
        let open = |fd: BorrowedFd<'_>, way| {
            let path = format!("/proc/self/fd/{}", fd.as_raw_fd());
            rustix::fs::open(
                path,
                way | OFlags::CLOEXEC | OFlags::NONBLOCK,
                Mode::empty(),
            )
        };
        if let (Ok(read), Ok(write)) = (open(read, OFlags::RDONLY), open(write, OFlags::WRONLY)) {
            return Ok(Self {
                read,
                write,
                may_block: false,
            });
        }
        // Not Linux. A byte that another process takes between our poll and our read then makes us wait, deaf to a
        // cancellation, until the next one comes.
        Ok(Self {
            read: read.try_clone_to_owned()?,
            write: write.try_clone_to_owned()?,
            may_block: true,
        })
    }
    /// A pipe that nobody else has, holding one byte.
    fn private() -> io::Result<Self> {
        let (read, write) = io::pipe()?;
        rustix::io::ioctl_fionbio(&read, true)?;
        let pipe = Self {
            read: read.into(),
            write: write.into(),
            may_block: false,
        };
        pipe.fill(1)?;
        Ok(pipe)
    }
    /// GNU make 4.4 and later.
    fn from_fifo(path: &str) -> Option<Self> {
        let open = || {
            // Read and write together never waits for the other end.
            rustix::fs::open(
                path,
                OFlags::RDWR | OFlags::CLOEXEC | OFlags::NONBLOCK,
                Mode::empty(),
            )
        };
        let (read, write) = (open().ok()?, open().ok()?);
        is_pipe(&read).then_some(Self {
            read,
            write,
            may_block: false,
        })
    }
    /// `R,W`: descriptors that a make above us left open, or, without a `+`, did not; then the numbers may be anything's.
    fn from_numbers(auth: &str) -> Option<Self> {
        let (read, write) = auth.split_once(',')?;
        let (read, write) = (
            inherited_pipe(read.parse().ok()?)?,
            inherited_pipe(write.parse().ok()?)?,
        );
        Self::opened_again(read, write).ok()
    }
    fn fill(&self, bytes: usize) -> io::Result<()> {
        (0..bytes).try_for_each(|_| self.put(b'+'))
    }
    /// A byte, or None if there is none right now.
    fn take(&self) -> io::Result<Option<u8>> {
        let mut byte = [0];
        if self.may_block && !readable([Some(self.read.as_fd())], Some(Instant::now()))?[0] {
            return Ok(None);
        }
        loop {
            return match rustix::io::read(&self.read, &mut byte) {
                Ok(0) => Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(_) => Ok(Some(byte[0])),
                Err(Errno::INTR) => continue,
                Err(Errno::AGAIN) => Ok(None),
                Err(error) => Err(error.into()),
            };
        }
    }
    fn put(&self, byte: u8) -> io::Result<()> {
        loop {
            return match rustix::io::write(&self.write, &[byte]) {
                Ok(_) => Ok(()),
                Err(Errno::INTR) => continue,
                Err(error) => Err(error.into()),
            };
        }
    }
}

fn is_pipe(fd: &impl AsFd) -> bool {
    rustix::fs::fstat(fd).is_ok_and(|stat| FileType::from_raw_mode(stat.st_mode) == FileType::Fifo)
}

/// A descriptor by its number, if it is a pipe that we were started with. All that we open ourselves is closed on exec,
/// which tells it apart when make has closed its own and the number now means something else.
fn inherited_pipe(number: RawFd) -> Option<BorrowedFd<'static>> {
    if number < 0 {
        return None;
    }
    #[expect(
        unsafe_code,
        reason = "a number from the environment is all that there is; what it means is checked below"
    )]
    // SAFETY: not -1. A number that is not open is only asked for its flags, and then no more.
    let fd = unsafe { BorrowedFd::borrow_raw(number) };
    let inherited = !rustix::io::fcntl_getfd(fd).ok()?.contains(FdFlags::CLOEXEC);
    (inherited && is_pipe(&fd)).then_some(fd)
}

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests {
    use super::*;
    use crate::base::fs;
    use crate::execute::process::{Group, How, Output, Spawn, Stdin, run};
    use std::collections::BTreeMap;
    use std::path::Path;
    use std::time::Duration;

    /// Set where this test program runs below a make that a test started.
    const BELOW: &str = "GOMAKE_TEST_BELOW_MAKE";

    fn make(
        dir: &Path,
        args: &[&str],
        slots: Option<&Slots>,
        on_chunk: &mut dyn FnMut(&[u8]),
    ) -> How {
        let env = [("PATH", "/usr/local/bin:/usr/bin:/bin"), (BELOW, "1")];
        let env: BTreeMap<OsString, OsString> =
            env.map(|(name, value)| (name.into(), value.into())).into();
        let args: Vec<OsString> = ["-s", "-r"]
            .iter()
            .chain(args)
            .map(OsString::from)
            .collect();
        let spawn = Spawn {
            program: "make".as_ref(),
            args: &args,
            found: None,
            env: (&env).into(),
            dir,
            stdin: Stdin::Null,
            output: Output::Capture(on_chunk),
            group: Group::Own,
            timeout: Some(Duration::from_secs(60)),
            grace: Duration::ZERO,
            cancel: &Cancel::new().unwrap(),
            jobserver: slots,
        };
        run(spawn).unwrap().how
    }
    fn free(slots: &Slots) -> u64 {
        rustix::io::ioctl_fionread(&slots.shared.read).unwrap()
    }

    #[test]
    fn slots_are_counted_and_a_wait_for_one_can_be_cancelled() {
        let (slots, cancel) = (Slots::serve(2).unwrap(), Cancel::new().unwrap());
        assert_eq!(slots.limit(), Some(2));
        let held = [slots.acquire(&cancel), slots.acquire(&cancel)];
        assert!(held.iter().all(Option::is_some) && free(&slots) == 0);
        std::thread::scope(|scope| {
            let third = scope.spawn(|| slots.acquire(&cancel).is_some());
            cancel.request(Level::Polite);
            assert!(!third.join().unwrap());
        });
        drop(held);
        assert_eq!(free(&slots), 2);
    }

    #[test]
    fn a_slot_that_comes_back_is_handed_to_who_waits() {
        let (slots, cancel) = (Slots::serve(1).unwrap(), Cancel::new().unwrap());
        let held = slots.acquire(&cancel).unwrap();
        std::thread::scope(|scope| {
            let waits = scope.spawn(|| slots.acquire(&cancel).is_some());
            drop(held);
            assert!(waits.join().unwrap());
        });
        let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            let _held = slots.acquire(&cancel).unwrap();
            panic!("while it holds a slot");
        }));
        assert!(panicked.is_err());
        assert_eq!(free(&slots), 1);
    }

    #[test]
    fn slots_lost_by_a_killed_child_are_made_up_for() {
        let (slots, cancel) = (Slots::serve(3).unwrap(), Cancel::new().unwrap());
        let held = slots.acquire(&cancel).unwrap();
        assert_eq!(
            slots.shared.take().unwrap(),
            Some(b'+'),
            "as a make below would"
        );
        drop(held);
        assert_eq!(free(&slots), 3);
    }

    /// Six recipes that wait at a gate, which opens when as many run as may; says how many ran at once at most.
    fn most_at_once(slots: &Slots, expected: usize) -> usize {
        let dir = tempfile::tempdir().unwrap();
        let makefile = "all: 1 2 3 4 5 6\n1 2 3 4 5 6:\n\techo start; read line < gate; echo end\n";
        fs::write_atomic(&dir.path().join("Makefile"), makefile.as_bytes()).unwrap();
        let gate = dir.path().join("gate");
        rustix::fs::mknodat(
            rustix::fs::CWD,
            &gate,
            FileType::Fifo,
            Mode::RUSR | Mode::WUSR,
            0,
        )
        .unwrap();
        let gate = rustix::fs::open(&gate, OFlags::RDWR | OFlags::CLOEXEC, Mode::empty()).unwrap();
        let (mut text, mut most, mut opened) = (String::new(), 0, false);
        let mut on_chunk = |chunk: &[u8]| {
            for byte in chunk {
                text.push(char::from(*byte));
                let running = text.matches("start").count() - text.matches("end").count();
                most = most.max(running);
                if running == expected && !opened {
                    opened = true;
                    rustix::io::write(&gate, b"\n\n\n\n\n\n").unwrap();
                }
            }
        };
        let how = make(dir.path(), &[], Some(slots), &mut on_chunk);
        assert_eq!(
            (how, text.matches("end").count()),
            (How::Exit(0), 6),
            "{text}"
        );
        most
    }

    #[test]
    fn a_make_below_shares_our_slots() {
        let (slots, cancel) = (Slots::serve(3).unwrap(), Cancel::new().unwrap());
        let for_make = slots.acquire(&cancel).unwrap();
        assert_eq!(most_at_once(&slots, 3), 3);
        let for_another = slots.acquire(&cancel).unwrap();
        assert_eq!(most_at_once(&slots, 2), 2);
        assert_eq!(free(&slots), 1);
        drop((for_make, for_another));
        assert_eq!(free(&slots), 3);
    }

    #[test]
    fn below_a_make_we_share_its_slots() {
        let dir = tempfile::tempdir().unwrap();
        let me = std::env::current_exe().unwrap();
        let call = format!(
            "{} --exact execute::slots::tests::below --ignored --nocapture",
            me.display()
        );
        let makefile = format!("with:\n\t+{call}\nwithout:\n\t{call}\n");
        fs::write_atomic(&dir.path().join("Makefile"), makefile.as_bytes()).unwrap();
        let said = |args: &[&str]| {
            let mut text = Vec::new();
            let how = make(dir.path(), args, None, &mut |chunk| {
                text.extend_from_slice(chunk)
            });
            let text = String::from_utf8(text).unwrap();
            assert_eq!(how, How::Exit(0), "{text}");
            text.lines()
                .find_map(|line| Some(line.split_once("slots: ")?.1.to_owned()))
                .unwrap()
        };
        assert_eq!(said(&["-j3", "with"]), "3 of Some(3), 3 again");
        assert_eq!(said(&["-j3", "without"]), "no server");
        assert_eq!(said(&["with"]), "no server");
    }

    #[test]
    #[ignore = "run by a make that another test starts"]
    #[expect(
        clippy::disallowed_methods,
        reason = "make speaks to this test by its environment"
    )]
    fn below() {
        if std::env::var_os(BELOW).is_none() {
            return;
        }
        // As in a real run, pipes of our own may have the numbers of what make closed.
        let cancel = Cancel::new().unwrap();
        let Some(slots) = std::env::var("MAKEFLAGS")
            .ok()
            .and_then(|flags| Slots::join(&flags))
        else {
            println!("slots: no server");
            return;
        };
        let there = || {
            let held: Vec<Slot<'_>> = (0..3).map(|_| slots.acquire(&cancel).unwrap()).collect();
            let more = slots
                .own
                .iter()
                .chain([&slots.shared])
                .any(|pipe| pipe.take().unwrap().is_some());
            held.len() + usize::from(more)
        };
        println!(
            "slots: {} of {:?}, {} again",
            there(),
            slots.limit(),
            there()
        );
    }

    #[test]
    fn what_is_no_server_is_not_joined() {
        let cancel_pipe = io::pipe().unwrap();
        let ours = format!("-j2 --jobserver-auth={0},{0}", cancel_pipe.0.as_raw_fd());
        for flags in [
            "",
            "-j4",
            "--jobserver-auth=-2,-2",
            "--jobserver-auth=fifo:/nowhere",
            "--jobserver-auth=x",
            "-- --jobserver-auth=0,1",
            &ours,
        ] {
            assert!(Slots::join(flags).is_none(), "{flags}");
        }
    }
}
