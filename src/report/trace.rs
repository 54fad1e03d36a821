//! Where the time of a run went, as a trace that Perfetto and chrome://tracing show: a lane a thread, a slice a target with
//! what was done for it inside, arrows from what was needed. The format is Chrome's trace event format (the document
//! "Trace Event Format", JSON object form): times are microseconds.

use crate::base::fs;
use crate::base::hash::HashMap;
use crate::event::timing::{Span, Work};
use crate::event::{Event, Status};
use crate::plan::action::Kind;
use crate::plan::graph::TargetId;
use crate::report::consumer::Consumer;
use crate::report::events::status_word;
use crate::report::start::Start;
use serde::Serialize;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, ThreadId};
use std::time::{Duration, Instant};

/// All of it is one process.
const PROCESS: u32 = 1;

pub struct Trace {
    path: PathBuf,
    start: Start,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// Lane and name of each thread, in the order in which they were first heard of.
    lanes: HashMap<ThreadId, u32>,
    names: Vec<String>,
    slices: Vec<Slice>,
    /// What was done for targets that have not ended, and what is known of them.
    open: HashMap<TargetId, Open>,
    /// By target: the slice of its end, for arrows.
    ended: HashMap<TargetId, usize>,
    after: BTreeMap<TargetId, Vec<TargetId>>,
    /// Starts and ends of commands: microseconds, and by how much the number changes.
    commands: Vec<(u64, i64)>,
}

#[derive(Default)]
struct Open {
    began: Option<u64>,
    reason: String,
    attempt: u32,
}

/// Work of a thread, in microseconds since the start.
#[derive(Clone)]
struct Slice {
    lane: u32,
    name: String,
    category: &'static str,
    began: u64,
    took: u64,
    args: Map<String, Value>,
}

/// An event of the format; the letters are its names for the kinds of events.
#[derive(Serialize)]
struct TraceEvent<'a> {
    ph: &'static str,
    pid: u32,
    tid: u32,
    ts: u64,
    name: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    cat: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    dur: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<usize>,
    /// Binds an arrow's end to the slice around it, not to the next one.
    #[serde(skip_serializing_if = "Option::is_none")]
    bp: Option<&'static str>,
    #[serde(skip_serializing_if = "Map::is_empty")]
    args: Map<String, Value>,
}

impl Trace {
    /// Writes to `path`, whose directory exists, when the call ends.
    pub fn new(path: PathBuf, start: Start) -> Self {
        Self {
            path,
            start,
            state: Mutex::default(),
        }
    }

    fn since(&self, then: Instant) -> u64 {
        micros(self.start.until(then))
    }
}

impl Consumer for Trace {
    fn handle(&self, event: &Event) {
        let now = self.since(Instant::now());
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        match event {
            Event::Span(span) => state.span(span, self.since(span.began)),
            Event::Scheduled { pending, .. } => {
                let after = pending.iter().map(|one| (one.target, one.after.clone()));
                state.after = after.collect();
            }
            Event::Started {
                target,
                reason,
                attempt,
                ..
            } => {
                let open = state.open.entry(*target).or_default();
                open.reason.clone_from(reason);
                open.attempt = *attempt;
            }
            Event::Finished {
                target,
                name,
                kind,
                status,
                duration,
            } => state.finished(*target, (*kind, name), status, *duration, now),
            _ => {}
        }
    }

    fn finish(&self, _status: u8) -> Result<(), String> {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let text = state.text().map_err(|error| error.to_string())?;
        fs::write_out(&self.path, text.as_bytes()).map_err(|error| error.to_string())
    }
}

impl State {
    /// The lane of the thread that tells an event.
    fn lane(&mut self) -> u32 {
        let thread = thread::current();
        let names = &mut self.names;
        *self.lanes.entry(thread.id()).or_insert_with(|| {
            let lane = u32::try_from(names.len()).unwrap_or(u32::MAX);
            let number = names.len() + 1;
            names.push(match thread.name() {
                Some(name) => name.to_owned(),
                None => format!("thread {number}"),
            });
            lane
        })
    }

    fn span(&mut self, span: &Span, began: u64) {
        let lane = self.lane();
        let took = micros(span.took);
        let mut args = Map::new();
        if let Some((target, name)) = &span.target {
            let open = self.open.entry(*target).or_default();
            open.began = Some(open.began.map_or(began, |earlier| earlier.min(began)));
            args.insert("target".into(), json!(&**name));
        }
        if span.work == Work::Command {
            self.commands.extend([(began, 1), (began + took, -1)]);
        }
        self.slices.push(Slice {
            lane,
            name: span.work.word().to_owned(),
            category: span.work.word(),
            began,
            took,
            args,
        });
    }

