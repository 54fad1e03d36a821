//! Holds the table of who may import whom, and the order in which data flows. The reasons stand in
//! `docs/design/architecture.md`; a change of this table belongs in the commit that needs it.
#![expect(
    clippy::disallowed_methods,
    reason = "a test that reads the sources as files"
)]

use proc_macro2::{TokenStream, TokenTree};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

/// Folder to the folders that it may import. In the order of data flow: a folder imports only what stands above it.
const MAY_IMPORT: &[(&str, &[&str])] = &[
    ("base", &[]),
    ("lang", &["base"]),
    ("golang", &["base"]),
    ("image", &["base"]),
    ("plan", &["base", "lang", "golang", "image"]),
    ("fingerprint", &["base", "plan"]),
    ("state", &["base", "plan", "fingerprint"]),
    ("cache", &["base", "image", "plan", "fingerprint"]),
    ("event", &["base", "image", "plan", "fingerprint"]),
    ("schedule", &["base", "plan"]),
    ("registry", &["base", "image"]),
    (
        "execute",
        &[
            "base",
            "golang",
            "image",
            "plan",
            "fingerprint",
            "state",
            "cache",
            "event",
            "schedule",
            "registry",
        ],
    ),
    ("report", &["base", "image", "plan", "fingerprint", "event"]),
    ("watch", &["base"]),
    ("init", &["base", "lang", "golang", "image"]),
    (
        "cli",
        &[
            "base",
            "lang",
            "golang",
            "image",
            "plan",
            "fingerprint",
            "state",
            "cache",
            "event",
            "schedule",
            "registry",
            "execute",
            "report",
            "watch",
            "init",
        ],
    ),
];

/// Macros that `#[macro_export]` puts at the crate's root, and the folder that they belong to.
const ROOT_MACROS: &[(&str, &str)] = &[("dense_id", "base")];

/// Collects the folders that a token stream names after `crate::`, macro bodies included.
///
/// `at_root` holds while the tokens stand directly in `src/<folder>/mod.rs`, where `super::x` means `crate::x`.
fn folders_named(tokens: TokenStream, at_root: bool, out: &mut BTreeSet<String>) {
    let tokens: Vec<TokenTree> = tokens.into_iter().collect();
    let is = |at: usize, word: &str| tokens.get(at).is_some_and(|t| t.to_string() == word);
    for (at, token) in tokens.iter().enumerate() {
        if let TokenTree::Group(group) = token {
            // An inline `mod` adds a level, so that `super` no longer reaches the root.
            let inline_mod = at >= 2 && is(at - 2, "mod");
            folders_named(group.stream(), at_root && !inline_mod, out);
        }
        let path_follows = is(at + 1, ":") && is(at + 2, ":");
        if is(at, "super") && path_follows && is(at + 3, "super") {
            out.insert("super::super".to_owned());
        }
        if path_follows && (is(at, "crate") || (at_root && is(at, "super"))) {
            match tokens.get(at + 3) {
                Some(TokenTree::Ident(name)) => drop(out.insert(name.to_string())),
                Some(TokenTree::Group(group)) => heads(group.stream(), out),
                Some(TokenTree::Punct(_)) => drop(out.insert("*".to_owned())),
                _ => {}
            }
        }
    }
}

/// The first name of each item of a `use` group.
fn heads(tokens: TokenStream, out: &mut BTreeSet<String>) {
    let mut first = true;
    for token in tokens {
        match token {
            TokenTree::Punct(punct) if punct.as_char() == ',' => first = true,
            TokenTree::Ident(name) if first => {
                out.insert(name.to_string());
                first = false;
            }
            _ => {}
        }
    }
}

fn read_folder(dir: &Path, top: bool, out: &mut BTreeSet<String>) {
    for entry in fs::read_dir(dir).expect("a folder of src") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            read_folder(&path, false, out);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(&path).expect("UTF-8");
            let tokens = text.parse().expect("Rust tokens");
            folders_named(tokens, top && path.ends_with("mod.rs"), out);
        }
    }
}

fn folder_of(name: &str) -> &str {
    let found = ROOT_MACROS.iter().find(|(root, _)| *root == name);
    found.map_or(name, |(_, folder)| folder)
}

#[test]
fn folders_import_only_what_the_table_allows() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let table: BTreeMap<_, _> = MAY_IMPORT.iter().copied().collect();
    let mut wrong = Vec::new();
    let mut found = BTreeSet::new();
    for entry in fs::read_dir(&src).expect("src") {
        let path = entry.expect("an entry").path();
        if !path.is_dir() {
            continue;
        }
        let name = path
            .file_name()
            .expect("a name")
            .to_string_lossy()
            .into_owned();
        let Some(allowed) = table.get(name.as_str()) else {
            wrong.push(format!("{name} is not in the table"));
            continue;
        };
        let mut named = BTreeSet::new();
        read_folder(&path, true, &mut named);
        for other in named {
            let other = folder_of(&other);
            if other != name && !allowed.contains(&other) {
                wrong.push(format!("{name} imports {other}"));
            }
        }
        found.insert(name);
    }
    for (name, _) in MAY_IMPORT {
        if !found.contains(*name) {
            wrong.push(format!("{name} is in the table, but not in src"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn only_lib_and_main_stand_beside_the_folders() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let files: BTreeSet<String> = fs::read_dir(&src)
        .expect("src")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.is_file())
        .map(|path| {
            path.file_name()
                .expect("a name")
                .to_string_lossy()
                .into_owned()
        })
        .collect();
    assert_eq!(
        files,
        BTreeSet::from(["lib.rs", "main.rs"].map(str::to_owned))
    );
}

#[test]
fn the_table_is_in_the_order_of_data_flow() {
    let mut above = BTreeSet::new();
    for (name, allowed) in MAY_IMPORT {
        for other in *allowed {
            assert!(
                above.contains(other),
                "{name} may import {other}, which is not above it"
            );
        }
        assert!(above.insert(*name), "{name} stands twice");
    }
}

#[test]
fn the_docs_say_the_same() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/design/architecture.md");
    let text = fs::read_to_string(path).expect("docs/design/architecture.md");
    let rows = text.lines().filter_map(|line| line.strip_prefix("| `src/"));
    let said: Vec<String> = rows
        .filter_map(|row| {
            let (name, rest) = row.split_once('`')?;
            let allowed = rest.trim_end_matches('|').rsplit('|').next()?.trim();
            Some(format!("{name}: {allowed}"))
        })
        .collect();
    let (last, others) = MAY_IMPORT.split_last().expect("a table");
    let held = MAY_IMPORT.iter().map(|(name, allowed)| match allowed {
        [] => format!("{name}: nothing of ours"),
        all if *name == last.0 && all.len() == others.len() => format!("{name}: all"),
        some => format!("{name}: {}", some.join(", ")),
    });
    assert_eq!(said, held.collect::<Vec<_>>());
}

#[test]
fn the_reading_of_imports_sees_every_form() {
    let named = |text: &str, at_root| {
        let mut out = BTreeSet::new();
        folders_named(text.parse().expect("tokens"), at_root, &mut out);
        out.into_iter().collect::<Vec<_>>().join(" ")
    };
    assert_eq!(
        named("use crate::{plan::graph::Graph, base::{ids, path}};", false),
        "base plan"
    );
    assert_eq!(named("fn f() { vec![crate::event::X] }", false), "event");
    assert_eq!(named("use super::cli::x;", true), "cli");
    assert_eq!(named("use super::x;", false), "");
    assert_eq!(named("mod tests { use super::x; }", true), "");
    assert_eq!(named("use crate::*;", false), "*");
}
