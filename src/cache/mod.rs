//! The user's cache: blobs by the digest of their bytes, results by the key of the action that made them. Shared by all
//! checkouts and processes of a user; knows nothing of graphs or of one project's state. Whatever is damaged is a miss.
//!
//! ```text
//! blobs/ab/ab12…      bytes, by blake3
//! trees/ab/ab12…      directories, by the digest of their listing
//! results/ab/ab12…    what an action made, by its actual key
//! manifests/ab/ab12…  lists of depfile inputs, by base key
//! images/  tests/     of base images, and of Go packages' tests
//! go/ab/ab12…         what the Go tool has built, by its action ids
//! leases/             who reads blobs where they lie
//! tmp/  size  lock
//! ```

pub mod collect;
pub mod error;
pub mod go;
pub mod ingest;
pub mod layout;
mod lease;
pub mod restore;
pub mod store;
