//! What Go writes is read, what nobody should write is refused, and what follows it is still understood where it can be.

use super::*;
use proptest::prelude::*;
use std::io::BufReader;

fn requests(text: &[u8]) -> Requests<&[u8]> {
    Requests::new(text)
}

fn one(text: &str) -> Result<Option<Message>, String> {
    requests(text.as_bytes())
        .read()
        .map_err(|error| error.to_string())
}

/// As `writeToChild` of Go 1.26 has it.
fn put(id: i64, body: &[u8]) -> String {
    let size = match body.len() {
        0 => String::new(),
        size => format!(r#","BodySize":{size}"#),
    };
    let mut text = format!(
        "{{\"ID\":{id},\"Command\":\"put\",\"ActionID\":\"AQI=\",\"OutputID\":\"AwQ=\"{size}}}\n\n"
    );
    if !body.is_empty() {
        text += &format!("\"{}\"\n", BASE64.encode(body));
    }
    text
}

/// The body of the request that was just read.
fn body(
    requests: &mut Requests<impl BufRead>,
    size: u64,
) -> Result<Result<Vec<u8>, &'static str>, String> {
    let mut bytes = Vec::new();
    let read = requests.body(size, &mut |piece| bytes.extend_from_slice(piece));
    let read = read.map_err(|error| error.to_string())?;
    Ok(read.map(|()| bytes))
}

#[test]
fn requests_are_read_as_go_writes_them() {
    let text = format!(
        "{{\"ID\":1,\"Command\":\"get\",\"ActionID\":\"AQI=\"}}\n\n{}{}{{\"ID\":4,\"Command\":\"close\"}}\n\n",
        put(2, b"body"),
        put(3, b"")
    );
    let mut requests = requests(text.as_bytes());
    let mut next = || match requests.read() {
        Ok(Some(Message::Request(request))) => {
            let body = match request.body_size {
                0 => Vec::new(),
                size => body(&mut requests, size).unwrap().unwrap(),
            };
            Some((request, body))
        }
        Ok(None) => None,
        other => panic!("{other:?}"),
    };
    let (get, _) = next().unwrap();
    assert_eq!((get.id, get.asked, get.action), (1, Asked::Get, vec![1, 2]));
    let (put, body) = next().unwrap();
    assert_eq!((put.id, put.asked), (2, Asked::Put));
    assert_eq!((put.output, body), (vec![3, 4], b"body".to_vec()));
    let (empty, _) = next().unwrap();
    assert_eq!((empty.id, empty.asked, empty.body_size), (3, Asked::Put, 0));
    assert_eq!(next().unwrap().0.asked, Asked::Close);
    assert!(next().is_none());
}

#[test]
fn what_is_no_request_ends_the_talk() {
    for (text, why) in [
        ("nonsense\n", "no JSON object"),
        ("[1]\n", "no JSON object"),
        ("{\"ID\":1}\n", "missing field `Command`"),
        ("{\"Command\":\"get\"}\n", "missing field `ID`"),
        ("{\"ID\":1.5,\"Command\":\"get\"}\n", "no JSON object"),
        (
            "{\"ID\":99999999999999999999,\"Command\":\"get\"}\n",
            "no JSON",
        ),
        ("{\"ID\":1,\"Command\":7}\n", "no JSON object"),
        ("{\"ID\":1,\"Comm", "in the middle"),
        ("\u{0}\u{0}\n", "no JSON object"),
    ] {
        let said = one(text).unwrap_err();
        assert!(said.contains(why), "{text:?}: {said}");
    }
    let endless = format!("{{\"ID\":1,\"Command\":\"{}\"}}\n", "x".repeat(1 << 20));
    assert!(one(&endless).unwrap_err().contains("longer than 65536"));
    for nothing in ["", "\n", "\n\n  \r\n", "   "] {
        assert_eq!(one(nothing), Ok(None), "{nothing:?}");
    }
}

