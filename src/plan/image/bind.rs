//! An image target to what is built: all values are known, except where nothing may run.

use crate::image::date::{LAST, rfc3339};
use crate::image::reference::Reference;
use crate::plan::action::Command;
use crate::plan::bind::Binder;
use crate::plan::error::PlanError;
use crate::plan::graph::{Graph, Output, TargetId};
use crate::plan::image::draft::{Draft, DraftBase, DraftDockerfile, DraftLayer, DraftWhat};
use crate::plan::image::form::Form;
use crate::plan::image::keys::Keys;
use crate::plan::image::settle::chosen;
use crate::plan::image::{
    Base, DockerfileImage, FileSpec, FilesImage, ImageOutput, ImageSource, ImageSpec, LayerSpec,
    OutputForm, What,
};
use crate::plan::module::Modules;
use crate::plan::name::plain_text;
use crate::plan::query::{Answer, GitFact, Query};
use crate::plan::value::{Selector, TargetRef};
use std::collections::BTreeMap;
use std::sync::Arc;

impl Binder<'_> {
    /// Whether the target is an image that an engine builds.
    pub(in crate::plan) fn is_dockerfile(&self) -> bool {
        Form::of(&self.body) == Some(Form::Dockerfile)
    }

    pub(in crate::plan) fn image(&mut self) -> Command {
        let mut reader = self.reader();
        let mut draft = Draft::read(&mut reader, self.decl.name_span);
        let keys = reader.keys(draft.form);
        // Its lints were shown with the graph's.
        self.errors.extend(reader.errors);
        for (referred, _) in draft.referred() {
            let (graph, modules) = (self.context.graph, self.modules);
            referred.ids = instances(graph, modules, &referred.reference);
        }
        let (tags, load, engine) = (keys.tags.clone(), keys.load, keys.engine);
        let source = match &draft.dockerfile {
            Some(dockerfile) => {
                ImageSource::Dockerfile(Box::new(self.dockerfile_image(dockerfile, keys)))
            }
            None => ImageSource::Files(Box::new(self.files_image(&draft, keys))),
        };
        Command::Image(Arc::new(ImageSpec {
            source,
            tags,
            output: self.image_output(),
            load,
            engine,
        }))
    }

    fn dockerfile_image(&self, draft: &DraftDockerfile, keys: Keys) -> DockerfileImage {
        DockerfileImage {
            dockerfile: draft.path.clone(),
            context: draft.context.clone(),
            args: keys.args,
            target: draft.stage.clone(),
            secrets: keys.secrets,
            labels: self.image_labels(keys.config.labels, keys.vcs),
            platform: self.target.platforms.first().cloned(),
        }
    }

    fn files_image(&mut self, draft: &Draft, keys: Keys) -> FilesImage {
        let created = keys.created.unwrap_or_else(|| self.source_date());
        let mut config = keys.config;
        config.labels = self.image_labels(config.labels, keys.vcs);
        FilesImage {
            base: self.image_base(draft),
            platforms: self.target.platforms.clone(),
            add: keys.add,
            layers: draft.layers.iter().map(|layer| self.layer(layer)).collect(),
            config,
            annotations: keys.annotations,
            compression: keys.compression,
            created,
            sbom: keys.sbom,
        }
    }

    fn image_base(&mut self, draft: &Draft) -> Base {
        match &draft.base {
            None | Some((DraftBase::Scratch | DraftBase::Open, _)) => Base::Scratch,
            Some((DraftBase::Target(referred), _)) => match referred.ids.first() {
                Some(&id) => Base::Target {
                    id,
                    name: self.context.graph.targets[id].name.clone(),
                },
                None => Base::Scratch,
            },
            Some((DraftBase::Reference(reference), _)) if reference.digest.is_some() => {
                Base::Reference {
                    reference: reference.clone(),
                    pinned: true,
                }
            }
            Some((DraftBase::Reference(reference), span)) => {
                let unpinned = |reference| Base::Reference {
                    reference,
                    pinned: false,
                };
                let query = Query::BaseImage(reference.clone());
                let failed = match self.ask_if_running(query) {
                    Some(Answer::Text(Some(digest))) => match digest.parse() {
                        Ok(digest) => {
                            return unpinned(Reference {
                                digest: Some(digest),
                                ..reference.clone()
                            });
                        }
                        Err(error) => error.to_string(),
                    },
                    Some(Answer::Failed(reason)) => reason.clone(),
                    Some(_) => "its digest was not told".to_owned(),
                    // Asked for, or never to be known.
                    None => return unpinned(reference.clone()),
                };
                self.errors.push(PlanError::NotObserved {
                    what: format!("which image `{}` is", reference.familiar()),
                    reason: failed,
                    span: *span,
                });
                Base::Scratch
            }
        }
    }

    fn layer(&self, layer: &DraftLayer) -> LayerSpec {
        let platforms = &self.target.platforms;
        let graph = self.context.graph;
        let items = layer.files.iter().map(|file| {
            let sources = chosen(graph, &self.evaluator, layer, file, platforms);
            FileSpec {
                dest: file.dest.clone(),
                into: file.into,
                what: match &file.what {
                    DraftWhat::Dir => What::Dir,
                    DraftWhat::Link(text) => What::Link(text.clone()),
                    DraftWhat::Text(text) => What::Text(text.clone()),
                    DraftWhat::Sources(_) => {
                        What::Sources(sources.into_iter().map(|(source, _)| source).collect())
                    }
                },
                mode: file.mode,
                owner: file.owner,
            }
        });
        LayerSpec {
            platform: layer.platform.clone(),
            items: items.collect(),
        }
    }

    /// The archive or layout that `output` names; the first output is the image's own.
    fn image_output(&self) -> Option<ImageOutput> {
        let (path, form) = match self.target.outputs.get(1)? {
            Output::File { path, .. } => (path, OutputForm::Tar),
            Output::Tree { path, .. } => (path, OutputForm::Layout),
            Output::Pattern { .. } => return None,
        };
        Some(ImageOutput {
            path: path.clone(),
            form,
        })
    }

    /// SOURCE_DATE_EPOCH of the caller (reproducible-builds.org), or 1970.
    fn source_date(&mut self) -> u64 {
        let reason = match self
            .evaluator
            .ask(Query::Env("SOURCE_DATE_EPOCH".to_owned()))
        {
            Some(Answer::Text(Some(text))) if !text.is_empty() => match text.parse() {
                Ok(seconds) if seconds <= LAST => return seconds,
                _ => format!(
                    "SOURCE_DATE_EPOCH holds {text:?}, which is no number of seconds up to the year 9999"
                ),
            },
            Some(Answer::Failed(reason)) => reason.clone(),
            _ => return 0,
        };
        let span = self.decl.name_span;
        self.errors.push(PlanError::Environment { reason, span });
        0
    }

    /// Labels with those of the repository, where they are asked for and there is one; what is written wins.
    fn image_labels(
        &self,
        written: BTreeMap<String, String>,
        vcs: bool,
    ) -> BTreeMap<String, String> {
        if !vcs {
            return written;
        }
        let mut labels = BTreeMap::new();
        // OCI image-spec, annotations.md, "Pre-Defined Annotation Keys".
        for (name, fact) in [
            ("source", GitFact::Remote),
            ("revision", GitFact::Commit),
            ("version", GitFact::Describe),
            ("created", GitFact::CommitTime),
        ] {
            if let Some(Answer::Text(Some(text))) = self.ask_if_running(Query::Git(fact)) {
                let text = match (fact, text.parse()) {
                    (GitFact::CommitTime, Ok(seconds)) => rfc3339(seconds),
                    _ => text.clone(),
                };
                labels.insert(format!("org.opencontainers.image.{name}"), text);
            }
        }
        labels.extend(written);
        labels
    }
}

/// The targets of the graph that a reference stands for.
fn instances(graph: &Graph, modules: &Modules, reference: &TargetRef) -> Vec<TargetId> {
    let prefix = &modules.modules[reference.module].prefix;
    let name = format!("{prefix}{}", reference.name);
    let Some(decl) = graph.decl_named(&name).map(|id| &graph.decls[id]) else {
        return Vec::new();
    };
    let fits = |id: &TargetId| {
        let bindings = &graph.targets[*id].bindings;
        let (fors, params) = bindings.split_at(decl.fors.len().min(bindings.len()));
        let selected = fors
            .iter()
            .zip(&reference.select)
            .all(|((_, value), selector)| match selector {
                Selector::Any => true,
                Selector::Is(text) => plain_text(value).as_deref() == Some(text),
            });
        let called = params
            .iter()
            .zip(&decl.params)
            .all(|((name, value), param)| {
                let given = reference.args.iter().find(|(given, _)| given == name);
                let wanted = given.map(|(_, value)| value).or(param.default.as_ref());
                wanted.and_then(plain_text) == plain_text(value)
            });
        selected && called
    };
    decl.instances.iter().copied().filter(fits).collect()
}
