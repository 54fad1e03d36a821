//! What can be wrong with a Gofile's text. One variant a mistake, each with its own code, place and help.

use crate::base::source::Span;
use miette::Diagnostic;
use thiserror::Error;

/// A mistake in the text. The caller attaches the [`crate::base::source::Sources`] when it renders one.
#[derive(Debug, Clone, Error, Diagnostic)]
pub enum SyntaxError {
    #[error("expected {expected}, found {found}")]
    #[diagnostic(code(gomake::syntax::unexpected))]
    Unexpected {
        expected: String,
        found: String,
        #[label("here")]
        span: Span,
        #[help]
        help: Option<String>,
    },
    #[error("this `{open}` is never closed")]
    #[diagnostic(code(gomake::syntax::unclosed))]
    Unclosed {
        open: &'static str,
        #[label("opened here")]
        span: Span,
        #[label("still open here")]
        noticed: Span,
        #[help]
        help: String,
    },
    #[error("this `{close}` closes nothing")]
    #[diagnostic(
        code(gomake::syntax::unmatched),
        help("remove it, or add the bracket that it should close")
    )]
    Unmatched {
        close: char,
        #[label("nothing is open here")]
        span: Span,
    },
    #[error("a string ends on its line")]
    #[diagnostic(
        code(gomake::syntax::unclosed_string),
        help(
            "close it with {quote}; for a line break inside of a string write `\\n` between double quotes"
        )
    )]
    UnclosedString {
        quote: char,
        #[label("opened here")]
        span: Span,
        #[label("the line ends here")]
        noticed: Span,
    },
    #[error("`{escape}` is not an escape")]
    #[diagnostic(
        code(gomake::syntax::bad_escape),
        help("a string knows \\n \\t \\\\ \\\" and \\$; in '…' a backslash stands for itself")
    )]
    BadEscape {
        escape: String,
        #[label("here")]
        span: Span,
    },
    #[error("a `$` in a string must be followed by a name or `{{`")]
    #[diagnostic(
        code(gomake::syntax::lone_dollar),
        help("for a dollar sign write `\\$`, or put the text between single quotes: '…'")
    )]
    LoneDollar {
        #[label("this dollar sign stands alone")]
        span: Span,
    },
    #[error("the script takes the rest of its line, with this `}}`")]
    #[diagnostic(
        code(gomake::syntax::swallowed_brace),
        help("put the `}}` on its own line, below the script")
    )]
    SwallowedBrace {
        #[label("part of the script")]
        brace: Span,
        #[label("the script begins here")]
        script: Span,
        #[label("so this stays open")]
        open: Span,
    },
    #[error("`run:` must stand first on its line")]
    #[diagnostic(
        code(gomake::syntax::run_not_first),
        help("a script takes the rest of its line as it stands: give it a line of its own")
    )]
    RunNotFirst {
        #[label("here")]
        span: Span,
    },
    #[error("this `run:` has no script")]
    #[diagnostic(
        code(gomake::syntax::empty_script),
        help("write it after the colon, or on the next lines, deeper than `run`")
    )]
    EmptyScript {
        #[label("nothing follows")]
        span: Span,
    },
    #[error("tabs and spaces are mixed in the indentation of this script")]
    #[diagnostic(
        code(gomake::syntax::mixed_indent),
        help("begin each line with the same blanks as the others, character for character")
    )]
    MixedIndent {
        #[label("this line begins with {line_indent}")]
        span: Span,
        line_indent: String,
        #[label("this one with {other_indent}")]
        other: Span,
        other_indent: String,
    },
    #[error("this line is deeper than the `run:` above it, whose script is complete")]
    #[diagnostic(
        code(gomake::syntax::deeper_line),
        help(
            "for a script of several lines start it on the line after `run:`, or end the first line in `\\`"
        )
    )]
    DeeperLine {
        #[label("not part of the script")]
        span: Span,
        #[label("the whole script is on this line")]
        script: Span,
    },
    #[error("the script goes on after this `\\`, but the next line is not deeper than `run`")]
    #[diagnostic(
        code(gomake::syntax::dangling_backslash),
        help("indent the next line, or remove the `\\`")
    )]
    DanglingBackslash {
        #[label("nothing continues this line")]
        span: Span,
    },
    #[error("`{word}` is a word of the language and cannot be a name")]
    #[diagnostic(
        code(gomake::syntax::reserved),
        help("choose another name, or quote it where a map's key is meant")
    )]
    Reserved {
        word: String,
        #[label("reserved")]
        span: Span,
    },
    #[error("this number is too large")]
    #[diagnostic(
        code(gomake::syntax::number_too_large),
        help("the largest is 18446744073709551615")
    )]
    NumberTooLarge {
        #[label("here")]
        span: Span,
    },
    #[error("numbers are not negative, and there is no subtraction")]
    #[diagnostic(
        code(gomake::syntax::negative_number),
        help("write it as a string: \"-1\"")
    )]
    NegativeNumber {
        #[label("here")]
        span: Span,
    },
    #[error("a statement starts in column 0")]
    #[diagnostic(
        code(gomake::syntax::indented),
        help("remove the blanks before `{word}`")
    )]
    Indented {
        word: String,
        #[label("this one is indented")]
        span: Span,
    },
    #[error("`{word}` does not begin a statement")]
    #[diagnostic(code(gomake::syntax::unknown_statement))]
    UnknownStatement {
        word: String,
        #[label("here")]
        span: Span,
        #[help]
        help: String,
    },
    #[error("this gomake does not know edition {number} of the language")]
    #[diagnostic(
        code(gomake::syntax::unknown_edition),
        help("it knows edition 1; a newer gomake may know more, or write `gofile 1`")
    )]
    UnknownEdition {
        number: u64,
        #[label("unknown edition")]
        span: Span,
    },
    #[error("the edition comes before every other statement")]
    #[diagnostic(
        code(gomake::syntax::edition_not_first),
        help("move this line to the top")
    )]
    EditionNotFirst {
        #[label("the edition")]
        span: Span,
        #[label("stands before it")]
        first: Span,
    },
    #[error("the edition is given twice")]
    #[diagnostic(code(gomake::syntax::duplicate_edition), help("remove one of them"))]
    DuplicateEdition {
        #[label("again here")]
        span: Span,
        #[label("first given here")]
        first: Span,
    },
    #[error("a control character (U+{code_point:04X}) has no place in a Gofile")]
    #[diagnostic(
        code(gomake::syntax::control_character),
        help("remove it; a script can make one with printf, such as printf '\\033'")
    )]
    ControlCharacter {
        code_point: u32,
        #[label("here")]
        span: Span,
    },
    #[error("comparisons cannot be chained")]
    #[diagnostic(
        code(gomake::syntax::chained_comparison),
        help("join two comparisons with `and`: a == b and b == c")
    )]
    ChainedComparison {
        #[label("a second comparison")]
        span: Span,
        #[label("after this one")]
        first: Span,
    },
    #[error("this is nested deeper than {limit} levels")]
    #[diagnostic(
        code(gomake::syntax::too_deep),
        help("give the inner parts names with `let`")
    )]
    TooDeep {
        limit: usize,
        #[label("too deep from here on")]
        span: Span,
    },
}

impl SyntaxError {
    /// The place to show first, and to sort by.
    pub fn span(&self) -> Span {
        match self {
            Self::Unexpected { span, .. }
            | Self::Unclosed { span, .. }
            | Self::Unmatched { span, .. }
            | Self::UnclosedString { span, .. }
            | Self::BadEscape { span, .. }
            | Self::LoneDollar { span }
            | Self::SwallowedBrace { brace: span, .. }
            | Self::RunNotFirst { span }
            | Self::EmptyScript { span }
            | Self::MixedIndent { span, .. }
            | Self::DeeperLine { span, .. }
            | Self::DanglingBackslash { span }
            | Self::Reserved { span, .. }
            | Self::NumberTooLarge { span }
            | Self::NegativeNumber { span }
            | Self::Indented { span, .. }
            | Self::UnknownStatement { span, .. }
            | Self::UnknownEdition { span, .. }
            | Self::EditionNotFirst { span, .. }
            | Self::DuplicateEdition { span, .. }
            | Self::ControlCharacter { span, .. }
            | Self::ChainedComparison { span, .. }
            | Self::TooDeep { span, .. } => *span,
        }
    }
}
