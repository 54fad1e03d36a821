//! After a run: what is known now, as the next snapshot. What was looked at in the run comes from the run; of other targets that
//! is kept which the snapshot said that the run began with.

use crate::base::digest::Digest;
use crate::base::hash::{HashMap, HashSet};
use crate::base::ids::IdVec;
use crate::base::path::InputPath;
use crate::cli::load::{GofilePath, Loaded};
use crate::cli::observe::Observer;
use crate::cli::observe_go::environment_of;
use crate::cli::plan::dotenv_files;
use crate::cli::saved::asked::AskedRows;
use crate::cli::saved::former::Former;
use crate::cli::saved::left_over::left_over;
use crate::cli::saved::rows::Rows;
use crate::cli::saved::secret::Secrets;
use crate::cli::saved::{Head, Place, encode, graph};
use crate::cli::session::Session;
use crate::execute::environment::Variables;
use crate::execute::project::{Bound, Project};
use crate::execute::seen::Rests;
use crate::execute::wanted::Wanted;
use crate::fingerprint::content::Content;
use crate::lang::meaning::meaning;
use crate::plan::action::{Command, Kind};
use crate::plan::bind::Context;
use crate::plan::graph::{Graph, Input, TargetId};
use crate::plan::image::ImageSource;
use crate::plan::query::{Answers, Query};
use crate::state::dir::StateDir;
use crate::state::error::StateError;
use crate::state::resumed;
use crate::state::snapshot::{
    Draft, DraftTarget, FileId, Mark, ObservationId, ObservationRow, Snapshot,
};

/// Words whose targets are remembered: more than a person uses in a project.
const SELECTIONS: usize = 32;

/// A run that has ended, and in which all that is wanted was planned at once.
pub struct Finished<'a> {
    pub project: &'a Project<'a>,
    pub dir: &'a StateDir,
    pub observer: &'a Observer,
    /// By target, what was looked at.
    pub seen: &'a HashMap<TargetId, Rests>,
    /// The targets that the words of the call name.
    pub roots: &'a [TargetId],
    pub place: &'a Place,
    /// Those of the call, by [`crate::cli::saved::words_digest`].
    pub words: Digest,
    /// What a call must know first; but for what is left over.
    pub head: Head,
    /// The saved graph that the run began with: its targets are those of the project's graph.
    pub before: Option<&'a Snapshot>,
}

impl Head {
    /// Whether a saved head is of the same texts: the same graph may come from others, with other actions.
    fn is_of(&self, saved: &[u8]) -> bool {
        let saved: Result<Self, _> = postcard::from_bytes(saved);
        saved.is_ok_and(|saved| {
            (saved.gofiles, saved.dotenv, saved.go)
                == (self.gofiles.clone(), self.dotenv.clone(), self.go)
        })
    }

    /// Of a graph that was made in this run. None: a Gofile's path is not UTF-8.
    pub fn of(loaded: &Loaded, plan: &Context<'_>, caller: &Variables) -> Option<Self> {
        let gofile = |file: &GofilePath| {
            let path = file.path.strip_prefix(&loaded.root).unwrap_or(&file.path);
            Some((path.to_str()?.to_owned(), file.name.clone(), file.digest))
        };
        let targets = plan.graph.targets.iter();
        let mut unmet: Vec<TargetId> = plan.graph.unmet.iter().map(|(id, _)| *id).collect();
        unmet.dedup();
        Some(Self {
            gofiles: loaded.files.iter().map(gofile).collect::<Option<_>>()?,
            meanings: loaded.sources.texts().map(meaning).collect(),
            dotenv: dotenv_files(&loaded.modules),
            cache_size: plan.graph.settings.cache_size,
            left_over: Vec::new(),
            request: plan.request.clone(),
            go: plan
                .graph
                .targets
                .values()
                .any(|target| target.go.is_some())
                .then(|| environment_of(caller)),
            services: targets
                .filter(|(_, target)| target.kind == Kind::Service)
                .map(|(id, _)| id)
                .collect(),
            unmet,
        })
    }
}

