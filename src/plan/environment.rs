//! The variables of a command: Gofile values that its script names, `env`, `pass_env`, and what it names of the
//! caller's. What is passed here is counted, but for volatile and secret values.

use crate::base::names::nearest;
use crate::base::source::Span;
use crate::lang::ast::Script;
use crate::plan::action::EnvValue;
use crate::plan::base_variable::is_base_variable;
use crate::plan::bind::Binder;
use crate::plan::error::{Lint, PlanError};
use crate::plan::eval::{Evaluator, Scope};
use crate::plan::go;
use crate::plan::named::top_level_names;
use crate::plan::namespace::GIVEN;
use crate::plan::query::{Answer, Query};
use crate::plan::script::{has_word, interpreter, is_shells_own, shell_names};
use crate::plan::target::spanned;
use crate::plan::value::Value;
use std::collections::{BTreeMap, BTreeSet};

/// What a script names, with places in the Gofile.
pub(super) struct ScriptNames<'s> {
    script: &'s Script,
    /// None for interpreters whose text is only searched for words.
    shell: Option<Shell>,
    pub commands: BTreeSet<String>,
    pub words: BTreeSet<String>,
}

struct Shell {
    /// Byte offset in the script's text of the first use of each variable.
    read: BTreeMap<String, usize>,
    assigned: BTreeSet<String>,
}

impl<'s> ScriptNames<'s> {
    pub fn of(script: &'s Script, word: &str) -> Self {
        // Interpreters that take their script by `-c` are the shells.
        if interpreter(word).as_file {
            return Self {
                script,
                shell: None,
                commands: BTreeSet::new(),
                words: BTreeSet::new(),
            };
        }
        let names = shell_names(&script.text);
        let mut read = BTreeMap::new();
        for (name, at) in names.read {
            read.entry(name).or_insert(at);
        }
        Self {
            script,
            shell: Some(Shell {
                read,
                assigned: names.assigned,
            }),
            commands: names.commands,
            words: names.words,
        }
    }

    pub fn names(&self, name: &str) -> bool {
        match &self.shell {
            Some(shell) => shell.read.contains_key(name),
            None => has_word(&self.script.text, name),
        }
    }

    /// The variables that a shell script reads; none for another interpreter's.
    pub fn read(&self) -> impl Iterator<Item = &String> {
        self.shell.iter().flat_map(|shell| shell.read.keys())
    }

    fn assigns(&self, name: &str) -> bool {
        self.shell
            .as_ref()
            .is_some_and(|shell| shell.assigned.contains(name))
    }

    /// Where the script names a variable first.
    pub fn place(&self, name: &str) -> Span {
        let text = &self.script.text;
        let at = match &self.shell {
            Some(shell) => shell.read.get(name).copied(),
            None => text.find(name),
        };
        match at {
            Some(at) => self.span_at(at, name.len()),
            None => self.script.span,
        }
    }

    /// Where a word stands first.
    pub fn place_of_word(&self, word: &str) -> Span {
        match self.script.text.find(word) {
            Some(at) => self.span_at(at, word.len()),
            None => self.script.span,
        }
    }

    /// The place of `len` bytes at an offset of the text, which may have a dollar before them.
    fn span_at(&self, at: usize, len: usize) -> Span {
        let text = &self.script.text;
        let line = text[..at].matches('\n').count();
        let column = at - text[..at].rfind('\n').map_or(0, |newline| newline + 1);
        let Some(&start) = self.script.line_starts.get(line) else {
            return self.script.span;
        };
        let dollar = match &text.as_bytes()[at..] {
            [b'$', b'{', ..] => 2,
            [b'$', ..] => 1,
            _ => 0,
        };
        let start = start as usize + column;
        Span::new(start, start + dollar + len)
    }

