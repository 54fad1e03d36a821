//! Which programs' identities count for a target. Whether a word is a program is PATH's to say, through a query.

use crate::base::path::{InputPath, ProjectPath};
use crate::plan::action::Command;
use crate::plan::bind::Binder;
use crate::plan::environment::ScriptNames;
use crate::plan::query::{Answer, Presence, Query};
use crate::plan::script::is_posix_utility;
use crate::plan::target::spanned;
use std::collections::BTreeSet;
use std::path::PathBuf;

/// The tools that the target names, else the command words that PATH resolves.
pub(super) fn tools(
    binder: &Binder<'_>,
    command: &Command,
    names: Option<&ScriptNames<'_>>,
) -> Vec<(String, Option<InputPath>)> {
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
        Command::Argv(_) | Command::None | Command::Image(_) | Command::GoTest(_) => {}
    }
    let found = words.into_iter().filter_map(|word| {
        let path = place(binder, &word)??;
        Some((word, Some(path)))
    });
    found.collect()
}

/// Where a program is; `None` for a file that counts anyway, as an input or as what another target makes.
fn place(binder: &Binder<'_>, word: &str) -> Option<Option<InputPath>> {
    if word.starts_with('/') {
        return Some(Some(InputPath::Outside(PathBuf::from(word))));
    }
    if word.contains('/') {
        return match ProjectPath::resolve(&binder.target.dir, word) {
            Ok(path) if is_uncounted(binder, &path) => Some(Some(InputPath::Project(path))),
            Ok(_) => None,
            Err(_) => Some(None),
        };
    }
    match binder.evaluator.ask(Query::Which(word.to_owned())) {
        Some(Answer::Program(path)) => Some(path.clone().map(InputPath::Outside)),
        _ => Some(None),
    }
}

/// Whether a path is a file of the project that is neither an input nor made by any target.
pub(super) fn is_uncounted(binder: &Binder<'_>, path: &ProjectPath) -> bool {
    let exists = || {
        let answer = binder.evaluator.ask(Query::Presence(path.clone()));
        matches!(answer, Some(Answer::Presence(Presence::File)))
    };
    let is_input = || {
        binder
            .files
            .inputs
            .iter()
            .any(|input| input == path.as_str())
    };
    !is_input()
        && binder
            .context
            .graph
            .claims()
            .makers(path.as_str())
            .is_empty()
        && exists()
}
