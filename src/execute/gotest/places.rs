//! Where files lie that tests look at and that do not count: what comes and goes with each run, and what is the toolchain's own, which is
//! counted by its version.

use crate::base::path::InputPath;
use crate::execute::check::Prepared;
use crate::execute::project::Project;
use crate::golang::place::input;
use crate::golang::testing::spec::GoTestSpec;
use crate::plan::action::EnvValue;
use crate::plan::query::{Answer, Capture, CaptureCommand, Query};
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

/// What the system makes up.
const OF_THE_SYSTEM: &[&str] = &["/proc", "/dev", "/sys"];
/// Where Go keeps what it comes with, what it has built and downloaded, and what it builds in.
const GOS_OWN: &[&str] = &["GOROOT", "GOCACHE", "GOMODCACHE", "GOTMPDIR"];

/// Which paths count.
#[derive(Debug)]
pub(super) struct Places {
    root: PathBuf,
    /// Nothing below these counts.
    uncounted: Vec<PathBuf>,
    /// The directory for temporary files: a project may lie in it.
    temp: Vec<PathBuf>,
}

impl Places {
    pub fn new(project: &Project<'_>, prepared: &Prepared, spec: &GoTestSpec) -> Self {
        let own = GOS_OWN.iter().map(|name| (*name).to_owned());
        let command = ["go", "env"].map(str::to_owned).into_iter().chain(own);
        let answer = project.observe_one(Query::Capture(Capture {
            command: CaptureCommand::Argv(command.collect()),
            env: spec.request.env.clone(),
            dir: prepared.action.dir.clone(),
        }));
        let text = match answer {
            Answer::Text(Some(text)) => text,
            _ => String::new(),
        };
        let lines = text.lines().filter(|line| line.starts_with('/'));
        let system = OF_THE_SYSTEM.iter().copied();
        let mut uncounted: Vec<PathBuf> = lines.chain(system).map(PathBuf::from).collect();
        uncounted.push(project.root.join(".gomake"));
        Self {
            root: project.root.to_owned(),
            uncounted,
            temp: temp(project, prepared),
        }
    }

    /// A path, absolute and without `..`, as it is kept; None: it does not count.
    pub fn counted(&self, path: &Path) -> Option<InputPath> {
        let is_in = |dir: &PathBuf| path.starts_with(dir);
        // A directory for temporary files that is the project's parent holds other things than such files only there.
        let is_temporary = self.temp.iter().any(|temp| {
            path.starts_with(temp) && !(self.root.starts_with(temp) && path.starts_with(&self.root))
        });
        // The way down to a place that does not count is asked about by nobody who looks for something.
        let is_counted = !self.uncounted.iter().any(is_in) && !is_temporary;
        is_counted.then(|| input(&self.root, path))
    }
}

/// Where a command finds that temporary files are to be made, as named and without links.
fn temp(project: &Project<'_>, prepared: &Prepared) -> Vec<PathBuf> {
    let named = match prepared.action.env.get("TMPDIR") {
        Some(EnvValue::Text(text) | EnvValue::Volatile(text)) => Some(PathBuf::from(text)),
        _ => project.caller.get(OsStr::new("TMPDIR")).map(PathBuf::from),
    };
    let named = named.filter(|path| path.is_absolute());
    let named = named.unwrap_or_else(|| PathBuf::from("/tmp"));
    let real = crate::base::fs::canonical(&named).ok();
    [named].into_iter().chain(real).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places(root: &str, temp: &str) -> Places {
        Places {
            root: root.into(),
            uncounted: vec!["/usr/local/go".into(), "/proc".into()],
            temp: vec![temp.into()],
        }
    }
    fn shown(places: &Places, path: &str) -> Option<String> {
        places.counted(Path::new(path)).map(|path| path.to_string())
    }

    #[test]
    fn what_comes_and_goes_does_not_count() {
        let places = places("/home/ann/app", "/tmp");
        assert_eq!(shown(&places, "/tmp/TestX1/001/f"), None);
        assert_eq!(shown(&places, "/proc/self/status"), None);
        assert_eq!(shown(&places, "/usr/local/go/src/fmt/print.go"), None);
        assert_eq!(
            shown(&places, "/home/ann/app/f/x.json").as_deref(),
            Some("f/x.json")
        );
        assert_eq!(
            shown(&places, "/home/ann/lib/x").as_deref(),
            Some("../lib/x")
        );
        assert_eq!(shown(&places, "/etc/hosts").as_deref(), Some("/etc/hosts"));
    }

    #[test]
    fn a_project_among_temporary_files_counts() {
        let outer = places("/tmp/app", "/tmp");
        assert_eq!(shown(&outer, "/tmp/app/x").as_deref(), Some("x"));
        assert_eq!(shown(&outer, "/tmp/other"), None);
        let inner = places("/home/app", "/home/app/tmp");
        assert_eq!(shown(&inner, "/home/app/tmp/x"), None);
        assert_eq!(shown(&inner, "/home/app/x").as_deref(), Some("x"));
    }
}
