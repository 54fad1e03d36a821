use super::*;
use proptest::prelude::*;

fn args(given: &[(&str, &str)]) -> BTreeMap<String, String> {
    let given = given.iter();
    given
        .map(|(n, v)| ((*n).to_owned(), (*v).to_owned()))
        .collect()
}

/// The sources, joined by blanks.
fn sources(text: &str) -> String {
    reads(text, None, &args(&[])).expect(text).sources.join(" ")
}

fn of_target(text: &str, target: &str) -> (String, String) {
    let reads = reads(text, Some(target), &args(&[])).expect(text);
    (reads.sources.join(" "), reads.images.join(" "))
}

/// The sources of a stage of these lines.
fn body(lines: &str) -> String {
    sources(&format!("FROM alpine\n{lines}\n"))
}

#[test]
fn the_sources_of_copy_and_add() {
    for (lines, expected) in [
        ("", ""),
        ("COPY a /x", "a"),
        ("copy a b ./c/ /x/", "a b c"),
        ("CoPy a /x\nadd b /x", "a b"),
        ("COPY . /x", "."),
        ("COPY ./ /x", "."),
        ("COPY / /x", "."),
        ("COPY a /x\nCOPY . /y", "."),
        ("COPY /a/b /x", "a/b"),
        ("COPY a//./b/../c /x", "a/c"),
        ("COPY ../../a /x", "a"),
        ("COPY .. /x", "."),
        ("COPY *.go cmd/[a-c]?/*.go /x/", "*.go cmd/[a-c]?/*.go"),
        (r#"COPY ["a b", "c", "/x/"]"#, "a b c"),
        (r#"COPY [ "a" , "/x" ] trailing"#, "a"),
        // No JSON, and so words.
        ("COPY ['a', '/x']", "[a,"),
        ("COPY [a] /x", "[a]"),
        (r#"COPY "a\"b" /x"#, "a\"b"),
        (r"COPY a\ b /x", "a b"),
        ("COPY 'a'\"b\"c /x", "abc"),
        ("COPY a", ""),
        ("COPY", ""),
        ("COPY --chown=1:2 --chmod=755 --link a /x", "a"),
        ("COPY --chown=\"a b\" c /x", "c"),
        ("COPY --exclude=*.md --exclude=b a /x", "a"),
        ("COPY --parents a/./b/c d /x", "a/b/c d"),
        ("COPY --parents a/**/b **/c /x", "."),
        ("COPY --parents a/**/b c /x", "a c"),
        ("COPY --parents=false a/**/b /x", "a/**/b"),
        ("COPY -- --a /x", "--a"),
        ("COPY --from=alpine /etc/passwd /x", ""),
        ("ADD https://x.org/a http://x.org/b.tar b /x", "b"),
        ("ADD git@github.com:a/b.git git://x/y ssh://g@h/y /x", ""),
        (
            "ADD --checksum=sha256:00 --keep-git-dir=true https://x.org/a /x",
            "",
        ),
        (
            "ONBUILD COPY a /x\nONBUILD ADD b /x\nonbuild RUN make",
            "a b",
        ),
        ("WORKDIR /src\nRUN cp a b\nCMD [\"a\"]\nLABEL a=b", ""),
    ] {
        // The last words of a JSON form may hold blanks.
        assert_eq!(body(lines), expected, "{lines}");
    }
}

#[test]
fn the_sources_of_bind_mounts() {
    for (lines, expected) in [
        (
            "RUN --mount=type=bind,source=go.mod,target=go.mod go build",
            "go.mod",
        ),
        (
            "RUN --mount=type=bind,src=/a/b,dst=/x --mount=source=c,target=/y make",
            "a/b c",
        ),
        ("RUN --mount=target=. make", "."),
        ("RUN --mount=type=bind,target=/src make", "."),
        (
            "RUN --mount=type=bind,source=a*[b]?,target=/x make",
            r"a\*\[b]\?",
        ),
        ("RUN --mount=type=bind,from=alpine,target=/x make", ""),
        ("RUN --mount=type=cache,target=/var/cache make", ""),
        (
            "RUN --mount=type=cache,from=alpine,source=a,target=/x make",
            "",
        ),
        ("RUN --mount=type=secret,id=token --mount=type=ssh make", ""),
        ("RUN --mount=type=tmpfs,target=/x make", ""),
        (
            "RUN --network=none --mount=type=bind,source=\"a b\",target=/x make",
            "a b",
        ),
        (
            "ARG D=a\nRUN --mount=type=bind,source=$D/b,target=/x make",
            "a/b",
        ),
        ("RUN --mount=type=bind,source=$D/b,target=/x make", "."),
        (
            r#"RUN --mount=type=bind,\"source=a,b\",target=/x make"#,
            ".",
        ),
        ("RUN make --mount=type=bind,source=a", ""),
        ("ONBUILD RUN --mount=type=bind,source=a,target=/x make", "a"),
    ] {
        assert_eq!(body(lines), expected, "{lines}");
    }
}

#[test]
fn lines_comments_and_directives() {
    for (text, expected) in [
        ("FROM a\nCOPY a \\\n  b \\\n c /x\nCOPY d /x", "a b c d"),
        ("FROM a\nCOPY a \\\n# comment\n\n   # another\n b /x", "a b"),
        ("FROM a\r\nCOPY a \\\r\n b /x\r\n", "a b"),
        ("\u{feff}FROM a\nCOPY a /x", "a"),
        ("# comment\n\n  # another\nFROM a\n  COPY a b # /x", "# a b"),
        ("FROM a\nCO\\\nPY a /x", "a"),
        ("FROM a\nCOPY a /x \\", "a"),
        ("FROM a\nCOPY a \\ \t \nb /x", "a b"),
        // Two escapes at the end of a line do not continue it.
        ("FROM a\nRUN a \\\\\nCOPY b /x", "b"),
        ("# escape=`\nFROM a\nCOPY a `\n b /x", "a b"),
        ("#escape = `\nFROM a\nCOPY a` b \\c /x", "\\c a b"),
        (
            "# syntax=docker/dockerfile:1\n# Escape=`\nFROM a\nCOPY a `\n b /x",
            "a b",
        ),
        ("# other=1\n# escape=`\nFROM a\nCOPY a `\n b /x", "a b"),
        // Behind anything else it is a comment.
        ("\n# escape=`\nFROM a\nCOPY a \\\n b /x", "a b"),
        ("# words\n# escape=`\nFROM a\nCOPY a \\\n b /x", "a b"),
        (
            "# syntax=registry.example.com:5000/docker/dockerfile:1@sha256:00\nFROM a\nCOPY a /x",
            "a",
        ),
        ("# syntax=example.com/frontend\nwhatever", "."),
    ] {
        assert_eq!(sources(text), expected, "{text}");
    }
}

#[test]
fn here_documents_are_no_sources_and_no_instructions() {
    for (lines, expected) in [
        ("RUN <<EOF\nCOPY a /x\nEOF\nCOPY b /x", "b"),
        ("RUN <<EOF cat > /x && make\nCOPY a /x\nEOF\nCOPY b /x", "b"),
        ("COPY <<EOF /x\nCOPY a /x\nEOF", ""),
        (
            "COPY <<A <<\"B\" c /x/\nCOPY 1 /\nA\nCOPY 2 /\nB\nCOPY d /x",
            "c d",
        ),
        ("COPY <<-EOF /x\n\tCOPY a /x\n\t\tEOF\nCOPY b /x", "b"),
        ("RUN 3<<EOF cat <&3\nCOPY a /x\nEOF", ""),
        ("ONBUILD RUN <<EOF\nCOPY a /x\nEOF", ""),
        // None of these is one.
        ("RUN cat <<<EOF\nCOPY a /x\nEOF x", "a"),
        ("RUN sh -c \"cat <<EOF\"\nCOPY a /x\nEOF", "a"),
        ("RUN [\"<<EOF\"]\nCOPY a /x\nEOF", "a"),
        ("RUN echo $((1<<EOF))\nCOPY a /x\nEOF", "a"),
        ("CMD <<EOF\nCOPY a /x\nEOF", "a"),
        ("RUN <<EOF\nCOPY a /x\n EOF", "a"),
        ("RUN <<\nCOPY a /x", "a"),
    ] {
        assert_eq!(body(lines), expected, "{lines}");
    }
}

#[test]
fn variables() {
    for (lines, expected) in [
        ("ARG D=a\nCOPY $D ${D}/b $D_ /x", "."),
        ("ARG D=a\nCOPY $D ${D}/b x$D.go /x", "a a/b xa.go"),
        ("ENV D=a\nCOPY $D /x", "a"),
        ("ENV D a b\nCOPY [\"$D\", \"/x\"]", "a b"),
        ("ENV A=a B='b c' C=\"$A\"\nCOPY $A /x", "a"),
        (
            "ENV A=a\nENV B=${A}/b C=\"$A c\"\nCOPY $B \"$C\" /x",
            "a c a/b",
        ),
        // A line does not see what it sets itself; whether ARG does depends on the builder.
        ("ENV A=a\nENV A=b B=$A\nCOPY $A $B /x", "a b"),
        ("ARG A=a B=$A\nCOPY $B /x", "."),
        ("COPY $D /x", "."),
        ("COPY ${D:-a} /x", "."),
        ("ARG D\nCOPY $D /x", "."),
        ("ARG D=\nCOPY ${D:-a} ${D-b}c ${D:+d}e ${D+f} /x", "a c e f"),
        ("ARG D=a\nCOPY ${D:-b} ${D:+c} ${D+d} ${D?e} /x", "a c d"),
        ("ARG D= E=e\nCOPY ${D:-${E:-f}/g} ${D:-\"h i\"} /x", "."),
        ("ARG D=\nARG E=e\nCOPY ${D:-${E:-f}/g} /x", "e/g"),
        ("ARG D=a\nCOPY ${D#a} /x", "."),
        ("ARG D=a\nCOPY ${D /x", "."),
        ("ARG D=a\nCOPY ${} /x", "."),
        ("ARG D=a\nCOPY 'a /x", "."),
        (
            r"ARG D=a
COPY \$D '$D' x$ /x",
            "$D x$",
        ),
        ("ARG D=a\nCOPY $1 /x", "."),
        ("ARG TARGETARCH\nCOPY $TARGETARCH/app /x", "."),
        ("ARG TARGETARCH=arm64\nCOPY $TARGETARCH/app /x", "."),
        // ENV wins in one builder, what comes last in the other.
        ("ARG D=a\nENV D=b\nCOPY $D /x", "b"),
        ("ARG D=a\nENV D=$D\nCOPY $D /x", "a"),
        ("ENV D=b\nARG D=a\nCOPY $D /x", "."),
        ("ENV D=b\nARG D\nCOPY $D /x", "b"),
        ("ARG D=a\nARG D\nCOPY $D /x", "."),
        ("ENV $X=a D=d\nCOPY $D /x", "."),
        ("ONBUILD COPY $D /x", "."),
    ] {
        assert_eq!(body(lines), expected, "{lines}");
    }
}

#[test]
fn arguments_above_the_first_stage_and_of_the_build() {
    let given = |text: &str| {
        let reads = reads(
            text,
            None,
            &args(&[("D", "given"), ("TARGETARCH", "arm64")]),
        );
        let reads = reads.expect(text);
        [reads.sources.join(" "), reads.images.join(" ")].join(" of ")
    };
    for (text, expected) in [
        ("ARG D=a\nFROM x:$D\nCOPY b /x", "b of x:given"),
        ("FROM x\nARG D=a\nCOPY $D /x", "given of x"),
        ("FROM x\nARG D\nCOPY $D /x", "given of x"),
        // Only what is declared is given.
        ("FROM x\nCOPY $D /x", ". of x"),
        ("ARG D\nFROM x\nCOPY $D /x", ". of x"),
        ("ARG E=e\nFROM x\nCOPY $E /x", ". of x"),
        ("ARG E=e\nFROM x\nARG E\nCOPY $E /x", "e of x"),
        ("ARG E=e\nFROM x\nARG E=f\nCOPY $E /x", "f of x"),
        (
            "ARG E=e F=$E\nARG G=${E}g\nFROM x:$G\nARG F\nCOPY $F /x",
            ". of x:eg",
        ),
        ("FROM x${E:+y}:${E:-e}\nCOPY a /x", "a of x:e"),
        ("FROM x:$TARGETARCH", " of "),
        ("FROM x\nARG TARGETARCH\nCOPY $TARGETARCH /x", "arm64 of x"),
    ] {
        assert_eq!(given(text), expected, "{text}");
    }
}

#[test]
fn only_stages_that_the_target_needs_are_read() {
    let text = "ARG V=1\nFROM golang:$V AS base\nCOPY go.mod /x\n\
        FROM base as Build\nCOPY cmd /x\n\
        FROM node AS ui\nCOPY ui /x\n\
        FROM base AS test\nCOPY testdata /x\n\
        FROM scratch\nCOPY --from=build /app /app\nCOPY --from=2 /ui /ui\nCOPY --from=busybox:1 /b /b\nADD conf /conf\n";
    let all = reads(text, None, &args(&[])).expect("stages");
    assert_eq!(all.sources, ["cmd", "conf", "go.mod", "ui"]);
    assert_eq!(all.images, ["busybox:1", "golang:1", "node"]);
    for (target, sources, images) in [
        ("base", "go.mod", "golang:1"),
        ("BUILD", "cmd go.mod", "golang:1"),
        ("ui", "ui", "node"),
        ("test", "go.mod testdata", "golang:1"),
        ("0", "go.mod", "golang:1"),
        ("4", "cmd conf go.mod ui", "busybox:1 golang:1 node"),
    ] {
        let expected = (sources.to_owned(), images.to_owned());
        assert_eq!(of_target(text, target), expected, "{target}");
    }
}

#[test]
fn stages_are_found_as_builders_find_them() {
    for (text, expected) in [
        // An image of a stage's own name is an image.
        ("FROM golang AS golang\nCOPY a /x", ("a", "golang")),
        (
            "FROM a AS b\nCOPY a /x\nFROM c AS b\nCOPY c /x\nFROM b",
            ("a c", "a c"),
        ),
        // A mount needs a stage as well, one further down too.
        (
            "FROM a AS x\nCOPY a /x\nFROM b\nRUN --mount=type=bind,from=x,target=/y make",
            ("a", "a b"),
        ),
        (
            "FROM b AS t\nCOPY --from=later /a /a\nFROM l AS later\nCOPY l /x\nFROM t",
            ("l", "b l"),
        ),
        (
            "FROM a AS x\nCOPY a /x\nFROM b\nONBUILD COPY --from=x /a /b",
            ("a", "a b"),
        ),
        // A circle is the builder's to complain about.
        (
            "FROM a AS x\nCOPY --from=y /a /b\nFROM b AS y\nCOPY --from=x /a /b\nCOPY c /x",
            ("c", "a b"),
        ),
        // Any stage may be meant.
        (
            "FROM a AS b-amd64\nCOPY a /x\nFROM c AS b-arm64\nCOPY c /x\nFROM b-$TARGETARCH",
            ("a c", "a c"),
        ),
        (
            "FROM a AS x\nCOPY a /x\nFROM b\nARG S=x\nCOPY --from=$S /a /b",
            ("a", "a b"),
        ),
        (
            "ARG B=x\nFROM a AS x\nCOPY a /x\nFROM $B\nCOPY b /x",
            ("a b", "a"),
        ),
        (
            "FROM --platform=$BUILDPLATFORM a AS x\nCOPY a /x\nFROM scratch\nCOPY --from=x /a /b",
            ("a", "a"),
        ),
        ("FROM scratch\nCOPY --from=9 a /b", ("", "9")),
    ] {
        let reads = reads(text, None, &args(&[])).expect(text);
        assert_eq!(
            (reads.sources.join(" "), reads.images.join(" ")),
            (expected.0.to_owned(), expected.1.to_owned()),
            "{text}"
        );
    }
}

#[test]
fn env_is_inherited_and_arg_is_not() {
    for (text, expected) in [
        ("FROM a AS x\nENV D=a\nFROM x\nCOPY $D /x", "a"),
        (
            "FROM a AS x\nENV D=a\nFROM x AS y\nENV D=b\nFROM x\nCOPY $D /x",
            "a",
        ),
        // One builder hands it on, the other does not.
        ("FROM a AS x\nARG D=a\nFROM x\nCOPY $D /x", "."),
        ("FROM a AS x\nENV D=a\nFROM x\nARG D=b\nCOPY $D /x", "."),
        ("FROM a AS x\nENV D=a\nFROM b\nCOPY $D /x", "."),
        (
            "FROM a AS x\nENV D=a\nONBUILD ENV D=b\nCOPY $D/1 /x\nFROM x\nCOPY $D/2 /x",
            ".",
        ),
        ("FROM a AS x\nENV D=a\nONBUILD ENV D=b\nCOPY $D/1 /x", "a/1"),
    ] {
        assert_eq!(sources(text), expected, "{text}");
    }
}

#[test]
fn mistakes_say_where_they_are() {
    let wrong = |text: &str, target: Option<&str>| {
        reads(text, target, &args(&[])).expect_err(text).to_string()
    };
    for (text, target, expected) in [
        (
            "",
            None,
            "line 1: there is no FROM, and so no stage to build",
        ),
        (
            "ARG A=b\n# x\n",
            None,
            "line 1: there is no FROM, and so no stage to build",
        ),
        (
            "\nCOPY a /x\nFROM b",
            None,
            "line 2: `COPY` stands above the first FROM",
        ),
        (
            "FROM a\nFROM b c",
            None,
            "line 2: FROM takes an image, or an image and `AS` and a name",
        ),
        (
            "# escape=x\nFROM a",
            None,
            "line 1: `escape` is `\\` or a backtick, and not `x`",
        ),
        (
            "FROM a",
            Some("x"),
            "line 1: there is no stage `x`; none has a name",
        ),
        (
            "FROM a AS b\nFROM a\nFROM a AS c",
            Some("3"),
            "line 1: there is no stage `3`; there are b, c",
        ),
    ] {
        assert_eq!(wrong(text, target), expected, "{text}");
    }
}

#[test]
fn what_was_made_to_be_slow_is_not() {
    let doubling: String = (0..200).map(|_| "ENV a=$a$a\n").collect();
    assert_eq!(body(&format!("ENV a=aa\n{doubling}COPY $a /x")), ".");
    let nested = format!("COPY {}{} /x", "${a:-".repeat(50_000), "}".repeat(50_000));
    assert_eq!(body(&format!("ARG a=\n{nested}")), ".");
    let documents = "RUN <<EOF\n".repeat(50_000);
    assert_eq!(body(&documents), "");
    let stages = "FROM a AS b\n".repeat(1001);
    assert!(reads(&stages, None, &args(&[])).is_err());
    let on_each_other: String = (1..1000)
        .map(|n| format!("FROM s{} AS s{n}\nCOPY $x /x\n", n - 1))
        .collect();
    assert_eq!(sources(&format!("FROM a AS s0\n{on_each_other}")), ".");
    let deep = format!("{}c", "**/a*/".repeat(500));
    assert!(!Ignore::parse(&deep).excludes(&"aaa/".repeat(500)));
}

/// What Docker's documentation says of its file, and what its matcher's own cases are about. Three columns: the file with
/// `;` for line ends, the path, whether it is kept out.
#[test]
fn dockerignore() {
    for (text, path, out) in [
        ("", "a", false),
        ("a", "a", true),
        ("a", "a/b/c", true),
        ("a", "b/a", false),
        ("a", "ab", false),
        ("/a", "a", true),
        ("/a/", "a/b", true),
        ("./a/../b//", "b/c", true),
        ("../a", "a", false),
        ("/../a", "a", true),
        (".", "a", false),
        ("/", "a", false),
        ("*", "a/b", true),
        ("*", ".git", true),
        ("*/temp*", "a/temporary.txt", true),
        ("*/temp*", "a/b/temporary.txt", false),
        ("*/*/temp*", "a/b/temp", true),
        ("temp?", "tempa", true),
        ("temp?", "temp", false),
        ("temp?", "temp/", false),
        ("**/*.go", "a.go", true),
        ("**/*.go", "a/b/c.go", true),
        ("**/b", "a/b/c/d", true),
        ("**/b", "ab", false),
        ("a/**", "a/b/c", true),
        ("a/**", "a", false),
        ("a/**/b", "a/b", true),
        ("a/**/b", "a/x/y/b", true),
        ("a/**/b", "a/xb", false),
        ("**", "a/b", true),
        ("a**/b", "ax/y/b", true),
        ("[a-c]x", "bx", true),
        ("[a-c]x", "dx", false),
        ("[^a-c]x", "dx", true),
        ("[^a-c]x", "ax", false),
        ("[a\\-c]x", "-x", true),
        ("a[", "a[", false),
        ("[]a]", "a", false),
        ("\\*", "*", true),
        ("\\*", "a", false),
        ("a.b", "axb", false),
        // To builders a bell, not an a.
        ("\\a", "a", false),
        ("\\a;b", "b", true),
        ("b;!\\d", "b", false),
        ("a$b^c", "a$b^c", true),
        ("# a;b", "b", true),
        ("#a", "#a", false),
        (" #a", "#a", true),
        ("  a  ", "a", true),
        ("\u{feff}a", "a", true),
        ("a\r", "a", true),
        ("a;!a", "a", false),
        ("!a;a", "a", true),
        ("*.md;!README.md", "README.md", false),
        ("*.md;!README.md", "a.md", true),
        (
            "*.md;!README*.md;README-secret.md",
            "README-secret.md",
            true,
        ),
        (
            "*.md;README-secret.md;!README*.md",
            "README-secret.md",
            false,
        ),
        ("*;!src", "src/a/b", false),
        ("*;!src", "doc/a", true),
        ("*;!src/a", "src/a", false),
        ("*;!src/a", "src/b", true),
        ("*;! /src ", "src/b", false),
        ("!", "a", false),
        ("a;!a/b;a/b/c", "a/b/c", true),
        ("a;!a/b;a/b/c", "a/b/d", false),
        ("**;!**/*.go", "a/b.go", false),
        ("vendor;!vendor/x/*.go", "vendor/x/a.go", false),
        // Corners in which builders differ: whoever takes the path in counts.
        ("a/b;!a", "a/b", false),
        ("*;!d/f;d", "d/f", false),
        ("**b", "ab", false),
        ("**b", "a/b", true),
        ("a;!a/*/b", "a/a/b", false),
    ] {
        let ignore = Ignore::parse(&text.replace(';', "\n"));
        assert_eq!(ignore.excludes(path), out, "{text} {path}");
    }
}

#[test]
fn a_directory_is_pruned_only_if_nothing_below_comes_back() {
    for (text, dir, pruned) in [
        ("a", "a", true),
        ("a", "b", false),
        ("a;!a/b", "a", false),
        ("a;!a/b", "a/c", true),
        ("a;!a/b", "a/b/c", false),
        ("a;!b", "a", true),
        ("*;!*/b", "a", false),
        ("*;!a*/b", "c", false),
        ("*;!b/*.go", "c", true),
        ("**/node_modules", "x/node_modules", true),
    ] {
        let ignore = Ignore::parse(&text.replace(';', "\n"));
        assert_eq!(ignore.prunes(dir), pruned, "{text} {dir}");
    }
}

fn piece() -> impl Strategy<Value = String> {
    prop_oneof![
        Just("FROM a AS b\n".to_owned()),
        Just("COPY --from=b ".to_owned()),
        Just("COPY ".to_owned()),
        Just("ARG D=".to_owned()),
        Just("ENV D=$D${D:-".to_owned()),
        Just("RUN --mount=type=bind,source=".to_owned()),
        Just("RUN <<EOF\n".to_owned()),
        Just("# escape=`\n".to_owned()),
        Just("ONBUILD ".to_owned()),
        Just("\\\n".to_owned()),
        "[a-z$\\{\\}\"'`\\\\\\[\\]*? =,:<#/.\n-]{0,12}",
        "\\PC{0,6}",
    ]
}

proptest! {
    #[test]
    fn any_text_is_read_or_refused(
        pieces in proptest::collection::vec(piece(), 0..30),
        target in proptest::option::of("[a-b0-2]"),
    ) {
        let text = format!("FROM a\n{}", pieces.concat());
        for text in [&text, &pieces.concat()] {
            if let Ok(reads) = reads(text, target.as_deref(), &args(&[("D", "d")])) {
                for source in reads.sources {
                    prop_assert!(!source.is_empty() && !source.starts_with('/'), "{source}");
                    prop_assert!(source.split('/').all(|part| part != ".." && !part.is_empty()), "{source}");
                }
            }
        }
    }

    #[test]
    fn what_is_below_a_pruned_directory_is_kept_out(
        lines in proptest::collection::vec("!?(\\*\\*/?|[ab*?\\[\\]\\\\^!-]|/){1,5}", 0..6),
        dir in "[ab](/[ab]){0,2}",
        below in "[ab](/[ab]){0,2}",
    ) {
        let ignore = Ignore::parse(&lines.join("\n"));
        let path = format!("{dir}/{below}");
        if ignore.prunes(&dir) {
            prop_assert!(ignore.excludes(&path), "{lines:?} {path}");
        }
    }

    #[test]
    fn without_exceptions_a_path_is_out_if_a_rule_matches_it_or_a_parent(
        lines in proptest::collection::vec("[ab]{1,2}(/[ab]{1,2}){0,2}", 0..4),
        path in "[ab]{1,2}(/[ab]{1,2}){0,3}",
    ) {
        let expected = lines.iter().any(|line| path == *line || path.starts_with(&format!("{line}/")));
        prop_assert_eq!(Ignore::parse(&lines.join("\n")).excludes(&path), expected);
    }
}
