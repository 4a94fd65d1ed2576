"""What the suite promises when processes die, proven on the real executables."""

import os
import random
import shutil
import signal
import subprocess
import threading
import time

import redis

from load import Writer, missing
from servers import BINARIES, wait_until
from suite import NODES


def survivors(*dead):
    return tuple(name for name in NODES if name not in dead)


def test_killed_master_is_replaced_and_returns_as_a_replica(fresh_suite):
    suite = fresh_suite
    with Writer(suite, "wait", replicas=1) as writer:
        wait_until(lambda: len(writer.acknowledged) > 500, "writes before the kill")
        full_before = {name: suite.full_syncs_taken(name) for name in survivors("n1")}
        suite.kill("n1")
        before = len(writer.acknowledged)
        wait_until(lambda: len(writer.acknowledged) > before + 500, "writes after the failover")
        new_master = suite.wait_for_tree(survivors("n1"))
        full_after = {name: suite.full_syncs_taken(name) for name in survivors("n1")}
        assert full_after == full_before, "the others follow by partial resync"
        suite.up()
        assert suite.wait_for_tree() == new_master
        assert suite.replication("n1")["role"] == "slave"
    with suite.client(new_master) as client:
        assert missing(client, writer.acknowledged) == []
    suite.wait_for_equal_data()


def test_killed_master_that_lacks_nothing_returns_by_partial_resync(fresh_suite):
    suite = fresh_suite
    with suite.client("n1") as client:
        client.set("before", "1")
    # Not with WAIT: its own question to the replicas is part of the stream and may be on its way.
    wait_until(
        lambda: len({suite.replication(name)["master_repl_offset"] for name in NODES}) == 1,
        "every node has the whole stream")
    suite.kill("n1")
    new_master = suite.wait_for_tree(survivors("n1"))
    with suite.client(new_master) as client:
        client.set("after", "1")
    suite.up()
    assert suite.wait_for_tree() == new_master
    suite.wait_for_equal_data()
    assert suite.full_syncs_taken("n1") == 0


def test_returning_master_takes_no_writes_that_would_be_lost(fresh_suite):
    suite = fresh_suite
    suite.kill("n1")
    new_master = suite.wait_for_tree(survivors("n1"))
    accepted, refused = [], threading.Event()

    def write():
        number = 0
        while not refused.is_set():
            number += 1
            try:
                with suite.client("n1") as client:
                    client.set(f"lost:{number}", "1")
                accepted.append(number)
            except redis.ReadOnlyError:
                refused.set()
            except redis.RedisError:
                pass  # not started yet, or loading

    thread = threading.Thread(target=write)
    thread.start()
    try:
        suite.up()
        assert suite.wait_for_tree() == new_master
        assert refused.wait(20), "the old master never said that it is a replica"
    finally:
        refused.set()
        thread.join()
    assert accepted == []


def start_alone(suite, name):
    """Starts one node as `make up` does, and nothing else."""
    start = (
        """setsid bash -c 'echo $$ >"$1"; shift; exec "$@"' - "$@" """
        "</dev/null >/dev/null 2>&1 &")
    subprocess.run(
        ["bash", "-c", start, "-", suite.home / "run" / f"{name}.pid",
         BINARIES / "headwater-node", suite.home / name / "node.conf"], check=True)


def test_master_that_lost_its_data_while_nobody_watched_leads_nobody(fresh_suite):
    suite = fresh_suite
    with suite.client("n1") as client:
        client.mset({f"k{number}": number for number in range(100)})
    suite.wait_for_equal_data()
    suite.kill("coordinator", "n1")
    shutil.rmtree(suite.home / "n1" / "appendonlydir")
    start_alone(suite, "n1")

    def write():
        with suite.client("n1") as client:
            return client.set("late", "1")

    wait_until(write, "the empty master takes a write, as there is no coordinator to ask")
    wait_until(
        lambda: all("started without data" in suite.replication(name).get("master_link_refusal", "")
                    for name in ("n2", "n3")), "its replicas keep what they have")
    suite.up()
    new_master = suite.wait_for_tree()
    assert new_master != "n1"
    suite.wait_for_equal_data()
    with suite.client(new_master) as client:
        assert client.dbsize() == 100 and client.get("k99") == "99"


def test_orphan_of_a_killed_intermediate_is_reparented_by_partial_resync(fresh_suite):
    suite = fresh_suite
    full_before = suite.full_syncs_taken("n4")
    with Writer(suite, "orphan") as writer:
        wait_until(lambda: len(writer.acknowledged) > 200, "writes before the kill")
        suite.kill("n2")
        wait_until(
            lambda: suite.upstream_name("n4") in ("n1", "n3") and suite.streams("n4"),
            "a new upstream for n4",
        )
    assert suite.full_syncs_taken("n4") == full_before
    suite.wait_for_equal_data(survivors("n2"))
    suite.up()
    suite.wait_for_tree()
    suite.wait_for_equal_data()


