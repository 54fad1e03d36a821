//! A saved graph of any bytes is none or harmless: whatever is asked of it, nothing panics, and no id leads out of its column. The
//! first byte says whether the rest is the file or what is changed in a sound one, and whether the checks are made right, so that what
//! stands behind them is reached.
#![no_main]

use gomake::base::digest::Digest;
use gomake::state::dir::{Access, StateDir};
use gomake::fingerprint::content::Content;
use gomake::plan::graph::TargetId;
use gomake::plan::query::Query;
use gomake::state::snapshot::{
    Draft, DraftTarget, FileId, FileRow, Links, ObservationId, ObservationRow, Seen, Snapshot, Tail,
};
use libfuzzer_sys::fuzz_target;
use std::sync::OnceLock;

const SECTIONS: usize = 26;
/// Magic, origin, two marks.
const TABLE: usize = 8 + 32 + 2 * 32;
const HEADER: usize = TABLE + SECTIONS * 24 + 8;

/// Puts the right checks in, where there are bytes that they could be of.
fn seal(bytes: &mut [u8]) {
    if bytes.len() < HEADER {
        return;
    }
    bytes[..8].copy_from_slice(b"gomakeS2");
    bytes[8..40].copy_from_slice(&Digest::default().0);
    for at in (TABLE..).step_by(24).take(SECTIONS) {
        let number = |at: usize| u64::from_le_bytes(bytes[at..at + 8].try_into().expect("8 bytes"));
        let (start, len) = (number(at) as usize, number(at + 8) as usize);
        let part = start.checked_add(len).and_then(|end| bytes.get(start..end));
        if let Some(part) = part {
            let check = Digest::of(part);
            bytes[at + 16..at + 24].copy_from_slice(&check.0[..8]);
        }
    }
    let mut hasher = gomake::base::digest::FieldHasher::new();
    let check = hasher.field(&bytes[..HEADER - 8]).finish();
    bytes[HEADER - 8..HEADER].copy_from_slice(&check.0[..8]);
}

/// With something in every section.
fn draft() -> Draft {
    let mut draft = Draft {
        head: b"head".to_vec(),
        graph: b"graph".to_vec(),
        answers: b"answers".to_vec(),
        ..Draft::default()
    };
    let digest = Digest::of(b"content");
    let content = Some(Content::File { digest, executable: false });
    let here = gomake::base::fs::stat("/".as_ref()).expect("a root");
    let rows = [("a", Seen::Absent, None), ("b/c", Seen::Doubtful, content), ("b", Seen::As(here), None)];
    let files: Vec<_> = rows
        .into_iter()
        .map(|(path, seen, content)| {
            let path = path.as_bytes().into();
            draft.files.add(FileRow { path, links: Links::Follow, seen, content })
        })
        .collect();
    for (name, files) in [("cc", None), ("ld", Some(files.clone()))] {
        let query = Query::Which(name.to_owned());
        draft.observations.push(ObservationRow { query, answer: digest, files });
    }
    for need in [1, 0] {
        draft.targets.push(DraftTarget {
            name: format!("t{need}"),
            files: files.clone(),
            observations: vec![ObservationId(0), ObservationId(1)],
            needs: vec![TargetId(need)],
            is_settled: true,
            action: b"action".to_vec(),
        });
    }
    draft.plan_files = files;
    draft.plan_observations = vec![ObservationId(1)];
    draft.selections = vec![(digest, vec![vec![TargetId(0)], vec![TargetId(1)]])];
    draft
}

fn sound() -> &'static [u8] {
    static BYTES: OnceLock<Vec<u8>> = OnceLock::new();
    BYTES.get_or_init(|| {
        let root = tempfile::tempdir().expect("a directory");
        let dir = StateDir::open(root.path(), Access::Write).expect("a state");
        Snapshot::write(&dir, "graph", &draft()).expect("it can be written");
        gomake::base::fs::read(&dir.file("graph")).expect("it was written")
    })
}

/// Puts numbers of four bytes at places of two.
fn changed(changes: &[u8]) -> Vec<u8> {
    let mut bytes = sound().to_vec();
    for change in changes.chunks_exact(6) {
        let at = usize::from(u16::from_le_bytes([change[0], change[1]])) % (bytes.len() - 3);
        bytes[at..at + 4].copy_from_slice(&change[2..]);
    }
    bytes
}

fn ask_all(snapshot: &Snapshot, dir: &StateDir) {
    // Ids that are far out, and all that are near.
    let ids = || (0..64).chain([u32::MAX]);
    let known = |id: FileId| (id.0 as usize) < snapshot.files();
    for id in ids().map(TargetId) {
        let _ = (snapshot.name(id), snapshot.is_settled(id), snapshot.action(id));
        assert!(snapshot.needs(id).all(|need| (need.0 as usize) < snapshot.targets()));
        assert!(snapshot.files_of(id).all(known));
        let mut asked = snapshot.observations_of(id);
        assert!(asked.all(|id| (id.0 as usize) < snapshot.observations()));
    }
    for id in ids().map(ObservationId) {
        let _ = (snapshot.query(id), snapshot.answer(id));
        assert!(snapshot.files_of_observation(id).into_iter().flatten().all(known));
    }
    for id in ids().map(FileId) {
        snapshot.file(id);
    }
    let _ = (snapshot.head(), snapshot.graph(), snapshot.answers());
    snapshot.selections();
    let tail = snapshot.tail(dir).unwrap_or_default();
    let roots: Vec<_> = ids().map(TargetId).collect();
    let reach = snapshot.reach(&roots);
    // Paths lead anywhere: a root that is not there keeps the looks at home, but for absolute ones.
    let looked = snapshot.look(&dir.root().join("none"), &reach, &Tail::default());
    let changed = snapshot.to_ask(&reach, &looked);
    snapshot.plan_moved(&looked, &changed);
    snapshot.doubtful(&reach, &looked, &changed, &tail);
}

fuzz_target!(|input: &[u8]| {
    let Some((&how, bytes)) = input.split_first() else { return };
    let mut bytes = match how & 2 {
        0 => changed(bytes),
        _ => bytes.to_vec(),
    };
    if how & 1 == 1 {
        seal(&mut bytes);
    }
    let root = tempfile::tempdir().expect("a directory");
    let dir = StateDir::open(root.path(), Access::Write).expect("a state");
    gomake::base::fs::write_atomic(&dir.file("graph"), &bytes).expect("a file");
    if let Some(snapshot) = Snapshot::open(&dir, "graph", &Digest::default()) {
        ask_all(&snapshot, &dir);
    }
});
