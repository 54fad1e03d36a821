//! The modes that concern what a run does: the run itself, `-n`, and `--why`.

use crate::base::hash::HashSet;
use crate::cli::affected::Affected;
use crate::cli::args::Args;
use crate::cli::fault::{CallError, Fault};
use crate::cli::load::Loaded;
use crate::cli::observe::Observer;
use crate::cli::plan::{Plan, plan};
use crate::cli::saved::keep::Keeping;
use crate::cli::saved::resume::Resumed;
use crate::cli::session::{Resolve, Session, Surroundings, with_project};
use crate::cli::settings::Environment;
use crate::event::timing::Work;
use crate::event::{Emit, Event, Summary};
use crate::execute::drive;
use crate::execute::environment::Variables;
use crate::execute::forecast::{Fate, forecast};
use crate::execute::image;
use crate::execute::project::{Going, Options, Project, Reuse};
use crate::execute::service::{Idle, Services};
use crate::execute::signal::{Cancel, install_signal_handlers};
use crate::execute::slots::Slots;
use crate::execute::span::Spanned;
use crate::execute::wanted::Wanted;
use crate::plan::action::{Command, Kind};
use crate::plan::eval::Running;
use crate::plan::graph::TargetId;
use std::fmt::Write;
use std::time::{Duration, Instant};

/// How long a command that was asked to end may take before it is killed.
const GRACE: Duration = Duration::from_secs(5);

/// The cache's limit where the Gofile does not say.
pub const CACHE_LIMIT: u64 = 10 << 30;

/// What a call is made of, for the modes here.
pub struct Call<'a> {
    pub args: &'a Args,
    pub env: &'a Environment,
    pub loaded: &'a Loaded,
    pub observer: &'a Observer,
    /// The caller's variables with those of dotenv files.
    pub caller: &'a Variables,
    pub emit: Emit<'a>,
    /// With `--affected-by` or `--staged`: what the call is narrowed to.
    pub only: Option<&'a Affected>,
    /// Somebody wants to be told of each target, also of those that are up to date.
    pub tells_each: bool,
    /// The call starts from a saved graph.
    pub saved: Option<&'a Resumed>,
}

