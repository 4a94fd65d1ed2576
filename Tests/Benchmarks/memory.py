"""Growth of resident memory per key: 16-byte keys, 32-byte values."""

from statistics import median

from peers import Server, binaries, populate


def run(scale, repeats, log):
    keys = max(int(1_000_000 * scale), 10_000)
    growth = {}
    for _ in range(repeats):
        for name, binary in binaries().items():
            server = Server(name, binary)
            try:
                before = server.resident_bytes()
                populate(server, keys)
                growth.setdefault(name, []).append((server.resident_bytes() - before) / keys)
            finally:
                server.stop()
    row = {"keys": keys}
    row.update({f"{name} bytes/key": round(median(values), 1) for name, values in growth.items()})
    row["÷ valkey-9.1"] = round(median(growth["headwater"]) / median(growth["valkey-9.1"]), 2)
    return [row]
