//! Words of the command line to targets: names, instances with `*`, kinds, and `name=value`.

use crate::base::hash::HashSet;
use crate::base::names::nearest;
use crate::lang::ast::Kind;
use crate::plan::graph::{Decl, Graph, TargetId};
use crate::plan::instance::{command_usage, instances_help};
use crate::plan::name::{Item, Word, parse_word, plain_text, read_like};
use crate::plan::value::Value;

pub use crate::plan::word::read_words;

/// A word that selects nothing.
#[derive(Debug, Clone, thiserror::Error, miette::Diagnostic)]
pub enum SelectError {
    #[error("there is no target `{word}`")]
    #[diagnostic(code(gomake::select::unknown_target))]
    UnknownTarget {
        word: String,
        #[help]
        help: Option<String>,
    },
    #[error("`{target}` has no instance `{word}`")]
    #[diagnostic(code(gomake::select::unknown_instance))]
    UnknownInstance {
        target: String,
        word: String,
        #[help]
        help: String,
    },
    #[error("`{target}` needs {missing}")]
    #[diagnostic(code(gomake::select::missing_argument), help("call it as `{usage}`"))]
    MissingArgument {
        target: String,
        missing: String,
        usage: String,
    },
    #[error("`{word}` cannot be read")]
    #[diagnostic(
        code(gomake::select::malformed),
        help(
            "instances are written 'dist[linux,amd64]', with \"…\" around an item that holds a comma or a bracket"
        )
    )]
    Malformed { word: String },
    #[error("nothing is called `{name}` that a value could be given to")]
    #[diagnostic(code(gomake::select::unknown_value))]
    UnknownValue {
        name: String,
        #[help]
        help: Option<String>,
    },
    #[error("`{name}` takes {expected}, not {text:?}")]
    #[diagnostic(
        code(gomake::select::value_type),
        help("a value has the type of what it replaces")
    )]
    ValueType {
        name: String,
        expected: &'static str,
        text: String,
    },
    #[error("`{name}` is given twice")]
    #[diagnostic(code(gomake::select::value_twice), help("keep one of them"))]
    ValueTwice { name: String },
    #[error("there is nothing to run")]
    #[diagnostic(code(gomake::select::no_target), help("the Gofile declares no target"))]
    NoTarget,
}

/// The targets that the words name, in stages: a `clean` is a barrier between what stands before and after it.
/// No words: the default.
///
/// # Errors
/// Every word that selects nothing.
pub fn select(graph: &Graph, words: &[String]) -> Result<Vec<Vec<TargetId>>, Vec<SelectError>> {
    let defaults;
    let words = if words.is_empty() {
        defaults = default_words(graph)?;
        &defaults
    } else {
        words
    };
    let mut stages: Vec<Vec<TargetId>> = Vec::new();
    let mut in_stage: HashSet<TargetId> = HashSet::default();
    let mut errors = Vec::new();
    let mut cleaning = None;
    for word in words {
        let found = match word_targets(graph, word) {
            Ok(found) => found,
            Err(error) => {
                errors.push(error);
                continue;
            }
        };
        for id in found {
            let cleans = graph.targets[id].kind == Kind::Clean;
            if cleaning != Some(cleans) {
                stages.push(Vec::new());
                in_stage.clear();
                cleaning = Some(cleans);
            }
            if in_stage.insert(id) {
                stages.last_mut().expect("a stage was begun above").push(id);
            }
        }
    }
    if errors.is_empty() {
        Ok(stages)
    } else {
        Err(errors)
    }
}

fn default_words(graph: &Graph) -> Result<Vec<String>, Vec<SelectError>> {
    if !graph.settings.default.is_empty() {
        return Ok(graph.settings.default.clone());
    }
    match graph.decls.values().next() {
        Some(decl) => Ok(vec![decl.name.clone()]),
        None => Err(vec![SelectError::NoTarget]),
    }
}

fn word_targets(graph: &Graph, text: &str) -> Result<Vec<TargetId>, SelectError> {
    if let Some(&id) = graph.by_name.get(text)
        && graph.decl_of(id).name != text
    {
        return Ok(vec![id]);
    }
    let malformed = || SelectError::Malformed {
        word: text.to_owned(),
    };
    let word = parse_word(text).ok_or_else(malformed)?;
    if let Some(decl) = graph.decl_named(&word.name) {
        return decl_targets(graph, &graph.decls[decl], &word, text);
    }
    let kind = Kind::from_word(text).filter(|kind| *kind != Kind::Task);
    let of_kind: Vec<TargetId> = kind.map_or_else(Vec::new, |kind| {
        let decls = graph.decls.values().filter(|decl| decl.kind == kind);
        decls
            .flat_map(|decl| plain_instances(graph, decl))
            .collect()
    });
    if of_kind.is_empty() {
        return Err(unknown_target(graph, &word, text));
    }
    Ok(of_kind)
}

/// The instances that the header makes, with all parameters at their defaults.
fn plain_instances(graph: &Graph, decl: &Decl) -> Vec<TargetId> {
    let all = decl.instances.iter().copied();
    all.filter(|&id| fits(graph, decl, id, &[])).collect()
}

