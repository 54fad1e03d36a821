//! One run of a watch: as any run of gomake, with the state opened and locked for just as long, so that other calls get their
//! turn in between.

use crate::base::digest::Digest;
use crate::cli::fault::Fault;
use crate::cli::plan::{Plan, plan, plan_from};
use crate::cli::run::{CACHE_LIMIT, Call, system};
use crate::cli::session::{Resolve, Session, Surroundings, with_project};
use crate::cli::watch::hold;
use crate::cli::watch::interest::Interest;
use crate::cli::watch::world::World;
use crate::cli::watch::{Keep, Name, Next, Watch};
use crate::event::watch::{Trigger, WatchStep};
use crate::event::{Event, Summary};
use crate::execute::expand::Disk;
use crate::execute::image;
use crate::execute::project::{Project, Reuse};
use crate::execute::service::Services;
use crate::execute::wanted::Wanted;
use crate::plan::eval::Running;
use crate::plan::graph::TargetId;
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::PoisonError;
use std::time::Instant;

/// What a run is for.
pub struct Turn {
    pub why: Trigger,
    pub reuse: Reuse,
}

/// How a run came to its end.
#[derive(Default)]
pub struct Begun {
    /// Somebody wants no more.
    pub quit: bool,
    /// What is to be done at once.
    pub next: Option<Next>,
}

/// A run that a person asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Again {
    /// What failed and what always runs, though nothing changed.
    Rerun,
    All,
}

/// What happened while a run went on.
#[derive(Default)]
pub struct Meanwhile {
    pub paths: BTreeSet<PathBuf>,
    pub rescan: bool,
    pub quit: bool,
    pub root_gone: bool,
    /// A key that asks for another run.
    pub again: Option<Again>,
    /// The plan of this run is out of date: it was not run to its end.
    pub drained: bool,
}

impl Turn {
    pub fn new(why: Trigger) -> Self {
        Self {
            why,
            reuse: Reuse::Allowed,
        }
    }
}

/// What one stage of a run is about.
pub(super) struct Stage<'s> {
    pub world: &'s World,
    pub session: &'s Session,
    pub project: &'s Project<'s>,
    pub wanted: &'s Wanted,
    /// The targets that the call names, if this is the last stage.
    pub roots: Option<&'s Vec<TargetId>>,
}

/// Whether everything succeeded, now or earlier: only then later stages follow, and images and services.
pub(super) fn is_whole(done: &Summary) -> bool {
    done.failed.is_empty() && done.still_failing.is_empty() && !done.interrupted
}

/// What follows the last stage: images go to the engine where this run has made any, and the services that the call names are up
/// from now on.
pub(super) fn conclude(
    stage: &Stage<'_>,
    services: &Services,
    loads: bool,
    done: &mut Summary,
) -> Result<(), Fault> {
    let Some(roots) = stage.roots.filter(|_| is_whole(done)) else {
        return Ok(());
    };
    let project = stage.project;
    if loads && done.ran + done.restored > 0 {
        let images = crate::cli::run::images(project, roots, "--load")?;
        done.failed.extend(image::load(project, &images));
    }
    let named = project.named_services();
    done.failed.extend(services.bring_up(project, &named));
    done.interrupted = project.cancel.is_cancelled();
    Ok(())
}

