//! The tests of Go packages: which of them are known to pass, which must run, what is kept of them. One target, many results.

pub(crate) mod record;
pub(crate) mod show;

pub mod exec;
mod keys;
mod looks;
mod places;
mod run;
mod seen;

use crate::base::clock::Moment;
use crate::base::fs;
use crate::base::path::{InputPath, ProjectPath};
use crate::execute::check::Prepared;
use crate::execute::command;
use crate::execute::expand::Disk;
use crate::execute::gotest::exec::ExecFlag;
use crate::execute::gotest::keys::Tested;
use crate::execute::gotest::looks::Seen;
use crate::execute::gotest::record::{Fragment, Pass, Record};
use crate::execute::outcome::Discovered;
use crate::execute::perform::{Beginning, MadeAnew, Settled, Trouble};
use crate::execute::project::{Project, Reuse};
use crate::fingerprint::content::{Content, Outputs};
use crate::golang::testing::coverage::Profile;
use crate::golang::testing::spec::{GoTestSpec, goes_by_package};
use crate::plan::action::{Action, Command};
use crate::plan::graph::TargetId;
use crate::plan::query::{Answer, GoAnswer, HostFact, Query};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

/// The tests of one target in one run.
pub(super) struct Tests<'a> {
    project: &'a Project<'a>,
    id: TargetId,
    prepared: &'a Prepared,
    spec: Arc<GoTestSpec>,
    answer: GoAnswer,
    exec: ExecFlag,
    tested: Vec<Tested>,
    record: Record,
    /// What passed, known or in this run, by import path.
    passes: BTreeMap<String, Pass>,
    /// The packages that are to run.
    asked: BTreeSet<String>,
}

impl Project<'_> {
    /// Settles a target whose packages are tested each by itself. None: it is not one of these, or all must run in one call.
    pub(crate) fn settle_go_tests(
        &self,
        id: TargetId,
        prepared: &Prepared,
        reasons: &[String],
        made: &dyn Fn(TargetId) -> Outputs,
    ) -> Option<Result<Settled, Trouble>> {
        let tests = Tests::of(self, id, prepared)?;
        Some(tests.settle(reasons, made))
    }

    /// Notes that a target's tests ran in one call, and succeeded.
    pub(crate) fn note_whole_tests(&self, id: TargetId, action: &Action) {
        if !action.command.is_go_test() {
            return;
        }
        let record = Record {
            target: self.graph().target(id).name.to_string(),
            is_whole: true,
            ..self.tests_record(id).unwrap_or_default()
        };
        if let Err(error) = self.keep_tests_record(id, &record) {
            self.warn(id, error.to_string());
        }
    }

    /// Why a target's tests are not up to date, though its fingerprint is that of its last success: what they looked at has
    /// changed, or is not known.
    pub(crate) fn moved_tests(&self, id: TargetId, action: &Action) -> Option<String> {
        if !action.command.is_go_test() {
            return None;
        }
        let Some(record) = self.tests_record(id) else {
            return Some("what its tests looked at is not recorded".to_owned());
        };
        if record.is_whole {
            return None;
        }
        for (path, pass) in record.passes() {
            let Some(pass) = pass else {
                return Some(format!(
                    "what the tests of {path} looked at changed while they ran"
                ));
            };
            if let Some(what) = self.moved(id, action, &pass.looks) {
                return Some(format!("{what}, which the tests of {path} look at"));
            }
        }
        None
    }

    /// What the last success of a target's tests rests on and its record does not name: variables that are not of the target,
    /// and whether rows of a saved graph can say all the rest.
    pub(crate) fn looked_at_by_tests(&self, id: TargetId, action: &Action) -> Option<TestsRest> {
        if !action.command.is_go_test() {
            return None;
        }
        let record = self.tests_record(id)?;
        let mut rest = TestsRest::default();
        if record.is_whole {
            rest.is_said_by_files = true;
            return Some(rest);
        }
        let looks: Vec<_> = record.passes().map(|(_, pass)| pass).collect();
        let paths = looks.iter().flatten().flat_map(|pass| &pass.looks.paths);
        rest.is_said_by_files = looks.iter().all(Option::is_some)
            && paths
                .clone()
                .all(|(_, seen)| matches!(seen, Seen::Content(_)));
        let env = looks
            .iter()
            .flatten()
            .flat_map(|pass| pass.looks.env.keys());
        rest.variables = env
            .filter(|name| !action.env.contains_key(*name))
            .cloned()
            .collect();
        Some(rest)
    }

    /// What the tests of a target looked at when they last ran, whether they passed or failed; of a directory that was listed,
    /// that it was. Empty for other targets.
    pub(crate) fn paths_of_tests(&self, id: TargetId) -> Vec<(InputPath, bool)> {
        let Some(record) = self.bound_tests_record(id) else {
            return Vec::new();
        };
        let paths = record.looks().flat_map(|looks| &looks.paths);
        paths
            .map(|(path, seen)| (path.clone(), matches!(seen, Seen::Listing(_))))
            .collect()
    }

    /// Whether something has changed that the tests of a target looked at when they last ran: then those that failed may pass, and
    /// those that passed may fail.
    pub(crate) fn have_tests_moved(&self, id: TargetId) -> bool {
        let (Some(record), Some(bound)) = (self.bound_tests_record(id), &self.bound[id]) else {
            return false;
        };
        let mut looks = record.looks();
        looks.any(|looks| self.moved(id, &bound.action, looks).is_some())
    }

    fn bound_tests_record(&self, id: TargetId) -> Option<Record> {
        let bound = self.bound[id].as_ref()?;
        let is_it = bound.action.command.is_go_test();
        is_it.then(|| self.tests_record(id)).flatten()
    }

    /// The lines of the tests of a target's last success.
    pub(crate) fn known_test_lines(&self, id: TargetId) -> Option<String> {
        let record = self.bound_tests_record(id)?;
        (!record.is_whole).then(|| record.lines())
    }
}

