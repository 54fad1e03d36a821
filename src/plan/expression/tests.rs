//! Expressions as text, and what becomes of them.

use super::*;
use crate::plan::testing::{World, mistakes, show, value, value_in};

fn shown(expression: &str) -> String {
    show(&value(expression))
}
fn wrong(expression: &str) -> String {
    mistakes(&format!("let x = {expression}\n"))
}

#[test]
fn literals_and_operators() {
    assert_eq!(
        shown("[1, true, \"a\", 'b$c']"),
        "[1, true, \"a\", \"b$c\"]"
    );
    assert_eq!(shown("\"a\" + \"b\" + \"c\""), "\"abc\"");
    assert_eq!(shown("[1] + [] + [2, 3]"), "[1, 2, 3]");
    assert_eq!(
        shown("{ a = 1, b = 2 } + { b = 3, c = 4 }"),
        "{a = 1, b = 3, c = 4}"
    );
    assert_eq!(shown("true and not false or false"), "true");
    assert_eq!(shown("[1] == [1] and 1 != 2 and \"a\" == 'a'"), "true");
    assert_eq!(shown("if 1 == 2 then \"a\" else \"b\""), "\"b\"");
    assert_eq!(shown("[10, 20][1]"), "20");
    assert_eq!(shown("{ a = { b = 5 } }.a.b"), "5");
    assert_eq!(shown("{ a = 1 }[\"a\"]"), "1");
}

#[test]
fn logic_stops_at_what_decides() {
    assert_eq!(shown("false and fail(\"a\")"), "false");
    assert_eq!(shown("true or fail(\"a\")"), "true");
    assert_eq!(shown("if true then 1 else fail(\"a\")"), "1");
}

#[test]
fn names_are_checked_where_nothing_is_evaluated() {
    let errors = wrong("if true or a then 1 else [\"$b\", c(d), stem(e)]");
    for name in ["`a`", "`b`", "function `c`", "`d`", "`e`"] {
        assert!(
            errors.contains(&format!("there is no {name}")),
            "{name}: {errors}"
        );
    }
}

#[test]
fn a_long_sum_needs_no_stack() {
    let text = format!("let x = {}\n", vec!["\"a\""; 20_000].join(" + "));
    let Value::Str(text) = value_in(&text) else {
        panic!()
    };
    assert_eq!(text.len(), 20_000);
}

#[test]
fn targets_and_their_instances() {
    let text = "let x = [app, api:app, dist[\"linux\", *], dist[1, os], deploy(host = \"a\"), glob(n = 1)]\n\
        let os = \"b\"\ninclude \"api\" as api\nbuild app { }\nbuild dist { }\ntask deploy { }\ntask glob { }\n";
    let world = World::with_includes(text, &[("api", "build app { }\n")]);
    let (value, errors, _) = world.x();
    assert_eq!(errors, "");
    assert_eq!(
        show(&value),
        "[target 0.app[](), target 1.app[](), target 0.dist[Is(\"linux\"), Any](), \
         target 0.dist[Is(\"1\"), Is(\"b\")](), target 0.deploy[](host = \"a\"), target 0.glob[](n = 1)]"
    );
}

#[test]
fn the_scope_goes_first_and_its_lets_see_each_other() {
    let world =
        World::new("let a = \"top\"\nbuild t { \n  let b = \"$a $src\"\n  let c = b + b\n}\n");
    let target = world.modules.target(ModuleId(0), "t").unwrap();
    let lets: Vec<&Let> = target
        .body
        .iter()
        .filter_map(|item| match item {
            crate::lang::ast::Item::Let(found) => Some(found),
            _ => None,
        })
        .collect();
    let scope = Scope {
        values: [("src".to_owned(), Value::str("m.c"))].into(),
        lets: lets.clone(),
        ..Scope::default()
    };
    let evaluator = world.evaluator();
    assert_eq!(
        show(&evaluator.eval(ModuleId(0), &scope, &lets[1].value)),
        "\"top m.ctop m.c\""
    );
}

#[test]
fn volatile_infects_and_unknown_too() {
    let shown = |text: &str| show(&value_in(text));
    assert_eq!(
        shown("let x = \"a-$v\"\nlet v = volatile(\"1\")\n"),
        "~\"a-1\""
    );
    assert_eq!(
        shown("let x = v + \"a\"\nlet v = volatile(\"1\")\n"),
        "~\"1a\""
    );
    assert_eq!(
        shown("let x = [v, \"a\"]\nlet v = volatile(\"1\")\n"),
        "~[\"1\", \"a\"]"
    );
    assert_eq!(
        shown("let x = { A = v }\nlet v = volatile(\"1\")\n"),
        "{A = ~\"1\"}"
    );
    assert_eq!(
        shown("let x = if v == \"1\" then \"a\" else \"b\"\nlet v = volatile(\"1\")\n"),
        "~\"a\""
    );
    assert_eq!(
        shown("let x = upper(stem(v))\nlet v = volatile(\"d/a.c\")\n"),
        "~\"A\""
    );
    let (value, errors, wanted) =
        World::new("let x = \"$a \" + upper(env(\"A\", \"\")) + host.os\nlet a = 1\n").x();
    assert_eq!(
        (show(&value).as_str(), errors.as_str(), wanted.len()),
        ("‹x›", "", 2)
    );
}

