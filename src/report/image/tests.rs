use super::*;
use crate::image::platform::Platform;
use crate::image::record::Record;

const PLAIN: Frame = Frame {
    palette: Palette::PLAIN,
    width: None,
    verbose: false,
};
const VERBOSE: Frame = Frame {
    verbose: true,
    ..PLAIN
};

fn file(path: &str, size: u64, from: Option<&str>) -> FileRecord {
    FileRecord {
        path: path.into(),
        size,
        from: from.map(str::to_owned),
    }
}

fn layer(name: &str, size: u64, files: Vec<FileRecord>) -> LayerRecord {
    LayerRecord {
        digest: Sha256::of(format!("{name} {size}").as_bytes()),
        size,
        unpacked: files.iter().map(|file| file.size).sum(),
        name: name.into(),
        of_base: false,
        files,
    }
}

fn base(size: u64) -> LayerRecord {
    LayerRecord {
        of_base: true,
        ..layer("alpine:3.20", size, Vec::new())
    }
}

fn image(arch: &str, layers: Vec<LayerRecord>) -> ImageRecord {
    ImageRecord {
        platform: Platform::new("linux", arch),
        manifest: Sha256::of(arch.as_bytes()),
        config: Sha256::of(b"config"),
        base: None,
        layers,
    }
}

fn certificates() -> LayerRecord {
    let file = file(
        "/etc/ssl/certs/ca-certificates.crt",
        218_000,
        Some("ca-certificates"),
    );
    layer("ca-certificates", 130_000, vec![file])
}

fn app(arch: &str) -> LayerRecord {
    let from = format!("dist/linux-{arch}/app");
    layer(
        "/app",
        4_400_000,
        vec![file("/app", 8_300_000 + arch.len() as u64, Some(&from))],
    )
}

fn assets() -> LayerRecord {
    let mut files = vec![file("/srv", 0, None)];
    files.extend((1..=8).map(|n| {
        let from = format!("web/{n}.js");
        file(&format!("/srv/{n}.js"), n * 100_000, Some(&from))
    }));
    layer("/srv/", 900_000, files)
}

fn report(images: Vec<ImageRecord>) -> ImageReport {
    ImageReport {
        digest: Sha256::of(b"root").to_string(),
        record: Record {
            images,
            referrers: vec![],
        },
        unpinned: None,
    }
}

#[test]
fn an_image_is_told_layer_by_layer() {
    let layers = vec![
        base(3_000_000),
        base(400_000),
        certificates(),
        app("amd64"),
        assets(),
    ];
    let report = ImageReport {
        unpinned: Some(("alpine:3.20".into(), Sha256::of(b"alpine").to_string())),
        ..report(vec![image("amd64", layers)])
    };
    let digest = Sha256::of(b"root").short();
    let alpine = Sha256::of(b"alpine");
    assert_eq!(
        built(PLAIN, "api", &report),
        format!(
            "image      api  sha256:{digest}  linux/amd64  5 layers, 8.8 MB (12.1 MB unpacked without its base)\n\
             \x20   base             alpine:3.20, 2 layers             3.4 MB\n\
             \x20   ca-certificates                                    0.1 MB\n\
             \x20   /app             8.3 MB from dist/linux-amd64/app  4.4 MB\n\
             \x20   /srv/            3.6 MB in 8 files                 0.9 MB\n\
             \x20 note: base alpine:3.20 may become another image: write base = \"alpine:3.20@{alpine}\" to pin it\n"
        )
    );
    let verbose = built(VERBOSE, "api", &report);
    let tail = "\
        \x20   /srv/            3.6 MB in 8 files                 0.9 MB\n\
        \x20        0.8 MB  /srv/8.js from web/8.js\n\
        \x20        0.7 MB  /srv/7.js from web/7.js\n\
        \x20        0.6 MB  /srv/6.js from web/6.js\n\
        \x20        0.5 MB  /srv/5.js from web/5.js\n\
        \x20        0.4 MB  /srv/4.js from web/4.js\n\
        \x20                and 3 smaller files\n";
    assert!(verbose.contains(tail), "{verbose}");
    assert!(verbose.contains(&report.digest), "{verbose}");
}

