//! Two sets of facts to the differences between them, for `--why`.

use crate::fingerprint::content::Content;
use crate::fingerprint::key::{FactValue, Field, Subject};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// A fact as recorded with a success.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fact {
    pub field: Field,
    pub name: String,
    pub value: Value,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Value {
    Text(String),
    /// The text of a variable that looks like a secret by its name: only its digest is kept.
    Hidden(crate::base::digest::Digest),
    Content(Content),
}

/// The facts of a subject, to be recorded.
pub fn facts(subject: &Subject<'_>) -> Vec<Fact> {
    let mut out = Vec::new();
    subject.walk(&mut |field, name, value| {
        let value = match value {
            FactValue::Text(text) if field == Field::Env && looks_secret(name) => {
                Value::Hidden(crate::base::digest::Digest::of(text.as_bytes()))
            }
            FactValue::Text(text) => Value::Text(text.to_owned()),
            FactValue::Content(content) => Value::Content(content),
        };
        out.push(Fact {
            field,
            name: name.to_owned(),
            value,
        });
    });
    out
}

/// Whether a variable's name suggests that its value should not be shown or stored.
pub fn looks_secret(name: &str) -> bool {
    let upper = name.to_ascii_uppercase();
    [
        "TOKEN",
        "SECRET",
        "PASSWORD",
        "PASSWD",
        "CREDENTIAL",
        "APIKEY",
        "API_KEY",
        "PRIVATE_KEY",
    ]
    .iter()
    .any(|word| upper.contains(word))
}

/// One difference between two sets of facts. `old` is None for what was added, `new` for what is gone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    pub field: Field,
    /// As in the fact; for arguments their position in the new list (in the old one, if gone), from 0.
    pub name: String,
    /// A line of a script, from 1: in the new text, or in the old one if it is gone.
    pub line: Option<usize>,
    pub old: Option<Value>,
    pub new: Option<Value>,
}

/// The differences, in the order of [`Field`], then by name or position. None at all means that the keys are equal, but for
/// the order of tools or files.
pub fn compare(old: &[Fact], new: &[Fact]) -> Vec<Change> {
    let (old, new) = (Sorted::of(old), Sorted::of(new));
    let mut changes = Vec::new();
    let names: BTreeSet<(Field, &str)> =
        old.named.keys().chain(new.named.keys()).copied().collect();
    for (field, name) in names {
        let sides = [&old, &new].map(|facts| facts.named.get(&(field, name)).copied());
        if sides[0] == sides[1] {
            continue;
        }
        let change = |line, [old, new]: [Option<Value>; 2]| Change {
            field,
            name: name.to_owned(),
            line,
            old,
            new,
        };
        match sides {
            // Joined by line feeds again, the lines are the text: no difference can hide.
            [Some(Value::Text(old)), Some(Value::Text(new))] if field == Field::Script => {
                let lines = [old, new].map(|text| text.split('\n').collect::<Vec<_>>());
                let found = differences(&lines[0], &lines[1]);
                changes.extend(
                    found
                        .into_iter()
                        .map(|(at, sides)| change(Some(at + 1), sides)),
                );
            }
            sides => changes.push(change(None, sides.map(Option::<&Value>::cloned))),
        }
    }
    let lists: BTreeSet<(Field, &str)> =
        old.lists.keys().chain(new.lists.keys()).copied().collect();
    for list in lists {
        let words = [&old, &new].map(|facts| facts.lists.get(&list).map_or(&[][..], Vec::as_slice));
        changes.extend(
            differences(words[0], words[1])
                .into_iter()
                .map(|(at, [old, new])| Change {
                    field: list.0,
                    name: format!("{}{at}", list.1),
                    line: None,
                    old,
                    new,
                }),
        );
    }
    // Stable: within a field the order found stays.
    changes.sort_by_key(|change| change.field);
    changes
}

