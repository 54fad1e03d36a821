use crate::event::tests::{TestCase, TestOutcome};
use crate::execute::test_report::{LONGEST_TEXT, Parsed, parse};
use proptest::prelude::*;
use std::fmt::Write;

/// A case a line, and the damage at the end.
fn told(text: &str) -> String {
    let Parsed { report, damage } = parse(text.as_bytes());
    let mut out = String::new();
    for case in &report.cases {
        let _ = writeln!(out, "{}", line(case));
    }
    if let Some(damage) = damage {
        let _ = writeln!(out, "damage at {:?}: {}", damage.line, damage.what);
    }
    out
}
fn line(case: &TestCase) -> String {
    let mut out = format!("{} | {}", case.suite, case.name);
    if let Some(took) = case.took {
        out.push_str(&format!(" | {took:?}"));
    }
    if let Some((file, line)) = &case.place {
        out.push_str(&format!(" | {file}:{line}"));
    }
    out.push_str(&match &case.outcome {
        TestOutcome::Passed => " | passed".to_owned(),
        TestOutcome::Skipped { message } => format!(" | skipped {message:?}"),
        TestOutcome::Failed { message, text } => format!(" | failed {message:?} {text:?}"),
    });
    out
}

#[test]
fn pytest() {
    insta::assert_snapshot!(told(
        r#"<?xml version="1.0" encoding="utf-8"?><testsuites name="pytest tests"><testsuite name="pytest" errors="1" failures="1" skipped="1" tests="4" time="0.042" timestamp="2024-05-01T10:00:00.000000+00:00" hostname="h">
<testcase classname="tests.test_x" name="test_ok" file="tests/test_x.py" line="4" time="0.001" />
<testcase classname="tests.test_x" name="test_bad[a &lt; b]" file="tests/test_x.py" line="7" time="0.002"><failure message="AssertionError: assert 1 == 2&#10;  +1">def test_bad():
&gt;       assert 1 == 2
E       AssertionError: assert 1 == 2

tests/test_x.py:9: AssertionError</failure></testcase>
<testcase classname="tests.test_x" name="test_skip" time="0.000"><skipped type="pytest.skip" message="not on linux">/t/test_x.py:12: not on linux</skipped></testcase>
<testcase classname="" name="tests.test_y" time="0.000"><error message="collection failure">ImportError: no module named y</error></testcase>
</testsuite></testsuites>"#
    ));
}

#[test]
fn jest_nextest_surefire_and_googletest() {
    insta::assert_snapshot!(told(
        r#"<testsuites name="jest tests" tests="2">
  <testsuite name="math" file="src/math.test.js"><testcase classname="math adds" name="math adds" time="0.003"/>
    <testcase classname="math" name="divides" time="0.1" line="12"><failure>Error: expect(received).toBe(expected)
    at Object.&lt;anonymous&gt; (/repo/src/math.test.js:12:5)</failure></testcase></testsuite>
  <testsuite name="app::bin/app" tests="1"><testcase name="tests::flaky" classname="app::bin/app" time="0.01"><flakyFailure message="once"><system-out>no</system-out></flakyFailure></testcase>
    <testcase name="tests::bad" classname="app::bin/app"><failure message="thread 'tests::bad' panicked at src/lib.rs:7:9" type="test failure">assertion failed</failure><rerunFailure message="again"/><system-out><![CDATA[running 1 test <x>]]></system-out></testcase></testsuite>
  <testsuite name="com.x.BigTest" time="1,234.5"><properties><property name="a" value="b"/></properties><testcase name="slow" classname="com.x.BigTest" time="1,234.5"/></testsuite>
  <testsuite name="Suite"><testcase name="Off" status="notrun" classname="Suite"/><testsuite name="inner"><testcase name="deep"/></testsuite></testsuite>
  <testsuite name="broken"><error message="setup failed"/></testsuite>
</testsuites>"#
    ));
}

