//! A list that narrows as one types, or a line to be filled in: what keys do to it, and how it looks. Knows no terminal: keys come as
//! data, and a picture is lines of text with a place for the cursor.

use crate::cli::choose::fuzzy::score;
use crate::report::text::{clipped, columns, printable};
use crate::report::{Palette, Tone};
use std::cmp::Reverse;
use std::collections::BTreeSet;

/// What a person pressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Key {
    Char(char),
    Enter,
    /// Tab, and with Shift.
    Tick,
    TickBack,
    Up,
    Down,
    PageUp,
    PageDown,
    Home,
    End,
    Backspace,
    /// Ctrl-W
    DeleteWord,
    /// Ctrl-U
    DeleteLine,
    /// Esc, Ctrl-C, or the end of the input
    Leave,
}

/// One line of the list.
#[derive(Debug, Clone, Default)]
pub struct Entry {
    /// Stands left with little weight: a kind.
    pub label: String,
    pub name: String,
    pub help: String,
    /// Of two that fit equally well, the one with less comes first.
    pub rank: u32,
}

/// How many may be taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Taking {
    /// The highlighted one, or all that were ticked.
    Several,
    One,
    /// What was typed: there is no list.
    Text,
}

/// What became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    Open,
    Left,
    /// Indices of the entries, in the order of the list.
    Taken(Vec<usize>),
    Typed(String),
}

/// What is drawn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Picture {
    pub lines: Vec<String>,
    /// Column and row, from 0.
    pub cursor: (usize, usize),
}

#[derive(Debug)]
pub struct Picker {
    prompt: String,
    entries: Vec<Entry>,
    taking: Taking,
    typed: String,
    /// Indices of the entries that fit, the best first.
    fitting: Vec<usize>,
    /// In `fitting`.
    highlighted: usize,
    ticked: BTreeSet<usize>,
    /// The first line of the list that is shown.
    top: usize,
    /// Lines of the list in the last picture.
    page: usize,
    /// Why the last key did nothing.
    complaint: &'static str,
}

impl Picker {
    pub fn new(prompt: impl Into<String>, entries: Vec<Entry>, taking: Taking) -> Self {
        let mut picker = Self {
            prompt: prompt.into(),
            fitting: Vec::new(),
            entries,
            taking,
            typed: String::new(),
            highlighted: 0,
            ticked: BTreeSet::new(),
            top: 0,
            page: 1,
            complaint: "",
        };
        picker.narrow();
        picker
    }

    pub fn press(&mut self, key: Key) -> Outcome {
        self.complaint = "";
        match key {
            Key::Leave => return Outcome::Left,
            Key::Enter => return self.take(),
            Key::Char(c) => self.edit(|typed| typed.push(c)),
            Key::Backspace => self.edit(|typed| {
                typed.pop();
            }),
            Key::DeleteLine => self.edit(String::clear),
            Key::DeleteWord => self.edit(|typed| {
                let kept = typed.trim_end();
                let end = kept.rfind(char::is_whitespace).map_or(0, |at| at + 1);
                typed.truncate(end);
            }),
            Key::Up => self.move_to(self.highlighted.checked_sub(1).unwrap_or(usize::MAX)),
            Key::Down if self.highlighted + 1 >= self.fitting.len() => self.move_to(0),
            Key::Down => self.move_to(self.highlighted + 1),
            Key::PageUp => self.move_to(self.highlighted.saturating_sub(self.page)),
            Key::PageDown => self.move_to(self.highlighted.saturating_add(self.page)),
            Key::Home => self.move_to(0),
            Key::End => self.move_to(usize::MAX),
            Key::Tick | Key::TickBack => self.tick(key),
        }
        Outcome::Open
    }

    fn take(&mut self) -> Outcome {
        match self.taking {
            Taking::Text if self.typed.is_empty() => self.complaint = "a value is needed",
            Taking::Text => return Outcome::Typed(self.typed.clone()),
            Taking::Several if !self.ticked.is_empty() => {
                return Outcome::Taken(self.ticked.iter().copied().collect());
            }
            Taking::Several | Taking::One => match self.fitting.get(self.highlighted) {
                Some(&entry) => return Outcome::Taken(vec![entry]),
                None => self.complaint = "nothing fits",
            },
        }
        Outcome::Open
    }

    fn edit(&mut self, change: impl FnOnce(&mut String)) {
        change(&mut self.typed);
        self.narrow();
    }

    fn narrow(&mut self) {
        let fit = |(at, entry): (usize, &Entry)| {
            let points = score(&self.typed, &entry.label, &entry.name, &entry.help)?;
            Some((Reverse(points), entry.rank, at))
        };
        let mut found: Vec<_> = self.entries.iter().enumerate().filter_map(fit).collect();
        found.sort_unstable();
        self.fitting = found.into_iter().map(|(_, _, at)| at).collect();
        (self.highlighted, self.top) = (0, 0);
    }