impl Call<'_> {
    /// The plan of the call, narrowed to what is affected where that is asked for.
    pub(super) fn planned(&self, words: &[String]) -> Result<Plan, Fault> {
        let _span = Spanned::whole(self.emit, Work::Plan);
        let mut planned = plan(self.loaded, words, self.observer, Running::Allowed)?;
        if let Some(only) = self.only {
            only.narrow(&mut planned);
        }
        Ok(planned)
    }

    /// Says what dotenv files tried to set and may not.
    pub(super) fn tell_refused(&self) {
        for (file, name) in self.observer.refused() {
            (self.emit)(Event::Warning {
                target: None,
                message: format!(
                    "{file} may not set {name}, which decides what code runs: it is ignored"
                ),
            });
        }
    }

    pub(super) fn options(&self, slots: &Slots) -> Options {
        let jobs = match self.args.jobs {
            Some(jobs) => usize::from(jobs),
            None => slots.limit().unwrap_or_else(|| self.env.jobs(self.args)),
        };
        Options {
            jobs,
            keep_going: if self.args.keep_going {
                Going::KeepGoing
            } else {
                Going::StopAtFailure
            },
            reuse: if self.args.force {
                Reuse::Never
            } else {
                Reuse::Allowed
            },
            grace: GRACE,
            tells_each: self.tells_each,
            terminal: self.env.terminal_for_commands(self.args),
        }
    }

    pub(super) fn surroundings<'b>(
        &'b self,
        cancel: &'b Cancel,
        slots: &'b Slots,
        services: &'b Services,
        running: Running,
    ) -> Surroundings<'b> {
        Surroundings {
            running,
            loaded: self.loaded,
            observer: self.observer,
            caller: self.caller,
            options: self.options(slots),
            cancel,
            slots,
            services,
            emit: self.emit,
            extra_args: &self.args.args,
            docker_config: self.env.docker_config(),
            bases: if self.args.pull {
                Resolve::All
            } else {
                Resolve::Missing
            },
            seen: None,
            past: None,
            saved: self.saved,
        }
    }

    /// As [`images`]; of what a diff affects, none need be one.
    fn images(
        &self,
        project: &Project<'_>,
        roots: &[TargetId],
        flag: &'static str,
    ) -> Result<Vec<TargetId>, Fault> {
        match self.only {
            Some(_) if images_of(project, roots).is_empty() => Ok(Vec::new()),
            _ => images(project, roots, flag),
        }
    }

    /// One stage of a run; images leave the machine when all of the last one has succeeded.
    fn stage(
        &self,
        session: &Session,
        project: &Project<'_>,
        wanted: &Wanted,
        roots: &[TargetId],
        is_last: bool,
    ) -> Result<Summary, Fault> {
        let push = match self.args.push && is_last {
            true => self.images(project, roots, "--push")?,
            false => Vec::new(),
        };
        let load = match self.args.load && is_last {
            true => self.images(project, roots, "--load")?,
            false => Vec::new(),
        };
        (self.emit)(Event::Planned {
            wanted: wanted.order.len() + wanted.settled,
        });
        let mut done =
            drive::run(project, wanted).map_err(|source| system("cannot start threads", source))?;
        if done.failed.is_empty() && !done.interrupted {
            done.failed.extend(image::load(project, &load));
            done.failed.extend(image::push(project, &push));
            done.interrupted = project.cancel.is_cancelled();
        }
        if done.failed.is_empty() && !done.interrupted {
            let services = project.named_services();
            if !services.is_empty() {
                // What was made is made; for as long as the services stay, others get their turn.
                self.settle(session);
                session.unlock();
            }
            done.failed
                .extend(project.services.stay(project, &services));
            done.interrupted = project.cancel.is_cancelled();
        }
        Ok(done)
    }

    /// Runs what the call asks for. Returns the exit status; None: the saved graph that it began with holds no longer, and
    /// nothing has been done.
    ///
    /// # Errors
    /// What is wrong with the Gofile or the call: nothing has run then, but for what earlier stages did.
    pub fn run(&self) -> Result<Option<u8>, Fault> {
        let began = Instant::now();
        let cancel = Cancel::new().map_err(|source| system("cannot make a pipe", source))?;
        let _handlers = install_signal_handlers(&cancel)
            .map_err(|source| system("cannot take signals", source))?;
        Services::with(self.emit, &cancel, Idle::Ends, |services| {
            self.run_stages(began, &cancel, services)
        })
    }

    fn run_stages(
        &self,
        began: Instant,
        cancel: &Cancel,
        services: &Services,
    ) -> Result<Option<u8>, Fault> {
        let slots = slots(self.args, self.env)?;
        let keeping = Keeping::of(self);
        let mut around = self.surroundings(cancel, &slots, services, Running::Allowed);
        around.seen = keeping.as_ref().map(|keeping| &keeping.seen);
        let command = std::iter::once("gomake").chain(self.args.words.iter().map(String::as_str));
        let command = command.collect::<Vec<_>>().join(" ");
        let mut plan_now = match self.saved.map(Resumed::plan) {
            Some(Some(plan)) => plan,
            Some(None) => return Ok(None),
            None => self.planned(&self.args.words)?,
        };
        let session = match self.saved {
            Some(saved) => Session::resume(saved, self.caller, &command, cancel, self.emit),
            None => Session::write(&self.loaded.root, self.caller, &command, cancel, self.emit)
                .map(Some),
        };
        let mut session = match (session, cancel.exit_status()) {
            (Ok(Some(session)), _) => session,
            (Ok(None), _) => return Ok(None),
            // Nothing is wrong with the Gofile when somebody is tired of waiting.
            (Err(_), Some(status)) => return Ok(Some(status)),
            (Err(fault), None) => return Err(fault),
        };
        if session.waited {
            plan_now = self.planned(&self.args.words)?;
        }
        let limit = plan_now.graph.settings.cache_size.unwrap_or(CACHE_LIMIT);
        session.open_cache(self.env.cache_dir().as_deref(), limit, self.emit);
        let mut total = Summary::default();
        let mut kept = None;
        for stage in 0..plan_now.stages.len() {
            if stage > 0 {
                // What a clean removed, globs must not find again.
                plan_now = self.planned(&self.args.words)?;
            }
            let roots = plan_now.stages[stage].clone();
            let is_last = stage + 1 == plan_now.stages.len();
            let keeping = keeping.as_ref().filter(|_| plan_now.stages.len() == 1);
            let done = with_project(
                &around,
                &session,
                &mut plan_now,
                &roots,
                |project, wanted, _| {
                    let done = self.stage(&session, project, wanted, &roots, is_last)?;
                    if !done.interrupted && session.is_locked() {
                        let moved = done.ran + done.restored;
                        kept = keeping
                            .map(|keeping| keeping.draft(self, &session, project, &roots, moved));
                    }
                    Ok(done)
                },
            );
            match (done, cancel.exit_status()) {
                // A registry that was asked for a base, say: its silence is no mistake of the Gofile's.
                (Err(_), Some(status)) => return Ok(Some(status)),
                (done, _) => total.add(done?),
            }
            if !total.failed.is_empty() || total.interrupted {
                break;
            }
        }
        services.stop_all();
        if session.is_locked() {
            self.settle(&session);
            if let (Some(keeping), Some(draft)) = (&keeping, kept) {
                keeping.write(self, &session, draft);
            }
        }
        // Planning counts too: it is what a person waits for.
        total.elapsed = began.elapsed();
        let status = match (cancel.exit_status(), total.failed.is_empty()) {
            (Some(status), _) => status,
            (None, false) => 1,
            (None, true) => 0,
        };
        (self.emit)(Event::Summary(total));
        session.unlock();
        // The process ends now, and the system takes back what it has faster than piece by piece.
        std::mem::forget((plan_now, session));
        Ok(Some(status))
    }

    /// Writes what was learnt; what cannot be written is only slower the next time.
    pub(super) fn settle(&self, session: &Session) {
        let saved = session.memo.save().map_err(|error| error.to_string());
        let collected = session
            .cache
            .as_ref()
            .map(|cache| cache.settle().map_err(|error| error.to_string()));
        for trouble in [saved.err(), collected.and_then(Result::err)]
            .into_iter()
            .flatten()
        {
            (self.emit)(Event::Warning {
                target: None,
                message: trouble,
            });
        }
    }

    /// What a run would do, target by target.
    ///
    /// # Errors
    /// As [`Call::run`].
    pub fn dry_run(&self) -> Result<String, Fault> {
        self.forecast(&self.args.words, |project, fates, _| {
            let mut out = String::new();
            for (id, fate) in fates {
                match project.graph().target(*id).kind {
                    Kind::Service => service_line(&mut out, project, *id, fates),
                    _ => self.line(&mut out, project, *id, fate),
                }
            }
            let is_service = |id: TargetId| project.graph().target(id).kind == Kind::Service;
            let counted = |wanted: fn(&Fate) -> bool| {
                let ends = fates.iter().filter(|(id, _)| !is_service(*id));
                ends.filter(|(_, fate)| wanted(fate)).count()
            };
            let _ = writeln!(
                out,
                "would run {}, restore {}; {} up to date{}",
                counted(|fate| matches!(fate, Fate::Run { .. })),
                counted(|fate| matches!(fate, Fate::Restore { .. })),
                counted(|fate| matches!(fate, Fate::UpToDate)),
                match counted(|fate| matches!(fate, Fate::Perhaps { .. })) {
                    0 => String::new(),
                    many => format!("; {many} only if what they need comes out different"),
                }
            );
            out
        })
    }

    /// One target of `-n`.
    fn line(&self, out: &mut String, project: &Project<'_>, id: TargetId, fate: &Fate) {
        let target = project.graph().target(id);
        let label = format!("{} {}", target.kind, target.name);
        let _ = match fate {
            Fate::UpToDate if self.args.verbose => writeln!(out, "up to date  {label}"),
            Fate::UpToDate => Ok(()),
            Fate::Restore { reasons } => writeln!(out, "restore     {label}  ({})", first(reasons)),
            Fate::Run { reasons } => writeln!(out, "run         {label}  ({})", first(reasons)),
            Fate::Perhaps { because } => {
                writeln!(
                    out,
                    "perhaps     {label}  (behind {})",
                    project.graph().target(*because).name
                )
            }
        };
        if matches!(fate, Fate::Run { .. } | Fate::Perhaps { .. }) {
            command_lines(out, project, id);
        }
        if target.kind == Kind::Clean
            && let Some(bound) = &project.bound[id]
        {
            match project.clean_plan(&bound.action.remove) {
                Ok(sweep) => project.told(&sweep.remove).iter().for_each(|path| {
                    let _ = writeln!(out, "    remove {path}");
                }),
                Err(why) => {
                    let _ = writeln!(out, "    {why}");
                }
            }
        }
    }

    /// What changed for a target since its last success.
    ///
    /// # Errors
    /// As [`Call::run`].
    pub fn why(&self, word: &str) -> Result<String, Fault> {
        let mut words: Vec<String> = self.args.words.clone();
        words.push(word.to_owned());
        self.forecast(&words, |project, fates, asked| {
            let mut out = String::new();
            for (id, fate) in fates.iter().filter(|(id, _)| asked.contains(id)) {
                explain(&mut out, project, *id, fate, fates);
            }
            out
        })
    }

    fn forecast(
        &self,
        words: &[String],
        then: impl Fn(&Project<'_>, &[(TargetId, Fate)], &[TargetId]) -> String,
    ) -> Result<String, Fault> {
        let cancel = Cancel::new().map_err(|source| system("cannot make a pipe", source))?;
        let slots = slots(self.args, self.env)?;
        let services = Services::none(&cancel);
        let around = self.surroundings(&cancel, &slots, &services, Running::Allowed);
        let mut planned = self.planned(words)?;
        let mut session = Session::read(&self.loaded.root)?;
        let limit = planned.graph.settings.cache_size.unwrap_or(CACHE_LIMIT);
        session.open_cache(self.env.cache_dir().as_deref(), limit, self.emit);
        let roots: Vec<TargetId> = planned.stages.concat();
        with_project(
            &around,
            &session,
            &mut planned,
            &roots,
            |project, wanted, _| {
                let fates = forecast(project, wanted)
                    .map_err(|error| Fault::one(CallError::Check(error)))?;
                Ok(then(project, &fates, &roots))
            },
        )
    }
}

