"""oom-score-adj: what a server tells the kernel about whom to end first, beside redis-server."""

import os
import pathlib

import pytest
import redis

from servers import servers

# Takes away the right to lower a score, which root has.
WITHOUT_RIGHT = ["setpriv", "--bounding-set=-sys_resource"] if os.geteuid() == 0 else []


@pytest.fixture(params=["node", "redis"])
def server(request):
    with servers() as start:
        yield start(request.param, prefix=WITHOUT_RIGHT)


def score(server):
    return int(pathlib.Path(f"/proc/{server.process.pid}/oom_score_adj").read_text())


def test_score_follows_settings_and_role(server):
    base = score(server)
    server.client.config_set("oom-score-adj-values", "10 20 30")
    assert score(server) == base
    server.client.config_set("oom-score-adj", "yes")
    assert score(server) == base + 10
    server.client.config_set("oom-score-adj-values", "15 20 30")
    assert score(server) == base + 15
    server.client.execute_command("REPLICAOF", "127.0.0.1", "1")
    assert score(server) == base + 20
    server.promote()
    server.client.config_set("oom-score-adj", "absolute")
    server.client.config_set("oom-score-adj-values", f"{base + 16} 20 30")
    assert score(server) == base + 16


def test_refused_score_changes_nothing(server):
    base = score(server)
    for values in ("1 2", "1 2 3 4", "1 2 2001", "1 2 x"):
        with pytest.raises(redis.ResponseError):
            server.client.config_set("oom-score-adj-values", values)
    server.client.config_set("oom-score-adj-values", "-1000 100 100")
    with pytest.raises(redis.ResponseError, match="Failed to set current oom_score_adj"):
        server.client.config_set("oom-score-adj", "yes")
    assert server.client.config_get("oom-score-adj") == {"oom-score-adj": "no"}
    assert score(server) == base
    server.client.config_set("oom-score-adj-values", "5 100 100")
    server.client.config_set("oom-score-adj", "yes")
    with pytest.raises(redis.ResponseError, match="Failed to set current oom_score_adj"):
        server.client.config_set("oom-score-adj-values", "-1000 -1000 -1000")
    assert server.client.config_get("oom-score-adj-values") == {
        "oom-score-adj-values": "5 100 100"}
    assert score(server) == base + 5
