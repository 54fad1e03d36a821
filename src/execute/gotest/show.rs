//! The lines of `go test -json` to what `go test` prints for people: a line for a package that passed, everything that
//! concerns a failure for one that did not. Each package is shown when it has come to its end. Keeps the lines.

use crate::golang::testing::stream::{End, Line, PackageRun, Run};
use std::collections::BTreeMap;

/// Whether all that tests print is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Detail {
    Failures,
    /// `-v`
    All,
}

/// A stream on its way to the user.
#[derive(Debug)]
pub(crate) struct Shown {
    detail: Detail,
    run: Run,
    /// The beginning of a line.
    held: Vec<u8>,
}

/// What a test printed.
#[derive(Default)]
struct Told {
    output: Vec<String>,
    has_passed: bool,
}

impl Shown {
    pub fn new(detail: Detail) -> Self {
        Self {
            detail,
            run: Run::default(),
            held: Vec::new(),
        }
    }

    /// What was said of each package.
    pub fn into_run(self) -> Run {
        self.run
    }

    /// Appends to `out` what is to be shown by now.
    pub fn push(&mut self, chunk: &[u8], out: &mut Vec<u8>) {
        for part in chunk.split_inclusive(|byte| *byte == b'\n') {
            self.held.extend_from_slice(part);
            if self.held.ends_with(b"\n") {
                let line = std::mem::take(&mut self.held);
                self.line(&line[..line.len() - 1], out);
            }
        }
    }

    /// Appends what is left, with what was printed of packages that did not come to their end.
    pub fn finish(&mut self, out: &mut Vec<u8>) {
        if !self.held.is_empty() {
            let line = std::mem::take(&mut self.held);
            self.line(&line, out);
        }
        for package in self.run.packages.values() {
            if package.end.is_none() {
                show_failed(package, self.detail, out);
            }
        }
    }

    fn line(&mut self, bytes: &[u8], out: &mut Vec<u8>) {
        let text = String::from_utf8_lossy(bytes);
        let strays = self.run.stray.len();
        let ended = self.run.take(&text);
        if self.run.stray.len() > strays {
            out.extend_from_slice(bytes);
            out.push(b'\n');
            return;
        }
        if let Some(package) = ended.and_then(|path| self.run.packages.get(&path)) {
            match (package.end, self.detail) {
                (Some(End::Skipped), _) => {}
                (Some(End::Passed), Detail::Failures) => show_passed(package, out),
                _ => show_failed(package, self.detail, out),
            }
            return;
        }
        // What building printed is told at once: also that of a package which is built all the same.
        if let Some(line) = read(&text).filter(|line| line.action == "build-output") {
            out.extend_from_slice(line.output.as_bytes());
        }
    }
}

/// Its `ok` line.
fn show_passed(package: &PackageRun, out: &mut Vec<u8>) {
    let lines = package.lines.iter().filter_map(|line| read(line));
    let ok = lines.filter(|line| line.test.is_empty() && line.output.starts_with("ok  \t"));
    for line in ok {
        out.extend_from_slice(line.output.as_bytes());
    }
}

/// All output of the tests that did not pass, and of the package itself; with all detail, everything.
fn show_failed(package: &PackageRun, detail: Detail, out: &mut Vec<u8>) {
    let lines: Vec<Line> = package.lines.iter().filter_map(|line| read(line)).collect();
    if detail == Detail::All {
        let printed = lines.iter().filter(|line| line.action == "output");
        for line in printed {
            out.extend_from_slice(line.output.as_bytes());
        }
        return;
    }
    let mut order: Vec<&str> = Vec::new();
    let mut tests: BTreeMap<&str, Told> = BTreeMap::new();
    for line in lines.iter().filter(|line| !line.test.is_empty()) {
        if !tests.contains_key(line.test.as_str()) {
            order.push(&line.test);
        }
        let told = tests.entry(&line.test).or_default();
        match line.action.as_str() {
            "pass" | "skip" => told.has_passed = true,
            "output" if !is_frame(&line.output) => told.output.push(line.output.clone()),
            _ => {}
        }
    }
    for test in order {
        let told = &tests[test];
        if !told.has_passed {
            show_test(test, told, out);
        }
    }
    for line in lines.iter().filter(|line| line.test.is_empty()) {
        if line.action == "output" {
            out.extend_from_slice(line.output.as_bytes());
        }
    }
}

/// Without `-v`, the line that says how a test ended stands above what it logged, which is indented below it.
fn show_test(test: &str, told: &Told, out: &mut Vec<u8>) {
    let depth = test.matches('/').count();
    let is_end = |text: &&String| text.trim_start().starts_with("--- ");
    let (ends, said): (Vec<&String>, Vec<&String>) = told.output.iter().partition(is_end);
    for end in ends {
        out.extend_from_slice("    ".repeat(depth).as_bytes());
        out.extend_from_slice(end.trim_start().as_bytes());
    }
    for text in said {
        if text.starts_with("    ") {
            out.extend_from_slice("    ".repeat(depth).as_bytes());
        }
        out.extend_from_slice(text.as_bytes());
    }
}

/// `=== RUN   TestX` and the like.
fn is_frame(output: &str) -> bool {
    output.starts_with("=== ")
}

