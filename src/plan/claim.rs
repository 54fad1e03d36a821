//! Who makes which file: the declared outputs of all targets, indexed so that 100,000 of them are looked up one by
//! one or below a directory, never all against all.

use crate::base::glob::Pattern;
use crate::base::hash::{HashMap, HashSet};
use crate::base::path::ProjectPath;
use crate::base::source::Span;
use crate::plan::error::{Lint, PlanError};
use crate::plan::graph::{Graph, Output, TargetId};
use crate::plan::overlap::common_match;
use crate::plan::place::{escaped, literal_dir};
use crate::plan::target::is_unknown_output;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::collections::hash_map::Entry;
use std::ops::Bound;
use std::sync::OnceLock;

/// An output and its target.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claim {
    pub target: TargetId,
    pub span: Span,
}

#[derive(Debug, Default)]
pub struct Claims {
    files: Files,
    trees: BTreeMap<String, Claim>,
    /// By the directory below which all matches lie.
    patterns: BTreeMap<String, Vec<PatternClaim>>,
    /// Some outputs are not known without running something: what seems to be missing may be theirs.
    pub incomplete: bool,
}

/// Single files: most are looked up, and few projects ask for those below a directory.
#[derive(Debug, Default)]
struct Files {
    all: HashMap<String, Claim>,
    /// Made at the first look below a directory, when all are there.
    sorted: OnceLock<BTreeMap<String, Claim>>,
}

impl Files {
    fn sorted(&self) -> &BTreeMap<String, Claim> {
        let all = || self.all.iter().map(|(path, claim)| (path.clone(), *claim));
        self.sorted.get_or_init(|| all().collect())
    }
}

#[derive(Debug)]
struct PatternClaim {
    pattern: Pattern,
    text: String,
    claim: Claim,
}

impl Claims {
    /// Indexes all outputs; two targets with one output are reported, patterns that may overlap are lints.
    pub fn of(graph: &mut Graph, errors: &mut Vec<PlanError>) -> Self {
        let mut conflicts = Conflicts {
            graph,
            errors,
            repeated: HashSet::default(),
        };
        let claims = Self::index(&mut conflicts);
        let lints = claims.pattern_conflicts(&mut conflicts);
        graph.lints.extend(lints);
        claims
    }

    fn index(conflicts: &mut Conflicts<'_>) -> Self {
        let mut claims = Self::default();
        for (target, output) in outputs(conflicts.graph) {
            let span = output.span();
            let claim = Claim { target, span };
            if let Some(first) = claims.add(output, claim) {
                conflicts.report(&output.text(), first, claim);
            }
        }
        if !claims.trees.is_empty() {
            for (text, &claim) in claims.files.sorted() {
                if let Some(tree) = claims.tree_over(text) {
                    conflicts.report(text, tree, claim);
                }
            }
        }
        for (text, &claim) in &claims.trees {
            if let Some(tree) = parent(text).and_then(|parent| claims.tree_over(parent)) {
                conflicts.report(&format!("{text}/"), tree, claim);
            }
        }
        claims
    }

    /// Those of a graph that was stored: its mistakes and lints were told when it was made.
    pub fn stored(graph: &Graph) -> Self {
        let mut claims = Self::default();
        for (target, output) in outputs(graph) {
            let span = output.span();
            claims.add(output, Claim { target, span });
        }
        claims
    }

    /// Returns the claim that is there already.
    fn add(&mut self, output: &Output, claim: Claim) -> Option<Claim> {
        let path = match output {
            Output::File { path, .. } if is_unknown_output(path) => {
                self.incomplete = true;
                return None;
            }
            Output::Pattern { pattern, .. } => {
                self.add_pattern(pattern, claim);
                return None;
            }
            Output::Tree { path, .. } => {
                let first = self.trees.get(path.as_str()).copied();
                if first.is_none() {
                    self.trees.insert(path.as_str().to_owned(), claim);
                }
                return first;
            }
            Output::File { path, .. } => path.as_str().to_owned(),
        };
        match self.files.all.entry(path) {
            Entry::Occupied(first) => Some(*first.get()),
            Entry::Vacant(free) => {
                free.insert(claim);
                None
            }
        }
    }

