//! What is on disk, beside what a snapshot says of it.

use super::*;
use crate::state::memo::Memo;
use std::os::unix::fs::PermissionsExt;

/// As a run would record what is there now, at rest.
fn seen(project: &Project, name: &str, links: Links) -> FileRow {
    let path = project.path(name);
    let stat = match links {
        Links::Follow => fs::stat(&path),
        Links::Keep => fs::lstat(&path),
    };
    let stat = fs::if_exists(stat).unwrap();
    let content = stat.and_then(|stat| match stat.kind {
        FileKind::File => Some(Content::File {
            digest: fs::hash_file(&path).unwrap(),
            executable: stat.is_executable(),
        }),
        FileKind::Symlink => Some(Content::Link {
            digest: Digest::of(fs::read_link(&path).unwrap().as_os_str().as_encoded_bytes()),
        }),
        FileKind::Dir | FileKind::Other => None,
    });
    FileRow {
        path: name.as_bytes().into(),
        links,
        seen: stat.map_or(Seen::Absent, Seen::As),
        content,
    }
}

/// A snapshot of one target that rests on these rows.
fn resting_on(project: &Project, rows: Vec<FileRow>) -> Snapshot {
    let mut draft = Draft {
        origin: origin(),
        ..Draft::default()
    };
    let files = rows.into_iter().map(|row| draft.files.add(row)).collect();
    draft.targets.push(DraftTarget {
        name: "t".to_owned(),
        files,
        is_settled: true,
        ..DraftTarget::default()
    });
    project.snapshot(&draft)
}

fn path_of(snapshot: &Snapshot, id: FileId) -> String {
    String::from_utf8(snapshot.file(id).path.into()).unwrap()
}

/// The paths that are not good, and those that are good but look otherwise.
fn look(project: &Project, snapshot: &Snapshot, tail: &Tail) -> (Vec<String>, Vec<String>) {
    let reach = snapshot.reach(&[TargetId(0)]);
    let looked = snapshot.look(project.root.path(), &reach, tail);
    let moved = looked.moved.iter().map(|&id| path_of(snapshot, id));
    let refreshed = looked
        .refreshed
        .iter()
        .map(|&(id, _)| path_of(snapshot, id));
    let (mut moved, mut refreshed): (Vec<_>, Vec<_>) = (moved.collect(), refreshed.collect());
    moved.sort();
    refreshed.sort();
    let doubtful = snapshot.doubtful(&reach, &looked, &[], tail);
    assert_eq!(doubtful.is_empty(), moved.is_empty());
    (moved, refreshed)
}

fn moved_by(names: &[&str], change: impl FnOnce(&Project)) -> Vec<String> {
    let project = project();
    for name in ["src/a", "src/b", "src/c", "lib/d"] {
        project.write(name, name.as_bytes());
    }
    for (to, link) in [("a", "src/link"), ("gone", "src/dangling"), ("lib", "dir")] {
        fs::symlink(Path::new(to), &project.path(link)).unwrap();
    }
    let rows = names.iter().flat_map(|name| {
        let follow = seen(&project, name, Links::Follow);
        [follow, seen(&project, name, Links::Keep)]
    });
    let snapshot = resting_on(&project, rows.collect());
    assert_eq!(look(&project, &snapshot, &Tail::default()).0, [""; 0]);
    change(&project);
    look(&project, &snapshot, &Tail::default()).0
}

fn touch(path: &Path) {
    let file = std::fs::File::options().append(true).open(path).unwrap();
    file.set_modified(std::time::UNIX_EPOCH).unwrap();
}

#[test]
fn what_holds_the_same_is_good() {
    let names = [
        "src/a",
        "src/b",
        "src/link",
        "none",
        "src/dangling",
        "dir/d",
        "",
    ];
    assert_eq!(moved_by(&names, |_| ()), [""; 0]);
    let touched = moved_by(&["src/a", "src/link"], |project| {
        touch(&project.path("src/a"))
    });
    assert_eq!(touched, [""; 0]);
    let rewritten = moved_by(&["src/a"], |project| project.write("src/a", b"src/a"));
    assert_eq!(rewritten, [""; 0]);
    let relinked = moved_by(&["src/link"], |project| {
        fs::remove_file(&project.path("src/link")).unwrap();
        fs::symlink(Path::new("a"), &project.path("src/link")).unwrap();
    });
    assert_eq!(relinked, [""; 0]);
}

