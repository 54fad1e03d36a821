//! Answers planning's questions from the real world. Knows nothing of why they are asked.

use crate::base::digest::Digest;
use crate::base::fs::{self, FsError, FsResult};
use crate::base::glob::{Pattern, walk, walk_seen};
use crate::base::host;
use crate::base::path::ProjectPath;
use crate::cli::dotenv::{self, DotenvError};
use crate::cli::git;
use crate::cli::observe_dir::Names;
use crate::cli::observe_go::Asker;
use crate::cli::output::{Said, output};
use crate::cli::saved::rests::{Glimpse, Rests};
use crate::golang::list::GoRequest;
use crate::plan::query::{
    Answer, Answers, CAPTURE_TIMEOUT, Capture, CaptureCommand, GitFact, HostFact, Presence, Query,
};
use crate::plan::script;
use crate::state::dir::Access;
use rayon::iter::{IntoParallelIterator, ParallelIterator};
use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

/// Fewer quick questions than these are answered before a pool of threads is there to share them.
const SHARED: usize = 4096;

/// The world as one call sees it.
#[derive(Debug, Clone)]
pub struct Observer {
    /// Absolute.
    root: PathBuf,
    /// Where git is asked; the root, but for a copy of it.
    repository: PathBuf,
    /// The caller's environment, with what dotenv files add.
    env: BTreeMap<OsString, OsString>,
    refused: Vec<(String, String)>,
    /// What answers rest on, where anyone wants to know.
    rests: Option<Arc<Rests>>,
    /// Whether it is noted of Go's answers as well.
    notes_go: bool,
    /// Whether Go's answers are kept for later calls.
    keeps: Access,
    /// The user's cache, where such answers are kept for other clones as well.
    cache: Option<PathBuf>,
}

