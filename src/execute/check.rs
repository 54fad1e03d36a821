//! Is a target up to date, can the cache give its outputs back, or must its command run? One answer for the sweep over
//! an unchanged project, for the run, and for what `-n` and `--why` tell.

use crate::base::digest::Digest;
use crate::base::fs::{FsError, FsResult};
use crate::base::path::{InputPath, ProjectPath};
use crate::cache::store::CachedResult;
use crate::execute::expand::{Disk, Expanded};
use crate::execute::project::{Bound, Project, Reuse};
use crate::execute::seen::Looked;
use crate::fingerprint::content::{Content, Outputs, service_output};
use crate::fingerprint::explain::{Change, compare, facts};
use crate::fingerprint::key::{Field, Subject};
use crate::plan::action::{Action, Kind};
use crate::plan::bind::{Files, bind};
use crate::plan::error::{Lint, PlanError};
use crate::plan::graph::{Edge, EdgeWhy, Output, TargetId};
use crate::plan::query::{Answer, Answers, Outcome, Query};
use crate::state::store::TargetRecord;
use std::collections::BTreeSet;
use std::sync::Arc;

/// A target with everything that its result depends on, but for what its depfile will name.
#[derive(Debug, Clone)]
pub struct Prepared {
    pub kind: Kind,
    pub action: Arc<Action>,
    /// Declared outputs, trees with their `/`.
    pub declared: Vec<String>,
    pub expanded: Expanded,
    pub inputs: Vec<(InputPath, Content)>,
    pub upstream: Vec<(Arc<str>, Outputs)>,
    pub tools: Vec<Content>,
    /// Where what the plan had bound no longer holds.
    pub bound_again: Option<Bound>,
}

/// Why a target could not even be looked at.
#[derive(Debug, thiserror::Error)]
pub enum CheckError {
    #[error(transparent)]
    Fs(#[from] FsError),
    #[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    Plan(Vec<PlanError>),
    #[error("{0}")]
    Observe(String),
    #[error("the input {0} does not exist")]
    MissingInput(String),
}

/// What is to be done with a target.
#[derive(Debug)]
pub enum Verdict {
    UpToDate {
        outputs: Outputs,
        /// What its depfile had named.
        deps: Vec<(InputPath, Content)>,
    },
    /// The cache holds the result of these very facts.
    Restorable {
        key: Digest,
        result: CachedResult,
        reasons: Vec<String>,
    },
    Run {
        reasons: Vec<String>,
    },
}

impl Prepared {
    pub fn subject<'a>(&'a self, deps: &'a [(InputPath, Content)]) -> Subject<'a> {
        Subject {
            kind: self.kind,
            action: &self.action,
            outputs: &self.declared,
            inputs: &self.inputs,
            listed: &self.expanded.listed,
            upstream: &self.upstream,
            deps,
            tools: &self.tools,
        }
    }
}

impl Project<'_> {
    /// Brings together what decides about a target. `made` gives the outputs of the targets before it.
    pub fn prepare(
        &self,
        id: TargetId,
        disk: Disk,
        made: &dyn Fn(TargetId) -> Outputs,
    ) -> Result<Prepared, CheckError> {
        let target = self.graph().target(id);
        let mut expanded = self.expand(id, disk, made)?;
        let (mut action, bound_again) = match self.bound_anew(id, disk, &expanded)? {
            Rebound::Holds(action) => (action, None),
            Rebound::Anew(bound) => (bound.action.clone(), Some(bound)),
        };
        if let Some(seen) = self.context_seen(id)? {
            expanded.counted.extend(seen.files);
            expanded.counted.sort();
            expanded.counted.dedup();
            Arc::make_mut(&mut action).facts.extend(seen.facts);
        }
        let declared = target.outputs.iter().map(Output::text).collect();
        let mut prepared = Prepared {
            kind: target.kind,
            action,
            declared,
            expanded,
            inputs: Vec::new(),
            upstream: Vec::new(),
            tools: Vec::new(),
            bound_again,
        };
        if !target.always_runs {
            self.count(id, &mut prepared, made)?;
        }
        Ok(prepared)
    }

