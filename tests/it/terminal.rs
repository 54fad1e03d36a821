//! What a person at a terminal sees: gomake in a pseudo-terminal, read by a terminal emulator.

use crate::harness::{Project, has, is_alive, wait_until, wait_until_or};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};
use std::fs::File;
use std::io::{Read, Write};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// A process in a terminal of its own.
pub(crate) struct Terminal {
    child: Child,
    pub(crate) ours: File,
    screen: Arc<Mutex<Screen>>,
}

struct Screen {
    parser: vt100::Parser,
    /// Everything that was ever written.
    raw: Vec<u8>,
    ended: bool,
}

impl Terminal {
    /// None where the terminal cannot be made its process's own.
    pub(crate) fn start(
        project: &Project,
        columns: u16,
        args: &[&str],
        vars: &[(&str, &str)],
    ) -> Option<Self> {
        if !has("setsid") {
            return None;
        }
        let ours = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC)
            .expect("a terminal");
        grantpt(&ours).expect("a terminal");
        unlockpt(&ours).expect("a terminal");
        let rows = 24;
        tcsetwinsize(
            &ours,
            Winsize {
                ws_row: rows,
                ws_col: columns,
                ws_xpixel: 0,
                ws_ypixel: 0,
            },
        )
        .expect("a size");
        let name = ptsname(&ours, Vec::new())
            .expect("a name")
            .into_string()
            .expect("ASCII");
        let theirs = File::options()
            .read(true)
            .write(true)
            .open(name)
            .expect("the other side");
        let share = || Stdio::from(theirs.try_clone().expect("a descriptor"));
        let gomake = project.command(args);
        let mut command = Command::new("setsid");
        command
            .arg("--ctty")
            .arg(gomake.get_program())
            .args(gomake.get_args())
            .current_dir(&project.root);
        for (name, value) in gomake.get_envs() {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        command
            .env("TERM", "xterm")
            .env_remove("CI")
            .env_remove("GITHUB_ACTIONS")
            .env_remove("GITLAB_CI")
            .envs(vars.iter().copied());
        let child = command
            .stdin(share())
            .stdout(share())
            .stderr(share())
            .spawn()
            .expect("it starts");
        drop(theirs);
        let ours = File::from(ours);
        let screen = Screen {
            parser: vt100::Parser::new(rows, columns, 0),
            raw: Vec::new(),
            ended: false,
        };
        let screen = Arc::new(Mutex::new(screen));
        let (shared, mut from) = (screen.clone(), ours.try_clone().expect("a descriptor"));
        std::thread::spawn(move || {
            let mut chunk = [0; 4096];
            // The other side's end shows as an error on Linux.
            while let Ok(count @ 1..) = from.read(&mut chunk) {
                let mut screen = shared.lock().unwrap_or_else(PoisonError::into_inner);
                screen.parser.process(&chunk[..count]);
                screen.raw.extend_from_slice(&chunk[..count]);
            }
            shared.lock().unwrap_or_else(PoisonError::into_inner).ended = true;
        });
        Some(Self {
            child,
            ours,
            screen,
        })
    }
    fn screen(&self) -> MutexGuard<'_, Screen> {
        self.screen.lock().unwrap_or_else(PoisonError::into_inner)
    }
    pub(crate) fn text(&self) -> String {
        self.screen().parser.screen().contents()
    }
    /// Waits until a line of the screen holds all of these, and returns it.
    pub(crate) fn wait_for(&self, parts: &[&str]) -> String {
        let look = || {
            let text = self.text();
            let mut lines = text.lines();
            let found = lines.find(|line| parts.iter().all(|part| line.contains(part)));
            found.map(str::to_owned)
        };
        wait_until_or(look, || {
            format!("a line with {parts:?}, in\n{}\n", self.text())
        })
    }
    /// What a window manager does when the window is made larger or smaller.
    fn resize(&self, columns: u16, rows: u16) {
        let size = Winsize {
            ws_row: rows,
            ws_col: columns,
            ws_xpixel: 0,
            ws_ypixel: 0,
        };
        tcsetwinsize(&self.ours, size).expect("a size");
        self.screen().parser.screen_mut().set_size(rows, columns);
    }
    /// The rows down to the last one that is not empty, once they are as wanted.
    fn wait_for_rows(&self, wanted: impl Fn(&[String]) -> bool) -> Vec<String> {
        let rows = || {
            let text = self.text();
            text.lines()
                .map(|line| line.trim_end().to_owned())
                .collect::<Vec<_>>()
        };
        let look = || Some(rows()).filter(|rows| wanted(rows));
        wait_until_or(look, || format!("other rows than\n{}\n", self.text()))
    }
    fn signal(&self, signal: rustix::process::Signal) {
        // setsid has become gomake.
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, signal).expect("it runs");
    }
    pub(crate) fn type_in(&mut self, text: &str) {
        self.ours.write_all(text.as_bytes()).expect("a terminal");
    }
    /// Waits for the end; returns the exit status and the last screen.
    pub(crate) fn end(mut self) -> (i32, String) {
        let child = Mutex::new(&mut self.child);
        let status = wait_until("the end", || {
            child
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .try_wait()
                .expect("a child of ours")
        });
        wait_until("the last output", || self.screen().ended.then_some(()));
        let screen = self.screen();
        assert!(
            !screen.parser.screen().hide_cursor(),
            "the cursor stays hidden"
        );
        assert!(!screen.parser.screen().alternate_screen());
        (
            status.code().unwrap_or(-1),
            screen.parser.screen().contents(),
        )
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

const GATED: &str = r#"
build first {
  inputs  = []
  outputs = "first.txt"
  run: cat gate-one > $out
}
build second {
  inputs  = []
  outputs = "second-with-a-rather-long-name-for-a-narrow-screen.txt"
  run: cat gate-two > $out
}
build last {
  inputs  = [first, second]
  outputs = "last.txt"
  run: cat $inputs > $out
}
"#;

fn gated() -> Project {
    let project = Project::new(GATED);
    project.fifo("gate-one").fifo("gate-two");
    project
}

#[test]
fn each_running_target_has_a_live_line_and_the_end_leaves_a_summary() {
    let project = gated();
    let Some(terminal) = Terminal::start(&project, 100, &["-j2", "last"], &[]) else {
        return;
    };
    terminal.wait_for(&["build first"]);
    terminal.wait_for(&["build second"]);
    let head = terminal.wait_for(&["2 running"]);
    assert!(head.contains("0/3 done"), "{head}");
    // Its time goes on while nothing happens.
    let line = terminal.wait_for(&["build first"]);
    wait_until("the time moves", || {
        (terminal.wait_for(&["build first"]) != line).then_some(())
    });
    project.open_gate("gate-one");
    terminal.wait_for(&["ran", "build first"]);
    let head = terminal.wait_for(&["1 running"]);
    assert!(head.contains("1/3 done"), "{head}");
    project.open_gate("gate-two");
    let (status, text) = terminal.end();
    assert_eq!(status, 0, "{text}");
    let lines: Vec<&str> = text.lines().filter(|line| !line.is_empty()).collect();
    assert_eq!(lines.len(), 4, "three targets and a summary:\n{text}");
    assert!(lines[2].starts_with("ran        build last"), "{text}");
    assert!(
        lines[3].starts_with("done: 3 ran, 0 up to date, 0 restored, 0 failed in "),
        "{text}"
    );
}

#[test]
fn lines_fit_a_narrow_screen() {
    let project = gated();
    let Some(terminal) = Terminal::start(&project, 40, &["-j2", "last"], &[]) else {
        return;
    };
    terminal.wait_for(&["2 running"]);
    project.open_gate("gate-one").open_gate("gate-two");
    let (status, text) = terminal.end();
    assert_eq!(status, 0, "{text}");
    // Live lines that wrapped could not be wiped: remains would stand between the lines that stay.
    for line in ["build first", "build second", "build last"] {
        assert_eq!(text.matches(line).count(), 1, "{line} in\n{text}");
    }
    assert!(!text.contains("running"), "{text}");
}

#[test]
fn colours_are_there_and_no_color_takes_them_away() {
    let project = Project::new("task a {\n  run: true\n}\n");
    let colored = |vars: &[(&str, &str)]| {
        let terminal = Terminal::start(&project, 80, &["-v", "a"], vars)?;
        let screen = terminal.screen.clone();
        let (status, text) = terminal.end();
        assert_eq!(status, 0, "{text}");
        let raw = screen
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .raw
            .clone();
        let raw = String::from_utf8_lossy(&raw).into_owned();
        // Colour is `ESC [ … m`; moving the cursor is something else.
        Some(raw.split("\u{1b}[").skip(1).any(|rest| {
            rest.trim_start_matches(|c: char| c.is_ascii_digit() || c == ';')
                .starts_with('m')
        }))
    };
    let Some(plain) = colored(&[]) else { return };
    assert!(plain);
    assert_eq!(colored(&[("NO_COLOR", "1")]), Some(false));
    assert_eq!(colored(&[("TERM", "dumb")]), Some(false));
}

#[test]
fn in_ci_nothing_is_drawn_over() {
    let project = gated();
    let Some(terminal) = Terminal::start(
        &project,
        80,
        &["-j2", "last"],
        &[("CI", "true"), ("NO_COLOR", "1")],
    ) else {
        return;
    };
    let screen = terminal.screen.clone();
    project.open_gate("gate-one").open_gate("gate-two");
    let (status, text) = terminal.end();
    assert_eq!(status, 0, "{text}");
    let raw = screen
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .raw
        .clone();
    assert!(!raw.contains(&0x1b), "{}", String::from_utf8_lossy(&raw));
}

#[test]
fn what_commands_print_stands_above_the_live_lines_once() {
    let project = Project::new(
        r#"
task talks {
  run:
    echo words-of-talks
    echo x > from-talks
}
task waits {
  run:
    cat from-talks > dump
    cat gate > dump
    echo words-of-waits
}
"#,
    );
    project.fifo("gate").fifo("from-talks");
    let Some(terminal) = Terminal::start(&project, 80, &["-j2", "talks", "waits"], &[]) else {
        return;
    };
    terminal.wait_for(&["ran", "task  talks"]);
    terminal.wait_for(&["1 running"]);
    project.open_gate("gate");
    let (status, text) = terminal.end();
    assert_eq!(status, 0, "{text}");
    for words in ["words-of-talks", "words-of-waits"] {
        assert_eq!(text.matches(words).count(), 1, "{text}");
    }
}

#[test]
fn an_interactive_command_has_the_terminal() {
    let project = Project::new(
        "task ask {\n  interactive = true\n  run:\n    test -t 0 && test -t 1\n    printf 'your name? '\n    read -r name\n    echo \"hello, $name\"\n    stty size > size\n}\n",
    );
    let Some(mut terminal) = Terminal::start(&project, 90, &["ask"], &[]) else {
        return;
    };
    terminal.wait_for(&["your name?"]);
    terminal.type_in("world\n");
    let (status, text) = terminal.end();
    assert_eq!(status, 0, "{text}");
    assert_eq!(text.matches("hello, world").count(), 1, "{text}");
    assert_eq!(project.read("size"), "24 90\n");
}

#[test]
fn control_c_ends_the_commands_and_the_run() {
    let project = Project::new("task a {\n  run:\n    echo $$ > up\n    cat gate\n}\n");
    project.fifo("gate");
    let Some(mut terminal) = Terminal::start(&project, 80, &["a"], &[]) else {
        return;
    };
    let shell = project.wait_for_file("up");
    let _gate = project.hold_gate("gate");
    terminal.type_in("\u{3}");
    let (status, text) = terminal.end();
    assert_eq!(status, 130, "{text}");
    assert!(text.contains("interrupted:"), "{text}");
    wait_until("the end of the shell", || (!is_alive(&shell)).then_some(()));
}

#[test]
fn control_c_in_an_interactive_command_is_its_own_affair() {
    let project = Project::new(
        "task a {\n  interactive = true\n  run:\n    trap 'echo caught > caught; exit 0' INT\n    echo $$ > up\n    cat gate\n}\n",
    );
    project.fifo("gate");
    let Some(mut terminal) = Terminal::start(&project, 80, &["a"], &[]) else {
        return;
    };
    project.wait_for_file("up");
    let _gate = project.hold_gate("gate");
    terminal.type_in("\u{3}");
    let (status, text) = terminal.end();
    assert_eq!(project.read("caught"), "caught\n", "{text}");
    assert_eq!(status, 0, "{text}");
}

#[test]
fn a_failure_on_a_terminal_ends_with_its_report() {
    let project = Project::new(
        "build bad {\n  inputs = []\n  outputs = \"x\"\n  run: echo the reason && exit 4\n}\n",
    );
    let Some(terminal) = Terminal::start(&project, 80, &["bad"], &[]) else {
        return;
    };
    let (status, text) = terminal.end();
    assert_eq!(status, 1, "{text}");
    assert_eq!(
        text.matches("the reason").count(),
        2,
        "the command and its output:\n{text}"
    );
    assert!(text.contains("exit status 4 at Gofile:1:"), "{text}");
}

#[test]
fn more_targets_than_the_screen_has_rows_leave_no_remains() {
    let project = Project::new(
        "build b for n in [\"01\", \"02\", \"03\", \"04\", \"05\", \"06\", \"07\", \"08\", \"09\", \"10\", \"11\", \"12\", \"13\", \"14\", \"15\", \"16\", \"17\", \"18\", \"19\", \"20\", \"21\", \"22\", \"23\", \"24\", \"25\", \"26\", \"27\", \"28\", \"29\", \"30\"] {\n  inputs = []\n  outputs = \"$n.txt\"\n  run:\n    cat gate > $out\n}\n",
    );
    project.fifo("gate");
    let Some(terminal) = Terminal::start(&project, 80, &["-j30", "b"], &[]) else {
        return;
    };
    terminal.wait_for(&["30 running"]);
    let screen = terminal.screen.clone();
    project.open_gate("gate");
    // Readers that came too late for this writer wait for the next one.
    let gate = project.path("gate");
    let stop = Arc::new(std::sync::atomic::AtomicBool::new(false));
    let stopped = stop.clone();
    let feeder = std::thread::spawn(move || {
        let nonblocking =
            i32::try_from(rustix::fs::OFlags::NONBLOCK.bits()).expect("a small number");
        while !stopped.load(std::sync::atomic::Ordering::SeqCst) {
            let open = std::os::unix::fs::OpenOptionsExt::custom_flags(
                File::options().write(true),
                nonblocking,
            )
            .open(&gate);
            if let Ok(mut open) = open {
                let _ = open.write_all(b"go\n");
            }
            std::thread::yield_now();
        }
    });
    let (status, text) = terminal.end();
    stop.store(true, std::sync::atomic::Ordering::SeqCst);
    feeder.join().expect("no panic");
    assert_eq!(status, 0, "{text}");
    let lines: Vec<&str> = text.lines().filter(|line| !line.is_empty()).collect();
    assert!(
        lines
            .last()
            .is_some_and(|line| line.starts_with("done: 30 ran")),
        "{text}"
    );
    assert!(
        lines
            .iter()
            .rev()
            .skip(1)
            .all(|line| line.starts_with("ran        build b[")),
        "{text}"
    );
    drop(screen);
}

#[test]
fn an_interactive_command_that_dies_of_control_c_ends_the_run() {
    let project = Project::new(
        "task a {\n  interactive = true\n  run:\n    printf 'no newline'\n    echo $$ > up\n    cat gate\n}\ntask b {\n  needs = a\n  run: touch b\n}\ntask c {\n  run: touch c\n}\n",
    );
    project.fifo("gate");
    let Some(mut terminal) = Terminal::start(&project, 80, &["-k", "-j1", "b", "c"], &[]) else {
        return;
    };
    project.wait_for_file("up");
    let _gate = project.hold_gate("gate");
    terminal.type_in("\u{3}");
    let (status, text) = terminal.end();
    assert_eq!(status, 130, "{text}");
    assert!(!project.exists("b"), "{text}");
    assert!(
        text.lines().any(|line| line.starts_with("interrupted:")),
        "{text}"
    );
    assert!(!text.contains("1 running"), "live lines are left:\n{text}");
}

#[test]
fn eighty_columns_have_a_bar_and_the_last_times() {
    let project = Project::new(
        "build slow {\n  inputs = [\"in\"]\n  outputs = \"slow.txt\"\n  run: cat in gate > $out\n}\n",
    );
    project.fifo("gate").write("in", "1");
    let run = |columns| {
        let terminal = Terminal::start(&project, columns, &["slow"], &[])?;
        let rows = terminal.wait_for_rows(|rows| {
            rows.len() == 3 && rows[1].contains("build slow  0.") && rows[2].contains("1 running")
        });
        // A time that is long enough to be worth telling.
        std::thread::sleep(std::time::Duration::from_millis(250));
        project.open_gate("gate");
        let (status, text) = terminal.end();
        assert_eq!(status, 0, "{text}");
        Some(rows)
    };
    let Some(first) = run(80) else { return };
    assert_eq!(
        first[2],
        "[                           ] 0/1 done, 1 running"
    );
    project.write("in", "2");
    let rows = run(200).expect("a terminal");
    assert!(
        rows[1].starts_with("running    build slow  0."),
        "{rows:#?}"
    );
    assert!(rows[1].contains("s of ~"), "{rows:#?}");
    assert!(
        rows[2].contains("] 0/1 done, 1 running, ~") && rows[2].ends_with("s left"),
        "{rows:#?}"
    );
    assert_eq!(rows[2].find(']'), Some(41));
}

#[test]
fn a_window_that_is_made_smaller_and_larger_keeps_its_lines_in_place() {
    let project = gated();
    let Some(terminal) = Terminal::start(&project, 80, &["-j2", "last"], &[]) else {
        return;
    };
    let one_each = |rows: &[String], header: &str| {
        let count = |part: &str| rows.iter().filter(|row| row.contains(part)).count();
        rows.last().is_some_and(|last| last == header)
            && [
                count("build first"),
                count("build second"),
                count(" done, "),
            ] == [1, 1, 1]
    };
    let bar = |cells: usize| format!("[{}] 0/3 done, 2 running", " ".repeat(cells));
    terminal.wait_for_rows(|rows| one_each(rows, &bar(27)));
    for (columns, rows) in [(30, 24), (20, 6), (40, 4), (66, 12), (100, 24)] {
        terminal.resize(columns, rows);
        let cells = usize::from(columns).saturating_sub(53).min(40);
        let header = if cells < 10 {
            "0/3 done, 2 running".to_owned()
        } else {
            bar(cells)
        };
        let rows = terminal.wait_for_rows(|rows| one_each(rows, &header));
        assert!(rows.len() <= 5, "{rows:#?}");
    }
    // Too little room is no reason to fail.
    for (columns, rows) in [(9, 5), (7, 7), (80, 24)] {
        terminal.resize(columns, rows);
    }
    terminal.wait_for_rows(|rows| one_each(rows, &bar(27)));
    project.open_gate("gate-one").open_gate("gate-two");
    let (status, text) = terminal.end();
    assert_eq!(status, 0, "{text}");
    assert!(!text.contains("running"), "{text}");
}

#[test]
fn wide_characters_are_never_cut_in_half() {
    let project = Project::new(
        "build art for n in [\"資産資産資産資産資産\", \"👩\u{200d}🚀👩\u{200d}🚀👩\u{200d}🚀👩\u{200d}🚀\", \"e\u{301}e\u{301}\"] {\n  inputs = []\n  outputs = \"art-$n.txt\"\n  run: cat gate > $out; echo 出力: $n\n}\n",
    );
    project.fifo("gate");
    let Some(terminal) = Terminal::start(&project, 26, &["-j3", "art"], &[]) else {
        return;
    };
    let rows = terminal
        .wait_for_rows(|rows| rows.len() == 5 && rows[4].starts_with("0/3 done, 3 running"));
    let wide = |rows: &[String]| {
        let row = rows.iter().find(|row| row.starts_with("build art[資産"));
        row.is_some_and(|row| row.contains("…  ") && row.ends_with('s'))
    };
    assert!(wide(&rows), "{rows:#?}");
    assert!(
        rows.iter().all(|row| !row.contains('\u{fffd}')),
        "{rows:#?}"
    );
    for width in [25, 24, 23, 22, 21] {
        terminal.resize(width, 24);
        terminal.wait_for_rows(|rows| {
            rows.len() == 5 && wide(rows) && rows[4].starts_with("0/3 done, 3 running")
        });
    }
    let gate = project.hold_gate("gate");
    drop(gate);
    let (status, text) = terminal.end();
    assert_eq!(status, 0, "{text}");
    assert_eq!(text.matches("出力: ").count(), 3, "{text}");
}

#[test]
fn a_thousand_short_targets_never_take_the_screen() {
    let numbers: Vec<String> = (0..1000).map(|n| format!("\"{n:03}\"")).collect();
    let project = Project::new(&format!(
        "build b for n in [{}] {{\n  inputs = []\n  outputs = \"out/$n\"\n  run: : > $out\n}}\n",
        numbers.join(", ")
    ));
    let Some(terminal) = Terminal::start(&project, 80, &["-j8", "b"], &[]) else {
        return;
    };
    let screen = terminal.screen.clone();
    let (status, text) = terminal.end();
    assert_eq!(status, 0, "{text}");
    let raw = screen
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .raw
        .clone();
    let all = String::from_utf8_lossy(&raw);
    for n in 0..1000 {
        let line = format!("build b[{n:03}]  ");
        assert!(all.contains(&line), "{line}");
    }
    // As a person saw it, drawing by drawing.
    let mut again = vt100::Parser::new(24, 80, 0);
    let mut headers = 0;
    for part in raw.split_inclusive(|&byte| byte == b'\r') {
        again.process(part);
        let contents = again.screen().contents();
        let live = contents.lines().filter(|row| row.starts_with("running "));
        assert!(live.count() <= 12, "{contents}");
        let header = contents.lines().filter(|row| row.contains("/1000 done"));
        headers = headers.max(header.count());
        assert!(headers <= 1, "{contents}");
    }
    let last = text.lines().rfind(|line| !line.is_empty());
    assert!(
        last.is_some_and(|line| line.starts_with("done: 1000 ran")),
        "{text}"
    );
}

#[test]
fn a_term_leaves_no_live_line() {
    let project = gated();
    let Some(terminal) = Terminal::start(&project, 80, &["-j2", "last"], &[]) else {
        return;
    };
    terminal.wait_for(&["2 running"]);
    terminal.signal(rustix::process::Signal::TERM);
    let (status, text) = terminal.end();
    assert_eq!(status, 143, "{text}");
    assert!(text.contains("interrupted: "), "{text}");
    assert!(!text.contains("running"), "{text}");
}

#[test]
fn streamed_commands_keep_their_colours_and_leave_the_screen_alone() {
    let project = Project::new(
        r#"
task a {
  run:
    test -t 1 && test -t 2
    printf '\033[31mred\033[0m and plain\n'
    printf '10%%\r50%%\r\033[K100%%\n'
    printf '\033[2J\033[H\033[?25lcleared\n' >&2
    stty size <&1
    printf 'without an end'
}
"#,
    );
    let Some(terminal) = Terminal::start(&project, 80, &["--output", "stream", "a"], &[]) else {
        return;
    };
    let screen = terminal.screen.clone();
    let (status, text) = terminal.end();
    assert_eq!(status, 0, "{text}");
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(
        lines[..5],
        [
            "a | red and plain",
            "a | 100%",
            "a | cleared",
            "a | 24 76",
            "a | without an end"
        ],
        "{text}"
    );
    let screen = screen.lock().unwrap_or_else(PoisonError::into_inner);
    let cell = |column| screen.parser.screen().cell(0, column).expect("a cell");
    assert_eq!(cell(4).fgcolor(), vt100::Color::Idx(1));
    assert_eq!(cell(10).fgcolor(), vt100::Color::Default);
}

#[test]
fn a_failure_in_a_terminal_of_its_own_loses_nothing() {
    let project = Project::new("task a {\n  run: seq 1 30000; exit 3\n}\n");
    let Some(terminal) = Terminal::start(&project, 80, &["--output", "stream", "a"], &[]) else {
        return;
    };
    let screen = terminal.screen.clone();
    let (status, text) = terminal.end();
    assert_eq!(status, 1, "{text}");
    assert!(text.contains("exit status 3 at Gofile:1:"), "{text}");
    let raw = screen
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .raw
        .clone();
    let raw = String::from_utf8_lossy(&raw);
    let numbers = raw
        .lines()
        .filter(|line| line.contains("a |"))
        .filter_map(|line| line.trim_end().rsplit(' ').next()?.parse::<u32>().ok());
    assert!(numbers.eq(1..=30_000));
}

#[test]
fn colours_can_be_forced_where_there_is_no_terminal() {
    let mut project = Project::new(
        "task a {\n  env = { KEY = secret(\"TOKEN\") }\n  run:\n    if [ -t 1 ]; then printf '\\033[32m%s %s %s\\n' \"$TERM\" \"$PAGER\" \"$KEY\"; else echo no terminal; fi\n}\nbuild b {\n  inputs = []\n  outputs = \"b.txt\"\n  run: echo > $out\n}\n",
    );
    project.env("TERM", "dumb").env("TOKEN", "hunter2hunter2");
    let out = |args: &[&str]| {
        let run = project.run_plainly(args);
        assert_eq!(run.status, 0, "{run}");
        run.out
    };
    let forced = ["--output", "stream", "--color", "always", "a", "b"];
    let shown = out(&forced);
    assert!(
        shown.contains("\u{1b}[32mxterm-256color cat ***\u{1b}[0m\n"),
        "{shown:?}"
    );
    assert_eq!(out(&["--output", "stream", "a"]), "a | no terminal\n");
    assert_eq!(out(&["--color", "always", "a"]), "no terminal\n");
    // What a command's output goes through does not count.
    assert!(!project.ran(&["b"]).contains("b"));
}

#[test]
fn what_failed_stands_at_the_end() {
    let project = Project::new(
        "test t for n in [\"one\", \"two\"] {\n  inputs = []\n  run:\n    echo compiling\n    echo \"x.c:3: error: no $n\"\n    seq 1 30\n    exit 5\n}\n",
    );
    let Some(terminal) = Terminal::start(&project, 80, &["-k", "-j1", "t"], &[]) else {
        return;
    };
    let (status, text) = terminal.end();
    assert_eq!(status, 1, "{text}");
    let end: Vec<&str> = text
        .lines()
        .skip_while(|line| *line != "these failed:")
        .filter(|line| !line.is_empty())
        .collect();
    let place = end[1].rsplit_once(" at ").expect("a place").1;
    assert!(place.starts_with("Gofile:"), "{text}");
    assert_eq!(
        end[1..5],
        [
            format!("  test  t[one]  exit status 5 at {place}").as_str(),
            "    x.c:3: error: no one",
            format!("  test  t[two]  exit status 5 at {place}").as_str(),
            "    x.c:3: error: no two",
        ],
        "{text}"
    );
    assert!(end[5].starts_with("failed: 0 ran"), "{text}");
    assert_eq!(end.len(), 6, "{text}");
}

#[test]
fn a_profile_comes_after_the_summary() {
    let project = Project::new(
        "build one {\n  inputs = []\n  outputs = \"one\"\n  run: echo > $out\n}\nbuild two {\n  inputs = [one]\n  outputs = \"two\"\n  run: echo > $out\n}\n",
    );
    let run = project.run(&["--profile", "two"]);
    assert_eq!(run.status, 0, "{run}");
    let lines: Vec<&str> = run.err.lines().collect();
    let at = |begin: &str| lines.iter().position(|line| line.starts_with(begin));
    let path = at("critical path: 2 targets, ").expect("a path");
    assert!(at("done: 2 ran") < Some(path), "{run}");
    assert!(lines[path + 2].ends_with("   build one"), "{run}");
    assert!(lines[path + 3].ends_with("   build two"), "{run}");
    assert!(at("slowest:") > Some(path), "{run}");
    let again = project.run(&["--profile", "two"]);
    assert!(
        again.err.ends_with(
            "profile: no target took any time; reading the Gofile and looking at files was all\n"
        ),
        "{again}"
    );
}
