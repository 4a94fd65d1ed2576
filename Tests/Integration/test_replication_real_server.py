"""Replication between our node and a real redis-server, in either role and in chains, and the
wire itself against a hand-written master and replica.
"""

import itertools
import random
import signal
import socket
import threading
import time

import pytest
import redis

from servers import servers, wait_in_step, wait_until
from wire import REPLICATION_ID, FakeMaster, FakeReplica, command, snapshot

GETACK = command("REPLCONF", "GETACK", "*")


@pytest.fixture
def start():
    with servers() as starter:
        yield starter


@pytest.fixture
def fake_master():
    master = FakeMaster()
    yield master
    master.close()


def write_mixed(server, seed, count=300):
    """Writes of every kind that rewrites itself in the stream, over several databases."""
    draw = random.Random(seed)
    for number in range(count):
        client = server.database(draw.choice([0, 0, 0, 3, 9]))
        key = f"k{draw.randrange(60)}"
        match draw.randrange(14):
            case 0: client.set(key, draw.randbytes(draw.randrange(200)))
            case 1: client.set(key, number, ex=1000 + number)
            case 2: client.set(key, number, px=1_000_000 + number)
            case 3: client.execute_command("SETEX", key, 5000, "soon")
            case 4: client.delete(key)
            case 5: client.expire(key, 700)
            case 6: client.persist(key)
            case 7:
                client.set(key, 1)
                client.incrbyfloat(key, 0.25)
            case 8:
                client.set(key, 5)
                client.incrby(key, 37)
            case 9: client.append(key, "tail")
            case 10:
                with client.pipeline(transaction=True) as pipe:
                    pipe.set(key, "one").set(key + "x", "two").execute()
            case 11:
                with client.pipeline(transaction=True) as pipe:
                    pipe.set(key, "alone").execute()
            case 12: client.execute_command("GETEX", key, "PX", 900_000)
            case 13: client.set(key, "gone", px=1)
        client.close()


def assert_same(master, *replicas):
    # Keys that expire do so by the master's word: wait until all have gone through.
    wait_in_step(master, *replicas)
    for replica in replicas:
        wait_until(lambda: master.contents() == replica.contents(), "equal contents")
    wait_in_step(master, *replicas)


ROLES = [("node", "redis"), ("redis", "node"), ("node", "node"), ("node", "valkey"),
         ("valkey", "node")]
MIXES = [kinds for kinds in itertools.product(["node", "redis"], repeat=3) if "node" in kinds]


@pytest.mark.parametrize("upper, lower", ROLES)
@pytest.mark.parametrize("log", ["no", "yes"])
def test_a_replica_follows(start, upper, lower, log):
    master = start(upper, "--appendonly", log)
    replica = start(lower, "--appendonly", log)
    write_mixed(master, seed=1)
    replica.follow(master)
    wait_in_step(master, replica)
    write_mixed(master, seed=2)
    assert_same(master, replica)
    with pytest.raises(redis.ReadOnlyError):
        replica.client.set("a", "b")
    role = replica.client.execute_command("ROLE")
    assert role[0] == b"slave" and role[2] == master.port and role[3] == b"connected"
    assert master.replication()["slave0"]["state"] == "online"
    assert master.replication()["slave0"]["port"] == replica.port


@pytest.mark.parametrize("diskless", ["no", "yes"])
def test_both_framings_of_a_snapshot_are_read(start, diskless):
    master = start("redis", "--repl-diskless-sync", diskless)
    write_mixed(master, seed=3)
    replica = start("node")
    replica.follow(master)
    assert_same(master, replica)


@pytest.mark.parametrize("kinds", MIXES, ids="-".join)
def test_a_chain_survives_its_top(start, kinds):
    top, middle, leaf = (start(kind) for kind in kinds)
    write_mixed(top, seed=4, count=100)
    middle.follow(top)
    wait_in_step(top, middle)
    leaf.follow(middle)
    wait_in_step(top, middle, leaf)
    write_mixed(top, seed=5, count=100)
    assert_same(top, middle, leaf)
    full = middle.stat("sync_full")
    top.kill()
    middle.promote()
    write_mixed(middle, seed=6, count=50)
    assert_same(middle, leaf)
    assert middle.stat("sync_full") == full, "the leaf continued without a snapshot"
    assert middle.stat("sync_partial_ok") >= 1


