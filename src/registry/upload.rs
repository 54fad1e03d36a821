//! One blob to a registry (Distribution Specification, "Pushing blobs"): mounted, at once or as a stream that is resumed where
//! it broke. Knows nothing of images.
//!
//! A large blob goes out as one PATCH and a PUT that commits it, as Docker's own client has it: there are registries that
//! take no second chunk (Google's), and none that does not take this. Only what broke, or what something on the way finds
//! too large (413), is sent in pieces.
//!
//! Registries differ in what they make of a stream that broke: the specification lets a client ask how much arrived and go
//! on; the distribution project's registry (measured with 2.8) answers that question with 404 and forgets the upload, in pieces
//! or not. Then the blob begins again.

use crate::image::digest::Sha256;
use crate::image::document::Descriptor;
use crate::image::error::{ImageError, ImageResult};
use crate::registry::address::with_query;
use crate::registry::error::RegistryResult;
use crate::registry::feed::Feed;
use crate::registry::manifest::DIGEST;
use crate::registry::retry::TRIES;
use crate::registry::session::{Fault, Session, drain};
use crate::registry::transport::{Answer, Ask, Stream};
use std::path::{Path, PathBuf};
use std::time::Duration;
use ureq::http::header::{CONTENT_RANGE, CONTENT_TYPE, LOCATION, RANGE};
use ureq::http::{Method, Uri};

const BYTES: &str = "application/octet-stream";

/// What became of a blob.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sent {
    /// It was there, or was mounted.
    There,
    Sent,
}

/// A blob to send.
pub struct Upload<'u> {
    pub session: &'u Session<'u>,
    pub blob: &'u Descriptor,
    /// A repository of the same registry that has it.
    pub from: Option<&'u str>,
    pub find: &'u (dyn Fn(&Descriptor) -> ImageResult<PathBuf> + Sync),
    /// Told how many of the blob's bytes are sent; may be less than before.
    pub report: &'u dyn Fn(u64),
}

/// Where an upload stands.
enum Begun {
    Mounted,
    At {
        location: Uri,
        /// `OCI-Chunk-Min-Length`.
        least: u64,
    },
}

