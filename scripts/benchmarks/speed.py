"""speed: the same graphs for gomake and for every peer that is installed, with the ratios that are its goals.

Each candidate has its own copy of the files and its usual fastest flags. What it prints goes to /dev/null, and the start of the
process is part of its time. Of calls that should run nothing it is checked that they ran nothing, of others that they did.
"""
import os
import sys
import time

from benchmarks import graph
from benchmarks.measure import shown, write
from benchmarks.peers import Peers
from benchmarks.timing import Failed, Result, Timer, race
from benchmarks.tools import Gomake

MISSING = Result(failed="-")
BARE = "bare spawn"
MEGABYTE = 1 << 20
# Seconds after which a file's time is believed by all who keep digests: some file systems count in twos.
AT_REST = 2.2


class Work:
    """What all tables share: the candidates, and their trees, each made once."""

    def __init__(self, gomake, place, rounds, peers, scale=1.0, large=False, processor=False, jobs=2):
        self.gomake, self.place, self.rounds, self.scale, self.large, self.jobs = gomake, place, rounds, scale, large, jobs
        self.found = Peers(peers)
        self.peers = self.found.tools()
        self.timer = Timer(place, processor)
        self.trees = {}

    def size(self, count):
        return max(2, int(count * self.scale))

    def tools(self, form, peers, cache=True):
        return [Gomake(self.gomake, form, cache)] + [self.peers[name] for name in peers if name in self.peers]

    def tree(self, tool, made, fresh=False):
        """The tree of a graph that a tool has built. A `fresh` one is nobody else's and not built yet."""
        key = (tool.name, getattr(tool, "form", ""), made.shape, made.grouped, len(made.edges), len(made.sources))
        if fresh or key not in self.trees:
            tree = Tree(self, tool, made, os.path.join(self.place, f"tree{len(self.trees)}"))
            self.trees[(key, len(self.trees)) if fresh else key] = tree
            if not fresh:
                tree.build()
            return tree
        return self.trees[key]

    def race(self, candidates):
        return race(self.rounds, candidates)

    def say(self, text):
        print(f"bench: {text}", file=sys.stderr, flush=True)


