use super::*;
use proptest::prelude::*;

fn edges(pairs: &[(u32, u32)]) -> Vec<(Job, Job, EdgeKind)> {
    pairs
        .iter()
        .map(|&(a, b)| (Job(a), Job(b), EdgeKind::Needs))
        .collect()
}
fn plain(jobs: usize, pairs: &[(u32, u32)], workers: u32) -> Schedule {
    Schedule::new(
        Graph::new(jobs, &edges(pairs)),
        vec![0; jobs],
        vec![Needs::default(); jobs],
        &[],
        workers,
    )
}

#[test]
fn a_failure_skips_what_needs_it_and_frees_what_only_follows() {
    let graph = Graph::new(
        5,
        &[
            (Job(0), Job(1), EdgeKind::Needs),
            (Job(1), Job(2), EdgeKind::Needs),
            (Job(2), Job(3), EdgeKind::After),
            (Job(0), Job(4), EdgeKind::After),
        ],
    );
    let mut schedule = Schedule::new(graph, vec![0; 5], vec![Needs::default(); 5], &[], 9);
    assert_eq!(schedule.next(), Some(Job(0)));
    assert_eq!(schedule.next(), None);
    assert_eq!(schedule.finish(Job(0), Outcome::Failed), [Job(1), Job(2)]);
    assert_eq!(
        (schedule.next(), schedule.next()),
        (Some(Job(3)), Some(Job(4)))
    );
    assert_eq!(schedule.state(Job(2)), State::Skipped);
    schedule.finish(Job(3), Outcome::Done);
    assert!(!schedule.is_idle());
    schedule.finish(Job(4), Outcome::Done);
    assert!(schedule.is_idle());
    assert_eq!(schedule.remaining(), 0);
}

#[test]
fn an_exclusive_job_drains_the_others_and_runs_alone() {
    let mut needs = vec![Needs::default(); 4];
    needs[1].exclusive = true;
    let mut schedule = Schedule::new(Graph::new(4, &[]), vec![9, 8, 7, 6], needs, &[], 9);
    assert_eq!(schedule.next(), Some(Job(0)));
    assert_eq!(
        schedule.next(),
        None,
        "the exclusive job's turn has come: the rest drains"
    );
    schedule.finish(Job(0), Outcome::Done);
    assert_eq!(schedule.next(), Some(Job(1)));
    assert_eq!(schedule.next(), None);
    schedule.finish(Job(1), Outcome::Done);
    assert_eq!(
        (schedule.next(), schedule.next()),
        (Some(Job(2)), Some(Job(3)))
    );
}

#[test]
fn a_heavy_job_keeps_its_place_in_the_pool_while_others_pass() {
    let pool = Some(PoolId(0));
    let needs = vec![
        Needs {
            pool,
            weight: 1,
            exclusive: false,
        },
        Needs {
            pool,
            weight: 99,
            exclusive: false,
        },
        Needs {
            pool,
            weight: 1,
            exclusive: false,
        },
        Needs::default(),
    ];
    let mut schedule = Schedule::new(Graph::new(4, &[]), vec![9, 8, 7, 6], needs, &[2], 9);
    assert_eq!(
        (schedule.next(), schedule.next(), schedule.next()),
        (Some(Job(0)), Some(Job(3)), None)
    );
    schedule.finish(Job(0), Outcome::Done);
    assert_eq!(
        (schedule.next(), schedule.next()),
        (Some(Job(1)), None),
        "clamped to the whole pool"
    );
    schedule.finish(Job(1), Outcome::Done);
    assert_eq!(schedule.next(), Some(Job(2)));
}

#[test]
fn workers_bound_what_runs_and_stop_ends_it() {
    let mut schedule = plain(5, &[], 2);
    assert_eq!(
        (schedule.next(), schedule.next(), schedule.next()),
        (Some(Job(0)), Some(Job(1)), None)
    );
    schedule.stop();
    schedule.finish(Job(0), Outcome::Done);
    assert_eq!(schedule.next(), None);
    assert!(!schedule.is_idle());
    schedule.finish(Job(1), Outcome::Done);
    assert!(schedule.is_idle());
    assert_eq!(
        (schedule.remaining(), schedule.state(Job(4))),
        (3, State::Waiting)
    );
}

