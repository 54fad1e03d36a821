//! `--watch`: a run, and another one for each change that concerns it. What may have changed comes from the watcher, what has
//! from contents; a run in which nothing is out of date says nothing.

mod hold;
mod inbox;
mod interest;
mod own;
mod steer;
mod turn;
mod world;

use crate::base::source::Sources;
use crate::cli::App;
use crate::cli::consumers::Outlets;
use crate::cli::fault::{CallError, Fault};
use crate::cli::keys::{Key, Keys};
use crate::cli::run::{slots, system};
use crate::cli::watch::hold::Seen;
use crate::cli::watch::inbox::{Inbox, Post, Wake};
use crate::cli::watch::interest::Interest;
use crate::cli::watch::own::OwnWrites;
use crate::cli::watch::turn::{Again, Begun, Turn};
use crate::cli::watch::world::{Texts, World};
use crate::event::watch::{Trigger, WatchStep};
use crate::event::{Emit, Event};
use crate::execute::past::Past;
use crate::execute::project::Reuse;
use crate::execute::service::{Idle, Services};
use crate::execute::signal::{Cancel, install_signal_handlers};
use crate::execute::slots::Slots;
use crate::plan::limit::read_duration;
use crate::plan::query::Answers;
use crate::report::Consumer;
use crate::watch::{Backend, Batch, Scope, Watcher};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Paths that are named when a run begins; the rest is counted.
const NAMED: usize = 3;
/// A change so soon after a run may be the run's own doing.
const AFTERMATH: Duration = Duration::from_millis(200);
/// The least time between looks at the file system that `--poll` may ask for.
const SHORTEST_POLL: Duration = Duration::from_millis(50);

/// Watches the project below `root` until somebody ends it. Returns the exit status.
pub fn watch(app: &App<'_>, root: &Path) -> u8 {
    let none = Outlets::default();
    let consumers = app.consumers(app.outlets.get().unwrap_or(&none));
    let keys: Mutex<Option<Keys>> = Mutex::new(None);
    let reasons: Mutex<Vec<String>> = Mutex::default();
    let emit = |event: Event| {
        match &event {
            // An interactive command has the terminal: it gets it as it was, and we take no keys.
            Event::Terminal { taken, .. } => {
                if let Some(keys) = &*keys.lock().unwrap_or_else(PoisonError::into_inner) {
                    if *taken { keys.pause() } else { keys.resume() }
                }
            }
            Event::Started { name, reason, .. } => reasons
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .push(format!("{name} ran: {reason}")),
            _ => {}
        }
        consumers.handle(&event);
    };
    let status = watched(app, root, &emit, &keys, &reasons);
    // The terminal is as it was before anything more is said.
    *keys.lock().unwrap_or_else(PoisonError::into_inner) = None;
    status.unwrap_or_else(|fault| app.wrong(&Sources::default(), &fault))
}

fn watched(
    app: &App<'_>,
    root: &Path,
    emit: Emit<'_>,
    keys: &Mutex<Option<Keys>>,
    reasons: &Mutex<Vec<String>>,
) -> Result<u8, Fault> {
    let cancel = Cancel::new().map_err(|source| system("cannot make a pipe", source))?;
    let _handlers =
        install_signal_handlers(&cancel).map_err(|source| system("cannot take signals", source))?;
    Services::with(emit, &cancel, Idle::Stays, |services| {
        let watch = Watch::start(app, root, emit, keys, reasons, &cancel, services)?;
        let status = watch.run();
        services.stop_all();
        Ok(status)
    })
}

/// What lives as long as the watch.
struct Watch<'a> {
    app: &'a App<'a>,
    root: PathBuf,
    emit: Emit<'a>,
    cancel: &'a Cancel,
    slots: Slots,
    services: &'a Services,
    inbox: Inbox,
    post: Post,
    watcher: Watcher,
    takes_keys: bool,
    /// Why the targets of the last run ran.
    reasons: &'a Mutex<Vec<String>>,
    past: Past,
    own: OwnWrites,
    interest: Interest,
    /// Answers that still hold.
    answers: Answers,
    /// What is wrong, as it was shown last.
    wrong: Option<String>,
    began: Instant,
    last_end: Instant,
}

/// What is done after a wait.
enum Next {
    Run { turn: Turn, world: Keep },
    Quit(u8),
}

/// What becomes of the Gofiles that were read.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Keep {
    Same,
    ReadAnew,
}