/// Facts as they are compared.
#[derive(Default)]
struct Sorted<'a> {
    named: BTreeMap<(Field, &'a str), &'a Value>,
    /// Words by position, such as arguments, under what their names start with: compared one by one, a word put in front would
    /// seem to change all others.
    lists: BTreeMap<(Field, &'a str), Vec<&'a str>>,
}

impl<'a> Sorted<'a> {
    fn of(facts: &'a [Fact]) -> Self {
        let mut sorted = Self::default();
        for fact in facts {
            let kind = fact.name.trim_end_matches(|c: char| c.is_ascii_digit());
            match &fact.value {
                Value::Text(text)
                    if matches!(fact.field, Field::Arg | Field::Interpreter)
                        && kind.len() < fact.name.len() =>
                {
                    sorted
                        .lists
                        .entry((fact.field, kind))
                        .or_default()
                        .push(text);
                }
                value => {
                    sorted.named.insert((fact.field, &fact.name), value);
                }
            }
        }
        sorted
    }
}

/// What a diff of two lists leaves unequal: the position (in the new list; of what is gone, in the old one), and both sides.
fn differences(old: &[&str], new: &[&str]) -> Vec<(usize, [Option<Value>; 2])> {
    let value = |text: &&str| Value::Text((*text).to_owned());
    let mut found = Vec::new();
    for op in similar::capture_diff_slices(similar::Algorithm::Myers, old, new) {
        if matches!(op, similar::DiffOp::Equal { .. }) {
            continue;
        }
        let (olds, news) = (op.old_range(), op.new_range());
        for i in 0..olds.len().max(news.len()) {
            let sides = [
                old[olds.clone()].get(i).map(value),
                new[news.clone()].get(i).map(value),
            ];
            let range = if sides[1].is_some() { &news } else { &olds };
            found.push((range.start + i, sides));
        }
    }
    found
}

impl Change {
    /// One line for people: `variable CC: "gcc" -> "clang"`, `input src/a.c changed (1a2b3c4d -> 5e6f7a8b)`.
    pub fn sentence(&self) -> String {
        let subject = self.subject();
        if self.field == Field::Service {
            return match (&self.old, &self.new) {
                (None, _) => format!("{subject} is needed now"),
                (_, None) => format!("{subject} is needed no longer"),
                _ => format!("what {subject} runs changed"),
            };
        }
        match (&self.old, &self.new) {
            (Some(Value::Hidden(_)), Some(Value::Hidden(_))) => {
                format!("{subject} changed (hidden)")
            }
            (Some(Value::Content(old)), Some(Value::Content(new))) => {
                contents(&subject, *old, *new)
            }
            (Some(old), Some(new)) => format!("{subject}: {} -> {}", words(old), words(new)),
            (None, Some(Value::Text(text))) if self.field != Field::Secret && !text.is_empty() => {
                format!("{subject} added: {}", quoted(text))
            }
            (Some(Value::Text(text)), None) if self.field != Field::Secret && !text.is_empty() => {
                format!("{subject} removed: {}", quoted(text))
            }
            (None, Some(Value::Hidden(_))) => format!("{subject} added (hidden)"),
            (Some(Value::Hidden(_)), None) => format!("{subject} removed (hidden)"),
            (None, Some(_)) => format!("{subject} added"),
            (Some(_), None) => format!("{subject} removed"),
            (None, None) => format!("{subject} changed"),
        }
    }

    fn subject(&self) -> String {
        let name = plain(&self.name);
        match self.field {
            Field::Version => "gomake's fingerprint version".to_owned(),
            Field::Kind => "kind".to_owned(),
            Field::Interpreter => "interpreter".to_owned(),
            Field::Script => match self.line {
                Some(line) => format!("script line {line}"),
                None => "script".to_owned(),
            },
            Field::Arg => self.argument(),
            Field::Dir => "working directory".to_owned(),
            Field::Env => format!("variable {name}"),
            Field::Secret => format!("secret {name}"),
            Field::BaseEnv => "base environment".to_owned(),
            Field::Tool => format!("tool {name}"),
            Field::Fact => name,
            Field::Output => format!("output {name}"),
            Field::Input => format!("input {name}"),
            Field::Upstream => match self.name.split_once('\0') {
                Some((target, path)) => format!("output of {}: {}", plain(target), plain(path)),
                None => format!("output of {name}"),
            },
            Field::Dep => format!("depfile input {name}"),
            Field::Image => format!("image {name}"),
            Field::Service => format!("service {name}"),
        }
    }

    /// Positions count from 1 for people.
    fn argument(&self) -> String {
        let caller = self.name.strip_prefix('@');
        match (caller, caller.unwrap_or(&self.name).parse::<usize>()) {
            (None, Ok(0)) => "program".to_owned(),
            (None, Ok(at)) => format!("argument {at}"),
            (Some(_), Ok(at)) => format!("argument {} after --", at + 1),
            (_, Err(_)) => format!("argument {}", plain(&self.name)),
        }
    }
}

fn contents(subject: &str, old: Content, new: Content) -> String {
    let short = |content: Content| match content {
        Content::File { digest, .. } | Content::Tree { digest } | Content::Link { digest } => {
            digest.hex()[..8].to_owned()
        }
        Content::Absent => "absent".to_owned(),
    };
    match (old, new) {
        (Content::Absent, _) => format!("{subject} appeared"),
        (_, Content::Absent) => format!("{subject} is gone"),
        (
            Content::File { digest: a, .. },
            Content::File {
                digest: b,
                executable,
            },
        ) if a == b => {
            let how = if executable { "became" } else { "is no longer" };
            format!("{subject} {how} executable")
        }
        (Content::File { .. }, Content::File { .. })
        | (Content::Tree { .. }, Content::Tree { .. })
        | (Content::Link { .. }, Content::Link { .. }) => {
            format!("{subject} changed ({} -> {})", short(old), short(new))
        }
        (old, new) => format!("{subject} was {} and is {}", noun(old), noun(new)),
    }
}

fn noun(content: Content) -> &'static str {
    match content {
        Content::File { .. } => "a file",
        Content::Tree { .. } => "a directory",
        Content::Link { .. } => "a symlink",
        Content::Absent => "absent",
    }
}

