//! The graph as a snapshot has it: each target and each declaration by itself, so that a call which is about a few reads only
//! those.
//!
//! | bytes | what |
//! |---|---|
//! | 4 × 8 | how long the rest is; how many targets, declarations, and paths that are made |
//! | 8 each | where targets end, counted from the end of the rest; then declarations |
//! | 16 each | the hash of a path that is made, and by which target; sorted |
//! | … | the rest, targets, declarations: postcard |
//!
//! Numbers are u64, little-endian.

use crate::base::ids::Id;
use crate::base::later::{Later, LaterVec};
use crate::base::path::ProjectPath;
use crate::base::source::Span;
use crate::execute::makers::by_patterns;
use crate::plan::action::Kind;
use crate::plan::graph::{Decl, DeclId, Graph, Input, Output, StoredMakers, Target, TargetId};
use crate::plan::settings::Settings;
use crate::state::snapshot::Snapshot;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// What is read at once.
#[derive(Serialize)]
struct Rest<'a> {
    settings: &'a Settings,
    order: &'a [TargetId],
    after_spans: &'a BTreeMap<(TargetId, TargetId), Span>,
    /// The targets with patterns among their outputs.
    by_patterns: &'a [TargetId],
}

#[derive(Deserialize)]
struct ReadRest {
    settings: Settings,
    order: Vec<TargetId>,
    after_spans: BTreeMap<(TargetId, TargetId), Span>,
    by_patterns: Vec<TargetId>,
}

/// As [`decode`] reads it; equal graphs give equal bytes.
pub fn encode(graph: &Graph) -> Vec<u8> {
    let rest = super::encode(&Rest {
        settings: &graph.settings,
        order: &graph.order,
        after_spans: &graph.after_spans,
        by_patterns: &by_patterns(graph),
    });
    let made = made(graph);
    let (targets, decls) = (graph.targets.len(), graph.decls.len());
    let mut bytes = numbers([rest.len(), targets, decls, made.len()].map(|count| count as u64));
    let first_end = bytes.len();
    bytes.resize(first_end + 8 * (targets + decls), 0);
    for (hash, id) in made {
        bytes.extend(numbers([hash, u64::from(id.0)]));
    }
    bytes.extend(rest);
    let start = bytes.len();
    let mut next = first_end;
    for target in graph.targets.values() {
        bytes = append(target, bytes, start, &mut next);
    }
    for decl in graph.decls.values() {
        bytes = append(decl, bytes, start, &mut next);
    }
    bytes
}

/// The hashes of files and trees that targets make, sorted.
fn made(graph: &Graph) -> Vec<(u64, TargetId)> {
    let targets = graph.targets.iter();
    let of = |(id, target): (TargetId, &Target)| {
        let paths = target.outputs.iter().filter_map(Output::path);
        paths.map(|path| (hash_of(path), id)).collect::<Vec<_>>()
    };
    let mut made: Vec<(u64, TargetId)> = targets.flat_map(of).collect();
    made.sort_unstable();
    made
}

/// The same program writes and reads it, so that it need not be the same hash for ever.
fn hash_of(path: &ProjectPath) -> u64 {
    let mut hasher = DefaultHasher::new();
    path.as_str().hash(&mut hasher);
    hasher.finish()
}

fn numbers<const N: usize>(numbers: [u64; N]) -> Vec<u8> {
    numbers.map(u64::to_le_bytes).concat()
}

fn append<T: Serialize + DeserializeOwned>(
    item: &T,
    bytes: Vec<u8>,
    start: usize,
    next: &mut usize,
) -> Vec<u8> {
    let at = bytes.len();
    let mut bytes = postcard::to_extend(item, bytes).expect("plans are plain data");
    debug_assert!(
        postcard::from_bytes::<T>(&bytes[at..]).is_ok(),
        "what is written can be read"
    );
    let end = (bytes.len() - start) as u64;
    bytes[*next..*next + 8].copy_from_slice(&end.to_le_bytes());
    *next += 8;
    bytes
}

/// The graph of a snapshot; its targets and declarations are read when they are asked for. None: that part of the file is damaged,
/// or what it says of `concerned` or of their needs cannot be read.
pub fn decode(snapshot: &Arc<Snapshot>, concerned: &[TargetId]) -> Option<Graph> {
    let bytes = snapshot.graph()?;
    let parts = Parts::of(bytes)?;
    let rest: ReadRest = postcard::from_bytes(bytes.get(parts.rest.clone())?).ok()?;
    let (targets, decls) = (parts.targets, parts.decls);
    let is_known = |id: &TargetId| id.index() < targets;
    let are_known = rest.order.iter().chain(&rest.by_patterns).all(is_known);
    let is_whole = are_known && rest.order.len() == targets;
    // Each target has a declaration, also one that turns out not to be readable.
    if !is_whole || snapshot.targets() != targets || (targets > 0 && decls == 0) {
        return None;
    }
    let stored = Arc::new(Stored {
        snapshot: snapshot.clone(),
        parts,
        is_strange: AtomicBool::new(false),
    });
    let strange = stored.clone();
    let (of_targets, of_decls, of_names) = (stored.clone(), stored.clone(), stored.clone());
    let names = move || {
        let ids = (0..targets).map(TargetId::from_index);
        let named = ids.map(|id| (of_names.snapshot.name(id).to_owned(), id));
        named.collect()
    };
    let mut graph = Graph::default();
    graph.targets = LaterVec::later(targets, Arc::new(move |id| of_targets.target(id)));
    graph.decls = LaterVec::later(decls, Arc::new(move |id| of_decls.decl(id)));
    graph.by_name = Later::made_by(Arc::new(names));
    graph.settings = rest.settings;
    graph.order = rest.order;
    graph.after_spans = rest.after_spans;
    graph.makers = Some(StoredMakers {
        find: Arc::new(move |path| stored.makers(path)),
        by_patterns: rest.by_patterns,
    });
    // They are read here and now, so that it is known before anything runs whether they can be.
    for &id in concerned {
        let target = &graph.targets[id];
        let _decl = &graph.decls[target.decl];
        for edge in &target.needs {
            let _need = &graph.targets[edge.to];
        }
    }
    (!strange.is_strange.load(Ordering::Relaxed)).then_some(graph)
}

