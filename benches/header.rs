//! The reader of Go files' heads: `cargo bench --bench header`. Over a text like that of net/http's server, and over the files of the Go
//! below `GOROOT`, where that is set.
#![expect(
    clippy::disallowed_methods,
    reason = "a benchmark that reads the files it is about"
)]

use divan::counter::{BytesCount, ItemsCount};
use divan::{Bencher, black_box};
use gomake::base::digest::Digest;
use gomake::golang::header::{digest, read};
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

fn main() {
    divan::main();
}

/// 1 KB of comment, thirty imports, 120 KB of code.
fn server(first: &str) -> Vec<u8> {
    let comment =
        "// Copyright of somebody, and what a package of this size has to say of itself.\n"
            .repeat(12);
    let imports: String = (0..30)
        .map(|n| format!("\t\"net/http/internal/part{n}\"\n"))
        .collect();
    let function = "\n// serve answers one request; \"quoted\" words and it's all.\nfunc (c *conn) serve(ctx context.Context) error {\n\
                    \tif d := c.server.timeout(); d > 0 {\n\t\tc.log(\"http: %v\\n\", d/2)\n\t}\n\treturn nil\n}\n";
    let text = format!("{comment}\npackage http\n\nimport (\n\t{first}\n{imports})\n");
    (text + &function.repeat(600)).into_bytes()
}

const PLAIN: &str = "\"bufio\"";
const EMBEDS: &str = "_ \"embed\"";

#[divan::bench(args = [PLAIN, EMBEDS])]
fn one_digest(bencher: Bencher<'_, '_>, first: &str) {
    let text = server(first);
    bencher
        .counter(BytesCount::of_slice(&text))
        .bench(|| digest(black_box(&text)));
}

#[divan::bench]
fn one_header(bencher: Bencher<'_, '_>) {
    let text = server(PLAIN);
    bencher.bench(|| read(black_box(&text)));
}

/// What a digest of the whole text would cost.
#[divan::bench]
fn one_text_hashed(bencher: Bencher<'_, '_>) {
    let text = server(PLAIN);
    bencher
        .counter(BytesCount::of_slice(&text))
        .bench(|| Digest::of(black_box(&text)));
}

/// All Go files below a directory.
fn go_files(dir: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(dir).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            go_files(&path, found);
        } else if path.extension() == Some(OsStr::new("go")) {
            found.push(path);
        }
    }
}

#[divan::bench]
fn files_of_go(bencher: Bencher<'_, '_>) {
    let Some(root) = std::env::var_os("GOROOT") else {
        return;
    };
    let mut files = Vec::new();
    go_files(&Path::new(&root).join("src"), &mut files);
    bencher
        .counter(ItemsCount::new(files.len()))
        .bench_local(|| {
            for path in &files {
                let text = std::fs::read(path).expect("a Go file");
                black_box(digest(&text));
            }
        });
}