    /// As [`Project::prepare`], for a target that is about to be settled. In a run that takes changes it is noted what the
    /// target depends on, as a key; and where one comes while it is looked at, it is looked at again.
    pub(crate) fn look(
        &self,
        id: TargetId,
        mut disk: Disk,
        made: &dyn Fn(TargetId) -> Outputs,
    ) -> Result<(Prepared, Option<Digest>), CheckError> {
        if !self.turns.has(id) {
            return Ok((self.prepare(id, disk, made)?, None));
        }
        loop {
            let prepared = self.prepare(id, disk, made);
            let key = prepared
                .as_ref()
                .ok()
                .and_then(|prepared| self.watched_key(id, prepared, made).ok());
            if self.turns.looked(id, key) {
                return Ok((prepared?, key));
            }
            disk = Disk::Changed;
        }
    }

    /// The key of a target as it is now, with what its last depfile named. For one that always runs, over what counts
    /// for others: whether to run it is then asked by watch mode only.
    pub(crate) fn watched_key(
        &self,
        id: TargetId,
        prepared: &Prepared,
        made: &dyn Fn(TargetId) -> Outputs,
    ) -> Result<Digest, CheckError> {
        let target = self.graph().target(id);
        let record = self.store.result(&target.name);
        let deps = self.contents(record.as_ref().map_or(&[], |record| &record.deps))?;
        if !target.always_runs {
            return Ok(prepared.subject(&deps).key());
        }
        let mut counted = prepared.clone();
        self.count(id, &mut counted, made)?;
        Ok(counted.subject(&deps).key())
    }

    /// Reads the contents that count.
    fn count(
        &self,
        id: TargetId,
        prepared: &mut Prepared,
        made: &dyn Fn(TargetId) -> Outputs,
    ) -> Result<(), CheckError> {
        prepared.inputs = self.contents(&prepared.expanded.counted)?;
        for tool in &prepared.action.tools {
            prepared.tools.push(match &tool.1 {
                Some(path) => self.memo.content(path)?,
                None => Content::Absent,
            });
        }
        for edge in &self.graph().target(id).needs {
            if matches!(edge.why, EdgeWhy::Needs | EdgeWhy::Input) {
                let name = self.graph().target(edge.to).name.clone();
                let outputs = self.counted_outputs(edge, made(edge.to));
                for (path, _) in outputs
                    .iter()
                    .filter(|(_, content)| matches!(content, Content::Link { .. }))
                {
                    // What reads a link reads what it leads to.
                    let path = InputPath::Project(recorded_path(path));
                    let content = self.memo.content(&path)?;
                    prepared.inputs.push((path, content));
                }
                prepared.upstream.push((name, outputs));
            }
        }
        for service in self.services_of(id) {
            let name = &self.graph().target(service).name;
            // One that stands behind a group; the others are there already.
            if prepared.upstream.iter().all(|(known, _)| known != name) {
                prepared.upstream.push((name.clone(), made(service)));
            }
        }
        prepared.inputs.sort_by(|(a, _), (b, _)| a.cmp(b));
        prepared.inputs.dedup_by(|(a, _), (b, _)| a == b);
        Ok(())
    }

    /// What a target's outputs are to one that needs it. A report says how long the tests took, so it is never the same
    /// twice: it counts only for who names the test among its inputs.
    fn counted_outputs(&self, edge: &Edge, outputs: Outputs) -> Outputs {
        match &self.graph().target(edge.to).report {
            Some(report) if edge.why == EdgeWhy::Needs => outputs
                .iter()
                .filter(|(path, _)| path != report.as_str())
                .cloned()
                .collect(),
            _ => outputs,
        }
    }

    /// What is at each path now.
    pub fn contents(&self, paths: &[InputPath]) -> FsResult<Vec<(InputPath, Content)>> {
        paths
            .iter()
            .map(|path| Ok((path.clone(), self.memo.content(path)?)))
            .collect()
    }

