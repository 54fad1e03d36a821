//! A run that starts from a saved graph: targets that are known to be up to date are not looked at, and the Gofiles are parsed
//! only when something must be evaluated after all.

use crate::base::hash::{HashMap, HashSet};
use crate::base::ids::Id;
use crate::base::source::{Sources, Span};
use crate::cli::load::{Disk, Loaded, load_from};
use crate::cli::observe::Observer;
use crate::cli::plan::Plan;
use crate::cli::saved::glance::Call;
use crate::cli::saved::{Head, graph};
use crate::execute::project::Bound;
use crate::execute::wanted::Wanted;
use crate::plan::graph::{Graph, TargetId};
use crate::plan::module::{Modules, Parse};
use crate::plan::query::{Answer, Answers, Query};
use crate::state::dir::StateDir;
use crate::state::error::StateError;
use crate::state::memo::Memo;
use crate::state::resumed;
use crate::state::snapshot::{Reach, Snapshot, Tail};
use crate::state::store::Store;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

/// One in so many targets are many.
const MANY: usize = 4;

/// A saved graph that holds, and what of it must be looked at.
pub struct Resumed {
    pub snapshot: Arc<Snapshot>,
    pub head: Head,
    pub observer: Observer,
    /// Of the project, absolute.
    pub root: PathBuf,
    gofile: PathBuf,
    cwd: PathBuf,
    /// The targets that the words of the call name.
    pub roots: Vec<TargetId>,
    /// What came since the graph was saved.
    pub tail: Tail,
    /// Targets that may not be up to date, and what stands behind them.
    pub concerned: Vec<TargetId>,
    /// Those that are known to be up to date, by target id: what was seen to be so, and stands behind nothing that must be looked
    /// at. (What such a one has made may be other than when the graph was saved.)
    pub good: Vec<bool>,
    /// Nobody wants to be told of those.
    is_terse: bool,
    /// Targets whose actions must be bound anew.
    unbound: HashSet<TargetId>,
    /// Answers that are others than the saved ones.
    fresh: Vec<(Query, Answer)>,
    loaded: OnceLock<Result<Loaded, String>>,
}

/// What a saved graph says of the state.
pub enum Known {
    /// Nothing that saves reading it.
    Not,
    /// What need not be read of it now.
    Partly(Box<(Store, Memo)>),
    /// Less than it did: something came since the call had its first look.
    Otherwise,
}

impl std::fmt::Debug for Resumed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Resumed")
            .field("root", &self.root)
            .field("concerned", &self.concerned)
            .finish_non_exhaustive()
    }
}

impl Resumed {
    #[expect(clippy::too_many_arguments, reason = "all that a glance has found")]
    pub(super) fn new(
        snapshot: Snapshot,
        head: Head,
        observer: Observer,
        call: &Call<'_>,
        root: PathBuf,
        roots: Vec<TargetId>,
        tail: Tail,
        reach: Reach,
        doubtful: Vec<TargetId>,
        unbound: HashSet<TargetId>,
        fresh: Vec<(Query, Answer)>,
    ) -> Self {
        let concerned = with_dependents(&snapshot, &reach, doubtful);
        let mut good = vec![false; snapshot.targets()];
        for id in &reach.targets {
            good[id.index()] = true;
        }
        for id in &concerned {
            good[id.index()] = false;
        }
        Self {
            // What a service would run is asked for by those that need it, whether or not they stand behind it.
            is_terse: !call.tells_each && head.services.is_empty(),
            snapshot: Arc::new(snapshot),
            tail,
            concerned,
            good,
            head,
            observer,
            root,
            gofile: call.gofile.to_owned(),
            cwd: call.env.cwd.clone(),
            roots,
            unbound,
            fresh,
            loaded: OnceLock::new(),
        }
    }

    /// The plan as it was saved, with the answers of now. None: that part of the file is damaged.
    pub fn plan(&self) -> Option<Plan> {
        let graph = graph::decode(&self.snapshot, &self.concerned)?;
        self.snapshot.answers()?;
        let (snapshot, fresh) = (self.snapshot.clone(), self.fresh.clone());
        let answers = Answers::later(move || {
            let read = snapshot.answers().map(postcard::from_bytes);
            let mut answers: Answers = read.and_then(Result::ok).unwrap_or_default();
            answers.extend(fresh.iter().cloned());
            answers
        });
        Some(Plan {
            graph,
            request: self.head.request.clone(),
            answers,
            stages: vec![self.roots.clone()],
        })
    }

    pub fn gofile(&self) -> &Path {
        &self.gofile
    }

    /// Stands for the parsed Gofiles; it has their root, and nothing of their texts.
    pub fn unparsed(&self) -> Loaded {
        Loaded {
            root: self.root.clone(),
            sources: Sources::default(),
            modules: Modules::default(),
            files: Vec::new(),
            errors: Vec::new(),
        }
    }

    /// `Gofile:12:1`.
    pub fn place(&self, span: Span) -> String {
        match self.loaded() {
            Ok(loaded) => loaded.sources.place(span),
            // The text is another one now: no line of it is meant.
            Err(_) => crate::cli::load::GOFILE.to_owned(),
        }
    }

    /// The texts with what they say, if they are still those that the graph was made of.
    pub fn loaded(&self) -> Result<&Loaded, &str> {
        let loaded = self.loaded.get_or_init(|| self.load());
        loaded.as_ref().map_err(String::as_str)
    }