@pytest.mark.parametrize("kinds", MIXES, ids="-".join)
def test_siblings_continue_below_the_promoted_one(start, kinds):
    top, left, right = (start(kind) for kind in kinds)
    write_mixed(top, seed=7, count=100)
    left.follow(top)
    right.follow(top)
    wait_in_step(top, left, right)
    top.client.set("last", "write")
    wait_in_step(top, left, right)
    top.kill()
    left.promote()
    left.client.set("first", "write")
    right.follow(left)
    assert_same(left, right)
    assert left.stat("sync_full") == 0
    assert left.stat("sync_partial_ok") == 1


@pytest.mark.parametrize("upper, lower", ROLES)
def test_a_lost_link_is_resumed_at_its_byte(start, upper, lower):
    master, replica = start(upper), start(lower)
    replica.follow(master)
    master.client.set("a", 1)
    wait_in_step(master, replica)
    for number in range(3):
        master.client.execute_command("CLIENT", "KILL", "TYPE", "replica")
        write_mixed(master, seed=20 + number, count=30)
        assert_same(master, replica)
    assert master.stat("sync_full") == 1
    assert master.stat("sync_partial_ok") >= 3


@pytest.mark.parametrize("upper", ["node", "redis"])
def test_client_kill_breaks_the_link_to_the_master(start, upper):
    master, replica = start(upper), start("node")
    replica.follow(master)
    master.client.set("a", 1)
    wait_in_step(master, replica)
    kill = replica.client.execute_command
    kill("CLIENT", "KILL", f"127.0.0.1:{master.port}")
    wait_until(lambda: master.stat("sync_partial_ok") == 1, "the link is made again")
    wait_in_step(master, replica)
    assert kill("CLIENT", "KILL", "TYPE", "master") == 1
    wait_until(lambda: master.stat("sync_partial_ok") == 2, "the link is made again")
    master.client.set("b", 2)
    wait_in_step(master, replica)
    assert master.stat("sync_full") == 1
    with pytest.raises(redis.ResponseError, match="No such client"):
        kill("CLIENT", "KILL", "127.0.0.1:1")


def test_a_ping_selects_no_database(start):
    master = start("node", "--repl-ping-replica-period", "1")
    master.database(9).set("a", 1)
    first, second = start("node"), start("node")
    first.follow(master)
    wait_in_step(master, first)
    offset = master.offset
    wait_until(lambda: master.offset > offset, "a PING")
    # The position that the second gets is behind the PING, and it can resume from there.
    second.follow(master)
    wait_in_step(master, second)
    second.client.execute_command("CLIENT", "KILL", "TYPE", "master")
    wait_until(lambda: master.stat("sync_partial_ok") == 1, "the link is made again")
    master.database(9).set("b", 2)
    wait_in_step(master, first, second)
    assert second.contents() == first.contents() == master.contents()
    assert master.stat("sync_full") == 2


@pytest.mark.parametrize("upper", ["node", "redis"])
def test_a_crashed_replica_with_a_log_resumes(start, upper):
    master = start(upper)
    replica = start("node", "--appendonly", "yes", "--replicaof", "127.0.0.1", str(master.port))
    wait_in_step(master, replica)
    write_mixed(master, seed=8, count=100)
    wait_in_step(master, replica)
    replica.kill()
    write_mixed(master, seed=9, count=100)
    replica.start()
    assert_same(master, replica)
    assert master.stat("sync_full") == 1
    assert master.stat("sync_partial_ok") == 1


