//! Several modules in one project: a workspace, modules within others, local replacements. Which targets run after an edit, and which
//! of their packages.

use crate::harness::{Project, Run, has, set};
use std::collections::BTreeSet;

/// `examples/monorepo`, with a Go that asks nobody. None: there is no Go.
fn example() -> Option<Project> {
    if !has("go") {
        return None;
    }
    let mut project = Project::example("monorepo");
    alone(&mut project);
    Some(project)
}

fn alone(project: &mut Project) {
    for (name, value) in [
        ("GOTOOLCHAIN", "local"),
        ("GOPROXY", "off"),
        ("GOENV", "off"),
        ("GOFLAGS", ""),
        ("GOWORK", ""),
    ] {
        project.env(name, value);
    }
}

fn replace(project: &Project, file: &str, from: &str, to: &str) {
    let text = project.read(file);
    assert!(text.contains(from), "{file} holds {from:?}");
    project.write(file, text.replace(from, to));
}

/// Packages whose tests were run: those with a line of Go's.
fn packages(run: &Run) -> BTreeSet<String> {
    let lines = run.err.lines().chain(run.out.lines());
    lines
        .filter_map(|line| line.strip_prefix("ok  \t"))
        .filter_map(|line| line.split('\t').next())
        .map(str::to_owned)
        .collect()
}

/// What ran, and which packages' tests.
fn done(project: &Project) -> (BTreeSet<String>, BTreeSet<String>) {
    let run = project.run(&["servers", "test"]);
    assert_eq!(run.status, 0, "{run}");
    let mut ran = run.targets(&["ran", "unchanged"]);
    // A group; it has nothing to run.
    ran.remove("servers");
    (ran, packages(&run))
}

#[test]
fn an_edit_of_the_library_reaches_who_uses_what_was_edited() {
    let Some(project) = example() else { return };
    let (ran, tested) = done(&project);
    assert_eq!(
        ran,
        set([
            "api:server",
            "api:unit",
            "billing:server",
            "billing:unit",
            "web:server",
            "web:unit",
            "lib",
            "versions"
        ])
    );
    assert_eq!(tested.len(), 5, "{tested:?}");
    assert_eq!(done(&project), (set([]), set([])));

    replace(&project, "lib/money/money.go", "EUR", "Euro");
    for service in ["api", "billing"] {
        let file = format!("services/{service}/main_test.go");
        replace(&project, &file, "EUR", "Euro");
    }
    replace(&project, "lib/money/money_test.go", "EUR", "Euro");
    assert_eq!(
        done(&project),
        (
            set([
                "api:server",
                "api:unit",
                "billing:server",
                "billing:unit",
                "lib",
                "versions"
            ]),
            set([
                "example.com/shop/api",
                "example.com/shop/billing",
                "example.com/shop/lib/money"
            ])
        )
    );

    // Only the tests see the tests.
    replace(&project, "lib/text/text_test.go", "shop", "Shop");
    assert_eq!(
        done(&project),
        (set(["lib"]), set(["example.com/shop/lib/text"]))
    );

    // A service is nobody's but its own; the binaries' test sees that one of them is another.
    replace(&project, "services/web/main.go", "the shop.", "this shop.");
    replace(&project, "services/web/main.go", "\"web\"", "\"the web\"");
    assert_eq!(
        done(&project),
        (
            set(["web:server", "web:unit", "versions"]),
            set(["example.com/shop/web"])
        )
    );
    assert_eq!(done(&project), (set([]), set([])));
}

#[test]
fn each_service_works_without_the_others() {
    let Some(project) = example() else { return };
    assert_eq!(
        project.ran(&["-C", "services/web", "server", "unit"]),
        set(["server", "unit"])
    );
    assert_eq!(
        project.ran(&["-C", "services/web", "-f", "Gofile", "server"]),
        set([])
    );
    replace(&project, "lib/money/money.go", "EUR", "Euro");
    assert_eq!(
        project.ran(&["-C", "services/web", "server", "unit"]),
        set([])
    );
    replace(
        &project,
        "lib/text/text.go",
        "ToUpper(name)",
        "ToUpper(name) + \"\"",
    );
    assert_eq!(
        project.ran(&["-C", "services/web", "server", "unit"]),
        set(["server", "unit"])
    );
}

