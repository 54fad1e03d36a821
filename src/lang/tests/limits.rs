//! Texts that nobody writes by hand: deep, long, foreign.

use super::{codes, read};
use crate::lang::ast::{ExprKind, Item, Statement, StrPart};
use crate::lang::format::format;
use crate::lang::parse::parse;

/// Test threads have 2 MiB of stack, as a worker's thread has.
#[test]
fn nesting_up_to_the_limit_is_read_and_printed() {
    for (open, close) in [
        ("[", "]"),
        ("(", ")"),
        ("f(", ")"),
        ("{ a = ", "}"),
        ("a[", "]"),
        ("\"${", "}\""),
    ] {
        let text = format!("let x = {}1{}\n", open.repeat(100), close.repeat(100));
        read(&text);
        format(&text).unwrap();
        let text = format!("let x = {}1{}\n", open.repeat(101), close.repeat(101));
        assert_eq!(codes(&text), ["too_deep"], "{open}");
    }
}

#[test]
fn other_ways_to_nest_have_the_same_limit() {
    let conditionals = |n: usize| format!("let x = {}1\n", "if a then b else ".repeat(n));
    read(&conditionals(100));
    assert_eq!(codes(&conditionals(101)), ["too_deep"]);
    let nots = |n: usize| format!("let x = {}a\n", "not ".repeat(n));
    read(&nots(100));
    assert_eq!(codes(&nots(101)), ["too_deep"]);
    let fields = |n: usize| format!("let x = a{}\n", ".b".repeat(n));
    read(&fields(100));
    assert_eq!(codes(&fields(101)), ["too_deep"]);
}

#[test]
fn a_hundred_thousand_levels_do_not_crash() {
    for open in [
        "[",
        "(",
        "f(",
        "{ a = ",
        "a[",
        "\"${",
        "if ",
        "not ",
        "if a then b else ",
        "if a then ",
    ] {
        let found = codes(&format!("let x = {}\n", open.repeat(100_000)));
        assert!(!found.is_empty(), "{open}");
    }
    assert_eq!(
        codes(&format!("let x = a{}\n", ".b".repeat(100_000))),
        ["too_deep"]
    );
    assert_eq!(
        codes(&format!("let x = a{}\n", "[0]".repeat(100_000))),
        ["too_deep"]
    );
}

#[test]
fn conditionals_side_by_side_are_not_nested() {
    read(&format!(
        "let x = [{}]\n",
        "if a then b else c, ".repeat(1000)
    ));
    read(&format!(
        "build x {{\n{}}}\n",
        "  a = if b then c else d\n".repeat(1000)
    ));
    read(&format!("let x = a {}\n", "and not b ".repeat(1000)));
}

#[test]
fn a_long_chain_is_read_printed_and_dropped() {
    let chain =
        |operator: &str, n: usize| format!("let x = a{}\n", format!(" {operator} a").repeat(n));
    read(&chain("+", 100_000));
    for operator in ["+", "and", "or"] {
        let text = chain(operator, 5_000);
        assert_eq!(format(&text).unwrap(), text);
    }
    assert_eq!(codes(&chain("==", 5_000)).len(), 4_999);
}

#[test]
fn a_short_chain_leans_left() {
    assert_eq!(read("let x = a + b + c\n"), read("let x = (a + b) + c\n"));
    assert_ne!(read("let x = a + b + c\n"), read("let x = a + (b + c)\n"));
}

#[test]
fn nothing_and_almost_nothing() {
    for text in [
        "",
        "\n",
        "\r\n\r\n",
        "# only",
        "  \t",
        "\u{feff}",
        "\u{feff}# x\n",
        "   # x\n\n",
    ] {
        assert_eq!(read(text), "", "{text:?}");
    }
    assert_eq!(format("").unwrap(), "");
    assert_eq!(format("\u{feff}\n\n # x").unwrap(), "# x\n");
}

