//! One test for each thing that can go wrong around a run: kill -9, torn state, a full or read-only disk, what stands in the
//! way, two runs at once, deep chains, odd names.
#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests, where a failure is a failed test"
)]

use super::story::{Hold, found};
use crate::harness::{Project, Run, set};
use std::ffi::OsStr;
use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, SystemTime};

/// `first` copies, `slow` writes half of what it makes, holds, and goes on.
fn slow_project() -> (Project, Hold) {
    let project = Project::new("");
    let hold = Hold::beside(&project);
    let gofile = format!(
        "build first {{\n  inputs = \"in.txt\"\n  outputs = \"out/first.txt\"\n  run: cat $inputs > $out\n}}\n\
         build slow {{\n  inputs = first\n  outputs = [\"out/slow.txt\", \"gen/*.txt\"]\n  run:\n    \
         read word < $inputs\n    echo half > out/slow.txt\n    echo $word > gen/$word.txt\n    {}\n    cat $inputs >> out/slow.txt\n}}\n\
         build last {{\n  inputs = [slow, \"gen/*.txt\"]\n  outputs = \"out/last.txt\"\n  run: cat $inputs > $out\n}}\n",
        hold.line()
    );
    project.write("Gofile", gofile).write("in.txt", "one\n");
    (project, hold)
}

fn quiet(project: &Project, args: &[&str]) -> Command {
    let mut command = project.command(args);
    command.stderr(Stdio::null());
    command
}

#[test]
fn after_kill_9_only_what_was_running_runs_again() {
    let (project, mut hold) = slow_project();
    let mut child = hold.start(quiet(&project, &["last", "-j4"]));
    assert!(hold.wait_for(&mut child));
    child.kill().unwrap();
    child.wait().unwrap();
    hold.let_go();
    assert_eq!(
        project.read("out/slow.txt"),
        "half\none\n",
        "the orphan went on to its end"
    );
    assert_eq!(project.ran(&["last"]), set(["slow", "last"]));
    assert_eq!(project.read("out/last.txt"), "half\none\none\n");
    assert_eq!(project.ran(&["last"]), set([]));
}

#[test]
fn what_a_killed_command_left_is_not_taken_for_an_output() {
    let (project, mut hold) = slow_project();
    hold.open();
    project.ran(&["last"]);
    project.write("in.txt", "two\n");
    hold.close();
    let mut child = hold.start(quiet(&project, &["last"]));
    assert!(hold.wait_for(&mut child));
    child.kill().unwrap();
    child.wait().unwrap();
    hold.let_go();
    assert!(project.exists("gen/two.txt"));
    // Back to what was there before: the cache has it, and the stray file must not count.
    project.write("in.txt", "one\n");
    assert_eq!(project.ran(&["last"]), set([]));
    assert!(
        !project.exists("gen/two.txt"),
        "it would be matched by gen/*.txt"
    );
    assert_eq!(project.read("out/last.txt"), "half\none\none\n");
}

#[test]
fn a_failed_command_leaves_nothing_that_its_pattern_matches() {
    let project = Project::new(
        "build gen {\n  inputs = \"in.txt\"\n  outputs = \"gen/*.txt\"\n  run:\n    for w in $(cat $inputs); do test $w != bad; echo $w > gen/$w.txt; done\n}\n\
         build all {\n  inputs = \"gen/*.txt\"\n  outputs = \"all.txt\"\n  run: cat $inputs > $out\n}\n",
    );
    project.write("in.txt", "a b");
    project.ran(&["all"]);
    project.write("in.txt", "c bad");
    assert_eq!(project.run(&["all"]).status, 1);
    project.write("in.txt", "d");
    project.ran(&["all"]);
    assert_eq!(project.read("all.txt"), "d\n");
    assert_eq!(fs::read_dir(project.path("gen")).unwrap().count(), 1);
    // What somebody adds after the failure is theirs.
    project.write("in.txt", "bad");
    assert_eq!(project.run(&["all"]).status, 1);
    project.write("gen/mine.txt", "mine\n");
    project.write("in.txt", "e");
    project.ran(&["all"]);
    assert_eq!(project.read("gen/mine.txt"), "mine\n");
}

