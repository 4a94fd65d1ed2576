"""The same random commands on our node and on a real server: equal replies and equal data."""

import pytest
import redis

from servers import servers, wait_in_step
from workload import EXACT, IGNORED, UNORDERED, Workload

COMMANDS, BATCH = 12_000, 200


@pytest.fixture
def start():
    with servers() as starter:
        yield starter


def replies(server, batch):
    """The replies to `batch`, errors as texts."""
    pipe = server.client.pipeline(transaction=False)
    # Replies as they come over the wire: what the client makes of them is not under test.
    pipe.response_callbacks = {}
    for command, _ in batch:
        pipe.execute_command(*command)
    found = pipe.execute(raise_on_error=False)
    return [f"{type(r).__name__} {r}" if isinstance(r, Exception) else r for r in found]


def comparable(reply, how):
    if how == IGNORED:
        return None
    if how == UNORDERED and isinstance(reply, list):
        return sorted(reply)
    return reply


def digest(server):
    return server.client.execute_command("DEBUG", "DIGEST")


@pytest.mark.parametrize("peer", ["redis", "valkey"])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_replies_and_data_are_equal(start, peer, seed):
    ours, theirs = start("node", "--enable-debug-command", "yes"), start(peer)
    for server in (ours, theirs):
        server.client.client_setname("side-by-side")
        server.client.response_callbacks.clear()
    work = list(Workload(seed).commands(COMMANDS))
    for first in range(0, COMMANDS, BATCH):
        batch = work[first:first + BATCH]
        for (command, how), mine, real in zip(batch, replies(ours, batch), replies(theirs, batch)):
            assert comparable(mine, how) == comparable(real, how), (first, command)
        assert digest(ours) == digest(theirs), f"after command {first + BATCH}"


@pytest.mark.parametrize("upper, lower", [("node", "redis"), ("redis", "node"), ("node", "node"),
                                          ("node", "valkey"), ("valkey", "node")])
def test_replicas_hold_the_same_data(start, upper, lower):
    """By full sync (half of the commands before), by the stream, and after a restart of ours."""
    options = {"node": ["--enable-debug-command", "yes", "--appendonly", "yes"]}
    master = start(upper, *options.get(upper, []))
    replica = start(lower, *options.get(lower, []))
    work = list(Workload(7).commands(COMMANDS))
    half = COMMANDS // 2
    for first in range(0, half, BATCH):
        replies(master, work[first:first + BATCH])
    replica.follow(master)
    wait_in_step(master, replica)
    assert digest(master) == digest(replica), "after the full sync"
    for first in range(half, COMMANDS, BATCH):
        replies(master, work[first:first + BATCH])
    wait_in_step(master, replica)
    assert digest(master) == digest(replica), "after the stream"
    for server in (replica, master):
        if server.kind == "node":
            before = digest(server)
            server.kill()
            server.start()
            assert digest(server) == before, "after a kill and the restart from the log"
