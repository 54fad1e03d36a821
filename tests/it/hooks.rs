//! `--install-hook`: what is written where, and what git then does with it.

use crate::harness::{Project, Run};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

const GOFILE: &str = r#"
task lint {
  inputs = "src/*.txt"
  run: echo lint >> "$LOG"; ! grep -r bad src
}

task docs {
  inputs = "docs/*.txt"
  run: echo docs >> "$LOG"
}
"#;

/// A repository with one commit, whose commands note in a file beside it that they ran.
fn project() -> Project {
    let mut project = Project::new(GOFILE);
    let log = project.root.with_file_name("log");
    project.env("LOG", log.to_str().expect("UTF-8"));
    project
        .write("src/a.txt", "good\n")
        .write("docs/a.txt", "text\n");
    git(&project, &["init", "-q"]);
    git(&project, &["add", "-A"]);
    git(&project, &["commit", "-q", "-m", "first"]);
    project
}

/// What ran since the last time.
fn ran(project: &Project) -> String {
    let log = project.root.with_file_name("log");
    let text = std::fs::read_to_string(&log).unwrap_or_default();
    let _ = std::fs::remove_file(log);
    text
}

/// Git with our gomake on its PATH.
fn try_git(project: &Project, dir: &str, args: &[&str], with_gomake: bool) -> Run {
    let binary = Path::new(env!("CARGO_BIN_EXE_gomake"));
    let own = binary.parent().expect("a directory");
    let path = std::env::var("PATH").expect("a PATH");
    let path = if with_gomake {
        format!("{}:{path}", own.display())
    } else {
        path
    };
    let settings = [
        "-c",
        "user.name=t",
        "-c",
        "user.email=t@example.invalid",
        "-c",
        "init.defaultBranch=main",
    ];
    let output = Command::new("git")
        .args(settings)
        .args(args)
        .current_dir(project.path(dir))
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GOMAKE_CACHE_DIR", project.cache())
        .env("LOG", project.root.with_file_name("log"))
        .env_remove("GOMAKE_RUNNING_IN")
        .env("PATH", path)
        .output()
        .expect("git starts");
    Run::read(output)
}

fn git(project: &Project, args: &[&str]) -> Run {
    let run = try_git(project, ".", args, true);
    assert_eq!(run.status, 0, "git {args:?}: {run}");
    run
}

fn install(project: &Project, args: &[&str]) -> Run {
    let run = project.run_plainly(&[&["--install-hook"], args].concat());
    assert_eq!(run.status, 0, "{run}");
    run
}

#[test]
fn a_commit_runs_what_is_staged_affects() {
    let project = project();
    let run = install(&project, &["pre-commit", "lint", "docs"]);
    assert_eq!(
        run.out,
        "wrote .git/hooks/pre-commit: `git commit` runs `gomake --staged lint docs` from now on\n\
         to be rid of it: rm .git/hooks/pre-commit\n"
    );
    let mode = std::fs::metadata(project.path(".git/hooks/pre-commit")).expect("a hook");
    assert_eq!(mode.permissions().mode() & 0o111, 0o111);
    project
        .write("docs/a.txt", "more\n")
        .write("src/a.txt", "bad\n");
    git(&project, &["add", "docs"]);
    git(&project, &["commit", "-q", "-m", "docs"]);
    assert_eq!(
        ran(&project),
        "docs\n",
        "what is not staged is not looked at"
    );
    let run = try_git(&project, ".", &["commit", "-q", "-a", "-m", "bad"], true);
    assert_ne!(run.status, 0, "the index of `commit -a` counts: {run}");
    assert_eq!(ran(&project), "lint\n");
    git(
        &project,
        &["commit", "-q", "-a", "-m", "bad", "--no-verify"],
    );
    project.write("other", "x\n");
    git(&project, &["add", "-A"]);
    let run = git(&project, &["commit", "-q", "-m", "other"]);
    assert!(
        run.out.contains("nothing is affected by what is staged")
            || run.err.contains("nothing is affected"),
        "{run}"
    );
    assert_eq!(ran(&project), "");
}

#[test]
fn it_is_replaced_but_never_written_over_another() {
    let project = project();
    install(&project, &["pre-commit", "lint"]);
    let run = install(&project, &["pre-commit", "docs", "-k", "--", "a b"]);
    assert!(
        run.out.starts_with("replaced .git/hooks/pre-commit"),
        "{run}"
    );
    let text = project.read(".git/hooks/pre-commit");
    assert!(
        text.contains("exec gomake -k --staged docs -- 'a b'"),
        "{text}"
    );
    project.write(".git/hooks/pre-push", "#!/bin/sh\nexit 0\n");
    let run = project.run_plainly(&["--install-hook", "pre-push", "lint"]);
    assert_eq!(run.status, 2, "{run}");
    for part in [
        "gomake::hook::taken",
        "gomake --affected-by '@{upstream}' lint || exit 1",
    ] {
        assert!(run.err.contains(part), "{part}: {run}");
    }
    assert_eq!(project.read(".git/hooks/pre-push"), "#!/bin/sh\nexit 0\n");
    // A link could lead anywhere.
    project.remove(".git/hooks/pre-push");
    std::os::unix::fs::symlink("pre-commit", project.path(".git/hooks/pre-push")).expect("a link");
    assert_eq!(
        project
            .run_plainly(&["--install-hook", "pre-push", "lint"])
            .status,
        2
    );
}

