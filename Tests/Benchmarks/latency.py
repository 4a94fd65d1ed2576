"""Latency and CPU at fixed rates: the same load for every server, however fast it answers."""

import os
import subprocess
import tempfile
from statistics import median

from peers import CLIENT_CPU, HERE, Server, binaries, only, populate, stop_all

RATES = (10_000, 30_000, 60_000)
CONNECTIONS, SECONDS = 50, 4
FIGURES = ("p50 µs", "p99 µs", "p99.9 µs", "longest µs", "CPU s/M")


def measure(program, server, rate, seconds, keys):
    """The values of `FIGURES`."""
    before = server.cpu_seconds()
    output = subprocess.run(
        ["taskset", "-c", CLIENT_CPU, program, str(server.port), str(rate), str(seconds),
         str(CONNECTIONS), str(keys)], capture_output=True, text=True, check=True).stdout
    count, *latencies = (int(word) for word in output.split())
    return latencies + [(server.cpu_seconds() - before) / count * 1e6]


def run(scale, repeats, log):
    keys = max(int(1_000_000 * scale), 10_000)
    seconds = max(SECONDS * scale, 0.2)
    servers = [Server(name, binary, log=log) for name, binary in binaries().items()]
    figures = {}
    try:
        with tempfile.TemporaryDirectory() as folder:
            program = os.path.join(folder, "paced")
            subprocess.run(["cc", "-O2", "-o", program, HERE / "paced.c"], check=True)
            for server in servers:
                populate(server, keys)
            for _ in range(repeats):
                for server in servers:
                    only(server, servers)
                    for rate in RATES:
                        found = measure(program, server, rate, seconds, keys)
                        figures.setdefault((rate, server.name), []).append(found)
    finally:
        stop_all(servers)
    rows = []
    for rate in RATES:
        for server in servers:
            runs = figures[rate, server.name]
            rows.append({
                "requests/s": rate, "server": server.name,
                **{name: round(median(run[index] for run in runs), 1)
                   for index, name in enumerate(FIGURES)},
            })
    return rows
