//! `--graph svg` and `--graph html`: read as XML, and looked at in a real browser where there is one.

use crate::components::chromium;
use crate::harness::{Project, Run};
use quick_xml::Reader;
use quick_xml::events::Event;
use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

const GOFILE: &str = r#"
## Makes <script>document.documentElement.dataset.pwned = "help"</script> & "more"
build gen for n in ["<b>1</b>", "</script><script>document.documentElement.dataset.pwned='name'</script>", "--><x a='"] {
  inputs = []
  outputs = "gen/${len(split(n, ""))}-${replace(replace(n, "/", ""), ">", "")}.txt"
  run: echo x > "$out" # </script><img src=x onerror="document.documentElement.dataset.pwned='run'">
}
build lib {
  inputs = gen
  outputs = "lib.a"
  run: cat gen/* > $out
}
build app {
  inputs = [lib, "lib.a"]
  outputs = "app"
  run: cp lib.a $out
}
test unit {
  inputs = app
  run: true
}
image server {
  base = "scratch"
  files = { "/app" = app }
}
task deploy(host = "web1") {
  needs = server
  after = unit
  run: true
}
build broken {
  inputs = []
  outputs = "broken"
  run: false
}
task lonely {
  run: true
}
clean {
}
"#;

fn gofile() -> Project {
    let project = Project::new(&GOFILE.replace(
        "${len(split(n, \"\"))}-${replace(replace(n, \"/\", \"\"), \">\", \"\")}",
        "${len(n)}",
    ));
    assert_eq!(project.run(&["-k", "unit", "broken"]).status, 1);
    project
}

/// The elements of a picture by class: how many `node`s, `arrow`s.
fn classes(svg: &str) -> BTreeMap<String, usize> {
    let mut reader = Reader::from_str(svg);
    let mut found = BTreeMap::new();
    let mut depth = 0usize;
    loop {
        match reader
            .read_event()
            .unwrap_or_else(|error| panic!("{error}\n{svg}"))
        {
            Event::Start(element) => {
                depth += 1;
                for attribute in element.attributes() {
                    let attribute = attribute.expect("an attribute");
                    if attribute.key.as_ref() == b"class" {
                        let value = String::from_utf8_lossy(&attribute.value).into_owned();
                        for class in value.split(' ') {
                            *found.entry(class.to_owned()).or_default() += 1;
                        }
                    }
                }
            }
            Event::End(_) => depth -= 1,
            Event::Eof => break,
            _ => {}
        }
    }
    assert_eq!(depth, 0, "all that opens closes");
    found
}

#[test]
fn the_picture_is_xml_with_a_node_a_target_and_an_arrow_an_edge() {
    let project = gofile();
    let run = project.run_plainly(&["--graph", "svg"]);
    assert_eq!(run.status, 0, "{run}");
    let picture = run
        .out
        .split("class=\"legend\"")
        .next()
        .expect("a picture")
        .to_owned();
    assert_eq!(picture.matches("data-node=").count(), 11);
    // Three to lib, one each to app from lib, unit, server; server, unit from deploy.
    assert_eq!(picture.matches("data-arrow=").count(), 8);
    let found = classes(&run.out);
    assert_eq!(found["succeeded"], 6, "{found:?}");
    assert_eq!(found["unfinished"], 1);
    assert!(run.out.contains("did not finish") && run.out.contains("not yet run"));
    assert!(!run.out.contains("<script") && !run.out.contains("<b>"));
    for outside in ["http://", "https://"] {
        let elsewhere = run.out.replace("http://www.w3.org/2000/svg", "");
        assert!(
            !elsewhere.contains(outside),
            "it needs nothing from outside"
        );
    }
}

#[test]
fn words_restrict_it_to_what_they_reach() {
    let project = gofile();
    let count = |args: &[&str]| {
        let run = project.run_plainly(args);
        assert_eq!(run.status, 0, "{run}");
        run.out.matches("data-node=").count()
    };
    assert_eq!(count(&["--graph", "svg", "app"]), 5);
    assert_eq!(count(&["--graph=html", "app"]), 5);
    assert_eq!(count(&["--graph", "svg", "lonely"]), 1);
    let run = project.run_plainly(&["--graph", "svg", "lonly"]);
    assert!(
        run.status == 2 && run.err.contains("did you mean `lonely`?"),
        "{run}"
    );
}

#[test]
fn a_project_without_targets_is_an_empty_picture() {
    let project = Project::new("task t for n in [] {\n}\n");
    for format in ["svg", "html"] {
        let run = project.run_plainly(&["--graph", format]);
        assert_eq!(run.status, 0, "{run}");
        assert!(run.out.contains("there is no target to draw"), "{run}");
    }
}

#[test]
fn many_instances_are_one_node_and_far_too_many_targets_are_refused() {
    let mut text = String::from(
        "build part for n in split(\"NAMES\", \" \") {\n  inputs = []\n  outputs = \"p/$n\"\n  run: touch $out\n}\n",
    );
    let names: Vec<String> = (0..4000).map(|n| n.to_string()).collect();
    text = text.replace("NAMES", &names.join(" "));
    text.push_str("build all {\n  inputs = part\n  outputs = \"all\"\n  run: touch $out\n}\n");
    let project = Project::new(&text);
    let began = Instant::now();
    let run = project.run_plainly(&["--graph", "svg"]);
    assert_eq!(run.status, 0, "{run}");
    assert_eq!(run.out.matches("data-node=").count(), 2);
    assert!(run.out.contains("part ×4000") && run.out.contains("0 of 4000 succeeded"));
    assert!(began.elapsed() < Duration::from_secs(20));

    let task = |n: usize| format!("task t{n} {{\n  needs = t{}\n}}\n", n / 2);
    let many: String = (1..5002).map(task).collect();
    let project = Project::new(&format!("task t0 {{\n}}\n{many}"));
    let run = project.run_plainly(&["--graph", "html"]);
    assert_eq!(run.status, 2, "{}", run.err);
    assert!(run.err.contains("gomake::picture::too_large"), "{run}");
    let run = project.run_plainly(&["--graph", "html", "t5000"]);
    assert_eq!((run.status, run.out.matches("data-node=").count()), (0, 14));
}

/// The page after its own script, and then `test`, have run: what `dataset` of the root holds.
fn in_browser(page: &str, test: &str) -> Option<BTreeMap<String, String>> {
    let program = chromium()?;
    let dir = tempfile::tempdir().expect("a directory");
    let file = dir.path().join("page.html");
    let script = format!(
        "<script>\n(() => {{ const say = document.documentElement.dataset;\n{test}\n}})();</script>\n</body>"
    );
    std::fs::write(&file, page.replacen("</body>", &script, 1)).expect("a file");
    let dom = dump_dom(program, dir.path(), &file);
    let head = dom.split_once("<html").expect("a page").1;
    let head = head.split_once('>').expect("a tag").0;
    let mut said = BTreeMap::new();
    for part in head.split(" data-").skip(1) {
        let (name, value) = part.split_once("=\"").unwrap_or((part, "\""));
        let value = value.trim_end().trim_end_matches('"');
        let value = value.replace("&quot;", "\"").replace("&gt;", ">");
        let value = value.replace("&lt;", "<").replace("&amp;", "&");
        said.insert(name.to_owned(), value);
    }
    Some(said)
}

fn dump_dom(program: &str, dir: &Path, file: &Path) -> String {
    let output = Command::new(program)
        .args([
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--window-size=1280,800",
            "--virtual-time-budget=2000",
            "--dump-dom",
        ])
        .arg(format!("--user-data-dir={}", dir.join("profile").display()))
        .arg(format!("file://{}", file.display()))
        .env("HOME", dir)
        .output()
        .expect("it starts");
    let run = Run::read(output);
    assert_eq!(run.status, 0, "{}", run.err);
    run.out
}

/// Boxes that overlap, and labels that do not fit into their boxes.
const MEASURE: &str = r##"
  const shapes = [...document.querySelectorAll("#picture [data-node]")];
  const boxes = shapes.map((shape) => shape.querySelector(".shape").getBoundingClientRect());
  let overlaps = 0, spilling = 0;
  boxes.forEach((a, i) => boxes.forEach((b, j) => {
    if (i < j && a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom) overlaps++;
  }));
  shapes.forEach((shape, i) => shape.querySelectorAll("text").forEach((text) => {
    if (text.getBoundingClientRect().right > boxes[i].right) spilling++;
  }));
  Object.assign(say, { nodes: shapes.length, overlaps, spilling, arrows: document.querySelectorAll("#picture [data-arrow]").length });
"##;

#[test]
fn the_page_runs_in_a_browser_and_nothing_overlaps() {
    let project = gofile();
    let page = project.run_plainly(&["--graph", "html"]).out;
    let Some(said) = in_browser(&page, MEASURE) else {
        return;
    };
    assert_eq!(said.get("error"), None, "{said:?}");
    assert_eq!(said.get("pwned"), None, "what a Gofile says is text");
    let of = |name: &str| said[name].as_str();
    assert_eq!((of("ready"), of("nodes"), of("arrows")), ("11", "11", "8"));
    assert_eq!((of("overlaps"), of("spilling")), ("0", "0"));
}

#[test]
fn the_page_answers_to_mouse_and_keys() {
    let project = gofile();
    let page = project.run_plainly(&["--graph", "html"]).out;
    let test = r##"
      const picture = document.getElementById("picture"), panel = document.getElementById("about");
      const search = document.getElementById("search");
      const shape = (name) => [...picture.querySelectorAll("[data-node]")]
        .find((one) => one.getAttribute("aria-label") === name);
      const lit = () => [...picture.querySelectorAll(".node.lit")].length;
      const key = (target, key) => target.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true }));
      const click = (target) => {
        target.dispatchEvent(new PointerEvent("pointerdown", { bubbles: true, button: 0 }));
        target.dispatchEvent(new PointerEvent("pointerup", { bubbles: true, button: 0 }));
      };
      shape("test unit").dispatchEvent(new MouseEvent("mouseenter"));
      say.hover = lit();
      shape("test unit").dispatchEvent(new MouseEvent("mouseleave"));
      say.left = lit();
      click(shape("build lib").querySelector(".shape"));
      say.chosen = panel.querySelector("h2").textContent;
      say.run = panel.querySelector("pre").textContent;
      say.lit = lit();
      key(window, "ArrowLeft");
      say.dependent = panel.querySelector("h2").textContent;
      say.focus = document.activeElement.getAttribute("aria-label");
      const before = picture.getAttribute("viewBox");
      key(window, "+");
      say.zoomed = before !== picture.getAttribute("viewBox");
      key(window, "Escape");
      say.escaped = panel.querySelector("h2") === null && lit() === 0;
      search.value = "script gen";
      search.dispatchEvent(new Event("input"));
      say.found = document.getElementById("found").textContent;
      key(search, "Enter");
      say.first = panel.querySelector("h2").textContent;
      say.help = panel.querySelectorAll("p")[1].textContent;
      say.inner = panel.querySelectorAll("script, b, img").length;
    "##;
    let Some(said) = in_browser(&page, test) else {
        return;
    };
    assert_eq!(said.get("error"), None, "{said:?}");
    assert_eq!(said.get("pwned"), None);
    let of = |name: &str| said[name].as_str();
    // unit, app, lib and three gen; the same with server and deploy from lib.
    assert_eq!(
        (of("hover"), of("left"), of("lit")),
        ("7", "0", "8"),
        "{said:?}"
    );
    assert_eq!((of("chosen"), of("run")), ("lib", "cat gen/* > $out"));
    assert_eq!((of("dependent"), of("focus")), ("app", "build app"));
    assert_eq!((of("zoomed"), of("escaped")), ("true", "true"));
    assert_eq!(of("found"), "3 of 11");
    assert!(of("first").starts_with("gen["), "{said:?}");
    assert!(of("help").contains("<script>"), "{said:?}");
    assert_eq!(of("inner"), "0");
}

#[test]
fn a_project_of_two_hundred_targets_is_drawn_without_overlaps() {
    let mut text = String::new();
    for n in 0..200usize {
        let kind = ["build", "build", "test", "task"][n % 4];
        // Edges that look random and are the same each time.
        let needs: Vec<String> = [n / 2, n * 7 % n.max(1), n.saturating_sub(3)]
            .into_iter()
            .filter(|&other| other < n && other % 4 < 2 && n % 11 != 0)
            .map(|other| format!("target-number-{other}"))
            .collect();
        let outputs = if kind == "build" {
            format!("  inputs = []\n  outputs = \"o/{n}\"\n")
        } else {
            String::new()
        };
        text.push_str(&format!(
            "{kind} target-number-{n} {{\n{outputs}  needs = [{}]\n  run: true\n}}\n",
            needs.join(", ")
        ));
    }
    let project = Project::new(&text);
    let run = project.run_plainly(&["--graph", "html"]);
    assert_eq!(run.status, 0, "{run}");
    let Some(said) = in_browser(&run.out, MEASURE) else {
        return;
    };
    assert_eq!(said.get("error"), None, "{said:?}");
    assert_eq!(said["ready"], "200");
    assert_eq!(
        (said["overlaps"].as_str(), said["spilling"].as_str()),
        ("0", "0")
    );
}

#[test]
fn a_browser_reads_the_svg_as_it_is() {
    let project = gofile();
    let Some(program) = chromium() else { return };
    let dir = tempfile::tempdir().expect("a directory");
    let file = dir.path().join("picture.svg");
    std::fs::write(&file, project.run_plainly(&["--graph", "svg"]).out).expect("a file");
    let dom = dump_dom(program, dir.path(), &file);
    assert!(!dom.contains("parsererror"), "{dom}");
    assert_eq!(dom.matches("data-node=").count(), 11);
}