#[test]
fn what_changed_has_moved() {
    let names = ["src/a", "src/b", "none"];
    let moved = |change: fn(&Project)| moved_by(&names, change);
    assert_eq!(
        moved(|project| project.write("src/a", b"SRC/A")),
        ["src/a"; 2]
    );
    let mode = |project: &Project| fs::set_mode(&project.path("src/a"), 0o755).unwrap();
    assert_eq!(moved(mode), ["src/a"; 2]);
    assert_eq!(
        moved(|project| fs::remove_file(&project.path("src/b")).unwrap()),
        ["src/b"; 2]
    );
    assert_eq!(moved(|project| project.write("none", b"")), ["none"; 2]);
    let directory = |project: &Project| {
        fs::remove_file(&project.path("src/a")).unwrap();
        fs::create_dirs(&project.path("src/a")).unwrap();
    };
    assert_eq!(moved(directory), ["src/a"; 2]);
    let parent = |project: &Project| {
        fs::remove_tree(&project.path("src")).unwrap();
        project.write("src", b"a file");
    };
    assert_eq!(moved(parent), ["src/a", "src/a", "src/b", "src/b"]);
}

#[test]
fn a_link_is_followed_or_its_text_compared() {
    let retarget = |project: &Project| {
        fs::remove_file(&project.path("src/link")).unwrap();
        fs::symlink(Path::new("b"), &project.path("src/link")).unwrap();
    };
    assert_eq!(moved_by(&["src/link"], retarget), ["src/link"; 2]);
    let same_bytes = |project: &Project| {
        project.write("src/b", b"src/a");
        retarget(project);
    };
    assert_eq!(
        moved_by(&["src/link"], same_bytes),
        ["src/link"],
        "only its text"
    );
    let behind = |project: &Project| project.write("src/a", b"new");
    assert_eq!(
        moved_by(&["src/link"], behind),
        ["src/link"],
        "only what it leads to"
    );
    let undangle = |project: &Project| project.write("src/gone", b"");
    assert_eq!(moved_by(&["src/dangling"], undangle), ["src/dangling"]);
    let way = |project: &Project| {
        fs::remove_file(&project.path("dir")).unwrap();
        fs::symlink(Path::new("src"), &project.path("dir")).unwrap();
    };
    assert_eq!(moved_by(&["dir/d"], way), ["dir/d"; 2]);
}

#[test]
fn a_directory_moves_with_its_entries() {
    let moved = |change: fn(&Project)| moved_by(&["src", "lib"], change);
    assert_eq!(moved(|project| project.write("src/new", b"")), ["src"; 2]);
    assert_eq!(
        moved(|project| fs::remove_file(&project.path("lib/d")).unwrap()),
        ["lib"; 2]
    );
    let inside = |project: &Project| {
        let path = project.path("src/a");
        let file = std::fs::File::options().write(true).open(path).unwrap();
        std::os::unix::fs::FileExt::write_all_at(&file, b"x", 0).unwrap();
    };
    assert_eq!(
        moved(inside),
        [""; 0],
        "the bytes of a file are not its directory's"
    );
}

#[test]
fn doubtful_rows_are_read_or_have_moved() {
    let project = project();
    project.write("a", b"a");
    project.write("b", b"b");
    let with_content = |content| row("a", Seen::Doubtful, content);
    let nothing = Tail::default();
    for (content, expected) in [
        (Some(file_content(b"a")), vec![]),
        (Some(file_content(b"b")), vec!["a"]),
        (
            Some(Content::Tree {
                digest: Digest::of(b""),
            }),
            vec!["a"],
        ),
        (Some(Content::Absent), vec!["a"]),
        (None, vec!["a"]),
    ] {
        let snapshot = resting_on(&project, vec![with_content(content)]);
        assert_eq!(
            look(&project, &snapshot, &nothing).0,
            expected,
            "{content:?}"
        );
    }
    let gone = row("gone", Seen::Doubtful, Some(file_content(b"a")));
    let snapshot = resting_on(&project, vec![gone]);
    assert_eq!(look(&project, &snapshot, &nothing).0, ["gone"]);
}