/// What tests rest on beside files.
#[derive(Debug, Default)]
pub(crate) struct TestsRest {
    pub variables: BTreeSet<String>,
    pub is_said_by_files: bool,
}

impl<'a> Tests<'a> {
    fn of(project: &'a Project<'a>, id: TargetId, prepared: &'a Prepared) -> Option<Self> {
        let Command::GoTest(spec) = &prepared.action.command else {
            return None;
        };
        let Some(Answer::Go(answer)) = project.go_answer(id, Disk::Changed) else {
            return None;
        };
        if !goes_by_package_here(project, prepared, &answer) {
            return None;
        }
        let exec = ExecFlag::new()?;
        let tested = project.tested(prepared, spec, &answer);
        // A package of loose files has no name that it could be called by.
        let is_loose = |one: &Tested| {
            one.import_path.starts_with('_') || one.import_path == "command-line-arguments"
        };
        if tested.is_empty() || tested.iter().any(is_loose) {
            return None;
        }
        let name = project.graph().target(id).name.to_string();
        let record = project.tests_record(id).unwrap_or_default();
        let mut tests = Self {
            record: Record {
                target: name,
                is_whole: false,
                ..record
            },
            asked: tested.iter().map(|one| one.import_path.clone()).collect(),
            passes: BTreeMap::new(),
            spec: spec.clone(),
            project,
            id,
            prepared,
            answer,
            exec,
            tested,
        };
        if !tests.is_forced() {
            tests.take_known();
        }
        Some(tests)
    }

    /// Whether all must run, whatever is known.
    fn is_forced(&self) -> bool {
        match self.project.options.reuse {
            Reuse::Allowed => false,
            Reuse::OfNeeds => self.project.named.contains(&self.id),
            Reuse::Never => true,
        }
    }

    /// Takes the passes that still hold: the target's own, and what the user's cache has.
    fn take_known(&mut self) {
        let cache = self.project.cache.filter(|_| self.prepared.action.cache);
        for one in &self.tested {
            let own = self.record.packages.get(&one.import_path);
            let own = own.and_then(|package| package.pass.as_ref());
            let own = own.filter(|(key, _)| *key == one.key);
            let own = own.map(|(_, pass)| pass.clone()).into_iter();
            let cached = || cache.map_or_else(Vec::new, |cache| cache.tests::<Pass>(one.key));
            let cached = std::iter::once_with(cached).flatten();
            let action = &self.prepared.action;
            let holds = |pass: &Pass| self.project.moved(self.id, action, &pass.looks).is_none();
            if let Some(pass) = own.chain(cached).find(holds) {
                self.asked.remove(&one.import_path);
                let known = self
                    .record
                    .packages
                    .entry(one.import_path.clone())
                    .or_default();
                known.pass = Some((one.key, pass.clone()));
                self.passes.insert(one.import_path.clone(), pass);
            }
        }
    }

    fn settle(
        mut self,
        reasons: &[String],
        made: &dyn Fn(TargetId) -> Outputs,
    ) -> Result<Settled, Trouble> {
        let (project, id) = (self.project, self.id);
        if self.asked.is_empty() {
            let cleared = project.clear_the_way(id, self.prepared);
            let note = cleared.map_err(|how| self.failed(how))?;
            let at = Moment::now();
            let beginning = Beginning { at, note };
            // How long it takes is known from a run of it.
            let before = project.store.result(&self.record.target);
            let took = before.map_or(0, |record| record.duration_ms);
            return match self.finish(&beginning, Duration::from_millis(took), made)? {
                Settled::Ran {
                    outputs,
                    overtaken: None,
                    ..
                } => Ok(Settled::Restored(outputs)),
                settled => Ok(settled),
            };
        }
        let lease = project.lease(id, made)?;
        let attempted = self.attempts(reasons);
        let (duration, beginning) = project.with_lease(id, lease, attempted)?;
        self.finish(&beginning, duration, made)
    }

