//! The lines that gomake says itself, as text. Their shapes are documented in `docs/cli.md`; scripts may rely on the
//! words of the first column and on the summary.

use crate::event::{Failure, Status, Summary};
use crate::plan::action::Kind;
use crate::report::palette::{Palette, Tone};
use crate::report::text::{count, printable};
use crate::report::time::short;
use std::time::Duration;

/// Lines of a failed command that are shown without `-v`.
const COMMAND_LINES: usize = 12;
/// Removed paths that are shown without `-v`.
const REMOVED_PATHS: usize = 20;

/// A target as lines call it: `build app`, `clean`.
pub fn label(kind: Kind, name: &str) -> String {
    if name == kind.word() {
        name.to_owned()
    } else {
        format!("{:<5} {}", kind.word(), printable(name))
    }
}

/// `ran        build app  0.31s`
pub fn line(palette: Palette, word: &str, tone: Tone, rest: &str) -> String {
    format!("{} {rest}\n", palette.paint(tone, &format!("{word:<10}")))
}

/// The line of a settled target.
pub fn finished(palette: Palette, label: &str, status: &Status, duration: Duration) -> String {
    let took = || format!("{label}  {}", palette.paint(Tone::Faint, &short(duration)));
    match status {
        Status::Ran => line(palette, "ran", Tone::Good, &took()),
        Status::RanUnchanged => line(palette, "unchanged", Tone::Good, &took()),
        Status::UpToDate => line(palette, "up to date", Tone::Faint, label),
        Status::Restored => line(palette, "restored", Tone::Good, label),
        Status::Failed(_) => line(palette, "failed", Tone::Bad, &took()),
        Status::Skipped { because } => {
            let rest = format!("{label}  ({} failed)", printable(because));
            line(palette, "skipped", Tone::Warning, &rest)
        }
        Status::Cancelled => line(palette, "cancelled", Tone::Warning, label),
        Status::Stale => line(palette, "overtaken", Tone::Faint, label),
    }
}

/// A command's text, indented, each line after the first one deeper.
pub fn command(palette: Palette, text: &str, all: bool) -> String {
    let lines: Vec<&str> = text.trim_end().lines().collect();
    let shown = if all || lines.len() <= COMMAND_LINES {
        lines.len()
    } else {
        COMMAND_LINES - 1
    };
    let mut out = String::new();
    for (at, text) in lines[..shown].iter().enumerate() {
        let mark = if at == 0 { "  $ " } else { "    " };
        // Tabs are a script's indent, not something that a terminal obeys in a harmful way.
        let safe = text
            .split('\t')
            .map(printable)
            .collect::<Vec<_>>()
            .join("\t");
        out.push_str(&palette.paint(Tone::Faint, &format!("{mark}{safe}")));
        out.push('\n');
    }
    if shown < lines.len() {
        let rest = count(lines.len() - shown, "more line");
        out.push_str(&format!("    … {rest} (-v shows them)\n"));
    }
    out
}

/// What follows a failed command's output: how it ended, where it stands, and what may help.
pub fn failure_end(palette: Palette, failure: &Failure) -> String {
    let how = palette.paint(Tone::Bad, &printable(&failure.how));
    let mut out = format!("  {how}");
    let place = printable(&failure.place);
    match (failure.place.is_empty(), failure.command.is_empty()) {
        (true, _) => {}
        (false, false) => out.push_str(&format!(" at {place}")),
        // What failed is no command that stands there; its reason may be a long sentence.
        (false, true) => out.push_str(&format!(" ({place})")),
    }
    out.push('\n');
    for note in &failure.notes {
        for (at, text) in note.lines().enumerate() {
            let head = if at == 0 { "note: " } else { "      " };
            out.push_str(&format!(
                "  {}{}\n",
                palette.paint(Tone::Detail, head),
                printable(text)
            ));
        }
    }
    out
}

