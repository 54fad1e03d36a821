//! Which answers of planning still hold after a change. What holds need not be asked again; where one does not, or cannot be
//! known to, the plan is made anew from what is asked then.

use crate::base::glob::{Pattern, is_pattern};
use crate::base::path::{InputPath, ProjectPath};
use crate::golang::rests::{is_header, is_source};
use crate::plan::query::{Answer, Answers, GitFact, GoAnswer, Presence, Query};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// What happened to the paths of a change, looked at once.
#[derive(Debug, Default)]
pub struct Seen {
    /// Below the root.
    paths: Vec<(ProjectPath, Now)>,
    /// Something in the repository's own directory.
    git: bool,
    /// Outside of the root, or with a name that is no text.
    others: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Now {
    File,
    Dir,
    Gone,
}

impl Seen {
    pub fn of(root: &Path, paths: &BTreeSet<PathBuf>) -> Self {
        let mut seen = Self::default();
        for path in paths {
            let inside = path.strip_prefix(root).ok().and_then(Path::to_str);
            match inside.map(|text| ProjectPath::root().resolve(text)) {
                _ if path.components().any(|part| part.as_os_str() == ".git") => seen.git = true,
                Some(Ok(inside)) => seen.paths.push((inside, now(path))),
                _ => seen.others = true,
            }
        }
        seen
    }

    /// Whether an answer is as it was. `None`: it must be asked anew to know.
    pub fn leaves(&self, query: &Query, answer: &Answer) -> Option<bool> {
        Some(match (query, answer) {
            (query, _) if is_timeless(query) => true,
            (query, _) if hangs_on_anything(query) => return None,
            (Query::Glob { include, exclude }, Answer::Paths(found)) => {
                self.leaves_glob(include, exclude, found)
            }
            (Query::Read(path), _) => !self.concern(path),
            (Query::Presence(path), Answer::Presence(before)) => {
                !self.concern(path) || self.is_still(path, *before)
            }
            (Query::Presences { dir, names }, Answer::Presences(odd)) => {
                self.leaves_names(dir, names, odd)
            }
            (Query::Go(_), Answer::Go(go)) => self.leaves_go(go),
            (Query::Git(_), _) => !self.git,
            _ => return None,
        })
    }

    /// Whether a path, or something above it, is among those that changed.
    fn concern(&self, path: &ProjectPath) -> bool {
        self.paths
            .iter()
            .any(|(changed, _)| path.is_within(changed))
    }

    fn is_still(&self, path: &ProjectPath, before: Presence) -> bool {
        let now = self.paths.iter().find(|(changed, _)| changed == path);
        matches!(
            (now, before),
            (Some((_, Now::File)), Presence::File) | (Some((_, Now::Dir)), Presence::Dir)
        )
    }

    fn leaves_names(
        &self,
        dir: &ProjectPath,
        names: &[String],
        odd: &BTreeMap<String, Presence>,
    ) -> bool {
        let holds = |(path, _): &(ProjectPath, Now)| {
            let name = path.file_name();
            let is_asked = path.parent().as_ref() == Some(dir)
                && names.binary_search_by(|known| (**known).cmp(name)).is_ok();
            let before = odd.get(name).copied().unwrap_or(Presence::File);
            !dir.is_within(path) && (!is_asked || self.is_still(path, before))
        };
        self.paths.iter().all(holds)
    }

    fn leaves_glob(&self, include: &[String], exclude: &[String], found: &[ProjectPath]) -> bool {
        let compile = |texts: &[String]| -> Option<Vec<Pattern>> {
            texts.iter().map(|text| Pattern::new(text).ok()).collect()
        };
        let (Some(include), Some(exclude)) = (compile(include), compile(exclude)) else {
            return false;
        };
        let matches = |path: &ProjectPath| {
            include.iter().any(|one| one.matches(path.as_str()))
                && !exclude.iter().any(|one| one.excludes(path.as_str()))
        };
        self.paths.iter().all(|(path, now)| match now {
            Now::File => {
                let was_above = |known: &&ProjectPath| *known != path && known.is_within(path);
                matches(path) == found.binary_search(path).is_ok()
                    && !found.iter().any(|known| was_above(&known))
            }
            Now::Gone => !found.iter().any(|known| known.is_within(path)),
            Now::Dir => !include.iter().any(|one| one.may_match_within(path)),
        })
    }

