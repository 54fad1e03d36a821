//! The variables of a target's command that decide what Go finds: `go list` must see what the command will see. They are
//! read in the order in which [`crate::plan::environment`] passes them, so that the same one wins.

use crate::base::glob::Pattern;
use crate::golang::command::concerns_go;
use crate::lang::ast::{Entry, ExprKind};
use crate::plan::base_variable::is_base_variable;
use crate::plan::body::{Body, Run};
use crate::plan::environment::ScriptNames;
use crate::plan::eval::{Evaluator, Scope};
use crate::plan::module::ModuleId;
use crate::plan::namespace::GIVEN;
use crate::plan::query::{Answer, Query};
use crate::plan::settings;
use crate::plan::target::spanned;
use crate::plan::value::Value;
use std::collections::BTreeMap;

/// Where the values of one target come from.
pub(super) struct GoVariables<'b, 'a> {
    pub evaluator: &'b Evaluator<'a>,
    pub module: ModuleId,
    /// With the names that every script is given, still unknown.
    pub scope: &'b Scope<'a>,
    pub body: &'b Body<'a>,
}

type Variables = BTreeMap<String, String>;

impl GoVariables<'_, '_> {
    /// All of them; `block` are those that the `go` block itself sets.
    pub fn with_block(&self, block: &Variables) -> Variables {
        let mut env = Variables::new();
        self.add_passed(&mut env);
        let names = match self.body.run {
            Some(Run::Script(script)) => {
                let word = settings::interpreter_word(self.evaluator, self.module, script);
                Some(ScriptNames::of(script, &word))
            }
            _ => None,
        };
        if let Some(names) = &names {
            self.add_values(names, &mut env);
        }
        env.extend(block.clone());
        if let Some(entry) = self.body.get("env") {
            self.add_env_key(entry, &mut env);
        }
        if let Some(names) = &names {
            self.add_named(names, &mut env);
        }
        env
    }

    /// `pass_env` of the settings and of the target.
    fn add_passed(&self, env: &mut Variables) {
        let (evaluator, module) = (self.evaluator, self.module);
        let shared = evaluator
            .modules
            .settings(module)
            .filter(|entry| entry.key.value == "pass_env");
        let mut wanted: Vec<Value> = shared
            .flat_map(|entry| spanned(evaluator, module, &Scope::default(), &entry.value))
            .map(|(value, _)| value)
            .collect();
        if let Some(entry) = self.body.get("pass_env") {
            let own = spanned(evaluator, module, self.scope, &entry.value);
            wanted.extend(own.into_iter().map(|(value, _)| value));
        }
        for text in wanted.iter().filter_map(Value::as_text) {
            if text.contains(['*', '?', '[']) {
                if Pattern::new(&text).is_ok()
                    && let Some(Answer::Variables(all)) =
                        evaluator.ask(Query::EnvMatching(text.to_string()))
                {
                    let concern = all.iter().filter(|(name, _)| concerns(name));
                    env.extend(concern.map(|(name, value)| (name.clone(), value.clone())));
                }
            } else if concerns(&text) {
                self.add_callers(&text, env);
            }
        }
    }

    fn add_callers(&self, name: &str, env: &mut Variables) {
        if let Some(Answer::Text(Some(value))) = self.evaluator.ask(Query::Env(name.to_owned())) {
            env.insert(name.to_owned(), value.clone());
        }
    }

    /// Bindings, own lets and those of the file, which a script is given under their names.
    fn add_values(&self, names: &ScriptNames<'_>, env: &mut Variables) {
        for (name, value) in &self.scope.values {
            if concerns(name) && !GIVEN.contains(&name.as_str()) {
                add(name, value, env);
            }
        }
        for let_ in &self.body.lets {
            if concerns(&let_.name.value) {
                let value = self.evaluator.eval(self.module, self.scope, &let_.value);
                add(&let_.name.value, &value, env);
            }
        }
        for name in names.read().filter(|name| concerns(name)) {
            if !env.contains_key(name)
                && let Some(value) = self.evaluator.top_level(self.module, name)
            {
                add(name, &value, env);
            }
        }
    }

    /// Only the values that matter are evaluated, where the map is written out: another may need a command.
    fn add_env_key(&self, entry: &Entry, env: &mut Variables) {
        let eval = |expr| self.evaluator.eval(self.module, self.scope, expr);
        if let ExprKind::Map(pairs) = &entry.value.kind {
            for (name, expr) in pairs.iter().filter(|(name, _)| concerns(&name.value)) {
                add(&name.value, &eval(expr), env);
            }
        } else if let Value::Map(pairs) = eval(&entry.value) {
            for (name, value) in pairs.iter().filter(|(name, _)| concerns(name)) {
                add(name, value, env);
            }
        }
    }

    /// Variables of the caller that a shell script names and nothing else sets.
    fn add_named(&self, names: &ScriptNames<'_>, env: &mut Variables) {
        for name in names.read() {
            let is_value = self.scope.values.contains_key(name)
                || self.body.lets.iter().any(|let_| let_.name.value == *name)
                || self
                    .evaluator
                    .modules
                    .definition(self.module, name)
                    .is_some();
            if concerns_go(name) && !env.contains_key(name) && !is_base_variable(name) && !is_value
            {
                self.add_callers(name, env);
            }
        }
    }
}

/// The base is the caller's own unless something else is said: then Go must be told too where its modules are.
fn concerns(name: &str) -> bool {
    concerns_go(name) || is_base_variable(name)
}

fn add(name: &str, value: &Value, env: &mut Variables) {
    let items: Option<Vec<String>> = Evaluator::items(value).iter().map(text).collect();
    if let Some(items) = items {
        env.insert(name.to_owned(), items.join(" "));
    }
}

/// None for what is not known yet, and for what no command is given.
fn text(value: &Value) -> Option<String> {
    match value {
        Value::Volatile(inner) => text(inner),
        plain => plain.as_text().map(|text| text.to_string()),
    }
}
