//! Values that look like secrets: they are written nowhere, neither by themselves nor within what was made of them.

use crate::base::hash::HashMap;
use crate::cli::saved::encode;
use crate::execute::project::Bound;
use crate::fingerprint::explain::looks_secret;
use crate::plan::query::{Answer, Answers, Query};
use crate::plan::resolve::Request;
use crate::plan::value::Value;
use serde::Serialize;
use std::cell::RefCell;

/// Shorter values would be found everywhere, and hide nothing.
const SHORTEST: usize = 6;

/// The values of variables, and of lets on the command line, whose names look like a secret's.
#[derive(Debug)]
pub struct Secrets {
    values: Vec<String>,
    /// Names of variables that were judged: most targets have the same.
    names: RefCell<HashMap<String, bool>>,
}

impl Secrets {
    pub fn of(answers: &Answers, request: &Request) -> Self {
        let mut found = Vec::new();
        for (query, answer) in answers.iter() {
            match (query, answer) {
                (Query::Env(name), Answer::Text(Some(value))) if looks_secret(name) => {
                    found.push(value.clone());
                }
                (Query::EnvMatching(_), Answer::Variables(all)) => {
                    let secret = all.iter().filter(|(name, _)| looks_secret(name));
                    found.extend(secret.map(|(_, value)| value.clone()));
                }
                _ => {}
            }
        }
        let said = request.overrides.iter();
        found.extend(said.filter(|(name, _)| looks_secret(name)).filter_map(
            |(_, value)| match value {
                Value::Str(text) => Some(text.to_string()),
                _ => None,
            },
        ));
        found.retain(|value| value.len() >= SHORTEST);
        Self {
            values: found,
            names: RefCell::default(),
        }
    }

    fn is_ones_name(&self, name: &str) -> bool {
        if let Some(&known) = self.names.borrow().get(name) {
            return known;
        }
        let found = looks_secret(name);
        self.names.borrow_mut().insert(name.to_owned(), found);
        found
    }

    /// Whether one of them stands in what is to be written.
    pub fn are_in(&self, bytes: &[u8]) -> bool {
        let holds = |value: &String| {
            let value = value.as_bytes();
            bytes.windows(value.len()).any(|part| part == value)
        };
        self.values.iter().any(holds)
    }
    fn are_in_value(&self, value: &impl Serialize) -> bool {
        !self.values.is_empty() && self.are_in(&encode(value))
    }

    pub fn are_in_query(&self, query: &Query) -> bool {
        self.are_in_value(query)
    }

    /// Whether one went into an action.
    pub fn are_in_action(&self, bound: &Bound) -> bool {
        let mut names = bound.action.env.keys();
        names.any(|name| self.is_ones_name(name)) || self.are_in_value(bound)
    }

    /// The answers without those that tell one: whoever needs these asks again.
    pub fn without<'a>(&self, answers: &'a Answers) -> Vec<(&'a Query, &'a Answer)> {
        let all = answers.iter();
        all.filter(|(query, answer)| {
            let names_one = match (query, answer) {
                (Query::Env(name), _) => looks_secret(name),
                (_, Answer::Variables(found)) => found.keys().any(|name| looks_secret(name)),
                _ => false,
            };
            !names_one && !self.are_in_value(&(query, answer))
        })
        .collect()
    }
}
