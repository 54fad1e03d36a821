//! Answers of Go's for other clones of a project: in the user's cache, in a form that says nothing of where the project lies. Knows
//! which answers have such a form; what they rest on is looked at where the clone is.
//!
//! An answer can be one for all clones if nothing decided it but what is in the project, what every project of this user shares
//! (the toolchain, settings, programs on PATH), and that no directory above has a go.mod, a go.work or the like. It can not where
//! a path is written that leaves the project, or where the root's path stands in a variable or in what `go env` says. Go itself is
//! asked for `go env` in the new place: that is quick, and tells of another toolchain, module or workspace there.

use crate::base::digest::Digest;
use crate::base::fs;
use crate::base::path::{InputPath, ProjectPath};
use crate::cache::store::Cache;
use crate::cli::observe_go::ask::env;
use crate::cli::observe_go::look::{Found, Looker, Row};
use crate::cli::observe_go::store::{Known, looked_at, question_of};
use crate::cli::observe_go::{Question, on_disk};
use crate::golang::list::GoInputs;
use crate::golang::rests::{Aspect, Grounds};
use crate::golang::toolchain::GoEnv;
use crate::state::dir::Access;
use crate::state::memo::key;
use serde::{Deserialize, Serialize};
use std::cell::{OnceCell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Raise the digit when [`Portable`] changes.
const VERSION: &[u8] = b"go listing 2";
/// What `go env` says of places in the project, which are elsewhere in another clone.
const FOUND_THERE: &[&str] = &["GOMOD", "GOWORK"];
/// An answer without the place of the project.
#[derive(Debug, Serialize, Deserialize)]
struct Portable {
    found: GoInputs,
    facts: BTreeMap<String, String>,
    has_cache_program: bool,
    /// What it rests on: paths below the root, and absolute ones of the machine.
    rows: Vec<(Arc<[u8]>, Aspect, Found)>,
    /// What no directory above the root has.
    above: BTreeSet<String>,
    /// What `go env` said, see [`placeless`].
    said: BTreeMap<String, String>,
}

/// Where they are kept.
pub struct Shared<'a> {
    root: &'a Path,
    cache: Cache,
    /// Of this program's file.
    program: OnceCell<Option<Digest>>,
    envs: RefCell<Envs>,
}

/// What `go env` says here, by where it runs and with which variables.
type Envs = BTreeMap<(ProjectPath, BTreeMap<String, String>), Option<GoEnv>>;

impl<'a> Shared<'a> {
    /// None: there is no cache, or none may be used.
    pub fn open(root: &'a Path, cache: Option<&Path>, access: Access) -> Option<Self> {
        if access == Access::Read {
            return None;
        }
        // What is stored here is counted; the run that opens the cache as a whole keeps it below its limit.
        let cache = Cache::open(cache?, u64::MAX).ok()?;
        Some(Self {
            root,
            cache,
            program: OnceCell::new(),
            envs: RefCell::default(),
        })
    }

    /// An answer that holds here and now, as if Go had been asked here.
    pub fn get(&self, question: &Question<'_>, looker: &Looker<'_>) -> Option<Known> {
        let said = self.cache.listings::<Portable>(self.key(question)?);
        let holding = said.filter_map(|said| said.at(self.root, question, looker));
        let mut holding = holding.peekable();
        holding.peek()?;
        let here = self.placeless_env(question)?;
        let (known, _) = holding.find(|(_, there)| *there == here)?;
        Some(known)
    }

    /// What `go env` says here, see [`placeless`]. None: it does not tell, or the project is the standard library's.
    fn placeless_env(&self, question: &Question<'_>) -> Option<BTreeMap<String, String>> {
        let request = question.request;
        let mut envs = self.envs.borrow_mut();
        let here = envs
            .entry((request.dir.clone(), request.env.clone()))
            .or_insert_with(|| env(self.root, question).ok());
        let here = here.as_ref()?;
        placeless(here, self.root).filter(|_| !is_within(self.root, &here.root))
    }

    /// Keeps an answer, if it can hold elsewhere.
    pub fn put(&self, question: &Question<'_>, env: &GoEnv, known: &Known, grounds: &Grounds) {
        if let Some(key) = self.key(question)
            && let Some(said) = Portable::of(self.root, env, known, grounds)
        {
            // What cannot be written is only slower the next time.
            let _ = self.cache.add_listing(key, &said);
        }
    }

    /// To be called at the end.
    pub fn count(&self) {
        let _ = self.cache.count_stored();
    }