/// `warning: app: an input changed while it ran`
pub fn warning(palette: Palette, target: Option<&str>, message: &str) -> String {
    let head = palette.paint(Tone::Warning, "warning:");
    let of = target.map_or_else(String::new, |name| format!(" {}:", printable(name)));
    let mut lines = message.lines();
    let first = lines.next().unwrap_or_default();
    let mut out = format!("{head}{of} {}\n", printable(first));
    for more in lines {
        out.push_str(&format!("  {}\n", printable(more)));
    }
    out
}

/// What `clean` took away; a long list is cut short unless `all`.
pub fn removed(palette: Palette, paths: &[String], all: bool) -> String {
    let shown = if all {
        paths.len()
    } else {
        paths.len().min(REMOVED_PATHS)
    };
    let mut out = String::new();
    for path in &paths[..shown] {
        out.push_str(&line(palette, "removed", Tone::Warning, &printable(path)));
    }
    if shown < paths.len() {
        let rest = format!(
            "{} (-v names them)",
            count(paths.len() - shown, "more path")
        );
        out.push_str(&line(palette, "removed", Tone::Warning, &rest));
    }
    out
}

/// The last line of a run: `done: 3 ran, 5 up to date, 1 restored, 0 failed in 1.2s`.
pub fn summary(palette: Palette, summary: &Summary) -> String {
    let all_good = summary.failed.is_empty() && summary.still_failing.is_empty();
    let (word, tone) = match summary {
        Summary {
            interrupted: true, ..
        } => ("interrupted:", Tone::Warning),
        _ if all_good => ("done:", Tone::Good),
        _ => ("failed:", Tone::Bad),
    };
    let mut out = format!(
        "{} {} ran, {} up to date, {} restored, {} failed",
        palette.paint(tone, word),
        summary.ran,
        summary.up_to_date,
        summary.restored,
        summary.failed.len(),
    );
    for (number, what) in [
        (summary.still_failing.len(), "still failing"),
        (summary.skipped, "skipped"),
        (summary.cancelled, "cancelled"),
    ] {
        if number > 0 {
            out.push_str(&format!(", {number} {what}"));
        }
    }
    out.push_str(&format!(" in {}\n", short(summary.elapsed)));
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_lists_are_cut_unless_asked_for() {
        let paths: Vec<String> = (0..25).map(|n| format!("build/{n}.o")).collect();
        let short = removed(Palette::PLAIN, &paths, false);
        assert_eq!(short.lines().count(), 21);
        assert!(short.ends_with("removed    5 more paths (-v names them)\n"));
        assert_eq!(removed(Palette::PLAIN, &paths, true).lines().count(), 25);
        let script = "line\n".repeat(30);
        assert!(command(Palette::PLAIN, &script, false).contains("… 19 more lines"));
        assert_eq!(command(Palette::PLAIN, &script, true).lines().count(), 30);
    }

    #[test]
    fn the_summary_has_one_shape() {
        let mut end = Summary {
            ran: 3,
            up_to_date: 5,
            restored: 1,
            elapsed: Duration::from_millis(1234),
            ..Summary::default()
        };
        let text = |end: &Summary| summary(Palette::PLAIN, end);
        assert_eq!(
            text(&end),
            "done: 3 ran, 5 up to date, 1 restored, 0 failed in 1.2s\n"
        );
        end.failed = vec!["unit".into(), "smoke".into()];
        end.skipped = 2;
        assert_eq!(
            text(&end),
            "failed: 3 ran, 5 up to date, 1 restored, 2 failed, 2 skipped in 1.2s\n"
        );
        end.interrupted = true;
        assert!(text(&end).starts_with("interrupted: 3 ran"));
    }

    #[test]
    fn what_others_wrote_cannot_move_the_cursor() {
        let failure = Failure {
            how: "exit status 1".into(),
            command: String::new(),
            place: "Gofile:1:1".into(),
            notes: vec!["a\u{1b}[2J\nb".into()],
        };
        let text = failure_end(Palette::PLAIN, &failure);
        assert_eq!(
            text,
            "  exit status 1 (Gofile:1:1)\n  note: a\\u{1b}[2J\n        b\n"
        );
        assert!(!command(Palette::PLAIN, "\techo \u{1b}c", false).contains('\u{1b}'));
    }
}
