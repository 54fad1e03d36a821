//! What a call holds open while it works on a project: the state, the lock, the cache, the slots; and the loop that binds
//! the wanted targets. Modes that run, forecast or explain all start here.

use crate::base::fs;
use crate::base::ids::{Id, IdVec};
use crate::base::path::ProjectPath;
use crate::base::source::Span;
use crate::cache::store::Cache;
use crate::cli::fault::{CallError, Fault};
use crate::cli::load::Loaded;
use crate::cli::observe::Observer;
use crate::cli::plan::{Plan, ask_go};
use crate::cli::saved::resume::{Known, Resumed};
use crate::event::timing::Work;
use crate::event::{Emit, Event};
use crate::execute::check::bind_all;
use crate::execute::command::RUNNING_VARIABLE;
use crate::execute::declared::left_over;
use crate::execute::environment::Variables;
use crate::execute::image::Images;
use crate::execute::past::Past;
use crate::execute::project::{Bound, Project};
use crate::execute::seen::SeenTargets;
use crate::execute::service::Services;
use crate::execute::signal::Cancel;
use crate::execute::slots::Slots;
use crate::execute::span::Spanned;
use crate::execute::starts::Starts;
use crate::execute::storing::Storing;
use crate::execute::turns::Turns;
use crate::execute::wanted::Wanted;
use crate::image::blobs::Blobs;
use crate::image::reference::Reference;
use crate::plan::bind::Context;
use crate::plan::error::Lint;
use crate::plan::eval::Running;
use crate::plan::graph::TargetId;
use crate::plan::module::Source;
use crate::plan::query::{Answer, Answers, GoAnswer, Outcome, Query};
use crate::plan::resolve::unmet_inputs;
use crate::registry::client::{Client, Options};
use crate::state::bases::Bases;
use crate::state::dir::{Access, StateDir};
use crate::state::lock::{Attempt, Lock};
use crate::state::memo::Memo;
use crate::state::store::Store;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::Duration;

/// How often a waiting gomake looks whether the other one has ended; also how soon it takes note of Ctrl-C.
const LOCK_POLL: Duration = Duration::from_millis(20);
/// From this many bytes on it is worth a thread to read what is recorded and what was hashed side by side: some thousand
/// targets.
const SIDE_BY_SIDE: u64 = 1 << 20;

/// State and cache, open.
pub struct Session {
    pub dir: StateDir,
    pub store: Store,
    pub memo: Memo,
    pub bases: Bases,
    pub cache: Option<Cache>,
    /// Another gomake was waited for: what was seen before may not be so any more.
    pub waited: bool,
    /// Held while anything may be written.
    lock: Mutex<Option<Lock>>,
}

impl Session {
    /// Opens the state for reading: nothing is written or locked.
    ///
    /// # Errors
    /// When the state cannot be read.
    pub fn read(root: &Path) -> Result<Self, Fault> {
        let dir = StateDir::open(root, Access::Read).map_err(Fault::one)?;
        Self::with(dir, None)
    }

    /// Opens the state for a run; waits while another gomake runs in the project.
    ///
    /// # Errors
    /// When the state cannot be written, when we were started by a run in the same project, or when interrupted while
    /// waiting.
    pub fn write(
        root: &Path,
        caller: &Variables,
        command: &str,
        cancel: &Cancel,
        emit: Emit<'_>,
    ) -> Result<Self, Fault> {
        let turn = Turn::wait(root, caller, command, cancel, emit)?;
        let mut session = Self::with(turn.dir, Some(turn.lock))?;
        session.waited = turn.waited;
        Ok(session)
    }

