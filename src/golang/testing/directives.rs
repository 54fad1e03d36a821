//! What of a `go.mod` or a `go.work` changes how packages are built (https://go.dev/ref/mod#go-mod-file): all but which modules there
//! are, since each package is known by the versions of the modules that it imports.

/// Verbs that say how to build.
const COUNTED: &[&str] = &["module", "go", "toolchain", "godebug"];

/// The directives that count, one a line, without comments and with single blanks.
pub fn directives(text: &str) -> String {
    let mut counted = String::new();
    let mut block: Option<String> = None;
    for line in text.lines() {
        let line = line.split("//").next().unwrap_or_default();
        let mut words: Vec<&str> = line.split_whitespace().collect();
        let Some(&first) = words.first() else {
            continue;
        };
        if let Some(verb) = &block {
            if first == ")" {
                block = None;
                continue;
            }
            let verb = verb.clone();
            words.insert(0, &verb);
            push(&mut counted, &words);
            continue;
        }
        if words.last().is_some_and(|last| last.ends_with('(')) {
            block = Some(first.trim_end_matches('(').to_owned());
            continue;
        }
        push(&mut counted, &words);
    }
    counted
}

fn push(counted: &mut String, words: &[&str]) {
    if words.first().is_some_and(|verb| COUNTED.contains(verb)) {
        counted.push_str(&words.join(" "));
        counted.push('\n');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modules_come_and_go_without_a_change() {
        let text = "module  ex.com/a // ours\n\ngo 1.21\n\nrequire ex.com/b v1.0.0\nrequire (\n\tex.com/c v1.0.0 // indirect\n)\ngodebug (\n\tdefault=go1.21\n)\ntoolchain go1.22.1\nexclude(\n\tx v1\n)\n";
        assert_eq!(
            directives(text),
            "module ex.com/a\ngo 1.21\ngodebug default=go1.21\ntoolchain go1.22.1\n"
        );
        assert_eq!(directives(""), "");
    }
}