#[test]
fn long_chains_do_not_recurse() {
    let pairs: Vec<(u32, u32)> = (0..99_999).map(|job| (job, job + 1)).collect();
    let graph = Graph::new(100_000, &edges(&pairs));
    assert_eq!(graph.critical_path(&vec![2; 100_000])[0], 200_000);
    let mut schedule = plain(100_000, &pairs, 1);
    let first = schedule.next().unwrap();
    assert_eq!(schedule.finish(first, Outcome::Failed).len(), 99_999);
    assert!(schedule.is_idle());
}

#[test]
fn a_cycle_is_left_waiting() {
    let mut schedule = plain(3, &[(0, 1), (1, 0), (2, 2)], 4);
    assert_eq!(schedule.next(), None);
    assert!(schedule.is_idle());
    assert_eq!(
        Graph::new(2, &edges(&[(0, 1), (1, 0)])).critical_path(&[3, 4]),
        [3, 4]
    );
}

/// A random schedule and the choices of a random run of it.
#[derive(Debug, Clone)]
struct Case {
    edges: Vec<(Job, Job, EdgeKind)>,
    priorities: Vec<u64>,
    needs: Vec<Needs>,
    pools: Vec<u32>,
    workers: u32,
    /// For each end: which of the running jobs, and whether it fails.
    ends: Vec<(usize, bool)>,
    stop_after: usize,
}

fn case() -> impl Strategy<Value = Case> {
    (1usize..20).prop_flat_map(|jobs| {
        let pair = (0..jobs, 0..jobs, any::<bool>()).prop_map(|(a, b, after)| {
            let kind = if after {
                EdgeKind::After
            } else {
                EdgeKind::Needs
            };
            (Job::from_index(a.min(b)), Job::from_index(a.max(b)), kind)
        });
        let pairs = prop::collection::vec(pair, 0..40)
            .prop_map(|pairs| pairs.into_iter().filter(|(a, b, _)| a != b).collect());
        let need = (
            prop::option::of(0u32..2),
            0u32..5,
            prop::bool::weighted(0.1),
        )
            .prop_map(|(pool, weight, exclusive)| Needs {
                pool: pool.map(PoolId),
                weight,
                exclusive,
            });
        let ends = prop::collection::vec((any::<usize>(), prop::bool::weighted(0.2)), jobs);
        (
            pairs,
            prop::collection::vec(0u64..4, jobs),
            prop::collection::vec(need, jobs),
            prop::collection::vec(1u32..4, 2),
            1u32..5,
            ends,
            prop_oneof![Just(usize::MAX), 0..jobs],
        )
            .prop_map(
                |(edges, priorities, needs, pools, workers, ends, stop_after)| Case {
                    edges,
                    priorities,
                    needs,
                    pools,
                    workers,
                    ends,
                    stop_after,
                },
            )
    })
}

