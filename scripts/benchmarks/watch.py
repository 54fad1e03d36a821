"""watch: from the end of a write to the start of the command, beside watchexec and `task --watch`."""
import os
import re
import select
import shutil
import subprocess
import sys
import time

from benchmarks.measure import Table, in_turn, run, shown, write

STAMP = r"""
#include <fcntl.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>
int main(int argc, char **argv) {
  struct timespec now;
  char text[32];
  clock_gettime(CLOCK_MONOTONIC, &now);
  int length = snprintf(text, sizeof text, "%lld\n", now.tv_sec * 1000000000LL + now.tv_nsec);
  int file = open(argv[1], O_WRONLY);
  return write(file, text, length) == length ? 0 : 1;
}
"""
GOFILE = """
test stamp {{
  inputs = "in.txt"
  run: {place}/stamp {place}/said
}}
"""
TASKFILE = """
version: '3'
tasks:
  stamp:
    sources: [in.txt]
    cmds: ['{place}/stamp {place}/said']
"""
IDLE = 10
MANY = 100_000


def watch(gomake, place, rounds):
    """Every watcher has a project of its own and stays; saves go to one after another."""
    found = {"gomake": [gomake, "--watch", "stamp"]}
    if shutil.which("watchexec"):
        found["watchexec"] = ["watchexec", "--watch", "in.txt", "--", "{place}/stamp {place}/said"]
    if shutil.which("task"):
        found["task"] = ["task", "--watch", "stamp"]
    watchers = {name: Watcher(os.path.join(place, name), command) for name, command in found.items()}
    try:
        saves = 6 * rounds
        latencies = in_turn(saves, {name: watcher.latency for name, watcher in watchers.items()})
        ours = watchers["gomake"].process
        before = cpu_seconds(ours.pid)
        time.sleep(IDLE)
        idle = cpu_seconds(ours.pid) - before
    finally:
        for watcher in watchers.values():
            watcher.stop()
    table = Table("watch", f"One target with one input; {saves} saves of it, each after the watchers had come to rest; default settings.")
    took = latencies["gomake"]
    table.add("`gomake --watch`, from the end of a write to the command's `main`", shown(took), "", f"at most 10 ms: {'held' if took <= 0.010 else 'MISSED'}")
    names = {"watchexec": "`watchexec`", "task": "`task --watch`"}
    for name, label in names.items():
        if name in latencies:
            table.add(f"{label}, the same", shown(latencies[name]), f"{took / latencies[name]:.2f}")
        else:
            table.add(f"{label}, the same", "not installed")
    table.add(f"processor time of an idle `gomake --watch` in {IDLE} s", f"{idle * 1000:.0f} ms", "", f"none: {'held' if idle == 0 else 'MISSED'}")
    many_files(gomake, os.path.join(place, "many"), table)
    return table


class Watcher:
    def __init__(self, place, command):
        os.makedirs(place)
        self.place, self.saves = place, 0
        write(os.path.join(place, "stamp.c"), STAMP.encode())
        run(["cc", "-O2", "-o", "stamp", "stamp.c"], cwd=place)
        write(os.path.join(place, "Gofile"), GOFILE.format(place=place).encode())
        write(os.path.join(place, "Taskfile.yml"), TASKFILE.format(place=place).encode())
        write(os.path.join(place, "in.txt"), b"0\n")
        os.mkfifo(os.path.join(place, "said"))
        self.said = os.open(os.path.join(place, "said"), os.O_RDWR)
        command = [word.format(place=place) for word in command]
        env = {**os.environ, "GOMAKE_CACHE_DIR": os.path.join(place, "cache")}
        self.process = subprocess.Popen(command, cwd=place, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.next_stamp(30)
        self.rest()

    def next_stamp(self, patience):
        ready, _, _ = select.select([self.said], [], [], patience)
        if not ready:
            sys.exit(f"bench: {self.process.args[0]} started no command within {patience} s")
        return int(os.read(self.said, 64).split()[0])

    def rest(self):
        """Commands that a watcher starts more than once for a save are not taken for the next save's."""
        time.sleep(0.3)
        while select.select([self.said], [], [], 0)[0]:
            os.read(self.said, 4096)

    def latency(self):
        self.saves += 1
        with open(os.path.join(self.place, "in.txt"), "wb") as file:
            file.write(b"%d\n" % self.saves)
        saved = time.monotonic_ns()
        took = (self.next_stamp(30) - saved) / 1e9
        self.rest()
        return took

    def stop(self):
        self.process.terminate()
        self.process.wait()
        os.close(self.said)


def cpu_seconds(pid):
    with open(f"/proc/{pid}/stat") as file:
        fields = file.read().rpartition(") ")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def many_files(gomake, project, table):
    """What a watch over 100,000 files in 1,000 directories takes."""
    for directory in range(MANY // 100):
        path = os.path.join(project, "src", f"d{directory}")
        os.makedirs(path)
        for number in range(100):
            write(os.path.join(path, f"f{number}.txt"), b"%d\n" % number)
    write(os.path.join(project, "Gofile"), b'build all {\n  inputs = "src/**/*.txt"\n  outputs = "count"\n  run: wc -l < "$inputs_file" > $out\n}\n')
    env = {**os.environ, "GOMAKE_CACHE_DIR": os.path.join(project, "cache")}
    process = subprocess.Popen([gomake, "--watch"], cwd=project, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    try:
        wait_for(process, "watching")
        with open(f"/proc/{process.pid}/status") as file:
            memory = int(re.search(r"VmRSS:\s*(\d+)", file.read()).group(1))
        table.add(f"memory of `gomake --watch` at {MANY:,} inputs, at rest", f"{memory / 1024:.0f} MiB")
        with open(os.path.join(project, "src", "d7", "f7.txt"), "a") as file:
            file.write("changed\n")
        saved = time.monotonic()
        wait_for(process, "watching")
        table.add(f"from a save to the end of the run, one target of {MANY:,} inputs", shown(time.monotonic() - saved))
    finally:
        process.terminate()
        process.wait()


def wait_for(process, word):
    for line in process.stderr:
        if line.startswith(word):
            return
    sys.exit(f"bench: gomake --watch ended before it said {word!r}")
