//! The environment of a strict command, from the caller's as data. Reads no environment itself.

use std::collections::BTreeMap;
use std::ffi::OsString;

pub type Variables = BTreeMap<OsString, OsString>;

/// The part of the caller's environment that build, test and image commands see without being counted.
pub fn strict(caller: &Variables) -> Variables {
    todo!()
}

/// Names of the caller's variables that were not passed and that the output mentions as whole words, in order.
pub fn withheld_and_named(output: &[u8], caller: &Variables, passed: &Variables) -> Vec<String> {
    todo!()
}