/// Runs it to its end, checks every step, and returns the order of starts with the final states.
fn play(case: &Case) -> (Vec<Job>, Vec<State>) {
    let graph = Graph::new(case.needs.len(), &case.edges);
    let mut schedule = Schedule::new(
        graph,
        case.priorities.clone(),
        case.needs.clone(),
        &case.pools,
        case.workers,
    );
    let (mut started, mut running, mut ends) = (Vec::new(), Vec::<Job>::new(), case.ends.iter());
    loop {
        while let Some(job) = schedule.next() {
            running.push(job);
            started.push(job);
            check_start(case, &schedule, job, &running);
        }
        if running.is_empty() {
            break;
        }
        let &(pick, fails) = ends.next().unwrap();
        let job = running.remove(pick % running.len());
        schedule.finish(
            job,
            if fails {
                Outcome::Failed
            } else {
                Outcome::Done
            },
        );
        if started.len() > case.stop_after {
            schedule.stop();
        }
    }
    assert!(schedule.is_idle());
    let states: Vec<State> = (0..case.needs.len())
        .map(|job| schedule.state(Job::from_index(job)))
        .collect();
    let waiting = states
        .iter()
        .filter(|state| **state == State::Waiting)
        .count();
    assert_eq!(waiting, schedule.remaining());
    assert!(
        schedule.is_stopped() || waiting == 0,
        "an acyclic schedule comes to its end"
    );
    for job in (0..states.len()).map(Job::from_index) {
        let lost = case.edges.iter().any(|(earlier, later, kind)| {
            let failed = matches!(states[earlier.index()], State::Failed | State::Skipped);
            *later == job && *kind == EdgeKind::Needs && failed
        });
        assert_eq!(states[job.index()] == State::Skipped, lost);
    }
    (started, states)
}

fn check_start(case: &Case, schedule: &Schedule, job: Job, running: &[Job]) {
    for (earlier, later, kind) in &case.edges {
        if *later == job {
            match schedule.state(*earlier) {
                State::Done => {}
                State::Failed | State::Skipped => assert_eq!(*kind, EdgeKind::After),
                state => panic!("{job:?} started before {earlier:?}, which is {state:?}"),
            }
        }
    }
    if running.iter().any(|job| case.needs[job.index()].exclusive) {
        assert_eq!(running.len(), 1, "exclusive means alone");
    }
    for (pool, capacity) in case.pools.iter().enumerate() {
        let inside = running
            .iter()
            .map(|job| case.needs[job.index()])
            .filter(|needs| !needs.exclusive);
        let used: u32 = inside
            .filter(|needs| needs.pool == Some(PoolId::from_index(pool)))
            .map(|needs| needs.weight.clamp(1, *capacity))
            .sum();
        assert!(used <= *capacity);
    }
    assert!(running.len() <= case.workers as usize);
    assert_eq!(running.len(), schedule.running());
}

proptest! {
    #[test]
    fn every_run_keeps_the_rules_and_is_repeatable(case in case()) {
        prop_assert_eq!(play(&case), play(&case));
    }
}

/// A chain that has come to its end, with one job beside it.
fn finished_chain() -> Schedule {
    let mut schedule = plain(4, &[(0, 1), (1, 2)], 9);
    while let Some(job) = schedule.next() {
        schedule.finish(job, Outcome::Done);
    }
    schedule
}

#[test]
fn what_was_put_back_takes_its_turn_again_with_what_needs_it() {
    let mut schedule = finished_chain();
    let put = schedule.put_back(&[Job(1)]);
    assert_eq!((put.running, put.waiting), (vec![], vec![Job(1), Job(2)]));
    assert_eq!(
        (schedule.next(), schedule.next()),
        (Some(Job(1)), None),
        "the others are left alone"
    );
    schedule.finish(Job(1), Outcome::Done);
    assert_eq!(schedule.next(), Some(Job(2)));
    schedule.finish(Job(2), Outcome::Done);
    assert!(schedule.is_idle() && schedule.remaining() == 0);
}

#[test]
fn a_running_job_holds_back_what_it_reads_until_it_has_ended() {
    let mut schedule = plain(4, &[(0, 1), (1, 2)], 9);
    for job in [0, 1] {
        assert_eq!(schedule.next(), Some(Job(job)));
        schedule.finish(Job(job), Outcome::Done);
    }
    assert_eq!(
        (schedule.next(), schedule.next()),
        (Some(Job(2)), Some(Job(3)))
    );
    let put = schedule.put_back(&[Job(0)]);
    assert_eq!(
        (put.running, put.waiting),
        (vec![Job(2)], vec![Job(0), Job(1)])
    );
    assert!(schedule.is_put_back(Job(2)));
    assert_eq!(schedule.next(), None, "job 2 still runs on what 0 made");
    assert!(!schedule.is_idle());
    assert_eq!(
        schedule.finish(Job(2), Outcome::Failed),
        [],
        "its outcome says nothing"
    );
    for job in [0, 1, 2] {
        assert_eq!(schedule.next(), Some(Job(job)));
        assert_eq!(schedule.next(), None);
        schedule.finish(Job(job), Outcome::Done);
    }
    assert_eq!(schedule.state(Job(3)), State::Running);
}

