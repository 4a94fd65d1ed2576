"""Drives the real executables the way `make up` does, on ports chosen by the kernel.

Every wait has a condition and a deadline; nothing sleeps as synchronisation. Processes are ended by
the pid that up.sh recorded.
"""

import contextlib
import json
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from servers import BINARIES, REPOSITORY, free_ports, wait_until

NODES = ("n1", "n2", "n3", "n4")
DEADLINE_SECONDS = 30


class Suite:
    """Four nodes in three levels, a coordinator and an admin API in a folder of their own."""

    def __init__(self, home):
        self.home = pathlib.Path(home)
        ports = free_ports(10)
        self.ports = dict(zip(NODES, ports[:4]))
        self.control_ports = dict(zip(NODES, ports[4:8]))
        self.coordinator_port, self.admin_port = ports[8:]
        self.environment = dict(
            os.environ,
            HEADWATER_HOME=str(self.home),
            HEADWATER_BIN_DIR=str(BINARIES),
            HEADWATER_NODE_PORTS=" ".join(str(self.ports[name]) for name in NODES),
            HEADWATER_CONTROL_PORTS=" ".join(str(self.control_ports[name]) for name in NODES),
            HEADWATER_COORDINATOR_PORT=str(self.coordinator_port),
            HEADWATER_ADMIN_PORT=str(self.admin_port),
            HEADWATER_NODE_SETTINGS="enable-debug-command local",
        )
        self.api = f"http://127.0.0.1:{self.admin_port}"

    # Processes

    def script(self, name, **environment):
        return subprocess.run(
            [REPOSITORY / "services/suite" / name],
            env=self.environment | environment,
            capture_output=True,
            text=True,
            timeout=120,
        )

    def up(self):
        """Starts what does not run and waits until the topology stands."""
        result = self.script("up.sh")
        assert result.returncode == 0, result.stdout + result.stderr + self.log_tails()
        return result.stdout

    def down(self):
        result = self.script("down.sh")
        assert result.returncode == 0, result.stdout + result.stderr

    def pid(self, name):
        return int((self.home / "run" / f"{name}.pid").read_text())

    def kill(self, *names):
        """kill -9 of all `names` at once; returns when the kernel has taken them away."""
        pids = [self.pid(name) for name in names]
        for pid in pids:
            os.kill(pid, signal.SIGKILL)
        for pid in pids:
            wait_until(lambda pid=pid: not alive(pid), f"end of process {pid}")

    def log_tails(self):
        tails = []
        for log in sorted(self.home.glob("*/*.log")):
            lines = log.read_text(errors="replace").splitlines()[-15:]
            tails.append(f"\n--- {log}\n" + "\n".join(lines))
        return "".join(tails)

    # Data nodes

    def client(self, name, **options):
        options.setdefault("socket_timeout", 10)
        # A test decides itself when to ask again.
        options.setdefault("retry", Retry(NoBackoff(), 0))
        return redis.Redis(
            host="127.0.0.1", port=self.ports[name], decode_responses=True, **options
        )

    def replication(self, name):
        with self.client(name) as client:
            return client.info("replication")

    def master(self, among=NODES):
        """The name of the node that says it is master; None unless there is exactly one."""
        masters = [name for name in among if self.replication(name)["role"] == "master"]
        return masters[0] if len(masters) == 1 else None

    def upstream_name(self, name):
        port = self.replication(name).get("master_port")
        return next((other for other in NODES if self.ports[other] == port), None)

    def streams(self, name):
        return self.replication(name).get("master_link_status") == "up"

    def wait_for_tree(self, among=NODES, seconds=DEADLINE_SECONDS):
        """Waits for one master among the nodes with all others streaming; returns its name."""

        def tree():
            master = self.master(among)
            return master if master and all(
                self.streams(name) for name in among if name != master
            ) else None

        return wait_until(tree, f"a tree of {among}", seconds)

    def wait_for_equal_data(self, among=NODES, seconds=DEADLINE_SECONDS):
        def equal():
            digests = set()
            for name in among:
                with self.client(name) as client:
                    digests.add(client.execute_command("DEBUG", "DIGEST"))
            return len(digests) == 1

        wait_until(equal, f"equal data on {among}", seconds)

    def full_syncs_taken(self, name):
        """How many full syncs node `name` has received since its start, as it says itself."""
        with self.client(name) as client:
            return int(client.info("stats")["sync_full_received"])

    def control(self, name, path="/health"):
        answer = subprocess.run(
            ["curl", "-sS", "--max-time", "5", f"http://127.0.0.1:{self.control_ports[name]}{path}"],
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        return json.loads(answer)

    # Admin API, through curl as an operator's script would

    @property
    def token(self):
        return (self.home / "admin.token").read_text().strip()

    def curl(self, method, path, body=None, headers=(), token=None):
        """Returns (status, headers, text) of one request."""
        command = ["curl", "-sS", "-i", "--max-time", "60", "-X", method]
        command += ["-H", f"Authorization: Bearer {token or self.token}"]
        for header in headers:
            command += ["-H", header]
        if body is not None:
            command += ["-H", "Content-Type: application/json", "--data", json.dumps(body)]
        text = subprocess.run(
            command + [self.api + path], capture_output=True, text=True, check=True
        ).stdout
        head, _, content = text.partition("\n\n") if "\r\n" not in text else text.partition("\r\n\r\n")
        while head.startswith("HTTP/1.1 100"):
            head, _, content = content.partition("\r\n\r\n")
        lines = head.splitlines()
        fields = {
            name.strip().lower(): value.strip()
            for name, _, value in (line.partition(":") for line in lines[1:])
        }
        return int(lines[0].split()[1]), fields, content

    def get(self, path):
        status, _, content = self.curl("GET", path)
        assert status == 200, content
        return json.loads(content)


def alive(pid):
    try:
        status = pathlib.Path(f"/proc/{pid}/stat").read_text()
    except FileNotFoundError:
        return False
    return status.rsplit(")", 1)[1].split()[0] != "Z"


@contextlib.contextmanager
def running_suite(keeps=lambda: False):
    """A suite that is up; taken down and removed at the end, kept where `keeps` says so."""
    home = tempfile.mkdtemp(prefix="headwater-test-")
    suite = Suite(home)
    is_kept = True
    try:
        suite.up()
        yield suite
        is_kept = keeps()
    finally:
        if is_kept:
            print(f"kept: {home}{suite.log_tails()}")
        suite.script("down.sh")
        if not is_kept:
            shutil.rmtree(home, ignore_errors=True)
