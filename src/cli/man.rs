//! `--man`: the manual page. Flags come from clap's definition; the rest is what a flag cannot say.

use crate::cli::args::Args;
use clap::CommandFactory;
use clap_mangen::Man;
use clap_mangen::roff::{Inline, Roff, bold, italic, roman};

/// What gomake reads and writes beside the files that a Gofile names.
const FILES: &[(&str, &str)] = &[
    (
        "Gofile",
        "What a project builds, tests and runs. Looked for from the working directory upwards, as far as the repository's root, and taken only if it belongs to the caller or to root.",
    ),
    (
        ".gomake/",
        "Beside the Gofile: what was built from what, and images. It can be removed at any time; then everything is looked at anew.",
    ),
    (
        "~/.cache/gomake/",
        "Results of all projects of a user, by what they were made from. $XDG_CACHE_HOME/gomake where that is set.",
    ),
    (
        "~/.docker/config.json",
        "Credentials for registries, and the helpers that have them.",
    ),
];

/// Variables that gomake itself reads; those of commands are named in the Gofile.
const ENVIRONMENT: &[(&str, &str)] = &[
    (
        "GOMAKE_CACHE_DIR",
        "Where the cache is, instead of ~/.cache/gomake.",
    ),
    (
        "XDG_CACHE_HOME, HOME",
        "Where the cache is, unless GOMAKE_CACHE_DIR says so.",
    ),
    (
        "NO_COLOR",
        "No colours, if set to anything. --color goes before.",
    ),
    (
        "CLICOLOR, CLICOLOR_FORCE",
        "0 for CLICOLOR takes colours away; CLICOLOR_FORCE brings them where there is no terminal.",
    ),
    (
        "TERM",
        "dumb: nothing is drawn over, nothing is coloured, and nothing can be picked from a list.",
    ),
    (
        "CI",
        "Set to anything but false and 0: nothing is drawn over, and nothing is asked.",
    ),
    (
        "GITHUB_ACTIONS, GITLAB_CI",
        "Which service --ci=auto speaks to.",
    ),
    (
        "MAKEFLAGS",
        "Below a make with a jobserver, its slots are shared; commands that gomake runs find one of its own.",
    ),
    (
        "SOURCE_DATE_EPOCH",
        "Seconds since 1970: the time of everything in an image that has no `created`.",
    ),
    (
        "DOCKER_CONFIG, REGISTRY_AUTH_FILE",
        "Where the credentials for registries are.",
    ),
    ("DOCKER_HOST", "The engine that docker speaks to."),
    (
        "GOMAKE_RUNNING_IN",
        "Set for commands: the projects that are being built, so that a gomake below does not wait for the one above.",
    ),
];

const EXIT_STATUS: &[(&str, &str)] = &[
    ("0", "Done."),
    (
        "1",
        "A target failed; with --fmt --check, a file is not formatted.",
    ),
    ("2", "The Gofile or the call is wrong; nothing has run."),
    ("130", "Interrupted by Ctrl-C; 143 by SIGTERM."),
];

const EXAMPLES: &[(&str, &str)] = &[
    ("gomake", "Brings the Gofile's default up to date."),
    (
        "gomake -k test",
        "Runs every test that a change concerns, whatever fails.",
    ),
    (
        "gomake deploy host=web1 -- --verbose",
        "Gives a task a parameter, and its script an argument.",
    ),
    (
        "gomake 'dist[linux,*]'",
        "Builds some instances of a target.",
    ),
    (
        "gomake -w unit",
        "Stays, and runs again what a change affects.",
    ),
    (
        "gomake --why app",
        "Says what changed since the last success.",
    ),
    ("gomake --choose", "Asks what to run."),
    (
        "gomake --graph html > graph.html",
        "Draws all targets, to look around in with a browser.",
    ),
    ("gomake --man | man -l -", "Shows this page."),
];

