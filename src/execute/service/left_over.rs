//! Which process a service is, on disk: a gomake that is killed leaves its services running, and the next one that needs such
//! a service ends what was left. A process id alone proves nothing, since ids are given out again: the moment of the process's
//! start and the boot belong to it. On systems that do not tell them, nothing is recorded and nothing is ended.

use crate::base::fs;
use crate::base::host::boot_id;
use crate::execute::command::RUNNING_VARIABLE;
use rustix::process::{Pid, Signal};
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Between looks at a group that was asked to end: nothing tells when one that is no child of ours has gone.
const LOOK: Duration = Duration::from_millis(10);

/// A process for all time.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Identity {
    pid: i32,
    /// Clock ticks since boot.
    start: u64,
    boot: String,
}

impl Identity {
    fn of(pid: Pid) -> Option<Self> {
        let pid = pid.as_raw_nonzero().get();
        Some(Self {
            pid,
            start: Stat::of(pid)?.start,
            boot: boot_id()?,
        })
    }
    fn read(text: &str) -> Option<Self> {
        let mut words = text.split_whitespace();
        Some(Self {
            pid: words.next()?.parse().ok().filter(|pid| *pid > 1)?,
            start: words.next()?.parse().ok()?,
            boot: words.next()?.to_owned(),
        })
    }
    fn text(&self) -> String {
        format!("{} {} {}\n", self.pid, self.start, self.boot)
    }
}

/// What `/proc/PID/stat` says (proc_pid_stat(5)).
#[derive(Debug, PartialEq, Eq)]
struct Stat {
    is_zombie: bool,
    group: i32,
    start: u64,
}

impl Stat {
    fn of(pid: i32) -> Option<Self> {
        Self::read(&fs::read_text(Path::new(&format!("/proc/{pid}/stat"))).ok()?)
    }
    /// The name in the second column may hold blanks and parentheses; what follows the last one are the state (column 3), the
    /// group (5) and the start (22).
    fn read(text: &str) -> Option<Self> {
        let (_, rest) = text.rsplit_once(") ")?;
        let columns: Vec<&str> = rest.split_whitespace().collect();
        Some(Self {
            is_zombie: matches!(*columns.first()?, "Z" | "X"),
            group: columns.get(2)?.parse().ok()?,
            start: columns.get(19)?.parse().ok()?,
        })
    }
}

/// Where a service's process is recorded.
#[derive(Debug, Clone)]
pub struct PidFile(pub PathBuf);

impl PidFile {
    /// The process, and below it the gomake that looks after it. What cannot be recorded is only not found again.
    pub fn write(&self, pid: Pid) {
        if let (Some(service), Some(owner)) = (Identity::of(pid), us()) {
            let text = service.text() + &owner.text();
            let _ = fs::write_atomic(&self.0, text.as_bytes());
        }
    }

    /// Forgets what we recorded; another gomake's service is not ours to forget.
    pub fn remove(&self) {
        if self.read().is_none_or(|(_, owner)| owner == us()) {
            let _ = fs::remove_file(&self.0);
        }
    }

    fn read(&self) -> Option<(Identity, Option<Identity>)> {
        let text = fs::read_text(&self.0).ok()?;
        let mut lines = text.lines();
        let service = Identity::read(lines.next()?)?;
        Some((service, lines.next().and_then(Identity::read)))
    }

    /// Ends what a killed gomake left of the service: TERM, a grace, KILL. Returns the id of the process that it was, if there
    /// was something to end.
    ///
    /// # Errors
    /// The id of the gomake that has the service up, where that one lives: it watches, say, and nothing is left over.
    pub fn end_left_over(&self, root: &Path, grace: Duration) -> Result<Option<i32>, i32> {
        let found = self.read().filter(|(left, _)| is_ours(left, root));
        if let Some((_, Some(owner))) = &found
            && found_alive(owner)
            && us().as_ref() != Some(owner)
        {
            return Err(owner.pid);
        }
        if let Some((left, _)) = &found {
            end(left.pid, grace);
        }
        let _ = fs::remove_file(&self.0);
        Ok(found.map(|(left, _)| left.pid))
    }
}

