//! What rows say of files and answers on disk. Whole graphs are saved and read back by the end-to-end tests.

use crate::base::digest::Digest;
use crate::base::fs;
use crate::base::path::{InputPath, ProjectPath};
use crate::cli::observe::Observer;
use crate::cli::saved::asked::AskedRows;
use crate::cli::saved::rows::Rows;
use crate::cli::saved::secret::Secrets;
use crate::execute::seen::Looked;
use crate::fingerprint::content::Content;
use crate::plan::query::{Answer, Answers, Capture, CaptureCommand, Presence, Query};
use crate::plan::resolve::Request;
use crate::state::dir::{Access, StateDir};
use crate::state::memo::{self, Memo};
use crate::state::snapshot::{FileRow, Links, Seen};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

struct Place {
    root: tempfile::TempDir,
    dir: StateDir,
}

fn place(files: &[&str]) -> Place {
    let root = tempfile::tempdir().unwrap();
    let dir = StateDir::open(root.path(), Access::Write).unwrap();
    let place = Place { root, dir };
    files.iter().for_each(|name| place.write(name, name));
    place
}

impl Place {
    fn path(&self, name: &str) -> std::path::PathBuf {
        self.root.path().join(name)
    }
    fn write(&self, name: &str, text: &str) {
        let path = self.path(name);
        fs::create_dirs(path.parent().unwrap()).unwrap();
        fs::write_atomic(&path, text.as_bytes()).unwrap();
    }
    /// As if the files had been at rest when they were hashed.
    fn memo(&self, known: &[&str]) -> Memo {
        let lines = known.iter().map(|name| {
            let stat = fs::stat(&self.path(name)).unwrap();
            let digest = fs::hash_file(&self.path(name)).unwrap();
            (name.as_bytes().into(), stat, digest)
        });
        memo::append(&self.dir, lines).unwrap();
        Memo::open(&self.dir).unwrap()
    }
    fn observer(&self) -> Observer {
        Observer::new(self.root.path(), &BTreeMap::new(), &[])
            .unwrap()
            .noting()
    }
}

fn held(text: &str) -> Content {
    Content::File {
        digest: Digest::of(text.as_bytes()),
        executable: false,
    }
}
fn project(name: &str) -> ProjectPath {
    ProjectPath::root().resolve(name).unwrap()
}
/// `path how content`, sorted.
fn told(rows: &[FileRow]) -> Vec<String> {
    let mut told: Vec<String> = rows
        .iter()
        .map(|row| {
            let how = match row.seen {
                Seen::Absent => "absent",
                Seen::As(_) => "as",
                Seen::Doubtful => "doubtful",
            };
            let links = match row.links {
                Links::Follow => "follow",
                Links::Keep => "keep",
            };
            let content = match row.content {
                None => "",
                Some(Content::File { .. }) => " file",
                Some(Content::Link { .. }) => " link",
                Some(_) => " odd",
            };
            let path = String::from_utf8_lossy(&row.path);
            format!("{path} {links} {how}{content}")
        })
        .collect();
    told.sort();
    told
}
fn all(rows: &Rows<'_>) -> Vec<String> {
    told(&rows.files.rows().values().cloned().collect::<Vec<_>>())
}

#[test]
fn a_file_is_trusted_as_far_as_the_memo_knows_it_to_hold_this() {
    let place = place(&["known", "unknown", "other"]);
    let memo = place.memo(&["known", "other"]);
    let mut rows = Rows::new(place.root.path(), &memo);
    let mut ids = Vec::new();
    for name in ["known", "unknown", "other"] {
        let content = held(if name == "other" { "former" } else { name });
        assert!(rows.input(&InputPath::Project(project(name)), content, &mut ids));
    }
    let gone = InputPath::Project(project("gone"));
    assert!(rows.input(&gone, Content::Absent, &mut ids));
    rows.absent(&project("optional"));
    let tool = InputPath::Outside(place.path("known"));
    assert!(rows.input(&tool, held("known"), &mut ids));
    assert_eq!(ids.last(), ids.first(), "one path, one row");
    assert_eq!(
        all(&rows),
        [
            "gone follow absent",
            "known follow as file",
            "optional keep absent",
            "other follow doubtful file",
            "unknown follow doubtful file",
        ]
    );
}

