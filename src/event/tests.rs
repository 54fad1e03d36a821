//! The single tests that a target reported.

use std::time::Duration;

/// In the order reported.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TestReport {
    pub cases: Vec<TestCase>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TestCase {
    /// The package, class or file that holds it; may be empty.
    pub suite: String,
    pub name: String,
    pub took: Option<Duration>,
    pub outcome: TestOutcome,
    /// Where it is written, where that is known: the path as reported, and the line from 1.
    pub place: Option<(String, u32)>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TestOutcome {
    Passed,
    /// `message` is a line; `text` has the rest, what the test printed among it.
    Failed {
        message: String,
        text: String,
    },
    Skipped {
        message: String,
    },
}
