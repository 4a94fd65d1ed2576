"""One node a data folder: a second one would destroy what the first has acknowledged."""

import subprocess

import pytest
import redis

from servers import NODE, free_port, servers


@pytest.fixture
def start():
    with servers() as starter:
        yield starter


def refused_start(*options):
    run = subprocess.run(
        [NODE, "--port", str(free_port()), *options], capture_output=True, text=True, timeout=20)
    assert run.returncode == 1
    return run.stdout.splitlines()[-1]


def test_a_second_node_refuses_to_start(start):
    node = start("node", "--appendonly", "yes")
    node.client.set("kept", 1)
    line = refused_start("--dir", str(node.folder), "--appendonly", "yes")
    assert f"in use by the node with process id {node.process.pid}" in line
    assert "Give this one a folder of its own" in line
    assert node.client.bgrewriteaof()
    node.client.set("also", 2)
    node.kill()
    node.start()
    assert node.client.mget("kept", "also") == [b"1", b"2"]


def test_the_lock_ends_with_its_process(start):
    node = start("node")
    for end in (node.kill, node.stop):
        end()
        node.start()
        assert node.client.ping()


def test_the_lock_moves_with_the_folder(start, tmp_path):
    option = ("--enable-protected-configs", "yes")
    node, other = start("node", *option), start("node")
    with pytest.raises(redis.ResponseError, match=f"process id {other.process.pid}"):
        node.client.config_set("dir", str(other.folder))
    assert node.client.config_get("dir")["dir"] == str(node.folder)
    assert "in use" in refused_start("--dir", str(node.folder))
    # The same folder by another name is no change.
    node.client.config_set("dir", f"{node.folder}/.")
    assert "in use" in refused_start("--dir", str(node.folder))
    node.client.config_set("dir", str(tmp_path))
    assert "in use" in refused_start("--dir", str(tmp_path))
    with pytest.raises(redis.ResponseError):
        node.client.config_set("dir", str(tmp_path / "absent"))
    assert "in use" in refused_start("--dir", str(tmp_path))
    third = start("node", folder=node.folder)
    assert third.client.ping()
    third.kill()