#[test]
fn what_only_comes_after_keeps_what_it_did() {
    let graph = Graph::new(2, &[(Job(0), Job(1), EdgeKind::After)]);
    let mut schedule = Schedule::new(graph, vec![0; 2], vec![Needs::default(); 2], &[], 9);
    assert_eq!(schedule.next(), Some(Job(0)));
    schedule.finish(Job(0), Outcome::Done);
    assert_eq!(schedule.next(), Some(Job(1)));
    assert_eq!(schedule.put_back(&[Job(0)]).waiting, [Job(0)]);
    assert_eq!(schedule.next(), Some(Job(0)));
    schedule.finish(Job(1), Outcome::Done);
    schedule.finish(Job(0), Outcome::Done);
    assert!(schedule.is_idle());
}

#[test]
fn a_failure_put_back_frees_what_was_skipped_for_it_alone() {
    // 2 needs both, 3 needs the first only.
    let mut schedule = plain(4, &[(0, 2), (1, 2), (0, 3)], 9);
    assert_eq!(
        (schedule.next(), schedule.next()),
        (Some(Job(0)), Some(Job(1)))
    );
    schedule.finish(Job(0), Outcome::Failed);
    schedule.finish(Job(1), Outcome::Failed);
    schedule.stop();
    assert_eq!(schedule.put_back(&[Job(0)]).waiting, [Job(0), Job(3)]);
    assert!(schedule.is_idle(), "the stop is the caller's to lift");
    schedule.resume();
    assert_eq!((schedule.next(), schedule.next()), (Some(Job(0)), None));
    schedule.finish(Job(0), Outcome::Done);
    assert_eq!(schedule.next(), Some(Job(3)));
    schedule.finish(Job(3), Outcome::Done);
    assert_eq!(schedule.state(Job(2)), State::Skipped);
    assert_eq!(schedule.put_back(&[Job(1)]).waiting, [Job(1), Job(2)]);
}

#[test]
fn an_exclusive_job_that_is_put_back_does_not_block_the_rest() {
    let mut needs = vec![Needs::default(); 4];
    needs[1].exclusive = true;
    let graph = Graph::new(4, &edges(&[(0, 1)]));
    let mut schedule = Schedule::new(graph, vec![9, 9, 8, 0], needs, &[], 9);
    assert_eq!(schedule.next(), Some(Job(0)));
    schedule.finish(Job(0), Outcome::Done);
    assert_eq!(schedule.next(), Some(Job(1)));
    schedule.finish(Job(1), Outcome::Done);
    assert_eq!(
        (schedule.next(), schedule.next()),
        (Some(Job(2)), Some(Job(3)))
    );
    schedule.put_back(&[Job(1)]);
    assert_eq!(schedule.next(), None, "its turn has come: the rest drains");
    schedule.put_back(&[Job(0)]);
    assert_eq!(schedule.next(), Some(Job(0)), "it is not its turn any more");
}

#[test]
fn a_schedule_can_start_with_jobs_that_are_settled() {
    let mut schedule = plain(5, &[(0, 1), (1, 2), (3, 4)], 9);
    schedule.start_from_states(&[
        State::Done,
        State::Waiting,
        State::Waiting,
        State::Failed,
        State::Waiting,
    ]);
    assert_eq!((schedule.next(), schedule.next()), (Some(Job(1)), None));
    assert_eq!(schedule.state(Job(4)), State::Skipped);
    schedule.finish(Job(1), Outcome::Done);
    assert_eq!(schedule.next(), Some(Job(2)));
    assert_eq!(schedule.remaining(), 0);
}

