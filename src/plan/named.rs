//! Targets that a command names without `inputs`: items of an argument list, and the values that a script is given. Their
//! outputs are what the command reads, so they come first and count.

use crate::base::source::Span;
use crate::lang::ast::{Script, Statement};
use crate::plan::body::Body;
use crate::plan::environment::ScriptNames;
use crate::plan::eval::Scope;
use crate::plan::module::{ModuleId, Modules};
use crate::plan::namespace::GIVEN;
use crate::plan::resolve::Resolver;
use crate::plan::settings;
use crate::plan::value::{TargetRef, Value};
use std::rc::Rc;
use std::sync::Arc;

/// Top-level values of a file that hold targets, by name.
pub(super) type TargetLets = Rc<Vec<(String, Vec<Arc<TargetRef>>)>>;

impl<'a> Resolver<'a> {
    /// The targets in the values that a script names, each with the place where it does.
    pub fn named_by_script(
        &mut self,
        module: ModuleId,
        scope: &Scope<'a>,
        body: &Body<'a>,
        script: &Script,
    ) -> Vec<(Arc<TargetRef>, Span)> {
        let mut holding: Vec<(String, Vec<Arc<TargetRef>>)> = Vec::new();
        for (name, value) in &scope.values {
            if !GIVEN.contains(&name.as_str()) {
                hold(name, value, &mut holding);
            }
        }
        for let_ in &body.lets {
            let value = self.check.eval(module, scope, &let_.value);
            hold(&let_.name.value, &value, &mut holding);
        }
        holding.extend(self.target_lets(module).iter().cloned());
        // Most scripts are given no target: those are not even read.
        if holding.is_empty() {
            return Vec::new();
        }
        let names = ScriptNames::of(
            script,
            &settings::interpreter_word(&self.check, module, script),
        );
        let named = holding.into_iter().filter(|(name, _)| names.names(name));
        let placed = named.flat_map(|(name, targets)| {
            let place = names.place(&name);
            targets.into_iter().map(move |target| (target, place))
        });
        placed.collect()
    }

    /// Read once a file, however many targets it has.
    fn target_lets(&mut self, module: ModuleId) -> TargetLets {
        if let Some(known) = self.target_lets.get(&module) {
            return Rc::clone(known);
        }
        let mut found = Vec::new();
        for name in top_level_names(self.modules, module) {
            if let Some(value) = self.check.top_level(module, &name) {
                hold(&name, &value, &mut found);
            }
        }
        let found = Rc::new(found);
        self.target_lets.insert(module, Rc::clone(&found));
        found
    }
}

/// The lets of a file, and what its includer passes to it.
pub(super) fn top_level_names(modules: &Modules, module: ModuleId) -> Vec<String> {
    let passed = modules
        .includer(module)
        .map(|(_, included)| included.with.iter());
    let passed = passed
        .into_iter()
        .flatten()
        .map(|entry| entry.key.value.clone());
    let statements = modules.modules[module].tree.statements.iter();
    let lets = statements.filter_map(|statement| match statement {
        Statement::Let(let_) => Some(let_.name.value.clone()),
        _ => None,
    });
    passed.chain(lets).collect()
}

fn hold(name: &str, value: &Value, holding: &mut Vec<(String, Vec<Arc<TargetRef>>)>) {
    let mut targets = Vec::new();
    collect(value, &mut targets);
    if !targets.is_empty() {
        holding.push((name.to_owned(), targets));
    }
}

/// Lists reach a script flattened; targets in maps do not reach it.
fn collect(value: &Value, targets: &mut Vec<Arc<TargetRef>>) {
    match value {
        Value::Target(target) => targets.push(Arc::clone(target)),
        Value::List(items) => items.iter().for_each(|item| collect(item, targets)),
        Value::Volatile(inner) => collect(inner, targets),
        _ => {}
    }
}
