use super::*;

fn platform() -> Platform {
    Platform {
        os: "linux".to_owned(),
        arch: "amd64".to_owned(),
        cgo: false,
        tags: vec!["mine".to_owned(), "goexperiment.boringcrypto".to_owned()],
        go_minor: 24,
    }
}

fn holds(line: &str) -> bool {
    constraints_match(&[line.to_owned()], &platform())
}

#[test]
fn the_lists_are_sorted_and_what_is_unix_is_known() {
    assert!(KNOWN_OS.is_sorted() && KNOWN_ARCH.is_sorted() && UNIX_OS.is_sorted());
    assert!(UNIX_OS.iter().all(|os| KNOWN_OS.contains(os)));
}

#[test]
fn tags_hold_for_their_platform() {
    let platform = platform();
    for tag in [
        "linux",
        "amd64",
        "unix",
        "gc",
        "mine",
        "go1.1",
        "go1.24",
        "boringcrypto",
    ] {
        assert!(platform.has(tag), "{tag}");
    }
    for tag in [
        "cgo", "windows", "gccgo", "go1.25", "go1.0", "go1.024", "go1", "ignore", "",
    ] {
        assert!(!platform.has(tag), "{tag}");
    }
    let android = Platform {
        os: "android".to_owned(),
        ..platform
    };
    assert!(android.has("linux") && android.has("android") && android.has("unix"));
}

#[test]
fn expressions_are_read_as_go_reads_them() {
    for line in [
        "//go:build linux",
        "//go:build linux && !arm",
        "//go:build windows || linux && amd64",
        "//go:build !(windows || arm)&&mine",
        "//go:build !windows",
        "//go:build\tlinux",
        "//go:build ((linux))",
        "// +build linux",
        "//+build windows linux,!arm",
        "// +build !windows,amd64",
        "// +build !go1.99",
    ] {
        assert!(holds(line), "{line}");
    }
    for line in [
        "//go:build windows",
        "//go:build linux && windows || arm",
        "//go:build",
        "//go:build !!linux",
        "//go:build linux amd64",
        "//go:build (linux",
        "//go:build linux)",
        "//go:build linux &",
        "//go:build linux & amd64",
        "//go:build linux ||",
        "//go:build a-b || linux",
        "// +build",
        "// +build windows arm",
        "// +build !!linux",
        "// +build linux,!",
        "// +build a-b",
    ] {
        assert!(!holds(line), "{line}");
    }
}

#[test]
fn there_are_limits() {
    let nested = |depth| format!("//go:build {}linux{}", "(".repeat(depth), ")".repeat(depth));
    assert!(holds(&nested(999)));
    assert!(!holds(&nested(1000)));
    assert!(!holds(&nested(1_000_000)));
    let long = |words: usize| format!("// +build {}", "windows ".repeat(words));
    assert!(!holds(&long(101)));
    assert!(holds(&long(102)), "Go passes over what is too long");
}

#[test]
fn names_say_what_they_are_for() {
    let platform = platform();
    for name in [
        "linux.go",
        "a_linux.go",
        "a_amd64.go",
        "a_linux_amd64.go",
        "a_linux_amd64_test.go",
        "windows.go",
        "windows_test.go",
        "a_windows_x.go",
        "a_unix.go",
        "a.windows.go",
        "a_test.go",
        "_test.go",
        "a_windows_linux.go",
        "a_arm_x_amd64.s",
    ] {
        assert!(name_matches(name, &platform), "{name}");
    }
    for name in [
        "a_windows.go",
        "a_arm64.go",
        "a_linux_arm64.go",
        "a_windows_amd64.go",
        "a_windows_test.go",
        "_windows.go",
        "a_windows.x.go",
        "a_arm_test.c",
    ] {
        assert!(!name_matches(name, &platform), "{name}");
    }
}

#[test]
fn a_file_is_built_where_all_of_it_allows_that() {
    let platform = platform();
    let header = |text: &str| crate::golang::header::read(text.as_bytes());
    let built = |name: &str, text: &str| matches(name, &header(text), &platform);
    assert!(built("a.go", "package a\n"));
    assert!(!built("a.go", "//go:build ignore\n\npackage a\n"));
    assert!(!built("_a.go", "package a\n"));
    assert!(!built(".a.go", "package a\n"));
    assert!(!built("a.go", "package documentation\n"));
    assert!(!built("a.go", "package a\nimport \"C\"\n"));
    assert!(
        built("a_test.go", "package a\nimport \"C\"\n"),
        "Go complains of it"
    );
    assert!(!built(
        "a.go",
        "//go:build linux\n//go:build mine\n\npackage a\n"
    ));
}

#[test]
fn a_chosen_tag_is_one_that_go_knows_nothing_of() {
    let of = |line: &str| chosen_tag(&[line.to_owned()]).map(str::to_owned);
    assert_eq!(of("//go:build integration").as_deref(), Some("integration"));
    assert_eq!(of("//go:build e2e_slow").as_deref(), Some("e2e_slow"));
    for line in [
        "//go:build linux",
        "//go:build ignore",
        "//go:build !integration",
        "//go:build a && b",
        "//go:build go1.21",
        "//go:build",
        "// +build integration",
    ] {
        assert_eq!(of(line), None, "{line}");
    }
    assert_eq!(chosen_tag(&[]), None);
}
