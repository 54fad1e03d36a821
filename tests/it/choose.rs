//! `gomake --choose` on a real terminal: what is picked runs as if it had been named, and the terminal is left as it was.

use crate::harness::{Project, wait_until};
use crate::terminal::Terminal;
use rustix::termios::{LocalModes, Winsize, tcgetattr, tcsetwinsize};
use std::fs::File;

const GOFILE: &str = r#"
## The program
build app {
  inputs = []
  outputs = "app"
  run: echo app > $out
}
build dist for os in ["linux", "darwin"] {
  inputs = []
  outputs = "dist-$os"
  run: echo $os > $out
}
## Copies the program to a host
task deploy(host, tier: ["dev", "prod"], port = 22) {
  needs = app
  run: echo "to $host $tier $port" > deployed
}
"#;

/// The modes that a shell relies on.
fn is_cooked(terminal: &File) -> bool {
    let modes = tcgetattr(terminal).expect("a terminal").local_modes;
    modes.contains(LocalModes::ICANON | LocalModes::ECHO | LocalModes::ISIG)
}

/// Waits until the picker has the terminal.
fn wait_for_list(terminal: &Terminal) {
    terminal.wait_for(&["run:"]);
    terminal.wait_for(&["enter:"]);
}

#[test]
fn enter_runs_what_is_highlighted() {
    let project = Project::new(GOFILE);
    let Some(mut terminal) = Terminal::start(&project, 80, &["--choose"], &[]) else {
        return;
    };
    wait_for_list(&terminal);
    terminal.wait_for(&[">   build", "app", "The program (default)"]);
    terminal.type_in("darw");
    terminal.wait_for(&["1 of 5"]);
    terminal.wait_for(&[">   build", "dist[darwin]"]);
    let ours = terminal.ours.try_clone().expect("a descriptor");
    terminal.type_in("\r");
    let (status, text) = terminal.end();
    assert_eq!(status, 0, "{text}");
    assert!(text.starts_with("gomake 'dist[darwin]'\n"), "{text}");
    assert!(project.exists("dist-darwin") && !project.exists("dist-linux"));
    drop(ours);
}

#[test]
fn several_are_ticked_and_flags_hold_for_them() {
    let project = Project::new(GOFILE);
    let Some(mut terminal) = Terminal::start(&project, 80, &["-n", "--choose"], &[]) else {
        return;
    };
    wait_for_list(&terminal);
    terminal.type_in("\t\t");
    terminal.wait_for(&["enter: run the 2 ticked"]);
    terminal.type_in("\r");
    let (status, text) = terminal.end();
    assert_eq!(status, 0, "{text}");
    assert!(text.starts_with("gomake -n app dist\n"), "{text}");
    assert!(text.contains("would run 3"), "{text}");
    assert!(!project.exists("app"), "-n runs nothing");
}

#[test]
fn parameters_without_a_value_are_asked_for() {
    let project = Project::new(GOFILE);
    let Some(mut terminal) = Terminal::start(&project, 80, &["--choose", "port=2222"], &[]) else {
        return;
    };
    wait_for_list(&terminal);
    terminal.type_in("dep\r");
    terminal.wait_for(&["deploy, host:"]);
    terminal.type_in("\r");
    terminal.wait_for(&["a value is needed"]);
    terminal.type_in("wex\u{7f}b 1\r");
    terminal.wait_for(&["deploy, tier:"]);
    terminal.type_in("\u{1b}[B");
    terminal.wait_for(&[">   prod"]);
    terminal.type_in("\r");
    let (status, text) = terminal.end();
    assert_eq!(status, 0, "{text}");
    assert!(
        text.starts_with("gomake port=2222 deploy 'host=web 1' tier=prod\n"),
        "{text}"
    );
    assert_eq!(project.read("deployed"), "to web 1 prod 2222\n");
}

#[test]
fn escape_and_control_c_leave_the_terminal_as_it_was() {
    let project = Project::new(GOFILE);
    for key in ["\u{1b}", "\u{3}"] {
        let Some(mut terminal) = Terminal::start(&project, 80, &["--choose"], &[]) else {
            return;
        };
        let ours = terminal.ours.try_clone().expect("a descriptor");
        wait_for_list(&terminal);
        assert!(!is_cooked(&ours), "the picker takes single keys");
        terminal.type_in(key);
        wait_until("the terminal is as before", || {
            is_cooked(&ours).then_some(())
        });
        let (status, text) = terminal.end();
        assert_eq!(status, 130, "{text}");
        assert_eq!(text.trim(), "", "nothing is left on the screen");
    }
    assert!(!project.exists(".gomake"), "nothing ran");
}

#[test]
fn the_list_fits_narrow_terminals_wide_characters_and_resizes() {
    let many = "task t for n in split(\"NAMES\", \" \") {\n  run: true\n}\n";
    let names: Vec<String> = (0..1000).map(|n| format!("资产{n}")).collect();
    let project = Project::new(&many.replace("NAMES", &names.join(" ")));
    let Some(mut terminal) = Terminal::start(&project, 30, &["--choose"], &[]) else {
        return;
    };
    wait_for_list(&terminal);
    terminal.wait_for(&["1001 of 1001"]);
    terminal.type_in("\u{1b}[F");
    terminal.wait_for(&[">   task  t[资产999]"]);
    let size = Winsize {
        ws_row: 24,
        ws_col: 18,
        ws_xpixel: 0,
        ws_ypixel: 0,
    };
    tcsetwinsize(&terminal.ours, size).expect("a size");
    terminal.wait_for(&[">   task  t[资产9…"]);
    for line in terminal
        .text()
        .lines()
        .skip(2)
        .filter(|line| !line.is_empty())
    {
        assert!(line.contains("task"), "a line has wrapped: {line:?}");
    }
    terminal.type_in("资产70 \u{3}");
    let (status, text) = terminal.end();
    assert_eq!(status, 130, "{text}");
}

#[test]
fn without_a_terminal_it_says_how_to_go_on() {
    let project = Project::new(GOFILE);
    let run = project.run_plainly(&["--choose"]);
    assert_eq!(run.status, 2, "{run}");
    assert!(run.err.contains("gomake::choose::no_terminal"), "{run}");
    assert!(run.err.contains("standard input is no terminal"), "{run}");
    assert!(run.err.contains("gomake --list"), "{run}");
    for (vars, why) in [
        ([("TERM", "dumb"), ("NO_COLOR", "1")], "cannot draw"),
        ([("CI", "true"), ("NO_COLOR", "1")], "CI is set"),
    ] {
        let Some(terminal) = Terminal::start(&project, 80, &["--choose"], &vars) else {
            return;
        };
        let (status, text) = terminal.end();
        assert_eq!(status, 2, "{text}");
        assert!(text.contains(why) && text.contains("--list"), "{text}");
    }
}