@pytest.mark.parametrize("upper", ["node", "redis"])
def test_a_replica_with_a_dump_resumes(start, upper):
    master = start(upper)
    replica = start("node", "--replicaof", "127.0.0.1", str(master.port))
    wait_in_step(master, replica)
    master.database(5).set("in", "five")
    wait_in_step(master, replica)
    with pytest.raises(redis.ConnectionError):
        replica.client.execute_command("SHUTDOWN", "SAVE")
    replica.process.wait(timeout=20)
    # Without a SELECT: the database belongs to the position in the dump.
    master.database(5).incr("n")
    replica.start()
    assert_same(master, replica)
    assert replica.database(5).get("n") == b"1"
    assert master.stat("sync_full") == 1
    assert master.stat("sync_partial_ok") == 1


@pytest.mark.parametrize("lower", ["node", "redis"])
def test_replicas_of_a_master_with_a_dump_resume(start, lower):
    master = start("node")
    replica = start(lower)
    replica.follow(master)
    wait_in_step(master, replica)
    write_mixed(master, seed=15, count=50)
    time.sleep(0.1)
    wait_in_step(master, replica)
    with pytest.raises(redis.ConnectionError):
        master.client.execute_command("SHUTDOWN", "SAVE")
    master.process.wait(timeout=20)
    master.start()
    master.client.set("after", "restart")
    assert_same(master, replica)
    assert master.stat("sync_full") == 0
    assert master.stat("sync_partial_ok") == 1


@pytest.mark.parametrize("lower", ["node", "redis"])
def test_replicas_of_a_master_that_is_restarted_idle_twice_resume(start, lower):
    master = start("node")
    replica = start(lower)
    master.client.set("key", 1)
    replica.follow(master)
    wait_in_step(master, replica)
    for _ in range(2):
        with pytest.raises(redis.ConnectionError):
            master.client.execute_command("SHUTDOWN", "SAVE")
        master.process.wait(timeout=20)
        master.start()
        wait_in_step(master, replica)
        assert (master.stat("sync_full"), master.stat("sync_partial_ok")) == (0, 1)
    master.client.set("after", "restart")
    master.database(3).set("elsewhere", 1)
    assert_same(master, replica)


@pytest.mark.parametrize("lower", ["node", "redis"])
def test_replicas_of_a_crashed_master_with_a_log_resume(start, lower):
    master = start("node", "--appendonly", "yes")
    replica = start(lower)
    replica.follow(master)
    wait_in_step(master, replica)
    write_mixed(master, seed=10, count=100)
    wait_in_step(master, replica)
    before = master.contents()
    master.kill()
    master.start()
    wait_in_step(master, replica)
    assert master.contents().keys() == before.keys()
    master.client.set("after", "crash")
    assert_same(master, replica)
    assert master.stat("sync_full") == 0
    assert master.stat("sync_partial_ok") == 1


@pytest.mark.parametrize("upper, lower", ROLES)
def test_a_full_sync_under_writes(start, upper, lower):
    master, replica = start(upper), start(lower)
    pipe = master.client.pipeline(transaction=False)
    for number in range(50_000):
        pipe.set(f"key:{number}", "v" * 64)
    pipe.execute()
    master.client.set("large", random.Random(1).randbytes(8 << 20))
    stop = threading.Event()

    def write():
        client = master.database(0)
        number = 0
        while not stop.is_set():
            with client.pipeline(transaction=False) as pipe:
                for _ in range(50):
                    number += 1
                    pipe.set(f"key:{number % 60_000}", number)
                pipe.execute()

    writer = threading.Thread(target=write)
    writer.start()
    try:
        replica.follow(master)
        wait_until(lambda: replica.replication()["master_link_status"] == "up", "link up", 60)
        time.sleep(0.5)
    finally:
        stop.set()
        writer.join()
    assert_same(master, replica)
    assert master.stat("sync_full") == 1


@pytest.mark.parametrize("upper, lower", ROLES)
def test_waits_count_the_replica(start, upper, lower):
    master, replica = start(upper), start(lower)
    replica.follow(master)
    wait_in_step(master, replica)
    wait_until(lambda: master.client.wait(1, 200) == 1, "the replica counts")
    for number in range(20):
        master.client.set("n", number)
        assert master.client.wait(1, 5000) == 1
    master.client.set("n", "more")
    begin = time.monotonic()
    assert master.client.wait(2, 300) == 1
    assert 0.25 < time.monotonic() - begin < 3
    assert master.client.wait(0, 0) == 1


