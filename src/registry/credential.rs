//! Credentials as Docker keeps them: `config.json` with `auths`, `credHelpers` and `credsStore`, and podman's `auth.json`,
//! which has the same form. Knows nothing of requests.
//!
//! The crate `docker_credential` is not used: it runs helpers with this process's environment instead of the given one, and
//! its errors hold what a helper printed.

use crate::base::fs;
use crate::registry::address::HUB;
use crate::registry::secret::Secret;
use base64::Engine as _;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// What Docker calls its Hub.
const HUB_KEY: &str = "https://index.docker.io/v1/";
/// The user's name that says that the secret is an identity token (docker-credential-helpers).
const TOKEN_USER: &str = "<token>";

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Credential {
    Password {
        user: String,
        password: Secret,
    },
    /// An OAuth 2 refresh token.
    Identity(Secret),
}

/// What was found for a registry.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Found {
    pub credential: Option<Credential>,
    /// Why there may be credentials that were not found; for the error if anonymous access is refused.
    pub note: Option<String>,
}

/// Where to look.
#[derive(Debug, Clone, Default)]
pub struct Source {
    pub docker_config: Option<PathBuf>,
    pub env: Vec<(OsString, OsString)>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct ConfigFile {
    auths: BTreeMap<String, Auth>,
    cred_helpers: BTreeMap<String, String>,
    creds_store: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Auth {
    auth: Option<String>,
    username: Option<String>,
    password: Option<String>,
    identitytoken: Option<String>,
}

impl std::fmt::Debug for Auth {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("***")
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct HelperAnswer {
    #[serde(default)]
    username: String,
    #[serde(default)]
    secret: String,
}

impl Source {
    /// Looks in podman's `REGISTRY_AUTH_FILE` first, because somebody set it, then in Docker's file, then in podman's own
    /// place. What cannot be read is noted, not an error: most images need no credentials.
    pub fn find(&self, registry: &str, repository: &str) -> Found {
        let mut notes = Vec::new();
        for path in self.files() {
            let found = self.find_in(&path, registry, repository);
            if found.credential.is_some() {
                return found;
            }
            notes.extend(found.note);
        }
        Found {
            credential: None,
            note: (!notes.is_empty()).then(|| notes.join("; ")),
        }
    }
    fn files(&self) -> Vec<PathBuf> {
        let podman_runtime = self
            .variable("XDG_RUNTIME_DIR")
            .map(|dir| Path::new(dir).join("containers/auth.json"));
        let named = self.variable("REGISTRY_AUTH_FILE").map(PathBuf::from);
        // Without a configuration nothing is looked for: the caller wants to be anonymous.
        let Some(docker) = self.docker_config.clone() else {
            return Vec::new();
        };
        named
            .into_iter()
            .chain([docker])
            .chain(podman_runtime)
            .collect()
    }
    fn variable(&self, name: &str) -> Option<&OsStr> {
        let found = self.env.iter().rfind(|(key, _)| key == name);
        found
            .map(|(_, value)| value.as_os_str())
            .filter(|value| !value.is_empty())
    }
    fn find_in(&self, path: &Path, registry: &str, repository: &str) -> Found {
        let noted = |note: String| Found {
            credential: None,
            note: Some(note),
        };
        let bytes = match fs::if_exists(fs::read(path)) {
            Ok(Some(bytes)) => bytes,
            Ok(None) => return Found::default(),
            Err(error) => return noted(error.to_string()),
        };
        let Ok(file) = serde_json::from_slice::<ConfigFile>(&bytes) else {
            return noted(format!("{} is no configuration", path.display()));
        };
        let mut found = Found::default();
        if let Some(helper) = file.helper(registry) {
            match self.ask_helper(helper, registry) {
                Ok(credential) => found.credential = credential,
                Err(note) => found.note = Some(note),
            }
        }
        if found.credential.is_none() {
            found.credential = file.auth(registry, repository).and_then(Auth::credential);
        }
        found
    }
    /// Runs `docker-credential-<helper> get` (docker-credential-helpers, README, "Development"). What it prints is never
    /// part of the error.
    fn ask_helper(&self, helper: &str, registry: &str) -> Result<Option<Credential>, String> {
        let program = format!("docker-credential-{helper}");
        if helper.contains('/') {
            return Err(format!("`{helper}` is no name of a credential helper"));
        }
        let cannot = |error: std::io::Error| format!("{program} cannot be run: {error}");
        let mut child = Command::new(&program)
            .arg("get")
            .env_clear()
            .envs(self.env.iter().map(|(key, value)| (key, value)))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .map_err(cannot)?;
        let key = if registry == HUB { HUB_KEY } else { registry };
        if let Some(mut stdin) = child.stdin.take() {
            // A helper that does not read its input says so by its answer.
            let _ = stdin.write_all(key.as_bytes());
        }
        let output = child.wait_with_output().map_err(cannot)?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stdout);
            // The text is fixed by docker-credential-helpers (credentials/error.go).
            let has_none = said.contains("credentials not found in native keychain");
            return match has_none {
                true => Ok(None),
                false => Err(format!("{program} failed ({})", output.status)),
            };
        }
        let answer: HelperAnswer = serde_json::from_slice(&output.stdout)
            .map_err(|_| format!("{program} answered something else than credentials"))?;
        Ok(credential(&answer.username, &answer.secret))
    }
}

fn credential(user: &str, secret: &str) -> Option<Credential> {
    match (user, secret) {
        (_, "") => None,
        (TOKEN_USER, token) => Some(Credential::Identity(Secret::new(token))),
        (user, password) => Some(Credential::Password {
            user: user.to_owned(),
            password: Secret::new(password),
        }),
    }
}

impl ConfigFile {
    fn helper(&self, registry: &str) -> Option<&str> {
        let own = self
            .cred_helpers
            .iter()
            .find(|(key, _)| host_of(key) == host_of(registry));
        own.map(|(_, helper)| helper.as_str())
            .or(self.creds_store.as_deref())
            .filter(|helper| !helper.is_empty())
    }
    /// The entry with the longest path that the repository lies in: podman's keys may name a repository or a part of it.
    fn auth(&self, registry: &str, repository: &str) -> Option<&Auth> {
        let host = host_of(registry);
        let matching = self.auths.iter().filter(|(key, auth)| {
            host_of(key) == host && is_below(repository, path_of(key)) && !auth.is_empty()
        });
        matching
            .max_by_key(|(key, _)| path_of(key).len())
            .map(|(_, auth)| auth)
    }
}

impl Auth {
    /// Docker leaves `{}` behind where a helper has the credentials.
    fn is_empty(&self) -> bool {
        self.credential().is_none()
    }
    fn credential(&self) -> Option<Credential> {
        if let Some(token) = self
            .identitytoken
            .as_deref()
            .filter(|text| !text.is_empty())
        {
            return Some(Credential::Identity(Secret::new(token)));
        }
        let decoded = self.auth.as_deref().and_then(decoded);
        match (&decoded, &self.username, &self.password) {
            (Some((user, password)), _, _) => credential(user, password),
            (None, Some(user), Some(password)) => credential(user, password),
            _ => None,
        }
    }
}

/// `user:password` in Base64, with or without padding; Docker's own files end in NULs sometimes.
fn decoded(auth: &str) -> Option<(String, String)> {
    let config =
        GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
    let engine = GeneralPurpose::new(&base64::alphabet::STANDARD, config);
    let text = String::from_utf8(engine.decode(auth.trim()).ok()?).ok()?;
    let (user, password) = text.trim_end_matches('\0').split_once(':')?;
    Some((user.to_owned(), password.to_owned()))
}

/// `https://host/v1/` and `host` are the same.
fn without_scheme(key: &str) -> &str {
    let rest = key.strip_prefix("https://").or(key.strip_prefix("http://"));
    rest.unwrap_or(key)
}
/// The names of Docker Hub are one.
fn host_of(key: &str) -> &str {
    let rest = without_scheme(key);
    match rest.split_once('/').map_or(rest, |(host, _)| host) {
        "index.docker.io" | "registry-1.docker.io" => HUB,
        host => host,
    }
}
fn path_of(key: &str) -> &str {
    let path = without_scheme(key)
        .split_once('/')
        .map_or("", |(_, path)| path);
    match path.trim_end_matches('/') {
        "v1" | "v2" => "",
        path => path,
    }
}
fn is_below(repository: &str, path: &str) -> bool {
    let rest = repository.strip_prefix(path);
    path.is_empty() || rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// The header of Basic authentication (RFC 7617).
pub fn basic(user: &str, password: &Secret) -> Secret {
    let plain = format!("{user}:{}", password.reveal());
    let encoded = base64::engine::general_purpose::STANDARD.encode(plain);
    Secret::new(format!("Basic {encoded}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn password(user: &str, password: &str) -> Option<Credential> {
        Some(Credential::Password {
            user: user.to_owned(),
            password: Secret::new(password),
        })
    }
    fn source(dir: &Path, json: &str) -> Source {
        let path = dir.join("config.json");
        fs::write_atomic(&path, json.as_bytes()).unwrap();
        let path_variable = format!("{}:/usr/bin:/bin", dir.display());
        Source {
            docker_config: Some(path),
            env: vec![("PATH".into(), path_variable.into())],
        }
    }
    fn found(json: &str, registry: &str, repository: &str) -> Option<Credential> {
        let dir = tempfile::tempdir().unwrap();
        source(dir.path(), json)
            .find(registry, repository)
            .credential
    }

    #[test]
    fn keys_are_written_in_several_ways() {
        for key in [
            "reg.example",
            "https://reg.example",
            "https://reg.example/v1/",
            "http://reg.example/v2/",
            "reg.example/",
        ] {
            // `echo -n me:pw | base64`.
            let json = format!(r#"{{"auths": {{"{key}": {{"auth": "bWU6cHc="}}}}}}"#);
            assert_eq!(
                found(&json, "reg.example", "a"),
                password("me", "pw"),
                "{key}"
            );
            assert_eq!(found(&json, "reg.example:5000", "a"), None, "{key}");
        }
        let hub = r#"{"auths": {"https://index.docker.io/v1/": {"auth": "bWU6cHc"}}}"#;
        assert_eq!(found(hub, "docker.io", "library/a"), password("me", "pw"));
    }

    #[test]
    fn an_entry_has_one_of_three_forms() {
        let json = r#"{"auths": {
            "a": {"username": "me", "password": "p:w"},
            "b": {"auth": "bWU6cHc=", "identitytoken": "idt"},
            "c": {},
            "d": {"auth": "%%%"}
        }}"#;
        assert_eq!(found(json, "a", "x"), password("me", "p:w"));
        let identity = Credential::Identity(Secret::new("idt"));
        assert_eq!(found(json, "b", "x"), Some(identity));
        assert_eq!(found(json, "c", "x"), None);
        assert_eq!(found(json, "d", "x"), None);
    }

    #[test]
    fn the_closest_of_podmans_keys_holds() {
        let json = r#"{"auths": {
            "quay.io": {"username": "all", "password": "1"},
            "quay.io/team": {"username": "team", "password": "2"},
            "quay.io/team/api": {"username": "api", "password": "3"}
        }}"#;
        assert_eq!(found(json, "quay.io", "other/x"), password("all", "1"));
        assert_eq!(found(json, "quay.io", "team/web"), password("team", "2"));
        assert_eq!(found(json, "quay.io", "team/api"), password("api", "3"));
        assert_eq!(found(json, "quay.io", "teams/x"), password("all", "1"));
    }

