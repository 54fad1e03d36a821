"""The graphs that are built, in no tool's words: every tool gets the same files and the same commands."""
import os
from dataclasses import dataclass, field

from benchmarks.measure import write

GROUP = 100


@dataclass
class Edge:
    name: str
    inputs: list
    output: str


@dataclass
class Graph:
    """`shape` says which command all edges have; what it means to a tool is said in tools.py.

    copy     one input is copied
    depfile  the same, and a depfile that names the source and all of `headers` is copied beside the output
    touch    many inputs, of which none is read
    shell    no output: `: 17`, which takes a shell
    true     no output: `/bin/true 17`
    """
    shape: str
    edges: list
    sources: list
    headers: list = field(default_factory=list)
    grouped: bool = False

    def always(self):
        return self.shape in ("shell", "true")

    def ends(self):
        """The edges that no other needs: of a chain, its last."""
        used = {name for edge in self.edges for name in edge.inputs}
        return [edge for edge in self.edges if edge.output not in used]

    def groups(self):
        names = [edge.name for edge in self.edges]
        return [(f"g{at // GROUP}", names[at:at + GROUP]) for at in range(0, len(names), GROUP)]

    def outputs(self, names):
        of = {edge.name: edge.output for edge in self.edges}
        return [of[name] for name in names]

    def write_sources(self, place):
        for directory in ("src", "inc", "out"):
            os.makedirs(os.path.join(place, directory))
        for number, source in enumerate(self.sources):
            write(os.path.join(place, source), b"source %d\n" % number)
        for number, header in enumerate(self.headers):
            write(os.path.join(place, header), b"header %d\n" % number)
        if self.shape == "depfile":
            for edge in self.edges:
                text = f"{edge.output}: {' '.join(edge.inputs + self.headers)}\n"
                write(os.path.join(place, edge.inputs[0] + ".d"), text.encode())

    def write_outputs(self, place):
        """As the commands would: for tools that go by times alone, and have nothing to remember."""
        for edge in self.edges:
            with open(os.path.join(place, edge.inputs[0]), "rb") as file:
                write(os.path.join(place, edge.output), file.read() if self.shape != "touch" else b"")
            if self.shape == "depfile":
                with open(os.path.join(place, edge.inputs[0] + ".d"), "rb") as file:
                    write(os.path.join(place, edge.output + ".d"), file.read())


def flat(count, grouped=False):
    edges = [Edge(f"t{at}", [f"src/f{at}.c"], f"out/f{at}.o") for at in range(count)]
    return Graph("copy", edges, [edge.inputs[0] for edge in edges], grouped=grouped)


def headers(count, shared):
    graph = flat(count)
    return Graph("depfile", graph.edges, graph.sources, [f"inc/h{at}.h" for at in range(shared)])


def chain(count):
    edges = [Edge("t0", ["src/f0.c"], "out/f0.o")]
    edges += [Edge(f"t{at}", [f"out/f{at - 1}.o"], f"out/f{at}.o") for at in range(1, count)]
    return Graph("copy", edges, ["src/f0.c"])


def wide(count):
    sources = [f"src/f{at}.c" for at in range(count)]
    return Graph("touch", [Edge("t0", sources, "out/all")], sources)


def commands(count, shape):
    return Graph(shape, [Edge(f"t{at}", [], "") for at in range(count)], [])