/// The page, for `man -l -` or a file `gomake.1`.
pub fn page() -> String {
    let command = Args::command();
    let about = command.get_about().map(ToString::to_string);
    let man = Man::new(
        command
            .clone()
            .about("builds, tests and runs what a Gofile declares"),
    );
    let mut out = String::new();
    out.push_str(&part(|to| man.render_title(to)));
    out.push_str(&part(|to| man.render_name_section(to)));
    out.push_str(&part(|to| man.render_synopsis_section(to)));
    out.push_str(&section(
        "DESCRIPTION",
        &description(&about.unwrap_or_default()),
    ));
    out.push_str(&options(&part(|to| man.render_options_section(to))));
    for (name, entries) in [
        ("FILES", FILES),
        ("ENVIRONMENT", ENVIRONMENT),
        ("EXIT STATUS", EXIT_STATUS),
        ("EXAMPLES", EXAMPLES),
    ] {
        out.push_str(&list(name, entries));
    }
    out
}

fn part(render: impl Fn(&mut dyn std::io::Write) -> std::io::Result<()>) -> String {
    let mut bytes = Vec::new();
    render(&mut bytes).expect("memory can be written to");
    let text = String::from_utf8(bytes).expect("roff writes UTF-8");
    // Each part begins with the macros for apostrophes, which stand once, in the title's.
    match text.split_once(".TH ") {
        Some(_) => text,
        None => text
            .split_once(".SH ")
            .map_or(text.clone(), |(_, rest)| format!(".SH {rest}")),
    }
}

/// Headings of flags become headings below OPTIONS.
fn options(text: &str) -> String {
    let heading = |line: &str| match line.strip_prefix(".SH ") {
        Some(name) if name != "OPTIONS" => {
            let (first, rest) = name.split_at(1);
            format!(".SS {first}{}\n", rest.to_lowercase())
        }
        _ => format!("{line}\n"),
    };
    text.lines().map(heading).collect()
}

fn description(about: &str) -> Vec<Inline> {
    let text = format!(
        "{about}. Words are targets (`app`, `'dist[linux,amd64]'`), kinds (`build`, `test`, `image`, `service`, `clean`: all targets of \
         that kind) and `name=value` for parameters of the named targets and values of the Gofile. Without words its default runs. What \
         follows -- is given to the scripts of the named targets."
    );
    vec![roman(text)]
}

fn section(name: &str, text: &[Inline]) -> String {
    let mut roff = Roff::new();
    roff.control("SH", [name]);
    roff.text(text.to_vec());
    part(|to| roff.to_writer(to))
}

fn list(name: &str, entries: &[(&str, &str)]) -> String {
    let mut roff = Roff::new();
    roff.control("SH", [name]);
    for (term, meaning) in entries {
        roff.control("TP", []);
        let term = match name {
            "FILES" => italic(*term),
            _ => bold(*term),
        };
        roff.text([term]);
        roff.text([roman(*meaning)]);
    }
    part(|to| roff.to_writer(to))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;
    use std::process::{Command, Stdio};

    #[test]
    fn every_flag_stands_in_the_page() {
        let page = page();
        for arg in Args::command().get_arguments() {
            let Some(long) = arg.get_long() else { continue };
            let spelled = format!("\\-\\-{}", long.replace('-', "\\-"));
            assert_eq!(page.contains(&spelled), !arg.is_hide_set(), "--{long}");
        }
        for section in [
            "NAME",
            "SYNOPSIS",
            "OPTIONS",
            "FILES",
            "ENVIRONMENT",
            "EXAMPLES",
        ] {
            assert!(page.contains(&format!(".SH {section}\n")), "{section}");
        }
        assert!(page.contains(".SS Running\n"), "{page}");
    }

    /// What a formatter makes of the page, and what it complains of; None where it is not installed.
    fn formatted(program: &str, args: &[&str]) -> Option<(String, String)> {
        let mut child = Command::new(which::which(program).ok()?)
            .args(args)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("it starts");
        let mut to = child.stdin.take().expect("a pipe");
        to.write_all(page().as_bytes()).expect("it reads");
        drop(to);
        let output = child.wait_with_output().expect("it ends");
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Some((text(&output.stdout), text(&output.stderr)))
    }

    #[test]
    fn groff_has_nothing_to_complain_of() {
        let args = ["-man", "-Tutf8", "-ww", "-P-c", "-rLL=100n"];
        if let Some((text, errors)) = formatted("groff", &args) {
            assert_eq!(errors, "");
            assert!(text.contains("gomake - builds, tests and runs"), "{text}");
        }
    }

    #[test]
    fn mandoc_has_no_errors() {
        if let Some((text, _)) = formatted("mandoc", &["-T", "lint", "-W", "error"]) {
            assert_eq!(text, "");
        }
    }
}
