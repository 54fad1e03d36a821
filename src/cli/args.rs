//! The flags and words of a call, as clap types. Knows nothing of what they lead to.

use clap::error::ErrorKind;
use clap::{ArgAction, CommandFactory, FromArgMatches, Parser, ValueEnum, ValueHint};
use std::ffi::OsString;
use std::path::PathBuf;

/// Builds, tests and runs what the Gofile declares; only what its contents say is out of date.
#[derive(Debug, Clone, Default, PartialEq, Parser)]
#[command(
    name = "gomake",
    version,
    max_term_width = 100,
    disable_help_flag = true,
    override_usage = "gomake [OPTIONS] [TARGET | KIND | name=value]... [-- ARGS...]",
    after_help = "Exit status: 0 done, 1 a target failed, 2 the Gofile or the call is wrong, 130 interrupted."
)]
pub struct Args {
    /// Targets, kinds (build, test, image, service, clean) and `name=value`; none means the Gofile's default
    #[arg(value_name = "TARGET | KIND | name=value")]
    pub words: Vec<String>,

    /// Words for the scripts of the targets named here, as "$@"
    #[arg(last = true, value_name = "ARGS")]
    pub args: Vec<String>,

    /// Read this Gofile; else it is looked for from here up to the repository's root
    #[arg(short, long, value_name = "FILE", value_hint = ValueHint::FilePath, help_heading = "Where")]
    pub file: Option<PathBuf>,

