//! Pieces of a Gofile's text: strings and lists with everything escaped. What is put together from them is formatted at the end.

use std::fmt::Write;

/// A string that means just this text.
pub fn string(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        match c {
            '"' | '\\' | '$' => out.extend(['\\', c]),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

/// With each line as deep as the brackets around it: in column 0 only statements begin.
pub fn indented(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut depth = 0usize;
    for line in text.lines() {
        let (opened, closed) = brackets(line);
        let closes_first = usize::from(line.starts_with(['}', ']']));
        if !line.is_empty() {
            out.push_str(&"  ".repeat(depth.saturating_sub(closes_first)));
        }
        out.push_str(line);
        out.push('\n');
        depth = (depth + opened).saturating_sub(closed);
    }
    out
}

/// How many a line opens and closes, outside of strings and comments.
fn brackets(line: &str) -> (usize, usize) {
    let (mut opened, mut closed) = (0, 0);
    let mut in_string = false;
    let mut chars = line.chars();
    while let Some(c) = chars.next() {
        match c {
            '"' => in_string = !in_string,
            '\\' if in_string => drop(chars.next()),
            _ if in_string => {}
            '#' => break,
            '{' | '[' | '(' => opened += 1,
            '}' | ']' | ')' => closed += 1,
            _ => {}
        }
    }
    (opened, closed)
}

/// `["a", "b"]`; a single one stands alone.
pub fn one_or_more<'t>(texts: impl IntoIterator<Item = &'t str>) -> String {
    let items: Vec<String> = texts.into_iter().map(string).collect();
    match &items[..] {
        [one] => one.clone(),
        items => bracketed(items),
    }
}

pub fn list<'t>(texts: impl IntoIterator<Item = &'t str>) -> String {
    bracketed(&texts.into_iter().map(string).collect::<Vec<_>>())
}

/// On one line as long as that is a line.
pub fn bracketed(items: &[String]) -> String {
    let line = format!("[{}]", items.join(", "));
    if line.len() <= 100 {
        return line;
    }
    let mut out = String::from("[\n");
    for item in items {
        let _ = writeln!(out, "{item},");
    }
    out.push(']');
    out
}

/// `{ "A" = "b" }`, an entry a line where there are several.
pub fn map(entries: &[(String, String)]) -> String {
    let written = entries
        .iter()
        .map(|(name, value)| format!("{} = {}", key(name), string(value)));
    let written: Vec<String> = written.collect();
    match &written[..] {
        [one] => format!("{{ {one} }}"),
        all => format!("{{\n{}\n}}", all.join("\n")),
    }
}

/// A map's key: bare where it can be.
fn key(name: &str) -> String {
    let is_bare = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
        && !super::names::is_reserved(name);
    match is_bare {
        true => name.to_owned(),
        false => string(name),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_as_deep_as_their_brackets() {
        assert_eq!(
            indented("build a {\ngo {\nx = [\n\"}\", # {\n]\n}\n}\n\nlet b = 1\n"),
            "build a {\n  go {\n    x = [\n      \"}\", # {\n    ]\n  }\n}\n\nlet b = 1\n"
        );
    }

    #[test]
    fn texts_are_escaped() {
        assert_eq!(string("a \"b\" $c \\d"), r#""a \"b\" \$c \\d""#);
        assert_eq!(list(["a", "b"]), r#"["a", "b"]"#);
        assert_eq!(one_or_more(["a"]), r#""a""#);
        assert_eq!(
            map(&[("A".into(), "1".into()), ("if".into(), "$x".into())]),
            "{\nA = \"1\"\n\"if\" = \"\\$x\"\n}"
        );
    }
}