    fn helper(dir: &Path, name: &str, script: &str) {
        // Another process writes it: a thread that forks while we have it open would make it busy.
        let written = Command::new("/bin/sh")
            .args([
                "-c",
                r#"printf '#!/bin/sh\n%s\n' "$2" >"$1" && chmod 755 "$1""#,
                "sh",
            ])
            .arg(dir.join(format!("docker-credential-{name}")))
            .arg(script)
            .status()
            .unwrap();
        assert!(written.success());
    }

    #[test]
    fn helpers_are_asked_on_their_input() {
        let dir = tempfile::tempdir().unwrap();
        helper(
            dir.path(),
            "echo",
            r#"read server; printf '{"Username":"%s","Secret":"s%s"}' "$server" "$1""#,
        );
        helper(
            dir.path(),
            "token",
            r#"cat >/dev/null; echo '{"Username":"<token>","Secret":"idt"}'"#,
        );
        helper(
            dir.path(),
            "none",
            "echo credentials not found in native keychain; exit 1",
        );
        helper(dir.path(), "broken", "echo s3cret; echo s3cret >&2; exit 3");
        let source = source(
            dir.path(),
            r#"{"credsStore": "echo", "auths": {"n": {"auth": "bWU6cHc="}, "h": {}},
                "credHelpers": {"t": "token", "n": "none", "b": "broken", "gone": "gone", "evil": "../x"}}"#,
        );
        let find = |registry| source.find(registry, "a");
        assert_eq!(find("h").credential, password("h", "sget"));
        assert_eq!(find("docker.io").credential, password(HUB_KEY, "sget"));
        assert_eq!(
            find("t").credential,
            Some(Credential::Identity(Secret::new("idt")))
        );
        // What the helper does not have may still stand in the file.
        assert_eq!(find("n").credential, password("me", "pw"));
        let note = |registry| find(registry).note.expect("a note");
        assert_eq!(
            note("b"),
            "docker-credential-broken failed (exit status: 3)"
        );
        assert!(
            note("gone").starts_with("docker-credential-gone cannot be run"),
            "{}",
            note("gone")
        );
        assert_eq!(note("evil"), "`../x` is no name of a credential helper");
    }

    #[test]
    fn nothing_of_a_credential_is_shown() {
        let json =
            r#"{"auths": {"a": {"username": "me", "password": "s3cret", "identitytoken": ""}}}"#;
        let shown = format!("{:?}", found(json, "a", "x"));
        assert!(!shown.contains("s3cret"), "{shown}");
        let file: ConfigFile = serde_json::from_str(json).unwrap();
        let shown = format!("{file:?}");
        assert!(!shown.contains("s3cret"), "{shown}");
    }

    #[test]
    fn podmans_file_is_read_where_it_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let mut source = source(dir.path(), r#"{"auths": {"a": {"auth": "bWU6cHc="}}}"#);
        let podman = dir.path().join("auth.json");
        fs::write_atomic(&podman, br#"{"auths": {"a": {"auth": "eW91OnB3"}}}"#).unwrap();
        assert_eq!(source.find("a", "x").credential, password("me", "pw"));
        source
            .env
            .push(("REGISTRY_AUTH_FILE".into(), podman.into()));
        assert_eq!(source.find("a", "x").credential, password("you", "pw"));
        fs::write_atomic(&dir.path().join("config.json"), b"{ s3cret").unwrap();
        let note = source.find("b", "x").note.expect("a note");
        assert!(note.ends_with("config.json is no configuration"), "{note}");
    }
}
