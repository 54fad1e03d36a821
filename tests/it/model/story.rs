//! A world on disk, the runs of gomake in it, and what must hold after each of them.

use super::clean::{Action, Clean, End, Node, Output};
use super::world::World;
use crate::harness::{Project, Run};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::{FdFlags, fcntl_setfd};
use rustix::process::{Pid, Signal, kill_process_group};
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::fs::{self, File};
use std::io::{PipeReader, Read};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};

pub struct Story {
    pub project: Project,
    pub world: World,
    /// What was done so far, for whoever reads a failure.
    pub diary: Vec<String>,
    /// Facts whose results the cache holds.
    pub cached: HashSet<String>,
    /// The cache was damaged. A damaged blob is found out when it is restored, so that each may cost one run.
    pub damaged: bool,
    /// Facts of each target's last success, by name, as far as they are known.
    pub last: HashMap<String, String>,
    /// The state was lost, so that gomake does not know the outputs on disk.
    pub lost: bool,
    /// Outputs that were changed behind gomake's back.
    pub tampered: BTreeSet<String>,
    /// Sources as they are on disk.
    written: BTreeMap<String, Vec<u8>>,
}

/// How a run is made.
#[derive(Debug, Clone)]
pub struct Call {
    pub args: Vec<&'static str>,
    /// The wanted targets; empty means the default, which is all.
    pub uids: Vec<u32>,
}

impl Call {
    fn has(&self, flag: &str) -> bool {
        self.args.contains(&flag)
    }
}

/// What held before a run.
pub struct Before {
    pub clean: Clean,
    /// Places in `clean`.
    wanted: Vec<usize>,
    /// Lines of the actions that must not run.
    known: HashSet<String>,
}

impl Before {
    pub fn actions(&self) -> impl Iterator<Item = &Action> {
        self.wanted.iter().map(|at| &self.clean.actions[*at])
    }
    fn must_run(&self, action: &Action) -> bool {
        !self.known.contains(&action.line) && action.end != End::Skipped
    }
    /// Actions that have to run, if the run gets so far.
    pub fn due(&self) -> Vec<&Action> {
        self.actions()
            .filter(|action| self.must_run(action))
            .collect()
    }
    pub fn fails(&self) -> bool {
        self.actions().any(|action| action.end == End::Failed)
    }
}

impl Story {
    pub fn new(world: World) -> Self {
        let project = Project::new("");
        let mut story = Self {
            project,
            world,
            diary: Vec::new(),
            cached: HashSet::new(),
            damaged: false,
            last: HashMap::new(),
            lost: false,
            tampered: BTreeSet::new(),
            written: BTreeMap::new(),
        };
        fs::create_dir(story.beside("hooks")).expect("a directory");
        fs::write(story.beside("log"), "").expect("a file");
        story.write();
        story
    }

    pub fn beside(&self, name: &str) -> PathBuf {
        self.project
            .root
            .parent()
            .expect("a directory of ours")
            .join(name)
    }
    fn text(&self, name: &str) -> String {
        self.beside(name).to_str().expect("UTF-8").to_owned()
    }
    pub fn note(&mut self, what: impl Into<String>) {
        self.diary.push(what.into());
    }

    /// Brings the disk in line with the world: only what differs is written.
    pub fn write(&mut self) {
        for path in self
            .written
            .keys()
            .filter(|path| !self.world.sources.contains_key(*path))
        {
            self.project.remove(path);
        }
        for (path, bytes) in &self.world.sources {
            if self.written.get(path) != Some(bytes) {
                self.project.write(path, bytes);
            }
        }
        self.written = self.world.sources.clone();
        self.clear_tampered();
        self.project.write(
            "Gofile",
            self.world.gofile(&self.text("log"), &self.text("hooks")),
        );
        let env = self.world.env.clone();
        self.project.env("MODEL_ENV", &env);
    }
    /// What stands in the place of an output that is declared no more, and is not as it was made, is a source from then on:
    /// a person would take it away.
    fn clear_tampered(&mut self) {
        let clean = Clean::of(&self.world);
        let outputs = clean.actions.iter().filter_map(|action| match &action.end {
            End::Done(outputs) => Some(outputs),
            _ => None,
        });
        let declared: BTreeSet<&String> = outputs.flatten().map(|output| &output.path).collect();
        for path in &self.tampered {
            if !declared.contains(path) {
                remove(&self.project.path(path));
            }
        }
        self.tampered.retain(|path| declared.contains(path));
    }

