//! What `go test -json` prints, taken apart by package (`go doc test2json` and `go help buildjson` have the format): an object a
//! line, of which lines that the Go tool prints itself may stand between.

use serde::Deserialize;
use std::collections::BTreeMap;

/// How a test ended, or the tests of a package.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    Passed,
    Failed,
    /// A package without tests, too.
    Skipped,
}

/// All that was printed of one package.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct PackageRun {
    /// The lines as they came, without their ends, those of building it before its own.
    pub lines: Vec<String>,
    /// None: it did not come to its end.
    pub end: Option<End>,
    /// Seconds, as the Go tool tells them.
    pub seconds: f64,
}

/// A whole run.
#[derive(Debug, Clone, Default)]
pub struct Run {
    /// By import path.
    pub packages: BTreeMap<String, PackageRun>,
    /// Lines that belong to no package: the Go tool's own words.
    pub stray: Vec<String>,
    /// What building printed, by the import path of what was built, until a package says that it failed by it.
    builds: BTreeMap<String, Vec<String>>,
}

/// A line. What it does not say is empty.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Line {
    pub action: String,
    pub package: String,
    /// Of what is built.
    pub import_path: String,
    pub test: String,
    /// Seconds.
    pub elapsed: Option<f64>,
    pub output: String,
    /// The import path of what could not be built.
    pub failed_build: String,
}

impl Line {
    /// # Errors
    /// When it is no object of this kind.
    pub fn read(text: &str) -> serde_json::Result<Self> {
        serde_json::from_str(text)
    }

    /// How the test, or the package, has ended by it.
    pub fn end(&self) -> Option<End> {
        match self.action.as_str() {
            "pass" | "bench" => Some(End::Passed),
            "fail" => Some(End::Failed),
            "skip" => Some(End::Skipped),
            _ => None,
        }
    }
}

impl Run {
    /// Takes the next line, without its end. What it was: the package that has come to its end by it.
    pub fn take(&mut self, text: &str) -> Option<String> {
        let known = Some(text).filter(|text| text.starts_with('{'));
        let Some(line) = known.and_then(|text| Line::read(text).ok()) else {
            self.stray.push(text.to_owned());
            return None;
        };
        if line.action.starts_with("build-") {
            let printed = self.builds.entry(line.import_path).or_default();
            printed.push(text.to_owned());
            return None;
        }
        if line.package.is_empty() {
            self.stray.push(text.to_owned());
            return None;
        }
        let package = self.packages.entry(line.package.clone()).or_default();
        if let Some(build) = self.builds.get(&line.failed_build) {
            let first: Vec<String> = build.clone();
            package.lines.splice(0..0, first);
        }
        package.lines.push(text.to_owned());
        let end = line.end().filter(|_| line.test.is_empty())?;
        package.end = Some(end);
        package.seconds = line.elapsed.unwrap_or_default();
        Some(line.package)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(text: &str) -> (Run, Vec<String>) {
        let mut run = Run::default();
        let ended = text.lines().filter_map(|line| run.take(line)).collect();
        (run, ended)
    }

    #[test]
    fn packages_are_told_apart() {
        let (run, ended) = run(r#"go: downloading ex.com/x v1.0.0
{"Action":"start","Package":"ex.com/a"}
{"Action":"start","Package":"ex.com/b"}
{"Action":"run","Package":"ex.com/a","Test":"TestA"}
{"Action":"output","Package":"ex.com/b","Output":"?   \tex.com/b\t[no test files]\n"}
{"Action":"skip","Package":"ex.com/b","Elapsed":0}
{"Action":"pass","Package":"ex.com/a","Test":"TestA","Elapsed":0}
{"Action":"pass","Package":"ex.com/a","Elapsed":0.25}
{"Action":"start","Package":"ex.com/c"}"#);
        assert_eq!(ended, ["ex.com/b", "ex.com/a"]);
        assert_eq!(run.stray, ["go: downloading ex.com/x v1.0.0"]);
        let ends: Vec<_> = run.packages.values().map(|one| one.end).collect();
        assert_eq!(ends, [Some(End::Passed), Some(End::Skipped), None]);
        assert_eq!(run.packages["ex.com/a"].lines.len(), 4);
        assert!((run.packages["ex.com/a"].seconds - 0.25).abs() < 1e-9);
    }

    #[test]
    fn a_failed_build_is_told_with_the_package_that_it_failed() {
        let (run, ended) = run(
            r#"{"ImportPath":"ex.com/a [ex.com/a.test]","Action":"build-output","Output":"a.go:3: undefined: x\n"}
{"ImportPath":"ex.com/a [ex.com/a.test]","Action":"build-fail"}
{"Action":"start","Package":"ex.com/a"}
{"Action":"output","Package":"ex.com/a","Output":"FAIL\tex.com/a [build failed]\n"}
{"Action":"fail","Package":"ex.com/a","Elapsed":0,"FailedBuild":"ex.com/a [ex.com/a.test]"}"#,
        );
        assert_eq!(ended, ["ex.com/a"]);
        let one = &run.packages["ex.com/a"];
        assert_eq!(one.end, Some(End::Failed));
        assert!(one.lines[0].contains("undefined: x"), "{:?}", one.lines);
        assert_eq!(one.lines.len(), 5);
    }

    #[test]
    fn a_test_that_fails_does_not_end_its_package() {
        let (run, ended) = run(r#"{"Action":"fail","Package":"ex.com/a","Test":"TestA"}
{"Action":"fail"}
{not json}"#);
        assert!(ended.is_empty());
        assert_eq!(run.packages["ex.com/a"].end, None);
        assert_eq!(run.stray.len(), 2);
    }
}
