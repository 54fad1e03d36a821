//! The client against a registry in this process, with faults on demand: what it asks, and what it makes of the answers.

mod access;
mod fixture;
mod pull;
mod push;
mod upload;
