//! A whole image to a registry: blobs first, then documents from the leaves to the root, tags last. Knows in which order, not
//! how a thing is sent.

use crate::image::digest::Sha256;
use crate::image::document::Descriptor;
use crate::image::error::ImageResult;
use crate::image::layout::Image;
use crate::image::reference::Reference;
use crate::registry::client::{Progress, Pushed};
use crate::registry::error::{RegistryError, RegistryResult};
use crate::registry::manifest::{self, name_of};
use crate::registry::referrers;
use crate::registry::session::{Access, Link, Session};
use crate::registry::upload::{Sent, Upload, may_be_sent};
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

/// Blobs on the way at the same time, as Docker's client has it by default for pulls.
const AT_ONCE: usize = 3;

type Find<'f> = &'f (dyn Fn(&Descriptor) -> ImageResult<PathBuf> + Sync);

/// Pushes an image under tags of one repository.
///
/// # Errors
/// As for any request; the tags that were not reached are as they were.
pub fn push(
    link: &Link<'_>,
    image: &Image,
    tags: &[Reference],
    find: Find<'_>,
    progress: &(dyn Fn(Progress) + Sync),
) -> RegistryResult<Pushed> {
    let Some(first) = tags.first() else {
        return Ok(Pushed::default());
    };
    let bases = bases(image, first);
    let from: BTreeSet<&String> = bases.values().collect();
    let access = Access::Write {
        from: from.into_iter().cloned().collect(),
    };
    let session = link.session(&first.registry, &first.repository, &access);
    let is_elsewhere =
        |tag: &&Reference| (&tag.registry, &tag.repository) != (&first.registry, &first.repository);
    if let Some(other) = tags.iter().find(is_elsewhere) {
        return Err(session.protocol(format!("{other} is in another repository than {first}")));
    }
    let mut names: Vec<String> = Vec::new();
    for name in tags.iter().map(name_of) {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    let stale = stale(&session, image, &names)?;
    let mut pushed = Pushed {
        tags_current: names.len() - stale.len(),
        ..Pushed::default()
    };
    if !stale.is_empty() {
        let blobs = blobs(image, &bases);
        send_blobs(&session, &blobs, find, progress, &mut pushed)?;
        send_documents(&session, image, &stale)?;
    }
    pushed.requests = session.requests();
    Ok(pushed)
}

/// The names that do not name the image.
fn stale(session: &Session<'_>, image: &Image, names: &[String]) -> RegistryResult<Vec<String>> {
    let mut stale = Vec::new();
    for name in names {
        let found = match manifest::look(session, name) {
            // Something that is no image has the name; it gives way.
            Err(RegistryError::Protocol { .. }) => None,
            found => found?,
        };
        if found.is_none_or(|found| found.digest != image.root.digest) {
            stale.push(name.clone());
        }
    }
    Ok(stale)
}

/// Layers that another repository of the registry has, and which one: those of a base.
fn bases(image: &Image, target: &Reference) -> BTreeMap<Sha256, String> {
    let mut bases = BTreeMap::new();
    for record in &image.record.images {
        let base = record.base.as_ref().and_then(|base| base.parse().ok());
        let Some(base) = base.filter(|base: &Reference| {
            base.registry == target.registry && base.repository != target.repository
        }) else {
            continue;
        };
        let layers = record.layers.iter().filter(|layer| layer.of_base);
        bases.extend(layers.map(|layer| (layer.digest, base.repository.clone())));
    }
    bases
}

/// A blob, and the repository to mount it from.
struct Wanted<'w> {
    blob: &'w Descriptor,
    from: Option<&'w str>,
}