def test_waits_between_our_own_are_quick(start):
    master, replica = start("node"), start("node")
    replica.follow(master)
    wait_in_step(master, replica)
    begin = time.monotonic()
    for number in range(100):
        master.client.set("n", number)
        assert master.client.wait(1, 5000) == 1
    assert time.monotonic() - begin < 5, "no wait takes a second's tick"


@pytest.mark.parametrize("lower", ["node", "redis"])
def test_writes_need_replicas(start, lower):
    master = start("node", "--min-replicas-to-write", "1", "--min-replicas-max-lag", "3")
    with pytest.raises(redis.ResponseError, match="NOREPLICAS"):
        master.client.set("a", 1)
    replica = start(lower)
    replica.follow(master)
    wait_until(lambda: master.client.set("a", 1), "a good replica")
    replica.kill()

    def refused():
        try:
            master.client.set("a", 2)
        except redis.ResponseError as error:
            return "NOREPLICAS" in str(error)

    wait_until(refused, "writes are refused without the replica", 10)


@pytest.mark.parametrize("upper, lower", ROLES)
def test_failover_hands_the_role_over(start, upper, lower):
    master, replica = start(upper), start(lower)
    write_mixed(master, seed=11, count=50)
    replica.follow(master)
    wait_in_step(master, replica)
    wait_until(lambda: master.replication()["slave0"]["state"] == "online", "the replica counts")
    master.client.set("last", "write")
    master.client.execute_command(
        "FAILOVER", "TO", "127.0.0.1", replica.port, "TIMEOUT", 10_000)
    wait_until(lambda: replica.replication()["role"] == "master", "the replica is master")
    replica.client.set("first", "write")
    wait_until(lambda: master.replication()["role"] == "slave", "the master is replica")
    assert_same(replica, master)
    assert replica.stat("sync_full") == 0
    assert replica.stat("sync_partial_ok") == 1
    assert master.replication()["master_failover_state"] == "no-failover"


def test_a_subtree_stays_up_when_the_top_dies(start):
    """Longer than repl-timeout without a master: our own replicas stay linked, a real one is back
    within one handshake each time."""
    top, middle = start("node"), start("node", "--repl-timeout", "2")
    own, real = start("node", "--repl-timeout", "2"), start("redis", "--repl-timeout", "2")
    middle.follow(top)
    wait_in_step(top, middle)
    own.follow(middle)
    real.follow(middle)
    top.client.set("a", 1)
    wait_in_step(top, middle, own, real)
    top.kill()
    downs = 0
    deadline = time.monotonic() + 6
    while time.monotonic() < deadline:
        assert own.replication()["master_link_status"] == "up"
        downs += real.replication()["master_link_status"] != "up"
        time.sleep(0.1)
    assert downs < 40, "the real replica comes back"
    wait_until(lambda: real.replication()["master_link_status"] == "up", "the link is up")
    assert middle.stat("sync_full") == 2, "no further snapshot"


def test_published_messages_reach_subscribers_of_a_replica(start):
    master, replica = start("redis"), start("node")
    replica.follow(master)
    wait_in_step(master, replica)
    listener = replica.client.pubsub()
    listener.subscribe("news")
    assert listener.get_message(timeout=5)["type"] == "subscribe"
    master.client.publish("news", "hello")
    assert listener.get_message(timeout=5)["data"] == b"hello"


# The wire, against a master by hand


def attach(start, fake_master, *options):
    node = start("node", *options)
    node.client.execute_command("REPLICAOF", "127.0.0.1", fake_master.port)
    return node


def give_snapshot(peer, data, offset=1000, mark=None):
    peer.send(b"\n+FULLRESYNC %s %d\r\n\n" % (REPLICATION_ID.encode(), offset))
    if mark:
        peer.send(b"$EOF:" + mark + b"\r\n" + data + mark)
    else:
        peer.send(b"$%d\r\n" % len(data) + data)


