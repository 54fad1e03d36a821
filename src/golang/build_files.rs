//! Flags of `go build` and `go test` that name files which the build reads. Rules: `go help build`, and for overlays
//! `go doc cmd/go/internal/fsys` (`OverlayJSON`). Does not look at a disk.

use crate::base::path::normal;
use crate::golang::flags::name_of;
use crate::golang::list::GoRequest;
use crate::golang::quoted::split;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The flags of a command, those of GOFLAGS before those that it is called with: the last one holds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FileFlags {
    pub profile: Profile,
    /// What stands for go.mod; as written.
    pub modfile: Option<String>,
    /// Which files stand for others; as written.
    pub overlay: Option<String>,
    /// The program that the tools are started by; as written.
    pub toolexec: Option<String>,
}

/// By what the compiler goes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Profile {
    /// `default.pgo` beside each program.
    #[default]
    Auto,
    Off,
    /// As written.
    File(String),
}

impl FileFlags {
    /// Those of a command; `goflags` is what GOFLAGS is.
    pub fn of(goflags: &str, request: &GoRequest) -> Self {
        let shared = split(goflags);
        let own = request.flags.iter().chain(&request.build_flags);
        Self::read(shared.iter().chain(own).map(String::as_str))
    }

    /// `words` in the order in which they count. Each is a flag with its value: so they are in GOFLAGS, and in a request.
    pub fn read<'w>(words: impl IntoIterator<Item = &'w str>) -> Self {
        let mut found = Self::default();
        for word in words {
            if let Some((name, Some(value))) = name_of(word) {
                found.take(name, value);
            }
        }
        found
    }

    fn take(&mut self, name: &str, value: &str) {
        let named = (!value.is_empty()).then(|| value.to_owned());
        match name {
            "pgo" => {
                self.profile = match value {
                    "" | "off" => Profile::Off,
                    "auto" => Profile::Auto,
                    file => Profile::File(file.to_owned()),
                };
            }
            "modfile" => self.modfile = named,
            "overlay" => self.overlay = named,
            "toolexec" => self.toolexec = named,
            _ => {}
        }
    }

    /// Whether any of them names a file.
    pub fn name_files(&self) -> bool {
        matches!(self.profile, Profile::File(_))
            || self.modfile.is_some()
            || self.overlay.is_some()
            || self.toolexec.is_some()
    }

    /// The program of `-toolexec`, if it is named by its path; `dir` is where the command runs.
    pub fn tool(&self, dir: &Path) -> Option<PathBuf> {
        let words = split(self.toolexec.as_deref()?);
        let program = words.into_iter().next()?;
        program.contains('/').then(|| normal(&dir.join(program)))
    }
}

#[derive(Deserialize)]
struct OverlayFile {
    #[serde(rename = "Replace", default)]
    replace: BTreeMap<String, String>,
}

/// The files that stand for others, and those that they stand for; `dir` is where the command runs. What is no such file, Go
/// complains of.
pub fn overlaid(json: &[u8], dir: &Path) -> Vec<(PathBuf, Option<PathBuf>)> {
    let Ok(read) = serde_json::from_slice::<OverlayFile>(json) else {
        return Vec::new();
    };
    let at = |text: &str| normal(&dir.join(text));
    let by = |text: &str| (!text.is_empty()).then(|| at(text));
    let pairs = read.replace.iter();
    pairs.map(|(from, to)| (at(from), by(to))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_flag_holds() {
        let read = |words: &[&str]| FileFlags::read(words.iter().copied());
        assert_eq!(read(&["-v"]), FileFlags::default());
        assert_eq!(read(&["-pgo=off"]).profile, Profile::Off);
        let found = read(&[
            "--pgo=a.pgo",
            "-modfile=b.mod",
            "-buildvcs",
            "-overlay=o.json",
            "-tags",
            "-pgo=c.pgo",
        ]);
        assert_eq!(found.profile, Profile::File("c.pgo".to_owned()));
        assert_eq!(found.modfile.as_deref(), Some("b.mod"));
        assert_eq!(found.overlay.as_deref(), Some("o.json"));
        assert_eq!(read(&["-pgo=x", "-pgo=auto"]).profile, Profile::Auto);
        assert!(!read(&["-pgo=off", "-overlay="]).name_files());
        for one in ["-pgo=x", "-modfile=x", "-overlay=x", "-toolexec=x"] {
            assert!(read(&[one]).name_files(), "{one}");
        }
        let tool = |text| read(&[text]).tool(Path::new("/p"));
        assert_eq!(tool("-toolexec=./t/x -v"), Some("/p/t/x".into()));
        assert_eq!(tool("-toolexec=garble"), None);
    }

    #[test]
    fn overlays_name_files() {
        let found = overlaid(
            br#"{"Replace":{"a.go":"b/a.go","/x/c.go":""}}"#,
            Path::new("/p"),
        );
        assert_eq!(
            found,
            [
                (PathBuf::from("/x/c.go"), None),
                (PathBuf::from("/p/a.go"), Some(PathBuf::from("/p/b/a.go")))
            ]
        );
        assert!(overlaid(b"[]", Path::new("/p")).is_empty());
    }
}
