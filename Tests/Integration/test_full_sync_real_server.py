"""Full syncs, and what replicas read from the log on disk, by hand: how quickly they go."""

import random
import time

import pytest

from servers import servers
from wire import FakeReplica


@pytest.fixture
def start():
    with servers() as starter:
        yield starter


def fill(server, count, name="key", seed=1):
    draw = random.Random(seed)
    pipe = server.client.pipeline(transaction=False)
    for number in range(count):
        pipe.set(f"{name}:{number}", draw.randbytes(100))
    pipe.execute()


@pytest.mark.parametrize("log", ["no", "yes"])
def test_pieces_follow_one_another_without_a_pause(start, log):
    """Each takes all that the socket holds at once: nothing but its own end calls for the next."""
    master = start("node", "--appendonly", log, "--repl-backlog-size", "1mb")
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
