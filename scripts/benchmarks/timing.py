"""What single processes take, to the microsecond, and candidates that take turns. A C program starts them: Python's own start
of a process takes as long as what is measured here."""
import os
import signal
import statistics
import subprocess
from dataclasses import dataclass

from benchmarks.measure import run

PATIENCE = 600


class Failed(Exception):
    """A candidate did not do the work: it crashed, or did what it should not have done."""


@dataclass
class Sample:
    """Seconds from the start to the end, or those of the processor, the process's children included; and MiB."""
    took: float
    memory: float


@dataclass
class Result:
    """The medians of a candidate; or why there are none."""
    took: float = None
    memory: float = None
    failed: str = ""


class Timer:
    """With `processor`, what is measured is user and system time: on a machine that others use, too."""

    def __init__(self, place, processor=False):
        self.processor = processor
        self.program = os.path.join(place, "timer")
        source = os.path.join(os.path.dirname(os.path.abspath(__file__)), "timer.c")
        run(["cc", "-O2", "-pthread", "-o", self.program, source])

    def once(self, command, place, env):
        return self._measure(["once", *command], place, env)

    def loop(self, count, jobs, command, place, env):
        return self._measure(["loop", str(count), str(jobs), *command], place, env)

    def _measure(self, words, place, env):
        try:
            done = subprocess.run([self.program, *words], cwd=place, env=env, stdout=subprocess.PIPE, text=True, timeout=PATIENCE)
        except subprocess.TimeoutExpired:
            raise Failed(f"over {PATIENCE} s")
        if done.returncode != 0:
            raise Failed("not started")
        wall, user, system, memory, status, number = map(int, done.stdout.split())
        if number:
            raise Failed(f"crashed ({signal.Signals(number).name})")
        if status:
            raise Failed(f"failed ({status})")
        return Sample((user + system) / 1e6 if self.processor else wall / 1e9, memory / 1024)


def race(rounds, candidates):
    """Results of candidates (name to function that gives a sample), a round at a time. The first round is not counted, and who
    takes over a second and five times as long as the fastest is out after three."""
    samples, failed, first = {name: [] for name in candidates}, {}, {}
    for number in range(rounds + 1):
        for name, measure in candidates.items():
            slow = number > 3 and first.get(name, 0) > max(1, 5 * min(first.values()))
            if slow or name in failed:
                continue
            try:
                sample = measure()
            except Failed as error:
                failed[name] = str(error)
                continue
            first.setdefault(name, sample.took)
            if number > 0:
                samples[name].append(sample)
    return {name: result(samples[name], failed.get(name, "")) for name in candidates}


def result(samples, failed):
    if failed or not samples:
        return Result(failed=failed or "-")
    return Result(statistics.median(sample.took for sample in samples), statistics.median(sample.memory for sample in samples))
