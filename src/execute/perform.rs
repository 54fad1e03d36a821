//! Runs one target's command: clears the way, starts it, checks what it made, records it. What happens with a target
//! that need not run is told here as well, so that every target is settled in one place.

use crate::base::fs;
use crate::base::glob::Pattern;
use crate::base::path::{InputPath, ProjectPath};
use crate::cache::error::CacheError;
use crate::cache::store::CachedResult;
use crate::event::{Event, Failure};
use crate::execute::check::{CheckError, Prepared, Verdict, recorded_path};
use crate::execute::clock;
use crate::execute::command::{self, Launched};
use crate::execute::expand::Disk;
use crate::execute::project::Project;
use crate::fingerprint::content::{Content, Outputs};
use crate::fingerprint::depfile;
use crate::fingerprint::explain::facts;
use crate::plan::action::{Command, Kind};
use crate::plan::graph::{EdgeWhy, Output, TargetId};
use crate::state::store::{Start, TargetRecord};
use std::path::Path;
use std::time::Duration;

/// How a target ended, with what there is of its outputs.
#[derive(Debug)]
pub enum Settled {
    UpToDate(Outputs),
    Restored(Outputs),
    Ran { outputs: Outputs, unchanged: bool },
    Failed(Failure),
    Cancelled,
}

/// A command that failed, or a target that could not be dealt with.
pub(crate) enum Trouble {
    Failed(Failure),
    Cancelled,
}