fn read(line: &str) -> Option<Line> {
    Line::read(line).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is shown of a stream that comes in pieces of `size` bytes.
    fn shown(text: &str, detail: Detail, size: usize) -> String {
        let mut shown = Shown::new(detail);
        let mut out = Vec::new();
        for chunk in text.as_bytes().chunks(size) {
            shown.push(chunk, &mut out);
        }
        shown.finish(&mut out);
        String::from_utf8(out).unwrap()
    }

    const RUN: &str = r#"go: downloading ex.com/x v1.0.0
{"Action":"start","Package":"ex.com/a"}
{"Action":"run","Package":"ex.com/a","Test":"TestA"}
{"Action":"output","Package":"ex.com/a","Test":"TestA","Output":"=== RUN   TestA\n"}
{"Action":"output","Package":"ex.com/a","Test":"TestA","Output":"    a_test.go:3: hm\n"}
{"Action":"output","Package":"ex.com/a","Test":"TestA","Output":"--- PASS: TestA (0.00s)\n"}
{"Action":"pass","Package":"ex.com/a","Test":"TestA","Elapsed":0}
{"Action":"output","Package":"ex.com/a","Output":"PASS\n"}
{"Action":"output","Package":"ex.com/a","Output":"ok  \tex.com/a\t0.026s\n"}
{"Action":"pass","Package":"ex.com/a","Elapsed":0.045}
{"Action":"start","Package":"ex.com/b"}
{"Action":"output","Package":"ex.com/b","Output":"?   \tex.com/b\t[no test files]\n"}
{"Action":"skip","Package":"ex.com/b","Elapsed":0}
"#;

    const FAILED: &str = r#"{"Action":"start","Package":"ex.com/b"}
{"Action":"run","Package":"ex.com/b","Test":"TestGood"}
{"Action":"output","Package":"ex.com/b","Test":"TestGood","Output":"    b_test.go:1: quiet\n"}
{"Action":"pass","Package":"ex.com/b","Test":"TestGood","Elapsed":0}
{"Action":"run","Package":"ex.com/b","Test":"TestB"}
{"Action":"output","Package":"ex.com/b","Test":"TestB","Output":"=== RUN   TestB\n"}
{"Action":"run","Package":"ex.com/b","Test":"TestB/sub"}
{"Action":"output","Package":"ex.com/b","Test":"TestB/sub","Output":"=== RUN   TestB/sub\n"}
{"Action":"output","Package":"ex.com/b","Test":"TestB/sub","Output":"    b_test.go:3: boom\n"}
{"Action":"output","Package":"ex.com/b","Test":"TestB/sub","Output":"--- FAIL: TestB/sub (0.00s)\n"}
{"Action":"fail","Package":"ex.com/b","Test":"TestB/sub","Elapsed":0}
{"Action":"output","Package":"ex.com/b","Test":"TestB","Output":"--- FAIL: TestB (0.00s)\n"}
{"Action":"fail","Package":"ex.com/b","Test":"TestB","Elapsed":0}
{"Action":"output","Package":"ex.com/b","Output":"FAIL\n"}
{"Action":"output","Package":"ex.com/b","Output":"FAIL\tex.com/b\t0.015s\n"}
{"Action":"fail","Package":"ex.com/b","Elapsed":0.016}
"#;

    #[test]
    fn a_pass_is_one_line_and_no_tests_are_none() {
        for size in [1, 7, 4096] {
            assert_eq!(
                shown(RUN, Detail::Failures, size),
                "go: downloading ex.com/x v1.0.0\nok  \tex.com/a\t0.026s\n"
            );
        }
        assert!(shown(RUN, Detail::All, 64).contains("hm\n--- PASS: TestA"));
    }

    #[test]
    fn a_failure_is_told_as_go_does() {
        assert_eq!(
            shown(FAILED, Detail::Failures, 64),
            "--- FAIL: TestB (0.00s)\n    --- FAIL: TestB/sub (0.00s)\n        b_test.go:3: boom\nFAIL\nFAIL\tex.com/b\t0.015s\n"
        );
    }

    #[test]
    fn what_does_not_end_is_shown_when_all_has_ended() {
        let cut: String = FAILED
            .lines()
            .take(9)
            .map(|line| format!("{line}\n"))
            .collect();
        let text = shown(&cut, Detail::Failures, 64);
        assert_eq!(text, "        b_test.go:3: boom\n");
    }

    #[test]
    fn a_build_that_fails_is_told_once_and_at_once() {
        let text = shown(
            r##"{"ImportPath":"ex.com/d","Action":"build-output","Output":"# ex.com/d\n"}
{"ImportPath":"ex.com/d","Action":"build-output","Output":"d.go:3: undefined: x\n"}
{"ImportPath":"ex.com/d","Action":"build-fail"}
{"Action":"start","Package":"ex.com/a"}
{"Action":"output","Package":"ex.com/a","Output":"FAIL\tex.com/a [build failed]\n"}
{"Action":"fail","Package":"ex.com/a","Elapsed":0,"FailedBuild":"ex.com/d"}
{"Action":"start","Package":"ex.com/b"}
{"Action":"output","Package":"ex.com/b","Output":"FAIL\tex.com/b [build failed]\n"}
{"Action":"fail","Package":"ex.com/b","Elapsed":0,"FailedBuild":"ex.com/d"}
"##,
            Detail::Failures,
            64,
        );
        assert_eq!(
            text,
            "# ex.com/d\nd.go:3: undefined: x\nFAIL\tex.com/a [build failed]\nFAIL\tex.com/b [build failed]\n"
        );
    }
}
