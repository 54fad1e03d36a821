//! What a terminal shows of a run that goes on: a line for each target that has run for a moment, and one for the whole
//! run. The targets stand in the order in which they began, so that the oldest is on top and none changes places; a target
//! that ends gives its line to what is said about its end.

use crate::base::hash::HashMap;
use crate::event::timing::Pending;
use crate::plan::graph::TargetId;
use crate::report::ScreenSize;
use crate::report::estimate::Estimate;
use crate::report::palette::{Palette, Tone};
use crate::report::region::Region;
use crate::report::sink::{Piece, Sinks};
use crate::report::text::{Size, clipped, columns};
use crate::report::time::{about, ticking};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Often enough for tenths of seconds to look alive, seldom enough to cost nothing.
const TICK: Duration = Duration::from_millis(100);
/// What takes less than this is not worth a line that comes and goes.
const MOMENT: Duration = Duration::from_millis(200);
/// What happens without commands (hashing, restoring) is shown by the last line alone, if it takes this long.
const SILENCE: Duration = Duration::from_millis(500);
/// Below so many columns, lines leave out what can be done without.
const NARROW: usize = 40;

/// The live lines. They are there between [`Live::plan`] and [`Live::stop`].
pub struct Live {
    shown: Arc<Mutex<Shown>>,
    ticker: Option<Ticker>,
}

/// How a target was settled, as far as it is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    Good,
    Failed,
    /// It will run again.
    Open,
}

struct Shown {
    region: Region,
    screen: ScreenSize,
    palette: Palette,
    run: Run,
    /// The terminal belongs to a command.
    paused: bool,
}

/// How far the run is.
struct Run {
    began: Instant,
    going: bool,
    /// Once there, the lines stay until the end.
    visible: bool,
    wanted: usize,
    /// Of stages that are over.
    settled_before: usize,
    settled: HashMap<TargetId, End>,
    /// In the order in which they began.
    lines: Vec<Line>,
    estimate: Option<Estimate>,
    /// The furthest that the bar has been.
    share: f64,
}

/// Something that runs.
struct Line {
    target: TargetId,
    label: String,
    /// How far it is.
    progress: String,
    since: Instant,
    last: Option<Duration>,
    /// Not a target's run but what is done with it later: a push. Not counted.
    aside: bool,
}

impl Live {
    pub fn new(sinks: Sinks, screen: ScreenSize, palette: Palette) -> Self {
        let shown = Shown {
            region: Region::new(sinks),
            screen,
            palette,
            run: Run::new(),
            paused: false,
        };
        Self {
            shown: Arc::new(Mutex::new(shown)),
            ticker: None,
        }
    }

    /// A run begins, or a further stage of one.
    pub fn plan(&mut self, wanted: usize) {
        self.going().run.stage(wanted);
    }

    /// So many targets were settled that had no line.
    pub fn settled(&mut self, count: usize) {
        self.going().run.settled_before += count;
    }

    /// Begins a run unless one goes on.
    fn going(&mut self) -> MutexGuard<'_, Shown> {
        if self.ticker.is_none() {
            self.ticker = Some(Ticker::start(self.shown.clone()));
        }
        let mut shown = lock(&self.shown);
        if !shown.run.going {
            shown.run = Run::new();
            shown.run.going = true;
        }
        shown
    }

    /// The run is over: nothing is drawn until the next one.
    pub fn stop(&mut self) {
        self.ticker = None;
        let mut shown = lock(&self.shown);
        shown.run = Run::new();
        shown.paused = false;
        shown.region.wipe();
    }

    pub fn schedule(&mut self, jobs: usize, pending: &[Pending]) {
        lock(&self.shown).run.estimate = Some(Estimate::new(jobs, pending));
    }

    pub fn start(&mut self, target: TargetId, label: &str) {
        self.going().run.start(target, label, false);
    }

    /// As [`Live::start`], for something that is done with a target after it is settled.
    pub fn start_aside(&mut self, target: TargetId, label: &str) {
        self.going().run.start(target, label, true);
    }

    /// Says how far something is that runs.
    pub fn progress(&mut self, target: TargetId, text: String) {
        let mut shown = lock(&self.shown);
        let mut lines = shown.run.lines.iter_mut();
        if let Some(line) = lines.find(|line| line.target == target) {
            line.progress = text;
        }
    }

    /// The lines are drawn anew with the next thing that is said, or soon.
    pub fn finish(&mut self, target: TargetId, end: End, took: Duration) {
        lock(&self.shown).run.finish(target, end, took);
    }

    pub fn finish_aside(&mut self, target: TargetId) {
        lock(&self.shown).run.remove(target);
    }

    /// Writes pieces above the lines.
    pub fn above(&self, pieces: &[Piece]) {
        let mut shown = lock(&self.shown);
        let (rows, size) = shown.rows();
        shown.region.above(pieces, rows, size);
    }

    /// Draws nothing until [`Live::resume`]: the terminal belongs to a command.
    pub fn pause(&self) {
        let mut shown = lock(&self.shown);
        shown.paused = true;
        shown.region.wipe();
    }

    pub fn resume(&self) {
        let mut shown = lock(&self.shown);
        shown.paused = false;
        let size = shown.size();
        shown.region.begin_line(size);
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        self.stop();
    }
}

