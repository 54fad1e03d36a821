//! gomake: a declarative, content-hashed replacement for the Makefile.
//!
//! The modules stand in the order in which data flows:
//!
//! ```text
//! text -> syntax tree -> resolved graph -> fingerprints -> schedule -> execution -> events -> what the user sees
//! ```
//!
//! Glossary:
//! - **target**: what a Gofile declares and a user names; one instance of a `for` is a target of its own.
//! - **action**: a target bound to values: the command, its environment, its limits.
//! - **query / answer**: something planning must know about the world, and what was observed.
//! - **fingerprint**: the blake3 digest of everything an action's result depends on.
//! - **fact**: one part of a fingerprint, kept so that `--why` can compare.
//! - **early cutoff**: a rerun that makes the same bytes stops there.

pub mod base;
pub mod cache;
pub mod cli;
pub mod event;
pub mod execute;
pub mod fingerprint;
pub mod golang;
pub mod image;
pub mod init;
pub mod lang;
pub mod plan;
pub mod registry;
pub mod report;
pub mod schedule;
pub mod state;
pub mod watch;
