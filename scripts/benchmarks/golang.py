"""go: gomake beside `go build` and `go test` on a real project, each in its own copy, with one build cache of Go for both.

The project is k8s.io/client-go, as Go's module tooling downloads it: nearly 400 packages of its own and as many of others.
"""
import json
import os
import shutil
import statistics
import subprocess

from benchmarks.measure import Table, in_turn, processor_seconds, run, samples, seconds, shown, write

MODULE = "k8s.io/client-go@v0.34.2"
PROGRAM = "./examples/workqueue"
# Files of packages that import none of the project: of one that nearly all others see, and of one that two others see.
LEAF, QUIET_LEAF = "util/flowcontrol/throttle.go", "util/retry/util.go"
# Rounds of the edited build for one of the others: it differs by less from `go build` than one build from the next, and is short.
BUILD_EDITS = 3
# All but the plugins: their tests start scripts, which lose their rights on the way through Go's module cache.
TESTED = ["./" + name for name in ("applyconfigurations/...", "discovery/...", "dynamic/...", "examples/...", "features/...", "gentype/...", "informers/...",
          "kubernetes/...", "listers/...", "metadata/...", "openapi/...", "openapi3/...", "pkg/...", "rest/...", "restmapper/...", "scale/...", "testing/...",
          "tools/...", "transport/...", "util/...")]
GOFILE = f"""build program {{
  go {{ package = "{PROGRAM}" }}
  outputs = "out/program"
}}
test unit {{
  go {{ packages = {json.dumps(TESTED)} }}
}}
"""
BUILD = ["go", "build", "-trimpath", "-buildvcs=false", "-ldflags=-buildid=", "-o", "out/program", PROGRAM]
TEST = ["go", "test", *TESTED]


class Side:
    """One candidate's copy of the project."""

    def __init__(self, place, source, env):
        self.place, self.env, self.edits = place, env, 0
        self.copy(source)

    def copy(self, source):
        """A checkout: all files are new."""
        shutil.rmtree(self.place, ignore_errors=True)
        shutil.copytree(source, self.place, copy_function=shutil.copyfile)

    def edit(self, file):
        """Another body, so that the bytes of what is built change."""
        self.edits += 1
        path = os.path.join(self.place, file)
        with open(path) as read:
            text = read.read().split("\n// bench\n")[0]
        write(path, f'{text}\n// bench\nvar benchEdit = "{self.edits}"\n\nfunc init() {{ println(benchEdit[1:]) }}\n'.encode())

    def both(self, command):
        """Wall time and processor time."""
        before = processor_seconds()
        wall = self.time(command)
        return wall, processor_seconds() - before

    def time(self, command):
        return seconds(command, cwd=self.place, env=self.env)


class Work:
    """The project as it was downloaded, for all tables of a run."""

    def __init__(self, gomake, place, rounds):
        self.gomake, self.place, self.rounds = gomake, place, rounds
        os.makedirs(place)
        self.env = {**os.environ, "GOMAKE_CACHE_DIR": os.path.join(place, "cache"), "GOFLAGS": "-mod=mod"}
        self.source = download(place, self.env)

    def side(self, name):
        return Side(os.path.join(self.place, name), self.source, self.env)


def packages(work):
    ours, theirs = work.side("ours"), work.side("theirs")
    write(os.path.join(ours.place, "Gofile"), GOFILE.encode())
    build, test = [work.gomake, "program"], [work.gomake, "unit"]
    pairs = {"build": (build, BUILD), "test": (test, TEST)}
    for mine, other in pairs.values():
        for _ in range(2):
            ours.time(mine)
            theirs.time(other)
    many = run(["go", "list", "-deps", "./..."], cwd=theirs.place, env=work.env).splitlines()
    own = run(["go", "list", "./..."], cwd=theirs.place, env=work.env).splitlines()
    table = table_of("go/packages", work, f"{len(own)} packages of its own, {len(many)} with those that they import",
                     f", {work.rounds * BUILD_EDITS} of the edited build")
    for name, goal in (("build", 0.1), ("test", 0.05)):
        mine, other = pairs[name]
        nothing_changed(table, work.rounds, name, (ours, mine), (theirs, other), goal)
    for name, file, times in (("build", "examples/workqueue/main.go", BUILD_EDITS), ("test", QUIET_LEAF, 1), ("test", LEAF, 1)):
        mine, other = pairs[name]
        after_an_edit(table, work.rounds * times, name, file, (ours, mine), (theirs, other))
    fresh_clone(table, work.rounds, work.place, work.env, test)
    return table


