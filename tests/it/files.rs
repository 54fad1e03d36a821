//! Odd names, links and trees: what is on disk need not be what one would like.

use crate::harness::{Project, has, set};
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;

/// Joins what matches `in/*` by the names in `$inputs_file`.
const BY_FILE: &str = "build a {\n  inputs = \"in/*\"\n  outputs = \"a.txt\"\n  run: while IFS= read -r name; do cat \"$name\"; done < $inputs_file > $out\n}\n";

#[test]
fn names_may_hold_blanks_quotes_dollars_and_letters_of_any_language() {
    let project = Project::new(BY_FILE);
    for name in [
        "a b",
        "c'd",
        "e\"f",
        "g$HOME",
        "h`i`",
        "j;k",
        "lä ö",
        "名前",
        "-rf",
        "m\\n",
        "[x]",
        "*",
        "#hash",
        "tab\there",
    ] {
        project.write(format!("in/{name}"), format!("{name}\n"));
    }
    assert_eq!(project.ran(&["a"]), set(["a"]));
    assert_eq!(project.read("a.txt").lines().count(), 14);
    assert_eq!(project.ran(&["a"]), set([]));
    project.write("in/e\"f", "changed\n");
    assert_eq!(project.ran(&["a"]), set(["a"]));
    let clone = project.clone_fresh(&["a.txt"]);
    assert_eq!(clone.ran(&["a"]), set([]));
}

#[test]
fn a_name_with_a_newline_or_that_is_no_text_is_a_clear_error_or_works() {
    for name in [&b"new\nline"[..], b"latin\xe9"] {
        let project = Project::new(
            "build a {\n  inputs = \"in/*\"\n  outputs = \"a.txt\"\n  run: cat in/* > $out\n}\n",
        );
        project.write("in/plain", "plain\n");
        project.write(
            std::path::Path::new("in").join(OsStr::from_bytes(name)),
            "odd\n",
        );
        let run = project.run(&["a"]);
        match run.status {
            0 => {
                project.write(
                    std::path::Path::new("in").join(OsStr::from_bytes(name)),
                    "other\n",
                );
                assert_eq!(
                    project.ran(&["a"]),
                    set(["a"]),
                    "it was not counted: {name:?}"
                );
                assert_eq!(project.ran(&["a"]), set([]));
            }
            1 | 2 => assert!(run.err.contains("in/"), "{run}"),
            _ => panic!("{run}"),
        }
        assert!(!run.err.contains("panicked"), "{run}");
    }
}

#[test]
fn outputs_do_not_go_through_a_link_out_of_the_project() {
    let project = Project::new(
        "build a {\n  inputs = \"in.txt\"\n  outputs = \"out/a.txt\"\n  run: cat in.txt > $out\n}\n",
    );
    project.write("in.txt", "x\n");
    project.ran(&["a"]);
    let outside = project.root.parent().expect("a parent").join("outside");
    std::fs::create_dir(&outside).expect("a directory");
    project.remove("out");
    symlink(&outside, project.path("out")).expect("a link");
    // Neither from the cache nor by running.
    for _ in 0..2 {
        let run = project.run(&["a"]);
        assert_eq!(run.status, 1, "{run}");
        assert!(run.err.contains("out"), "{run}");
        assert!(!outside.join("a.txt").exists(), "{run}");
        project.write("in.txt", "y\n");
    }
}

#[test]
fn a_link_within_the_project_may_lead_to_outputs() {
    let project = Project::new(
        "build a {\n  inputs = []\n  outputs = \"out/a.txt\"\n  run: echo x > $out\n}\n",
    );
    project.write("real/keep", "");
    symlink("real", project.path("out")).expect("a link");
    let run = project.run(&["a"]);
    assert_eq!(run.status, 0, "{run}");
    assert_eq!(project.read("real/a.txt"), "x\n");
    assert_eq!(project.ran(&["a"]), set([]));
}

#[test]
fn a_tree_comes_back_with_its_links_empty_directories_and_modes() {
    let project = Project::new(
        "build t {\n  inputs = \"in.txt\"\n  outputs = \"tree/\"\n  run:\n    cd tree\n    mkdir -p empty deep/er\n    cat ../in.txt > deep/er/file\n    ln -s deep/er/file link\n    ln -s nowhere dangling\n    echo '#!/bin/sh' > tool\n    chmod +x tool\n}\n",
    );
    project.write("in.txt", "one\n");
    assert_eq!(project.ran(&["t"]), set(["t"]));
    assert_eq!(project.ran(&["t"]), set([]));
    project.write("in.txt", "two\n");
    assert_eq!(project.ran(&["t"]), set(["t"]));
    project.write("in.txt", "one\n");
    let run = project.run(&["t"]);
    assert_eq!(run.fate("t"), "restored", "{run}");
    assert_eq!(project.read("tree/link"), "one\n");
    assert!(project.path("tree/link").is_symlink() && project.path("tree/dangling").is_symlink());
    assert!(project.path("tree/empty").is_dir());
    let mode = std::os::unix::fs::PermissionsExt::mode(
        &project
            .path("tree/tool")
            .metadata()
            .expect("it is back")
            .permissions(),
    );
    assert_eq!(mode & 0o111, 0o111);
    assert_eq!(project.ran(&["t"]), set([]));
    project.remove("tree/empty");
    assert_ne!(
        project.run(&["t"]).fate("t"),
        "up to date",
        "a directory is missing"
    );
}