impl Shown {
    fn size(&self) -> Size {
        let (columns, rows) = (self.screen)().unwrap_or((80, 24));
        Size {
            columns: columns.into(),
            rows: rows.into(),
        }
    }

    fn draw(&mut self) {
        if !self.paused {
            let (rows, size) = self.rows();
            self.region.draw(rows, size);
        }
    }

    fn rows(&mut self) -> (Vec<String>, Size) {
        let size = self.size();
        if self.paused || !self.run.going {
            return (Vec::new(), size);
        }
        (self.run.rows(size, self.palette, Instant::now()), size)
    }
}

impl Run {
    fn new() -> Self {
        Self {
            began: Instant::now(),
            going: false,
            visible: false,
            wanted: 0,
            settled_before: 0,
            settled: HashMap::default(),
            lines: Vec::new(),
            estimate: None,
            share: 0.0,
        }
    }

    fn stage(&mut self, wanted: usize) {
        self.settled_before += self.done();
        self.settled.clear();
        self.estimate = None;
        self.wanted += wanted;
    }

    fn start(&mut self, target: TargetId, label: &str, aside: bool) {
        self.remove(target);
        let since = Instant::now();
        let mut last = None;
        if !aside {
            self.settled.remove(&target);
            if let Some(estimate) = &mut self.estimate {
                estimate.started(target, self.began.elapsed());
                last = estimate.last(target);
            }
        }
        self.lines.push(Line {
            target,
            label: label.to_owned(),
            progress: String::new(),
            since,
            last,
            aside,
        });
    }

    fn finish(&mut self, target: TargetId, end: End, took: Duration) {
        self.remove(target);
        if end == End::Open {
            self.settled.remove(&target);
        } else {
            self.settled.insert(target, end);
        }
        if let Some(estimate) = &mut self.estimate {
            match end {
                End::Open => estimate.waits(target),
                End::Good | End::Failed => estimate.finished(target, took),
            }
        }
    }

    fn remove(&mut self, target: TargetId) {
        self.lines.retain(|line| line.target != target);
    }

    fn done(&self) -> usize {
        self.settled.len()
    }

    /// What is to be seen now; nothing at first. One column stays free, since a full row wraps in some terminals.
    fn rows(&mut self, size: Size, palette: Palette, now: Instant) -> Vec<String> {
        let width = size.columns.saturating_sub(1);
        let is_worth = |line: &&Line| now.saturating_duration_since(line.since) >= MOMENT;
        let worth: Vec<&Line> = self.lines.iter().filter(is_worth).collect();
        let silence = now.saturating_duration_since(self.began) >= SILENCE;
        self.visible |= silence || !worth.is_empty();
        if !self.visible {
            return Vec::new();
        }
        let most = most_lines(size.rows);
        let shown = if worth.len() > most {
            most - 1
        } else {
            worth.len()
        };
        let mut rows: Vec<String> = worth[..shown]
            .iter()
            .map(|line| line.text(width, palette, now))
            .collect();
        if shown < worth.len() {
            let more = clipped(
                &format!("and {} more", worth.len() - shown),
                width.saturating_sub(11),
            );
            rows.push(palette.paint(Tone::Faint, &format!("{:>11}{more}", "")));
        }
        rows.push(self.header(width, palette, now));
        // The cursor rests on an empty row, where it hides nothing and what is typed does no harm.
        if size.rows > rows.len() + 2 {
            rows.insert(0, String::new());
        }
        rows.truncate(size.rows.max(1));
        rows
    }

