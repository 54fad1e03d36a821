//! What the call and its surroundings ask for: the only reader of the environment. Gives each layer one small
//! struct, so that no layer sees a flag or a variable.

use crate::base::fs::FsError;
use crate::cli::args::{Args, CiChoice, ColorChoice, OutputChoice};
use crate::execute::project::CommandScreen;
use crate::report::ci::Service;
use crate::report::text::{columns as columns_of, printable};
use crate::report::{Layout, Look, Palette, Verbosity};
use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::io::IsTerminal;
use std::path::{Path, PathBuf};

/// Where colours are forced and nobody knows how wide the screen will be: wide enough for most lines.
const UNKNOWN_SCREEN: (u16, u16) = (120, 24);
/// Programs that think that they have less make a mess.
const LEAST_COLUMNS: u16 = 20;

/// What the process was started with, read once.
#[derive(Debug, Clone, Default)]
pub struct Environment {
    pub vars: BTreeMap<OsString, OsString>,
    /// Where the process stands; absolute.
    pub cwd: PathBuf,
    pub stdout_is_terminal: bool,
    pub stderr_is_terminal: bool,
    pub stdin_is_terminal: bool,
    /// How many commands may run at once; None: the system is asked when something is to run. It takes six files to answer.
    pub cpus: Option<usize>,
    /// The effective user id.
    pub user: u32,
}

impl Environment {
    /// # Errors
    /// When the working directory is gone or may not be looked at.
    pub fn capture() -> Result<Self, FsError> {
        let cwd = std::env::current_dir()
            .map_err(|source| FsError::new("find the working directory", Path::new("."), source))?;
        Ok(Self {
            vars: std::env::vars_os().collect(),
            cwd,
            stdout_is_terminal: std::io::stdout().is_terminal(),
            stderr_is_terminal: std::io::stderr().is_terminal(),
            stdin_is_terminal: std::io::stdin().is_terminal(),
            cpus: None,
            user: rustix::process::geteuid().as_raw(),
        })
    }

    /// A variable that is set to something.
    pub fn var(&self, name: &str) -> Option<&OsStr> {
        self.vars
            .get(OsStr::new(name))
            .map(OsString::as_os_str)
            .filter(|value| !value.is_empty())
    }

    /// The directory that `-C` asks for: each one relative to the one before.
    pub fn start(&self, args: &Args) -> PathBuf {
        args.directory
            .iter()
            .fold(self.cwd.clone(), |from, dir| from.join(dir))
    }

    /// Whether a CI service runs this; they all set `CI`, to anything but `false` or `0`.
    pub fn in_ci(&self) -> bool {
        self.var("CI").is_some_and(|ci| ci != "false" && ci != "0")
    }