    fn move_to(&mut self, line: usize) {
        self.highlighted = line.min(self.fitting.len().saturating_sub(1));
    }

    fn tick(&mut self, key: Key) {
        let Some(&entry) = self.fitting.get(self.highlighted) else {
            return;
        };
        if self.taking != Taking::Several {
            return;
        }
        if !self.ticked.remove(&entry) {
            self.ticked.insert(entry);
        }
        match key {
            Key::TickBack => self.move_to(self.highlighted.saturating_sub(1)),
            _ => self.move_to(self.highlighted + 1),
        }
    }

    /// Its look on a screen of so many columns and rows.
    pub fn picture(&mut self, width: usize, height: usize, palette: Palette) -> Picture {
        let (prompt, cursor) = self.prompt_line(width, palette);
        let hints = palette.paint(Tone::Faint, &clipped(&self.hints(), width));
        let mut lines = vec![prompt, hints];
        self.page = height.saturating_sub(lines.len()).max(1);
        if self.highlighted < self.top {
            self.top = self.highlighted;
        }
        if self.highlighted >= self.top + self.page {
            self.top = self.highlighted + 1 - self.page;
        }
        let until = self.fitting.len().min(self.top + self.page);
        let labels = self.entries.iter().map(|entry| columns(&entry.label)).max();
        let visible = || self.fitting[self.top..until].iter();
        let names = visible().map(|&at| columns(&printable(&self.entries[at].name)));
        // A few long names push their own help aside, and not everybody's.
        let names = names.filter(|columns| *columns <= width / 2).max();
        let room = (labels.unwrap_or(0), names.unwrap_or(0));
        for (line, &at) in visible().enumerate() {
            let here = self.top + line == self.highlighted;
            lines.push(self.entry_line(at, here, room, width, palette));
        }
        lines.truncate(height.max(1));
        Picture {
            lines,
            cursor: (cursor, 0),
        }
    }

    /// What was asked and typed; of what is too long the end, where the cursor is.
    fn prompt_line(&self, width: usize, palette: Palette) -> (String, usize) {
        let prompt = clipped(&printable(&self.prompt), (width / 2).max(1));
        let mut typed = printable(&self.typed).into_owned();
        let room = width.saturating_sub(columns(&prompt) + 3);
        while columns(&typed) > room && !typed.is_empty() {
            typed.remove(0);
        }
        let cursor = columns(&prompt) + 2 + columns(&typed);
        let line = format!("{}: {typed}", palette.paint(Tone::Name, &prompt));
        (line, cursor.min(width.saturating_sub(1)))
    }

    fn hints(&self) -> String {
        if !self.complaint.is_empty() {
            return self.complaint.to_owned();
        }
        let number = format!("{} of {}", self.fitting.len(), self.entries.len());
        match (self.taking, self.ticked.len()) {
            (Taking::Text, _) => "enter: take it   esc: leave".to_owned(),
            (Taking::One, _) => format!("{number}   enter: take it   esc: leave"),
            (Taking::Several, 0) => {
                format!("{number}   enter: run it   tab: tick several   esc: leave")
            }
            (Taking::Several, ticked) => {
                format!("{number}   enter: run the {ticked} ticked   tab: tick   esc: leave")
            }
        }
    }

