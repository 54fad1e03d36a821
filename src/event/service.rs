//! What services do.

use std::sync::Arc;
use std::time::Duration;

#[derive(Debug, Clone)]
pub enum ServiceStep {
    Starting {
        command: Arc<str>,
        /// `needed by smoke`, `src/api.go changed`.
        reason: String,
    },
    /// It answers.
    Ready { took: Duration },
    /// What it prints, masked, while somebody wants to see it: it was named on the command line.
    Output {
        bytes: Arc<[u8]>,
        /// It is the only service that was named.
        alone: bool,
    },
    /// The last lines of its log, because something that needs it failed.
    Log { bytes: Arc<[u8]> },
    /// It was asked to end, and has.
    Stopped { took: Duration },
    /// It ended by itself, or was never ready.
    Failed {
        /// `exit status 2`, `not ready after 30s: nothing listens on port 8080`.
        how: String,
        place: String,
        /// The last lines that it printed, masked.
        log: Arc<[u8]>,
        notes: Vec<String>,
    },
}
