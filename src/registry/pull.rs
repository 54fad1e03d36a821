//! Blobs from a registry into a directory (Distribution Specification, "Pulling blobs"), resumed where the connection broke.
//! Knows nothing of what is in them.

use crate::image::blobs::{BlobWriter, Blobs};
use crate::image::document::Descriptor;
use crate::image::error::ImageError;
use crate::registry::error::{RegistryError, RegistryResult};
use crate::registry::retry::TRIES;
use crate::registry::session::{Fault, Session};
use crate::registry::transport::{Answer, Ask};
use std::io::Write;
use std::path::PathBuf;
use ureq::http::Method;
use ureq::http::header::{CONTENT_RANGE, RANGE};

/// A connection that breaks again and again may go on as long as it brings this much each time.
const PROGRESS: u64 = 1 << 20;

/// Brings a blob, verified.
///
/// # Errors
/// `NotFound`, `Corrupt` and the like; nothing half pulled stays.
pub fn pull(session: &Session<'_>, blob: &Descriptor, blobs: &Blobs) -> RegistryResult<PathBuf> {
    if let Some(path) = blobs.verified(blob).map_err(ImageError::from)? {
        return Ok(path);
    }
    // Once more from the start: what was resumed may have been put together of two halves that do not fit.
    for _ in 0..2 {
        let writer = Download::new(session, blob, blobs)?.run()?;
        match writer.finish(Some(blob.digest)) {
            Ok(_) => return Ok(blobs.path(blob.digest)),
            Err(ImageError::WrongDigest { .. }) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Err(session.corrupt(format!("the blob {}", blob.digest)))
}

struct Download<'d> {
    session: &'d Session<'d>,
    blob: &'d Descriptor,
    blobs: &'d Blobs,
    writer: BlobWriter,
    have: u64,
}

impl<'d> Download<'d> {
    fn new(
        session: &'d Session<'_>,
        blob: &'d Descriptor,
        blobs: &'d Blobs,
    ) -> RegistryResult<Self> {
        Ok(Self {
            session,
            blob,
            blobs,
            writer: blobs.writer()?,
            have: 0,
        })
    }
    fn run(mut self) -> RegistryResult<BlobWriter> {
        let mut tried = 0;
        let mut mark = 0;
        loop {
            let (error, after) = match self.attempt() {
                Ok(()) => return Ok(self.writer),
                Err(Fault::Again { error, after }) => (error, after),
                Err(Fault::Final(error)) => return Err(error),
            };
            self.session.check()?;
            if self.have >= mark + PROGRESS {
                (tried, mark) = (0, self.have);
            }
            if tried + 1 >= TRIES {
                return Err(error);
            }
            self.session.pause(tried, after)?;
            tried += 1;
        }
    }
    /// Asks for what is missing and takes what comes.
    fn attempt(&mut self) -> Result<(), Fault> {
        let uri = self.session.uri(&format!("blobs/{}", self.blob.digest))?;
        let mut ask = Ask::new(Method::GET, uri);
        if self.have > 0 {
            ask = ask.header(RANGE, format!("bytes={}-", self.have));
        }
        let mut answer = self.session.once(&ask, None)?;
        match answer.status {
            206 if self.have > 0 => self.check_range(&answer)?,
            200 => self.restart()?,
            // What we have is more than there is: it was not the blob.
            416 if self.have > 0 => {
                self.restart()?;
                return Err(self.broken("it does not continue the blob"));
            }
            404 => {
                let reference = format!(
                    "{}/{}@{}",
                    self.session.registry, self.session.repository, self.blob.digest
                );
                return Err(RegistryError::NotFound { reference }.into());
            }
            _ => return Err(self.session.refused(&mut answer).into()),
        }
        self.take(&mut answer)?;
        match self.have == self.blob.size {
            true => Ok(()),
            false => Err(self.broken("the connection broke off")),
        }
    }
    fn broken(&self, reason: &str) -> Fault {
        let error = self.session.unreachable(reason);
        Fault::Again { error, after: None }
    }
    /// `bytes 100-199/200` (RFC 9110, section 14.4) must begin where we stopped.
    fn check_range(&self, answer: &Answer) -> RegistryResult<()> {
        let range = answer.header(CONTENT_RANGE);
        let from = range
            .and_then(|range| range.trim().strip_prefix("bytes ")?.split_once('-'))
            .and_then(|(from, _)| from.trim().parse().ok());
        match from == Some(self.have) {
            true => Ok(()),
            false => Err(self.session.protocol("sends another range than asked for")),
        }
    }
    fn restart(&mut self) -> RegistryResult<()> {
        if self.have > 0 {
            self.writer = self.blobs.writer()?;
            self.have = 0;
        }
        Ok(())
    }
    fn take(&mut self, answer: &mut Answer) -> Result<(), Fault> {
        let (session, blob) = (self.session, self.blob);
        let (writer, have) = (&mut self.writer, &mut self.have);
        session.read(answer, |chunk| {
            // More than was announced would fill the disk, and cannot have the digest.
            if chunk.len() as u64 > blob.size - *have {
                return Err(session.corrupt(format!("the blob {}", blob.digest)));
            }
            writer
                .out
                .write_all(chunk)
                .map_err(|source| ImageError::Write {
                    path: writer.path.clone(),
                    source,
                })?;
            *have += chunk.len() as u64;
            Ok(())
        })
    }
}