    /// Takes over what a command wrote into a source.
    pub fn reread(&mut self, path: &str) {
        let bytes = fs::read(self.project.path(path)).expect("a source");
        self.world.sources.insert(path.to_owned(), bytes.clone());
        self.written.insert(path.to_owned(), bytes);
    }
    /// Notes that a source is on disk as the world has it.
    pub fn is_written(&mut self, path: &str) {
        self.written
            .insert(path.to_owned(), self.world.sources[path].clone());
    }

    pub fn before(&self, call: &Call) -> Before {
        let clean = Clean::of(&self.world);
        let all: Vec<u32> = self.world.targets.iter().map(|target| target.uid).collect();
        let wanted = clean.reach(if call.uids.is_empty() {
            &all
        } else {
            &call.uids
        });
        let known = wanted
            .iter()
            .map(|at| &clean.actions[*at])
            .filter(|action| self.is_known(action));
        let known = known.map(|action| action.line.clone()).collect();
        Before {
            clean,
            wanted,
            known,
        }
    }
    fn is_known(&self, action: &Action) -> bool {
        let End::Done(outputs) = &action.end else {
            return false;
        };
        let is_last = self.last.get(&action.name) == Some(&action.facts);
        let intact = |output: &Output| {
            found(&self.project.path(&output.path)).as_ref() == Some(&output.nodes)
        };
        !self.damaged && self.cached.contains(&action.facts)
            || is_last && outputs.iter().all(intact)
    }

    fn words(&self, call: &Call) -> Vec<String> {
        let mut words: Vec<String> = call.args.iter().map(|arg| (*arg).to_owned()).collect();
        words.extend(
            call.uids
                .iter()
                .map(|uid| self.world.target(*uid).name.clone()),
        );
        words
    }
    fn command(&self, call: &Call) -> Command {
        let words = self.words(call);
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        self.project
            .command(&[&["-v", "--output", "plain"], words.as_slice()].concat())
    }

    /// Runs gomake and checks everything.
    pub fn run(&mut self, call: &Call) -> Run {
        let words = self.words(call).join(" ");
        self.note(format!("gomake {words}"));
        let before = self.before(call);
        let run = Run::read(self.command(call).output().expect("gomake starts"));
        self.check(&before, call, &run);
        run
    }

    fn check(&mut self, before: &Before, call: &Call, run: &Run) {
        let lines = self.take_log();
        self.note(format!("  status {}, ran {lines:?}", run.status));
        let ran: BTreeSet<&String> = lines.iter().collect();
        assert_eq!(
            ran.len(),
            lines.len(),
            "an action ran twice: {lines:?}\n{}",
            self.tell(run)
        );
        self.check_log(before, call, &lines, run);
        let counted = !run.err.contains("changed while the command ran");
        assert!(counted, "nothing changed\n{}", self.tell(run));
        let expected = i32::from(before.fails());
        assert_eq!(run.status, expected, "the exit status\n{}", self.tell(run));
        for action in before.actions() {
            let told = run.fate(&action.name);
            let settled = ["ran", "unchanged", "up to date", "restored"].contains(&told);
            let End::Done(outputs) = &action.end else {
                assert!(
                    !settled,
                    "{} cannot succeed, but is told as {told}\n{}",
                    action.name,
                    self.tell(run)
                );
                continue;
            };
            let ran = ["ran", "unchanged"].contains(&told);
            assert_eq!(
                ran,
                lines.contains(&action.line),
                "{} is told as {told}\n{}",
                action.name,
                self.tell(run)
            );
            let reached = expected == 0
                || call.has("-k")
                    && action
                        .needs
                        .iter()
                        .all(|need| matches!(before.clean.actions[*need].end, End::Done(_)));
            assert!(
                settled || !reached,
                "{} was not made\n{}",
                action.name,
                self.tell(run)
            );
            if settled {
                for output in outputs {
                    self.tampered.remove(&output.path);
                }
                self.check_outputs(&before.clean, action, outputs, run);
                self.last.insert(action.name.clone(), action.facts.clone());
                if ran {
                    self.cached.insert(action.facts.clone());
                }
            }
        }
        self.check_sources(run);
        self.lost &= expected != 0 || !call.uids.is_empty();
    }

