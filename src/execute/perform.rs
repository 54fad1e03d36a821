//! Runs one target's command: clears the way, starts it, checks what it made, records it. What happens with a target
//! that need not run is told here as well, so that every target is settled in one place.

use crate::base::clock;
use crate::base::hash::HashSet;
use crate::base::path::InputPath;
use crate::cache::error::CacheError;
use crate::cache::store::CachedResult;
use crate::event::timing::Work;
use crate::event::{Event, Failure};
use crate::execute::check::{Prepared, Verdict, recorded_path};
use crate::execute::command::{self, Launched};
use crate::execute::expand::Disk;
use crate::execute::outcome::Discovered;
use crate::execute::project::Project;
use crate::execute::storing::ToStore;
use crate::fingerprint::content::{Content, Outputs, SERVICE};
use crate::fingerprint::explain::facts;
use crate::plan::action::{Command, Kind};
use crate::plan::graph::{EdgeWhy, TargetId};
use crate::state::store::{Start, TargetRecord};
use std::time::Duration;

/// How a target ended, with what there is of its outputs.
#[derive(Debug)]
pub enum Settled {
    UpToDate(Outputs),
    Restored(Outputs),
    Ran {
        outputs: Outputs,
        unchanged: bool,
        /// What it read changed meanwhile (`a.txt (and 2 more)`): the result does not count.
        overtaken: Option<String>,
    },
    Failed(Failure),
    Cancelled,
    /// Failed in an earlier run of this watch, and would again.
    StillFailing,
    /// Overtaken by a change: it takes its turn again.
    Stale,
}

/// What a command that succeeded has made.
pub(crate) struct MadeAnew<'a> {
    pub outputs: &'a [(String, Content)],
    /// Those of them that were there before and that it did not write.
    pub found: Vec<String>,
    pub duration: Duration,
}

/// How things were when a command was started.
pub(crate) struct Beginning {
    pub at: clock::Moment,
    pub note: Start,
}

/// A command that failed, or a target that could not be dealt with.
pub(crate) enum Trouble {
    Failed(Failure),
    Cancelled,
}

