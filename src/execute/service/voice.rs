//! Brings events from the threads of services, which belong to no run, to whoever takes the events of the call.

use crate::event::{Emit, Event};
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::mpsc::{self, Receiver, Sender};

/// An event, and whom to tell that it was taken.
type Said = (Event, Sender<()>);

#[derive(Debug)]
pub struct Voice(Mutex<Sender<Said>>);

pub struct Ears(Receiver<Said>);

impl Voice {
    pub fn new() -> (Self, Ears) {
        let (send, receive) = mpsc::channel();
        (Self(Mutex::new(send)), Ears(receive))
    }
    /// Returns when the event was taken: what follows from it comes later. Where nobody listens, nothing is said.
    pub fn say(&self, event: Event) {
        let (taken, was_taken) = mpsc::channel();
        let send = self
            .0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        if send.send((event, taken)).is_ok() {
            let _ = was_taken.recv();
        }
    }
}

impl Ears {
    /// Until no voice is left.
    pub fn listen(self, emit: Emit<'_>) {
        for (event, taken) in self.0 {
            emit(event);
            // Who does not wait any more need not know.
            let _ = taken.send(());
        }
    }
}
