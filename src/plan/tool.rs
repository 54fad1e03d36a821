//! Which programs' identities count for a target. Whether a word is a program is PATH's to say, through a query.

use crate::base::path::ProjectPath;
use crate::plan::action::Command;
use crate::plan::bind::Binder;
use crate::plan::environment::ScriptNames;
use crate::plan::query::{Answer, Query};
use crate::plan::script::is_posix_utility;
use crate::plan::target::spanned;
use std::collections::BTreeSet;
use std::path::PathBuf;

/// The tools that the target names, else the command words that PATH resolves.
pub(super) fn tools(
    binder: &Binder<'_>,
    command: &Command,
    names: Option<&ScriptNames<'_>>,
) -> Vec<(String, Option<PathBuf>)> {
    if let Some(entry) = binder.body.get("tools") {
        let items = spanned(
            &binder.evaluator,
            binder.decl.module,
            &binder.scope,
            &entry.value,
        );
        let words: BTreeSet<String> = items
            .iter()
            .filter_map(|(item, _)| item.as_text())
            .map(|text| text.to_string())
            .collect();
        return words
            .into_iter()
            .filter_map(|word| Some((word.clone(), place(binder, &word)?)))
            .collect();
    }
    let mut words: BTreeSet<String> = BTreeSet::new();
    match command {
        Command::Script { name, .. } => {
            let commands = names
                .map(|names| names.commands.clone())
                .unwrap_or_default();
            words.extend(commands.into_iter().filter(|word| !is_posix_utility(word)));
            if !is_posix_utility(name) {
                words.insert(name.clone());
            }
        }
        // Go's identity is among the facts of its packages.
        Command::Argv(argv) if binder.body.run.is_some() => words.extend(argv.first().cloned()),
        Command::Argv(_) | Command::None => {}
    }
    let found = words.into_iter().filter_map(|word| {
        let path = place(binder, &word)??;
        Some((word, Some(path)))
    });
    found.collect()
}

/// Where a program is; `None` for a file of the project, which is for `inputs` to count.
fn place(binder: &Binder<'_>, word: &str) -> Option<Option<PathBuf>> {
    if word.starts_with('/') {
        return Some(Some(PathBuf::from(word)));
    }
    if word.contains('/') {
        let inside = ProjectPath::resolve(&binder.target.dir, word).is_ok();
        return (!inside).then_some(None);
    }
    match binder.evaluator.ask(Query::Which(word.to_owned())) {
        Some(Answer::Program(path)) => Some(path.clone()),
        _ => Some(None),
    }
}
