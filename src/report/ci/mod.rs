//! What CI services understand beside text: folded output, annotations, a summary. Which service it is, was decided
//! elsewhere.

mod github;
mod gitlab;
mod problems;
mod summary;

pub use github::{Github, Places};

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The service whose log gomake writes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Service {
    #[default]
    None,
    Github,
    Gitlab,
}

/// What stands before and after a block.
#[derive(Debug, PartialEq, Eq)]
pub struct Brackets {
    pub open: String,
    pub close: String,
}

impl Service {
    /// Brackets around what a command printed, under a heading that ends with a newline; what stands below its first line
    /// is folded too. None: the service folds nothing here. GitHub can only show folded groups, and nobody should have to
    /// look for what failed.
    pub fn brackets(self, heading: &str, took: Duration, is_failed: bool) -> Option<Brackets> {
        match (self, is_failed) {
            (Self::None, _) | (Self::Github, true) => None,
            (Self::Github, false) => Some(github::group(heading)),
            (Self::Gitlab, _) => {
                static NUMBER: AtomicUsize = AtomicUsize::new(1);
                let now = SystemTime::now().duration_since(UNIX_EPOCH);
                let ended = now.unwrap_or_default().as_secs();
                let id = gitlab::Id {
                    process: std::process::id(),
                    number: NUMBER.fetch_add(1, Ordering::Relaxed),
                    began: ended.saturating_sub(took.as_secs()),
                    ended,
                };
                Some(gitlab::section(heading, id, !is_failed))
            }
        }
    }
}