    /// The action as planned or, where what it reads has changed since, bound again.
    fn bound_anew(
        &self,
        id: TargetId,
        disk: Disk,
        expanded: &Expanded,
    ) -> Result<Rebound, CheckError> {
        let listed: Vec<String> = expanded.listed.iter().map(ToString::to_string).collect();
        let go = if disk == Disk::Changed {
            self.go_answer(id, disk)
        } else {
            None
        };
        let go_changed = go.as_ref().is_some_and(|answer| {
            let query = self.graph().target(id).go.clone().map(Query::Go);
            query.is_some_and(|query| self.context.answers.get(&query) != Some(answer))
        });
        match &self.bound[id] {
            Some(bound) if bound.files.inputs == listed && !go_changed => {
                Ok(Rebound::Holds(bound.action.clone()))
            }
            _ => self.bind_again(id, listed, go).map(Rebound::Anew),
        }
    }

    fn bind_again(
        &self,
        id: TargetId,
        inputs: Vec<String>,
        go: Option<Answer>,
    ) -> Result<Bound, CheckError> {
        let target = self.graph().target(id);
        let files = Files {
            inputs,
            outputs: target.outputs.iter().map(Output::text).collect(),
        };
        // Most often the answers of the plan are all that it takes; a copy of them for each target would take long.
        let known = self.context.answers;
        if go.is_none()
            && let Outcome::Ready((action, _, asked)) = bind(&self.context_for(id), id, &files)
        {
            return Ok(Bound {
                asked: Some(self.asked_with(asked, known)),
                action: Arc::new(action),
                files,
            });
        }
        let mut answers = Answers::default();
        for (query, answer) in known.iter() {
            answers.insert(query.clone(), answer.clone());
        }
        if let (Some(query), Some(answer)) = (target.go.clone(), go) {
            answers.insert(Query::Go(query), answer);
        }
        loop {
            let context = crate::plan::bind::Context {
                answers: &answers,
                ..self.context_for(id)
            };
            match bind(&context, id, &files) {
                Outcome::Ready((action, _, asked)) => {
                    return Ok(Bound {
                        asked: Some(self.asked_with(asked, &answers)),
                        action: Arc::new(action),
                        files,
                    });
                }
                Outcome::Failed(errors) => return Err(CheckError::Plan(errors)),
                Outcome::Wanting(queries) => {
                    for query in queries {
                        let answer = self.observe_one(query.clone());
                        answers.insert(query, answer);
                    }
                }
            }
        }
    }

    /// What was asked, with the answers that are not the plan's.
    fn asked_with(&self, asked: Vec<Arc<Query>>, answers: &Answers) -> Vec<Looked> {
        let looked = asked.into_iter().map(|query| {
            let known = self.context.answers.get(&query);
            match answers.get(&query) {
                Some(answer) if known != Some(answer) => Looked::anew(query, answer),
                _ => Looked::as_planned(query),
            }
        });
        looked.collect()
    }

    /// Decides about a prepared target.
    pub fn verdict(&self, id: TargetId, prepared: &Prepared) -> Result<Verdict, CheckError> {
        let target = self.graph().target(id);
        if target.always_runs {
            return Ok(Verdict::Run {
                reasons: vec!["it always runs".to_owned()],
            });
        }
        if self.options.reuse == Reuse::Never {
            return Ok(Verdict::Run {
                reasons: vec!["forced".to_owned()],
            });
        }
        if self.options.reuse == Reuse::OfNeeds && self.named.contains(&id) {
            return Ok(Verdict::Run {
                reasons: vec!["it is asked to run".to_owned()],
            });
        }
        let record = self.store.result(&target.name);
        let deps = self.contents(record.as_ref().map_or(&[], |record| &record.deps))?;
        let subject = prepared.subject(&deps);
        let key = subject.key();
        let reasons = match &record {
            None => vec!["never built".to_owned()],
            Some(record) if record.key == key => {
                let mut changed = self.changed_outputs(record)?;
                if changed.is_empty() {
                    changed.extend(self.lost_image(id));
                    changed.extend(self.moved_tests(id, &prepared.action));
                }
                if changed.is_empty() {
                    let outputs = made(record);
                    return Ok(Verdict::UpToDate { outputs, deps });
                }
                changed
            }
            Some(record) => {
                let mut reasons = self.changed_facts(id, &subject);
                reasons.extend(self.changed_outputs(record)?);
                reasons
            }
        };
        self.refuse_missing(id, prepared)?;
        Ok(match self.lookup(id, prepared, key)? {
            Some((key, result)) => Verdict::Restorable {
                key,
                result,
                reasons,
            },
            None => Verdict::Run { reasons },
        })
    }