#[test]
fn each_platform_has_a_block_and_shared_layers_are_marked() {
    let of = |arch: &str| image(arch, vec![certificates(), app(arch)]);
    // The two programs differ by their digest.
    let mut arm = of("arm64");
    arm.layers[1].digest = Sha256::of(b"arm");
    let text = built(PLAIN, "api", &report(vec![of("amd64"), arm]));
    let [root, amd, arm] = [&b"root"[..], b"amd64", b"arm64"].map(|of| Sha256::of(of).short());
    assert_eq!(
        text,
        format!(
            "image      api  sha256:{root}  2 platforms, 8.9 MB\n\
             \x20   linux/amd64  sha256:{amd}  2 layers, 4.5 MB (8.5 MB unpacked)\n\
             \x20       ca-certificates                                    0.1 MB  shared\n\
             \x20       /app             8.3 MB from dist/linux-amd64/app  4.4 MB\n\
             \x20   linux/arm64  sha256:{arm}  2 layers, 4.5 MB (8.5 MB unpacked)\n\
             \x20       ca-certificates                                    0.1 MB  shared\n\
             \x20       /app             8.3 MB from dist/linux-arm64/app  4.4 MB\n"
        )
    );
}

#[test]
fn an_image_of_an_engine_has_its_id_only() {
    let digest = Sha256::of(b"root").short();
    assert_eq!(
        built(PLAIN, "api", &report(Vec::new())),
        format!("image      api  sha256:{digest}\n")
    );
}

#[test]
fn no_line_is_wider_than_the_terminal_and_columns_stay_aligned() {
    let wide = layer(
        "/资产/图片",
        900_000,
        vec![file("/资产/图片", 1_000_000, Some("网页/图片"))],
    );
    let report = report(vec![
        image(
            "amd64",
            vec![base(3_000_000), app("amd64"), assets(), wide.clone()],
        ),
        image("arm64", vec![certificates(), wide]),
    ]);
    for width in 30..100 {
        let frame = Frame {
            width: Some(width),
            ..VERBOSE
        };
        let text = built(frame, "api", &report);
        for line in text.lines() {
            assert!(columns(line) <= width, "{width} columns: {line:?}\n{text}");
        }
    }
    let frame = Frame {
        width: Some(50),
        ..PLAIN
    };
    let text = built(frame, "api", &report);
    let ends: Vec<usize> = text
        .lines()
        .filter(|line| line.starts_with("        "))
        .filter_map(|line| {
            line.find("MB  shared")
                .or_else(|| line.ends_with("MB").then(|| line.len() - 2))
                .map(|at| columns(&line[..at]))
        })
        .collect();
    assert_eq!(ends.len(), 6, "{text}");
    assert!(
        ends[..4].iter().all(|&end| end == ends[0]),
        "{ends:?}\n{text}"
    );
    assert!(
        text.contains("/资产/图片  1.0 MB from …   0.9 MB  shared\n"),
        "{text}"
    );
}

#[test]
fn what_others_wrote_cannot_move_the_cursor() {
    let layers = vec![
        LayerRecord {
            name: "x\u{1b}[2J".into(),
            ..base(1)
        },
        layer(
            "/a\u{1b}c",
            1,
            vec![
                file("/a\u{1b}c", 1, Some("b\nc")),
                file("/d", 1, Some("\u{7}")),
            ],
        ),
    ];
    let report = ImageReport {
        digest: "\u{1b}]0;x".into(),
        unpinned: Some(("a\u{1b}".into(), "b\u{1b}".into())),
        ..report(vec![image("amd64", layers)])
    };
    let to = ["a\u{1b}:b\u{1b}".to_owned()];
    let text = built(VERBOSE, "n\u{1b}", &report)
        + &loaded(PLAIN, "n\u{1b}", "docker", &to, Some(Duration::ZERO))
        + &push_label("n\u{1b}", &to);
    assert!(
        !text.contains(|c: char| c.is_control() && c != '\n'),
        "{text:?}"
    );
}

#[test]
fn tags_of_one_repository_are_written_short() {
    let text = |list: &[&str]| tags(&list.iter().map(|&tag| tag.to_owned()).collect::<Vec<_>>());
    assert_eq!(
        text(&["localhost:5000/api:v1", "localhost:5000/api:latest"]),
        "localhost:5000/api:v1, :latest"
    );
    assert_eq!(text(&["api", "api:v1"]), "api, api:v1");
    assert_eq!(
        text(&["localhost:5000/api", "localhost:5000/b"]),
        "localhost:5000/api, localhost:5000/b"
    );
    assert_eq!(text(&["api:v1", "web:v1", "web:v2"]), "api:v1, web:v1, :v2");
    assert_eq!(text(&[]), "");
}