fn us() -> Option<Identity> {
    Identity::of(rustix::process::getpid())
}

fn found_alive(who: &Identity) -> bool {
    boot_id().as_ref() == Some(&who.boot)
        && Stat::of(who.pid).is_some_and(|stat| !stat.is_zombie && stat.start == who.start)
}

/// Whether the group of this number is still the one that was recorded. Where its first process is gone, the others are known
/// by what a command of ours has in its environment.
fn is_ours(left: &Identity, root: &Path) -> bool {
    if boot_id().as_ref() != Some(&left.boot) {
        return false;
    }
    match Stat::of(left.pid) {
        Some(stat) if !stat.is_zombie => stat.start == left.start && stat.group == left.pid,
        _ => members(left.pid).iter().any(|pid| runs_in(*pid, root)),
    }
}

/// The living processes of a group.
fn members(group: i32) -> Vec<i32> {
    let processes = fs::list_dir(Path::new("/proc")).unwrap_or_default();
    let pids = processes
        .iter()
        .filter_map(|entry| entry.name.to_str()?.parse().ok());
    pids.filter(|pid| Stat::of(*pid).is_some_and(|stat| stat.group == group && !stat.is_zombie))
        .collect()
}

fn runs_in(pid: i32, root: &Path) -> bool {
    let environment = fs::read(Path::new(&format!("/proc/{pid}/environ"))).unwrap_or_default();
    let prefix = format!("{RUNNING_VARIABLE}=");
    let mut variables = environment.split(|byte| *byte == 0);
    variables.any(|variable| {
        let roots = variable.strip_prefix(prefix.as_bytes());
        roots.is_some_and(|roots| {
            std::env::split_paths(OsStr::from_bytes(roots)).any(|running| running == root)
        })
    })
}

