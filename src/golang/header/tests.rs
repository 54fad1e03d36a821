use super::*;
use proptest::prelude::*;

fn imports(text: &str) -> Vec<String> {
    let header = read(text.as_bytes());
    assert!(!header.is_broken, "{text}\n{header:?}");
    header.imports
}

#[test]
fn a_whole_head_is_read() {
    let text = "\u{feff}// Copyright.\n\n//go:build linux && cgo\n\n// Package a.\npackage a // import \"x/a\"\n\n\
                // #cgo LDFLAGS: -lm\n//   #include <math.h>\nimport \"C\"\n\nimport (\n\t_ \"embed\"\n\t. \"fmt\"\n\tx `os`; \"io\"\n)\n\n\
                //go:embed a.txt \"b c\"\nvar f string\n";
    let header = read(text.as_bytes());
    assert_eq!(
        header,
        Header {
            package: "a".to_owned(),
            imports: ["C", "embed", "fmt", "os", "io"]
                .map(str::to_owned)
                .to_vec(),
            constraints: vec!["//go:build linux && cgo".to_owned()],
            embeds: ["a.txt", "b c"].map(str::to_owned).to_vec(),
            cgo: ["#cgo LDFLAGS: -lm", "  #include <math.h>"]
                .map(str::to_owned)
                .to_vec(),
            is_broken: false,
        }
    );
}

#[test]
fn imports_are_read_in_every_form() {
    assert_eq!(imports("package a"), [""; 0]);
    assert_eq!(imports("package a;import\"b\";import`c`"), ["b", "c"]);
    assert_eq!(
        imports("package a\nimport()\nimport(\"b\")\nfunc f(){}"),
        ["b"]
    );
    assert_eq!(
        imports("package a\nimport \"b\" /* c\n*/ import \"d\"\n"),
        ["b", "d"]
    );
    assert_eq!(
        imports("package a\r\nimport (\r\n\"\\x62\"\r\n)\r\n"),
        ["b"]
    );
    assert_eq!(
        imports("package a\nimport \"b\"\nvar s = `import \"c\"`\n"),
        ["b"]
    );
    assert_eq!(imports("package a\nimport \"\u{e4}\"\n"), ["\u{e4}"]);
}

#[test]
fn what_is_no_go_is_read_as_far_as_it_goes() {
    let broken = |text: &[u8]| {
        let header = read(text);
        assert!(header.is_broken, "{header:?}");
        assert_ne!(
            digest(text),
            digest(&[text, b" "].concat()),
            "all of it counts"
        );
        (header.package, header.imports.join(" "))
    };
    let is = |package: &str, imports: &str| (package.to_owned(), imports.to_owned());
    assert_eq!(broken(b""), is("", ""));
    assert_eq!(broken(b"\x7fELF\0\0"), is("", ""));
    assert_eq!(broken(b"package a\nimport (\n\"b\"\n"), is("a", "b"));
    assert_eq!(broken(b"package a\nimport \"b\"\n/* open"), is("a", "b"));
    assert_eq!(
        broken(b"package a\nimport \"b\"\n// \xff\nfunc f() {}\n"),
        is("a", "b")
    );
    assert_eq!(broken(b"package a\nimport \"b c\"\n"), is("a", ""));
    assert_eq!(broken(b"package a\nimport \"b\"\nx := 1\n"), is("a", "b"));
    assert_eq!(broken(b"package func\n"), is("", ""));
    assert_eq!(broken(b"//line a.go:0\npackage a\n"), is("a", ""));
}

#[test]
fn constraints_stand_above_the_package_clause() {
    let found = |text: &str| read(text.as_bytes()).constraints.join("|");
    assert_eq!(found("//go:build a\npackage p\n"), "//go:build a");
    assert_eq!(
        found("// +build a\npackage p\n"),
        "",
        "no blank line follows"
    );
    assert_eq!(
        found("// +build a\n//+build b\n\n// x\npackage p\n"),
        "// +build a|//+build b"
    );
    assert_eq!(
        found("// +build a\n\n//go:build b\n\npackage p\n"),
        "//go:build b"
    );
    assert_eq!(found("/* x */\n// +build a\n\npackage p\n"), "");
    assert_eq!(
        found("/* x\n//go:build a\n*/\n//go:build b\npackage p\n"),
        "//go:build b"
    );
    assert_eq!(
        found("//go:builder\n//go:build\n\npackage p\n"),
        "//go:build"
    );
    assert_eq!(found("package p\n\n//go:build a\n\n"), "");
    let twice = read(b"//go:build a\n//go:build b\n\npackage p\n");
    assert!(twice.is_broken && twice.constraints.len() == 2);
    assert_eq!(
        found("\u{a0}//go:build a\u{b}\npackage p\n"),
        "//go:build a"
    );
}

#[test]
fn what_is_embedded_is_found_anywhere_but_in_literals() {
    let found =
        |rest: &str| read(format!("package p\nimport _ \"embed\"\n{rest}").as_bytes()).embeds;
    assert_eq!(
        found("//go:embed a  b\t\"c d\" `e`\r\n"),
        ["a", "b", "c d", "e"]
    );
    assert_eq!(found("x := '\"' //go:embed a"), ["a"]);
    assert_eq!(
        found("x := \"//go:embed a\\\"//go:embed b\" + `\n//go:embed c\n`\n"),
        [""; 0]
    );
    assert_eq!(found("/*\n//go:embed a\n*/\n  //go:embed b\n"), ["b"]);
    assert_eq!(
        found("//go:embedded a\n// go:embed b\n//go:embed \"c\n//go:embed \"d\"e\n"),
        [""; 0]
    );
    let without = read(b"package p\nimport \"x\"\n//go:embed a\n");
    assert_eq!(without.embeds, [""; 0]);
}

