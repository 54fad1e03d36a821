//! What a call leaves behind for the next one to begin with, from its first moment to its last.

use crate::cli::run::Call;
use crate::cli::saved::glance::is_kept;
use crate::cli::saved::write::{self, Finished};
use crate::cli::saved::{Head, Place, words_digest};
use crate::cli::session::Session;
use crate::event::Event;
use crate::execute::project::Project;
use crate::execute::seen::SeenTargets;
use crate::execute::wanted::Wanted;
use crate::state::snapshot::Draft;

/// A graph of fewer targets is written after each run that has something to say.
const WRITTEN_EACH_TIME: usize = 1000;
/// Of a larger one, so many are few: less than one in this many.
const FEW: usize = 16;

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
        wanted: &Wanted,
        moved: usize,
    ) -> Kept {
        let seen = self.seen.take();
        let words = words_digest(&call.args.words);
        // While somebody edits and builds a few of many targets, writing all of them anew would be most of the work. The first
        // run that finds nothing to do writes.
        let is_few = moved > 0
            && project.graph().targets.len() >= WRITTEN_EACH_TIME
            && seen.len() < project.graph().targets.len() / FEW;
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
                wanted,
                place: &self.place,
                words,
                head,
                before: call.saved.map(|saved| &saved.snapshot),
            })
        });
        draft.map_or(Kept::Nothing, |draft| Kept::New(Box::new(draft)))
    }

    /// When the journal and the memo are on disk. What cannot be written is only slower the next time.
    pub fn write(&self, call: &Call<'_>, session: &Session, kept: Kept) {
        let written = match kept {
            Kept::Former => Ok(()),
            Kept::New(draft) => write::write(&session.dir, &self.place, *draft),
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
