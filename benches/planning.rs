//! The cold path, step by step, over 10,000 targets: `cargo bench --bench planning`. Ratios between steps and between
//! commits are what it is for; docs/design/parsing.md says how the same is measured against other tools.

use divan::Bencher;
use divan::counter::ItemsCount;
use gomake::base::digest::Digest;
use gomake::base::ids::{Id, IdVec};
use gomake::base::path::{InputPath, ProjectPath};
use gomake::fingerprint::content::Content;
use gomake::fingerprint::key::Subject;
use gomake::lang::parse::parse;
use gomake::plan::action::Action;
use gomake::plan::bind::{Context, Files, bind};
use gomake::plan::eval::Running;
use gomake::plan::graph::{Graph, TargetId};
use gomake::plan::module::{Module, Modules, Source};
use gomake::plan::query::{Answer, Answers, Outcome, Presence, Query};
use gomake::plan::resolve::{Request, Resolution};
use gomake::plan::select::select;
use gomake::schedule::graph::{EdgeKind, Graph as Jobs, Job};
use gomake::schedule::queue::{Needs, Outcome as End, Schedule};

const TARGETS: usize = 10_000;

fn main() {
    divan::main();
}

/// Targets that are written one by one, or one `for` over a glob.
#[derive(Clone, Copy, Debug)]
enum Written {
    Apart,
    ByFor,
    AsChain,
}

const WAYS: [Written; 3] = [Written::Apart, Written::ByFor, Written::AsChain];

fn gofile(way: Written) -> String {
    let target = |n: usize| {
        let input = match way {
            Written::AsChain if n > 0 => format!("t{}", n - 1),
            _ => format!("\"src/f{n}.c\""),
        };
        format!(
            "## Makes {n}.\nbuild t{n} {{\n  inputs = {input}\n  outputs = \"out/f{n}.o\"\n  run: cp $inputs $out\n}}\n"
        )
    };
    match way {
        Written::ByFor => "build t for src in glob(\"src/*.c\") {\n  inputs = src\n  outputs = \"out/${stem(src)}.o\"\n  run: cp $inputs $out\n}\n".to_owned(),
        Written::Apart | Written::AsChain => (0..TARGETS).map(target).collect(),
    }
}

/// Everything there is, and what is asked of it.
struct World {
    modules: Modules,
    request: Request,
    answers: Answers,
}

impl World {
    fn of(way: Written) -> Self {
        let (tree, errors) = parse(&gofile(way), 0);
        assert!(errors.is_empty(), "{errors:?}");
        let module = Module {
            tree,
            dir: ProjectPath::root(),
            prefix: String::new(),
            includes: Vec::new(),
        };
        Self {
            modules: Modules::new([module].into_iter().collect::<IdVec<_, _>>()),
            request: Request::default(),
            answers: Answers::default(),
        }
    }

    fn answer(&mut self, queries: Vec<Query>) {
        let source = |n: usize| ProjectPath::root().resolve(&format!("src/f{n}.c"));
        let sources = (0..TARGETS).map(|n| source(n).expect("a path"));
        let sources: Vec<ProjectPath> = sources.collect();
        self.answers.extend(queries.into_iter().map(|query| {
            let answer = match &query {
                Query::Presence(_) => Answer::Presence(Presence::File),
                Query::Glob { .. } => Answer::Paths(sources.clone()),
                Query::Which(_) => Answer::Program(None),
                _ => Answer::Text(None),
            };
            (query, answer)
        }));
    }

    fn graph(&mut self) -> Graph {
        let mut resolution = Resolution::default();
        loop {
            let (modules, request) = (&self.modules, &self.request);
            match resolution.pass(modules, request, &self.answers, Running::Allowed) {
                Outcome::Ready(graph) => return graph,
                Outcome::Wanting(queries) => self.answer(queries),
                Outcome::Failed(errors) => panic!("{errors:?}"),
            }
        }
    }

