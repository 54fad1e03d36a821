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

    // The graph: names, keys, instances, files, edges, actions.
    #[error("`{name}` has two meanings in this file")]
    #[diagnostic(code(gomake::plan::name_taken), help("lets, parameters, `for` variables and targets of a file share one namespace: rename one"))]
    NameTaken {
        name: String,
        what: &'static str,
        #[label("{what} here")]
        span: Span,
        other_what: &'static str,
        #[label("{other_what} here")]
        other: Span,
    },
    #[error("`{name}` belongs to {owner}")]
    #[diagnostic(code(gomake::plan::reserved_name))]
    ReservedName {
        name: String,
        owner: &'static str,
        #[label("this name would change what scripts see")]
        span: Span,
        #[help]
        help: String,
    },
    #[error("this `{kind}` needs a name")]
    #[diagnostic(code(gomake::plan::unnamed), help("only the sole target of its kind may go without one"))]
    Unnamed {
        kind: &'static str,
        #[label("named after its kind")]
        span: Span,
        #[label("another `{kind}`")]
        other: Span,
    },
    #[error("{owner} has no key `{key}`")]
    #[diagnostic(code(gomake::plan::no_such_key))]
    NoSuchKey {
        owner: String,
        key: String,
        #[label("not a key of {owner}")]
        span: Span,
        #[help]
        help: Option<String>,
    },
    #[error("`{key}` is set twice")]
    #[diagnostic(code(gomake::plan::key_twice), help("keep one of them"))]
    KeyTwice {
        key: String,
        #[label("first here")]
        first: Span,
        #[label("and again here")]
        span: Span,
    },
    #[error("two `run`s in one target")]
    #[diagnostic(code(gomake::plan::run_twice), help("a target has one command; a script may have many lines"))]
    RunTwice {
        #[label("first here")]
        first: Span,
        #[label("and again here")]
        span: Span,
    },
    #[error("`{key}` takes {expected}, not {got}")]
    #[diagnostic(code(gomake::plan::key_type))]
    KeyType {
        key: String,
        expected: &'static str,
        got: String,
        #[label("this is {got}")]
        span: Span,
        #[help]
        help: Option<String>,
    },
    #[error("`{text}` is not {expected}")]
    #[diagnostic(code(gomake::plan::bad_text))]
    BadText {
        text: String,
        expected: &'static str,
        #[label("not {expected}")]
        span: Span,
        #[help]
        help: &'static str,
    },
    #[error("{target} must have `{key}`")]
    #[diagnostic(code(gomake::plan::missing_key))]
    MissingKey {
        target: String,
        key: &'static str,
        #[label("`{key}` is missing")]
        span: Span,
        #[help]
        help: &'static str,
    },
    #[error("the header of a target cannot run commands")]
    #[diagnostic(code(gomake::plan::header_runs), help("use `glob`, `read` or a list: which targets there are must be known without running anything"))]
    HeaderRuns {
        #[label("rests on `{name}`, which needs a command")]
        span: Span,
        name: String,
    },
    #[error("there are two `{name}`")]
    #[diagnostic(code(gomake::plan::duplicate_instance), help("drop the repeated item, or use `unique(…)`"))]
    DuplicateInstance {
        name: String,
        #[label("these items repeat")]
        span: Span,
    },
    #[error("`{target}` has no parameter `{name}`")]
    #[diagnostic(code(gomake::plan::unknown_argument))]
    UnknownArgument {
        target: String,
        name: String,
        #[label("not a parameter")]
        span: Span,
        #[help]
        help: String,
    },
    #[error("`{target}` needs {missing}")]
    #[diagnostic(code(gomake::plan::missing_argument), help("write it as `{usage}`"))]
    MissingArgument {
        target: String,
        missing: String,
        usage: String,
        #[label("no value for {missing}")]
        span: Span,
    },
    #[error("`{value}` is not a choice for `{name}`")]
    #[diagnostic(code(gomake::plan::bad_choice), help("choices: {choices}"))]
    BadChoice {
        name: String,
        value: String,
        choices: String,
        #[label("not one of the choices")]
        span: Span,
    },
    #[error("`{target}` calls itself without end")]
    #[diagnostic(code(gomake::plan::endless_call), help("each call makes a new target: stop the recursion with an `if`"))]
    EndlessCall {
        target: String,
        #[label("more than {limit} calls deep")]
        span: Span,
        limit: usize,
    },
    #[error("`{target}` has no instance `{wanted}`")]
    #[diagnostic(code(gomake::plan::unknown_instance))]
    UnknownInstance {
        target: String,
        wanted: String,
        #[label("selects nothing")]
        span: Span,
        #[help]
        help: String,
    },
    #[error("`{path}` is no path of this project: {reason}")]
    #[diagnostic(code(gomake::plan::path_outside), help("paths are relative to the Gofile and stay below the project's root"))]
    PathOutside {
        path: String,
        reason: String,
        #[label("{reason}")]
        span: Span,
    },
    #[error("the output `{path}` lies where only {owner} may write")]
    #[diagnostic(code(gomake::plan::protected_output), help("choose another directory for it"))]
    ProtectedOutput {
        path: String,
        owner: &'static str,
        #[label("belongs to {owner}")]
        span: Span,
    },
    #[error("the input `{path}` is a directory")]
    #[diagnostic(code(gomake::plan::directory_input), help("write \"{path}/**\" for every file below it"))]
    DirectoryInput {
        path: String,
        #[label("a directory")]
        span: Span,
    },
    #[error("there is no file `{path}`, and no target makes it")]
    #[diagnostic(code(gomake::plan::missing_input))]
    MissingInput {
        path: String,
        #[label("not found")]
        span: Span,
        #[help]
        help: String,
    },
    #[error("`{pattern}` matches no file and no target's output")]
    #[diagnostic(code(gomake::plan::no_match), help("write optional(\"…\") around it if it may match nothing"))]
    NoMatch {
        pattern: String,
        #[label("matches nothing")]
        span: Span,
    },
    #[error("`{first_target}` and `{target}` both make `{output}`")]
    #[diagnostic(code(gomake::plan::output_conflict), help("an output has one target: rename one of them, or let one target make both"))]
    OutputConflict {
        output: String,
        first_target: String,
        target: String,
        #[label("`{first_target}` makes it here")]
        first: Span,
        #[label("`{target}` makes it here")]
        span: Span,
    },
    #[error("`{first_target}` and `{target}` both make `{output}`")]
    #[diagnostic(code(gomake::plan::output_repeated), help("let the path depend on every `for` variable and parameter"))]
    OutputRepeated {
        output: String,
        first_target: String,
        target: String,
        #[label("the same path for both")]
        span: Span,
    },
    #[error("`{target}` reads `{path}`, which it makes itself")]
    #[diagnostic(code(gomake::plan::own_output), help("an input must exist before the target runs: take it out of `inputs`"))]
    OwnOutput {
        target: String,
        path: String,
        #[label("read here")]
        span: Span,
        #[label("made here")]
        output: Span,
    },
    #[error("{chain}")]
    #[diagnostic(code(gomake::plan::cycle), help("nothing in the circle can run first: take one of these out"))]
    Cycle {
        chain: String,
        #[label(collection)]
        edges: Vec<LabeledSpan>,
    },
    #[error("the Go packages of `{target}` cannot be read: {reason}")]
    #[diagnostic(code(gomake::plan::go_list), help("`go list` must be able to load them"))]
    GoList {
        target: String,
        reason: String,
        #[label("these packages")]
        span: Span,
    },
    #[error("there is no pool `{pool}`")]
    #[diagnostic(code(gomake::plan::unknown_pool))]
    UnknownPool {
        pool: String,
        #[label("not in `settings.pools`")]
        span: Span,
        #[help]
        help: String,
    },
    #[error("`$out` needs exactly one output, and `{target}` has {count}")]
    #[diagnostic(code(gomake::plan::no_single_out), help("use `$outputs`, or name the file"))]
    NoSingleOut {
        target: String,
        count: usize,
        #[label("which one?")]
        span: Span,
    },
    #[error("`{name}` holds {item:?}, which a script cannot tell from several words")]
    #[diagnostic(code(gomake::plan::joined_list))]
    JoinedList {
        name: String,
        item: String,
        #[label("lists reach a script joined by spaces")]
        span: Span,
        #[help]
        help: String,
    },
    #[error("{what} cannot reach a script as `{name}`")]
    #[diagnostic(code(gomake::plan::not_a_variable), help("take what is needed out of it in a let of its own"))]
    NotAVariable {
        name: String,
        what: &'static str,
        #[label("named here")]
        span: Span,
    },
    #[error("the environment cannot be read: {reason}")]
    #[diagnostic(code(gomake::plan::environment))]
    Environment {
        reason: String,
        #[label("asked for here")]
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
    #[error("`{name}` makes no target")]
    #[diagnostic(code(gomake::lint::empty_for), severity(Warning))]
    EmptyFor {
        name: String,
        #[label("nothing to go over")]
        span: Span,
    },
    #[error("the pattern `{pattern}` of `{target}` also matches `{path}`, which `{other}` makes")]
    #[diagnostic(code(gomake::lint::pattern_overlap), severity(Warning), help("a narrower pattern keeps the two apart"))]
    PatternOverlap {
        pattern: String,
        target: String,
        path: String,
        other: String,
        #[label("matches too much")]
        span: Span,
        #[label("made here")]
        made: Span,
    },
    #[error("`${name}` is not set by anything")]
    #[diagnostic(code(gomake::lint::unset_variable), severity(Warning))]
    UnsetVariable {
        name: String,
        #[label("no Gofile value, no assignment, no environment variable")]
        span: Span,
        #[help]
        help: Option<String>,
    },
}
