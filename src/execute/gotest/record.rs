//! What is kept of the tests of Go packages: of each package its last pass, and what failed since it was last seen to pass.

use crate::base::digest::Digest;
use crate::base::frame::{self, Magic};
use crate::base::fs::{self, FsResult};
use crate::base::path::InputPath;
use crate::execute::gotest::looks::Looks;
use crate::execute::project::Project;
use crate::plan::graph::TargetId;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

/// Raise the digit when [`Record`] or what it holds changes.
const MAGIC: Magic = *b"gomakeG1";

/// The tests of one target.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// The target's name: a file that was moved is not taken for another's.
    pub target: String,
    /// The last success was a run of all packages at once: nothing is known of each.
    pub is_whole: bool,
    /// The packages of the last success, by import path.
    pub succeeded: BTreeSet<String>,
    pub packages: BTreeMap<String, Package>,
    /// Files and directories that changed while tests ran that had looked at them, and that were not known before: it may have
    /// been the tests themselves.
    pub written: BTreeSet<InputPath>,
}

/// What is known of a package.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Package {
    pub pass: Option<(Digest, Pass)>,
    /// The lines of a pass that does not count, because it is not sure what the tests looked at.
    pub told: Vec<String>,
    pub failed: Option<Failed>,
}

/// Tests that passed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pass {
    /// What they looked at, as it was.
    pub looks: Looks,
    /// The lines of `go test -json`, secrets hidden.
    pub lines: Vec<String>,
    /// The blocks of the package in the coverage profile, where one was asked for.
    pub coverage: Option<Fragment>,
    /// Tests that failed before with the same inputs.
    pub flaky: Vec<Flake>,
}

/// A package's part of a coverage profile.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fragment {
    pub mode: String,
    pub blocks: Vec<String>,
}

/// Runs that failed, all with the same inputs.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failed {
    pub key: Digest,
    pub looks: Looks,
    pub runs: u32,
    /// In how many of them each test failed.
    pub tests: BTreeMap<String, u32>,
}

/// A test that failed and passed with the same inputs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Flake {
    pub test: String,
    pub failed: u32,
    pub runs: u32,
}

impl Flake {
    pub fn sentence(&self, package: &str) -> String {
        format!(
            "flaky: {} of {package} failed {} of {} with the same inputs",
            self.test, self.failed, self.runs
        )
    }
}

impl Failed {
    /// What passes after these runs with the same inputs is flaky.
    pub fn flakes(&self) -> Vec<Flake> {
        let tests = self.tests.iter();
        let flakes = tests.map(|(test, failed)| Flake {
            test: test.clone(),
            failed: *failed,
            runs: self.runs + 1,
        });
        flakes.collect()
    }
}

impl Record {
    pub fn encode(&self) -> Option<Vec<u8>> {
        frame::encode_file(&MAGIC, self)
    }
    /// None: damaged, of another version, or of another target.
    pub fn decode(bytes: &[u8], target: &str) -> Option<Self> {
        frame::decode_file::<Self>(&MAGIC, bytes).filter(|record| record.target == target)
    }
    /// The passes that the last success rests on, by import path; None: of that package there is none.
    pub fn passes(&self) -> impl Iterator<Item = (&String, Option<&Pass>)> {
        self.succeeded.iter().map(|path| {
            let known = self.packages.get(path);
            let pass = known.and_then(|package| package.pass.as_ref());
            (path, pass.map(|(_, pass)| pass))
        })
    }
    /// What the tests of each package looked at when they last ran.
    pub fn looks(&self) -> impl Iterator<Item = &Looks> {
        self.packages.values().filter_map(|package| {
            let passed = package.pass.as_ref().map(|(_, pass)| &pass.looks);
            let failed = package.failed.as_ref().map(|failed| &failed.looks);
            failed.or(passed)
        })
    }
    /// The lines of all packages of the last success.
    pub fn lines(&self) -> String {
        let known = self.succeeded.iter();
        let known = known.filter_map(|path| self.packages.get(path));
        let lines = known.flat_map(|package| match &package.pass {
            Some((_, pass)) => &pass.lines,
            None => &package.told,
        });
        lines.flat_map(|line| [line, "\n"]).collect()
    }
}

impl Project<'_> {
    fn record_path(&self, id: TargetId) -> PathBuf {
        let name = Digest::of(self.graph().target(id).name.as_bytes());
        let dir = self.root.join(".gomake").join("gotests");
        dir.join(&name.hex()[..32])
    }

    /// What is kept of a target's tests. None: nothing, or nothing that can be read.
    pub(super) fn tests_record(&self, id: TargetId) -> Option<Record> {
        let bytes = fs::read(&self.record_path(id)).ok()?;
        Record::decode(&bytes, &self.graph().target(id).name)
    }

    /// Replaces it as a whole.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(super) fn keep_tests_record(&self, id: TargetId, record: &Record) -> FsResult<()> {
        let path = self.record_path(id);
        if let Some(dir) = path.parent() {
            fs::create_dirs(dir)?;
        }
        match record.encode() {
            Some(bytes) => fs::write_atomic(&path, &bytes),
            // Longer than a frame can say: all is run again.
            None => fs::if_exists(fs::remove_file(&path)).map(|_| ()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record() -> Record {
        let pass = Pass {
            looks: Looks::default(),
            lines: vec!["one".to_owned(), "two".to_owned()],
            coverage: Some(Fragment::default()),
            flaky: Vec::new(),
        };
        let package = Package {
            pass: Some((Digest::of(b"key"), pass)),
            told: Vec::new(),
            failed: Some(Failed {
                runs: 2,
                tests: BTreeMap::from([("TestX".to_owned(), 1)]),
                ..Failed::default()
            }),
        };
        let unsure = Package {
            told: vec!["three".to_owned()],
            ..Package::default()
        };
        Record {
            target: "unit".to_owned(),
            succeeded: ["a", "b"].map(str::to_owned).into(),
            packages: BTreeMap::from([
                ("a".to_owned(), package),
                ("b".to_owned(), unsure),
                ("gone".to_owned(), Package::default()),
            ]),
            ..Record::default()
        }
    }

    #[test]
    fn damage_is_a_miss() {
        let bytes = record().encode().unwrap();
        assert_eq!(Record::decode(&bytes, "unit"), Some(record()));
        assert_eq!(Record::decode(&bytes, "other"), None);
        for at in 0..bytes.len() {
            let mut bad = bytes.clone();
            bad[at] ^= 1;
            assert_eq!(Record::decode(&bad, "unit"), None);
            assert_eq!(Record::decode(&bytes[..at], "unit"), None);
        }
    }

    #[test]
    fn a_success_without_a_pass_is_told() {
        let record = record();
        let known: Vec<_> = record.passes().map(|(_, pass)| pass.is_some()).collect();
        assert_eq!(known, [true, false]);
        assert_eq!(record.lines(), "one\ntwo\nthree\n");
    }

    #[test]
    fn what_failed_and_passes_is_flaky() {
        let record = record();
        let failed = record.packages["a"].failed.as_ref().unwrap();
        let told: Vec<_> = failed
            .flakes()
            .iter()
            .map(|one| one.sentence("a"))
            .collect();
        assert_eq!(
            told,
            ["flaky: TestX of a failed 1 of 3 with the same inputs"]
        );
    }
}
