//! The first look of a call: is there a saved graph, does it hold, and is there anything to do at all? Nothing is parsed for it,
//! and no thread or process started where nothing asks for one.

use crate::base::digest::Digest;
use crate::base::fs::{self, FileKind};
use crate::base::hash::HashSet;
use crate::cli::args::Args;
use crate::cli::observe::Observer;
use crate::cli::observe_go::environment_of;
use crate::cli::saved::resume::Resumed;
use crate::cli::saved::{Head, name_of, origin_of, words_digest};
use crate::cli::settings::Environment;
use crate::execute::command::RUNNING_VARIABLE;
use crate::fingerprint::content::Content;
use crate::lang::meaning::meaning;
use crate::plan::graph::TargetId;
use crate::plan::query::{Answer, Answers, Query};
use crate::state::bases::Bases;
use crate::state::dir::{Access, StateDir};
use crate::state::memo;
use crate::state::snapshot::{FileId, Looked, ObservationId, Reach, Snapshot, Tail};
use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// What a call finds.
pub enum Glance {
    /// All wanted targets are up to date: how many.
    Done(usize),
    /// The plan holds, and some targets must be looked at.
    Resume(Box<Resumed>),
    /// Nothing is known that could be used.
    Cold,
}

/// Whether the saved graph is for calls like this one: those that run targets and want nothing special of them.
pub fn suits(args: &Args) -> bool {
    is_kept(args) && !args.force
}

/// Whether a call like this one leaves a saved graph behind.
pub fn is_kept(args: &Args) -> bool {
    let is_special = args.choose
        || args.watch
        || args.verify
        || args.push
        || args.load
        || args.pull
        || args.staged
        || args.affected_by.is_some();
    args.runs() && !is_special && args.args.is_empty()
}

/// A call before anything is read.
pub struct Call<'a> {
    pub args: &'a Args,
    pub env: &'a Environment,
    /// The caller's variables.
    pub variables: &'a BTreeMap<OsString, OsString>,
    /// Absolute.
    pub gofile: &'a Path,
    /// Somebody wants to be told of each target, also of those that are up to date.
    pub tells_each: bool,
}

impl Call<'_> {
    pub fn glance(&self) -> Glance {
        self.try_glance().unwrap_or(Glance::Cold)
    }

    /// None wherever the saved graph is of no use.
    fn try_glance(&self) -> Option<Glance> {
        // A gomake in a command of a gomake is refused, or waits; that is told elsewhere.
        if self.env.var(RUNNING_VARIABLE).is_some() {
            return None;
        }
        let root = fs::canonical(self.gofile.parent()?).ok()?;
        let dir = StateDir::open(&root, Access::Read).ok()?;
        let words = &self.args.words;
        let origin = origin_of(&root, self.gofile, words)?;
        let name = name_of(self.gofile, words, &origin);
        let snapshot = Snapshot::open(&dir, &name, &origin)?;
        let head: Head = postcard::from_bytes(snapshot.head()).ok()?;
        let roots = match <[_; 1]>::try_from(snapshot.selection(&words_digest(words))?) {
            Ok([roots]) => roots,
            // With a `clean` among them, what follows is another project.
            Err(_) => return None,
        };
        let observer = Observer::new(&root, self.variables, &head.dotenv).ok()?;
        let observer = observer.keeping(self.env.cache_dir()).noting();
        if !observer.refused().is_empty() {
            return None;
        }
        let look = Look {
            root,
            dir,
            name,
            snapshot,
            head,
            observer,
        };
        look.of(roots, self)
    }
}

/// Questions that are answered otherwise than they were, and the answers of now.
type Changed = (Vec<ObservationId>, Vec<(Query, Answer)>);

/// A saved graph that was opened for a call.
struct Look {
    root: PathBuf,
    dir: StateDir,
    /// Of the snapshot's file.
    name: String,
    snapshot: Snapshot,
    head: Head,
    observer: Observer,
}

impl Look {
    fn of(mut self, roots: Vec<TargetId>, call: &Call<'_>) -> Option<Glance> {
        let tail = self.snapshot.tail(&self.dir)?;
        if tail.is_beyond {
            return None;
        }
        // First of all: where a Gofile says something else, nothing else counts.
        let edited = self.edited(&tail)?;
        let reach = self.snapshot.reach(&roots);
        let unmet: HashSet<TargetId> = self.head.unmet.iter().copied().collect();
        if !unmet.is_empty() && reach.targets.iter().any(|id| unmet.contains(id)) {
            return None;
        }
        let looked = self.snapshot.look(&self.root, &reach, &tail);
        let mut asked = self.snapshot.to_ask(&reach, &looked);
        if self.has_another_go() {
            self.observer = self.observer.without_rests_of_go();
            self.add_go(&reach, &mut asked)?;
        }
        let (changed, fresh) = self.ask(asked)?;
        if self.plan_moved(&looked, &changed, &edited) {
            return None;
        }
        let doubtful = self.snapshot.doubtful(&reach, &looked, &changed, &tail);
        if doubtful.is_empty() && !call.tells_each {
            self.remember(&looked.refreshed, &tail);
            return Some(Glance::Done(self.counted(&reach)));
        }
        if !edited.is_empty() {
            // The places in the texts are others than those that the saved graph knows.
            return None;
        }
        let unbound = self.bound_otherwise(&reach, &changed);
        Some(Glance::Resume(Box::new(Resumed::new(
            self.snapshot,
            self.head,
            self.observer,
            call,
            self.root,
            roots,
            tail,
            reach,
            doubtful,
            unbound,
            fresh,
        ))))
    }

