//! What the language allows and what it does not, a line a rule.

use super::{codes, read};
use crate::lang::ast::{ExprKind, Item, Statement};
use crate::lang::format::format;
use crate::lang::parse::parse;

/// Texts that are statements.
const GOOD: &[&str] = &[
    "gofile 1",
    "settings { }",
    "settings {\n  default = app\n  shell = 'bash',\n\n  dotenv = \".env\"\n}",
    "let a = 1",
    "let a =\n  1",
    "let a = [\n  1,\n  2,\n]",
    "let a = [1,\n  2]",
    "let a = [ ]",
    "let a = {\n  b = 1\n  \"c d\" = 2, 'e' = 3,\n}",
    "let a = { b = { c = [] } }",
    "let a = b +\n  c",
    "let a = (b\n  )",
    "let a = if b\n  then c\n  else d",
    "let a = if b then\n  c else\n  d",
    "let a = (if b then c else d) + e",
    "let a = not b == c and not not d or e != f + g",
    "let a = f()",
    "let a = glob(\"*.c\", 'x', exclude = [\"y\"])",
    "let a = f(\n  b = 1,\n  c,\n)",
    "let a = host.os",
    "let a = f(x)[0].b[\"c\", *].d",
    "let a = [\"x\", \"y\"][0]",
    "let a = dist[if b then \"x\" else \"y\", *]",
    "let a = \"$b ${c + \"${d}\"} \\$ \\\" \\\\ \\n\\t\"",
    "let a = \"$os_$arch\"",
    "let a = '\"$x\\'",
    "let a = '#' + \"#\" # comment",
    "let a = my-app + ns:my-target",
    "let iffy = inside + order + nothing + letter",
    "let a = secret(TOKEN)",
    "let run = 1",
    "include \"services/api\" as api",
    "include 'x' as y with { version = version }",
    "include 'x' as y with {\n  a = 1\n  b = 2\n}",
    "build app { }",
    "build app {}",
    "build my-app\n{\n}",
    "build\n  app\n{ }",
    "clean { remove = [\"bin/\"] }",
    "test { }",
    "build x { inputs = [], outputs = \"x\", }",
    "build x { inputs = []\n  outputs = \"x\" }",
    "build x for a in b { }",
    "build x for a in [1, 2], b in c if a == b { }",
    "build x\n  for a in b,\n    c in d\n  if not a\n{ }",
    "build x if host.os == \"linux\" { }",
    "build x for a in if b then c else d if e { }",
    "task t() { }",
    "task t(a, b = 1, c: [\"x\"] = \"x\", d: e) { }",
    "task t(\n  a,\n  b = 1,\n) { }",
    "task t { needs = deploy(host = \"web1\") }",
    "task t { needs = ns:deploy(host = \"web1\") }",
    "build x {\n  let a = 1\n  go { package = \"x\", os = os }\n  go {\n    race = true\n  }\n}",
    "build x {\n  run: echo hi\n}",
    "build x {\n  run: echo { } # [ \" '\n}",
    "build x {\n  run:echo\n}",
    "build x {\n  run bash: echo\n}",
    "build x {\n  run python3:\n    print()\n}",
    "build x {\n  run /usr/bin/env:\n    x\n}",
    "build x {\n  run = [\"a\", \"b\"]\n}",
    "build x {\n  run:\n\n    a\n\n      b\n    c\n\n  outputs = \"x\"\n}",
    "build x {\n  run:\n   a\n  run: b\n}",
    "build x {\n\trun:\n\t\ta\n\t\t  b\n\toutputs = \"x\"\n}",
    "build x {\n  run: a \\\n    b \\\n     c\n  outputs = \"x\"\n}",
    "build x {\n  run: a \\\\\n  outputs = \"x\"\n}",
    "build x {\n  run:\n    cat <<'EOF'\n    }\n    EOF\n}",
    "build x {\n  # comment\n\n# at the margin\n  a = 1 # behind\n  # last\n}",
    "build x {\n  run: one\n# at the margin\n  a = 1\n}",
    "build x {\n  inputs = [\"a\", # one\n    # two\n    \"b\"]\n}",
    "build x {\n  needs = run:a\n}",
    "build x {\n  needs = [\n    run:a,\n  ]\n}",
    "build x { go = 1 }",
    "image api { files = { \"/app\" = dist[\"linux\", \"amd64\"] } }",
];

