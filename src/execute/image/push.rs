//! Images to registries, after everything that was asked for has succeeded.

use crate::event::{Event, Failure, PushReport, PushStep};
use crate::execute::image::build::bases_of;
use crate::execute::project::Project;
use crate::image::document::Descriptor;
use crate::image::error::ImageError;
use crate::image::layout;
use crate::image::reference::Reference;
use crate::plan::action::Command;
use crate::plan::graph::TargetId;
use crate::plan::image::ImageSpec;
use crate::registry::client::Progress;
use crate::registry::error::RegistryError;
use std::sync::Arc;
use std::time::Instant;

/// Pushes each of the images under all its tags. Returns the names of those that failed; the rest is tried all the same.
pub fn push(project: &Project<'_>, images: &[TargetId]) -> Vec<Arc<str>> {
    let mut failed = Vec::new();
    for &id in images {
        if project.cancel.is_cancelled() {
            break;
        }
        if let Some(spec) = project.image_spec(id)
            && !project.push_image(id, spec)
        {
            failed.push(project.graph().target(id).name.clone());
        }
    }
    failed
}

impl Project<'_> {
    /// What an image target builds; None for other kinds.
    pub fn image_spec(&self, id: TargetId) -> Option<&ImageSpec> {
        match &self.bound[id].as_ref()?.action.command {
            Command::Image(spec) => Some(spec),
            _ => None,
        }
    }

    /// Whether all tags name the image afterwards. A registry at a time: the tags of one repository share their blobs.
    fn push_image(&self, id: TargetId, spec: &ImageSpec) -> bool {
        let mut repositories: Vec<Vec<Reference>> = Vec::new();
        for tag in &spec.tags {
            let same = |known: &&mut Vec<Reference>| {
                known[0].registry == tag.registry && known[0].repository == tag.repository
            };
            match repositories.iter_mut().find(same) {
                Some(known) => known.push(tag.clone()),
                None => repositories.push(Vec::from([tag.clone()])),
            }
        }
        let mut all = true;
        for tags in repositories {
            // Whoever interrupts wants no word about each of the others.
            all &= !self.cancel.is_cancelled() && self.push_tags(id, &tags);
        }
        all
    }

    fn push_tags(&self, id: TargetId, tags: &[Reference]) -> bool {
        let began = Instant::now();
        let to: Arc<[String]> = tags.iter().map(Reference::familiar).collect();
        let tell = |step: PushStep| {
            (self.emit)(Event::Push {
                target: id,
                name: self.graph().target(id).name.clone(),
                to: to.clone(),
                step,
            });
        };
        tell(PushStep::Started);
        let progress = |progress: Progress| {
            tell(PushStep::Progress {
                done: progress.done,
                total: progress.total,
            });
        };
        match self.send(id, tags, &progress) {
            Ok((digest, pushed)) => {
                tell(PushStep::Done(PushReport {
                    digest,
                    blobs_sent: pushed.blobs_sent,
                    bytes_sent: pushed.bytes_sent,
                    blobs_there: pushed.blobs_there,
                    requests: pushed.requests,
                    was_current: pushed.tags_current == tags.len(),
                    duration: began.elapsed(),
                }));
                true
            }
            Err(error) => {
                tell(PushStep::Failed(Box::new(self.push_failure(id, &error))));
                false
            }
        }
    }

    fn send(
        &self,
        id: TargetId,
        tags: &[Reference],
        progress: &(dyn Fn(Progress) + Sync),
    ) -> Result<(String, crate::registry::client::Pushed), RegistryError> {
        let imported = match self.held(id) {
            Some(held) => Some(self.imported(&held).map_err(|reason| ImageError::Layout {
                path: self.layout_of(id),
                reason,
            })?),
            None => None,
        };
        let dir = match &imported {
            Some(temp) => temp.path().to_owned(),
            None => self.layout_of(id),
        };
        let image = layout::read(&dir)?;
        let bases = bases_of(&image.record);
        let find = |blob: &Descriptor| self.find_blob(&dir, &bases, blob);
        let pushed = self.images.client.push(&image, tags, &find, progress)?;
        Ok((image.root.digest.to_string(), pushed))
    }

    fn push_failure(&self, id: TargetId, error: &RegistryError) -> Failure {
        Failure {
            notes: error.help().into_iter().collect(),
            ..self.failure(id, error.to_string(), String::new())
        }
    }
}
