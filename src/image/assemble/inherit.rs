//! How an image is run: what its base says, and what the Gofile says over it. The rules are a Dockerfile's.

use crate::image::config::{Healthcheck, RunConfig};
use crate::image::document::{Empty, HealthcheckDoc, Process};
use std::collections::BTreeMap;

pub fn process(base: Option<&Process>, given: &RunConfig) -> Process {
    let base = base.cloned().unwrap_or_default();
    // A base's arguments are for the base's program.
    let cmd = given.cmd.clone().or(match given.entrypoint {
        Some(_) => None,
        None => base.cmd,
    });
    Process {
        user: given.user.clone().or(base.user),
        exposed_ports: set(base.exposed_ports, &given.ports),
        env: env(base.env, &given.env),
        entrypoint: some(given.entrypoint.clone().or(base.entrypoint)),
        cmd: some(cmd),
        volumes: set(base.volumes, &given.volumes),
        working_dir: given.workdir.clone().or(base.working_dir),
        labels: labels(base.labels, &given.labels),
        stop_signal: given.stopsignal.clone().or(base.stop_signal),
        healthcheck: given.healthcheck.as_ref().map(check).or(base.healthcheck),
        shell: base.shell,
    }
}

/// `[]` says that there is none, in spite of a base.
fn some(words: Option<Vec<String>>) -> Option<Vec<String>> {
    words.filter(|words| !words.is_empty())
}

fn set(base: Option<BTreeMap<String, Empty>>, given: &[String]) -> Option<BTreeMap<String, Empty>> {
    let mut all = base.unwrap_or_default();
    all.extend(given.iter().map(|key| (key.clone(), Empty {})));
    Some(all).filter(|all| !all.is_empty())
}

fn labels(
    base: Option<BTreeMap<String, String>>,
    given: &BTreeMap<String, String>,
) -> Option<BTreeMap<String, String>> {
    let mut all = base.unwrap_or_default();
    all.extend(given.clone());
    Some(all).filter(|all| !all.is_empty())
}

/// The base's order, since later variables may be meant to stand behind; what is new follows by name.
fn env(base: Option<Vec<String>>, given: &BTreeMap<String, String>) -> Option<Vec<String>> {
    let mut left = given.clone();
    let mut all = Vec::new();
    for line in base.unwrap_or_default() {
        let name = line.split_once('=').map_or(&line[..], |(name, _)| name);
        match given.get(name) {
            None => all.push(line),
            // A base that has a name twice gets it once.
            Some(value) if left.remove(name).is_some() => all.push(format!("{name}={value}")),
            Some(_) => {}
        }
    }
    all.extend(left.iter().map(|(name, value)| format!("{name}={value}")));
    Some(all).filter(|all| !all.is_empty())
}

fn check(given: &Healthcheck) -> HealthcheckDoc {
    HealthcheckDoc {
        test: given.test.clone(),
        interval: given.interval,
        timeout: given.timeout,
        start_period: given.start_period,
        retries: given.retries,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<String> {
        text.split_whitespace().map(str::to_owned).collect()
    }
    fn map(text: &str) -> BTreeMap<String, String> {
        let pairs = text
            .split_whitespace()
            .filter_map(|word| word.split_once('='));
        pairs.map(|(k, v)| (k.to_owned(), v.to_owned())).collect()
    }
    fn base() -> Process {
        Process {
            user: Some("app".to_owned()),
            exposed_ports: set(None, &words("80/tcp")),
            env: Some(words("PATH=/bin Z=1 A=2 Z=3 odd")),
            entrypoint: Some(words("/entry")),
            cmd: Some(words("serve")),
            volumes: set(None, &words("/data")),
            working_dir: Some("/work".to_owned()),
            labels: Some(map("one=1 two=2")),
            stop_signal: Some("SIGINT".to_owned()),
            healthcheck: Some(HealthcheckDoc {
                test: words("CMD check"),
                ..HealthcheckDoc::default()
            }),
            shell: Some(words("/bin/bash -c")),
        }
    }

    #[test]
    fn what_is_not_given_comes_from_the_base() {
        assert_eq!(process(Some(&base()), &RunConfig::default()), base());
        assert_eq!(process(None, &RunConfig::default()), Process::default());
    }

    #[test]
    fn what_is_given_replaces_or_is_added() {
        let given = RunConfig {
            env: map("Z=9 PATH=/app B=b"),
            workdir: Some("/".to_owned()),
            user: Some("65532:65532".to_owned()),
            ports: words("8080/tcp 80/tcp"),
            volumes: words("/logs"),
            labels: map("two=zwei three=3"),
            stopsignal: Some("SIGTERM".to_owned()),
            healthcheck: Some(Healthcheck {
                test: words("NONE"),
                interval: Some(1_000_000_000),
                timeout: None,
                start_period: None,
                retries: Some(3),
            }),
            ..RunConfig::default()
        };
        let found = process(Some(&base()), &given);
        assert_eq!(found.env, Some(words("PATH=/app Z=9 A=2 odd B=b")));
        assert_eq!(found.exposed_ports, set(None, &words("80/tcp 8080/tcp")));
        assert_eq!(found.volumes, set(None, &words("/data /logs")));
        assert_eq!(found.labels, Some(map("one=1 two=zwei three=3")));
        assert_eq!(found.user.as_deref(), Some("65532:65532"));
        assert_eq!(found.working_dir.as_deref(), Some("/"));
        assert_eq!(found.stop_signal.as_deref(), Some("SIGTERM"));
        assert_eq!(found.shell, base().shell);
        let check = found.healthcheck.expect("given");
        assert_eq!((check.test, check.retries), (words("NONE"), Some(3)));
    }

    #[test]
    fn an_entrypoint_drops_the_arguments_of_the_base() {
        let run = |entrypoint: Option<&str>, cmd: Option<&str>| {
            let given = RunConfig {
                entrypoint: entrypoint.map(words),
                cmd: cmd.map(words),
                ..RunConfig::default()
            };
            let found = process(Some(&base()), &given);
            let text = |words: Option<Vec<String>>| words.map_or("-".to_owned(), |w| w.join(" "));
            format!("{} | {}", text(found.entrypoint), text(found.cmd))
        };
        assert_eq!(run(None, None), "/entry | serve");
        assert_eq!(run(None, Some("help")), "/entry | help");
        assert_eq!(run(Some("/app"), None), "/app | -");
        assert_eq!(run(Some("/app"), Some("go")), "/app | go");
        assert_eq!(run(Some(""), Some("/bin/sh")), "- | /bin/sh");
        assert_eq!(run(None, Some("")), "/entry | -");
    }
}