/// Writes a snapshot. The journal and the memo are on disk; where not all is there that counted in the run, none is left.
///
/// # Errors
/// When it cannot be written.
pub fn write(session: &Session, place: &Place, mut draft: Draft) -> Result<(), StateError> {
    let dir = &session.dir;
    draft.journal = Mark::of_journal(dir)?;
    draft.memo = Mark::of_memo(dir)?;
    match resumed::saved(&session.store, &session.memo) {
        Some(state) => draft.state = state,
        None => return place.remove(dir),
    }
    Snapshot::write(dir, &place.name, &draft)
}

/// What a run has come to. None: some of what the graph rests on cannot be said.
pub fn draft(run: Finished<'_>) -> Option<Draft> {
    run.project.store.read_whole();
    let graph = match run.before {
        Some(before) => before.graph()?.to_vec(),
        None => graph::encode(run.project.graph()),
    };
    // Another call may have begun with another graph; where it is the same, what it knew is kept.
    let same = match run.before {
        Some(_) => None,
        None => run.place.open(run.dir),
    };
    let same = same.filter(|saved| saved.graph() == Some(&graph) && run.head.is_of(saved.head()));
    let former = run.before.or(same.as_ref());
    let good = run.project.graph().targets.ids();
    let good = good.filter(|id| run.project.is_good(*id)).collect();
    let former = former.map(|saved| Former::new(saved, run.dir, good));
    let (root, context) = (run.project.root, &run.project.context);
    let secrets = Secrets::of(context.answers, context.request);
    let mut assembly = Assembly {
        rows: Rows::new(root, run.project.memo),
        asked: AskedRows::new(root, context.answers, run.observer),
        former,
        secrets: &secrets,
        run: &run,
    };
    let plan_observations = assembly.asked_by_plan()?;
    let mut plan_files = assembly.gofiles()?;
    let left = left_over(run.project, &mut assembly.rows)?;
    plan_files.extend(left.files);
    let targets = assembly.targets();
    let selections = assembly.selections(run.words);
    let (files, observations) = (assembly.rows.files, assembly.asked.rows);
    let overtaken = overtaken(context.answers, &observations);
    let mut answers = secrets.without(context.answers);
    answers.retain(|(query, _)| !overtaken.contains(query));
    let head = Head {
        left_over: left.paths,
        ..run.head
    };
    let head = encode(&head);
    let mut queries = observations.values().map(|row| &row.query);
    if secrets.are_in(&graph)
        || secrets.are_in(&head)
        || queries.any(|query| secrets.are_in_query(query))
    {
        return None;
    }
    Some(Draft {
        origin: run.place.origin,
        files,
        observations,
        plan_files,
        plan_observations,
        targets,
        selections,
        head,
        graph,
        answers: encode(&answers),
        state: Vec::new(),
        journal: Mark::default(),
        memo: Mark::default(),
    })
}

struct Assembly<'r, 'a> {
    run: &'r Finished<'a>,
    rows: Rows<'r>,
    asked: AskedRows<'r>,
    former: Option<Former<'r>>,
    secrets: &'r Secrets,
}

impl Assembly<'_, '_> {
    fn graph(&self) -> &Graph {
        self.run.project.graph()
    }

    fn asked_by_plan(&mut self) -> Option<Vec<ObservationId>> {
        let run = self.run;
        if let (Some(before), Some(former)) = (run.before, &mut self.former) {
            let all = before.plan_observations();
            let mut copied = all.map(|id| former.observation(id, &mut self.asked, &mut self.rows));
            return copied.by_ref().collect();
        }
        let all = run.project.graph().asked.iter();
        all.map(|query| self.asked.planned(query, &mut self.rows))
            .collect()
    }

    /// None: a text is another one by now.
    fn gofiles(&mut self) -> Option<Vec<FileId>> {
        let mut files = Vec::new();
        for (path, _, digest) in &self.run.head.gofiles {
            let path = InputPath::Outside(path.into());
            match self.run.project.memo.content(&path).ok()? {
                content @ Content::File { digest: now, .. } if now == *digest => {
                    self.rows.input(&path, content, &mut files)
                }
                _ => return None,
            };
        }
        Some(files)
    }

