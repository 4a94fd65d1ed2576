"""What up.sh and master.sh say when something is not as they expect it."""

import contextlib
import http.server
import os
import threading
import time

import pytest

from servers import free_ports
from suite import Suite

# Well below the time for which up.sh waits for a service that never gets ready.
PROMPT_SECONDS = 10


class ReadyStranger(http.server.BaseHTTPRequestHandler):
    """Says that it is ready, whoever asks."""

    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


@contextlib.contextmanager
def stranger(port):
    server = http.server.ThreadingHTTPServer(("127.0.0.1", port), ReadyStranger)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def unmade(tmp_path):
    """A suite that has not been made yet; whatever starts all the same is taken down."""
    suite = Suite(tmp_path / "home")
    yield suite
    suite.down()


def refused(suite, script="up.sh", **environment):
    """What the script says on stderr while it refuses, promptly and without a word on stdout."""
    start = time.monotonic()
    result = suite.script(script, **environment)
    assert time.monotonic() - start < PROMPT_SECONDS
    assert result.returncode != 0, result.stdout
    assert result.stdout == ""
    return result.stderr


@pytest.mark.parametrize(
    "port, service, variable",
    [
        (lambda suite: suite.ports["n2"], "n2", "HEADWATER_NODE_PORTS"),
        (lambda suite: suite.control_ports["n4"], "n4", "HEADWATER_CONTROL_PORTS"),
        (lambda suite: suite.coordinator_port, "coordinator", "HEADWATER_COORDINATOR_PORT"),
        (lambda suite: suite.admin_port, "admin", "HEADWATER_ADMIN_PORT"),
    ],
    ids=["node", "control", "coordinator", "admin"],
)
def test_a_port_of_a_stranger_is_named_and_nothing_is_left(unmade, port, service, variable):
    with stranger(port(unmade)):
        text = refused(unmade)
    assert f"port {port(unmade)}, meant for {service}, is taken by" in text
    assert f"(process {os.getpid()})" in text
    assert variable in text
    assert not unmade.home.exists()


def test_a_node_that_has_its_port_is_not_told_to_choose_another(unmade):
    settings = unmade.home / "n3" / "node.conf"
    settings.parent.mkdir(parents=True)
    settings.write_text(f"port {unmade.ports['n3']}\nhttp-port {unmade.control_ports['n3']}\n")
    with stranger(unmade.ports["n3"]):
        text = refused(unmade)
    assert f"port {unmade.ports['n3']}, meant for n3, is taken by" in text
    assert f"n3 was made with it ({settings})" in text
    assert "HEADWATER_NODE_PORTS" not in text


def test_another_suite_on_the_same_ports_is_not_taken_for_its_own(suite, unmade):
    text = refused(suite, HEADWATER_HOME=str(unmade.home))
    assert f"port {suite.ports['n1']}, meant for n1, is taken by headwater-node" in text
    assert "HEADWATER_NODE_PORTS" in text
    assert suite.wait_for_tree() == "n1"


@pytest.mark.parametrize(
    "name, service, old_port",
    [
        ("HEADWATER_ADMIN_PORT", "admin", lambda suite: suite.admin_port),
        ("HEADWATER_COORDINATOR_PORT", "coordinator", lambda suite: suite.coordinator_port),
    ],
    ids=["admin", "coordinator"],
)
def test_a_service_that_runs_on_another_port_is_named(suite, name, service, old_port):
    (port,) = free_ports(1)
    text = refused(suite, **{name: str(port)})
    assert f"{service} runs already, on port {old_port(suite)} and not on {port}" in text
    assert name in text and "make down" in text


@pytest.mark.parametrize(
    "name, ports",
    [
        ("HEADWATER_NODE_PORTS", lambda suite: suite.ports),
        ("HEADWATER_CONTROL_PORTS", lambda suite: suite.control_ports),
    ],
    ids=["data", "control"],
)
def test_other_ports_for_nodes_that_have_theirs_are_refused(suite, name, ports):
    chosen = [str(port) for port in free_ports(4)]
    text = refused(suite, **{name: " ".join(chosen)})
    assert f"{name} says {chosen[0]}" in text
    assert f"was made with {ports(suite)['n1']}" in text and "make down" in text


def test_without_the_variables_the_nodes_keep_their_ports(suite):
    result = suite.script("up.sh", HEADWATER_NODE_PORTS="", HEADWATER_CONTROL_PORTS="")
    assert result.returncode == 0, result.stderr
    assert f"127.0.0.1:{suite.ports['n4']}" in result.stdout


def test_an_admin_api_that_is_not_there_is_told_and_no_master_is_printed(suite):
    (port,) = free_ports(1)
    text = refused(suite, "master.sh", HEADWATER_ADMIN_PORT=str(port))
    assert text.startswith(f"master: the admin API at http://127.0.0.1:{port} ")
    assert "HEADWATER_ADMIN_PORT" in text and "Failed to connect" in text


def test_a_suite_that_was_never_made_has_no_master(unmade):
    text = refused(unmade, "master.sh")
    assert text.startswith(f"master: there is no suite in {unmade.home}") and "make up" in text