/// A jobserver of ours, or the one of a make above us.
pub(super) fn slots(args: &Args, env: &Environment) -> Result<Slots, Fault> {
    match env.makeflags().and_then(Slots::join) {
        Some(slots) => Ok(slots),
        None => {
            Slots::serve(env.jobs(args)).map_err(|source| system("cannot make a jobserver", source))
        }
    }
}

/// The images that `flag` is about: those named, and those of groups that are named.
pub(super) fn images(
    project: &Project<'_>,
    roots: &[TargetId],
    flag: &'static str,
) -> Result<Vec<TargetId>, Fault> {
    let images = images_of(project, roots);
    if images.is_empty() {
        return Err(Fault::one(CallError::NoImage { flag }));
    }
    let untagged = images.iter().filter(|id| {
        project
            .image_spec(**id)
            .is_some_and(|spec| spec.tags.is_empty())
    });
    let names = untagged.map(|id| project.graph().target(*id).name.to_string());
    let faults: Vec<CallError> = names.map(|name| CallError::NoTags { name }).collect();
    if faults.is_empty() {
        Ok(images)
    } else {
        Err(Fault::all(faults))
    }
}

/// The images among `roots`, and those that groups among them stand for, in order.
fn images_of(project: &Project<'_>, roots: &[TargetId]) -> Vec<TargetId> {
    let mut images = Vec::new();
    let mut seen = HashSet::default();
    let mut pending: Vec<TargetId> = roots.iter().rev().copied().collect();
    while let Some(id) = pending.pop() {
        let target = project.graph().target(id);
        if !seen.insert(id) {
            continue;
        }
        let is_group = || {
            let bound = project.bound[id].as_ref();
            bound.is_some_and(|bound| bound.action.command == Command::None)
        };
        match target.kind {
            Kind::Image => images.push(id),
            Kind::Task if is_group() => {
                pending.extend(target.needs.iter().rev().map(|edge| edge.to));
            }
            _ => {}
        }
    }
    images
}