#[test]
fn contents_that_contradict_each_other_are_never_good() {
    let place = place(&["a"]);
    let memo = place.memo(&["a"]);
    let mut rows = Rows::new(place.root.path(), &memo);
    let mut ids = Vec::new();
    assert!(rows.output("a", held("a"), &mut ids));
    assert!(rows.output("a", held("b"), &mut ids));
    assert_eq!(all(&rows), ["a keep doubtful"]);
}

#[test]
fn a_tree_is_a_row_for_each_part_or_none() {
    let place = place(&["t/a", "t/sub/b"]);
    fs::create_dirs(&place.path("t/empty")).unwrap();
    fs::symlink(Path::new("a"), &place.path("t/link")).unwrap();
    let memo = place.memo(&["t/a", "t/sub/b"]);
    let content = memo.output_content(&project("t")).unwrap();
    let mut rows = Rows::new(place.root.path(), &memo);
    let mut ids = Vec::new();
    assert!(rows.output("t", content, &mut ids));
    let tree = InputPath::Project(project("t"));
    assert!(rows.input(&tree, content, &mut ids));
    // What was made this very moment is in doubt.
    let parts: Vec<String> = all(&rows)
        .iter()
        .map(|row| row.replace(" doubtful", "").replace(" as", ""))
        .collect();
    assert_eq!(
        parts,
        [
            "t follow",
            "t keep",
            "t/a keep file",
            "t/empty keep",
            "t/link keep link",
            "t/sub keep",
            "t/sub/b keep file",
        ]
    );
    let mut rows = Rows::new(place.root.path(), &memo);
    let other = Content::Tree {
        digest: Digest::of(b"another"),
    };
    assert!(!rows.output("t", other, &mut ids), "another tree");
    place.write("t/new", "new");
    let content = memo.output_content(&project("t")).unwrap();
    assert!(!rows.output("t", content, &mut ids), "a file is not known");
}

#[test]
fn a_link_is_what_it_says() {
    let place = place(&["a"]);
    fs::symlink(Path::new("a"), &place.path("l")).unwrap();
    let memo = place.memo(&["a"]);
    let mut rows = Rows::new(place.root.path(), &memo);
    let mut ids = Vec::new();
    let content = memo.output_content(&project("l")).unwrap();
    assert!(rows.output("l", content, &mut ids));
    let target = InputPath::Project(project("l"));
    assert!(rows.input(&target, held("a"), &mut ids));
    // Followed, it is a file that was not hashed by this name.
    assert_eq!(
        all(&rows),
        ["l follow doubtful file", "l keep doubtful link"]
    );
}

