//! Names of targets: those of directories, as far as a Gofile can have them, each once.

use crate::lang::parse::RESERVED;
use std::collections::BTreeSet;

/// Names that mean something else to who reads a Gofile or calls gomake: kinds, functions, and what the Gofile itself declares.
const MISLEADING: &[&str] = &[
    "build",
    "test",
    "image",
    "service",
    "task",
    "clean",
    "include",
    "settings",
    "gofile",
    "as",
    "with",
    "unit",
    "version",
    "cflags",
    "shared",
    "obj",
    "src",
    "module",
    "stem",
    "dir",
    "base",
    "ext",
    "with_ext",
    "join",
    "split",
    "replace",
    "trim",
    "upper",
    "lower",
    "unique",
    "flatten",
    "len",
    "contains",
    "starts_with",
    "ends_with",
    "relative",
    "fail",
    "glob",
    "read",
    "exists",
    "which",
    "env",
    "host",
    "git",
    "capture",
    "volatile",
    "secret",
    "optional",
];

pub fn is_reserved(name: &str) -> bool {
    RESERVED.contains(&name)
}

/// Names that are taken.
#[derive(Debug, Default)]
pub struct Names {
    taken: BTreeSet<String>,
}

impl Names {
    /// The first of the wishes that is free, else the last with a number.
    pub fn take(&mut self, wishes: &[&str]) -> String {
        let wishes: Vec<String> = wishes.iter().map(|wish| name(wish)).collect();
        let last = wishes.last().cloned().unwrap_or_else(|| "app".to_owned());
        let numbered = (2..).map(|number| format!("{last}-{number}"));
        let free = wishes.into_iter().chain(numbered);
        let free = free.into_iter().find(|name| !self.taken.contains(name));
        let free = free.expect("numbers do not end");
        self.taken.insert(free.clone());
        free
    }
}

/// A text as a target's name.
fn name(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
    let mut name: String = text
        .chars()
        .map(|c| if plain(c) { c } else { '-' })
        .collect();
    name = name.trim_matches('-').to_owned();
    if name.is_empty() {
        return "app".to_owned();
    }
    if name.starts_with(|c: char| c.is_ascii_digit()) {
        name.insert_str(0, "app-");
    }
    if is_reserved(&name) || MISLEADING.contains(&name.as_str()) {
        name.push_str("-app");
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_text_becomes_a_name() {
        for (text, wanted) in [
            ("api", "api"),
            ("my app", "my-app"),
            ("2048", "app-2048"),
            ("if", "if-app"),
            ("test", "test-app"),
            ("glob", "glob-app"),
            ("über", "ber"),
            ("日本", "app"),
            ("--x.y", "x-y"),
        ] {
            assert_eq!(name(text), wanted);
        }
    }

    #[test]
    fn no_name_is_given_twice() {
        let mut names = Names::default();
        let taken = [
            names.take(&["api"]),
            names.take(&["api", "b-api"]),
            names.take(&["api", "b-api"]),
            names.take(&["api"]),
        ];
        assert_eq!(taken, ["api", "b-api", "b-api-2", "api-2"]);
    }
}
