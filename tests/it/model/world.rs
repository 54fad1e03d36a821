//! A random project: its sources, its environment, and its targets as data, with the Gofile that they are written as.
//! Targets stand in layers and read from lower ones only, so that there is no cycle. Scripts are plain POSIX shell.

use super::random::Random;
use std::collections::BTreeMap;
use std::fmt::Write;

pub const LAYERS: usize = 3;
/// Sources that are always there, so that they can be named one by one.
pub const FIXED: [&str; 4] = ["src/s0.txt", "src/s1.txt", "src/s2.txt", "src/s3.txt"];
/// Sources that come and go.
pub const VARIABLE: [&str; 5] = [
    "var/v0.txt",
    "var/v1.txt",
    "var/v2.txt",
    "var/v3.txt",
    "var/v4.txt",
];
/// The same, with names that a shell, a glob or a depfile could read as something else.
pub const ODD: [&str; 6] = [
    "odd/a b.txt",
    "odd/it's \"so\".txt",
    "odd/größe.txt",
    "odd/[x]*.txt",
    "odd/$d #.txt",
    "odd/-n \\t.txt",
];
pub const HEADERS: [&str; 3] = ["hdr/h0.h", "hdr/h1.h", "hdr/h2.h"];
const WORDS: [&str; 8] = [
    "alpha", "beta", "gamma", "delta", "omega", "sigma", "kappa", "zeta",
];

/// Everything that decides what a build makes.
#[derive(Debug, Clone)]
pub struct World {
    pub sources: BTreeMap<String, Vec<u8>>,
    /// The value of `MODEL_ENV`.
    pub env: String,
    /// A top-level `let` that some scripts name.
    pub flags: String,
    pub targets: Vec<Target>,
    pub next_uid: u32,
}