    fn load(&self) -> Result<Loaded, String> {
        let loaded =
            load_from(&self.gofile, &self.cwd, &Disk).map_err(|error| error.to_string())?;
        let digests = loaded.files.iter().map(|file| file.digest);
        let is_same = digests.eq(self.head.gofiles.iter().map(|(_, _, digest)| *digest));
        match is_same && loaded.errors.is_empty() {
            true => Ok(loaded),
            false => Err("the Gofile changed while gomake ran".to_owned()),
        }
    }

    /// The state, read as far as it must be; with the lock held.
    ///
    /// # Errors
    /// When it cannot be read or written.
    pub fn state(&self, dir: &StateDir) -> Result<Known, StateError> {
        if self.snapshot.tail(dir).as_ref() != Some(&self.tail) {
            return Ok(Known::Otherwise);
        }
        // Who looks at most of them reads faster in one go.
        if !self.is_terse || self.concerned.len() > self.snapshot.targets() / MANY {
            return Ok(Known::Not);
        }
        let opened = resumed::open(dir, &self.snapshot, &self.tail, &self.concerned)?;
        Ok(opened.map_or(Known::Not, |state| Known::Partly(Box::new(state))))
    }

    /// What the run is about.
    pub fn wanted(&self, graph: &Graph, store: &Store) -> Wanted {
        if !self.is_terse {
            return Wanted::new(graph, &self.roots, store);
        }
        let is_good = |id: TargetId| self.good[id.index()];
        let concerned = self.concerned.iter().copied();
        let needs: HashMap<TargetId, Vec<TargetId>> = concerned
            .clone()
            .zip(Wanted::needs(graph, store, concerned))
            .collect();
        let has_lost_one = needs.iter().any(|(id, needs)| {
            let mut before = self.snapshot.needs(*id);
            before.any(|need| needs.binary_search(&need).is_err())
        });
        let (concerned, settled) = match has_lost_one {
            true => self.reached_by(&needs),
            false => (
                self.concerned.clone(),
                self.good.iter().filter(|is_good| **is_good).count(),
            ),
        };
        Wanted::unsettled(graph, &concerned, store, &is_good, settled)
    }

    /// Where newer depfiles do not name what older ones did: which of the concerned targets the call still reaches, and how many
    /// that are good.
    fn reached_by(&self, needs: &HashMap<TargetId, Vec<TargetId>>) -> (Vec<TargetId>, usize) {
        let mut seen = vec![false; self.good.len()];
        let mut open = self.roots.clone();
        let (mut concerned, mut settled) = (Vec::new(), 0);
        while let Some(id) = open.pop() {
            if std::mem::replace(&mut seen[id.index()], true) {
                continue;
            }
            match needs.get(&id) {
                Some(needs) => {
                    concerned.push(id);
                    open.extend(needs);
                }
                None => {
                    // What was not reached before is found, and looked at, by who needs it.
                    settled += usize::from(self.good[id.index()]);
                    open.extend(self.snapshot.needs(id));
                }
            }
        }
        (concerned, settled)
    }

    /// The targets that the call names and that must be looked at.
    pub fn named(&self) -> Vec<TargetId> {
        let roots = self.roots.iter().copied();
        roots.filter(|id| !self.good[id.index()]).collect()
    }

    /// The saved actions of targets that still are what would be bound now, and the other targets.
    pub fn bound_of(
        &self,
        targets: impl Iterator<Item = TargetId>,
    ) -> (Vec<(TargetId, Bound)>, Vec<TargetId>) {
        let (mut bound, mut others) = (Vec::new(), Vec::new());
        for id in targets {
            let saved = self
                .snapshot
                .action(id)
                .filter(|_| !self.unbound.contains(&id));
            match saved.and_then(|bytes| postcard::from_bytes(bytes).ok()) {
                Some(action) => bound.push((id, action)),
                None => others.push(id),
            }
        }
        (bound, others)
    }

    pub fn left_over(&self) -> HashSet<String> {
        self.head.left_over.iter().cloned().collect()
    }
}

/// Some of the reached targets, with all that need one of them.
fn with_dependents(
    snapshot: &Snapshot,
    reach: &Reach,
    mut targets: Vec<TargetId>,
) -> Vec<TargetId> {
    if !snapshot.has_needs() {
        return targets;
    }
    // Where in `dependents` those of each target end; after they were filled in, where they start.
    let mut ends = vec![0; snapshot.targets() + 1];
    for need in reach.targets.iter().flat_map(|id| snapshot.needs(*id)) {
        ends[need.index()] += 1;
    }
    let mut sum = 0;
    for end in &mut ends {
        sum += *end;
        *end = sum;
    }
    let mut dependents = vec![TargetId(0); sum];
    for &id in &reach.targets {
        for need in snapshot.needs(id) {
            let end = &mut ends[need.index()];
            *end -= 1;
            dependents[*end] = id;
        }
    }
    let mut is_among = vec![false; snapshot.targets()];
    for id in &targets {
        is_among[id.index()] = true;
    }
    let mut next = 0;
    while let Some(&id) = targets.get(next) {
        next += 1;
        for later in &dependents[ends[id.index()]..ends[id.index() + 1]] {
            if !std::mem::replace(&mut is_among[later.index()], true) {
                targets.push(*later);
            }
        }
    }
    targets
}

impl Parse for Resumed {
    fn modules(&self) -> Result<&Modules, &str> {
        self.loaded().map(|loaded| &loaded.modules)
    }
}