def table_of(name, work, what, more=""):
    version = run(["go", "env", "GOVERSION"]).strip()
    return Table(name, f"{MODULE}: {what}; {version}; {work.rounds} rounds{more}.")


def download(place, env):
    found = json.loads(run(["go", "mod", "download", "-json", MODULE], cwd=place, env={**env, "GOFLAGS": ""}))
    source = os.path.join(place, "source")
    shutil.copytree(found["Dir"], source, copy_function=shutil.copyfile)
    subprocess.run(["chmod", "-R", "u+w", source], check=True)
    run(["go", "mod", "download", "all"], cwd=source, env=env)
    return source


def compared(table, what, found, names, goal):
    other, mine = names
    table.add(other, shown(found[other]))
    table.compare(f"{mine}{what}", found[mine], found[other], goal)


def nothing_changed(table, rounds, name, mine, other, goal):
    names = (f"`{' '.join(other[1][:2])}`, nothing changed", f"`gomake {mine[1][1]}`, the same")
    found = in_turn(rounds, {names[0]: lambda: other[0].time(other[1]), names[1]: lambda: mine[0].time(mine[1])})
    compared(table, "", found, names, goal)


def after_an_edit(table, rounds, name, file, mine, other):
    def before(number):
        for side, _ in (mine, other):
            side.edit(file)
    names = (f"`{' '.join(other[1][:2])}` after {file} changed", f"`gomake {mine[1][1]}`, the same")
    found = samples(rounds, {names[0]: lambda: other[0].both(other[1]), names[1]: lambda: mine[0].both(mine[1])}, before)
    walls, processor = ({name: statistics.median(one[at] for one in all_) for name, all_ in found.items()} for at in (0, 1))
    compared(table, "", walls, names, 1.03)
    took, other = processor[names[1]], processor[names[0]]
    table.add(f"processor time of the latter, {shown(other)} of the former", shown(took), f"{took / other:.2f}")


def fresh_clone(table, rounds, place, env, test):
    ours, theirs = (os.path.join(place, name) for name in ("ours", "theirs"))
    sides = [Side(os.path.join(place, "clone-" + name), source, env) for name, source in (("ours", ours), ("theirs", theirs))]
    mine, other = sides

    def before(number):
        mine.copy(ours)
        shutil.rmtree(os.path.join(mine.place, ".gomake"))
        other.copy(theirs)
    names = ("`go test` in a fresh clone, Go's build cache warm", "`gomake unit`, the same, gomake's cache warm")
    found = in_turn(rounds, {names[0]: lambda: other.time(TEST), names[1]: lambda: mine.time(test)}, before)
    compared(table, "", found, names, 0.05)


def build_cache(work):
    """Go's build cache where Go keeps it and in gomake's: when all was built before, and by a Go whose own cache is empty."""
    table = table_of("go/build-cache", work, "all of its packages")
    side = work.side("cached")
    known, empty, kept = (os.path.join(work.place, name) for name in ("go-known", "go-empty", "go-kept"))
    ours = {**side.env, "GOCACHEPROG": f"{work.gomake} --go-cache-prog {kept}"}
    command = ["go", "build", "./..."]

    def build(env, cache):
        if cache == empty:
            shutil.rmtree(empty, ignore_errors=True)
        return seconds(command, cwd=side.place, env={**env, "GOCACHE": cache})
    names = ["`go build ./...`, Go's build cache warm", "the same, what was built in gomake's cache (`GOCACHEPROG`)",
             "`go build ./...`, GOCACHE empty", "the same, what was built in gomake's cache"]
    for env in (side.env, ours):
        build(env, known)
    warm = in_turn(work.rounds, {names[0]: lambda: build(side.env, known), names[1]: lambda: build(ours, known)})
    table.add(names[0], shown(warm[names[0]]))
    table.add(names[1], shown(warm[names[1]]), f"{warm[names[1]] / warm[names[0]]:.2f}")
    cold = in_turn(min(work.rounds, 3), {names[2]: lambda: build(side.env, empty), names[3]: lambda: build(ours, empty)})
    table.add(names[2], shown(cold[names[2]]))
    table.compare(names[3], cold[names[3]], cold[names[2]], 0.2)
    for directory in (known, empty, kept):
        shutil.rmtree(directory, ignore_errors=True)
    return table


TABLES = {"go/packages": packages, "go/build-cache": build_cache}
