//! What the `capture(…)` calls of Gofiles may read. A captured value is not asked for while targets are compared, so a
//! target that rests on one is affected by whatever its command could have read.

use crate::base::path::ProjectPath;
use crate::lang::ast::{Entry, Expr, ExprKind, IndexItem, Item, Statement, StrPart};
use crate::plan::module::Modules;
use crate::plan::script::shell_names;
use std::collections::BTreeSet;

/// Commands that read nothing of the tree but the files that they are given. Git's own answers are held to be the same:
/// else each commit would affect everything that a version is stamped into.
const PLAIN: &[&str] = &[
    "awk", "basename", "cat", "cut", "date", "dirname", "echo", "expr", "false", "git", "grep",
    "head", "hostname", "id", "printf", "pwd", "sed", "sort", "tail", "test", "[", "tr", "true",
    "uname", "uniq", "wc", "whoami",
];

/// What all captures of the Gofiles may read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reads {
    Files(BTreeSet<ProjectPath>),
    Anything,
}

pub fn reads(modules: &Modules) -> Reads {
    let mut files = BTreeSet::new();
    for module in modules.modules.values() {
        let mut open: Vec<&Expr> = Vec::new();
        for statement in &module.tree.statements {
            expressions(statement, &mut open);
        }
        while let Some(expr) = open.pop() {
            if let ExprKind::Call { function, args } = &expr.kind
                && function.value == "capture"
                && let Some(first) = args.first()
                && !capture(&first.value, &module.dir, &mut files)
            {
                return Reads::Anything;
            }
            parts(expr, &mut open);
        }
    }
    Reads::Files(files)
}

/// Adds the files that one capture's command is given; false where it may read others.
fn capture(command: &Expr, dir: &ProjectPath, files: &mut BTreeSet<ProjectPath>) -> bool {
    match &command.kind {
        ExprKind::Str(parts) => {
            let text = |part: &StrPart| match part {
                StrPart::Text(text) => text.clone(),
                StrPart::Value(_) => "$value".to_owned(),
            };
            let script: String = parts.iter().map(text).collect();
            let names = shell_names(&script);
            let is_plain = |word: &String| PLAIN.contains(&word.as_str());
            let only_git = names.commands.iter().all(|word| word == "git");
            if !names.commands.iter().all(is_plain) || (!names.read.is_empty() && !only_git) {
                return false;
            }
            add(names.words.iter().map(String::as_str), dir, files)
        }
        ExprKind::List(items) => {
            let words: Option<Vec<String>> = items.iter().map(literal).collect();
            match words.as_deref() {
                Some([program, words @ ..]) if PLAIN.contains(&program.as_str()) => {
                    add(words.iter().map(String::as_str), dir, files)
                }
                _ => false,
            }
        }
        _ => false,
    }
}

fn add<'w>(
    words: impl Iterator<Item = &'w str>,
    dir: &ProjectPath,
    files: &mut BTreeSet<ProjectPath>,
) -> bool {
    for word in words {
        if word.contains(['*', '?', '[']) {
            return false;
        }
        files.extend(dir.resolve(word));
    }
    true
}

fn literal(expr: &Expr) -> Option<String> {
    match &expr.kind {
        ExprKind::Str(parts) => parts
            .iter()
            .map(|part| match part {
                StrPart::Text(text) => Some(text.as_str()),
                StrPart::Value(_) => None,
            })
            .collect(),
        _ => None,
    }
}

fn expressions<'e>(statement: &'e Statement, open: &mut Vec<&'e Expr>) {
    let entries = |entries: &'e [Entry]| entries.iter().map(|entry| &entry.value);
    match statement {
        Statement::Let(found) => open.push(&found.value),
        Statement::Settings { entries: all, .. } => open.extend(entries(all)),
        Statement::Include(include) => open.extend(entries(&include.with)),
        Statement::Target(decl) => {
            let params = decl.params.iter();
            open.extend(params.flat_map(|param| param.choices.iter().chain(&param.default)));
            open.extend(decl.fors.iter().map(|one| &one.items));
            open.extend(&decl.condition);
            for item in &decl.body {
                match item {
                    Item::Let(found) => open.push(&found.value),
                    Item::Entry(entry) => open.push(&entry.value),
                    Item::Run(_) => {}
                    Item::Block { entries: all, .. } => open.extend(entries(all)),
                }
            }
        }
        Statement::Edition { .. } => {}
    }
}

fn parts<'e>(expr: &'e Expr, open: &mut Vec<&'e Expr>) {
    match &expr.kind {
        ExprKind::Str(parts) => open.extend(parts.iter().filter_map(|part| match part {
            StrPart::Value(value) => Some(value),
            StrPart::Text(_) => None,
        })),
        ExprKind::List(items) => open.extend(items),
        ExprKind::Map(entries) => open.extend(entries.iter().map(|(_, value)| value)),
        ExprKind::Call { args, .. } => open.extend(args.iter().map(|arg| &arg.value)),
        ExprKind::Index { base, items } => {
            open.push(base);
            open.extend(items.iter().filter_map(|item| match item {
                IndexItem::Value(value) => Some(value),
                IndexItem::Any(_) => None,
            }));
        }
        ExprKind::Field { base, .. } => open.push(base),
        ExprKind::If {
            condition,
            then,
            otherwise,
        } => open.extend([&**condition, &**then, &**otherwise]),
        ExprKind::Not(inner) => open.push(inner),
        ExprKind::Binary { left, right, .. } => open.extend([&**left, &**right]),
        ExprKind::Int(_) | ExprKind::Bool(_) | ExprKind::Name(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::testing::World;

    fn of(text: &str) -> Reads {
        reads(&World::new(text).modules)
    }
    fn files(paths: &[&str]) -> Reads {
        let paths = paths.iter().map(|path| ProjectPath::root().resolve(path));
        Reads::Files(paths.collect::<Result<_, _>>().expect("paths"))
    }

    #[test]
    fn plain_commands_read_what_they_are_given() {
        assert_eq!(of("let x = 1\n"), files(&[]));
        let text = "let v = capture(\"cat VERSION | tr -d v\")\n";
        let Reads::Files(found) = of(text) else {
            panic!("the files are known");
        };
        assert!(found.contains(&ProjectPath::root().resolve("VERSION").expect("a path")));
        let Reads::Files(found) = of("let v = \"v\" + capture([\"cat\", \"a/b\"])\n") else {
            panic!("the files are known");
        };
        assert!(found.contains(&ProjectPath::root().resolve("a/b").expect("a path")));
    }

    #[test]
    fn git_is_held_to_say_the_same_and_others_may_read_anything() {
        assert!(matches!(
            of("let v = capture(\"git describe --tags\")\n"),
            Reads::Files(_)
        ));
        for anything in [
            "let v = capture(\"go list -m\")\n",
            "let v = capture(\"./version.sh\")\n",
            "let v = capture(\"cat src/*.txt\")\n",
            "let f = \"a\"\nlet v = capture(\"cat $f\")\n",
            "task x {\n  env = { A = join([capture(\"make -n\")], \"\") }\n  run: true\n}\n",
        ] {
            assert_eq!(of(anything), Reads::Anything, "{anything}");
        }
    }
}