impl Upload<'_> {
    /// Sends the blob unless it is there.
    ///
    /// # Errors
    /// As for any request; `Image` when the file is missing or not what its digest says.
    pub fn run(&self) -> RegistryResult<Sent> {
        let mut path = None;
        let mut tried = 0;
        loop {
            if self.is_there()? {
                // A commit whose answer was lost is ours all the same.
                return Ok(if tried > 0 { Sent::Sent } else { Sent::There });
            }
            let from = self.from.filter(|_| tried == 0);
            let Begun::At { location, least } = self.begin(from)? else {
                return Ok(Sent::There);
            };
            let path = match &path {
                Some(path) => path,
                None => path.insert((self.find)(self.blob)?),
            };
            let (error, after) = match self.transfer(path, location, least) {
                Ok(()) => return Ok(Sent::Sent),
                Err(Fault::Again { error, after }) => (error, after),
                Err(Fault::Final(error)) => return Err(error),
            };
            self.session.check()?;
            if tried + 1 >= TRIES {
                return Err(error);
            }
            self.session.pause(tried, after)?;
            tried += 1;
        }
    }
    fn is_there(&self) -> RegistryResult<bool> {
        let uri = self.session.uri(&format!("blobs/{}", self.blob.digest))?;
        let mut answer = self.session.send(&Ask::new(Method::HEAD, uri))?;
        match answer.status {
            200 => Ok(true),
            401 | 403 => Err(self.session.refused(&mut answer)),
            _ => Ok(false),
        }
    }
    /// Opens an upload, or mounts the blob. A registry may open one instead of mounting; one that refuses to mount at all is
    /// asked for an upload.
    fn begin(&self, from: Option<&str>) -> RegistryResult<Begun> {
        let uri = self.session.uri("blobs/uploads/")?;
        if let Some(from) = from {
            let digest = self.blob.digest.to_string();
            let mount = with_query(&uri, &[("mount", &digest), ("from", from)]);
            if let Some(mount) = mount {
                let answer = self
                    .session
                    .send(&Ask::new(Method::POST, mount).body(b""))?;
                match answer.status {
                    201 => return Ok(Begun::Mounted),
                    202 => return self.begun(answer),
                    _ => {}
                }
            }
        }
        let mut answer = self.session.send(&Ask::new(Method::POST, uri).body(b""))?;
        match answer.status {
            202 => self.begun(answer),
            _ => Err(self.session.refused(&mut answer)),
        }
    }
    fn begun(&self, mut answer: Answer) -> RegistryResult<Begun> {
        let location = self.session.location(&answer.uri, &answer)?;
        let least = answer.header("oci-chunk-min-length");
        let least = least.and_then(|text| text.parse().ok()).unwrap_or(0);
        drain(&mut answer);
        Ok(Begun::At { location, least })
    }

    fn transfer(&self, path: &Path, location: Uri, least: u64) -> Result<(), Fault> {
        let check = || self.session.check();
        let mut feed = Feed::open(path, self.blob, &check, self.report)
            .map_err(|error| Fault::Final(error.into()))?;
        if self.blob.size <= self.session.sizes().small {
            return self.at_once(&mut feed, &location);
        }
        let mut stream = Streaming {
            upload: self,
            feed,
            location,
            least,
            piece: u64::MAX,
            offset: 0,
        };
        stream.run()?;
        let ask = self.commit(&stream.location)?.body(b"");
        // The bytes are there: a commit that fails is tried again alone.
        let answer = self.session.send(&ask)?;
        self.committed(answer)
    }
    fn at_once(&self, feed: &mut Feed<'_>, location: &Uri) -> Result<(), Fault> {
        let mut bytes = Vec::new();
        feed.window(0, self.blob.size)
            .map_err(|error| Fault::Final(error.into()))?;
        let read = std::io::Read::read_to_end(feed, &mut bytes);
        if let Some(error) = feed.fault.take() {
            return Err(error.into());
        }
        let unread = |error: std::io::Error| self.session.protocol(error.to_string());
        read.map_err(unread)?;
        // No file was read, so nothing has looked at the digest.
        if bytes.is_empty() && Sha256::of(&bytes) != self.blob.digest {
            let error = ImageError::WrongDigest {
                what: "an empty file".to_owned(),
                expected: self.blob.digest,
                found: Sha256::of(&bytes),
            };
            return Err(Fault::Final(error.into()));
        }
        let ask = self.commit(location)?.body(&bytes);
        // Once only: what arrived of a body that broke stays in the upload, and a second one would be added to it.
        let answer = self.session.once(&ask, None)?;
        self.committed(answer)
    }
    fn commit(&self, location: &Uri) -> Result<Ask<'static>, Fault> {
        let digest = self.blob.digest.to_string();
        let uri = with_query(location, &[("digest", &digest)]);
        let uri = uri.ok_or_else(|| self.session.protocol("the upload's address is too long"))?;
        Ok(Ask::new(Method::PUT, uri).header(CONTENT_TYPE, BYTES))
    }
    fn committed(&self, mut answer: Answer) -> Result<(), Fault> {
        match answer.status {
            200..300 => {}
            404 => return Err(self.lost()),
            _ => return Err(self.session.refused(&mut answer).into()),
        }
        drain(&mut answer);
        match answer.header(DIGEST).map(str::parse::<Sha256>) {
            Some(stored) if stored.as_ref() != Ok(&self.blob.digest) => {
                let what = format!("the blob {} that was stored", self.blob.digest);
                Err(self.session.corrupt(what).into())
            }
            _ => Ok(()),
        }
    }
    /// The registry forgot the upload: it is begun again.
    fn lost(&self) -> Fault {
        Fault::Again {
            error: self.session.protocol("forgets uploads"),
            after: None,
        }
    }
}

/// The sending of a large blob.
struct Streaming<'s> {
    upload: &'s Upload<'s>,
    feed: Feed<'s>,
    location: Uri,
    least: u64,
    /// At most this much in one request.
    piece: u64,
    offset: u64,
}

/// What one request came to.
enum Piece {
    Taken,
    /// How much the registry has must be asked for.
    Unclear,
}

