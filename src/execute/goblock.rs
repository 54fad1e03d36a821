//! What a `go` block's command needs beside its words: that Go's build cache is told of files which it does not look at, and that a
//! program which is to be static is looked at when it has been made.

use crate::base::digest::FieldHasher;
use crate::base::fs::{self, FileKind, FsResult};
use crate::event::Failure;
use crate::execute::check::{Prepared, recorded_path};
use crate::execute::environment::Variables;
use crate::execute::expand::Disk;
use crate::execute::project::Project;
use crate::fingerprint::content::{Content, add_file};
use crate::golang::cgo::{TOLD_BY, told};
use crate::golang::static_binary::{IS_STATIC, NotStatic, interpreter};
use crate::plan::graph::TargetId;
use crate::plan::query::{Answer, GoAnswer};
use miette::Diagnostic;
use object::ReadCache;
use std::ffi::OsStr;
use std::path::Path;

impl Project<'_> {
    /// Puts a digest of what cgo reads beside its packages' files where Go's build cache counts it: that cache would give what was
    /// compiled with another header.
    pub(crate) fn tell_go(&self, id: TargetId, prepared: &Prepared, own: &mut Variables) {
        if let Some(Answer::Go(answer)) = self.go_answer(id, Disk::Changed) {
            self.tell_of(&answer, prepared, own);
        }
    }

    pub(crate) fn tell_of(&self, answer: &GoAnswer, prepared: &Prepared, own: &mut Variables) {
        let cgo = &answer.cgo;
        if !cgo.goes_beyond() {
            return;
        }
        let mut hasher = FieldHasher::new();
        for path in &cgo.beyond {
            let known = prepared
                .inputs
                .binary_search_by(|(known, _)| known.cmp(path));
            let content = match known {
                Ok(at) => Some(prepared.inputs[at].1),
                Err(_) => self.memo.content(path).ok(),
            };
            add_file(&mut hasher, path, content);
        }
        for said in cgo.said.iter().chain(&cgo.scripts) {
            hasher.field(said.as_bytes());
        }
        let given = own.get(OsStr::new(TOLD_BY));
        let given = given.map_or_else(
            || cgo.cpp_flags.clone(),
            |value| value.to_string_lossy().into_owned(),
        );
        own.insert(TOLD_BY.into(), told(&given, &hasher.finish().hex()).into());
    }

    /// Looks at what a target with `static = true` made.
    pub(crate) fn check_static(
        &self,
        id: TargetId,
        prepared: &Prepared,
        outputs: &[(String, Content)],
        command: String,
    ) -> Result<(), Failure> {
        if !prepared.action.facts.contains_key(IS_STATIC) {
            return Ok(());
        }
        for (output, _) in outputs {
            let found = self.dynamic(&recorded_path(output).under(self.root), output);
            let found =
                found.map_err(|error| self.failure(id, error.to_string(), command.clone()))?;
            if let Some((output, interpreter)) = found {
                return Err(self.not_static(id, output, interpreter, command));
            }
        }
        Ok(())
    }

    /// The first program at or below a path that is not static, with its interpreter.
    fn dynamic(&self, path: &Path, name: &str) -> FsResult<Option<(String, String)>> {
        let top = name.trim_end_matches('/').to_owned();
        let mut open = vec![(path.to_owned(), top, fs::stat(path)?.kind)];
        while let Some((path, name, kind)) = open.pop() {
            match kind {
                FileKind::Dir => {
                    let below = fs::list_dir(&path)?.into_iter().rev();
                    open.extend(below.map(|entry| {
                        let inner = format!("{name}/{}", entry.name.to_string_lossy());
                        (path.join(entry.name), inner, entry.kind)
                    }));
                }
                FileKind::File => {
                    let file = ReadCache::new(fs::open(&path)?);
                    if let Some(interpreter) = interpreter(&file) {
                        return Ok(Some((name, interpreter)));
                    }
                }
                // What a link leads to is looked at where it lies.
                FileKind::Symlink | FileKind::Other => {}
            }
        }
        Ok(None)
    }

    fn not_static(
        &self,
        id: TargetId,
        output: String,
        interpreter: String,
        command: String,
    ) -> Failure {
        let with_cgo = match self.go_answer(id, Disk::Changed) {
            Some(Answer::Go(answer)) => answer.cgo.packages,
            _ => Vec::new(),
        };
        let error = NotStatic {
            output,
            interpreter,
            with_cgo,
        };
        let mut failure = self.failure(id, error.to_string(), command);
        if let Some(span) = self.graph().decl_of(id).go_static {
            failure.place = (self.place_of)(span);
        }
        failure.notes = error
            .help()
            .map(|help| help.to_string())
            .into_iter()
            .collect();
        failure
    }
}
