//! What a call leaves behind for the next one to begin with, from its first moment to its last.

use crate::cli::run::Call;
use crate::cli::saved::glance::is_kept;
use crate::cli::saved::write::{self, Finished};
use crate::cli::saved::{Head, Place, words_digest};
use crate::cli::session::Session;
use crate::event::Event;
use crate::execute::project::Project;
use crate::execute::seen::SeenTargets;
use crate::plan::graph::TargetId;
use crate::state::snapshot::Draft;

/// A graph of fewer targets is written after each run that has something to say.
const WRITTEN_EACH_TIME: usize = 1000;
/// Of a larger one, so many targets are few: less than one in this many. While some of them are made, somebody edits and builds;
/// when none is, they would be looked at by each call to come.
const FEW_MADE: usize = 16;
const FEW_LOOKED_AT: usize = 256;

/// Open while a run goes on.
pub struct Keeping {
    place: Place,
    pub seen: SeenTargets,
}

/// What becomes of the saved graph.
pub enum Kept {
    /// It has the last word still.
    Former,
    New(Box<Draft>),
    /// Some of what the graph rests on cannot be said.
    Nothing,
}

impl Keeping {
    /// None: a call like this one leaves nothing behind.
    pub fn of(call: &Call<'_>) -> Option<Self> {
        if !is_kept(call.args) || call.only.is_some() {
            return None;
        }
        let gofile = match call.saved {
            Some(saved) => saved.gofile(),
            None => &call.loaded.files.first()?.path,
        };
        Some(Self {
            place: Place::of(&call.loaded.root, gofile, &call.args.words)?,
            seen: SeenTargets::default(),
        })
    }

    /// At the end of a run in which all that is wanted was planned at once; `moved` targets ran or were restored.
    pub fn draft(
        &self,
        call: &Call<'_>,
        session: &Session,
        project: &Project<'_>,
        roots: &[TargetId],
        moved: usize,
    ) -> Kept {
        let seen = self.seen.take();
        let words = words_digest(&call.args.words);
        // Writing all of many targets anew for a few of them would be most of the work.
        let few = match moved {
            0 => FEW_LOOKED_AT,
            _ => FEW_MADE,
        };
        let targets = project.graph().targets.len();
        let is_few = targets >= WRITTEN_EACH_TIME && seen.len() < targets / few;
        if (seen.is_empty() || is_few)
            && let Some(saved) = call.saved
            && saved.snapshot.selection(&words).is_some()
        {
            // What ran has newer records, and is known not to be up to date by them.
            return Kept::Former;
        }
        let head = match call.saved {
            Some(saved) => Some(saved.head.clone()),
            None => Head::of(call.loaded, &project.context, call.caller),
        };
        let draft = head.and_then(|head| {
            write::draft(Finished {
                project,
                dir: &session.dir,
                observer: call.observer,
                seen: &seen,
                roots,
                place: &self.place,
                words,
                head,
                before: call.saved.map(|saved| &*saved.snapshot),
            })
        });
        draft.map_or(Kept::Nothing, |draft| Kept::New(Box::new(draft)))
    }

    /// When the journal and the memo are on disk. What cannot be written is only slower the next time.
    pub fn write(&self, call: &Call<'_>, session: &Session, kept: Kept) {
        let written = match kept {
            Kept::Former => Ok(()),
            Kept::New(draft) => write::write(session, &self.place, *draft),
            Kept::Nothing => self.place.remove(&session.dir),
        };
        if let Err(error) = written {
            (call.emit)(Event::Warning {
                target: None,
                message: error.to_string(),
            });
        }
    }
}
