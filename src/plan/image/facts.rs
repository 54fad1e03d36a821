//! An image's settings as names and values: what a fingerprint counts, and what `--why` shows when one has changed.

use crate::image::BUILDER;
use crate::image::config::{Healthcheck, RunConfig};
use crate::image::date::rfc3339;
use crate::image::layer::Compression;
use crate::image::platform::Platform;
use crate::plan::image::settle::list;
use crate::plan::image::{
    Base, BuildSecret, DockerfileImage, FileSpec, FilesImage, ImageSource, ImageSpec, LayerSpec,
    OutputForm, Source, What,
};
use std::collections::{BTreeMap, BTreeSet};

impl ImageSpec {
    /// Everything in it that decides what the image is, as names and values in a fixed order: what a fingerprint counts and
    /// `--why` tells. Tags count only where they are in the result: in an `output`, and in the engine that builds a
    /// Dockerfile. Contents of sources are counted as inputs, and not here. No name comes twice.
    pub fn facts(&self, visit: &mut dyn FnMut(&str, &str)) {
        let mut facts = Facts {
            visit,
            seen: BTreeSet::new(),
        };
        match &self.source {
            ImageSource::Files(image) => facts.files(image),
            ImageSource::Dockerfile(image) => {
                facts.dockerfile(image);
                facts.option("engine", self.engine.map(|engine| engine.word().to_owned()));
            }
        }
        if let Some(output) = &self.output {
            let form = match output.form {
                OutputForm::Tar => "an archive",
                OutputForm::Layout => "a layout",
            };
            facts.add("output", form);
            // Docker's part of an archive holds one image, the host's.
            if let ImageSource::Files(image) = &self.source
                && output.form == OutputForm::Tar
                && image.platforms.len() > 1
            {
                facts.add("archived for", &Platform::host().to_string());
            }
        }
        let in_engine = matches!(self.source, ImageSource::Dockerfile(_));
        if self.output.is_some() || in_engine {
            let tags: Vec<String> = self.tags.iter().map(ToString::to_string).collect();
            facts.add("tags", &tags.join(", "));
        }
    }
}

struct Facts<'v> {
    visit: &'v mut dyn FnMut(&str, &str),
    seen: BTreeSet<String>,
}

impl Facts<'_> {
    fn add(&mut self, name: &str, value: &str) {
        let mut unique = name.to_owned();
        let mut count = 1;
        while !self.seen.insert(unique.clone()) {
            count += 1;
            unique = format!("{name} ({count})");
        }
        (self.visit)(&unique, value);
    }

    fn option(&mut self, name: &str, value: Option<String>) {
        if let Some(value) = value {
            self.add(name, &value);
        }
    }

    fn map(&mut self, name: &str, map: &BTreeMap<String, String>) {
        for (key, value) in map {
            self.add(&format!("{name} {key}"), value);
        }
    }

    fn files(&mut self, image: &FilesImage) {
        let base = match &image.base {
            Base::Scratch => "scratch".to_owned(),
            Base::Reference { reference, .. } => reference.to_string(),
            Base::Target { name, .. } => format!("image {name}"),
        };
        self.add("format", BUILDER);
        self.add("base", &base);
        self.add("platforms", &list(&image.platforms));
        for addition in &image.add {
            self.add(&format!("add {}", addition.name()), &addition.version());
        }
        for (at, layer) in image.layers.iter().enumerate() {
            self.layer(at + 1, layer);
        }
        self.config(&image.config);
        self.map("label", &image.config.labels);
        self.map("annotation", &image.annotations);
        let compression = match image.compression {
            Compression::Gzip => "gzip",
            Compression::Zstd => "zstd",
        };
        self.add("compression", compression);
        self.add("created", &rfc3339(image.created));
        self.add("sbom", if image.sbom { "true" } else { "false" });
    }

    fn layer(&mut self, number: usize, layer: &LayerSpec) {
        let mut name = format!("layer {number}");
        if let Some(platform) = &layer.platform {
            name.push_str(&format!(" {platform}"));
        }
        // An empty layer is one, too.
        if layer.items.is_empty() {
            self.add(&name, "empty");
        }
        for item in &layer.items {
            let slash = if item.into && item.dest != "/" {
                "/"
            } else {
                ""
            };
            self.add(&format!("{name} {}{slash}", item.dest), &described(item));
        }
    }

    fn config(&mut self, config: &RunConfig) {
        let words = |words: &Option<Vec<String>>| words.as_ref().map(|words| format!("{words:?}"));
        self.option("entrypoint", words(&config.entrypoint));
        self.option("cmd", words(&config.cmd));
        self.map("env", &config.env);
        self.option("workdir", config.workdir.clone());
        self.option("user", config.user.clone());
        let listed = |all: &[String]| (!all.is_empty()).then(|| format!("{all:?}"));
        self.option("ports", listed(&config.ports));
        self.option("volumes", listed(&config.volumes));
        self.option("stopsignal", config.stopsignal.clone());
        self.option("healthcheck", config.healthcheck.as_ref().map(health));
    }

    fn dockerfile(&mut self, image: &DockerfileImage) {
        self.add("dockerfile", image.dockerfile.as_str());
        self.add("context", &format!("{}/", image.context));
        self.option("target", image.target.clone());
        self.map("arg", &image.args);
        for (id, secret) in &image.secrets {
            let from = match secret {
                BuildSecret::Variable(name) => format!("variable {name}"),
                BuildSecret::File(path) => format!("file {path}"),
            };
            self.add(&format!("secret {id}"), &from);
        }
        self.map("label", &image.labels);
        self.option("platform", image.platform.as_ref().map(ToString::to_string));
    }
}

/// `from dist[linux,amd64], mode 0755`
fn described(item: &FileSpec) -> String {
    let mut parts = vec![match &item.what {
        What::Dir => "a directory".to_owned(),
        What::Link(text) => format!("a link to {text}"),
        What::Text(text) => format!("text {text:?}"),
        What::Sources(sources) if sources.is_empty() => "nothing".to_owned(),
        What::Sources(sources) => {
            let sources: Vec<String> = sources.iter().map(source).collect();
            format!("from {}", sources.join(" and "))
        }
    }];
    parts.extend(item.mode.map(|mode| format!("mode {mode:04o}")));
    parts.extend(
        item.owner
            .map(|(user, group)| format!("owner {user}:{group}")),
    );
    parts.join(", ")
}

fn source(source: &Source) -> String {
    match source {
        Source::Target {
            name,
            platform: Some(platform),
            ..
        } => format!("{name} for {platform}"),
        Source::Target { name, .. } => name.to_string(),
        Source::File { path, optional } => counted(path.as_str(), *optional),
        Source::Glob { pattern, optional } => counted(pattern, *optional),
    }
}

fn counted(path: &str, optional: bool) -> String {
    format!("{path:?}{}", if optional { " if there" } else { "" })
}

fn health(check: &Healthcheck) -> String {
    let mut text = format!("{:?}", check.test);
    for (name, value) in [
        ("interval", check.interval),
        ("timeout", check.timeout),
        ("start_period", check.start_period),
    ] {
        if let Some(nanoseconds) = value {
            text.push_str(&format!(", {name} {}ms", nanoseconds / 1_000_000));
        }
    }
    if let Some(retries) = check.retries {
        text.push_str(&format!(", retries {retries}"));
    }
    text
}
