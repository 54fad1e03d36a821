//! The keys of an image that only building it needs: how it is run, its names, what is added to it.

use crate::base::names::nearest;
use crate::base::source::Span;
use crate::image::addition::Addition;
use crate::image::config::RunConfig;
use crate::image::date::LAST;
use crate::image::layer::Compression;
use crate::image::reference::Reference;
use crate::plan::body::Shape;
use crate::plan::error::{Lint, PlanError};
use crate::plan::image::form::Form;
use crate::plan::image::moment::read_moment;
use crate::plan::image::reader::{Reader, image_path, is_open};
use crate::plan::image::{BuildSecret, EngineName};
use crate::plan::value::Value;
use std::collections::BTreeMap;

#[derive(Debug, Default)]
pub(super) struct Keys {
    pub config: RunConfig,
    pub add: Vec<Addition>,
    pub annotations: BTreeMap<String, String>,
    pub compression: Compression,
    /// Seconds since 1970, where it is written.
    pub created: Option<u64>,
    pub sbom: bool,
    pub vcs: bool,
    pub tags: Vec<Reference>,
    pub load: bool,
    pub engine: Option<EngineName>,
    pub args: BTreeMap<String, String>,
    pub secrets: BTreeMap<String, BuildSecret>,
}

impl Reader<'_, '_> {
    /// Reports what is wrong with them, as far as it shows without running anything.
    pub(super) fn check_keys(&mut self, form: Option<Form>) {
        self.keys(form);
    }

    pub(super) fn keys(&mut self, form: Option<Form>) -> Keys {
        let mut keys = Keys {
            tags: self.tags(),
            load: self.flag("load") == Some(true),
            engine: self.engine(),
            vcs: self.flag("vcs") == Some(true),
            ..Keys::default()
        };
        keys.config.labels = self.labels("labels");
        if form == Some(Form::Dockerfile) {
            keys.args = self.labels("args");
            keys.secrets = self.secrets();
            return keys;
        }
        keys.add = self.additions();
        keys.annotations = self.labels("annotations");
        keys.compression = self.compression();
        keys.created = self.created();
        keys.sbom = self.flag("sbom") != Some(false);
        self.config(&mut keys.config);
        self.check_load(&keys);
        keys
    }

    fn config(&mut self, config: &mut RunConfig) {
        config.entrypoint = self.words("entrypoint");
        config.cmd = self.words("cmd");
        config.env = self.env();
        config.workdir = self
            .text("workdir")
            .and_then(|(text, span)| self.path(&text, span));
        config.user = self.user();
        config.ports = self.ports();
        config.volumes = self
            .texts("volumes")
            .unwrap_or_default()
            .into_iter()
            .filter_map(|(text, span)| self.path(&text, span))
            .collect();
        config.stopsignal = self.stopsignal();
        config.healthcheck = self.healthcheck();
    }

    /// A program and its arguments. One string is one word.
    fn words(&mut self, key: &str) -> Option<Vec<String>> {
        let words = self.texts(key)?;
        let entry = self.entry(key)?;
        let value = self.run.eval(self.module, self.scope, &entry.value);
        if let (Value::Str(text), [(_, span)]) = (&value, &words[..])
            && text.contains(char::is_whitespace)
        {
            self.bad_text(
                text,
                "a word",
                *span,
                "write a list, a word an item: `[\"/app\", \"--verbose\"]`; a shell's line is `[\"sh\", \"-c\", \"…\"]`",
            );
        }
        Some(words.into_iter().map(|(word, _)| word).collect())
    }

    /// What containers find in their environment. Nothing secret can be in it.
    fn env(&mut self) -> BTreeMap<String, String> {
        let mut env = BTreeMap::new();
        let Some(entry) = self.entry("env") else {
            return env;
        };
        let pairs = match self.pairs(self.run, &entry.value) {
            Ok(pairs) => pairs,
            Err(other) => {
                let expected = "a map of variables";
                self.key_type("env", expected, &other, entry.value.span, None);
                return env;
            }
        };
        for pair in pairs {
            if pair.key.is_empty() || pair.key.contains(['=', '\0']) {
                self.bad_text(
                    &pair.key,
                    "a variable's name",
                    pair.key_span,
                    "a name is not empty and holds no `=`",
                );
            } else if let Some(text) = pair.value.as_text() {
                env.insert(pair.key, text.to_string());
            } else if !is_open(&pair.value) {
                let help = env_help(&pair.value);
                let expected = "strings, integers and booleans";
                self.key_type("env", expected, &pair.value, pair.span, help);
            }
        }
        env
    }