/// Texts that are not, and why.
const BAD: &[(&str, &str)] = &[
    ("let a = b c", "unexpected"),
    ("let a = f (x)", "unexpected"),
    ("let a = b [0]", "unexpected"),
    ("let a = b .c", "unexpected"),
    ("let a = b\n  + c", "unexpected"),
    ("let a = b - c", "unexpected"),
    ("let a = [1 2]", "unexpected"),
    ("let a = [,]", "unexpected"),
    ("let a = [1,,2]", "unexpected"),
    ("let a = { b = 1,, c = 2 }", "unexpected"),
    ("let a = { b: 1 }", "unexpected"),
    ("let a = { \"$b\" = 1 }", "unexpected"),
    ("let a = b + if c then d else e", "unexpected"),
    ("let a = if b then c", "unexpected"),
    ("let a = a == not b", "unexpected"),
    ("let a-b = 1", "unexpected"),
    ("let a = 1x", "unexpected"),
    ("let a = $b", "unexpected"),
    ("let a = \"${}\"", "unexpected"),
    ("let a", "unexpected"),
    ("include x as y", "unexpected"),
    ("include \"$x\" as y", "unexpected"),
    ("include \"x\"", "unexpected"),
    ("build x", "unexpected"),
    ("build x { } y", "unexpected"),
    ("build x for a { }", "unexpected"),
    ("build x for a in b for c in d { }", "unexpected"),
    ("build x { a = 1 b = 2 }", "unexpected"),
    ("build x { a }", "unexpected"),
    ("build x {\n  run echo\n}", "unexpected"),
    ("build a:b { }", "unexpected"),
    ("let true = 1", "reserved"),
    ("let a = \"$if\"", "reserved"),
    ("task t(for) { }", "reserved"),
    ("let a = \"\\x\"", "bad_escape"),
    ("let a = \"$\"", "lone_dollar"),
    ("let a = \"$1\"", "lone_dollar"),
    ("let a = b == c == d", "chained_comparison"),
    ("settings {", "unclosed"),
    ("let a = 18446744073709551616", "number_too_large"),
    ("gofile 0", "unknown_edition"),
];

#[test]
fn good_texts_parse_and_print_to_the_same() {
    for text in GOOD {
        let shape = read(text);
        let printed = format(text).expect("it parsed");
        assert_eq!(read(&printed), shape, "{text}");
        assert_eq!(format(&printed).expect("it parsed"), printed);
    }
}

#[test]
fn bad_texts_are_refused_for_the_right_reason_and_once() {
    for (text, code) in BAD {
        assert_eq!(codes(text), [*code], "{text}");
        // What follows is read all the same.
        let (file, errors) = parse(&format!("{text}\nlet after = 1\n"), 0);
        assert_eq!(errors.len(), 1, "{text}: {errors:#?}");
        assert!(
            matches!(file.statements.last(), Some(Statement::Let(binding)) if binding.name.value == "after")
        );
    }
}

#[test]
fn several_mistakes_of_one_body_are_all_reported() {
    let text = "build x for in a {\n  inputs = [a b]\n  outputs \"x\"\n  env = { A = \"\\q\" }\n  run: one\n      two\n  go { race }\n}\n";
    assert_eq!(
        codes(text),
        [
            "reserved",
            "unexpected",
            "unexpected",
            "bad_escape",
            "deeper_line",
            "unexpected"
        ]
    );
    assert_eq!(
        codes("settings {\n  shell =\n}\nsettings {\n  a = ]\n}\n"),
        ["unexpected", "unmatched"]
    );
}

fn script_of(text: &str) -> (Option<String>, String) {
    let (file, errors) = parse(text, 0);
    assert!(errors.is_empty(), "{text}\n{errors:#?}");
    let Some(Statement::Target(target)) = file.statements.first() else {
        panic!("a target")
    };
    let script = target.body.iter().find_map(|item| match item {
        Item::Run(script) => Some(script),
        _ => None,
    });
    let script = script.expect("a script");
    assert_eq!(script.line_starts.len(), script.text.split('\n').count());
    (
        script.interpreter.as_ref().map(|name| name.value.clone()),
        script.text.clone(),
    )
}

#[test]
fn a_script_is_taken_as_it_stands_without_its_common_indent() {
    let one = |body: &str| script_of(&format!("build x {{\n{body}\n}}\n")).1;
    assert_eq!(one("  run: echo  'a'  # b "), "echo  'a'  # b ");
    assert_eq!(
        one("  run:\n      a\n        b\n\n\n      c\n\n"),
        "a\n  b\n\n\nc"
    );
    assert_eq!(one("  run:\n        a\n      b"), "  a\nb");
    assert_eq!(one("\trun:\n\t \ta\n\t \t\tb"), "a\n\tb");
    assert_eq!(
        one("  run: a \\\n       b \\\n         c"),
        "a \\\nb \\\n  c"
    );
    assert_eq!(one("  run:\n    a\n  # no part of it\n  b = 1"), "a");
    assert_eq!(
        one("  run:\n    a\n    # a part of it"),
        "a\n# a part of it"
    );
    assert_eq!(one("  run:\n    a\n      \n    b"), "a\n  \nb");
    assert_eq!(
        script_of("build x {\n  run python3.12:\n    a\n}")
            .0
            .as_deref(),
        Some("python3.12")
    );
}