    /// Why nothing can be asked; None where a person can answer.
    pub fn nobody_to_ask(&self) -> Option<&'static str> {
        if !self.stdin_is_terminal {
            Some("standard input is no terminal")
        } else if !self.stderr_is_terminal {
            Some("standard error is no terminal")
        } else if self.in_ci() {
            Some("this is a CI service (CI is set)")
        } else if self.is_dumb() {
            Some("the terminal cannot draw (TERM is dumb, or not set)")
        } else {
            None
        }
    }

    /// The user's cache; None where the environment names no place for one.
    pub fn cache_dir(&self) -> Option<PathBuf> {
        if let Some(own) = self.var("GOMAKE_CACHE_DIR") {
            return Some(self.cwd.join(own));
        }
        // A relative XDG directory is to be ignored, says its specification.
        let absolute = |name| self.var(name).map(Path::new).filter(|p| p.is_absolute());
        absolute("XDG_CACHE_HOME")
            .map(|dir| dir.join("gomake"))
            .or_else(|| absolute("HOME").map(|home| home.join(".cache/gomake")))
    }

    /// Docker's settings, which hold the credentials of registries; the file may be missing.
    pub fn docker_config(&self) -> Option<PathBuf> {
        let dir = match self.var("DOCKER_CONFIG") {
            Some(own) => self.cwd.join(own),
            None => Path::new(self.var("HOME")?).join(".docker"),
        };
        Some(dir.join("config.json"))
    }

    /// What a make above us handed down, the jobserver among it. Make's other flags are make's own.
    pub fn makeflags(&self) -> Option<&str> {
        self.var("MAKEFLAGS")?.to_str()
    }

    /// How many commands run at once.
    pub fn jobs(&self, args: &Args) -> usize {
        let cpus = || std::thread::available_parallelism().map_or(1, usize::from);
        match args.jobs {
            Some(jobs) => usize::from(jobs),
            None => self.cpus.unwrap_or_else(cpus),
        }
    }

    /// How the run is shown.
    pub fn look(&self, args: &Args) -> Look {
        let plain = args.output == OutputChoice::Plain;
        Look {
            layout: match args.output {
                OutputChoice::Auto => Layout::Auto,
                OutputChoice::Grouped | OutputChoice::Plain => Layout::Grouped,
                OutputChoice::Stream => Layout::Stream,
            },
            live: self.can_redraw()
                && !plain
                && args.output != OutputChoice::Stream
                && self.service(args) == Service::None,
            verbosity: match (args.quiet, args.verbose) {
                (true, _) => Verbosity::Quiet,
                (_, true) => Verbosity::Verbose,
                _ => Verbosity::Normal,
            },
            palette: self.err_palette(args),
            tame: self.stdout_is_terminal && self.can_redraw()
                || self.terminal_for_commands(args).is_some(),
            screen: screen_size,
        }
    }

    /// Commands get a terminal of this size where their output is streamed and may have colours; None: they get a pipe.
    pub fn terminal_for_commands(&self, args: &Args) -> Option<CommandScreen> {
        let colored = self.out_palette(args).is_colored();
        (args.output == OutputChoice::Stream && colored).then_some(command_screen as CommandScreen)
    }

    /// The CI service whose log standard error is. GitHub sets `GITHUB_ACTIONS` to `true`, GitLab `GITLAB_CI`.
    pub fn service(&self, args: &Args) -> Service {
        let says_true = |name| self.var(name).is_some_and(|value| value == "true");
        match args.ci {
            CiChoice::Github => Service::Github,
            CiChoice::Gitlab => Service::Gitlab,
            CiChoice::None => Service::None,
            CiChoice::Auto if says_true("GITHUB_ACTIONS") => Service::Github,
            CiChoice::Auto if says_true("GITLAB_CI") => Service::Gitlab,
            CiChoice::Auto => Service::None,
        }
    }

    /// Colours for what goes to standard output: lists.
    pub fn out_palette(&self, args: &Args) -> Palette {
        self.palette(args, self.stdout_is_terminal && !self.is_dumb())
    }

    /// Colours for what goes to standard error: the report, warnings and errors.
    pub fn err_palette(&self, args: &Args) -> Palette {
        // The logs of both services show colours, though they are no terminals.
        let shows = self.stderr_is_terminal && !self.is_dumb();
        self.palette(args, shows || self.service(args) != Service::None)
    }

    /// A flag wins over the environment; there, NO_COLOR over CLICOLOR_FORCE over what the stream is.
    fn palette(&self, args: &Args, shows: bool) -> Palette {
        let zero = |name| self.var(name).is_some_and(|value| value == "0");
        let colored = match args.color {
            ColorChoice::Always => true,
            ColorChoice::Never => false,
            ColorChoice::Auto if args.output == OutputChoice::Plain => false,
            ColorChoice::Auto if self.var("NO_COLOR").is_some() => false,
            ColorChoice::Auto
                if self.var("CLICOLOR_FORCE").is_some() && !zero("CLICOLOR_FORCE") =>
            {
                true
            }
            ColorChoice::Auto => shows && !zero("CLICOLOR"),
        };
        Palette::new(colored)
    }

    fn can_redraw(&self) -> bool {
        self.stderr_is_terminal && !self.is_dumb() && !self.in_ci()
    }

    fn is_dumb(&self) -> bool {
        self.var("TERM").is_none_or(|term| term == "dumb")
    }
}

/// Columns and rows of the terminal behind standard error; asked anew for each drawing, because windows are resized.
pub fn screen_size() -> Option<(u16, u16)> {
    rustix::termios::tcgetwinsize(rustix::stdio::stderr())
        .ok()
        .map(|size| (size.ws_col, size.ws_row))
        .filter(|&(columns, rows)| columns > 0 && rows > 0)
}