#[test]
fn a_module_that_is_replaced_by_a_directory_counts_for_who_requires_it() {
    let Some(project) = example() else { return };
    done(&project);
    project
        .write("extra/go.mod", "module example.com/shop/extra\n\ngo 1.24\n")
        .write("extra/extra.go", "package extra\n\nconst Name = \"shop\"\n");
    let go_mod = project.read("services/web/go.mod");
    project.write(
        "services/web/go.mod",
        format!(
            "{go_mod}\nrequire example.com/shop/extra v0.0.0\n\nreplace example.com/shop/extra => ../../extra\n"
        ),
    );
    replace(
        &project,
        "services/web/main.go",
        "\"example.com/shop/lib/text\"",
        "\"example.com/shop/extra\"\n\t\"example.com/shop/lib/text\"",
    );
    replace(
        &project,
        "services/web/main.go",
        "page(\"shop\")",
        "page(extra.Name)",
    );
    let web = set(["web:server", "web:unit", "versions"]);
    assert_eq!(done(&project), (web.clone(), set(["example.com/shop/web"])));
    project.write(
        "extra/extra.go",
        "package extra\n\nconst Name = \"kiosk\"\n",
    );
    assert_eq!(done(&project), (web.clone(), set(["example.com/shop/web"])));
    assert_eq!(done(&project), (set([]), set([])));

    // Another directory in its place.
    project
        .write(
            "extra2/go.mod",
            "module example.com/shop/extra\n\ngo 1.24\n",
        )
        .write(
            "extra2/extra.go",
            "package extra\n\nconst Name = \"stand\"\n",
        );
    replace(
        &project,
        "services/web/go.mod",
        "../../extra",
        "../../extra2",
    );
    assert_eq!(done(&project), (web, set(["example.com/shop/web"])));
    project.write("extra/extra.go", "package extra\n\nconst Name = \"gone\"\n");
    assert_eq!(done(&project), (set([]), set([])));
}

#[test]
fn a_member_that_joins_the_workspace_stands_in_for_what_was_required() {
    let Some(project) = example() else { return };
    done(&project);
    // Beside the project: only the workspace says that it is the module that `web` requires.
    project
        .write("text2/go.mod", "module example.com/shop/text2\n\ngo 1.24\n")
        .write("text2/text.go", "package text2\n\nconst Mark = \"!\"\n");
    replace(&project, "go.work", "./lib\n", "./lib\n\t./text2\n");
    let (ran, tested) = done(&project);
    // All are built with another go.work, and come out the same: no test has seen anything of it.
    assert_eq!(tested, set([]), "{ran:?}");
    assert!(!ran.contains("versions"), "{ran:?}");
    assert_eq!(done(&project), (set([]), set([])));
    replace(
        &project,
        "services/web/main.go",
        "\"example.com/shop/lib/text\"",
        "\"example.com/shop/lib/text\"\n\t\"example.com/shop/text2\"",
    );
    replace(
        &project,
        "services/web/main.go",
        "page(\"shop\")",
        "page(\"shop\" + text2.Mark)",
    );
    let web = (
        set(["web:server", "web:unit", "versions"]),
        set(["example.com/shop/web"]),
    );
    assert_eq!(done(&project), web);
    project.write("text2/text.go", "package text2\n\nconst Mark = \"?\"\n");
    assert_eq!(done(&project), web);
    assert_eq!(done(&project), (set([]), set([])));
}

