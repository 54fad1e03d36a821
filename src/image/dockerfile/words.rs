//! The words of an instruction: flags, JSON lists, assignments, here-documents. Follows BuildKit's parser, whose rules for
//! quotes differ from place to place.

/// A here-document that a line announces.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Document {
    /// The line that ends it.
    pub(super) end: String,
    /// `<<-`.
    pub(super) takes_tabs: bool,
}

/// The leading `--flags` without their quotes, and what follows. A `--` alone ends them.
pub(super) fn flags(text: &str) -> (Vec<String>, &str) {
    let mut flags = Vec::new();
    let mut rest = text.trim_start();
    while rest.starts_with("--") {
        let (flag, behind) = flag(rest);
        rest = behind.trim_start();
        if flag == "--" {
            break;
        }
        flags.push(flag);
    }
    (flags, rest)
}

/// One word without quotes and escapes, and what follows.
fn flag(text: &str) -> (String, &str) {
    let mut word = String::new();
    let mut quote = None;
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        match (c, quote) {
            (c, None) if c.is_whitespace() => return (word, &text[at..]),
            ('\'' | '"', None) => quote = Some(c),
            (c, Some(open)) if c == open => quote = None,
            ('\\', _) => word.extend(chars.next().map(|(_, c)| c)),
            (c, _) => word.push(c),
        }
    }
    (word, "")
}

/// The list of a JSON form, or None for a shell form. As Go's decoder does, reads no further than the list.
pub(super) fn json(text: &str) -> Option<Vec<String>> {
    if !text.trim_start().starts_with('[') {
        return None;
    }
    let mut values = serde_json::Deserializer::from_str(text).into_iter::<Vec<String>>();
    values.next()?.ok()
}

/// Words with their quotes and escapes, as ENV and ARG take them: blanks in quotes or behind an escape are part of a word.
pub(super) fn quoted(text: &str, escape: char) -> Vec<String> {
    let mut words = Vec::new();
    let mut word = String::new();
    let mut quote = None;
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        if c.is_whitespace() && quote.is_none() {
            if !word.is_empty() {
                words.push(std::mem::take(&mut word));
            }
            continue;
        }
        word.push(c);
        match quote {
            None if c == '\'' || c == '"' => quote = Some(c),
            Some(open) if c == open => quote = None,
            // In single quotes an escape is a character like any other.
            Some('\'') => {}
            _ if c == escape => word.extend(chars.next()),
            _ => {}
        }
    }
    if !word.is_empty() {
        words.push(word);
    }
    words
}

/// The here-documents that a line announces, in order.
pub(super) fn documents(line: &str, escape: char) -> Vec<Document> {
    quoted(line, escape)
        .iter()
        .filter_map(|word| document(word))
        .collect()
}

/// `<<EOF`, `<<-"EOF"`, `3<<EOF`; `<<<` is none.
pub(super) fn document(word: &str) -> Option<Document> {
    let text = word
        .trim_start_matches(|c: char| c.is_ascii_digit())
        .strip_prefix("<<")?;
    let (takes_tabs, name) = match text.strip_prefix('-') {
        Some(name) => (true, name),
        None => (false, text),
    };
    if name.is_empty() || name.contains('<') {
        return None;
    }
    let (end, behind) = flag(name);
    behind.is_empty().then_some(Document { end, takes_tabs })
}

/// The names and values of ENV and ARG as written; a name alone has no value. ENV's older form has one name and the rest of
/// the line (Dockerfile reference, "ENV").
pub(super) fn assignments(text: &str, escape: char, older: Older) -> Vec<(String, Option<String>)> {
    let words = quoted(text, escape);
    let first_is_name = words.first().is_some_and(|word| !word.contains('='));
    if older == Older::Taken && first_is_name {
        let (name, value) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
        return vec![(name.to_owned(), Some(value.trim_start().to_owned()))];
    }
    let split = |word: &String| match word.split_once('=') {
        Some((name, value)) => (name.to_owned(), Some(value.to_owned())),
        None => (word.clone(), None),
    };
    words.iter().map(split).collect()
}

/// Whether `NAME value` is an assignment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Older {
    Taken,
    None,
}