impl<'a> Watch<'a> {
    fn start(
        app: &'a App<'a>,
        root: &Path,
        emit: Emit<'a>,
        keys: &Mutex<Option<Keys>>,
        reasons: &'a Mutex<Vec<String>>,
        cancel: &'a Cancel,
        services: &'a Services,
    ) -> Result<Self, Fault> {
        let (inbox, send) = Inbox::new();
        let wake = send.clone();
        cancel.on_request(move || wake.send(Wake::Cancelled));
        // Before the first run, so that no change falls between it and the watching.
        let scope = Scope {
            root: root.to_owned(),
            files: BTreeSet::new(),
        };
        let wake = send.clone();
        let watcher = Watcher::start(scope, backend(app)?, move |batch| {
            wake.send(Wake::Batch(batch));
        })
        .map_err(Fault::one)?;
        let wake = send.clone();
        let taken = Keys::start(move |key| wake.send(Wake::Key(key)));
        // Without keys a watch is still a watch.
        let taken = taken.unwrap_or(None);
        let takes_keys = taken.is_some();
        *keys.lock().unwrap_or_else(PoisonError::into_inner) = taken;
        Ok(Self {
            slots: slots(app.args, app.env)?,
            app,
            root: root.to_owned(),
            emit,
            cancel,
            services,
            inbox,
            post: send,
            watcher,
            takes_keys,
            reasons,
            past: Past::default(),
            own: OwnWrites::default(),
            interest: Interest::new(root),
            answers: Answers::default(),
            wrong: None,
            began: Instant::now(),
            last_end: Instant::now(),
        })
    }

    /// Turn after turn. Returns the exit status.
    fn run(mut self) -> u8 {
        let mut turn = Turn::new(Trigger::Start);
        let mut world: Option<World> = None;
        loop {
            let next = match world.take().map_or_else(|| self.load(), Ok) {
                Ok(known) => {
                    let is_first = turn.why == Trigger::Start;
                    let begun = self.turn(&known, turn);
                    if let (true, Err(fault)) = (is_first, &begun)
                        && fault.is_of_call
                    {
                        // Nothing that is written into a Gofile is waited for when the call names what is not there.
                        return self.app.wrong(&known.loaded.sources, fault);
                    }
                    let next = self.after(&known, begun);
                    if let Next::Run {
                        world: Keep::Same, ..
                    } = next
                    {
                        world = Some(known);
                    }
                    next
                }
                Err(texts) => self.wait_for_any(&texts),
            };
            match next {
                Next::Run { turn: next, .. } => turn = next,
                Next::Quit(status) => {
                    let after = self.began.elapsed();
                    (self.emit)(Event::Watch(WatchStep::Ended { after }));
                    return status;
                }
            }
        }
    }

    /// Reads the Gofiles; what is wrong with them has been told.
    fn load(&mut self) -> Result<World, Texts> {
        // Variables may come from other files now, and nothing else that was answered for other texts is of use.
        self.answers = Answers::default();
        World::load(self.app.args, self.app.env).map_err(|unusable| {
            self.tell_wrong(&unusable.sources, &unusable.fault);
            self.watch_files(&unusable.texts);
            unusable.texts
        })
    }

    /// Shows what is wrong, once for as long as it is the same.
    fn tell_wrong(&mut self, sources: &Sources, fault: &Fault) {
        let shown: Vec<String> = fault.diagnostics.iter().map(ToString::to_string).collect();
        let shown = shown.join("\n");
        if self.wrong.as_ref() != Some(&shown) {
            self.app.wrong(sources, fault);
            (self.emit)(Event::Watch(WatchStep::Wrong));
            self.wrong = Some(shown);
        }
    }

    /// What follows a run: another one at once, or a wait.
    fn after(&mut self, world: &World, begun: Result<Begun, Fault>) -> Next {
        self.last_end = Instant::now();
        if let Some(status) = self.ended() {
            return Next::Quit(status);
        }
        match begun {
            Ok(begun) => {
                if begun.quit {
                    return Next::Quit(0);
                }
                self.wrong = None;
                self.watch_files(world.texts());
                if let Some(next) = begun.next {
                    return next;
                }
                self.waits();
            }
            Err(fault) => {
                self.tell_wrong(&world.loaded.sources, &fault);
                self.watch_files(world.texts());
                return self.wait_for_any(world.texts());
            }
        }
        self.wait(world)
    }

    fn waits(&self) {
        (self.emit)(Event::Watch(WatchStep::Waits {
            directories: self.watcher.directories(),
            keys: self.takes_keys,
        }));
    }