    fn bound(&self, graph: &Graph, id: TargetId) -> Result<Action, Vec<Query>> {
        let outputs = graph.target(id).outputs.iter();
        let files = Files {
            inputs: Vec::new(),
            outputs: outputs.map(|output| output.text()).collect(),
        };
        let context = Context {
            modules: Source::Here(&self.modules),
            graph,
            request: &self.request,
            answers: &self.answers,
            running: Running::Allowed,
            extra_args: &[],
        };
        match bind(&context, id, &files) {
            Outcome::Ready((action, ..)) => Ok(action),
            Outcome::Wanting(queries) => Err(queries),
            Outcome::Failed(errors) => panic!("{errors:?}"),
        }
    }

    /// A world in which nothing is left to be asked.
    fn settled(way: Written) -> (Self, Graph) {
        let mut world = Self::of(way);
        let graph = world.graph();
        while let Err(queries) = world.bound(&graph, TargetId::from_index(0)) {
            world.answer(queries);
        }
        (world, graph)
    }
}

#[divan::bench(args = WAYS)]
fn parsing(bencher: Bencher<'_, '_>, way: Written) {
    let text = gofile(way);
    bencher
        .counter(ItemsCount::new(TARGETS))
        .bench(|| parse(&text, 0));
}

#[divan::bench(args = WAYS)]
fn resolving(bencher: Bencher<'_, '_>, way: Written) {
    bencher
        .counter(ItemsCount::new(TARGETS))
        .with_inputs(|| World::of(way))
        .bench_values(|mut world| world.graph());
}

#[divan::bench(args = WAYS)]
fn selecting_and_binding(bencher: Bencher<'_, '_>, way: Written) {
    let (world, graph) = World::settled(way);
    let words = ["build".to_owned()];
    bencher.counter(ItemsCount::new(TARGETS)).bench(|| {
        let stages = select(&graph, &words).expect("builds");
        let ids = stages.iter().flatten();
        let actions: Result<Vec<Action>, _> = ids.map(|&id| world.bound(&graph, id)).collect();
        actions
    });
}

#[divan::bench]
fn fingerprinting(bencher: Bencher<'_, '_>) {
    let (world, graph) = World::settled(Written::Apart);
    let id = TargetId::from_index(0);
    let action = world.bound(&graph, id).expect("settled");
    let path = ProjectPath::root().resolve("src/f0.c").expect("a path");
    let content = Content::File {
        digest: Digest::of(b"x"),
        executable: false,
    };
    let inputs = [(InputPath::Project(path.clone()), content)];
    let (outputs, listed) = (["out/f0.o".to_owned()], [path]);
    bencher.bench(|| {
        let subject = Subject {
            kind: graph.target(id).kind,
            action: &action,
            outputs: &outputs,
            inputs: &inputs,
            listed: &listed,
            upstream: &[],
            deps: &[],
            tools: &[content],
        };
        subject.key()
    });
}

/// 100,000 jobs in ten equal chains, handed out and ended one by one.
#[divan::bench]
fn scheduling(bencher: Bencher<'_, '_>) {
    const JOBS: usize = 100_000;
    let pairs = (10..JOBS).map(|n| {
        let (earlier, later) = (Job::from_index(n - 10), Job::from_index(n));
        (earlier, later, EdgeKind::Needs)
    });
    let pairs: Vec<(Job, Job, EdgeKind)> = pairs.collect();
    bencher.counter(ItemsCount::new(JOBS)).bench(|| {
        let jobs = Jobs::new(JOBS, &pairs);
        let priorities = jobs.critical_path(&vec![1; JOBS]);
        let needs = vec![Needs::default(); JOBS];
        let mut schedule = Schedule::new(jobs, priorities, needs, &[], 2);
        let mut ended = 0;
        while let Some(job) = schedule.next() {
            schedule.finish(job, End::Done);
            ended += 1;
        }
        assert_eq!(ended, JOBS);
    });
}
