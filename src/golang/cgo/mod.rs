//! What a package that uses cgo reads beside its own files: headers and other files that its C, C++, Objective-C, assembly and
//! SWIG sources include, what `pkg-config` says, and the libraries that its flags name. Text in, paths out: the looking, and the
//! starting of a compiler, is the caller's.
//!
//! Rules: `go doc cmd/cgo`, the manuals of the GNU C preprocessor and of clang; for `.pc` files pc(5) of pkgconf.

pub mod directives;
pub mod options;
pub mod pkgconfig;
pub mod reach;

use crate::base::path::{InputPath, ProjectPath};
use crate::golang::package::Package;
use crate::golang::place::{in_project, input};
use crate::golang::rests::Grounds;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// What cgo adds to what a `go` block depends on. Lists of paths are sorted.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CgoInputs {
    /// Import paths of the packages that use cgo: the standard library's at the end, and without runtime/cgo.
    pub packages: Vec<String>,
    /// Files that are read and that Go's own build cache does not look at, because they are in no package's directory.
    pub beyond: Vec<InputPath>,
    /// What `pkg-config` says, which Go's own build cache does not look at either.
    pub said: Vec<String>,
    /// Scripts that stand for a compiler, with the digests of their texts. Go's own build cache looks at a compiler's version only.
    pub scripts: Vec<String>,
    /// Directories of the project in which includes are looked for.
    pub dirs: Vec<ProjectPath>,
    /// CGO_CPPFLAGS as the command has it.
    pub cpp_flags: String,
}

impl CgoInputs {
    /// Whether something is read that Go's own build cache does not look at.
    pub fn goes_beyond(&self) -> bool {
        !self.beyond.is_empty() || !self.said.is_empty() || !self.scripts.is_empty()
    }
}

/// What was found out about the packages of one question.
#[derive(Debug, Default)]
pub struct CgoFound {
    /// Packages whose files are the user's own, by import path.
    pub packages: BTreeMap<String, Beside>,
    /// Counted values: who compiles.
    pub facts: BTreeMap<String, String>,
    /// See [`CgoInputs::scripts`].
    pub scripts: Vec<String>,
    /// What all this rests on.
    pub grounds: Grounds,
    /// Some of it could not be found out: it holds for now.
    pub is_open: bool,
    /// See [`CgoInputs::cpp_flags`].
    pub cpp_flags: String,
}

impl CgoFound {
    pub fn of(&self, package: &Package) -> Option<&Beside> {
        self.packages.get(package.plain_path())
    }

    pub fn inputs(&self, root: &Path, packages: &[Package]) -> CgoInputs {
        // All that use cgo import it.
        let is_one =
            |package: &&Package| package.uses_cgo() && package.import_path != "runtime/cgo";
        let using = packages.iter().filter(is_one);
        let path_of = |package: &Package| (package.standard, package.plain_path().to_owned());
        let using: BTreeSet<(bool, String)> = using.map(path_of).collect();
        let found = self.packages.values();
        let beyond: BTreeSet<InputPath> = found
            .clone()
            .flat_map(|beside| beside.files.iter().chain(&beside.awaited))
            .map(|file| input(root, file))
            .collect();
        let dirs: BTreeSet<ProjectPath> = found
            .flat_map(|beside| &beside.dirs)
            .filter_map(|dir| in_project(root, dir))
            .collect();
        let said = self.packages.iter();
        let said = said.filter_map(|(path, beside)| Some((path, beside.said.as_ref()?)));
        CgoInputs {
            packages: using.into_iter().map(|(_, path)| path).collect(),
            beyond: beyond.into_iter().collect(),
            said: said.map(|(path, said)| format!("{path}: {said}")).collect(),
            scripts: self.scripts.clone(),
            dirs: dirs.into_iter().collect(),
            cpp_flags: self.cpp_flags.clone(),
        }
    }
}

/// What one package reads beside its own files; absolute paths.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Beside {
    pub files: BTreeSet<PathBuf>,
    /// Places of the project where a file would be read if it were there.
    pub awaited: BTreeSet<PathBuf>,
    /// Directories of the project in which includes are looked for.
    pub dirs: BTreeSet<PathBuf>,
    /// What `pkg-config` says, with the project's root spelled `.`.
    pub said: Option<String>,
}

/// The variable by which Go is told that something changed which it does not look at: a macro that no source asks for.
pub const TOLD_BY: &str = "CGO_CPPFLAGS";

/// [`TOLD_BY`] with a digest of that in it, in hexadecimal digits. Go's build cache counts the variable's value, for all packages
/// that use cgo; with `-trimpath` it does not stand in the program.
pub fn told(cpp_flags: &str, digest: &str) -> String {
    let short = &digest[..digest.len().min(16)];
    let macro_ = format!("-DGOMAKE_INCLUDED=0x{short}");
    match cpp_flags.trim() {
        "" => macro_,
        given => format!("{given} {macro_}"),
    }
}

#[cfg(test)]
mod tests {
    use super::told;

    #[test]
    fn the_flags_of_the_user_stay() {
        let digest = "0123456789abcdef0123";
        assert_eq!(told("", digest), "-DGOMAKE_INCLUDED=0x0123456789abcdef");
        assert_eq!(told(" -Ix -DY ", "0a"), "-Ix -DY -DGOMAKE_INCLUDED=0x0a");
    }
}