/// A run in which jobs are put back at random.
#[derive(Debug, Clone)]
struct Restless {
    case: Case,
    /// Before an end: what is put back.
    backs: Vec<Vec<usize>>,
}

fn restless() -> impl Strategy<Value = Restless> {
    let back = prop_oneof![
        2 => Just(Vec::new()),
        1 => prop::collection::vec(any::<usize>(), 1..3)
    ];
    (case(), prop::collection::vec(back, 0..12)).prop_map(|(case, backs)| Restless { case, backs })
}

/// Everything that needs `job`, however far behind.
fn behind(case: &Case, job: Job) -> Vec<Job> {
    let mut found = vec![job];
    let mut next = 0;
    while let Some(&job) = found.get(next) {
        next += 1;
        for (earlier, later, kind) in &case.edges {
            if *earlier == job && *kind == EdgeKind::Needs && !found.contains(later) {
                found.push(*later);
            }
        }
    }
    found.remove(0);
    found
}

/// Runs it to its end, with everything checked at every step. Who was put back has to be handed out again after that, or
/// be skipped. Returns the order of starts.
fn play_restless(play: &Restless) -> Vec<Job> {
    let case = &play.case;
    let graph = Graph::new(case.needs.len(), &case.edges);
    let mut schedule = Schedule::new(
        graph,
        case.priorities.clone(),
        case.needs.clone(),
        &case.pools,
        case.workers,
    );
    let (mut started, mut running, mut owed) = (Vec::new(), Vec::<Job>::new(), HashSet::default());
    let (mut ends, mut backs) = (case.ends.iter().cycle(), play.backs.iter());
    loop {
        while let Some(job) = schedule.next() {
            assert!(!running.contains(&job), "one at a time");
            running.push(job);
            started.push(job);
            owed.remove(&job);
            check_start(case, &schedule, job, &running);
            let behind = behind(case, job);
            assert!(!running.iter().any(|other| behind.contains(other)));
        }
        let back: Vec<Job> = backs
            .next()
            .into_iter()
            .flatten()
            .map(|at| Job::from_index(at % case.needs.len()))
            .collect();
        let before: Vec<State> = (0..case.needs.len())
            .map(|job| schedule.state(Job::from_index(job)))
            .collect();
        let put = schedule.put_back(&back);
        for &job in back
            .iter()
            .filter(|job| before[job.index()] != State::Waiting)
        {
            let is_put = put.running.contains(&job) || put.waiting.contains(&job);
            assert!(is_put || schedule.state(job) == State::Skipped);
            for later in behind(case, job) {
                let state = schedule.state(later);
                let ok =
                    matches!(state, State::Waiting | State::Skipped) || schedule.is_put_back(later);
                assert!(ok, "{later:?} behind {job:?} is {state:?}");
            }
        }
        owed.extend(put.running.iter().chain(&put.waiting).copied());
        if running.is_empty() {
            if schedule.is_idle() && backs.len() == 0 {
                break;
            }
            continue;
        }
        let &(pick, fails) = ends.next().unwrap();
        let job = running.remove(pick % running.len());
        let outcome = if fails {
            Outcome::Failed
        } else {
            Outcome::Done
        };
        for skipped in schedule.finish(job, outcome) {
            owed.remove(&skipped);
        }
    }
    owed.retain(|job| schedule.state(*job) != State::Skipped);
    assert!(owed.is_empty(), "{owed:?} were put back and not handed out");
    assert_eq!(schedule.remaining(), 0);
    assert!(schedule.lanes.iter().all(|lane| lane.room.used == 0) && schedule.workers.used == 0);
    started
}

proptest! {
    #[test]
    fn what_is_put_back_keeps_the_rules_and_is_handed_out_again(play in restless()) {
        prop_assert_eq!(play_restless(&play), play_restless(&play));
    }
}
