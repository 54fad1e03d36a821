//! The profile as text.

use crate::report::palette::{Palette, Tone};
use crate::report::profile::chain::{Chain, Limits, Link, Why};
use crate::report::profile::{Run, Target, Whole};
use crate::report::text::{clipped, count};
use crate::report::time::short;
use std::time::Duration;

/// Targets of the chain that are named, the longest ones if there are more.
const NAMED: usize = 15;
const SLOWEST: usize = 5;

#[derive(Debug, Clone, Copy)]
pub struct Frame {
    pub palette: Palette,
    /// Columns that lines may take; None: any number.
    pub width: Option<usize>,
}

impl Frame {
    fn fit(&self, text: &str, taken: usize) -> String {
        match self.width {
            Some(width) => clipped(text, width.saturating_sub(taken)),
            None => text.to_owned(),
        }
    }
    fn heading(&self, head: &str, rest: &str) -> String {
        let rest = self.fit(rest, head.len() + 1);
        let line = format!("{} {rest}", self.palette.paint(Tone::Name, head));
        format!("{}\n", line.trim_end())
    }
    /// A sentence, on as many lines as it needs.
    fn sentence(&self, text: &str) -> String {
        let width = self.width.unwrap_or(usize::MAX).max(20);
        let mut out = String::new();
        let mut line = String::new();
        for word in text.split(' ') {
            if !line.is_empty() && line.len() + 1 + word.len() > width {
                out.push_str(&line);
                out.push('\n');
                line.clear();
            }
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(word);
        }
        out + &line + "\n"
    }
}

/// All that there is to tell.
pub fn told(frame: Frame, chain: &Chain<'_>, limits: &Limits, run: &Run, whole: Whole) -> String {
    if chain.links.is_empty() {
        return frame.sentence(
            "profile: no target took any time; reading the Gofile and looking at files was all",
        );
    }
    let mut out = String::from("\n");
    out.push_str(&path(frame, chain, whole));
    out.push_str(&slowest(frame, run));
    out.push_str(&frame.sentence(&verdict(chain, limits, whole)));
    out
}

/// The chain, a line for each target.
fn path(frame: Frame, chain: &Chain<'_>, whole: Whole) -> String {
    let took = chain.took();
    let all = count(chain.links.len(), "target");
    let rest = format!(
        "{all}, {} of {} ({} %)",
        short(took),
        short(whole.elapsed),
        percent(took, whole.elapsed)
    );
    let mut out = frame.heading("critical path:", &rest);
    let named = longest(chain);
    let (mut left_out, mut left_time) = (0, Duration::ZERO);
    let columns = format!("{:>9}{:>9}{:>6}   target", "at", "took", "share");
    out.push_str(&frame.palette.paint(Tone::Faint, &frame.fit(&columns, 0)));
    out.push('\n');
    for (link, named) in chain.links.iter().zip(named) {
        if named {
            out.push_str(&row(frame, link, whole));
        } else {
            left_out += 1;
            left_time += link.took;
        }
    }
    if left_out > 0 {
        let rest = format!(
            "{:>24}   and {left_out} shorter ones, {} together",
            "",
            short(left_time)
        );
        out.push_str(&frame.palette.paint(Tone::Faint, &frame.fit(&rest, 0)));
        out.push('\n');
    }
    out
}

/// For each link whether it is one of the longest, the first ones of those that took the same.
fn longest(chain: &Chain<'_>) -> Vec<bool> {
    let mut order: Vec<usize> = (0..chain.links.len()).collect();
    order.sort_by_key(|&at| std::cmp::Reverse(chain.links[at].took));
    let mut named = vec![false; order.len()];
    order
        .into_iter()
        .take(NAMED)
        .for_each(|at| named[at] = true);
    named
}

