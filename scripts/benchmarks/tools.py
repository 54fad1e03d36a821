"""The candidates: where their programs are, how a graph is written in their words, and how they are called for it."""
import json
import os
import shutil

from benchmarks.measure import write

NUMBERED = {"shell": ": {}", "true": "/bin/true {}"}


class Tool:
    """`built` is whether a tool remembers what it ran, so that only a real build makes its outputs up to date."""
    name, program, file, built = "", "", "", True
    # What may stand in the first line of a file: a comment, and one target more.
    comment, extra = "# edit {}", ""

    def __init__(self, path):
        self.path = path

    def prepare(self, place):
        """What has to be done once in a new directory: commands."""
        return []

    def write(self, graph, place):
        write(os.path.join(place, self.file), "".join(line + "\n" for line in [self.comment.format(0), *self.lines(graph)]).encode())

    def forget(self, place):
        """Removes what was made and what is remembered, for a build from nothing."""
        shutil.rmtree(os.path.join(place, "out"))
        os.mkdir(os.path.join(place, "out"))


class Gomake(Tool):
    name, program, file = "gomake", "gomake", "Gofile"
    extra = 'task extra{} {{ run = ["true"] }}'

    def __init__(self, path, form="for", cache=True):
        super().__init__(path)
        self.form, self.cache = form, cache

    def command(self, graph, jobs, goal=""):
        ends = graph.ends()
        named = "all" if graph.grouped or graph.always() else ends[0].name if len(ends) < len(graph.edges) else "build"
        return [self.path, "-j", str(jobs), goal or named]

    def forget(self, place):
        super().forget(place)
        for state in (".gomake", "cache"):
            shutil.rmtree(os.path.join(place, state), ignore_errors=True)

    def lines(self, graph):
        if self.form == "for":
            return self.one_for(graph)
        lines = []
        for edge in graph.edges:
            lines += self.explicit(graph, edge)
        if graph.grouped:
            lines += [f"task {name} {{ needs = [{', '.join(names)}] }}" for name, names in graph.groups()]
            lines += [f"task all {{ needs = [{', '.join(name for name, _ in graph.groups())}] }}"]
        if graph.always():
            lines += [f"task all {{ needs = [{', '.join(edge.name for edge in graph.edges)}] }}"]
        return lines

    def explicit(self, graph, edge):
        if graph.always():
            return [f"task {edge.name} {{", f"  {self.numbered(graph, edge)}", "}"]
        out = [f'build {edge.name} {{', f'  outputs = "{edge.output}"']
        out += [] if self.cache else ["  cache = false"]
        if graph.shape == "touch":
            return out + ['  inputs = "src/*.c"', f'  run = ["touch", "{edge.output}"]', "}"]
        return out + [f'  inputs = "{edge.inputs[0]}"', f'  run = ["cp", "{edge.inputs[0]}", "{edge.output}"]', "}"]

    def numbered(self, graph, edge):
        """Commands of the form `list` are argument lists, others scripts."""
        text = NUMBERED[graph.shape].format(edge.name[1:])
        return f"run = {json.dumps(text.split())}" if self.form == "list" else f"run: {text}"

    def one_for(self, graph):
        lines = ['build obj for src in glob("src/*.c") {', "  inputs = src", '  outputs = "out/${stem(src)}.o"']
        lines += [] if self.cache else ["  cache = false"]
        if graph.shape == "depfile":
            return lines + ['  depfile = "out/${stem(src)}.o.d"', "  run: cp $src $out && cp $src.d $out.d", "}"]
        return lines + ['  run = ["cp", src, out]', "}"]


class Make(Tool):
    name, program, file, built = "make -rR", "make", "Makefile", False
    # A pattern rule: another one would be the first target.
    extra = "extra{}%:"
    recipes = {"copy": "cp $< $@", "depfile": "cp $< $@ && cp $<.d $@.d", "touch": "touch $@"}

    def command(self, graph, jobs, goal=""):
        return [self.path, "-rR", f"-j{jobs}", *([goal] if goal else [])]

    def lines(self, graph):
        """Headers are plain prerequisites, which takes make less than to include a depfile for each target."""
        named = [edge.name if graph.always() else edge.output for edge in graph.edges]
        ends = [edge.name if graph.always() else edge.output for edge in graph.ends()]
        groups = graph.groups() if graph.grouped else []
        lines = [f"all: {' '.join(name for name, _ in groups) if groups else ' '.join(ends)}"]
        lines += [f"{name}: {' '.join(graph.outputs(names))}" for name, names in groups]
        lines += [".PHONY: all " + " ".join(named if graph.always() else [name for name, _ in groups])]
        lines += [f"HEADERS = {' '.join(graph.headers)}"] if graph.headers else []
        shared = " $(HEADERS)" if graph.headers else ""
        for edge, name in zip(graph.edges, named):
            recipe = NUMBERED[graph.shape].format(edge.name[1:]) if graph.always() else self.recipes[graph.shape]
            lines += [f"{name}: {' '.join(edge.inputs)}{shared}".rstrip(), "\t" + recipe]
        return lines


