//! The lines at the bottom of a terminal that are drawn over and over: one for each running target, and one for the
//! whole run. The cursor is never hidden, so that there is nothing to restore; what is drawn is wiped on drop.

use crate::plan::graph::TargetId;
use crate::report::sink::Sink;
use crate::report::time::short;
use indicatif::{
    MultiProgress, ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle, TermLike,
};
use std::collections::BTreeMap;
use std::fmt::Write;
use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Often enough for tenths of seconds to look alive, seldom enough to cost nothing.
const TICK: Duration = Duration::from_millis(100);

pub type ScreenSize = fn() -> Option<(u16, u16)>;

/// The live lines of a run.
pub struct Live {
    multi: MultiProgress,
    terminal: Terminal,
    /// The last line: how far the run is. Drawn once something runs.
    header: Option<ProgressBar>,
    bars: Bars,
    /// What runs and has no line, for want of rows: labels, and since when.
    unseen: BTreeMap<TargetId, (String, Instant)>,
    ticker: Option<Ticker>,
    wanted: usize,
    settled: usize,
    /// Lines of what is no target's run: pushes. Not counted.
    asides: usize,
}

type Bars = Arc<Mutex<BTreeMap<TargetId, ProgressBar>>>;

impl Live {
    pub fn new(sink: Sink, screen: ScreenSize) -> Self {
        let terminal = Terminal { sink, screen };
        Self {
            multi: MultiProgress::with_draw_target(terminal.target()),
            terminal,
            header: None,
            bars: Bars::default(),
            unseen: BTreeMap::new(),
            ticker: None,
            wanted: 0,
            settled: 0,
            asides: 0,
        }
    }

    pub fn plan(&mut self, wanted: usize) {
        self.wanted += wanted;
        self.update_header();
    }

    pub fn start(&mut self, target: TargetId, label: &str) {
        self.take_down(target);
        let since = Instant::now();
        if lock(&self.bars).len() < self.rows() {
            self.show(target, label.to_owned(), since);
        } else {
            self.unseen.insert(target, (label.to_owned(), since));
        }
        self.update_header();
        if self.ticker.is_none() {
            let header = self.header.clone();
            self.ticker = Some(Ticker::start(self.bars.clone(), header));
        }
    }

    /// As [`Live::start`], for something that is done with a target after it is settled.
    pub fn start_aside(&mut self, target: TargetId, label: &str) {
        self.asides += 1;
        self.start(target, label);
    }

    /// Changes what stands on a line.
    pub fn say(&mut self, target: TargetId, message: String) {
        if let Some((label, _)) = self.unseen.get_mut(&target) {
            *label = message;
        } else if let Some(bar) = lock(&self.bars).get(&target) {
            bar.set_message(message);
        }
    }

    /// How many targets may have a line: lines that do not fit push the last one, which counts, off the screen.
    fn rows(&self) -> usize {
        let rows = (self.terminal.screen)().map_or(24, |(_, rows)| rows);
        usize::from(rows).saturating_sub(4).max(1)
    }

    fn show(&mut self, target: TargetId, label: String, since: Instant) {
        let header = self.header.get_or_insert_with(|| {
            let bar = self.multi.add(ProgressBar::no_length());
            bar.set_style(style("{spinner} {wide_msg}"));
            bar
        });
        let bar = ProgressBar::no_length().with_elapsed(since.elapsed());
        let bar = self.multi.insert_before(header, bar);
        bar.set_style(style("{took:>7}  {wide_msg}"));
        bar.set_message(label);
        bar.tick();
        lock(&self.bars).insert(target, bar);
    }

    pub fn finish(&mut self, target: TargetId) {
        self.settled += 1;
        self.end(target);
    }

    pub fn finish_aside(&mut self, target: TargetId) {
        self.asides = self.asides.saturating_sub(1);
        self.end(target);
    }

    fn end(&mut self, target: TargetId) {
        self.take_down(target);
        if lock(&self.bars).len() < self.rows()
            && let Some((target, (label, since))) = self.unseen.pop_first()
        {
            self.show(target, label, since);
        }
        self.update_header();
    }

