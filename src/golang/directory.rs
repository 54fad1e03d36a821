//! What Go makes of a directory's Go files on a platform: which belong to the package, which to its tests, which are passed over. Does not
//! look for them.
//!
//! Rules: `go/build`'s `Import`.

use crate::golang::constraint::{Platform, constraints_match, matches, name_matches};
use crate::golang::header::Header;
use std::collections::BTreeSet;

/// A package with its tests. Names are in the order in which they were given.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Directory<'n> {
    /// The package's; empty where no file says one.
    pub name: String,
    pub built: Set<'n>,
    /// Those of `built.files` that import "C".
    pub cgo: Vec<&'n str>,
    /// `_test.go` files of the package itself.
    pub tests: Set<'n>,
    /// `_test.go` files of the package beside it, `name_test`.
    pub outer_tests: Set<'n>,
    /// What the platform or the constraints leave out.
    pub ignored: Vec<&'n str>,
}

/// Files, with what they import and embed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Set<'n> {
    pub files: Vec<&'n str>,
    pub imports: BTreeSet<&'n str>,
    pub embeds: BTreeSet<&'n str>,
}

impl<'n> Set<'n> {
    fn add(&mut self, name: &'n str, header: &'n Header) {
        self.files.push(name);
        // Go takes nothing from a file that it cannot read to the end of its imports.
        if !header.is_broken {
            self.imports
                .extend(header.imports.iter().map(String::as_str));
            self.embeds.extend(header.embeds.iter().map(String::as_str));
        }
    }
}

/// Of a directory's `.go` files, sorted by name as Go reads them. Files that it never looks at may be among them.
pub fn sorted<'n>(
    files: impl IntoIterator<Item = (&'n str, &'n Header)>,
    platform: &Platform,
) -> Directory<'n> {
    let mut found = Directory::default();
    for (name, header) in files {
        if name.starts_with(['_', '.']) {
            continue;
        }
        let is_test = name.ends_with("_test.go");
        // A cgo file where there is no cgo is ignored, but it says the package's name.
        let names = header.package != "documentation"
            && name_matches(name, platform)
            && constraints_match(&header.constraints, platform);
        let package = header.package.as_str();
        let outer = package
            .strip_suffix("_test")
            .filter(|_| is_test && found.name != package);
        if names && found.name.is_empty() {
            found.name = outer.unwrap_or(package).to_owned();
        }
        if !matches(name, header, platform) {
            found.ignored.push(name);
        } else if outer.is_some() {
            found.outer_tests.add(name, header);
        } else if is_test {
            found.tests.add(name, header);
        } else {
            found.built.add(name, header);
            if header.imports.iter().any(|path| path == "C") {
                found.cgo.push(name);
            }
        }
    }
    found
}
