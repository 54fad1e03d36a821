//! What can be wrong with a Gofile that parses.

use crate::base::source::Span;
use miette::{Diagnostic, LabeledSpan};
use thiserror::Error;

#[derive(Debug, Clone, Error, Diagnostic)]
pub enum PlanError {
    #[error("there is no `{name}` here")]
    #[diagnostic(code(gomake::plan::unknown_name))]
    UnknownName {
        name: String,
        #[label("not a let, a parameter, a `for` variable or a target")]
        span: Span,
        #[help]
        help: Option<String>,
    },

    // Evaluation.
    #[error("there is no function `{name}`")]
    #[diagnostic(code(gomake::plan::unknown_function))]
    UnknownFunction {
        name: String,
        #[label("neither a function nor a target")]
        span: Span,
        #[help]
        help: Option<String>,
    },
    #[error("{what} must be {expected}, not {found}")]
    #[diagnostic(code(gomake::plan::wrong_type))]
    WrongType {
        what: String,
        expected: &'static str,
        found: &'static str,
        #[label("this is {found}")]
        span: Span,
        #[help]
        help: Option<String>,
    },
    #[error("cannot {verb} {left} {preposition} {right}")]
    #[diagnostic(code(gomake::plan::unlike_types))]
    UnlikeTypes {
        verb: &'static str,
        preposition: &'static str,
        left: &'static str,
        right: &'static str,
        #[label("this is {left}")]
        left_span: Span,
        #[label("this is {right}")]
        right_span: Span,
        #[help]
        help: Option<String>,
    },
    #[error("`{function}`: {problem}")]
    #[diagnostic(code(gomake::plan::arguments))]
    Arguments {
        function: String,
        problem: String,
        #[label("{problem}")]
        span: Span,
        #[help]
        help: String,
    },
    #[error("the value of `{name}` depends on itself")]
    #[diagnostic(
        code(gomake::plan::let_cycle),
        help("give one of them a value that does not name the others")
    )]
    LetCycle {
        name: String,
        #[label(collection)]
        chain: Vec<LabeledSpan>,
    },
    #[error("the value of `{name}` rests on too long a chain of lets")]
    #[diagnostic(
        code(gomake::plan::too_deep),
        help("move lets from the target to the top level, where chains have no limit")
    )]
    TooDeep {
        name: String,
        #[label("more than {limit} steps away from here")]
        span: Span,
        limit: usize,
    },
    #[error("a string cannot hold {found}")]
    #[diagnostic(code(gomake::plan::interpolation))]
    Interpolation {
        found: &'static str,
        #[label("this is {found}")]
        span: Span,
        #[help]
        help: String,
    },
    #[error("the item `{item}` would fall apart when its list is joined")]
    #[diagnostic(code(gomake::plan::joined_item))]
    JoinedItem {
        item: String,
        #[label("this list is joined by spaces, and the item holds {what}")]
        span: Span,
        what: String,
        #[help]
        help: String,
    },
    #[error("a secret cannot be {used}")]
    #[diagnostic(
        code(gomake::plan::secret_use),
        help(
            "a secret may be the whole value of a variable in `env`, or a let that a script names; nothing can be made of it"
        )
    )]
    SecretUse {
        used: &'static str,
        #[label("this is a secret")]
        span: Span,
    },
    #[error("the map has no key `{key}`")]
    #[diagnostic(code(gomake::plan::unknown_key))]
    UnknownKey {
        key: String,
        #[label("not a key")]
        span: Span,
        #[help]
        help: Option<String>,
    },
    #[error("the key `{key}` is given twice")]
    #[diagnostic(
        code(gomake::plan::duplicate_key),
        help("remove one of them; `+` of two maps lets the right one win")
    )]
    DuplicateKey {
        key: String,
        #[label("first here")]
        first: Span,
        #[label("again here")]
        second: Span,
    },
    #[error("`{name}` has no field `{field}`")]
    #[diagnostic(code(gomake::plan::unknown_field))]
    UnknownField {
        name: String,
        field: String,
        #[label("not one of its fields")]
        span: Span,
        #[help]
        help: Option<String>,
    },
    #[error("item {index} of a list of {len}")]
    #[diagnostic(code(gomake::plan::no_such_item), help("items are counted from 0"))]
    NoSuchItem {
        index: u64,
        len: usize,
        #[label("beyond the end")]
        span: Span,
    },
    #[error("{found} cannot be indexed{how}")]
    #[diagnostic(code(gomake::plan::not_indexable))]
    NotIndexable {
        found: &'static str,
        how: &'static str,
        #[label("this is {found}")]
        span: Span,
        #[help]
        help: Option<String>,
    },
    #[error("lists or maps are nested too deeply")]
    #[diagnostic(
        code(gomake::plan::nesting),
        help("at most 100 levels; `flatten` takes them off")
    )]
    Nesting {
        #[label("the value of this")]
        span: Span,
    },
    #[error("`{path}` is not a path of the project: {reason}")]
    #[diagnostic(code(gomake::plan::path))]
    Path {
        path: String,
        reason: String,
        #[label("used here")]
        span: Span,
        #[help]
        help: Option<String>,
    },
    #[error("`{pattern}` is not a pattern: {reason}")]
    #[diagnostic(
        code(gomake::plan::pattern),
        help(
            "`*`, `?`, `[a-z]` and `{{a,b}}` match within a name, `**` as a whole name matches across directories"
        )
    )]
    Pattern {
        pattern: String,
        reason: String,
        #[label("in this pattern")]
        span: Span,
    },
    #[error("the environment variable `{name}` is not set")]
    #[diagnostic(code(gomake::plan::env_unset))]
    EnvUnset {
        name: String,
        #[label("needed here")]
        span: Span,
        #[help]
        help: String,
    },
    #[error("cannot read `{path}`: {reason}")]
    #[diagnostic(code(gomake::plan::unreadable))]
    Unreadable {
        path: String,
        reason: String,
        #[label("needed here")]
        span: Span,
        #[help]
        help: Option<String>,
    },
    #[error("cannot tell {what}: {reason}")]
    #[diagnostic(code(gomake::plan::not_observed))]
    NotObserved {
        what: String,
        reason: String,
        #[label("needed here")]
        span: Span,
    },
    #[error("the captured command failed: {reason}")]
    #[diagnostic(
        code(gomake::plan::capture_failed),
        help("`capture(…, default = \"…\")` gives a value for when it fails")
    )]
    CaptureFailed {
        reason: String,
        #[label("run from here")]
        span: Span,
    },
    #[error("a `for` or `if` header cannot wait for a command")]
    #[diagnostic(
        code(gomake::plan::capture_in_header),
        help(
            "the set of targets must be known without running anything: use `glob`, `read`, `env` or a list"
        )
    )]
    CaptureInHeader {
        #[label("this header needs the value")]
        span: Span,
        #[label("which comes from this command")]
        capture: Span,
    },
    #[error("{message}")]
    #[diagnostic(code(gomake::plan::fail))]
    Fail {
        message: String,
        #[label("this `fail` was reached")]
        span: Span,
    },
}

/// Something legal that is probably not meant; shown by `--check`.
#[derive(Debug, Clone, Error, Diagnostic)]
pub enum Lint {
    #[error("`!{pattern}` excludes nothing")]
    #[diagnostic(code(gomake::lint::idle_exclusion), severity(Warning))]
    IdleExclusion {
        pattern: String,
        #[label("matches no file of these inputs")]
        span: Span,
    },
}