    /// Writes what the tests of all packages come to, and records the success.
    fn finish(
        &mut self,
        beginning: &Beginning,
        duration: Duration,
        made: &dyn Fn(TargetId) -> Outputs,
    ) -> Result<Settled, Trouble> {
        let (project, id) = (self.project, self.id);
        self.record.succeeded = self
            .tested
            .iter()
            .map(|one| one.import_path.clone())
            .collect();
        let names = &self.record.succeeded;
        self.record.packages.retain(|path, _| names.contains(path));
        self.write_profile().map_err(|how| self.failed(how))?;
        self.save();
        let outputs = project.made_outputs(id, &beginning.note);
        let outputs = outputs.map_err(|how| self.failed(how))?;
        let found = Discovered {
            deps: self.files_looked_at(),
            changed: Vec::new(),
        };
        let anew = MadeAnew {
            found: Vec::new(),
            outputs: &outputs,
            duration,
        };
        let overtaken = project.keep(id, self.prepared, &found, anew, made);
        Ok(Settled::Ran {
            outputs: outputs.into(),
            unchanged: false,
            overtaken,
        })
    }

    pub(super) fn failed(&self, how: String) -> Trouble {
        let command = command::text(&self.prepared.action.command);
        Trouble::Failed(self.project.failure(self.id, how, command))
    }

    pub(super) fn save(&self) {
        if let Err(error) = self.project.keep_tests_record(self.id, &self.record) {
            let message = format!("what passed could not be recorded, and will run again: {error}");
            self.project.warn(self.id, message);
        }
    }

    /// Files that the tests looked at and that are none of the target's inputs, with what they held; sorted.
    fn files_looked_at(&self) -> Vec<(InputPath, Content)> {
        let mut files: BTreeMap<&InputPath, Content> = BTreeMap::new();
        for pass in self.passes.values() {
            for (path, seen) in &pass.looks.paths {
                if let Seen::Content(content) = seen {
                    files.insert(path, *content);
                }
            }
        }
        let inputs = &self.prepared.inputs;
        let is_input = |path: &InputPath| {
            inputs
                .binary_search_by(|(known, _)| known.cmp(path))
                .is_ok()
        };
        let files = files.into_iter().filter(|(path, _)| !is_input(path));
        files
            .map(|(path, content)| (path.clone(), content))
            .collect()
    }

    /// The profile of all packages, in the order of their import paths.
    fn write_profile(&self) -> Result<(), String> {
        let Some(path) = &self.spec.profile else {
            return Ok(());
        };
        let mut profile = Profile::default();
        for (package, pass) in &self.passes {
            let Some(Fragment { mode, blocks }) = &pass.coverage else {
                continue;
            };
            let one = Profile {
                mode: mode.clone(),
                packages: BTreeMap::from([(package.clone(), blocks.clone())]),
            };
            profile.add(one).map_err(|error| error.to_string())?;
        }
        if profile.mode.is_empty() {
            "set".clone_into(&mut profile.mode);
        }
        let path = self.prepared.action.dir.resolve(path);
        let path = path.map_err(|error| format!("the coverage profile: {error}"))?;
        self.write(&path, profile.text().as_bytes())
    }

    fn write(&self, path: &ProjectPath, bytes: &[u8]) -> Result<(), String> {
        let full = path.under(self.project.root);
        if let Some(dir) = full.parent() {
            fs::create_dirs(dir).map_err(|error| error.to_string())?;
        }
        fs::write_atomic(&full, bytes).map_err(|error| error.to_string())
    }

    /// The lines of all passes.
    fn lines(&self) -> String {
        let lines = self.passes.values().flat_map(|pass| &pass.lines);
        lines.flat_map(|line| [line.as_str(), "\n"]).collect()
    }
}

/// Whether what is not the block's own allows a package at a time: the caller's flags, and the machine, on which another
/// system's tests would need a program to run them.
fn goes_by_package_here(project: &Project<'_>, prepared: &Prepared, answer: &GoAnswer) -> bool {
    let flags = answer.facts.get("GOFLAGS").map_or("", String::as_str);
    let flags: Vec<String> = flags.split_whitespace().map(str::to_owned).collect();
    let is_json = |flag: &String| matches!(flag.trim_start_matches('-'), "json" | "json=true");
    let flags: Vec<String> = flags.into_iter().filter(|flag| !is_json(flag)).collect();
    let is_host = |name: &str, fact: HostFact| {
        let host = project.observe_one(Query::Host(fact));
        matches!(host, Answer::Text(Some(text)) if answer.facts.get(name) == Some(&text))
    };
    answer.errors.is_empty()
        && goes_by_package(&flags)
        && is_host("GOOS", HostFact::Os)
        && is_host("GOARCH", HostFact::Arch)
        && !prepared.action.limits.interactive
}
