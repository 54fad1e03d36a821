//! What an image target says about its parts, before it is known which targets its references stand for.

use crate::base::path::ProjectPath;
use crate::base::source::Span;
use crate::image::platform::Platform;
use crate::image::reference::Reference;
use crate::plan::body::Shape;
use crate::plan::error::PlanError;
use crate::plan::graph::TargetId;
use crate::plan::image::form::Form;
use crate::plan::image::reader::Reader;
use crate::plan::value::{TargetRef, Value};
use std::sync::Arc;

#[derive(Debug)]
pub(in crate::plan) struct Draft {
    /// None: neither `base` nor `dockerfile`, which is a mistake of its own.
    pub form: Option<Form>,
    pub base: Option<(DraftBase, Span)>,
    /// None: not written.
    pub platforms: Option<Vec<(DraftPlatform, Span)>>,
    pub layers: Vec<DraftLayer>,
    /// The `dockerfile`, its `context` and stage.
    pub dockerfile: Option<DraftDockerfile>,
    pub span: Span,
}

#[derive(Debug)]
pub(in crate::plan) struct DraftDockerfile {
    pub path: ProjectPath,
    pub context: ProjectPath,
    pub stage: Option<String>,
    pub span: Span,
}

/// A reference and, once it was looked up, the targets that it stands for.
#[derive(Debug, Clone)]
pub(in crate::plan) struct Referred {
    pub reference: Arc<TargetRef>,
    pub ids: Vec<TargetId>,
}

#[derive(Debug)]
pub(in crate::plan) enum DraftBase {
    Scratch,
    Reference(Reference),
    Target(Referred),
    /// Not known without running something.
    Open,
}

#[derive(Debug)]
pub(in crate::plan) enum DraftPlatform {
    Is(Platform),
    Of(Referred),
    Open,
}

#[derive(Debug)]
pub(in crate::plan) struct DraftLayer {
    pub platform: Option<Platform>,
    pub files: Vec<DraftFile>,
}

#[derive(Debug)]
pub(in crate::plan) struct DraftFile {
    pub dest: String,
    pub into: bool,
    pub what: DraftWhat,
    pub mode: Option<u32>,
    pub owner: Option<(u32, u32)>,
    pub span: Span,
}

#[derive(Debug)]
pub(in crate::plan) enum DraftWhat {
    Dir,
    Link(String),
    Text(String),
    Sources(Vec<(DraftSource, Span)>),
}

#[derive(Debug)]
pub(in crate::plan) enum DraftSource {
    Target(Referred),
    File { path: ProjectPath, optional: bool },
    Glob { pattern: String, optional: bool },
    Open,
}

impl DraftLayer {
    pub fn sources(&self) -> impl Iterator<Item = &(DraftSource, Span)> {
        self.files.iter().flat_map(|file| match &file.what {
            DraftWhat::Sources(sources) => &sources[..],
            _ => &[],
        })
    }
}

impl Referred {
    pub fn new(reference: Arc<TargetRef>) -> Self {
        Self {
            reference,
            ids: Vec::new(),
        }
    }
}

impl Draft {
    /// Reads what orders targets: sources, base, platforms, Dockerfile.
    pub fn read(reader: &mut Reader<'_, '_>, span: Span) -> Self {
        let form = Form::of(reader.body);
        if let Some(form) = form {
            form.check(reader.body, &mut reader.errors);
        }
        let mut draft = Self {
            form,
            base: None,
            platforms: None,
            layers: Vec::new(),
            dockerfile: None,
            span,
        };
        if form == Some(Form::Dockerfile) {
            draft.dockerfile = reader.dockerfile();
        } else {
            draft.base = reader.base();
            draft.layers = reader.files();
        }
        draft.platforms = reader.platforms(&mut draft.layers);
        draft
    }

    /// All references, each with its place.
    pub fn referred(&mut self) -> Vec<(&mut Referred, Span)> {
        let mut all = Vec::new();
        if let Some((DraftBase::Target(referred), span)) = &mut self.base {
            all.push((referred, *span));
        }
        for (platform, span) in self.platforms.iter_mut().flatten() {
            if let DraftPlatform::Of(referred) = platform {
                all.push((referred, *span));
            }
        }
        for file in self.layers.iter_mut().flat_map(|layer| &mut layer.files) {
            let DraftWhat::Sources(sources) = &mut file.what else {
                continue;
            };
            for (source, span) in sources {
                if let DraftSource::Target(referred) = source {
                    all.push((referred, *span));
                }
            }
        }
        all
    }
}

impl Reader<'_, '_> {
    fn base(&mut self) -> Option<(DraftBase, Span)> {
        let span = self.entry("base")?.value.span;
        let base = match self.plan_value("base", Shape::TextOrTarget) {
            Some((Value::Target(reference), _)) => DraftBase::Target(Referred::new(reference)),
            Some((Value::Str(text), _)) if &*text == "scratch" => DraftBase::Scratch,
            Some((Value::Str(text), span)) => match text.parse() {
                Ok(reference) => DraftBase::Reference(reference),
                Err(error) => {
                    self.report_name(error, span);
                    DraftBase::Open
                }
            },
            _ => DraftBase::Open,
        };
        Some((base, span))
    }

    pub(super) fn report_name(&mut self, error: crate::image::reference::NoReference, span: Span) {
        self.errors.push(PlanError::ImageName {
            text: error.text,
            reason: error.reason.to_owned(),
            span,
        });
    }

    fn dockerfile(&mut self) -> Option<DraftDockerfile> {
        let (value, span) = self.plan_value("dockerfile", Shape::Text)?;
        let path = self.project_path(&value, span)?;
        let context = match self.plan_value("context", Shape::Text) {
            Some((value, span)) => self.project_path(&value, span)?,
            None => self.dir.clone(),
        };
        let stage = self.plan_value("target", Shape::Text);
        Some(DraftDockerfile {
            path,
            context,
            stage: stage.and_then(|(stage, _)| Some(stage.as_text()?.to_string())),
            span,
        })
    }

    pub(super) fn project_path(&mut self, value: &Value, span: Span) -> Option<ProjectPath> {
        let text = value.as_text()?;
        let path = self.dir.resolve(&text);
        if let Err(reason) = &path {
            self.errors.push(PlanError::PathOutside {
                path: text.to_string(),
                reason: reason.to_string(),
                span,
            });
        }
        path.ok()
    }
}
