//! Where the time goes: a piece of work is told as a span when its guard is dropped. Knows nothing of who listens.

use crate::event::timing::{Span, Work};
use crate::event::{Emit, Event};
use crate::execute::project::Project;
use crate::plan::graph::TargetId;
use std::sync::Arc;
use std::time::Instant;

/// A piece of work that goes on for as long as this lives, on the thread that drops it.
#[must_use = "the work is over when this is dropped"]
pub struct Spanned<'a> {
    emit: Emit<'a>,
    target: Option<(TargetId, Arc<str>)>,
    work: Work,
    began: Instant,
}

impl<'a> Spanned<'a> {
    /// Work that concerns the whole run.
    pub fn whole(emit: Emit<'a>, work: Work) -> Self {
        Self::begin(emit, None, work)
    }

    fn begin(emit: Emit<'a>, target: Option<(TargetId, Arc<str>)>, work: Work) -> Self {
        Self {
            emit,
            target,
            work,
            began: Instant::now(),
        }
    }
}

impl Project<'_> {
    /// Work for a target.
    pub(crate) fn span(&self, id: TargetId, work: Work) -> Spanned<'_> {
        let name = self.graph().target(id).name.clone();
        Spanned::begin(self.emit, Some((id, name)), work)
    }
}

impl Drop for Spanned<'_> {
    fn drop(&mut self) {
        (self.emit)(Event::Span(Span {
            target: self.target.take(),
            work: self.work,
            began: self.began,
            took: self.began.elapsed(),
        }));
    }
}
