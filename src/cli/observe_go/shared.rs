//! Answers of Go's for other clones of a project: in the user's cache, in a form that says nothing of where the project lies. Knows
//! which answers have such a form; what they rest on is looked at where the clone is.
//!
//! An answer can be one for all clones if nothing decided it but what is in the project, what every project of this user shares
//! (the toolchain, settings, programs on PATH), and that no directory above has a go.mod, a go.work or the like. Where the
//! root's path stands in a variable or in what `go env` says, it can not.

use crate::base::digest::Digest;
use crate::base::fs;
use crate::base::path::{InputPath, ProjectPath};
use crate::cache::store::Cache;
use crate::cli::observe_go::Question;
use crate::cli::observe_go::look::{Found, Looker, Row};
use crate::cli::observe_go::store::{Known, looked_at, question_of};
use crate::golang::list::GoInputs;
use crate::golang::rests::{Aspect, is_looked_for_upward};
use crate::golang::toolchain::GoEnv;
use crate::state::dir::Access;
use crate::state::memo::key;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// Raise the digit when [`Portable`] changes.
const VERSION: &[u8] = b"go listing 1";
/// What `go env` says of places in the project without its mattering: the answer has them by other ways.
const PLACES: &[&str] = &["GOMOD", "GOWORK"];

/// An answer without the place of the project.
#[derive(Debug, Serialize, Deserialize)]
struct Portable {
    /// With rows that have no `stat`: those below the root, and absolute ones of the machine. Its key is of no use.
    known: Known,
    /// What no directory above the root has.
    above: BTreeSet<PathBuf>,
    /// GOROOT, in which a project would be the standard library's.
    toolchain: PathBuf,
}

/// Where they are kept.
pub struct Shared<'a> {
    root: &'a Path,
    cache: Cache,
}

impl<'a> Shared<'a> {
    /// None: there is no cache, or none may be used.
    pub fn open(root: &'a Path, cache: Option<&Path>, access: Access) -> Option<Self> {
        if access == Access::Read {
            return None;
        }
        // What is stored here is counted; the run that opens the cache as a whole keeps it below its limit.
        let cache = Cache::open(cache?, u64::MAX).ok()?;
        Some(Self { root, cache })
    }

    /// An answer that holds here and now, as if Go had been asked here.
    pub fn get(&self, question: &Question<'_>, looker: &Looker<'_>) -> Option<Known> {
        let mut said = self.cache.listings::<Portable>(self.key(question)?);
        said.find_map(|said| said.at(self.root, question, looker))
    }

    /// Keeps an answer, if it can hold elsewhere. `machine` has those places of what it rests on that are not the project's.
    pub fn put(
        &self,
        question: &Question<'_>,
        env: &GoEnv,
        known: &Known,
        machine: &BTreeSet<PathBuf>,
    ) {
        if let Some(key) = self.key(question)
            && let Some(said) = Portable::of(self.root, env, known, machine)
        {
            // What cannot be written is only slower the next time.
            let _ = self.cache.add_listing(key, &said);
        }
    }

    pub fn settle(&self) {
        let _ = self.cache.settle();
    }

    /// What the question is known by in all clones. The module files tell projects apart of which the same is asked.
    fn key(&self, question: &Question<'_>) -> Option<Digest> {
        let request = postcard::to_stdvec(question.request).ok()?;
        let mut values = looked_at(&question.env).map(|(_, value)| value.as_bytes());
        if mentions(&request, self.root) || values.any(|value| mentions(value, self.root)) {
            return None;
        }
        let mut hasher = question_of(question.request, &question.program, &question.env);
        hasher.field(VERSION);
        for name in ["go.mod", "go.work"] {
            let dir = question.request.dir.clone();
            let mut upward = std::iter::successors(Some(dir), ProjectPath::parent);
            let text = upward.find_map(|dir| fs::read(&dir.under(self.root).join(name)).ok());
            hasher.field(&text.unwrap_or_default());
        }
        Some(hasher.finish())
    }
}