impl Watch<'_> {
    /// Runs what the call asks for, and takes changes while it does.
    pub fn turn(&mut self, world: &World, turn: Turn) -> Result<Begun, Fault> {
        let began = Instant::now();
        let is_first = turn.why == Trigger::Start;
        (self.emit)(Event::Watch(WatchStep::Begins { why: turn.why }));
        self.reasons
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clear();
        self.own.next_run();
        let call = self.call(world);
        let answers = std::mem::take(&mut self.answers);
        let words = &self.app.args.words;
        let mut planned = plan_from(
            &world.loaded,
            words,
            &world.observer,
            Running::Allowed,
            answers,
        )?;
        let Some(session) = self.session(&call, &mut planned)? else {
            return Ok(Begun::default());
        };
        let cancel = self
            .cancel
            .child()
            .map_err(|source| system("cannot make a pipe", source))?;
        let mut around = call.surroundings(&cancel, &self.slots, self.services, Running::Allowed);
        around.past = Some(&self.past);
        around.options.reuse = turn.reuse;
        if !is_first {
            around.bases = Resolve::Missing;
        }
        let mut meanwhile = Meanwhile::default();
        let done = self.stages(world, &around, &session, &mut planned, &mut meanwhile);
        call.settle(&session);
        let (mut total, interest) = match done {
            Ok(done) => done,
            // A registry that was asked for a base, say: its silence is no mistake of the Gofile's.
            Err(_) if cancel.is_cancelled() => return Ok(Begun::default()),
            Err(fault) => return Err(fault),
        };
        total.elapsed = began.elapsed();
        (self.emit)(Event::Summary(total));
        drop(session);
        self.interest = interest;
        self.answers = planned.answers;
        Ok(self.sum_up(world, meanwhile))
    }

    pub(super) fn call<'b>(&self, world: &'b World) -> Call<'b>
    where
        Self: 'b,
    {
        self.app.call(&world.loaded, &world.observer, self.emit)
    }

    /// Opens the state. None where somebody was tired of waiting for another gomake.
    fn session(&self, call: &Call<'_>, planned: &mut Plan) -> Result<Option<Session>, Fault> {
        let words = &self.app.args.words;
        let command = ["gomake", "--watch"]
            .into_iter()
            .chain(words.iter().map(String::as_str));
        let command = command.collect::<Vec<_>>().join(" ");
        let opened = Session::write(&self.root, call.caller, &command, self.cancel, self.emit);
        let mut session = match opened {
            Ok(session) => session,
            Err(_) if self.cancel.is_cancelled() => return Ok(None),
            Err(fault) => return Err(fault),
        };
        if session.waited {
            *planned = plan(call.loaded, words, call.observer, Running::Allowed)?;
        }
        let limit = planned.graph.settings.cache_size.unwrap_or(CACHE_LIMIT);
        session.open_cache(self.app.env.cache_dir().as_deref(), limit, self.emit);
        Ok(Some(session))
    }

    fn stages(
        &self,
        world: &World,
        around: &Surroundings<'_>,
        session: &Session,
        planned: &mut Plan,
        meanwhile: &mut Meanwhile,
    ) -> Result<(Summary, Interest), Fault> {
        let mut total = Summary::default();
        let mut interest = Interest::new(&self.root);
        for stage in 0..planned.stages.len() {
            if stage > 0 {
                // What a clean removed, globs must not find again.
                let words = &self.app.args.words;
                *planned = plan(&world.loaded, words, &world.observer, Running::Allowed)?;
            }
            let roots = planned.stages[stage].clone();
            let is_last = stage + 1 == planned.stages.len();
            let done = with_project(around, session, planned, &roots, |project, wanted, _| {
                let stage = Stage {
                    world,
                    session,
                    project,
                    wanted,
                    roots: is_last.then_some(&roots),
                };
                let done = self.steered(&stage, meanwhile)?;
                interest.add(project, wanted);
                Ok(done)
            })?;
            total.add(done);
            if !is_whole(&total) || meanwhile.drained {
                break;
            }
        }
        for (include, exclude) in hold::globs(&planned.answers) {
            interest.add_glob(include, exclude);
        }
        hold::looked_at(&planned.answers).for_each(|path| interest.add_file(&path));
        Ok((total, interest))
    }

    /// What follows from what happened during the run.
    fn sum_up(&mut self, world: &World, meanwhile: Meanwhile) -> Begun {
        let mut begun = Begun {
            quit: meanwhile.quit,
            next: meanwhile.again.map(|again| self.again(again)),
        };
        if meanwhile.root_gone {
            begun.next = Some(self.root_gone());
        } else if meanwhile.rescan || meanwhile.drained {
            hold::keep_the_timeless(&mut self.answers);
            let why = if meanwhile.rescan {
                Trigger::Rescan
            } else {
                self.trigger(&meanwhile.paths)
            };
            begun.next = begun.next.or(Some(Next::Run {
                turn: Turn::new(why),
                world: Keep::ReadAnew,
            }));
        } else if !meanwhile.paths.is_empty()
            && let Some(found) = self.concerned(world, &meanwhile.paths, true)
        {
            // What came too late for the run is found by looking again; mostly there is nothing to be found.
            begun.next = begun.next.or(Some(Next::Run {
                turn: Turn::new(self.trigger(&found.paths)),
                world: found.world,
            }));
        }
        begun
    }

    /// What the wanted targets' plans come to: two plans on the same disk differ where these do.
    pub(super) fn keys(project: &Project<'_>, wanted: &Wanted) -> BTreeMap<Name, Digest> {
        let key = |&id: &TargetId| {
            let last = |id: TargetId| project.last_outputs(id);
            let prepared = project.prepare(id, Disk::Changed, &last).ok()?;
            let name = project.graph().target(id).name.clone();
            Some((name, prepared.subject(&[]).key()))
        };
        wanted.order.iter().filter_map(key).collect()
    }
}