    /// Only what is wanted and was never made before may have run.
    fn check_log(&self, before: &Before, call: &Call, lines: &[String], run: &Run) {
        for line in lines {
            let action = before.actions().find(|action| action.line == *line);
            let action = action
                .unwrap_or_else(|| panic!("{line} ran, and nobody wanted it\n{}", self.tell(run)));
            let seen = before.known.contains(line) && !call.has("-B");
            assert!(
                !seen,
                "{} ran, though its fingerprint was seen before\n{}",
                action.name,
                self.tell(run)
            );
        }
        if call.has("-B") && run.status == 0 {
            let idle: Vec<&str> = before
                .actions()
                .filter(|action| !lines.contains(&action.line))
                .map(|action| action.name.as_str())
                .collect();
            assert!(
                idle.is_empty(),
                "forced, but {idle:?} did not run\n{}",
                self.tell(run)
            );
        }
    }

    fn check_outputs(&self, clean: &Clean, action: &Action, outputs: &[Output], run: &Run) {
        for output in outputs {
            let there = found(&self.project.path(&output.path));
            let differs = there.as_ref() != Some(&output.nodes);
            assert!(
                !differs,
                "{}: {} is {there:?}\n  a clean build gives {:?}\n{}",
                action.name,
                output.path,
                output.nodes,
                self.tell(run)
            );
        }
        let target = self.world.target(action.uid);
        for pattern in target
            .declared()
            .iter()
            .filter_map(|path| path.strip_suffix("-*.txt"))
        {
            let (dir, stem) = pattern.rsplit_once('/').expect("in a directory");
            let names = fs::read_dir(self.project.path(dir))
                .expect("a directory")
                .map(|entry| entry.expect("an entry").file_name());
            let stale = names
                .map(|name| name.into_string().expect("UTF-8"))
                .filter(|name| name.starts_with(&format!("{stem}-")))
                .find(|name| {
                    !outputs
                        .iter()
                        .any(|output| output.path == format!("{dir}/{name}"))
                });
            assert_eq!(
                stale,
                None,
                "{}: a clean build has no such file\n{clean:?}\n{}",
                action.name,
                self.tell(run)
            );
        }
    }

    pub fn check_sources(&self, run: &Run) {
        for (path, bytes) in &self.world.sources {
            let there = fs::read(self.project.path(path)).ok();
            assert_eq!(
                there.as_ref(),
                Some(bytes),
                "the source {path} was harmed\n{}",
                self.tell(run)
            );
        }
    }

    /// Lines that commands wrote since the last call.
    pub fn take_log(&self) -> Vec<String> {
        let text = fs::read_to_string(self.beside("log")).expect("the log");
        fs::write(self.beside("log"), "").expect("the log");
        text.lines().map(str::to_owned).collect()
    }

    pub fn tell(&self, run: &Run) -> String {
        let gofile = self.project.read("Gofile");
        let mut text = format!(
            "--- story\n{}\n--- Gofile\n{gofile}\n--- sources\n",
            self.diary.join("\n")
        );
        for (path, bytes) in &self.world.sources {
            text.push_str(&format!("{path}: {:?}\n", String::from_utf8_lossy(bytes)));
        }
        format!("{text}--- run\n{run}")
    }

