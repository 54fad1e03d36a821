//! Answers questions about Go packages: with what is known, where all that it rests on is as it was, and else by asking the Go tool.
//! What a question and its answer look like, and what decides it, is `golang`'s knowledge.
//!
//! ```text
//! questions -> known? -> look at what they rest on -> the same: no `go` is started
//!           -> the user's cache: was the same project asked about elsewhere? -> look at what that rests on
//!           -> `go env`, `go list`, one call for many -> look at what decided -> kept for the next time
//! ```

mod ask;
mod cgo;
mod look;
mod shared;
mod store;

pub use store::environment_of;

use crate::base::clock::now;
use crate::base::digest::Digest;
use crate::base::fs;
use crate::base::hash::HashMap;
use crate::base::path::{InputPath, ProjectPath};
use crate::cli::saved::rests::{Glimpse, Rests};
use crate::execute::environment::{Variables, strict};
use crate::golang::build_files::{FileFlags, overlaid};
use crate::golang::cgo::CgoFound;
use crate::golang::list::{Beside, GoInputs, GoRequest, inputs};
use crate::golang::listing::Listing;
use crate::golang::rests::{Asked, Aspect, Grounds};
use crate::golang::toolchain::GoEnv;
use crate::plan::query::{Answer, GoAnswer, Query};
use crate::state::dir::Access;
use crate::state::snapshot::FileRow;
use cgo::{Cgo, Texts};
use look::{Looker, Row, Search, on_disk};
use shared::Shared;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use store::{Known, Store, key_of};

/// Where questions are asked.
pub struct Asker<'a> {
    /// Absolute.
    pub root: &'a Path,
    pub caller: &'a Variables,
    /// Whether what is found out may be kept.
    pub access: Access,
    /// The user's cache, for what may be kept.
    pub cache: Option<&'a Path>,
    /// Where it is noted what answers rest on.
    pub rests: Option<&'a Rests>,
}

/// A request, and what Go is started with for it.
pub struct Question<'a> {
    pub request: &'a GoRequest,
    pub env: Variables,
    pub program: PathBuf,
    /// Where Go runs; absolute.
    pub dir: PathBuf,
    key: Digest,
}

/// How far a question has come.
enum State {
    /// With rows, if it is known what it rests on.
    Answered(Box<Known>, bool),
    Failed(String),
    /// What it rested on the last time, as it is now.
    Open(Vec<Row>),
}

/// What an answer rests on.
struct Basis {
    rows: Vec<Row>,
    /// Where programs are looked for is the machine's, too.
    grounds: Grounds,
}

/// Where answers are kept.
struct Keeping<'a> {
    store: Option<&'a Store>,
    shared: Option<&'a Shared<'a>>,
}

impl Keeping<'_> {
    fn put(&self, question: &Question<'_>, env: &GoEnv, known: &Known, grounds: &Grounds) {
        if let Some(store) = self.store {
            store.put(known);
        }
        if let Some(shared) = self.shared {
            shared.put(question, env, known, grounds);
        }
    }
}

/// So often Go is asked, while what it reads is being written.
const ROUNDS: usize = 2;

