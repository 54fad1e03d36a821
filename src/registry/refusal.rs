//! A registry's own words for why it refuses (Distribution Specification, "Error Codes"), made fit for one line. What is
//! secret in them is blotted out by the session.

use crate::registry::transport::Answer;
use serde::Deserialize;
use std::io::Read;
use ureq::http::StatusCode;

/// What is read of an answer, and shown of it.
const READ: u64 = 16 << 10;
const SHOWN: usize = 300;

#[derive(Deserialize)]
struct Errors {
    errors: Vec<OneError>,
}

#[derive(Deserialize)]
struct OneError {
    #[serde(default)]
    code: String,
    #[serde(default)]
    message: Option<String>,
}

/// The words of an answer, or of its status where it has none.
pub fn words(answer: &mut Answer) -> String {
    let mut bytes = Vec::new();
    // A body that breaks off has said what it has said.
    let _ = answer.body.as_reader().take(READ).read_to_end(&mut bytes);
    let said = one_line(&said(&bytes));
    if !said.is_empty() {
        return said;
    }
    let status = StatusCode::from_u16(answer.status).ok();
    let usual = status.and_then(|status| status.canonical_reason());
    usual.unwrap_or("no reason is given").to_owned()
}

fn said(bytes: &[u8]) -> String {
    if let Ok(Errors { errors }) = serde_json::from_slice(bytes) {
        let all: Vec<String> = errors
            .into_iter()
            .map(|error| {
                error
                    .message
                    .filter(|text| !text.is_empty())
                    .unwrap_or(error.code)
            })
            .collect();
        return all.join("; ");
    }
    let text = String::from_utf8_lossy(bytes);
    // A web page for people is no reason.
    match text.trim_start().starts_with(['<', '{', '[']) {
        true => String::new(),
        false => text.into_owned(),
    }
}

/// Without control characters, which could draw on the terminal.
fn one_line(text: &str) -> String {
    let words: Vec<&str> = text
        .split(|c: char| c.is_control() || c.is_whitespace())
        .filter(|word| !word.is_empty())
        .collect();
    words.join(" ")
}

/// As much as fits into a message; only after what is secret was blotted out, so that no half of it stays.
pub fn short(text: &str) -> String {
    text.chars().take(SHOWN).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_is_one_plain_line() {
        let line = |text: &str| one_line(&said(text.as_bytes()));
        let json = r#"{"errors": [{"code": "DENIED", "message": "not\u001b[31m\nyours"}, {"code": "UNKNOWN"}]}"#;
        assert_eq!(line(json), "not [31m yours; UNKNOWN");
        assert_eq!(line("slow down\r\n"), "slow down");
        assert_eq!(line("<html>nginx</html>"), "");
        assert_eq!(line(r#"{"detail": 1}"#), "");
        assert_eq!(short(&line(&"x ".repeat(1000))).len(), SHOWN);
    }
}
