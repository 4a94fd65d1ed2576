"""The suite as a newcomer meets it: a cascade, a real client, a million keys."""

import stat
import subprocess

import pytest
import redis

from servers import wait_until
from suite import NODES


def test_a_write_on_the_master_is_read_on_the_third_level(suite):
    with suite.client("n1") as master, suite.client("n4") as leaf:
        master.set("greeting", "hello")
        wait_until(lambda: leaf.get("greeting") == "hello", "the write on the third level")
        with pytest.raises(redis.ReadOnlyError):
            leaf.set("greeting", "no")


def test_the_cascade_is_the_declared_one(suite):
    assert suite.wait_for_tree() == "n1"
    assert [suite.upstream_name(name) for name in ("n2", "n3", "n4")] == ["n1", "n1", "n2"]


def test_the_admin_token_is_for_its_owner_only(suite):
    mode = (suite.home / "admin.token").stat().st_mode
    assert stat.S_IMODE(mode) == 0o600


def test_both_protocols_serve_a_real_client(suite):
    for protocol in (2, 3):
        with suite.client("n1", protocol=protocol) as client:
            assert client.ping()
            with client.pipeline(transaction=True) as pipeline:
                pipeline.set(f"protocol:{protocol}", 1).incr(f"protocol:{protocol}")
                assert pipeline.execute() == [True, 2]
            assert client.info("server")["redis_version"] == "7.2.4"


def test_a_million_keys_by_pipe_reach_every_node(suite):
    def commands():
        for number in range(1_000_000):
            key, value = f"pipe:{number:011d}", f"value:{number:026d}"
            yield f"*3\r\n$3\r\nSET\r\n${len(key)}\r\n{key}\r\n${len(value)}\r\n{value}\r\n"

    port = str(suite.ports["n1"])
    pipe = subprocess.Popen(
        ["redis-cli", "-p", port, "--pipe"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )
    block = []
    for command in commands():
        block.append(command)
        if len(block) == 10_000:
            pipe.stdin.write("".join(block))
            block.clear()
    output, _ = pipe.communicate(timeout=120)
    assert "errors: 0, replies: 1000000" in output
    counts = {}
    for name in NODES:
        with suite.client(name) as client:
            counts[name] = wait_until(
                lambda client=client: client.dbsize() >= 1_000_000 and client.dbsize(),
                f"a million keys on {name}", 60,
            )
    assert len(set(counts.values())) == 1
    suite.wait_for_equal_data(seconds=60)


def test_up_waits_for_a_node_that_was_just_killed(suite):
    suite.wait_for_tree()
    path = "/v1/clusters/demo/topology"
    for wait in (False, True):
        suite.kill("n4")
        if wait:
            # A node that is known to be down counts as much as one whose death nobody has seen.
            wait_until(
                lambda: "down" in suite.curl("GET", path, headers=["Accept: text/plain"])[2],
                "the end of n4 is noticed")
            assert not suite.get(path)["converged"]
        tree = suite.up()
        assert suite.streams("n4"), "at once"
        assert sum("  up" in line for line in tree.splitlines()) == 4, tree


def test_a_second_up_finds_the_data_again(suite):
    with suite.client("n1") as master:
        master.set("kept", "yes")
        keys = master.dbsize()
    suite.down()
    assert "n1" in suite.up()
    master = suite.wait_for_tree()
    with suite.client(master) as client:
        assert client.get("kept") == "yes"
        assert client.dbsize() == keys
