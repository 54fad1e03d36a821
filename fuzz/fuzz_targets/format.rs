//! What parses prints to a text of the same shape and with the same comments, which prints to itself.
#![no_main]

use gomake::lang::ast::File;
use gomake::lang::format::format;
use gomake::lang::parse::parse;
use gomake::lang::shape::shape;
use libfuzzer_sys::fuzz_target;

fn comments(file: &File) -> Vec<&str> {
    file.comments.iter().map(|comment| comment.text.as_str()).collect()
}

fuzz_target!(|text: &str| {
    let Ok(printed) = format(text) else { return };
    let (before, _) = parse(text, 0);
    let (after, errors) = parse(&printed, 0);
    assert!(errors.is_empty(), "{printed}\n{errors:?}");
    assert_eq!(shape(&before), shape(&after));
    assert_eq!(comments(&before), comments(&after));
    assert_eq!(format(&printed).expect("it parsed"), printed);
});
