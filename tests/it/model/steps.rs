//! The random steps of a story: edits of the project, damage from outside, and every kind of run.

use super::clean::{Clean, End, Node};
use super::random::Random;
use super::story::{Call, Story, found, remove};
use super::world::{FIXED, Filter, HEADERS, In, LAYERS, ODD, VARIABLE, World, text};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::time::{Duration, SystemTime};

/// A story in progress.
pub struct Teller {
    pub random: Random,
    pub story: Story,
    /// Earlier worlds, for going back.
    branches: Vec<World>,
}

impl Teller {
    pub fn new(seed: u64) -> Self {
        let mut random = Random::new(seed);
        let world = World::random(&mut random);
        Self {
            random,
            story: Story::new(world.clone()),
            branches: vec![world],
        }
    }

    /// Changes something, some of the time several things, and runs.
    pub fn step(&mut self) {
        for _ in 0..1 + self.random.below(2) {
            match self.random.below(20) {
                0..=8 => self.edit_source(),
                9..=13 => self.edit_gofile(),
                14..=16 => self.tamper(),
                17 => self.switch_branch(),
                18 => self.damage_state(),
                _ => self.clear_cache(),
            }
        }
        self.make_run();
    }

    fn edit_source(&mut self) {
        let random = &mut self.random;
        let world = &mut self.story.world;
        let steady: Vec<&str> = FIXED.to_vec();
        let loose: Vec<&str> = VARIABLE
            .iter()
            .chain(&ODD)
            .chain(&HEADERS)
            .copied()
            .collect();
        match random.below(10) {
            0..=4 => {
                let path = *random.pick(&steady);
                world.sources.insert(path.to_owned(), text(random));
                self.story.note(format!("edit {path}"));
            }
            5..=7 => {
                let path = *random.pick(&loose);
                let last_variable = path.starts_with("var/")
                    && world
                        .sources
                        .keys()
                        .filter(|name| name.starts_with("var/"))
                        .count()
                        == 1;
                if random.percent(40) && !last_variable && world.sources.remove(path).is_some() {
                    self.story.note(format!("remove {path}"));
                } else {
                    world.sources.insert(path.to_owned(), text(random));
                    self.story.note(format!("write {path}"));
                }
            }
            8 => self.edit_unseen(),
            _ => self.touch_source(),
        }
        self.story.write();
    }

    /// Other bytes of the same length, and the old modification time.
    fn edit_unseen(&mut self) {
        let path = *self.random.pick(&FIXED);
        let bytes = self.story.world.sources[path].clone();
        let other: Vec<u8> = bytes
            .iter()
            .map(|byte| if *byte == b'a' { b'o' } else { *byte })
            .collect();
        let full = self.story.project.path(path);
        let time = fs::metadata(&full)
            .and_then(|meta| meta.modified())
            .expect("a time");
        let in_place = self.random.percent(50);
        if !in_place {
            fs::remove_file(&full).expect("a source");
        }
        fs::write(&full, &other).expect("a source");
        set_time(&full, time);
        self.story.world.sources.insert(path.to_owned(), other);
        self.story.is_written(path);
        self.story
            .note(format!("edit {path}, its length and time kept"));
    }

    fn touch_source(&mut self) {
        let path = *self.random.pick(&FIXED);
        let hours = Duration::from_secs(3600 * self.random.below(48) as u64);
        let time = if self.random.percent(50) {
            SystemTime::now() + hours
        } else {
            SystemTime::now() - hours
        };
        set_time(&self.story.project.path(path), time);
        self.story.note(format!("touch {path}"));
    }

