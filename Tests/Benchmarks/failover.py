"""Time from kill -9 of the master to the first accepted write on another node.

Ours: the suite of `make up`. Beside it Redis Sentinel: one master, two replicas, three sentinels
with down-after 500 ms. One writer each that tries all nodes in turn without pause.
"""

import os
import signal
import subprocess
import sys
import tempfile
import time
from statistics import median

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from peers import Server
from servers import free_ports, wait_until
from suite import NODES, running_suite


def first_accepted_write(ports, killed_at, seconds=30):
    """Seconds until one of the ports accepts a write."""
    clients = [redis.Redis(port=port, socket_timeout=0.2, retry=Retry(NoBackoff(), 0)) for port in ports]
    while time.monotonic() - killed_at < seconds:
        for client in clients:
            try:
                if client.set("failover:probe", "1"):
                    return time.monotonic() - killed_at
            except redis.RedisError:
                pass
        time.sleep(0.001)
    raise RuntimeError("no node accepted a write")


def ours(runs):
    times = []
    for _ in range(runs):
        # A suite of its own for each: repeated failovers of one cluster are spaced on purpose.
        with running_suite() as suite:
            master = suite.wait_for_tree()
            others = [suite.ports[name] for name in NODES if name != master]
            os.kill(suite.pid(master), signal.SIGKILL)
            times.append(first_accepted_write(others, time.monotonic()))
    return times


class Sentinels:
    def __init__(self, down_after_milliseconds):
        self.servers = [Server("redis", "redis-server") for _ in range(3)]
        for replica in self.servers[1:]:
            replica.client.replicaof("127.0.0.1", self.servers[0].port)
        self.processes = []
        self.ports = free_ports(3)
        for port in self.ports:
            folder = tempfile.mkdtemp(prefix="bench-sentinel-")
            path = os.path.join(folder, "sentinel.conf")
            with open(path, "w") as file:
                file.write(
                    f"port {port}\nbind 127.0.0.1\ndir {folder}\n"
                    f"sentinel monitor m 127.0.0.1 {self.servers[0].port} 2\n"
                    f"sentinel down-after-milliseconds m {down_after_milliseconds}\n"
                    "sentinel failover-timeout m 10000\n"
                )
            self.processes.append(subprocess.Popen(
                ["redis-server", path, "--sentinel"], stdout=subprocess.DEVNULL
            ))

    def wait(self):
        def ready():
            for port in self.ports:
                entry = redis.Redis(port=port, decode_responses=True).sentinel_master("m")
                if entry["num-other-sentinels"] != 2 or entry["num-slaves"] != 2:
                    return False
            return all(
                server.client.info("replication")["master_link_status"] == "up"
                for server in self.servers[1:]
            )
        wait_until(ready, "sentinels that know each other", 60)

    def stop(self):
        for process in self.processes:
            process.kill()
            process.wait()
        for server in self.servers:
            server.stop()


def sentinel(runs, down_after_milliseconds):
    times = []
    for _ in range(runs):
        group = Sentinels(down_after_milliseconds)
        try:
            group.wait()
            os.kill(group.servers[0].pid, signal.SIGKILL)
            killed_at = time.monotonic()
            times.append(first_accepted_write(
                [server.port for server in group.servers[1:]], killed_at))
        finally:
            group.stop()
    return times


def run(scale, repeats, log):
    runs = max(int(20 * scale), 2)
    rows = []
    measured = {"headwater": ours(runs)}
    measured["sentinel, down-after 500 ms"] = sentinel(max(runs // 4, 1), 500)
    if scale >= 1:
        measured["sentinel, down-after 5 s"] = sentinel(3, 5000)
    for name, times in measured.items():
        rows.append({
            "system": name, "runs": len(times), "p50 s": round(median(times), 3),
            "min s": round(min(times), 3), "max s": round(max(times), 3),
        })
    return rows


if __name__ == "__main__":
    print(run(1, 1, True), file=sys.stderr)