    /// Whether the script says itself what holds when the variable is unset: `${name:-x}` and its kin.
    fn expects_unset(&self, name: &str) -> bool {
        let text = &self.script.text;
        let at = self
            .shell
            .as_ref()
            .and_then(|shell| shell.read.get(name).copied());
        let rest = at
            .and_then(|at| text[at..].strip_prefix("${"))
            .and_then(|rest| rest.strip_prefix(name));
        rest.is_some_and(|rest| rest.starts_with([':', '-', '=', '+', '?']))
    }
}

/// Collects the variables of one command.
pub(super) struct Environment<'b, 'c> {
    binder: &'b mut Binder<'c>,
    names: Option<&'b ScriptNames<'b>>,
    env: BTreeMap<String, EnvValue>,
}

/// Why a value is no variable.
enum Unfit {
    /// An item that would fall apart.
    Item(String),
    Type(&'static str),
    /// Reported already, or nothing to pass.
    Silent,
}

impl<'b, 'c> Environment<'b, 'c> {
    pub fn of(
        binder: &'b mut Binder<'c>,
        names: Option<&'b ScriptNames<'b>>,
    ) -> BTreeMap<String, EnvValue> {
        let mut environment = Self {
            binder,
            names,
            env: BTreeMap::new(),
        };
        environment.pass_from_caller();
        if names.is_some() {
            environment.pass_own();
            environment.pass_top_level();
        }
        environment.pass_go();
        environment.pass_env_key();
        environment.pass_named();
        environment.env
    }

    /// `pass_env` of the settings and of the target.
    fn pass_from_caller(&mut self) {
        let module = self.binder.decl.module;
        let (evaluator, modules) = (&self.binder.evaluator, self.binder.modules);
        let shared = modules
            .settings(module)
            .filter(|entry| entry.key.value == "pass_env");
        let mut wanted: Vec<(Value, Span)> = shared
            .flat_map(|entry| spanned(evaluator, module, &Scope::default(), &entry.value))
            .collect();
        if let Some(entry) = self.binder.body.get("pass_env") {
            wanted.extend(spanned(evaluator, module, &self.binder.scope, &entry.value));
        }
        for (value, span) in wanted {
            let Some(text) = value.as_text() else {
                continue;
            };
            let query = if text.contains(['*', '?', '[']) {
                Query::EnvMatching(text.to_string())
            } else {
                Query::Env(text.to_string())
            };
            match self.binder.evaluator.ask(query) {
                Some(Answer::Text(Some(value))) => self.set(&text, EnvValue::Text(value.clone())),
                Some(Answer::Variables(all)) => {
                    for (name, value) in all {
                        self.set(name, EnvValue::Text(value.clone()));
                    }
                }
                Some(Answer::Failed(reason)) => {
                    let reason = reason.clone();
                    self.binder
                        .errors
                        .push(PlanError::Environment { reason, span });
                }
                _ => {}
            }
        }
    }

    fn set(&mut self, name: &str, value: EnvValue) {
        self.env.insert(name.to_owned(), value);
    }

    fn is_named(&self, name: &str) -> bool {
        self.names.is_some_and(|names| names.names(name))
    }

    /// Bindings, own lets, and what gomake gives.
    fn pass_own(&mut self) {
        let given: Vec<(String, Value)> = self
            .binder
            .scope
            .values
            .iter()
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect();
        for (name, value) in given {
            let long = matches!(name.as_str(), "inputs" | "inputs_file");
            if GIVEN.contains(&name.as_str()) && (long && !self.is_named(&name)) {
                continue;
            }
            if name == "out" && matches!(value, Value::Unknown(_)) && self.binder.outputs.len() != 1
            {
                let assigned = self.names.is_some_and(|names| names.assigns("out"));
                if let Some(names) = self.names.filter(|names| names.names("out") && !assigned) {
                    self.binder.report_out(names.place("out"));
                }
                continue;
            }
            self.pass(&name, &value);
        }
        for let_ in self.binder.body.lets.clone() {
            let (module, scope) = (self.binder.decl.module, &self.binder.scope);
            let value = self.binder.evaluator.eval(module, scope, &let_.value);
            self.pass(&let_.name.value, &value);
        }
    }

