//! Random Gofiles, spaced and commented in every way the language allows: they parse, printing them keeps their
//! shape and comments, and a printed file prints to itself. Random damage never panics and never points outside.

use crate::base::source::Span;
use crate::lang::format::format;
use crate::lang::meaning::meaning;
use crate::lang::parse::parse;
use crate::lang::shape::shape;
use miette::Diagnostic;
use proptest::collection::vec;
use proptest::prelude::*;

/// Where a new line is free: blanks, new lines, comments. Never ends in column 0.
fn gap() -> impl Strategy<Value = String> {
    prop_oneof![
        6 => Just(" ".to_owned()),
        2 => Just(String::new()),
        1 => Just("\n    ".to_owned()),
        1 => Just("  # why\n   ".to_owned()),
        1 => Just("\n\n\n  # alone\n\n  # twice\n \t".to_owned()),
        1 => Just(" # behind\r\n # below\r\n  ".to_owned()),
    ]
}

/// A gap that keeps words apart.
fn wide() -> impl Strategy<Value = String> {
    gap().prop_map(|gap| if gap.is_empty() { "  ".to_owned() } else { gap })
}

fn name() -> impl Strategy<Value = String> {
    prop::sample::select(vec![
        "a", "B_1", "version", "_x", "format", "inn", "not_", "run", "go",
    ])
    .prop_map(str::to_owned)
}

fn target_name() -> impl Strategy<Value = String> {
    prop_oneof![
        name(),
        prop::sample::select(vec!["my-app", "a-1"]).prop_map(str::to_owned)
    ]
}

fn atom() -> impl Strategy<Value = String> {
    prop_oneof![
        name(),
        target_name(),
        prop::sample::select(vec![
            "1",
            "007",
            "true",
            "false",
            "''",
            "\"\"",
            "'raw \\ $ # \"'",
            "\"a\\n\\t\\\\\\\"\\$ # é\"",
            "\"$a-$B_1.${ a + \"x${b}\" }\"",
            "\"${f(x = [1, 2])}\"",
            "api:app",
            "a:b:c-d",
            "host.os",
            "[]",
            "{}",
            "f()",
            "'!skip'",
        ])
        .prop_map(str::to_owned),
    ]
}

/// `open item, item close`, perhaps with a trailing comma.
fn row(
    open: &'static str,
    item: BoxedStrategy<String>,
    close: &'static str,
    least: usize,
) -> impl Strategy<Value = String> {
    (
        vec((gap(), item, Just(String::new())), least..4),
        gap(),
        any::<bool>(),
    )
        .prop_map(move |(items, last, trailing)| {
            let mut out = open.to_owned();
            for (index, (gap, item, _)) in items.iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                out.push_str(gap);
                out.push_str(item);
            }
            if trailing && !items.is_empty() {
                out.push(',');
            }
            out + &last + close
        })
}

fn entry(key: BoxedStrategy<String>, value: BoxedStrategy<String>) -> BoxedStrategy<String> {
    (key, gap(), value)
        .prop_map(|(key, gap, value)| format!("{key} ={gap}{value}"))
        .boxed()
}

fn separator() -> impl Strategy<Value = String> {
    prop_oneof![
        Just(", ".to_owned()),
        Just("\n  ".to_owned()),
        Just(" # c\n\n\n # d\n  ".to_owned()),
        Just(",\n  # e\n  ".to_owned())
    ]
}

fn block(entry: BoxedStrategy<String>) -> BoxedStrategy<String> {
    (gap(), vec((entry, separator()), 0..4), gap())
        .prop_map(|(first, entries, last)| {
            let mut out = format!("{{{first}");
            for (entry, separator) in entries {
                out += &entry;
                out += &separator;
            }
            // A comma may be followed by anything, but a separator is not followed by another comma.
            out + &last + "}"
        })
        .boxed()
}

fn value() -> BoxedStrategy<String> {
    atom()
        .prop_recursive(4, 24, 4, |inner| {
            let inner = inner.boxed();
            let operator = prop::sample::select(vec!["+", "and", "or", "=="]);
            let key = prop_oneof![
                target_name(),
                Just("\"k e\\\"y\"".to_owned()),
                Just("'/app'".to_owned())
            ]
            .boxed();
            let argument = prop_oneof![inner.clone(), entry(name().boxed(), inner.clone())].boxed();
            let index = prop_oneof![inner.clone(), Just("*".to_owned())].boxed();
            prop_oneof![
                row("[", inner.clone(), "]", 0),
                row("f(", argument, ")", 0),
                row("dist[", index, "]", 1),
                block(entry(key, inner.clone())),
                (gap(), inner.clone(), gap()).prop_map(|(a, value, b)| format!("({a}{value}{b})")),
                (gap(), inner.clone(), wide(), inner.clone(), gap(), operator).prop_map(
                    |(a, left, b, right, c, operator)| {
                        format!("({a}({left}) {operator}{b}({right}){c})")
                    }
                ),
                vec((inner.clone(), wide()), 2..12).prop_map(|items| {
                    let items: Vec<String> = items
                        .into_iter()
                        .map(|(item, gap)| format!("{gap}({item})"))
                        .collect();
                    format!("({})", items.join(" +"))
                }),
                (wide(), inner.clone()).prop_map(|(gap, value)| format!("(not{gap}({value}))")),
                (
                    wide(),
                    inner.clone(),
                    wide(),
                    inner.clone(),
                    wide(),
                    inner.clone()
                )
                    .prop_map(|(a, x, b, y, c, z)| {
                        format!("(if{a}({x}){b}then{a}({y}){c}else{b}if {x} then {y} else{a}({z}))")
                    }),
                inner.prop_map(|value| format!("({value}).field")),
            ]
        })
        .boxed()
}

