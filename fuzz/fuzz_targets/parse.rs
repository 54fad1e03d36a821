//! Any text parses or is refused; nothing panics, and every place lies within the text, between characters.
#![no_main]

use gomake::base::source::Span;
use gomake::lang::ast::{Item, Statement};
use gomake::lang::parse::parse;
use libfuzzer_sys::fuzz_target;
use miette::Diagnostic;

/// Not zero, so that a local offset taken for a global one shows.
const BASE: u32 = 1 << 20;

fn check(text: &str, span: Span) {
    assert!(span.start >= BASE && span.start <= span.end, "{span:?}");
    let (start, end) = ((span.start - BASE) as usize, (span.end - BASE) as usize);
    assert!(text.get(start..end).is_some(), "{span:?} of {}", text.len());
}

fuzz_target!(|text: &str| {
    let (file, errors) = parse(text, BASE);
    for error in &errors {
        check(text, error.span());
        for label in error.labels().into_iter().flatten() {
            check(text, Span::new(label.offset(), label.offset() + label.len()));
        }
    }
    for comment in &file.comments {
        check(text, comment.span);
    }
    for statement in &file.statements {
        match statement {
            Statement::Edition { span, .. } | Statement::Settings { span, .. } => check(text, *span),
            Statement::Let(binding) => check(text, binding.value.span),
            Statement::Include(include) => check(text, include.span),
            Statement::Target(target) => {
                check(text, target.span);
                check(text, target.header);
                for item in &target.body {
                    if let Item::Run(script) = item {
                        check(text, script.span);
                        assert_eq!(script.line_starts.len(), script.text.split('\n').count());
                        for (&at, line) in script.line_starts.iter().zip(script.text.split('\n')) {
                            let at = (at - BASE) as usize;
                            assert_eq!(text.get(at..at + line.len()), Some(line));
                        }
                    }
                }
            }
        }
    }
});
