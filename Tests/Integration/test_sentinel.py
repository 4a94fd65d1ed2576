"""Redis Sentinel, as it watches servers today, over nodes that no coordinator manages."""

import contextlib
import subprocess

import redis

from servers import free_ports, servers, wait_in_step, wait_until

SENTINELS = 3


@contextlib.contextmanager
def sentinels(master, folder):
    """Three Sentinels that watch `master` under the name `m`; two of them are a quorum."""
    running = []
    try:
        for port in free_ports(SENTINELS):
            own = folder / str(port)
            own.mkdir()
            (own / "sentinel.conf").write_text(
                f"port {port}\ndir {own}\nsentinel monitor m 127.0.0.1 {master.port} 2\n"
                # Below two seconds Sentinel takes a new master for dead now and then.
                "sentinel down-after-milliseconds m 2000\nsentinel failover-timeout m 5000\n")
            with open(own / "log", "wb") as log:
                running.append(subprocess.Popen(
                    ["redis-server", str(own / "sentinel.conf"), "--sentinel"], stdout=log,
                    stderr=subprocess.STDOUT))
            running[-1].client = redis.Redis(port=port, decode_responses=True, socket_timeout=20)
            wait_until(running[-1].client.ping, "a Sentinel answers")
        yield [process.client for process in running]
    finally:
        for process in running:
            process.terminate()
            process.wait(timeout=20)


def test_sentinel_fails_over_between_nodes(tmp_path):
    with servers() as start:
        nodes = [start("node", "--appendonly", "yes") for _ in range(3)]
        first = nodes[0]
        for replica in nodes[1:]:
            replica.follow(first)
        first.client.set("k", 1)
        wait_in_step(*nodes)
        with sentinels(first, tmp_path) as watching:
            wait_until(
                lambda: all(
                    len(client.sentinel_slaves("m")) == 2
                    and len(client.sentinel_sentinels("m")) == SENTINELS - 1
                    for client in watching), "Sentinels know all servers and each other", 60)

            def master():
                ports = {client.sentinel_get_master_addr_by_name("m")[1] for client in watching}
                return next((n for n in nodes if {n.port} == ports), None)

            first.kill()
            wait_until(lambda: master() not in (None, first), "another master", 60)
            second = master()
            wait_until(lambda: second.client.set("k", 2), "the new master takes writes")
            third = next(node for node in nodes[1:] if node is not second)
            wait_until(lambda: third.client.get("k") == b"2", "the other replica follows", 60)
            # It goes on with the history that it has.
            assert (second.stat("sync_partial_ok"), second.stat("sync_full")) == (1, 0)
            first.start()
            wait_until(lambda: first.client.get("k") == b"2", "the old master follows", 60)
            wait_until(
                lambda: first.replication()["role"] == "slave"
                and first.replication()["master_link_status"] == "up", "it stays a replica", 60)
