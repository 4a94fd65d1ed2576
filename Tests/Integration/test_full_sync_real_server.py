"""Full syncs whose snapshot is sent while it is written: with real servers in either role and by
hand, with either side killed in the middle, and with a snapshot that cannot be written.

`rdb-key-save-delay` makes a snapshot slow; without it the rest comes at once.
"""

import random
import resource
import threading
import time

import pytest

from servers import servers, wait_in_step, wait_until
from wire import FakeReplica

KEYS = 20_000
SLOW = ("--rdb-key-save-delay", "1000")


@pytest.fixture
def start():
    with servers() as starter:
        yield starter


def fill(server, count=KEYS, name="key", seed=1):
    draw = random.Random(seed)
    pipe = server.client.pipeline(transaction=False)
    for number in range(count):
        pipe.set(f"{name}:{number}", draw.randbytes(100))
    pipe.execute()


def go_on(server):
    """Lets the snapshots of a server be as quick as they are; a child of another server that is
    under way stays slow."""
    server.client.config_set("rdb-key-save-delay", 0)


def received(replica):
    """Bytes of the snapshot that have arrived; none when no snapshot is on its way."""
    facts = replica.replication()
    return facts.get("master_sync_read_bytes", 0) if facts["master_sync_in_progress"] else 0


def wait_for_bytes(*replicas):
    for replica in replicas:
        wait_until(lambda: received(replica) > 100_000, "a part of the snapshot has arrived")
        assert replica.replication()["master_link_status"] == "down"


def assert_same(master, *replicas):
    wait_in_step(master, *replicas)
    for replica in replicas:
        wait_until(lambda: master.contents() == replica.contents(), "equal contents")


ROLES = [("node", "node"), ("node", "redis"), ("node", "valkey"), ("redis", "node"),
         ("valkey", "node")]


@pytest.mark.parametrize("lower", ["node", "redis", "valkey"])
@pytest.mark.parametrize("log", ["no", "yes"])
def test_a_snapshot_is_sent_while_it_is_written(start, lower, log):
    master = start("node", "--appendonly", log, *SLOW)
    replica = start(lower, "--appendonly", log)
    fill(master)
    replica.follow(master)
    wait_for_bytes(replica)
    # What changes meanwhile comes behind the snapshot.
    fill(master, 2_000, seed=2)
    master.client.delete("key:5000")
    assert master.replication()["slave0"]["state"] == "send_bulk"
    go_on(master)
    assert_same(master, replica)
    assert master.stat("sync_full") == 1
    wait_until(lambda: master.replication()["slave0"]["state"] == "online", "it is online")
    wait_until(lambda: not list(master.folder.glob("temp-*")), "nothing temporary stays")


@pytest.mark.parametrize("log", ["no", "yes"])
def test_replicas_join_while_a_snapshot_is_written(start, log):
    master = start("node", "--appendonly", log, *SLOW)
    fill(master)
    replicas = []
    # The first says what version of RDB the file has: one that all of them read.
    for kind in ("redis", "valkey", "node", "node"):
        replica = start(kind)
        replica.follow(master)
        wait_for_bytes(replica)
        replicas.append(replica)
        fill(master, 500, name=kind, seed=len(replicas))
    go_on(master)
    assert_same(master, *replicas)
    assert master.stat("sync_full") == 4
    master.client.set("last", "write")
    assert_same(master, *replicas)
    wait_until(lambda: not list(master.folder.glob("temp-*")), "nothing temporary stays")


@pytest.mark.parametrize("upper, lower", ROLES)
def test_a_master_dies_in_the_middle(start, upper, lower):
    master = start(upper, "--appendonly", "yes", *SLOW)
    replica = start(lower)
    fill(master)
    fill(replica, 100, name="old")
    old = replica.contents()
    replica.follow(master)
    wait_for_bytes(replica)
    master.kill()
    wait_until(lambda: not received(replica), "the replica notices")
    assert replica.contents() == old, "the old data serve until the new ones are whole"
    master.start("--rdb-key-save-delay", "0")
    assert_same(master, replica)
    assert len(replica.contents()) == KEYS


@pytest.mark.parametrize("upper, lower", ROLES)
def test_a_replica_dies_in_the_middle(start, upper, lower):
    master = start(upper, "--rdb-key-save-delay", "1000" if upper == "node" else "200")
    replica, other = start(lower, "--appendonly", "yes"), start(lower)
    fill(master)
    fill(replica, 100, name="old")
    old = replica.contents()
    replica.follow(master)
    if upper == "node":
        # It reads the same file; from others it would wait for one of its own.
        other.follow(master)
        wait_for_bytes(other)
    wait_for_bytes(replica)
    replica.kill()
    replica.start()
    assert replica.contents() == old, "what was there before the transfer"
    replica.follow(master)
    other.follow(master)
    go_on(master)
    assert_same(master, replica, other)


