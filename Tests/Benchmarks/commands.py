"""Server CPU of every test of redis-benchmark, of scripts and of a large sorted set, interleaved.

Each test runs on every server before the next begins, so all hold the same data. What a test needs
is written before the clock starts: elements to pop, the lists of LRANGE, the large sorted set.
"""

import socket
from statistics import median

from peers import Server, binaries, load

CONNECTIONS, VALUE_BYTES, KEYS = 50, 32, 100_000
BIG = 1_000_000

# Name → arguments for redis-benchmark, and the share of the requests that the test gets.
TESTS = {
    "PING_INLINE": (["-t", "ping_inline"], 1),
    "PING_MBULK": (["-t", "ping_mbulk"], 1),
    "SET": (["-t", "set"], 1),
    "GET": (["-t", "get"], 1),
    "INCR": (["-t", "incr"], 1),
    "LPUSH": (["-t", "lpush"], 1),
    "RPUSH": (["-t", "rpush"], 1),
    "LPOP": (["-t", "lpop"], 1),
    "RPOP": (["-t", "rpop"], 1),
    "SADD": (["-t", "sadd"], 1),
    "HSET": (["-t", "hset"], 1),
    "SPOP": (["-t", "spop"], 0.25),
    "ZADD": (["-t", "zadd"], 1),
    "ZPOPMIN": (["-t", "zpopmin"], 0.25),
    "LRANGE_100": (["lrange", "range", "0", "99"], 0.2),
    "LRANGE_300": (["lrange", "range", "0", "299"], 0.1),
    "LRANGE_500": (["lrange", "range", "0", "499"], 0.05),
    "LRANGE_600": (["lrange", "range", "0", "599"], 0.05),
    "MSET": (["-t", "mset"], 0.2),
    "HGET of 10 fields": (["hget", "hash:__rand_int__", "field:00000007"], 1),
    "SISMEMBER": (["sismember", "myset", "element:__rand_int__"], 1),
    "XADD": (["xadd", "stream", "MAXLEN", "~", "100000", "*", "field", "value"], 0.5),
    "EVAL": (["eval", "return redis.call('get', KEYS[1])", "1", "key:__rand_int__"], 0.5),
    "ZADD to 1 M": (["zadd", "big", "__rand_int__", "member:__rand_int__"], 0.25),
    "ZRANGE of 1 M": (["zrange", "big", "500000", "500009"], 0.5),
    "ZRANGEBYSCORE of 1 M": (
        ["zrangebyscore", "big", "__rand_int__", "+inf", "LIMIT", "0", "10"], 0.25),
    "ZRANK of 1 M": (["zrank", "big", "member:__rand_int__"], 0.25),
}
RANGES = {"ZADD to 1 M", "ZRANGEBYSCORE of 1 M", "ZRANK of 1 M"}


def send_all(server, requests, replies):
    """Sends `requests` (bytes) on one connection and waits for as many one-line replies."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=120) as connection:
        connection.sendall(requests)
        seen = 0
        while seen < replies:
            part = connection.recv(1 << 20)
            if not part:
                raise RuntimeError("the server closed the connection")
            seen += part.count(b"\r\n")


def request(*words):
    encoded = [str(word).encode() for word in words]
    return b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%s\r\n" % (len(w), w) for w in encoded)


def prepare(server, members):
    send_all(server, b"".join(request("RPUSH", "range", f"{n:032}") for n in range(700)), 700)
    for start in range(0, KEYS, 10_000):
        chunk = b"".join(
            request("HSET", f"hash:{n:012}", *(w for f in range(10) for w in
                                                (f"field:{f:08}", f"{n:016}")))
            for n in range(start, start + 10_000))
        send_all(server, chunk, 10_000)
    for start in range(0, members, 10_000):
        chunk = b"".join(
            request("ZADD", "big", (n * 7919) % members, f"member:{n:012}")
            for n in range(start, start + 10_000))
        send_all(server, chunk, 10_000)


def measure(server, arguments, pipeline, requests, keys):
    """CPU seconds per million requests."""
    before = server.cpu_seconds()
    load(server.port, "-P", pipeline, "-n", requests, "-c", CONNECTIONS, "-d", VALUE_BYTES,
         "-r", keys, "-q", *arguments)
    return (server.cpu_seconds() - before) / requests * 1e6


def run(scale, repeats, log):
    members = max(int(BIG * scale), 10_000)
    servers = [Server(name, binary, log=log) for name, binary in binaries().items()]
    results = {}
    try:
        for server in servers:
            prepare(server, members)
        for _ in range(repeats):
            for pipeline, base in ((1, 200_000), (16, 1_000_000)):
                for name, (arguments, share) in TESTS.items():
                    requests = max(int(base * share * scale), 2_000)
                    for server in servers:
                        used = measure(server, arguments, pipeline, requests,
                                       members if name in RANGES else KEYS)
                        results.setdefault((name, pipeline, server.name), []).append(used)
    finally:
        for server in servers:
            server.stop()
    return rows(results, [server.name for server in servers])


def rows(results, names):
    """One row a test; the last has the medians of the ratios."""
    found = []
    for name in TESTS:
        row = {"test": name}
        for pipeline in (1, 16):
            cpu = {server: median(results[name, pipeline, server]) for server in names}
            for server in names:
                row[f"{server} P={pipeline}"] = round(cpu[server], 2)
            row[f"÷ valkey-9.1 P={pipeline}"] = round(cpu["headwater"] / cpu["valkey-9.1"], 2)
        found.append(row)
    last = {"test": "median of the ratios"}
    for pipeline in (1, 16):
        column = f"÷ valkey-9.1 P={pipeline}"
        last[column] = round(median(row[column] for row in found), 2)
    return found + [last]