    /// Watches what counts and lies where nothing is watched otherwise.
    fn watch_files(&mut self, texts: &Texts) {
        let is_elsewhere =
            |path: &&PathBuf| !path.starts_with(&self.root) || self.watcher.is_ignored(path);
        let mut files: BTreeSet<PathBuf> = self
            .interest
            .files()
            .iter()
            .filter(is_elsewhere)
            .cloned()
            .collect();
        // A Gofile may lie where nothing else does, or be a link to elsewhere.
        files.extend(texts.paths().map(Path::to_owned));
        if hold::name_git(&self.answers) {
            files.extend(crate::cli::git::heads(&self.root));
        }
        if let Err(error) = self.watcher.set_files(files) {
            (self.emit)(Event::Warning {
                target: None,
                message: error.to_string(),
            });
        }
    }

    /// The exit status, where a signal has ended the watch.
    fn ended(&self) -> Option<u8> {
        self.cancel
            .is_cancelled()
            .then(|| self.cancel.exit_status().unwrap_or(0))
    }

    /// Waits for any change, when there is no plan that could say what counts: the Gofiles cannot be used as they are, or
    /// something that they name is missing.
    fn wait_for_any(&mut self, texts: &Texts) -> Next {
        loop {
            let again = match self.inbox.take() {
                Wake::Cancelled => return Next::Quit(self.cancel.exit_status().unwrap_or(0)),
                Wake::Key(Key::Quit) => return Next::Quit(0),
                Wake::Batch(Batch::RootGone) => return self.root_gone(),
                Wake::Key(Key::Clear) => {
                    (self.emit)(Event::Watch(WatchStep::Clear));
                    false
                }
                Wake::Key(Key::Rerun | Key::All) => {
                    self.wrong = None;
                    true
                }
                Wake::Batch(Batch::Rescan) => true,
                Wake::Batch(Batch::Paths(paths)) => paths.iter().any(|path| {
                    let is_text = texts.paths().any(|text| text == path);
                    let counts = self.interest.concerns(path) || !self.watcher.is_ignored(path);
                    is_text || (counts && !self.interest.is_made(path))
                }),
                Wake::Key(Key::Why | Key::Help) | Wake::Over => false,
            };
            if again {
                return Next::Run {
                    turn: Turn::new(Trigger::Rescan),
                    world: Keep::ReadAnew,
                };
            }
        }
    }

    /// Waits for something that may concern the wanted targets.
    fn wait(&mut self, world: &World) -> Next {
        loop {
            let next = match self.inbox.take() {
                Wake::Cancelled => Some(Next::Quit(self.cancel.exit_status().unwrap_or(0))),
                Wake::Key(key) => self.key(key),
                Wake::Batch(batch) => self.changed(world, batch),
                Wake::Over => None,
            };
            if let Some(next) = next {
                return next;
            }
        }
    }

    fn key(&mut self, key: Key) -> Option<Next> {
        match key {
            Key::Quit => return Some(Next::Quit(0)),
            Key::Rerun => return Some(self.again(Again::Rerun)),
            Key::All => return Some(self.again(Again::All)),
            Key::Clear => (self.emit)(Event::Watch(WatchStep::Clear)),
            Key::Why => self.tell_why(),
            Key::Help => (self.emit)(Event::Watch(WatchStep::Keys)),
        }
        None
    }

    /// A run that a person asks for.
    fn again(&self, again: Again) -> Next {
        self.services.forget_crashes();
        let reuse = match again {
            Again::Rerun => {
                self.past.forget();
                Reuse::Allowed
            }
            Again::All => Reuse::Never,
        };
        Next::Run {
            turn: Turn {
                reuse,
                ..Turn::new(Trigger::Key)
            },
            world: Keep::ReadAnew,
        }
    }

    fn tell_why(&self) {
        let lines = self.reasons.lock().unwrap_or_else(PoisonError::into_inner);
        let lines = lines.clone();
        (self.emit)(Event::Watch(WatchStep::Why { lines }));
    }

    /// What a change while nothing runs leads to; None where it concerns nobody.
    fn changed(&mut self, world: &World, batch: Batch) -> Option<Next> {
        let paths = match batch {
            Batch::RootGone => return Some(self.root_gone()),
            Batch::Rescan => {
                hold::keep_the_timeless(&mut self.answers);
                return Some(Next::Run {
                    turn: Turn::new(Trigger::Rescan),
                    world: Keep::ReadAnew,
                });
            }
            Batch::Paths(paths) => paths,
        };
        let is_aftermath = self.last_end.elapsed() < AFTERMATH;
        let found = self.concerned(world, &paths, is_aftermath)?;
        Some(Next::Run {
            turn: Turn::new(self.trigger(&found.paths)),
            world: found.world,
        })
    }