#[test]
fn go_test() {
    insta::assert_snapshot!(told(
        r#"go: downloading example.com/x v1.0.0
{"Action":"start","Package":"example.com/m/a"}
{"Action":"run","Package":"example.com/m/a","Test":"TestOK"}
{"Action":"output","Package":"example.com/m/a","Test":"TestOK","Output":"=== RUN   TestOK\n"}
{"Action":"pass","Package":"example.com/m/a","Test":"TestOK","Elapsed":0.01}
{"Action":"run","Package":"example.com/m/a","Test":"TestBad"}
{"Action":"run","Package":"example.com/m/a","Test":"TestBad/sub"}
{"Action":"output","Package":"example.com/m/a","Test":"TestBad/sub","Output":"    a_test.go:12: got 1, want 2\n"}
{"Action":"output","Package":"example.com/m/a","Test":"TestBad/sub","Output":"    --- FAIL: TestBad/sub (0.00s)\n"}
{"Action":"fail","Package":"example.com/m/a","Test":"TestBad/sub","Elapsed":0}
{"Action":"fail","Package":"example.com/m/a","Test":"TestBad","Elapsed":0}
{"Action":"output","Package":"example.com/m/a","Test":"TestSkip","Output":"    a_test.go:20: needs a network\n"}
{"Action":"skip","Package":"example.com/m/a","Test":"TestSkip","Elapsed":0}
{"Action":"fail","Package":"example.com/m/a","Elapsed":0.2}
{"ImportPath":"example.com/m/b [example.com/m/b.test]","Action":"build-output","Output":"b/b_test.go:3:8: undefined: x\n"}
{"ImportPath":"example.com/m/b [example.com/m/b.test]","Action":"build-fail"}
{"Action":"start","Package":"example.com/m/b"}
{"Action":"output","Package":"example.com/m/b","Output":"FAIL\texample.com/m/b [build failed]\n"}
{"Action":"fail","Package":"example.com/m/b","Elapsed":0,"FailedBuild":"example.com/m/b [example.com/m/b.test]"}
{"Action":"run","Package":"example.com/m/c","Test":"TestHangs"}
{"Action":"out"#
    ));
}

#[test]
fn tap_with_subtests_of_node() {
    insta::assert_snapshot!(told(
        "TAP version 13\n\
         # Subtest: math\n\
         \x20   # Subtest: adds\n\
         \x20   ok 1 - adds\n\
         \x20     ---\n\
         \x20     duration_ms: 1.5\n\
         \x20     ...\n\
         \x20   # Subtest: divides\n\
         \x20   not ok 2 - divides\n\
         \x20     ---\n\
         \x20     duration_ms: 0.5\n\
         \x20     location: '/repo/math.test.js:9:3'\n\
         \x20     error: 'Expected 1 to be 2'\n\
         \x20     ...\n\
         \x20   1..2\n\
         not ok 1 - math\n\
         \x20 ---\n\
         \x20 duration_ms: 3\n\
         \x20 ...\n\
         ok 2 - hash \\# in it # SKIP no reason\n\
         not ok 3 later # TODO not yet\n\
         not ok\n\
         # what was seen\n\
         ok 5\n\
         1..6\n"
    ));
}

#[test]
fn what_is_damaged_is_kept_as_far_as_it_goes() {
    insta::assert_snapshot!([
        told("<testsuites>\n<testsuite name='a'>\n<testcase name='one'/>\n<testcase name='two'>\n<failure"),
        told("<testsuites>\n<testsuite name='a'><testcase name='one'/></testsuites>"),
        told("<html><body>404</body></html>"),
        told("1..3\nok 1\nBail out! no database\n"),
        told("hello\n"),
        told(" \n"),
        told("{\"a\":1}\n"),
        told(&"<testsuite name='x'>".repeat(100)),
    ]
    .join("--\n"));
}

#[test]
fn entities_are_not_expanded() {
    let text = r#"<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;"><!ENTITY f SYSTEM "file:///etc/passwd">]>
<testsuite name="&b;"><testcase name="t"><failure message="&f;">&b;&f;&#x1b;[31m &#0; &amp; &</failure></testcase></testsuite>"#;
    insta::assert_snapshot!(told(text), @r#"&b; | t | failed "&f;" "&b;&f;\u{1b}[31m &#0; & &""#);
}

#[test]
fn long_texts_are_cut_in_the_middle() {
    let text = format!(
        "<testsuite><testcase name='x'><failure>begin {} end</failure></testcase></testsuite>",
        "ä".repeat(LONGEST_TEXT)
    );
    let parsed = parse(text.as_bytes());
    let TestOutcome::Failed { message, text } = &parsed.report.cases[0].outcome else {
        panic!("{parsed:?}");
    };
    assert!(text.len() < LONGEST_TEXT + 100 && text.contains("bytes left out"));
    assert!(text.starts_with("begin") && text.ends_with("end"));
    assert!(message.ends_with('…'));
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        parse(&bytes);
    }
    #[test]
    fn no_pieces_of_reports_make_it_panic(pieces in prop::collection::vec(prop::sample::select(vec![
        "<testsuite name='a' ", "<testcase", " name=\"b\"", ">", "/>", "</testcase>", "<failure>", "</failure>", "<![CDATA[", "]]>", "&", ";",
        "ok", "not ok", " 1 ", "-", "#", " SKIP", "1..", "    ", "\n", "---", "...", "location: 'a:1'", "{", "}", "\"Action\":\"fail\"", ",",
        "\"Test\":\"T\"", "\"Package\":\"p\"", "ä", ".go:", "3: ", "TAP version 13\n", "# Subtest: x\n",
    ]), 0..40)) {
        parse(pieces.concat().as_bytes());
    }
}
