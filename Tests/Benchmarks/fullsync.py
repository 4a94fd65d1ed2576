"""Time of a full sync of the data set between two servers of one kind."""

import time
from statistics import median

from peers import CLIENT_CPU, Server, binaries, populate


def run(scale, repeats, log):
    keys = max(int(1_000_000 * scale), 10_000)
    seconds = {}
    for _ in range(repeats):
        for name, binary in binaries().items():
            extra = [] if name == "headwater" else ["--repl-diskless-sync-delay", "0"]
            master = Server(name, binary, log=log, arguments=extra)
            replica = Server(name, binary, log=log, arguments=extra, cpu=CLIENT_CPU)
            try:
                populate(master, keys)
                start = time.monotonic()
                replica.client.replicaof("127.0.0.1", master.port)
                while True:
                    state = replica.client.info("replication")
                    if state["master_link_status"] == "up" and replica.client.dbsize() == keys:
                        break
                    if time.monotonic() - start > 120:
                        raise RuntimeError(f"{name}: no full sync within 120 s")
                    time.sleep(0.002)
                seconds.setdefault(name, []).append(time.monotonic() - start)
            finally:
                replica.stop()
                master.stop()
    row = {"keys": keys}
    row.update({f"{name} s": round(median(values), 2) for name, values in seconds.items()})
    row["÷ valkey-9.1"] = round(median(seconds["headwater"]) / median(seconds["valkey-9.1"]), 2)
    return [row]