fn end(group: i32, grace: Duration) {
    let Some(pid) = Pid::from_raw(group) else {
        return;
    };
    for (signal, patience) in [
        (Signal::TERM, grace),
        (Signal::KILL, Duration::from_secs(5)),
    ] {
        let _ = rustix::process::kill_process_group(pid, signal);
        // One that is stopped must wake up to take it.
        let _ = rustix::process::kill_process_group(pid, Signal::CONT);
        let until = Instant::now() + patience;
        while Instant::now() < until {
            if members(group).is_empty() {
                return;
            }
            std::thread::sleep(LOOK);
        }
    }
}

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests {
    use super::*;
    use std::os::unix::process::CommandExt;
    use std::process::{Child, Command};

    fn started(root: &Path, script: &str) -> Child {
        Command::new("sh")
            .args(["-c", script])
            .env(RUNNING_VARIABLE, root)
            // What a failed test leaves must not hold the output that somebody waits for the end of.
            .stdout(std::process::Stdio::null())
            .stderr(std::process::Stdio::null())
            .process_group(0)
            .spawn()
            .unwrap()
    }
    /// With a reaper, as the init process is one for what was left behind.
    fn reaped(mut child: Child) -> std::thread::JoinHandle<std::process::ExitStatus> {
        std::thread::spawn(move || child.wait().unwrap())
    }

    #[test]
    fn what_was_left_is_ended_and_forgotten() {
        let dir = tempfile::tempdir().unwrap();
        let file = PidFile(dir.path().join("api.pid"));
        let child = started(dir.path(), "sleep 1000 & wait");
        let pid = Pid::from_child(&child);
        file.write(pid);
        let reaper = reaped(child);
        assert_eq!(
            file.end_left_over(dir.path(), Duration::from_secs(20)),
            Ok(Some(pid.as_raw_nonzero().get()))
        );
        reaper.join().unwrap();
        assert!(members(pid.as_raw_nonzero().get()).is_empty());
        assert_eq!(file.end_left_over(dir.path(), Duration::ZERO), Ok(None));
    }

    #[test]
    fn a_group_without_its_first_process_is_known_by_its_environment() {
        let dir = tempfile::tempdir().unwrap();
        let file = PidFile(dir.path().join("api.pid"));
        let mut child = started(dir.path(), "sleep 1000 & read line < /dev/null; exit 0");
        let pid = Pid::from_child(&child);
        file.write(pid);
        child.wait().unwrap();
        let group = pid.as_raw_nonzero().get();
        assert_eq!(members(group).len(), 1);
        let text = fs::read_text(&file.0).unwrap();
        assert_eq!(
            file.end_left_over(Path::new("/elsewhere"), Duration::ZERO),
            Ok(None)
        );
        assert_eq!(members(group).len(), 1, "another project's is let alone");
        fs::write_atomic(&file.0, text.as_bytes()).unwrap();
        let ended = file.end_left_over(dir.path(), Duration::from_secs(20));
        assert_eq!(ended, Ok(Some(group)));
        assert!(members(group).is_empty());
    }

    #[test]
    fn another_process_of_the_same_number_is_let_alone() {
        let dir = tempfile::tempdir().unwrap();
        let file = PidFile(dir.path().join("api.pid"));
        let mut child = started(dir.path(), "sleep 1000");
        let identity = Identity::of(Pid::from_child(&child)).unwrap();
        let others = [
            Identity {
                start: identity.start + 1,
                ..identity.clone()
            },
            Identity {
                boot: "another".to_owned(),
                ..identity.clone()
            },
        ];
        for other in others {
            fs::write_atomic(&file.0, other.text().as_bytes()).unwrap();
            assert_eq!(file.end_left_over(dir.path(), Duration::ZERO), Ok(None));
        }
        for hostile in ["", "x", "0 0 0", "1 1 1", "-1 5 x", "99999999999 1 x"] {
            fs::write_atomic(&file.0, hostile.as_bytes()).unwrap();
            assert_eq!(file.end_left_over(dir.path(), Duration::ZERO), Ok(None));
        }
        assert_eq!(child.try_wait().unwrap(), None, "it still runs");
        child.kill().unwrap();
        child.wait().unwrap();
    }

    #[test]
    fn what_another_living_gomake_looks_after_is_let_alone() {
        let dir = tempfile::tempdir().unwrap();
        let file = PidFile(dir.path().join("api.pid"));
        let mut service = started(dir.path(), "exec sleep 1000");
        let mut owner = started(dir.path(), "exec sleep 1000");
        let of = |child: &Child| Identity::of(Pid::from_child(child)).unwrap();
        let text = of(&service).text() + &of(&owner).text();
        fs::write_atomic(&file.0, text.as_bytes()).unwrap();
        let pid = of(&owner).pid;
        assert_eq!(file.end_left_over(dir.path(), Duration::ZERO), Err(pid));
        file.remove();
        assert_eq!(fs::read_text(&file.0).unwrap(), text);
        owner.kill().unwrap();
        owner.wait().unwrap();
        let left = of(&service).pid;
        let reaper = std::thread::spawn(move || service.wait().unwrap());
        let ended = file.end_left_over(dir.path(), Duration::from_secs(20));
        assert_eq!(ended, Ok(Some(left)));
        reaper.join().unwrap();
    }

    #[test]
    fn a_name_may_look_like_columns() {
        let text = "42 (a) R 1 (b) S 7 43 43 0 -1 1 2 3 4 5 6 7 8 9 20 0 1 0 4711 1 2\n";
        let stat = Stat::read(text).unwrap();
        assert_eq!((stat.is_zombie, stat.group, stat.start), (false, 43, 4711));
        assert_eq!(Stat::read("42 (x"), None);
    }
}
