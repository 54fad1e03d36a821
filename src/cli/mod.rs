//! The command line: from the words of a call to one of the modes, and to an exit status.

pub mod args;
pub mod check;
pub mod complete;
pub mod dotenv;
pub mod draw;
pub mod fault;
pub mod fmt;
mod git;
pub mod list;
pub mod load;
pub mod observe;
pub mod observe_go;
mod output;
pub mod plan;
pub mod run;
pub mod session;
pub mod settings;
pub mod store;

use crate::base::source::Sources;
use crate::cli::args::Args;
use crate::cli::fault::Fault;
use crate::cli::load::{Loaded, load};
use crate::cli::observe::Observer;
use crate::cli::plan::dotenv_files;
use crate::cli::run::Call;
use crate::cli::settings::Environment;
use crate::report::{Reporter, Sinks};
use miette::Diagnostic;
use std::process::ExitCode;

/// Exit status where the Gofile or the call is wrong.
const WRONG: u8 = 2;

/// Runs the command line of this process and returns its exit status.
pub fn main() -> ExitCode {
    let env = match Environment::capture() {
        Ok(env) => env,
        Err(error) => {
            Sinks::standard()
                .err
                .write(format!("gomake: {error}\n").as_bytes());
            return ExitCode::from(WRONG);
        }
    };
    match Args::read(std::env::args_os()) {
        Ok(args) => ExitCode::from(
            App {
                args: &args,
                env: &env,
                sinks: Sinks::standard(),
            }
            .run(),
        ),
        Err(error) => {
            // A closed pipe leaves nobody to tell.
            let _ = error.print();
            ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(WRONG))
        }
    }
}

/// One call.
struct App<'a> {
    args: &'a Args,
    env: &'a Environment,
    sinks: Sinks,
}

impl App<'_> {
    fn run(&self) -> u8 {
        if let Some(command) = self.args.cache {
            return self.shown(&Sources::default(), store::cache(command, self.env));
        }
        let loaded = match load(self.args, self.env) {
            Ok(loaded) => loaded,
            Err(error) => return self.wrong(&Sources::default(), &Fault::one(error)),
        };
        if !loaded.errors.is_empty() {
            return self.wrong(&loaded.sources, &Fault::all(loaded.errors));
        }
        self.with_project(&loaded)
    }

    fn with_project(&self, loaded: &Loaded) -> u8 {
        let dotenv = dotenv_files(&loaded.modules);
        let observer = match Observer::new(&loaded.root, &self.env.vars, &dotenv) {
            Ok(observer) => observer,
            Err(error) => return self.wrong(&loaded.sources, &Fault::one(error)),
        };
        let reporter = Reporter::new(self.env.look(self.args), self.sinks.clone());
        let emit = |event| reporter.handle(event);
        let call = Call {
            args: self.args,
            env: self.env,
            loaded,
            observer: &observer,
            caller: observer.variables(),
            emit: &emit,
        };
        if self.args.check {
            self.checked(loaded, &call)
        } else if self.args.dry_run {
            self.shown(&loaded.sources, call.dry_run())
        } else if let Some(word) = &self.args.why {
            self.shown(&loaded.sources, call.why(word))
        } else {
            match call.run() {
                Ok(status) => status,
                Err(fault) => self.wrong(&loaded.sources, &fault),
            }
        }
    }

    fn checked(&self, loaded: &Loaded, call: &Call<'_>) -> u8 {
        let (targets, lints) = match call.check() {
            Ok(found) => found,
            Err(fault) => return self.wrong(&loaded.sources, &fault),
        };
        self.tell(&loaded.sources, lints.iter().map(|lint| lint as &dyn Diagnostic));
        let text = format!("{targets} targets, no errors, {}\n", crate::report::text::count(lints.len(), "lint"));
        self.sinks.out.write(text.as_bytes());
        0
    }

    /// Prints what a mode has to say.
    fn shown(&self, sources: &Sources, text: Result<String, Fault>) -> u8 {
        match text {
            Ok(text) => {
                self.sinks.out.write(text.as_bytes());
                0
            }
            Err(fault) => self.wrong(sources, &fault),
        }
    }

    fn wrong(&self, sources: &Sources, fault: &Fault) -> u8 {
        self.tell(
            sources,
            fault
                .diagnostics
                .iter()
                .map(|one| one.as_ref() as &dyn Diagnostic),
        );
        WRONG
    }

    fn tell<'d>(&self, sources: &Sources, diagnostics: impl Iterator<Item = &'d dyn Diagnostic>) {
        let palette = self.env.err_palette(self.args);
        let columns = settings::screen_size().map(|(columns, _)| columns);
        for diagnostic in diagnostics {
            let text = crate::report::diagnostic::render(diagnostic, sources, palette, columns);
            self.sinks.err.write(text.as_bytes());
        }
    }
}