#[test]
fn without_the_workspace_the_replacements_say_where_the_library_is() {
    let Some(mut project) = example() else { return };
    done(&project);
    project.env("GOWORK", "off");
    // GOWORK is not passed to targets unless they say so.
    assert_eq!(done(&project), (set([]), set([])));
    project.remove("go.work");
    let (ran, _) = done(&project);
    assert!(
        ran.contains("api:server") && ran.contains("web:server"),
        "{ran:?}"
    );
    assert_eq!(done(&project), (set([]), set([])));
    replace(
        &project,
        "lib/money/money.go",
        "return fmt",
        "// Here.\n\treturn fmt",
    );
    let (ran, tested) = done(&project);
    assert!(
        ran.contains("api:server") && ran.contains("billing:server"),
        "{ran:?}"
    );
    assert!(
        !ran.contains("web:server") && !ran.contains("web:unit"),
        "{ran:?}"
    );
    assert!(!tested.contains("example.com/shop/web"), "{tested:?}");
}

#[test]
fn a_block_can_leave_the_workspace() {
    let Some(mut project) = example() else { return };
    alone(&mut project);
    project
        .write("lib2/go.mod", "module example.com/shop/lib\n\ngo 1.24\n")
        .write("lib2/text/text.go", "package text\n\nfunc Title(name string) string { return name }\n")
        .write(
            "Gofile",
            "build web {\n  dir = \"services/web\"\n  env = { GOWORK = \"off\" }\n  go { package = \".\" }\n  outputs = \"bin/web\"\n}\n",
        );
    replace(&project, "services/web/go.mod", "../../lib", "../../lib2");
    assert_eq!(project.ran(&["web"]), set(["web"]));
    // The workspace's member is not the one that was built.
    replace(&project, "lib/text/text.go", "ToUpper", "ToLower");
    assert_eq!(project.ran(&["web"]), set([]));
    replace(&project, "go.work", "use (\n", "// Here.\nuse (\n");
    assert_eq!(project.ran(&["web"]), set([]));
    replace(
        &project,
        "lib2/text/text.go",
        "return name",
        "return name + name",
    );
    assert_eq!(project.ran(&["web"]), set(["web"]));
}

#[test]
fn a_vendored_workspace_counts_what_is_vendored() {
    let Some(project) = example() else { return };
    // As `go work vendor` leaves it, without a network: a module that is vendored from a directory.
    project
        .write("outside/go.mod", "module example.com/outside\n\ngo 1.24\n")
        .write(
            "outside/outside.go",
            "package outside\n\nconst Name = \"shop\"\n",
        );
    let go_mod = project.read("services/web/go.mod");
    project.write(
        "services/web/go.mod",
        format!("{go_mod}\nrequire example.com/outside v0.0.0\n\nreplace example.com/outside => ../../outside\n"),
    );
    replace(
        &project,
        "services/web/main.go",
        "\"example.com/shop/lib/text\"",
        "\"example.com/outside\"\n\t\"example.com/shop/lib/text\"",
    );
    replace(
        &project,
        "services/web/main.go",
        "page(\"shop\")",
        "page(outside.Name)",
    );
    let vendored = std::process::Command::new("go")
        .args(["work", "vendor"])
        .current_dir(&project.root)
        .env("GOTOOLCHAIN", "local")
        .env("GOPROXY", "off")
        .env("GOFLAGS", "")
        .output()
        .expect("go starts");
    assert!(vendored.status.success(), "{vendored:?}");
    assert!(project.exists("vendor/example.com/outside/outside.go"));
    done(&project);
    assert_eq!(done(&project), (set([]), set([])));
    let web = (
        set(["web:server", "web:unit", "versions"]),
        set(["example.com/shop/web"]),
    );
    replace(
        &project,
        "vendor/example.com/outside/outside.go",
        "shop",
        "kiosk",
    );
    assert_eq!(done(&project), web);
    // What it was taken from is not what is built.
    replace(&project, "outside/outside.go", "shop", "stand");
    assert_eq!(done(&project), (set([]), set([])));
}
