//! Files of the project that a command names and that do not count: a change of one goes unnoticed. A guess, for `--check`.

use crate::base::path::{InputPath, ProjectPath};
use crate::base::source::Span;
use crate::plan::action::Command;
use crate::plan::bind::Binder;
use crate::plan::body::Run;
use crate::plan::environment::ScriptNames;
use crate::plan::error::Lint;
use crate::plan::query::{Answer, Query};
use crate::plan::tool::is_uncounted;

/// Adds a lint for each such file.
pub(super) fn lint(binder: &mut Binder<'_>, command: &Command) {
    // A depfile tells what was read.
    if binder.target.depfile.is_some() || binder.body.get("depfile").is_some() {
        return;
    }
    let words = match (binder.body.run, command) {
        (Some(Run::Script(script)), _) => {
            script_words(&ScriptNames::of(script, &binder.interpreter_word(script)))
        }
        (Some(Run::Argv(entry)), Command::Argv(argv)) => argv
            .iter()
            .skip(1)
            .map(|word| (word.clone(), entry.value.span))
            .collect(),
        _ => Vec::new(),
    };
    for (word, span) in words {
        let named = ProjectPath::resolve(&binder.target.dir, &word).ok();
        if let Some(path) = named.filter(|path| is_missed(binder, path)) {
            binder.lints.push(Lint::UncountedFile {
                path: path.to_string(),
                span,
            });
        }
    }
}

fn script_words(names: &ScriptNames<'_>) -> Vec<(String, Span)> {
    // Where it goes, words mean other files.
    if names.commands.contains("cd") || names.commands.contains("pushd") {
        return Vec::new();
    }
    let words = names.words.iter();
    words
        .map(|word| (word.clone(), names.place_of_word(word)))
        .collect()
}

fn is_missed(binder: &Binder<'_>, path: &ProjectPath) -> bool {
    if path.is_root() || !is_uncounted(binder, path) {
        return false;
    }
    let go = binder.target.go.clone().map(Query::Go);
    match go.and_then(|query| binder.context.answers.get(&query)) {
        Some(Answer::Go(answer)) => !answer.files.contains(&InputPath::Project(path.clone())),
        _ => binder.target.go.is_none(),
    }
}