    /// Which of the paths of a change count, and what of the plan still holds; None where no path does.
    fn concerned(
        &mut self,
        world: &World,
        paths: &BTreeSet<PathBuf>,
        is_own_possible: bool,
    ) -> Option<Concerned> {
        let of_texts = world.texts().paths().any(|text| paths.contains(text));
        let keep = if of_texts && !world.texts().are_current() {
            Keep::ReadAnew
        } else {
            Keep::Same
        };
        let news: BTreeSet<PathBuf> = paths
            .iter()
            .filter(|path| self.interest.concerns(path) || !self.watcher.is_ignored(path))
            .cloned()
            .collect();
        // What git ignores and nobody reads is no news, whatever a command may print.
        if news.is_empty() && keep == Keep::Same {
            return None;
        }
        let anything = hold::hang_on_anything(&self.answers);
        let touched = hold::keep_what_holds(&mut self.answers, &Seen::of(&self.root, &news));
        let is_news = |path: &&PathBuf| {
            self.interest.concerns(path) || (anything && !self.interest.is_made(path))
        };
        let mut counted: BTreeSet<PathBuf> = news.iter().filter(is_news).cloned().collect();
        counted.extend(self.opaque_news(&news, is_own_possible));
        if keep == Keep::ReadAnew {
            counted.extend(
                world
                    .texts()
                    .paths()
                    .filter(|text| paths.contains(*text))
                    .map(Path::to_owned),
            );
        }
        (keep == Keep::ReadAnew || touched || !counted.is_empty()).then_some(Concerned {
            paths: counted,
            world: keep,
        })
    }

    /// The paths for which targets run again of which nobody knows what they read.
    fn opaque_news(&mut self, news: &BTreeSet<PathBuf>, is_own_possible: bool) -> Vec<PathBuf> {
        if self.interest.opaque().is_empty() {
            return Vec::new();
        }
        let mut counted = Vec::new();
        for path in news {
            let is_file = || {
                crate::base::fs::stat(path)
                    .is_ok_and(|stat| stat.kind != crate::base::fs::FileKind::Dir)
            };
            if self.interest.is_made(path)
                || !path.starts_with(&self.root)
                || (crate::base::fs::lstat(path).is_ok() && !is_file())
            {
                continue;
            }
            if is_own_possible {
                if self.own.is_own(path) {
                    continue;
                }
                if self.own.note(path) {
                    self.tell_own(path);
                    continue;
                }
            } else {
                self.own.note_anothers(path);
            }
            counted.push(path.clone());
        }
        if !counted.is_empty() {
            for target in self.interest.opaque() {
                self.past.forget_one(target);
            }
        }
        counted
    }

    fn tell_own(&self, path: &Path) {
        let names: Vec<&str> = self.interest.opaque().iter().map(AsRef::as_ref).collect();
        (self.emit)(Event::Warning {
            target: None,
            message: format!(
                "{} changes whenever {} runs, so its changes during a run are taken for the command's own; `inputs` say what a target reads",
                self.shown(path),
                names.join(", "),
            ),
        });
    }

    fn shown(&self, path: &Path) -> String {
        let inside = path.strip_prefix(&self.root).unwrap_or(path);
        inside.display().to_string()
    }

    fn trigger(&self, paths: &BTreeSet<PathBuf>) -> Trigger {
        // What targets have made themselves is looked at, and is nothing to tell.
        let others: Vec<&PathBuf> = paths
            .iter()
            .filter(|path| !self.interest.is_made(path))
            .collect();
        let named = others.iter().take(NAMED).map(|path| self.shown(path));
        Trigger::Changed {
            paths: named.collect(),
            more: others.len().saturating_sub(NAMED),
        }
    }

    fn root_gone(&self) -> Next {
        let fault = Fault::one(CallError::RootGone {
            root: self.root.clone(),
        });
        Next::Quit(self.app.wrong(&Sources::default(), &fault))
    }
}

/// What a change comes to.
struct Concerned {
    /// Those that count, for the heading of the run.
    paths: BTreeSet<PathBuf>,
    world: Keep,
}

fn backend(app: &App<'_>) -> Result<Backend, Fault> {
    let Some(text) = &app.args.poll else {
        return Ok(Backend::Native);
    };
    match read_duration(text) {
        Some(interval) if interval >= SHORTEST_POLL => Ok(Backend::Poll(interval)),
        _ => Err(Fault::one(CallError::PollInterval { text: text.clone() })),
    }
}

type Name = Arc<str>;