def next_acknowledgement(peer):
    words = peer.command()
    assert words[:2] == [b"REPLCONF", b"ACK"], words
    return int(words[2])


def wait_for_acknowledgement(peer, offset):
    while (found := next_acknowledgement(peer)) != offset:
        assert found < offset


@pytest.mark.parametrize("mark", [None, b"m" * 40])
def test_a_fake_master_is_followed(start, fake_master, mark):
    node = attach(start, fake_master)
    peer, psync, announced = fake_master.handshake()
    assert psync == [b"PSYNC", b"?", b"-1"]
    assert [b"REPLCONF", b"listening-port", str(node.port).encode()] in announced
    assert [b"REPLCONF", b"capa", b"eof", b"capa", b"psync2", b"capa", b"headwater"] in announced
    give_snapshot(peer, snapshot([("a", "1")], stream_database=0), mark=mark)
    assert next_acknowledgement(peer) == 1000
    peer.send(command("SELECT", 0) + command("SET", "x", 2) + command("PING"))
    wait_for_acknowledgement(peer, 1064)
    assert node.client.get("a") == b"1" and node.client.get("x") == b"2"
    # The answer to GETACK carries the offset before it.
    peer.send(GETACK)
    assert next_acknowledgement(peer) == 1064
    wait_for_acknowledgement(peer, 1101)
    # An open transaction is neither applied nor acknowledged.
    open_part = command("MULTI") + command("SET", "y", 1) + command("SET", "z", 1)
    peer.send(open_part)
    assert next_acknowledgement(peer) == 1101
    assert node.client.get("y") is None
    peer.send(command("EXEC"))
    end = 1101 + len(open_part) + len(command("EXEC"))
    wait_for_acknowledgement(peer, end)
    assert node.client.get("y") == b"1"
    # Newlines in the stream count with the next command.
    peer.send(b"\n\n\n" + command("SET", "x", 3))
    wait_for_acknowledgement(peer, end + 3 + 27)
    assert node.offset == end + 30


def test_a_position_is_kept_over_a_lost_link(start, fake_master):
    node = attach(start, fake_master)
    peer, _, _ = fake_master.handshake()
    give_snapshot(peer, snapshot(stream_database=7))
    assert next_acknowledgement(peer) == 1000
    one = command("SET", "a", 1)
    peer.send(one + command("MULTI") + command("SET", "half", 1))
    wait_for_acknowledgement(peer, 1000 + len(one))
    assert node.database(7).get("a") == b"1"
    peer.close()
    peer, psync, _ = fake_master.handshake()
    assert psync == [b"PSYNC", REPLICATION_ID.encode(), b"%d" % (1001 + len(one))]
    # No SELECT follows: the database belongs to the position.
    peer.send(b"+CONTINUE\r\n" + command("SET", "b", 2))
    wait_for_acknowledgement(peer, 1000 + 2 * len(one))
    assert node.database(7).get("b") == b"2"
    assert node.database(7).get("half") is None
    # A new id with +CONTINUE becomes ours, the old one the second.
    peer.close()
    peer, _, _ = fake_master.handshake()
    peer.send(b"+CONTINUE %s\r\n" % (b"f" * 40))
    wait_until(lambda: node.replication()["master_replid"] == "f" * 40, "the new id")
    facts = node.replication()
    assert str(facts["master_replid2"]) == REPLICATION_ID
    assert facts["second_repl_offset"] == 1001 + 2 * len(one)


def test_inline_text_gives_the_position_up(start, fake_master):
    attach(start, fake_master)
    peer, _, _ = fake_master.handshake()
    give_snapshot(peer, snapshot(stream_database=0))
    assert next_acknowledgement(peer) == 1000
    peer.send(b"PING\r\n")
    assert peer.is_closed()
    _, psync, _ = fake_master.handshake()
    assert psync == [b"PSYNC", b"?", b"-1"]


