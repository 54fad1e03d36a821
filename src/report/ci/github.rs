//! GitHub Actions: groups in the log, annotations at the file and line of what failed, a summary of the job. The forms are
//! those of GitHub's "Workflow commands". What commands print is passed through as it is, workflow commands included: some
//! programs speak to the service on purpose, and a log cannot tell them from others.

use crate::event::tests::{TestCase, TestOutcome};
use crate::event::{Event, Summary};
use crate::report::ci::problems::{Place, problems};
use crate::report::ci::{Brackets, summary};
use crate::report::consumer::{Consumer, Mistake};
use crate::report::sink::Sink;
use crate::report::story::{Story, Told};
use crate::report::text::without_escapes;
use std::collections::BTreeSet;
use std::path::{Component, Path, PathBuf};
use std::sync::{Mutex, PoisonError};

/// Annotations that one target may have: GitHub shows ten of a step.
const MOST: usize = 10;
/// Characters of an annotation's message.
const LONGEST: usize = 1000;
/// Lines of output that a message repeats where no place is known.
const LINES: usize = 10;

pub struct Github {
    log: Sink,
    places: Places,
    /// Where the summary of the job goes.
    summary: Option<PathBuf>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    story: Story,
    told: Vec<Told>,
    end: Summary,
}

/// How paths in a log become paths of the repository.
#[derive(Debug, Clone)]
pub struct Places {
    /// The project's root.
    pub root: PathBuf,
    /// The repository's, which annotations are relative to.
    pub repository: PathBuf,
    /// The directory that Gofiles are named from.
    pub cwd: PathBuf,
}

/// One line of the log that the service makes a note of.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Annotation {
    command: &'static str,
    file: Option<String>,
    line: usize,
    column: usize,
    title: String,
    message: String,
}

impl Github {
    pub fn new(log: Sink, places: Places, summary: Option<PathBuf>) -> Self {
        Self {
            log,
            places,
            summary,
            state: Mutex::default(),
        }
    }
}

impl Consumer for Github {
    fn handle(&self, event: &Event) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(told) = state.story.handle(event) {
            for annotation in annotations(&told, &self.places) {
                self.log.write(annotation.text().as_bytes());
            }
            state.told.push(told);
        }
        if let Event::Summary(summary) = event {
            state.end = summary.clone();
        }
    }

    fn wrong(&self, mistake: &Mistake) {
        self.log
            .write(of_mistake(mistake, &self.places).text().as_bytes());
    }

    fn finish(&self, _status: u8) -> Result<(), String> {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        match &self.summary {
            Some(path) if !state.told.is_empty() => summary::append(path, &state.told, &state.end),
            _ => Ok(()),
        }
    }
}

/// A group under the first line of the heading.
pub fn group(heading: &str) -> Brackets {
    Brackets {
        open: format!("::group::{heading}"),
        close: "::endgroup::\n".to_owned(),
    }
}

/// What there is to note about a target that failed: its tests, else what its output names, else its place in the Gofile.
fn annotations(told: &Told, places: &Places) -> Vec<Annotation> {
    let Some(failure) = told.failure() else {
        return Vec::new();
    };
    let title = format!("{} {} failed", told.kind, told.name);
    let mut found = Vec::new();
    for case in told.tests.iter().flat_map(|report| &report.cases) {
        found.extend(of_case(case, told, places));
    }
    // What a runner prints about a test that has told of itself says nothing new.
    let told_already: BTreeSet<_> = found.iter().map(Annotation::place).collect();
    for problem in problems(&told.output) {
        let place = problem.places.iter().find_map(|place| {
            let file = places.find(&told.dir, "", &place.path)?;
            Some((file, place))
        });
        if let Some((file, place)) = place {
            let place = Some((file, place.line, place.column));
            let note = note(place, &title, &problem.message);
            if !told_already.contains(&note.place()) {
                found.push(note);
            }
        }
    }
    let mut seen = BTreeSet::new();
    found.retain(|one| seen.insert((one.file.clone(), one.line, one.message.clone())));
    found.truncate(MOST);
    if found.is_empty() {
        let mut message = failure.how.clone();
        let lines: Vec<&str> = told.output.trim_end().lines().collect();
        for line in &lines[lines.len().saturating_sub(LINES)..] {
            message.push('\n');
            message.push_str(line);
        }
        found.push(note(places.gofile(&failure.place), &title, &message));
    }
    found
}

fn of_case(case: &TestCase, told: &Told, places: &Places) -> Option<Annotation> {
    let TestOutcome::Failed { message, text } = &case.outcome else {
        return None;
    };
    let text = without_escapes(text);
    let told_place = case.place.as_ref().map(|(path, line)| Place {
        path: path.clone(),
        line: *line as usize,
        column: 0,
    });
    let in_text = problems(&text).into_iter().flat_map(|one| one.places);
    let found = told_place.into_iter().chain(in_text).find_map(|place| {
        let file = places.find(&told.dir, &case.suite, &place.path)?;
        Some((file, place.line, place.column))
    })?;
    let name = match case.suite.as_str() {
        "" => case.name.clone(),
        suite => format!("{suite} {}", case.name),
    };
    let title = format!("test {} failed: {name}", told.name);
    Some(note(Some(found), &title, message))
}

