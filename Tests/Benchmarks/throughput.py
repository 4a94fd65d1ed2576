"""Throughput and server CPU per million requests, interleaved over the servers."""

import re
from statistics import median

from peers import Echo, Server, binaries, load

CONNECTIONS, VALUE_BYTES = 50, 32


def measure(server, test, pipeline, requests, keys):
    """Returns (requests per second, CPU seconds per million requests) of one run."""
    before = server.cpu_seconds()
    output = load(
        server.port, "-t", test, "-P", pipeline, "-n", requests, "-c", CONNECTIONS,
        "-d", VALUE_BYTES, "-r", keys, "-q",
    )
    used = server.cpu_seconds() - before
    rate = float(re.findall(r"([\d.]+) requests per second", output)[-1])
    return rate, used / requests * 1e6


def run(scale, repeats, log):
    keys = max(int(1_000_000 * scale), 1000)
    servers = [Server(name, binary, log=log) for name, binary in binaries().items()] + [Echo()]
    results = {}
    try:
        for server in servers:
            # Every key exists, so that GET finds its value and SET overwrites.
            measure(server, "set", 64, keys * 3, keys)
        for _ in range(repeats):
            for pipeline in (1, 16, 64):
                requests = max(int({1: 300_000, 16: 2_000_000, 64: 4_000_000}[pipeline] * scale), 10_000)
                for test in ("set", "get"):
                    for server in servers:
                        figures = measure(server, test, pipeline, requests, keys)
                        results.setdefault((test, pipeline, server.name), []).append(figures)
    finally:
        for server in servers:
            server.stop()
    rows = []
    for test in ("set", "get"):
        for pipeline in (1, 16, 64):
            rate, cpu = {}, {}
            for server in servers:
                runs = results[test, pipeline, server.name]
                rate[server.name] = median(run[0] for run in runs)
                cpu[server.name] = median(run[1] for run in runs)
            row = {"test": test.upper(), "P": pipeline}
            for server in servers:
                row[f"{server.name} k/s"] = round(rate[server.name] / 1000)
            for server in servers:
                row[f"{server.name} CPU s/M"] = round(cpu[server.name], 3)
            row["CPU ÷ valkey-9.1"] = round(cpu["headwater"] / cpu["valkey-9.1"], 2)
            row["CPU ÷ redis-7.0"] = round(cpu["headwater"] / cpu["redis-7.0"], 2)
            row["rate ÷ valkey-9.1"] = round(rate["headwater"] / rate["valkey-9.1"], 2)
            rows.append(row)
    return rows
