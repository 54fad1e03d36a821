use super::*;

struct Disk {
    temp: tempfile::TempDir,
}

impl Disk {
    fn new(files: &[&str]) -> Self {
        let disk = Self {
            temp: tempfile::tempdir().unwrap(),
        };
        files
            .iter()
            .for_each(|file| disk.write(file, "package a\n"));
        disk
    }
    fn root(&self) -> &Path {
        self.temp.path()
    }
    fn path(&self, name: &str) -> PathBuf {
        self.root().join(name)
    }
    fn write(&self, name: &str, text: &str) {
        let path = self.path(name);
        fs::create_dirs(path.parent().unwrap()).unwrap();
        fs::write_atomic(&path, text.as_bytes()).unwrap();
    }
    fn rows(&self, grounds: &Grounds) -> Vec<Row> {
        let search = Search {
            path: None,
            dir: self.root(),
        };
        Looker::new(self.root()).rows(grounds, &search).unwrap()
    }
    /// Aspect and path of each.
    fn shown(&self, grounds: &Grounds) -> Vec<String> {
        let rows = self.rows(grounds).into_iter();
        let shown = rows.map(|row| {
            let path = String::from_utf8(row.path.to_vec()).unwrap();
            format!("{:?} {path}", row.aspect)
        });
        let mut shown: Vec<String> = shown.collect();
        shown.sort();
        shown
    }
    fn has_moved(&self, rows: &[Row]) -> bool {
        Looker::new(self.root()).check(rows).moved
    }
}

#[test]
fn each_kind_of_change_is_seen_and_a_body_is_none() {
    let disk = Disk::new(&["a/a.go", "a/b.s", "w/x/x.go", "web/index.html", "go.mod"]);
    let grounds = Grounds {
        packages: [disk.path("a"), disk.path("missing")].into(),
        walks: [disk.path("w")].into(),
        embeds: [(disk.root().to_owned(), "web".to_owned())].into(),
        contents: [disk.path("go.mod"), disk.path("go.work")].into(),
        presences: [disk.path("vendor")].into(),
        ..Grounds::default()
    };
    let rows = disk.rows(&grounds);
    assert!(!disk.has_moved(&rows));
    for (file, text) in [
        ("a/a.go", "package a\n\nfunc f() {}\n"),
        ("a/b.s", "TEXT\n"),
        ("a/notes.txt", "x"),
        ("a/_x.go", "x"),
        ("w/x/x.go", "package a\n\nvar x = 1\n"),
        ("web/index.html", "changed"),
        ("elsewhere/x.go", "package x\n"),
    ] {
        disk.write(file, text);
        assert!(!disk.has_moved(&rows), "{file}");
    }
    for (file, text) in [
        ("a/a.go", "package b\n"),
        ("a/b.s", "//go:build linux\n\nTEXT\n"),
        ("a/new.go", "package a\n"),
        ("missing/x.go", "package x\n"),
        ("w/x/x.go", "package a\n\nimport \"fmt\"\n"),
        ("w/y/z.txt", ""),
        ("web/new.html", ""),
        ("go.mod", "module x\n"),
        ("go.work", ""),
        ("vendor/modules.txt", ""),
    ] {
        let rows = disk.rows(&grounds);
        disk.write(file, text);
        assert!(disk.has_moved(&rows), "{file}");
    }
    let rows = disk.rows(&grounds);
    fs::remove_file(&disk.path("a/new.go")).unwrap();
    assert!(disk.has_moved(&rows));
}

