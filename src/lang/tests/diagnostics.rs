//! What each mistake looks like to the user.

use super::code;
use crate::base::source::Sources;
use crate::lang::error::SyntaxError;
use crate::lang::parse::parse;
use miette::{Diagnostic, GraphicalReportHandler, GraphicalTheme, LabeledSpan, SourceCode};
use std::collections::BTreeSet;
use std::fmt;

/// A mistake with the texts that it points into, as the command line will show it.
#[derive(Debug)]
struct Shown<'a>(&'a SyntaxError, &'a Sources);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
impl std::error::Error for Shown<'_> {}
impl Diagnostic for Shown<'_> {
    fn code<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        self.0.code()
    }
    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        self.0.help()
    }
    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        self.0.labels()
    }
    fn source_code(&self) -> Option<&dyn SourceCode> {
        Some(self.1)
    }
}

fn render(text: &str) -> (String, Vec<String>) {
    let mut sources = Sources::default();
    // A file before it, so that spans count from elsewhere than zero.
    sources.add("other", "gofile 1\n");
    let base = sources.add("Gofile", text);
    let (_, errors) = parse(text, base);
    let handler =
        GraphicalReportHandler::new_themed(GraphicalTheme::unicode_nocolor()).with_width(100);
    let mut out = String::new();
    for error in &errors {
        handler
            .render_report(&mut out, &Shown(error, &sources))
            .expect("a string can be written to");
        out.push('\n');
    }
    (
        out.lines()
            .map(str::trim_end)
            .collect::<Vec<_>>()
            .join("\n"),
        errors.iter().map(code).collect(),
    )
}

/// The code that a text shows, and the text; several texts may show one code in different ways.
const CASES: &[(&str, &str)] = &[
    (
        "unexpected",
        "let a = \n\nbuild b {\n  inputs = [x y]\n  outputs \"b\"\n  run echo\n}\n",
    ),
    (
        "unexpected",
        "let a = b (c)\nlet d = e & f\nlet g = $h\nlet i = j -1\nlet k = l;\n",
    ),
    ("unexpected", "build x {\n  outputs =\n  inputs = []\n}\n"),
    (
        "unexpected",
        "build x for in y { }\ntask t(a b) { }\nbuild\n",
    ),
    ("unexpected", "include \"a/$b\" as b\ninclude \"a\"\n"),
    ("unexpected", "\"text\"\n"),
    ("unexpected", "let m = { \"$key\" = 1 }\n"),
    (
        "unclosed",
        "build x {\n  inputs = [\"a\",\n  outputs = \"b\"\n}\n",
    ),
    ("unclosed", "build x {\n  inputs = \"a\"\n\nlet y = (1\n"),
    ("unclosed", "build x {\noutputs = \"x\"\ninputs = []\n}\n"),
    (
        "unclosed",
        "build x {\n  env = { A = \"1\"\n  outputs = \"x\"\n}\n",
    ),
    (
        "unclosed",
        "build x {\n  needs = f(a\n  run:\n    echo \"$x\n}\n",
    ),
    ("unmatched", "let a = [1]]\nlet b = (2}\n}\n"),
    (
        "unclosed_string",
        "let a = \"text\nlet b = 'text\nlet c = \"${d\n",
    ),
    ("bad_escape", "let a = \"C:\\dir\"\n"),
    ("lone_dollar", "let a = \"costs 5$\" + \"$(date)\"\n"),
    ("swallowed_brace", "build x { run: echo hi }\n"),
    (
        "swallowed_brace",
        "build x {\n  outputs = \"x\"\n  run: echo hi }\nlet y = 1\n",
    ),
    (
        "run_not_first",
        "build x { outputs = \"x\", run: echo hi\n}\n",
    ),
    (
        "empty_script",
        "build x {\n  run:\n}\nbuild y {\n  run bash:\n  outputs = \"y\"\n}\n",
    ),
    (
        "mixed_indent",
        "build x {\n  run:\n    one\n\ttwo\n  outputs = \"x\"\n}\n",
    ),
    ("mixed_indent", "build x {\n  run:\n  \tone\n      two\n}\n"),
    (
        "deeper_line",
        "build x {\n  run: one\n    two\n    three\n  outputs = \"x\"\n}\n",
    ),
    (
        "dangling_backslash",
        "build x {\n  run: one \\\n  outputs = \"x\"\n}\n",
    ),
    (
        "reserved",
        "let if = 1\nbuild for { }\ntask t(in) { }\nbuild x {\n  else = 1\n}\n",
    ),
    ("number_too_large", "let a = 18446744073709551616\n"),
    ("negative_number", "let a = -1\nlet b = [1, -20]\n"),
    (
        "indented",
        "  let a = 1\nlet b = 2\n  let c = 3\nbuild d { }\n  build e { }\n",
    ),
    (
        "unknown_statement",
        "lett a = 1\nbulid b { }\nversion = 2\nall: app\n",
    ),
    ("unknown_edition", "gofile 2\n"),
    ("edition_not_first", "let a = 1\ngofile 1\n"),
    ("duplicate_edition", "gofile 1\ngofile 1\n"),
    (
        "control_character",
        "let a = \"x\u{0}\"\n# \u{1b}[31m\nbuild x {\n  run: echo \u{7}\n}\n",
    ),
    ("chained_comparison", "let a = b == c != d == e\n"),
    (
        "too_deep",
        "let a = [[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[1\n",
    ),
];

#[test]
fn each_mistake_is_shown_as_recorded() {
    for (index, (expected, text)) in CASES.iter().enumerate() {
        let (shown, codes) = render(text);
        assert!(
            codes.contains(&(*expected).to_owned()),
            "{text} gives {codes:?}, not {expected}"
        );
        let count = CASES[..index]
            .iter()
            .filter(|(code, _)| code == expected)
            .count()
            + 1;
        insta::with_settings!({ omit_expression => true, prepend_module_to_snapshot => false }, {
            insta::assert_snapshot!(format!("{expected}_{count}"), format!("{text}\n{shown}"));
        });
    }
}

#[test]
fn every_code_has_a_snapshot() {
    let source = include_str!("../error.rs");
    let declared: BTreeSet<&str> = source
        .split("gomake::syntax::")
        .skip(1)
        .filter_map(|rest| {
            rest.split(|next: char| !(next.is_ascii_lowercase() || next == '_'))
                .next()
        })
        .collect();
    let shown: BTreeSet<&str> = CASES.iter().map(|(code, _)| *code).collect();
    assert_eq!(declared, shown);
}

#[test]
fn a_rule_name_never_reaches_the_user() {
    for (_, text) in CASES {
        let (shown, _) = render(text);
        for name in [
            "_item",
            "target_name",
            "block_entries",
            "paren_",
            "bracket_",
            "brace_",
            "kw_",
            "EOI",
        ] {
            assert!(!shown.contains(name), "{name} in\n{shown}");
        }
    }
}

#[test]
fn every_mistake_has_help_or_says_what_was_expected() {
    for (_, text) in CASES {
        for error in parse(text, 0).1 {
            let says = matches!(error, SyntaxError::Unexpected { .. }) || error.help().is_some();
            assert!(says, "{error:?}");
        }
    }
}