#[test]
fn what_the_memo_learnt_since_is_believed_and_not_read_again() {
    let project = project();
    project.write("a", b"other bytes");
    let now = fs::stat(&project.path("a")).unwrap();
    let then = Stat { mtime: 1, ..now };
    let snapshot = resting_on(
        &project,
        vec![row("a", Seen::As(then), Some(file_content(b"planted")))],
    );
    let newer = |stat, bytes| Tail {
        files: vec![
            (b"a".as_slice().into(), then, Digest::of(b"an older line")),
            (b"a".as_slice().into(), stat, Digest::of(bytes)),
        ],
        ..Tail::default()
    };
    let none: Vec<String> = Vec::new();
    let look = |tail: &Tail| look(&project, &snapshot, tail);
    assert_eq!(look(&newer(now, b"planted")), (none.clone(), none.clone()));
    assert_eq!(
        look(&newer(now, b"other bytes")),
        (vec!["a".to_owned()], none.clone())
    );
    assert_eq!(look(&newer(then, b"planted")), (vec!["a".to_owned()], none));
}

#[test]
fn only_files_at_rest_are_worth_remembering() {
    let project = project();
    project.write("young", b"young");
    let old = concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml");
    let mut rows = Vec::new();
    for name in [old, "young"] {
        let row = seen(&project, name, Links::Follow);
        let Seen::As(stat) = row.seen else { panic!() };
        rows.push(FileRow {
            seen: Seen::As(Stat { mtime: 1, ..stat }),
            ..row
        });
    }
    let snapshot = resting_on(&project, rows);
    let (moved, refreshed) = look(&project, &snapshot, &Tail::default());
    assert_eq!(moved, [""; 0]);
    assert_eq!(refreshed, [old]);
}

#[test]
fn what_cannot_be_looked_at_has_moved() {
    let project = project();
    project.write("d/a", b"a");
    let rows = vec![
        seen(&project, "d/a", Links::Follow),
        row("loop", Seen::Absent, None),
    ];
    let snapshot = resting_on(&project, rows);
    fs::symlink(Path::new("loop"), &project.path("loop")).unwrap();
    assert_eq!(look(&project, &snapshot, &Tail::default()).0, ["loop"]);
    let dir = project.path("d");
    let closed = std::fs::Permissions::from_mode(0o000);
    std::fs::set_permissions(&dir, closed).unwrap();
    // Nothing is closed to root.
    if fs::stat(&project.path("d/a")).is_err() {
        assert_eq!(
            look(&project, &snapshot, &Tail::default()).0,
            ["d/a", "loop"]
        );
    }
    fs::set_mode(&dir, 0o755).unwrap();
    let reach = snapshot.reach(&[TargetId(0)]);
    let looked = snapshot.look(&project.path("no root"), &reach, &Tail::default());
    assert_eq!(looked.moved.len(), 2);
}

/// Enough for threads, in directories with many files and with one.
#[test]
fn of_many_files_each_is_looked_at() {
    let project = project();
    let mut rows = Vec::new();
    for i in 0..3000 {
        let name = match i % 3 {
            0 => format!("many/{i}"),
            1 => format!("few{i}/x/y"),
            _ => format!("here{i}"),
        };
        project.write(&name, name.as_bytes());
        rows.push(seen(&project, &name, Links::Follow));
    }
    let snapshot = resting_on(&project, rows);
    let nothing = Tail::default();
    assert_eq!(look(&project, &snapshot, &nothing).0, [""; 0]);
    fs::remove_tree(&project.path("few4")).unwrap();
    for name in ["many/0", "many/2997", "here2999", "few2995/x/y"] {
        project.write(name, b"other");
    }
    project.write("many/30", b"many/30");
    let mut expected = vec!["few2995/x/y", "few4/x/y", "here2999", "many/0", "many/2997"];
    expected.sort_unstable();
    assert_eq!(look(&project, &snapshot, &nothing).0, expected);
}

#[test]
fn a_chain_and_a_ring_are_reached() {
    let project = project();
    let count = 100_000;
    let mut draft = Draft {
        origin: origin(),
        ..Draft::default()
    };
    for i in 0..count {
        draft.targets.push(DraftTarget {
            needs: vec![TargetId((i + 1) % count)],
            ..DraftTarget::default()
        });
    }
    let snapshot = project.snapshot(&draft);
    let reach = snapshot.reach(&[TargetId(7), TargetId(7), TargetId(count)]);
    let mut targets = reach.targets;
    targets.sort();
    assert!(targets.iter().map(|id| id.0).eq(0..count));
}

