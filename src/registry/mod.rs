//! Speaks to registries (OCI Distribution Specification 1.1): resolves tags, pulls, pushes. Knows documents and blobs; nothing
//! of targets. Credentials are Docker's; none is ever part of an error or an event.

pub mod address;
mod auth;
mod challenge;
pub mod client;
mod credential;
pub mod error;
#[cfg(test)]
mod fake;
mod feed;
mod manifest;
mod platform;
mod pull;
mod push;
mod referrers;
mod refusal;
mod retry;
mod secret;
mod session;
#[cfg(test)]
mod tests;
mod transport;
mod upload;
