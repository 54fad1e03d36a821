//! The variables of a stage: ARG and ENV (Dockerfile reference, "ARG", "Scope", "Impact on build caching").

use crate::base::hash::HashMap;
use crate::image::dockerfile::expand::{Variable, expand};
use crate::image::dockerfile::words::{Older, assignments};
use std::collections::BTreeMap;
use std::rc::Rc;

/// What the builder or its client sets, whatever the file says.
const PREDEFINED: [&str; 22] = [
    "TARGETPLATFORM",
    "TARGETOS",
    "TARGETARCH",
    "TARGETVARIANT",
    "TARGETOSVERSION",
    "TARGETSTAGE",
    "BUILDPLATFORM",
    "BUILDOS",
    "BUILDARCH",
    "BUILDVARIANT",
    "BUILDOSVERSION",
    "SOURCE_DATE_EPOCH",
    "HTTP_PROXY",
    "http_proxy",
    "HTTPS_PROXY",
    "https_proxy",
    "FTP_PROXY",
    "ftp_proxy",
    "NO_PROXY",
    "no_proxy",
    "ALL_PROXY",
    "all_proxy",
];

/// None: unknown.
type Value = Option<Rc<str>>;

/// Variables of a stage, or of the lines above the first (where what is not there is unset, and not the base's).
#[derive(Debug, Default)]
pub(super) struct Scope {
    args: HashMap<String, Value>,
    env: Env,
    /// Names that ONBUILD sets in a stage on top of this one.
    triggers: Vec<String>,
    in_stage: bool,
    /// Something was set whose name is unknown.
    blurred: bool,
}

/// ENV of a stage, and of those below it.
#[derive(Debug, Default)]
pub(super) struct Env {
    own: HashMap<String, Value>,
    below: Option<Rc<Env>>,
    blurred: bool,
}

impl Env {
    fn get(&self, name: &str) -> Option<&Value> {
        let mut env = Some(self);
        while let Some(here) = env {
            if here.blurred {
                return Some(&None);
            }
            if let Some(value) = here.own.get(name) {
                return Some(value);
            }
            env = here.below.as_deref();
        }
        None
    }
}

impl Scope {
    /// Of the lines above the first stage.
    pub(super) fn global() -> Self {
        Self::default()
    }
    /// Of a stage; `below` is the ENV of the stage that it stands on.
    pub(super) fn of_stage(below: Option<Rc<Env>>) -> Self {
        Self {
            env: Env {
                below,
                ..Env::default()
            },
            in_stage: true,
            ..Self::default()
        }
    }
    /// What a stage on top of this one inherits. Older builders hand no ARG on, newer ones do; so it is unknown there.
    pub(super) fn finish(mut self) -> Rc<Env> {
        for name in self.triggers {
            self.env.own.insert(name, None);
        }
        self.env.blurred |= self.blurred;
        Rc::new(self.env)
    }
    fn get(&self, name: &str) -> Variable<'_> {
        if self.blurred {
            return Variable::Unknown;
        }
        match self.args.get(name).or_else(|| self.env.get(name)) {
            Some(Some(text)) => Variable::Text(text),
            Some(None) => Variable::Unknown,
            // The base image may set it.
            None if self.in_stage || PREDEFINED.contains(&name) => Variable::Unknown,
            None => Variable::Unset,
        }
    }
    pub(super) fn expand(&self, word: &str, escape: char) -> Option<String> {
        expand(word, escape, &|name| self.get(name))
    }

    /// An ENV line: its values see nothing of what the line itself sets.
    pub(super) fn set_env(&mut self, rest: &str, escape: char) {
        let assignments = assignments(rest, escape, Older::Taken);
        let expanded: Vec<_> = assignments
            .iter()
            .map(|(name, value)| {
                let value = self.expand(value.as_deref().unwrap_or_default(), escape);
                (self.expand(name, escape), value.map(Rc::from))
            })
            .collect();
        for (name, value) in expanded {
            match name {
                Some(name) => {
                    self.args.remove(&name);
                    self.env.own.insert(name, value);
                }
                None => self.blurred = true,
            }
        }
    }
    /// An ARG line. `given` are the build's arguments, `global` the scope above the first stage.
    pub(super) fn set_args(
        &mut self,
        rest: &str,
        escape: char,
        given: &BTreeMap<String, String>,
        global: Option<&Self>,
    ) {
        let assignments = assignments(rest, escape, Older::None);
        let expand = |scope: &Self, value: &Option<String>| {
            value.as_deref().map(|value| scope.expand(value, escape))
        };
        let before: Vec<_> = assignments
            .iter()
            .map(|(_, value)| expand(self, value))
            .collect();
        for ((name, value), before) in assignments.iter().zip(before) {
            let Some(name) = self.expand(name, escape) else {
                self.blurred = true;
                continue;
            };
            let value = match (given.get(&name), expand(self, value)) {
                (Some(given), _) => Some(Some(Rc::from(given.as_str()))),
                (None, Some(_)) if PREDEFINED.contains(&name.as_str()) => Some(None),
                // Whether a value sees what stands before it on the line depends on the builder.
                (None, Some(now)) if before.as_ref() != Some(&now) => Some(None),
                (None, Some(now)) => Some(now.map(Rc::from)),
                (None, None) => global.and_then(|global| global.args.get(&name)).cloned(),
            };
            self.set_arg(name, value);
        }
    }
    /// No value: declared only.
    fn set_arg(&mut self, name: String, value: Option<Value>) {
        let value = match value {
            // The older builder prefers ENV, BuildKit what comes last.
            Some(value) => match self.env.get(&name) {
                Some(env) if *env != value => None,
                _ => value,
            },
            // Some builders forget what it was before.
            None if self.args.contains_key(&name) => None,
            None => return,
        };
        self.args.insert(name, value);
    }
    /// An ENV or ARG that takes effect in a stage on top of this one.
    pub(super) fn set_trigger(&mut self, rest: &str, escape: char) {
        for (name, _) in assignments(rest, escape, Older::Taken) {
            match Self::of_stage(None).expand(&name, escape) {
                Some(name) => self.triggers.push(name),
                None => self.env.blurred = true,
            }
        }
    }
}