impl Project<'_> {
    /// Settles a target whose needs are settled: leaves it, restores it, or runs it.
    pub fn settle(&self, id: TargetId, disk: Disk, made: &dyn Fn(TargetId) -> Outputs) -> Settled {
        let settled = self.settle_here(id, disk, made);
        self.load_settled(id, settled)
    }

    fn settle_here(&self, id: TargetId, disk: Disk, made: &dyn Fn(TargetId) -> Outputs) -> Settled {
        if self.graph().target(id).kind == Kind::Service {
            return self.settle_service(id, disk, made);
        }
        self.sweep_unfinished(id);
        let looking = self.span(id, Work::Look);
        let (prepared, key) = match self.look(id, disk, made) {
            Ok(looked) => looked,
            Err(error) => {
                return Settled::Failed(self.failure(id, error.to_string(), String::new()));
            }
        };
        if let Some(settled) = self.by_past(id, key) {
            return settled;
        }
        let verdict = self.verdict(id, &prepared);
        drop(looking);
        let verdict = match verdict {
            Ok(verdict) => verdict,
            Err(error) => {
                return Settled::Failed(self.failure(id, error.to_string(), String::new()));
            }
        };
        let settled = match verdict {
            Verdict::UpToDate { outputs, deps } => {
                self.finish_unfinished(id);
                self.note_seen(id, prepared, deps);
                return Settled::UpToDate(outputs);
            }
            Verdict::Run { reasons } => self.run_target(id, &prepared, &reasons, made),
            Verdict::Restorable {
                key,
                result,
                reasons,
            } => match self.clear_for_restore(&result.outputs) {
                Err(how) => Err(Trouble::Failed(self.failure(id, how, String::new()))),
                Ok(()) => match self.restore(id, &prepared, key, &result, made) {
                    // What is restored of a Dockerfile's image is but its name in an engine.
                    Ok(outputs) if self.lost_image(id).is_none() => {
                        return Settled::Restored(outputs);
                    }
                    Ok(_) | Err(_) => self.run_target(id, &prepared, &reasons, made),
                },
            },
        };
        settled.unwrap_or_else(|trouble| {
            self.sweep_failed(id);
            match trouble {
                Trouble::Failed(failure) => Settled::Failed(failure),
                Trouble::Cancelled => Settled::Cancelled,
            }
        })
    }

    pub(crate) fn failure(&self, id: TargetId, how: String, command: String) -> Failure {
        Failure {
            how,
            command,
            place: (self.place)(id),
            notes: Vec::new(),
        }
    }

    /// Brings the outputs back from the cache and records them as a success.
    fn restore(
        &self,
        id: TargetId,
        prepared: &Prepared,
        key: crate::base::digest::Digest,
        result: &CachedResult,
        made: &dyn Fn(TargetId) -> Outputs,
    ) -> Result<Outputs, CacheError> {
        let cache = self.cache.ok_or(CacheError::Miss {
            what: result.target.clone(),
        })?;
        let _span = self.span(id, Work::Restore);
        cache.restore(result, self.root)?;
        self.remove_former_outputs(id, prepared, &result.outputs);
        for (path, content) in &result.outputs {
            match content {
                Content::Tree { .. } => self.memo.invalidate(&recorded_path(path)),
                _ => self.memo.invalidate_file(&recorded_path(path)),
            }
        }
        let deps = self.contents(&result.deps)?;
        let record = self.record_of(
            id,
            prepared,
            key,
            &deps,
            result.outputs.clone(),
            result.duration_ms,
            made,
        );
        self.remember(id, record, prepared, &deps);
        self.note_made(id, prepared, &deps);
        Ok(result.outputs.as_slice().into())
    }

    /// Runs the command, with its retries, and records a success.
    fn run_target(
        &self,
        id: TargetId,
        prepared: &Prepared,
        reasons: &[String],
        made: &dyn Fn(TargetId) -> Outputs,
    ) -> Result<Settled, Trouble> {
        let target = self.graph().target(id);
        if target.kind == Kind::Clean {
            self.clean(id, prepared)?;
        }
        if prepared.action.command == Command::None {
            let outputs = Outputs::default();
            return Ok(match target.kind {
                Kind::Clean => Settled::Ran {
                    outputs,
                    unchanged: false,
                    overtaken: None,
                },
                // A group: what it stands for has been told, and nothing ran for the group itself.
                _ => Settled::UpToDate(outputs),
            });
        }
        if let Some(settled) = self.settle_go_tests(id, prepared, reasons, made) {
            return settled;
        }
        let before = self.store.result(&target.name);
        let known = before.as_ref().map_or(&[][..], |record| &record.deps);
        let known = self.contents(known).unwrap_or_default();
        let lease = self.lease(id, made)?;
        let attempted = self.attempts(id, prepared, reasons, made);
        let (launched, start) = self.with_lease(id, lease, attempted)?;
        let failed = |how: String| {
            Trouble::Failed(self.failure(id, how, command::text(&prepared.action.command)))
        };
        let collecting = self.span(id, Work::Collect);
        let outputs = self.made_outputs(id, &start.note).map_err(&failed)?;
        let command = command::text(&prepared.action.command);
        self.check_static(id, prepared, &outputs, command)
            .map_err(Trouble::Failed)?;
        let deps = self
            .discovered(id, prepared, &known, &start.at, made)
            .map_err(&failed)?;
        drop(collecting);
        // A test makes nothing, so nothing of it can have stayed the same.
        let unchanged =
            !outputs.is_empty() && before.is_some_and(|record| record.outputs == outputs);
        let is_found = |path: &String| self.is_found(&recorded_path(path), &start.note);
        let found = outputs
            .iter()
            .map(|(path, _)| path)
            .filter(|path| is_found(path));
        let made_anew = MadeAnew {
            found: found.cloned().collect(),
            outputs: &outputs,
            duration: launched.duration,
        };
        self.note_whole_tests(id, &prepared.action);
        let overtaken = self.keep(id, prepared, &deps, made_anew, made);
        Ok(Settled::Ran {
            outputs: outputs.into(),
            unchanged,
            overtaken,
        })
    }

    /// Starts the command until it succeeds or no try is left.
    fn attempts(
        &self,
        id: TargetId,
        prepared: &Prepared,
        reasons: &[String],
        made: &dyn Fn(TargetId) -> Outputs,
    ) -> Result<(Launched, Beginning), Trouble> {
        let mut attempt = 1;
        loop {
            let cleared = self.clear_the_way(id, prepared);
            let note =
                cleared.map_err(|how| Trouble::Failed(self.failure(id, how, String::new())))?;
            let at = clock::Moment::now();
            let launched = match &prepared.action.command {
                Command::Image(spec) => {
                    self.announce(id, prepared, attempt, reasons);
                    let _span = self.span(id, Work::Command);
                    self.build_image(id, prepared, spec, made)
                }
                _ => self.launch(id, prepared, attempt, reasons),
            };
            match launched {
                Ok(launched) => return Ok((launched, Beginning { at, note })),
                Err(Trouble::Failed(failure)) if attempt <= prepared.action.limits.retries => {
                    self.warn(
                        id,
                        format!("attempt {attempt} failed ({}); trying again", failure.how),
                    );
                    attempt += 1;
                }
                Err(trouble) => {
                    if matches!(trouble, Trouble::Failed(_)) {
                        self.tell_failed_tests(id, &note);
                    }
                    return Err(trouble);
                }
            }
        }
    }

    /// Records a success, unless something that it read changed meanwhile; then says what.
    pub(crate) fn keep(
        &self,
        id: TargetId,
        prepared: &Prepared,
        found: &Discovered,
        anew: MadeAnew<'_>,
        made: &dyn Fn(TargetId) -> Outputs,
    ) -> Option<String> {
        let _span = self.span(id, Work::Store);
        let target = self.graph().target(id);
        let mut changed = found.changed.clone();
        for (path, content) in &prepared.inputs {
            match self.memo.content(path) {
                Ok(now) if now == *content => {}
                _ => changed.push(path.to_string()),
            }
        }
        for (path, content) in prepared
            .upstream
            .iter()
            .flat_map(|(_, outputs)| outputs.iter())
            .filter(|(path, _)| path != SERVICE)
        {
            match self.memo.output_content(&recorded_path(path)) {
                Ok(now) if now == *content => {}
                _ => changed.push(path.clone()),
            }
        }
        changed.extend(self.changed_services(id, made));
        if let Some(first) = changed.first() {
            let more = if changed.len() > 1 {
                format!(" (and {} more)", changed.len() - 1)
            } else {
                String::new()
            };
            return Some(format!("{first}{more}"));
        }
        let subject = prepared.subject(&found.deps);
        let key = subject.key();
        let duration_ms = u64::try_from(anew.duration.as_millis()).unwrap_or(u64::MAX);
        let record = self.record_of(
            id,
            prepared,
            key,
            &found.deps,
            anew.outputs.to_vec(),
            duration_ms,
            made,
        );
        let record = TargetRecord {
            found: anew.found,
            ..record
        };
        // Tests of Go packages are kept one by one.
        let is_one = !prepared.action.command.is_go_test();
        let is_cached =
            self.cache.is_some() && prepared.action.cache && !target.always_runs && is_one;
        let to_store = is_cached.then(|| ToStore {
            id,
            key,
            result: CachedResult {
                target: record.target.clone(),
                outputs: anew.outputs.to_vec(),
                deps: record.deps.clone(),
                duration_ms,
                small: Vec::new(),
            },
            base: target
                .depfile
                .is_some()
                .then(|| prepared.subject(&[]).key()),
        });
        self.remember(id, record, prepared, &found.deps);
        self.note_made(id, prepared, &found.deps);
        if let Some(left) = to_store.and_then(|result| self.storing.leave(result)) {
            self.store_in_cache(&left, &|_| true);
        }
        None
    }

    /// Stores the results that are left by the workers, until no more come.
    pub(crate) fn store_what_waits(&self) {
        // What stands behind a target, or its next turn in a watch, may write to its outputs by now.
        let is_told = |error: &CacheError| match error {
            CacheError::Changed { .. } => false,
            CacheError::Io { source } => !source.is_not_found(),
            _ => true,
        };
        while let Some(result) = self.storing.next() {
            let _span = self.span(result.id, Work::Store);
            self.store_in_cache(&result, &is_told);
        }
    }

    fn store_in_cache(&self, stored: &ToStore, is_told: &dyn Fn(&CacheError) -> bool) {
        let Some(cache) = self.cache else { return };
        let ToStore {
            key, result, base, ..
        } = stored;
        let done = cache
            .store(*key, result, self.root)
            .and_then(|()| match base {
                Some(base) => cache.add_deps(*base, &result.deps),
                None => Ok(()),
            });
        if let Err(error) = done
            && !matches!(error, CacheError::Private { .. })
            && is_told(&error)
        {
            self.warn(
                stored.id,
                format!("the result was not stored in the cache: {error}"),
            );
        }
    }

    #[expect(clippy::too_many_arguments, reason = "a record is made of just these")]
    pub(crate) fn record_of(
        &self,
        id: TargetId,
        prepared: &Prepared,
        key: crate::base::digest::Digest,
        deps: &[(InputPath, Content)],
        outputs: Vec<(String, Content)>,
        duration_ms: u64,
        made: &dyn Fn(TargetId) -> Outputs,
    ) -> TargetRecord {
        let target = self.graph().target(id);
        TargetRecord {
            target: target.name.to_string(),
            key,
            planned: self.planned_key(id, prepared, deps, made),
            outputs,
            found: Vec::new(),
            deps: deps.iter().map(|(path, _)| path.clone()).collect(),
            duration_ms,
            finished_at_ms: clock::now_ms(),
            always: target.always_runs,
        }
    }

    /// The key over what is declared: outputs of other targets are stood for by these targets' planned keys.
    pub(crate) fn planned_key(
        &self,
        id: TargetId,
        prepared: &Prepared,
        deps: &[(InputPath, Content)],
        made: &dyn Fn(TargetId) -> Outputs,
    ) -> crate::base::digest::Digest {
        let target = self.graph().target(id);
        let mut planned = prepared.clone();
        planned.upstream.clear();
        let mut generated = Vec::new();
        for edge in &target.needs {
            let upstream = self.graph().target(edge.to);
            if upstream.kind == Kind::Service {
                continue;
            }
            if let Some(record) = self.store.result(&upstream.name) {
                let stands_for = Content::File {
                    digest: record.planned,
                    executable: false,
                };
                planned.upstream.push((
                    upstream.name.clone(),
                    [("planned".to_owned(), stands_for)].into(),
                ));
            }
            if matches!(edge.why, EdgeWhy::File(_) | EdgeWhy::Go(_)) {
                generated.push(made(edge.to));
            }
        }
        let generated: HashSet<&str> = generated
            .iter()
            .flat_map(|outputs| outputs.iter().map(|(path, _)| path.as_str()))
            .collect();
        if !generated.is_empty() {
            planned.inputs.retain(|(path, _)| {
                !matches!(path, InputPath::Project(path) if generated.contains(path.as_str()))
            });
        }
        for service in self.services_of(id) {
            // Its record may be of another time: only those that need it, and ran, write one.
            if let Ok(prepared) = self.prepare(service, Disk::Changed, made) {
                let stands_for = Content::File {
                    digest: self.planned_key(service, &prepared, &[], made),
                    executable: false,
                };
                let name = self.graph().target(service).name.clone();
                let outputs = [("planned".to_owned(), stands_for)].into();
                planned.upstream.push((name, outputs));
            }
        }
        planned.subject(deps).key()
    }

    /// Writes a record, and keeps in mind the files of the former one that nothing declares any more.
    fn remember(
        &self,
        id: TargetId,
        record: TargetRecord,
        prepared: &Prepared,
        deps: &[(InputPath, Content)],
    ) {
        let before = self.store.result(&record.target);
        let kept: HashSet<&str> = record.outputs.iter().map(|(path, _)| &**path).collect();
        let abandoned: Vec<(String, Content)> = before
            .iter()
            .flat_map(|before| before.outputs.iter())
            .filter(|(path, _)| !kept.contains(path.as_str()))
            .filter(|(path, _)| self.is_present(&recorded_path(path)))
            .cloned()
            .collect();
        drop(kept);
        let written = self
            .store
            .record(record, &facts(&prepared.subject(deps)))
            .and_then(|()| {
                if abandoned.is_empty() {
                    Ok(())
                } else {
                    self.store.abandon(abandoned)
                }
            });
        if let Err(error) = written {
            self.warn(
                id,
                format!("the result could not be recorded, and will be made again: {error}"),
            );
        }
    }

    /// Tells that a command starts.
    pub(crate) fn announce(
        &self,
        id: TargetId,
        prepared: &Prepared,
        attempt: u32,
        reasons: &[String],
    ) {
        let target = self.graph().target(id);
        (self.emit)(Event::Started {
            target: id,
            name: target.name.clone(),
            kind: target.kind,
            attempt,
            dir: prepared.action.dir.as_str().into(),
            command: command::text(&prepared.action.command).into(),
            reason: reasons.join("; "),
        });
    }
}