impl Asker<'_> {
    /// The answers, or why there are none.
    pub fn answer_all(&self, requests: &[&GoRequest]) -> Vec<Answer> {
        let store = Store::open(self.root, self.access);
        let questions: Vec<Result<Question<'_>, String>> = requests
            .iter()
            .map(|request| self.question(request))
            .collect();
        let looker = Looker::new(self.root);
        let mut states: Vec<State> = questions
            .iter()
            .map(|question| match question {
                Ok(question) => recall(question, store.as_ref(), &looker),
                Err(reason) => State::Failed(reason.clone()),
            })
            .collect();
        let is_open = |state: &State| matches!(state, State::Open(_));
        let shared = match states.iter().any(is_open) {
            true => Shared::open(self.root, self.cache, self.access),
            false => None,
        };
        if let Some(shared) = &shared {
            for (question, state) in questions.iter().zip(&mut states) {
                if let (Ok(question), true) = (question, is_open(state))
                    && let Some(known) = shared.get(question, &looker)
                {
                    if let Some(store) = &store {
                        store.put(&known);
                    }
                    *state = State::Answered(Box::new(known), true);
                }
            }
        }
        for round in 1..=ROUNDS {
            let open = states.iter().enumerate();
            let open: Vec<usize> = open
                .filter(|(_, state)| is_open(state))
                .map(|(at, _)| at)
                .collect();
            if open.is_empty() {
                break;
            }
            self.ask(
                &questions,
                &open,
                &mut states,
                round == ROUNDS,
                &Keeping {
                    store: store.as_ref(),
                    shared: shared.as_ref(),
                },
            );
        }
        if let Some(store) = &store {
            store.forget(requests.len());
        }
        if let Some(shared) = &shared {
            shared.count();
        }
        let pairs = requests.iter().zip(states);
        pairs
            .map(|(request, state)| self.finished(request, state))
            .collect()
    }

    fn question<'q>(&self, request: &'q GoRequest) -> Result<Question<'q>, String> {
        let mut env = strict(self.caller);
        let own = request.env.iter();
        env.extend(own.map(|(name, value)| (name.into(), value.into())));
        let dir = request.dir.under(self.root);
        let search = Search {
            path: env.get(OsStr::new("PATH")),
            dir: &dir,
        };
        let program = search
            .find("go")
            .ok_or("the Go tool is needed, and PATH has no `go`")?;
        Ok(Question {
            key: key_of(self.root, request, &program, &env),
            request,
            env,
            program,
            dir,
        })
    }

    /// One round of asking; in the last one, what is still being written is answered as Go sees it, and not kept.
    fn ask(
        &self,
        questions: &[Result<Question<'_>, String>],
        open: &[usize],
        states: &mut [State],
        is_last: bool,
        keeping: &Keeping<'_>,
    ) {
        let asked = open.iter().map(|&at| match &questions[at] {
            Ok(question) => question,
            Err(_) => unreachable!("only what can be asked is open"),
        });
        let asked: Vec<&Question<'_>> = asked.collect();
        let began = now();
        let said = ask::ask(self.root, &asked);
        let looker = Looker::new(self.root);
        let texts = Texts::default();
        for ((&at, question), said) in open.iter().zip(asked).zip(said) {
            let (env, listing) = match said {
                Ok(said) => said,
                Err(reason) => {
                    states[at] = State::Failed(reason);
                    continue;
                }
            };
            let State::Open(before) = &states[at] else {
                unreachable!("it is open")
            };
            let overlay = overlay(question, &env);
            let cgo = Cgo {
                root: self.root,
                question,
                env: &env,
                texts: &texts,
                overlaid: &overlaid(&overlay, &question.dir).into_iter().collect(),
            };
            let cgo = cgo.look(&listing);
            let (mut known, grounds) = self.understood(question, &env, &listing, overlay, cgo);
            let Some(basis) = self.basis(question, &env, &listing, grounds, &looker) else {
                states[at] = State::Answered(Box::new(known), false);
                continue;
            };
            let then: HashMap<(&[u8], Aspect), &Row> = before
                .iter()
                .map(|row| ((&*row.path, row.aspect), row))
                .collect();
            let is_settled = basis.rows.iter().all(|row| row.was_so(began, &then));
            drop(then);
            known.rows = basis.rows;
            states[at] = match (is_settled, is_last) {
                (true, _) => {
                    // What Go complains of can change without anything that is looked at here.
                    let is_whole = known.found.errors.is_empty();
                    if is_whole {
                        keeping.put(question, &env, &known, &basis.grounds);
                    }
                    State::Answered(Box::new(known), is_whole)
                }
                (false, true) => State::Answered(Box::new(known), false),
                (false, false) => State::Open(known.rows),
            };
        }
    }

    /// The answer, and what of it rests on more than Go says.
    fn understood(
        &self,
        question: &Question<'_>,
        env: &GoEnv,
        listing: &Listing,
        overlay: Vec<u8>,
        mut cgo: CgoFound,
    ) -> (Known, Grounds) {
        let exists = |path: &Path| fs::lstat(path).is_ok();
        let mut grounds = std::mem::take(&mut cgo.grounds);
        grounds.is_open |= cgo.is_open;
        let beside = Beside {
            go_work: env.go_work.as_deref(),
            flags: &env.flags,
            overlay,
            cgo,
        };
        let found = inputs(listing, self.root, question.request, &beside, exists);
        let mut facts = env.facts.clone();
        facts.extend(beside.cgo.facts.clone());
        let modules = found.modules.iter();
        facts.extend(modules.map(|module| (format!("module {module}"), String::new())));
        let said = found.cgo.said.iter();
        facts.extend(said.map(|said| (format!("pkg-config of {said}"), String::new())));
        let known = Known {
            key: question.key,
            found,
            facts,
            has_cache_program: env.has_cache_program,
            rows: Vec::new(),
        };
        (known, grounds)
    }

    /// None: not all that it rests on can be said.
    fn basis(
        &self,
        question: &Question<'_>,
        env: &GoEnv,
        listing: &Listing,
        beside: Grounds,
        looker: &Looker<'_>,
    ) -> Option<Basis> {
        let asked = Asked {
            root: self.root,
            request: question.request,
            env,
            listing,
            program: &fs::canonical(&question.program).ok()?,
            home: question.env.get(OsStr::new("HOME")).map(Path::new),
        };
        let read = |path: &Path| fs::read_text(path).ok();
        let mut grounds = asked.grounds(&read);
        grounds.add(beside);
        // Which program is found first, and what it leads to.
        grounds.programs.insert("go".to_owned());
        grounds.contents.insert(question.program.clone());
        let search = Search {
            path: question.env.get(OsStr::new("PATH")),
            dir: &question.dir,
        };
        if grounds.is_open {
            return None;
        }
        let rows = looker.rows(&grounds, &search)?;
        let programs = grounds.programs.iter();
        let places = programs.flat_map(|program| search.places(program));
        grounds.machine.extend(places);
        Some(Basis { rows, grounds })
    }

    /// The answer as it is now: what lies in `testdata` directories counts without Go's knowing of it.
    fn finished(&self, request: &GoRequest, state: State) -> Answer {
        let (known, has_rows) = match state {
            State::Answered(known, has_rows) => (*known, has_rows),
            State::Failed(reason) => return Answer::Failed(reason),
            State::Open(_) => unreachable!("the last round leaves nothing open"),
        };
        let glimpse = Glimpse::now(self.root);
        let mut rows: Vec<FileRow> = known.rows.iter().map(Row::file).collect();
        let files = match files(self.root, &known.found, &glimpse, &mut rows) {
            Ok(files) => files,
            Err(error) => return Answer::Failed(error.to_string()),
        };
        let answer = Answer::Go(GoAnswer {
            files,
            package_dirs: known.found.package_dirs,
            embeds: known.found.embeds,
            facts: known.facts,
            has_cache_program: known.has_cache_program,
            tests: known.found.tests,
            named: known.found.named.into(),
            cgo: Box::new(known.found.cgo),
            errors: known.found.errors,
        });
        if let Some(rests) = self.rests.filter(|_| has_rows) {
            rests.note(&Query::Go(request.clone()), &answer, rows);
        }
        answer
    }
}

