//! A terminal of its own for a command's output, so that programs keep their colours. Knows nothing of what it says.
//!
//! It is nobody's controlling terminal: signals go by the process group as ever, and closing our side ends nothing. Lines
//! end as the program ends them: the translation of `\n` to `\r\n` is switched off.

use rustix::fs::{Mode, OFlags};
use rustix::pty::OpenptFlags;
use rustix::termios::{OptionalActions, OutputModes, Winsize};
use std::io;
use std::os::fd::OwnedFd;

/// Our side, from which the output is read, and the command's.
pub struct Pty {
    pub ours: OwnedFd,
    pub theirs: OwnedFd,
}

impl Pty {
    /// # Errors
    /// Where the system has none left, or does not let us have one (a container without `/dev/pts`).
    pub fn open((columns, rows): (u16, u16)) -> io::Result<Self> {
        let ours = ours()?;
        rustix::pty::grantpt(&ours)?;
        rustix::pty::unlockpt(&ours)?;
        let name = rustix::pty::ptsname(&ours, Vec::new())?;
        let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC;
        let theirs = rustix::fs::open(name.as_c_str(), flags, Mode::empty())?;
        let mut modes = rustix::termios::tcgetattr(&theirs)?;
        modes.output_modes.remove(OutputModes::OPOST);
        rustix::termios::tcsetattr(&theirs, OptionalActions::Now, &modes)?;
        let size = Winsize {
            ws_row: rows,
            ws_col: columns,
            ws_xpixel: 0,
            ws_ypixel: 0,
        };
        rustix::termios::tcsetwinsize(&theirs, size)?;
        Ok(Self { ours, theirs })
    }
}

#[cfg(target_os = "linux")]
fn ours() -> io::Result<OwnedFd> {
    let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC;
    Ok(rustix::pty::openpt(flags)?)
}

#[cfg(not(target_os = "linux"))]
fn ours() -> io::Result<OwnedFd> {
    let ours = rustix::pty::openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY)?;
    rustix::io::fcntl_setfd(&ours, rustix::io::FdFlags::CLOEXEC)?;
    Ok(ours)
}