#[test]
fn what_is_not_reached_is_not_looked_at() {
    let project = project();
    let snapshot = project.snapshot(&sample());
    let paths = |roots: &[TargetId]| {
        let reach = snapshot.reach(roots);
        let ids = (0..snapshot.files() as u32).map(FileId);
        let reached = ids.filter(|&id| reach.has_file(id));
        let mut paths: Vec<_> = reached.map(|id| path_of(&snapshot, id)).collect();
        paths.sort();
        paths
    };
    assert_eq!(paths(&[]), ["gone"], "what the plan rests on");
    assert_eq!(paths(&[TargetId(1)]), ["gone", "src", "src/a", "src/b"]);
}

#[test]
fn questions_are_asked_again_when_their_files_moved() {
    let project = project();
    let snapshot = project.snapshot(&sample());
    let reach = snapshot.reach(&[TargetId(1)]);
    let (which, env) = (ObservationId(0), ObservationId(1));
    let nothing = Tail::default();
    let looked = |path: &str| {
        let mut ids = (0..snapshot.files() as u32).map(FileId);
        Looked {
            moved: vec![ids.find(|&id| path_of(&snapshot, id) == path).unwrap()],
            refreshed: Vec::new(),
        }
    };
    let good = Looked::default();
    assert_eq!(snapshot.to_ask(&reach, &good), [which]);
    assert_eq!(snapshot.to_ask(&reach, &looked("src")), [which, env]);
    assert!(!snapshot.plan_moved(&good, &[env]));
    assert!(snapshot.plan_moved(&good, &[which]));
    assert!(snapshot.plan_moved(&looked("gone"), &[]));
    assert!(!snapshot.plan_moved(&looked("src"), &[]));
    let doubtful = |looked: &Looked, changed: &[ObservationId], tail: &Tail| {
        let mut doubtful = snapshot.doubtful(&reach, looked, changed, tail);
        doubtful.sort();
        doubtful
    };
    let (t, all) = (TargetId(0), TargetId(1));
    // Of `all` no success is known.
    assert_eq!(doubtful(&good, &[], &nothing), [all]);
    assert_eq!(doubtful(&looked("src/a"), &[], &nothing), [t, all]);
    assert_eq!(doubtful(&good, &[env], &nothing), [t, all]);
    let recorded = Tail {
        targets: vec!["t".to_owned(), "unknown".to_owned()],
        ..Tail::default()
    };
    assert_eq!(doubtful(&good, &[], &recorded), [t, all]);
    let beyond = Tail {
        is_beyond: true,
        ..Tail::default()
    };
    assert_eq!(doubtful(&good, &[], &beyond), [t, all]);
}

/// The two ways in which the system is asked must give the same, or no snapshot would ever agree with the memo.
#[test]
fn both_ways_of_looking_see_the_same() {
    let project = project();
    project.write("d/a", b"a");
    fs::symlink(Path::new("a"), &project.path("d/link")).unwrap();
    fs::set_mode(&project.path("d/a"), 0o4751).unwrap();
    let dir = fs::DirHandle::open(project.root.path()).unwrap();
    let exe = std::env::current_exe().unwrap();
    let exe = exe.to_str().unwrap();
    for name in [
        "d",
        "d/a",
        "d/link",
        "/dev/null",
        "/",
        "/proc/self/stat",
        exe,
    ] {
        let path = std::ffi::CString::new(name).unwrap();
        let absolute = project.path(name);
        let found = dir.stat(&path, true).unwrap().unwrap();
        let expected = fs::stat(&absolute).unwrap();
        // The times of what /proc has are those of the question.
        if !name.starts_with("/proc") {
            assert_eq!(found, expected);
        }
        assert_eq!(found.device, expected.device);
        let found = dir.stat(&path, false).unwrap().unwrap();
        assert_eq!(found.kind, fs::lstat(&absolute).unwrap().kind);
    }
    for name in [c"none", c"d/a/below", c"none/below"] {
        assert_eq!(dir.stat(name, true).unwrap(), None);
    }
    // What the memo learns is what a row is compared with.
    let memo = Memo::open(&project.dir).unwrap();
    let input = crate::base::path::InputPath::Project(
        crate::base::path::ProjectPath::root()
            .resolve("d/a")
            .unwrap(),
    );
    let (_, stat) = memo.content_checked(&input).unwrap();
    assert_eq!(stat, dir.stat(c"d/a", true).unwrap());
}