    fn edit_gofile(&mut self) {
        let random = &mut self.random;
        let world = &mut self.story.world;
        let at = random.below(world.targets.len());
        let (uid, name) = (world.targets[at].uid, world.targets[at].name.clone());
        let what = match random.below(11) {
            0 | 1 => {
                let target = &mut world.targets[at];
                target.salt = 1 - target.salt;
                format!("change {name}'s script without effect")
            }
            2 => {
                world.targets[at].filter = *random.pick(&[
                    Filter::Cat,
                    Filter::Upper,
                    Filter::Count,
                    Filter::First,
                    Filter::Names,
                ]);
                format!("change {name}'s script")
            }
            3 => {
                let target = &mut world.targets[at];
                target.executable = !target.executable;
                format!("{name}'s outputs are executable: {}", target.executable)
            }
            4 => {
                world.flags = format!("f{}", random.below(2));
                format!("let flags be {}", world.flags)
            }
            5 => {
                world.env = format!("e{}", random.below(2));
                format!("MODEL_ENV is {}", world.env)
            }
            6 => {
                let target = &mut world.targets[at];
                target.name = if name.starts_with('t') {
                    format!("r{uid}")
                } else {
                    format!("t{uid}")
                };
                format!("rename {name} to {}", target.name)
            }
            7 => {
                let target = &mut world.targets[at];
                target.variant = !target.variant;
                format!("{name} makes {:?} instead", target.declared())
            }
            8 if world.targets.len() > 2 => {
                world.remove_target(uid);
                format!("remove {name}")
            }
            9 if world.targets.len() < 9 => {
                let layer = random.below(LAYERS);
                let uid = world.add_target(random, layer);
                format!("add t{uid}")
            }
            _ => {
                world.targets[at].inputs.rotate_left(1);
                format!("{name}'s inputs in another order")
            }
        };
        self.story.note(what);
        self.story.write();
        self.branches.push(self.story.world.clone());
    }

    /// Changes an output behind gomake's back.
    fn tamper(&mut self) {
        let clean = Clean::of(&self.story.world);
        let outputs = clean.actions.iter().filter_map(|action| match &action.end {
            End::Done(outputs) => Some(outputs),
            _ => None,
        });
        let there: Vec<_> = outputs
            .flatten()
            .filter(|output| found(&self.story.project.path(&output.path)).is_some())
            .collect();
        // A file that gomake does not know stays, and a command that writes into it keeps its mode.
        if there.is_empty() || self.story.lost {
            return;
        }
        let output = *self.random.pick(&there);
        let path = self.story.project.path(&output.path);
        let how = match (
            output.nodes.contains_key("") && path.is_file(),
            self.random.below(8),
        ) {
            // A link of an earlier step is not written through.
            (_, how) if how == 0 || path.is_symlink() => {
                remove(&path);
                "is removed"
            }
            (_, 1) => {
                remove(&path);
                std::os::unix::fs::symlink(self.story.project.path(FIXED[0]), &path)
                    .expect("a link");
                "becomes a link"
            }
            (true, 2) => {
                remove(&path);
                fs::create_dir(&path).expect("a directory");
                "becomes a directory"
            }
            (true, 3) => {
                let mode = fs::metadata(&path).expect("a file").permissions().mode();
                fs::set_permissions(&path, fs::Permissions::from_mode(mode ^ 0o111)).expect("ours");
                "gets another mode"
            }
            (true, 4) => {
                let time = fs::metadata(&path)
                    .and_then(|meta| meta.modified())
                    .expect("a time");
                let bytes = fs::read(&path).expect("a file");
                fs::write(
                    &path,
                    bytes.iter().map(|byte| byte ^ 1).collect::<Vec<u8>>(),
                )
                .expect("a file");
                set_time(&path, time);
                "gets other bytes of the same length and time"
            }
            (true, _) => {
                fs::write(&path, "from outside\n").expect("a file");
                "is overwritten"
            }
            (false, 2) => {
                remove(&path);
                fs::write(&path, "a file").expect("a file");
                "becomes a file"
            }
            (false, 3 | 4) if path.join("d0/base.txt").is_file() => {
                fs::remove_file(path.join("d0/base.txt")).expect("a file");
                "loses a file"
            }
            (false, 5) if path.join("d0").is_dir() => {
                fs::write(path.join("d0/stray.txt"), "stray\n").expect("a file");
                "gets a stray file"
            }
            (false, _) if path.join("d1").is_dir() => {
                fs::remove_dir_all(path.join("d1")).expect("a directory");
                "loses a directory"
            }
            _ => return,
        };
        let what = format!("the output {} {how}", output.path);
        let path = output.path.clone();
        self.story.tampered.insert(path);
        self.story.note(what);
    }

