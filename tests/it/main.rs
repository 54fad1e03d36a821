//! Runs the real binary on projects in temporary directories and asserts which actions ran.

mod harness;
mod incremental;
mod model;