/// A service of `-n`: whether it would start, and for whom.
fn service_line(out: &mut String, project: &Project<'_>, id: TargetId, fates: &[(TargetId, Fate)]) {
    let graph = project.graph();
    let users = |wanted: fn(&Fate) -> bool| -> Vec<&str> {
        let all = fates.iter().filter(|(_, fate)| wanted(fate));
        let users = all.filter(|(user, _)| {
            graph.target(*user).kind != Kind::Service
                && !project.is_group(*user)
                && project.services_behind(*user).contains(&id)
        });
        users.map(|(user, _)| &*graph.target(*user).name).collect()
    };
    let certain = users(|fate| matches!(fate, Fate::Run { .. }));
    let possible = users(|fate| matches!(fate, Fate::Perhaps { .. }));
    let name = &graph.target(id).name;
    let _ = match (certain.as_slice(), possible.as_slice()) {
        _ if project.named_services().contains(&id) => writeln!(out, "start       service {name}"),
        ([], []) => return,
        ([], all) => writeln!(
            out,
            "perhaps     service {name}  (needed by {})",
            all.join(", ")
        ),
        (all, _) => writeln!(
            out,
            "start       service {name}  (needed by {})",
            all.join(", ")
        ),
    };
    command_lines(out, project, id);
}

fn command_lines(out: &mut String, project: &Project<'_>, id: TargetId) {
    if let Some(bound) = &project.bound[id] {
        for line in crate::execute::command::text(&bound.action.command).lines() {
            let _ = writeln!(out, "    {line}");
        }
    }
}