class Ninja(Tool):
    name, program, file = "ninja", "ninja", "build.ninja"
    extra = "build extra{}: phony"
    rules = {"copy": ["cp $in $out"], "touch": ["touch $out"], "shell": [": $n"], "true": ["/bin/true $n"],
             "depfile": ["cp $in $out && cp $in.d $out.d", "depfile = $out.d", "deps = gcc"]}

    def command(self, graph, jobs, goal=""):
        return [self.path, f"-j{jobs}", *([goal] if goal else [])]

    def forget(self, place):
        super().forget(place)
        for name in (".ninja_log", ".ninja_deps", ".n2_db"):
            if os.path.exists(os.path.join(place, name)):
                os.remove(os.path.join(place, name))

    def lines(self, graph):
        command, *more = self.rules[graph.shape]
        lines = ["rule r", f"  command = {command}", *("  " + line for line in more)]
        for edge in graph.edges:
            if graph.always():
                lines += [f"build {edge.name}: r", f"  n = {edge.name[1:]}"]
            else:
                lines += [f"build {edge.output}: r {' '.join(edge.inputs)}"]
        if graph.grouped:
            lines += [f"build {name}: phony {' '.join(graph.outputs(names))}" for name, names in graph.groups()]
            lines += [f"build all: phony {' '.join(name for name, _ in graph.groups())}", "default all"]
        return lines


class N2(Ninja):
    name, program = "n2", "n2"


class Tup(Tool):
    """It starts every command under a file system of its own (FUSE), and looks at the whole tree when it starts."""
    name, program, file = "tup", "tup", "Tupfile"

    def prepare(self, place):
        return [[self.path, "init"]]

    def command(self, graph, jobs, goal=""):
        return [self.path, f"-j{jobs}"]

    def forget(self, place):
        super().forget(place)
        shutil.rmtree(os.path.join(place, ".tup"))

    def lines(self, graph):
        return [f": {edge.inputs[0]} |> cp {edge.inputs[0]} {edge.output} |> {edge.output}" for edge in graph.edges]


class Just(Tool):
    """It knows no outputs: whether one is older, its recipe asks."""
    name, program, file, built = "just", "just", "justfile", False

    def command(self, graph, jobs, goal=""):
        return [self.path, "--jobs", str(jobs), "all"]

    def lines(self, graph):
        lines = ["[parallel]", "all: " + " ".join(edge.name for edge in graph.edges)]
        for edge in graph.edges:
            if graph.always():
                text = NUMBERED[graph.shape].format(edge.name[1:])
            else:
                text = f"@[ {edge.output} -nt {edge.inputs[0]} ] || cp {edge.inputs[0]} {edge.output}"
            lines += [f"{edge.name}:", "    " + text]
        return lines


class Task(Tool):
    """It goes by times, as the others, if told so. The shell is its own: for `: 17` it starts no process."""
    name, program, file, built = "task", "task", "Taskfile.yml", False

    def command(self, graph, jobs, goal=""):
        return [self.path, "--concurrency", str(jobs), "all"]

    def forget(self, place):
        super().forget(place)
        shutil.rmtree(os.path.join(place, ".task"), ignore_errors=True)

    def lines(self, graph):
        made_from = {edge.output: edge.name for edge in graph.edges}
        lines = ["version: '3'", "tasks:", "  all:", f"    deps: [{', '.join(edge.name for edge in graph.ends())}]"]
        for edge in graph.edges:
            if graph.always():
                lines += [f"  {edge.name}:", f"    cmds: ['{NUMBERED[graph.shape].format(edge.name[1:])}']"]
                continue
            lines += [f"  {edge.name}:", "    method: timestamp", f"    sources: [{edge.inputs[0]}]"]
            lines += [f"    generates: [{edge.output}]", f"    cmds: ['cp {edge.inputs[0]} {edge.output}']"]
            if edge.inputs[0] in made_from:
                lines += [f"    deps: [{made_from[edge.inputs[0]]}]"]
        return lines


PEERS = [Make, Ninja, N2, Tup, Just, Task]