/// Columns and rows for a command whose lines stand after its target's name.
fn command_screen(target: &str) -> (u16, u16) {
    let (columns, rows) = screen_size().unwrap_or(UNKNOWN_SCREEN);
    let prefix = columns_of(&printable(target)) + 3;
    let left = columns.saturating_sub(u16::try_from(prefix).unwrap_or(u16::MAX));
    (left.max(LEAST_COLUMNS), rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(vars: &[(&str, &str)]) -> Environment {
        let mut vars: BTreeMap<OsString, OsString> =
            vars.iter().map(|(k, v)| (k.into(), v.into())).collect();
        vars.entry("TERM".into()).or_insert("xterm".into());
        Environment {
            vars,
            cwd: PathBuf::from("/project"),
            stdout_is_terminal: false,
            stderr_is_terminal: true,
            stdin_is_terminal: true,
            cpus: Some(6),
            user: 1000,
        }
    }
    fn args(line: &str) -> Args {
        Args::read(line.split_whitespace().map(OsString::from)).expect(line)
    }

    #[test]
    fn colour_follows_flag_then_variables_then_the_stream() {
        type Case = (&'static [(&'static str, &'static str)], &'static str, bool);
        let table: [Case; 11] = [
            (&[], "gomake", true),
            (&[("NO_COLOR", "1")], "gomake", false),
            (&[("NO_COLOR", "")], "gomake", true),
            (&[("NO_COLOR", "1")], "gomake --color always", true),
            (&[("CLICOLOR", "0")], "gomake", false),
            (
                &[("CLICOLOR", "0"), ("CLICOLOR_FORCE", "1")],
                "gomake",
                true,
            ),
            (
                &[("NO_COLOR", "1"), ("CLICOLOR_FORCE", "1")],
                "gomake",
                false,
            ),
            (&[("CLICOLOR_FORCE", "0")], "gomake", true),
            (&[("TERM", "dumb")], "gomake", false),
            (&[], "gomake --color never", false),
            (&[], "gomake --output plain", false),
        ];
        for (vars, line, expected) in table {
            let found = with(vars).err_palette(&args(line));
            assert_eq!(found, Palette::new(expected), "{vars:?} {line}");
        }
        assert_eq!(with(&[]).out_palette(&args("gomake")), Palette::new(false));
        let forced = with(&[("CLICOLOR_FORCE", "1")]);
        assert_eq!(forced.out_palette(&args("gomake")), Palette::new(true));
    }

    #[test]
    fn services_are_known_by_their_variables() {
        let of = |vars: &[(&str, &str)], line| with(vars).service(&args(line));
        assert_eq!(of(&[("GITHUB_ACTIONS", "true")], "gomake"), Service::Github);
        assert_eq!(of(&[("GITLAB_CI", "true")], "gomake"), Service::Gitlab);
        assert_eq!(of(&[("GITHUB_ACTIONS", "false")], "gomake"), Service::None);
        assert_eq!(of(&[("CI", "true")], "gomake"), Service::None);
        let github = [("GITHUB_ACTIONS", "true"), ("TERM", "dumb")];
        assert_eq!(of(&github, "gomake --ci none"), Service::None);
        assert_eq!(of(&github, "gomake --ci gitlab"), Service::Gitlab);
        let no_terminal = |vars: &[(&str, &str)], line| {
            let mut env = with(vars);
            env.stderr_is_terminal = false;
            (env.err_palette(&args(line)), env.out_palette(&args(line)))
        };
        let (colours, plain) = (Palette::new(true), Palette::PLAIN);
        assert_eq!(no_terminal(&github, "gomake"), (colours, plain));
        assert_eq!(no_terminal(&github, "gomake --ci none"), (plain, plain));
        let refused = [("GITLAB_CI", "true"), ("NO_COLOR", "1")];
        assert_eq!(no_terminal(&refused, "gomake"), (plain, plain));
        assert!(!with(&[]).look(&args("gomake --ci github")).live);
    }

    #[test]
    fn live_lines_need_a_terminal_that_can_redraw() {
        let live = |vars: &[(&str, &str)], line| with(vars).look(&args(line)).live;
        assert!(live(&[], "gomake"));
        assert!(live(&[], "gomake --output grouped"));
        assert!(live(&[("CI", "false")], "gomake"));
        assert!(!live(&[("CI", "true")], "gomake"));
        assert!(!live(&[("TERM", "dumb")], "gomake"));
        assert!(!live(&[], "gomake --output stream"));
        assert!(!live(&[], "gomake --output plain"));
    }

    #[test]
    fn the_cache_is_where_the_environment_says() {
        let dir = |vars: &[(&str, &str)]| with(vars).cache_dir();
        let path = |text: &str| Some(PathBuf::from(text));
        let home = ("HOME", "/home/u");
        assert_eq!(dir(&[home]), path("/home/u/.cache/gomake"));
        assert_eq!(dir(&[home, ("XDG_CACHE_HOME", "/x")]), path("/x/gomake"));
        assert_eq!(
            dir(&[home, ("XDG_CACHE_HOME", "x")]),
            path("/home/u/.cache/gomake")
        );
        assert_eq!(dir(&[home, ("GOMAKE_CACHE_DIR", "c")]), path("/project/c"));
        assert_eq!(dir(&[("GOMAKE_CACHE_DIR", "")]), None);
    }

    #[test]
    fn jobs_and_directories() {
        let env = with(&[]);
        assert_eq!(env.jobs(&args("gomake")), 6);
        assert_eq!(env.jobs(&args("gomake -j 2")), 2);
        let start = |line| env.start(&args(line));
        assert_eq!(start("gomake -C a -C b"), PathBuf::from("/project/a/b"));
        assert_eq!(start("gomake -C /a"), PathBuf::from("/a"));
    }
}