    /// As [`Session::write`], for a run that starts from a saved graph; of the state only that is read which the graph does not
    /// say. None: something has come since, and the run must start anew.
    ///
    /// # Errors
    /// As [`Session::write`].
    pub fn resume(
        saved: &Resumed,
        caller: &Variables,
        command: &str,
        cancel: &Cancel,
        emit: Emit<'_>,
    ) -> Result<Option<Self>, Fault> {
        let turn = Turn::wait(&saved.root, caller, command, cancel, emit)?;
        if turn.waited {
            return Ok(None);
        }
        let lock = Some(turn.lock);
        match saved.state(&turn.dir).map_err(Fault::one)? {
            Known::Otherwise => Ok(None),
            Known::Not => Self::with(turn.dir, lock).map(Some),
            Known::Partly(state) => {
                let (store, memo) = *state;
                Ok(Some(Self::of(turn.dir, store, memo, lock)))
            }
        }
    }

    fn with(dir: StateDir, lock: Option<Lock>) -> Result<Self, Fault> {
        let size = |name: &str| fs::stat(&dir.file(name)).map_or(0, |stat| stat.size);
        let (store, memo) = if size("journal").min(size("memo")) < SIDE_BY_SIDE {
            (Store::open(&dir), Memo::open(&dir))
        } else {
            rayon::join(|| Store::open(&dir), || Memo::open(&dir))
        };
        let store = store.map_err(Fault::one)?;
        let memo = memo.map_err(Fault::one)?;
        Ok(Self::of(dir, store, memo, lock))
    }

    fn of(dir: StateDir, store: Store, memo: Memo, lock: Option<Lock>) -> Self {
        Self {
            bases: Bases::open(&dir),
            dir,
            store,
            memo,
            cache: None,
            waited: false,
            lock: Mutex::new(lock),
        }
    }

    /// Lets others get their turn: nothing is written from now on.
    pub fn unlock(&self) {
        *self.lock.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// Whether it was opened for a run, and no other gomake may write.
    pub fn is_locked(&self) -> bool {
        let lock = self.lock.lock().unwrap_or_else(PoisonError::into_inner);
        lock.is_some()
    }

    /// Opens the user's cache; a cache that cannot be used is done without.
    pub fn open_cache(&mut self, place: Option<&Path>, limit: u64, emit: Emit<'_>) {
        let Some(place) = place else { return };
        match Cache::open(place, limit) {
            Ok(cache) => self.cache = Some(cache),
            Err(error) => emit(Event::Warning {
                target: None,
                message: format!("running without the cache: {error}"),
            }),
        }
    }
}

/// The right to write, while nobody else does.
struct Turn {
    dir: StateDir,
    lock: Lock,
    /// Another gomake was waited for.
    waited: bool,
}

impl Turn {
    fn wait(
        root: &Path,
        caller: &Variables,
        command: &str,
        cancel: &Cancel,
        emit: Emit<'_>,
    ) -> Result<Self, Fault> {
        let above = caller
            .get(OsStr::new(RUNNING_VARIABLE))
            .cloned()
            .unwrap_or_default();
        if std::env::split_paths(&above).any(|running| running == root) {
            return Err(Fault::one(CallError::Nested));
        }
        let dir = StateDir::open(root, Access::Write).map_err(Fault::one)?;
        let mut told = false;
        let lock = loop {
            match Lock::try_acquire(&dir, command).map_err(Fault::one)? {
                Attempt::Held(lock) => break lock,
                Attempt::Busy(holder) if !told => {
                    told = true;
                    emit(Event::LockWait { holder });
                }
                Attempt::Busy(_) if cancel.is_cancelled() => {
                    return Err(Fault::one(CallError::Interrupted));
                }
                Attempt::Busy(_) => std::thread::sleep(LOCK_POLL),
            }
        };
        // Files that a killed gomake left; we hold the lock, so nobody uses them.
        let _ = fs::remove_any(&dir.file("tmp"));
        Ok(Self {
            dir,
            lock,
            waited: told,
        })
    }
}

/// What the modes share beside the session.
pub struct Surroundings<'a> {
    /// `Never`: no command is started, neither for values nor for Go's import graph.
    pub running: Running,
    pub loaded: &'a Loaded,
    pub observer: &'a Observer,
    pub caller: &'a Variables,
    pub options: crate::execute::project::Options,
    pub cancel: &'a Cancel,
    pub slots: &'a Slots,
    pub services: &'a Services,
    pub emit: Emit<'a>,
    pub extra_args: &'a [String],
    /// Docker's `config.json`.
    pub docker_config: Option<PathBuf>,
    /// Whether tags of base images are resolved anew.
    pub bases: Resolve,
    /// Where it is noted what targets rest on, if anyone wants to know.
    pub seen: Option<&'a SeenTargets>,
    /// In watch mode: what earlier runs of this watch came to.
    pub past: Option<&'a Past>,
    /// The plan comes from a saved graph, which holds.
    pub saved: Option<&'a Resumed>,
}