fn first(reasons: &[String]) -> String {
    match reasons {
        [] => "no reason recorded".to_owned(),
        [only] => only.clone(),
        [first, rest @ ..] => format!("{first}; and {} more", rest.len()),
    }
}

/// The whole story of one target.
fn explain(
    out: &mut String,
    project: &Project<'_>,
    id: TargetId,
    fate: &Fate,
    fates: &[(TargetId, Fate)],
) {
    let graph = project.graph();
    let name = &graph.target(id).name;
    let mut list = |head: String, reasons: &[String]| {
        let _ = writeln!(out, "{head}");
        for reason in reasons {
            let _ = writeln!(out, "  {}", reason.replace('\n', "\n  "));
        }
    };
    match fate {
        Fate::UpToDate if graph.target(id).kind == Kind::Service => {
            let changed = project.changed_in_service(id).unwrap_or_default();
            let head = if changed.is_empty() {
                "nothing changed since something that needs it last succeeded"
            } else {
                "it changed since something that needs it last succeeded:"
            };
            list(format!("{name} starts for what needs it: {head}"), &changed);
        }
        Fate::UpToDate => list(
            format!("{name} is up to date: nothing changed since its last success"),
            &[],
        ),
        Fate::Restore { reasons } => list(format!("{name} would come from the cache:"), reasons),
        Fate::Run { reasons } => list(format!("{name} would run:"), reasons),
        Fate::Perhaps { because } => {
            let cause = graph.target(*because);
            let makes = match cause.kind {
                Kind::Service => "runs",
                _ => "makes",
            };
            list(
                format!(
                    "{name} runs if what {} {makes} comes out different:",
                    cause.name
                ),
                &[],
            );
            if let Some((_, fate)) = fates.iter().find(|(other, _)| other == because) {
                explain(out, project, *because, fate, fates);
            }
        }
    }
}

pub(super) fn system(what: &'static str, source: std::io::Error) -> Fault {
    Fault::one(CallError::System { what, source })
}
