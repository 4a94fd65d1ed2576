"""Headwater beside redis-server and Valkey in one interleaved run; prints Markdown tables.

    make bench                                   everything
    make bench BENCH_ARGUMENTS="throughput memory --repeats 7"

Server and client are pinned to one core each. Figures are medians; compare ratios, not absolute
values, since the machines are noisy.
"""

import argparse
import platform
import time

import commands
import failover
import fullsync
import latency
import memory
import snapshot
import throughput

SECTIONS = {
    "throughput": (throughput, "Throughput and server CPU per million requests", (False, True)),
    "commands": (commands, "Server CPU of commands, s per million requests", (False,)),
    "latency": (latency, "Latency at a fixed rate, four GET to one SET", (False,)),
    "memory": (memory, "Growth of resident memory per key", (False,)),
    "snapshot": (snapshot, "GET latency while a background save runs under writes", (False,)),
    "fullsync": (fullsync, "Time of a full sync", (False, True)),
    "failover": (failover, "Kill of the master to the first accepted write", (True,)),
}


def table(rows):
    names = list(rows[0])
    lines = ["| " + " | ".join(names) + " |", "|" + "---|" * len(names)]
    lines += ["| " + " | ".join(str(row.get(name, "–")) for name in names) + " |" for row in rows]
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sections", nargs="*", choices=[[], *SECTIONS], help="default: all")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--scale", type=float, default=1.0, help="share of the requests and keys")
    parser.add_argument("--smoke", action="store_true", help="seconds instead of minutes")
    options = parser.parse_args()
    scale, repeats = (0.01, 1) if options.smoke else (options.scale, options.repeats)
    print(f"{platform.machine()}, Linux {platform.release()}, {time.strftime('%Y-%m-%d')}, "
          f"scale {scale}, {repeats} repeats")
    for name in options.sections or SECTIONS:
        module, title, logs = SECTIONS[name]
        for log in logs:
            mode = "log everysec" if log else "no log"
            print(f"\n### {title} ({mode})\n\n{table(module.run(scale, repeats, log))}", flush=True)


if __name__ == "__main__":
    main()
