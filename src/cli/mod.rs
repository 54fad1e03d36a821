//! The command line: from the words of a call to one of the modes, and to an exit status.

pub mod about;
pub mod affected;
pub mod args;
pub mod check;
pub mod choose;
pub mod complete;
pub mod consumers;
pub mod dotenv;
pub mod draw;
pub mod fault;
pub mod fmt;
mod git;
mod go_cache_prog;
mod go_test_exec;
pub mod help;
mod hook;
mod init;
pub mod keys;
pub mod list;
pub mod load;
pub mod man;
pub mod observe;
mod observe_dir;
pub mod observe_go;
mod output;
pub mod picture;
pub mod plan;
pub mod repository;
pub mod run;
pub mod saved;
pub mod session;
pub mod settings;
pub mod store;
mod verify;
mod watch;

use crate::base::fs;
use crate::base::source::{Sources, Span};
use crate::cli::about::Book;
use crate::cli::args::{Args, GraphFormat};
use crate::cli::choose::Choice;
use crate::cli::consumers::Outlets;
use crate::cli::fault::Fault;
use crate::cli::load::{Disk, LoadError, Loaded, find, load_from};
use crate::cli::observe::Observer;
use crate::cli::plan::dotenv_files;
use crate::cli::run::Call;
use crate::cli::saved::glance::{self, Glance};
use crate::cli::saved::resume::Resumed;
use crate::cli::session::Session;
use crate::cli::settings::Environment;
use crate::event::timing::{Span as Time, Work};
use crate::event::{Emit, Event, Summary};
use crate::execute::go_cache::PROG_WORD;
use crate::execute::gotest::exec::EXEC_WORD;
use crate::plan::eval::Running;
use crate::plan::graph::{Graph, TargetId};
use crate::plan::query::Answers;
use crate::plan::resolve::Request;
use crate::report::{Consumer, Fanout, Mistake, Profile, Reporter, Sinks, Start, Tone};
use miette::{Diagnostic, Severity};
use std::cell::OnceCell;
use std::path::{Path, PathBuf};

/// A picture tells also what became of the targets. Without a state there is nothing to tell.
fn picture(
    loaded: &Loaded,
    graph: &Graph,
    wanted: &[TargetId],
    format: GraphFormat,
) -> Result<String, Fault> {
    let session = Session::read(&loaded.root).ok();
    let store = session.as_ref().map(|session| &session.store);
    let book = Book::new(graph, &loaded.modules, &loaded.sources, store);
    if format == GraphFormat::Svg {
        return picture::svg(graph, wanted, &book);
    }
    let project = loaded.root.file_name().unwrap_or_default();
    picture::html(graph, wanted, &book, &project.to_string_lossy())
}

/// Exit status where the Gofile or the call is wrong.
const WRONG: u8 = 2;

/// Runs the command line of this process and returns its exit status.
pub fn main() -> u8 {
    if let Some(status) = as_go_calls_us() {
        return status;
    }
    let start = Start::now();
    let env = match Environment::capture() {
        Ok(env) => env,
        Err(error) => {
            Sinks::standard()
                .err
                .write(format!("gomake: {error}\n").as_bytes());
            return WRONG;
        }
    };
    match Args::read(std::env::args_os()) {
        Ok(args) => App {
            args: &args,
            env: &env,
            sinks: Sinks::standard(),
            start,
            outlets: &OnceCell::new(),
        }
        .run(),
        Err(error) => {
            // A closed pipe leaves nobody to tell.
            let _ = error.print();
            u8::try_from(error.exit_code()).unwrap_or(WRONG)
        }
    }
}

/// As a part of the Go tool, which starts us by words of our own. None: the call is another one.
fn as_go_calls_us() -> Option<u8> {
    let mut words = std::env::args_os().skip(1);
    let first = words.next()?;
    if first == EXEC_WORD {
        return Some(go_test_exec::become_test(&words.collect::<Vec<_>>()));
    }
    (first == PROG_WORD).then(|| go_cache_prog::serve_go(&words.collect::<Vec<_>>()))
}

/// One call.
struct App<'a> {
    args: &'a Args,
    env: &'a Environment,
    sinks: Sinks,
    start: Start,
    /// Who takes events and mistakes beside the terminal, once that is known.
    outlets: &'a OnceCell<Outlets>,
}