impl<'a> Surroundings<'a> {
    fn modules(&self) -> Source<'a> {
        match self.saved {
            Some(saved) => Source::Later(saved),
            None => Source::Here(&self.loaded.modules),
        }
    }

    /// `Gofile:12:1`.
    fn place(&self, span: Span) -> String {
        match self.saved {
            Some(saved) => saved.place(span),
            None => self.loaded.sources.place(span),
        }
    }
}

/// What becomes of the tags of base images.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resolve {
    /// What was recorded counts; a registry is asked for the rest.
    Missing,
    All,
}

/// Binds what `roots` reach and hands the project over to `then`. The plan's answers grow by what was asked for it.
///
/// # Errors
/// Everything that is wrong with the wanted targets.
pub fn with_project<T>(
    around: &Surroundings<'_>,
    session: &Session,
    plan: &mut Plan,
    roots: &[TargetId],
    then: impl FnOnce(&Project<'_>, &Wanted, Vec<Lint>) -> Result<T, Fault>,
) -> Result<T, Fault> {
    let planning = Spanned::whole(around.emit, Work::Plan);
    if around.running == Running::Allowed && around.saved.is_none() {
        let wanted = Wanted::new(&plan.graph, roots, &session.store);
        ask_go(plan, &wanted.order, around.observer)?;
    }
    let wanted = match around.saved {
        Some(saved) => saved.wanted(&plan.graph, &session.store),
        None => Wanted::new(&plan.graph, roots, &session.store),
    };
    let named = around.saved.map(Resumed::named);
    let unmet = unmet_inputs(&plan.graph, &wanted.order);
    if !unmet.is_empty() {
        return Err(Fault::plan(unmet));
    }
    let cancelled = || around.cancel.is_cancelled();
    let client = Client::new(Options {
        insecure: plan.graph.settings.insecure_registries.clone(),
        docker_config: around.docker_config.clone(),
        env: around.caller.clone().into_iter().collect(),
        cancelled: &cancelled,
    });
    around.cancel.on_request(client.interrupter());
    let bases = match &session.cache {
        Some(cache) => cache.images(),
        None => Blobs::at(&session.dir.file("blobs")),
    };
    let images = Images::new(&client, bases);
    let observe = |query: Query| -> Answer {
        if let Query::BaseImage(reference) = &query {
            return base_digest(around, session, &client, reference);
        }
        if around.running == Running::Never && matches!(query, Query::Go(_)) {
            return Answer::Go(GoAnswer::default());
        }
        let mut answers = Answers::default();
        around
            .observer
            .answer_all(vec![query.clone()], &mut answers);
        answers
            .get(&query)
            .cloned()
            .unwrap_or(Answer::Failed("the question was not answered".to_owned()))
    };
    let place_of = |span: Span| around.place(span);
    let place = |id: TargetId| around.place(plan.graph.decl_of(id).name_span);
    let tracked = || tracked_files(&around.loaded.root);
    let left_over = match around.saved {
        Some(saved) => saved.left_over(),
        None => left_over(&plan.graph, &session.store, &session.memo, &observe),
    };
    let good = around
        .saved
        .map_or_else(Vec::new, |saved| saved.good.clone());
    let (known, unknown) = match around.saved {
        Some(saved) => {
            let concerned = wanted.order.iter().copied();
            saved.bound_of(concerned.filter(|id| !good[id.index()]))
        }
        None => (Vec::new(), wanted.order.clone()),
    };
    let mut answers = std::mem::take(&mut plan.answers);
    loop {
        let mut project = Project {
            root: &around.loaded.root,
            context: Context {
                modules: around.modules(),
                graph: &plan.graph,
                request: &plan.request,
                answers: &answers,
                running: around.running,
                extra_args: around.extra_args,
            },
            named: named.as_deref().unwrap_or(roots),
            bound: IdVec::filled(None, plan.graph.targets.len()),
            store: &session.store,
            memo: &session.memo,
            cache: session.cache.as_ref(),
            makers: OnceLock::new(),
            storing: Storing::default(),
            caller: around.caller,
            options: around.options.clone(),
            cancel: around.cancel,
            slots: around.slots,
            emit: around.emit,
            images: &images,
            services: around.services,
            observe: &observe,
            tracked_files: &tracked,
            place: &place,
            place_of: &place_of,
            seen: around.seen,
            past: around.past,
            left_over: left_over.clone(),
            good: good.clone(),
            turns: Turns::default(),
            starts: Starts::default(),
            fresh: Mutex::default(),
        };
        match bind_all(&project, &unknown).map_err(|error| Fault::one(CallError::Check(error)))? {
            Outcome::Failed(errors) => return Err(Fault::plan(errors)),
            Outcome::Wanting(queries) => {
                let (ours, others): (Vec<Query>, Vec<Query>) =
                    queries.into_iter().partition(|query| match query {
                        Query::BaseImage(_) => true,
                        Query::Go(_) => around.running == Running::Never,
                        _ => false,
                    });
                for query in ours {
                    let answer = observe(query.clone());
                    answers.insert(query, answer);
                }
                around.observer.answer_all(others, &mut answers);
            }
            Outcome::Ready(bound) => {
                let lints = fill(&mut project.bound, bound);
                for (id, bound) in known {
                    project.bound[id] = Some(bound);
                }
                drop(planning);
                let done = then(&project, &wanted, lints);
                plan.answers = answers;
                return done;
            }
        }
    }
}

/// What the tag of a base image stands for: as recorded, else as its registry says now.
fn base_digest(
    around: &Surroundings<'_>,
    session: &Session,
    client: &Client<'_>,
    reference: &Reference,
) -> Answer {
    let name = reference.to_string();
    if around.bases == Resolve::Missing
        && let Some(digest) = session.bases.get(&name)
    {
        return Answer::Text(Some(digest));
    }
    match client.resolve(reference) {
        Ok(found) => {
            let digest = found.digest.to_string();
            // What cannot be recorded is asked again the next time.
            let _ = session.bases.set(&name, &digest);
            Answer::Text(Some(digest))
        }
        Err(error) => Answer::Failed(match error.help() {
            Some(help) => format!("{error} ({help})"),
            None => error.to_string(),
        }),
    }
}

fn fill(
    into: &mut IdVec<TargetId, Option<Bound>>,
    bound: Vec<(TargetId, Bound, Vec<Lint>)>,
) -> Vec<Lint> {
    let mut lints = Vec::new();
    for (id, bound, more) in bound {
        into[id] = Some(bound);
        lints.extend(more);
    }
    lints
}

/// The files below `root` that git tracks; none where no repository is.
fn tracked_files(root: &Path) -> Result<Vec<ProjectPath>, String> {
    let in_repository = root
        .ancestors()
        .any(|dir| crate::base::fs::lstat(&dir.join(".git")).is_ok());
    if !in_repository {
        return Ok(Vec::new());
    }
    let listed = Command::new("git")
        .args(["ls-files", "-z"])
        .current_dir(root)
        .output()
        .map_err(|error| format!("git cannot be asked what it tracks: {error}"))?;
    if !listed.status.success() {
        let why = String::from_utf8_lossy(&listed.stderr).trim().to_owned();
        return Err(format!("git cannot say what it tracks: {why}"));
    }
    let names = listed.stdout.split(|byte| *byte == 0);
    let paths = names.filter_map(|name| {
        ProjectPath::root()
            .resolve(std::str::from_utf8(name).ok()?)
            .ok()
    });
    Ok(paths.collect())
}