#[test]
fn the_last_line_needs_no_line_end() {
    for text in [
        "let a = 1\n",
        "build x {\n  run: true\n}\n",
        "build x { }\n",
        "gofile 1\n",
        "let a = 1 # x\n",
    ] {
        assert_eq!(read(text), read(text.trim_end()));
    }
}

#[test]
fn foreign_line_ends_and_a_mark_change_nothing_but_places() {
    let text = "## help\nbuild x { # c\n  inputs = [\n    'a',\n  ]\n  run:\n    one\n\n      two \\\n        three\n  env = { A = 1,\n    B = 2 }\n}\nbuild y {\n  run: one \\\n    two\n}\n";
    let foreign = format!("\u{feff}{}", text.replace('\n', "\r\n"));
    assert_eq!(read(&foreign), read(text));
    assert_eq!(format(&foreign).unwrap(), format(text).unwrap());
}

#[test]
fn places_count_bytes_of_the_original_text() {
    let text = "\u{feff}# ü\r\nlet a = 'é'\r\nbuild x {\r\n  run:\r\n    one\r\n\r\n      two\r\n  outputs = \"x\"\r\n}\r\n";
    let base = 1000;
    let (file, errors) = parse(text, base);
    assert!(errors.is_empty());
    let slice =
        |start: u32, len: usize| &text[(start - base) as usize..(start - base) as usize + len];
    let Statement::Let(binding) = &file.statements[0] else {
        panic!("a let")
    };
    assert_eq!(
        slice(binding.value.span.start, binding.value.span.len()),
        "'é'"
    );
    let Statement::Target(target) = &file.statements[1] else {
        panic!("a target")
    };
    assert_eq!(slice(target.header.start, target.header.len()), "build x");
    let Item::Run(script) = &target.body[0] else {
        panic!("a script")
    };
    assert_eq!(script.text, "one\n\n  two");
    let lines: Vec<&str> = script
        .line_starts
        .iter()
        .zip(script.text.split('\n'))
        .map(|(&at, line)| slice(at, line.len()))
        .collect();
    assert_eq!(lines, ["one", "", "  two"]);
    assert_eq!(slice(script.span.start, 4), "run:");
    assert_eq!(file.comments[0].text, "# ü");
}

#[test]
fn any_letter_may_stand_in_text_and_none_in_names() {
    read("let a = \"grüße 日本 🎉 $b é\" # ü\nbuild x {\n  run: echo ☃\n}\n");
    assert_eq!(codes("let ü = 1\n"), ["unexpected"]);
    assert_eq!(codes("é = 1\n"), ["unexpected"]);
}

#[test]
fn a_carriage_return_alone_is_refused() {
    assert_eq!(codes("let a = 1\rlet b = 2\n"), ["control_character"]);
}

#[test]
fn many_targets_are_read() {
    let one = "build target {\n  inputs = [\"a.c\", \"b.h\"]\n  outputs = \"out/a.o\"\n  run: cc -c a.c -o $out\n}\n\n";
    let (file, errors) = parse(&one.repeat(5_000), 0);
    assert!(errors.is_empty());
    assert_eq!(file.statements.len(), 5_000);
}

#[test]
fn empty_strings_have_no_part_and_adjacent_text_is_one() {
    for (text, parts) in [
        ("''", 0),
        ("\"\"", 0),
        ("'x'", 1),
        ("\"a\\n\\$b\"", 1),
        ("\"a$b\"", 2),
        ("\"$a$b\"", 2),
    ] {
        let (file, _) = parse(&format!("let x = {text}\n"), 0);
        let Statement::Let(binding) = &file.statements[0] else {
            panic!("a let")
        };
        let ExprKind::Str(found) = &binding.value.kind else {
            panic!("a string")
        };
        assert_eq!(found.len(), parts, "{text}");
        assert!(
            !found
                .iter()
                .any(|part| matches!(part, StrPart::Text(text) if text.is_empty()))
        );
    }
}