    fn targets(&mut self) -> IdVec<TargetId, DraftTarget> {
        let run = self.run;
        let graph = run.project.graph();
        let needs: IdVec<TargetId, Vec<TargetId>> =
            Wanted::needs(graph, run.project.store, graph.targets.ids()).collect();
        if let Some(former) = &mut self.former {
            former.forget_behind(&needs, |id| run.seen.contains_key(&id));
        }
        let mut targets: IdVec<TargetId, DraftTarget> = needs
            .into_iter()
            .map(|needs| DraftTarget {
                needs,
                ..DraftTarget::default()
            })
            .collect();
        // What was seen in this run comes first: what was saved before must agree with it.
        let ids: Vec<TargetId> = targets.ids().collect();
        let (fresh, others) = ids
            .iter()
            .partition::<Vec<TargetId>, _>(|id| run.seen.contains_key(id));
        for id in fresh.into_iter().chain(others) {
            let needs = std::mem::take(&mut targets[id].needs);
            targets[id] = DraftTarget {
                needs,
                ..self.target(id)
            };
        }
        targets
    }

    fn target(&mut self, id: TargetId) -> DraftTarget {
        let run = self.run;
        let name = run.project.graph().target(id).name.to_string();
        let rests = run.seen.get(&id);
        let bound = rests.and_then(|rests| rests.bound.as_ref());
        let bound = bound.or(run.project.bound[id].as_ref());
        let mut target = DraftTarget {
            name,
            action: self.action(id, bound),
            ..DraftTarget::default()
        };
        let rested = match rests {
            Some(rests) => self.fresh(id, rests, bound),
            None if is_group(run.project, id, bound) => {
                self.asked_for(id, bound).map(|asked| (Vec::new(), asked))
            }
            None => self.former(id),
        };
        if let Some((files, observations)) = rested {
            target.files = files;
            target.observations = observations;
            target.is_settled = true;
            return target;
        }
        // An action is as good as the answers that it was made of: without them it must be made anew.
        match self.asked_for(id, bound) {
            Some(observations) => target.observations = observations,
            None => target.action.clear(),
        }
        target
    }

    fn action(&self, id: TargetId, bound: Option<&Bound>) -> Vec<u8> {
        let is_of_now = |bound: &&Bound| bound.asked.is_some();
        match (bound.filter(is_of_now), &self.former) {
            (Some(bound), _) if self.secrets.are_in_action(bound) => Vec::new(),
            (Some(bound), _) => encode(bound),
            (None, Some(former)) => former.snapshot.action(id).unwrap_or_default().to_vec(),
            (None, None) => Vec::new(),
        }
    }

    /// The rows of a target that the run looked at. None: they do not suffice.
    fn fresh(
        &mut self,
        id: TargetId,
        rests: &Rests,
        bound: Option<&Bound>,
    ) -> Option<(Vec<FileId>, Vec<ObservationId>)> {
        if !may_be_settled(self.run.project, id, bound) || self.has_lost_option(id, rests) {
            return None;
        }
        let record = self
            .run
            .project
            .store
            .result(&self.graph().target(id).name)?;
        let counted = rests.inputs.len() + rests.tools.len() + rests.deps.len();
        let mut files = Vec::with_capacity(counted + record.outputs.len());
        let inputs = [&rests.inputs, &rests.tools, &rests.deps];
        for (path, content) in inputs.into_iter().flatten() {
            if !self.rows.input(path, *content, &mut files) {
                return None;
            }
        }
        for path in &rests.absent {
            files.push(self.rows.absent(path));
        }
        for (path, content) in &record.outputs {
            if !self.rows.output(path, *content, &mut files) {
                return None;
            }
        }
        let mut observations = self.asked_for(id, bound)?;
        for looked in &rests.asked {
            observations.push(self.asked.looked(looked, &mut self.rows)?);
        }
        files.sort_unstable();
        files.dedup();
        observations.sort_unstable();
        observations.dedup();
        Some((files, observations))
    }

