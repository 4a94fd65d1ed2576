"""GET latency while a background save runs over the data set under writes."""

import os
import re
import subprocess
import sys
import threading
import time
from statistics import median

from peers import (
    CLIENT_CPU, SERVER_CPU, Server, binaries, load, only, populate, stop_all,
)


def percentile(output, wanted=99.9):
    """The first printed percentile at or above `wanted`, in milliseconds."""
    for text, milliseconds in re.findall(r"([\d.]+)% <= ([\d.]+) milliseconds", output):
        if float(text) >= wanted:
            return float(milliseconds)
    raise ValueError("redis-benchmark printed no percentiles")


class Background:
    """Writes all the time and, when told, keeps a background save running."""

    def __init__(self, server, saving, keys):
        self.server, self.saving, self.keys = server, saving, keys
        self.stop = threading.Event()
        self.slices, self.worked = [], []
        self.threads = [threading.Thread(target=self.write)]
        if saving:
            self.threads.append(threading.Thread(target=self.save))

    def write(self):
        while not self.stop.is_set():
            load(self.server.port, "-t", "set", "-P", 4, "-n", 20_000, "-c", 2, "-d", 32,
                 "-r", self.keys, "-q")

    def save(self):
        import redis
        client = redis.Redis(port=self.server.port)
        saves = 0
        while not self.stop.wait(0.01):
            facts = client.info("persistence")
            if facts["rdb_bgsave_in_progress"]:
                continue
            if saves > 0 and "snapshot_longest_slice_usec" in facts:
                self.slices.append(facts["snapshot_longest_slice_usec"])
                self.worked.append(facts["snapshot_longest_slice_cpu_usec"])
            client.bgsave()
            saves += 1

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.stop.set()
        for thread in self.threads:
            thread.join()
        # A child that still saves would slow whoever is measured next on this core.
        while self.saving and self.server.client.info("persistence")["rdb_bgsave_in_progress"]:
            time.sleep(0.01)


# Only reads the clock for two seconds: how long does the machine keep it from its core?
CLOCK_READER = """
import time
longest, last = 0, time.perf_counter()
end = last + 2
while last < end:
    now = time.perf_counter()
    longest, last = max(longest, now - last), now
print(round(longest * 1e6))
"""


def longest_gap():
    """The longest pause of a program alone on the servers' core, in microseconds."""
    command = ["taskset", "-c", SERVER_CPU, sys.executable, "-c", CLOCK_READER]
    return int(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


def slice_columns(slices, worked, gaps):
    """How the longest slices of the saves are told: the median save and the worst."""
    def both(values):
        return f"{median(values):.0f} / {max(values)}" if values else "–"
    return {
        "saves": len(slices), "longest engine slice µs, median / worst save": both(slices),
        "its processor time µs": both(worked), "pause of a clock reader µs": both(gaps),
    }


def run(scale, repeats, log):
    keys = max(int(1_000_000 * scale), 10_000)
    requests = max(int(300_000 * scale), 20_000)
    servers = [Server(name, binary, log=log) for name, binary in binaries().items()]
    figures = {}
    slices, worked, gaps = [], [], []
    # This program asks how far a save is: on the servers' core it would be what holds them up.
    processors = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {int(CLIENT_CPU)})
    try:
        for server in servers:
            populate(server, keys)
        for _ in range(repeats):
            for server in servers:
                only(server, servers)
                for saving in (False, True):
                    with Background(server, saving, keys) as background:
                        output = load(server.port, "-t", "get", "-n", requests, "-c", 20, "-r", keys)
                    figures.setdefault((server.name, saving), []).append(percentile(output))
                    slices += background.slices
                    worked += background.worked
            only(None, servers)
            gaps.append(longest_gap())
    finally:
        os.sched_setaffinity(0, processors)
        stop_all(servers)
    rows = []
    for server in servers:
        quiet, busy = (median(figures[server.name, saving]) for saving in (False, True))
        rows.append({
            "server": server.name, "GET p99.9 ms": quiet, "while saving ms": busy,
            "ratio": round(busy / quiet, 2),
            **(slice_columns(slices, worked, gaps) if server.name == "headwater" else {}),
        })
    return rows
