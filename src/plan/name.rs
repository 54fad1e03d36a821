//! Names of instances as text: `dist[linux,amd64]`, `deploy(host=web1)`, written and read back. An item that is empty
//! or holds a blank or one of `, [ ] ( ) = " \ *` stands in double quotes, with `\"` and `\\` inside.
//! Does not know which targets exist.

use crate::base::digest::Digest;
use crate::plan::value::{Selector, Value};
use std::fmt;

/// A word of the command line, taken apart.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Word {
    /// `dist`, `api:dist`.
    pub name: String,
    /// None without brackets.
    pub select: Option<Vec<Item>>,
    /// None without parentheses.
    pub args: Option<Vec<(String, String)>>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Item {
    Any,
    Is(String),
}

impl fmt::Display for Word {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let items = self.select.iter().flatten().map(|item| match item {
            Item::Any => "*".to_owned(),
            Item::Is(text) => quoted(text),
        });
        f.write_str(&bracketed(&self.name, &items.collect::<Vec<_>>()))?;
        match &self.args {
            Some(args) => f.write_str(&instance_name("", &[], args)),
            None => Ok(()),
        }
    }
}

/// A file's name for a target. Names are not paths (`dist[linux,amd64]`, `api:app`), so what cannot stand in a file's name is
/// replaced, and a digest of the name keeps two of them apart.
pub fn file_name(name: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    let mut escaped: String = name
        .chars()
        .map(|c| if is_plain(c) { c } else { '_' })
        .collect();
    // File systems take names of 255 bytes.
    escaped.truncate(100);
    if escaped != name || name.starts_with('.') {
        escaped.push('-');
        escaped.push_str(&Digest::of(name.as_bytes()).hex()[..8]);
    }
    escaped
}

/// The text of a value that can stand in an instance's name: strings, integers, booleans, targets, and lists of them.
pub fn plain_text(value: &Value) -> Option<String> {
    match value {
        Value::Str(text) | Value::Optional(text) => Some(text.to_string()),
        Value::Int(number) => Some(number.to_string()),
        Value::Bool(flag) => Some(flag.to_string()),
        Value::Target(target) => {
            let items: Vec<String> = target
                .select
                .iter()
                .map(|selector| match selector {
                    Selector::Any => "*".to_owned(),
                    Selector::Is(text) => quoted(text),
                })
                .collect();
            Some(bracketed(&target.name, &items))
        }
        Value::List(items) => {
            let texts: Option<Vec<String>> = items.iter().map(plain_text).collect();
            Some(texts?.join(" "))
        }
        Value::Unknown(name) => Some(format!("‹{name}›")),
        Value::Map(_) | Value::Secret(_) | Value::Volatile(_) | Value::Bad => None,
    }
}

/// `dist[linux,amd64](tier=prod)`; without items and arguments the plain name.
pub fn instance_name(name: &str, items: &[String], args: &[(String, String)]) -> String {
    let items: Vec<String> = items.iter().map(|item| quoted(item)).collect();
    let mut text = bracketed(name, &items);
    if !args.is_empty() {
        let args: Vec<String> = args
            .iter()
            .map(|(name, value)| format!("{name}={}", quoted(value)))
            .collect();
        text.push_str(&format!("({})", args.join(",")));
    }
    text
}

fn bracketed(name: &str, items: &[String]) -> String {
    if items.is_empty() {
        name.to_owned()
    } else {
        format!("{name}[{}]", items.join(","))
    }
}

fn quoted(item: &str) -> String {
    let plain = |c: char| !c.is_whitespace() && !c.is_control() && !",[]()=\"\\*".contains(c);
    if !item.is_empty() && item.chars().all(plain) {
        return item.to_owned();
    }
    format!("\"{}\"", item.replace('\\', "\\\\").replace('"', "\\\""))
}

