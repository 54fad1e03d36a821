//! Files that targets share, and rows that are written again.

use super::*;
use crate::state::memo;

/// Ten targets with a source each and the same six headers; one more that has only some of these.
fn sharing() -> Draft {
    let mut draft = Draft {
        origin: origin(),
        ..Draft::default()
    };
    let absent = |name: &str| row(name, Seen::Absent, None);
    let headers: Vec<FileId> = (0..6)
        .map(|at| draft.files.add(absent(&format!("inc/{at}.h"))))
        .collect();
    for at in 0..11 {
        let own = draft.files.add(absent(&format!("src/{at}.c")));
        let headers = match at {
            10 => &headers[..3],
            _ => &headers[..],
        };
        draft.targets.push(DraftTarget {
            name: format!("t{at}"),
            // In another order each time: as a set they are the same.
            files: match at % 2 {
                0 => headers.iter().copied().chain([own]).collect(),
                _ => headers.iter().rev().copied().chain([own]).collect(),
            },
            is_settled: true,
            ..DraftTarget::default()
        });
    }
    draft
}

#[test]
fn what_many_targets_rest_on_is_kept_once() {
    let project = project();
    let draft = sharing();
    let snapshot = project.snapshot(&draft);
    round::assert_same(&snapshot, &draft, false);
    assert_eq!(snapshot.sets(), 1);
    assert_eq!(snapshot.files_of_set(0).count(), 6);
    let own = |at: u32| snapshot.own_files_of(TargetId(at)).count();
    assert_eq!((own(0), own(9), own(10)), (1, 1, 4));
    assert_eq!(snapshot.reach(&[TargetId(3)]).files(), 7);
    let all: Vec<TargetId> = (0..11).map(TargetId).collect();
    let reach = snapshot.reach(&all);
    assert_eq!(reach.files(), 17);

    project.write("inc/5.h", b"");
    let tail = Tail::default();
    let looked = snapshot.look(project.root.path(), &reach, &tail);
    let doubtful = snapshot.doubtful(&reach, &looked, &[], &tail);
    assert_eq!(doubtful, all[..10]);
}

const FILES: usize = 600;

/// Doubtful rows, and a memo that has learnt how they look since.
fn learnt(project: &Project) -> Snapshot {
    let mut draft = Draft {
        origin: origin(),
        ..Draft::default()
    };
    let known = stat_of(FileKind::File, 1);
    draft.files.add(row("known", Seen::As(known), None));
    for at in 0..FILES {
        let content = file_content(at.to_string().as_bytes());
        let name = format!("f{at}");
        draft.files.add(row(&name, Seen::Doubtful, Some(content)));
    }
    draft.memo = Mark::of_memo(&project.dir).unwrap();
    draft.journal = Mark::of_journal(&project.dir).unwrap();
    let snapshot = project.snapshot(&draft);
    let lines = (0..FILES).map(|at| {
        let stat = Stat {
            inode: at as u64,
            ..known
        };
        // Of one it learnt that it holds something else.
        let bytes = if at == 7 { "x".into() } else { at.to_string() };
        let digest = Digest::of(bytes.as_bytes());
        (format!("f{at}").into_bytes().into(), stat, digest)
    });
    memo::append(&project.dir, lines).unwrap();
    snapshot
}

fn how_it_looks(snapshot: &Snapshot, name: &str) -> Seen {
    let ids = (0..snapshot.files() as u32).map(FileId);
    let mut rows = ids.map(|id| snapshot.file(id));
    let found = rows.find(|row| &*row.path == name.as_bytes());
    found.unwrap().seen
}

#[test]
fn what_the_memo_learnt_is_folded_in() {
    let project = project();
    let snapshot = learnt(&project);
    let tail = snapshot.tail(&project.dir).unwrap();
    assert_eq!(tail.files.len(), FILES);
    snapshot.fold(&project.dir, "graph", &tail).unwrap();
    let folded = project.open().unwrap();
    assert_eq!(folded.tail(&project.dir), Some(Tail::default()));
    assert_eq!(folded.files(), FILES + 1);
    let known = stat_of(FileKind::File, 1);
    assert_eq!(how_it_looks(&folded, "known"), Seen::As(known));
    let eight = Stat { inode: 8, ..known };
    assert_eq!(how_it_looks(&folded, "f8"), Seen::As(eight));
    assert_eq!(how_it_looks(&folded, "f7"), Seen::Doubtful);
    assert_eq!(
        folded.content(FileId(3)).unwrap(),
        snapshot.content(FileId(3)).unwrap()
    );
}

#[test]
fn a_snapshot_that_came_meanwhile_stays_and_few_lines_are_not_worth_it() {
    let project = project();
    let snapshot = learnt(&project);
    let mut tail = snapshot.tail(&project.dir).unwrap();
    project.snapshot(&sample());
    snapshot.fold(&project.dir, "graph", &tail).unwrap();
    round::assert_same(&project.open().unwrap(), &sample(), false);

    let snapshot = learnt(&project);
    tail.files.truncate(100);
    snapshot.fold(&project.dir, "graph", &tail).unwrap();
    assert_eq!(how_it_looks(&project.open().unwrap(), "f8"), Seen::Doubtful);
}
