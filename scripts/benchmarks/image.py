"""image: a program of 10 MB in an image from scratch, beside `docker build`."""
import os
import subprocess
import sys

from benchmarks.measure import MEGABYTE, Table, in_turn, run, seconds, shown, write

REPO = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

GOFILE = """
build copy {{
  inputs = "app/app.bin"
  outputs = "bin/app"
  run: cp app/app.bin bin/app
}}

image api {{
  base = "scratch"
  files = {{ "/app" = "app/app.bin" }}
  entrypoint = ["/app"]
  tags = "{registry}/gomake-bench-{number}:1"
}}
"""
DOCKERFILE = 'FROM scratch\nCOPY app.bin /app\nENTRYPOINT ["/app"]\n'


class Components:
    """What scripts/components starts, for as long as a `with` lasts; what ran before goes on."""

    def __init__(self):
        self.script = os.path.join(REPO, "scripts", "components")

    def __enter__(self):
        self.ran_before = subprocess.run([self.script, "status"], capture_output=True).returncode == 0
        run([self.script, "start"])
        printed = run(["bash", "-c", 'eval "$("$0" env)" && env -0', self.script])
        pairs = (line.split("=", 1) for line in printed.split("\0") if "=" in line)
        return {name: value for name, value in pairs}

    def __exit__(self, *_):
        if not self.ran_before:
            run([self.script, "stop"])


def binary(gomake, number):
    """10 MB of a real program: gomake's own, over and over (further apart than gzip looks back), another one each time."""
    with open(gomake, "rb") as file:
        program = file.read()
    data = bytearray((program * (10 * MEGABYTE // len(program) + 1))[:10 * MEGABYTE])
    for at in range(0, len(data), MEGABYTE):
        data[at:at + 8] = number.to_bytes(8, "little")
    return bytes(data)


def image(gomake, place, rounds):
    with Components() as env:
        for name in ("GOMAKE_TEST_REGISTRY", "GOMAKE_TEST_DOCKER_HOST"):
            if name not in env:
                sys.exit(f"bench: image needs a registry and a Docker engine ({name}): scripts/setup installs them")
        env = {**env, "DOCKER_HOST": env["GOMAKE_TEST_DOCKER_HOST"], "GOMAKE_CACHE_DIR": os.path.join(place, "cache")}
        try:
            return image_table(gomake, os.path.join(place, "project"), rounds, env)
        finally:
            subprocess.run(["docker", "image", "rm", "--force", "gomake-bench"], env=env, capture_output=True)
            subprocess.run(["docker", "image", "prune", "--force", "--filter", "label=gomake-bench"], env=env, capture_output=True)


def image_table(gomake, project, rounds, env):
    context = os.path.join(project, "app")
    os.makedirs(context)
    number = os.getpid()
    write(os.path.join(project, "Gofile"), GOFILE.format(registry=env["GOMAKE_TEST_REGISTRY"], number=number).encode())
    write(os.path.join(context, "Dockerfile"), DOCKERFILE.encode())
    ours = {"cwd": project, "env": env}
    builds = in_turn(rounds, {
        "gomake": lambda: seconds([gomake, "api"], **ours),
        "docker": lambda: seconds(["docker", "build", "--quiet", "--label", "gomake-bench", "--tag", "gomake-bench", context], **ours),
    }, before=lambda round_: write(os.path.join(context, "app.bin"), binary(gomake, round_)))
    run([gomake, "copy", "api"], **ours)
    idle = in_turn(5 * rounds, {
        "image": lambda: seconds([gomake, "api"], **ours),
        "build": lambda: seconds([gomake, "copy"], **ours),
        "docker": lambda: seconds(["docker", "build", "--quiet", "--label", "gomake-bench", "--tag", "gomake-bench", context], **ours),
    })
    run([gomake, "--push", "api"], **ours)
    push = in_turn(rounds, {"gomake": lambda: seconds([gomake, "--push", "api"], **ours)})
    requests = requests_of_a_push(gomake, number, env, ours)

    engine = run(["docker", "version", "--format", "{{.Server.Version}}"], env=env).strip()
    buildkit = subprocess.run(["docker", "buildx", "version"], env=env, capture_output=True).returncode == 0
    builder = "BuildKit" if buildkit else "its older builder, without BuildKit"
    table = Table("image", f"A program of 10 MB in an image from scratch; Docker engine {engine}, {builder}; {rounds} rounds.")
    table.add("`docker build` after the program changed", shown(builds["docker"]))
    table.compare("`gomake api` after the program changed", builds["gomake"], builds["docker"], 0.2)
    table.add("`docker build`, nothing changed", shown(idle["docker"]))
    table.add("`gomake copy`, a plain build target, nothing changed", shown(idle["build"]))
    table.compare("`gomake api`, nothing changed", idle["image"], idle["build"], 1.25)
    table.add("`gomake --push api`, nothing changed", shown(push["gomake"]))
    table.add("requests of that push, one tag", str(requests), "", f"at most 3: {'held' if requests <= 3 else 'MISSED'}")
    return table


def requests_of_a_push(gomake, number, env, ours):
    """How many requests a push of an unchanged image makes, by the registry's access log."""
    about = f"/v2/gomake-bench-{number}/"

    def logged():
        with open(env["GOMAKE_TEST_REGISTRY_LOG"]) as file:
            return sum(1 for line in file if about in line and 'HTTP/1.1" ' in line)

    # Pushes until the log tells as many for each of two in a row: an answer may come before its line.
    counts = []
    while len(counts) < 20 and (len(counts) < 2 or counts[-1] != counts[-2] or counts[-1] == 0):
        before = logged()
        run([gomake, "--push", "api"], **ours)
        counts.append(logged() - before)
    return counts[-1]