/// Takes a word apart; None where brackets, parentheses or quotes do not close.
pub fn parse_word(word: &str) -> Option<Word> {
    let end = word.find(['[', '(']).unwrap_or(word.len());
    let mut parsed = Word {
        name: word[..end].to_owned(),
        ..Word::default()
    };
    let mut rest = &word[end..];
    if let Some(inner) = rest.strip_prefix('[') {
        let (items, after) = split_items(inner, ']')?;
        rest = after;
        parsed.select = Some(
            items
                .into_iter()
                .map(|(text, was_quoted)| {
                    if text == "*" && !was_quoted {
                        Item::Any
                    } else {
                        Item::Is(text)
                    }
                })
                .collect(),
        );
    }
    if let Some(inner) = rest.strip_prefix('(') {
        let (items, after) = split_items(inner, ')')?;
        rest = after;
        let args: Option<Vec<(String, String)>> = items
            .into_iter()
            .filter(|(text, _)| !text.is_empty())
            .map(|(text, _)| {
                let (name, value) = text.split_once('=')?;
                Some((name.trim().to_owned(), value.to_owned()))
            })
            .collect();
        parsed.args = Some(args?);
    }
    rest.is_empty().then_some(parsed)
}

/// Items up to the closing character, each with whether it was quoted, and what follows.
fn split_items(text: &str, close: char) -> Option<(Vec<(String, bool)>, &str)> {
    let mut items = Vec::new();
    let (mut item, mut was_quoted, mut inside) = (String::new(), false, false);
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' if inside => item.push(chars.next()?),
            '"' => {
                inside = !inside;
                was_quoted = true;
            }
            c if inside => item.push(c),
            c if c == close || c == ',' => {
                let text = if was_quoted {
                    item.as_str()
                } else {
                    item.trim()
                };
                items.push((text.to_owned(), was_quoted));
                (item, was_quoted) = (String::new(), false);
                if c == close {
                    return Some((items, chars.as_str()));
                }
            }
            c => item.push(c),
        }
    }
    None
}

/// Reads a text of the command line as a value like `like`, the default that it stands in for; a list is split as a
/// shell would. The error says what was expected.
///
/// # Errors
/// When the text is no such value.
pub fn read_like(text: &str, like: &Value) -> Result<Value, &'static str> {
    match like {
        Value::Bool(_) => match text {
            "true" => Ok(Value::Bool(true)),
            "false" => Ok(Value::Bool(false)),
            _ => Err("`true` or `false`"),
        },
        Value::Int(_) => text.parse().map(Value::Int).map_err(|_| "an integer"),
        Value::List(items) => {
            let words = shlex::split(text).ok_or("a list of words with closed quotes")?;
            let item = items.first().cloned().unwrap_or_else(|| Value::str(""));
            let items: Result<Vec<Value>, _> =
                words.iter().map(|word| read_like(word, &item)).collect();
            items.map(Value::list)
        }
        _ => Ok(Value::str(text)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_read_back_as_they_were_written() {
        let items = [
            "linux".to_owned(),
            "a,b]\"\\ c".to_owned(),
            String::new(),
            "*".to_owned(),
        ];
        let name = instance_name(
            "api:dist",
            &items,
            &[("host".to_owned(), "a)=b".to_owned())],
        );
        assert_eq!(name, r#"api:dist[linux,"a,b]\"\\ c","","*"](host="a)=b")"#);
        let word = parse_word(&name).expect("reads back");
        assert_eq!(word.to_string(), name);
        assert_eq!(word.name, "api:dist");
        let select: Vec<Item> = items.into_iter().map(Item::Is).collect();
        assert_eq!(word.select, Some(select));
        assert_eq!(
            word.args,
            Some(vec![("host".to_owned(), "a)=b".to_owned())])
        );
    }

    #[test]
    fn a_bare_star_selects_all_and_unclosed_words_are_refused() {
        let word = parse_word("dist[linux, *]").expect("closed");
        assert_eq!(
            word.select,
            Some(vec![Item::Is("linux".to_owned()), Item::Any])
        );
        assert_eq!(parse_word("dist[linux"), None);
        assert_eq!(parse_word("dist[linux]x"), None);
        assert_eq!(parse_word("deploy(web1)"), None);
    }

    #[test]
    fn texts_take_the_type_of_the_default() {
        assert_eq!(read_like("3", &Value::Int(1)), Ok(Value::Int(3)));
        assert_eq!(read_like("x", &Value::Int(1)), Err("an integer"));
        assert_eq!(
            read_like("yes", &Value::Bool(true)),
            Err("`true` or `false`")
        );
        let list = Value::list(vec![]);
        assert_eq!(
            read_like("a 'b c'", &list),
            Ok(Value::list(vec![Value::str("a"), Value::str("b c")]))
        );
        assert_eq!(read_like("a b", &Value::str("")), Ok(Value::str("a b")));
    }
}
