//! How long a run will go on, from how long its targets took before. Knows no clock: moments are times since some
//! beginning, as the caller tells them.
//!
//! A run takes at least its longest chain of needs, and at least all of its work divided by the jobs; the greater of the
//! two is near enough. What is shown is calm: it counts down with the clock, and gives way to a new guess by degrees.

use crate::base::hash::HashMap;
use crate::event::timing::Pending;
use crate::plan::graph::TargetId;
use std::time::Duration;

/// Guessing goes through all targets: not at every drawing.
const EVERY: Duration = Duration::from_millis(500);
/// What takes longer than it took before is taken to need this share of its time still.
const OVERDUE: u32 = 8;
/// What is overdue has this left at least.
const LEAST: Duration = Duration::from_millis(100);
/// A guess this near to what is shown changes nothing.
const NEAR: Duration = Duration::from_secs(1);

#[derive(Debug, Default)]
pub struct Estimate {
    jobs: u32,
    targets: Vec<Target>,
    places: HashMap<TargetId, usize>,
    /// When the run will be over, as shown.
    end: Option<Duration>,
    guessed: Option<Duration>,
    share: f64,
}

#[derive(Debug)]
struct Target {
    /// How long it took the last time, or took now.
    known: Option<Duration>,
    after: Vec<usize>,
    state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Waits,
    Runs { since: Duration },
    Done { after: Duration },
}

impl Estimate {
    /// What is left to look at, in an order in which what comes before a target stands before it.
    pub fn new(jobs: usize, pending: &[Pending]) -> Self {
        let places: HashMap<TargetId, usize> = pending
            .iter()
            .enumerate()
            .map(|(place, target)| (target.target, place))
            .collect();
        let target = |pending: &Pending| Target {
            known: pending.last,
            after: pending
                .after
                .iter()
                .filter_map(|earlier| places.get(earlier).copied())
                .collect(),
            state: State::Waits,
        };
        Self {
            jobs: u32::try_from(jobs).unwrap_or(u32::MAX).max(1),
            targets: pending.iter().map(target).collect(),
            places,
            ..Self::default()
        }
    }

    /// How long a target took the last time.
    pub fn last(&self, target: TargetId) -> Option<Duration> {
        self.targets.get(*self.places.get(&target)?)?.known
    }

    pub fn started(&mut self, target: TargetId, now: Duration) {
        self.set(target, State::Runs { since: now });
    }

    /// It is settled. `took` is what its command took, where one ran.
    pub fn finished(&mut self, target: TargetId, took: Duration) {
        self.set(target, State::Done { after: took });
    }

    /// It will run again.
    pub fn waits(&mut self, target: TargetId) {
        self.set(target, State::Waits);
    }

    fn set(&mut self, target: TargetId, state: State) {
        if let Some(&place) = self.places.get(&target) {
            self.targets[place].state = state;
        }
    }

    /// How long the run will go on; None where too little is known, or nothing is left.
    pub fn rest(&mut self, now: Duration) -> Option<Duration> {
        if self.guessed.is_none_or(|guessed| now >= guessed + EVERY) {
            self.guessed = Some(now);
            self.guess(now);
        }
        let is_open = |target: &Target| !matches!(target.state, State::Done { .. });
        if !self.targets.iter().any(is_open) {
            return None;
        }
        Some(self.end?.saturating_sub(now).max(LEAST))
    }

    /// The share of the work that is done, from 0 to 1, as of the last [`Estimate::rest`] that knew enough.
    pub fn share(&self) -> Option<f64> {
        self.end.map(|_| self.share)
    }

    fn guess(&mut self, now: Duration) {
        let Some(usual) = self.usual() else {
            self.end = None;
            return;
        };
        let mut chains: Vec<Duration> = Vec::with_capacity(self.targets.len());
        let (mut longest, mut rest, mut done) = (Duration::ZERO, Duration::ZERO, Duration::ZERO);
        for target in &self.targets {
            let (left, went) = target.left(usual, now);
            let before = target.after.iter().filter_map(|&place| chains.get(place));
            let chain = left + before.max().copied().unwrap_or_default();
            longest = longest.max(chain);
            rest += left;
            done += went;
            chains.push(chain);
        }
        let all = (rest + done).as_secs_f64();
        if all > 0.0 {
            self.share = done.as_secs_f64() / all;
        }
        let guess = now + longest.max(rest / self.jobs);
        self.end = Some(self.end.map_or(guess, |end| toward(end, guess, now)));
    }

    /// The middle one of the known times, for targets that have none; None while less than half of them are known.
    fn usual(&self) -> Option<Duration> {
        let known = self.targets.iter().filter_map(|target| match target.state {
            State::Done { after } => Some(after),
            State::Waits | State::Runs { .. } => target.known,
        });
        let mut known: Vec<Duration> = known.collect();
        if known.is_empty() || known.len() * 2 < self.targets.len() {
            return None;
        }
        let middle = known.len() / 2;
        Some(*known.select_nth_unstable(middle).1)
    }
}