    /// Two runs of one call at once: together they do what one does.
    pub fn run_two(&mut self, call: &Call) {
        self.note(format!(
            "two at once: gomake {}",
            self.words(call).join(" ")
        ));
        let before = self.before(call);
        let start = |name| self.started(self.command(call), name);
        let (first, second) = (start("err1"), start("err2"));
        let (first, second) = (self.ended(first, "err1"), self.ended(second, "err2"));
        assert_eq!(
            (first.status, second.status),
            (0, 0),
            "{}\n{second}",
            self.tell(&first)
        );
        let joint = |action: &Action| {
            ["ran", "unchanged", "restored"]
                .into_iter()
                .find(|fate| first.fate(&action.name) == *fate)
        };
        let fates = before.actions().map(|action| {
            (
                joint(action)
                    .unwrap_or(second.fate(&action.name))
                    .to_owned(),
                action.name.clone(),
            )
        });
        let run = Run {
            status: 0,
            out: String::new(),
            err: format!("{}\n--- the second\n{}", first.err, second.err),
            fates: fates.collect(),
        };
        self.check(&before, call, &run);
    }
    fn started(&self, mut command: Command, err: &str) -> Child {
        command
            .stderr(File::create(self.beside(err)).expect("a file"))
            .spawn()
            .expect("gomake starts")
    }
    fn ended(&self, mut child: Child, err: &str) -> Run {
        let status = child.wait().expect("a child of ours");
        Run::read(std::process::Output {
            status,
            stdout: Vec::new(),
            stderr: fs::read(self.beside(err)).expect("a file"),
        })
    }

    /// Runs until the script of `line` has come to a hook, kills gomake, and with it the script or lets that go on. Says whether
    /// the hook was reached.
    pub fn kill_in(
        &mut self,
        call: &Call,
        action: &Action,
        at_end: bool,
        spare_script: bool,
    ) -> bool {
        self.note(format!(
            "gomake {}, killed while {} {}; its script {}",
            self.words(call).join(" "),
            action.name,
            if at_end { "is at its end" } else { "starts" },
            if spare_script {
                "lives on"
            } else {
                "is killed too"
            }
        ));
        let before = self.before(call);
        let hook = self.beside(&format!(
            "hooks/u{}{}",
            action.uid,
            if at_end { ".end" } else { "" }
        ));
        let mut hold = Hold::beside(&self.project);
        fs::write(&hook, hold.line()).expect("a hook");
        let mut command = self.command(call);
        command.stderr(File::create(self.beside("err1")).expect("a file"));
        let mut child = hold.start(command);
        let came = hold.wait_for(&mut child);
        child.kill().expect("a child of ours");
        let run = self.ended(child, "err1");
        fs::remove_file(&hook).expect("a hook");
        if came && !spare_script {
            hold.kill();
        }
        hold.let_go();
        if came {
            self.absorb_killed(&before, call, &run);
        } else {
            self.check(&before, call, &run);
        }
        came
    }

    fn absorb_killed(&mut self, before: &Before, call: &Call, run: &Run) {
        let lines = self.take_log();
        self.check_log(before, call, &lines, run);
        self.note(format!("  it had started {lines:?}"));
        for (at, action) in before.clean.actions.iter().enumerate() {
            let logged = lines.contains(&action.line);
            let followed = before
                .clean
                .actions
                .iter()
                .any(|next| next.needs.contains(&at) && lines.contains(&next.line));
            if logged && followed {
                // What stands on it has started, so it was recorded.
                self.cached.insert(action.facts.clone());
                self.last.insert(action.name.clone(), action.facts.clone());
            } else if logged || self.last.get(&action.name) != Some(&action.facts) {
                self.last.remove(&action.name);
            }
        }
    }
}

/// A place where commands stop until they are let go, and a pipe that all processes of the run hold: its end is their end.
/// A test waits for both, and never for time to pass.
pub struct Hold {
    dir: PathBuf,
    /// Open at both ends, so that neither we nor a command block when the other is not there.
    reached: File,
    go: File,
    alive: Option<PipeReader>,
}

