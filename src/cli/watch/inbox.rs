//! Everything that a watch waits for, in one queue.

use crate::cli::keys::Key;
use crate::watch::Batch;
use std::cell::RefCell;
use std::collections::VecDeque;
use std::sync::mpsc::{Receiver, Sender, channel};

#[derive(Debug)]
pub enum Wake {
    Batch(Batch),
    Key(Key),
    /// A signal asks us to end.
    Cancelled,
    /// The run that goes on has come to its end.
    Over,
}

pub struct Inbox {
    receiver: Receiver<Wake>,
    /// Taken from the queue while looking for more of the same.
    next: RefCell<VecDeque<Wake>>,
}

/// Puts things into the queue.
#[derive(Clone)]
pub struct Post(Sender<Wake>);

impl Post {
    pub fn send(&self, wake: Wake) {
        // Nobody reads any more: the watch is over.
        let _ = self.0.send(wake);
    }
}

impl Inbox {
    pub fn new() -> (Self, Post) {
        let (sender, receiver) = channel();
        let next = RefCell::default();
        (Self { receiver, next }, Post(sender))
    }

    /// Waits for the next thing. Changes that are there together come as one.
    pub fn take(&self) -> Wake {
        let first = self.next.borrow_mut().pop_front();
        // The watch holds senders itself, so that the queue cannot end before it.
        let first = first.unwrap_or_else(|| self.receiver.recv().unwrap_or(Wake::Cancelled));
        let Wake::Batch(mut batch) = first else {
            return first;
        };
        while let Ok(wake) = self.receiver.try_recv() {
            match wake {
                Wake::Batch(more) => batch = merged(batch, more),
                other => self.next.borrow_mut().push_back(other),
            }
        }
        Wake::Batch(batch)
    }
}

fn merged(one: Batch, other: Batch) -> Batch {
    match (one, other) {
        (Batch::RootGone, _) | (_, Batch::RootGone) => Batch::RootGone,
        (Batch::Rescan, _) | (_, Batch::Rescan) => Batch::Rescan,
        (Batch::Paths(mut paths), Batch::Paths(more)) => {
            paths.extend(more);
            Batch::Paths(paths)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;
    use std::path::PathBuf;

    fn paths(names: &[&str]) -> Batch {
        Batch::Paths(names.iter().map(PathBuf::from).collect::<BTreeSet<_>>())
    }

    #[test]
    fn changes_come_together_and_nothing_else_is_lost() {
        let (inbox, post) = Inbox::new();
        post.send(Wake::Batch(paths(&["/a"])));
        post.send(Wake::Key(Key::Rerun));
        post.send(Wake::Batch(paths(&["/b"])));
        assert!(matches!(inbox.take(), Wake::Batch(batch) if batch == paths(&["/a", "/b"])));
        assert!(matches!(inbox.take(), Wake::Key(Key::Rerun)));
        post.send(Wake::Batch(paths(&["/a"])));
        post.send(Wake::Batch(Batch::Rescan));
        assert!(matches!(inbox.take(), Wake::Batch(Batch::Rescan)));
    }
}