    fn path(&mut self, text: &str, span: Span) -> Option<String> {
        match image_path(text) {
            Ok(path) => Some(path),
            Err(help) => {
                self.bad_text(text, "a path in an image", span, help);
                None
            }
        }
    }

    fn user(&mut self) -> Option<String> {
        let (value, span) = self.value("user", Shape::TextOrInt)?;
        let text = value.as_text()?.to_string();
        let is_name = |name: &str| {
            let plain = |c: char| c.is_ascii_alphanumeric() || "_.-$@".contains(c);
            !name.is_empty() && name.chars().all(plain)
        };
        let parts: Vec<&str> = text.split(':').collect();
        if parts.len() > 2 || !parts.iter().all(|part| is_name(part)) {
            self.bad_text(
                &text,
                "a user",
                span,
                "users are written \"65532\", \"65532:65532\" or \"nonroot\"",
            );
        }
        Some(text)
    }

    fn ports(&mut self) -> Vec<String> {
        let items = self.items("ports", Shape::Ports).unwrap_or_default();
        let mut ports: Vec<String> = Vec::new();
        for (item, span) in items {
            let Some(text) = item.as_text() else { continue };
            match port(&text) {
                Some(port) if ports.contains(&port) => {}
                Some(port) => ports.push(port),
                None => self.bad_text(
                    &text,
                    "a port",
                    span,
                    "ports are written 8080 or \"53/udp\", from 1 to 65535, one an item; where they are reached from outside is said when the container is run",
                ),
            }
        }
        ports
    }

    fn stopsignal(&mut self) -> Option<String> {
        let (value, span) = self.value("stopsignal", Shape::TextOrInt)?;
        let text = value.as_text()?.to_string();
        let number = text.parse::<u8>().ok();
        let is_number = number.is_some_and(|number| (1..=64).contains(&number));
        let is_name = text.strip_prefix("SIG").is_some_and(|name| {
            let plain = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || "+-".contains(c);
            !name.is_empty() && name.chars().all(plain)
        });
        if !is_number && !is_name {
            self.bad_text(
                &text,
                "a signal",
                span,
                "signals are written \"SIGTERM\" or as a number from 1 to 64",
            );
        }
        Some(text)
    }

    fn additions(&mut self) -> Vec<Addition> {
        let mut additions = Vec::new();
        for (text, span) in self.texts("add").unwrap_or_default() {
            match Addition::named(&text) {
                Some(addition) if additions.contains(&addition) => {}
                Some(addition) => additions.push(addition),
                None => {
                    let names = Addition::ALL.map(Addition::name);
                    self.not_one_of(&text, "something that gomake adds", &names, span);
                }
            }
        }
        additions
    }

    fn compression(&mut self) -> Compression {
        match self.text("compression") {
            None => Compression::default(),
            Some((text, _)) if text == "gzip" => Compression::Gzip,
            Some((text, _)) if text == "zstd" => Compression::Zstd,
            Some((text, span)) => {
                self.not_one_of(&text, "a compression", &["gzip", "zstd"], span);
                Compression::default()
            }
        }
    }

    fn engine(&mut self) -> Option<EngineName> {
        let (text, span) = self.text("engine")?;
        let engine = EngineName::named(&text);
        if engine.is_none() {
            let names = EngineName::ALL.map(EngineName::word);
            self.not_one_of(&text, "an engine", &names, span);
        }
        engine
    }

    /// buildah builds and pushes; it runs nothing, and has no `load`.
    fn check_load(&mut self, keys: &Keys) {
        if keys.load
            && keys.engine == Some(EngineName::Buildah)
            && let Some(entry) = self.entry("engine")
        {
            self.not_one_of(
                "buildah",
                "an engine that images are loaded into",
                &["docker", "podman"],
                entry.value.span,
            );
        }
    }

    fn not_one_of(&mut self, text: &str, expected: &'static str, names: &[&str], span: Span) {
        let help = match nearest(text, names.iter().copied()) {
            Some(near) => format!("did you mean \"{near}\"?"),
            None => format!("one of {}", names.join(", ")),
        };
        self.errors.push(PlanError::NotOneOf {
            text: text.to_owned(),
            expected,
            span,
            help,
        });
    }