    /// Change to this directory first; several are taken one after another
    #[arg(
        short = 'C',
        long = "directory",
        value_name = "DIR",
        value_hint = ValueHint::DirPath,
        help_heading = "Where"
    )]
    pub directory: Vec<PathBuf>,

    /// Run up to this many commands at once; else as many as there are CPUs
    #[arg(short, long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..), value_hint = ValueHint::Other, help_heading = "Running")]
    pub jobs: Option<u16>,

    /// Go on after a failure with everything that does not depend on it
    #[arg(short, long, help_heading = "Running")]
    pub keep_going: bool,

    /// Print what would run and why, and run nothing
    #[arg(short = 'n', long, group = "mode", help_heading = "Running")]
    pub dry_run: bool,

    /// Run the wanted targets though they are up to date; lets `clean` remove what git tracks
    #[arg(short = 'B', long, help_heading = "Running")]
    pub force: bool,

    /// Stay, and run again what a change affects
    #[arg(short, long, conflicts_with_all = ["dry_run", "why", "list", "graph", "check", "fmt", "verify", "push"], help_heading = "Running")]
    pub watch: bool,

    /// With --watch: look for changes every so often (`2s`), where the file system tells none; a second unless said otherwise
    #[arg(long, requires = "watch", value_name = "INTERVAL", num_args = 0..=1, require_equals = true, default_missing_value = "1s", help_heading = "Running")]
    pub poll: Option<String>,

    /// Only what differs from this git commit can reach, uncommitted changes included; with --list: list it
    #[arg(long, value_name = "REF", conflicts_with_all = ["watch", "check", "fmt"], help_heading = "Running")]
    pub affected_by: Option<String>,

    /// As --affected-by, for what is staged in git's index
    #[arg(long, conflicts_with_all = ["affected_by", "watch", "check", "fmt"], help_heading = "Running")]
    pub staged: bool,

    /// Push the images that are named here under their tags, once everything has succeeded
    #[arg(long, conflicts_with_all = ["dry_run", "why", "list", "graph", "check", "fmt"], help_heading = "Images")]
    pub push: bool,

    /// Load the images that are named here into the container engine, once everything has succeeded
    #[arg(long, conflicts_with_all = ["dry_run", "why", "list", "graph", "check", "fmt"], help_heading = "Images")]
    pub load: bool,

    /// Ask registries anew what the tags of base images stand for
    #[arg(long, help_heading = "Images")]
    pub pull: bool,

    /// Print failures and the output of tasks, nothing else
    #[arg(short, long, conflicts_with = "verbose", help_heading = "Output")]
    pub quiet: bool,

    /// Print also what is up to date, why a target runs, and its command
    #[arg(short, long, help_heading = "Output")]
    pub verbose: bool,

    /// How commands' output is shown
    #[arg(
        long,
        value_enum,
        default_value_t,
        value_name = "HOW",
        help_heading = "Output"
    )]
    pub output: OutputChoice,

    /// When to colour
    #[arg(
        long,
        value_enum,
        default_value_t,
        value_name = "WHEN",
        help_heading = "Output"
    )]
    pub color: ColorChoice,

    /// Print at the end which targets decided how long the run took
    #[arg(long, help_heading = "Output")]
    pub profile: bool,

    /// Write what happens to this file, a JSON object a line (docs/events.md); `-` is standard output
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, help_heading = "Output")]
    pub events: Option<PathBuf>,

    /// Write the results of targets and of their tests to this file, as JUnit XML
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, help_heading = "Output")]
    pub junit: Option<PathBuf>,

    /// Write where the time went to this file, for Perfetto or chrome://tracing
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, help_heading = "Output")]
    pub trace: Option<PathBuf>,

    /// Speak to this CI service: groups of output, annotations, a summary of the job
    #[arg(
        long,
        value_enum,
        default_value_t,
        value_name = "SERVICE",
        help_heading = "Output"
    )]
    pub ci: CiChoice,

    /// Pick targets from a list that narrows as you type, and run them
    #[arg(
        long,
        conflicts_with_all = ["list", "why", "graph", "check", "fmt", "cache", "man", "completions", "complete_words"],
        help_heading = "Looking"
    )]
    pub choose: bool,

    /// List the targets with their help
    #[arg(short, long, group = "mode", help_heading = "Looking")]
    pub list: bool,

    /// With --list: as JSON
    #[arg(long, requires = "list", help_heading = "Looking")]
    pub json: bool,

    /// Say what changed for a target since its last success
    #[arg(long, value_name = "TARGET", group = "mode", help_heading = "Looking")]
    pub why: Option<String>,

    /// Print the graph of the wanted targets, or of all; for Graphviz unless said otherwise
    #[arg(
        long,
        value_enum,
        value_name = "FORMAT",
        num_args = 0..=1,
        default_missing_value = "dot",
        group = "mode",
        help_heading = "Looking"
    )]
    pub graph: Option<GraphFormat>,

    /// Run the targets in a copy of the tree, and fail with the difference where what they make is not what is here
    #[arg(long, group = "mode", help_heading = "Looking")]
    pub verify: bool,

    /// Report errors and lints and run nothing; with --fmt: report what is not formatted
    #[arg(
        long,
        conflicts_with_all = ["dry_run", "list", "why", "graph", "cache", "completions", "complete_words"],
        help_heading = "Looking"
    )]
    pub check: bool,

    /// Write a Gofile for what lies here: Go modules, C sources, a Dockerfile. Never over one that is there
    #[arg(
        long,
        group = "mode",
        conflicts_with_all = ["words", "watch", "push", "load", "pull", "choose", "check", "affected_by", "staged"],
        help_heading = "Managing"
    )]
    pub init: bool,

    /// Format the Gofile and the files that it includes
    #[arg(long, group = "mode", help_heading = "Managing")]
    pub fmt: bool,

    /// Show the size of the user's cache, empty it, or shrink it to its limit
    #[arg(
        long,
        value_enum,
        value_name = "WHAT",
        num_args = 0..=1,
        default_missing_value = "size",
        group = "mode",
        help_heading = "Managing"
    )]
    pub cache: Option<CacheCommand>,

    /// Write a git hook that runs those of the named targets that what is staged affects
    #[arg(
        long,
        value_enum,
        value_name = "HOOK",
        group = "mode",
        help_heading = "Managing"
    )]
    pub install_hook: Option<Hook>,

    /// Print the manual page
    #[arg(long, group = "mode", help_heading = "Managing")]
    pub man: bool,

    /// Print a completion script
    #[arg(
        long,
        value_enum,
        value_name = "SHELL",
        group = "mode",
        help_heading = "Managing"
    )]
    pub completions: Option<Shell>,

    /// Print the words that may stand on the command line; what the completion scripts call
    #[arg(long, hide = true, group = "mode")]
    pub complete_words: bool,

    /// Print help; with targets, what they are: their parameters, inputs, outputs and last success
    #[arg(short, long, action = ArgAction::Help)]
    pub help: Option<bool>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum OutputChoice {
    /// Live lines on a terminal, plain lines elsewhere; a task that runs alone is shown as it goes
    #[default]
    Auto,
    /// Each target's output whole, when it has finished
    Grouped,
    /// Each line as it comes, after its target's name
    Stream,
    /// Grouped, without live lines and colours
    Plain,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum ColorChoice {
    /// On a terminal, as NO_COLOR, CLICOLOR and CLICOLOR_FORCE allow
    #[default]
    Auto,
    Always,
    Never,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum GraphFormat {
    Dot,
    Mermaid,
    Json,
    /// A picture, with what became of each target in the last run
    Svg,
    /// A page with that picture, to look around in
    Html,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum CiChoice {
    /// The one whose variables are set
    #[default]
    Auto,
    Github,
    Gitlab,
    None,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Hook {
    PreCommit,
    PrePush,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum CacheCommand {
    /// Show where it is and how much it holds
    Size,
    /// Remove everything from it
    Clean,
    /// Forget the least recently used until it is within its limit
    Collect,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Shell {
    Bash,
    Zsh,
    Fish,
}

impl Args {
    /// Reads the words of a call, the program's name first.
    ///
    /// # Errors
    /// clap's own: wrong usage (exit status 2), or the text of `--help` and `--version` (0).
    pub fn read(words: impl IntoIterator<Item = OsString>) -> Result<Self, clap::Error> {
        let words: Vec<OsString> = words.into_iter().collect();
        if let Some(plain) = Self::plain(&words) {
            return Ok(plain);
        }
        let words = spell_out_graph(words);
        match Self::try_parse_from(&words) {
            Err(help) if help.kind() == ErrorKind::DisplayHelp => {
                Self::about_targets(&words).ok_or(help)
            }
            read => read,
        }
    }

    /// The call, if it is one of those that people make all day: words and `-j`, nothing else. To build clap's command takes
    /// longer than a call that has nothing to run (docs/design/startup.md). What is doubtful is clap's: None.
    fn plain(words: &[OsString]) -> Option<Self> {
        let mut args = Self::default();
        let mut rest = words.iter().skip(1);
        while let Some(word) = rest.next() {
            let word = word.to_str()?;
            let Some(flag) = word.strip_prefix('-') else {
                args.words.push(word.to_owned());
                continue;
            };
            let jobs = match flag.strip_prefix('j')? {
                "" => rest.next()?.to_str()?,
                jobs => jobs,
            };
            if args.jobs.is_some() || !jobs.bytes().all(|byte| byte.is_ascii_digit()) {
                return None;
            }
            args.jobs = Some(jobs.parse().ok().filter(|jobs| *jobs > 0)?);
        }
        Some(args)
    }

    /// The call with `--help` as a flag like any other, if it names targets to be told about. Else the text is clap's own.
    fn about_targets(words: &[OsString]) -> Option<Self> {
        let command = Self::command().mut_arg("help", |help| help.action(ArgAction::SetTrue));
        let matches = command.try_get_matches_from(words).ok()?;
        let args = Self::from_arg_matches(&matches).ok()?;
        (!args.words.is_empty()).then_some(args)
    }

    /// Whether the words are to be explained, and nothing else done.
    pub fn wants_help(&self) -> bool {
        self.help == Some(true)
    }

    /// Whether the call runs targets, and does not only look.
    pub fn runs(&self) -> bool {
        let looks = self.check
            || self.list
            || self.dry_run
            || self.fmt
            || self.man
            || self.complete_words
            || self.init
            || self.wants_help()
            || self.why.is_some()
            || self.graph.is_some()
            || self.install_hook.is_some();
        !looks
    }
}

/// `--graph app` means the default format for `app`: a word that is no format is not the flag's.
fn spell_out_graph(mut words: Vec<OsString>) -> Vec<OsString> {
    let options = words.iter().position(|word| word == "--");
    let options = options.unwrap_or(words.len());
    for at in 0..options {
        let is_format = |word: &OsString| {
            word.to_str()
                .is_some_and(|word| GraphFormat::from_str(word, false).is_ok())
        };
        let next_is_format = at + 1 < options && is_format(&words[at + 1]);
        if words[at] == "--graph" && !next_is_format {
            words[at] = OsString::from("--graph=dot");
        }
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> Result<Args, clap::Error> {
        Args::read(line.split_whitespace().map(OsString::from))
    }
    fn wrong(line: &str) -> String {
        let error = read(line).expect_err(line);
        assert_eq!(error.exit_code(), 2, "{line}");
        error.to_string()
    }

    #[test]
    fn clap_accepts_the_definition() {
        Args::command().debug_assert();
    }

    #[test]
    fn words_and_arguments_are_split_at_the_dashes() {
        let args = read("gomake -kj4 deploy host=web1 -- -v --graph x").expect("valid");
        assert_eq!(args.words, ["deploy", "host=web1"]);
        assert_eq!(args.args, ["-v", "--graph", "x"]);
        assert_eq!(args.jobs, Some(4));
        assert!(args.keep_going && !args.verbose);
    }

    #[test]
    fn what_is_read_without_clap_is_what_clap_reads() {
        let clap = |words: &[OsString]| Args::try_parse_from(words);
        for line in [
            "gomake",
            "gomake app api:lint build deploy(host=web1) host=web1 a-b 1 j2",
            "gomake -j2 app",
            "gomake app -j 7",
            "gomake -j 007 -- x",
            "gomake -j65535",
            "gomake -j4 app --list",
        ] {
            let words: Vec<OsString> = line.split(' ').map(OsString::from).collect();
            let read = clap(&words).expect(line);
            match Args::plain(&words) {
                Some(plain) => assert_eq!(plain, read, "{line}"),
                None => assert!(line.contains(" --"), "{line}"),
            }
        }
        let empty = ["gomake", "", "app"].map(OsString::from);
        assert_eq!(Args::plain(&empty), clap(&empty).ok());
        for line in [
            "gomake -j",
            "gomake -j 0",
            "gomake -j0",
            "gomake -j +2",
            "gomake -j=2",
            "gomake -j65536",
            "gomake -j2 -j2",
            "gomake -jx",
            "gomake -j -2",
            "gomake -",
            "gomake -k",
            "gomake -kj2",
            "gomake --jobs 2",
            "gomake -- a",
        ] {
            let words: Vec<OsString> = line.split(' ').map(OsString::from).collect();
            assert_eq!(Args::plain(&words), None, "{line}");
        }
    }

    #[test]
    fn graph_takes_a_format_but_not_a_target() {
        let of = |line| {
            let args = read(line).expect(line);
            (args.graph, args.words)
        };
        assert_eq!(of("gomake --graph"), (Some(GraphFormat::Dot), vec![]));
        assert_eq!(
            of("gomake --graph app"),
            (Some(GraphFormat::Dot), vec!["app".to_owned()])
        );
        assert_eq!(
            of("gomake --graph mermaid app"),
            (Some(GraphFormat::Mermaid), vec!["app".to_owned()])
        );
        assert_eq!(of("gomake --graph=json").0, Some(GraphFormat::Json));
        assert_eq!(of("gomake --graph=svg").0, Some(GraphFormat::Svg));
        assert!(wrong("gomake --graph=gif").contains("mermaid"));
    }

    #[test]
    fn cache_shows_its_size_unless_told_otherwise() {
        let of = |line| read(line).expect(line).cache;
        assert_eq!(of("gomake --cache"), Some(CacheCommand::Size));
        assert_eq!(of("gomake --cache clean"), Some(CacheCommand::Clean));
    }

    #[test]
    fn wrong_calls_exit_with_2_and_say_what_is_near() {
        assert!(wrong("gomake --lsit").contains("--list"));
        assert!(wrong("gomake -j").contains("value is required"));
        assert!(wrong("gomake -j 0").contains("0"));
        wrong("gomake -q -v");
        wrong("gomake --json");
        for (one, other) in [
            ("--list", "--graph"),
            ("--check", "--list"),
            ("-n", "--fmt"),
            ("--why x", "--cache"),
        ] {
            assert!(
                wrong(&format!("gomake {one} {other}")).contains("cannot be used with"),
                "{one} {other}"
            );
        }
    }

    #[test]
    fn help_is_claps_until_a_target_is_named() {
        let text = |line: &str| {
            let error = read(line).expect_err(line);
            assert_eq!(
                (error.kind(), error.exit_code()),
                (ErrorKind::DisplayHelp, 0)
            );
            error.to_string()
        };
        let (short, long) = (text("gomake -h"), text("gomake --help"));
        assert!(short.contains("--keep-going") && long.len() > short.len());
        for line in [
            "gomake app --help",
            "gomake -kh app",
            "gomake --list app -h",
        ] {
            let args = read(line).expect(line);
            assert!(args.wants_help(), "{line}");
            assert_eq!(args.words, ["app"], "{line}");
        }
        let args = read("gomake app -- --help -h").expect("for the script");
        assert!(!args.wants_help());
        assert_eq!(args.args, ["--help", "-h"]);
    }

    #[test]
    fn what_is_chosen_may_be_looked_at_first() {
        let args = read("gomake --choose -n app").expect("valid");
        assert!(args.choose && args.dry_run);
        assert!(wrong("gomake --choose --list").contains("cannot be used with"));
    }

    #[test]
    fn fmt_and_check_go_together() {
        let args = read("gomake --fmt --check").expect("valid");
        assert!(args.fmt && args.check);
    }

    #[test]
    fn version_is_not_an_error() {
        assert_eq!(read("gomake --version").expect_err("text").exit_code(), 0);
    }
}
