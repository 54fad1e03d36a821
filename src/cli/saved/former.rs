//! The saved graph before this one: what it says of targets that this run did not look at goes on to the next.

use crate::base::hash::HashSet;
use crate::base::ids::IdVec;
use crate::cli::saved::asked::AskedRows;
use crate::cli::saved::rows::Rows;
use crate::plan::graph::TargetId;
use crate::state::dir::StateDir;
use crate::state::snapshot::{FileId, ObservationId, Snapshot};

pub struct Former<'a> {
    pub snapshot: &'a Snapshot,
    files: IdVec<FileId, Option<FileId>>,
    observations: IdVec<ObservationId, Option<ObservationId>>,
    /// Targets with records that it does not know. None: nobody can tell which.
    newer: Option<HashSet<String>>,
    /// What this run took to be up to date because of it.
    good: HashSet<TargetId>,
    /// Targets behind one that has a newer record, and that were not looked at since.
    behind: HashSet<TargetId>,
}

impl<'a> Former<'a> {
    pub fn new(snapshot: &'a Snapshot, dir: &StateDir, good: HashSet<TargetId>) -> Self {
        let newer = snapshot.tail(dir);
        Self {
            snapshot,
            files: IdVec::filled(None, snapshot.files()),
            observations: IdVec::filled(None, snapshot.observations()),
            newer: newer.map(|tail| tail.targets.into_iter().collect()),
            good,
            behind: HashSet::default(),
        }
    }

    /// What stands behind a target with a newer record may be up to date no more, though nothing of its own has changed: it is
    /// taken as such only where this run has looked at it.
    pub fn forget_behind(
        &mut self,
        needs: &IdVec<TargetId, Vec<TargetId>>,
        is_looked_at: impl Fn(TargetId) -> bool,
    ) {
        let Some(newer) = self.newer.as_ref().filter(|newer| !newer.is_empty()) else {
            return;
        };
        let mut dependents: IdVec<TargetId, Vec<TargetId>> = IdVec::filled(Vec::new(), needs.len());
        for (id, needs) in needs.iter() {
            needs.iter().for_each(|need| dependents[*need].push(id));
        }
        let is_newer = |id: &TargetId| newer.contains(self.snapshot.name(*id));
        let mut open: Vec<TargetId> = needs.ids().filter(is_newer).collect();
        while let Some(id) = open.pop() {
            for &later in &dependents[id] {
                if !is_looked_at(later) && self.behind.insert(later) {
                    open.push(later);
                }
            }
        }
    }

    /// Whether what it says of a target that was not looked at is still the last word.
    pub fn holds(&self, id: TargetId) -> bool {
        match &self.newer {
            Some(newer) => !newer.contains(self.snapshot.name(id)) && !self.behind.contains(&id),
            None => self.good.contains(&id),
        }
    }

    /// Whether this run has seen one of a target's files otherwise.
    pub fn is_contradicted(&self, id: TargetId, rows: &Rows<'_>) -> bool {
        let mut files = self.snapshot.files_of(id);
        files.any(|file| rows.files.contradicts(&self.snapshot.file(file)))
    }

    pub fn file(&mut self, id: FileId, rows: &mut Rows<'_>) -> FileId {
        if let Some(known) = self.files[id] {
            return known;
        }
        let copied = rows.former(self.snapshot.file(id));
        self.files[id] = Some(copied);
        copied
    }

    /// None: the question cannot be read.
    pub fn observation(
        &mut self,
        id: ObservationId,
        asked: &mut AskedRows<'_>,
        rows: &mut Rows<'_>,
    ) -> Option<ObservationId> {
        if let Some(known) = self.observations[id] {
            return Some(known);
        }
        let query = self.snapshot.query(id)?;
        let files: Option<Vec<FileId>> = self
            .snapshot
            .files_of_observation(id)
            .map(Iterator::collect);
        let files = files.map(|files| files.into_iter().map(|id| self.file(id, rows)).collect());
        let copied = asked.add(&query, self.snapshot.answer(id), files, rows);
        self.observations[id] = Some(copied);
        Some(copied)
    }

    pub fn files_of(&mut self, id: TargetId, rows: &mut Rows<'_>) -> Vec<FileId> {
        let files: Vec<FileId> = self.snapshot.files_of(id).collect();
        files.into_iter().map(|id| self.file(id, rows)).collect()
    }

    /// None: one of the questions cannot be read.
    pub fn observations_of(
        &mut self,
        id: TargetId,
        asked: &mut AskedRows<'_>,
        rows: &mut Rows<'_>,
    ) -> Option<Vec<ObservationId>> {
        let all: Vec<ObservationId> = self.snapshot.observations_of(id).collect();
        let copied = all.into_iter().map(|id| self.observation(id, asked, rows));
        copied.collect()
    }
}
