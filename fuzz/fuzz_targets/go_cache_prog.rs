//! Whatever the Go tool says is read to its end without a panic, and of a body no more comes out than went in.
#![no_main]

use gomake::golang::cacheprog::{Message, Requests};
use libfuzzer_sys::fuzz_target;
use std::io::BufReader;

fuzz_target!(|bytes: &[u8]| {
    // A small buffer, so that pieces end everywhere.
    let at_once = usize::from(bytes.first().copied().unwrap_or_default() % 16) + 1;
    let mut requests = Requests::new(BufReader::with_capacity(at_once, bytes));
    let mut left = bytes.len() as u64;
    while let Ok(Some(message)) = requests.read() {
        let size = match message {
            Message::Request(request) => request.body_size,
            Message::Wrong { has_body, .. } => u64::from(has_body),
        };
        if size == 0 {
            continue;
        }
        let mut taken = 0;
        let Ok(body) = requests.body(size, &mut |piece| taken += piece.len() as u64) else {
            return;
        };
        assert!(body.is_err() || taken == size);
        assert!(taken < left);
        left -= taken;
    }
});
