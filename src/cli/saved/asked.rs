//! What was asked, as rows of a snapshot: each question once with each of its answers.

use crate::base::digest::Digest;
use crate::base::fs;
use crate::base::hash::{HashMap, RandomState};
use crate::base::ids::IdVec;
use crate::base::path::ProjectPath;
use crate::cli::observe::Observer;
use crate::cli::saved::rows::{Expected, Rows};
use crate::execute::seen::Looked;
use crate::plan::query::{Answer, Answers, Presence, Query};
use crate::state::snapshot::{FileId, FileRow, Links, ObservationId, ObservationRow, Seen};
use std::ffi::OsStr;
use std::hash::BuildHasher;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::Arc;

pub struct AskedRows<'a> {
    root: &'a Path,
    answers: &'a Answers,
    observer: &'a Observer,
    pub rows: IdVec<ObservationId, ObservationRow>,
    /// By the hash of question and answer. Where two have the same, the second is at the next free number.
    ids: HashMap<u64, ObservationId>,
    hasher: RandomState,
    /// Most questions come from one plan, and are shared: they need not be compared.
    planned: HashMap<*const Query, Option<ObservationId>>,
    presences: Presences,
}

/// The digests of the answers to the most frequent question.
struct Presences([(Presence, Digest); 3]);

impl Presences {
    fn new() -> Self {
        let all = [Presence::Missing, Presence::File, Presence::Dir];
        Self(all.map(|presence| (presence, Answer::Presence(presence).digest())))
    }
    fn digest(&self, presence: Presence) -> Digest {
        let known = self.0.iter().find(|(known, _)| *known == presence);
        known.expect("these are all that there are").1
    }
}

impl<'a> AskedRows<'a> {
    /// `answers` are those of the plan.
    pub fn new(root: &'a Path, answers: &'a Answers, observer: &'a Observer) -> Self {
        Self {
            root,
            answers,
            observer,
            rows: IdVec::new(),
            ids: HashMap::default(),
            hasher: RandomState::default(),
            planned: HashMap::default(),
            presences: Presences::new(),
        }
    }

    /// What planning asked, with its answer; the query lives as long as all this. None: it has none.
    pub fn planned(&mut self, query: &Arc<Query>, rows: &mut Rows<'_>) -> Option<ObservationId> {
        let address = Arc::as_ptr(query);
        if let Some(known) = self.planned.get(&address) {
            return *known;
        }
        let answer = self.answers.get(query).map(|answer| match answer {
            Answer::Presence(presence) => self.presences.digest(*presence),
            answer => answer.digest(),
        });
        let id = answer.map(|answer| self.add(query, answer, None, rows));
        self.planned.insert(address, id);
        id
    }

    pub fn looked(&mut self, looked: &Looked, rows: &mut Rows<'_>) -> Option<ObservationId> {
        match looked.answer {
            None => self.planned(&looked.query, rows),
            Some(answer) => Some(self.add(&looked.query, answer, None, rows)),
        }
    }

    /// The row of an answer. Where it was not found in this run, it rests on what it rested on `before`.
    pub fn add(
        &mut self,
        query: &Query,
        answer: Digest,
        before: Option<Vec<FileId>>,
        rows: &mut Rows<'_>,
    ) -> ObservationId {
        let mut slot = self.hasher.hash_one((query, answer));
        while let Some(&id) = self.ids.get(&slot) {
            let known = &self.rows[id];
            if known.answer == answer && known.query == *query {
                return id;
            }
            slot = slot.wrapping_add(1);
        }
        let seen = match query {
            Query::Presence(path) => self.presence(path, answer, rows),
            _ => self.rests(query, answer),
        };
        let files = seen.map(|seen| seen.into_iter().map(|row| rows.files.add(row)).collect());
        let id = self.rows.push(ObservationRow {
            query: query.clone(),
            answer,
            files: files.or(before),
        });
        self.ids.insert(slot, id);
        id
    }

    /// What is there now says what the answer rests on, if it is the same.
    fn presence(
        &self,
        path: &ProjectPath,
        answer: Digest,
        rows: &Rows<'_>,
    ) -> Option<Vec<FileRow>> {
        let expected = match answer == self.presences.digest(Presence::File) {
            true => Expected::File,
            false => Expected::Other,
        };
        let (presence, row) = rows.presence(path, expected)?;
        (self.presences.digest(presence) == answer).then(|| vec![row])
    }

    /// What an answer rests on that was found in this run. Where the run itself has changed directories since, it is looked whether
    /// the answer is still the same.
    fn rests(&self, query: &Query, answer: Digest) -> Option<Vec<FileRow>> {
        let rests = self.observer.rests()?;
        let rows = rests.take(query, answer)?;
        let lists = matches!(
            query,
            Query::Glob { .. } | Query::Presences { .. } | Query::Go(_)
        );
        if !lists || rows.iter().all(|row| self.is_as_seen(row)) {
            return Some(rows);
        }
        self.observer.answer(query);
        Some(rests.take(query, answer).unwrap_or(rows))
    }

    fn is_as_seen(&self, row: &FileRow) -> bool {
        debug_assert_eq!(row.links, Links::Follow, "what is listed is followed");
        let path = match &*row.path {
            b"" => self.root.to_owned(),
            path => self.root.join(OsStr::from_bytes(path)),
        };
        match (row.seen, fs::if_exists(fs::stat(&path))) {
            (Seen::Absent, Ok(None)) => true,
            (Seen::As(then), Ok(Some(now))) => then == now,
            _ => false,
        }
    }
}
