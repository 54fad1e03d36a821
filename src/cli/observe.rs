//! Answers what planning asks, by looking at the world: files, PATH, variables, git, commands. Knows nothing of why it is
//! asked.

use crate::base::fs;
use crate::base::glob::{Pattern, walk};
use crate::base::path::ProjectPath;
use crate::cli::dotenv;
use crate::cli::{observe_git, observe_go};
use crate::execute::environment::Variables;
use crate::plan::query::{Answer, Answers, CAPTURE_TIMEOUT, Capture, CaptureCommand, HostFact, Presence, Query};
use rayon::prelude::*;
use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

/// The world as one call sees it.
#[derive(Debug)]
pub struct Observer {
    root: PathBuf,
    /// The caller's variables, with those of the dotenv files that the caller does not have.
    variables: Variables,
    cpus: usize,
}

impl Observer {
    /// `dotenv` are optional files, relative to `root` (absolute).
    ///
    /// # Errors
    /// When one of the files is there but cannot be read or understood.
    pub fn new(root: &Path, caller: &Variables, dotenv: &[String]) -> Result<Self, dotenv::DotenvError> {
        let mut variables = caller.clone();
        for name in dotenv {
            for (name, value) in dotenv::read(root, name)? {
                variables.entry(OsString::from(name)).or_insert_with(|| OsString::from(value));
            }
        }
        let cpus = std::thread::available_parallelism().map_or(1, usize::from);
        Ok(Self { root: root.to_owned(), variables, cpus })
    }

    pub fn variables(&self) -> &Variables {
        &self.variables
    }

    /// Answers all that is not answered yet. Questions that start a process are asked side by side.
    pub fn answer_all(&self, queries: Vec<Query>, answers: &mut Answers) {
        let (slow, quick): (Vec<Query>, Vec<Query>) = queries
            .into_iter()
            .filter(|query| answers.get(query).is_none())
            .partition(|query| matches!(query, Query::Capture(_) | Query::Git(_) | Query::Go(_)));
        for query in quick {
            let answer = self.answer(&query);
            answers.insert(query, answer);
        }
        let found: Vec<(Query, Answer)> = match slow.len() {
            0 => Vec::new(),
            1 => slow.into_iter().map(|query| (query.clone(), self.answer(&query))).collect(),
            _ => slow.into_par_iter().map(|query| (query.clone(), self.answer(&query))).collect(),
        };
        for (query, answer) in found {
            answers.insert(query, answer);
        }
    }

    /// Looks, whether or not the question was asked before.
    pub fn answer(&self, query: &Query) -> Answer {
        match query {
            Query::Glob { include, exclude } => self.glob(include, exclude),
            Query::Read(path) => self.read(path),
            Query::Presence(path) => Answer::Presence(self.presence(path)),
            Query::Which(program) => Answer::Program(self.which(program)),
            Query::Env(name) => self.variable(name),
            Query::EnvMatching(pattern) => self.variables_matching(pattern),
            Query::Host(fact) => Answer::Text(Some(self.host(*fact))),
            Query::Git(fact) => observe_git::answer(&self.root, &self.variables, *fact),
            Query::Capture(capture) => self.capture(capture).map_or_else(Answer::Failed, |text| Answer::Text(Some(text))),
            Query::Go(query) => observe_go::answer(&self.root, &self.variables, query),
        }
    }

    fn glob(&self, include: &[String], exclude: &[String]) -> Answer {
        let compile = |texts: &[String]| texts.iter().map(|text| Pattern::new(text)).collect::<Result<Vec<_>, _>>();
        let (include, exclude) = match (compile(include), compile(exclude)) {
            (Ok(include), Ok(exclude)) => (include, exclude),
            (Err(error), _) | (_, Err(error)) => return Answer::Failed(error.to_string()),
        };
        match walk(&self.root, &include, &exclude) {
            Ok(walk) => Answer::Paths(walk.files),
            Err(error) => Answer::Failed(error.to_string()),
        }
    }

    fn read(&self, path: &ProjectPath) -> Answer {
        match fs::if_exists(fs::read_text(&path.under(&self.root))) {
            Ok(text) => Answer::Text(text),
            Err(error) => Answer::Failed(error.to_string()),
        }
    }

