//! Whose file is it? Before a command runs, what gomake made goes out of its way; what it did not make stays. Decided by
//! what is recorded: the last success, and the starts that never came to one.

use crate::base::fs::{self, FileKind};
use crate::base::glob::{Pattern, is_pattern};
use crate::base::path::{InputPath, ProjectPath};
use crate::execute::check::{Prepared, recorded_path};
use crate::execute::project::{Project, Reuse};
use crate::fingerprint::content::Content;
use crate::plan::action::Kind;
use crate::plan::graph::{Output, TargetId};
use crate::plan::image::is_in_layouts;
use crate::plan::query::{Answer, Query};
use crate::state::store::Start;

impl Project<'_> {
    /// Makes directories for the outputs, takes away what an earlier run left in their place, and notes the start, so that a
    /// later run knows what this one may have half made.
    pub(crate) fn clear_the_way(&self, id: TargetId, prepared: &Prepared) -> Result<Start, String> {
        let target = self.graph().target(id);
        // Whoever made it: a renamed target finds what it made under its former name.
        let ours = |path: &ProjectPath| self.store.has_made(path.as_str());
        for path in target.depfile.iter() {
            // What an earlier run wrote must not pass for what this one writes.
            let known =
                self.store.is_unfinished(&target.name) || self.store.result(&target.name).is_some();
            self.clear_file(path, known)?;
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
        self.remove_former_outputs(id, prepared, &[]);
        self.note_start(id)
    }

    fn note_start(&self, id: TargetId) -> Result<Start, String> {
        let target = self.graph().target(id);
        let mut start = Start::default();
        for output in &target.outputs {
            start.outputs.push(output.text());
            let there = match output {
                Output::Pattern { pattern, .. } => self.matching(pattern)?,
                // What was ours has gone out of the way; what is still there was found.
                Output::File { path, .. } => Vec::from([path.clone()]),
                Output::Tree { .. } => Vec::new(),
            };
            for path in there {
                if let Ok(stat) = fs::lstat(&path.under(self.root)) {
                    start.foreign.push((path.to_string(), stat));
                }
            }
        }
        // What runs each time and leaves no file cannot be half made: that record would say nothing.
        let leaves_nothing = start.outputs.is_empty() && target.depfile.is_none();
        if target.always_runs && leaves_nothing {
            return Ok(start);
        }
        if let Err(error) = self.store.mark_started(&target.name, start.clone()) {
            self.warn(id, format!("the start could not be noted: {error}"));
        }
        Ok(start)
    }

    /// What a pattern matches now, without what was there before the start and has not been written since.
    pub(crate) fn made_for(
        &self,
        pattern: &str,
        start: &Start,
    ) -> Result<Vec<ProjectPath>, String> {
        let mut made = self.matching(pattern)?;
        made.retain(|path| !self.is_found(path, start));
        Ok(made)
    }

    /// Whether a file was there before the command started and has not been written since.
    pub(crate) fn is_found(&self, path: &ProjectPath, start: &Start) -> bool {
        let before = start
            .foreign
            .iter()
            .find(|(known, _)| known == path.as_str());
        before.is_some_and(|(_, stat)| {
            fs::lstat(&path.under(self.root)).is_ok_and(|now| now == *stat)
        })
    }

    /// The files on disk that match.
    pub(crate) fn matching(&self, pattern: &str) -> Result<Vec<ProjectPath>, String> {
        match self.observe_one(Query::Glob {
            include: vec![pattern.to_owned()],
            exclude: Vec::new(),
        }) {
            Answer::Paths(paths) => Ok(paths),
            Answer::Failed(why) => Err(why),
            _ => Ok(Vec::new()),
        }
    }

    /// Takes away what a killed or failed command left for the patterns of today, and keeps in mind what it left elsewhere.
    pub(crate) fn sweep_unfinished(&self, id: TargetId) {
        let target = self.graph().target(id);
        let mut abandoned = Vec::new();
        // Those of others only where they may be its own under a former name: after many failures they are many.
        let starts = match self.has_patterns(id) {
            true => self
                .store
                .starts_of(&|name| name == &*target.name || self.may_have_been(id, name)),
            false => self
                .store
                .start(&target.name)
                .map_or_else(Vec::new, |start| {
                    Vec::from([(target.name.to_string(), start)])
                }),
        };
        for (name, start) in starts {
            let own = name == *target.name;
            for path in self.left_by(&start) {
                let is_declared = target.outputs.iter().any(|output| match output {
                    Output::File { path: declared, .. } | Output::Tree { path: declared, .. } => {
                        *declared == path
                    }
                    Output::Pattern { .. } => false,
                });
                if is_declared {
                    continue;
                }
                if self.is_own_pattern(id, &path) {
                    self.remove_file(id, &path);
                } else if own && let Ok(content) = self.memo.output_content(&path) {
                    abandoned.push((path.to_string(), content));
                }
            }
        }
        if !abandoned.is_empty()
            && let Err(error) = self.store.abandon(abandoned)
        {
            self.warn(id, error.to_string());
        }
    }

    /// What is there now of the outputs of a command that was started.
    pub(crate) fn left_by(&self, start: &Start) -> Vec<ProjectPath> {
        let plain = start
            .plain_outputs()
            .map(|output| recorded_path(&output))
            .filter(|path| self.is_present(path));
        let matched = start
            .patterns()
            .flat_map(|pattern| self.made_for(pattern, start).unwrap_or_default());
        plain.chain(matched).collect()
    }

    /// A failed command's patterns are swept at once: a file that somebody adds before the next try is not the command's.
    pub(crate) fn sweep_failed(&self, id: TargetId) {
        self.sweep_unfinished(id);
        let name = &self.graph().target(id).name;
        if let Some(mut start) = self.store.start(name) {
            start.outputs.retain(|output| !is_pattern(output));
            start.foreign.clear();
            if let Err(error) = self.store.mark_started(name, start) {
                self.warn(id, error.to_string());
            }
        }
    }

    /// A killed command may have left just what its last success made: then that success holds again.
    pub(crate) fn finish_unfinished(&self, id: TargetId) {
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

    /// Removes what the last success made for today's patterns and is not among `kept`, so that a file which the command
    /// makes no more does not stay. What the command reads is spared, whoever made it.
    pub(crate) fn remove_former_outputs(
        &self,
        id: TargetId,
        prepared: &Prepared,
        kept: &[(String, Content)],
    ) {
        if !self.has_patterns(id) {
            return;
        }
        let record = self.store.result(&self.graph().target(id).name);
        let own = record
            .iter()
            .flat_map(|record| record.outputs.iter().map(|(path, _)| path.clone()));
        let renamed = self.store.results_of(&|name| self.may_have_been(id, name));
        let renamed = renamed.into_iter().flat_map(|record| {
            record
                .outputs
                .iter()
                .map(|(path, _)| path.clone())
                .collect::<Vec<_>>()
        });
        for path in own.chain(renamed).chain(self.abandoned_files(id)) {
            let path = recorded_path(&path);
            let is_read = prepared
                .inputs
                .iter()
                .any(|(read, _)| matches!(read, InputPath::Project(read) if *read == path));
            let is_kept = kept.iter().any(|(kept, _)| kept == path.as_str());
            if !is_read
                && !is_kept
                && self.is_own_pattern(id, &path)
                && !self.is_declared_elsewhere(id, &path)
            {
                self.remove_file(id, &path);
            }
        }
    }

    /// What a target made once and makes no more, where today's patterns match it again: as it was made, and not by now the
    /// output of another target.
    fn abandoned_files(&self, id: TargetId) -> Vec<String> {
        let is_live = |path: &str| {
            let live = self
                .graph()
                .targets
                .iter()
                .filter(|(other, _)| *other != id);
            let mut records = live.filter_map(|(_, target)| self.store.result(&target.name));
            records.any(|record| record.outputs.iter().any(|(made, _)| made == path))
        };
        let is_stale = |path: &str, made: Content| {
            let there = recorded_path(path);
            self.is_own_pattern(id, &there)
                && self
                    .memo
                    .output_content(&there)
                    .is_ok_and(|now| now == made)
                && !is_live(path)
        };
        let abandoned = self.store.abandoned().into_iter();
        let stale = abandoned.filter(|(path, made)| is_stale(path, *made));
        stale.map(|(path, _)| path).collect()
    }

    /// Removes a file or a link; of directories only an empty one, which is nothing to lose.
    fn remove_file(&self, id: TargetId, path: &ProjectPath) {
        let full = path.under(self.root);
        let removed = match fs::lstat(&full).map(|stat| stat.kind) {
            Ok(FileKind::File | FileKind::Symlink) => fs::remove_file(&full),
            Ok(FileKind::Dir) => fs::remove_empty_dir(&full).or(Ok(())),
            _ => Ok(()),
        };
        if let Err(error) = removed {
            self.warn(id, error.to_string());
        }
    }

    /// Whether a target with patterns may have had this name before: it is nobody's now.
    fn may_have_been(&self, id: TargetId, name: &str) -> bool {
        self.has_patterns(id) && !self.graph().by_name.contains_key(name)
    }

    fn has_patterns(&self, id: TargetId) -> bool {
        self.graph()
            .target(id)
            .outputs
            .iter()
            .any(|output| matches!(output, Output::Pattern { .. }))
    }

    /// Whether a path matches one of the target's output patterns.
    fn is_own_pattern(&self, id: TargetId, path: &ProjectPath) -> bool {
        self.graph()
            .target(id)
            .outputs
            .iter()
            .any(|output| match output {
                Output::Pattern { pattern, .. } => {
                    Pattern::new(pattern).is_ok_and(|pattern| pattern.matches(path.as_str()))
                }
                _ => false,
            })
    }

    fn is_declared_elsewhere(&self, id: TargetId, path: &ProjectPath) -> bool {
        self.graph().targets.iter().any(|(other, target)| {
            other != id
                && target.outputs.iter().any(|output| match output {
                    Output::File { path: declared, .. } => declared == path,
                    Output::Tree { path: declared, .. } => path.is_within(declared),
                    Output::Pattern { .. } => false,
                })
        })
    }

    fn clear_file(&self, path: &ProjectPath, ours: bool) -> Result<(), String> {
        self.make_parent(path)?;
        let full = path.under(self.root);
        let there = fs::if_exists(fs::lstat(&full)).map_err(|error| error.to_string())?;
        match there.map(|stat| stat.kind) {
            Some(FileKind::Dir) => self.clear_dir_for_file(path),
            Some(_) if ours => fs::remove_file(&full).map_err(|error| error.to_string()),
            Some(_) | None => Ok(()),
        }
    }

    /// An empty directory is nothing to lose.
    fn clear_dir_for_file(&self, path: &ProjectPath) -> Result<(), String> {
        fs::remove_empty_dir(&path.under(self.root)).map_err(|_| {
            format!(
                "a directory with files in it stands where the output {path} belongs: move it away"
            )
        })
    }

    fn clear_tree(&self, path: &ProjectPath, ours: bool) -> Result<(), String> {
        self.make_parent(path)?;
        self.check_tree(path, ours)?;
        let full = path.under(self.root);
        fs::remove_any(&full)
            .and_then(|()| fs::create_dirs(&full))
            .map_err(|error| error.to_string())
    }

    /// Whether what stands where a tree belongs may go.
    fn check_tree(&self, path: &ProjectPath, ours: bool) -> Result<(), String> {
        let full = path.under(self.root);
        let there = fs::if_exists(fs::lstat(&full)).map_err(|error| error.to_string())?;
        if ours || is_in_layouts(path) || self.options.reuse == Reuse::Never {
            return Ok(());
        }
        match there.map(|stat| stat.kind) {
            Some(FileKind::Dir)
                if !fs::list_dir(&full)
                    .map_err(|error| error.to_string())?
                    .is_empty() =>
            {
                Err(format!(
                    "the tree {path}/ holds files that gomake did not make, and would be emptied: move it away, or force with -B"
                ))
            }
            Some(FileKind::Dir) | None => Ok(()),
            Some(_) => Err(format!(
                "a file stands where the tree {path}/ belongs: move it away"
            )),
        }
    }

    /// Clears the way for outputs that come from the cache: by the same rules as for a command.
    pub(crate) fn clear_for_restore(&self, outputs: &[(String, Content)]) -> Result<(), String> {
        for (path, content) in outputs {
            let path = recorded_path(path);
            let is_dir =
                fs::lstat(&path.under(self.root)).is_ok_and(|stat| stat.kind == FileKind::Dir);
            match content {
                Content::Tree { .. } => {
                    // What is there already, byte for byte, cannot be lost.
                    let same = || {
                        self.memo
                            .output_content(&path)
                            .is_ok_and(|now| now == *content)
                    };
                    self.check_tree(&path, self.store.has_made(path.as_str()) || same())?;
                }
                _ if is_dir => self.clear_dir_for_file(&path)?,
                _ => {}
            }
        }
        Ok(())
    }

    fn make_parent(&self, path: &ProjectPath) -> Result<(), String> {
        path.parent().map_or(Ok(()), |dir| self.make_dir(&dir))
    }

    /// Makes a directory of the project, never through a symlink that leads elsewhere.
    fn make_dir(&self, dir: &ProjectPath) -> Result<(), String> {
        let full = dir.under(self.root);
        if dir.is_root() {
            return Ok(());
        }
        // What is there already is asked first: creating would follow a link out of the project.
        let there = std::iter::successors(Some(dir.clone()), ProjectPath::parent);
        let there = there
            .map(|dir| dir.under(self.root))
            .find_map(|dir| fs::canonical(&dir).ok());
        let root = fs::canonical(self.root).map_err(|error| error.to_string())?;
        match there {
            Some(real) if !real.starts_with(&root) => Err(format!(
                "{dir} leads out of the project, to {}",
                real.display()
            )),
            _ => fs::create_dirs(&full).map_err(|error| error.to_string()),
        }
    }
}