#[test]
fn an_output_that_became_a_directory_is_told() {
    let project = Project::new(
        "build a {\n  inputs = \"in.txt\"\n  outputs = \"a.txt\"\n  run: cat in.txt > $out\n}\n",
    );
    project.write("in.txt", "x\n");
    project.ran(&["a"]);
    project
        .remove("a.txt")
        .write("a.txt/precious", "work of years");
    let run = project.run(&["a"]);
    assert_eq!((run.status, run.fate("a")), (1, "failed"), "{run}");
    assert_eq!(project.read("a.txt/precious"), "work of years");
    project.remove("a.txt");
    let run = project.run(&["a"]);
    assert_eq!((run.status, run.fate("a")), (0, "restored"), "{run}");
}

#[test]
fn an_output_that_is_a_link_stays_one() {
    let project = Project::new(
        "build a {\n  inputs = \"in.txt\"\n  outputs = \"current\"\n  run: ln -s \"$(cat in.txt)\" $out\n}\nbuild b {\n  inputs = a\n  outputs = \"b.txt\"\n  run: cat current > $out\n}\n",
    );
    project
        .write("in.txt", "v1")
        .write("v1", "one\n")
        .write("v2", "two\n");
    assert_eq!(project.ran(&["b"]), set(["a", "b"]));
    assert_eq!(project.ran(&["b"]), set([]));
    project.write("in.txt", "v2");
    assert_eq!(project.ran(&["b"]), set(["a", "b"]));
    assert_eq!(project.read("b.txt"), "two\n");
    project.write("in.txt", "v1");
    let run = project.run(&["b"]);
    assert_eq!(run.status, 0, "{run}");
    assert!(project.path("current").is_symlink());
    assert_eq!(project.read("b.txt"), "one\n");
}

#[test]
fn an_input_that_is_gone_is_an_error_that_names_it() {
    let project = Project::new(
        "build a {\n  inputs = [\"in.txt\", \"more.txt\"]\n  outputs = \"a.txt\"\n  run: cat $inputs > $out\n}\n",
    );
    project.write("in.txt", "x\n").write("more.txt", "y\n");
    project.ran(&["a"]);
    project.remove("more.txt");
    let run = project.run(&["a"]);
    assert_eq!(run.status, 2, "{run}");
    assert!(
        run.err.contains("more.txt") && run.err.contains("Gofile:2:"),
        "{run}"
    );
}

#[test]
fn a_gofile_with_other_line_ends_means_the_same() {
    let text = "build a {\n  inputs = []\n  outputs = \"a.txt\"\n  run:\n    echo one > $out\n    echo two >> $out\n}\n";
    let project = Project::new(text);
    assert_eq!(project.ran(&["a"]), set(["a"]));
    project.write("Gofile", format!("\u{feff}{}", text.replace('\n', "\r\n")));
    assert_eq!(project.ran(&["a"]), set([]));
    project.remove("a.txt").remove(".gomake");
    let run = project.run(&["-B", "a"]);
    assert_eq!(run.status, 0, "{run}");
    assert_eq!(project.read("a.txt"), "one\ntwo\n");
}

#[test]
fn a_project_may_lie_in_a_directory_with_an_odd_name() {
    let project = Project::new("task t {\n  run: true\n}\n");
    let odd = "od d'$x\"/in ner";
    project
        .write(format!("{odd}/Gofile"), BY_FILE)
        .write(format!("{odd}/in/x"), "x\n");
    let run = project.run(&["-C", odd, "a"]);
    assert_eq!((run.status, run.fate("a")), (0, "ran"), "{run}");
    assert_eq!(project.read(format!("{odd}/a.txt")), "x\n");
}

#[test]
fn a_read_only_project_says_so() {
    if !has("id") || rustix::process::geteuid().is_root() {
        return;
    }
    let project = Project::new("task t {\n  run: true\n}\n");
    let mode = |mode| {
        std::fs::set_permissions(
            &project.root,
            std::os::unix::fs::PermissionsExt::from_mode(mode),
        )
    };
    mode(0o555).expect("ours");
    let run = project.run(&["t"]);
    mode(0o755).expect("ours");
    assert_eq!(run.status, 2, "{run}");
    assert!(run.err.contains(".gomake"), "{run}");
}

#[test]
fn two_targets_with_one_output_are_an_error() {
    let project = Project::new(
        "build a for n in [\"1\", \"2\"] {\n  inputs = []\n  outputs = \"same.txt\"\n  run: echo $n > $out\n}\nbuild t {\n  inputs = []\n  outputs = \"tree/\"\n  run: true\n}\nbuild f {\n  inputs = []\n  outputs = \"tree/f\"\n  run: true\n}\n",
    );
    let run = project.run(&["a"]);
    assert_eq!(run.status, 2, "{run}");
    assert!(
        run.err.contains("same.txt") && run.err.contains("tree/"),
        "{run}"
    );
}
