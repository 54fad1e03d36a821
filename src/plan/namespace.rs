//! One namespace a file: lets, parameters, `for` variables and targets. Finds names with two meanings, names that
//! scripts could not tell from the shell's own, and targets that need a name. Evaluates nothing.

use crate::base::hash::HashMap;
use crate::base::names::nearest;
use crate::base::source::{Span, Spanned};
use crate::lang::ast::{Item, Kind, Statement, TargetDecl};
use crate::plan::error::PlanError;
use crate::plan::module::{Module, Modules};
use crate::plan::script::{has_word, is_shells_own};
use std::collections::BTreeMap;

/// Names that gomake itself gives to scripts.
pub const GIVEN: [&str; 5] = ["out", "outputs", "inputs", "depfile", "inputs_file"];

type Taken<'a> = HashMap<&'a str, (&'static str, Span)>;

/// The name of a declaration within its file, and where it is written: a target without one is named after its kind.
pub fn declared_name(decl: &TargetDecl) -> (&str, Span) {
    match &decl.name {
        Some(name) => (&name.value, name.span),
        None => (decl.kind.value.word(), decl.kind.span),
    }
}

/// Every mistake in the names of a file.
pub fn check_names(module: &Module, errors: &mut Vec<PlanError>) {
    let mut taken = Taken::default();
    let mut aliases = Taken::default();
    for statement in &module.tree.statements {
        match statement {
            Statement::Let(let_) => {
                claim(&mut taken, &let_.name, "a let", errors);
                check_reserved(&let_.name, errors);
            }
            Statement::Target(decl) => {
                let (name, span) = declared_name(decl);
                claim_text(&mut taken, name, span, "a target", errors);
            }
            Statement::Include(include) => {
                claim(&mut aliases, &include.alias, "an include", errors);
            }
            Statement::Edition { .. } | Statement::Settings { .. } => {}
        }
    }
    for decl in declarations(module) {
        check_inner(decl, &taken, errors);
    }
    check_unnamed(module, errors);
}

fn declarations(module: &Module) -> impl Iterator<Item = &TargetDecl> {
    module
        .tree
        .statements
        .iter()
        .filter_map(|statement| match statement {
            Statement::Target(decl) => Some(&**decl),
            _ => None,
        })
}

/// Names inside one target, against the file's and against each other.
fn check_inner<'a>(decl: &'a TargetDecl, outer: &Taken<'a>, errors: &mut Vec<PlanError>) {
    let params = decl.params.iter().map(|param| (&param.name, "a parameter"));
    let fors = decl
        .fors
        .iter()
        .map(|each| (&each.name, "a `for` variable"));
    let lets = decl.body.iter().filter_map(|item| match item {
        Item::Let(let_) => Some((&let_.name, "a let")),
        _ => None,
    });
    let mut inner = Taken::default();
    for (name, what) in params.chain(fors).chain(lets) {
        check_reserved(name, errors);
        if let Some(&(other_what, other)) = outer.get(name.value.as_str()) {
            errors.push(name_taken(name, what, other_what, other));
        } else {
            claim(&mut inner, name, what, errors);
        }
    }
}

fn claim<'a>(
    taken: &mut Taken<'a>,
    name: &'a Spanned<String>,
    what: &'static str,
    errors: &mut Vec<PlanError>,
) {
    claim_text(taken, &name.value, name.span, what, errors);
}

fn claim_text<'a>(
    taken: &mut Taken<'a>,
    name: &'a str,
    span: Span,
    what: &'static str,
    errors: &mut Vec<PlanError>,
) {
    if let Some(&(other_what, other)) = taken.get(name) {
        let name = Spanned {
            value: name.to_owned(),
            span,
        };
        errors.push(name_taken(&name, what, other_what, other));
    } else {
        taken.insert(name, (what, span));
    }
}

fn name_taken(
    name: &Spanned<String>,
    what: &'static str,
    other_what: &'static str,
    other: Span,
) -> PlanError {
    PlanError::NameTaken {
        name: name.value.clone(),
        what,
        span: name.span,
        other_what,
        other,
    }
}

fn check_reserved(name: &Spanned<String>, errors: &mut Vec<PlanError>) {
    let owner = if GIVEN.contains(&name.value.as_str()) {
        "gomake, which gives it to every script"
    } else if is_shells_own(&name.value) {
        "the shell"
    } else {
        return;
    };
    errors.push(PlanError::ReservedName {
        name: name.value.clone(),
        owner,
        span: name.span,
        help: format!(
            "call it something else, such as `my_{}`",
            name.value.to_lowercase()
        ),
    });
}

/// What a file passes to those that it includes must mean something there: a let, or a name that its text holds.
pub fn check_with(module: &Module, modules: &Modules, errors: &mut Vec<PlanError>) {
    for included in module.includes.iter().filter(|one| !one.with.is_empty()) {
        let statements = &modules.modules[included.module].tree.statements;
        let lets = || {
            statements.iter().filter_map(|statement| match statement {
                Statement::Let(let_) => Some(let_.name.value.as_str()),
                _ => None,
            })
        };
        let unknown = included
            .with
            .iter()
            .filter(|entry| lets().all(|name| name != entry.key.value));
        for entry in unknown {
            // Every name of the tree stands in this text, those in scripts and strings too; more words than names do no harm.
            let text = format!("{statements:?}");
            if has_word(&text, &entry.key.value) {
                continue;
            }
            let name = entry.key.value.clone();
            let help = match nearest(&name, lets()) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("declare it there with a default: `let {name} = …`"),
            };
            let span = entry.key.span;
            errors.push(PlanError::UnknownWith { name, span, help });
        }
    }
}

fn check_unnamed(module: &Module, errors: &mut Vec<PlanError>) {
    let mut kinds: BTreeMap<Kind, Vec<&TargetDecl>> = BTreeMap::new();
    for decl in declarations(module) {
        kinds.entry(decl.kind.value).or_default().push(decl);
    }
    for (kind, decls) in kinds {
        for decl in decls.iter().filter(|decl| decl.name.is_none()) {
            let other = decls.iter().find(|other| !std::ptr::eq(**other, *decl));
            // Two without a name are one name twice, which is reported already.
            let Some(other) = other.filter(|other| other.name.is_some()) else {
                continue;
            };
            errors.push(PlanError::Unnamed {
                kind: kind.word(),
                span: decl.kind.span,
                other: declared_name(other).1,
            });
        }
    }
}