impl Streaming<'_> {
    /// Sends until the registry has all. A blob whose upload is lost is an `Again`.
    fn run(&mut self) -> Result<(), Fault> {
        let size = self.upload.blob.size;
        let mut tried = 0;
        while self.offset < size {
            let before = self.offset;
            let (error, after) = match self.send() {
                Ok(Piece::Taken) => (None, None),
                Ok(Piece::Unclear) => (None, Some(Duration::ZERO)),
                Err(Fault::Again { error, after }) => (Some(error), after),
                Err(fault) => return Err(fault),
            };
            let was_taken = error.is_none() && after.is_none();
            if !was_taken {
                self.upload.session.check()?;
                self.upload.session.pause(tried, after)?;
                self.ask_offset()?;
            }
            tried = if self.offset > before { 0 } else { tried + 1 };
            if tried >= TRIES {
                let stuck = || self.upload.session.protocol("takes no more of an upload");
                return Err(Fault::Final(error.unwrap_or_else(stuck)));
            }
        }
        Ok(())
    }
    fn send(&mut self) -> Result<Piece, Fault> {
        let (session, size) = (self.upload.session, self.upload.blob.size);
        let rest = size - self.offset;
        let length = rest.min(self.piece.max(self.least));
        let mut ask = Ask::new(Method::PATCH, self.location.clone()).header(CONTENT_TYPE, BYTES);
        if length < size {
            let last = self.offset + length - 1;
            ask = ask.header(CONTENT_RANGE, format!("{}-{last}", self.offset));
        }
        self.feed
            .window(self.offset, length)
            .map_err(|error| Fault::Final(error.into()))?;
        let stream = Stream {
            reader: &mut self.feed,
            size: length,
        };
        let outcome = session.once(&ask, Some(stream));
        // Trouble with our own file looks like a connection that broke.
        if let Some(error) = self.feed.fault.take() {
            return Err(error.into());
        }
        let mut answer = outcome?;
        match answer.status {
            200..300 => {
                drain(&mut answer);
                self.moved(&answer)?;
                self.offset = match answer.header(RANGE) {
                    Some(_) => self.said(&answer)?,
                    None => self.offset + length,
                };
                Ok(Piece::Taken)
            }
            404 => Err(self.upload.lost()),
            413 if length > session.sizes().piece.max(self.least) => {
                self.piece = session.sizes().piece;
                Ok(Piece::Unclear)
            }
            416 => Ok(Piece::Unclear),
            _ => Err(session.refused(&mut answer).into()),
        }
    }
    /// Each answer may say where the upload goes on.
    fn moved(&mut self, answer: &Answer) -> RegistryResult<()> {
        if answer.headers.contains_key(LOCATION) {
            self.location = self.upload.session.location(&answer.uri, answer)?;
        }
        Ok(())
    }
    /// The end of `Range: 0-1023`, plus one. `0-0` means that nothing is there yet: there is no way to write that.
    fn said(&self, answer: &Answer) -> RegistryResult<u64> {
        let session = self.upload.session;
        let range = answer.header(RANGE).unwrap_or("0-0").trim();
        let range = range.strip_prefix("bytes=").unwrap_or(range);
        let last = range
            .split_once('-')
            .and_then(|(_, last)| last.parse::<u64>().ok());
        match last {
            Some(0) => Ok(0),
            Some(last) if last < self.feed.hashed() => Ok(last + 1),
            Some(_) => Err(session.protocol("says that it has more of an upload than was sent")),
            None => Err(session.protocol("the header Range is wrong")),
        }
    }
    /// Asks how much the registry has.
    fn ask_offset(&mut self) -> Result<(), Fault> {
        let ask = Ask::new(Method::GET, self.location.clone());
        let mut answer = self.upload.session.send(&ask)?;
        match answer.status {
            200..300 => {
                drain(&mut answer);
                self.moved(&answer)?;
                self.offset = self.said(&answer)?;
                (self.upload.report)(self.offset);
                Ok(())
            }
            401 | 403 => Err(self.upload.session.refused(&mut answer).into()),
            // Forgotten, or a registry that does not answer this.
            _ => Err(self.upload.lost()),
        }
    }
}

/// Whether a registry may be given this: layers of some base images may only be had from their maker (image-spec, layer.md,
/// "Non-Distributable Layers"; Docker's `foreign`).
pub fn may_be_sent(blob: &Descriptor) -> bool {
    !(blob.media_type.contains("nondistributable") || blob.media_type.contains("foreign"))
}
