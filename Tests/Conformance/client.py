#!/usr/bin/env python3
"""Runs the test suite of the client redis-py against headwater-node, with Valkey as the control.

The suite is the one in the client's source package on PyPI; nothing of it is kept in this
repository. A test that passes with the control and not with the node is a failure. Left out is
what needs other servers: modules, clusters, sentinels, certificates.
"""

import argparse
import subprocess
import sys
import tarfile
import xml.etree.ElementTree
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
WORK = ROOT / ".build" / "conformance" / "client"
sys.path.insert(0, str(ROOT / "Tests" / "Integration"))

import sources  # noqa: E402
from servers import servers  # noqa: E402

PACKAGE = "redis==5.2.1"
TOOLS = (
    "pytest==8.4.2", "pytest-asyncio==0.23.8", "pytest-timeout==2.4.0", "numpy", "mock",
    "cachetools", "packaging", "uvloop", "pybreaker", "cryptography", "PyJWT",
)
MARKS = "not redismod and not onlycluster and not ssl and not cp_integration"
LEFT_OUT = (
    "tests/test_cluster.py", "tests/test_asyncio/test_cluster.py", "tests/test_ssl.py",
    "tests/test_sentinel.py", "tests/test_asyncio/test_sentinel.py",
)
TEST_SECONDS = 60
SUITE_SECONDS = 1_200


def prepared() -> tuple[Path, Path]:
    """The tree of the client's sources, and a Python that has it with what its tests need."""
    package = sources.archive(PACKAGE, WORK)
    tree = WORK / PACKAGE.replace("==", "-")
    if not tree.exists():
        with tarfile.open(package) as archive:
            archive.extractall(WORK, filter="data")
    python = WORK / "python" / "bin" / "python"
    complete = WORK / "python" / ".complete"
    if not complete.exists():
        subprocess.run([sys.executable, "-m", "venv", WORK / "python"], check=True)
        command = [python, "-m", "pip", "install", "-q", "--disable-pip-version-check"]
        subprocess.run([*command, tree, *TOOLS], check=True)
        complete.touch()
    return tree, python


def passed(kind: str, protocol: str, tree: Path, python: Path) -> set[str]:
    """The names of the tests that pass with a server of this kind."""
    report = WORK / f"{kind}-{protocol}.xml"
    report.unlink(missing_ok=True)
    options = ("--enable-debug-command", "yes")
    with servers() as start, open(WORK / f"{kind}-{protocol}.log", "w") as log:
        server = start(kind, *options)
        command = [python, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
        command += ["-o", "asyncio_mode=auto", "--timeout", str(TEST_SECONDS), "-m", MARKS]
        command += ["--redis-url", f"redis://localhost:{server.port}/0", "--protocol", protocol]
        command += [f"--junitxml={report}", "tests"]
        for name in LEFT_OUT:
            command += ["--ignore", name]
        subprocess.run(
            command, cwd=tree, stdout=log, stderr=subprocess.STDOUT, timeout=SUITE_SECONDS)
    return {
        f"{case.get('classname')}.{case.get('name')}"
        for case in xml.etree.ElementTree.parse(report).iter("testcase")
        if not any(case.find(tag) is not None for tag in ("failure", "error", "skipped"))
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--protocols", nargs="+", default=["2", "3"], choices=["2", "3"])
    arguments = parser.parse_args()
    tree, python = prepared()
    lacking: list[str] = []
    for protocol in arguments.protocols:
        control = passed("valkey", protocol, tree, python)
        node = passed("node", protocol, tree, python)
        if not control:
            sys.exit(f"no test passes with the control: see {WORK}/valkey-{protocol}.log")
        missing = sorted(control - node)
        print(
            f"redis-py over RESP{protocol}: {len(control)} tests pass with Valkey, {len(node)} "
            f"with the node; {len(missing)} only with Valkey", flush=True)
        lacking += [f"RESP{protocol} {name}" for name in missing]
    for name in lacking:
        print(f"  {name}")
    sys.exit(1 if lacking else 0)


if __name__ == "__main__":
    main()
