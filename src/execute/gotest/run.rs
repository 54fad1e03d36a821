//! Runs the tests that are not known to pass, in one call of the Go tool, and keeps what passes.

use crate::base::clock::Moment;
use crate::base::fs;
use crate::event::Event;
use crate::event::timing::Work;
use crate::execute::command::{self, Filter};
use crate::execute::gotest::Tests;
use crate::execute::gotest::keys::Tested;
use crate::execute::gotest::looks::Looks;
use crate::execute::gotest::places::Places;
use crate::execute::gotest::record::{Failed, Flake, Fragment, Package, Pass};
use crate::execute::gotest::seen::Ran;
use crate::execute::gotest::show::{Detail, Shown};
use crate::execute::perform::{Beginning, Trouble};
use crate::golang::testing::coverage::Profile;
use crate::golang::testing::stream::{End, Line, PackageRun, Run};
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// What a package printed beyond this is not kept; how its tests ended is.
const MOST_KEPT: usize = 1 << 20;

impl Tests<'_> {
    /// Runs what must run until all has passed or no try is left; a further try runs only what failed.
    pub(super) fn attempts(
        &mut self,
        reasons: &[String],
    ) -> Result<(Duration, Beginning), Trouble> {
        let mut attempt = 1;
        loop {
            let cleared = self.project.clear_the_way(self.id, self.prepared);
            let note = cleared.map_err(|how| self.failed(how))?;
            let at = Moment::now();
            match self.attempt(attempt, reasons, at) {
                Ok(took) => return Ok((took, Beginning { at, note })),
                Err((Trouble::Failed(failure), _))
                    if attempt <= self.prepared.action.limits.retries =>
                {
                    let left: Vec<&str> = self.asked.iter().map(String::as_str).collect();
                    let message = format!(
                        "attempt {attempt} failed ({}); trying again: {}",
                        failure.how,
                        left.join(", ")
                    );
                    self.project.warn(self.id, message);
                    attempt += 1;
                }
                Err((trouble, lines)) => {
                    if matches!(trouble, Trouble::Failed(_)) {
                        let lines = self.lines() + &lines;
                        self.project.tell_lines(self.id, &lines);
                    }
                    return Err(trouble);
                }
            }
        }
    }

    /// One call of the Go tool. What it told of packages that failed comes with the trouble.
    fn attempt(
        &mut self,
        attempt: u32,
        reasons: &[String],
        started: Moment,
    ) -> Result<Duration, (Trouble, String)> {
        let (project, id, prepared) = (self.project, self.id, self.prepared);
        let nothing = |trouble| (trouble, String::new());
        let waiting = project.span(id, Work::Wait);
        let slot = project.slots.acquire(&project.cancel_of(id));
        let _slot = slot.ok_or_else(|| nothing(Trouble::Cancelled))?;
        drop(waiting);
        let tmp = project.tmp().and_then(|tmp| fs::temp_dir(&tmp));
        let logs = tmp.map_err(|error| nothing(self.failed(error.to_string())))?;
        let words = self.words(logs.path());
        let words = words.ok_or_else(|| {
            nothing(self.failed("the directory's name has both kinds of quotes".to_owned()))
        })?;
        let line = project.line_of(prepared, words);
        let mut line = line.map_err(|how| nothing(self.failed(how)))?;
        project.tell_of(&self.answer, prepared, &mut line.env.own);
        let detail = match self.spec.is_verbose() {
            true => Detail::All,
            false => Detail::Failures,
        };
        let shown = Arc::new(Mutex::new(Shown::new(detail)));
        line.filter = Some(Filter::GoTest(shown.clone()));
        project.announce(id, prepared, attempt, reasons);
        let command = command::text(&prepared.action.command);
        let asked = self.asked.clone();
        let ended = project.run_line(id, prepared, line, command);
        let run = {
            let mut shown = shown.lock().unwrap_or_else(PoisonError::into_inner);
            std::mem::replace(&mut *shown, Shown::new(detail)).into_run()
        };
        let places = Places::new(project, prepared);
        let ran = Ran {
            id,
            prepared,
            logs: logs.path(),
            started,
            places: &places,
        };
        let lines = self.take(run, &ran);
        self.save();
        self.tell_known(attempt, &asked, detail);
        let launched = ended.map_err(|trouble| (trouble, lines.clone()))?;
        match self.asked.first() {
            None => Ok(launched.duration),
            Some(path) => {
                let how = format!("the Go tool did not say how the tests of {path} ended");
                Err((self.failed(how), lines))
            }
        }
    }

    /// The command line for what is asked.
    fn words(&self, logs: &Path) -> Option<Vec<OsString>> {
        let mut words: Vec<OsString> = ["go", "test", "-json"].map(OsString::from).into();
        words.extend(self.spec.flags.iter().map(OsString::from));
        words.push(self.exec.flag(logs)?);
        if self.spec.profile.is_some() {
            let mut flag = OsString::from("-coverprofile=");
            flag.push(profile_at(logs));
            words.push(flag);
        }
        words.extend(self.asked.iter().map(OsString::from));
        Some(words)
    }

    /// Says what was not run, when there is something that was: `asked`.
    fn tell_known(&self, attempt: u32, asked: &BTreeSet<String>, detail: Detail) {
        let (known, run) = (self.tested.len() - asked.len(), asked.len());
        if attempt > 1 || known == 0 {
            return;
        }
        let mut text = String::new();
        if detail == Detail::All {
            let is_known = |one: &&Tested| !asked.contains(&one.import_path);
            for one in self.tested.iter().filter(is_known) {
                text += &format!("ok  \t{}\t(cached)\n", one.import_path);
            }
        }
        let packages = if known == 1 { "package" } else { "packages" };
        text += &format!("{known} {packages} cached, {run} run\n");
        (self.project.emit)(Event::Output {
            target: self.id,
            bytes: text.into_bytes().into(),
        });
    }

    /// Keeps what passed, and notes what failed. Returns the lines of what did not pass.
    fn take(&mut self, mut run: Run, ran: &Ran<'_>) -> String {
        let mut fragments = fragments(ran.logs);
        // What is not of a package that ran cannot be said to be of any.
        let is_split = fragments.keys().all(|path| self.asked.contains(path));
        // What was compiled may be newer than what was counted.
        let now = self.project.tested(self.prepared, &self.spec, &self.answer);
        let now: BTreeMap<_, _> = now.iter().map(|one| (&one.import_path, one.key)).collect();
        let mask = self.project.secrets(self.id);
        let mut failed_lines = String::new();
        let mut guessed: Vec<String> = Vec::new();
        for one in self.tested.clone() {
            let asked = self.asked.contains(&one.import_path);
            let Some(package) = run.packages.remove(&one.import_path).filter(|_| asked) else {
                continue;
            };
            let masked = package.lines.iter().map(|line| mask.apply(line.as_bytes()));
            let masked = masked.map(|line| String::from_utf8_lossy(&line).into_owned());
            let package = PackageRun {
                lines: masked.collect(),
                ..package
            };
            let found = self.project.looked_at(ran, &one, &self.record);
            if package.end.is_none_or(|end| end == End::Failed) {
                failed_lines.extend(package.lines.iter().flat_map(|line| [line.as_str(), "\n"]));
                if package.end == Some(End::Failed) {
                    self.note_failed(&one, found.looks, &package);
                }
                continue;
            }
            if found.is_guess {
                guessed.push(one.import_path.clone());
            }
            let is_same = now.get(&one.import_path) == Some(&one.key);
            let doubtful = found.doubtful;
            let is_sure = doubtful
                .iter()
                .all(|path| self.record.written.contains(path));
            let is_covered = self.spec.profile.is_none() || is_split;
            self.record.written.extend(doubtful);
            let pass = Pass {
                flaky: self.flakes(&one, ran),
                looks: found.looks,
                lines: kept(package.lines),
                coverage: fragments.remove(&one.import_path),
            };
            self.asked.remove(&one.import_path);
            self.passes.insert(one.import_path.clone(), pass.clone());
            self.keep_pass(&one, pass, is_same && is_sure && is_covered);
        }
        self.tell_guessed(&guessed);
        failed_lines
    }

    fn keep_pass(&mut self, one: &Tested, pass: Pass, is_sound: bool) {
        let path = one.import_path.clone();
        if !is_sound {
            let told = Package {
                told: pass.lines,
                ..Package::default()
            };
            self.record.packages.insert(path, told);
            return;
        }
        let cache = self.project.cache.filter(|_| self.prepared.action.cache);
        if let Some(cache) = cache
            && let Err(error) = cache.add_tests(one.key, &pass)
        {
            let message = format!("the tests of {path} were not stored in the cache: {error}");
            self.project.warn(self.id, message);
        }
        let known = Package {
            pass: Some((one.key, pass)),
            ..Package::default()
        };
        self.record.packages.insert(path, known);
    }

    fn note_failed(&mut self, one: &Tested, looks: Looks, package: &PackageRun) {
        let known = self
            .record
            .packages
            .entry(one.import_path.clone())
            .or_default();
        let mut failed = known.failed.take().unwrap_or_default();
        if failed.key != one.key || failed.looks != looks {
            failed = Failed {
                key: one.key,
                looks,
                ..Failed::default()
            };
        }
        failed.runs += 1;
        for test in failed_tests(&package.lines) {
            *failed.tests.entry(test).or_default() += 1;
        }
        known.failed = Some(failed);
    }

    /// The tests that failed before, with all the same as now when they passed; the user is told.
    fn flakes(&self, one: &Tested, ran: &Ran<'_>) -> Vec<Flake> {
        let known = self.record.packages.get(&one.import_path);
        let failed = known.and_then(|package| package.failed.as_ref());
        let action = &ran.prepared.action;
        let is_same = |failed: &&Failed| {
            failed.key == one.key && self.project.moved(self.id, action, &failed.looks).is_none()
        };
        let flakes = failed
            .filter(is_same)
            .map(Failed::flakes)
            .unwrap_or_default();
        for flake in &flakes {
            self.project.warn(self.id, flake.sentence(&one.import_path));
        }
        flakes
    }

    fn tell_guessed(&self, guessed: &[String]) {
        let Some(first) = guessed.first() else { return };
        let more = match guessed.len() {
            1 => String::new(),
            many => format!(" (and {} more)", many - 1),
        };
        let version = self.answer.facts.get("GOVERSION");
        let version = version.map_or("this Go", String::as_str);
        let message = format!(
            "what the tests of {first}{more} looked at is not known with {version}: their own directory and `testdata` count"
        );
        self.project.warn(self.id, message);
    }
}

