//! Colours by meaning. Whether there are any was decided elsewhere.

use owo_colors::{OwoColorize, Style};

/// Paints, or leaves text as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Palette {
    colored: bool,
}

/// What a piece of text means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tone {
    Good,
    Bad,
    Warning,
    /// Something the eye should find: a name.
    Name,
    /// Something that may be skipped.
    Faint,
    /// A kind of value: parameters, dimensions.
    Detail,
    Heading,
}

impl Palette {
    pub const PLAIN: Self = Self { colored: false };

    pub fn new(colored: bool) -> Self {
        Self { colored }
    }
    pub fn is_colored(self) -> bool {
        self.colored
    }
    pub fn paint(self, tone: Tone, text: &str) -> String {
        if !self.colored || text.is_empty() {
            return text.to_owned();
        }
        let style = match tone {
            Tone::Good => Style::new().green(),
            Tone::Bad => Style::new().red().bold(),
            Tone::Warning => Style::new().yellow(),
            Tone::Name => Style::new().bold(),
            Tone::Faint => Style::new().dimmed(),
            Tone::Detail => Style::new().cyan(),
            Tone::Heading => Style::new().bold().underline(),
        };
        text.style(style).to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paints_only_where_it_may() {
        assert_eq!(Palette::PLAIN.paint(Tone::Bad, "x"), "x");
        let painted = Palette::new(true).paint(Tone::Good, "x");
        assert!(
            painted.starts_with("\u{1b}[") && painted.ends_with("\u{1b}[0m")
                || painted.ends_with("\u{1b}[39m")
        );
    }
}
