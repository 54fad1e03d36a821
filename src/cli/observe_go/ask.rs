//! Starts the Go tool: one call for all requests that it can answer at once, and the calls side by side.

use crate::base::path::ProjectPath;
use crate::cli::observe_go::Question;
use crate::golang::list::{GoListError, list_args_of};
use crate::golang::listing::{Listing, together};
use crate::golang::toolchain::{GoEnv, env_args};
use rayon::iter::{IntoParallelIterator, IntoParallelRefIterator, ParallelIterator};
use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

/// What Go said of one question.
pub type Said = Result<(GoEnv, Listing), String>;

/// One call.
enum Task {
    Env(usize),
    List(Vec<usize>, Vec<String>),
}

/// What came of it.
enum Done {
    Env(usize, Result<GoEnv, String>),
    List(Vec<(usize, Result<Listing, String>)>),
}

/// Asks about each question, in their order.
pub fn ask(root: &Path, questions: &[&Question<'_>]) -> Vec<Said> {
    let requests: Vec<_> = questions.iter().map(|question| question.request).collect();
    // `go env` says the same to all that run in one place with the same variables.
    let mut places: BTreeMap<(&ProjectPath, &BTreeMap<String, String>), usize> = BTreeMap::new();
    for (at, request) in requests.iter().enumerate() {
        places.entry((&request.dir, &request.env)).or_insert(at);
    }
    let mut tasks: Vec<Task> = places.values().map(|at| Task::Env(*at)).collect();
    let groups = together(&requests).into_iter();
    tasks.extend(groups.map(|group| Task::List(group.of, group.patterns)));
    let done: Vec<Done> = tasks
        .into_par_iter()
        .map(|task| match task {
            Task::Env(at) => Done::Env(at, env(root, questions[at])),
            Task::List(of, patterns) => Done::List(list(questions, of, &patterns)),
        })
        .collect();
    let mut envs = BTreeMap::new();
    let mut listings = BTreeMap::new();
    for done in done {
        match done {
            Done::Env(at, env) => drop(envs.insert(at, env)),
            Done::List(all) => listings.extend(all),
        }
    }
    let env_of = |at: usize| {
        let request = requests[at];
        let asked = &places[&(&request.dir, &request.env)];
        envs[asked].clone()
    };
    (0..questions.len())
        .map(|at| {
            let listing = listings.remove(&at).expect("each question is in a group");
            Ok((env_of(at)?, listing?))
        })
        .collect()
}

/// What `go env` says.
pub fn env(root: &Path, question: &Question<'_>) -> Result<GoEnv, String> {
    let said = run(question, &env_args())?;
    GoEnv::read(&said, root).map_err(|error| error.to_string())
}

/// Where some of the patterns make the call fail, each request gets a call of its own.
fn list(
    questions: &[&Question<'_>],
    of: Vec<usize>,
    patterns: &[String],
) -> Vec<(usize, Result<Listing, String>)> {
    let one = |at: usize, patterns: &[String]| {
        let question = questions[at];
        let said = run(question, &list_args_of(question.request, patterns))?;
        Listing::read(&said).map_err(|error| error.to_string())
    };
    if let [at] = of[..] {
        return vec![(at, one(at, patterns))];
    }
    match one(of[0], patterns) {
        Ok(whole) => of
            .into_iter()
            .map(|at| (at, Ok(whole.part(questions[at].request))))
            .collect(),
        Err(_) => of
            .par_iter()
            .map(|&at| (at, one(at, &questions[at].request.patterns)))
            .collect(),
    }
}

fn run(question: &Question<'_>, args: &[String]) -> Result<Vec<u8>, String> {
    let done = Command::new(&question.program)
        .args(args)
        .env_clear()
        .envs(&question.env)
        .current_dir(&question.dir)
        .stdin(std::process::Stdio::null())
        .output()
        .map_err(|error| format!("`go {}` cannot be started: {error}", args[0]))?;
    if done.status.success() {
        return Ok(done.stdout);
    }
    let message = String::from_utf8_lossy(&done.stderr).trim().to_owned();
    Err(GoListError::Failed { message }.to_string())
}