impl Target {
    /// What is left of it, and what is done.
    fn left(&self, usual: Duration, now: Duration) -> (Duration, Duration) {
        let whole = self.known.unwrap_or(usual);
        match self.state {
            State::Waits => (whole, Duration::ZERO),
            State::Runs { since } => {
                let went = now.saturating_sub(since);
                (
                    whole.saturating_sub(went).max(went.min(whole) / OVERDUE),
                    went,
                )
            }
            State::Done { after } => (Duration::ZERO, after),
        }
    }
}

/// From what is shown to what is guessed now: at once where less is left than thought, by and by where it is more; not at
/// all where they hardly differ.
fn toward(shown: Duration, guess: Duration, now: Duration) -> Duration {
    let left = shown.saturating_sub(now);
    let tolerated = NEAR.max(left / 8);
    if guess > shown {
        let more = guess - shown;
        // What is about to reach zero while work is left has to move.
        if more <= tolerated && left > NEAR {
            shown
        } else {
            shown.max(now) + more / 4
        }
    } else {
        let less = shown - guess;
        if less <= tolerated {
            shown
        } else {
            shown - less / 2
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::action::Kind;

    fn pending(target: u32, last: Option<u64>, after: &[u32]) -> Pending {
        Pending {
            target: TargetId(target),
            name: format!("t{target}").into(),
            kind: Kind::Build,
            last: last.map(Duration::from_secs),
            after: after.iter().map(|&id| TargetId(id)).collect(),
        }
    }
    fn at(seconds: f64) -> Duration {
        Duration::from_secs_f64(seconds)
    }
    fn rest(estimate: &mut Estimate, now: f64) -> Option<f64> {
        estimate.rest(at(now)).map(|rest| rest.as_secs_f64())
    }

    #[test]
    fn the_longest_chain_or_all_work_over_the_jobs() {
        let chain = [
            pending(1, Some(4), &[]),
            pending(2, Some(6), &[1]),
            pending(3, Some(1), &[]),
        ];
        assert_eq!(rest(&mut Estimate::new(2, &chain), 0.0), Some(10.0));
        assert_eq!(rest(&mut Estimate::new(1, &chain), 0.0), Some(11.0));
        let wide: Vec<Pending> = (0..8).map(|id| pending(id, Some(3), &[])).collect();
        assert_eq!(rest(&mut Estimate::new(4, &wide), 0.0), Some(6.0));
        assert_eq!(rest(&mut Estimate::new(4, &[]), 0.0), None);
    }

    #[test]
    fn what_is_new_takes_as_long_as_the_middle_one() {
        let mut few = Estimate::new(
            1,
            &[
                pending(1, Some(2), &[]),
                pending(2, None, &[]),
                pending(3, None, &[]),
            ],
        );
        assert_eq!(rest(&mut few, 0.0), None, "most are unknown");
        // What has run since is known as well.
        few.started(TargetId(2), at(0.0));
        few.finished(TargetId(2), at(4.0));
        assert_eq!(rest(&mut few, 4.0), Some(6.0));
    }

    #[test]
    fn it_counts_down_with_the_clock() {
        let mut one = Estimate::new(1, &[pending(1, Some(10), &[])]);
        one.started(TargetId(1), at(0.0));
        for now in [0.0, 0.1, 2.5, 4.0, 8.0] {
            assert_eq!(rest(&mut one, now), Some(10.0 - now));
        }
        assert!(one.share().expect("known") > 0.79);
        one.finished(TargetId(1), at(9.0));
        assert_eq!(rest(&mut one, 10.0), None);
    }

    #[test]
    fn it_neither_jumps_nor_says_zero_while_something_is_overdue() {
        let mut one = Estimate::new(1, &[pending(1, Some(10), &[])]);
        one.started(TargetId(1), at(0.0));
        let mut before = 10.0;
        for step in 0..400 {
            let now = f64::from(step) * 0.1;
            let rest = rest(&mut one, now).expect("it goes on");
            assert!(rest > 0.0 && rest - before < 1.0, "{before} to {rest}");
            before = rest;
        }
        // Half of the work turns out to be up to date.
        let wide: Vec<Pending> = (0..20).map(|id| pending(id, Some(5), &[])).collect();
        let mut wide = Estimate::new(1, &wide);
        assert_eq!(rest(&mut wide, 0.0), Some(100.0));
        (0..10).for_each(|id| wide.finished(TargetId(id), Duration::ZERO));
        let (soon, later) = (rest(&mut wide, 0.5), rest(&mut wide, 5.0));
        assert_eq!(soon, Some(74.75));
        assert!(later < Some(70.0), "{later:?}");
    }

    #[test]
    fn a_target_that_runs_again_is_work_again() {
        let mut one = Estimate::new(1, &[pending(1, Some(10), &[])]);
        one.started(TargetId(1), at(0.0));
        one.finished(TargetId(1), at(10.0));
        assert_eq!(rest(&mut one, 10.0), None);
        one.waits(TargetId(1));
        assert!(rest(&mut one, 20.0).is_some());
    }
}