    /// The slice of a target, around those of its work. What was up to date in the sweep has none: it took no time of its
    /// own.
    fn finished(
        &mut self,
        target: TargetId,
        (kind, name): (Kind, &Arc<str>),
        status: &Status,
        duration: Duration,
        now: u64,
    ) {
        let open = self.open.remove(&target).unwrap_or_default();
        if open.began.is_none() && duration.is_zero() {
            return;
        }
        let began = now.saturating_sub(micros(duration));
        let began = open.began.map_or(began, |first| first.min(began));
        let mut args = Map::new();
        args.insert("status".into(), json!(status_word(status)));
        if !open.reason.is_empty() {
            args.insert("reason".into(), json!(open.reason));
        }
        if open.attempt > 1 {
            args.insert("attempts".into(), json!(open.attempt));
        }
        match status {
            Status::Failed(failure) => drop(args.insert("failure".into(), json!(failure.how))),
            Status::Skipped { because } => drop(args.insert("because".into(), json!(&**because))),
            _ => {}
        }
        let lane = self.lane();
        self.ended.insert(target, self.slices.len());
        self.slices.push(Slice {
            lane,
            name: format!("{kind} {name}"),
            category: "target",
            began,
            took: now - began,
            args,
        });
    }

    fn text(&self) -> serde_json::Result<String> {
        let mut events = Vec::new();
        events.push(named("process_name", 0, "gomake"));
        for (lane, name) in self.names.iter().enumerate() {
            let lane = u32::try_from(lane).unwrap_or(u32::MAX);
            events.push(named("thread_name", lane, name));
        }
        // Where two begin together, the one around the other stands first.
        let mut order: Vec<&Slice> = self.slices.iter().collect();
        order.sort_by_key(|slice| (slice.began, u64::MAX - slice.took));
        events.extend(order.into_iter().map(Slice::event));
        self.arrows(&mut events);
        let mut commands = self.commands.clone();
        commands.sort_unstable();
        let mut running = 0;
        for (at, change) in commands {
            running += change;
            let mut args = Map::new();
            args.insert("running".into(), json!(running));
            events.push(TraceEvent {
                args,
                ..event("C", "commands", 0, at)
            });
        }
        serde_json::to_string(&json!({ "traceEvents": events, "displayTimeUnit": "ms" }))
    }

    /// From the end of what was needed to the beginning of what needed it.
    fn arrows<'a>(&'a self, events: &mut Vec<TraceEvent<'a>>) {
        let mut id = 0;
        for (target, before) in &self.after {
            let Some(to) = self.ended.get(target).map(|&at| &self.slices[at]) else {
                continue;
            };
            for from in before.iter().filter_map(|earlier| self.ended.get(earlier)) {
                let from = &self.slices[*from];
                id += 1;
                // An arrow belongs to the slice that is open at its time: the end itself is outside.
                let end = (from.began + from.took.saturating_sub(1)).min(to.began);
                events.push(TraceEvent {
                    cat: "needs",
                    id: Some(id),
                    bp: Some("e"),
                    ..event("s", "needs", from.lane, end.max(from.began))
                });
                events.push(TraceEvent {
                    cat: "needs",
                    id: Some(id),
                    bp: Some("e"),
                    ..event("f", "needs", to.lane, to.began)
                });
            }
        }
    }
}

impl Slice {
    fn event(&self) -> TraceEvent<'_> {
        TraceEvent {
            cat: self.category,
            dur: Some(self.took),
            args: self.args.clone(),
            ..event("X", &self.name, self.lane, self.began)
        }
    }
}

fn event<'a>(ph: &'static str, name: &'a str, tid: u32, ts: u64) -> TraceEvent<'a> {
    TraceEvent {
        ph,
        pid: PROCESS,
        tid,
        ts,
        name,
        cat: "",
        dur: None,
        id: None,
        bp: None,
        args: Map::new(),
    }
}

fn named<'a>(what: &'a str, lane: u32, name: &str) -> TraceEvent<'a> {
    let mut args = Map::new();
    args.insert("name".into(), json!(name));
    TraceEvent {
        args,
        ..event("M", what, lane, 0)
    }
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