    /// Lets of the file that the script names.
    fn pass_top_level(&mut self) {
        let Some(names) = self.names else { return };
        let candidates: Vec<String> = match &names.shell {
            Some(shell) => shell.read.keys().cloned().collect(),
            None => self
                .top_level_names()
                .into_iter()
                .filter(|name| names.names(name))
                .collect(),
        };
        for name in candidates {
            if self.is_own(&name) {
                continue;
            }
            if let Some(value) = self
                .binder
                .evaluator
                .top_level(self.binder.decl.module, &name)
            {
                self.pass(&name, &value);
            }
        }
    }

    fn is_own(&self, name: &str) -> bool {
        self.binder.scope.values.contains_key(name)
            || self
                .binder
                .body
                .lets
                .iter()
                .any(|let_| let_.name.value == name)
    }

    fn top_level_names(&self) -> Vec<String> {
        top_level_names(self.binder.modules, self.binder.decl.module)
    }

    /// Passes a Gofile value under its name, or says why a script that names it cannot have it.
    fn pass(&mut self, name: &str, value: &Value) {
        let named = self.is_named(name);
        match self.variable(value) {
            // Secrets go only where they are asked for by name.
            Ok(EnvValue::Secret(_)) if !named => {}
            Ok(variable) => self.set(name, variable),
            Err(unfit) => {
                if let Some(names) = self.names.filter(|_| named) {
                    let span = names.place(name);
                    self.report(name, unfit, span);
                }
            }
        }
    }

    fn report(&mut self, name: &str, unfit: Unfit, span: Span) {
        let name = name.to_owned();
        self.binder.errors.push(match unfit {
            Unfit::Silent => return,
            Unfit::Type(what) => PlanError::NotAVariable { name, what, span },
            Unfit::Item(item) => PlanError::JoinedList {
                help: if name == "inputs" {
                    "read `$inputs_file`, which has an input a line, or write `run = [\"program\", inputs]`".to_owned()
                } else {
                    format!("write the command as a list: `run = [\"program\", {name}]`")
                },
                name,
                item,
                span,
            },
        });
    }

    fn variable(&self, value: &Value) -> Result<EnvValue, Unfit> {
        match value {
            Value::Volatile(inner) => match self.variable(inner)? {
                EnvValue::Text(text) => Ok(EnvValue::Volatile(text)),
                other => Ok(other),
            },
            Value::Secret(name) => Ok(EnvValue::Secret(name.to_string())),
            Value::List(_) | Value::Target(_) => {
                let mut items = Vec::new();
                self.flatten(value, &mut items)?;
                match items.iter().find(|item| falls_apart(item)) {
                    Some(item) => Err(Unfit::Item(item.clone())),
                    None => Ok(EnvValue::Text(items.join(" "))),
                }
            }
            Value::Map(_) => Err(Unfit::Type("a map")),
            Value::Bad => Err(Unfit::Silent),
            plain => Ok(EnvValue::Text(plain_item(plain).unwrap_or_default())),
        }
    }

    fn flatten(&self, value: &Value, items: &mut Vec<String>) -> Result<(), Unfit> {
        match value {
            Value::List(inner) => inner.iter().try_for_each(|item| self.flatten(item, items)),
            Value::Target(reference) => {
                items.extend(self.binder.outputs_of(reference));
                Ok(())
            }
            Value::Bad => Err(Unfit::Silent),
            Value::Volatile(inner) => self.flatten(inner, items),
            Value::Map(_) => Err(Unfit::Type("a list of maps")),
            Value::Secret(_) => Err(Unfit::Type("a list with a secret")),
            plain => {
                items.extend(plain_item(plain));
                Ok(())
            }
        }
    }