fn top_value() -> BoxedStrategy<String> {
    prop_oneof![
        value(),
        (value(), wide(), value()).prop_map(|(a, gap, b)| format!("({a}) +{gap}({b})")),
        (value(), wide(), value(), value())
            .prop_map(|(a, gap, b, c)| format!("if ({a}){gap}then ({b}) else{gap}({c})")),
    ]
    .boxed()
}

/// All as deep as one another: a second one that stood deeper would belong to the first.
fn script() -> impl Strategy<Value = String> {
    prop::sample::select(vec![
        "  run: echo \"}\" $x # not a comment\n",
        "  run bash:\n\n  \t  one \n\n\t\n  \t    two   \n\n",
        "  run: cc \\\n       -o x \\\n     y\n",
        "  run python3:\n      print('{')\r\n      # text\r\n\r\n        [1]\n",
    ])
    .prop_map(str::to_owned)
}

fn item() -> BoxedStrategy<String> {
    let key = || target_name().boxed();
    prop_oneof![
        3 => (entry(key(), top_value()), prop::sample::select(vec!["\n", ",\n", " # c\n", "\n\n\n# at the margin\n\n"]))
            .prop_map(|(entry, end)| format!("  {entry}{end}")),
        1 => entry(name().prop_map(|name| format!("let {name}")).boxed(), top_value()).prop_map(|binding| format!("  {binding}\n")),
        1 => block(entry(key(), value())).prop_map(|block| format!("  go {block}\n")),
        1 => script(),
    ]
    .boxed()
}

fn target() -> impl Strategy<Value = String> {
    let kind = prop::sample::select(vec!["build", "test", "image", "service", "task", "clean"]);
    let param = (name(), prop::option::of(value()), prop::option::of(value())).prop_map(
        |(name, choices, default)| {
            let choices = choices
                .map(|choices| format!(" : {choices}"))
                .unwrap_or_default();
            format!(
                "{name}{choices}{}",
                default
                    .map(|default| format!("= {default}"))
                    .unwrap_or_default()
            )
        },
    );
    let params = prop::option::of(row("(", param.boxed(), ")", 0));
    let item_of =
        (name(), gap(), value()).prop_map(|(name, gap, value)| format!("{name} in {gap}({value})"));
    let fors = prop::option::of(vec((item_of, gap()), 1..3));
    let body = prop_oneof![
        vec(item(), 0..4).prop_map(|items| format!("{{\n{}}}", items.concat())),
        entry(name().boxed(), value()).prop_map(|entry| format!("{{ {entry} }}")),
        Just("{ }".to_owned()),
    ];
    let help = prop::sample::select(vec![
        "",
        "## help\n",
        "# x\n##\n##  two\n",
        "##### no\n\n## a\r\n",
    ]);
    (
        help,
        kind,
        prop::option::of(target_name()),
        params,
        fors,
        prop::option::of(value()),
        wide(),
        body,
    )
        .prop_map(|(help, kind, name, params, fors, condition, gap, body)| {
            let name = name.map(|name| format!("{gap}{name}")).unwrap_or_default();
            let fors = fors.map_or(String::new(), |items| {
                let items: Vec<String> = items.into_iter().map(|(item, gap)| gap + &item).collect();
                format!("{gap}for {}", items.join(","))
            });
            let condition = condition
                .map(|value| format!("{gap}if ({value})"))
                .unwrap_or_default();
            format!(
                "{help}{kind}{name}{}{fors}{condition}{gap}{body}\n",
                params.unwrap_or_default()
            )
        })
}

fn statement() -> BoxedStrategy<String> {
    prop_oneof![
        2 => entry(name().prop_map(|name| format!("let {name}")).boxed(), top_value()).prop_map(|text| text + "\n"),
        1 => block(entry(name().boxed(), value())).prop_map(|block| format!("settings {block} # end\n")),
        1 => block(entry(name().boxed(), value())).prop_map(|block| format!("include 'x/y' as z with {block}\n")),
        1 => Just("include \"a\\$b\" as c-d\n\n\n".to_owned()),
        1 => Just("# between\n\n\n".to_owned()),
        4 => target(),
    ]
    .boxed()
}

fn gofile() -> impl Strategy<Value = String> {
    (
        prop::sample::select(vec![
            "",
            "gofile 1\n",
            "\u{feff}# head\ngofile 1 # edition\n",
        ]),
        vec(statement(), 0..5),
    )
        .prop_map(|(head, statements)| format!("{head}{}", statements.concat()))
}

