"""Values travel between our node and real servers as payloads: DUMP, RESTORE and MIGRATE."""

import random

import pytest
import redis

from servers import servers

DEBUG = ("--enable-debug-command", "yes")


@pytest.fixture
def start():
    with servers() as starter:
        yield starter


def text(source):
    """A member, field or element: a number, a short text or a long one."""
    return source.choice([
        str(source.randint(-10 ** source.randint(1, 19), 10 ** source.randint(1, 18))),
        "x" * source.randint(0, 70), f"v{source.randint(0, 9999)}",
        "y" * source.choice([100, 2000])])


def build(client, key, kind, count, source):
    """Makes a value of `kind` with about `count` elements. Scores are whole or infinite: other
    texts differ between the digests of Redis 7.0 and 7.2."""
    texts = [text(source) for _ in range(count * 2)]
    if kind == "string":
        client.set(key, texts[0])
    elif kind == "list":
        client.rpush(key, *texts)
    elif kind == "set":
        client.sadd(key, *texts)
    elif kind == "integers":
        client.sadd(key, *[source.randint(-2 ** 40, 2 ** 40) for _ in range(count)])
    elif kind == "hash":
        client.hset(key, mapping=dict(zip(texts[::2], texts[1::2])))
    elif kind == "zset":
        client.zadd(key, {t: source.choice([source.randint(-9, 9), "inf", "-inf"]) for t in texts})
    elif kind == "hyperloglog":
        client.pfadd(key, *texts)
    else:
        for number in range(1, count + 1):
            client.xadd(key, {texts[number]: texts[number - 1]}, id=f"{number * 3}-{number}")
        client.xgroup_create(key, "group", "0")
        client.xreadgroup("group", "consumer", {key: ">"}, count=source.randint(1, count))
        if count > 4:
            client.xdel(key, "6-2")


KINDS = ["string", "list", "set", "integers", "hash", "zset", "hyperloglog", "stream"]


def digest(server, key):
    return server.client.execute_command("DEBUG", "DIGEST-VALUE", key)


@pytest.mark.parametrize("peer_kind", ["redis", "valkey"])
def test_payloads_are_restored_by_the_other(start, peer_kind):
    node, peer = start("node", *DEBUG), start(peer_kind)
    source = random.Random(peer_kind)
    for number in range(40):
        kind, count = KINDS[number % len(KINDS)], source.choice([1, 2, 5, 30, 200, 700])
        origin, target = (node, peer) if source.random() < 0.5 else (peer, node)
        key = f"{kind}:{number}"
        build(origin.client, key, kind, count, source)
        target.client.restore(key, 0, origin.client.dump(key))
        assert digest(node, key) == digest(peer, key), (key, count, origin.kind)


@pytest.mark.parametrize("peer_kind", ["redis", "valkey"])
def test_keys_migrate_to_and_fro(start, peer_kind):
    node, peer = start("node", *DEBUG), start(peer_kind)
    source = random.Random(1)
    for kind in KINDS:
        build(node.client, kind, kind, 30, source)
    node.client.expire("string", 1000)
    digests = [digest(node, kind) for kind in KINDS]
    assert node.client.migrate("127.0.0.1", peer.port, KINDS, 0, 5000) == b"OK"
    assert node.client.dbsize() == 0
    assert [digest(peer, kind) for kind in KINDS] == digests
    assert 990 < peer.client.ttl("string") <= 1000
    # The key names stay taken there, so that a second journey is refused.
    assert peer.client.migrate("127.0.0.1", node.port, KINDS, 0, 5000, copy=True) == b"OK"
    assert [digest(node, kind) for kind in KINDS] == digests
    with pytest.raises(redis.ResponseError, match="BUSYKEY"):
        node.client.migrate("127.0.0.1", peer.port, KINDS, 0, 5000)
    assert node.client.dbsize() == len(KINDS), "what was not taken stays"
