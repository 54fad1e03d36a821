//! What every layer stands on: ids, paths, digests, source text, and the one file that touches `std::fs`.

pub mod clock;
pub mod digest;
pub mod frame;
pub mod fs;
pub mod glob;
pub mod hash;
pub mod host;
pub mod ids;
pub mod later;
pub mod lexis;
pub mod names;
pub mod path;
pub mod source;