fn in_bounds(span: Span, len: usize) -> bool {
    span.start <= span.end && span.end as usize <= len
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    fn printing(text in gofile()) {
        let (file, errors) = parse(&text, 0);
        prop_assert!(errors.is_empty(), "{text}\n{errors:#?}");
        let printed = format(&text).expect("it parsed");
        let (again, errors) = parse(&printed, 0);
        prop_assert!(errors.is_empty(), "{printed}\n{errors:#?}");
        prop_assert_eq!(shape(&file), shape(&again));
        let comments = |file: &crate::lang::ast::File| file.comments.iter().map(|one| one.text.clone()).collect::<Vec<_>>();
        prop_assert_eq!(comments(&file), comments(&again));
        prop_assert_eq!(format(&printed).expect("it parsed"), printed);
    }

    fn damage(text in gofile(), cuts in vec((any::<prop::sample::Index>(), 0usize..6), 1..4)) {
        let mut chars: Vec<char> = text.chars().collect();
        for (at, what) in cuts {
            if chars.is_empty() {
                break;
            }
            let at = at.index(chars.len());
            match what {
                0 => drop(chars.remove(at)),
                1 => chars.insert(at, '{'),
                2 => chars.insert(at, '"'),
                3 => chars.insert(at, '\n'),
                4 => chars.insert(at, ']'),
                _ => chars.truncate(at),
            }
        }
        let text: String = chars.into_iter().collect();
        let (_, errors) = parse(&text, 0);
        for error in errors {
            prop_assert!(in_bounds(error.span(), text.len()));
            for label in error.labels().expect("every mistake has a place") {
                prop_assert!(label.offset() + label.len() <= text.len(), "{error:?}");
                prop_assert!(text.get(label.offset()..label.offset() + label.len()).is_some(), "{error:?}");
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1500, failure_persistence: None, ..ProptestConfig::default() })]

    /// The second of two statements may be read by what the grammar said of the first; alone, it never is.
    fn twice(text in statement(), changes in vec((any::<prop::sample::Index>(), 0usize..18), 0..3)) {
        let mut chars: Vec<char> = text.chars().collect();
        for (at, what) in changes {
            let at = 1 + at.index(chars.len());
            let inserted = "xxxxx_-17:$\\\"'# é\u{85}".chars().nth(what).unwrap_or('x');
            chars.insert(at, inserted);
        }
        let second: String = chars.into_iter().collect();
        let start = text.len() as u32;
        let (first_file, first_errors) = parse(&text, 0);
        let (second_file, second_errors) = parse(&second, start);
        let (file, errors) = parse(&format!("{text}{second}"), 0);
        if !text.starts_with(|first: char| first.is_ascii_lowercase()) {
            return Ok(());
        }
        prop_assert_eq!(errors.is_empty(), first_errors.is_empty() && second_errors.is_empty());
        if errors.is_empty() {
            let mut apart = first_file.statements;
            apart.extend(second_file.statements);
            let mut comments = first_file.comments;
            comments.extend(second_file.comments);
            prop_assert_eq!(format!("{:#?}", file.statements), format!("{apart:#?}"));
            prop_assert_eq!(format!("{:?}", file.comments), format!("{comments:?}"));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1500, failure_persistence: None, ..ProptestConfig::default() })]

    /// Texts of one meaning have one tree; most changes are to comments and lines.
    fn alike(text in gofile(), changes in vec((any::<prop::sample::Index>(), 0usize..12), 1..4)) {
        let mut changed = text.clone();
        for (at, what) in changes {
            let ends = changed.match_indices('\n').map(|(end, _)| end);
            let marks = changed.match_indices('#').map(|(mark, _)| mark + 1);
            let places: Vec<usize> = ends.chain(marks).chain([changed.len()]).collect();
            let inserted = ["\n", "\n#", "\n# c", "\n## c", "#", "# c", " ", "x", "\n  # c", "\n\n", "\\", "\n  x"];
            changed.insert_str(places[at.index(places.len())], inserted[what]);
        }
        let (file, errors) = parse(&text, 0);
        prop_assert!(errors.is_empty());
        if meaning(&text) == meaning(&changed) {
            let (again, errors) = parse(&changed, 0);
            prop_assert!(errors.is_empty(), "{text}\n----\n{changed}\n{errors:#?}");
            prop_assert_eq!(shape(&file), shape(&again));
        }
    }
}

/// Nested strategies, unlike the parser, need more stack than a test thread has.
fn on_a_deep_stack(test: fn()) {
    let thread = std::thread::Builder::new()
        .stack_size(64 << 20)
        .spawn(test)
        .expect("a thread");
    thread.join().expect("the property holds");
}

#[test]
fn printing_keeps_shape_and_comments_and_settles() {
    on_a_deep_stack(printing);
}

#[test]
fn damage_never_panics_and_points_into_the_text() {
    on_a_deep_stack(damage);
}

#[test]
fn texts_of_one_meaning_have_one_tree() {
    on_a_deep_stack(alike);
}

#[test]
fn a_statement_is_read_alike_whatever_stands_before_it() {
    on_a_deep_stack(twice);
}