    /// What was asked when a target was bound, in this run or when the graph was saved.
    fn asked_for(&mut self, id: TargetId, bound: Option<&Bound>) -> Option<Vec<ObservationId>> {
        let asked = bound.and_then(|bound| bound.asked.as_ref());
        match (asked, &mut self.former) {
            (Some(asked), _) => {
                let all = asked.iter();
                all.map(|looked| self.asked.looked(looked, &mut self.rows))
                    .collect()
            }
            (None, Some(former)) => former.observations_of(id, &mut self.asked, &mut self.rows),
            (None, None) => None,
        }
    }

    /// What was saved of a target that the run did not look at.
    fn former(&mut self, id: TargetId) -> Option<(Vec<FileId>, Vec<ObservationId>)> {
        let project = self.run.project;
        let former = self.former.as_mut()?;
        let is_unfinished = project
            .store
            .is_unfinished(&project.graph().target(id).name);
        if is_unfinished || !former.snapshot.is_settled(id) || !former.holds(id) {
            return None;
        }
        if former.is_contradicted(id, &self.rows) {
            return None;
        }
        let files = former.files_of(id, &mut self.rows);
        let asked = former.observations_of(id, &mut self.asked, &mut self.rows)?;
        Some((files, asked))
    }

    /// Whether an optional input is there and leads nowhere: whether it is there decides as well, and no row says so.
    fn has_lost_option(&self, id: TargetId, rests: &Rests) -> bool {
        let mut lost = rests.inputs.iter();
        lost.any(|(path, content)| {
            *content == Content::Absent && is_optional(self.graph(), id, path)
        })
    }

    fn selections(&self, words: Digest) -> Vec<(Digest, Vec<Vec<TargetId>>)> {
        let mut selections = vec![(words, vec![self.run.roots.to_vec()])];
        if let Some(former) = &self.former {
            let known = former.snapshot.selections().into_iter();
            let others = known.filter(|(other, _)| *other != words);
            selections.extend(others.take(SELECTIONS - 1));
        }
        selections
    }
}

/// Whether rows can say that a target is up to date.
fn may_be_settled(project: &Project<'_>, id: TargetId, bound: Option<&Bound>) -> bool {
    let target = project.graph().target(id);
    let lies_elsewhere = match bound.map(|bound| &bound.action.command) {
        Some(Command::Image(spec)) => {
            spec.load || matches!(spec.source, ImageSource::Dockerfile(_))
        }
        Some(_) => false,
        None => true,
    };
    // What a service would run is known by being asked; and who needs it must find it bound.
    !target.always_runs
        && target.kind != Kind::Service
        && !lies_elsewhere
        && !project.store.is_unfinished(&target.name)
}

/// Whether a target runs nothing, and stands for what it needs.
fn is_group(project: &Project<'_>, id: TargetId, bound: Option<&Bound>) -> bool {
    project.graph().target(id).kind == Kind::Task
        && bound.is_some_and(|bound| bound.action.command == Command::None)
}

fn is_optional(graph: &Graph, id: TargetId, path: &InputPath) -> bool {
    graph.target(id).inputs.items.iter().any(|item| {
        matches!((item, path), (Input::File { path: declared, optional: true, .. }, InputPath::Project(path)) if declared == path)
    })
}

/// The questions whose planned answers a command of the run has made untrue: a row has the digest of another one. Whoever needs
/// these asks again.
fn overtaken<'a>(
    answers: &Answers,
    rows: &'a IdVec<ObservationId, ObservationRow>,
) -> HashSet<&'a Query> {
    let is_of_now = |row: &&ObservationRow| {
        let answer = answers.get(&row.query);
        answer.is_none_or(|answer| answer.digest() == row.answer)
    };
    let overtaken = rows.values().filter(|row| !is_of_now(row));
    overtaken.map(|row| &row.query).collect()
}
