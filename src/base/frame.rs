//! Stored bytes with a length and a checksum, so that torn or damaged ones are seen. Does not know what they mean.
//!
//! A file is a magic of 8 bytes, which names format and version, then frames: the payload's length (u32), its
//! [`checksum`], the payload. Numbers are little-endian.

use crate::base::digest::{Digest, FieldHasher};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// Names a format and its version.
pub type Magic = [u8; 8];

const HEADER: usize = 12;

/// The first 8 bytes of the blake3 of the length (u64) and the payload.
pub fn checksum(payload: &[u8]) -> [u8; 8] {
    let Digest(bytes) = FieldHasher::new().field(payload).finish();
    std::array::from_fn(|i| bytes[i])
}

/// Appends `payload` as a frame. None: it is longer than a frame can say.
pub fn push(out: &mut Vec<u8>, payload: &[u8]) -> Option<()> {
    let len = u32::try_from(payload.len()).ok()?;
    out.extend(len.to_le_bytes());
    out.extend(checksum(payload));
    out.extend(payload);
    Some(())
}

/// The payload of the frame that `bytes` starts with, and what follows. None: there is no whole, sound frame.
pub fn split(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (header, rest) = bytes.split_at_checked(HEADER)?;
    let len = u32::from_le_bytes(header[..4].try_into().ok()?) as usize;
    let (payload, rest) = rest.split_at_checked(len)?;
    (checksum(payload) == header[4..]).then_some((payload, rest))
}

/// How many bytes the frame takes that `bytes` starts with, by its own word. None: it does not even say that.
pub fn len(bytes: &[u8]) -> Option<usize> {
    let len = u32::from_le_bytes(*bytes.first_chunk()?) as usize;
    len.checked_add(HEADER)
}

/// A whole file that holds one value. None: the value cannot be written in this form.
pub fn encode_file<T: Serialize>(magic: &Magic, value: &T) -> Option<Vec<u8>> {
    let mut out = magic.to_vec();
    push(&mut out, &postcard::to_stdvec(value).ok()?)?;
    Some(out)
}

/// The value of a file made by [`encode_file`]. None: damaged, foreign or of another version.
pub fn decode_file<T: DeserializeOwned>(magic: &Magic, bytes: &[u8]) -> Option<T> {
    let (payload, rest) = split(bytes.strip_prefix(magic)?)?;
    rest.is_empty()
        .then(|| postcard::from_bytes(payload).ok())
        .flatten()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_length_beyond_the_end_is_no_frame() {
        let mut bytes = u32::MAX.to_le_bytes().to_vec();
        bytes.extend([0; 20]);
        assert_eq!(split(&bytes), None);
    }

    proptest! {
        #[test]
        fn any_flipped_bit_is_seen(payload in proptest::collection::vec(any::<u8>(), 0..60), at in any::<prop::sample::Index>(), bit in 0..8) {
            let whole = encode_file(b"gomakeT1", &payload).unwrap();
            prop_assert_eq!(decode_file::<Vec<u8>>(b"gomakeT1", &whole), Some(payload));
            let mut bad = whole.clone();
            bad[at.index(whole.len())] ^= 1u8 << bit;
            prop_assert_eq!(decode_file::<Vec<u8>>(b"gomakeT1", &bad), None);
            prop_assert_eq!(decode_file::<Vec<u8>>(b"gomakeT1", &whole[..at.index(whole.len())]), None);
        }
    }
}
