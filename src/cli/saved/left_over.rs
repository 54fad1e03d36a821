//! What targets that are gone have left, and what decides about it: files that nobody declares and that are as they were made
//! are no inputs of anybody.

use crate::base::hash::HashSet;
use crate::base::path::ProjectPath;
use crate::cli::saved::rows::Rows;
use crate::execute::check::recorded_path;
use crate::execute::declared::Declared;
use crate::execute::project::Project;
use crate::plan::graph::Output;
use crate::state::snapshot::FileId;

#[derive(Debug, Default)]
pub struct LeftOver {
    pub paths: Vec<String>,
    /// What decides that these are left over, and others are not.
    pub files: Vec<FileId>,
}

/// None: rows cannot say what decides.
pub fn left_over(project: &Project<'_>, rows: &mut Rows<'_>) -> Option<LeftOver> {
    let files: HashSet<&str> = declared_files(project).collect();
    let others = project
        .store
        .recorded_outputs_but(|path| files.contains(path));
    let starts = project.store.starts();
    let mut left = LeftOver::default();
    if others.is_empty() && starts.is_empty() {
        return Some(left);
    }
    let declared = Declared::of(project.graph());
    for (path, made) in others {
        let place = recorded_path(&path);
        if declared.holds(&place) {
            continue;
        }
        let now = project.memo.output_content(&place).ok()?;
        if !rows.output(&path, now, &mut left.files) {
            return None;
        }
        if now == made {
            left.paths.push(path);
        }
    }
    // What a killed command may have made is left over whatever it is by now; what a pattern takes must be looked for.
    let patterns: HashSet<&String> = declared_patterns(project).collect();
    for (_, start) in starts {
        if start.patterns().any(|pattern| !patterns.contains(pattern)) {
            return None;
        }
        let plain = start.plain_outputs();
        left.paths
            .extend(plain.filter(|path| !declared.holds(&recorded_path(path))));
    }
    left.paths.sort();
    left.paths.dedup();
    left.files.sort_unstable();
    left.files.dedup();
    Some(left)
}

fn declared_files<'a>(project: &'a Project<'_>) -> impl Iterator<Item = &'a str> {
    let outputs = project.graph().targets.values();
    outputs
        .flat_map(|target| &target.outputs)
        .filter_map(|output| output.path().map(ProjectPath::as_str))
}

fn declared_patterns<'a>(project: &'a Project<'_>) -> impl Iterator<Item = &'a String> {
    let outputs = project.graph().targets.values();
    outputs
        .flat_map(|target| &target.outputs)
        .filter_map(|output| match output {
            Output::Pattern { pattern, .. } => Some(pattern),
            Output::File { .. } | Output::Tree { .. } => None,
        })
}