#[test]
fn a_question_is_one_row_for_each_of_its_answers() {
    let place = place(&["src/a.c", "text"]);
    fs::symlink(Path::new("a.c"), &place.path("src/l.c")).unwrap();
    let memo = place.memo(&[]);
    let observer = place.observer();
    let glob = |pattern: &str| Query::Glob {
        include: vec![pattern.to_owned()],
        exclude: Vec::new(),
    };
    let queries = vec![
        glob("src/*.c"),
        glob("none/*.c"),
        Query::Read(project("text")),
        Query::Presence(project("gone")),
        Query::Env("HOME".to_owned()),
    ];
    let mut answers = Answers::default();
    observer.answer_all(queries.clone(), &mut answers);
    let mut rows = Rows::new(place.root.path(), &memo);
    let mut asked = AskedRows::new(place.root.path(), &answers, &observer);
    let files = |asked: &AskedRows<'_>, rows: &Rows<'_>, id| {
        let files = asked.rows[id].files.clone()?;
        let files: Vec<FileRow> = files
            .iter()
            .map(|&file| rows.files.rows()[file].clone())
            .collect();
        Some(told(&files).join(", ").replace("doubtful", "as"))
    };
    let expected = [
        Some("src follow as, src/l.c follow as"),
        Some("none follow absent"),
        Some("text follow as file"),
        Some("gone follow absent"),
        None,
    ];
    for (query, expected) in queries.iter().zip(expected) {
        let (query, _) = answers.find(query).unwrap();
        let id = asked.planned(query, &mut rows).unwrap();
        assert_eq!(asked.planned(query, &mut rows), Some(id));
        assert_eq!(files(&asked, &rows, id).as_deref(), expected, "{query:?}");
        let again = Looked::anew(Arc::new(Query::clone(query)), answers.get(query).unwrap());
        assert_eq!(asked.looked(&again, &mut rows), Some(id), "by value");
    }
    let otherwise = Looked::anew(
        Arc::new(Query::Presence(project("gone"))),
        &Answer::Presence(Presence::Dir),
    );
    let id = asked.looked(&otherwise, &mut rows).unwrap();
    assert_eq!(asked.rows.len(), 6);
    assert_eq!(asked.rows[id].files, None, "nobody has seen that");
    let never = Arc::new(Query::Env("NEVER".to_owned()));
    assert_eq!(asked.planned(&never, &mut rows), None);
}

#[test]
fn a_directory_that_the_run_itself_changed_is_looked_at_again() {
    let place = place(&["src/a.c"]);
    let memo = place.memo(&[]);
    let observer = place.observer();
    let glob = Query::Glob {
        include: vec!["src/*.c".to_owned()],
        exclude: Vec::new(),
    };
    let mut answers = Answers::default();
    observer.answer_all(vec![glob.clone()], &mut answers);
    let answer = answers.get(&glob).unwrap().digest();
    place.write("src/a.o", "made");
    let mut rows = Rows::new(place.root.path(), &memo);
    let mut asked = AskedRows::new(place.root.path(), &answers, &observer);
    let id = asked.add(&glob, answer, None, &mut rows);
    assert_eq!(asked.rows[id].files.as_ref().map(Vec::len), Some(1));
    // Another answer by now: what the first one rested on stays.
    let observer = place.observer();
    observer.answer_all(vec![glob.clone()], &mut answers);
    place.write("src/b.c", "new");
    let mut asked = AskedRows::new(place.root.path(), &answers, &observer);
    let id = asked.add(&glob, answer, None, &mut rows);
    assert_eq!(asked.rows[id].files.as_ref().map(Vec::len), Some(1));
    assert!(observer.rests().unwrap().take(&glob, answer).is_none());
}

#[test]
fn secrets_are_found_in_whatever_was_made_of_them() {
    let mut answers = Answers::default();
    let token = Answer::Text(Some("hunter22".to_owned()));
    answers.insert(Query::Env("MY_TOKEN".to_owned()), token);
    answers.insert(Query::Env("HOME".to_owned()), Answer::Text(None));
    let capture = |value: &str| {
        Query::Capture(Capture {
            command: CaptureCommand::Argv(vec!["date".to_owned()]),
            env: BTreeMap::from([("t".to_owned(), value.to_owned())]),
            dir: ProjectPath::root(),
        })
    };
    answers.insert(capture("so hunter22!"), Answer::Text(None));
    answers.insert(capture("nothing"), Answer::Text(None));
    let secrets = Secrets::of(&answers, &Request::default());
    assert!(secrets.are_in_query(&capture("hunter22")) && !secrets.are_in_query(&capture("22")));
    let told: Vec<&Query> = secrets
        .without(&answers)
        .iter()
        .map(|(query, _)| *query)
        .collect();
    let home = Query::Env("HOME".to_owned());
    assert_eq!(told, [&home, &capture("nothing")]);
    let bytes = postcard::to_stdvec(&secrets.without(&answers)).unwrap();
    let read: Answers = postcard::from_bytes(&bytes).unwrap();
    assert_eq!(read.iter().count(), 2, "as answers are stored");
    assert!(!Secrets::of(&Answers::default(), &Request::default()).are_in(&bytes));
}