    fn created(&mut self) -> Option<u64> {
        let (value, span) = self.value("created", Shape::TextOrInt)?;
        let moment = match &value {
            Value::Int(seconds) => Some(*seconds),
            Value::Str(text) => read_moment(text),
            _ => return None,
        };
        // What is later cannot be written in an image's documents.
        let moment = moment.filter(|seconds| *seconds <= LAST);
        if let (None, Some(text)) = (moment, value.as_text()) {
            self.bad_text(
                &text,
                "a time",
                span,
                "write seconds since 1970, or a time such as \"2026-01-31T12:00:00Z\", up to the year 9999",
            );
        }
        moment
    }

    fn tags(&mut self) -> Vec<Reference> {
        let mut tags: Vec<Reference> = Vec::new();
        for (text, span) in self.texts("tags").unwrap_or_default() {
            let mut tag: Reference = match text.parse() {
                Ok(reference) => reference,
                Err(error) => {
                    self.report_name(error, span);
                    continue;
                }
            };
            if tag.digest.is_some() {
                self.errors.push(PlanError::TagDigest { text, span });
                continue;
            }
            tag.tag.get_or_insert_with(|| "latest".to_owned());
            if tags.contains(&tag) {
                let tag = tag.to_string();
                self.lints.push(Lint::RepeatedTag { tag, span });
            } else {
                tags.push(tag);
            }
        }
        tags
    }

    /// Id to where it comes from: `secret("TOKEN")`, or the path of a file.
    fn secrets(&mut self) -> BTreeMap<String, BuildSecret> {
        let mut secrets = BTreeMap::new();
        let Some(entry) = self.entry("secrets") else {
            return secrets;
        };
        let expected = "a map from ids to `secret(\"NAME\")` or the path of a file";
        let pairs = match self.pairs(self.run, &entry.value) {
            Ok(pairs) => pairs,
            Err(other) => {
                self.key_type("secrets", expected, &other, entry.value.span, None);
                return secrets;
            }
        };
        for pair in pairs {
            let secret = match &pair.value {
                Value::Secret(name) => Some(BuildSecret::Variable(name.to_string())),
                Value::Str(_) => self
                    .project_path(&pair.value, pair.span)
                    .map(BuildSecret::File),
                other => {
                    self.key_type("secrets", expected, other, pair.span, None);
                    None
                }
            };
            // Engines take `id=…,src=…` as one argument.
            if pair.key.is_empty() || pair.key.contains([',', '=', '\0']) {
                self.bad_text(
                    &pair.key,
                    "a secret's id",
                    pair.key_span,
                    "the Dockerfile names it in `--mount=type=secret,id=…`",
                );
            } else if let Some(secret) = secret {
                secrets.insert(pair.key, secret);
            }
        }
        secrets
    }
}

fn env_help(value: &Value) -> Option<String> {
    let help = match value {
        Value::Secret(_) => {
            "an image is readable by whoever pulls it: hand a secret to the container when it is run"
        }
        Value::Volatile(_) => {
            "what is in an image counts, so that the same image has the same digest: take `volatile` off"
        }
        Value::List(_) => "join it: `join(list, \":\")`",
        _ => return None,
    };
    Some(help.to_owned())
}

/// `8080`, `53/udp` as the image's config has it: `8080/tcp`.
fn port(text: &str) -> Option<String> {
    let (number, protocol) = text.split_once('/').unwrap_or((text, "tcp"));
    let digits = number.bytes().all(|digit| digit.is_ascii_digit());
    let number: u16 = number.parse().ok().filter(|number| digits && *number > 0)?;
    matches!(protocol, "tcp" | "udp" | "sctp").then(|| format!("{number}/{protocol}"))
}

#[cfg(test)]
mod tests {
    use super::port;

    #[test]
    fn ports_have_a_protocol() {
        assert_eq!(port("8080").as_deref(), Some("8080/tcp"));
        assert_eq!(port("53/udp").as_deref(), Some("53/udp"));
        for wrong in ["", "0", "65536", "+1", "1-2", "80:80", "80/http", "80/"] {
            assert_eq!(port(wrong), None, "{wrong}");
        }
    }
}