impl Observer {
    /// Looks at the project below `root` with the caller's environment and what the dotenv files add to it.
    ///
    /// # Errors
    /// For a dotenv file that cannot be read, or that holds a line which is no assignment.
    pub fn new(
        root: &Path,
        caller: &BTreeMap<OsString, OsString>,
        dotenv: &[String],
    ) -> Result<Self, DotenvError> {
        let dotenv = dotenv::load(root, dotenv, caller)?;
        let mut env = caller.clone();
        env.extend(
            dotenv
                .added
                .into_iter()
                .map(|(name, value)| (name.into(), value.into())),
        );
        Ok(Self {
            root: root.to_owned(),
            repository: root.to_owned(),
            env,
            refused: dotenv.refused,
            rests: None,
            notes_go: true,
            keeps: Access::Read,
            cache: None,
        })
    }
    /// Has it noted from now on what answers rest on.
    pub fn noting(mut self) -> Self {
        self.rests = Some(Arc::default());
        self
    }
    /// Has Go's answers kept from now on, in the project and in the user's cache: for calls that write.
    pub fn keeping(mut self, cache: Option<PathBuf>) -> Self {
        self.keeps = Access::Write;
        self.cache = cache;
        self
    }
    /// Has Go's answers asked for again each time: they rest on other variables than those that are saved.
    pub fn without_rests_of_go(mut self) -> Self {
        self.notes_go = false;
        self
    }
    pub fn rests(&self) -> Option<&Rests> {
        self.rests.as_deref()
    }
    /// Has git asked elsewhere: about what the project is a copy of.
    pub fn with_repository(mut self, dir: &Path) -> Self {
        self.repository = dir.to_owned();
        self
    }
    /// The caller's environment with what dotenv files add.
    pub fn variables(&self) -> &BTreeMap<OsString, OsString> {
        &self.env
    }
    /// What dotenv files tried to set and may not: file and name.
    pub fn refused(&self) -> &[(String, String)] {
        &self.refused
    }
    /// Answers all queries; the slow ones side by side.
    pub fn answer_all(&self, queries: Vec<Query>, answers: &mut Answers) {
        let (slow, quick): (Vec<Query>, Vec<Query>) = queries.into_iter().partition(is_slow);
        let answered = |query: Query| {
            let answer = self.answer(&query);
            (query, answer)
        };
        let found: Vec<(Query, Answer)> = if quick.len() < SHARED {
            quick.into_iter().map(answered).collect()
        } else {
            quick.into_par_iter().map(answered).collect()
        };
        answers.extend(found);
        // Go is asked once about what it can tell at once.
        let (go, slow): (Vec<Query>, Vec<Query>) = slow
            .into_iter()
            .partition(|query| matches!(query, Query::Go(_)));
        let has_others = !slow.is_empty();
        let of_slow = || -> Vec<(Query, Answer)> {
            match slow.len() {
                0 | 1 => slow.into_iter().map(answered).collect(),
                _ => slow.into_par_iter().map(answered).collect(),
            }
        };
        if go.is_empty() {
            answers.extend(of_slow());
            return;
        }
        let of_go = || self.go(go.iter().filter_map(request_of));
        let (others, said) = match has_others {
            true => rayon::join(of_slow, of_go),
            false => (Vec::new(), of_go()),
        };
        answers.extend(others);
        answers.extend(go.into_iter().zip(said));
    }
    fn go<'q>(&self, requests: impl Iterator<Item = &'q GoRequest>) -> Vec<Answer> {
        let asker = Asker {
            root: &self.root,
            caller: &self.env,
            access: self.keeps,
            cache: self.cache.as_deref(),
            rests: self.rests().filter(|_| self.notes_go),
        };
        asker.answer_all(&requests.collect::<Vec<_>>())
    }
    pub fn answer(&self, query: &Query) -> Answer {
        match query {
            Query::Glob { include, exclude } => self.glob(query, include, exclude),
            Query::Read(path) => self.read(query, path),
            Query::Presence(path) => self.presence(path),
            Query::Presences { dir, names } => self.presences(query, dir, names),
            Query::Which(program) => Answer::Program(self.which(program)),
            Query::Env(name) => self.env(name),
            Query::EnvMatching(pattern) => self.env_matching(pattern),
            Query::Host(fact) => Answer::Text(Some(of_host(*fact))),
            Query::Git(fact) => self.git(*fact),
            Query::Capture(capture) => self.capture(capture),
            Query::Go(request) => {
                let answer = self.go(std::iter::once(request)).pop();
                answer.expect("a question has an answer")
            }
            // The session, which has the registries' client, takes these out before.
            Query::BaseImage(reference) => Answer::Failed(format!(
                "{} can be resolved only in a run",
                reference.familiar()
            )),
        }
    }

    fn glob(&self, query: &Query, include: &[String], exclude: &[String]) -> Answer {
        let compile = |texts: &[String]| {
            texts
                .iter()
                .map(|text| Pattern::new(text))
                .collect::<Result<Vec<_>, _>>()
        };
        match (compile(include), compile(exclude)) {
            (Ok(include), Ok(exclude)) => match self.walked(query, &include, &exclude) {
                Ok(answer) => answer,
                Err(error) => Answer::Failed(error.to_string()),
            },
            (Err(error), _) | (_, Err(error)) => Answer::Failed(error.to_string()),
        }
    }
    fn walked(&self, query: &Query, include: &[Pattern], exclude: &[Pattern]) -> FsResult<Answer> {
        let Some(rests) = &self.rests else {
            let found = walk(&self.root, include, exclude)?;
            return Ok(Answer::Paths(found.files));
        };
        let glimpse = Glimpse::now(&self.root);
        let (found, looks) = walk_seen(&self.root, include, exclude)?;
        let answer = Answer::Paths(found.files);
        rests.note(query, &answer, glimpse.rows(&looks));
        Ok(answer)
    }
    fn read(&self, query: &Query, path: &ProjectPath) -> Answer {
        let path = path.under(&self.root);
        // What it looked like before it was read: a later write shows.
        let before = self.rests().map(|rests| {
            let glimpse = Glimpse::now(&self.root);
            (rests, glimpse, fs::if_exists(fs::stat(&path)))
        });
        let bytes = match fs::if_exists(fs::read(&path)) {
            Ok(bytes) => bytes,
            Err(error) => return Answer::Failed(bare(&error)),
        };
        let digest = before.is_some().then(|| bytes.as_deref().map(Digest::of));
        let answer = match bytes.map(String::from_utf8) {
            None => Answer::Text(None),
            Some(Ok(text)) => Answer::Text(Some(text)),
            Some(Err(_)) => Answer::Failed("it is not UTF-8".to_owned()),
        };
        if let (Some((rests, glimpse, Ok(stat))), Some(digest)) = (before, digest) {
            rests.note(query, &answer, vec![glimpse.read(&path, stat, digest)]);
        }
        answer
    }
    fn presence(&self, path: &ProjectPath) -> Answer {
        match fs::if_exists(fs::stat(&path.under(&self.root))) {
            Ok(stat) => Answer::Presence(Presence::of(stat.map(|stat| stat.kind))),
            Err(error) => Answer::Failed(bare(&error)),
        }
    }
    fn presences(&self, query: &Query, dir: &ProjectPath, names: &[String]) -> Answer {
        let glimpse = Glimpse::now(&self.root);
        let found = Names::of(&dir.under(&self.root), names);
        let answer = Answer::Presences(found.odd);
        if let (Some(rests), Some(looks)) = (self.rests(), found.looks) {
            rests.note(query, &answer, glimpse.rows(&looks));
        }
        answer
    }
    /// Where PATH finds a program; relative entries of PATH count from the project's root.
    fn which(&self, program: &str) -> Option<PathBuf> {
        which::which_in(program, self.env.get(OsStr::new("PATH")), &self.root).ok()
    }
    fn env(&self, name: &str) -> Answer {
        match self.env.get(OsStr::new(name)).map(|value| value.to_str()) {
            None => Answer::Text(None),
            Some(Some(value)) => Answer::Text(Some(value.to_owned())),
            Some(None) => Answer::Failed("its value is not UTF-8".to_owned()),
        }
    }
    /// A variable whose name or value is not UTF-8 matches nothing: it could not be counted.
    fn env_matching(&self, pattern: &str) -> Answer {
        let pattern = match Pattern::new(pattern) {
            Ok(pattern) => pattern,
            Err(error) => return Answer::Failed(error.to_string()),
        };
        let texts = self
            .env
            .iter()
            .filter_map(|(name, value)| Some((name.to_str()?, value.to_str()?)));
        let matching = texts.filter(|(name, _)| pattern.matches(name));
        Answer::Variables(
            matching
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .collect(),
        )
    }
    fn git(&self, fact: GitFact) -> Answer {
        let found = match fact {
            GitFact::Describe => self.ask_git(&["describe", "--tags", "--always", "--dirty"]),
            GitFact::Dirty => self
                .ask_git(&["status", "--porcelain", "--untracked-files=no"])
                .map(|changes| (!changes.is_empty()).to_string()),
            // Formats of references that are not plain files are git's own to read.
            GitFact::Commit => git::commit(&self.repository)
                .map_or_else(|| self.ask_git(&["rev-parse", "--verify", "HEAD"]), Ok),
            GitFact::Branch => git::branch(&self.repository)
                .map_or_else(|| self.ask_git(&["branch", "--show-current"]), Ok),
            GitFact::CommitTime => self.ask_git(&["show", "-s", "--format=%ct", "HEAD"]),
            GitFact::Remote => match self.ask_git(&["config", "--get", "remote.origin.url"]) {
                Ok(url) => Ok(git::without_credentials(&url)),
                Err(_) => return Answer::Text(None),
            },
        };
        match found {
            Ok(text) => Answer::Text(Some(text)),
            Err(reason) => Answer::Failed(reason),
        }
    }
    fn ask_git(&self, args: &[&str]) -> Result<String, String> {
        if !git::is_repository(&self.repository) {
            return Err("this is not a git repository".to_owned());
        }
        let program = self.which("git").ok_or("PATH holds no `git`")?;
        let mut command = self.command(program.as_os_str(), &self.repository);
        // No lock on the index for a question, and no program that a repository's settings name.
        command
            .args(["-c", "core.fsmonitor=false"])
            .args(args)
            .env("GIT_OPTIONAL_LOCKS", "0");
        text(
            output(command, CAPTURE_TIMEOUT),
            &format!("git {}", args[0]),
        )
    }
    fn capture(&self, capture: &Capture) -> Answer {
        // Kept until the command has ended.
        let mut file = None;
        let (argv, name) = match &capture.command {
            CaptureCommand::Argv(argv) => (argv.clone(), argv.first().cloned().unwrap_or_default()),
            CaptureCommand::Script { interpreter, text } => {
                match script_argv(interpreter, text, &mut file) {
                    Ok(argv) => (argv, "the script".to_owned()),
                    Err(reason) => return Answer::Failed(reason),
                }
            }
        };
        let Some((program, args)) = argv.split_first() else {
            return Answer::Failed("there is no program to run".to_owned());
        };
        let dir = capture.dir.under(&self.root);
        let program = if program.contains('/') {
            Some(dir.join(program))
        } else {
            self.which(program)
        };
        let Some(program) = program else {
            return Answer::Failed(format!("PATH holds no `{}`", argv[0]));
        };
        let mut command = self.command(program.as_os_str(), &dir);
        command.args(args).envs(&capture.env);
        match text(output(command, CAPTURE_TIMEOUT), &name) {
            Ok(text) => Answer::Text(Some(text)),
            Err(reason) => Answer::Failed(reason),
        }
    }
    fn command(&self, program: &OsStr, dir: &Path) -> Command {
        let mut command = Command::new(program);
        command.current_dir(dir).env_clear().envs(&self.env);
        command
    }
}