def test_a_bad_snapshot_leaves_the_old_data(start, fake_master):
    node = start("node")
    node.client.set("mine", "kept")
    node.client.execute_command("REPLICAOF", "127.0.0.1", fake_master.port)
    for data in (b"REDIS0099" + bytes(20), snapshot([("a", "1")])[:-20] + b"\x07" * 20):
        peer, _, _ = fake_master.handshake()
        give_snapshot(peer, data)
        assert peer.is_closed()
        assert node.client.get("mine") == b"kept"
    peer, _, _ = fake_master.handshake()
    peer.send(b"+FULLRESYNC %s 5\r\n$1000\r\nREDIS0009" % REPLICATION_ID.encode())
    peer.close()
    fake_master.handshake()
    assert node.client.get("mine") == b"kept"


def test_a_master_that_cannot_serve_now_is_asked_again(start, fake_master):
    attach(start, fake_master)
    for answer in (b"-NOMASTERLINK Can't SYNC\r\n", b"-LOADING wait\r\n", b"-ERR what\r\n"):
        peer, psync, _ = fake_master.handshake()
        assert psync[1] == b"?"
        peer.send(b"\n" + answer)
        assert peer.is_closed()
    peer, _, _ = fake_master.handshake()
    give_snapshot(peer, snapshot(stream_database=0))
    assert next_acknowledgement(peer) == 1000


# The wire, against a replica by hand


def test_a_fake_replica_is_served(start):
    node = start("node", "--repl-ping-replica-period", "1")
    write_mixed(node, seed=12, count=50)
    replica = FakeReplica(node.port, listening_port=4711)
    identity, offset, data = replica.full_sync()
    assert data[:9] == b"REDIS0010" and len(data) > 100
    assert identity == node.replication()["master_replid"]
    node.client.set("x", 2)
    first = command("SELECT", 0) + command("SET", "x", 2)
    # The first PING comes at any moment.
    ping = command("PING")
    while (found := replica.stream(len(ping))) == ping:
        offset += len(ping)
    found += replica.stream(len(first) - len(ping))
    assert found == first
    position = offset + len(first)
    write_mixed(node, seed=13, count=100)
    end = node.offset
    stream = replica.stream(end - position)
    assert stream.count(b"*1\r\n$5\r\nMULTI\r\n") == stream.count(b"*1\r\n$4\r\nEXEC\r\n") > 0
    replica.acknowledge(end)
    wait_until(lambda: node.replication()["slave0"]["offset"] == end, "the acknowledgement")
    assert node.replication()["slave0"]["port"] == 4711
    # Keys whose time is over may still go through before the next PING.
    while replica.peer.command()[0].upper() != b"PING":
        pass
    # Resumes with exactly the next byte, and with one in the middle.
    replica.close()
    end = node.offset
    for begin in (end + 1, offset + 1):
        again = FakeReplica(node.port)
        assert again.psync(identity, begin) == b"+CONTINUE " + identity.encode()
        if begin == offset + 1:
            assert again.stream(len(first)) == first
        again.close()
    beyond = FakeReplica(node.port)
    assert beyond.psync(identity, node.offset + 100_000).startswith(b"+FULLRESYNC")
    beyond.close()
    plain = FakeReplica(node.port, capabilities=())
    assert plain.psync(identity, end + 1) == b"+CONTINUE"
    plain.close()


@pytest.mark.parametrize("announced, version", [
    ([], b"REDIS0010"), (["version", "8.0.1"], b"REDIS0011"), (["capa", "headwater"], b"REDIS0011")])
def test_a_snapshot_is_of_a_version_that_the_replica_reads(start, announced, version):
    node = start("node")
    replica = FakeReplica(node.port)
    if announced:
        assert replica.ask("REPLCONF", *announced) == b"+OK"
    _, _, data = replica.full_sync()
    assert data[:9] == version
    replica.close()


