//! `--verify`: runs targets in a copy of the tree, and fails with the difference where what they make is not what is here.
//! Nothing of the project is written, its state included.

mod difference;
mod scope;
mod scratch;

use crate::base::fs;
use crate::cli::App;
use crate::cli::fault::Fault;
use crate::cli::load::{Disk, Loaded, load_from};
use crate::cli::observe::Observer;
use crate::cli::plan::{dotenv_files, plan};
use crate::cli::run::{CACHE_LIMIT, Call, slots, system};
use crate::cli::session::{Session, with_project};
use crate::cli::verify::difference::{Difference, Sides};
use crate::cli::verify::scope::{Scope, copied_from};
use crate::cli::verify::scratch::{NoScratch, Scratch};
use crate::event::{Event, Summary};
use crate::execute::drive;
use crate::execute::project::Reuse;
use crate::execute::service::{Idle, Services};
use crate::execute::signal::{Cancel, install_signal_handlers};
use crate::plan::action::Kind;
use crate::plan::eval::Running;
use crate::plan::graph::TargetId;
use crate::report::Tone;
use crate::report::text::count;
use miette::Diagnostic;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;
use thiserror::Error;

/// Files whose difference is shown; more are named.
const SHOWN_FILES: usize = 50;

#[derive(Debug, Error, Diagnostic)]
pub enum VerifyError {
    #[error("there is nothing to verify of {kind} {name}: {why}")]
    #[diagnostic(
        code(gomake::verify::nothing),
        help("`--verify` takes targets that make files which are checked in: generators")
    )]
    Nothing {
        kind: Kind,
        name: Arc<str>,
        why: &'static str,
    },
    #[error("{} not what {names} {}", differ(*files), if *many { "make" } else { "makes" })]
    #[diagnostic(
        code(gomake::verify::differs),
        help("run `gomake {words}` and commit what it makes")
    )]
    Differs {
        files: usize,
        names: String,
        many: bool,
        words: String,
    },
    #[error("the tree cannot be copied: {0}")]
    #[diagnostic(
        code(gomake::verify::copy),
        help("the copy is made where TMPDIR says, and takes as much room as the tree does")
    )]
    Copy(fs::FsError),
    #[error("what was made cannot be compared: {0}")]
    #[diagnostic(code(gomake::verify::compare))]
    Compare(fs::FsError),
}

fn differ(files: usize) -> String {
    let verb = if files == 1 { "is" } else { "are" };
    format!("{} here {verb}", count(files, "file"))
}

/// How a verification that could be carried out ended.
enum Outcome {
    Same(usize),
    Differs(Vec<Difference>),
    Failed,
    Interrupted(u8),
}