fn request_of(query: &Query) -> Option<&GoRequest> {
    match query {
        Query::Go(request) => Some(request),
        _ => None,
    }
}

fn is_slow(query: &Query) -> bool {
    match query {
        Query::Glob { .. }
        | Query::Presences { .. }
        | Query::Capture(_)
        | Query::Go(_)
        | Query::BaseImage(_) => true,
        Query::Git(fact) => matches!(
            fact,
            GitFact::Describe | GitFact::Dirty | GitFact::CommitTime | GitFact::Remote
        ),
        Query::Read(_)
        | Query::Presence(_)
        | Query::Which(_)
        | Query::Env(_)
        | Query::EnvMatching(_)
        | Query::Host(_) => false,
    }
}

/// The system's word alone: whoever shows it names the path.
fn bare(error: &FsError) -> String {
    error.source.to_string()
}

fn of_host(fact: HostFact) -> String {
    match fact {
        HostFact::Os => host::os().to_owned(),
        HostFact::Arch => host::arch().to_owned(),
        HostFact::Cpus => std::thread::available_parallelism()
            .map_or(1, usize::from)
            .to_string(),
    }
}

/// A shell takes the script by `-c`; any other interpreter as a file, which `file` keeps.
fn script_argv(
    interpreter: &[String],
    text: &str,
    file: &mut Option<tempfile::TempPath>,
) -> Result<Vec<String>, String> {
    let mut argv = interpreter.to_vec();
    if argv
        .first()
        .is_some_and(|program| !script::interpreter(program).as_file)
    {
        argv.extend(["-c".to_owned(), text.to_owned()]);
        return Ok(argv);
    }
    let write = || -> std::io::Result<tempfile::TempPath> {
        let mut temp = tempfile::Builder::new()
            .prefix("gomake-script-")
            .tempfile()?;
        temp.write_all(text.as_bytes())?;
        Ok(temp.into_temp_path())
    };
    let path =
        write().map_err(|error| format!("the script cannot be written to a file: {error}"))?;
    argv.push(
        path.to_str()
            .ok_or("the directory for temporary files is not UTF-8")?
            .to_owned(),
    );
    *file = Some(path);
    Ok(argv)
}