impl Hold {
    pub fn beside(project: &Project) -> Self {
        let dir = project
            .root
            .parent()
            .expect("a directory of ours")
            .to_owned();
        let pipe = |name: &str| {
            let path = dir.join(name);
            remove(&path);
            let made = Command::new("mkfifo").arg(&path).status().expect("mkfifo");
            assert!(made.success());
            File::options()
                .read(true)
                .write(true)
                .open(path)
                .expect("a pipe")
        };
        let (reached, go) = (pipe("reached"), pipe("go"));
        remove(&dir.join("pids"));
        let hold = Self {
            dir,
            reached,
            go,
            alive: None,
        };
        hold.close();
        hold
    }
    /// Nothing stops here from now on.
    pub fn open(&self) {
        remove(&self.dir.join("hold"));
    }
    pub fn close(&self) {
        fs::write(self.dir.join("hold"), "").expect("a file");
    }
    /// One line of script that stops here.
    pub fn line(&self) -> String {
        let dir = self.dir.display();
        format!(
            "if [ -e '{dir}/hold' ]; then echo $$ >> '{dir}/pids'; echo > '{dir}/reached'; read wait < '{dir}/go' || :; fi"
        )
    }
    pub fn start(&mut self, mut command: Command) -> Child {
        let (reader, writer) = std::io::pipe().expect("a pipe");
        fcntl_setfd(&writer, FdFlags::empty()).expect("an open file");
        self.alive = Some(reader);
        command.spawn().expect("gomake starts")
    }
    /// Waits until a command has come here, or the child has ended; says whether the first is so.
    pub fn wait_for(&self, child: &mut Child) -> bool {
        let look = Timespec {
            tv_sec: 0,
            tv_nsec: 10_000_000,
        };
        loop {
            let mut fds = [PollFd::new(&self.reached, PollFlags::IN)];
            let ready = poll(&mut fds, Some(&look)).unwrap_or(0) > 0;
            if ready || child.try_wait().expect("a child of ours").is_some() {
                return ready;
            }
        }
    }
    /// Kills the commands that have come here. Each leads a group, and holds, so that no number is somebody else's by now.
    pub fn kill(&self) {
        for pid in fs::read_to_string(self.dir.join("pids"))
            .expect("written before")
            .lines()
        {
            let group = Pid::from_raw(pid.parse().expect("a number")).expect("not 0");
            kill_process_group(group, Signal::KILL).expect("a group of ours");
        }
    }
    /// Lets all go on that hold here or come later, and waits until the run and all its commands have ended.
    pub fn let_go(&mut self) {
        self.open();
        std::io::Write::write_all(&mut self.go, &[b'\n'; 64]).expect("a pipe");
        let mut rest = Vec::new();
        if let Some(mut alive) = self.alive.take() {
            alive.read_to_end(&mut rest).expect("a pipe");
        }
    }
}

/// What is at a path, as a clean build would have it; nothing is None.
pub fn found(path: &Path) -> Option<BTreeMap<String, Node>> {
    let mut nodes = BTreeMap::new();
    let top = path.symlink_metadata().ok()?;
    if top.is_dir() {
        walk(path, "", &mut nodes);
    } else {
        nodes.insert(String::new(), node(path));
    }
    Some(nodes)
}

fn walk(dir: &Path, below: &str, nodes: &mut BTreeMap<String, Node>) {
    for entry in fs::read_dir(dir).expect("a directory") {
        let entry = entry.expect("an entry");
        let name = format!("{below}{}", entry.file_name().to_str().expect("UTF-8"));
        let node = node(&entry.path());
        if node == Node::Dir {
            walk(&entry.path(), &format!("{name}/"), nodes);
        }
        nodes.insert(name, node);
    }
}

fn node(path: &Path) -> Node {
    let meta = path.symlink_metadata().expect("just seen");
    if meta.is_symlink() {
        Node::Link(
            fs::read_link(path)
                .expect("a link")
                .to_str()
                .expect("UTF-8")
                .to_owned(),
        )
    } else if meta.is_dir() {
        Node::Dir
    } else {
        Node::File {
            bytes: fs::read(path).expect("a file"),
            executable: meta.permissions().mode() & 0o111 != 0,
        }
    }
}

/// Removes whatever is there.
pub fn remove(path: &Path) {
    match path.symlink_metadata() {
        Ok(meta) if meta.is_dir() => fs::remove_dir_all(path).expect("ours"),
        Ok(_) => fs::remove_file(path).expect("ours"),
        Err(_) => {}
    }
}
