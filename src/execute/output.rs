//! Hides secret values in a stream of bytes. Knows nothing of where the bytes come from or go to.

/// Replaces every secret by `***`, also where one is split over chunks.
///
/// A secret of several lines is also hidden line by line. What is shorter than four bytes is not hidden: it would match
/// everywhere, and the stars would tell more than they hide.
#[derive(Debug, Clone)]
pub struct Mask {
    secrets: Vec<Vec<u8>>,
    held: Vec<u8>,
}

impl Mask {
    pub fn new<'a>(secrets: impl IntoIterator<Item = &'a [u8]>) -> Self {
        todo!()
    }
    /// Whether there is nothing to hide.
    pub fn is_empty(&self) -> bool {
        self.secrets.is_empty()
    }
    /// Takes a chunk and appends to `out` what is safe to show. Holds back less than the longest secret.
    pub fn push(&mut self, chunk: &[u8], out: &mut Vec<u8>) {
        todo!()
    }
    /// Appends what was held back. The mask can then be used for another stream.
    pub fn finish(&mut self, out: &mut Vec<u8>) {
        todo!()
    }
    /// A whole text at once.
    pub fn apply(&self, text: &[u8]) -> Vec<u8> {
        todo!()
    }
}
