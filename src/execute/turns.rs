//! The turns of targets in a run that takes changes: what each was seen to depend on, and how the one that runs now is told
//! to end. Empty in a run that takes none.

use crate::base::digest::Digest;
use crate::base::hash::HashMap;
use crate::execute::signal::Cancel;
use crate::plan::graph::TargetId;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// So often in a row a target is ended because its inputs change while it runs. It may be the one that changes them, so
/// the next time it comes to its end.
const PATIENCE: u8 = 3;

#[derive(Debug, Default)]
pub struct Turns(Mutex<HashMap<TargetId, Turn>>);

#[derive(Debug, Default)]
struct Turn {
    number: u32,
    /// While it runs. None where no request could be made: it then ends by itself.
    cancel: Option<Cancel>,
    seen: Seen,
    /// A change came while it was being looked at: what was read may be of before.
    is_overtaken: bool,
    /// How often in a row a change has ended it.
    ended: u8,
    /// How often in a row its inputs were others at its end than at its start.
    moved: u8,
}

/// What a target was seen to depend on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Seen {
    /// It is being looked at.
    #[default]
    Nothing,
    /// None: it could not be looked at.
    Key(Option<Digest>),
}

impl Turns {
    /// As if nothing had run.
    pub fn clear(&self) {
        self.turns().clear();
    }
    pub fn begin(&self, id: TargetId, cancel: Option<Cancel>) {
        let mut turns = self.turns();
        let turn = turns.entry(id).or_default();
        turn.number += 1;
        turn.cancel = cancel;
        turn.seen = Seen::Nothing;
        turn.is_overtaken = false;
    }
    /// The turn is over; `key` is what the target's result, or its failure, stands for.
    pub fn end(&self, id: TargetId, key: Option<Digest>) {
        if let Some(turn) = self.turns().get_mut(&id) {
            turn.cancel = None;
            turn.seen = Seen::Key(key);
        }
    }
    /// By what the running turn of a target is told to end. None where no changes are taken.
    pub fn cancel_of(&self, id: TargetId) -> Option<Cancel> {
        self.turns().get(&id)?.cancel.clone()
    }
    pub fn has(&self, id: TargetId) -> bool {
        self.turns().contains_key(&id)
    }
    /// Takes note of what a target depends on that is about to run; false: a change came meanwhile, so look again.
    pub fn looked(&self, id: TargetId, key: Option<Digest>) -> bool {
        let mut turns = self.turns();
        let turn = turns.entry(id).or_default();
        if std::mem::take(&mut turn.is_overtaken) {
            return false;
        }
        turn.seen = Seen::Key(key);
        true
    }
    /// The number of a target's latest turn, and what was seen then. One that is being looked at will look again: what it
    /// reads may be of before the change that is being asked about.
    pub fn ask(&self, id: TargetId) -> Option<(u32, Seen)> {
        let mut turns = self.turns();
        let turn = turns.get_mut(&id)?;
        if turn.seen == Seen::Nothing {
            turn.is_overtaken = true;
        }
        Some((turn.number, turn.seen))
    }
    pub fn number(&self, id: TargetId) -> u32 {
        self.turns().get(&id).map_or(0, |turn| turn.number)
    }
    pub fn seen(&self, id: TargetId) -> Seen {
        self.turns()
            .get(&id)
            .map_or(Seen::Nothing, |turn| turn.seen)
    }
    /// Whether a running target may be ended because its inputs have changed, and takes note that it is.
    pub fn may_end(&self, id: TargetId) -> bool {
        let mut turns = self.turns();
        let turn = turns.entry(id).or_default();
        if turn.ended >= PATIENCE {
            return false;
        }
        turn.ended += 1;
        turn.moved = 0;
        true
    }
    /// Its inputs are others than when it started, and nobody ended it: how often in a row that was so, this time included.
    pub fn moved(&self, id: TargetId) -> u8 {
        let mut turns = self.turns();
        let turn = turns.entry(id).or_default();
        turn.moved = turn.moved.saturating_add(1);
        turn.moved
    }
    /// It came to an end on what it started with, or something from outside lets it begin anew: no suspicion is left.
    pub fn trust(&self, id: TargetId) {
        if let Some(turn) = self.turns().get_mut(&id) {
            (turn.ended, turn.moved) = (0, 0);
        }
    }
    fn turns(&self) -> MutexGuard<'_, HashMap<TargetId, Turn>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::ids::Id;

    #[test]
    fn a_change_during_the_look_asks_for_another() {
        let (turns, id) = (Turns::default(), TargetId::from_index(3));
        let key = |text: &str| Some(Digest::of(text.as_bytes()));
        assert!(turns.ask(id).is_none() && !turns.has(id));
        turns.begin(id, None);
        assert_eq!(turns.ask(id), Some((1, Seen::Nothing)));
        assert!(!turns.looked(id, key("old")));
        assert!(turns.looked(id, key("new")));
        assert_eq!(turns.ask(id), Some((1, Seen::Key(key("new")))));
        turns.end(id, key("after"));
        assert_eq!(turns.seen(id), Seen::Key(key("after")));
        turns.begin(id, None);
        assert_eq!((turns.number(id), turns.seen(id)), (2, Seen::Nothing));
    }

    #[test]
    fn patience_ends_and_comes_back() {
        let (turns, id) = (Turns::default(), TargetId::from_index(0));
        turns.begin(id, None);
        assert_eq!(turns.moved(id), 1);
        let ended = (0..5).filter(|_| turns.may_end(id)).count();
        assert_eq!(ended, usize::from(PATIENCE));
        assert_eq!((turns.moved(id), turns.moved(id)), (1, 2));
        turns.trust(id);
        assert!(turns.may_end(id));
        assert_eq!(turns.moved(id), 1);
    }
}