#[test]
fn a_pattern_that_comes_back_finds_nothing_stale() {
    let gofile = "build gen {\n  inputs = \"in.txt\"\n  outputs = \"a/*.txt\"\n  run: for w in $(cat $inputs); do echo $w >> a/$w.txt; done\n}\n";
    let project = Project::new(gofile);
    project.write("in.txt", "one two");
    project.ran(&[]);
    project.write("Gofile", gofile.replace("a/", "b/"));
    project.ran(&[]);
    project.write("Gofile", gofile).write("in.txt", "two three");
    project.ran(&[]);
    let names = fs::read_dir(project.path("a")).unwrap().count();
    assert_eq!((names, project.read("a/two.txt").as_str()), (2, "two\n"));
}

#[test]
fn a_renamed_target_finds_the_tree_that_it_made() {
    let gofile =
        "build tree {\n  inputs = \"in.txt\"\n  outputs = \"out/\"\n  run: cp $inputs $out\n}\n";
    let project = Project::new(gofile);
    project.write("in.txt", "a");
    project.ran(&[]);
    project
        .write("Gofile", gofile.replace("build tree", "build forest"))
        .write("in.txt", "b");
    assert_eq!(project.ran(&[]), set(["forest"]));
    assert_eq!(project.read("out/in.txt"), "b");
}

/// Four targets in a row, one of them with a tree.
fn chain_of_four() -> Project {
    let project = Project::new(
        "build a {\n  inputs = \"in.txt\"\n  outputs = \"out/a\"\n  run: cat $inputs > $out\n}\n\
         build b {\n  inputs = a\n  outputs = \"out/b/\"\n  run: cp $inputs $out/copy; ln -s copy $out/link\n}\n\
         build c {\n  inputs = \"out/b/copy\"\n  outputs = \"out/c\"\n  run: cat $inputs $inputs > $out; chmod +x $out\n}\n\
         test d {\n  inputs = c\n  run: grep -q hello $inputs\n}\n",
    );
    project.write("in.txt", "hello\n");
    assert_eq!(project.ran(&["d"]).len(), 4);
    project
}

/// Damages one state file in many ways; every time nothing runs, since the cache has all.
fn survives_damage(name: &str) {
    let project = chain_of_four();
    let right = found(&project.path("out"));
    let path = project.path(Path::new(".gomake").join(name));
    let whole = fs::read(&path).unwrap();
    assert!(whole.len() > 8, "there is something to damage");
    let step = (whole.len() / 12).max(1);
    for at in (0..whole.len()).step_by(step) {
        let mut flipped = whole.clone();
        flipped[at] ^= 0x10;
        let mut noisy = whole[..at].to_vec();
        noisy.extend([0xff; 40]);
        for bytes in [&whole[..at], &flipped, &noisy] {
            fs::write(&path, bytes).unwrap();
            assert_eq!(project.ran(&["d"]), set([]), "{name} damaged at {at}");
            assert_eq!(found(&project.path("out")), right, "{name} damaged at {at}");
        }
    }
    // And without the cache all of it is made again, where the record is lost.
    fs::write(&path, &whole[..whole.len() / 2]).unwrap();
    fs::remove_dir_all(project.cache()).unwrap();
    fs::remove_dir_all(project.path("out")).unwrap();
    project.ran(&["d"]);
    assert_eq!(found(&project.path("out")), right);
}

#[test]
fn a_torn_journal_costs_no_run() {
    survives_damage("journal");
}
#[test]
fn torn_facts_cost_no_run() {
    survives_damage("facts");
}

#[test]
fn a_torn_cache_gives_no_torn_output() {
    let project = chain_of_four();
    let right = found(&project.path("out"));
    let mut blobs = Vec::new();
    files_below(&project.cache(), &mut blobs);
    for path in blobs
        .iter()
        .filter(|path| path.metadata().is_ok_and(|meta| meta.len() > 0))
    {
        let bytes = fs::read(path).unwrap();
        for damaged in [
            &bytes[..bytes.len() - 1],
            &[bytes.as_slice(), b"x"].concat(),
            &vec![0; bytes.len()],
        ] {
            fs::write(path, damaged).unwrap();
            fs::remove_dir_all(project.path("out")).unwrap();
            let run = project.run(&["d"]);
            assert_eq!(run.status, 0, "{} damaged: {run}", path.display());
            assert_eq!(
                found(&project.path("out")),
                right,
                "{} damaged: {run}",
                path.display()
            );
        }
    }
}

fn files_below(dir: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files_below(&path, files);
        } else {
            files.push(path);
        }
    }
}

/// A small file system of its own at a directory, unmounted when dropped.
pub struct SmallDisk(PathBuf);

