//! The environment of a strict command, from the caller's as data. Reads no environment itself.

use crate::plan::base_variable::is_base_variable;
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;

/// Variables by name.
pub type Variables = BTreeMap<OsString, OsString>;

/// What a shell sets for itself: it is there again in a command, so that naming it means nothing.
const SHELLS_OWN: &[&str] = &["PWD", "OLDPWD", "SHLVL", "_", "SHELL", "IFS"];

/// The part of the caller's environment that build, test and image commands see without being counted.
///
/// Which they are, and why, is said at [`is_base_variable`].
pub fn strict(caller: &Variables) -> Variables {
    caller
        .iter()
        .filter(|(name, _)| is_base(name))
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect()
}

/// What a command must know whose output goes through a terminal that nobody sits at: that there are colours, and that
/// nobody turns pages. Not counted: where a target sets these itself, its own values stand.
pub fn fit_for_terminal(env: &mut Variables) {
    let term = env.get(OsStr::new("TERM"));
    if term.is_none_or(|term| term.is_empty() || term == "dumb") {
        env.insert("TERM".into(), "xterm-256color".into());
    }
    for pager in ["PAGER", "GIT_PAGER"] {
        env.insert(pager.into(), "cat".into());
    }
}

fn is_base(name: &OsStr) -> bool {
    name.to_str().is_some_and(is_base_variable)
}

/// Names of the caller's variables that were not passed and that the output mentions as whole words, in order: a failed
/// command may have missed them. Leaves out what a shell sets for itself, and names of one letter.
pub fn withheld_and_named(output: &[u8], caller: &Variables, passed: &Variables) -> Vec<String> {
    let words: BTreeSet<&[u8]> = output
        .split(|byte| !(byte.is_ascii_alphanumeric() || *byte == b'_'))
        .filter(|word| word.len() > 1)
        .collect();
    let withheld = caller
        .keys()
        .filter(|name| !passed.contains_key(*name) && words.contains(name.as_bytes()));
    withheld
        .filter_map(|name| name.to_str())
        .filter(|name| !SHELLS_OWN.contains(name))
        .map(str::to_owned)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn variables(names: &[&str]) -> Variables {
        names
            .iter()
            .map(|name| (OsString::from(name), OsString::from("x")))
            .collect()
    }

    #[test]
    fn the_base_is_passed_and_the_rest_withheld() {
        let caller = variables(&[
            "PATH",
            "LC_ALL",
            "LCX",
            "GOPROXY",
            "GOFLAGS",
            "https_proxy",
            "SHELL",
            "AWS_SECRET_ACCESS_KEY",
        ]);
        let expected = variables(&["PATH", "LC_ALL", "GOPROXY", "https_proxy"]);
        assert_eq!(strict(&caller), expected);
    }

    #[test]
    fn withheld_variables_are_found_as_whole_words() {
        let caller = variables(&["DATABASE_URL", "URL", "TOKEN", "HOME", "PWD", "x", "UNUSED"]);
        let output = b"x: ${DATABASE_URL} unset\nHOME=TOKENS, PWD, \xff TOKEN: missing";
        assert_eq!(
            withheld_and_named(output, &caller, &strict(&caller)),
            ["DATABASE_URL", "TOKEN"]
        );
        assert_eq!(
            withheld_and_named(b"MY_URL URLS", &caller, &strict(&caller)),
            [""; 0]
        );
    }
}
