//! What can be wrong with a Gofile that parses.

use crate::base::source::Span;
use miette::{Diagnostic, LabeledSpan};
use thiserror::Error;

#[derive(Debug, Clone, Error, Diagnostic)]
pub enum PlanError {
    #[error("{reason}")]
    #[diagnostic(
        code(gomake::plan::moved),
        help("run gomake again: it plans anew then")
    )]
    Moved { reason: String },
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

    // The graph: names, keys, instances, files, edges, actions.
    #[error("`{name}` has two meanings in this file")]
    #[diagnostic(
        code(gomake::plan::name_taken),
        help(
            "lets, parameters, `for` variables and targets of a file share one namespace: rename one"
        )
    )]
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
    #[diagnostic(
        code(gomake::plan::unnamed),
        help("only the sole target of its kind may go without one")
    )]
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
    #[diagnostic(
        code(gomake::plan::run_twice),
        help("a target has one command; a script may have many lines")
    )]
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
    #[error("there are two `{name}`")]
    #[diagnostic(
        code(gomake::plan::duplicate_instance),
        help("drop the repeated item, or use `unique(…)`")
    )]
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
    #[diagnostic(
        code(gomake::plan::endless_call),
        help("each call makes a new target: stop the recursion with an `if`")
    )]
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
    #[diagnostic(
        code(gomake::plan::path_outside),
        help("paths are relative to the Gofile and stay below the project's root")
    )]
    PathOutside {
        path: String,
        reason: String,
        #[label("{reason}")]
        span: Span,
    },
    #[error("the output `{path}` lies where only {owner} may write")]
    #[diagnostic(
        code(gomake::plan::protected_output),
        help("choose another directory for it")
    )]
    ProtectedOutput {
        path: String,
        owner: &'static str,
        #[label("belongs to {owner}")]
        span: Span,
    },
    #[error("the input `{path}` is a directory")]
    #[diagnostic(
        code(gomake::plan::directory_input),
        help("write \"{path}/**\" for every file below it")
    )]
    DirectoryInput {
        path: String,
        #[label("a directory")]
        span: Span,
    },
    #[error("`{target}` makes no files that could be an input")]
    #[diagnostic(code(gomake::plan::no_outputs))]
    NoOutputs {
        target: String,
        #[label("declares no outputs")]
        span: Span,
        #[help]
        help: String,
    },
    #[error("the included file has no `{name}`")]
    #[diagnostic(code(gomake::plan::unknown_with))]
    UnknownWith {
        name: String,
        #[label("neither a let there, nor named by it")]
        span: Span,
        #[help]
        help: String,
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
    #[diagnostic(
        code(gomake::plan::no_match),
        help("write optional(\"…\") around it if it may match nothing")
    )]
    NoMatch {
        pattern: String,
        #[label("matches nothing")]
        span: Span,
    },
    #[error("`{first_target}` and `{target}` both make `{output}`")]
    #[diagnostic(
        code(gomake::plan::output_conflict),
        help("an output has one target: rename one of them, or let one target make both")
    )]
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
    #[diagnostic(
        code(gomake::plan::output_repeated),
        help("let the path depend on every `for` variable and parameter")
    )]
    OutputRepeated {
        output: String,
        first_target: String,
        target: String,
        #[label("the same path for both")]
        span: Span,
    },
    #[error("`{target}` reads `{path}`, which it makes itself")]
    #[diagnostic(
        code(gomake::plan::own_output),
        help("an input must exist before the target runs: take it out of `inputs`")
    )]
    OwnOutput {
        target: String,
        path: String,
        #[label("read here")]
        span: Span,
        #[label("made here")]
        output: Span,
    },
    #[error("{chain}")]
    #[diagnostic(
        code(gomake::plan::cycle),
        help("nothing in the circle can run first: take one of these out")
    )]
    Cycle {
        chain: String,
        #[label(collection)]
        edges: Vec<LabeledSpan>,
    },
    #[error("the Go packages of `{target}` cannot be read: {reason}")]
    #[diagnostic(
        code(gomake::plan::go_list),
        help("`go list` must be able to load them")
    )]
    GoList {
        target: String,
        reason: String,
        #[label("these packages")]
        span: Span,
    },
    #[error("`{first_key}` and `{key}` exclude each other")]
    #[diagnostic(code(gomake::plan::go_clash), help("{reason}"))]
    GoClash {
        first_key: String,
        key: String,
        #[label("this")]
        first: Span,
        #[label("and this")]
        span: Span,
        reason: &'static str,
    },
    #[error("`go build` cannot write {outputs} in one call")]
    #[diagnostic(
        code(gomake::plan::go_outputs),
        help(
            "declare one file, one directory such as \"bin/\", or files of one directory; or write the command as `run:`"
        )
    )]
    GoOutputs {
        outputs: String,
        #[label("in several directories")]
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
    #[diagnostic(
        code(gomake::plan::no_single_out),
        help("use `$outputs`, or name the file")
    )]
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
    #[diagnostic(
        code(gomake::plan::not_a_variable),
        help("take what is needed out of it in a let of its own")
    )]
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

    // Services.
    #[error("`{first_key}` and `{key}` both say when a service is ready")]
    #[diagnostic(
        code(gomake::plan::two_probes),
        help("keep one of them; what answers a request listens as well")
    )]
    TwoProbes {
        first_key: String,
        key: String,
        #[label("first here")]
        first: Span,
        #[label("and again here")]
        span: Span,
    },

    // Images.
    #[error("`{text}` is not {expected}")]
    #[diagnostic(code(gomake::plan::not_one_of))]
    NotOneOf {
        text: String,
        expected: &'static str,
        #[label("not {expected}")]
        span: Span,
        #[help]
        help: String,
    },
    #[error("`{key}` is a key of images {belongs}")]
    #[diagnostic(code(gomake::plan::image_form))]
    ImageForm {
        key: String,
        belongs: &'static str,
        #[label("has no meaning here")]
        span: Span,
        form: &'static str,
        #[label("this makes it an image {form}")]
        form_span: Span,
        #[help]
        help: &'static str,
    },
    #[error("`{text}` is no name of an image: {reason}")]
    #[diagnostic(
        code(gomake::plan::image_name),
        help(
            "names are written `registry.lan:5000/team/api:v1`; without a registry it is Docker Hub's"
        )
    )]
    ImageName {
        text: String,
        reason: String,
        #[label("{reason}")]
        span: Span,
    },
    #[error("a tag cannot have a digest: `{text}`")]
    #[diagnostic(
        code(gomake::plan::tag_digest),
        help("the digest is that of the image, which is still to be built: write a tag alone")
    )]
    TagDigest {
        text: String,
        #[label("with a digest")]
        span: Span,
    },
    #[error("`{target}` is {kind}, and {why}")]
    #[diagnostic(code(gomake::plan::image_source))]
    ImageSource {
        target: String,
        kind: String,
        why: &'static str,
        #[label("{kind}")]
        span: Span,
        #[help]
        help: &'static str,
    },
    #[error("`{dest}` is one path, and {got}")]
    #[diagnostic(
        code(gomake::plan::image_dest),
        help("write `{dest}/`: then they go below it under their own names")
    )]
    ImageDest {
        dest: String,
        got: String,
        #[label("{got}")]
        span: Span,
    },
    #[error("`{path}` stands twice in one layer")]
    #[diagnostic(
        code(gomake::plan::image_twice),
        help(
            "keep one of them, or write `files` as a list of maps: an upper layer covers the lower ones"
        )
    )]
    ImageTwice {
        path: String,
        #[label("first here")]
        first: Span,
        #[label("and again here")]
        span: Span,
    },
    #[error("an image cannot be for {platform}")]
    #[diagnostic(code(gomake::plan::image_os))]
    ImageOs {
        platform: String,
        #[label("for {platform}")]
        span: Span,
        #[help]
        help: &'static str,
    },
    #[error("it is not said which platform `{target}` is for")]
    #[diagnostic(
        code(gomake::plan::no_platform),
        help(
            "a `go` block says it, or `for` variables called `os` and `arch`; else write the platforms: `platforms = [\"linux/amd64\"]`"
        )
    )]
    NoPlatform {
        target: String,
        #[label("of no platform")]
        span: Span,
    },
    #[error("`{target}` is not there for {platform}")]
    #[diagnostic(code(gomake::plan::missing_platform))]
    MissingPlatform {
        target: String,
        platform: String,
        #[label("none for {platform}")]
        span: Span,
        #[help]
        help: String,
    },
    #[error("what goes into this image is for {first_platform} and for {platform}")]
    #[diagnostic(code(gomake::plan::platforms_differ))]
    PlatformsDiffer {
        first_platform: String,
        platform: String,
        #[label("for {first_platform}")]
        first: Span,
        #[label("for {platform}")]
        span: Span,
        #[help]
        help: String,
    },
    #[error("`{path}` cannot be read as a Dockerfile: {reason}")]
    #[diagnostic(
        code(gomake::plan::dockerfile),
        help("what it copies from the context is read from it, so that only that counts")
    )]
    Dockerfile {
        path: String,
        reason: String,
        #[label("{reason}")]
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
    #[error("`{target}` and `{other}` may both make a file that fits `{pattern}` and `{path}`")]
    #[diagnostic(
        code(gomake::lint::pattern_overlap),
        severity(Warning),
        help("narrower patterns keep the two apart")
    )]
    PatternOverlap {
        pattern: String,
        target: String,
        path: String,
        other: String,
        #[label("a pattern of `{target}`")]
        span: Span,
        #[label("a pattern of `{other}`")]
        made: Span,
    },
    #[error("the script names `{path}`, which is not among its inputs")]
    #[diagnostic(
        code(gomake::lint::uncounted_file),
        severity(Warning),
        help("what the script reads belongs into `inputs`: a change of it goes unnoticed")
    )]
    UncountedFile {
        path: String,
        #[label("a file of the project")]
        span: Span,
    },
    #[error("the tag `{tag}` stands twice")]
    #[diagnostic(code(gomake::lint::repeated_tag), severity(Warning))]
    RepeatedTag {
        tag: String,
        #[label("again here")]
        span: Span,
    },
    #[error("`{key}` has no meaning in an included file")]
    #[diagnostic(
        code(gomake::lint::idle_setting),
        severity(Warning),
        help("the root Gofile's settings say it for the whole project")
    )]
    IdleSetting {
        key: String,
        #[label("ignored when this file is included")]
        span: Span,
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
