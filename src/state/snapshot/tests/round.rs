//! What is written is what is read.

use super::*;
use proptest::prelude::*;
use proptest::sample::Index;

/// What a snapshot says of a file, so that it can be compared whatever its id.
fn rows(snapshot: &Snapshot, ids: impl Iterator<Item = FileId>) -> Vec<FileRow> {
    ids.map(|id| snapshot.file(id)).collect()
}
fn drafted(draft: &Draft, ids: &[FileId]) -> Vec<FileRow> {
    ids.iter()
        .map(|id| draft.files.rows()[*id].clone())
        .collect()
}

/// Fails unless all that the snapshot says is what the draft has. `may_miss`: where something is damaged it may say nothing.
pub(super) fn assert_same(snapshot: &Snapshot, draft: &Draft, may_miss: bool) {
    let same = |found: Option<&[u8]>, expected: &[u8]| match found {
        Some(found) => assert_eq!(found, expected),
        None => assert!(may_miss || expected.is_empty()),
    };
    assert_eq!(snapshot.targets(), draft.targets.len());
    assert_eq!(snapshot.head(), draft.head);
    same(snapshot.graph(), &draft.graph);
    same(snapshot.answers(), &draft.answers);
    let assert_rows = |found: Vec<FileRow>, ids: &[FileId]| {
        let expected = drafted(draft, ids);
        assert_eq!(found.len(), expected.len());
        for (found, expected) in found.into_iter().zip(expected) {
            let nothing = FileRow {
                seen: Seen::Doubtful,
                content: None,
                ..expected.clone()
            };
            assert!(
                found == expected || (may_miss && found == nothing),
                "{found:?}"
            );
        }
    };
    for (id, target) in draft.targets.iter() {
        assert_eq!(snapshot.name(id), target.name);
        assert_eq!(snapshot.is_settled(id), target.is_settled);
        assert_eq!(snapshot.needs(id).collect::<Vec<_>>(), target.needs);
        let asked: Vec<_> = snapshot.observations_of(id).collect();
        assert_eq!(asked, target.observations);
        same(snapshot.action(id), &target.action);
        // Those that it shares with others come last.
        let by_place = |id: &FileId| {
            let row = &draft.files.rows()[*id];
            (row.path.clone(), row.links == Links::Keep)
        };
        let mut expected = target.files.clone();
        expected.sort_by_key(by_place);
        let mut found = rows(snapshot, snapshot.files_of(id));
        found.sort_by_key(|row| (row.path.clone(), row.links == Links::Keep));
        assert_rows(found, &expected);
    }
    for (id, asked) in draft.observations.iter() {
        match snapshot.query(id) {
            Some(query) => assert_eq!(query, asked.query),
            None => assert!(may_miss),
        }
        assert_eq!(snapshot.answer(id), asked.answer);
        let files = snapshot.files_of_observation(id);
        assert_eq!(files.is_some(), asked.files.is_some());
        if let (Some(files), Some(expected)) = (files, &asked.files) {
            assert_rows(rows(snapshot, files), expected);
        }
    }
    assert_rows(rows(snapshot, snapshot.plan_files()), &draft.plan_files);
    let asked: Vec<_> = snapshot.plan_observations().collect();
    assert_eq!(asked, draft.plan_observations);
    let mut selections = draft.selections.clone();
    selections.sort_by_key(|(words, _)| *words);
    assert_eq!(snapshot.selections(), selections);
    for (words, stages) in selections {
        assert_eq!(snapshot.selection(&words), Some(stages));
    }
    assert_eq!(snapshot.selection(&Digest::of(b"never said")), None);
}

fn digests() -> impl Strategy<Value = Digest> {
    any::<[u8; 32]>().prop_map(Digest)
}
fn contents() -> impl Strategy<Value = Content> {
    (0..4, digests(), any::<bool>()).prop_map(|(kind, digest, executable)| match kind {
        0 => Content::File { digest, executable },
        1 => Content::Tree { digest },
        2 => Content::Link { digest },
        _ => Content::Absent,
    })
}
fn kinds() -> impl Strategy<Value = FileKind> {
    use FileKind::{Dir, File, Other, Symlink};
    prop::sample::select(vec![File, Dir, Symlink, Other])
}
fn stats() -> impl Strategy<Value = Stat> {
    let numbers = any::<(u64, i64, i64, u64, u64, u32)>();
    (kinds(), numbers).prop_map(|(kind, (size, mtime, ctime, device, inode, mode))| Stat {
        kind,
        size,
        mtime,
        ctime,
        device,
        inode,
        mode,
    })
}
fn seens() -> impl Strategy<Value = Seen> {
    prop_oneof![
        Just(Seen::Absent),
        stats().prop_map(Seen::As),
        Just(Seen::Doubtful)
    ]
}
fn file_rows() -> impl Strategy<Value = FileRow> {
    let links = any::<bool>().prop_map(|keep| if keep { Links::Keep } else { Links::Follow });
    let path = prop_oneof![
        "[abc/]{0,6}".prop_map(String::into_bytes),
        prop::collection::vec(1u8.., 0..12)
    ];
    (path, links, seens(), prop::option::of(contents())).prop_map(|(path, links, seen, content)| {
        FileRow {
            path: path.into(),
            links,
            seen,
            content,
        }
    })
}
fn queries() -> impl Strategy<Value = Query> {
    prop_oneof![
        ".*".prop_map(Query::Env),
        "[a-z]*".prop_map(Query::Which),
        prop::collection::vec(".*", 0..3).prop_map(|include| Query::Glob {
            include,
            exclude: Vec::new()
        }),
    ]
}