class Tree:
    def __init__(self, work, tool, made, place):
        self.work, self.tool, self.graph, self.place, self.failed = work, tool, made, place, ""
        self.env = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
        self.env["GOMAKE_CACHE_DIR"] = os.path.join(place, "cache")
        self.edits = 0
        made.write_sources(place)
        tool.write(made, place)
        self.prepare()

    def prepare(self):
        for command in self.tool.prepare(self.place):
            self.work.timer.once(command, self.place, self.env)

    def call(self, goal=""):
        return self.work.timer.once(self.tool.command(self.graph, self.work.jobs, goal), self.place, self.env)

    def build(self):
        """Makes everything up to date. The second call is for what a tool writes down only then."""
        if self.graph.always():
            return
        try:
            if self.tool.built:
                self.call()
            else:
                self.graph.write_outputs(self.place)
            self.call()
        except Failed as error:
            self.failed = str(error)

    def stamps(self):
        """What tells whether a command wrote its output again: of a few outputs."""
        edges = self.graph.edges
        picked = [edges[at].output for at in sorted({0, len(edges) // 3, len(edges) // 2, len(edges) - 1})]
        stats = [os.stat(os.path.join(self.place, output)) for output in picked if output]
        return [(stat.st_ino, stat.st_mtime_ns) for stat in stats]

    def nothing(self, goal=""):
        """A call that has nothing to run."""
        if self.failed:
            raise Failed(self.failed)
        before = self.stamps()
        sample = self.call(goal)
        if self.stamps() != before:
            raise Failed("ran a command")
        return sample

    def from_nothing(self):
        self.tool.forget(self.place)
        self.prepare()
        sample = self.call()
        for edge in self.graph.edges:
            if not os.path.exists(os.path.join(self.place, edge.output)):
                raise Failed("made no " + edge.output)
        return sample

    def edited(self):
        """A call after one source has got other contents."""
        self.edits += 1
        edge = self.graph.edges[len(self.graph.edges) * 2 // 3]
        text = b"edit %d\n" % self.edits
        write(os.path.join(self.place, edge.inputs[0]), text)
        sample = self.call()
        with open(os.path.join(self.place, edge.output), "rb") as file:
            if file.read() != text:
                raise Failed("did not copy the edit")
        return sample

    def settled(self):
        """A call that has nothing to run, nor to write down, nor to read again because it has changed just now."""
        self.nothing()
        time.sleep(AT_REST)
        # The one reads what was not at rest before and notes it, the other takes long notes into the saved graph.
        self.nothing()
        self.nothing()
        return self.nothing()

    def touched(self, count):
        self.settled()
        for source in self.graph.sources[:count]:
            os.utime(os.path.join(self.place, source))
        return self.nothing()

    def file_edited(self, line, goal=""):
        """A call after the tool's file has got another first line; `line` has a place for a number."""
        self.edits += 1
        path = os.path.join(self.place, self.tool.file)
        with open(path, "rb") as file:
            text = file.read()
        write(path, line.format(self.edits % 10).encode() + b"\n" + text.split(b"\n", 1)[1])
        return self.nothing(goal)


class Rows:
    """A table with a column for each candidate, and the goals of each row in its last one."""

    def __init__(self, work, title, columns):
        self.work, self.title, self.columns, self.rows = work, title, columns, []

    def add(self, what, results, goals=(), value=lambda result: shown(result.took)):
        cells = [value(found) if not found.failed else found.failed for found in (results.get(name, MISSING) for name in self.columns)]
        self.rows.append([what, *cells, "; ".join(goals)])
        self.work.say(" | ".join(self.rows[-1]))

    def text(self):
        lines = [["work", *self.columns, "goal"]] + self.rows
        rows = ["| " + " | ".join(line) + " |" for line in lines]
        rows.insert(1, "|" + "---|" * len(lines[0]))
        return "\n".join([self.note(), ""] + rows)

    def note(self):
        parts = [f"-j{self.work.jobs}, {self.work.rounds} rounds", self.work.found.versions()]
        if self.work.timer.processor:
            parts.append("processor time")
        if self.work.scale != 1:
            parts.append(f"sizes times {self.work.scale}")
        if self.work.found.missing:
            parts.append(f"not installed: {', '.join(self.work.found.missing)}")
        return "; ".join(parts) + "."


def at_most(limit, results, names, value=lambda result: result.took):
    """The goal that gomake takes at most so much of the best of others."""
    return judged(results, names, value, lambda ours, theirs: ours / theirs, limit, at_most=True)


def rate_at_least(limit, results, names):
    return judged(results, names, lambda result: result.took, lambda ours, theirs: theirs / ours, limit, at_most=False)


def judged(results, names, value, ratio, limit, at_most):
    others = {name: value(results[name]) for name in names if name in results and not results[name].failed}
    words = f"{'at most' if at_most else 'rate at least'} {limit}"
    if not others:
        return f"{words} of {' or '.join(names)}: not measured"
    best = min(others, key=others.get)
    if results["gomake"].failed:
        return f"{words} of {best}: MISSED"
    found = ratio(value(results["gomake"]), others[best])
    held = found <= limit if at_most else found >= limit
    return f"{found:.2f} of {best}, {words}: {'held' if held else 'MISSED'}"


def up_to_date(work):
    rows = Rows(work, "up-to-date", ["gomake", *work.peers])
    sizes = [1_000, 10_000, 100_000] + ([1_000_000] if work.large else [])
    one_for = {}
    for count in sizes:
        one_for[count] = results = nothing_to_do(work, graph.flat(work.size(count)), "for", peers_for(work, count))
        explicit = nothing_to_do(work, graph.flat(work.size(count)), "explicit", [])
        both = {**results, "gomake": explicit["gomake"]}
        goals = {10_000: [(0.5, ["ninja"])], 100_000: [(0.35, list(work.peers))]}.get(count, [])
        rows.add(f"{work.size(count):,} targets, one `for` over a glob", results, [at_most(limit, results, names) for limit, names in goals])
        rows.add(f"{work.size(count):,} explicit targets", both, [at_most(limit, both, names) for limit, names in goals])
        if count == 100_000:
            for form, found in (("one `for`", results), ("explicit", both)):
                rows.add(f"peak memory of that, {form}", found, [at_most(1, found, ["make -rR"], lambda result: result.memory)], memory)
    growth(rows, f"{work.size(100_000):,} targets against {work.size(10_000):,}, one `for`", one_for[10_000], one_for[100_000])
    grouped(work, rows)
    shared_headers(work, rows)
    wide(work, rows)
    chains(work, rows)
    return rows


def memory(result):
    return f"{result.memory:.0f} MiB"


def peers_for(work, count):
    names = [name for name in work.peers if name != "just"]
    return [name for name in names if count <= 10_000 or name not in ("task", "tup")]


def nothing_to_do(work, made, form, peers):
    trees = {tool.name: work.tree(tool, made) for tool in work.tools(form, peers)}
    return work.race({name: tree.nothing for name, tree in trees.items()})


def start(work):
    """One target: what starting the program takes. The least that it can be is a process that does nothing."""
    rows = Rows(work, "start", ["gomake", *work.peers, BARE])
    made = graph.flat(1)
    trees = {tool.name: work.tree(tool, made) for tool in work.tools("explicit", list(work.peers))}
    any_tree = trees["gomake"]
    candidates = {name: tree.nothing for name, tree in trees.items()}
    candidates[BARE] = lambda: work.timer.once(["/bin/true"], any_tree.place, any_tree.env)
    results = race(max(work.rounds, min(10 * work.rounds, 50)), candidates)
    rows.add("1 target", results, [at_most(1, results, ["make -rR"])], lambda result: f"{result.took * 1000:.2f} ms")
    return rows


def growth(rows, what, small, large):
    """How many times as long the larger takes; ten times is linear."""
    ratios = {name: Result(large[name].took / small[name].took) for name in large if not (large[name].failed or small.get(name, MISSING).failed)}
    found = ratios.get("gomake")
    verdict = "linear (at most 12): " + ("held" if found and found.took <= 12 else "MISSED")
    rows.add(what, ratios, [verdict], lambda result: f"{result.took:.1f} times")


def grouped(work, rows):
    made = graph.flat(work.size(100_000), grouped=True)
    results = nothing_to_do(work, made, "explicit", peers_for(work, 100_000))
    rows.add(f"{len(made.edges):,} explicit targets in groups of {graph.GROUP}", results, [at_most(0.35, results, list(work.peers))])


def shared_headers(work, rows):
    made = graph.headers(work.size(10_000), 50)
    results = nothing_to_do(work, made, "for", ["make -rR", "ninja", "n2"])
    rows.add(f"{len(made.edges):,} targets sharing 50 headers (depfiles)", results, [at_most(0.3, results, ["make -rR", "ninja", "n2"])])


def wide(work, rows):
    found = []
    for count in (10_000, 100_000):
        made = graph.wide(work.size(count))
        found.append(nothing_to_do(work, made, "explicit", ["make -rR", "ninja", "n2"]))
        rows.add(f"1 target with {len(made.sources):,} inputs", found[-1])
    growth(rows, "growth of that", *found)


def chains(work, rows):
    for count in (1_000, 100_000):
        made = graph.chain(work.size(count))
        peers = ["make -rR", "ninja", "n2"] + (["task"] if count == 1_000 else [])
        rows.add(f"a chain of {len(made.edges):,}", nothing_to_do(work, made, "explicit", peers))


def file_edits(work):
    """What a large file of explicit targets takes to be read again."""
    rows = Rows(work, "file-edits", ["gomake", *work.peers])
    made = graph.flat(work.size(100_000))
    trees = {tool.name: work.tree(tool, made) for tool in work.tools("explicit", ["make -rR", "ninja", "n2"])}
    first = f"1 of {len(made.edges):,} explicit targets after an edit of the file"
    for what, edit, alone in ((f"{first}: one target more", "extra", True), (f"{first}: another comment", "comment", True), ("all of them, another comment", "comment", False)):
        results = work.race({name: after_an_edit(tree, getattr(tree.tool, edit), alone) for name, tree in trees.items()})
        rows.add(what, results, [at_most(1.5, results, ["ninja"])] if alone else [])
    return rows


def after_an_edit(tree, line, alone):
    edge = tree.graph.edges[0]
    goal = (edge.name if tree.tool.name == "gomake" else edge.output) if alone else ""
    return lambda: tree.file_edited(line, goal)


def changes(work):
    rows = Rows(work, "changes", ["gomake", *work.peers])
    made = graph.flat(work.size(10_000))
    # tup goes by whole seconds: an edit in the second of the last one is lost on it.
    peers = [name for name in peers_for(work, 10_000) if name != "tup"]
    trees = {tool.name: work.tree(tool, made) for tool in work.tools("for", peers)}
    ours = trees["gomake"]
    # Before anything was edited or touched: what a call has to catch up with afterwards is none of a no-op's.
    still = work.race({"the no-op": ours.settled})
    rows.add("nothing changed", {"gomake": still["the no-op"]})
    for what, count in (("1 source", 1), (f"all {len(made.sources):,} sources", len(made.sources))):
        found = {**work.race({"gomake": lambda: ours.touched(count)}), **still}
        rows.add(f"{what} touched: no command runs", found, [at_most(1.3, found, ["the no-op"])])
    results = work.race({name: tree.edited for name, tree in trees.items()})
    rows.add(f"1 source of {len(made.edges):,} edited", results, [at_most(1, results, ["ninja"])])
    return rows


def commands(work):
    rows = Rows(work, "commands", ["gomake", *work.peers, BARE])
    count = work.size(5_000)
    for shape, form, what in (("shell", "explicit", "`: 17`"), ("true", "explicit", "`/bin/true 17` as a script"), ("true", "list", '`["/bin/true", "17"]`')):
        made = graph.commands(count, shape)
        trees = {tool.name: work.tree(tool, made) for tool in work.tools(form, [name for name in work.peers if name != "tup"])}
        candidates = {name: tree.call for name, tree in trees.items()}
        candidates[BARE] = bare(work, trees["gomake"], shape, count)
        results = work.race(candidates)
        rows.add(f"{count:,} commands, {what}", results, [rate_at_least(1, results, ["make -rR"]), rate_at_least(0.85, results, [BARE])])
    return rows


def bare(work, tree, shape, count):
    command = ["/bin/sh", "-c", ": 17"] if shape == "shell" else ["/bin/true", "17"]
    return lambda: work.timer.loop(count, work.jobs, command, tree.place, tree.env)


def first_builds(work):
    rows = Rows(work, "first-builds", ["gomake", *work.peers])
    made = graph.flat(work.size(10_000))
    trees = {tool.name: work.tree(tool, made, fresh=True) for tool in work.tools("for", ["make -rR", "ninja", "n2", "tup"])}
    uncached = work.tree(Gomake(work.gomake, "for", cache=False), made, fresh=True)
    candidates = {name: tree.from_nothing for name, tree in trees.items()}
    results = work.race({**candidates, "uncached": uncached.from_nothing})
    rows.add(f"{len(made.edges):,} `cp` from nothing", results, [at_most(1.15, results, ["ninja"])])
    without = {"gomake": results["uncached"], "ninja": results.get("ninja", MISSING)}
    rows.add("the same with `cache = false`", without, [at_most(1.15, without, ["ninja"])])
    return rows


def hashing(work):
    """Large files that were touched, so that a call reads them all and runs nothing; b3sum reads the same files."""
    rows = Rows(work, "hashing", ["gomake", "b3sum"])
    total = max(16, int(1024 * work.scale))
    for files in (1, 16):
        place = os.path.join(work.place, f"hash{files}")
        tree = Hashed(work, place, files, total // files)
        candidates = {"gomake": tree.touched_all}
        if work.found.path("b3sum"):
            candidates["b3sum"] = tree.b3sum
        results = work.race(candidates)
        size = f"{total // files} MiB" if files == 1 else f"{files} of {total // files} MiB"
        rows.add(f"large inputs, {size}", results, [rate_at_least(0.9, results, ["b3sum"])])
    return rows


class Hashed(Tree):
    def __init__(self, work, place, files, megabytes):
        super().__init__(work, Gomake(work.gomake, "explicit"), graph.wide(files), place)
        for number, source in enumerate(self.graph.sources):
            block = os.urandom(MEGABYTE)
            with open(os.path.join(place, source), "wb") as file:
                for at in range(megabytes):
                    file.write(number.to_bytes(8, "little") + at.to_bytes(8, "little") + block[16:])
        self.build()

    def touched_all(self):
        return self.touched(len(self.graph.sources))

    def b3sum(self):
        return self.work.timer.once([self.work.found.path("b3sum"), *self.graph.sources], self.place, self.env)


TABLES = {"speed/start": start, "speed/up-to-date": up_to_date, "speed/changes": changes, "speed/file-edits": file_edits,
          "speed/commands": commands, "speed/first-builds": first_builds, "speed/hashing": hashing}