fn profile_at(logs: &Path) -> std::path::PathBuf {
    logs.join("coverage")
}

/// The coverage of each package that ran.
fn fragments(logs: &Path) -> BTreeMap<String, Fragment> {
    let text = fs::read_text(&profile_at(logs)).unwrap_or_default();
    let profile = Profile::read(&text).unwrap_or_default();
    let packages = profile.packages.into_iter();
    let fragments = packages.map(|(path, blocks)| {
        let mode = profile.mode.clone();
        (path, Fragment { mode, blocks })
    });
    fragments.collect()
}

/// The tests that failed by themselves: a test is not told for what its subtests did.
fn failed_tests(lines: &[String]) -> BTreeSet<String> {
    let lines = lines.iter();
    let read = lines.filter_map(|line| Line::read(line).ok());
    let failed: BTreeSet<String> = read
        .filter(|line| line.action == "fail" && !line.test.is_empty())
        .map(|line| line.test)
        .collect();
    let is_parent = |test: &String| {
        let below = format!("{test}/");
        failed.iter().any(|other| other.starts_with(&below))
    };
    failed
        .iter()
        .filter(|test| !is_parent(test))
        .cloned()
        .collect()
}

/// What is kept of a package's lines.
fn kept(lines: Vec<String>) -> Vec<String> {
    let size: usize = lines.iter().map(String::len).sum();
    if size <= MOST_KEPT {
        return lines;
    }
    let is_output = |line: &String| Line::read(line).is_ok_and(|line| line.action == "output");
    lines.into_iter().filter(|line| !is_output(line)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tests_that_failed_are_the_innermost() {
        let lines = [
            r#"{"Action":"fail","Package":"p","Test":"TestA/x"}"#,
            r#"{"Action":"fail","Package":"p","Test":"TestA"}"#,
            r#"{"Action":"fail","Package":"p","Test":"TestAB"}"#,
            r#"{"Action":"pass","Package":"p","Test":"TestC"}"#,
            r#"{"Action":"fail","Package":"p"}"#,
        ];
        let failed = failed_tests(&lines.map(str::to_owned));
        assert_eq!(
            failed.into_iter().collect::<Vec<_>>(),
            ["TestA/x", "TestAB"]
        );
    }

    #[test]
    fn long_output_is_not_kept() {
        let long = format!(
            r#"{{"Action":"output","Package":"p","Output":"{}"}}"#,
            "x".repeat(MOST_KEPT)
        );
        let pass = r#"{"Action":"pass","Package":"p"}"#.to_owned();
        assert_eq!(kept(vec![long, pass.clone()]), [pass]);
    }
}