    /// # Errors
    /// When a declared file is not there.
    pub(crate) fn refuse_missing(
        &self,
        id: TargetId,
        prepared: &Prepared,
    ) -> Result<(), CheckError> {
        let mut inputs = prepared.inputs.iter();
        let missing = inputs
            .find(|(path, content)| *content == Content::Absent && self.is_declared_file(id, path));
        match missing {
            Some((path, _)) => Err(CheckError::MissingInput(path.to_string())),
            None => Ok(()),
        }
    }

    /// The outputs of a target whose last success still holds, with what its depfile had named; the part of
    /// [`Project::verdict`] that an unchanged project comes down to.
    pub fn is_up_to_date(
        &self,
        id: TargetId,
        prepared: &Prepared,
    ) -> Result<Option<UpToDate>, CheckError> {
        if prepared.kind == Kind::Service {
            // What it would run is all there is to know.
            let known = self.refuse_missing(id, prepared).is_ok();
            let key = || service_output(prepared.subject(&[]).key());
            return Ok(known.then(|| (key(), Vec::new())));
        }
        let name = &self.graph().target(id).name;
        let Some(record) = self
            .store
            .result(name)
            .filter(|_| !self.store.is_unfinished(name))
        else {
            return Ok(None);
        };
        let deps = self.contents(&record.deps)?;
        let holds = record.key == prepared.subject(&deps).key()
            && self.changed_outputs(&record)?.is_empty()
            && self.lost_image(id).is_none()
            && self.moved_tests(id, &prepared.action).is_none()
            && !self.is_unloaded(id);
        Ok(holds.then(|| (made(&record), deps)))
    }

    /// Whether a path is among the declared inputs; Go's own may come and go.
    fn is_declared_file(&self, id: TargetId, path: &InputPath) -> bool {
        self.graph().target(id).inputs.items.iter().any(|item| {
            matches!((item, path), (crate::plan::graph::Input::File { path: declared, .. }, InputPath::Project(path)) if declared == path)
        })
    }

    /// The differences between the facts of the last success and those of now, as sentences.
    pub(crate) fn changed_facts(&self, id: TargetId, subject: &Subject<'_>) -> Vec<String> {
        let recorded = self
            .store
            .facts(&self.graph().target(id).name)
            .unwrap_or_default();
        if recorded.is_empty() {
            return vec!["what the last success depended on is not recorded".to_owned()];
        }
        compare(&recorded, &facts(subject))
            .iter()
            .map(|change| self.told_change(change))
            .collect()
    }

    /// A change as a sentence; that of a service with what it comes from, where that is known.
    fn told_change(&self, change: &Change) -> String {
        let service = self.graph().by_name.get(&change.name);
        let changed = service
            .filter(|_| {
                change.field == Field::Service && change.old.is_some() && change.new.is_some()
            })
            .and_then(|id| self.changed_in_service(*id).ok())
            .unwrap_or_default();
        if changed.is_empty() {
            return change.sentence();
        }
        format!("service {} changed: {}", change.name, changed.join(", "))
    }

    /// What is wrong with the outputs that the last success recorded.
    fn changed_outputs(&self, record: &TargetRecord) -> FsResult<Vec<String>> {
        let mut reasons = Vec::new();
        for (path, recorded) in &record.outputs {
            match self.memo.output_content(&recorded_path(path))? {
                now if now == *recorded => {}
                Content::Absent => reasons.push(format!("output {path} is missing")),
                _ => reasons.push(format!("output {path} was changed outside of gomake")),
            }
        }
        Ok(reasons)
    }

    /// A result of the same facts from the cache; with a depfile, under any of the dependency lists seen before.
    fn lookup(
        &self,
        id: TargetId,
        prepared: &Prepared,
        key: Digest,
    ) -> Result<Option<(Digest, CachedResult)>, CheckError> {
        // Tests of Go packages have results of their own.
        let is_one = !prepared.action.command.is_go_test();
        let Some(cache) = self.cache.filter(|_| prepared.action.cache && is_one) else {
            return Ok(None);
        };
        if let Some(result) = cache.lookup(key) {
            return Ok(Some((key, result)));
        }
        if self.graph().target(id).depfile.is_none() {
            return Ok(None);
        }
        for paths in cache.dep_lists(prepared.subject(&[]).key()) {
            let deps = self.contents(&paths)?;
            let key = prepared.subject(&deps).key();
            if let Some(result) = cache.lookup(key) {
                return Ok(Some((key, result)));
            }
        }
        Ok(None)
    }
}