impl App<'_> {
    /// Runs the mode. Returns the exit status.
    pub(in crate::cli) fn verify(&self, loaded: &Loaded, call: &Call<'_>) -> u8 {
        let (scope, outcome) = match self.verified(loaded, call) {
            Ok(done) => done,
            Err(fault) => return self.wrong(&loaded.sources, &fault),
        };
        match outcome {
            Outcome::Interrupted(status) => status,
            Outcome::Failed => 1,
            Outcome::Same(compared) => {
                let text = format!(
                    "{}: what is here is what is made ({} compared)\n",
                    scope.names(),
                    count(compared, "file")
                );
                if !self.args.quiet {
                    self.sinks.out.write(text.as_bytes());
                }
                0
            }
            Outcome::Differs(differences) => {
                self.show(&differences);
                let error = VerifyError::Differs {
                    files: differences.len(),
                    names: scope.names(),
                    many: scope.targets.len() > 1,
                    words: self.call_of(&scope),
                };
                self.wrong(&loaded.sources, &Fault::one(error));
                1
            }
        }
    }

    /// The words by which a run would make what was verified.
    fn call_of(&self, scope: &Scope) -> String {
        let names = scope.targets.iter().map(|name| &**name);
        let given = self.args.words.iter().map(String::as_str);
        let words: Vec<&str> = match self.args.words.is_empty() {
            true => names.collect(),
            false => given.collect(),
        };
        shlex::try_join(words.iter().copied()).unwrap_or_else(|_| words.join(" "))
    }

    fn show(&self, differences: &[Difference]) {
        let palette = self.env.out_palette(self.args);
        for difference in differences.iter().take(SHOWN_FILES) {
            self.sinks.out.write(difference.text(palette).as_bytes());
        }
        for difference in differences.iter().skip(SHOWN_FILES) {
            let line = format!("… and {}\n", difference.path);
            let line = palette.paint(Tone::Faint, &line);
            self.sinks.out.write(line.as_bytes());
        }
    }

    fn verified(&self, loaded: &Loaded, call: &Call<'_>) -> Result<(Scope, Outcome), Fault> {
        let cancel = Cancel::new().map_err(|source| system("cannot make a pipe", source))?;
        let _handlers = install_signal_handlers(&cancel)
            .map_err(|source| system("cannot take signals", source))?;
        let mut planned = plan(loaded, &self.args.words, call.observer, Running::Never)?;
        if let Some(only) = call.only {
            only.narrow(&mut planned);
        }
        let scope = Scope::of(&planned, loaded)?;
        let (original, top) = copied_from(&loaded.root);
        let scratch = match Scratch::copy(&original, &top, &cancel) {
            Ok(scratch) => scratch,
            Err(NoScratch::Interrupted) => {
                let status = cancel.exit_status().unwrap_or(1);
                return Ok((scope, Outcome::Interrupted(status)));
            }
            Err(NoScratch::Failed(error)) => return Err(Fault::one(VerifyError::Copy(error))),
        };
        if let Some(first) = scratch.unread.first() {
            (call.emit)(Event::Warning {
                target: None,
                message: format!(
                    "{} cannot be read and so not copied, {} in all",
                    first.display(),
                    count(scratch.unread.len(), "path")
                ),
            });
        }
        scope
            .clear(&scratch.of(&loaded.root))
            .map_err(|error| Fault::one(VerifyError::Copy(error)))?;
        let done = self.run_in(&scratch, &scope, loaded, call, &cancel);
        if let Some(status) = cancel.exit_status() {
            return Ok((scope, Outcome::Interrupted(status)));
        }
        let done = done?;
        if !done.failed.is_empty() {
            return Ok((scope, Outcome::Failed));
        }
        let outcome = compare(&scratch, &scope, &loaded.root)
            .map_err(|error| Fault::one(VerifyError::Compare(error)))?;
        Ok((scope, outcome))
    }

    /// Runs the targets in the copy as any run would, but for this: nothing that is asked for comes from the cache.
    fn run_in(
        &self,
        scratch: &Scratch,
        scope: &Scope,
        loaded: &Loaded,
        call: &Call<'_>,
        cancel: &Cancel,
    ) -> Result<Summary, Fault> {
        let began = Instant::now();
        let gofile = loaded.files.first().and_then(|file| file.path.file_name());
        let gofile = loaded.root.join(gofile.unwrap_or_default());
        let cwd = scratch.of(&self.env.cwd);
        let copied = load_from(&scratch.of(&gofile), &cwd, &Disk).map_err(Fault::one)?;
        if !copied.errors.is_empty() {
            return Err(Fault::all(copied.errors));
        }
        let observer = Observer::new(
            &copied.root,
            &self.variables(),
            &dotenv_files(&copied.modules),
        )
        .map_err(Fault::one)?
        // The copy has no repository; what git says of the original holds for it.
        .with_repository(&loaded.root);
        let call = Call {
            loaded: &copied,
            caller: observer.variables(),
            observer: &observer,
            only: None,
            ..*call
        };
        let mut done = Services::with(call.emit, cancel, Idle::Ends, |services| {
            let done = self.drive(&call, scope, cancel, services);
            services.stop_all();
            done
        })?;
        done.elapsed = began.elapsed();
        (call.emit)(Event::Summary(done.clone()));
        Ok(done)
    }

    fn drive(
        &self,
        call: &Call<'_>,
        scope: &Scope,
        cancel: &Cancel,
        services: &Services,
    ) -> Result<Summary, Fault> {
        let slots = slots(self.args, self.env)?;
        let mut around = call.surroundings(cancel, &slots, services, Running::Allowed);
        if around.options.reuse == Reuse::Allowed {
            around.options.reuse = Reuse::OfNeeds;
        }
        let root = &call.loaded.root;
        let mut planned = plan(
            call.loaded,
            &self.args.words,
            call.observer,
            Running::Allowed,
        )?;
        let mut session = Session::write(root, call.caller, "gomake --verify", cancel, call.emit)?;
        let limit = planned.graph.settings.cache_size.unwrap_or(CACHE_LIMIT);
        session.open_cache(self.env.cache_dir().as_deref(), limit, call.emit);
        let by_name = |name: &Arc<str>| planned.graph.by_name.get(&**name).copied();
        let roots: Vec<TargetId> = scope.targets.iter().filter_map(by_name).collect();
        with_project(
            &around,
            &session,
            &mut planned,
            &roots,
            |project, wanted, _| {
                (call.emit)(Event::Planned {
                    wanted: wanted.order.len(),
                });
                drive::run(project, wanted).map_err(|source| system("cannot start threads", source))
            },
        )
    }
}

fn compare(scratch: &Scratch, scope: &Scope, root: &Path) -> fs::FsResult<Outcome> {
    let copy = scratch.of(root);
    let mut differences = Vec::new();
    let mut compared = 0;
    let sides = Sides {
        here: root,
        made: &copy,
        copied: scratch.copied,
    };
    let declared = scope.declared(root, &copy)?;
    for path in &declared {
        compared += 1;
        differences.extend(sides.compare(Path::new(path.as_str()))?);
    }
    if scope.whole {
        let sides = Sides {
            here: &scratch.original,
            made: &scratch.copy,
            copied: scratch.copied,
        };
        for path in scope.everything(scratch, root) {
            compared += 1;
            differences.extend(sides.compare(&path)?);
        }
    }
    Ok(match differences.is_empty() {
        true => Outcome::Same(compared),
        false => Outcome::Differs(differences),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn full() -> fs::FsError {
        let source = std::io::Error::from(std::io::ErrorKind::StorageFull);
        fs::FsError::new("copy", Path::new("/project/large"), source)
    }

    #[test]
    fn every_mistake_is_worded() {
        let shown = |error: &dyn Diagnostic| crate::report::diagnostic::plain(error);
        let all: [VerifyError; 5] = [
            VerifyError::Nothing {
                kind: Kind::Test,
                name: "unit".into(),
                why: "it declares no outputs",
            },
            VerifyError::Differs {
                files: 1,
                names: "generate".to_owned(),
                many: false,
                words: "generate".to_owned(),
            },
            VerifyError::Differs {
                files: 2,
                names: "one, two".to_owned(),
                many: true,
                words: "one two".to_owned(),
            },
            VerifyError::Copy(full()),
            VerifyError::Compare(full()),
        ];
        let texts: Vec<String> = all.iter().map(|error| shown(error)).collect();
        insta::assert_snapshot!(texts.join("\n"));
    }
}