/// What is in the file that `-overlay` names; nothing where there is none, or none that can be read.
fn overlay(question: &Question<'_>, env: &GoEnv) -> Vec<u8> {
    let flags = FileFlags::of(&env.flags, question.request);
    let file = flags.overlay.map(|file| question.dir.join(file));
    file.and_then(|file| fs::read(&file).ok())
        .unwrap_or_default()
}

/// What is known, if it still holds.
fn recall(question: &Question<'_>, store: Option<&Store>, looker: &Looker<'_>) -> State {
    let known = store.and_then(|store| Some((store, store.get(&question.key)?)));
    let Some((store, mut known)) = known else {
        return State::Open(Vec::new());
    };
    let checked = looker.check(&known.rows);
    if checked.moved {
        return State::Open(checked.rows);
    }
    known.rows = checked.rows;
    if checked.refreshed {
        store.put(&known);
    }
    State::Answered(Box::new(known), true)
}

/// All files that count, sorted: those that Go names, module files that would count if they were there, and what lies in
/// `testdata` directories.
fn files(
    root: &Path,
    found: &GoInputs,
    glimpse: &Glimpse<'_>,
    rows: &mut Vec<FileRow>,
) -> fs::FsResult<Vec<InputPath>> {
    let mut files: Vec<InputPath> = found.files.iter().chain(&found.absent).cloned().collect();
    for dir in &found.test_data_dirs {
        below(root, dir, glimpse, rows, &mut files)?;
    }
    files.sort();
    files.dedup();
    Ok(files)
}

fn below(
    root: &Path,
    dir: &ProjectPath,
    glimpse: &Glimpse<'_>,
    rows: &mut Vec<FileRow>,
    files: &mut Vec<InputPath>,
) -> fs::FsResult<()> {
    let mut open = vec![dir.clone()];
    while let Some(dir) = open.pop() {
        let place = dir.under(root);
        rows.push(glimpse.row(&place, fs::if_exists(fs::stat(&place))?, None));
        let Some(entries) = fs::if_exists(fs::list_dir(&place))? else {
            continue;
        };
        for entry in entries {
            let Some(Ok(path)) = entry.name.to_str().map(|name| dir.resolve(name)) else {
                continue;
            };
            if entry.is_dir {
                open.push(path);
            } else {
                files.push(InputPath::Project(path));
            }
        }
    }
    Ok(())
}