#[test]
fn a_walk_leaves_out_what_go_leaves_out() {
    let disk = Disk::new(&[
        "a.go",
        "sub/deep/b.go",
        "vendor/v.go",
        "vendor/v/v.go",
        "testdata/t.go",
        "_x/x.go",
        ".x/x.go",
        "nested/go.mod",
        "nested/n.go",
        "nested/deep/n.go",
        "empty/notes.txt",
    ]);
    let grounds = Grounds {
        walks: [disk.root().to_owned()].into(),
        ..Grounds::default()
    };
    let expected = [
        "Header a.go",
        "Header sub/deep/b.go",
        "Header vendor/v.go",
        "Presence nested/go.mod",
        "Sources ",
        "Sources empty",
        "Sources sub",
        "Sources sub/deep",
        "Sources vendor",
        "Walk ",
        "Walk empty",
        "Walk sub",
        "Walk sub/deep",
    ];
    assert_eq!(disk.shown(&grounds), expected);
}

#[test]
fn an_embed_pattern_rests_on_the_directories_that_it_finds_files_in() {
    let disk = Disk::new(&[
        "p/web/a.html",
        "p/web/css/b.css",
        "p/web/.hidden/c",
        "p/other/d",
    ]);
    let rests = |pattern: &str| {
        disk.shown(&Grounds {
            embeds: [(disk.path("p"), pattern.to_owned())].into(),
            ..Grounds::default()
        })
    };
    assert_eq!(
        rests("web/a.html"),
        [
            "Embedded p/web",
            "Embedded p/web/a.html",
            "Presence p/web/go.mod"
        ]
    );
    assert_eq!(
        rests("web/none"),
        [
            "Embedded p/web",
            "Embedded p/web/none",
            "Presence p/web/go.mod"
        ]
    );
    assert_eq!(
        rests("web"),
        [
            "Embedded p/web",
            "Entries p/web",
            "Entries p/web/css",
            "Presence p/web/go.mod"
        ]
    );
    assert_eq!(
        rests("all:web"),
        [
            "Embedded p/web",
            "Entries p/web",
            "Entries p/web/.hidden",
            "Entries p/web/css",
            "Presence p/web/go.mod"
        ]
    );
    assert_eq!(
        rests("*/*.html"),
        [
            "Embedded p/web/a.html",
            "Entries p",
            "Entries p/other",
            "Entries p/web"
        ]
    );
    assert_eq!(
        rests("w*"),
        ["Entries p", "Entries p/web", "Entries p/web/css"]
    );
    // Whatever Go makes of it.
    assert_eq!(
        rests("["),
        [
            "Entries p",
            "Entries p/other",
            "Entries p/web",
            "Entries p/web/css"
        ]
    );
}

#[test]
fn a_program_is_looked_for_up_to_where_it_is() {
    let disk = Disk::new(&["one/other", "two/tool", "three/tool"]);
    fs::set_mode(&disk.path("two/tool"), 0o755).unwrap();
    let path = std::env::join_paths(["one", "two", "three"].map(|dir| disk.path(dir))).unwrap();
    let search = Search {
        path: Some(&path),
        dir: disk.root(),
    };
    assert_eq!(search.find("tool"), Some(disk.path("two/tool")));
    let places = [disk.path("one/tool"), disk.path("two/tool")];
    assert_eq!(search.places("tool"), places);
    assert_eq!(search.places("none").len(), 3);
    assert_eq!(search.places("./two/tool"), [disk.path("./two/tool")]);
}

#[test]
fn what_go_saw_is_what_is_there_only_where_nobody_wrote_meanwhile() {
    let disk = Disk::new(&["a.go"]);
    let look = || Looker::new(disk.root()).at(&disk.path("a.go"), Aspect::Header);
    let row = look().unwrap();
    let second = 1_000_000_000;
    let later = row.stat.unwrap().ctime + 10 * second;
    let none = HashMap::default();
    // Written clearly before Go was started; perhaps after that; the same, and looked at before.
    assert!(row.was_so(later, &none));
    assert!(!row.was_so(later - 11 * second, &none));
    let before = HashMap::from_iter([((&*row.path, row.aspect), &row)]);
    assert!(row.was_so(later - 11 * second, &before));
    disk.write("a.go", "package b\n");
    let other = look().unwrap();
    assert!(!other.was_so(later - 11 * second, &before));
}