#[derive(Debug, Clone)]
pub struct Target {
    /// Stays the same when the target is renamed, and is what its script writes into the log.
    pub uid: u32,
    pub name: String,
    pub layer: usize,
    pub shape: Shape,
    pub inputs: Vec<In>,
    /// Targets of lower layers that it needs; their files are read by path.
    pub needs: Vec<u32>,
    pub filter: Filter,
    /// A change of the script that changes nothing else.
    pub salt: u32,
    pub executable: bool,
    pub reads_env: bool,
    pub reads_flags: bool,
    /// Takes its inputs from `$inputs_file`, and so can read names with blanks.
    pub by_file: bool,
    /// Fails where its inputs hold a line that begins with FAIL, after its outputs were half made.
    pub strict: bool,
    /// Which of two names its output has.
    pub variant: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    File,
    TwoFiles,
    Tree,
    Pattern,
    Depfile,
    /// One instance for each of the variable sources.
    For,
    Test,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum In {
    Source(String),
    VariableGlob,
    OddGlob,
    /// All outputs of a target, by its name.
    Target(u32),
    /// The first output of a target, by its path.
    Path(u32),
    /// What matches `out/LAYER/*.txt`, whoever makes it.
    Layer(usize),
    /// Files in a target's tree.
    InTree(u32),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Filter {
    Cat,
    Upper,
    Count,
    /// The first line only: most edits stop here.
    First,
    Names,
}

impl World {
    pub fn random(random: &mut Random) -> Self {
        let mut world = Self {
            sources: BTreeMap::new(),
            env: "e0".to_owned(),
            flags: "f0".to_owned(),
            targets: Vec::new(),
            next_uid: 0,
        };
        for name in FIXED
            .iter()
            .chain(&VARIABLE[..2])
            .chain(&ODD[..2])
            .chain(&HEADERS[..2])
        {
            world.sources.insert((*name).to_owned(), text(random));
        }
        for layer in 0..LAYERS {
            for _ in 0..1 + random.below(3) {
                world.add_target(random, layer);
            }
        }
        world
    }

    pub fn add_target(&mut self, random: &mut Random, layer: usize) -> u32 {
        let shapes = [
            Shape::File,
            Shape::File,
            Shape::TwoFiles,
            Shape::Tree,
            Shape::Pattern,
            Shape::Pattern,
            Shape::Depfile,
            Shape::Depfile,
            Shape::For,
            Shape::Test,
        ];
        let uid = self.next_uid;
        self.next_uid += 1;
        let mut target = Target {
            uid,
            name: format!("t{uid}"),
            layer,
            shape: *random.pick(&shapes),
            inputs: Vec::new(),
            needs: Vec::new(),
            filter: *random.pick(&[
                Filter::Cat,
                Filter::Cat,
                Filter::Upper,
                Filter::Count,
                Filter::First,
                Filter::Names,
            ]),
            salt: 0,
            executable: random.percent(25),
            reads_env: random.percent(25),
            reads_flags: random.percent(25),
            by_file: random.percent(40),
            strict: random.percent(25),
            variant: false,
        };
        for _ in 0..1 + random.below(3) {
            let input = self.random_input(random, &target);
            if !target.inputs.contains(&input) {
                target.inputs.push(input);
            }
        }
        let lower: Vec<u32> = self
            .lower(layer)
            .filter(|lower| lower.shape != Shape::Test || random.percent(30))
            .map(|lower| lower.uid)
            .collect();
        if !lower.is_empty() && random.percent(35) {
            target.needs.push(*random.pick(&lower));
        }
        self.targets.push(target);
        uid
    }

    fn lower(&self, layer: usize) -> impl Iterator<Item = &Target> {
        self.targets
            .iter()
            .filter(move |target| target.layer < layer)
    }

    fn random_input(&self, random: &mut Random, target: &Target) -> In {
        let source = In::Source((*random.pick(&FIXED)).to_owned());
        let makers: Vec<&Target> = self
            .lower(target.layer)
            .filter(|lower| lower.shape != Shape::Test)
            .collect();
        if target.shape == Shape::Depfile || target.shape == Shape::For {
            return source;
        }
        match random.below(if makers.is_empty() { 4 } else { 10 }) {
            0 | 1 => source,
            2 => In::VariableGlob,
            3 if target.by_file => In::OddGlob,
            3 => source,
            4..=6 => In::Target(random.pick(&makers).uid),
            7 => In::Layer(random.below(target.layer)),
            _ => match random.pick(&makers) {
                maker if maker.shape == Shape::Tree => In::InTree(maker.uid),
                maker if maker.single_files() => In::Path(maker.uid),
                maker => In::Target(maker.uid),
            },
        }
    }

    pub fn target(&self, uid: u32) -> &Target {
        self.targets
            .iter()
            .find(|target| target.uid == uid)
            .expect("references are kept whole")
    }

    /// Takes a target away, and all that speaks of it.
    pub fn remove_target(&mut self, uid: u32) {
        self.targets.retain(|target| target.uid != uid);
        for target in &mut self.targets {
            target.needs.retain(|need| *need != uid);
            target.inputs.retain(|input| !matches!(input, In::Target(of) | In::Path(of) | In::InTree(of) if *of == uid));
            if target.inputs.is_empty() {
                target.inputs.push(In::Source(FIXED[0].to_owned()));
            }
        }
    }

    /// The Gofile. `log` gets a line for each command that starts; `hooks` is a directory where a test may leave a script for
    /// a command to run before it reads anything. Neither counts as an input.
    pub fn gofile(&self, log: &str, hooks: &str) -> String {
        let mut out = format!(
            "settings {{ default = all }}\n\nlet flags = \"{}\"\n\n",
            self.flags
        );
        for target in &self.targets {
            self.write_target(&mut out, target, log, hooks);
        }
        let names: Vec<&str> = self
            .targets
            .iter()
            .map(|target| target.name.as_str())
            .collect();
        let _ = writeln!(
            out,
            "task all {{ needs = [{}] }}\n\nclean {{ }}",
            names.join(", ")
        );
        out
    }

    fn write_target(&self, out: &mut String, target: &Target, log: &str, hooks: &str) {
        let kind = if target.shape == Shape::Test {
            "test"
        } else {
            "build"
        };
        let over = if target.shape == Shape::For {
            " for item in glob(\"var/*.txt\")"
        } else {
            ""
        };
        let _ = writeln!(out, "{kind} {}{over} {{", target.name);
        let inputs: Vec<String> = target
            .inputs
            .iter()
            .map(|input| self.input(input))
            .collect();
        let item = if target.shape == Shape::For {
            "item, "
        } else {
            ""
        };
        let _ = writeln!(out, "  inputs = [{item}{}]", inputs.join(", "));
        if !target.needs.is_empty() {
            let needs: Vec<&str> = target
                .needs
                .iter()
                .map(|uid| self.target(*uid).name.as_str())
                .collect();
            let _ = writeln!(out, "  needs = [{}]", needs.join(", "));
        }
        let declared: Vec<String> = target
            .declared()
            .into_iter()
            .map(|path| format!("\"{path}\""))
            .collect();
        if !declared.is_empty() {
            let _ = writeln!(out, "  outputs = [{}]", declared.join(", "));
        }
        if target.shape == Shape::Depfile {
            let _ = writeln!(out, "  depfile = \"{}.d\"", target.stem());
        }
        if target.reads_env {
            let _ = writeln!(out, "  pass_env = \"MODEL_ENV\"");
        }
        let _ = writeln!(out, "  run:");
        for line in self.script(target, log, hooks).lines() {
            let _ = writeln!(out, "    {line}");
        }
        out.push_str("}\n\n");
    }

    fn input(&self, input: &In) -> String {
        match input {
            In::Source(path) => format!("\"{path}\""),
            In::VariableGlob => "optional(\"var/*.txt\")".to_owned(),
            In::OddGlob => "optional(\"odd/*.txt\")".to_owned(),
            In::Target(uid) => self.target(*uid).name.clone(),
            In::Path(uid) => format!("\"{}\"", self.target(*uid).declared()[0]),
            In::Layer(layer) => format!("optional(\"out/{layer}/*.txt\")"),
            In::InTree(uid) => format!("\"{}d0/*.txt\"", self.target(*uid).declared()[0]),
        }
    }

    /// What the script does is done once more, in Rust, by [`super::clean`].
    fn script(&self, target: &Target, log: &str, hooks: &str) -> String {
        let uid = target.uid;
        let name = if target.shape == Shape::For {
            format!("u{uid} $item")
        } else {
            format!("u{uid}")
        };
        let mut out = format!(
            "echo \"{name}\" >> '{log}'\nif [ -e '{hooks}/u{uid}' ]; then . '{hooks}/u{uid}'; fi\n: salt {}\n",
            target.salt
        );
        out.push_str(
            "show() {\n  if [ -d \"$1\" ]; then\n    (cd \"$1\" && find . -type f | LC_ALL=C sort | while IFS= read -r f; do echo \"$f\"; cat \"$f\"; done)\n  else\n    cat \"$1\"\n  fi\n}\n",
        );
        let each = |command: &str| match target.by_file {
            true => format!("while IFS= read -r f; do {command}; done < \"$inputs_file\""),
            false => format!("for f in $inputs; do {command}; done"),
        };
        let needed = self.needed_paths(target);
        let _ = writeln!(out, "every() {{\n  {}", each("show \"$f\""));
        for path in &needed {
            let _ = writeln!(out, "  cat '{path}'");
        }
        if target.reads_env {
            out.push_str("  echo \"env $MODEL_ENV\"\n");
        }
        if target.reads_flags {
            out.push_str("  echo \"flags $flags\"\n");
        }
        out.push_str("}\n");
        let filter = match target.filter {
            Filter::Cat => "every".to_owned(),
            Filter::Upper => "every | tr a-z A-Z".to_owned(),
            Filter::Count => "echo $(every | wc -l)".to_owned(),
            Filter::First => "every | sed -n 1p".to_owned(),
            Filter::Names => each("printf '%s\\n' \"$f\""),
        };
        self.write_command(&mut out, target, hooks, &filter, &needed);
        out
    }

    fn write_command(
        &self,
        out: &mut String,
        target: &Target,
        hooks: &str,
        filter: &str,
        needed: &[String],
    ) {
        let declared = target.declared();
        let fail = "if every | grep '^FAIL' > /dev/null; then echo 'it fails'; exit 1; fi\n";
        let _ = match target.shape {
            Shape::File | Shape::For => writeln!(out, "{filter} > \"$out\""),
            Shape::TwoFiles => writeln!(
                out,
                "{filter} > '{}'\nevery > '{}'",
                declared[0], declared[1]
            ),
            Shape::Test => writeln!(out, "every > /dev/null"),
            Shape::Tree => writeln!(
                out,
                "mkdir \"$out/d0\" \"$out/d1\" \"$out/empty\"\nln -s d0 \"$out/link\"\necho tree > \"$out/d0/base.txt\"\nn=0\nevery | sed -n 1,4p | while IFS= read -r line; do\n  n=$((n + 1))\n  printf '%s\\n' \"$line\" > \"$out/d$((n % 2))/f$n.txt\"\ndone",
            ),
            Shape::Pattern => writeln!(
                out,
                "{{ echo base; every; }} | sed -n 1,4p | while read -r word rest; do\n  word=$(printf '%s' \"$word\" | tr -cd a-z)\n  printf '%s %s\\n' \"$word\" \"$rest\" >> \"{}-$word.txt\"\ndone",
                target.stem()
            ),
            Shape::Depfile => {
                let _ = writeln!(out, "printf '%s:' \"$out\" > \"$depfile\"\n: > \"$out\"");
                for path in needed {
                    let _ = writeln!(
                        out,
                        "printf ' %s' '{path}' >> \"$depfile\"\ncat '{path}' >> \"$out\""
                    );
                }
                let read = "while read -r word name; do\n  case \"$word\" in\n    include)\n      printf ' %s' \"$name\" >> \"$depfile\"\n      if [ -e \"$name\" ]; then cat \"$name\" >> \"$out\"; fi ;;\n    *) printf '%s %s\\n' \"$word\" \"$name\" >> \"$out\" ;;\n  esac\ndone < \"$f\"";
                let each = match target.by_file {
                    true => format!("while IFS= read -r f; do\n{read}\ndone < \"$inputs_file\""),
                    false => format!("for f in $inputs; do\n{read}\ndone"),
                };
                writeln!(out, "{each}\necho >> \"$depfile\"")
            }
        };
        if target.strict || target.shape == Shape::Test {
            out.push_str(fail);
        }
        let _ = writeln!(
            out,
            "if [ -e '{hooks}/u{0}.end' ]; then . '{hooks}/u{0}.end'; fi",
            target.uid
        );
        if target.executable {
            for path in target
                .declared()
                .iter()
                .filter(|path| path.ends_with(".txt") && !path.contains(['*', '$']))
            {
                let _ = writeln!(out, "chmod +x '{path}'");
            }
            if target.shape == Shape::Tree {
                out.push_str("chmod +x \"$out/d0/base.txt\"\n");
            }
        }
    }

    /// Files of the targets that it needs, as its script reads them.
    pub fn needed_paths(&self, target: &Target) -> Vec<String> {
        let needed = target
            .needs
            .iter()
            .map(|uid| self.target(*uid))
            .filter(|needed| needed.single_files());
        needed.flat_map(Target::declared).collect()
    }
}

impl Target {
    /// Whether its outputs are files whose names are known.
    pub fn single_files(&self) -> bool {
        matches!(self.shape, Shape::File | Shape::TwoFiles | Shape::Depfile)
    }
    pub fn stem(&self) -> String {
        format!(
            "out/{}/{}{}",
            self.layer,
            if self.variant { "v" } else { "u" },
            self.uid
        )
    }
    /// The outputs as the Gofile has them.
    pub fn declared(&self) -> Vec<String> {
        let stem = self.stem();
        match self.shape {
            Shape::File | Shape::Depfile => vec![format!("{stem}.txt")],
            Shape::TwoFiles => vec![format!("{stem}.txt"), format!("{stem}-all.txt")],
            Shape::Tree => vec![format!("{stem}.tree/")],
            Shape::Pattern => vec![format!("{stem}-*.txt")],
            Shape::For => vec![format!("{stem}-${{stem(item)}}.txt")],
            Shape::Test => Vec::new(),
        }
    }
}

/// A few lines of two words each.
pub fn text(random: &mut Random) -> Vec<u8> {
    let mut out = String::new();
    for _ in 0..random.below(4) {
        let line = match random.below(20) {
            0 => "FAIL now".to_owned(),
            1..=6 => format!("include {}", random.pick(&HEADERS)),
            _ => format!("{} {}", random.pick(&WORDS), random.pick(&WORDS)),
        };
        out.push_str(&line);
        out.push('\n');
    }
    out.into_bytes()
}
