//! What a script's text names: variables read and assigned, and its command words. A light reading of shell, not a
//! parser: where it is unsure it says "named", because naming too much only counts a variable more.

use std::collections::BTreeSet;

/// What was found in a script.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Names {
    /// `$name`, `${name…}` outside of single quotes, each with the byte offset of its `$` in the script's text.
    pub read: Vec<(String, usize)>,
    /// `name=`, `for name in`, `read name`, `local name`, `export name=`, function names…
    pub assigned: BTreeSet<String>,
    /// First words of simple commands that are plain literals: the candidates for `tools`.
    pub commands: BTreeSet<String>,
}

/// Reads a POSIX-like shell script.
pub fn shell_names(text: &str) -> Names {
    todo!("{text}")
}

/// Whether `word` stands in `text` as a whole word; for interpreters other than shells.
pub fn has_word(text: &str, word: &str) -> bool {
    todo!("{text} {word}")
}
