//! `docs/cli.md` holds the flags between two marks. They are generated from their definition, and this test fails
//! when they are not current; `GOMAKE_UPDATE_DOCS=1 cargo test --test cli_docs` writes them.
#![expect(
    clippy::disallowed_methods,
    reason = "a test that reads and writes a document"
)]

use clap::{Arg, ArgAction, CommandFactory};
use gomake::cli::args::Args;
use std::fmt::Write;
use std::fs;
use std::path::Path;

const BEGIN: &str = "<!-- flags: generated from src/cli/args.rs -->\n";
const END: &str = "<!-- end of flags -->";

/// One table a heading, in the order of `--help`.
fn flags() -> String {
    let command = Args::command();
    let mut headings: Vec<&str> = Vec::new();
    let shown = || {
        command
            .get_arguments()
            .filter(|arg| !arg.is_hide_set() && !arg.is_positional())
    };
    for heading in shown().filter_map(Arg::get_help_heading) {
        if !headings.contains(&heading) {
            headings.push(heading);
        }
    }
    let mut out = String::new();
    for heading in headings {
        let _ = writeln!(out, "\n### {heading}\n\n| flag | does |\n|---|---|");
        for arg in shown().filter(|arg| arg.get_help_heading() == Some(heading)) {
            let _ = writeln!(out, "| {} | {} |", spelling(arg), meaning(arg));
        }
    }
    out.push('\n');
    out
}

fn spelling(arg: &Arg) -> String {
    let mut forms: Vec<String> = Vec::new();
    forms.extend(arg.get_short().map(|short| format!("-{short}")));
    forms.extend(arg.get_long().map(|long| format!("--{long}")));
    let mut out = forms.join(", ");
    if matches!(arg.get_action(), ArgAction::Set | ArgAction::Append) {
        let name = arg
            .get_value_names()
            .and_then(<[_]>::first)
            .map_or("", |name| name.as_str());
        let optional = arg
            .get_num_args()
            .is_some_and(|number| number.min_values() == 0);
        out.push_str(&if optional {
            format!(" [{name}]")
        } else {
            format!(" {name}")
        });
    }
    format!("`{out}`")
}

fn meaning(arg: &Arg) -> String {
    let mut out = arg.get_help().map(ToString::to_string).unwrap_or_default();
    let values: Vec<String> = arg
        .get_possible_values()
        .iter()
        .filter(|_| matches!(arg.get_action(), ArgAction::Set))
        .map(|value| match value.get_help() {
            Some(help) => format!("`{}`: {help}", value.get_name()),
            None => format!("`{}`", value.get_name()),
        })
        .collect();
    if !values.is_empty() {
        let _ = write!(out, ".<br>{}", values.join("<br>"));
    }
    out.replace('|', "\\|")
}

#[test]
fn the_flags_in_the_docs_are_current() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/cli.md");
    let page = fs::read_to_string(&path).expect("docs/cli.md");
    let (head, rest) = page.split_once(BEGIN).expect("the mark before the flags");
    let (_, tail) = rest.split_once(END).expect("the mark after the flags");
    let current = format!("{head}{BEGIN}{}{END}{tail}", flags());
    if std::env::var_os("GOMAKE_UPDATE_DOCS").is_some() {
        fs::write(&path, &current).expect("writable");
    } else {
        assert_eq!(
            page, current,
            "run GOMAKE_UPDATE_DOCS=1 cargo test --test cli_docs"
        );
    }
}

#[test]
fn every_flag_says_what_it_does() {
    for arg in Args::command().get_arguments() {
        assert!(arg.get_help().is_some(), "{}", arg.get_id());
    }
}