impl Project<'_> {
    /// Settles a target whose needs are settled: leaves it, restores it, or runs it.
    pub fn settle(&self, id: TargetId, disk: Disk, made: &dyn Fn(TargetId) -> Outputs) -> Settled {
        self.sweep_unfinished(id);
        let verdict = self
            .prepare(id, disk, made)
            .and_then(|prepared| Ok((self.verdict(id, &prepared)?, prepared)));
        let (verdict, prepared) = match verdict {
            Ok(found) => found,
            Err(error) => {
                return Settled::Failed(self.failure(id, error.to_string(), String::new()));
            }
        };
        let settled = match verdict {
            Verdict::UpToDate(outputs) => {
                self.finish_unfinished(id);
                return Settled::UpToDate(outputs);
            }
            Verdict::Run { reasons } => self.run_target(id, &prepared, &reasons, made),
            Verdict::Restorable {
                key,
                result,
                reasons,
            } => match self.restore(id, &prepared, key, &result, made) {
                Ok(outputs) => return Settled::Restored(outputs),
                Err(_) => self.run_target(id, &prepared, &reasons, made),
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
        for (path, content) in &result.outputs {
            let there = self.memo.output_content(&recorded_path(path))?;
            let in_the_way =
                matches!(there, Content::Tree { .. }) && !matches!(content, Content::Tree { .. });
            // As before a run: an empty directory is nothing to lose.
            if in_the_way && fs::remove_empty_dir(&recorded_path(path).under(self.root)).is_err() {
                return Err(CacheError::Miss {
                    what: format!("{path}, where a directory stands"),
                });
            }
        }
        cache.restore(result, self.root)?;
        self.remove_former_outputs(id, &result.outputs);
        for (path, _) in &result.outputs {
            self.memo.invalidate(&recorded_path(path));
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
        if target.kind == Kind::Image {
            let how = "image targets are checked, but not built by this version".to_owned();
            return Err(Trouble::Failed(self.failure(id, how, String::new())));
        }
        if target.kind == Kind::Clean {
            self.clean(id, prepared)?;
        }
        if prepared.action.command == Command::None {
            let outputs = Outputs::default();
            return Ok(match target.kind {
                Kind::Clean => Settled::Ran {
                    outputs,
                    unchanged: false,
                },
                // A group: what it stands for has been told, and nothing ran for the group itself.
                _ => Settled::UpToDate(outputs),
            });
        }
        let before = self.store.result(&target.name);
        let (launched, started) = self.attempts(id, prepared, reasons)?;
        let failed = |how: String| {
            Trouble::Failed(self.failure(id, how, command::text(&prepared.action.command)))
        };
        let outputs = self.made_outputs(id).map_err(&failed)?;
        let deps = self
            .discovered(id, prepared, &started, made)
            .map_err(&failed)?;
        // A test makes nothing, so nothing of it can have stayed the same.
        let unchanged =
            !outputs.is_empty() && before.is_some_and(|record| record.outputs == outputs);
        self.keep(id, prepared, &deps, &outputs, launched.duration, made);
        Ok(Settled::Ran {
            outputs: outputs.into(),
            unchanged,
        })
    }

    /// Starts the command until it succeeds or no try is left.
    fn attempts(
        &self,
        id: TargetId,
        prepared: &Prepared,
        reasons: &[String],
    ) -> Result<(Launched, clock::Moment), Trouble> {
        let mut attempt = 1;
        loop {
            self.clear_the_way(id, prepared)
                .map_err(|how| Trouble::Failed(self.failure(id, how, String::new())))?;
            self.note_start(id);
            let started = clock::Moment::now();
            match self.launch(id, prepared, attempt, reasons) {
                Ok(launched) => return Ok((launched, started)),
                Err(Trouble::Failed(failure)) if attempt <= prepared.action.limits.retries => {
                    self.warn(
                        id,
                        format!("attempt {attempt} failed ({}); trying again", failure.how),
                    );
                    attempt += 1;
                }
                Err(trouble) => return Err(trouble),
            }
        }
    }

    /// Notes what the command is going to make, so that a later run knows what a killed or failed one left.
    fn note_start(&self, id: TargetId) {
        let target = self.graph().target(id);
        let mut start = Start::default();
        for output in &target.outputs {
            start.outputs.push(output.text());
            if let Output::Pattern { pattern, .. } = output {
                let there = self.matching(pattern).unwrap_or_default();
                start.foreign.extend(there.iter().map(ToString::to_string));
            }
        }
        if let Err(error) = self.store.mark_started(&target.name, start) {
            self.warn(id, format!("the start could not be noted: {error}"));
        }
    }

    /// Takes away what a killed or failed command left for the patterns of today, and keeps in mind what it left elsewhere.
    fn sweep_unfinished(&self, id: TargetId) {
        let target = self.graph().target(id);
        let declared: Vec<String> = target.outputs.iter().map(Output::text).collect();
        let mut abandoned = Vec::new();
        for (name, start) in self.store.starts() {
            let own = name == *target.name;
            if !own && !self.may_have_been(id, &name) {
                continue;
            }
            for path in start.made(&|pattern| self.matching(pattern).unwrap_or_default()) {
                let text = path.to_string();
                if declared
                    .iter()
                    .any(|output| output.trim_end_matches('/') == text)
                {
                    continue;
                }
                if self.is_own_pattern(id, &path) {
                    if let Err(error) = fs::remove_any(&path.under(self.root)) {
                        self.warn(id, error.to_string());
                    }
                } else if own
                    && let Ok(content) = self.memo.output_content(&path)
                    && content != Content::Absent
                {
                    abandoned.push((text, content));
                }
            }
        }
        if !abandoned.is_empty()
            && let Err(error) = self.store.abandon(abandoned)
        {
            self.warn(id, error.to_string());
        }
    }

    /// Whether a target with patterns may have had this name before: it is nobody's now.
    fn may_have_been(&self, id: TargetId, name: &str) -> bool {
        let has_patterns = self
            .graph()
            .target(id)
            .outputs
            .iter()
            .any(|output| matches!(output, Output::Pattern { .. }));
        has_patterns
            && !self
                .graph()
                .targets
                .values()
                .any(|target| *target.name == *name)
    }

    /// A failed command's patterns are swept at once: a file that somebody adds before the next try is not the command's.
    fn sweep_failed(&self, id: TargetId) {
        self.sweep_unfinished(id);
        let name = &self.graph().target(id).name;
        if let Some(start) = self.store.start(name)
            && let Err(error) = self.store.mark_started(name, start.without_patterns())
        {
            self.warn(id, error.to_string());
        }
    }

    /// A killed command may have left just what its last success made: then that success holds again.
    fn finish_unfinished(&self, id: TargetId) {
        let name = &self.graph().target(id).name;
        if self.store.is_unfinished(name)
            && let Some(record) = self.store.result(name)
        {
            let facts = self.store.facts(name).unwrap_or_default();
            if let Err(error) = self.store.record((*record).clone(), &facts) {
                self.warn(id, error.to_string());
            }
        }
    }

    /// Whether a path matches one of the target's output patterns.
    fn is_own_pattern(&self, id: TargetId, path: &ProjectPath) -> bool {
        let outputs = &self.graph().target(id).outputs;
        outputs.iter().any(|output| match output {
            Output::Pattern { pattern, .. } => {
                Pattern::new(pattern).is_ok_and(|pattern| pattern.matches(path.as_str()))
            }
            _ => false,
        })
    }

    /// Makes directories for the outputs and takes away what an earlier run left in their place.
    fn clear_the_way(&self, id: TargetId, prepared: &Prepared) -> Result<(), String> {
        let target = self.graph().target(id);
        // Whoever made it: a renamed target finds what it made under its former name.
        let ours = |path: &ProjectPath| {
            self.store.is_unfinished(&target.name) || self.store.has_made(path.as_str())
        };
        for path in target.depfile.iter() {
            // What an earlier run wrote must not pass for what this one writes.
            self.clear_file(
                path,
                self.store.is_unfinished(&target.name) || self.store.result(&target.name).is_some(),
            )?;
        }
        for output in &target.outputs {
            match output {
                Output::File { path, .. } => {
                    self.clear_file(path, ours(path) && prepared.kind != Kind::Task)?
                }
                Output::Tree { path, .. } => self.clear_tree(path, ours(path))?,
                Output::Pattern { pattern, .. } => {
                    let fixed = pattern
                        .split(['*', '?', '[', '{'])
                        .next()
                        .unwrap_or_default();
                    if let Some((dir, _)) = fixed.rsplit_once('/')
                        && let Ok(dir) = ProjectPath::root().resolve(dir)
                    {
                        self.make_dir(&dir)?;
                    }
                }
            }
        }
        self.sweep_unfinished(id);
        self.remove_pattern_outputs(id);
        Ok(())
    }

    /// What the last run made for a pattern, so that a file which the command makes no more does not stay.
    fn remove_pattern_outputs(&self, id: TargetId) {
        let declared = &self.graph().target(id).outputs;
        if declared
            .iter()
            .any(|output| matches!(output, Output::Pattern { .. }))
        {
            self.remove_former_outputs(id, &[]);
        }
    }

    /// Removes what the last success made and is not among `kept`, if it is still as it was made, or would be taken for an
    /// output of the next success. A renamed target's last success has another name.
    fn remove_former_outputs(&self, id: TargetId, kept: &[(String, Content)]) {
        let patterns = self
            .graph()
            .target(id)
            .outputs
            .iter()
            .any(|output| matches!(output, Output::Pattern { .. }));
        let mut makers = vec![self.graph().target(id).name.to_string()];
        if patterns {
            makers.extend(
                self.store
                    .targets()
                    .into_iter()
                    .filter(|name| self.may_have_been(id, name)),
            );
        }
        for record in makers.iter().filter_map(|name| self.store.result(name)) {
            let own = *record.target == *makers[0];
            for (path, content) in &record.outputs {
                let path = recorded_path(path);
                let needed = kept.iter().any(|(kept, _)| kept == path.as_str());
                let matched = self.is_own_pattern(id, &path);
                if (own || matched)
                    && !needed
                    && let Err(error) = self.remove_former(&path, content, matched)
                {
                    self.warn(id, error.to_string());
                }
            }
        }
    }

    /// Removes one former output; one that no pattern matches only if it is still as it was made.
    fn remove_former(&self, path: &ProjectPath, made: &Content, matched: bool) -> fs::FsResult<()> {
        let full = path.under(self.root);
        match self.memo.output_content(path)? {
            now @ (Content::File { .. } | Content::Link { .. }) if matched || now == *made => {
                fs::remove_file(&full)
            }
            // What is empty is nothing to lose; anything else stands in the command's way, and it will say so.
            Content::Tree { .. } if matched => {
                let _ = fs::remove_empty_dir(&full);
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn clear_file(&self, path: &ProjectPath, ours: bool) -> Result<(), String> {
        self.make_parent(path)?;
        let full = path.under(self.root);
        let there = fs::if_exists(fs::lstat(&full)).map_err(|error| error.to_string())?;
        match there.map(|stat| stat.kind) {
            None => Ok(()),
            Some(fs::FileKind::Dir) => fs::remove_empty_dir(&full)
                .map_err(|_| format!("a directory with files in it stands where the output {path} belongs: move it away")),
            Some(_) if ours => fs::remove_file(&full).map_err(|error| error.to_string()),
            Some(_) => Ok(()),
        }
    }

    fn clear_tree(&self, path: &ProjectPath, ours: bool) -> Result<(), String> {
        self.make_parent(path)?;
        let full = path.under(self.root);
        let there = fs::if_exists(fs::lstat(&full)).map_err(|error| error.to_string())?;
        match there.map(|stat| stat.kind) {
            None => {}
            Some(fs::FileKind::Dir) => {
                let empty = fs::list_dir(&full)
                    .map_err(|error| error.to_string())?
                    .is_empty();
                if !empty && !ours && self.options.reuse == super::project::Reuse::Allowed {
                    return Err(format!(
                        "the tree {path}/ holds files that gomake did not make, and would be emptied: move it away, or force with -B"
                    ));
                }
                fs::remove_tree(&full).map_err(|error| error.to_string())?;
            }
            Some(_) if ours => fs::remove_file(&full).map_err(|error| error.to_string())?,
            Some(_) => {
                return Err(format!(
                    "a file stands where the tree {path}/ belongs: move it away"
                ));
            }
        }
        fs::create_dirs(&full).map_err(|error| error.to_string())
    }

    fn make_parent(&self, path: &ProjectPath) -> Result<(), String> {
        path.parent().map_or(Ok(()), |dir| self.make_dir(&dir))
    }

    /// Makes a directory of the project, never through a symlink that leads elsewhere.
    fn make_dir(&self, dir: &ProjectPath) -> Result<(), String> {
        let full = dir.under(self.root);
        fs::create_dirs(&full).map_err(|error| error.to_string())?;
        let (real, root) = (fs::canonical(&full), fs::canonical(self.root));
        match (real, root) {
            (Ok(real), Ok(root)) if real.starts_with(&root) => Ok(()),
            (Ok(real), Ok(_)) => Err(format!(
                "{dir} leads out of the project, to {}",
                real.display()
            )),
            (Err(error), _) | (_, Err(error)) => Err(error.to_string()),
        }
    }

    /// The outputs that are there after the command, hashed.
    fn made_outputs(&self, id: TargetId) -> Result<Vec<(String, Content)>, String> {
        let mut outputs = Vec::new();
        for output in &self.graph().target(id).outputs {
            match output {
                Output::File { path, .. } => match self.output(path)? {
                    Content::Absent => {
                        return Err(format!("the command succeeded, but did not make {path}"));
                    }
                    Content::Tree { .. } => {
                        return Err(format!("{path} is a directory: declare it as `{path}/`"));
                    }
                    content => outputs.push((path.to_string(), content)),
                },
                Output::Tree { path, .. } => match self.output(path)? {
                    content @ Content::Tree { .. } => outputs.push((path.to_string(), content)),
                    _ => {
                        return Err(format!(
                            "the command succeeded, but did not make the directory {path}/"
                        ));
                    }
                },
                Output::Pattern { pattern, .. } => {
                    let matched = self.matching(pattern)?;
                    if matched.is_empty() {
                        return Err(format!(
                            "the command succeeded, but made nothing that matches {pattern}"
                        ));
                    }
                    for path in matched {
                        let content = self.output(&path)?;
                        outputs.push((path.to_string(), content));
                    }
                }
            }
        }
        Ok(outputs)
    }

    fn output(&self, path: &ProjectPath) -> Result<Content, String> {
        self.memo
            .output_content(path)
            .map_err(|error| error.to_string())
    }

    fn matching(&self, pattern: &str) -> Result<Vec<ProjectPath>, String> {
        let query = crate::plan::query::Query::Glob {
            include: vec![pattern.to_owned()],
            exclude: Vec::new(),
        };
        match self.observe_one(query) {
            crate::plan::query::Answer::Paths(paths) => Ok(paths),
            crate::plan::query::Answer::Failed(why) => Err(why),
            _ => Ok(Vec::new()),
        }
    }

    /// What the depfile names, with contents; or None in place of a content that changed while the command ran.
    fn discovered(
        &self,
        id: TargetId,
        prepared: &Prepared,
        started: &clock::Moment,
        made: &dyn Fn(TargetId) -> Outputs,
    ) -> Result<Discovered, String> {
        let target = self.graph().target(id);
        let Some(path) = &target.depfile else {
            return Ok(Discovered::default());
        };
        let bytes = fs::read(&path.under(self.root)).map_err(|error| {
            format!("the command succeeded, but its depfile cannot be read: {error}")
        })?;
        let named =
            depfile::parse(&bytes).map_err(|error| format!("the depfile {path}: {error}"))?;
        let mut deps: Vec<InputPath> = Vec::new();
        for name in named {
            let dep = self.input_path(&target.dir, &name);
            let known = prepared
                .inputs
                .binary_search_by(|(path, _)| path.cmp(&dep))
                .is_ok();
            let own = target.outputs.iter().any(|output| {
                matches!((output, &dep), (Output::File { path, .. }, InputPath::Project(dep)) if path == dep)
            });
            if !known && !own {
                deps.push(dep);
            }
        }
        deps.sort();
        deps.dedup();
        let upstream: Vec<Outputs> = target.needs.iter().map(|edge| made(edge.to)).collect();
        let mut found = Discovered::default();
        for dep in deps {
            let made_before = matches!(&dep, InputPath::Project(path) if upstream.iter().any(|outputs| outputs.iter().any(|(up, _)| up == path.as_str())));
            let (content, stat) = self
                .memo
                .content_checked(&dep)
                .map_err(|error| error.to_string())?;
            if stat.is_some_and(|stat| started.is_before(stat.ctime, made_before)) {
                found.changed.push(dep.to_string());
            }
            found.deps.push((dep, content));
        }
        Ok(found)
    }

    /// A path as a depfile names it, seen from `dir`.
    fn input_path(&self, dir: &ProjectPath, name: &Path) -> InputPath {
        let inside = name.strip_prefix(self.root).unwrap_or(name);
        let base = if name.is_absolute() {
            &ProjectPath::root()
        } else {
            dir
        };
        match inside
            .to_str()
            .filter(|_| !inside.is_absolute())
            .map(|text| base.resolve(text))
        {
            Some(Ok(path)) => InputPath::Project(path),
            _ if name.is_absolute() => InputPath::Outside(name.to_owned()),
            _ => InputPath::Outside(dir.under(Path::new("")).join(name)),
        }
    }

    /// Records a success, unless something that it read changed meanwhile.
    fn keep(
        &self,
        id: TargetId,
        prepared: &Prepared,
        found: &Discovered,
        outputs: &[(String, Content)],
        duration: Duration,
        made: &dyn Fn(TargetId) -> Outputs,
    ) {
        let target = self.graph().target(id);
        let mut changed = found.changed.clone();
        for (path, content) in &prepared.inputs {
            match self.memo.content(path) {
                Ok(now) if now == *content => {}
                _ => changed.push(path.to_string()),
            }
        }
        if let Some(first) = changed.first() {
            let more = if changed.len() > 1 {
                format!(" (and {} more)", changed.len() - 1)
            } else {
                String::new()
            };
            self.warn(id, format!("{first}{more} changed while the command ran: the result does not count, and it will run again"));
            return;
        }
        let subject = prepared.subject(&found.deps);
        let key = subject.key();
        let duration_ms = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
        let record = self.record_of(
            id,
            prepared,
            key,
            &found.deps,
            outputs.to_vec(),
            duration_ms,
            made,
        );
        let cached = CachedResult {
            target: record.target.clone(),
            outputs: outputs.to_vec(),
            deps: record.deps.clone(),
            duration_ms,
        };
        self.remember(id, record, prepared, &found.deps);
        if let Some(cache) = self
            .cache
            .filter(|_| prepared.action.cache && !target.always_runs)
        {
            let stored = cache
                .store(key, &cached, self.root)
                .and_then(|()| match target.depfile {
                    Some(_) => cache.add_deps(prepared.subject(&[]).key(), &cached.deps),
                    None => Ok(()),
                });
            if let Err(error) = stored {
                self.warn(
                    id,
                    format!("the result was not stored in the cache: {error}"),
                );
            }
        }
    }

    #[expect(clippy::too_many_arguments, reason = "a record is made of just these")]
    fn record_of(
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
        for edge in &target.needs {
            let upstream = self.graph().target(edge.to);
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
                let outputs = made(edge.to);
                planned.inputs.retain(|(path, _)| {
                    !matches!(path, InputPath::Project(path) if outputs.iter().any(|(made, _)| made == path.as_str()))
                });
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
        let abandoned: Vec<(String, Content)> = before
            .iter()
            .flat_map(|before| before.outputs.iter())
            .filter(|(path, _)| !record.outputs.iter().any(|(kept, _)| kept == path))
            .filter(|(path, _)| self.is_present(&recorded_path(path)))
            .cloned()
            .collect();
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
            command: command::text(&prepared.action.command).into(),
            reason: reasons.join("; "),
        });
    }
}

/// What a depfile named.
#[derive(Debug, Default)]
struct Discovered {
    deps: Vec<(InputPath, Content)>,
    /// Those that were written while the command ran.
    changed: Vec<String>,
}

impl From<CheckError> for String {
    fn from(error: CheckError) -> Self {
        error.to_string()
    }
}
