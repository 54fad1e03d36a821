//! What a run works on and with: the graph, the disk, the state, the cache. Shared by all threads of the run.

use crate::base::fs::{self, FsResult};
use crate::base::hash::HashSet;
use crate::base::ids::{Id, IdVec};
use crate::base::path::ProjectPath;
use crate::base::source::Span;
use crate::cache::store::Cache;
use crate::event::{Emit, Event};
use crate::execute::environment::Variables;
use crate::execute::image::Images;
use crate::execute::makers::Makers;
use crate::execute::past::Past;
use crate::execute::seen::{Looked, SeenTargets};
use crate::execute::service::Services;
use crate::execute::signal::Cancel;
use crate::execute::slots::Slots;
use crate::execute::starts::Starts;
use crate::execute::storing::Storing;
use crate::execute::turns::Turns;
use crate::plan::action::Action;
use crate::plan::bind::{Context, Files};
use crate::plan::graph::{Graph, TargetId};
use crate::plan::query::{Answer, Answers, Query};
use crate::state::memo::Memo;
use crate::state::store::Store;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

/// How a run goes about it.
#[derive(Debug, Clone)]
pub struct Options {
    /// Actions at once, at least 1.
    pub jobs: usize,
    pub keep_going: Going,
    pub reuse: Reuse,
    /// How long a command may take to end after it was asked to.
    pub grace: Duration,
    /// Each target is told, also one that is known to be up to date.
    pub tells_each: bool,
    /// Commands get a terminal of this size for their output, and so keep their colours; None: they get a pipe.
    pub terminal: Option<CommandScreen>,
}

/// Columns and rows for the command of a target, by the target's name.
pub type CommandScreen = fn(&str) -> (u16, u16);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Going {
    /// After a failure nothing further starts.
    StopAtFailure,
    /// Go on with what does not depend on the failure.
    KeepGoing,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reuse {
    Allowed,
    /// The targets that the call names run; what they need may be reused.
    OfNeeds,
    /// Every wanted command runs (`-B`), and nothing protects what `clean` would spare.
    Never,
}

/// A target with the values that it was given when the plan was made.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Bound {
    pub files: Files,
    pub action: Arc<Action>,
    /// What was asked to make it. None: it was not made in this run.
    #[serde(skip)]
    pub asked: Option<Vec<Looked>>,
}

pub struct Project<'a> {
    /// Absolute.
    pub root: &'a Path,
    pub context: Context<'a>,
    /// The targets that the call names: what follows `--` is for them.
    pub named: &'a [TargetId],
    /// One for each wanted target.
    pub bound: IdVec<TargetId, Option<Bound>>,
    pub store: &'a Store,
    pub memo: &'a Memo,
    /// None: nothing is stored or restored.
    pub cache: Option<&'a Cache>,
    /// Who declares which outputs; asked for by [`Project::makers`].
    pub makers: OnceLock<Makers>,
    /// What waits to be stored there.
    pub storing: Storing,
    /// The caller's variables, dotenv files included.
    pub caller: &'a Variables,
    pub options: Options,
    pub cancel: &'a Cancel,
    pub slots: &'a Slots,
    pub emit: Emit<'a>,
    /// Registries, and what was pulled from them.
    pub images: &'a Images<'a>,
    pub services: &'a Services,
    /// Answers a question anew.
    pub observe: &'a (dyn Fn(Query) -> Answer + Sync),
    /// What git tracks in the project; nothing where there is no repository, an error where git cannot tell.
    pub tracked_files: &'a (dyn Fn() -> Result<Vec<ProjectPath>, String> + Sync),
    /// `Gofile:12:1` of a target.
    pub place: &'a (dyn Fn(TargetId) -> String + Sync),
    /// `Gofile:12:1` of a place in a text.
    pub place_of: &'a (dyn Fn(Span) -> String + Sync),
    /// Where it is noted what targets rest on, if anyone wants to know.
    pub seen: Option<&'a SeenTargets>,
    /// In watch mode: what earlier runs of this watch came to.
    pub past: Option<&'a Past>,
    /// Files that earlier runs made for targets that are gone.
    pub left_over: HashSet<String>,
    /// Targets that a saved graph knows to be up to date, by target id; empty without one.
    pub good: Vec<bool>,
    /// In a run that takes changes: who runs on what.
    pub turns: Turns,
    pub starts: Starts,
    /// What Go says since changes came in this run, where it is not what was planned with.
    pub fresh: Mutex<Answers>,
}

impl Project<'_> {
    pub fn graph(&self) -> &Graph {
        self.context.graph
    }
    /// Whether a target is known to be up to date without being looked at.
    pub fn is_good(&self, id: TargetId) -> bool {
        self.good.get(id.index()).is_some_and(|is_good| *is_good)
    }
    /// The context to bind a target in.
    pub fn context_for(&self, id: TargetId) -> Context<'_> {
        let extra_args = match self.context.extra_args {
            // Of 100,000 named targets, none is looked for in vain.
            [] => &[],
            given if self.named.contains(&id) => given,
            _ => &[],
        };
        Context {
            extra_args,
            ..self.context
        }
    }
    /// By what the command of a target is told to end.
    pub fn cancel_of(&self, id: TargetId) -> Cancel {
        self.turns
            .cancel_of(id)
            .unwrap_or_else(|| self.cancel.clone())
    }
    pub fn makers(&self) -> &Makers {
        self.makers.get_or_init(|| Makers::new(self.graph()))
    }
    pub fn observe_one(&self, query: Query) -> Answer {
        (self.observe)(query)
    }
    pub fn is_present(&self, path: &ProjectPath) -> bool {
        fs::lstat(&path.under(self.root)).is_ok()
    }
    /// Where files are that no later run is to find; it is emptied when a run begins.
    pub fn tmp(&self) -> FsResult<PathBuf> {
        let dir = self.root.join(".gomake").join("tmp");
        fs::create_dirs(&dir).map(|()| dir)
    }
    /// Where services have their logs and what they need for as long as they are up.
    pub fn services_dir(&self) -> FsResult<PathBuf> {
        let dir = self.root.join(".gomake").join("services");
        fs::create_dirs(&dir).map(|()| dir)
    }
    pub fn warn(&self, target: TargetId, message: String) {
        (self.emit)(Event::Warning {
            target: Some(self.graph().target(target).name.clone()),
            message,
        });
    }
}