    /// `[=====>     ] 12/30 done, 2 running, 1 failed, ~12s left`; in a narrow terminal as much of it as fits.
    fn header(&mut self, width: usize, palette: Palette, now: Instant) -> String {
        let targets = self.lines.iter().filter(|line| !line.aside).count();
        let done = self.settled_before + self.done();
        let total = self.wanted.max(done + targets);
        let failed = self
            .settled
            .values()
            .filter(|end| **end == End::Failed)
            .count();
        let since = now.saturating_duration_since(self.began);
        let rest = self
            .estimate
            .as_mut()
            .and_then(|estimate| estimate.rest(since));
        let share = self.estimate.as_ref().and_then(Estimate::share);
        self.share = self.share.max(share.unwrap_or_else(|| ratio(done, total)));
        let mut parts = vec![(Tone::Name, format!("{done}/{total} done"))];
        parts.push((Tone::Detail, format!("{} running", self.lines.len())));
        if failed > 0 {
            parts.push((Tone::Bad, format!("{failed} failed")));
        }
        if let Some(rest) = rest {
            parts.push((Tone::Faint, format!("~{} left", about(rest))));
        }
        let bar = bar(self.share, width, palette);
        bar + &joined(&parts, width, palette)
    }
}

/// How many lines of targets there may be at most: some of the screen is for what is said above them.
fn most_lines(rows: usize) -> usize {
    (rows / 2)
        .clamp(1, 40)
        .max(rows.saturating_sub(4).min(8))
        .max(1)
}

fn ratio(done: usize, total: usize) -> f64 {
    let count = |number: usize| f64::from(u32::try_from(number).unwrap_or(u32::MAX));
    if total == 0 {
        0.0
    } else {
        count(done) / count(total)
    }
}

/// A bar with a blank after it, where there is room for it and for what stands after it.
fn bar(share: f64, width: usize, palette: Palette) -> String {
    let cells = width.saturating_sub(52).min(40);
    if cells < 10 {
        return String::new();
    }
    let is_full = |cell: usize| ratio(cell + 1, cells) <= share;
    let full = (0..cells).take_while(|&cell| is_full(cell)).count();
    let head = if full > 0 && full < cells { ">" } else { "" };
    let rest = " ".repeat(cells - full - head.len());
    let done = palette.paint(Tone::Good, &format!("{}{head}", "=".repeat(full)));
    format!("[{done}{rest}] ")
}

/// The parts that fit, from the first on.
fn joined(parts: &[(Tone, String)], width: usize, palette: Palette) -> String {
    let mut out = String::new();
    let mut taken = 0;
    for (tone, text) in parts {
        let comma = if taken == 0 { "" } else { ", " };
        if taken > 0 && taken + comma.len() + text.len() > width {
            break;
        }
        let text = clipped(text, width);
        taken += comma.len() + columns(&text);
        out.push_str(comma);
        out.push_str(&palette.paint(*tone, &text));
    }
    out
}

impl Line {
    /// `running    build app  3.1s of ~4.0s  how far it is`, as the line of its end will be; a name that is too long gives
    /// way to the time.
    fn text(&self, width: usize, palette: Palette, now: Instant) -> String {
        let elapsed = now.saturating_duration_since(self.since);
        let (word, last) = if width < NARROW {
            ("", None)
        } else {
            ("running    ", self.last)
        };
        let mut time = ticking(elapsed);
        if let Some(last) = last.filter(|last| *last >= MOMENT) {
            time.push_str(&format!(" of ~{}", ticking(last)));
        }
        let room = width.saturating_sub(word.len() + 2 + time.len());
        if room == 0 {
            return clipped(&self.label, width);
        }
        let progress = clipped(&self.progress, room / 2);
        let label = match progress.as_str() {
            "" => clipped(&self.label, room),
            progress => clipped(&self.label, room.saturating_sub(columns(progress) + 2)),
        };
        let mut text = palette.paint(Tone::Detail, word) + &label;
        text.push_str(&palette.paint(Tone::Faint, &format!("  {time}")));
        if !progress.is_empty() {
            text.push_str(&format!("  {progress}"));
        }
        text
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Nothing here is left half done by a panic.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The thread that lets the times go on while no event comes. Ends when dropped.
struct Ticker {
    stop: Arc<(Mutex<bool>, Condvar)>,
    thread: Option<JoinHandle<()>>,
}

impl Ticker {
    fn start(shown: Arc<Mutex<Shown>>) -> Self {
        let stop = Arc::new((Mutex::new(false), Condvar::new()));
        let seen = stop.clone();
        let thread = std::thread::Builder::new()
            .name("live lines".to_owned())
            .spawn(move || {
                let mut stopped = lock(&seen.0);
                loop {
                    stopped = seen
                        .1
                        .wait_timeout(stopped, TICK)
                        .unwrap_or_else(PoisonError::into_inner)
                        .0;
                    if *stopped {
                        break;
                    }
                    lock(&shown).draw();
                }
            });
        Self {
            stop,
            // Without the thread the times stand still between events; that is all.
            thread: thread.ok(),
        }
    }
}

impl Drop for Ticker {
    fn drop(&mut self) {
        *lock(&self.stop.0) = true;
        self.stop.1.notify_all();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
