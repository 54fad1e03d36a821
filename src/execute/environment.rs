//! The environment of a strict command, from the caller's as data. Reads no environment itself.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;

/// Variables by name.
pub type Variables = BTreeMap<OsString, OsString>;

/// Who and where we are.
const PERSON: &[&str] = &["PATH", "HOME", "USER", "LOGNAME", "LANG", "TMPDIR", "TERM"];
/// Where tools keep what they download, build and are configured by.
const PLACES: &[&str] = &["XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_RUNTIME_DIR"];
/// Where Go keeps things, and how it gets and checks modules. What changes a build (GOFLAGS, GOOS, CGO_ENABLED, …) is not
/// here: it is counted, and so has to be named.
const GO: &[&str] = &[
    "GOPATH",
    "GOMODCACHE",
    "GOCACHE",
    "GOROOT",
    "GOTMPDIR",
    "GOENV",
    "GOPROXY",
    "GONOPROXY",
    "GOPRIVATE",
    "GONOSUMDB",
    "GOSUMDB",
    "GONOSUMCHECK",
    "GOINSECURE",
    "GOVCS",
    "GOAUTH",
    "GOTOOLCHAIN",
];
/// How to reach the network, and whom to trust there.
const NETWORK: &[&str] = &[
    "http_proxy",
    "https_proxy",
    "no_proxy",
    "all_proxy",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "NO_PROXY",
    "ALL_PROXY",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "SSH_AUTH_SOCK",
];
/// How to reach the container engine: without its companions, a DOCKER_HOST alone may not answer.
const DOCKER: &[&str] = &["DOCKER_HOST", "DOCKER_CONTEXT", "DOCKER_CONFIG", "DOCKER_CERT_PATH", "DOCKER_TLS_VERIFY"];

/// What a shell sets for itself: it is there again in a command, so that naming it means nothing.
const SHELLS_OWN: &[&str] = &["PWD", "OLDPWD", "SHLVL", "_", "SHELL", "IFS"];

/// The part of the caller's environment that build, test and image commands see without being counted.
///
/// It holds what says who we are (PATH, HOME, USER, LOGNAME, LANG, LC_*, TMPDIR, TERM), where tools keep things
/// (XDG_CACHE_HOME, XDG_CONFIG_HOME, XDG_RUNTIME_DIR, Go's directories), how Go gets and checks modules, how to reach
/// the network (proxies, certificates, the ssh agent) and the container engine (DOCKER_HOST and what goes with it).
/// Nothing of it should change what a build makes.
///
/// SHELL is not in it: scripts name their interpreter, and a login shell should not change what they do. Nor are CI,
/// NO_COLOR, TZ or any compiler's settings: they change results, so they are passed when they are named, and counted.
pub fn strict(caller: &Variables) -> Variables {
    caller.iter().filter(|(name, _)| is_base(name)).map(|(name, value)| (name.clone(), value.clone())).collect()
}

fn is_base(name: &OsStr) -> bool {
    name.as_bytes().starts_with(b"LC_")
        || [PERSON, PLACES, GO, NETWORK, DOCKER].iter().any(|group| group.iter().any(|known| name == *known))
}

/// Names of the caller's variables that were not passed and that the output mentions as whole words, in order: a failed
/// command may have missed them. Leaves out what a shell sets for itself, and names of one letter.
pub fn withheld_and_named(output: &[u8], caller: &Variables, passed: &Variables) -> Vec<String> {
    let words: BTreeSet<&[u8]> =
        output.split(|byte| !(byte.is_ascii_alphanumeric() || *byte == b'_')).filter(|word| word.len() > 1).collect();
    let withheld = caller.keys().filter(|name| !passed.contains_key(*name) && words.contains(name.as_bytes()));
    withheld.filter_map(|name| name.to_str()).filter(|name| !SHELLS_OWN.contains(name)).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn variables(names: &[&str]) -> Variables {
        names.iter().map(|name| (OsString::from(name), OsString::from("x"))).collect()
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
        assert_eq!(withheld_and_named(output, &caller, &strict(&caller)), ["DATABASE_URL", "TOKEN"]);
        assert_eq!(withheld_and_named(b"MY_URL URLS", &caller, &strict(&caller)), [""; 0]);
    }
}
