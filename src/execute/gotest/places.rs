//! Where files lie that tests look at and that do not count: what comes and goes with each run, and what is the toolchain's own, which is
//! counted by its version.

use crate::base::fs;
use crate::base::path::InputPath;
use crate::execute::check::Prepared;
use crate::execute::project::Project;
use crate::golang::place::input;
use crate::plan::action::EnvValue;
use crate::plan::query::{Answer, Query};
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

/// What the system makes up.
const OF_THE_SYSTEM: &[&str] = &["/proc", "/dev", "/sys"];
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
    pub fn new(project: &Project<'_>, prepared: &Prepared) -> Self {
        let given = |name: &str| given(project, prepared, name);
        let system = OF_THE_SYSTEM.iter().map(PathBuf::from);
        let mut uncounted: Vec<PathBuf> = system.collect();
        uncounted.push(project.root.join(".gomake"));
        uncounted.extend(gos_own(&given));
        uncounted.extend(root_on_path(project));
        // What Go has built may lie there as well.
        uncounted.extend(project.cache.map(|cache| cache.dir().to_owned()));
        // Who works on Go itself has the project in there.
        uncounted.retain(|dir| !project.root.starts_with(dir));
        let named = given("TMPDIR").unwrap_or_else(|| PathBuf::from("/tmp"));
        let real = fs::canonical(&named).ok();
        Self {
            root: project.root.to_owned(),
            uncounted,
            temp: [named].into_iter().chain(real).collect(),
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

/// A directory that a command is told of by a variable.
fn given(project: &Project<'_>, prepared: &Prepared, name: &str) -> Option<PathBuf> {
    let named = match prepared.action.env.get(name) {
        Some(EnvValue::Text(text) | EnvValue::Volatile(text)) => PathBuf::from(text),
        Some(EnvValue::Secret(_)) => return None,
        None => PathBuf::from(project.caller.get(OsStr::new(name))?),
    };
    named.is_absolute().then_some(named)
}

/// Where Go keeps what it comes with, and what it has built and downloaded (`go help environment`). Go itself is not asked: who has set
/// these with `go env -w` has them counted, which does no harm. A toolchain that Go has downloaded is a module.
fn gos_own(given: &dyn Fn(&str) -> Option<PathBuf>) -> Vec<PathBuf> {
    let home = given("HOME");
    let below_home = |path: &str| home.as_ref().map(|home| home.join(path));
    let caches = || given("XDG_CACHE_HOME").or_else(|| below_home(".cache"));
    let built = given("GOCACHE").or_else(|| caches().map(|dir| dir.join("go-build")));
    let path = || given("GOPATH").or_else(|| below_home("go"));
    let downloaded = given("GOMODCACHE").or_else(|| path().map(|dir| dir.join("pkg/mod")));
    let own = [given("GOROOT"), built, downloaded, given("GOTMPDIR")];
    own.into_iter().flatten().collect()
}

/// The root of the Go that PATH leads to: the program is in its `bin`.
fn root_on_path(project: &Project<'_>) -> Option<PathBuf> {
    let answer = project.observe_one(Query::Which("go".to_owned()));
    let Answer::Program(Some(program)) = answer else {
        return None;
    };
    let real = fs::canonical(&program).ok()?;
    let root = real.parent()?.parent()?;
    // A program that starts Go may be anywhere.
    let has_library = fs::stat(&root.join("src/runtime")).is_ok();
    has_library.then(|| root.to_owned())
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
    fn gos_own_directories_are_where_go_has_them() {
        let shown = |set: &[(&str, &str)]| {
            let given = |name: &str| {
                let found = set.iter().find(|(known, _)| *known == name);
                found.map(|(_, value)| PathBuf::from(value))
            };
            let own = gos_own(&given);
            own.iter()
                .map(|path| path.display().to_string())
                .collect::<Vec<_>>()
        };
        assert_eq!(
            shown(&[("HOME", "/h")]),
            ["/h/.cache/go-build", "/h/go/pkg/mod"]
        );
        assert_eq!(
            shown(&[
                ("HOME", "/h"),
                ("GOROOT", "/r"),
                ("GOPATH", "/p"),
                ("GOCACHE", "/c")
            ]),
            ["/r", "/c", "/p/pkg/mod"]
        );
        assert!(shown(&[]).is_empty());
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
