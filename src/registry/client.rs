//! The client as the rest of gomake sees it.

use crate::image::blobs::Blobs;
use crate::image::document::Descriptor;
use crate::image::error::ImageResult;
use crate::image::layout::Image;
use crate::image::platform::Platform;
use crate::image::reference::Reference;
use crate::registry::credential::Source;
use crate::registry::error::RegistryResult;
use crate::registry::session::{Access, Link, Session, Sizes, Sleep, sleep};
use crate::registry::transport::Transport;
use crate::registry::{manifest, platform, pull, push};
use std::ffi::OsString;
use std::path::PathBuf;

/// How to speak to registries.
pub struct Options<'a> {
    /// Registries (`host:port`) that are spoken to without TLS, or with a certificate that nobody vouches for. Loopback
    /// is spoken to without TLS if it does not speak it.
    pub insecure: Vec<String>,
    /// Docker's `config.json`, with `auths`, `credHelpers`, `credsStore`; None: everything is asked for anonymously.
    pub docker_config: Option<PathBuf>,
    /// The environment for credential helpers.
    pub env: Vec<(OsString, OsString)>,
    /// Asked between requests and chunks.
    pub cancelled: &'a (dyn Fn() -> bool + Sync),
}

/// A client; used from many threads. Tokens live as long as it does.
pub struct Client<'a> {
    link: Link<'a>,
}

/// What a push has done so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Progress {
    /// Bytes of blobs that are sent, or were there.
    pub done: u64,
    pub total: u64,
}

/// What a push came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Pushed {
    pub blobs_sent: usize,
    pub bytes_sent: u64,
    /// Blobs that the registry had, mounted ones among them.
    pub blobs_there: usize,
    /// HTTP requests, those for tokens among them.
    pub requests: usize,
    /// Tags that named this image already.
    pub tags_current: usize,
}

impl<'a> Client<'a> {
    pub fn new(options: Options<'a>) -> Self {
        Self::tuned(options, Box::new(sleep), Sizes::default())
    }
    /// With pauses that need not be pauses, and other sizes: for tests.
    pub(super) fn tuned(options: Options<'a>, sleep: Sleep<'a>, sizes: Sizes) -> Self {
        let source = Source {
            docker_config: options.docker_config,
            env: options.env,
        };
        let transport = Transport::new(options.insecure);
        Self {
            link: Link::new(transport, source, options.cancelled, (sleep, sizes)),
        }
    }
    pub(super) fn reading(&self, reference: &Reference) -> Session<'_> {
        let Reference {
            registry,
            repository,
            ..
        } = reference;
        self.link.session(registry, repository, &Access::Read)
    }

    /// Breaks every request, and those to come. To be called when `cancelled` begins to be true: nobody asks it while an answer
    /// is waited for, which can take minutes.
    pub fn interrupter(&self) -> impl FnOnce() + Send + 'static + use<> {
        let agents = self.link.agents();
        move || agents.into_iter().for_each(ureq::Agent::shutdown)
    }

    /// What a reference names now: manifest or index.
    ///
    /// # Errors
    /// `NotFound`, `Denied`, `Unreachable` and the like.
    pub fn resolve(&self, reference: &Reference) -> RegistryResult<Descriptor> {
        manifest::resolve(&self.reading(reference), reference)
    }

    /// The bytes of a manifest or index by its digest, verified; from `blobs` where they have it, and stored there.
    ///
    /// # Errors
    /// `NotFound`, `Corrupt` and the like.
    pub fn document(
        &self,
        reference: &Reference,
        document: &Descriptor,
        blobs: &Blobs,
    ) -> RegistryResult<Vec<u8>> {
        manifest::document(&self.reading(reference), reference, document, blobs)
    }

    /// The manifest for a platform of what `reference` (with a digest) names: descriptor and bytes. Of an index the best
    /// match is taken; an image that is alone is taken if its config does not say another platform.
    ///
    /// # Errors
    /// `NoPlatform`; else as [`Client::document`].
    pub fn manifest_for(
        &self,
        reference: &Reference,
        platform: &Platform,
        blobs: &Blobs,
    ) -> RegistryResult<(Descriptor, Vec<u8>)> {
        platform::manifest_for(&self.reading(reference), reference, platform, blobs)
    }

    /// The bytes of an image's config, verified; from `blobs` where they have it, and stored there.
    ///
    /// # Errors
    /// As [`Client::pull_blob`]; `Protocol` for one that is larger than configs are.
    pub fn config(
        &self,
        reference: &Reference,
        config: &Descriptor,
        blobs: &Blobs,
    ) -> RegistryResult<Vec<u8>> {
        platform::config(&self.reading(reference), config, blobs)
    }

    /// Brings a blob into `blobs`, verified; gives its path. Resumes what broke off; tries again after 429 and 5xx.
    ///
    /// # Errors
    /// `NotFound`, `Corrupt` and the like; nothing half pulled stays.
    pub fn pull_blob(
        &self,
        repository: &Reference,
        blob: &Descriptor,
        blobs: &Blobs,
    ) -> RegistryResult<PathBuf> {
        pull::pull(&self.reading(repository), blob, blobs)
    }

    /// Pushes an image under each of `tags` (all of one repository): blobs, manifests, index, referrers, and the tags last, so
    /// that a tag never names something incomplete. If every tag names the image already, nothing else is asked.
    ///
    /// `find` gives a blob's file when it must be sent: layers of a base are tried to be mounted first.
    ///
    /// # Errors
    /// As above; the tags that were not reached are as they were.
    pub fn push(
        &self,
        image: &Image,
        tags: &[Reference],
        find: &(dyn Fn(&Descriptor) -> ImageResult<PathBuf> + Sync),
        progress: &(dyn Fn(Progress) + Sync),
    ) -> RegistryResult<Pushed> {
        push::push(&self.link, image, tags, find, progress)
    }
}
