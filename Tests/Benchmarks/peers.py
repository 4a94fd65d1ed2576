"""The servers under comparison, each started on loopback with the same settings and ended by pid."""

import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

import redis

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "Integration"))
from servers import BINARIES, free_port, valkey_binary  # noqa: E402

HERE = pathlib.Path(__file__).resolve().parent
SERVER_CPU, CLIENT_CPU = "0", "1"


def binaries():
    """Name → executable, in the order of the tables."""
    return {
        "headwater": str(BINARIES / "headwater-node"),
        "valkey-9.1": valkey_binary(),
        "redis-7.0": shutil.which("redis-server"),
    }


class Server:
    """One server process pinned to the server core, with a folder of its own."""

    def __init__(self, name, binary, log=False, arguments=(), cpu=SERVER_CPU):
        self.name = name
        self.folder = tempfile.mkdtemp(prefix=f"bench-{name}-")
        self.port = free_port()
        command = ["taskset", "-c", cpu, binary, "--port", str(self.port)]
        command += ["--bind", "127.0.0.1", "--dir", self.folder, "--save", ""]
        command += ["--appendonly", "yes" if log else "no", "--appendfsync", "everysec"]
        self.output = open(os.path.join(self.folder, "log"), "w")
        self.process = subprocess.Popen(
            command + list(arguments), stdout=self.output, stderr=subprocess.STDOUT
        )
        self.client = redis.Redis(port=self.port, socket_timeout=120)
        deadline = time.monotonic() + 20
        while True:
            try:
                self.client.ping()
                return
            except redis.RedisError:
                if time.monotonic() > deadline or self.process.poll() is not None:
                    raise RuntimeError(f"{name} did not start; see {self.folder}/log")
                time.sleep(0.02)

    @property
    def pid(self):
        return self.process.pid

    def cpu_seconds(self):
        """Processor time of all threads, in seconds."""
        total = 0
        for task in pathlib.Path(f"/proc/{self.pid}/task").iterdir():
            try:
                total += int((task / "schedstat").read_text().split()[0])
            except FileNotFoundError:
                pass
        return total / 1e9

    def resident_bytes(self):
        status = pathlib.Path(f"/proc/{self.pid}/status").read_text()
        return int(re.search(r"VmRSS:\s+(\d+)", status).group(1)) * 1024

    def stop(self):
        self.process.terminate()
        try:
            self.process.wait(15)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.output.close()
        shutil.rmtree(self.folder, ignore_errors=True)


class Echo:
    """The trivial C server: what client and kernel allow at most."""

    name = "c-echo"

    def __init__(self):
        self.folder = tempfile.mkdtemp(prefix="bench-echo-")
        binary = os.path.join(self.folder, "echo")
        subprocess.run(["cc", "-O2", "-o", binary, HERE / "echo.c"], check=True)
        self.port = free_port()
        self.process = subprocess.Popen(["taskset", "-c", SERVER_CPU, binary, str(self.port)])
        deadline = time.monotonic() + 5
        while socket.socket().connect_ex(("127.0.0.1", self.port)) != 0:
            if time.monotonic() > deadline:
                raise RuntimeError("the echo server did not start")
            time.sleep(0.01)

    pid = Server.pid
    cpu_seconds = Server.cpu_seconds

    def stop(self):
        self.process.kill()
        self.process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)


def only(chosen, servers):
    """Lets just one server run: the housekeeping of the others would take its core for moments."""
    for server in servers:
        server.process.send_signal(signal.SIGCONT if server is chosen else signal.SIGSTOP)


def stop_all(servers):
    """Ends all servers, also those that `only` has stopped."""
    for server in servers:
        server.process.send_signal(signal.SIGCONT)
    for server in servers:
        server.stop()


def load(port, *arguments):
    """Runs redis-benchmark on the client core and returns what it prints."""
    command = ["taskset", "-c", CLIENT_CPU, "redis-benchmark", "-p", str(port)]
    return subprocess.run(
        command + [str(argument) for argument in arguments],
        capture_output=True, text=True, check=True, timeout=600,
    ).stdout


def populate(server, keys):
    """Writes `keys` keys of 16 bytes with values of 32 bytes through one pipelined connection."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=60) as connection:
        for start in range(0, keys, 10_000):
            numbers = range(start, min(start + 10_000, keys))
            connection.sendall(b"".join(
                b"*3\r\n$3\r\nSET\r\n$16\r\nkey:%012d\r\n$32\r\n%032d\r\n" % (number, number)
                for number in numbers
            ))
            owed = len(numbers) * len(b"+OK\r\n")
            while owed > 0:
                owed -= len(connection.recv(1 << 20))