    fn add_pattern(&mut self, text: &str, claim: Claim) {
        // A pattern that does not compile claims nothing; the evaluator of globs reports it.
        let Ok(pattern) = Pattern::new(text) else {
            return;
        };
        let list = self
            .patterns
            .entry(literal_dir(text).to_owned())
            .or_default();
        list.push(PatternClaim {
            pattern,
            text: text.to_owned(),
            claim,
        });
    }

    /// Patterns against exact files, trees and each other: what both are sure to make is reported, what both may make is
    /// a lint.
    fn pattern_conflicts(&self, conflicts: &mut Conflicts<'_>) -> Vec<Lint> {
        let mut lints = Vec::new();
        let mut left = MAX_PAIRS;
        for (dir, patterns) in &self.patterns {
            for (at, found) in patterns.iter().enumerate() {
                self.against_paths(dir, found, conflicts);
                let beside = patterns[at + 1..].iter();
                let deeper = below(&self.patterns, dir).flat_map(|(_, list)| list);
                for other in beside.chain(deeper).take(left) {
                    left -= 1;
                    lints.extend(against_pattern(found, other, conflicts));
                }
            }
        }
        lints
    }

    fn against_paths(&self, dir: &str, found: &PatternClaim, conflicts: &mut Conflicts<'_>) {
        let other = |claim: &Claim| claim.target != found.claim.target;
        if let Some(tree) = self.tree_over(dir).filter(other) {
            conflicts.report(&found.text, tree, found.claim);
        }
        for (path, &claim) in below(&self.trees, dir).filter(|(_, claim)| other(claim)) {
            let within = ProjectPath::root().resolve(path);
            if within.is_ok_and(|path| found.pattern.may_match_within(&path)) {
                conflicts.report(&format!("{path}/"), found.claim, claim);
            }
        }
        for (path, &claim) in below(self.files.sorted(), dir).filter(|(_, claim)| other(claim)) {
            if found.pattern.matches(path) {
                conflicts.report(path, found.claim, claim);
            }
        }
    }

    /// The tree that a path is or lies in.
    fn tree_over(&self, path: &str) -> Option<Claim> {
        if self.trees.is_empty() {
            return None;
        }
        ancestors(path).find_map(|dir| self.trees.get(dir).copied())
    }

    /// Whether anyone makes, or may make, the file.
    pub fn is_made(&self, path: &str) -> bool {
        self.files.all.contains_key(path) || !self.makers(path).is_empty()
    }

    /// Who makes, or may make, the file.
    pub fn makers(&self, path: &str) -> Vec<Claim> {
        let mut makers = Vec::new();
        makers.extend(self.files.all.get(path).copied());
        makers.extend(self.tree_over(path));
        if !self.patterns.is_empty() {
            let lists = ancestors(path)
                .chain([""])
                .filter_map(|dir| self.patterns.get(dir));
            let fitting = lists.flatten().filter(|found| found.pattern.matches(path));
            makers.extend(fitting.map(|found| found.claim));
        }
        makers
    }

