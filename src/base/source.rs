//! Source texts and places in them. A [`Span`] counts bytes over all texts laid end to end, so that one
//! diagnostic can point into two files; [`Sources`] knows which file a place belongs to.

use miette::{MietteError, MietteSpanContents, SourceCode, SourceSpan, SpanContents};
use serde::{Deserialize, Serialize};
use std::sync::{Arc, OnceLock};

/// A byte range `start..end` in the texts of a [`Sources`].
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
pub struct Span {
    pub start: u32,
    pub end: u32,
}

impl Span {
    pub fn new(start: usize, end: usize) -> Self {
        Self {
            start: start as u32,
            end: end as u32,
        }
    }
    pub fn to(self, other: Self) -> Self {
        Self {
            start: self.start.min(other.start),
            end: self.end.max(other.end),
        }
    }
    pub fn len(self) -> usize {
        (self.end - self.start) as usize
    }
    pub fn is_empty(self) -> bool {
        self.start == self.end
    }
}
impl From<Span> for SourceSpan {
    fn from(span: Span) -> Self {
        (span.start as usize, span.len()).into()
    }
}

/// A value and where it was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spanned<T> {
    pub value: T,
    pub span: Span,
}

/// One text: a Gofile, or a pseudo-file such as the command line.
#[derive(Debug)]
pub struct Source {
    /// What diagnostics call it: the path as the user would type it.
    pub name: String,
    /// Offset of its first byte in the global numbering.
    pub base: u32,
    pub text: Arc<str>,
    /// Where its lines start, made for the first place that is asked for: a listing asks for 100,000.
    lines: OnceLock<Vec<u32>>,
}

impl Source {
    /// The line that holds an offset, counted from 0, and where it starts.
    fn line(&self, offset: usize) -> (usize, usize) {
        let lines = self.lines.get_or_init(|| {
            let breaks = self.text.match_indices('\n');
            let starts = breaks.map(|(newline, _)| newline as u32 + 1);
            std::iter::once(0).chain(starts).collect()
        });
        let line = lines.partition_point(|&start| start as usize <= offset) - 1;
        (line, lines[line] as usize)
    }
}

/// All texts of a run.
#[derive(Debug, Default)]
pub struct Sources {
    texts: Vec<Source>,
}

impl Sources {
    /// Adds a text and returns the offset that its spans start from.
    pub fn add(&mut self, name: impl Into<String>, text: impl Into<Arc<str>>) -> u32 {
        // One byte of distance keeps a span at the end of a text from touching the next one.
        let base = self
            .texts
            .last()
            .map_or(0, |last| last.base + last.text.len() as u32 + 1);
        self.texts.push(Source {
            name: name.into(),
            base,
            text: text.into(),
            lines: OnceLock::new(),
        });
        base
    }
    /// All texts, in the order in which they were added.
    pub fn texts(&self) -> impl Iterator<Item = &str> {
        self.texts.iter().map(|source| &*source.text)
    }
    pub fn of(&self, span: Span) -> Option<&Source> {
        self.texts
            .iter()
            .rev()
            .find(|source| source.base <= span.start)
            .filter(|source| (span.start - source.base) as usize <= source.text.len())
    }
    /// Name, line and column (both from 1; columns in characters) of a place.
    pub fn locate(&self, span: Span) -> Option<(&str, usize, usize)> {
        let source = self.of(span)?;
        let offset = (span.start - source.base) as usize;
        let (line, start) = source.line(offset);
        let before = source.text.get(start..offset)?;
        Some((&source.name, line + 1, before.chars().count() + 1))
    }
    /// `Gofile:12:3`, or an empty text for a place nobody wrote.
    pub fn place(&self, span: Span) -> String {
        self.locate(span)
            .map(|(name, line, column)| format!("{name}:{line}:{column}"))
            .unwrap_or_default()
    }
    /// The text that a span covers.
    pub fn slice(&self, span: Span) -> &str {
        self.of(span)
            .and_then(|s| {
                s.text
                    .get((span.start - s.base) as usize..(span.end - s.base) as usize)
            })
            .unwrap_or_default()
    }
}

impl SourceCode for Sources {
    fn read_span<'a>(
        &'a self,
        span: &SourceSpan,
        before: usize,
        after: usize,
    ) -> Result<Box<dyn SpanContents<'a> + 'a>, MietteError> {
        let global = Span::new(span.offset(), span.offset() + span.len());
        let source = self.of(global).ok_or(MietteError::OutOfBounds)?;
        let base = source.base as usize;
        let local = SourceSpan::new((span.offset() - base).into(), span.len());
        let found = source.text.as_bytes().read_span(&local, before, after)?;
        let shifted = SourceSpan::new((found.span().offset() + base).into(), found.span().len());
        Ok(Box::new(MietteSpanContents::new_named(
            source.name.clone(),
            found.data(),
            shifted,
            found.line(),
            found.column(),
            found.line_count(),
        )))
    }
}