    fn switch_branch(&mut self) {
        let next = self.story.world.next_uid;
        self.branches.push(self.story.world.clone());
        let at = self.random.below(self.branches.len());
        self.story.world = self.branches[at].clone();
        self.story.world.next_uid = next;
        self.story.note(format!("switch to branch {at}"));
        self.story.write();
    }

    fn damage_state(&mut self) {
        let state = self.story.project.path(".gomake");
        let Ok(entries) = fs::read_dir(&state) else {
            return;
        };
        let mut files: Vec<_> = entries
            .map(|entry| entry.expect("an entry").path())
            .filter(|path| path.is_file())
            .collect();
        files.sort();
        let file = self.random.pick(&files).clone();
        let bytes = fs::read(&file).expect("a file");
        let at = self.random.below(bytes.len() + 1);
        let how = match self.random.below(4) {
            0 => {
                fs::remove_dir_all(&state).expect("ours");
                self.story.note("remove .gomake");
                return self.lose_state();
            }
            1 => {
                fs::write(&file, &bytes[..at]).expect("ours");
                "cut off"
            }
            2 => {
                let mut bytes = bytes;
                bytes.splice(at.., b"garbage \0\xff".iter().copied());
                fs::write(&file, bytes).expect("ours");
                "garbage"
            }
            _ => {
                let mut bytes = bytes;
                if let Some(byte) = bytes.get_mut(at) {
                    *byte ^= 1 << self.random.below(8);
                }
                fs::write(&file, bytes).expect("ours");
                "a bit flipped"
            }
        };
        let name = file
            .file_name()
            .expect("a file")
            .to_string_lossy()
            .into_owned();
        self.story.note(format!("{name}: {how} at {at}"));
        if name == "journal" {
            self.lose_state();
        }
    }

    /// Without its state gomake cannot know which files are its own: what a person would clear away, we do.
    fn lose_state(&mut self) {
        self.story.last.clear();
        self.story.lost = true;
        let clean = Clean::of(&self.story.world);
        let keep: Vec<_> = clean
            .actions
            .iter()
            .filter_map(|action| match &action.end {
                End::Done(outputs) => Some(outputs),
                _ => None,
            })
            .flatten()
            .filter(|output| match output.nodes.get("") {
                Some(Node::File { executable, .. }) => {
                    let there = found(&self.story.project.path(&output.path));
                    let plain = there.is_some_and(|there| {
                        matches!(
                            there.get(""),
                            Some(Node::File {
                                executable: false,
                                ..
                            })
                        )
                    });
                    plain && !executable && !output.path.contains('-')
                }
                // It would not empty a tree that it does not know.
                _ => false,
            })
            .map(|output| self.story.project.path(&output.path))
            .collect();
        if self.random.percent(40) {
            return remove(&self.story.project.path("out"));
        }
        for layer in 0..LAYERS {
            let Ok(entries) = fs::read_dir(self.story.project.path(format!("out/{layer}"))) else {
                continue;
            };
            entries
                .map(|entry| entry.expect("an entry").path())
                .filter(|path| !keep.contains(path))
                .for_each(|path| remove(&path));
        }
    }

    fn clear_cache(&mut self) {
        self.story.note("clear the cache");
        self.story.cached.clear();
        let way = self.random.below(5);
        self.story.damaged = way == 4;
        match way {
            0 | 1 => remove(&self.story.project.cache()),
            2 | 3 => assert_eq!(
                self.story.project.run_plainly(&["--cache", "clean"]).status,
                0
            ),
            // What is torn must be found out.
            _ => damage_all(&self.story.project.cache(), &mut self.random),
        }
    }

    fn call(&mut self) -> Call {
        let mut args = vec![*self.random.pick(&["-j1", "-j4"])];
        if self.random.percent(40) {
            args.push("-k");
        }
        if self.random.percent(5) {
            args.push("-B");
        }
        let mut uids = Vec::new();
        if self.random.percent(30) {
            for _ in 0..1 + self.random.below(2) {
                uids.push(self.random.pick(&self.story.world.targets).uid);
            }
        }
        Call { args, uids }
    }