    /// GOOS and its kin, from the `go` block.
    fn pass_go(&mut self) {
        let Some(block) = &self.binder.body.go else {
            return;
        };
        let values = go::Block {
            evaluator: &self.binder.evaluator,
            module: self.binder.decl.module,
            scope: &self.binder.scope,
            block,
        };
        let env = values.values(self.binder.target.kind).env();
        for (name, value) in env {
            self.set(&name, EnvValue::Text(value));
        }
    }

    /// The `env` key goes before everything else.
    fn pass_env_key(&mut self) {
        let Some(entry) = self.binder.body.get("env") else {
            return;
        };
        let (module, scope) = (self.binder.decl.module, &self.binder.scope);
        let value = self.binder.evaluator.eval(module, scope, &entry.value);
        let Value::Map(pairs) = value else { return };
        for (name, value) in pairs.iter() {
            if name.is_empty() || name.contains(['=', '\0']) {
                self.binder.errors.push(PlanError::BadText {
                    text: name.to_string(),
                    expected: "a variable's name",
                    span: entry.value.span,
                    help: "a name is not empty and holds no `=`",
                });
                continue;
            }
            match self.variable(value) {
                Ok(variable) => self.set(name, variable),
                Err(unfit) => self.report(name, unfit, entry.value.span),
            }
        }
    }

    /// Variables of the caller that a shell script names and nothing above gives it.
    fn pass_named(&mut self) {
        let Some(names) = self.names else { return };
        let Some(shell) = &names.shell else { return };
        for name in shell.read.keys() {
            if self.env.contains_key(name) || is_base_variable(name) || is_shells_own(name) {
                continue;
            }
            if self.is_own(name) || self.is_top_level(name) {
                continue;
            }
            match self.binder.evaluator.ask(Query::Env(name.clone())) {
                Some(Answer::Text(Some(value))) => {
                    let value = EnvValue::Text(value.clone());
                    self.env.insert(name.clone(), value);
                }
                Some(Answer::Text(None)) if !names.assigns(name) && !names.expects_unset(name) => {
                    let lint = self.unset(name, names.place(name));
                    self.binder.lints.push(lint);
                }
                Some(Answer::Failed(reason)) => {
                    let (reason, span) = (reason.clone(), names.place(name));
                    self.binder
                        .errors
                        .push(PlanError::Environment { reason, span });
                }
                _ => {}
            }
        }
    }

    fn is_top_level(&self, name: &str) -> bool {
        self.binder
            .modules
            .definition(self.binder.decl.module, name)
            .is_some()
    }

    fn unset(&self, name: &str, span: Span) -> Lint {
        let mut known = self.top_level_names();
        known.extend(self.binder.scope.values.keys().cloned());
        known.extend(self.env.keys().cloned());
        known.extend(
            self.binder
                .body
                .lets
                .iter()
                .map(|let_| let_.name.value.clone()),
        );
        let module = self.binder.decl.module;
        let is_target = self.binder.modules.target(module, name).is_some();
        let help = match nearest(name, known.iter().map(String::as_str)) {
            _ if is_target => Some(
                "a target is not a variable: put it into `inputs` and use `$inputs`".to_owned(),
            ),
            Some(near) => Some(format!("did you mean `${near}`?")),
            None if name == "depfile" => Some("declare it: `depfile = \"…\"`".to_owned()),
            None => Some(format!("where it may be unset, write `${{{name}:-}}`")),
        };
        Lint::UnsetVariable {
            name: name.to_owned(),
            span,
            help,
        }
    }
}

/// The text of a value that is not a list; unknown ones by their name.
fn plain_item(value: &Value) -> Option<String> {
    match value {
        Value::Unknown(name) => Some(format!("‹{name}›")),
        Value::Optional(text) => Some(text.to_string()),
        other => Evaluator::items(other)
            .first()?
            .as_text()
            .map(|text| text.to_string()),
    }
}

/// Whether a shell would make several words, or a pattern, of an item of a joined list.
fn falls_apart(item: &str) -> bool {
    item.is_empty() || item.contains(|c: char| c.is_whitespace() || "'\"*?[\\".contains(c))
}
