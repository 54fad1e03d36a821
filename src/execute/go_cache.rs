//! Go's build cache in the user's: what commands of `go` blocks are told, so that the Go tool asks gomake for what it has built.

use crate::execute::environment::Given;
use crate::execute::gotest::exec::quoted;
use crate::execute::project::Project;
use crate::plan::action::Action;
use std::ffi::{OsStr, OsString};

/// The first word of a call of gomake by the Go tool, with the cache's directory and its limit in bytes behind it.
pub const PROG_WORD: &str = "--go-cache-prog";
/// By which the Go tool is told of such a program; it is split as `cmd/internal/quoted` does. Changes no result, and is not counted.
pub const PROG_VARIABLE: &str = "GOCACHEPROG";

impl Project<'_> {
    /// The variable for a command with these others. None: Go's own cache is meant, or there is one of the user's own.
    pub(super) fn go_cache_variable(
        &self,
        action: &Action,
        given: Given<'_>,
    ) -> Option<(OsString, OsString)> {
        let cache = self.cache.filter(|_| action.go_cache)?;
        // To the Go tool an empty one is none.
        let own = given.get(OsStr::new(PROG_VARIABLE));
        if own.is_some_and(|own| !own.is_empty()) {
            return None;
        }
        let program = std::env::current_exe().ok().filter(|path| path.exists())?;
        let (program, dir) = (quoted(&program)?, quoted(cache.dir())?);
        let words = format!("{program} {PROG_WORD} {dir} {}", cache.limit());
        Some((PROG_VARIABLE.into(), words.into()))
    }
}
