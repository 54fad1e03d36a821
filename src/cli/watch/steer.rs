//! A run that goes on while things happen: changes, keys, signals.

use crate::base::digest::Digest;
use crate::cli::fault::Fault;
use crate::cli::keys::Key;
use crate::cli::plan::plan;
use crate::cli::run::system;
use crate::cli::session::{Session, with_project};
use crate::cli::watch::hold::Seen;
use crate::cli::watch::inbox::{Post, Wake};
use crate::cli::watch::turn::{Meanwhile, Turn};
use crate::cli::watch::world::World;
use crate::cli::watch::{Keep, Name, Next, Watch};
use crate::event::watch::{Trigger, WatchStep};
use crate::event::{Event, Summary};
use crate::execute::live::{Change, Live};
use crate::execute::project::{Project, Reuse};
use crate::execute::signal::Level;
use crate::execute::wanted::Wanted;
use crate::plan::eval::Running;
use crate::watch::Batch;
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

/// Says that a run is over, also where it ends in a panic.
struct TellsEnd(Post);

impl Drop for TellsEnd {
    fn drop(&mut self) {
        self.0.send(Wake::Over);
    }
}

/// A run with what it works on.
struct Run<'r> {
    world: &'r World,
    session: &'r Session,
    project: &'r Project<'r>,
    wanted: &'r Wanted,
    live: &'r Live<'r>,
}

impl Watch<'_> {
    /// Runs the wanted targets on a thread of its own, and deals meanwhile with what happens.
    pub(super) fn steered(
        &self,
        world: &World,
        session: &Session,
        project: &Project<'_>,
        wanted: &Wanted,
        meanwhile: &mut Meanwhile,
    ) -> Result<Summary, Fault> {
        (self.emit)(Event::Planned {
            wanted: wanted.order.len(),
        });
        let live = Live::new(project, wanted);
        let done = std::thread::scope(|scope| {
            let post = self.post.clone();
            let runner = scope.spawn(|| {
                let _tells = TellsEnd(post);
                live.run()
            });
            let run = Run {
                world,
                session,
                project,
                wanted,
                live: &live,
            };
            loop {
                match self.inbox.take() {
                    Wake::Over => break,
                    wake => self.meanwhile(&run, wake, meanwhile),
                }
            }
            runner.join()
        });
        match done {
            Ok(done) => done.map_err(|source| system("cannot start threads", source)),
            Err(panic) => std::panic::resume_unwind(panic),
        }
    }

    fn meanwhile(&self, run: &Run<'_>, wake: Wake, meanwhile: &mut Meanwhile) {
        match wake {
            // The run ends by itself.
            Wake::Cancelled | Wake::Over => {}
            Wake::Key(key) => self.key_meanwhile(run, key, meanwhile),
            Wake::Batch(Batch::RootGone) => {
                meanwhile.root_gone = true;
                run.project.cancel.request(Level::Polite);
            }
            Wake::Batch(Batch::Rescan) => {
                meanwhile.rescan = true;
                run.live.changed(&Change::Anything);
            }
            Wake::Batch(Batch::Paths(paths)) => self.changed_meanwhile(run, paths, meanwhile),
        }
    }

    fn key_meanwhile(&self, run: &Run<'_>, key: Key, meanwhile: &mut Meanwhile) {
        let again = |reuse| {
            Some(Next::Run {
                turn: Turn {
                    reuse,
                    ..Turn::new(Trigger::Key)
                },
                world: Keep::ReadAnew,
            })
        };
        match key {
            Key::Quit => {
                // As with Ctrl-C: the second time does not ask.
                let level = if meanwhile.quit {
                    Level::Now
                } else {
                    Level::Polite
                };
                meanwhile.quit = true;
                run.project.cancel.request(level);
            }
            Key::Rerun => meanwhile.again = again(Reuse::Allowed),
            Key::All => meanwhile.again = again(Reuse::Never),
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
        let overtaken = run
            .live
            .changed(&Change::Paths(paths.iter().cloned().collect()));
        if !meanwhile.drained
            && let Some(new) = self.other_keys(run, &paths)
        {
            let old = Self::keys(run.project, run.wanted);
            let is_stale = |name: &str| old.get(name) != new.get(name);
            run.live.drain(&is_stale);
            meanwhile.drained = true;
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
        let texts = run.world.texts();
        if texts.paths().any(|text| paths.contains(text)) && !texts.are_current() {
            // What is wrong with it is told when the run is over, if it is still so.
            let world = World::load(self.app.args, self.app.env).ok()?;
            return self.keys_of(run, &world);
        }
        let seen = Seen::of(&self.root, paths);
        let differs = run.project.context.answers.iter().any(|(query, answer)| {
            seen.leaves(query, answer) == Some(false) && run.world.observer.answer(query) != *answer
        });
        differs.then(|| self.keys_of(run, run.world)).flatten()
    }

    fn keys_of(&self, run: &Run<'_>, world: &World) -> Option<BTreeMap<Name, Digest>> {
        let call = self.call(world);
        let mut around = call.surroundings(
            run.project.cancel,
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
            run.session,
            &mut planned,
            &roots,
            |project, wanted, _| Ok(Self::keys(project, wanted)),
        )
        .ok()
    }
}