/// Standard output without its trailing newlines, or the failure as a sentence.
fn text(said: std::io::Result<Said>, name: &str) -> Result<String, String> {
    let said = said.map_err(|error| format!("`{name}` cannot be run: {error}"))?;
    match said {
        Said::Done { status, stdout, .. } if status.success() => match String::from_utf8(stdout) {
            Ok(text) => Ok(text.trim_end_matches(['\n', '\r']).to_owned()),
            Err(_) => Err(format!("`{name}` printed something that is not UTF-8")),
        },
        Said::Done { status, stderr, .. } => Err(failure(name, status, &stderr)),
        Said::TooMuch => Err(format!("`{name}` printed more than a value should hold")),
        Said::TimedOut => Err(format!(
            "`{name}` did not end within {} seconds",
            CAPTURE_TIMEOUT.as_secs()
        )),
    }
}
fn failure(name: &str, status: std::process::ExitStatus, stderr: &[u8]) -> String {
    /// Lines of standard error that are shown: the last ones mostly say what is wrong.
    const SHOWN: usize = 20;
    let said = String::from_utf8_lossy(stderr);
    let lines: Vec<&str> = said.trim_end().lines().collect();
    let shown = lines[lines.len().saturating_sub(SHOWN)..].join("\n");
    let how = match (
        status.code(),
        std::os::unix::process::ExitStatusExt::signal(&status),
    ) {
        (Some(code), _) => format!("exited with status {code}"),
        (None, Some(signal)) => format!("was ended by signal {signal}"),
        (None, None) => "failed".to_owned(),
    };
    if shown.is_empty() {
        format!("`{name}` {how}")
    } else {
        format!("`{name}` {how} and said:\n{shown}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::query::Capture;

    struct Place {
        dir: tempfile::TempDir,
        env: BTreeMap<OsString, OsString>,
    }
    impl Place {
        fn new() -> Self {
            let path = std::env::vars_os()
                .find(|(name, _)| name == "PATH")
                .map(|(_, path)| path)
                .unwrap();
            let env = [
                ("PATH".into(), path),
                ("HOME".into(), "/nowhere".into()),
                ("GIT_X".into(), "1".into()),
            ];
            Self {
                dir: tempfile::tempdir().unwrap(),
                env: env.into(),
            }
        }
        fn observer(&self) -> Observer {
            Observer::new(self.dir.path(), &self.env, &[]).unwrap()
        }
        fn write(&self, path: &str, bytes: &[u8]) {
            let path = self.dir.path().join(path);
            fs::create_dirs(path.parent().unwrap()).unwrap();
            fs::write_atomic(&path, bytes).unwrap();
        }
        fn script(&self, text: &str) -> Answer {
            let command = CaptureCommand::Script {
                interpreter: script::interpreter("sh").argv,
                text: text.into(),
            };
            let env = [("name".to_owned(), "a b".to_owned())].into();
            self.observer().answer(&Query::Capture(Capture {
                command,
                env,
                dir: ProjectPath::root(),
            }))
        }
        /// Runs git with an identity and no settings of the user's.
        fn git(&self, args: &[&str]) -> String {
            let mut command = Command::new("git");
            command.args([
                "-c",
                "user.name=t",
                "-c",
                "user.email=t@example.org",
                "-c",
                "init.defaultBranch=trunk",
            ]);
            command
                .args(args)
                .current_dir(self.dir.path())
                .env("GIT_CONFIG_GLOBAL", "/dev/null");
            text(output(command, CAPTURE_TIMEOUT), "git").unwrap()
        }
    }
    fn path(text: &str) -> ProjectPath {
        ProjectPath::root().resolve(text).unwrap()
    }
    fn said(text: &str) -> Answer {
        Answer::Text(Some(text.to_owned()))
    }

    #[test]
    fn files_and_variables() {
        let place = Place::new();
        place.write("a/b.txt", b"text\n");
        place.write("bad", b"\xff");
        let observer = place.observer();
        let mut answers = Answers::default();
        let queries = vec![
            Query::Read(path("a/b.txt")),
            Query::Read(path("none")),
            Query::Read(path("bad")),
            Query::Presence(path("a")),
            Query::Presence(path("a/b.txt/c")),
            Query::Env("HOME".into()),
            Query::Env("NONE".into()),
            Query::EnvMatching("GIT_*".into()),
            Query::Glob {
                include: vec!["**/*.txt".into()],
                exclude: vec![],
            },
            Query::Which("no-such-program".into()),
        ];
        observer.answer_all(queries.clone(), &mut answers);
        let expected = [
            said("text\n"),
            Answer::Text(None),
            Answer::Failed("it is not UTF-8".into()),
            Answer::Presence(Presence::Dir),
            Answer::Presence(Presence::Missing),
            said("/nowhere"),
            Answer::Text(None),
            Answer::Variables([("GIT_X".to_owned(), "1".to_owned())].into()),
            Answer::Paths(vec![path("a/b.txt")]),
            Answer::Program(None),
        ];
        for (query, expected) in queries.iter().zip(expected) {
            assert_eq!(answers.get(query), Some(&expected), "{query:?}");
        }
    }

    #[test]
    fn captures_see_the_callers_environment_and_theirs() {
        let place = Place::new();
        assert_eq!(
            place.script("echo \"$name|$HOME\"; echo; read x || echo end"),
            said("a b|/nowhere\n\nend")
        );
        let Answer::Failed(reason) = place.script("echo no >&2; exit 3") else {
            panic!()
        };
        assert_eq!(reason, "`the script` exited with status 3 and said:\nno");
        let Answer::Failed(reason) = place.script("false; echo yes") else {
            panic!()
        };
        assert_eq!(reason, "`the script` exited with status 1");
        let Answer::Failed(reason) = place.script("kill -9 $$") else {
            panic!()
        };
        assert_eq!(reason, "`the script` was ended by signal 9");
        let argv = CaptureCommand::Argv(vec!["no-such-program".into()]);
        let query = Query::Capture(Capture {
            command: argv,
            env: BTreeMap::new(),
            dir: ProjectPath::root(),
        });
        assert_eq!(
            place.observer().answer(&query),
            Answer::Failed("PATH holds no `no-such-program`".into())
        );
    }

    #[test]
    fn a_command_that_does_not_end_or_prints_without_end_is_stopped() {
        let mut command = Command::new("sleep");
        command.arg("1000");
        assert!(matches!(
            output(command, std::time::Duration::from_millis(20)),
            Ok(Said::TimedOut)
        ));
        assert!(matches!(
            output(Command::new("yes"), CAPTURE_TIMEOUT),
            Ok(Said::TooMuch)
        ));
    }

    #[test]
    fn git_facts() {
        let place = Place::new();
        let ask = |fact| place.observer().answer(&Query::Git(fact));
        assert_eq!(
            ask(GitFact::Commit),
            Answer::Failed("this is not a git repository".into())
        );
        place.git(&["init", "-q"]);
        assert_eq!(ask(GitFact::Branch), said("trunk"));
        place.write("a", b"1");
        place.git(&["add", "a"]);
        place.git(&["commit", "-qm", "one"]);
        let commit = place.git(&["rev-parse", "HEAD"]);
        assert_eq!(ask(GitFact::Commit), said(&commit));
        assert_eq!(ask(GitFact::Dirty), said("false"));
        place.git(&["tag", "v1"]);
        place.git(&["pack-refs", "--all"]);
        assert_eq!(ask(GitFact::Commit), said(&commit));
        place.write("a", b"2");
        assert_eq!(ask(GitFact::Dirty), said("true"));
        assert_eq!(ask(GitFact::Describe), said("v1-dirty"));
        place.git(&["worktree", "add", "-q", "-b", "side", "tree"]);
        let tree = Observer::new(&place.dir.path().join("tree"), &place.env, &[]).unwrap();
        assert_eq!(tree.answer(&Query::Git(GitFact::Branch)), said("side"));
        assert_eq!(tree.answer(&Query::Git(GitFact::Commit)), said(&commit));
        place.git(&["checkout", "-q", "--detach"]);
        assert_eq!(ask(GitFact::Branch), said(""));
    }
}