fn words(value: &Value) -> String {
    match value {
        Value::Text(text) => quoted(text),
        Value::Hidden(_) => "(hidden)".to_owned(),
        Value::Content(content) => noun(*content).to_owned(),
    }
}

/// On one line, and not longer than a screen shows.
fn quoted(text: &str) -> String {
    const MOST: usize = 100;
    let mut shown: String = text.chars().take(MOST).collect();
    if shown.len() < text.len() {
        shown.push('…');
    }
    format!("{shown:?}")
}

/// A name as it is, unless it would break the line.
fn plain(name: &str) -> String {
    if name.chars().any(char::is_control) {
        format!("{name:?}")
    } else {
        name.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::digest::Digest;
    use proptest::prelude::*;

    fn text(field: Field, name: &str, text: &str) -> Fact {
        Fact {
            field,
            name: name.into(),
            value: Value::Text(text.into()),
        }
    }
    fn content(field: Field, name: &str, content: Content) -> Fact {
        Fact {
            field,
            name: name.into(),
            value: Value::Content(content),
        }
    }
    fn file(bytes: &str, executable: bool) -> Content {
        Content::File {
            digest: Digest::of(bytes.as_bytes()),
            executable,
        }
    }
    fn hidden(name: &str, value: &str) -> Fact {
        let value = Value::Hidden(Digest::of(value.as_bytes()));
        Fact {
            field: Field::Env,
            name: name.into(),
            value,
        }
    }
    fn sentences(old: &[Fact], new: &[Fact]) -> Vec<String> {
        compare(old, new).iter().map(Change::sentence).collect()
    }

    #[test]
    fn each_kind_of_change_reads_well() {
        use Field::{
            Dep, Dir, Env, Fact, Input, Kind, Output, Script, Secret, Service, Tool, Upstream,
        };
        let old = [
            text(Kind, "", "build"),
            text(Script, "", "one\ntwo\nthree\n"),
            text(Dir, "", ""),
            text(Env, "CC", "gcc"),
            hidden("API_TOKEN", "a"),
            text(Secret, "KEY", "KEY"),
            content(Tool, "go", file("1", true)),
            text(Fact, "go version", "go1.25"),
            text(Output, "bin/a", ""),
            content(Input, "a.c", file("a", false)),
            content(Input, "gone.c", file("a", false)),
            content(Input, "run.sh", file("a", false)),
            content(Upstream, "obj[src/a.c]\0build/a.o", file("a", false)),
            content(Dep, "a.h", file("a", false)),
            content(Dep, "was.h", file("a", false)),
            content(Service, "api", file("a", false)),
            content(Service, "old", file("a", false)),
        ];
        let new = [
            text(Kind, "", "test"),
            text(Script, "", "one\n2\nthree\nfour\n"),
            text(Dir, "", "sub"),
            text(Env, "CC", "clang"),
            hidden("API_TOKEN", "b"),
            text(Env, "NEW", "x"),
            content(Tool, "go", file("2", true)),
            text(Fact, "go version", "go1.26"),
            text(Output, "bin/b", ""),
            content(Input, "a.c", file("b", false)),
            content(Input, "new\n.c", file("a", false)),
            content(Input, "run.sh", file("a", true)),
            content(Upstream, "obj[src/a.c]\0build/a.o", file("b", false)),
            content(Dep, "a.h", Content::Absent),
            content(Service, "api", file("b", false)),
            content(Service, "db", file("b", false)),
        ];
        let (a, b) = (&Digest::of(b"a").hex()[..8], &Digest::of(b"b").hex()[..8]);
        let (one, two) = (&Digest::of(b"1").hex()[..8], &Digest::of(b"2").hex()[..8]);
        let expected = [
            "kind: \"build\" -> \"test\"",
            "script line 2: \"two\" -> \"2\"",
            "script line 4 added: \"four\"",
            "working directory: \"\" -> \"sub\"",
            "variable API_TOKEN changed (hidden)",
            "variable CC: \"gcc\" -> \"clang\"",
            "variable NEW added: \"x\"",
            "secret KEY removed",
            &format!("tool go changed ({one} -> {two})"),
            "go version: \"go1.25\" -> \"go1.26\"",
            "output bin/a removed",
            "output bin/b added",
            &format!("input a.c changed ({a} -> {b})"),
            "input gone.c removed",
            "input \"new\\n.c\" added",
            "input run.sh became executable",
            &format!("output of obj[src/a.c]: build/a.o changed ({a} -> {b})"),
            "depfile input a.h is gone",
            "depfile input was.h removed",
            "what service api runs changed",
            "service db is needed now",
            "service old is needed no longer",
        ];
        assert_eq!(sentences(&old, &new), expected);
    }

    fn args(words: &[&str]) -> Vec<Fact> {
        let words = words.iter().enumerate();
        words
            .map(|(i, word)| text(Field::Arg, &i.to_string(), word))
            .collect()
    }

    #[test]
    fn a_word_put_in_front_does_not_seem_to_change_the_others() {
        let old = args(&["cc", "-c", "a.c"]);
        let new = args(&["cc", "-O2", "-c", "b.c"]);
        let expected = [
            "argument 1 added: \"-O2\"",
            "argument 3: \"a.c\" -> \"b.c\"",
        ];
        assert_eq!(sentences(&old, &new), expected);
        let passed = [text(Field::Arg, "@0", "-v")];
        assert_eq!(
            sentences(&[], &passed),
            ["argument 1 after -- added: \"-v\""]
        );
    }

    #[test]
    fn a_change_of_line_ends_only_is_a_change() {
        let [old, new] = ["a\n", "a"].map(|script| [text(Field::Script, "", script)]);
        assert_eq!(compare(&old, &new).len(), 1);
    }

    fn facts() -> impl Strategy<Value = Vec<Fact>> {
        let value = prop::sample::select(vec!["", "x", "y", "x\ny", "y\nx\n"]);
        let parts = (
            proptest::collection::vec(value.clone(), 0..5),
            value.clone(),
            value,
        );
        parts.prop_map(|(words, script, env)| {
            let mut facts = vec![text(Field::Script, "", script)];
            facts.extend(args(&words));
            facts.push(text(Field::Env, "E", env));
            facts
        })
    }

    proptest! {
        #[test]
        fn there_is_a_change_exactly_if_the_facts_differ(old in facts(), new in facts()) {
            prop_assert_eq!(compare(&old, &new).is_empty(), old == new);
            prop_assert!(compare(&old, &old).is_empty());
        }
    }
}
