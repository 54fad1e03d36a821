//! A run that goes on while things happen: changes, keys, signals.

use crate::base::digest::Digest;
use crate::cli::fault::Fault;
use crate::cli::keys::Key;
use crate::cli::plan::plan;
use crate::cli::run::system;
use crate::cli::session::with_project;
use crate::cli::watch::hold::Seen;
use crate::cli::watch::inbox::{Post, Wake};
use crate::cli::watch::turn::{Again, Meanwhile, Stage, conclude};
use crate::cli::watch::world::World;
use crate::cli::watch::{Name, Watch};
use crate::event::watch::WatchStep;
use crate::event::{Event, Summary};
use crate::execute::live::{Change, Live};
use crate::execute::signal::Level;
use crate::plan::eval::Running;
use crate::watch::Batch;
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};

/// Says that a run is over, also where it ends in a panic.
struct TellsEnd(Post);

impl Drop for TellsEnd {
    fn drop(&mut self) {
        self.0.send(Wake::Over);
    }
}

/// A run with what it works on.
struct Run<'r> {
    stage: &'r Stage<'r>,
    live: &'r Live<'r>,
    /// Its plan is out of date: it is not run to its end.
    drained: &'r AtomicBool,
}

impl Watch<'_> {
    /// Runs a stage on a thread of its own, and deals meanwhile with what happens.
    pub(super) fn steered(
        &self,
        stage: &Stage<'_>,
        meanwhile: &mut Meanwhile,
    ) -> Result<Summary, Fault> {
        (self.emit)(Event::Planned {
            wanted: stage.wanted.order.len(),
        });
        let live = Live::new(stage.project, stage.wanted);
        let drained = AtomicBool::new(false);
        let (services, loads) = (self.services, self.app.args.load);
        let done = std::thread::scope(|scope| {
            let post = self.post.clone();
            let runner = scope.spawn(|| {
                let _tells = TellsEnd(post);
                let mut done = live
                    .run()
                    .map_err(|source| system("cannot start threads", source))?;
                // What is out of date is made anew first.
                if !drained.load(Ordering::SeqCst) {
                    conclude(stage, services, loads, &mut done)?;
                }
                Ok(done)
            });
            let run = Run {
                stage,
                live: &live,
                drained: &drained,
            };
            loop {
                match self.inbox.take() {
                    Wake::Over => break,
                    wake => self.meanwhile(&run, wake, meanwhile),
                }
            }
            runner.join()
        });
        meanwhile.drained |= drained.into_inner();
        done.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    }

    fn meanwhile(&self, run: &Run<'_>, wake: Wake, meanwhile: &mut Meanwhile) {
        match wake {
            // The run ends by itself.
            Wake::Cancelled | Wake::Over => {}
            Wake::Key(key) => self.key_meanwhile(run, key, meanwhile),
            Wake::Batch(Batch::RootGone) => {
                meanwhile.root_gone = true;
                run.stage.project.cancel.request(Level::Polite);
            }
            Wake::Batch(Batch::Rescan) => {
                meanwhile.rescan = true;
                run.live.changed(&Change::Anything);
            }
            Wake::Batch(Batch::Paths(paths)) => self.changed_meanwhile(run, paths, meanwhile),
        }
    }

    fn key_meanwhile(&self, run: &Run<'_>, key: Key, meanwhile: &mut Meanwhile) {
        match key {
            Key::Quit => {
                // As with Ctrl-C: the second time does not ask.
                let level = if meanwhile.quit {
                    Level::Now
                } else {
                    Level::Polite
                };
                meanwhile.quit = true;
                run.stage.project.cancel.request(level);
            }
            Key::Rerun => meanwhile.again = Some(Again::Rerun),
            Key::All => meanwhile.again = Some(Again::All),
            Key::Why => self.tell_why(),
            Key::Help => (self.emit)(Event::Watch(WatchStep::Keys)),
            // What runs has lines on the screen.
            Key::Clear => {}
        }
    }

    fn changed_meanwhile(
        &self,
        run: &Run<'_>,
        paths: BTreeSet<PathBuf>,
        meanwhile: &mut Meanwhile,
    ) {
        let news = paths
            .iter()
            .filter(|path| self.interest.concerns(path) && !self.interest.is_made(path));
        let news: Vec<String> = news.map(|path| self.shown(path)).collect();
        if !news.is_empty() {
            (self.emit)(Event::Watch(WatchStep::Noticed {
                paths: news.into_iter().take(super::NAMED).collect(),
            }));
        }
        let overtaken = run
            .live
            .changed(&Change::Paths(paths.iter().cloned().collect()));
        if !meanwhile.drained
            && let Some(new) = self.other_keys(run, &paths)
        {
            let old = Self::keys(run.stage.project, run.stage.wanted);
            let is_stale = |name: &str| old.get(name) != new.get(name);
            run.drained.store(true, Ordering::SeqCst);
            run.live.drain(&is_stale);
        }
        if !overtaken.is_empty() {
            let shown = paths.iter().take(super::NAMED).map(|path| self.shown(path));
            (self.emit)(Event::Watch(WatchStep::Overtaken {
                paths: shown.collect(),
            }));
        }
        meanwhile.paths.extend(paths);
    }

    /// The keys by the plan as it would be made now; None where the plan is what it was, or cannot be made.
    fn other_keys(
        &self,
        run: &Run<'_>,
        paths: &BTreeSet<PathBuf>,
    ) -> Option<BTreeMap<Name, Digest>> {
        let texts = run.stage.world.texts();
        if texts.paths().any(|text| paths.contains(text)) && !texts.are_current() {
            // What is wrong with it is told when the run is over, if it is still so.
            let world = World::load(self.app.args, self.app.env).ok()?;
            return self.keys_of(run, &world);
        }
        let seen = Seen::of(&self.root, paths);
        let differs = run
            .stage
            .project
            .context
            .answers
            .iter()
            .any(|(query, answer)| {
                seen.leaves(query, answer) == Some(false)
                    && run.stage.world.observer.answer(query) != *answer
            });
        differs
            .then(|| self.keys_of(run, run.stage.world))
            .flatten()
    }

    fn keys_of(&self, run: &Run<'_>, world: &World) -> Option<BTreeMap<Name, Digest>> {
        let call = self.call(world);
        let mut around = call.surroundings(
            run.stage.project.cancel,
            &self.slots,
            self.services,
            Running::Allowed,
        );
        around.past = Some(&self.past);
        let words = &self.app.args.words;
        let mut planned = plan(&world.loaded, words, &world.observer, Running::Allowed).ok()?;
        let roots = planned.stages.concat();
        with_project(
            &around,
            run.stage.session,
            &mut planned,
            &roots,
            |project, wanted, _| Ok(Self::keys(project, wanted)),
        )
        .ok()
    }
}
