//! What the tests of a package looked at when they ran, by the log that they wrote.

use crate::base::clock::Moment;
use crate::base::fs::{self, FileKind};
use crate::base::path::InputPath;
use crate::execute::check::Prepared;
use crate::execute::gotest::keys::Tested;
use crate::execute::gotest::looks::{Entries, Looks, Seen};
use crate::execute::gotest::places::Places;
use crate::execute::gotest::record::Record;
use crate::execute::project::Project;
use crate::fingerprint::content::Content;
use crate::golang::testing::log::{TestLog, log_name};
use crate::plan::action::EnvValue;
use crate::plan::graph::TargetId;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Who asks for it may start programs, which see all variables and write no log.
const SEARCHED: &str = "PATH";

/// How tests were run that are over now.
pub(super) struct Ran<'a> {
    pub id: TargetId,
    pub prepared: &'a Prepared,
    /// Where the logs are.
    pub logs: &'a Path,
    pub started: Moment,
    pub places: &'a Places,
}

/// What is known of the looks of a package.
pub(super) struct Found {
    pub looks: Looks,
    /// It wrote no log that is understood: its own files are taken for what it looked at.
    pub is_guess: bool,
    /// What changed meanwhile, and may have been another thing when it was looked at.
    pub doubtful: Vec<InputPath>,
}

impl Project<'_> {
    pub(super) fn looked_at(&self, ran: &Ran<'_>, tested: &Tested, record: &Record) -> Found {
        let dir = tested.dir.under(self.root);
        let log = fs::canonical(&dir)
            .and_then(|real| fs::read(&ran.logs.join(log_name(&real))))
            .ok()
            .and_then(|bytes| TestLog::read(&bytes, &dir).ok());
        let is_guess = log.is_none() && tested.has_tests;
        let log = match log {
            None if is_guess => own_files(&dir),
            log => log.unwrap_or_default(),
        };
        let mut looks = Looks::default();
        let sees_all = is_guess || log.env.contains(SEARCHED);
        let own = ran.prepared.action.env.iter();
        let own = own.filter(|(_, value)| sees_all && matches!(value, EnvValue::Text(_)));
        for name in log.env.iter().chain(own.map(|(name, _)| name)) {
            if let Some(value) = self.variable(&ran.prepared.action, name) {
                looks.env.insert(name.clone(), value);
            }
        }
        let opened = log.opened.iter().map(|path| (path, Entries::Asked));
        let looked = log.looked.iter().map(|path| (path, Entries::Unasked));
        let mut paths = BTreeMap::new();
        for (path, entries) in opened.chain(looked) {
            if let Some(path) = ran.places.counted(path)
                && !self.is_own_output(ran.id, &path)
            {
                let seen = self.seen_now(ran.id, &path, entries);
                paths.insert(path, seen);
            }
        }
        let doubtful = paths
            .iter()
            .filter(|(path, seen)| self.is_doubtful(ran, record, path, **seen))
            .map(|(path, _)| path.clone())
            .collect();
        looks.paths = paths.into_iter().collect();
        Found {
            looks,
            is_guess,
            doubtful,
        }
    }

    /// Whether something was written while the tests ran and is not known to have been the same before.
    fn is_doubtful(&self, ran: &Ran<'_>, record: &Record, path: &InputPath, seen: Seen) -> bool {
        if matches!(
            seen,
            Seen::Dir | Seen::Other | Seen::Content(Content::Absent)
        ) {
            return false;
        }
        let stat = fs::stat(&path.under(self.root));
        if !stat.is_ok_and(|stat| ran.started.may_be_before(stat.ctime)) {
            return false;
        }
        let inputs = &ran.prepared.inputs;
        let counted = inputs.binary_search_by(|(known, _)| known.cmp(path));
        let was = counted.ok().map(|at| Seen::Content(inputs[at].1));
        let passes = record.packages.values().filter_map(|one| one.pass.as_ref());
        let mut before = passes.filter_map(|(_, pass)| {
            let at = pass
                .looks
                .paths
                .binary_search_by(|(known, _)| known.cmp(path));
            at.ok().map(|at| pass.looks.paths[at].1)
        });
        was != Some(seen) && !before.any(|known| known == seen)
    }

    fn is_own_output(&self, id: TargetId, path: &InputPath) -> bool {
        matches!(path, InputPath::Project(path) if self.makers().of(self.graph(), path) == Some(id))
    }
}

/// A log as if everything had been looked at that is a package's own: its directory, and all below its `testdata`.
fn own_files(dir: &Path) -> TestLog {
    let mut log = TestLog::default();
    let mut open: Vec<(PathBuf, bool)> = vec![(dir.to_owned(), false)];
    while let Some((dir, is_data)) = open.pop() {
        for entry in fs::list_dir(&dir).unwrap_or_default() {
            let path = dir.join(&entry.name);
            match entry.kind {
                FileKind::Dir if is_data || entry.name == "testdata" => open.push((path, true)),
                FileKind::Dir | FileKind::Other => {}
                FileKind::File | FileKind::Symlink => {
                    log.opened.insert(path);
                }
            }
        }
        log.opened.insert(dir);
    }
    log
}
