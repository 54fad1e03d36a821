//! What is known of Go's tests: which packages' contents the tests of a package can see, what a test did look at while it ran, and how
//! results and coverage of several runs are put together. Pure: starts nothing and looks at no disk.

pub mod coverage;
pub mod directives;
pub mod graph;
pub mod log;
pub mod spec;
pub mod stream;
