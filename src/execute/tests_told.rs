//! The single tests of a target are told: read from its report, which the command wrote now or at its last success.

use crate::base::fs;
use crate::event::Event;
use crate::event::tests::TestReport;
use crate::execute::output::Mask;
use crate::execute::perform::Settled;
use crate::execute::project::Project;
use crate::execute::test_report::{self, LARGEST};
use crate::plan::action::EnvValue;
use crate::plan::graph::TargetId;
use crate::state::store::Start;
use std::ffi::OsStr;
use std::io::Read;
use std::os::unix::ffi::OsStrExt;
use std::sync::Arc;

impl Project<'_> {
    /// Tells the tests of a target that succeeded, now or earlier. What failed has told them already.
    pub(crate) fn tell_tests(&self, id: TargetId, settled: &Settled) {
        match settled {
            Settled::UpToDate(_) | Settled::Restored(_) | Settled::Ran { .. } => self.tell(id),
            Settled::Failed(_) | Settled::Cancelled | Settled::Stale | Settled::StillFailing => {}
        }
    }

    /// Tells the tests of a command that failed, if it came so far as to write them.
    pub(crate) fn tell_failed_tests(&self, id: TargetId, start: &Start) {
        let report = self.graph().target(id).report.as_ref();
        if report.is_some_and(|path| self.is_present(path) && !self.is_found(path, start)) {
            self.tell(id);
        }
    }

    /// Tells the tests that `go test -json` told of.
    pub(crate) fn tell_lines(&self, id: TargetId, lines: &str) {
        let report = test_report::parse(lines.as_bytes()).report;
        self.emit_tests(id, report);
    }

    fn emit_tests(&self, id: TargetId, report: TestReport) {
        if !report.cases.is_empty() {
            (self.emit)(Event::Tests {
                target: id,
                name: self.graph().target(id).name.clone(),
                report: Arc::new(report),
            });
        }
    }

    fn tell(&self, id: TargetId) {
        let target = self.graph().target(id);
        let Some(path) = &target.report else {
            if let Some(lines) = self.known_test_lines(id) {
                self.tell_lines(id, &lines);
            }
            return;
        };
        let bytes = match self.report_bytes(id) {
            Ok(bytes) => bytes,
            Err(why) => return self.warn(id, format!("its tests are not told: {why}")),
        };
        let parsed = test_report::parse(&self.secrets(id).apply(&bytes));
        if let Some(damage) = parsed.damage {
            let line = damage
                .line
                .map_or_else(String::new, |line| format!(":{line}"));
            let many = parsed.report.cases.len();
            let read = match many {
                0 => String::new(),
                _ => format!(" ({many} tests could be read)"),
            };
            self.warn(
                id,
                format!("its report {path}{line}: {}{read}", damage.what),
            );
        }
        self.emit_tests(id, parsed.report);
    }

    /// What a test prints ends up in its report, secrets that it was given included.
    pub(crate) fn secrets(&self, id: TargetId) -> Mask {
        let env = self.bound[id].iter().flat_map(|bound| &bound.action.env);
        let secrets = env.filter_map(|(_, value)| match value {
            EnvValue::Secret(variable) => self.caller.get(OsStr::new(variable)),
            EnvValue::Text(_) | EnvValue::Volatile(_) => None,
        });
        let secrets: Vec<&[u8]> = secrets.map(|secret| secret.as_bytes()).collect();
        let escaped: Vec<String> = secrets.iter().map(|secret| in_json(secret)).collect();
        let escaped = escaped.iter().map(String::as_bytes);
        Mask::new(secrets.iter().copied().chain(escaped))
    }

    fn report_bytes(&self, id: TargetId) -> Result<Vec<u8>, String> {
        let Some(path) = &self.graph().target(id).report else {
            return Ok(Vec::new());
        };
        let full = path.under(self.root);
        // Not a pipe, which nobody might write to.
        let (file, stat) = fs::open_regular(&full).map_err(|error| error.to_string())?;
        if stat.size > LARGEST {
            return Err(format!("{path} is larger than {} MiB", LARGEST >> 20));
        }
        let mut bytes = Vec::new();
        file.take(LARGEST)
            .read_to_end(&mut bytes)
            .map_err(|error| format!("cannot read {path}: {error}"))?;
        Ok(bytes)
    }
}

/// As Go writes a text in JSON, without its quotes.
fn in_json(text: &[u8]) -> String {
    let text = String::from_utf8_lossy(text);
    let quoted = serde_json::to_string(&text).unwrap_or_default();
    let inner = quoted
        .strip_prefix('"')
        .and_then(|text| text.strip_suffix('"'));
    let inner = inner.unwrap_or_default();
    let escaped = inner.replace('<', "\\u003c").replace('>', "\\u003e");
    escaped.replace('&', "\\u0026")
}
