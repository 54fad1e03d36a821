//! `gomake --choose`: what to run is picked from a list, parameters are asked for, and the call goes on as if the words had stood on
//! the command line. Knows nothing of how a call runs.

mod fuzzy;
mod picker;
mod terminal;

use crate::cli::about::quoted;
use crate::cli::choose::picker::{Entry, Outcome, Picker, Taking};
use crate::cli::choose::terminal::Screen;
use crate::cli::fault::Fault;
use crate::cli::list::defaults;
use crate::cli::settings::Environment;
use crate::execute::signal::{Cancel, install_signal_handlers};
use crate::plan::graph::{Decl, Graph, ParamInfo};
use crate::report::{Palette, Sink, Tone};
use std::ffi::OsString;
use std::io;

/// The longest prompt for a parameter is `deploy, host`.
const PROMPT: &str = "run";

/// Why nothing can be picked.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub enum ChooseError {
    #[error("nothing can be picked here: {why}")]
    #[diagnostic(
        code(gomake::choose::no_terminal),
        help("name the targets; `gomake --list` lists them")
    )]
    NoTerminal { why: &'static str },
    #[error("there is nothing to pick")]
    #[diagnostic(code(gomake::choose::no_target), help("the Gofile declares no target"))]
    NoTarget,
    #[error("the terminal cannot be used: {source}")]
    #[diagnostic(
        code(gomake::choose::terminal),
        help("name the targets; `gomake --list` lists them")
    )]
    Terminal { source: io::Error },
}

/// Where the picking happens.
pub struct Place<'a> {
    pub env: &'a Environment,
    pub palette: Palette,
    pub err: &'a Sink,
}

/// What came of it.
#[derive(Debug, PartialEq, Eq)]
pub enum Choice {
    /// Words for the command line.
    Words(Vec<String>),
    /// The status to exit with.
    Left(u8),
}

/// Lets a person pick. `given` are the words of the call: parameters among them are not asked for.
///
/// # Errors
/// Where nothing can be picked, because nobody is there to ask or there is nothing.
pub fn choose(graph: &Graph, given: &[String], place: &Place<'_>) -> Result<Choice, Fault> {
    if let Some(why) = place.env.nobody_to_ask() {
        return Err(Fault::one(ChooseError::NoTerminal { why }));
    }
    let (words, entries) = offers(graph);
    if entries.is_empty() {
        return Err(Fault::one(ChooseError::NoTarget));
    }
    let trouble = |source| Fault::one(ChooseError::Terminal { source });
    let cancel = Cancel::new().map_err(trouble)?;
    let _handlers = install_signal_handlers(&cancel).map_err(trouble)?;
    let mut screen = Screen::open(place.err, place.palette, &cancel).map_err(trouble)?;
    let picked = ask(&mut screen, graph, given, words, entries).map_err(trouble)?;
    drop(screen);
    Ok(match picked {
        Some(words) => Choice::Words(words),
        // Esc and Ctrl-C mean the same: not this.
        None => Choice::Left(cancel.exit_status().unwrap_or(130)),
    })
}

/// None: the person left.
fn ask(
    screen: &mut Screen<'_>,
    graph: &Graph,
    given: &[String],
    words: Vec<String>,
    entries: Vec<Entry>,
) -> io::Result<Option<Vec<String>>> {
    let picker = Picker::new(PROMPT, entries, Taking::Several);
    let Outcome::Taken(taken) = screen.ask(picker)? else {
        return Ok(None);
    };
    let mut picked: Vec<String> = taken.into_iter().map(|at| words[at].clone()).collect();
    for (target, param) in missing(graph, given, &picked) {
        let prompt = format!("{target}, {}", param.name);
        let choices = param.choices.clone().unwrap_or_default();
        let value = if choices.is_empty() {
            match screen.ask(Picker::new(prompt, Vec::new(), Taking::Text))? {
                Outcome::Typed(value) => value,
                _ => return Ok(None),
            }
        } else {
            let entry = |name: &String| Entry {
                name: name.clone(),
                ..Entry::default()
            };
            let entries = choices.iter().map(entry).collect();
            match screen.ask(Picker::new(prompt, entries, Taking::One))? {
                Outcome::Taken(one) => choices[one[0]].clone(),
                _ => return Ok(None),
            }
        };
        picked.push(format!("{}={value}", param.name));
    }
    Ok(Some(picked))
}