#[test]
fn words_and_places_are_checked_first() {
    let project = project();
    let run = project.run_plainly(&["--install-hook", "pre-commit", "lnit"]);
    assert_eq!(run.status, 2, "{run}");
    assert!(run.err.contains("did you mean `lint`?"), "{run}");
    assert!(!project.exists(".git/hooks/pre-commit"));
    let outside = project.root.with_file_name("shared");
    std::fs::create_dir(&outside).expect("a directory");
    git(
        &project,
        &["config", "core.hooksPath", outside.to_str().expect("UTF-8")],
    );
    let run = project.run_plainly(&["--install-hook", "pre-commit", "lint"]);
    assert_eq!(run.status, 2, "{run}");
    assert!(run.err.contains("gomake::hook::shared"), "{run}");
    git(&project, &["config", "core.hooksPath", "/dev/null"]);
    let run = project.run_plainly(&["--install-hook", "pre-commit", "lint"]);
    assert!(run.err.contains("gomake::hook::off"), "{run}");
    git(&project, &["config", "core.hooksPath", "my hooks"]);
    install(&project, &["pre-commit", "lint"]);
    assert!(project.exists("my hooks/pre-commit"));
    let bare = Project::new(GOFILE);
    let run = bare.run_plainly(&["--install-hook", "pre-commit", "lint"]);
    assert!(run.err.contains("gomake::git::no_repository"), "{run}");
}

#[test]
fn a_gofile_below_the_top_and_another_worktree() {
    let project = project();
    project.write(
        "deep/it's/My.gofile",
        GOFILE.replace(
            "echo lint",
            "env | { grep '^GIT_DIR\\|^GIT_INDEX' || true; } >> \"$LOG\"; echo deep",
        ),
    );
    project
        .write("deep/it's/src/a.txt", "good\n")
        .write("deep/it's/docs/a.txt", "x\n");
    git(&project, &["add", "-A"]);
    git(&project, &["commit", "-q", "-m", "deep"]);
    install(
        &project,
        &["pre-commit", "-f", "deep/it's/My.gofile", "lint"],
    );
    project.write("deep/it's/src/a.txt", "better\n");
    git(&project, &["commit", "-q", "-a", "-m", "x"]);
    assert_eq!(
        ran(&project),
        "deep\n",
        "git's own variables are not for commands"
    );
    git(&project, &["worktree", "add", "-q", "../tree"]);
    project.write("../tree/deep/it's/src/a.txt", "best\n");
    let run = try_git(
        &project,
        "../tree",
        &["commit", "-q", "-a", "-m", "y"],
        true,
    );
    assert_eq!(run.status, 0, "{run}");
    assert_eq!(ran(&project), "deep\n");
    // A branch from before the Gofile can be committed, and it is said that nothing is checked.
    project.remove("deep");
    let run = git(&project, &["commit", "-q", "-a", "-m", "gone"]);
    assert!(
        run.err
            .contains("pre-commit: the Gofile that this hook is about is not here"),
        "{run}"
    );
}

#[test]
fn a_gomake_that_is_not_found_is_no_pass() {
    let project = project();
    install(&project, &["pre-commit", "lint"]);
    project.write("src/a.txt", "better\n");
    let run = try_git(&project, ".", &["commit", "-q", "-a", "-m", "x"], false);
    if run.status == 0 {
        // Somebody has a gomake installed.
        return;
    }
    assert!(
        run.err.contains("gomake is not on PATH") && run.err.contains("--no-verify"),
        "{run}"
    );
}

#[test]
fn a_push_is_checked_against_what_the_remote_has() {
    let project = project();
    git(&project, &["init", "-q", "--bare", "../remote.git"]);
    git(&project, &["remote", "add", "origin", "../remote.git"]);
    git(&project, &["push", "-q", "origin", "HEAD:main"]);
    install(&project, &["pre-push", "lint", "docs"]);
    let commit = |path: &str, text: &str| {
        project.write(path, text);
        git(&project, &["add", "-A"]);
        git(&project, &["commit", "-q", "-m", "c"]);
    };
    commit("docs/a.txt", "1\n");
    git(&project, &["push", "-q", "origin", "HEAD:main"]);
    assert_eq!(ran(&project), "docs\n");
    // A new branch: since it left what the remote has.
    git(&project, &["checkout", "-q", "-b", "work"]);
    commit("src/a.txt", "better\n");
    git(&project, &["push", "-q", "origin", "work"]);
    assert_eq!(ran(&project), "lint\n");
    git(&project, &["tag", "v1"]);
    git(&project, &["push", "-q", "origin", "v1"]);
    assert_eq!(ran(&project), "", "the remote has that commit");
    // Nothing is left to check of what is deleted, and what is not checked out cannot be.
    git(&project, &["push", "-q", "origin", ":v1"]);
    let run = git(&project, &["push", "-q", "origin", "HEAD~1:refs/heads/old"]);
    assert!(run.err.contains("is not what is checked out"), "{run}");
    assert_eq!(ran(&project), "");
    commit("src/a.txt", "bad\n");
    let run = try_git(&project, ".", &["push", "-q", "origin", "work"], true);
    assert_ne!(run.status, 0, "{run}");
    assert_eq!(ran(&project), "lint\n");
    // A place that has no name here: nothing is known of it, so everything is checked.
    commit("src/a.txt", "good\n");
    git(&project, &["init", "-q", "--bare", "../other.git"]);
    git(&project, &["push", "-q", "../other.git", "HEAD:main"]);
    let all = ran(&project);
    assert!(all == "lint\ndocs\n" || all == "docs\nlint\n", "{all}");
}
