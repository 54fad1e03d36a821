//! Speaks to registries (OCI Distribution Specification 1.1): resolves tags, pulls, pushes. Knows documents and blobs; nothing
//! of targets. Credentials are Docker's; none is ever part of an error or an event.

mod address;
mod auth;
mod challenge;
pub mod client;
mod credential;
pub mod error;
mod refusal;
mod retry;
mod secret;
mod session;
mod transport;