/// What can be picked: words of the command line, and how they look. Every declared target in the order of the Gofile, then the
/// instances of each `for`: a thousand of them do not stand before what is declared below.
fn offers(graph: &Graph) -> (Vec<String>, Vec<Entry>) {
    let entry = |decl: &Decl, name: &str, help: String, rank: u32| Entry {
        label: decl.kind.word().to_owned(),
        name: name.to_owned(),
        help,
        rank,
    };
    let mut entries = Vec::new();
    let defaults = defaults(graph);
    for decl in graph.decls.values() {
        let mut help = decl.help.first().cloned().unwrap_or_default();
        if defaults.contains(decl.name.as_str()) {
            help = format!("{help} (default)").trim_start().to_owned();
        }
        entries.push(entry(decl, &decl.name, help, 0));
    }
    for decl in graph.decls.values().filter(|decl| !decl.fors.is_empty()) {
        let targets = decl.instances.iter().map(|id| graph.target(*id));
        // Those that calls made are how a file speaks of them.
        let plain = targets.filter(|target| !target.name.ends_with(')'));
        entries.extend(plain.map(|target| entry(decl, &target.name, String::new(), 1)));
    }
    (
        entries.iter().map(|entry| entry.name.clone()).collect(),
        entries,
    )
}

/// The parameters of what was picked that have no value yet, with the target that wants them first.
fn missing<'g>(
    graph: &'g Graph,
    given: &[String],
    picked: &[String],
) -> Vec<(&'g str, &'g ParamInfo)> {
    let is_given = |param: &ParamInfo| {
        given.iter().any(|word| {
            word.split_once('=')
                .is_some_and(|(name, _)| name == param.name)
        })
    };
    let mut missing: Vec<(&str, &ParamInfo)> = Vec::new();
    for decl in graph
        .decls
        .values()
        .filter(|decl| picked.contains(&decl.name))
    {
        for param in &decl.params {
            let known = missing.iter().any(|(_, known)| known.name == param.name);
            if param.default.is_none() && !known && !is_given(param) {
                missing.push((&decl.name, param));
            }
        }
    }
    missing
}

/// The command line that the picking stands for: `line` (the program first) without `--choose`, and with the words.
pub fn equivalent(line: &[OsString], words: &[String]) -> String {
    let end = line
        .iter()
        .position(|word| word == "--")
        .unwrap_or(line.len());
    let (options, args) = line.split_at(end);
    let options = options.iter().skip(1).filter(|word| *word != "--choose");
    let mut all = vec!["gomake".to_owned()];
    all.extend(options.map(|word| quoted(&word.to_string_lossy())));
    all.extend(words.iter().map(|word| quoted(word)));
    all.extend(args.iter().map(|word| quoted(&word.to_string_lossy())));
    all.join(" ")
}

/// Shows what will run.
pub fn announce(words: &[String], place: &Place<'_>) {
    let line: Vec<OsString> = std::env::args_os().collect();
    let text = place.palette.paint(Tone::Faint, &equivalent(&line, words));
    place.err.write(format!("{text}\n").as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_is_one_that_a_shell_takes() {
        let line = |words: &[&str]| words.iter().map(OsString::from).collect::<Vec<_>>();
        let words = ["dist[linux,amd64]", "host=web 1"].map(str::to_owned);
        assert_eq!(
            equivalent(
                &line(&["/bin/gomake", "--choose", "-n", "--", "--choose"]),
                &words
            ),
            "gomake -n 'dist[linux,amd64]' 'host=web 1' -- --choose"
        );
        assert_eq!(equivalent(&line(&["gomake", "--choose"]), &[]), "gomake");
    }
}