    fn entry_line(
        &self,
        at: usize,
        here: bool,
        (labels, names): (usize, usize),
        width: usize,
        palette: Palette,
    ) -> String {
        let entry = &self.entries[at];
        let signs = match (here, self.ticked.contains(&at)) {
            (true, true) => "> * ",
            (true, false) => ">   ",
            (false, true) => "  * ",
            (false, false) => "    ",
        };
        let mut left = width;
        let mut line = String::new();
        let mut put = |text: &str, tone: Option<Tone>| {
            let text = clipped(text, left);
            left -= columns(&text).min(left);
            line.push_str(&tone.map_or(text.clone(), |tone| palette.paint(tone, &text)));
        };
        put(signs, here.then_some(Tone::Good));
        if labels > 0 {
            put(&format!("{:labels$}  ", entry.label), Some(Tone::Detail));
        }
        let name = printable(&entry.name);
        put(&name, here.then_some(Tone::Name));
        if !entry.help.is_empty() {
            put(&" ".repeat(names.saturating_sub(columns(&name)) + 2), None);
            put(&printable(&entry.help), Some(Tone::Faint));
        }
        line.truncate(line.trim_end().len());
        line
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(label: &str, name: &str, help: &str) -> Entry {
        Entry {
            label: label.to_owned(),
            name: name.to_owned(),
            help: help.to_owned(),
            rank: 0,
        }
    }
    fn picker(taking: Taking) -> Picker {
        let entries = vec![
            entry("build", "app", "The program"),
            entry("test", "unit", ""),
            entry("task", "deploy", "Copies the program"),
        ];
        Picker::new("run", entries, taking)
    }
    fn type_in(picker: &mut Picker, text: &str) {
        for c in text.chars() {
            assert_eq!(picker.press(Key::Char(c)), Outcome::Open);
        }
    }

    #[test]
    fn enter_takes_what_is_highlighted() {
        let mut one = picker(Taking::Several);
        one.press(Key::Down);
        assert_eq!(one.press(Key::Enter), Outcome::Taken(vec![1]));
        let mut narrowed = picker(Taking::Several);
        type_in(&mut narrowed, "dpl");
        assert_eq!(narrowed.press(Key::Enter), Outcome::Taken(vec![2]));
    }

    #[test]
    fn what_is_ticked_is_taken_in_the_order_of_the_list() {
        let mut some = picker(Taking::Several);
        type_in(&mut some, "task");
        some.press(Key::Tick);
        some.press(Key::DeleteLine);
        some.press(Key::Tick);
        assert_eq!(some.press(Key::Enter), Outcome::Taken(vec![0, 2]));
        some.press(Key::Home);
        some.press(Key::Tick);
        assert_eq!(some.press(Key::Enter), Outcome::Taken(vec![2]));
    }

    #[test]
    fn nothing_that_fits_is_nothing_to_take() {
        let mut none = picker(Taking::One);
        type_in(&mut none, "zzz");
        assert_eq!(none.press(Key::Enter), Outcome::Open);
        let picture = none.picture(60, 10, Palette::PLAIN);
        assert_eq!(picture.lines, ["run: zzz", "nothing fits"]);
        none.press(Key::Backspace);
        none.press(Key::Tick);
        assert_eq!(none.press(Key::Leave), Outcome::Left);
    }

    #[test]
    fn a_text_must_be_given() {
        let mut text = Picker::new("host", Vec::new(), Taking::Text);
        assert_eq!(text.press(Key::Enter), Outcome::Open);
        type_in(&mut text, "web 1x");
        text.press(Key::Backspace);
        assert_eq!(text.press(Key::Enter), Outcome::Typed("web 1".to_owned()));
        text.press(Key::DeleteWord);
        assert_eq!(text.press(Key::Enter), Outcome::Typed("web ".to_owned()));
    }

    #[test]
    fn the_highlight_goes_around_and_the_list_follows_it() {
        let entries = (0..1000)
            .map(|n| entry("build", &format!("t{n}"), ""))
            .collect();
        let mut many = Picker::new("run", entries, Taking::Several);
        many.press(Key::Up);
        let picture = many.picture(40, 6, Palette::PLAIN);
        assert_eq!(picture.lines.len(), 6);
        assert_eq!(picture.lines[5], ">   build  t999");
        many.press(Key::Down);
        assert_eq!(
            many.picture(40, 6, Palette::PLAIN).lines[2],
            ">   build  t0"
        );
        many.press(Key::PageDown);
        many.press(Key::PageDown);
        let picture = many.picture(40, 6, Palette::PLAIN);
        assert_eq!(picture.lines[5], ">   build  t8");
    }

    #[test]
    fn names_and_help_are_aligned_and_coloured() {
        let mut some = picker(Taking::Several);
        some.press(Key::Tick);
        let lines = some.picture(60, 10, Palette::PLAIN).lines;
        assert_eq!(lines[0], "run: ");
        assert_eq!(
            lines[1],
            "3 of 3   enter: run the 1 ticked   tab: tick   esc: leave"
        );
        assert_eq!(lines[2], "  * build  app     The program");
        assert_eq!(lines[3], ">   test   unit");
        assert_eq!(lines[4], "    task   deploy  Copies the program");
        let colored = some.picture(60, 10, Palette::new(true)).lines;
        assert!(colored[3].contains("\u{1b}["));
    }

    #[test]
    fn every_line_fits_any_screen() {
        let entries = vec![
            entry("build", "资产[图像,大]", "把图像变小"),
            entry("service", &"long".repeat(40), "help\u{1b}[2J"),
        ];
        let mut wide = Picker::new("run", entries, Taking::Several);
        type_in(&mut wide, "");
        for width in 1..90 {
            for height in 1..5 {
                let picture = wide.picture(width, height, Palette::PLAIN);
                assert!(picture.lines.len() <= height);
                assert!(picture.cursor.0 < width.max(1));
                for line in &picture.lines {
                    assert!(columns(line) <= width || width < 4, "{width}: {line}");
                    assert!(!line.contains('\u{1b}'));
                }
            }
        }
        type_in(&mut wide, &"图".repeat(50));
        let picture = wide.picture(20, 5, Palette::PLAIN);
        assert!(columns(&picture.lines[0]) < 20, "{picture:?}");
    }
}