struct Stored {
    snapshot: Arc<Snapshot>,
    parts: Parts,
    /// Something was no target, or no declaration.
    is_strange: AtomicBool,
}

impl Stored {
    fn read_target(&self, id: TargetId) -> Option<Target> {
        self.item(id.index()).filter(|target| self.fits(target))
    }

    fn read_decl(&self, id: DeclId) -> Option<Decl> {
        let is_known = |id: &TargetId| id.index() < self.parts.targets;
        let read = self.item(self.parts.targets + id.index());
        read.filter(|decl: &Decl| decl.instances.iter().all(is_known))
    }

    /// A file whose checks are right may still say anything. What cannot be a target of this graph is a task that does nothing; nothing
    /// that runs is one.
    fn target(&self, id: TargetId) -> Target {
        self.read_target(id).unwrap_or_else(|| self.no_target(id))
    }
    fn no_target(&self, id: TargetId) -> Target {
        self.is_strange.store(true, Ordering::Relaxed);
        let (name, root) = (self.snapshot.name(id), ProjectPath::root());
        Target {
            always_runs: true,
            ..Target::new(name, Kind::Task, DeclId(0), root)
        }
    }

    /// The same of declarations.
    fn decl(&self, id: DeclId) -> Decl {
        self.read_decl(id).unwrap_or_else(|| self.no_decl())
    }
    fn no_decl(&self) -> Decl {
        self.is_strange.store(true, Ordering::Relaxed);
        Decl {
            module: crate::plan::module::ModuleId(0),
            statement: 0,
            name: String::new(),
            kind: Kind::Task,
            help: Vec::new(),
            name_span: Span::default(),
            params: Vec::new(),
            fors: Vec::new(),
            instances: Vec::new(),
            go: None,
            go_static: None,
        }
    }

    /// The targets that may make a file or a tree.
    fn makers(&self, path: &ProjectPath) -> Vec<TargetId> {
        let rows = self
            .snapshot
            .graph()
            .and_then(|bytes| bytes.get(self.parts.made.clone()));
        let (rows, _) = rows.unwrap_or_default().as_chunks::<16>();
        let wanted = hash_of(path);
        let hash = |row: &[u8; 16]| row.first_chunk().copied().map(u64::from_le_bytes);
        let first = rows.partition_point(|row| hash(row) < Some(wanted));
        let same = rows[first..].iter();
        same.take_while(|row| hash(row) == Some(wanted))
            .filter_map(|row| number(row, 8))
            .filter(|at| *at < self.parts.targets)
            .map(TargetId::from_index)
            .collect()
    }

    /// Whether all ids are those of the graph.
    fn fits(&self, target: &Target) -> bool {
        let is_known = |id: &TargetId| id.index() < self.parts.targets;
        let mut inputs = target.inputs.items.iter();
        target.decl.index() < self.parts.decls
            && target.needs.iter().all(|edge| is_known(&edge.to))
            && target.after.iter().all(is_known)
            && inputs.all(|input| match input {
                Input::Target { id, .. } => is_known(id),
                Input::File { .. } | Input::Glob { .. } => true,
            })
    }

    fn item<T: DeserializeOwned>(&self, at: usize) -> Option<T> {
        let bytes = self.snapshot.graph()?;
        let range = self.parts.item(bytes, at)?;
        postcard::from_bytes(bytes.get(range)?).ok()
    }
}

/// Where what lies.
struct Parts {
    targets: usize,
    decls: usize,
    /// Who makes what.
    made: Range<usize>,
    rest: Range<usize>,
}

const COUNTS: usize = 4 * 8;

impl Parts {
    fn of(bytes: &[u8]) -> Option<Self> {
        let [rest, targets, decls, made] = [0, 8, 16, 24].map(|at| number(bytes, at));
        let (rest, targets, decls, made) = (rest?, targets?, decls?, made?);
        let ends = targets.checked_add(decls)?.checked_mul(8)?;
        let first = ends.checked_add(COUNTS)?;
        let start = first.checked_add(made.checked_mul(16)?)?;
        let parts = Self {
            targets,
            decls,
            made: first..start,
            rest: start..start.checked_add(rest)?,
        };
        (parts.rest.end <= bytes.len()).then_some(parts)
    }

    /// Of targets, then declarations.
    fn item(&self, bytes: &[u8], at: usize) -> Option<Range<usize>> {
        let end = |at: usize| number(bytes, COUNTS.checked_add(at.checked_mul(8)?)?);
        let start = match at.checked_sub(1) {
            None => 0,
            Some(before) => end(before)?,
        };
        let base = self.rest.end;
        Some(base.checked_add(start)?..base.checked_add(end(at)?)?)
    }
}

fn number(bytes: &[u8], at: usize) -> Option<usize> {
    let bytes = bytes.get(at..at.checked_add(8)?)?;
    usize::try_from(u64::from_le_bytes(bytes.try_into().ok()?)).ok()
}
