"""Streams and their groups on a replica and after a restart, between our node and real servers.

A random workload adds, trims, reads in groups, claims and acknowledges on the master; blocked
readers are served by it. The replica must have the same data (DEBUG DIGEST) and the same groups.
"""

import random
import threading

import pytest
import redis

from servers import servers, wait_in_step

DEBUG = ["--enable-debug-command", "yes"]
KEYS = [f"stream:{number}" for number in range(4)]
GROUPS = ["g", "h"]


@pytest.fixture
def start():
    with servers() as starter:
        yield starter


def plain(server):
    """A client that gives replies as they come."""
    client = redis.Redis(port=server.port, protocol=2, socket_timeout=20)
    client.response_callbacks.clear()
    return client


def write_streams(server, seed, count=600):
    draw = random.Random(seed)
    client = plain(server)
    for number in range(count):
        key, group = draw.choice(KEYS), draw.choice(GROUPS)
        consumer = draw.choice(["ann", "bob"])
        identity = f"{draw.randrange(1, 50)}-1"
        command = draw.choice([
            ["XADD", key, "*", "field", number],
            ["XADD", key, "*", "field", number, "more", "x" * 50],
            ["XADD", key, "MAXLEN", "~", 150, "*", "other", number],
            ["XADD", key, "MAXLEN", "~", 120, "LIMIT", 30, "*", "other", number],
            ["XADD", key, "MAXLEN", 100, "*", "field", "y"],
            ["XTRIM", key, "MAXLEN", "~", 60], ["XTRIM", key, "MINID", identity],
            ["XDEL", key, *random_ids(client, key, draw)],
            ["XGROUP", "CREATE", key, group, draw.choice(["0", "$"]), "MKSTREAM"],
            ["XGROUP", "CREATECONSUMER", key, group, consumer],
            ["XGROUP", "DELCONSUMER", key, group, consumer],
            ["XREADGROUP", "GROUP", group, consumer, "COUNT", 5, "STREAMS", key, ">"],
            ["XREADGROUP", "GROUP", group, consumer, "COUNT", 2, "NOACK", "STREAMS", key, ">"],
            ["XREADGROUP", "GROUP", group, consumer, "STREAMS", key, ">"],
            ["XACK", key, group, *random_ids(client, key, draw)],
            ["XCLAIM", key, group, consumer, 0, *random_ids(client, key, draw)],
            ["XAUTOCLAIM", key, group, consumer, 0, "0", "COUNT", 3],
        ])
        try:
            client.execute_command(*command)
        except redis.ResponseError as error:
            known = ["NOGROUP", "Consumer Group name", "requires the key", "No such"]
            assert any(text in str(error) for text in known), (command, error)


def random_ids(client, key, draw):
    entries = client.execute_command("XRANGE", key, "-", "+", "COUNT", 40)
    return [draw.choice(entries)[0] for _ in range(3)] if entries else ["1-1"]


def state(server):
    """Digest, and for each group its place and what is pending at whom. How long ago and how often
    something was delivered is no effect where a consumer reads its history."""
    client = plain(server)
    found = [client.execute_command("DEBUG", "DIGEST")]
    for key in KEYS:
        if not client.execute_command("EXISTS", key):
            continue
        found.append(client.execute_command("XLEN", key))
        for group in client.execute_command("XINFO", "GROUPS", key):
            facts = dict(zip(group[::2], group[1::2]))
            name = facts[b"name"]
            found.append((name, facts[b"last-delivered-id"], facts[b"pending"]))
            pending = client.execute_command("XPENDING", key, name, "-", "+", 10_000)
            found.append([(entry, owner, count) for entry, owner, _, count in pending])
    return found


@pytest.mark.parametrize("upper, lower", [
    ("node", "redis"), ("node", "valkey"), ("node", "node"), ("redis", "node"), ("valkey", "node")])
def test_streams_and_groups_are_the_same_on_a_replica(start, upper, lower):
    master, replica = start(upper, *DEBUG), start(lower, *DEBUG)
    write_streams(master, seed=1)
    # The first part comes with the snapshot, the second as effects.
    replica.follow(master)
    wait_in_step(master, replica)
    assert state(master) == state(replica)
    write_streams(master, seed=2)
    wait_in_step(master, replica)
    assert state(master) == state(replica)


@pytest.mark.parametrize("lower", ["node", "valkey"])
def test_a_full_sync_tells_who_never_got_an_entry(start, lower):
    master, replica = start("node"), start(lower)
    client = plain(master)
    client.execute_command("XGROUP", "CREATE", "s", "g", "$", "MKSTREAM")
    client.execute_command("XREADGROUP", "GROUP", "g", "idle", "STREAMS", "s", ">")
    client.execute_command("XADD", "s", "*", "f", "v")
    client.execute_command("XREADGROUP", "GROUP", "g", "active", "STREAMS", "s", ">")
    replica.follow(master)
    wait_in_step(master, replica)
    for server in (master, replica):
        consumers = plain(server).execute_command("XINFO", "CONSUMERS", "s", "g")
        facts = {found[1]: dict(zip(found[::2], found[1::2])) for found in consumers}
        assert facts[b"idle"][b"inactive"] == -1 and facts[b"active"][b"inactive"] >= 0


@pytest.mark.parametrize("lower", ["redis", "node"])
def test_blocked_readers_of_a_group_leave_the_same_data(start, lower):
    master, replica = start("node", *DEBUG), start(lower, *DEBUG)
    replica.follow(master)
    master.client.execute_command("XGROUP", "CREATE", "stream:0", "g", "$", "MKSTREAM")
    got = []

    def read(name):
        client = plain(master)
        for _ in range(20):
            reply = client.execute_command(
                "XREADGROUP", "GROUP", "g", name, "COUNT", 1, "BLOCK", 10_000, "STREAMS",
                "stream:0", ">")
            got.append(reply[0][1][0][0])

    readers = [threading.Thread(target=read, args=(f"c{number}",)) for number in range(3)]
    for reader in readers:
        reader.start()
    added = [master.client.xadd("stream:0", {"n": number}) for number in range(60)]
    for reader in readers:
        reader.join(timeout=30)
    # Each entry went to exactly one reader.
    assert sorted(got) == sorted(added)
    wait_in_step(master, replica)
    assert state(master) == state(replica)


@pytest.mark.parametrize("log", ["no", "yes"])
def test_streams_survive_a_restart(start, log):
    server = start("node", *DEBUG, "--appendonly", log, "--dbfilename", "dump.rdb")
    write_streams(server, seed=3)
    before = state(server)
    if log == "no":
        server.client.execute_command("SAVE")
        server.stop()
    else:
        server.kill()
    server.start()
    assert state(server) == before


@pytest.mark.parametrize("upper, lower", [("node", "redis"), ("redis", "node")])
def test_a_dump_with_streams_is_read_by_the_other(start, upper, lower):
    writer = start(upper, *DEBUG, "--dbfilename", "dump.rdb")
    write_streams(writer, seed=4, count=1_500)
    with writer.client.pipeline(transaction=False) as pipe:
        for number in range(20_000):
            pipe.xadd("stream:3", {"n": number})
        pipe.execute()
    writer.client.execute_command("SAVE")
    reader = start(lower, *DEBUG, "--dbfilename", "dump.rdb")
    reader.stop()
    (reader.folder / "dump.rdb").write_bytes((writer.folder / "dump.rdb").read_bytes())
    reader.start()
    assert state(reader) == state(writer)
