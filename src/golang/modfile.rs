//! The lines of a go.mod or a go.work that say where other modules lie on this disk. Reads no other lines, and judges none: what is
//! wrong with the file, Go says. Rules: <https://go.dev/ref/mod#go-mod-file-lexical> and `#workspaces`.

/// What such a file names.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ModFile {
    pub module: Option<String>,
    /// Directories of a workspace's modules, as written.
    pub uses: Vec<String>,
    /// Modules that a directory stands for: path and directory, as written.
    pub replaced: Vec<(String, String)>,
}

impl ModFile {
    pub fn read(text: &str) -> Self {
        let mut found = Self::default();
        let mut block: Option<String> = None;
        for line in text.lines() {
            let words = words(line);
            let words: Vec<&str> = words.iter().map(String::as_str).collect();
            match (&block, &words[..]) {
                (_, []) => {}
                (Some(_), [")", ..]) => block = None,
                (Some(verb), rest) => found.take(&verb.clone(), rest),
                (None, [verb, "(", ..]) => block = Some((*verb).to_owned()),
                (None, [verb, rest @ ..]) => found.take(verb, rest),
            }
        }
        found
    }

    fn take(&mut self, verb: &str, words: &[&str]) {
        match (verb, words) {
            ("module", [path, ..]) => self.module = Some((*path).to_owned()),
            ("use", [dir, ..]) => self.uses.push((*dir).to_owned()),
            ("replace", [path, rest @ ..]) => {
                let by = rest.iter().skip_while(|word| **word != "=>").nth(1);
                if let Some(dir) = by.filter(|by| is_directory(by)) {
                    self.replaced.push(((*path).to_owned(), (*dir).to_owned()));
                }
            }
            _ => {}
        }
    }
}

fn is_directory(word: &str) -> bool {
    matches!(word, "." | "..")
        || ["./", "../", "/"]
            .iter()
            .any(|start| word.starts_with(start))
}

/// Words of a line without its comment. A `(` or `)` is a word of its own.
fn words(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut rest = line.trim_start();
    while let Some(first) = rest.chars().next() {
        let length = match first {
            '/' if rest.starts_with("//") => break,
            '(' | ')' => 1,
            '"' | '`' => rest[1..].find(first).map_or(rest.len(), |end| end + 2),
            _ => rest
                .find(|c: char| c.is_whitespace() || "()\"`".contains(c))
                .unwrap_or(rest.len()),
        };
        words.push(rest[..length].trim_matches(['"', '`']).to_owned());
        rest = rest[length..].trim_start();
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_and_blocks_name_directories() {
        let found = ModFile::read(
            "module \"example.com/m\" // m\n\ngo 1.21\nrequire (\n\ta.b/c v1.0.0 // indirect\n)\n\
             replace a.b/c => ../c\nreplace (\n\ta.b/d v1.2.0 => ./d // here\n\ta.b/e => a.b/f v1.0.0\n\
             \ta.b/g => \"/srv/with space\"\n)\nuse ./one\nuse (\n\t./two\n\t../three\n)\n// replace x => ./no\n",
        );
        assert_eq!(found.module.as_deref(), Some("example.com/m"));
        assert_eq!(found.uses, ["./one", "./two", "../three"]);
        let replaced: Vec<String> = found
            .replaced
            .iter()
            .map(|(path, dir)| format!("{path} {dir}"))
            .collect();
        assert_eq!(
            replaced,
            ["a.b/c ../c", "a.b/d ./d", "a.b/g /srv/with space"]
        );
    }

    #[test]
    fn what_is_no_such_file_names_nothing() {
        for text in ["", "replace =>", "use", "replace (", "\"", ")\n(", "use ("] {
            let found = ModFile::read(text);
            assert!(found.uses.is_empty() && found.replaced.is_empty(), "{text}");
        }
    }
}