    /// A change within a file that is no Go source leaves the import graph alone, if it is none that cgo reads or that may be an
    /// overlay (asking again is cheap where nothing moved that counts); a file that comes or goes, near the packages
    /// or where they embed files from, may not.
    fn leaves_go(&self, go: &GoAnswer) -> bool {
        let decides = |path: &ProjectPath| {
            let name = path.file_name();
            let extension = name.rsplit_once('.').map(|(_, extension)| extension);
            let beyond = InputPath::Project(path.clone());
            matches!(extension, Some("go" | "mod" | "sum" | "work" | "json"))
                || name == "modules.txt"
                || go.cgo.beyond.binary_search(&beyond).is_ok()
                || (!go.cgo.packages.is_empty() && is_source(name.as_bytes()))
                || go
                    .cgo
                    .dirs
                    .iter()
                    .any(|dir| path.is_within(dir) && is_header(name.as_bytes()))
        };
        let is_known = |path: &ProjectPath| {
            go.files
                .iter()
                .any(|file| matches!(file, InputPath::Project(file) if file == path))
        };
        let is_near = |path: &ProjectPath| go.package_dirs.iter().any(|dir| path.is_within(dir));
        !self.others
            && self.paths.iter().all(|(path, now)| match now {
                Now::File if decides(path) => false,
                Now::File => is_known(path) || !is_near(path),
                Now::Dir | Now::Gone => !is_near(path) && !is_known(path) && !decides(path),
            })
    }
}

fn now(path: &Path) -> Now {
    use crate::base::fs::{self, FileKind};
    match fs::stat(path) {
        Ok(stat) if stat.kind == FileKind::Dir => Now::Dir,
        Ok(_) => Now::File,
        Err(_) => Now::Gone,
    }
}

/// Removes the answers that may not hold any more. Returns whether any was removed that the change concerns: then the plan may be
/// another one.
pub fn keep_what_holds(answers: &mut Answers, seen: &Seen) -> bool {
    let mut concerned = false;
    answers.retain(|query, answer| {
        let leaves = seen.leaves(query, answer);
        concerned |= leaves != Some(true);
        leaves == Some(true)
    });
    concerned
}

/// Removes all that a disk could have made untrue.
pub fn keep_the_timeless(answers: &mut Answers) {
    answers.retain(|query, _| is_timeless(query));
}

/// What no file of the project decides.
fn is_timeless(query: &Query) -> bool {
    matches!(
        query,
        Query::Env(_) | Query::EnvMatching(_) | Query::Host(_) | Query::BaseImage(_)
    )
}

/// What a change anywhere may change: what a command prints, or what git thinks of the whole tree.
fn hangs_on_anything(query: &Query) -> bool {
    matches!(
        query,
        Query::Capture(_) | Query::Git(GitFact::Describe | GitFact::Dirty)
    )
}

/// Whether a change anywhere may change an answer.
pub fn hang_on_anything(answers: &Answers) -> bool {
    answers.iter().any(|(query, _)| hangs_on_anything(query))
}

/// Whether any answer came from git's own files.
pub fn name_git(answers: &Answers) -> bool {
    answers
        .iter()
        .any(|(query, _)| matches!(query, Query::Git(_)))
}

/// The single paths that planning looked at.
pub fn looked_at(answers: &Answers) -> impl Iterator<Item = ProjectPath> {
    answers.iter().flat_map(|(query, _)| match query {
        Query::Read(path) | Query::Presence(path) => vec![path.clone()],
        Query::Presences { dir, names } => {
            let paths = names.iter().map(|name| dir.resolve(name));
            paths.filter_map(Result::ok).collect()
        }
        _ => Vec::new(),
    })
}

/// The patterns of an answered glob that stand for more than one path.
pub fn globs(answers: &Answers) -> impl Iterator<Item = (&[String], &[String])> {
    answers.iter().filter_map(|(query, _)| match query {
        Query::Glob { include, exclude } if include.iter().any(|text| is_pattern(text)) => {
            Some((include.as_slice(), exclude.as_slice()))
        }
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::query::GoAnswer;

    fn path(text: &str) -> ProjectPath {
        ProjectPath::root().resolve(text).unwrap()
    }
    fn seen(paths: &[(&str, Now)]) -> Seen {
        Seen {
            paths: paths.iter().map(|(text, now)| (path(text), *now)).collect(),
            ..Seen::default()
        }
    }
    fn glob(include: &str) -> Query {
        Query::Glob {
            include: vec![include.to_owned()],
            exclude: vec!["src/gen/**".to_owned()],
        }
    }

    #[test]
    fn a_glob_holds_unless_a_file_comes_or_goes() {
        let query = glob("src/**/*.c");
        let found = Answer::Paths(vec![path("src/a.c"), path("src/sub/b.c")]);
        let holds = |at, now| seen(&[(at, now)]).leaves(&query, &found).unwrap();
        assert!(holds("src/a.c", Now::File));
        assert!(!holds("src/new.c", Now::File));
        assert!(holds("src/new.o", Now::File));
        assert!(holds("src/gen/x.c", Now::File));
        assert!(!holds("src/a.c", Now::Gone));
        assert!(!holds("src/sub", Now::Gone));
        assert!(!holds("src/sub", Now::File));
        assert!(holds("lib", Now::Gone));
        assert!(!holds("src/new", Now::Dir));
        assert!(holds("docs", Now::Dir));
    }

    #[test]
    fn what_is_read_or_looked_for_counts_with_what_is_above_it() {
        let read = Query::Read(path("conf/version"));
        let text = Answer::Text(None);
        let holds = |at, now| seen(&[(at, now)]).leaves(&read, &text).unwrap();
        assert!(!holds("conf/version", Now::File));
        assert!(!holds("conf", Now::Dir));
        assert!(holds("conf/versions", Now::File));
        let query = Query::Presence(path("conf"));
        let is_dir = Answer::Presence(Presence::Dir);
        assert_eq!(
            seen(&[("conf", Now::Dir)]).leaves(&query, &is_dir),
            Some(true)
        );
        assert_eq!(
            seen(&[("conf", Now::Gone)]).leaves(&query, &is_dir),
            Some(false)
        );
    }

    #[test]
    fn many_names_are_held_as_each_of_them_would_be() {
        let names = ["a.c", "gone", "sub"].map(str::to_owned);
        let query = Query::Presences {
            dir: path("src"),
            names: names.into(),
        };
        let odd = [("gone", Presence::Missing), ("sub", Presence::Dir)];
        let odd = odd.map(|(name, presence)| (name.to_owned(), presence));
        let answer = Answer::Presences(odd.into());
        let holds = |at, now| seen(&[(at, now)]).leaves(&query, &answer).unwrap();
        assert!(holds("src/a.c", Now::File));
        assert!(!holds("src/a.c", Now::Gone));
        assert!(!holds("src/gone", Now::File));
        assert!(holds("src/sub", Now::Dir));
        assert!(!holds("src/sub", Now::File));
        assert!(holds("src/other", Now::Gone));
        assert!(holds("src/sub/a.c", Now::Gone));
        assert!(!holds("src", Now::Gone));
    }

    #[test]
    fn the_import_graph_holds_for_changes_within_other_files() {
        let go = GoAnswer {
            files: vec![InputPath::Project(path("app/page.html"))],
            package_dirs: vec![path("app")],
            ..GoAnswer::default()
        };
        let holds = |at, now| seen(&[(at, now)]).leaves_go(&go);
        assert!(holds("app/page.html", Now::File));
        assert!(!holds("app/main.go", Now::File));
        assert!(!holds("app/other.html", Now::File));
        assert!(!holds("app/page.html", Now::Gone));
        assert!(!holds("go.mod", Now::File));
        assert!(holds("docs/page.html", Now::File));
        assert!(!holds("docs/x.go", Now::File));
    }

    #[test]
    fn the_import_graph_may_be_another_where_cgo_looks() {
        let inside = |text| InputPath::Project(path(text));
        let go = GoAnswer {
            files: vec![inside("include/x.h"), inside("lib/libx.a")],
            package_dirs: vec![path("app")],
            cgo: Box::new(crate::golang::cgo::CgoInputs {
                packages: vec!["example.com/m/app".to_owned()],
                beyond: vec![inside("include/x.h"), inside("lib/libx.a")],
                dirs: vec![path("include")],
                ..Default::default()
            }),
            ..GoAnswer::default()
        };
        let holds = |at, now| seen(&[(at, now)]).leaves_go(&go);
        assert!(!holds("include/x.h", Now::File) && !holds("include/x.h", Now::Gone));
        assert!(!holds("include/sub/new.h", Now::File) && !holds("include/sub", Now::Dir));
        assert!(!holds("lib/libx.a", Now::File));
        assert!(!holds("app/native.c", Now::File));
        assert!(holds("include/notes.txt", Now::File) && holds("docs/notes.txt", Now::File));
    }

    #[test]
    fn commands_are_asked_again_and_variables_are_not() {
        let mut answers = Answers::default();
        answers.insert(Query::Env("HOME".to_owned()), Answer::Text(None));
        answers.insert(Query::Git(GitFact::Dirty), Answer::Text(None));
        assert!(hang_on_anything(&answers) && name_git(&answers));
        assert!(keep_what_holds(&mut answers, &Seen::default()));
        assert_eq!(answers.iter().count(), 1);
        assert!(!keep_what_holds(&mut answers, &Seen::default()));
    }
}
