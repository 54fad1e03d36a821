//! A run that starts from a saved graph: targets that are known to be up to date are not looked at, and the Gofiles are parsed
//! only when something must be evaluated after all.

use crate::base::ids::Id;
use crate::base::source::{Sources, Span};
use crate::cli::load::{Disk, Loaded, load_from};
use crate::cli::observe::Observer;
use crate::cli::plan::Plan;
use crate::cli::saved::Head;
use crate::cli::saved::glance::Call;
use crate::execute::project::Bound;
use crate::execute::wanted::Wanted;
use crate::plan::graph::{Graph, TargetId};
use crate::plan::module::{Modules, Parse};
use crate::plan::query::{Answer, Answers, Query};
use crate::schedule::graph::EdgeKind;
use crate::state::snapshot::Snapshot;
use crate::state::store::Store;
use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

/// A saved graph that holds, and what of it must be looked at.
pub struct Resumed {
    pub snapshot: Snapshot,
    pub head: Head,
    pub observer: Observer,
    /// Of the project, absolute.
    pub root: PathBuf,
    gofile: PathBuf,
    cwd: PathBuf,
    roots: Vec<TargetId>,
    /// Targets that may not be up to date.
    doubtful: Vec<TargetId>,
    /// Targets whose actions must be bound anew.
    unbound: HashSet<TargetId>,
    /// Answers that are others than the saved ones.
    fresh: Vec<(Query, Answer)>,
    loaded: OnceLock<Result<Loaded, String>>,
}

impl std::fmt::Debug for Resumed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Resumed")
            .field("root", &self.root)
            .field("doubtful", &self.doubtful)
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
        doubtful: Vec<TargetId>,
        unbound: HashSet<TargetId>,
        fresh: Vec<(Query, Answer)>,
    ) -> Self {
        Self {
            snapshot,
            head,
            observer,
            root,
            gofile: call.gofile.to_owned(),
            cwd: call.env.cwd.clone(),
            roots,
            doubtful,
            unbound,
            fresh,
            loaded: OnceLock::new(),
        }
    }

    /// The plan as it was saved, with the answers of now. None: that part of the file is damaged.
    pub fn plan(&self) -> Option<Plan> {
        let graph: Graph = postcard::from_bytes(self.snapshot.graph()?).ok()?;
        let mut answers: Answers = postcard::from_bytes(self.snapshot.answers()?).ok()?;
        for (query, answer) in &self.fresh {
            answers.insert(query.clone(), answer.clone());
        }
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

    /// Which targets are known to be up to date, by target id: what was seen to be so, has a record, and stands behind nothing
    /// that must be looked at. (What such a one has made may be other than when the graph was saved.)
    pub fn good(&self, graph: &Graph, wanted: &Wanted, store: &Store) -> Vec<bool> {
        let mut good = vec![false; graph.targets.len()];
        let doubtful: HashSet<TargetId> = self.doubtful.iter().copied().collect();
        for &id in &wanted.order {
            let target = graph.target(id);
            let has_record = target.outputs.is_empty() || store.result(&target.name).is_some();
            let mut before = wanted.before(id).iter();
            good[id.index()] = has_record
                && !doubtful.contains(&id)
                && before.all(|(before, kind)| *kind == EdgeKind::After || good[before.index()]);
        }
        good
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

impl Parse for Resumed {
    fn modules(&self) -> Result<&Modules, &str> {
        self.loaded().map(|loaded| &loaded.modules)
    }
}
