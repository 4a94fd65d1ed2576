"""Growth of resident memory per key: strings, and small collections of ten elements."""

from statistics import median

from commands import request, send_all
from peers import Server, binaries, populate

KINDS = ("string", "list", "set", "zset", "hash of 5 fields", "hash of 10 fields")


def element(number, index):
    """16 bytes that no encoding takes for a number."""
    return f"e{number:09x}{index:06x}"


def collection(kind, number):
    key, elements = f"key:{number:012}", [element(number, index) for index in range(10)]
    if kind == "list":
        return request("RPUSH", key, *elements)
    if kind == "set":
        return request("SADD", key, *elements)
    if kind == "zset":
        return request("ZADD", key, *(word for index, member in enumerate(elements)
                                      for word in (index * 100, member)))
    if kind == "hash of 5 fields":
        return request("HSET", key, *elements)
    return request("HSET", key, *(word for index, field in enumerate(elements)
                                  for word in (field, element(index, number & 0xFFFFFF))))


def fill(server, kind, keys):
    if kind == "string":
        return populate(server, keys)
    for start in range(0, keys, 5_000):
        count = min(5_000, keys - start)
        send_all(server, b"".join(collection(kind, n) for n in range(start, start + count)), count)


def run(scale, repeats, log):
    """16-byte keys; strings of 32 bytes; ten elements (members, fields, values) of 16 bytes, but
    for the larger hash, which has ten fields and ten values."""
    keys = max(int(1_000_000 * scale), 10_000)
    growth = {}
    for _ in range(repeats):
        for kind in KINDS:
            for name, binary in binaries().items():
                server = Server(name, binary)
                try:
                    before = server.resident_bytes()
                    fill(server, kind, keys)
                    found = (server.resident_bytes() - before) / keys
                    growth.setdefault((kind, name), []).append(found)
                finally:
                    server.stop()
    rows = []
    for kind in KINDS:
        medians = {name: median(growth[kind, name]) for name in binaries()}
        row = {"value": kind, "keys": keys}
        row.update({f"{name} bytes/key": round(value, 1) for name, value in medians.items()})
        row["÷ valkey-9.1"] = round(medians["headwater"] / medians["valkey-9.1"], 2)
        rows.append(row)
    return rows
