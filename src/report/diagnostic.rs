//! Errors and lints with their place in the text. Knows no error in particular.

use crate::base::source::Sources;
use crate::report::palette::Palette;
use miette::{Diagnostic, GraphicalReportHandler, GraphicalTheme, ThemeCharacters, ThemeStyles};

/// Renders a diagnostic with the lines that it points into, ending in a newline.
pub fn render(
    diagnostic: &dyn Diagnostic,
    sources: &Sources,
    palette: Palette,
    columns: Option<u16>,
) -> String {
    let theme = GraphicalTheme {
        characters: ThemeCharacters::unicode(),
        styles: if palette.is_colored() {
            ThemeStyles::ansi()
        } else {
            ThemeStyles::none()
        },
    };
    let mut out = String::new();
    let attached = WithSources {
        diagnostic,
        sources,
    };
    let written = GraphicalReportHandler::new_themed(theme)
        .with_links(false)
        .without_syntax_highlighting()
        .with_width(usize::from(columns.unwrap_or(100).clamp(40, 120)))
        .render_report(&mut out, &attached);
    if written.is_err() {
        // The handler fails only where a span lies outside of the text; the message is worth having even so.
        out = format!("error: {diagnostic}\n");
    }
    out.trim_start_matches('\n').to_owned()
}

/// A diagnostic whose labels count bytes over all texts, joined with these texts.
struct WithSources<'a> {
    diagnostic: &'a dyn Diagnostic,
    sources: &'a Sources,
}

impl std::fmt::Debug for WithSources<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Debug::fmt(self.diagnostic, f)
    }
}
impl std::fmt::Display for WithSources<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Display::fmt(self.diagnostic, f)
    }
}
impl std::error::Error for WithSources<'_> {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.diagnostic.source()
    }
}
impl Diagnostic for WithSources<'_> {
    fn code<'a>(&'a self) -> Option<Box<dyn std::fmt::Display + 'a>> {
        self.diagnostic.code()
    }
    fn severity(&self) -> Option<miette::Severity> {
        self.diagnostic.severity()
    }
    fn help<'a>(&'a self) -> Option<Box<dyn std::fmt::Display + 'a>> {
        self.diagnostic.help()
    }
    fn source_code(&self) -> Option<&dyn miette::SourceCode> {
        Some(self.sources)
    }
    fn labels(&self) -> Option<Box<dyn Iterator<Item = miette::LabeledSpan> + '_>> {
        self.diagnostic.labels()
    }
    fn related<'a>(&'a self) -> Option<Box<dyn Iterator<Item = &'a dyn Diagnostic> + 'a>> {
        self.diagnostic.related()
    }
    fn diagnostic_source(&self) -> Option<&dyn Diagnostic> {
        self.diagnostic.diagnostic_source()
    }
}

/// As it is worded, for snapshots of mistakes that stand in no text.
#[cfg(test)]
pub fn plain(error: &dyn Diagnostic) -> String {
    render(error, &Sources::default(), Palette::PLAIN, Some(100))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::source::Span;
    use miette::Diagnostic;

    #[derive(Debug, thiserror::Error, Diagnostic)]
    #[error("two targets make `bin/app`")]
    #[diagnostic(code(gomake::test::twice), help("give one of them another output"))]
    struct Twice {
        #[label("here first")]
        first: Span,
        #[label("and here again")]
        second: Span,
    }

    #[test]
    fn points_into_the_text_with_code_and_help() {
        let mut sources = Sources::default();
        sources.add("Gofile", "a\nbuild one\nbuild two\n");
        let base = sources.add("api/Gofile", "build three\nbuild four\n") as usize;
        let error = Twice {
            first: Span::new(base + 6, base + 11),
            second: Span::new(base + 18, base + 22),
        };
        let text = render(&error, &sources, Palette::PLAIN, None);
        insta::assert_snapshot!(text);
        assert!(!text.contains('\u{1b}'));
    }

    #[test]
    fn a_place_outside_of_every_text_does_not_hide_the_message() {
        let error = Twice {
            first: Span::new(5, 9),
            second: Span::new(50, 60),
        };
        let text = render(&error, &Sources::default(), Palette::PLAIN, None);
        assert!(text.contains("two targets make `bin/app`"), "{text}");
    }
}