    fn take_down(&mut self, target: TargetId) {
        self.unseen.remove(&target);
        let bar = lock(&self.bars).remove(&target);
        if let Some(bar) = bar {
            bar.finish_and_clear();
            self.multi.remove(&bar);
        }
    }

    /// Runs `write` while the live lines are out of the way.
    pub fn above(&self, write: impl FnOnce()) {
        self.multi.suspend(write);
    }

    /// Draws nothing until [`Live::resume`]: the terminal belongs to a command.
    pub fn pause(&self) {
        self.wipe();
        self.multi.set_draw_target(ProgressDrawTarget::hidden());
    }

    pub fn resume(&self) {
        // The command may have left the cursor within a line. As many blanks as the screen is wide move it to the next
        // line then, and nowhere else.
        let width = usize::from(self.terminal.width());
        self.terminal
            .sink
            .write(format!("{:width$}\r", "").as_bytes());
        self.multi.set_draw_target(self.terminal.target());
    }

    fn wipe(&self) {
        // The terminal is gone if this fails, and with it what was to be wiped.
        let _ = self.multi.clear();
    }

    fn update_header(&self) {
        if let Some(header) = &self.header {
            let running = lock(&self.bars).len() + self.unseen.len();
            let targets = running.saturating_sub(self.asides);
            header.set_message(format!(
                "{}/{} done, {running} running",
                self.settled,
                self.wanted.max(self.settled + targets)
            ));
        }
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        self.ticker = None;
        if let Some(header) = &self.header {
            header.finish_and_clear();
        }
        self.wipe();
    }
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template)
        .expect("the templates are constants of this file")
        .with_key("took", |state: &ProgressState, out: &mut dyn Write| {
            let _ = out.write_str(&short(state.elapsed()));
        })
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
    fn start(bars: Bars, header: Option<ProgressBar>) -> Self {
        let stop = Arc::new((Mutex::new(false), Condvar::new()));
        let seen = stop.clone();
        let thread = std::thread::Builder::new()
            .name("live lines".to_owned())
            .spawn(move || {
                let mut stopped = lock(&seen.0);
                while !*stopped {
                    stopped = seen
                        .1
                        .wait_timeout(stopped, TICK)
                        .unwrap_or_else(PoisonError::into_inner)
                        .0;
                    let bars: Vec<ProgressBar> = lock(&bars).values().cloned().collect();
                    bars.iter().chain(&header).for_each(ProgressBar::tick);
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

/// A terminal behind a sink, so that live lines and everything else go the same way.
#[derive(Debug, Clone)]
struct Terminal {
    sink: Sink,
    screen: ScreenSize,
}

impl Terminal {
    fn target(&self) -> ProgressDrawTarget {
        ProgressDrawTarget::term_like_with_hz(Box::new(self.clone()), 20)
    }
    fn send(&self, text: &str) -> io::Result<()> {
        self.sink.write(text.as_bytes());
        Ok(())
    }
    fn moved(&self, n: usize, direction: char) -> io::Result<()> {
        if n == 0 {
            return Ok(());
        }
        self.send(&format!("\u{1b}[{n}{direction}"))
    }
}

impl TermLike for Terminal {
    fn width(&self) -> u16 {
        (self.screen)().map_or(80, |(columns, _)| columns)
    }
    fn height(&self) -> u16 {
        (self.screen)().map_or(24, |(_, rows)| rows)
    }
    fn move_cursor_up(&self, n: usize) -> io::Result<()> {
        self.moved(n, 'A')
    }
    fn move_cursor_down(&self, n: usize) -> io::Result<()> {
        self.moved(n, 'B')
    }
    fn move_cursor_right(&self, n: usize) -> io::Result<()> {
        self.moved(n, 'C')
    }
    fn move_cursor_left(&self, n: usize) -> io::Result<()> {
        self.moved(n, 'D')
    }
    fn write_line(&self, s: &str) -> io::Result<()> {
        self.send(&format!("{s}\n"))
    }
    fn write_str(&self, s: &str) -> io::Result<()> {
        self.send(s)
    }
    fn clear_line(&self) -> io::Result<()> {
        self.send("\r\u{1b}[2K")
    }
    fn flush(&self) -> io::Result<()> {
        Ok(())
    }
}
