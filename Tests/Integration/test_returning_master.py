"""A master that was killed and comes back below the one that took over: by partial resync when
that one has all it had, by a full sync in every other case, and never with other data.
"""

import pytest

from servers import servers, wait_in_step, wait_until


@pytest.fixture
def start():
    with servers() as starter:
        yield starter


def write(server, start, count):
    for number in range(start, start + count):
        server.database(number % 3).set(f"k{number % 50}", f"{server.port} {number}")


def pair(start, kind):
    """A master with a log and its replica, in step."""
    master = start("node", "--appendonly", "yes", "--repl-ping-replica-period", "1")
    replica = start(kind)
    replica.follow(master)
    write(master, 0, 200)
    wait_in_step(master, replica)
    return master, replica


def losses(server):
    """The warnings of a node that its own writes are gone."""
    return [line for line in server.log().splitlines() if "writes that only it had are gone" in line]


@pytest.mark.parametrize("kind", ["node", "redis", "valkey"])
def test_what_the_new_master_has_is_gone_on_from(start, kind):
    old, new = pair(start, kind)
    old.kill()
    new.promote()
    write(new, 200, 100)
    full, partial = new.stat("sync_full"), new.stat("sync_partial_ok")
    old.start()
    old.follow(new)
    wait_in_step(new, old)
    assert new.stat("sync_full") == full and new.stat("sync_partial_ok") == partial + 1
    assert old.replication()["master_replid"] == new.replication()["master_replid"]
    write(new, 300, 100)
    wait_in_step(new, old)
    assert old.contents() == new.contents()
    # What it holds now survives its next death, as a replica's.
    old.kill()
    write(new, 400, 50)
    old.start("--replicaof", "127.0.0.1", str(new.port))
    wait_in_step(new, old)
    assert new.stat("sync_full") == full
    assert old.contents() == new.contents()
    assert losses(old) == []


@pytest.mark.parametrize("kind", ["node", "redis"])
def test_bytes_that_the_new_master_never_had_mean_a_full_sync(start, kind):
    old, new = pair(start, kind)
    new.promote()
    old.client.set("only here", "1")
    history = old.replication()["master_replid"]
    old.kill()
    # The new history is longer than the old one by the time it returns.
    write(new, 200, 100)
    full = new.stat("sync_full")
    old.start()
    assert old.client.get("only here") == b"1"
    end = old.offset
    old.follow(new)
    wait_in_step(new, old)
    assert new.stat("sync_full") == full + 1
    assert old.client.get("only here") is None
    (loss,) = losses(old)
    assert " # " in loss and f"its history {history} ended at offset {end}," in loss, loss
    now = new.replication()["master_replid"]
    assert f"that of 127.0.0.1:{new.port} is {now} at offset " in loss, loss
    assert old.contents() == new.contents()
    # A replica that copies once more loses nothing of its own.
    old.follow(start(kind))
    wait_until(lambda: old.client.dbsize() == 0, "another data set")
    assert len(losses(old)) == 1


def test_a_write_after_the_restart_means_a_full_sync(start):
    old, new = pair(start, "node")
    old.kill()
    new.promote()
    full = new.stat("sync_full")
    old.start()
    old.client.set("only here", "1")
    write(new, 200, 100)
    old.follow(new)
    wait_in_step(new, old)
    assert new.stat("sync_full") == full + 1
    assert old.contents() == new.contents()


def test_keys_that_expired_meanwhile_are_not_lost_below_a_master_that_prolonged_them(start):
    old, new = pair(start, "node")
    old.client.set("short", "1", px=1500)
    wait_in_step(old, new)
    old.kill()
    new.promote()
    assert new.client.persist("short") == 1
    wait_until(lambda: old.process.poll() is not None, "the end of the old master")
    deadline = new.client.time()[0] + 3
    wait_until(lambda: new.client.time()[0] >= deadline, "the old deadline")
    old.start()
    old.follow(new)
    wait_in_step(new, old)
    assert old.client.get("short") == b"1"
    assert old.contents() == new.contents()
