//! A whole talk: what the Go tool says, and what it hears.

use super::*;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::{Value, json};

struct Fixture {
    _dir: tempfile::TempDir,
    cache: GoCache,
}

impl Fixture {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let cache = GoCache::open(&dir.path().join("cache"), u64::MAX);
        Self { _dir: dir, cache }
    }
    fn talk(&self, said: &str) -> (Vec<Value>, Result<(), String>) {
        let mut heard = Vec::new();
        let done = serve(said.as_bytes(), &mut heard, &self.cache);
        let lines = heard.split(|byte| *byte == b'\n');
        let lines = lines.filter(|line| !line.is_empty());
        let heard = lines.map(|line| serde_json::from_slice(line).unwrap());
        (heard.collect(), done.map_err(|error| error.to_string()))
    }
}

fn get(id: i64, action: &str) -> String {
    format!(
        "{{\"ID\":{id},\"Command\":\"get\",\"ActionID\":\"{}\"}}\n\n",
        BASE64.encode(action)
    )
}

fn put(id: i64, action: &str, body: &[u8], size: usize) -> String {
    let (action, text) = (BASE64.encode(action), BASE64.encode(body));
    let body = match size {
        0 => String::new(),
        _ => format!("\"{text}\"\n"),
    };
    format!(
        "{{\"ID\":{id},\"Command\":\"put\",\"ActionID\":\"{action}\",\"OutputID\":\"b3V0\",\"BodySize\":{size}}}\n\n{body}"
    )
}

const CLOSE: &str = "{\"ID\":99,\"Command\":\"close\"}\n\n";

#[test]
fn requests_are_answered_until_the_end() {
    let f = Fixture::new();
    let body = vec![b'x'; 500_000];
    let (heard, done) = f.talk(
        &[
            get(1, "a"),
            put(2, "a", &body, body.len()),
            put(3, "empty", b"", 0),
            get(4, "a"),
            get(5, "empty"),
            CLOSE.to_owned(),
            get(6, "a"),
        ]
        .concat(),
    );
    done.unwrap();
    assert_eq!(heard.len(), 6, "nothing is answered behind the end");
    assert_eq!(heard[0], json!({"ID": 1, "Miss": true}));
    let path = heard[1]["DiskPath"].as_str().unwrap();
    assert_eq!(crate::base::fs::read(Path::new(path)).unwrap(), body);
    let hit = heard[3].as_object().unwrap();
    assert_eq!(
        (&hit["OutputID"], &hit["Size"]),
        (&json!("b3V0"), &json!(500_000))
    );
    assert_eq!(hit["DiskPath"], heard[1]["DiskPath"]);
    let time = hit["Time"].as_str().unwrap();
    assert!(
        time.starts_with("20") && time.ends_with('Z') && time.len() == 30,
        "{time}"
    );
    assert_eq!(heard[4]["DiskPath"], heard[2]["DiskPath"]);
    assert_eq!(heard[4].get("Size"), None);
    assert_eq!(heard[5], json!({"ID": 99}));
}

#[test]
fn a_wrong_request_is_answered_and_the_next_one_too() {
    let f = Fixture::new();
    let (heard, done) = f.talk(
        &[
            put(1, "a", b"four", 5),
            put(2, "", b"four", 4),
            "{\"ID\":3,\"Command\":\"get2\",\"BodySize\":2}\n\"QUI=\"\n".to_owned(),
            get(4, "a"),
            CLOSE.to_owned(),
        ]
        .concat(),
    );
    done.unwrap();
    let said = |at: usize| heard[at]["Err"].as_str().unwrap();
    assert!(said(0).contains("not as long"), "{heard:?}");
    assert!(said(1).contains("without an ActionID"), "{heard:?}");
    assert!(said(2).contains("get2"), "{heard:?}");
    assert_eq!(heard[3], json!({"ID": 4, "Miss": true}));
    assert_eq!(heard.len(), 5);
}

#[test]
fn a_go_tool_that_ends_or_talks_nonsense_is_left() {
    let f = Fixture::new();
    let (heard, done) = f.talk(&put(1, "a", b"four", 4));
    assert_eq!((heard.len(), done), (1, Ok(())));
    let whole = put(2, "b", b"four", 4);
    let (heard, done) = f.talk(&whole[..whole.len() - 4]);
    assert!(heard.is_empty());
    assert!(done.unwrap_err().contains("in the middle"));
    let (_, done) = f.talk("hello\n");
    assert!(done.unwrap_err().contains("no JSON object"));
    let (heard, _) = f.talk(&[get(1, "a"), get(2, "b")].concat());
    assert_eq!(heard[0]["Size"], 4);
    assert_eq!(heard[1], json!({"ID": 2, "Miss": true}));
}

#[test]
fn words_are_a_directory_and_a_limit() {
    let read = |words: &[&str]| {
        let words: Vec<OsString> = words.iter().map(OsString::from).collect();
        place(&words)
    };
    assert_eq!(read(&["/c", "7"]), Ok(("/c".into(), 7)));
    assert_eq!(read(&["/c"]), Ok(("/c".into(), CACHE_LIMIT)));
    for wrong in [&["c"][..], &["/c", "x"], &["/c", "-1"], &["/c", "1", "2"]] {
        assert!(read(wrong).is_err(), "{wrong:?}");
    }
}