fn of_mistake(mistake: &Mistake, places: &Places) -> Annotation {
    let mut message = mistake.message.clone();
    if let Some(help) = &mistake.help {
        message.push_str(&format!("\nhelp: {help}"));
    }
    let place = mistake.place.as_ref().map(|(file, line, column)| {
        let named = places.repository_path(&places.cwd.join(file));
        (named.unwrap_or_else(|| file.clone()), *line, *column)
    });
    Annotation {
        command: if mistake.is_error { "error" } else { "warning" },
        ..note(place, mistake.code.as_deref().unwrap_or("gomake"), &message)
    }
}

fn note(place: Option<(String, usize, usize)>, title: &str, message: &str) -> Annotation {
    let (file, line, column) = match place {
        Some((file, line, column)) => (Some(file), line, column),
        None => (None, 0, 0),
    };
    let message = match message.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &message[..end]),
        None => message.to_owned(),
    };
    Annotation {
        command: "error",
        file,
        line,
        column,
        title: title.to_owned(),
        message,
    }
}

impl Annotation {
    fn place(&self) -> (Option<String>, usize) {
        (self.file.clone(), self.line)
    }

    fn text(&self) -> String {
        let mut properties = Vec::new();
        if let Some(file) = &self.file {
            properties.push(format!("file={}", property(file)));
            let places = [("line", self.line), ("col", self.column)];
            let known = places.iter().filter(|(_, number)| *number > 0);
            properties.extend(known.map(|(name, number)| format!("{name}={number}")));
        }
        properties.push(format!("title={}", property(&self.title)));
        format!(
            "::{} {}::{}\n",
            self.command,
            properties.join(","),
            data(&self.message)
        )
    }
}

/// The escapes of a workflow command's text.
fn data(text: &str) -> String {
    text.replace('%', "%25")
        .replace('\r', "%0D")
        .replace('\n', "%0A")
}

/// Those of its properties, which end at a colon or a comma.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

impl Places {
    /// A file of the repository that a log names: relative to the command's directory or to the project; one in a Go package
    /// by the package's path. None where no such file is in the project.
    fn find(&self, dir: &str, suite: &str, named: &str) -> Option<String> {
        let named = named.strip_prefix("file://").unwrap_or(named);
        let path = Path::new(named);
        if path.is_absolute() {
            return self.file(path);
        }
        let near = [self.root.join(dir).join(path), self.root.join(path)];
        let near = near.iter().find_map(|path| self.file(path));
        near.or_else(|| {
            // `example.com/module/internal/x` is `internal/x` of some module here.
            let parts: Vec<&str> = suite.split('/').collect();
            let tails = (1..parts.len()).map(|from| parts[from..].join("/"));
            tails
                .flat_map(|tail| {
                    let tail = Path::new(&tail).join(path);
                    [self.root.join(dir).join(&tail), self.root.join(&tail)]
                })
                .find_map(|path| self.file(&path))
        })
    }

    /// A file of the project, as the repository calls it.
    fn file(&self, path: &Path) -> Option<String> {
        let path = normal(path)?;
        let inside = path.strip_prefix(&self.root).ok()?;
        let is_ours = inside.components().next() != Some(Component::Normal(".gomake".as_ref()));
        let is_file = || {
            crate::base::fs::stat(&path)
                .is_ok_and(|stat| stat.kind == crate::base::fs::FileKind::File)
        };
        (is_ours && is_file())
            .then(|| self.repository_path(&path))
            .flatten()
    }

    fn repository_path(&self, path: &Path) -> Option<String> {
        let path = normal(path)?;
        let inside = path.strip_prefix(&self.repository).ok()?;
        inside.to_str().map(str::to_owned)
    }

    /// `api/Gofile:12:3`, as it is shown to people.
    fn gofile(&self, place: &str) -> Option<(String, usize, usize)> {
        let (rest, column) = place.rsplit_once(':')?;
        let (file, line) = rest.rsplit_once(':')?;
        let file = self.repository_path(&self.cwd.join(file))?;
        Some((file, line.parse().ok()?, column.parse().ok()?))
    }
}

/// Without `.` and `..`. Links are not followed: a log names files as it came to them.
fn normal(path: &Path) -> Option<PathBuf> {
    let mut out = PathBuf::new();
    for part in path.components() {
        match part {
            Component::ParentDir => {
                if !out.pop() {
                    return None;
                }
            }
            Component::CurDir => {}
            part => out.push(part),
        }
    }
    Some(out)
}

#[cfg(test)]
mod tests;