#[test]
fn secrets_stay_whole() {
    assert_eq!(shown("secret(\"TOKEN\")"), "secret TOKEN");
    assert_eq!(shown("{ A = secret(\"TOKEN\") }"), "{A = secret TOKEN}");
    assert_eq!(
        shown("if true then secret(\"A\") else secret(\"B\")"),
        "secret A"
    );
    for expression in [
        "\"${secret(\"T\")}\"",
        "[secret('T')]",
        "secret('T') + \"a\"",
        "secret('T') == \"a\"",
        "upper(secret('T'))",
        "capture(secret('T'))",
        "env(secret('T'))",
        "not secret('T')",
        "volatile(secret('T'))",
    ] {
        assert!(
            wrong(expression).contains("gomake::plan::secret_use"),
            "{expression}: {}",
            wrong(expression)
        );
    }
    insta::assert_snapshot!(wrong("\"Bearer ${secret(\"TOKEN\")}\""), @r##"
    gomake::plan::secret_use

      × a secret cannot be put into text
       ╭─[Gofile:1:19]
     1 │ let x = "Bearer ${secret("TOKEN")}"
       ·                   ───────┬───────
       ·                          ╰── this is a secret
       ╰────
      help: a secret may be the whole value of a variable in `env`, or a let that a script names;
            nothing can be made of it
    "##);
}

#[test]
fn unknown_names_come_with_help() {
    let text = "let x = [versoin, host, glob, api, tol]\nlet version = \"1\"\nbuild tool { }\ninclude \"api\" as api\n";
    let world = World::with_includes(text, &[("api", "build app { }\n")]);
    insta::assert_snapshot!(world.x().1, @r##"
    gomake::plan::unknown_name

      × there is no `versoin` here
       ╭─[Gofile:1:10]
     1 │ let x = [versoin, host, glob, api, tol]
       ·          ───┬───
       ·             ╰── not a let, a parameter, a `for` variable or a target
     2 │ let version = "1"
       ╰────
      help: did you mean `version`?
    gomake::plan::unknown_name

      × there is no `host` here
       ╭─[Gofile:1:19]
     1 │ let x = [versoin, host, glob, api, tol]
       ·                   ──┬─
       ·                     ╰── not a let, a parameter, a `for` variable or a target
     2 │ let version = "1"
       ╰────
      help: `host` has the fields `host.os`, `host.arch`, `host.cpus`
    gomake::plan::unknown_name

      × there is no `glob` here
       ╭─[Gofile:1:25]
     1 │ let x = [versoin, host, glob, api, tol]
       ·                         ──┬─
       ·                           ╰── not a let, a parameter, a `for` variable or a target
     2 │ let version = "1"
       ╰────
      help: it is a function: `glob(pattern…, exclude = [])`
    gomake::plan::unknown_name

      × there is no `api` here
       ╭─[Gofile:1:31]
     1 │ let x = [versoin, host, glob, api, tol]
       ·                               ─┬─
       ·                                ╰── not a let, a parameter, a `for` variable or a target
     2 │ let version = "1"
       ╰────
      help: `api` is an include: its targets are named like `api:target`
    gomake::plan::unknown_name

      × there is no `tol` here
       ╭─[Gofile:1:36]
     1 │ let x = [versoin, host, glob, api, tol]
       ·                                    ─┬─
       ·                                     ╰── not a let, a parameter, a `for` variable or a target
     2 │ let version = "1"
       ╰────
      help: did you mean `tool`?
    "##);
}

#[test]
fn wrong_types_are_shown_where_they_stand() {
    insta::assert_snapshot!(wrong("if \"a\" then 1 else 2"), @r##"
    gomake::plan::wrong_type

      × the condition of `if` must be a boolean, not a string
       ╭─[Gofile:1:12]
     1 │ let x = if "a" then 1 else 2
       ·            ─┬─
       ·             ╰── this is a string
       ╰────
      help: compare it: `name != ""`
    "##);
    insta::assert_snapshot!(wrong("\"a\" + [\"b\"]"), @r##"
    gomake::plan::unlike_types

      × cannot add a string and a list
       ╭─[Gofile:1:9]
     1 │ let x = "a" + ["b"]
       ·         ─┬─   ──┬──
       ·          │      ╰── this is a list
       ·          ╰── this is a string
       ╰────
      help: write the single value as a list: `[value]`
    "##);
    insta::assert_snapshot!(wrong("1 + 2"), @r##"
    gomake::plan::wrong_type

      × an operand of `+` must be a string, a list or a map, not an integer
       ╭─[Gofile:1:9]
     1 │ let x = 1 + 2
       ·         ┬
       ·         ╰── this is an integer
       ╰────
      help: there is no arithmetic; to put it into a string write `"…${value}"`
    gomake::plan::wrong_type

      × an operand of `+` must be a string, a list or a map, not an integer
       ╭─[Gofile:1:13]
     1 │ let x = 1 + 2
       ·             ┬
       ·             ╰── this is an integer
       ╰────
      help: there is no arithmetic; to put it into a string write `"…${value}"`
    "##);
    insta::assert_snapshot!(wrong("8080 == \"8080\""), @r##"
    gomake::plan::unlike_types

      × cannot compare an integer with a string
       ╭─[Gofile:1:9]
     1 │ let x = 8080 == "8080"
       ·         ──┬─    ───┬──
       ·           │        ╰── this is a string
       ·           ╰── this is an integer
       ╰────
      help: write the number in quotes
    "##);
}

#[test]
fn indices_and_keys_must_exist() {
    insta::assert_snapshot!(wrong("[1, 2][2]"), @r##"
    gomake::plan::no_such_item

      × item 2 of a list of 2
       ╭─[Gofile:1:16]
     1 │ let x = [1, 2][2]
       ·                ┬
       ·                ╰── beyond the end
       ╰────
      help: items are counted from 0
    "##);
    insta::assert_snapshot!(wrong("{ linux = 1 }[\"linus\"]"), @r##"
    gomake::plan::unknown_key

      × the map has no key `linus`
       ╭─[Gofile:1:23]
     1 │ let x = { linux = 1 }["linus"]
       ·                       ───┬───
       ·                          ╰── not a key
       ╰────
      help: did you mean `linux`?
    "##);
    insta::assert_snapshot!(wrong("\"a\"[0]"), @r##"
    gomake::plan::not_indexable

      × a string cannot be indexed
       ╭─[Gofile:1:9]
     1 │ let x = "a"[0]
       ·         ─┬─
       ·          ╰── this is a string
       ╰────
    "##);
    insta::assert_snapshot!(wrong("[1][*]"), @r##"
    gomake::plan::not_indexable

      × a list cannot be indexed by several items or `*`
       ╭─[Gofile:1:9]
     1 │ let x = [1][*]
       ·         ─┬─
       ·          ╰── this is a list
       ╰────
      help: only a target's instances are named that way
    "##);
    insta::assert_snapshot!(wrong("host.oss"), @r##"
    gomake::plan::unknown_field

      × `host` has no field `oss`
       ╭─[Gofile:1:14]
     1 │ let x = host.oss
       ·              ─┬─
       ·               ╰── not one of its fields
       ╰────
      help: did you mean `os`?
    "##);
    insta::assert_snapshot!(wrong("{ a = 1, b = 2, a = 3 }"), @r##"
    gomake::plan::duplicate_key

      × the key `a` is given twice
       ╭─[Gofile:1:11]
     1 │ let x = { a = 1, b = 2, a = 3 }
       ·           ┬             ┬
       ·           │             ╰── again here
       ·           ╰── first here
       ╰────
      help: remove one of them; `+` of two maps lets the right one win
    "##);
}

#[test]
fn nesting_by_lets_has_an_end() {
    let mut text = String::from("let a0 = []\n");
    (1..5000).for_each(|n| text += &format!("let a{n} = [a{}]\n", n - 1));
    text += "let x = a4999\n";
    assert!(mistakes(&text).contains("nested too deeply"));
}

#[test]
fn a_long_chain_of_own_lets_is_refused_not_a_crash() {
    let mut text = String::from("build t {\n  let a0 = \"end\"\n");
    (1..5000).for_each(|n| text += &format!("  let a{n} = a{}\n", n - 1));
    text += "}\n";
    let world = World::new(&text);
    let lets: Vec<&Let> = world
        .modules
        .target(ModuleId(0), "t")
        .unwrap()
        .body
        .iter()
        .filter_map(|item| match item {
            crate::lang::ast::Item::Let(found) => Some(found),
            _ => None,
        })
        .collect();
    let last = &lets[4999].value;
    let scope = Scope {
        lets: lets.clone(),
        ..Scope::default()
    };
    let evaluator = world.evaluator();
    let value = evaluator.eval(ModuleId(0), &scope, last);
    assert_eq!(value, Value::Bad);
    assert!(matches!(
        evaluator.take().0[..],
        [PlanError::TooDeep { .. }]
    ));
}
