"""Users and caching clients as redis-py sees them."""

import socket

import pytest
import redis
from redis.cache import CacheConfig

from servers import servers, wait_until


@pytest.fixture(scope="module")
def node():
    with servers() as start:
        yield start("node", "--acllog-max-len", "3")


@pytest.mark.parametrize("first", ["POST / HTTP/1.1", "GET / HTTP/1.1\r\nHost: localhost"])
def test_a_web_page_cannot_send_commands_through_a_browser(first):
    with servers() as start:
        node = start("node")
        node.client.set("k", "v")
        with socket.create_connection(("127.0.0.1", node.port), 20) as connection:
            connection.sendall(f"{first}\r\nA: b\r\n\r\nFLUSHALL\r\n".encode())
            said = b"".join(iter(lambda: connection.recv(1000), b""))
        assert b"no HTTP server" in said and b"+OK" not in said
        assert node.client.get("k") == b"v"
        assert node.log().count("Possible SECURITY ATTACK detected") == 1


@pytest.mark.parametrize("protocol", [2, 3])
def test_redis_py_manages_users(node, protocol):
    admin = redis.Redis(port=node.port, protocol=protocol, decode_responses=True)
    assert admin.acl_setuser(
        "ann", enabled=True, passwords=["+secret"], keys=["a*"], channels=["news"],
        commands=["+get", "+set", "+subscribe", "+multi", "+exec"],
        selectors=[("+mget", "%R~m*")])
    user = admin.acl_getuser("ann")
    assert set(user["flags"]) >= {"on"} and user["enabled"]
    assert user["commands"] == ["+get", "+set", "+subscribe", "+multi", "+exec"]
    assert user["keys"] == ["~a*"]
    assert "ann" in admin.acl_users()
    assert any(line.startswith("user ann on sanitize-payload #") for line in admin.acl_list())
    ann = redis.Redis(port=node.port, protocol=protocol, username="ann", password="secret")
    assert ann.set("a1", 1) and ann.get("a1") == b"1"
    assert ann.mget("m1", "m2") == [None, None]
    for forbidden in (lambda: ann.get("b"), lambda: ann.mget("a1"), ann.flushall,
                      lambda: ann.execute_command("SUBSCRIBE", "other")):
        with pytest.raises(redis.exceptions.NoPermissionError):
            forbidden()
    with pytest.raises(redis.AuthenticationError):
        redis.Redis(port=node.port, protocol=protocol, username="ann", password="x").ping()
    log = admin.acl_log()
    assert len(log) == 3 and log[0]["reason"] == "auth" and log[0]["username"] == "ann"
    assert admin.acl_dryrun("ann", "get", "b") == "User ann has no permissions to access the 'b' key"
    denied = admin.info("stats")
    assert denied["acl_access_denied_key"] >= 2 and denied["acl_access_denied_auth"] >= 1
    assert len(admin.acl_genpass()) == 64
    assert admin.acl_deluser("ann") == 1
    with pytest.raises(redis.RedisError):
        ann.ping()


def test_redis_py_caches_what_it_reads(node, monkeypatch):
    # redis-py asks for 7.4 because of other servers' bugs; the protocol is that of 6.0.
    monkeypatch.setattr(
        "redis.connection.CacheProxyConnection.MIN_ALLOWED_VERSION", "7.2.0")
    caching = redis.Redis(
        port=node.port, protocol=3, decode_responses=True, cache_config=CacheConfig())
    plain = redis.Redis(port=node.port, decode_responses=True)
    plain.set("cached", "old")
    assert caching.get("cached") == "old"
    wait_until(lambda: plain.info("stats")["tracking_total_keys"] == 1, "the read is tracked")
    calls = plain.info("commandstats")["cmdstat_get"]["calls"]
    assert caching.get("cached") == "old"
    assert plain.info("commandstats")["cmdstat_get"]["calls"] == calls
    plain.set("cached", "new")
    wait_until(lambda: caching.get("cached") == "new", "the new value")
    plain.flushall()
    wait_until(lambda: caching.get("cached") is None, "the flush")
    caching.close()
    wait_until(lambda: plain.info("clients")["tracking_clients"] == 0, "nobody tracks")


def test_latencies_are_told_by_command(node):
    client = redis.Redis(port=node.port, protocol=3, decode_responses=True)
    client.config_resetstat()
    for number in range(100):
        client.get(f"k{number}")
    told = client.execute_command("LATENCY", "HISTOGRAM", "get")
    assert told["get"]["calls"] == 100
    assert list(told["get"]["histogram_usec"].values())[-1] == 100
    line = client.info("latencystats")["latency_percentiles_usec_get"]
    assert set(line) == {"p50", "p99", "p99.9"}
    client.config_set("latency-tracking-info-percentiles", "10 90.5")
    assert set(client.info("latencystats")["latency_percentiles_usec_get"]) == {"p10", "p90.5"}
    client.config_set("latency-monitor-threshold", 20)
    node.client.execute_command("LATENCY", "RESET")
    assert client.execute_command("LATENCY", "LATEST") == []


def test_who_has_not_logged_in_may_not_pile_up_replies():
    """CVE-2025-21605: nobody reads them, and the default limits of clients do not bound them."""
    with servers() as start:
        node = start("node", password="secret")
        with socket.create_connection(("127.0.0.1", node.port), 20) as silent:
            silent.settimeout(20)
            with pytest.raises((ConnectionResetError, BrokenPipeError)):
                for _ in range(500):
                    silent.sendall(b"PING\r\n" * 4_000)
        wait_until(lambda: len(node.client.client_list()) == 1, "the end of the connection")
        assert node.client.info("stats")["client_output_buffer_limit_disconnections"] == 1
