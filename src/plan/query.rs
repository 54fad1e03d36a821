//! What planning asks of the world, and what it was told. The pairs are the record of everything that a graph rests
//! on: a graph holds for as long as asking again gives the same answers.

use crate::base::digest::Digest;
use crate::base::fs::FileKind;
use crate::base::later::Later;
use crate::base::path::{InputPath, ProjectPath};
use crate::golang::cgo::CgoInputs;
use crate::golang::list::{EmbedPattern, GoRequest};
use crate::golang::testing::graph::TestGraph;
use crate::image::reference::Reference;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// A question about the world. Equal questions have equal answers within a run.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Query {
    /// The files (never directories) that any of `include` matches and none of `exclude` does, sorted.
    /// Patterns are project-relative and normalised. Answer: `Paths`.
    Glob {
        include: Vec<String>,
        exclude: Vec<String>,
    },
    /// Answer: `Text`, None where there is no such file; `Failed` where it cannot be read or is not UTF-8.
    Read(ProjectPath),
    /// What is on disk at a path. Answer: `Presence`.
    Presence(ProjectPath),
    /// Where PATH finds a program (a name without `/`). Answer: `Program`.
    Which(String),
    /// A variable of the caller (or of the dotenv files). Answer: `Text`.
    Env(String),
    /// All variables of the caller whose names match a glob such as `GIT_*`. Answer: `Variables`.
    EnvMatching(String),
    /// Answer: `Text`.
    Host(HostFact),
    /// Answer: `Text`; `Failed` outside of a repository.
    Git(GitFact),
    /// Answer: `Text` (stdout without its trailing newlines), or `Failed`.
    Capture(Capture),
    /// The import graph of Go packages. Answer: `Go`, or `Failed`.
    Go(GoRequest),
    /// The digest of what an image's name with a tag stands for: as recorded, or from its registry. Answer: `Text`
    /// (`sha256:…`), or `Failed`.
    BaseImage(Reference),
    /// What is on disk at many names of one directory, sorted: one question instead of 100,000. Answer: `Presences`.
    Presences {
        dir: ProjectPath,
        /// Shared: the question goes to several places.
        names: Arc<[String]>,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum HostFact {
    /// As Go names it: linux, darwin, windows.
    Os,
    /// As Go names it: amd64, arm64.
    Arch,
    Cpus,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum GitFact {
    Describe,
    Commit,
    Branch,
    /// `"true"` or `"false"`.
    Dirty,
    /// Where the repository was cloned from (`origin`), without credentials; none where it has no such remote.
    Remote,
    /// When HEAD was committed: seconds since 1970.
    CommitTime,
}

/// `capture("…")` or `capture(["argv"])`: runs in `dir` with the caller's environment plus `env`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Capture {
    pub command: CaptureCommand,
    pub env: BTreeMap<String, String>,
    pub dir: ProjectPath,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum CaptureCommand {
    Script {
        interpreter: Vec<String>,
        text: String,
    },
    Argv(Vec<String>),
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Answer {
    Paths(Vec<ProjectPath>),
    Text(Option<String>),
    Presence(Presence),
    Program(Option<PathBuf>),
    Variables(BTreeMap<String, String>),
    Go(GoAnswer),
    /// Why it could not be answered, as a sentence for the user.
    Failed(String),
    /// The names at which there is no file.
    Presences(BTreeMap<String, Presence>),
}

impl Answer {
    /// Equal answers have equal digests, and other answers others.
    pub fn digest(&self) -> Digest {
        Digest::of(&postcard::to_stdvec(self).expect("answers are plain data"))
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Presence {
    Missing,
    File,
    Dir,
}

impl Presence {
    /// None: nothing is there.
    pub fn of(kind: Option<FileKind>) -> Self {
        match kind {
            None => Self::Missing,
            Some(FileKind::Dir) => Self::Dir,
            Some(FileKind::File | FileKind::Symlink | FileKind::Other) => Self::File,
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct GoAnswer {
    /// Files that the build (or test) can read, sorted.
    pub files: Vec<InputPath>,
    /// Directories of the project's packages among them, also of those that do not exist yet.
    pub package_dirs: Vec<ProjectPath>,
    /// `//go:embed` patterns of these packages.
    pub embeds: Vec<EmbedPattern>,
    /// Counted values: the toolchain and `go env`, third-party modules by version.
    pub facts: BTreeMap<String, String>,
    /// The user has put a program of his own behind Go's build cache.
    pub has_cache_program: bool,
    /// For tests: which packages' contents the tests of each package can see.
    pub tests: Option<TestGraph>,
    /// Those of the files that flags name, and profiles: they count for all packages.
    pub named: Box<[InputPath]>,
    /// What cgo reads beside the files of its packages.
    pub cgo: Box<CgoInputs>,
    /// What `go list` complained of; a build may still work once generated files exist.
    pub errors: Vec<String>,
}

/// All answers of a run. Who notes what was asked shares the queries.
#[derive(Debug, Default)]
pub struct Answers(Later<BTreeMap<Arc<Query>, Answer>>);

impl Answers {
    /// They are made when one is first asked for.
    pub fn later(make: impl Fn() -> Self + Send + Sync + 'static) -> Self {
        Self(Later::made_by(Arc::new(move || {
            std::mem::take(&mut *make().0)
        })))
    }
    pub fn get(&self, query: &Query) -> Option<&Answer> {
        self.0.get(query)
    }
    /// As [`Answers::get`], with the query as it is kept here.
    pub fn find(&self, query: &Query) -> Option<(&Arc<Query>, &Answer)> {
        self.0.get_key_value(query)
    }
    pub fn insert(&mut self, query: Query, answer: Answer) {
        self.0.insert(Arc::new(query), answer);
    }
    /// As [`Answers::insert`] for many at once.
    pub fn extend(&mut self, pairs: impl IntoIterator<Item = (Query, Answer)>) {
        let pairs = pairs.into_iter();
        let mut more: BTreeMap<Arc<Query>, Answer> = pairs
            .map(|(query, answer)| (Arc::new(query), answer))
            .collect();
        self.0.append(&mut more);
    }
    /// Keeps the answers that still hold.
    pub fn retain(&mut self, mut holds: impl FnMut(&Query, &Answer) -> bool) {
        self.0.retain(|query, answer| holds(query, answer));
    }
    pub fn iter(&self) -> impl Iterator<Item = (&Query, &Answer)> {
        self.0.iter().map(|(query, answer)| (&**query, answer))
    }
}

/// As stored: pairs in the order of the queries, so that reading them back is one pass.
impl Serialize for Answers {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter())
    }
}
impl<'de> Deserialize<'de> for Answers {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let pairs = Vec::<(Arc<Query>, Answer)>::deserialize(deserializer)?;
        let answers: BTreeMap<_, _> = pairs.into_iter().collect();
        Ok(Self(answers.into()))
    }
}

/// Queries that were asked, whether or not they were answered before: by address, because the answered ones are shared.
#[derive(Debug, Default)]
pub struct Asked {
    found: Vec<Arc<Query>>,
    /// Where the list is longer than this, what stands in it twice is taken out.
    limit: usize,
}

/// Most targets ask less than this.
const FEW: usize = 64;

impl Asked {
    pub fn note(&mut self, query: &Arc<Query>) {
        self.found.push(query.clone());
        if self.found.len() > self.limit.max(FEW) {
            self.unify();
            self.limit = 2 * self.found.len();
        }
    }
    /// Each query once; in no particular order.
    pub fn take(&mut self) -> Vec<Arc<Query>> {
        self.unify();
        std::mem::take(&mut self.found)
    }
    fn unify(&mut self) {
        self.found.sort_unstable_by_key(Arc::as_ptr);
        self.found.dedup_by_key(|query| Arc::as_ptr(query));
    }
}

/// How a pass that needs answers ends.
#[derive(Debug)]
pub enum Outcome<T, E> {
    Ready(T),
    /// Nothing is wrong so far, but these must be answered first. Never empty.
    Wanting(Vec<Query>),
    /// Everything that is wrong, in the order of the text.
    Failed(Vec<E>),
}

/// Limits of a capture, so that planning cannot hang for ever.
pub const CAPTURE_TIMEOUT: Duration = Duration::from_secs(60);