def test_bare_sync_gets_the_snapshot_alone(start):
    node = start("node")
    node.client.set("a", 1)
    # The stream behind a file names its database, whatever others have read before.
    for number in range(2):
        replica = FakeReplica(node.port)
        replica.peer.send(b"SYNC\r\n")
        assert replica.payload()[:9] == b"REDIS0010"
        node.client.set("b", number)
        while (first := replica.peer.command()) == [b"PING"]:
            pass
        assert first == [b"SELECT", b"0"]
        replica.close()


def test_redis_cli_rdb_gets_a_file(start, tmp_path):
    import subprocess

    node = start("node")
    write_mixed(node, seed=14, count=50)
    path = tmp_path / "dump.rdb"
    subprocess.run(
        ["redis-cli", "-p", str(node.port), "--rdb", str(path)], check=True, timeout=30,
        capture_output=True)
    checked = subprocess.run(
        ["redis-check-rdb", str(path)], timeout=30, capture_output=True, text=True)
    assert checked.returncode == 0, checked.stdout


def test_a_replica_that_reads_nothing_costs_nothing(start):
    """The stream waits in the log, not in a buffer of the link; nobody is disconnected."""
    node = start("node", "--appendonly", "yes", "--repl-timeout", "60")
    lazy = FakeReplica(node.port)
    identity, offset, _ = lazy.full_sync()
    before = node.client.info("memory")["used_memory_rss"]
    value = random.Random(2).randbytes(100_000)
    for number in range(1200):
        node.client.set(f"k{number % 10}", value)
    growth = node.client.info("memory")["used_memory_rss"] - before
    assert growth < 64 << 20, f"{growth} bytes more for 120 MB of stream"
    end = node.offset
    found = 0
    while found < end - offset:
        found += len(lazy.stream(min(1 << 20, end - offset - found)))
    lazy.acknowledge(end)
    wait_until(lambda: node.replication()["slave0"]["offset"] == end, "the acknowledgement")
    assert node.stat("sync_full") == 1
    lazy.close()


def test_replication_commands_keep_to_their_place(start):
    node = start("node")
    replica = FakeReplica(node.port)
    assert replica.ask("REPLCONF", "colour", "blue") == (
        b"-ERR Unrecognized REPLCONF option: colour")
    assert replica.ask("REPLCONF", "capa") == b"-ERR syntax error"
    assert replica.ask("PSYNC", "?", "x").startswith(b"-ERR")
    # PSYNC behind an unread reply is refused.
    replica.peer.send(command("PING") + command("PSYNC", "?", -1))
    assert replica.peer.line() == b"+PONG"
    assert replica.peer.line() == b"-ERR SYNC and PSYNC are invalid with pending output"
    replica.full_sync()
    replica.peer.send(command("GET", "a"))
    assert replica.peer.is_closed()


def test_the_upstream_may_ask_for_a_password(start):
    master = start("redis", password="secret")
    replica = start("node", "--masterauth", "secret")
    master.client.set("a", 1)
    replica.follow(master)
    wait_in_step(master, replica)
    node = start("node", password="other")
    node.client.set("b", 2)
    real = start("redis", "--masterauth", "other")
    real.follow(node)
    wait_in_step(node, real)
    assert real.client.get("b") == b"2"


@pytest.mark.parametrize("kind", ["node", "redis"])
def test_a_replica_that_is_sent_away_counts_nothing(start, kind):
    server = start(kind, "--replicaof", "127.0.0.1 1")
    for request in (("PSYNC", "?", -1), ("PSYNC", "b" * 40, 1)):
        with pytest.raises(redis.ResponseError, match="NOMASTERLINK"):
            server.client.execute_command(*request)
    counted = {name: server.stat(name) for name in ("sync_full", "sync_partial_err")}
    assert counted == {"sync_full": 0, "sync_partial_err": 0}


def come_online(server, replica, offset):
    # redis-server sends nothing until it has an acknowledgement from after its transfer.
    server.client.set("first", "1")

    def sees_the_write():
        replica.acknowledge(offset)
        return b"first" in replica.peer.peek()

    wait_until(sees_the_write, "the replica gets the stream")