/// The outputs of a target, and what its depfile named.
pub type UpToDate = (Outputs, Vec<(InputPath, Content)>);

/// Whether what the plan bound still holds.
enum Rebound {
    Holds(Arc<Action>),
    Anew(Bound),
}

/// What a success made.
fn made(record: &TargetRecord) -> Outputs {
    record.outputs.as_slice().into()
}

/// A path that the state recorded as project-relative.
pub fn recorded_path(text: &str) -> ProjectPath {
    ProjectPath::root()
        .resolve(text)
        .unwrap_or_else(|_| ProjectPath::root())
}

/// A target that was bound, with what may not be meant about it.
pub type BoundTarget = (TargetId, Bound, Vec<Lint>);

/// Binds every wanted target with what is known before anything runs.
///
/// # Errors
/// As [`Outcome`] says; the mistakes of all targets at once.
pub fn bind_all(
    project: &Project<'_>,
    wanted: &[TargetId],
) -> Result<Outcome<Vec<BoundTarget>, PlanError>, CheckError> {
    let (mut bound, mut errors) = (Vec::new(), Vec::new());
    let mut wanting: BTreeSet<Query> = BTreeSet::new();
    for (at, &id) in wanted.iter().enumerate() {
        // Where 100,000 targets call one program, a few are enough to ask where it is.
        let is_quick = |query: &Query| matches!(query, Query::Which(_) | Query::Env(_));
        if at == PROBED && errors.is_empty() && wanting.iter().all(is_quick) && !wanting.is_empty()
        {
            break;
        }
        let expanded = project.expand(id, Disk::AsPlanned, &|id| project.last_outputs(id))?;
        let files = Files {
            inputs: expanded.listed.iter().map(ToString::to_string).collect(),
            outputs: project
                .graph()
                .target(id)
                .outputs
                .iter()
                .map(Output::text)
                .collect(),
        };
        match bind(&project.context_for(id), id, &files) {
            Outcome::Ready((action, lints, asked)) => bound.push((
                id,
                Bound {
                    files,
                    action: Arc::new(action),
                    asked: Some(asked.into_iter().map(Looked::as_planned).collect()),
                },
                lints,
            )),
            Outcome::Wanting(queries) => wanting.extend(queries),
            Outcome::Failed(mistakes) => errors.extend(mistakes),
        }
    }
    Ok(if !errors.is_empty() {
        Outcome::Failed(errors)
    } else if !wanting.is_empty() {
        Outcome::Wanting(wanting.into_iter().collect())
    } else {
        Outcome::Ready(bound)
    })
}

/// After so many targets, what these want is answered before the others are looked at: all of them are bound again then.
const PROBED: usize = 32;

impl Project<'_> {
    /// The outputs of a target as they are on disk now.
    pub fn current_outputs(&self, id: TargetId) -> Outputs {
        if self.graph().target(id).kind == Kind::Service {
            return self.service_outputs(id, &|id| self.current_outputs(id));
        }
        let now = |path: &str| {
            self.memo
                .output_content(&recorded_path(path))
                .unwrap_or(Content::Absent)
        };
        self.last_outputs(id)
            .iter()
            .map(|(path, _)| (path.clone(), now(path)))
            .collect()
    }

    /// The outputs of a target as the last success left them, or as declared where there was none.
    pub fn last_outputs(&self, id: TargetId) -> Outputs {
        let target = self.graph().target(id);
        if target.kind == Kind::Service {
            return self.service_outputs(id, &|id| self.last_outputs(id));
        }
        if let Some(record) = self.store.result(&target.name) {
            return made(&record);
        }
        let declared = target.outputs.iter().filter_map(|output| match output {
            Output::File { path, .. } | Output::Tree { path, .. } => {
                Some((path.to_string(), Content::Absent))
            }
            Output::Pattern { .. } => None,
        });
        declared.collect()
    }
}