#[test]
fn what_can_be_answered_is_wrong_and_no_end() {
    for (rest, said) in [
        (r#""Command":"get","ActionID":"*""#, "not base64"),
        (r#""Command":"get","ActionID":"AQ""#, "not base64"),
        (r#""Command":"put""#, "put without an ActionID"),
        (r#""Command":"get","ActionID":null"#, "get without"),
        (r#""Command":"close","BodySize":-1"#, "BodySize is -1"),
    ] {
        match one(&format!("{{\"ID\":7,{rest}}}\n")) {
            Ok(Some(Message::Wrong {
                id: 7,
                why,
                has_body: false,
            })) => assert!(why.contains(said), "{why}"),
            other => panic!("{rest}: {other:?}"),
        }
    }
    let Ok(Some(Message::Request(other))) = one("{\"ID\":7,\"Command\":\"get2\",\"New\":[1]}\n")
    else {
        panic!("a request of a later Go")
    };
    assert_eq!(other.asked, Asked::Other("get2".to_owned()));
}

#[test]
fn a_body_that_is_wrong_is_read_to_its_end() {
    for (text, why) in [
        ("\"AQI=\"", "not as long"),
        ("\"\"", "not as long"),
        ("\"AQI\"", "not base64"),
        ("\"A?I=\"", "not base64"),
        ("\"AQ==AQI=\"", "not base64"),
        ("\"AQ\\u0049=\"", "not base64"),
        ("\"\u{e4}\u{e4}\"", "not base64"),
    ] {
        let text = format!("{text}\n{{\"ID\":1,\"Command\":\"close\"}}\n");
        let mut requests = requests(text.as_bytes());
        let said = body(&mut requests, 4).unwrap().unwrap_err();
        assert!(said.contains(why), "{text}: {said}");
        assert!(matches!(requests.read(), Ok(Some(_))), "{text}");
    }
    // Where the end came in a piece before.
    let text = "\"AQ==AQI=\"\n";
    let mut slow = Requests::new(BufReader::with_capacity(5, text.as_bytes()));
    let said = body(&mut slow, 3).unwrap().unwrap_err();
    assert!(said.contains("behind its end"), "{said}");
    for (text, why) in [
        ("\"AQI=", "in the middle"),
        ("", "in the middle"),
        ("{}", "quote"),
    ] {
        let said = body(&mut requests(text.as_bytes()), 2).unwrap_err();
        assert!(said.contains(why), "{text}: {said}");
    }
}

#[test]
fn answers_are_as_go_reads_them() {
    let text = |line: Vec<u8>| String::from_utf8(line).unwrap();
    assert_eq!(
        text(greeting()),
        "{\"ID\":0,\"KnownCommands\":[\"get\",\"put\",\"close\"]}\n"
    );
    let hit = Reply::Hit {
        output: &[1, 2],
        size: 4,
        time: "2026-11-23T12:00:00Z".to_owned(),
        path: "/c/\"x\"",
    };
    assert_eq!(
        text(answer(3, hit)),
        "{\"ID\":3,\"OutputID\":\"AQI=\",\"Size\":4,\"Time\":\"2026-11-23T12:00:00Z\",\"DiskPath\":\"/c/\\\"x\\\"\"}\n"
    );
    assert_eq!(text(answer(4, Reply::Miss)), "{\"ID\":4,\"Miss\":true}\n");
    assert_eq!(text(answer(5, Reply::Closed)), "{\"ID\":5}\n");
    assert_eq!(
        text(answer(6, Reply::Failed("no\nroom"))),
        "{\"ID\":6,\"Err\":\"no\\nroom\"}\n"
    );
}

#[test]
fn it_is_spoken_from_1_24_on() {
    for version in [
        "go1.24",
        "go1.24rc1",
        "go1.26.8",
        "devel go1.25-1a2b3c Mon Nov 23",
        "go1.25.1 X:nocoverageredesign",
        "go1.100",
    ] {
        assert!(is_spoken_by(version), "{version}");
    }
    for version in [
        "",
        "go1",
        "go1.",
        "go1.23.9",
        "go1.3",
        "go2.0",
        "gccgo 14",
        "1.26",
        "devel +1a2b3c",
        "go1.99999999999999999999",
    ] {
        assert!(!is_spoken_by(version), "{version}");
    }
}

proptest! {
    /// However the bytes come, and however few at once.
    #[test]
    fn bodies_come_out_as_they_went_in(bytes in proptest::collection::vec(any::<u8>(), 1..300), at_once in 1usize..9) {
        let text = put(1, &bytes);
        let mut requests = Requests::new(BufReader::with_capacity(at_once, text.as_bytes()));
        let Ok(Some(Message::Request(request))) = requests.read() else { panic!("a request") };
        prop_assert_eq!(request.body_size, bytes.len() as u64);
        prop_assert_eq!(body(&mut requests, request.body_size), Ok(Ok(bytes)));
        prop_assert_eq!(requests.read().unwrap(), None);
    }

    #[test]
    fn any_bytes_are_requests_or_an_end(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let mut requests = requests(&bytes);
        while let Ok(Some(_)) = requests.read() {
            if requests.body(1, &mut |_| ()).is_err() { break }
        }
    }
}