impl SmallDisk {
    /// None, and a line that says so, where mounting is not allowed; in CI that is a failure.
    pub fn at(dir: &Path, options: &str) -> Option<Self> {
        let in_ci = std::env::var_os("CI").is_some_and(|value| value != OsStr::new("false"));
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", options, "tmpfs"])
            .arg(dir)
            .output();
        let mounted = mounted.is_ok_and(|out| out.status.success());
        assert!(
            mounted || !in_ci,
            "a tmpfs cannot be mounted, and CI must be able to"
        );
        if !mounted {
            eprintln!("skipped: mounting a tmpfs needs root");
        }
        mounted.then(|| Self(dir.to_owned()))
    }
    pub fn remount(&self, options: &str) {
        let options = format!("remount,{options}");
        assert!(
            Command::new("mount")
                .args(["-o", &options])
                .arg(&self.0)
                .status()
                .unwrap()
                .success()
        );
    }
    /// Takes all space that is left.
    pub fn fill(&self) -> PathBuf {
        let path = self.0.join("filler");
        let mut file = fs::File::create(&path).unwrap();
        while std::io::Write::write_all(&mut file, &[0; 512]).is_ok() {}
        path
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

const LARGE: &str = "build large {\n  inputs = \"in.txt\"\n  outputs = [\"small.bin\", \"large.bin\"]\n  run:\n    \
                     cat $inputs > small.bin\n    i=0; while test $i -lt 2000; do echo \"$i some more bytes that differ $i\"; i=$((i + 1)); done > large.bin\n}\n";

#[test]
fn a_full_disk_under_the_cache_is_a_warning() {
    let project = Project::new(LARGE);
    project.write("in.txt", "x");
    fs::create_dir(project.cache()).unwrap();
    let Some(disk) = SmallDisk::at(&project.cache(), "size=48k") else {
        return;
    };
    let run = project.run(&[]);
    assert_eq!(run.status, 0, "{run}");
    assert!(
        run.err.contains("not stored in the cache") && run.err.contains("No space left"),
        "{run}"
    );
    let right = fs::read(project.path("large.bin")).unwrap();
    assert_eq!(
        project.ran(&[]),
        set([]),
        "it is up to date without the cache"
    );
    disk.remount("size=4m");
    project.remove("large.bin");
    assert_eq!(project.ran(&[]), set(["large"]), "nothing torn was stored");
    project.remove("large.bin");
    assert_eq!(project.ran(&[]), set([]), "now there is room");
    assert_eq!(fs::read(project.path("large.bin")).unwrap(), right);
}

#[test]
fn a_full_disk_under_the_project_loses_nothing_for_good() {
    let project = Project::new("");
    let Some(disk) = SmallDisk::at(&project.root, "size=600k") else {
        return;
    };
    project.write("Gofile", LARGE).write("in.txt", "x");
    project.ran(&[]);
    let right = found(&project.path("large.bin"));
    // No room for the output: the command fails, and says why.
    project.write("in.txt", "yy");
    project.remove("large.bin").remove("small.bin");
    let filler = disk.fill();
    let run = project.run(&[]);
    assert!(run.status == 1 || run.status == 2, "{run}");
    assert!(run.err.contains("No space left"), "{run}");
    fs::remove_file(&filler).unwrap();
    assert_eq!(project.ran(&[]), set(["large"]));
    assert_eq!(found(&project.path("large.bin")), right);
    assert_eq!(project.read("small.bin"), "yy");
    // No room to restore.
    project.write("in.txt", "x");
    project.remove("large.bin").remove("small.bin");
    let filler = disk.fill();
    let run = project.run(&[]);
    assert!(run.status == 1 || run.status == 2, "{run}");
    fs::remove_file(&filler).unwrap();
    let run = project.run(&[]);
    assert_eq!((run.status, run.fate("large")), (0, "restored"), "{run}");
    assert_eq!(found(&project.path("large.bin")), right);
}

#[test]
fn a_full_disk_from_the_start_is_a_clear_error() {
    let project = Project::new("");
    let Some(disk) = SmallDisk::at(&project.root, "size=64k") else {
        return;
    };
    project.write(
        "Gofile",
        "build empty {\n  inputs = []\n  outputs = \"empty.txt\"\n  run: : > $out\n}\n",
    );
    let filler = disk.fill();
    let run = project.run(&[]);
    assert!(
        [0, 1, 2].contains(&run.status) && run.err.contains("No space left"),
        "{run}"
    );
    fs::remove_file(&filler).unwrap();
    assert_eq!(project.run(&[]).status, 0);
    assert_eq!(project.ran(&[]), set([]));
    assert_eq!(project.read("empty.txt"), "");
}

#[test]
fn a_read_only_cache_still_gives_and_takes_nothing() {
    let project = chain_of_four();
    let right = found(&project.path("out"));
    let copy = project.path("../copy");
    assert!(
        Command::new("cp")
            .args(["-a"])
            .arg(project.cache())
            .arg(&copy)
            .status()
            .unwrap()
            .success()
    );
    let Some(disk) = SmallDisk::at(&project.cache(), "size=4m") else {
        return;
    };
    let fill = Command::new("cp")
        .arg("-a")
        .arg(copy.join("."))
        .arg(project.cache())
        .status()
        .unwrap();
    assert!(fill.success());
    disk.remount("ro");
    fs::remove_dir_all(project.path("out")).unwrap();
    let run = project.run(&["d"]);
    assert_eq!(run.status, 0, "{run}");
    assert_eq!(found(&project.path("out")), right);
    assert_eq!(
        run.targets(&["ran", "unchanged"]),
        set([]),
        "what it holds can be had: {run}"
    );
    project.write("in.txt", "hello again\n");
    let run = project.run(&["d"]);
    assert_eq!(run.status, 0, "{run}");
    assert!(run.err.contains("Read-only file system"), "{run}");
    assert_eq!(project.read("out/c"), "hello again\nhello again\n");
    assert_eq!(project.ran(&["d"]), set([]));
}

#[test]
fn a_cache_that_is_a_file_is_done_without() {
    let project = Project::new(LARGE);
    project.write("in.txt", "x");
    fs::write(project.cache(), "a file").unwrap();
    let run = project.run(&[]);
    assert_eq!(run.status, 0, "{run}");
    assert!(run.err.contains("without the cache"), "{run}");
    assert_eq!(project.ran(&[]), set([]));
    assert_eq!(fs::read_to_string(project.cache()).unwrap(), "a file");
}

#[test]
fn state_that_is_a_file_or_link_is_refused() {
    let project = Project::new(LARGE);
    project.write("in.txt", "x").write(".gomake", "a file");
    let refused =
        |run: &Run| run.status == 2 && run.err.contains(".gomake") && run.err.contains("directory");
    let run = project.run(&[]);
    assert!(refused(&run), "{run}");
    assert_eq!(project.read(".gomake"), "a file");
    project.remove(".gomake");
    fs::create_dir(project.path("elsewhere")).unwrap();
    std::os::unix::fs::symlink("elsewhere", project.path(".gomake")).unwrap();
    let run = project.run(&[]);
    assert!(refused(&run), "{run}");
    assert_eq!(fs::read_dir(project.path("elsewhere")).unwrap().count(), 0);
}

#[test]
fn an_output_turned_into_a_directory() {
    let project = chain_of_four();
    project.remove("out/c");
    fs::create_dir(project.path("out/c")).unwrap();
    let run = project.run(&["d"]);
    assert_eq!(
        (run.status, run.fate("c")),
        (0, "restored"),
        "an empty one is nothing to lose: {run}"
    );
    project.remove("out/c").write("out/c/precious.txt", "mine");
    let run = project.run(&["d"]);
    assert_eq!(run.status, 1, "{run}");
    assert!(
        run.err.contains("out/c") && run.err.contains("directory"),
        "{run}"
    );
    assert_eq!(project.read("out/c/precious.txt"), "mine");
    project.remove("out/c");
    assert_eq!(project.ran(&["d"]), set([]));
    // Its parent became a file.
    project.remove("out").write("out", "a file");
    let run = project.run(&["d"]);
    assert_eq!(run.status, 1, "{run}");
    assert!(run.err.contains("out"), "{run}");
    assert_eq!(project.read("out"), "a file");
    project.remove("out");
    assert_eq!(project.ran(&["d"]), set([]));
}

#[test]
fn the_second_gomake_waits_says_so_and_runs_nothing() {
    let (project, mut hold) = slow_project();
    let mut first = hold.start(quiet(&project, &["last"]));
    assert!(hold.wait_for(&mut first));
    let mut second = project
        .command(&["-v", "--output", "plain", "last"])
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut err = BufReader::new(second.stderr.take().unwrap());
    let mut line = String::new();
    err.read_line(&mut line).unwrap();
    let holder = format!("process {} (gomake last)", first.id());
    assert!(line.contains("waiting") && line.contains(&holder), "{line}");
    assert!(second.try_wait().unwrap().is_none(), "it waits");
    hold.let_go();
    assert!(first.wait().unwrap().success());
    let mut rest = String::new();
    err.read_to_string(&mut rest).unwrap();
    assert!(second.wait().unwrap().success(), "{rest}");
    assert!(rest.contains("0 ran, 3 up to date"), "{rest}");
    assert_eq!(project.read("out/last.txt"), "half\none\none\n");
}

#[test]
fn a_chain_of_a_thousand() {
    const DEPTH: usize = 1000;
    let mut gofile = String::from(
        "build c0 {\n  inputs = \"in.txt\"\n  outputs = \"out/0\"\n  run: cat $inputs > $out\n}\n",
    );
    for i in 1..DEPTH {
        gofile.push_str(&format!("build c{i} {{\n  inputs = c{}\n  outputs = \"out/{i}\"\n  run: cat $inputs > $out\n}}\n", i - 1));
    }
    let project = Project::new(&gofile);
    project.write("in.txt", "deep\n");
    let last = format!("c{}", DEPTH - 1);
    assert_eq!(project.ran(&[&last]).len(), DEPTH);
    assert_eq!(project.read(format!("out/{}", DEPTH - 1)), "deep\n");
    assert_eq!(project.ran(&[&last]), set([]));
    project.remove("out/500");
    let run = project.run(&[&last]);
    assert_eq!(
        run.targets(&["ran", "unchanged"]),
        set([]),
        "one comes back from the cache"
    );
    assert_eq!(run.targets(&["restored"]), set(["c500"]));
}

#[test]
fn a_clock_that_was_set_back_hides_no_edit() {
    let project = chain_of_four();
    let ages = [
        Duration::ZERO,
        Duration::from_secs(1),
        Duration::from_secs(1 << 32),
    ];
    for (i, since_1970) in ages.into_iter().enumerate() {
        project.write("in.txt", format!("hello {i}\n"));
        let file = fs::File::options()
            .append(true)
            .open(project.path("in.txt"))
            .unwrap();
        file.set_modified(SystemTime::UNIX_EPOCH + since_1970)
            .unwrap();
        project.ran(&["d"]);
        assert_eq!(project.read("out/a"), format!("hello {i}\n"));
        assert_eq!(project.ran(&["d"]), set([]));
    }
}

#[test]
fn a_source_that_a_script_edits_while_it_runs_does_not_count() {
    let project = Project::new(
        "build a {\n  inputs = \"in.txt\"\n  outputs = \"a.txt\"\n  run:\n    cat $inputs > $out\n    if test $(wc -l < in.txt) -lt 3; then echo more >> in.txt; fi\n}\n",
    );
    project.write("in.txt", "one\n");
    for lines in 1..=2 {
        let run = project.run(&[]);
        assert_eq!(run.status, 0, "{run}");
        assert!(
            run.err.contains("in.txt changed while the command ran"),
            "{run}"
        );
        assert_eq!(project.read("a.txt").lines().count(), lines);
    }
    assert_eq!(project.ran(&[]), set(["a"]));
    assert_eq!(project.read("a.txt"), "one\nmore\nmore\n");
    assert_eq!(project.ran(&[]), set([]));
}

#[test]
fn a_header_that_was_made_a_moment_ago_is_not_taken_for_an_edit() {
    let project = Project::new(
        "build header {\n  inputs = \"in.txt\"\n  outputs = [\"gen/a.h\", \"tree/\"]\n  run:\n    cat $inputs > gen/a.h\n    cat $inputs > tree/b.h\n}\n\
         build object {\n  inputs = []\n  needs = header\n  outputs = \"a.o\"\n  depfile = \"a.d\"\n  run:\n    cat gen/a.h tree/b.h > $out\n    echo 'a.o: gen/a.h tree/b.h' > $depfile\n}\n",
    );
    for i in 0..20 {
        project.write("in.txt", format!("{i}\n"));
        let run = project.run(&["object"]);
        assert_eq!(run.status, 0, "{run}");
        assert!(!run.err.contains("changed while"), "{run}");
        assert_eq!(project.ran(&["object"]), set([]));
    }
}

/// Reads its inputs from `$inputs_file`.
const BY_FILE: &str = "build a {\n  inputs = \"in/*\"\n  outputs = \"a.txt\"\n  run:\n    while IFS= read -r f; do cat \"./$f\"; done < \"$inputs_file\" > $out\n}\n";

#[test]
fn names_with_blanks_and_quotes_work_by_file_and_are_an_error_joined() {
    let project = Project::new(BY_FILE);
    let names = [
        "a b", "c'd", "e\"f", "g$h", "i*j", "k\\l", "-m", "größe", " n ", "tab\tx", "#o", "~p",
    ];
    for name in names {
        project.write(format!("in/{name}"), format!("{name}\n"));
    }
    project.ran(&[]);
    let mut sorted = names;
    sorted.sort_unstable();
    assert_eq!(project.read("a.txt").lines().collect::<Vec<_>>(), sorted);
    project.write("in/a b", "changed\n");
    assert_eq!(project.ran(&[]), set(["a"]));
    project.write(
        "Gofile",
        "build a {\n  inputs = \"in/*\"\n  outputs = \"a.txt\"\n  run: cat $inputs > $out\n}\n",
    );
    let run = project.run(&[]);
    assert_eq!(run.status, 2, "{run}");
    assert!(
        run.err.contains("joined") && run.err.contains("inputs_file"),
        "{run}"
    );
    project.write("Gofile", "build a {\n  inputs = \"in/*\"\n  outputs = \"list.txt\"\n  run = [\"tar\", \"-cf\", \"list.txt\", \"--\", inputs]\n}\n");
    project.ran(&[]);
    let listed = Command::new("tar")
        .args(["-tf", "list.txt", "--quoting-style=literal"])
        .current_dir(&project.root)
        .output()
        .unwrap();
    assert_eq!(
        String::from_utf8(listed.stdout).unwrap().lines().count(),
        names.len()
    );
}

#[test]
fn names_with_a_newline_or_foreign_bytes_work_or_are_a_clear_error() {
    for name in [&b"new\nline"[..], b"not \xff utf-8"] {
        let project = Project::new(BY_FILE);
        project
            .write("in/plain", "plain\n")
            .write(Path::new("in").join(OsStr::from_bytes(name)), "odd\n");
        let run = project.run(&[]);
        let shown = String::from_utf8_lossy(name).replace('\n', "\\n");
        let (start, _) = shown.split_once(['\\', ' ']).unwrap();
        match run.status {
            0 => assert_eq!(
                project.read("a.txt").lines().count(),
                2,
                "it passed a file over: {run}"
            ),
            1 | 2 => assert!(
                run.err.contains(start) && !run.err.contains("panicked"),
                "{run}"
            ),
            _ => panic!("{run}"),
        }
    }
}

#[test]
fn outputs_and_projects_with_odd_names_work() {
    let project = Project::new(
        "build tree {\n  inputs = []\n  outputs = \"out/a b's/\"\n  run:\n    printf 'x\\n' > \"$out/new\n    line\"\n    printf 'y\\n' > \"$out/$(printf '\\377')\"\n}\n\
         build file {\n  inputs = [tree, \"src/[[]x].txt\"]\n  outputs = \"out/x \\\"y\\\" \\$z.txt\"\n  run: cat src/*x* > \"$out\"\n}\n",
    );
    project.write("src/[x].txt", "found\n");
    project.ran(&["file"]);
    let tree = |project: &Project| {
        let mut names: Vec<_> = fs::read_dir(project.path("out/a b's"))
            .unwrap()
            .map(|entry| entry.unwrap().file_name())
            .collect();
        names.sort();
        names
    };
    let right = tree(&project);
    assert_eq!(right.len(), 2);
    assert_eq!(project.read("out/x \"y\" $z.txt"), "found\n");
    project.remove("out");
    assert_eq!(project.ran(&["file"]), set([]), "all of it comes back");
    assert_eq!(tree(&project), right);
    assert_eq!(project.read("out/x \"y\" $z.txt"), "found\n");
}

#[test]
fn a_project_in_a_directory_with_an_odd_name() {
    let project = Project::new("");
    for name in [&b"a b'c\"d$e"[..], b"new\nline", b"not \xff utf-8"] {
        let dir = project.path(OsStr::from_bytes(name));
        fs::create_dir(&dir).unwrap();
        fs::write(dir.join("Gofile"), LARGE).unwrap();
        fs::write(dir.join("in.txt"), "x").unwrap();
        for ran in ["1 ran", "0 ran"] {
            let mut command = project.command(&["--output", "plain"]);
            let run = Run::read(
                command
                    .current_dir(&dir)
                    .env("GOMAKE_CACHE_DIR", "cache")
                    .output()
                    .unwrap(),
            );
            assert_eq!(run.status, 0, "{run}");
            assert!(run.err.contains(ran), "{run}");
        }
        assert_eq!(fs::read(dir.join("small.bin")).unwrap(), b"x");
    }
}