    fn make_run(&mut self) {
        let call = self.call();
        match self.random.below(12) {
            0 | 1 => self.kill(&call),
            2 => self.edit_while_it_runs(&call),
            3 if !self.story.lost
                && !self.story.before(&call).fails()
                && !call.args.contains(&"-B") =>
            {
                return self.story.run_two(&call);
            }
            4 => self.clean(),
            _ => {}
        }
        let run = self.story.run(&call);
        if run.status == 0 && self.random.percent(30) {
            let again: Vec<&str> = call
                .args
                .iter()
                .copied()
                .filter(|arg| *arg != "-B")
                .collect();
            let run = self.story.run(&Call {
                args: again,
                uids: call.uids,
            });
            let mut busy = run.targets(&["ran", "unchanged", "restored"]);
            busy.remove("all");
            assert!(
                busy.is_empty(),
                "{busy:?} right after a success\n{}",
                self.story.tell(&run)
            );
        }
    }

    fn kill(&mut self, call: &Call) {
        let before = self.story.before(call);
        let due = before.due();
        if due.is_empty() {
            return;
        }
        let action = (*self.random.pick(&due)).clone();
        let at_end = self.random.percent(50);
        let spare = self.random.percent(50);
        self.story.kill_in(call, &action, at_end, spare);
    }

    /// A command edits one of its own inputs.
    fn edit_while_it_runs(&mut self, call: &Call) {
        let before = self.story.before(call);
        let victims = before.due().into_iter().filter_map(|action| {
            let target = self
                .story
                .world
                .targets
                .iter()
                .find(|target| target.uid == action.uid)?;
            let source = target.inputs.iter().find_map(|input| match input {
                In::Source(path) => Some(path.clone()),
                _ => None,
            })?;
            Some((action.clone(), source))
        });
        let victims: Vec<_> = victims.collect();
        if victims.is_empty() {
            return;
        }
        let (action, source) = self.random.pick(&victims).clone();
        self.story.note(format!(
            "{} appends to its input {source} while it runs",
            action.name
        ));
        let hook = self.story.beside(&format!(
            "hooks/u{}{}",
            action.uid,
            if self.random.percent(50) { ".end" } else { "" }
        ));
        fs::write(&hook, format!("echo 'kappa late' >> '{source}'\n")).expect("a hook");
        let words: Vec<String> = call
            .uids
            .iter()
            .map(|uid| self.story.world.target(*uid).name.clone())
            .collect();
        let args: Vec<&str> = call
            .args
            .iter()
            .copied()
            .chain(words.iter().map(String::as_str))
            .collect();
        let run = self.story.project.run(&args);
        let lines = self.story.take_log();
        fs::remove_file(&hook).expect("a hook");
        self.story.reread(&source);
        let counted = ["ran", "unchanged"].contains(&run.fate(&action.name));
        let warned = run.err.contains(&source) && run.err.contains("changed while");
        assert!(
            !counted || warned,
            "no warning of the change\n{}",
            self.story.tell(&run)
        );
        self.story.check_sources(&run);
        for action in before.actions() {
            if run.fate(&action.name) != "up to date" || lines.contains(&action.line) {
                self.story.last.remove(&action.name);
            }
        }
    }

    fn clean(&mut self) {
        self.story.note("gomake clean");
        let run = self.story.project.run(&["clean"]);
        assert_eq!(run.status, 0, "{}", self.story.tell(&run));
        self.story.check_sources(&run);
    }
}

fn set_time(path: &std::path::Path, time: SystemTime) {
    fs::File::options()
        .append(true)
        .open(path)
        .and_then(|file| file.set_modified(time))
        .expect("a file of ours");
}

/// Cuts off or changes about half of the files below a directory.
fn damage_all(dir: &std::path::Path, random: &mut Random) {
    let Ok(entries) = fs::read_dir(dir) else {
        return;
    };
    let mut paths: Vec<_> = entries
        .map(|entry| entry.expect("an entry").path())
        .collect();
    paths.sort();
    for path in paths {
        if path.is_dir() {
            damage_all(&path, random);
        } else if random.percent(50) {
            let mut bytes = fs::read(&path).expect("a file");
            match bytes.len() {
                0 => bytes.push(b'x'),
                len if random.percent(50) => bytes.truncate(random.below(len)),
                len => bytes[random.below(len)] ^= 1 << random.below(8),
            }
            fs::write(&path, bytes).expect("a file");
        }
    }
}