    /// What the question is known by in all clones. The module files tell projects apart of which the same is asked.
    fn key(&self, question: &Question<'_>) -> Option<Digest> {
        let request = postcard::to_stdvec(question.request).ok()?;
        let mut values = looked_at(&question.env).map(|(_, value)| value.as_bytes());
        if mentions(&request, self.root) || values.any(|value| mentions(value, self.root)) {
            return None;
        }
        let program = self.program.get_or_init(|| {
            let program = std::env::current_exe().ok()?;
            fs::hash_file(&program).ok()
        });
        let mut hasher = question_of(question.request, &question.program, &question.env);
        hasher.field(VERSION).field(&(*program)?.0);
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
    fn of(root: &Path, env: &GoEnv, known: &Known, grounds: &Grounds) -> Option<Self> {
        let said = placeless(env, root)?;
        let is_elsewhere = grounds.machine.iter().all(|path| !path.starts_with(root));
        if grounds.is_placed
            || !is_elsewhere
            || is_within(root, &env.root)
            || !is_inside(&known.found)
        {
            return None;
        }
        let above: BTreeSet<PathBuf> = above(root, &grounds.upward).collect();
        let mut rows = Vec::new();
        for row in &known.rows {
            let path = on_disk(root, &row.path);
            if path.starts_with(root) || grounds.machine.contains(&path) {
                rows.push((row.path.clone(), row.aspect, row.found));
            } else if !above.contains(&path) {
                return None;
            }
            if above.contains(&path) && row.found != Found::Nothing {
                return None;
            }
        }
        Some(Self {
            found: known.found.clone(),
            facts: known.facts.clone(),
            has_cache_program: known.has_cache_program,
            rows,
            above: grounds.upward.iter().map(|&name| name.to_owned()).collect(),
            said,
        })
    }

    /// The answer as it would be in another place, if all that it rests on is the same there; and what `go env` must say of it.
    fn at(
        self,
        root: &Path,
        question: &Question<'_>,
        looker: &Looker<'_>,
    ) -> Option<(Known, BTreeMap<String, String>)> {
        let is_machine = |path: &[u8]| path.first() == Some(&b'/');
        let is_here = |(path, ..): &(Arc<[u8]>, _, _)| {
            is_machine(path) && on_disk(root, path).starts_with(root)
        };
        if self.rows.iter().any(is_here) {
            return None;
        }
        let absent = above(root, self.above.iter().map(String::as_str)).map(|path| {
            let path: Arc<[u8]> = key(root, &path).into();
            (path, Aspect::Content, Found::Nothing)
        });
        let mut rows: Vec<_> = self.rows.into_iter().chain(absent).collect();
        rows.sort_unstable_by(|one, other| (&one.0, one.1).cmp(&(&other.0, other.1)));
        rows.dedup();
        let rows = rows.into_iter().map(|(path, aspect, found)| Row {
            path,
            aspect,
            found,
            stat: None,
            is_at_rest: false,
        });
        let rows: Vec<Row> = rows.collect();
        if !looker.holds(&rows) {
            return None;
        }
        let known = Known {
            key: question.key,
            found: self.found,
            facts: self.facts,
            has_cache_program: self.has_cache_program,
            rows: looker.check(&rows).rows,
        };
        Some((known, self.said))
    }
}

/// Files of these names in all directories above the root.
fn above<'n>(
    root: &Path,
    names: impl IntoIterator<Item = impl AsRef<str> + 'n> + Clone,
) -> impl Iterator<Item = PathBuf> {
    root.ancestors().skip(1).flat_map(move |above| {
        let names = names.clone().into_iter();
        names.map(|name| above.join(name.as_ref()))
    })
}

/// What `go env` said, with the place of the project left out. None: it says more of the place than which of its module files
/// count.
fn placeless(env: &GoEnv, root: &Path) -> Option<BTreeMap<String, String>> {
    let of_one = |(name, value): (&String, &String)| {
        let inside = match FOUND_THERE.contains(&name.as_str()) {
            true => Path::new(value).strip_prefix(root).ok(),
            false => None,
        };
        match inside {
            Some(inside) => Some((name.clone(), format!("./{}", inside.to_str()?))),
            None => (!mentions(value.as_bytes(), root)).then(|| (name.clone(), value.clone())),
        }
    };
    env.said.iter().map(of_one).collect()
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

/// Whether the project lies in a directory, links followed.
fn is_within(root: &Path, dir: &Path) -> bool {
    fs::canonical(dir).is_ok_and(|dir| root.starts_with(dir))
}

fn mentions(text: &[u8], root: &Path) -> bool {
    let root = root.as_os_str().as_bytes();
    text.windows(root.len()).any(|part| part == root)
}
