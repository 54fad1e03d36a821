//! The environment of a strict command, from the caller's as data. Reads no environment itself.

use crate::plan::base_variable::is_base_variable;
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::{CStr, CString, NulError, OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::sync::Arc;

/// Variables by name.
pub type Variables = BTreeMap<OsString, OsString>;

/// Variables that many commands are given, as the kernel takes them: put together once for all of them.
#[derive(Debug)]
pub struct Shared {
    variables: Variables,
    /// `NAME=value`, in the order of `variables`.
    entries: Result<Vec<CString>, NulError>,
}

impl Shared {
    pub fn new(variables: Variables) -> Self {
        let entries = variables.iter().map(|(name, value)| entry(name, value));
        Self {
            entries: entries.collect(),
            variables,
        }
    }
}

/// All the variables of a command.
#[derive(Debug, Clone, Default)]
pub struct Environ {
    pub shared: Option<Arc<Shared>>,
    /// These go before shared ones of the same name.
    pub own: Variables,
}

impl Environ {
    pub fn given(&self) -> Given<'_> {
        Given {
            shared: self.shared.as_deref(),
            own: &self.own,
        }
    }
    /// All of them as the own ones.
    pub fn flattened(self) -> Variables {
        let mut all = self
            .shared
            .map_or_else(Variables::new, |shared| shared.variables.clone());
        all.extend(self.own);
        all
    }
}

impl From<Variables> for Environ {
    fn from(own: Variables) -> Self {
        Self { shared: None, own }
    }
}

/// An [`Environ`], borrowed.
#[derive(Debug, Clone, Copy)]
pub struct Given<'a> {
    shared: Option<&'a Shared>,
    own: &'a Variables,
}

impl<'a> From<&'a Variables> for Given<'a> {
    fn from(own: &'a Variables) -> Self {
        Self { shared: None, own }
    }
}

impl<'a> Given<'a> {
    pub fn get(&self, name: &OsStr) -> Option<&'a OsStr> {
        let shared = || self.shared?.variables.get(name);
        self.own.get(name).or_else(shared).map(OsString::as_os_str)
    }
    pub fn contains(&self, name: &OsStr) -> bool {
        self.get(name).is_some()
    }
    /// Names of the own and the shared ones; what is both is there twice.
    pub fn names(&self) -> impl Iterator<Item = &'a OsStr> {
        let shared = self.shared.into_iter();
        let shared = shared.flat_map(|shared| shared.variables.keys());
        self.own.keys().chain(shared).map(OsString::as_os_str)
    }
    /// `NAME=value` of each, with one more, which goes before all.
    ///
    /// # Errors
    /// When a value holds a zero byte.
    pub fn entries(
        &self,
        more: Option<&(OsString, OsString)>,
    ) -> Result<Vec<Cow<'a, CStr>>, NulError> {
        let is_other = |name: &OsStr| more.is_none_or(|(known, _)| known != name);
        let mut entries = Vec::with_capacity(self.own.len() + 64);
        if let Some(shared) = self.shared {
            let made = shared.entries.as_ref().map_err(Clone::clone)?;
            let known = shared.variables.keys().zip(made);
            let left = known.filter(|(name, _)| is_other(name) && !self.own.contains_key(*name));
            entries.extend(left.map(|(_, entry)| Cow::Borrowed(entry.as_c_str())));
        }
        let own = self.own.iter().filter(|(name, _)| is_other(name));
        let more = more.into_iter().map(|(name, value)| (name, value));
        for (name, value) in own.chain(more) {
            entries.push(Cow::Owned(entry(name, value)?));
        }
        Ok(entries)
    }
}

fn entry(name: &OsStr, value: &OsStr) -> Result<CString, NulError> {
    let mut text = Vec::with_capacity(name.len() + value.len() + 2);
    text.extend_from_slice(name.as_bytes());
    text.push(b'=');
    text.extend_from_slice(value.as_bytes());
    CString::new(text)
}

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
pub fn withheld_and_named(output: &[u8], caller: &Variables, passed: Given<'_>) -> Vec<String> {
    let words: BTreeSet<&[u8]> = output
        .split(|byte| !(byte.is_ascii_alphanumeric() || *byte == b'_'))
        .filter(|word| word.len() > 1)
        .collect();
    let withheld = caller
        .keys()
        .filter(|name| !passed.contains(name) && words.contains(name.as_bytes()));
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
            withheld_and_named(output, &caller, (&strict(&caller)).into()),
            ["DATABASE_URL", "TOKEN"]
        );
        assert_eq!(
            withheld_and_named(b"MY_URL URLS", &caller, (&strict(&caller)).into()),
            [""; 0]
        );
    }
}
