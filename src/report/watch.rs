//! What watch mode says between runs. A run in which nothing is out of date leaves no trace: its heading comes with the first
//! thing that it has to say.

use crate::event::Summary;
use crate::event::watch::{Trigger, WatchStep};
use crate::report::block;
use crate::report::palette::{Palette, Tone};
use crate::report::text::printable;

/// Erases the screen, what scrolled away included, and goes to its first line.
const CLEAR: &str = "\u{1b}[H\u{1b}[2J\u{1b}[3J";

/// What has been said of the run that goes on.
#[derive(Debug)]
pub struct Watching {
    palette: Palette,
    /// Said before the first thing that the run has to say.
    heading: Option<String>,
    /// Whether the run has said anything.
    spoke: bool,
    /// Whether there is anything new to be read since the last wait: several runs may follow one another without one.
    has_news: bool,
    /// How many targets were failing when that was last told; None: what was told last is that the Gofile is wrong.
    failing: Option<usize>,
}

impl Watching {
    pub fn new(palette: Palette) -> Self {
        Self {
            palette,
            heading: None,
            spoke: false,
            has_news: false,
            failing: Some(0),
        }
    }

    /// The lines that a step asks for now.
    pub fn step(&mut self, step: &WatchStep, is_terminal: bool) -> String {
        match step {
            WatchStep::Begins { why } => {
                self.heading = self.heading_of(why);
                self.spoke = *why == Trigger::Start;
                self.has_news |= self.spoke;
                String::new()
            }
            WatchStep::Waits { directories, keys } => {
                // Once told, it stands; the first wait and those that end a run with news say it again.
                if std::mem::take(&mut self.has_news) {
                    self.waits(*directories, *keys)
                } else {
                    String::new()
                }
            }
            WatchStep::Noticed { paths } => {
                if !self.spoke {
                    self.heading = Some(self.line("changed", Tone::Detail, &listed(paths, 0)));
                }
                String::new()
            }
            // It is what the run is about.
            WatchStep::Overtaken { .. } if !self.spoke => String::new(),
            WatchStep::Overtaken { paths } => {
                let rest = format!("{}  (while running)", listed(paths, 0));
                self.line("changed", Tone::Warning, &rest)
            }
            WatchStep::Wrong => {
                self.failing = None;
                self.line("waiting", Tone::Warning, "for a change that mends it")
            }
            WatchStep::Why { lines } if lines.is_empty() => {
                self.line("why", Tone::Detail, "nothing had to run")
            }
            WatchStep::Why { lines } => {
                let lines = lines.iter().map(|line| printable(line));
                lines
                    .map(|line| self.line("why", Tone::Detail, &line))
                    .collect()
            }
            WatchStep::Keys => self.line("keys", Tone::Detail, KEYS),
            WatchStep::Clear if is_terminal => CLEAR.to_owned(),
            WatchStep::Clear | WatchStep::Ended { .. } => String::new(),
        }
    }

    /// What comes before the first thing that a run has to say.
    pub fn before_speech(&mut self) -> String {
        self.spoke = true;
        self.has_news = true;
        self.heading.take().unwrap_or_default()
    }

    /// Whether a run is to be summed up: it said something, or what stands on the screen is not so any more.
    pub fn is_told(&mut self, summary: &Summary) -> bool {
        let failing = Some(summary.failed.len() + summary.still_failing.len());
        let before = std::mem::replace(&mut self.failing, failing);
        self.spoke || summary.restored > 0 || before != failing
    }

    fn heading_of(&self, why: &Trigger) -> Option<String> {
        match why {
            Trigger::Start => None,
            Trigger::Changed { paths, .. } if paths.is_empty() => None,
            Trigger::Changed { paths, more } => {
                Some(self.line("changed", Tone::Detail, &listed(paths, *more)))
            }
            Trigger::Rescan => Some(self.line("looking", Tone::Detail, "at everything again")),
            Trigger::Key => Some(self.line("running", Tone::Detail, "again, as asked")),
        }
    }

    fn waits(&self, directories: usize, keys: bool) -> String {
        let directories = match directories {
            1 => "1 directory".to_owned(),
            many => format!("{many} directories"),
        };
        let rest = if keys {
            format!("{directories}  ({KEYS})")
        } else {
            directories
        };
        self.line("watching", Tone::Faint, &rest)
    }

    fn line(&self, word: &str, tone: Tone, rest: &str) -> String {
        block::line(self.palette, word, tone, rest)
    }
}

const KEYS: &str = "r rerun, a all, w why, q quit, Enter clears";

fn listed(paths: &[String], more: usize) -> String {
    let shown: Vec<_> = paths.iter().map(|path| printable(path)).collect();
    let shown = shown.join(", ");
    match more {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn changed(paths: &[&str], more: usize) -> WatchStep {
        WatchStep::Begins {
            why: Trigger::Changed {
                paths: paths.iter().map(|path| (*path).to_owned()).collect(),
                more,
            },
        }
    }
    const WAITS: WatchStep = WatchStep::Waits {
        directories: 2,
        keys: false,
    };

    #[test]
    fn a_run_with_nothing_to_say_is_silent() {
        let mut watching = Watching::new(Palette::new(false));
        let start = WatchStep::Begins {
            why: Trigger::Start,
        };
        assert_eq!(watching.step(&start, true), "");
        assert!(watching.is_told(&Summary::default()));
        assert_eq!(watching.step(&WAITS, true), "watching   2 directories\n");
        assert_eq!(watching.step(&changed(&["a.c"], 0), true), "");
        assert!(!watching.is_told(&Summary::default()));
        assert_eq!(watching.step(&WAITS, true), "");
        watching.step(&changed(&["a.c", "b.c"], 3), true);
        assert_eq!(watching.before_speech(), "changed    a.c, b.c and 3 more\n");
        assert_eq!(watching.before_speech(), "");
        // Right after that a run for what it wrote itself, which finds nothing to do.
        assert_eq!(watching.step(&changed(&["out"], 0), true), "");
        assert_eq!(watching.step(&WAITS, true), "watching   2 directories\n");
    }

    #[test]
    fn what_is_no_longer_so_is_told() {
        let mut watching = Watching::new(Palette::new(false));
        let run = |watching: &mut Watching, summary: &Summary| {
            watching.step(&changed(&["a.c"], 0), true);
            watching.is_told(summary)
        };
        let fine = Summary::default();
        let failing = Summary {
            failed: vec!["unit".into()],
            ..Summary::default()
        };
        let still = Summary {
            still_failing: vec!["unit".into()],
            ..Summary::default()
        };
        let restored = Summary {
            restored: 1,
            ..Summary::default()
        };
        assert!(!run(&mut watching, &fine));
        assert!(run(&mut watching, &restored));
        assert!(run(&mut watching, &failing));
        assert!(!run(&mut watching, &still));
        assert!(run(&mut watching, &fine) && !run(&mut watching, &fine));
        watching.step(&WatchStep::Wrong, true);
        assert!(run(&mut watching, &fine) && !run(&mut watching, &fine));
    }

    #[test]
    fn the_screen_is_cleared_on_terminals_only() {
        let mut watching = Watching::new(Palette::new(false));
        assert_eq!(watching.step(&WatchStep::Clear, false), "");
        assert!(watching.step(&WatchStep::Clear, true).starts_with('\u{1b}'));
    }
}