type Some3 = (Vec<Index>, Vec<Index>, Vec<Index>);
fn some() -> impl Strategy<Value = Vec<Index>> {
    prop::collection::vec(any::<Index>(), 0..5)
}
fn bytes() -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(any::<u8>(), 0..40)
}
fn pick<I: Id>(from: &[Index], count: usize) -> Vec<I> {
    let from = from.iter().filter(|_| count > 0);
    from.map(|at| I::from_index(at.index(count))).collect()
}

type DraftedTarget = (String, Some3, bool, Vec<u8>);
type DraftedQuery = (Query, Digest, Option<Vec<Index>>);

fn drafts() -> impl Strategy<Value = Draft> {
    let target = (".*", (some(), some(), some()), any::<bool>(), bytes());
    let query = (queries(), digests(), prop::option::of(some()));
    (
        prop::collection::vec(file_rows(), 0..20),
        prop::collection::vec(target, 0..8),
        prop::collection::vec(query, 0..6),
        (some(), some(), prop::collection::vec(some(), 0..4)),
        (bytes(), bytes(), bytes(), digests()),
    )
        .prop_map(|(files, targets, queries, plan, blobs)| {
            draft(files, targets, queries, plan, blobs)
        })
}

fn draft(
    files: Vec<FileRow>,
    targets: Vec<DraftedTarget>,
    queries: Vec<DraftedQuery>,
    (plan_files, plan_observations, stages): (Vec<Index>, Vec<Index>, Vec<Vec<Index>>),
    (head, graph, answers, words): (Vec<u8>, Vec<u8>, Vec<u8>, Digest),
) -> Draft {
    let mut draft = Draft {
        origin: origin(),
        head,
        graph,
        answers,
        ..Draft::default()
    };
    for row in files {
        draft.files.add(row);
    }
    let count = draft.files.rows().len();
    for (query, answer, files) in queries {
        let files = files.map(|files| pick(&files, count));
        draft.observations.push(ObservationRow {
            query,
            answer,
            files,
        });
    }
    let asked = draft.observations.len();
    let target_count = targets.len();
    for (name, (files, observations, needs), is_settled, action) in targets {
        draft.targets.push(DraftTarget {
            name,
            files: pick(&files, count),
            observations: pick(&observations, asked),
            needs: pick(&needs, target_count),
            is_settled,
            action,
        });
    }
    draft.plan_files = pick(&plan_files, count);
    draft.plan_observations = pick(&plan_observations, asked);
    let stages = stages.iter().map(|stage| pick(stage, target_count));
    draft.selections = vec![(words, stages.collect())];
    draft
}

#[test]
fn all_that_is_written_is_read() {
    let project = project();
    assert_same(&project.snapshot(&sample()), &sample(), false);
    let empty = Draft {
        origin: origin(),
        ..Draft::default()
    };
    assert_same(&project.snapshot(&empty), &empty, false);
}

#[test]
fn a_large_one_is_mapped_and_says_the_same() {
    let project = project();
    let mut draft = sample();
    draft.graph = vec![7; 1 << 20];
    let snapshot = project.snapshot(&draft);
    assert!(snapshot.is_mapped());
    // An older one that is still in use stays as it is.
    project.snapshot(&sample());
    assert_same(&snapshot, &draft, false);
}

#[test]
fn another_origin_or_no_file_is_none() {
    let project = project();
    assert!(project.open().is_none());
    project.snapshot(&sample());
    assert!(Snapshot::open(&project.dir, "graph", &Digest::of(b"other")).is_none());
    assert!(Snapshot::open(&project.dir, "graph-0", &origin()).is_none());
}

#[test]
fn files_of_one_directory_lie_together() {
    let project = project();
    let mut draft = sample();
    for i in 0..3 {
        for dir in ["x", "y", "x/z"] {
            draft
                .files
                .add(row(&format!("{dir}/{i}"), Seen::Absent, None));
        }
    }
    let snapshot = project.snapshot(&draft);
    let rows = rows(&snapshot, (0..snapshot.files() as u32).map(FileId));
    let mut dirs: Vec<_> = rows
        .iter()
        .map(|row| Path::new(std::str::from_utf8(&row.path).unwrap()).parent())
        .collect();
    dirs.dedup();
    let distinct: std::collections::BTreeSet<_> = dirs.iter().collect();
    assert_eq!(distinct.len(), dirs.len());
}