impl Portable {
    fn of(root: &Path, env: &GoEnv, known: &Known, machine: &BTreeSet<PathBuf>) -> Option<Self> {
        let mut values = env
            .said
            .iter()
            .filter(|(name, _)| !PLACES.contains(&name.as_str()));
        let is_said = values.any(|(_, value)| mentions(value.as_bytes(), root));
        if is_said || root.starts_with(&env.root) || !is_inside(&known.found) {
            return None;
        }
        let mut above = BTreeSet::new();
        let mut rows = Vec::new();
        for row in &known.rows {
            let path = Path::new(OsStr::from_bytes(&row.path));
            let is_machine = machine.contains(path);
            if path.is_absolute() {
                let name = name_above(root, path);
                match (name, row.found) {
                    (None, _) if is_machine && !path.starts_with(root) => {}
                    (Some(name), Found::Nothing) => {
                        above.insert(name.to_owned());
                        if !is_machine {
                            continue;
                        }
                    }
                    _ => return None,
                }
            } else if machine.contains(&root.join(path)) {
                // The toolchain is in the project: the variables that name it know the place.
                return None;
            }
            rows.push(Row {
                stat: None,
                is_at_rest: false,
                ..row.clone()
            });
        }
        Some(Self {
            known: Known {
                rows,
                ..known.clone()
            },
            above,
            toolchain: env.root.clone(),
        })
    }

    /// The answer as it would be in another place, if all that it rests on is the same there.
    fn at(mut self, root: &Path, question: &Question<'_>, looker: &Looker<'_>) -> Option<Known> {
        let is_elsewhere = |row: &Row| {
            let path = Path::new(OsStr::from_bytes(&row.path));
            path.is_relative() || !path.starts_with(root)
        };
        let mut facts = self.known.facts.values();
        let is_named = facts.any(|value| mentions(value.as_bytes(), root));
        if is_named
            || root.starts_with(&self.toolchain)
            || !self.known.rows.iter().all(is_elsewhere)
        {
            return None;
        }
        for above in root.ancestors().skip(1) {
            let absent = self.above.iter().map(|name| above.join(name));
            self.known.rows.extend(absent.map(|path| Row {
                path: key(root, &path).into(),
                aspect: Aspect::Content,
                found: Found::Nothing,
                stat: None,
                is_at_rest: false,
            }));
        }
        let checked = looker.check(&self.known.rows);
        (!checked.moved).then_some(Known {
            key: question.key,
            rows: checked.rows,
            ..self.known
        })
    }
}

/// Whether all that an answer names is in the project.
fn is_inside(found: &GoInputs) -> bool {
    let GoInputs {
        files,
        absent,
        package_dirs: _,
        embeds: _,
        modules: _,
        test_data_dirs: _,
        tests,
        named,
        cgo,
        errors,
    } = found;
    let of_tests = tests.iter().flat_map(|tests| {
        let dirs = tests.tested().iter().map(|one| &one.dir);
        tests.files().iter().chain(dirs)
    });
    let mut all = files.iter().chain(absent).chain(named).chain(of_tests);
    all.all(|path| matches!(path, InputPath::Project(_)))
        && cgo.beyond.is_empty()
        && cgo.said.is_empty()
        && cgo.dirs.is_empty()
        && errors.is_empty()
}

/// What a path is called as seen from a directory above the root, where files of this name are looked for.
fn name_above<'p>(root: &Path, path: &'p Path) -> Option<&'p Path> {
    let mut above = root.ancestors().skip(1);
    above.find_map(|above| {
        let name = path.strip_prefix(above).ok()?;
        is_looked_for_upward(name).then_some(name)
    })
}

fn mentions(text: &[u8], root: &Path) -> bool {
    let root = root.as_os_str().as_bytes();
    text.windows(root.len()).any(|part| part == root)
}