    fn presence(&self, path: &ProjectPath) -> Presence {
        match fs::stat(&path.under(&self.root)) {
            Ok(stat) if stat.kind == fs::FileKind::Dir => Presence::Dir,
            Ok(_) => Presence::File,
            Err(_) => Presence::Missing,
        }
    }

    fn which(&self, program: &str) -> Option<PathBuf> {
        which::which_in(program, self.variables.get(OsStr::new("PATH")), &self.root).ok()
    }

    fn variable(&self, name: &str) -> Answer {
        match self.variables.get(OsStr::new(name)).map(|value| value.to_str()) {
            None => Answer::Text(None),
            Some(Some(value)) => Answer::Text(Some(value.to_owned())),
            Some(None) => Answer::Failed(format!("the variable {name} is not UTF-8")),
        }
    }

    fn variables_matching(&self, pattern: &str) -> Answer {
        let pattern = match Pattern::new(pattern) {
            Ok(pattern) => pattern,
            Err(error) => return Answer::Failed(error.to_string()),
        };
        let texts = self.variables.iter().filter_map(|(name, value)| Some((name.to_str()?, value.to_str()?)));
        let matching = texts.filter(|(name, _)| pattern.matches(name));
        Answer::Variables(matching.map(|(name, value)| (name.to_owned(), value.to_owned())).collect())
    }

    fn host(&self, fact: HostFact) -> String {
        match fact {
            HostFact::Os => match std::env::consts::OS {
                "macos" => "darwin",
                os => os,
            }
            .to_owned(),
            HostFact::Arch => match std::env::consts::ARCH {
                "x86_64" => "amd64",
                "x86" => "386",
                "aarch64" => "arm64",
                arch => arch,
            }
            .to_owned(),
            HostFact::Cpus => self.cpus.to_string(),
        }
    }

    /// What the command printed, without the newlines at its end.
    fn capture(&self, capture: &Capture) -> Result<String, String> {
        let words: Vec<String> = match &capture.command {
            CaptureCommand::Argv(words) => words.clone(),
            CaptureCommand::Script { interpreter, text } => {
                let tail = ["-c".to_owned(), text.clone()];
                interpreter.iter().cloned().chain(tail).collect()
            }
        };
        let (program, args) = words.split_first().ok_or("the command is empty")?;
        let output = self.run(program, args, &capture.env, &capture.dir)?;
        let text = String::from_utf8(output).map_err(|_| format!("`{program}` printed something that is not UTF-8"))?;
        Ok(text.trim_end_matches(['\n', '\r']).to_owned())
    }

    fn run(&self, program: &str, args: &[String], env: &BTreeMap<String, String>, dir: &ProjectPath) -> Result<Vec<u8>, String> {
        let dir = dir.under(&self.root);
        let path = self.variables.get(OsStr::new("PATH"));
        let found = which::which_in(program, path, &dir).map_err(|_| format!("PATH has no `{program}`"))?;
        let mut child = Command::new(found)
            .args(args)
            .env_clear()
            .envs(&self.variables)
            .envs(env)
            .current_dir(&dir)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|error| format!("`{program}` cannot be started: {error}"))?;
        let read = |pipe: Option<Box<dyn Read + Send>>| {
            std::thread::spawn(move || {
                let mut bytes = Vec::new();
                // A broken pipe is an end like any other.
                let _ = pipe.map(|mut pipe| pipe.read_to_end(&mut bytes));
                bytes
            })
        };
        let stdout = read(child.stdout.take().map(|pipe| Box::new(pipe) as _));
        let stderr = read(child.stderr.take().map(|pipe| Box::new(pipe) as _));
        let deadline = Instant::now() + CAPTURE_TIMEOUT;
        let status = loop {
            match child.try_wait().map_err(|error| error.to_string())? {
                Some(status) => break status,
                None if Instant::now() > deadline => {
                    let _ = child.kill();
                    let _ = child.wait();
                    return Err(format!("`{program}` did not end within {} s", CAPTURE_TIMEOUT.as_secs()));
                }
                None => std::thread::sleep(std::time::Duration::from_millis(1)),
            }
        };
        let (stdout, stderr) = (stdout.join().unwrap_or_default(), stderr.join().unwrap_or_default());
        if status.success() {
            return Ok(stdout);
        }
        Err(format!("`{program}` failed ({status}): {}", String::from_utf8_lossy(&stderr).trim()))
    }
}
