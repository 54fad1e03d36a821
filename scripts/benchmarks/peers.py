"""The peers' programs: where they are, which version they have, and how they are installed."""
import os
import shutil
import subprocess
import sys

from benchmarks.tools import PEERS

WHEELS = ["ninja", "rust-just", "go-task-bin"]
N2 = "https://github.com/evmar/n2"


class Peers:
    """Programs in a directory of their own, `bin` of it; else those of PATH."""

    def __init__(self, place):
        self.bin = os.path.join(place, "bin")
        self.missing = []

    def path(self, program):
        return shutil.which(os.path.join(self.bin, program)) or shutil.which(program)

    def tools(self):
        found = {tool.name: tool(self.path(tool.program)) for tool in PEERS if self.path(tool.program)}
        self.missing = [tool.program for tool in PEERS if tool.name not in found]
        return found

    def versions(self):
        """"make 4.3, ninja 1.13.2", of those that are there."""
        said = []
        for program in [tool.program for tool in PEERS] + ["b3sum"]:
            if self.path(program):
                said.append(f"{program} {version(self.path(program))}")
        return ", ".join(said)


def version(path):
    done = subprocess.run([path, "--version"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    words = [word for word in done.stdout.split() if word[0].isdigit() or word[0] == "v" and word[1:2].isdigit()]
    return words[0].lstrip("v") if words else "of an unknown version"


def install(place):
    """Every peer that can be had, each on its own: who cannot be is left out, with a line that says so."""
    attempt("ninja, just, task", [[sys.executable, "-m", "venv", place],
                                  [os.path.join(place, "bin", "pip"), "install", "--quiet", "--upgrade", *WHEELS]])
    attempt("n2", [["cargo", "install", "--quiet", "--locked", "--root", place, "--git", N2]])
    attempt("b3sum", [["cargo", "install", "--quiet", "--locked", "--root", place, "b3sum"]])
    if not shutil.which("tup") and shutil.which("apt-get"):
        unpack = 'cd "$0" && apt-get download --quiet tup && dpkg -x tup_*.deb tup && ln -sf ../tup/usr/bin/tup bin/tup'
        attempt("tup", [["sh", "-c", unpack, place]])
    if not shutil.which("make"):
        print("bench: make is not installed; it is a package of every system", file=sys.stderr)


def attempt(what, commands):
    for command in commands:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        if done.returncode != 0:
            last = (done.stdout.strip().splitlines() or ["it said nothing"])[-1].strip()
            print(f"bench: {what} left out: `{' '.join(command[:4])} …` failed: {last}", file=sys.stderr)
            return
    print(f"bench: {what}: installed", file=sys.stderr)