    /// The Gofiles that are others than they were, and say the same. None: the plan is another one.
    fn edited(&self, tail: &Tail) -> Option<Vec<FileId>> {
        let plan = self.snapshot.plan_reach();
        let moved = self.snapshot.look(&self.root, &plan, tail).moved;
        let says_the_same = |id: &FileId| self.says_the_same(*id).unwrap_or(false);
        moved.iter().all(says_the_same).then_some(moved)
    }

    fn says_the_same(&self, id: FileId) -> Option<bool> {
        let path = self
            .root
            .join(OsStr::from_bytes(&self.snapshot.file(id).path));
        let is_it = |(known, _, _): &(String, String, Digest)| self.root.join(known) == path;
        let at = self.head.gofiles.iter().position(is_it)?;
        // What a link leads to may be out of the project.
        if fs::lstat(&path).ok()?.kind != FileKind::File {
            return None;
        }
        let text = String::from_utf8(fs::read(&path).ok()?).ok()?;
        Some(self.head.meanings.get(at) == Some(&meaning(&text)))
    }

    fn plan_moved(&self, looked: &Looked, changed: &[ObservationId], edited: &[FileId]) -> bool {
        let moved = looked.moved.iter().copied();
        let others = Looked {
            moved: moved.filter(|id| !edited.contains(id)).collect(),
            refreshed: Vec::new(),
        };
        self.snapshot.plan_moved(&others, changed)
    }

    /// What Go's answers rest on is in their rows, but for the caller's variables.
    fn has_another_go(&self) -> bool {
        let go = self.head.go;
        go.is_some_and(|go| go != environment_of(self.observer.variables()))
    }

    /// None: a question cannot be read.
    fn add_go(&self, reach: &Reach, asked: &mut Vec<ObservationId>) -> Option<()> {
        for id in reach.observations() {
            if matches!(self.snapshot.query(id)?, Query::Go(_)) && !asked.contains(&id) {
                asked.push(id);
            }
        }
        Some(())
    }

    /// What is answered otherwise than it was, with the answers of now. None: a question cannot be read.
    fn ask(&self, asked: Vec<ObservationId>) -> Option<Changed> {
        let mut queries = Vec::with_capacity(asked.len());
        for id in asked {
            queries.push((id, self.snapshot.query(id)?));
        }
        let mut answers = Answers::default();
        let (bases, others): (Vec<_>, Vec<_>) = queries
            .iter()
            .map(|(_, query)| query.clone())
            .partition(|query| matches!(query, Query::BaseImage(_)));
        if !bases.is_empty() {
            let known = Bases::open(&self.dir);
            for query in bases {
                if let Query::BaseImage(reference) = &query
                    && let Some(digest) = known.get(&reference.to_string())
                {
                    answers.insert(query, Answer::Text(Some(digest)));
                }
            }
        }
        self.observer.answer_all(others, &mut answers);
        let (mut changed, mut fresh) = (Vec::new(), Vec::new());
        for (id, query) in queries {
            // A base whose digest is recorded no more: a registry must be asked.
            let answer = answers.get(&query)?;
            if answer.digest() != self.snapshot.answer(id) {
                if matches!(query, Query::Go(_)) {
                    // Go's import graph orders targets, so that the graph may be another one.
                    return None;
                }
                changed.push(id);
                fresh.push((query, answer.clone()));
            }
        }
        Some((changed, fresh))
    }

    /// The targets whose actions hang on an answer that is another one now.
    fn bound_otherwise(&self, reach: &Reach, changed: &[ObservationId]) -> HashSet<TargetId> {
        if changed.is_empty() {
            return HashSet::default();
        }
        let changed: HashSet<ObservationId> = changed.iter().copied().collect();
        let targets = reach.targets.iter().copied();
        targets
            .filter(|id| {
                let mut asked = self.snapshot.observations_of(*id);
                asked.any(|asked| changed.contains(&asked))
            })
            .collect()
    }

    /// Targets as a summary counts them: what a service would run is known, but it is not up to date or otherwise.
    fn counted(&self, reach: &Reach) -> usize {
        let is_service = |id: &&TargetId| self.head.services.contains(id);
        let services = match self.head.services.is_empty() {
            true => 0,
            false => reach.targets.iter().filter(is_service).count(),
        };
        reach.targets.len() - services
    }

    /// Files that look otherwise and hold the same need not be read again. What cannot be written is only slower the next time.
    fn remember(&self, refreshed: &[(FileId, fs::Stat)], tail: &Tail) {
        if tail.is_torn {
            return;
        }
        if refreshed.is_empty() {
            let _ = self.snapshot.fold(&self.dir, &self.name, tail);
            return;
        }
        let lines = refreshed.iter().filter_map(|(id, stat)| {
            let row = self.snapshot.file(*id);
            Some((row.path, *stat, digest_of(row.content?)?))
        });
        let _ = memo::append(&self.dir, lines);
    }
}

fn digest_of(content: Content) -> Option<Digest> {
    match content {
        Content::File { digest, .. } => Some(digest),
        _ => None,
    }
}