impl App<'_> {
    fn run(&self) -> u8 {
        if let Some(shell) = self.args.completions {
            return self.shown(&Sources::default(), Ok(complete::script(shell)));
        }
        if self.args.man {
            return self.shown(&Sources::default(), Ok(man::page()));
        }
        if let Some(command) = self.args.cache {
            return self.shown(&Sources::default(), store::cache(command, self.env));
        }
        let gofile = find(self.args, self.env);
        let root = gofile.as_ref().ok().and_then(|path| path.parent());
        let root = root.and_then(|dir| fs::canonical(dir).ok());
        let outlets = Outlets::open(
            self.args,
            self.env,
            self.start,
            root.as_deref(),
            &self.sinks,
        );
        let outlets = match outlets {
            Ok(outlets) => self.outlets.get_or_init(|| outlets),
            Err(fault) => return self.wrong(&Sources::default(), &fault),
        };
        let status = if self.args.init {
            self.init()
        } else {
            let saved = gofile.as_ref().ok().filter(|_| glance::suits(self.args));
            let known = saved.and_then(|gofile| self.saved_run(gofile, outlets));
            known.unwrap_or_else(|| self.parsed_run(gofile, outlets))
        };
        if let Err(trouble) = outlets.finish(status) {
            let palette = self.env.err_palette(self.args);
            let head = palette.paint(Tone::Warning, "warning:");
            let text = format!("{head} {trouble}\n");
            self.sinks.err.write(text.as_bytes());
        }
        status
    }

    /// A run from the saved graph. None: there is none that holds.
    fn saved_run(&self, gofile: &Path, outlets: &Outlets) -> Option<u8> {
        let variables = self.variables();
        let call = glance::Call {
            args: self.args,
            env: self.env,
            variables: &variables,
            gofile,
            tells_each: self.tells_each(),
        };
        match call.glance() {
            Glance::Cold => None,
            Glance::Done(up_to_date) => {
                let consumers = self.consumers(outlets);
                consumers.handle(&Event::Planned { wanted: up_to_date });
                consumers.handle(&Event::Summary(Summary {
                    up_to_date,
                    elapsed: self.start.at.elapsed(),
                    ..Summary::default()
                }));
                Some(0)
            }
            Glance::Resume(saved) => self.resumed(&saved, outlets),
        }
    }

    /// Somebody wants to be told of each target, also of those that are up to date.
    fn tells_each(&self) -> bool {
        let listens = self
            .outlets
            .get()
            .is_some_and(|outlets| !outlets.is_empty());
        self.args.verbose || self.args.profile || listens
    }

    fn resumed(&self, saved: &Resumed, outlets: &Outlets) -> Option<u8> {
        let consumers = self.consumers(outlets);
        let emit = |event| consumers.handle(&event);
        let unparsed = saved.unparsed();
        let call = Call {
            saved: Some(saved),
            ..self.call(&unparsed, &saved.observer, &emit)
        };
        match call.run() {
            Ok(status) => status,
            Err(fault) => {
                let loaded = saved.loaded().ok();
                let none = Sources::default();
                Some(self.wrong(loaded.map_or(&none, |loaded| &loaded.sources), &fault))
            }
        }
    }

    fn parsed_run(&self, gofile: Result<PathBuf, LoadError>, outlets: &Outlets) -> u8 {
        let loaded = gofile.and_then(|gofile| load_from(&gofile, &self.env.cwd, &Disk));
        let took = self.start.at.elapsed();
        outlets.handle(&Event::Span(Time {
            target: None,
            work: Work::Load,
            began: self.start.at,
            took,
        }));
        match loaded {
            Ok(loaded) => self.with_gofile(loaded),
            Err(error) => self.wrong(&Sources::default(), &Fault::one(error)),
        }
    }

    fn with_gofile(&self, mut loaded: Loaded) -> u8 {
        // A Gofile that is wrong is waited for; but who picks wants to see targets first.
        if self.args.watch && !self.args.choose && !self.args.wants_help() {
            return watch::watch(self, &loaded.root);
        }
        if self.args.complete_words {
            return self.complete_words(&loaded);
        }
        let errors = std::mem::take(&mut loaded.errors);
        if !errors.is_empty() {
            return self.wrong(&loaded.sources, &Fault::all(errors));
        }
        if self.args.fmt && !self.args.wants_help() {
            return self.format(&loaded);
        }
        if self.args.choose && !self.args.wants_help() {
            return self.chosen(&loaded);
        }
        let status = self.with_project(&loaded);
        // The process ends here: a tree of 100,000 statements need not be freed piece by piece.
        std::mem::forget(loaded);
        status
    }

    /// The call goes on with the words that are picked.
    fn chosen(&self, loaded: &Loaded) -> u8 {
        let place = choose::Place {
            env: self.env,
            palette: self.env.err_palette(self.args),
            err: &self.sinks.err,
        };
        let picked = Observer::new(&loaded.root, &self.env.vars, &dotenv_files(&loaded.modules))
            .map_err(Fault::one)
            .and_then(|observer| self.graph(loaded, &observer))
            .and_then(|graph| choose::choose(&graph, &self.args.words, &place));
        let words = match picked {
            Ok(Choice::Words(words)) => words,
            Ok(Choice::Left(status)) => return status,
            Err(fault) => return self.wrong(&loaded.sources, &fault),
        };
        choose::announce(&words, &place);
        let mut args = self.args.clone();
        args.choose = false;
        args.words.extend(words);
        let app = App {
            args: &args,
            env: self.env,
            sinks: self.sinks.clone(),
            start: self.start,
            outlets: self.outlets,
        };
        if args.watch {
            return watch::watch(&app, &loaded.root);
        }
        app.with_project(loaded)
    }

    fn with_project(&self, loaded: &Loaded) -> u8 {
        let dotenv = dotenv_files(&loaded.modules);
        let observer = match Observer::new(&loaded.root, &self.variables(), &dotenv) {
            Ok(observer) if glance::is_kept(self.args) => {
                observer.keeping(self.env.cache_dir()).noting()
            }
            Ok(observer) if self.args.runs() => observer.keeping(self.env.cache_dir()),
            Ok(observer) => observer,
            Err(error) => return self.wrong(&loaded.sources, &Fault::one(error)),
        };
        let none = Outlets::default();
        let consumers = self.consumers(self.outlets.get().unwrap_or(&none));
        let emit = |event| consumers.handle(&event);
        let only = match self.affected(loaded, &observer, &emit) {
            Ok(only) => only,
            Err(fault) => return self.wrong(&loaded.sources, &fault),
        };
        let call = Call {
            only: only.as_ref(),
            ..self.call(loaded, &observer, &emit)
        };
        call.tell_refused();
        self.mode(loaded, &observer, &call)
    }

    fn mode(&self, loaded: &Loaded, observer: &Observer, call: &Call<'_>) -> u8 {
        if self.args.wants_help() {
            self.shown(&loaded.sources, self.help(loaded, observer))
        } else if self.args.check {
            self.checked(loaded, call)
        } else if let Some(hook) = self.args.install_hook {
            let said = hook::install(hook, self.args, self.env, loaded, observer);
            self.shown(&loaded.sources, said)
        } else if let Some(text) = self.of_affected(loaded, call) {
            self.shown(&loaded.sources, text)
        } else if self.args.list {
            self.shown(&loaded.sources, self.list(loaded, observer))
        } else if let Some(format) = self.args.graph {
            self.shown(&loaded.sources, self.draw(loaded, observer, format))
        } else if self.args.verify {
            self.verify(loaded, call)
        } else if self.args.dry_run {
            self.shown(&loaded.sources, call.dry_run())
        } else if let Some(word) = &self.args.why {
            self.shown(&loaded.sources, call.why(word))
        } else {
            match call.run() {
                Ok(status) => status.expect("only what was saved can hold no longer"),
                Err(fault) => self.wrong(&loaded.sources, &fault),
            }
        }
    }

    /// Who takes the events of this call.
    fn consumers<'o>(&self, outlets: &'o Outlets) -> Fanout<'o> {
        let look = self.env.look(self.args);
        let reporter = Reporter::new(look, outlets.sinks(&self.sinks));
        let reporter = reporter.for_service(self.env.service(self.args));
        let mut consumers = Fanout(vec![Box::new(reporter)]);
        if self.args.profile {
            let profile = Profile::new(&look, self.sinks.err.clone());
            consumers.0.push(Box::new(profile));
        }
        consumers.0.push(Box::new(outlets));
        consumers
    }

    fn call<'b>(&'b self, loaded: &'b Loaded, observer: &'b Observer, emit: Emit<'b>) -> Call<'b> {
        Call {
            args: self.args,
            env: self.env,
            loaded,
            observer,
            caller: observer.variables(),
            emit,
            only: None,
            tells_each: self.tells_each(),
            saved: None,
        }
    }

    fn list(&self, loaded: &Loaded, observer: &Observer) -> Result<String, Fault> {
        let graph = self.graph(loaded, observer)?;
        Ok(self.listed(&graph, loaded))
    }

    fn listed(&self, graph: &Graph, loaded: &Loaded) -> String {
        if self.args.json {
            list::json(graph, &loaded.sources)
        } else {
            list::text(graph, self.env.out_palette(self.args), self.args.verbose)
        }
    }

    fn help(&self, loaded: &Loaded, observer: &Observer) -> Result<String, Fault> {
        let screen = settings::screen_size().filter(|_| self.env.stdout_is_terminal);
        let look = help::Look {
            palette: self.env.out_palette(self.args),
            columns: screen.map(|(columns, _)| columns.into()),
        };
        help::text(loaded, &self.args.words, observer, look)
    }

    /// The whole graph, without a value that would need a command.
    fn graph(&self, loaded: &Loaded, observer: &Observer) -> Result<Graph, Fault> {
        let request = Request::default();
        plan::graph(
            &loaded.modules,
            &request,
            observer,
            Running::Never,
            &mut Answers::default(),
        )
    }

    /// Draws what the words of the call reach, or everything. The edges that only Go's import graph tells are drawn too where
    /// the Go tool can be asked; a picture without them is better than none.
    fn draw(
        &self,
        loaded: &Loaded,
        observer: &Observer,
        format: GraphFormat,
    ) -> Result<String, Fault> {
        let mut plan = plan::plan(loaded, &self.args.words, observer, Running::Never)?;
        let wanted = if self.args.words.is_empty() {
            Vec::new()
        } else {
            plan.stages.concat()
        };
        let asked: Vec<TargetId> = if wanted.is_empty() {
            plan.graph.targets.ids().collect()
        } else {
            wanted.clone()
        };
        if plan::ask_go(&mut plan, &asked, observer).is_err() {
            plan = plan::plan(loaded, &self.args.words, observer, Running::Never)?;
        }
        if matches!(format, GraphFormat::Svg | GraphFormat::Html) {
            return picture(loaded, &plan.graph, &wanted, format);
        }
        Ok(draw::draw(&plan.graph, &wanted, format))
    }

    /// For completion scripts: whatever is wrong is not said here.
    fn complete_words(&self, loaded: &Loaded) -> u8 {
        if let Ok(observer) = Observer::new(&loaded.root, &self.env.vars, &[])
            && let Ok(graph) = self.graph(loaded, &observer)
        {
            self.sinks.out.write(complete::words(&graph).as_bytes());
        }
        0
    }

    fn format(&self, loaded: &Loaded) -> u8 {
        let how = if self.args.check {
            fmt::Formatting::Compare
        } else {
            fmt::Formatting::Write
        };
        match fmt::format_files(&loaded.files, how) {
            Ok(done) => {
                self.sinks.out.write(done.text.as_bytes());
                u8::from(self.args.check && done.changed > 0)
            }
            Err(error) => self.wrong(&loaded.sources, &Fault::one(error)),
        }
    }

    fn checked(&self, loaded: &Loaded, call: &Call<'_>) -> u8 {
        let (targets, lints) = match call.check() {
            Ok(found) => found,
            Err(fault) => return self.wrong(&loaded.sources, &fault),
        };
        self.tell(
            &loaded.sources,
            lints.iter().map(|lint| lint as &dyn Diagnostic),
        );
        let text = format!(
            "{}, no errors, {}\n",
            crate::report::text::count(targets, "target"),
            crate::report::text::count(lints.len(), "lint")
        );
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
            if let Some(outlets) = self.outlets.get() {
                outlets.wrong(&mistake(diagnostic, sources));
            }
        }
    }
}

/// A diagnostic without its picture.
fn mistake(diagnostic: &dyn Diagnostic, sources: &Sources) -> Mistake {
    let label = diagnostic.labels().and_then(|mut labels| labels.next());
    let place = label.and_then(|label| {
        let span = Span::new(label.offset(), label.offset() + label.len());
        let (file, line, column) = sources.locate(span)?;
        Some((file.to_owned(), line, column))
    });
    Mistake {
        is_error: diagnostic.severity().is_none_or(|of| of == Severity::Error),
        code: diagnostic.code().map(|code| code.to_string()),
        message: diagnostic.to_string(),
        help: diagnostic.help().map(|help| help.to_string()),
        place,
    }
}