#[test]
fn help_stands_directly_above_its_target() {
    let help = |text: &str| match parse(text, 0).0.statements.pop() {
        Some(Statement::Target(target)) => target.help,
        other => panic!("a target, not {other:?}"),
    };
    assert_eq!(help("## one\n## two\nbuild x { }\n"), ["one", "two"]);
    assert_eq!(
        help("## one\n##\n## two\nbuild x { }\n"),
        ["one", "", "two"]
    );
    assert_eq!(help("\u{feff}## one\r\nbuild x { }\r\n"), ["one"]);
    assert!(help("## one\n\nbuild x { }\n").is_empty());
    assert!(help("##### one\nbuild x { }\n").is_empty());
    assert!(help("# one\nbuild x { }\n").is_empty());
    assert!(help("let a = 1 ## one\nbuild x { }\n").is_empty());
    assert_eq!(help("## far\n# one\n## near\nbuild x { }\n"), ["near"]);
}

#[test]
fn operators_bind_as_documented() {
    let same =
        |a: &str, b: &str| assert_eq!(read(&format!("let x = {a}")), read(&format!("let x = {b}")));
    same("a or b and c", "a or (b and c)");
    same("not a == b", "not (a == b)");
    same("not a and b", "(not a) and b");
    same("a == b + c", "a == (b + c)");
    same("a + b.c[1]", "a + ((b.c)[1])");
    same("if a then b else c + d", "if a then b else (c + d)");
    same("if a or b then c else d", "if (a or b) then c else d");
}

#[test]
fn values_are_what_they_say() {
    let kind = |text: &str| match parse(&format!("let x = {text}"), 0).0.statements.pop() {
        Some(Statement::Let(binding)) => binding.value.kind,
        other => panic!("a let, not {other:?}"),
    };
    assert!(matches!(
        kind("18446744073709551615"),
        ExprKind::Int(u64::MAX)
    ));
    assert!(matches!(kind("true"), ExprKind::Bool(true)));
    assert!(matches!(kind("truely"), ExprKind::Name(name) if name == "truely"));
    assert!(matches!(kind("a:b-c"), ExprKind::Name(name) if name == "a:b-c"));
    assert!(
        matches!(kind("deploy(host = \"x\")"), ExprKind::Call { args, .. } if args[0].name.is_some())
    );
    assert!(matches!(kind("f(a == b)"), ExprKind::Call { args, .. } if args[0].name.is_none()));
}

#[test]
fn the_tour_prints_to_itself() {
    let tour = include_str!("../../../Gofile.example");
    read(tour);
    assert_eq!(format(tour).expect("it parsed"), tour);
}

#[test]
fn a_comment_within_brackets_that_are_not_printed_changes_nothing() {
    for (text, printed) in [
        (
            "let a = if (a) then (( ((( a  # why\n   )).field) + (a))) else (f( ))\n",
            "let a = if a then (a.field +  # why\n  a) else f()\n",
        ),
        (
            "build for a in ((a  # why\n   ).field) if (a) {\n}\n",
            "build for a in a.field  # why\n    if a {}\n",
        ),
        (
            "build for a in ((a  # why\n   ).field), b in (a) {\n}\n",
            "build for a in a.field,  # why\n    b in a {}\n",
        ),
        (
            "build(a: ((a  # why\n   ).field) = a) {\n}\n",
            "build(\n  a: a.field =  # why\n    a,\n) {}\n",
        ),
    ] {
        assert_eq!(format(text).expect("it parses"), printed);
        assert_eq!(format(printed).expect("it parses"), printed);
    }
}

#[test]
fn a_body_on_one_line_is_broken_where_something_in_it_is() {
    for (text, printed) in [
        (
            "build { a = {\n    a = a,  } }\n",
            "build {\n  a = {\n    a = a\n  }\n}\n",
        ),
        (
            "settings { a = [\n  b] }\n",
            "settings {\n  a = [\n    b,\n  ]\n}\n",
        ),
        ("build { a = { b = c } }\n", "build { a = { b = c } }\n"),
    ] {
        assert_eq!(format(text).expect("it parses"), printed);
        assert_eq!(format(printed).expect("it parses"), printed);
    }
}
