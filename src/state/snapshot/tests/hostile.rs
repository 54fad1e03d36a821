//! Damaged files, and made-up ones whose checks are right.

use super::round::assert_same;
use super::*;
use crate::state::snapshot::format::{Header, Section};
use proptest::prelude::*;
use proptest::sample::Index;
use zerocopy::{FromBytes, IntoBytes};

fn sample_bytes(project: &Project) -> Vec<u8> {
    project.snapshot(&sample());
    fs::read(&project.dir.file("graph")).unwrap()
}

/// Puts bytes where the snapshot is, without a new file each time.
fn replace(project: &Project, bytes: &[u8]) -> Option<Snapshot> {
    crate::base::fs::write_atomic(&project.dir.file("graph"), bytes).unwrap();
    project.open()
}

#[test]
fn a_shorter_file_is_none() {
    let project = project();
    let bytes = sample_bytes(&project);
    // The actions are long and have no structure.
    let lens = (0..bytes.len()).filter(|len| *len < 4000 || len % 97 == 0);
    for len in lens.chain([bytes.len() - 1]) {
        assert!(replace(&project, &bytes[..len]).is_none(), "{len}");
    }
    let longer = [&bytes[..], b"more"].concat();
    assert_same(&replace(&project, &longer).unwrap(), &sample(), false);
}

#[test]
fn a_flipped_byte_is_seen_or_of_no_account() {
    let project = project();
    let mut bytes = sample_bytes(&project);
    let draft = sample();
    for at in (0..bytes.len()).filter(|at| *at < 4000 || at % 97 == 0) {
        bytes[at] ^= 0x41;
        if let Some(snapshot) = replace(&project, &bytes) {
            assert_same(&snapshot, &draft, true);
        }
        bytes[at] ^= 0x41;
    }
}

/// Asks everything that can be asked.
fn ask_all(project: &Project, snapshot: &Snapshot) {
    let beyond = [u32::MAX, snapshot.targets() as u32, snapshot.files() as u32];
    let up_to = |len: usize| (0..len.min(300) as u32).chain(beyond);
    let mut files = Vec::new();
    for id in up_to(snapshot.targets()).map(TargetId) {
        let _ = (
            snapshot.name(id),
            snapshot.is_settled(id),
            snapshot.action(id),
        );
        let known = |need: TargetId| (need.0 as usize) < snapshot.targets();
        assert!(snapshot.needs(id).all(known));
        files.extend(snapshot.files_of(id));
        for asked in snapshot.observations_of(id) {
            assert!((asked.0 as usize) < snapshot.observations());
        }
    }
    for id in up_to(snapshot.observations()).map(ObservationId) {
        let _ = (snapshot.query(id), snapshot.answer(id));
        files.extend(snapshot.files_of_observation(id).into_iter().flatten());
    }
    files.extend(snapshot.plan_files());
    assert!(files.iter().all(|id| (id.0 as usize) < snapshot.files()));
    up_to(snapshot.files()).for_each(|id| drop(snapshot.file(FileId(id))));
    let _ = (snapshot.head(), snapshot.graph(), snapshot.answers());
    for (words, stages) in snapshot.selections() {
        let known = |id: &TargetId| (id.0 as usize) < snapshot.targets();
        assert!(stages.iter().flatten().all(known));
        snapshot.selection(&words);
    }
    let tail = snapshot.tail(&project.dir).unwrap_or_default();
    let roots: Vec<_> = up_to(snapshot.targets()).map(TargetId).collect();
    let reach = snapshot.reach(&roots);
    let looked = snapshot.look(project.root.path(), &reach, &tail);
    let ask = snapshot.to_ask(&reach, &looked);
    snapshot.plan_moved(&looked, &ask);
    snapshot.doubtful(&reach, &looked, &ask, &tail);
}

/// With the checks that belong to the bytes.
fn seal(bytes: &mut [u8]) {
    let Ok((mut header, _)) = Header::read_from_prefix(bytes) else {
        return;
    };
    for section in Section::ALL {
        let cells = &mut header.sections[section.index()];
        let start = cells.offset.get() as usize;
        let end = start.saturating_add(cells.len.get() as usize);
        if let Some(part) = bytes.get(start..end) {
            cells.check = format::check(part);
        }
    }
    header.check = header.sum();
    bytes[..size_of::<Header>()].copy_from_slice(header.as_bytes());
}

/// A few numbers that are likely to be taken for ids, starts and lengths, and some that are not.
fn numbers() -> impl Strategy<Value = u32> {
    prop_oneof![0u32..4, Just(u32::MAX), Just(1 << 31), any::<u32>()]
}

proptest! {
    #[test]
    fn rows_of_any_numbers_are_none_or_harmless(
        changes in prop::collection::vec((any::<Index>(), numbers()), 1..12),
        in_head in any::<bool>(),
    ) {
        let project = project();
        let mut bytes = sample_bytes(&project);
        let (header, _) = Header::read_from_prefix(&bytes).unwrap();
        let graph = header.sections[Section::ActionChecks.index()].offset.get() as usize;
        let from = if in_head { size_of::<format::MarkCells>() } else { size_of::<Header>() };
        for (at, number) in changes {
            // Mostly where an aligned number is.
            let at = (from + at.index(graph - from)) / 4 * 4;
            bytes[at..at + 4].copy_from_slice(&number.to_le_bytes());
        }
        seal(&mut bytes);
        if let Some(snapshot) = replace(&project, &bytes) {
            ask_all(&project, &snapshot);
        }
    }

    #[test]
    fn sections_of_any_bytes_are_none_or_harmless(
        parts in prop::collection::vec((0..Section::ALL.len(), prop::collection::vec(any::<u8>(), 0..120)), 1..4)
    ) {
        let project = project();
        let mut bytes = sample_bytes(&project);
        let (mut header, _) = Header::read_from_prefix(&bytes).unwrap();
        for (section, part) in parts {
            header.sections[section].offset = (bytes.len() as u64).into();
            header.sections[section].len = (part.len() as u64).into();
            bytes.extend(part);
        }
        bytes[..size_of::<Header>()].copy_from_slice(header.as_bytes());
        seal(&mut bytes);
        if let Some(snapshot) = replace(&project, &bytes) {
            ask_all(&project, &snapshot);
        }
    }
}