@pytest.mark.parametrize("log", ["no", "yes"])
@pytest.mark.parametrize("lower", ["node", "redis", "valkey"])
def test_a_snapshot_that_cannot_be_written_is_never_taken_for_whole(start, lower, log):
    """The disk is full in the middle: here a limit on the size of files, which can be lifted."""
    master = start("node", "--appendonly", log, prefix=["env", "--ignore-signal=XFSZ"])
    replica = start(lower)
    fill(master)
    fill(replica, 100, name="old")
    old = replica.contents()
    unlimited = resource.prlimit(master.process.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(master.process.pid, resource.RLIMIT_FSIZE, (1_000_000, unlimited[1]))
    by_hand = FakeReplica(master.port)
    assert by_hand.psync().startswith(b"+FULLRESYNC")
    mark = by_hand.peer.filled_line()
    assert mark.startswith(b"$EOF:")
    assert by_hand.peer.is_closed()
    assert 500_000 < len(by_hand.peer.buffer) < 1_000_000
    assert mark[5:] not in by_hand.peer.buffer
    replica.follow(master)
    wait_until(lambda: master.stat("sync_full") >= 3, "the replica tries again and again")
    assert replica.contents() == old
    assert replica.replication()["master_link_status"] == "down"
    master.client.set("key:0", "served")
    resource.prlimit(master.process.pid, resource.RLIMIT_FSIZE, unlimited)
    assert_same(master, replica)
    assert replica.client.get("key:0") == b"served"
    wait_until(lambda: not list(master.folder.glob("temp-sync-*")), "nothing temporary stays")


@pytest.mark.parametrize("log", ["no", "yes"])
@pytest.mark.parametrize("framing", ["length", "mark"])
def test_pieces_follow_one_another_without_a_pause(start, log, framing):
    """Each takes all that the socket holds at once: nothing but its own end calls for the next."""
    master = start(
        "node", "--appendonly", log, "--repl-backlog-size", "1mb",
        "--repl-diskless-sync", "yes" if framing == "mark" else "no")
    for number in range(5):
        fill(master, 60_000, name=f"name:{number}", seed=number)
    replica = FakeReplica(master.port)
    replica.psync()
    begin = time.monotonic()
    data = replica.payload()
    assert len(data) > 30_000_000
    # 120 pieces; with a tick of the server between them they took 6 s.
    assert time.monotonic() - begin < 3
    replica.close()


def test_a_replica_catches_up_without_a_pause(start):
    master = start("node", "--appendonly", "yes", "--repl-backlog-size", "1mb")
    replica = FakeReplica(master.port)
    history, offset, _ = replica.full_sync()
    replica.close()
    fill(master, 300_000)
    replica = FakeReplica(master.port)
    assert replica.psync(history, offset + 1) == b"+CONTINUE " + history.encode()
    begin = time.monotonic()
    count = master.offset - offset
    assert count > 30_000_000
    while count > 0:
        count -= len(replica.stream(min(count, 1 << 20)))
    assert time.monotonic() - begin < 3
    replica.close()


@pytest.mark.parametrize("log", ["no", "yes"])
def test_readers_of_one_file_by_hand(start, log):
    """One that reads at once, one that comes later, one that reads nothing until the file is
    complete, and one that wants to know the length."""
    master = start("node", "--appendonly", log, *SLOW)
    fill(master)
    prompt = FakeReplica(master.port)
    answer = prompt.psync()
    assert prompt.peer.filled_line().startswith(b"$EOF:")
    prompt.peer.take(100_000)
    fill(master, 1_000, seed=3)
    late, lazy = FakeReplica(master.port), FakeReplica(master.port)
    plain = FakeReplica(master.port, capabilities=("psync2",))
    for replica in (late, lazy):
        assert replica.psync() == answer
    found = {}

    def read_plain():
        found["plain"] = plain.full_sync()

    reader = threading.Thread(target=read_plain)
    reader.start()
    go_on(master)
    data = late.payload(int(answer.split()[2]))
    reader.join(30)
    assert found["plain"][:2] == (answer.split()[1].decode(), int(answer.split()[2]))
    assert found["plain"][2] == data
    assert lazy.payload(int(answer.split()[2])) == data
    for replica in (late, lazy, plain):
        assert b"SET" in replica.stream(1_000)
    for replica in (prompt, late, lazy, plain):
        replica.close()
    wait_until(lambda: master.replication()["connected_slaves"] == 0, "all are gone")
    wait_until(lambda: not list(master.folder.glob("temp-*")), "nothing temporary stays")


def test_a_file_is_sent_whole_if_so_configured(start):
    master = start("node", "--repl-diskless-sync", "no")
    fill(master, 1_000)
    replica = FakeReplica(master.port)
    replica.psync()
    assert replica.peer.filled_line()[1:].isdigit()
    replica.close()
    master.client.config_set("repl-diskless-sync", "yes")
    replica = FakeReplica(master.port)
    replica.psync()
    assert replica.peer.filled_line().startswith(b"$EOF:")
    replica.close()
    real = start("redis")
    real.follow(master)
    assert_same(master, real)


def test_a_sync_without_acknowledgements_gets_the_length(start):
    master = start("node")
    fill(master, 1_000)
    for request, options in ((b"SYNC\r\n", ()), (b"PSYNC ? -1\r\n", ("rdb-only", 1))):
        replica = FakeReplica(master.port)
        if options:
            assert replica.ask("REPLCONF", *options) == b"+OK"
        replica.peer.send(request)
        line = replica.peer.filled_line()
        if line.startswith(b"+FULLRESYNC"):
            line = replica.peer.filled_line()
        assert line[1:].isdigit()
        assert replica.peer.take(int(line[1:]))[:5] == b"REDIS"
        replica.close()
