//! The event stream as JSON lines, for machines (`docs/events.md`). A line is written when its event comes, so that a reader
//! can follow a run; a reader that goes away does not end it.

mod view;

pub use view::status_word;

use crate::base::hash::HashMap;
use crate::event::Event;
use crate::event::service::ServiceStep;
use crate::image::date::rfc3339;
use crate::plan::graph::TargetId;
use crate::report::consumer::{Consumer, Mistake};
use crate::report::events::view::{View, rounded};
use crate::report::start::Start;
use serde::Serialize;
use std::io::Write;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

/// Rises when a field or an event goes away or means something else; new ones may come without.
pub const VERSION: u32 = 1;

pub struct Events {
    start: Start,
    state: Mutex<State>,
}

struct State {
    out: Box<dyn Write + Send>,
    /// The first error; nothing is written after it.
    broken: Option<String>,
    /// What the file is called, for errors.
    called: String,
    names: HashMap<TargetId, Arc<str>>,
    /// Bytes of a character that is not complete yet.
    halves: HashMap<TargetId, Vec<u8>>,
}

/// An event and when it came.
#[derive(Serialize)]
struct Line<'a> {
    #[serde(flatten)]
    view: View<'a>,
    /// Seconds since the start.
    time: f64,
}

impl Events {
    /// Writes the first line at once. `called` names the file in errors, `words` are those of the call.
    pub fn new(
        out: Box<dyn Write + Send>,
        called: String,
        start: Start,
        root: &str,
        words: &[String],
    ) -> Self {
        let events = Self {
            start,
            state: Mutex::new(State {
                out,
                broken: None,
                called,
                names: HashMap::default(),
                halves: HashMap::default(),
            }),
        };
        let ms = start.wall_ms();
        let seconds = rfc3339(ms / 1000);
        events.write(|state, now| {
            state.line(
                View::Start {
                    version: VERSION,
                    gomake: env!("CARGO_PKG_VERSION"),
                    started: format!("{}.{:03}Z", seconds.trim_end_matches('Z'), ms % 1000),
                    root,
                    words,
                },
                now,
            );
        });
        events
    }

    /// The time is read under the lock, so that it never goes backwards from line to line.
    fn write(&self, write: impl FnOnce(&mut State, f64)) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let now = rounded(self.start.until(Instant::now()));
        write(&mut state, now);
    }
}

impl Consumer for Events {
    fn handle(&self, event: &Event) {
        self.write(|state, now| state.handle(event, now, &self.start));
    }

    fn wrong(&self, mistake: &Mistake) {
        self.write(|state, now| state.line(View::of_mistake(mistake), now));
    }

    fn finish(&self, status: u8) -> Result<(), String> {
        self.write(|state, now| state.line(View::End { status }, now));
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.broken.clone().map_or(Ok(()), Err)
    }
}

impl State {
    fn handle(&mut self, event: &Event, now: f64, start: &Start) {
        // A service outlives the plan that numbered it: it is known by its name alone.
        if let Event::Started { target, name, .. } = event {
            self.names.insert(*target, name.clone());
        }
        match event {
            Event::Output { target, bytes } => return self.output(*target, bytes, now),
            Event::Service {
                target,
                name,
                step: ServiceStep::Output { bytes, .. },
            } => {
                if let Some((text, lossy)) = self.whole(*target, bytes) {
                    self.line(View::of_service_output(name, &text, lossy), now);
                }
                return;
            }
            Event::Finished { target, .. } => self.rest(*target, now),
            _ => {}
        }
        let names = std::mem::take(&mut self.names);
        let name = |target: TargetId| names.get(&target).map(|name| &**name);
        if let Some(view) = View::of(event, &name, start) {
            self.line(view, now);
        }
        self.names = names;
    }

    fn output(&mut self, target: TargetId, bytes: &[u8], now: f64) {
        let Some((text, lossy)) = self.whole(target, bytes) else {
            return;
        };
        let name = self.names.get(&target).cloned();
        let view = View::Output {
            target: name.as_deref(),
            text: &text,
            lossy,
        };
        self.line(view, now);
    }

    /// What a command left unfinished of a character.
    fn rest(&mut self, target: TargetId, now: f64) {
        if let Some(half) = self.halves.remove(&target) {
            let name = self.names.get(&target).cloned();
            let view = View::Output {
                target: name.as_deref(),
                text: &String::from_utf8_lossy(&half),
                lossy: true,
            };
            self.line(view, now);
        }
    }

    /// A chunk as text, and whether something of it was no UTF-8. A character that two chunks share is kept for the second.
    fn whole(&mut self, target: TargetId, bytes: &[u8]) -> Option<(String, bool)> {
        let mut all = self.halves.remove(&target).unwrap_or_default();
        all.extend_from_slice(bytes);
        let keep = half_at_end(&all);
        if keep > 0 {
            self.halves.insert(target, all.split_off(all.len() - keep));
        }
        if all.is_empty() {
            return None;
        }
        Some(match String::from_utf8(all) {
            Ok(text) => (text, false),
            Err(error) => (String::from_utf8_lossy(error.as_bytes()).into_owned(), true),
        })
    }

    fn line(&mut self, view: View<'_>, time: f64) {
        if self.broken.is_some() {
            return;
        }
        let mut line = match serde_json::to_vec(&Line { view, time }) {
            Ok(line) => line,
            Err(error) => {
                self.broken = Some(error.to_string());
                return;
            }
        };
        line.push(b'\n');
        if let Err(error) = self.out.write_all(&line).and_then(|()| self.out.flush()) {
            self.broken = Some(format!("cannot write {}: {error}", self.called));
        }
    }
}

/// Bytes at the end that are the beginning of a character.
fn half_at_end(bytes: &[u8]) -> usize {
    let last = bytes.len().saturating_sub(3);
    for (back, byte) in bytes[last..].iter().rev().enumerate() {
        let needed = match byte {
            0xc2..=0xdf => 2,
            0xe0..=0xef => 3,
            0xf0..=0xf4 => 4,
            0x80..=0xbf => continue,
            _ => 0,
        };
        return if needed > back + 1 { back + 1 } else { 0 };
    }
    0
}

#[cfg(test)]
mod tests;
