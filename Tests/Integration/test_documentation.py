"""Executes each example of the documentation against a running suite."""

import contextlib
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess

import pytest

from servers import BINARIES, REPOSITORY, free_ports, wait_until
from suite import NODES

# What the output of an example must have, by a text of the example.
SHOWN = {
    "--daemonize yes": "the node does not daemonize; use a supervisor",
    "console-token.json\n": r'"role": ?"viewer","secret": ?"hw_',
    "redis-cli -p 7005 ROLE": r"(?m)^slave$",
    "text/event-stream": r"(?m)^data: .*master\.changed",
    "ACL LOG": r"(?m)^report:2026$|^set$",
    "failovers?dryRun": r'"kind": ?"failover"',
    '"replicas": [{"node": "n2"}, {"node": "n3"}]}': r'"n4 is left out of the tree: it keeps',
}

# Of nodes that an example starts beside the suite.
FURTHER_PORTS = dict(zip(("7005", "7105", "7009"), free_ports(3)))

PAGES = [REPOSITORY / "README.md", *sorted((REPOSITORY / "docs").glob("*.md"))]


def examples():
    for page in PAGES:
        for number, block in enumerate(re.findall(r"```sh\n(.*?)```", page.read_text(), re.S), 1):
            yield pytest.param(block, id=f"{page.name}-{number}")


def on(suite, text):
    """The example with the documentation's ports and folder replaced by the suite's own."""
    text = text.replace(".headwater/", f"{suite.home}/").replace(":8080", f":{suite.admin_port}")
    text = text.replace("services/suite/", f"{REPOSITORY}/services/suite/")
    text = re.sub(r"(?m)^make (up|down)$", rf"{REPOSITORY}/services/suite/\1.sh", text)
    text = text.replace(".build/release/", f"{BINARIES}/")
    for port, free in FURTHER_PORTS.items():
        text = re.sub(rf"\b{port}\b", str(free), text)
    # Not to a terminal it says READONLY and succeeds.
    text = text.replace("redis-cli ", "redis-cli -e ")
    for index, name in enumerate(NODES, 1):
        text = re.sub(rf"\b700{index}\b", str(suite.ports[name]), text)
        text = re.sub(rf"\b710{index}\b", str(suite.control_ports[name]), text)
    return text


def example(page, text):
    """The first example of the page that has the text."""
    blocks = re.findall(r"```sh\n(.*?)```", (REPOSITORY / "docs" / page).read_text(), re.S)
    return next(block for block in blocks if text in block)


def run(suite, block):
    result = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", on(suite, block)],
        capture_output=True, text=True, timeout=60, cwd=suite.home,
        env=suite.environment,
    )
    assert result.returncode == 0, result.stdout + result.stderr
    assert "(error)" not in result.stdout, result.stdout
    return result.stdout


def lead(suite, target):
    """Makes a node the master."""
    if suite.wait_for_tree() == target:
        return
    status, _, text = suite.curl(
        "POST", "/v1/clusters/demo/switchovers?wait=30s", {"target": target})
    assert status == 200, text
    assert suite.wait_for_tree() == target


@pytest.fixture(scope="module", autouse=True)
def no_further_node_stays(suite):
    """Ends the node that one example starts and another one should have ended."""
    yield
    with contextlib.suppress(FileNotFoundError):
        pid = suite.pid("n5")
        if pathlib.Path(f"/proc/{pid}/exe").resolve().name == "headwater-node":
            os.kill(pid, signal.SIGKILL)


@pytest.mark.parametrize("block", examples())
def test_example_works_as_pasted(suite, block):
    # Where a reader may find it too, behind an odd number of switchovers.
    if suite.wait_for_tree() == "n1":
        lead(suite, "n2")
    output = run(suite, block)
    for text, pattern in SHOWN.items():
        assert text not in block or re.search(pattern, output), output


def test_the_tree_after_a_failover_is_adopted_as_the_page_says(suite):
    tree = {"node": "n1", "replicas": [{"node": "n2", "replicas": [{"node": "n4"}]}, {"node": "n3"}]}
    status, _, text = suite.curl(
        "PUT", "/v1/clusters/demo/topology?wait=30s", tree, ["If-Match: *"])
    assert status == 200, text
    lead(suite, "n2")

    def is_drifted():
        codes = [found["code"] for found in suite.get("/v1/clusters/demo")["findings"]]
        return "TopologyDrifted" in codes

    wait_until(is_drifted, "the finding")
    operation = json.loads(run(suite, example("failover.md", '{"node": "n2", "replicas"')))
    assert operation["state"] == "succeeded" and "warnings" not in operation
    assert suite.master() == "n2"
    wait_until(lambda: not is_drifted(), "the end of the finding")
    assert suite.get("/v1/clusters/demo/topology")["differences"] == []
    policy = example("failover.md", '"afterFailover"').replace("?dryRun=true", "")
    try:
        run(suite, policy)
        cluster = suite.get("/v1/clusters/demo")
        assert cluster["spec"]["policy"]["afterFailover"] == "restore"
        assert cluster["spec"]["topology"]["node"] == "n2"
    finally:
        run(suite, policy.replace("restore", "keep"))


def test_a_backup_is_restored_as_the_page_says(suite):
    with suite.client(suite.wait_for_tree()) as master:
        master.set("kept", "yes")
        suite.wait_for_equal_data()
        run(suite, example("backup.md", "7004 BGSAVE"))
        master.flushall()
        master.set("later", "yes")
    for before in suite.home.glob("*/appendonlydir.before"):
        shutil.rmtree(before)
    run(suite, example("backup.md", "CONFIG SET appendonly yes"))
    run(suite, example("backup.md", "restore/appendonlydir"))
    for name in NODES:
        with suite.client(name) as node:
            assert (node.get("kept"), node.get("later")) == ("yes", None)


def test_a_cluster_whose_state_is_lost_is_declared_again_as_the_page_says(suite):
    identity = suite.control("n1")["clusterID"]
    suite.down()
    shutil.rmtree(suite.home / "coordinator")
    # It waits in vain, for a minute unless told otherwise.
    assert suite.script("up.sh", HEADWATER_READY_TIMEOUT="3").returncode != 0

    def is_strange():
        codes = [found["code"] for found in suite.get("/v1/clusters/demo")["findings"]]
        return codes.count("IdentityMismatch") == len(NODES)

    wait_until(is_strange, "the finding of each node")
    with suite.client(suite.master()) as master:
        master.set("written", "meanwhile")
    (waiting,) = suite.get("/v1/operations")["items"]
    status, _, text = suite.curl("POST", f"/v1/operations/{waiting['id']}/cancel")
    assert status == 200, text
    run(suite, example("backup.md", "identity="))
    cluster = suite.get("/v1/clusters/demo")
    assert cluster["clusterID"] == identity and cluster["findings"] == []
    assert suite.wait_for_tree() == "n1"
    with suite.client("n1") as master:
        assert master.get("written") == "meanwhile"


def test_every_link_of_the_documentation_leads_somewhere():
    for page in [*PAGES, REPOSITORY / "CONTRIBUTING.md"]:
        for target in re.findall(r"\]\((?!http)([^)#]+)", page.read_text()):
            assert (page.parent / target).exists(), f"{page.name} links to {target}"