fn row(frame: Frame, link: &Link<'_>, whole: Whole) -> String {
    let figures = format!(
        "{:>9}{:>9}{:>4} %   ",
        short(link.began.saturating_sub(whole.began)),
        short(link.took),
        percent(link.took, whole.elapsed),
    );
    let why = match link.why {
        Why::Nothing => {
            return format!(
                "{figures}{}\n",
                frame.fit(&link.target.label, figures.len())
            );
        }
        Why::Jobs => "while all jobs were busy",
        Why::Pool => "for its pool, or for one that runs alone",
        Why::Slot => "for a slot of the jobserver",
    };
    let waited = format!("  waited {} {why}", short(link.waited));
    let label = frame.fit(&link.target.label, figures.len());
    let taken = figures.len() + crate::report::text::columns(&label);
    let waited = frame.fit(&waited, taken);
    format!(
        "{figures}{label}{}\n",
        frame.palette.paint(Tone::Warning, &waited)
    )
}

fn slowest(frame: Frame, run: &Run) -> String {
    let targets = run.stages.iter().flat_map(|stage| &stage.targets);
    let took = |target: &Target| target.ran.map(|(began, end)| end.saturating_sub(began));
    let mut all: Vec<(Duration, &Target)> = targets
        .filter(|target| target.worked)
        .filter_map(|target| Some((took(target)?, target)))
        .collect();
    if all.len() < 2 {
        return String::new();
    }
    // Stable: those that took the same stay in the order of the schedule.
    all.sort_by(|(a, _), (b, _)| b.cmp(a));
    let mut out = frame.heading("slowest:", "");
    for (took, target) in all.into_iter().take(SLOWEST) {
        let label = frame.fit(&target.label, 12);
        out.push_str(&format!("{:>9}   {label}\n", short(took)));
    }
    out
}

/// Which limit was met, and what would help.
fn verdict(chain: &Chain<'_>, limits: &Limits, whole: Whole) -> String {
    let before = whole.elapsed.saturating_sub(limits.span);
    if percent(before, whole.elapsed) >= 40 {
        return format!(
            "{} of {} went by without a target: reading Gofiles, asking Go, looking at files",
            short(before),
            short(whole.elapsed)
        );
    }
    let share = percent(chain.took(), limits.span);
    let full = percent(limits.full, limits.span);
    let jobs = match limits.jobs {
        1 => "the only job was".to_owned(),
        jobs => format!("all {jobs} jobs were"),
    };
    if share >= 85 {
        return format!(
            "the critical path is {share} % of the time that targets took: more jobs would not help, \
             a faster or shorter path would"
        );
    }
    let waited = chain.links.iter().filter(|link| link.why == Why::Jobs);
    let waited: Duration = waited.map(|link| link.waited).sum();
    if percent(waited, limits.span) >= 15 {
        return format!(
            "the critical path waited {} while {jobs} busy: more jobs would help, if there are CPUs for them",
            short(waited)
        );
    }
    if full >= 70 {
        return format!(
            "{jobs} busy {full} % of the time: more jobs would help, if there are CPUs for them"
        );
    }
    for (waiting, what) in [
        (limits.slot, "a slot of the jobserver"),
        (
            limits.pool,
            "a pool, or for one that runs alone, while jobs were free",
        ),
    ] {
        if percent(waiting.1, limits.span) >= 10 {
            return format!(
                "{} waited {} together for {what}",
                count(waiting.0, "target"),
                short(waiting.1)
            );
        }
    }
    let average = tenths(limits.work, limits.span);
    format!(
        "on average {average} of {} were busy; the critical path is {share} % of the time that targets took",
        count(limits.jobs, "job")
    )
}

fn percent(part: Duration, whole: Duration) -> u128 {
    let part = part.min(whole);
    (part.as_micros() * 100 + whole.as_micros() / 2)
        .checked_div(whole.as_micros())
        .unwrap_or(0)
}

/// `1.7` times.
fn tenths(part: Duration, whole: Duration) -> String {
    let tenths = (part.as_micros() * 10)
        .checked_div(whole.as_micros())
        .unwrap_or(0);
    format!("{}.{}", tenths / 10, tenths % 10)
}
