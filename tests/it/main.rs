//! Runs the real binary on projects in temporary directories and asserts which actions ran.
#![allow(
    clippy::disallowed_methods,
    reason = "tests look at the disk and the environment themselves"
)]
#![expect(clippy::print_stderr, reason = "a test that is skipped says so")]

mod affected;
mod article;
mod bench;
mod buildinfo;
mod choose;
mod ci;
mod clean;
mod cli;
mod components;
mod depfile;
mod execution;
mod files;
mod go;
mod gobuild;
mod gocache;
mod goclone;
mod goknown;
mod golang;
mod gotest;
mod harness;
mod header;
mod help;
mod hooks;
mod image;
mod image_engine;
mod incremental;
mod init;
mod language;
mod live;
mod model;
mod monorepo;
mod picture;
mod saved;
mod services;
mod terminal;
mod verify;
mod watch;
mod why;
