//! The user's cache: blobs by the digest of their bytes, results by the key of the action that made them. Shared by all
//! checkouts and processes of a user; knows nothing of graphs or of one project's state. Whatever is damaged is a miss.

pub mod error;
pub mod store;