#[test]
fn rows_of_one_path_become_one() {
    let mut files = DraftFiles::default();
    let (a, b) = (stat_of(FileKind::File, 1), stat_of(FileKind::File, 2));
    let content = Some(file_content(b"x"));
    let plain = row("f", Seen::As(a), content);
    let id = files.add(plain.clone());
    assert_eq!(files.add(plain.clone()), id);
    assert_eq!(files.rows()[id], plain);
    let kept = FileRow {
        links: Links::Keep,
        ..plain.clone()
    };
    assert_ne!(files.add(kept), id, "another way of looking at it");
    // Touched between two looks: its content is what both rest on.
    files.add(row("f", Seen::As(b), content));
    assert_eq!(files.rows()[id], row("f", Seen::Doubtful, content));
    files.add(plain);
    assert_eq!(files.rows()[id], row("f", Seen::Doubtful, content));
    files.add(row("f", Seen::As(a), Some(file_content(b"y"))));
    assert_eq!(files.rows()[id], row("f", Seen::Doubtful, None));
    // What rests on the other content is not good because two rest on this one.
    files.add(row("f", Seen::As(a), content));
    assert_eq!(files.rows()[id], row("f", Seen::Doubtful, None));
    let id = files.add(row("h", Seen::As(a), None));
    files.add(row("h", Seen::As(a), content));
    assert_eq!(
        files.rows()[id],
        row("h", Seen::As(a), content),
        "who asks only whether it is there agrees with any content"
    );
    let id = files.add(row("g", Seen::Absent, None));
    files.add(row("g", Seen::As(a), None));
    assert_eq!(files.rows()[id], row("g", Seen::Doubtful, None));
    files.add(row("g", Seen::As(a), content));
    assert_eq!(files.rows()[id], row("g", Seen::Doubtful, None));
}

/// Whatever the order of the rows: where one says that nothing was there, or a directory, no content of another makes it good.
#[test]
fn an_absence_and_a_directory_rule_out_the_rest() {
    let dir = row("f", Seen::As(stat_of(FileKind::Dir, 1)), None);
    let changed = row("f", Seen::As(stat_of(FileKind::Dir, 2)), None);
    let absent = row("f", Seen::Absent, None);
    let file = row(
        "f",
        Seen::As(stat_of(FileKind::File, 3)),
        Some(file_content(b"x")),
    );
    let unknown = row("f", Seen::Doubtful, None);
    for first in [&dir, &absent] {
        for second in [&changed, &unknown, &file] {
            let rows = [first, second, &file];
            for order in [
                [0, 1, 2],
                [0, 2, 1],
                [1, 0, 2],
                [1, 2, 0],
                [2, 0, 1],
                [2, 1, 0],
            ] {
                let mut files = DraftFiles::default();
                let ids = order.map(|at| files.add(rows[at].clone()));
                assert_eq!(files.rows()[ids[0]], unknown, "{rows:?} {order:?}");
                assert!(files.contradicts(&file));
            }
        }
    }
}

#[test]
fn what_the_draft_does_not_have_is_an_error_and_leaves_the_old_one() {
    let project = project();
    project.snapshot(&sample());
    let mut draft = sample();
    draft.plan_files.push(FileId(77));
    Snapshot::write(&project.dir, "graph", &draft).unwrap_err();
    let mut draft = sample();
    draft.files.add(row("a\0b", Seen::Absent, None));
    Snapshot::write(&project.dir, "graph", &draft).unwrap_err();
    assert_same(&project.open().unwrap(), &sample(), false);
    let names = fs::list_dir(&project.dir.file("")).unwrap();
    assert!(
        names
            .iter()
            .all(|entry| !entry.name.to_str().unwrap().starts_with(fs::TEMP))
    );
}

#[test]
fn of_those_beside_it_the_last_eight_stay() {
    let project = project();
    project.snapshot(&sample());
    for i in 0..12 {
        let name = format!("graph-{i:016x}");
        Snapshot::write(&project.dir, &name, &sample()).unwrap();
        // Written an hour apart.
        let at = std::time::SystemTime::now() - std::time::Duration::from_secs(3600 * (20 - i));
        let file = std::fs::File::options()
            .append(true)
            .open(project.dir.file(&name))
            .unwrap();
        file.set_modified(at).unwrap();
    }
    let names = fs::list_dir(&project.dir.file("")).unwrap();
    let names: Vec<_> = names
        .iter()
        .map(|entry| entry.name.to_str().unwrap())
        .collect();
    assert!(names.contains(&"graph"));
    let beside: Vec<_> = names
        .iter()
        .filter(|name| name.starts_with("graph-"))
        .collect();
    let expected: Vec<_> = (4..12).map(|i| format!("graph-{i:016x}")).collect();
    assert_eq!(beside, expected.iter().collect::<Vec<_>>());
}

proptest! {
    #[test]
    fn any_draft_comes_back(draft in drafts()) {
        let project = project();
        assert_same(&project.snapshot(&draft), &draft, false);
    }
}
