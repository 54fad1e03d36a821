//! The key of each package that a target tests: a digest of all that its tests depend on, but for what they will look at when they run.

use crate::base::digest::{Digest, FieldHasher};
use crate::base::fs;
use crate::base::path::InputPath;
use crate::execute::check::Prepared;
use crate::execute::project::Project;
use crate::fingerprint::content::add_file;
use crate::golang::command::concerns_go;
use crate::golang::testing::directives::directives;
use crate::golang::testing::spec::GoTestSpec;
use crate::plan::action::EnvValue;
use crate::plan::query::GoAnswer;

/// Raise when what is counted changes: every known result is then another's.
const FORMAT: &[u8] = b"go tests 1";

/// A package that the block names.
#[derive(Debug, Clone)]
pub(super) struct Tested {
    pub import_path: String,
    /// Where its tests run.
    pub dir: InputPath,
    pub has_tests: bool,
    pub key: Digest,
}

impl Project<'_> {
    /// The packages of a block with their keys, as files are now, sorted by import path. Those that have no tests are among them:
    /// the Go tool builds and vets them as well.
    pub(super) fn tested(
        &self,
        prepared: &Prepared,
        spec: &GoTestSpec,
        answer: &GoAnswer,
    ) -> Vec<Tested> {
        let Some(graph) = &answer.tests else {
            return Vec::new();
        };
        let content = |path: &InputPath| {
            let content = self.memo.content(path).ok()?;
            Some(Digest::of(&content.encode()))
        };
        let seen = graph.seen(content);
        let shared = self.shared_by_all(prepared, spec, answer);
        let mut tested: Vec<Tested> = graph
            .tested()
            .iter()
            .zip(seen)
            .map(|(one, seen)| {
                let mut hasher = FieldHasher::new();
                hasher
                    .field(FORMAT)
                    .field(one.import_path.as_bytes())
                    .field(one.dir.to_string().as_bytes())
                    .field(&[u8::from(one.has_tests())])
                    .field(&seen.0)
                    .field(&shared.0);
                Tested {
                    import_path: one.import_path.clone(),
                    dir: one.dir.clone(),
                    has_tests: one.has_tests(),
                    key: hasher.finish(),
                }
            })
            .collect();
        tested.sort_by(|a, b| a.import_path.cmp(&b.import_path));
        tested.dedup_by(|a, b| a.import_path == b.import_path);
        tested
    }

    /// What counts for the tests of every package: the toolchain, the flags, Go's own variables, and what the target declares beside its
    /// packages. Other variables count for those who ask for them, and modules for those who import them.
    fn shared_by_all(&self, prepared: &Prepared, spec: &GoTestSpec, answer: &GoAnswer) -> Digest {
        let mut hasher = FieldHasher::new();
        let action = &prepared.action;
        hasher.field(action.dir.as_str().as_bytes());
        for flag in &spec.flags {
            hasher.field(b"flag").field(flag.as_bytes());
        }
        hasher.field(&[u8::from(spec.profile.is_some())]);
        for (name, value) in &action.facts {
            if !name.starts_with("module ") {
                hasher.field(b"fact").field(name.as_bytes());
                hasher.field(value.as_bytes());
            }
        }
        for (name, value) in action.env.iter().filter(|(name, _)| concerns_go(name)) {
            if let EnvValue::Text(value) = value {
                hasher.field(b"env").field(name.as_bytes());
                hasher.field(value.as_bytes());
            }
        }
        for ((name, _), content) in action.tools.iter().zip(&prepared.tools) {
            hasher.field(b"tool").field(name.as_bytes());
            hasher.field(&content.encode());
        }
        for (target, outputs) in &prepared.upstream {
            hasher.field(b"upstream").field(target.as_bytes());
            for (path, content) in outputs.iter() {
                hasher.field(path.as_bytes()).field(&content.encode());
            }
        }
        let is_gos = |path: &InputPath| answer.files.binary_search(path).is_ok();
        for (path, content) in prepared.inputs.iter().filter(|(path, _)| !is_gos(path)) {
            hasher.field(b"input").field(path.to_string().as_bytes());
            hasher.field(&content.encode());
        }
        for path in answer.named.iter() {
            hasher.field(b"named");
            add_file(&mut hasher, path, self.memo.content(path).ok());
        }
        for path in &answer.files {
            if let Some(counted) = self.of_module(path) {
                hasher.field(b"module").field(path.to_string().as_bytes());
                hasher.field(counted.as_bytes());
            }
        }
        hasher.finish()
    }

    /// What of a module's own files counts for all its packages. None: it is none of these files.
    fn of_module(&self, path: &InputPath) -> Option<String> {
        let full = path.under(self.root);
        match full.file_name()?.to_str()? {
            // A module that another package needs may come and go.
            "go.mod" | "go.work" => Some(directives(&fs::read_text(&full).unwrap_or_default())),
            // It has the versions of the language for what is vendored.
            "modules.txt" => fs::read_text(&full).ok(),
            _ => None,
        }
    }
}