#[test]
fn a_comment_belongs_to_c_if_it_stands_right_above() {
    let said = |text: &str| read(format!("package p\n{text}").as_bytes()).cgo.join("|");
    assert_eq!(said("/*\n#cgo A: b\n*/\nimport \"C\"\n"), "|#cgo A: b");
    assert_eq!(said("// #cgo A: b\n\nimport \"C\"\n"), "");
    assert_eq!(
        said("// x\n\n// #cgo A: b\n//y\nimport \"C\"\n"),
        "#cgo A: b|y"
    );
    assert_eq!(said("// x\nimport (\n\t\"C\"\n)\n"), "x");
    assert_eq!(said("// x\nimport (\n\t// y\n\t\"C\"\n)\n"), "y");
    assert_eq!(said("// x\nimport (\n\t\"C\"\n\t\"fmt\"\n)\n"), "");
    assert_eq!(said("import ( // x\n\t\"C\"\n)\n"), "");
}

#[test]
fn the_digest_is_of_what_counts() {
    let base = "// Doc.\npackage p\n\nimport (\n\t\"a\"\n)\n\n// f.\nfunc f() { g() }\n";
    let same = |text: &str, changed: &str| digest(text.as_bytes()) == digest(changed.as_bytes());
    assert!(same(base, &base.replace("g()", "h(\"x\")")));
    assert!(same(base, &base.replace("// f.", "// F does.\n")));
    assert!(same(base, &base.replace(")\n\n", ") // ok\n\n\n")));
    assert!(same(base, &format!("\u{feff}{base}")));
    for (from, to) in [
        ("Doc", "Documentation"),
        ("\"a\"", "\"b\""),
        ("package p", "package q"),
        ("\t\"a\"", "\n\t\"a\""),
    ] {
        assert!(!same(base, &base.replace(from, to)), "{from}");
    }
    let embeds = base.replace("\"a\"", "_ \"embed\"") + "//go:embed x\nvar x string\n";
    assert!(same(&embeds, &embeds.replace("g()", "h()\n")));
    assert!(!same(&embeds, &embeds.replace("embed x", "embed y")));
    // What the package wants to be imported as.
    assert!(!same(
        "package p // import \"a\"\n",
        "package p // import \"b\"\n"
    ));
    assert!(!same(
        "//go:debug x=1\npackage p\n",
        "//go:debug x=2\npackage p\n"
    ));
}

#[test]
fn other_languages_have_constraints_only() {
    let text =
        b"// Copyright.\n\n//go:build arm64 || !x\n\n#include \"textflag.h\"\n\nTEXT f(SB)\n";
    assert_eq!(read_other(text).constraints, ["//go:build arm64 || !x"]);
    let other = |from: &str, to: &str| String::from_utf8_lossy(text).replace(from, to).into_bytes();
    assert_eq!(digest_other(text), digest_other(&other("TEXT", "text")));
    assert_eq!(digest_other(text), digest_other(&other("Copyright", "(c)")));
    assert_ne!(digest_other(text), digest_other(&other("!x", "x")));
    assert!(read_other(b"/* open").is_broken && read_other(b"// \0\nx").is_broken);
    assert!(!read_other(b"// \xff\n;\nx").is_broken);
}

/// Heads that end soundly, with the imports that they bring.
fn head() -> impl Strategy<Value = String> {
    let top = prop::sample::select(vec![
        "",
        "// Doc.\n",
        "//go:build linux\n\n",
        "/* x\n*/\n",
        "\u{feff}",
    ]);
    let imports = prop::sample::select(vec![
        "",
        "import \"a\"\n",
        "import (\n\t_ \"embed\"\n\t\"b\"\n)\n",
        "// #cgo A: b\nimport \"C\";import `c`\n",
    ]);
    (top, imports).prop_map(|(top, imports)| format!("{top}package p\n{imports}"))
}

/// Declarations without a `//go:embed` line.
fn body() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "func f() { x := \"//go:embed no\"; _ = '\"' }\n",
        "var s = `\n//go:embed no\n`\n",
        "// A comment: \u{e4} \" ' `\n",
        "/* one\nmore */\n",
        "type t struct{ a int }\n",
        "\n\n",
        "// import \"x\"\n",
        "const c = 1 // \u{feff}\n",
    ]);
    prop::collection::vec(piece, 0..6)
        .prop_map(|pieces| format!("const first = 1\n{}", pieces.concat()))
}

proptest! {
    #[test]
    fn what_stands_behind_the_head_does_not_change_the_digest(
        head in head(), gap in "[ \t\r\n]*(// [a-z/ ]*\n)?(/\\* [a-z\n]*\\*/)?\n?", one in body(), other in body(),
    ) {
        let plain = format!("{head}{one}");
        prop_assert!(!read(plain.as_bytes()).is_broken);
        prop_assert_eq!(digest(plain.as_bytes()), digest(format!("{head}{other}").as_bytes()));
        prop_assert_eq!(digest(plain.as_bytes()), digest(format!("{head}{gap}{one}").as_bytes()));
    }

    #[test]
    fn any_bytes_are_read(bytes in prop::collection::vec(any::<u8>(), 0..200), head in head()) {
        read(&bytes);
        let text = [head.as_bytes(), &bytes].concat();
        let header = read(&text);
        prop_assert_eq!(header.package, "p");
        digest(&text);
        digest_other(&text);
    }
}
