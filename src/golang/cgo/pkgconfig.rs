//! `pkg-config`: how it is asked, what it says, and which of its files it reads for that. Starts nothing.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// The arguments that ask about what stands behind `#cgo pkg-config:`, as the Go tool puts them: its flags, then names.
pub fn args(wanted: &str, named: &[String]) -> Vec<String> {
    let (flags, names): (Vec<&String>, Vec<&String>) =
        named.iter().partition(|word| word.starts_with("--"));
    let flags = flags.into_iter().cloned();
    std::iter::once(wanted.to_owned())
        .chain(flags)
        .chain(std::iter::once("--".to_owned()))
        .chain(names.into_iter().cloned())
        .collect()
}

/// The flags in what it said: words of a shell, with quotes and backslashes.
pub fn words(said: &str) -> Vec<String> {
    let mut words = Vec::new();
    let (mut word, mut quote) = (None::<String>, None);
    let mut letters = said.chars();
    while let Some(letter) = letters.next() {
        match (quote, letter) {
            (None, ' ' | '\t' | '\n' | '\r') => words.extend(word.take()),
            (None, '"' | '\'') => {
                quote = Some(letter);
                word.get_or_insert_default();
            }
            (Some(open), letter) if letter == open => quote = None,
            (None | Some('"'), '\\') => word.get_or_insert_default().extend(letters.next()),
            (_, letter) => word.get_or_insert_default().push(letter),
        }
    }
    words.extend(word);
    words
}

/// Names that a `.pc` file requires.
fn required(text: &str) -> Vec<String> {
    let mut names = Vec::new();
    for line in text.replace("\\\n", " ").lines() {
        let Some((key, value)) = line.split_once(':') else {
            continue;
        };
        if !matches!(
            key.trim(),
            "Requires" | "Requires.private" | "Requires.internal"
        ) {
            continue;
        }
        let words = value
            .split([',', ' ', '\t'])
            .filter(|word| !word.is_empty());
        // Versions are looked for in vain.
        names.extend(words.map(str::to_owned));
    }
    names
}

/// The files in which it finds what is named and what these require, and the directories in which it looks: all of them decide
/// what it says. `read` reads a file, if it is there.
pub fn files(
    named: &[String],
    dirs: &[PathBuf],
    read: &dyn Fn(&Path) -> Option<String>,
) -> BTreeSet<PathBuf> {
    let mut files = BTreeSet::new();
    let mut seen: BTreeSet<String> = BTreeSet::new();
    let mut open: Vec<String> = named.to_vec();
    while let Some(name) = open.pop() {
        if name.starts_with("--") || !seen.insert(name.clone()) {
            continue;
        }
        let uninstalled = format!("{name}-uninstalled.pc");
        let files_of = [uninstalled, format!("{name}.pc")];
        for file in dirs
            .iter()
            .flat_map(|dir| files_of.iter().map(|file| dir.join(file)))
        {
            if let Some(text) = read(&file) {
                open.extend(required(&text));
                files.insert(file);
            }
        }
    }
    files
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(words: &[&str]) -> Vec<String> {
        words.iter().map(|&word| word.to_owned()).collect()
    }

    #[test]
    fn it_is_asked_as_go_asks() {
        let asked = args("--cflags", &texts(&["gtk", "--static", "x"]));
        assert_eq!(asked, ["--cflags", "--static", "--", "gtk", "x"]);
    }

    #[test]
    fn what_it_says_is_split_as_a_shell_does() {
        assert_eq!(
            words("-I/a\\ b -D'X=\"1 2\"' \"c\\\"d\"  ''\n"),
            ["-I/a b", "-DX=\"1 2\"", "c\"d", ""]
        );
        assert!(words(" \n").is_empty());
        assert_eq!(words("a\\"), ["a"]);
    }

    #[test]
    fn files_require_files() {
        let read = |path: &Path| match path.to_str() {
            Some("/a/x.pc") => {
                Some("Name: x\nRequires: y >= 1.2, z\nRequires.private: \\\n w\n".to_owned())
            }
            Some("/b/y.pc" | "/b/w.pc" | "/b/x.pc") => Some("Requires: x".to_owned()),
            _ => None,
        };
        let dirs = ["/a".into(), "/b".into()];
        let found = files(&texts(&["--static", "x"]), &dirs, &read);
        let shown: Vec<String> = found
            .iter()
            .map(|path| path.display().to_string())
            .collect();
        assert_eq!(shown, ["/a/x.pc", "/b/w.pc", "/b/x.pc", "/b/y.pc"]);
    }
}