    /// Who makes a file that the pattern matches, or could match; each with what it makes.
    pub fn glob_makers(&self, text: &str) -> Vec<(Claim, String)> {
        let Ok(pattern) = Pattern::new(text) else {
            return Vec::new();
        };
        let dir = literal_dir(text);
        let mut makers = Vec::new();
        for (path, claim) in below(self.files.sorted(), dir) {
            if pattern.matches(path) {
                makers.push((*claim, path.clone()));
            }
        }
        let over = ancestors(dir)
            .chain([""])
            .filter_map(|dir| self.trees.get_key_value(dir));
        // No pattern looks into what is gomake's own.
        let trees = over.chain(below(&self.trees, dir));
        for (path, claim) in trees.filter(|(path, _)| !path.starts_with(".gomake/")) {
            let tree = Pattern::new(&format!("{}/**", escaped(path)));
            if tree.is_ok_and(|tree| tree.could_overlap(&pattern)) {
                makers.push((*claim, format!("{path}/")));
            }
        }
        let over = ancestors(dir)
            .chain([""])
            .filter_map(|dir| self.patterns.get(dir));
        let lists = over.chain(below(&self.patterns, dir).map(|(_, list)| list));
        for found in lists.flatten() {
            if found.pattern.could_overlap(&pattern) {
                makers.push((found.claim, found.text.clone()));
            }
        }
        makers
    }
}

/// More patterns than make so many pairs are not held against each other.
const MAX_PAIRS: usize = 1_000_000;

fn against_pattern(
    a: &PatternClaim,
    b: &PatternClaim,
    conflicts: &mut Conflicts<'_>,
) -> Option<Lint> {
    if a.claim.target == b.claim.target || !a.pattern.could_overlap(&b.pattern) {
        return None;
    }
    if let Some(path) = common_match(&a.pattern, &b.pattern) {
        conflicts.report(&path, a.claim, b.claim);
        return None;
    }
    let name = |claim: Claim| conflicts.graph.targets[claim.target].name.to_string();
    Some(Lint::PatternOverlap {
        pattern: a.text.clone(),
        target: name(a.claim),
        path: b.text.clone(),
        other: name(b.claim),
        span: a.claim.span,
        made: b.claim.span,
    })
}

/// Everything strictly below a directory (`""`: everything but the root's own entry).
fn below<'m, T>(
    map: &'m BTreeMap<String, T>,
    dir: &str,
) -> Box<dyn Iterator<Item = (&'m String, &'m T)> + 'm> {
    if dir.is_empty() {
        return Box::new(map.iter().filter(|(path, _)| !path.is_empty()));
    }
    // `0` follows `/` in ASCII.
    let (from, to) = (format!("{dir}/"), format!("{dir}0"));
    Box::new(map.range::<str, _>((Bound::Included(from.as_str()), Bound::Excluded(to.as_str()))))
}

/// The path and the directories over it, without the root.
fn ancestors(path: &str) -> impl Iterator<Item = &str> {
    let start = (!path.is_empty()).then_some(path);
    std::iter::successors(start, |path| {
        parent(path).filter(|parent| !parent.is_empty())
    })
}

fn parent(path: &str) -> Option<&str> {
    if path.is_empty() {
        return None;
    }
    Some(path.rfind('/').map_or("", |at| &path[..at]))
}

fn outputs(graph: &Graph) -> impl Iterator<Item = (TargetId, &Output)> {
    let targets = graph.targets.iter();
    targets.flat_map(|(id, target)| target.outputs.iter().map(move |output| (id, output)))
}

struct Conflicts<'g> {
    graph: &'g Graph,
    errors: &'g mut Vec<PlanError>,
    /// Instances of one declaration collide by the dozen: one report tells all.
    repeated: HashSet<Span>,
}

impl Conflicts<'_> {
    fn report(&mut self, output: &str, a: Claim, b: Claim) {
        if a.target == b.target {
            return;
        }
        let (first, second) = if a.target < b.target { (a, b) } else { (b, a) };
        let name = |claim: Claim| self.graph.targets[claim.target].name.to_string();
        let (output, first_target, target) = (output.to_owned(), name(first), name(second));
        if first.span != second.span {
            self.errors.push(PlanError::OutputConflict {
                output,
                first_target,
                target,
                first: first.span,
                span: second.span,
            });
        } else if self.repeated.insert(first.span) {
            self.errors.push(PlanError::OutputRepeated {
                output,
                first_target,
                target,
                span: first.span,
            });
        }
    }
}