fn decl_targets(
    graph: &Graph,
    decl: &Decl,
    word: &Word,
    text: &str,
) -> Result<Vec<TargetId>, SelectError> {
    let given = word.args.as_deref().unwrap_or_default();
    let called: Vec<TargetId> = decl
        .instances
        .iter()
        .copied()
        .filter(|&id| fits(graph, decl, id, given))
        .collect();
    let mut found = called.clone();
    if let Some(select) = &word.select {
        found.retain(|&id| selected(graph, decl, id, select));
    }
    if !found.is_empty() {
        return Ok(found);
    }
    let missing = decl.params.iter().filter(|param| {
        param.default.is_none() && !given.iter().any(|(name, _)| *name == param.name)
    });
    let missing: Vec<String> = missing.map(|param| format!("`{}`", param.name)).collect();
    if !missing.is_empty() {
        return Err(SelectError::MissingArgument {
            target: decl.name.clone(),
            missing: missing.join(" and "),
            usage: command_usage(&decl.name, &decl.params),
        });
    }
    if word.select.is_none() && word.args.is_none() {
        // A `for` over nothing: the lint says so, and there is nothing to do.
        return Ok(Vec::new());
    }
    let names: Vec<&str> = decl
        .instances
        .iter()
        .map(|&id| &*graph.targets[id].name)
        .collect();
    Err(SelectError::UnknownInstance {
        target: decl.name.clone(),
        word: text.to_owned(),
        help: match nearest(text, names.iter().copied()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => instances_help(&decl.name, decl.fors.len(), names.into_iter()),
        },
    })
}

/// Whether an instance's parameters are the given ones, and the defaults elsewhere.
fn fits(graph: &Graph, decl: &Decl, id: TargetId, given: &[(String, String)]) -> bool {
    let known = given
        .iter()
        .all(|(name, _)| decl.params.iter().any(|param| param.name == *name));
    known
        && decl.params.iter().all(|param| {
            let Some(value) = binding(graph, id, &param.name) else {
                return false;
            };
            match given.iter().find(|(name, _)| *name == param.name) {
                None => param.default.as_ref() == Some(value),
                Some((_, text)) => {
                    let like = param.default.clone().unwrap_or_else(|| Value::str(""));
                    read_like(text, &like)
                        .is_ok_and(|given| plain_text(&given) == plain_text(value))
                }
            }
        })
}

fn selected(graph: &Graph, decl: &Decl, id: TargetId, select: &[Item]) -> bool {
    select.len() == decl.fors.len()
        && decl.fors.iter().zip(select).all(|(name, item)| match item {
            Item::Any => true,
            Item::Is(text) => {
                binding(graph, id, name).and_then(plain_text).as_deref() == Some(text)
            }
        })
}

fn binding<'g>(graph: &'g Graph, id: TargetId, name: &str) -> Option<&'g Value> {
    let bindings = &graph.targets[id].bindings;
    bindings
        .iter()
        .find(|(bound, _)| bound == name)
        .map(|(_, value)| value)
}

fn unknown_target(graph: &Graph, word: &Word, text: &str) -> SelectError {
    let has = |kind: Kind| graph.decls.values().any(|decl| decl.kind == kind);
    let help = match Kind::from_word(text) {
        Some(Kind::Task) => "tasks are named one by one: `gomake -l` lists them".to_owned(),
        Some(kind) if !has(kind) => format!("this Gofile has no {kind} target"),
        _ => match near_words(graph, word) {
            Some(near) => format!("did you mean {near}?"),
            None if graph.decls.is_empty() => "the Gofile declares no target".to_owned(),
            None => "`gomake -l` lists the targets".to_owned(),
        },
    };
    SelectError::UnknownTarget {
        word: text.to_owned(),
        help: Some(help),
    }
}

/// What may have been meant by a word that names nothing: a name like it, with the rest of the word where that fits; a target of an
/// include, named without the include; or an include, named without a target.
fn near_words(graph: &Graph, word: &Word) -> Option<String> {
    let names: Vec<&str> = graph
        .decls
        .values()
        .map(|decl| decl.name.as_str())
        .collect();
    let kinds = Kind::ALL
        .into_iter()
        .filter(|kind| *kind != Kind::Task && graph.decls.values().any(|decl| decl.kind == *kind));
    let kinds: Vec<&str> = kinds.map(Kind::word).collect();
    let known = names.iter().chain(&kinds).copied();
    if let Some(near) = nearest(&word.name, known) {
        let whole = Word {
            name: near.to_owned(),
            ..word.clone()
        };
        let whole = whole.to_string();
        let fits = word_targets_of(graph, near, &whole).is_some_and(|found| !found.is_empty());
        return Some(format!("`{}`", if fits { whole.as_str() } else { near }));
    }
    let prefix = format!("{}:", word.name);
    let suffix = format!(":{}", word.name);
    let inside = names
        .iter()
        .filter(|name| name.starts_with(&prefix) || name.ends_with(&suffix));
    let inside: Vec<String> = inside.take(4).map(|name| format!("`{name}`")).collect();
    match inside.split_last()? {
        (only, []) => Some(only.clone()),
        (last, others) => Some(format!("{} or {last}", others.join(", "))),
    }
}

/// The targets that a word selects of a declaration; None where there is none of that name, or nothing fits.
fn word_targets_of(graph: &Graph, name: &str, text: &str) -> Option<Vec<TargetId>> {
    let decl = &graph.decls[graph.decl_named(name)?];
    decl_targets(graph, decl, &parse_word(text)?, text).ok()
}