def test_nothing_acknowledged_is_missing_after_everything_was_killed(fresh_suite):
    suite = fresh_suite
    with Writer(suite, "power") as writer:
        wait_until(lambda: len(writer.acknowledged) > 1000, "writes before the kill")
        suite.kill("n1", "n2", "n3", "n4", "coordinator", "admin")
    suite.up()
    master = suite.wait_for_tree()
    with suite.client(master) as client:
        assert missing(client, writer.acknowledged) == []
    suite.wait_for_equal_data()


def test_switchover_under_load_loses_nothing(fresh_suite):
    suite = fresh_suite
    with Writer(suite, "switch") as writer:
        for _ in range(3):
            old = suite.wait_for_tree()
            before = len(writer.acknowledged)
            wait_until(lambda: len(writer.acknowledged) > before + 200, "writes")
            status, _, body = suite.curl("POST", "/v1/clusters/demo/switchovers?wait=30s", {})
            assert status == 200 and '"succeeded"' in body, body
            new = suite.wait_for_tree()
            assert new != old
    with suite.client(suite.wait_for_tree()) as client:
        assert missing(client, writer.acknowledged) == []
    suite.wait_for_equal_data()


def test_coordinator_killed_in_the_middle_of_a_failover_finishes_it_after_its_restart(fresh_suite):
    suite = fresh_suite
    seed = int(os.environ.get("HEADWATER_TEST_SEED", time.time_ns() % 1_000_000))
    print(f"HEADWATER_TEST_SEED={seed}")
    random.seed(seed)
    for _ in range(3):
        old = suite.wait_for_tree()
        suite.kill(old)
        # Somewhere between the first missed probe and the last re-parented replica.
        interrupt_at = time.monotonic() + random.uniform(0.05, 0.6)
        wait_until(lambda: time.monotonic() >= interrupt_at, "the moment of the kill")
        suite.kill("coordinator")
        suite.up()
        new = suite.wait_for_tree()
        running = [
            operation
            for operation in suite.get("/v1/operations")["items"]
            if operation["state"] in ("pending", "running")
        ]
        assert running == [], "every operation ends"
        with suite.client(new) as client:
            assert client.set("after", new)
    suite.wait_for_equal_data()


def test_nodes_serve_while_the_coordinator_is_down(fresh_suite):
    suite = fresh_suite
    suite.kill("coordinator")
    with suite.client("n1") as master, suite.client("n4") as leaf:
        master.set("alone", "yes")
        wait_until(lambda: leaf.get("alone") == "yes", "replication without a coordinator")
    suite.up()
    assert suite.wait_for_tree() == "n1"


def test_stopped_process_is_replaced_and_demoted_when_it_goes_on(fresh_suite):
    suite = fresh_suite
    pid = suite.pid("n1")
    os.kill(pid, signal.SIGSTOP)
    try:
        new = wait_until(lambda: suite.master(survivors("n1")), "a new master")
    finally:
        os.kill(pid, signal.SIGCONT)
    assert suite.wait_for_tree() == new
    suite.wait_for_equal_data()


def test_master_busy_with_a_script_stays_master(fresh_suite):
    suite = fresh_suite
    report = suite.control("n1")
    with suite.client("n1") as client:
        client.config_set("busy-reply-threshold", 100)
    answers = []

    def run():
        with suite.client("n1", socket_timeout=120) as client:
            try:
                client.eval("while true do end", 0)
            except redis.RedisError as error:
                answers.append(str(error))

    thread = threading.Thread(target=run)
    thread.start()

    def is_seen_busy():
        assert suite.control("n1")["epoch"] == report["epoch"], "a failover"
        return suite.control("n1")["loop"]["currentCommandAgeMilliseconds"] > 3000

    wait_until(is_seen_busy, "three busy seconds on the control port")
    for name in ("n2", "n3", "n4"):
        follower = suite.control(name)
        assert follower["role"] == "replica" and follower["linkState"] == "connected"
    heard = suite.control("n2")["lastByteAgeMilliseconds"]
    assert heard < 1000, "the master's heartbeats go on"
    with suite.client("n1") as client:
        client.script_kill()
    thread.join(120)
    assert "Script killed by user" in answers[0]
    assert suite.wait_for_tree() == "n1"
    after = suite.control("n1")
    assert (after["epoch"], after["replicationID"]) == (report["epoch"], report["replicationID"])
