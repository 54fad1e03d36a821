//! Results on their way into the cache, so that a worker goes on with the next command meanwhile. Does not know how they are
//! stored. A crash loses what waits here, which is nothing but entries of the cache.

use crate::base::digest::Digest;
use crate::cache::store::CachedResult;
use crate::plan::graph::TargetId;
use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// More do not wait: whoever comes then stores by itself, so that commands never outrun the disk by more than this.
const MOST: usize = 64;

/// A result that was recorded.
#[derive(Debug)]
pub struct ToStore {
    pub id: TargetId,
    pub key: Digest,
    pub result: CachedResult,
    /// The key without what the depfile named; for targets with a depfile.
    pub base: Option<Digest>,
}

/// The results of a run that wait to be stored; takes none as long as nobody is there who stores them.
#[derive(Debug, Default)]
pub struct Storing {
    queue: Mutex<Queue>,
    moved: Condvar,
}

#[derive(Debug, Default)]
struct Queue {
    is_open: bool,
    waiting: VecDeque<ToStore>,
}

impl Storing {
    /// From now on results may wait; until the guard is dropped.
    pub fn open(&self) -> Open<'_> {
        self.queue().is_open = true;
        Open(self)
    }

    /// Leaves a result to be stored; gives it back where it cannot wait.
    pub fn leave(&self, result: ToStore) -> Option<ToStore> {
        let mut queue = self.queue();
        if !queue.is_open || queue.waiting.len() >= MOST {
            return Some(result);
        }
        queue.waiting.push_back(result);
        drop(queue);
        self.moved.notify_one();
        None
    }

    /// The next result, when there is one. None: the last one was taken, and no more come.
    pub fn next(&self) -> Option<ToStore> {
        let mut queue = self.queue();
        loop {
            if let Some(result) = queue.waiting.pop_front() {
                return Some(result);
            }
            if !queue.is_open {
                return None;
            }
            queue = self
                .moved
                .wait(queue)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// While this lives, results may wait.
#[must_use = "nothing waits when this is dropped"]
pub struct Open<'a>(&'a Storing);

impl Drop for Open<'_> {
    fn drop(&mut self) {
        self.0.queue().is_open = false;
        self.0.moved.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::ids::Id;

    fn result(number: usize) -> ToStore {
        ToStore {
            id: TargetId::from_index(number),
            key: Digest::default(),
            result: CachedResult {
                target: String::new(),
                outputs: Vec::new(),
                deps: Vec::new(),
                duration_ms: 0,
                small: Vec::new(),
            },
            base: None,
        }
    }

    #[test]
    fn what_waits_is_taken_in_order_and_none_is_lost_at_the_end() {
        let storing = Storing::default();
        assert!(storing.leave(result(0)).is_some(), "nobody is there");
        let open = storing.open();
        let given_back = (0..MOST + 3).filter_map(|number| storing.leave(result(number)));
        assert_eq!(given_back.count(), 3);
        drop(open);
        assert!(storing.leave(result(0)).is_some());
        let taken = std::iter::from_fn(|| storing.next());
        let taken: Vec<usize> = taken.map(|result| result.id.index()).collect();
        assert_eq!(taken, (0..MOST).collect::<Vec<_>>());
    }

    #[test]
    fn who_stores_waits_for_what_comes() {
        let storing = Storing::default();
        let open = storing.open();
        std::thread::scope(|scope| {
            let all = scope.spawn(|| std::iter::from_fn(|| storing.next()).count());
            for number in 0..10 {
                assert!(storing.leave(result(number)).is_none());
            }
            drop(open);
            assert_eq!(all.join().unwrap(), 10);
        });
    }
}