def write_megabytes(server, count):
    pipe = server.client.pipeline(transaction=False)
    for number in range(count):
        pipe.set(f"big:{number % 4}", bytes([97 + number % 26]) * (1 << 20))
    pipe.execute()


@pytest.mark.parametrize("kind", ["node", "redis"])
def test_a_slow_replica_is_kept_within_its_output_limit(start, kind):
    server = start(kind, "--repl-backlog-size", "16kb")
    slow = FakeReplica(server.port)
    _, offset, _ = slow.full_sync()
    come_online(server, slow, offset)
    write_megabytes(server, 60)
    assert slow.stream(server.offset - offset).count(b"\r\nbig:") == 60
    assert server.stat("sync_full") == 1
    slow.close()


@pytest.mark.parametrize("kind", ["node", "redis"])
def test_a_replica_beyond_its_output_limit_is_closed(start, kind):
    server = start(
        kind, "--repl-backlog-size", "16kb", "--client-output-buffer-limit", "replica 8mb 0 0")
    slow = FakeReplica(server.port)
    come_online(server, slow, slow.full_sync()[1])
    write_megabytes(server, 60)
    wait_until(lambda: server.replication()["connected_slaves"] == 0, "the replica is closed")
    slow.close()


def test_a_master_that_stood_still_counts_its_replicas_before_it_takes_writes(start):
    master, replica = start("node"), start("node")
    replica.follow(master)
    wait_in_step(master, replica)
    master.client.config_set("min-replicas-to-write", 1)
    master.client.config_set("min-replicas-max-lag", 1)
    wait_until(lambda: master.replication()["min_slaves_good_slaves"] == 1, "a good replica")
    with socket.create_connection(("127.0.0.1", master.port), 20) as client:
        client.sendall(b"SET k before\r\n")
        assert client.recv(100) == b"+OK\r\n"
        master.process.send_signal(signal.SIGSTOP)
        # What waits in its sockets: the write, then the end of the replica's connection.
        client.sendall(b"SET k after\r\n")
        wait_until(
            lambda: replica.replication()["master_last_io_seconds_ago"] >= 3, "a long silence")
        replica.promote()
        master.process.send_signal(signal.SIGCONT)
        assert client.recv(100).startswith(b"-NOREPLICAS")
    assert master.client.get("k") == b"before"


def test_info_counts_reads_writes_and_the_bytes_of_replication(start):
    master, replica = start("node"), start("node")
    master.client.set("first", "x" * 50_000)
    replica.follow(master)
    wait_in_step(master, replica)
    master.client.set("second", "x" * 50_000)
    wait_in_step(master, replica)
    before = master.client.info("stats")
    for _ in range(10):
        master.client.ping()
    after = master.client.info("stats")
    # One of each is that of INFO itself; the replica's acknowledgements may come between.
    assert after["total_reads_processed"] >= before["total_reads_processed"] + 11
    assert after["total_writes_processed"] >= before["total_writes_processed"] + 11
    # The first came with a snapshot, which packs it, the second with the stream.
    assert after["total_net_repl_output_bytes"] > 50_000
    assert replica.stat("total_net_repl_input_bytes") > 50_000
    assert after["total_net_output_bytes"] < 50_000


@pytest.mark.parametrize("words", [("PING",), ("GET", "k"), ("REPLCONF", "capa", "eof"), ("NOTHING",)])
@pytest.mark.parametrize("request_name", ["PSYNC", "SYNC"])
def test_a_replica_that_wants_answers_is_disconnected(start, words, request_name):
    node = start("node")
    node.client.set("k", "v")
    replica = FakeReplica(node.port)
    if request_name == "PSYNC":
        replica.full_sync()
    else:
        replica.peer.send(command("SYNC"))
        replica.payload()
    replica.acknowledge(node.offset)
    replica.peer.send(command(*words))
    assert replica.peer.is_closed()
    # Neither the answer nor a part of it stands in what came as the stream.
    assert not any(sign in replica.peer.buffer for sign in (b"PONG", b"$1", b"+OK", b"-ERR"))
    assert f"Replica generated a reply to command '{words[0].lower()}'" in node.log()
