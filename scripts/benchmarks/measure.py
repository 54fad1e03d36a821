"""Times, medians and tables: what every measurement needs. It knows no candidate."""
import resource
import statistics
import subprocess
import sys
import time

MEGABYTE = 1_000_000


def run(command, **options):
    """Runs a command that must succeed and returns what it printed, both streams together."""
    done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **options)
    if done.returncode != 0:
        sys.exit(f"bench: {' '.join(command)} ended with status {done.returncode}:\n{done.stdout}")
    return done.stdout


def seconds(command, **options):
    began = time.perf_counter()
    run(command, **options)
    return time.perf_counter() - began


def processor_seconds():
    """Of all processes that were started from here and have ended, theirs included."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def in_turn(rounds, candidates, before=lambda number: None):
    """Medians of candidates (name to function that gives seconds), a round at a time. The first round is not counted. Who was last is
    the first of the next round: what one leaves to be written to the disk, the next one feels."""
    times = samples(rounds, candidates, before)
    return {name: statistics.median(all_) for name, all_ in times.items()}


def samples(rounds, candidates, before=lambda number: None):
    """As in_turn, with all that each candidate took."""
    times = {name: [] for name in candidates}
    for number in range(rounds + 1):
        before(number)
        for name, measure in list(candidates.items())[:: -1 if number % 2 else 1]:
            took = measure()
            if number > 0:
                times[name].append(took)
    return times


def shown(took):
    return f"{took:.2f} s" if took >= 1 else f"{took * 1000:.1f} ms"


class Table:
    """Rows of what was measured, with the words of a goal where there is one."""

    def __init__(self, title, note):
        self.title, self.note, self.rows = title, note, []

    def add(self, what, value, ratio="", goal=""):
        self.rows.append((what, value, ratio, goal))

    def compare(self, what, took, other, goal):
        ratio = took / other
        self.add(what, shown(took), f"{ratio:.2f}", f"at most {goal}: {'held' if ratio <= goal else 'MISSED'}")

    def text(self):
        lines = [("what", "median", "ratio", "goal")] + self.rows
        rows = ["| " + " | ".join(line) + " |" for line in lines]
        rows.insert(1, "|---|---|---|---|")
        return "\n".join([self.note, ""] + rows)


def write(path, data):
    with open(path, "wb") as file:
        file.write(data)