/// Every blob once, in the order of the documents.
fn blobs<'i>(image: &'i Image, bases: &'i BTreeMap<Sha256, String>) -> Vec<Wanted<'i>> {
    let mut seen = BTreeSet::new();
    let documents = image.manifests.iter().chain(&image.referrers);
    documents
        .flat_map(|(_, manifest, _)| manifest.layers.iter().chain([&manifest.config]))
        .filter(|blob| may_be_sent(blob) && seen.insert(blob.digest))
        .map(|blob| Wanted {
            blob,
            from: bases.get(&blob.digest).map(String::as_str),
        })
        .collect()
}

/// How far all blobs together are. What is sent a second time after a break does not count back.
struct Meter<'m> {
    state: Mutex<(Progress, Vec<u64>)>,
    tell: &'m (dyn Fn(Progress) + Sync),
}

impl Meter<'_> {
    fn advance(&self, blob: usize, to: u64) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let (progress, each) = &mut *state;
        if to > each[blob] {
            progress.done += to - each[blob];
            each[blob] = to;
            // Within the lock, so that nobody is told less after more.
            (self.tell)(*progress);
        }
    }
}

fn send_blobs(
    session: &Session<'_>,
    blobs: &[Wanted<'_>],
    find: Find<'_>,
    progress: &(dyn Fn(Progress) + Sync),
    pushed: &mut Pushed,
) -> RegistryResult<()> {
    let start = Progress {
        done: 0,
        total: blobs.iter().map(|wanted| wanted.blob.size).sum(),
    };
    progress(start);
    let meter = Meter {
        state: Mutex::new((start, vec![0; blobs.len()])),
        tell: progress,
    };
    let next = AtomicUsize::new(0);
    let outcome = Mutex::new((Ok(()), *pushed));
    let work = || {
        // After a failure nothing new is begun; what is on the way ends by itself.
        while let Some((at, wanted)) = {
            let at = next.fetch_add(1, Ordering::Relaxed);
            blobs.get(at).map(|wanted| (at, wanted))
        } {
            let upload = Upload {
                session,
                blob: wanted.blob,
                from: wanted.from,
                find,
                report: &|sent| meter.advance(at, sent),
            };
            let sent = upload.run();
            let mut outcome = outcome.lock().unwrap_or_else(PoisonError::into_inner);
            match sent {
                Ok(sent) => {
                    count(&mut outcome.1, sent, wanted.blob);
                    meter.advance(at, wanted.blob.size);
                }
                Err(error) => {
                    next.store(blobs.len(), Ordering::Relaxed);
                    // The first error is the reason of those that follow.
                    if outcome.0.is_ok() {
                        outcome.0 = Err(error);
                    }
                }
            }
        }
    };
    std::thread::scope(|scope| {
        for _ in 1..AT_ONCE.min(blobs.len()) {
            scope.spawn(work);
        }
        work();
    });
    let (result, counted) = outcome.into_inner().unwrap_or_else(PoisonError::into_inner);
    *pushed = counted;
    result
}

fn count(pushed: &mut Pushed, sent: Sent, blob: &Descriptor) {
    match sent {
        Sent::There => pushed.blobs_there += 1,
        Sent::Sent => {
            pushed.blobs_sent += 1;
            pushed.bytes_sent += blob.size;
        }
    }
}

/// Documents below the root by their digests, then what refers to them, then the root under each name.
fn send_documents(session: &Session<'_>, image: &Image, names: &[String]) -> RegistryResult<()> {
    let own = image.root.digest.to_string();
    let below = image
        .manifests
        .iter()
        .filter(|(descriptor, ..)| descriptor.digest != image.root.digest);
    for (descriptor, _, bytes) in below {
        manifest::put(session, &descriptor.digest.to_string(), descriptor, bytes)?;
    }
    if !image.referrers.is_empty() && !names.contains(&own) {
        // Before its referrers: there are registries that refuse what refers to nothing.
        manifest::put(session, &own, &image.root, &image.bytes)?;
    }
    referrers::push(session, &image.referrers)?;
    for name in names {
        session.check()?;
        manifest::put(session, name, &image.root, &image.bytes)?;
    }
    Ok(())
}
