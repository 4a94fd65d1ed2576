"""Every way to end a node, at every point of a change of persistence: nothing acknowledged is lost,
or the node says why it does not start."""

import signal
import socket
import subprocess

import pytest
import redis

from servers import NODE, START_SECONDS, servers, wait_until
from wire import FakeReplica, Peer, command

KEYS = 400
# So long takes a save of the keys, in microseconds each: about two seconds.
SLOW = 5_000


@pytest.fixture
def start():
    with servers() as starter:
        yield starter


def turning_on(start, tmp_path, *options):
    """A node whose log is being turned on: the first base is on its way."""
    config = tmp_path / "node.conf"
    config.write_text("".join(f"{line}\n" for line in options))
    node = start("node")
    node.kill()
    node.config = config
    command = ["--dir", str(node.folder), "--port", str(node.port), "--save", ""]
    config.write_text(config.read_text() + "".join(
        f'{name[2:]} "{value}"\n' for name, value in zip(command[::2], command[1::2])))
    restart(node)
    pipe = node.client.pipeline(transaction=False)
    for number in range(KEYS):
        pipe.set(f"key:{number}", number)
    pipe.execute()
    node.client.save()
    node.client.set("behind the dump", 1)
    node.client.config_set("rdb-key-save-delay", SLOW)
    node.client.config_set("appendonly", "yes")
    node.client.config_rewrite()
    wait_until(lambda: node.client.info("persistence")["aof_rewrite_in_progress"] == 1
               or node.client.info("persistence")["rdb_bgsave_in_progress"] == 1, "a base is written")
    return node


def restart(node):
    """Starts from the configuration file alone."""
    with open(node.folder / "log", "ab") as log:
        node.process = subprocess.Popen(
            [str(NODE), str(node.config)], stdout=log, stderr=subprocess.STDOUT, cwd=node.folder)
    node.client = node.database(0)
    wait_until(node.is_answering, "the node answers", START_SECONDS)


@pytest.mark.parametrize("how", ["SIGTERM", "SIGTERM twice", "SHUTDOWN", "SHUTDOWN NOSAVE",
                                 "SHUTDOWN SAVE", "SHUTDOWN NOW"])
def test_an_exit_waits_for_the_first_base(start, tmp_path, how):
    node = turning_on(start, tmp_path)
    if how.startswith("SIGTERM"):
        node.process.send_signal(signal.SIGTERM)
        wait_until(lambda: "Waiting for the first base" in node.log(), "the node waits")
        if how.endswith("twice"):
            node.process.send_signal(signal.SIGTERM)
    else:
        with pytest.raises(redis.ConnectionError):
            node.client.execute_command(*how.split())
    assert node.process.wait(30) == 0, node.log()
    restart(node)
    assert node.client.dbsize() == KEYS + 1
    assert node.client.get("behind the dump") == b"1"


def test_force_overrides_and_the_start_explains(start, tmp_path):
    node = turning_on(start, tmp_path)
    with pytest.raises(redis.ConnectionError):
        node.client.execute_command("SHUTDOWN", "NOSAVE", "FORCE")
    assert node.process.wait(30) == 0, node.log()
    with pytest.raises(AssertionError, match="all data are in .*dump.rdb"):
        restart(node)
    node.config.write_text(node.config.read_text().replace("appendonly yes", "appendonly no"))
    restart(node)
    assert node.client.dbsize() == KEYS


def test_a_kill_while_the_log_is_turned_on_loses_no_dump(start, tmp_path):
    node = turning_on(start, tmp_path)
    node.kill()
    with pytest.raises(AssertionError, match="has no manifest"):
        restart(node)
    node.config.write_text(node.config.read_text().replace("appendonly yes", "appendonly no"))
    restart(node)
    assert node.client.dbsize() == KEYS


def test_an_abort_lets_the_node_go_on(start, tmp_path):
    node = turning_on(start, tmp_path)
    node.process.send_signal(signal.SIGTERM)
    wait_until(lambda: "Waiting for the first base" in node.log(), "the node waits")
    assert node.client.execute_command("SHUTDOWN", "ABORT")
    node.client.set("after", 1)
    wait_until(lambda: node.client.info("persistence")["aof_rewrite_in_progress"] == 0, "the base")
    node.kill()
    restart(node)
    assert node.client.get("after") == b"1" and node.client.dbsize() == KEYS + 2


@pytest.mark.parametrize("how", ["SIGTERM", "SHUTDOWN", "SIGKILL"])
def test_an_exit_during_a_rewrite_keeps_the_log(start, how):
    node = start("node", "--appendonly", "yes")
    pipe = node.client.pipeline(transaction=False)
    for number in range(KEYS):
        pipe.set(f"key:{number}", number)
    pipe.execute()
    node.client.config_set("rdb-key-save-delay", SLOW)
    node.client.bgrewriteaof()
    node.client.set("during", 1)
    if how == "SHUTDOWN":
        with pytest.raises(redis.ConnectionError):
            node.client.execute_command("SHUTDOWN")
    else:
        node.process.send_signal(getattr(signal, how))
    node.process.wait(30)
    node.start()
    assert node.client.dbsize() == KEYS + 1


@pytest.mark.parametrize("how", ["SIGTERM", "SIGKILL"])
def test_an_exit_after_the_log_was_turned_off(start, how):
    node = start("node", "--appendonly", "yes")
    node.client.set("kept", 1)
    node.client.config_set("appendonly", "no")
    node.client.set("memory only", 1)
    node.process.send_signal(getattr(signal, how))
    node.process.wait(30)
    node.start()
    assert node.client.get("kept") == b"1"


def asks_to_end(node):
    """A connection that has sent SHUTDOWN and waits."""
    peer = Peer(socket.create_connection(("127.0.0.1", node.port)))
    peer.send(command("CLIENT", "ID"))
    number = int(peer.filled_line()[1:])
    peer.send(command("SHUTDOWN", "NOSAVE"))
    wait_until(lambda: any(client["id"] == str(number) and client["cmd"] == "shutdown"
                           for client in node.client.client_list()), "the client waits")
    return peer


def test_an_abort_answers_everybody_who_waits(start):
    node = start("node", "--shutdown-timeout", "600")
    replica = FakeReplica(node.port)
    _, offset, _ = replica.full_sync()
    replica.acknowledge(offset)
    wait_until(lambda: node.client.info("replication")["slave0"]["state"] == "online", "the replica")
    node.client.set("not", "acknowledged")
    waiting = [asks_to_end(node) for _ in range(3)]
    assert node.client.execute_command("SHUTDOWN", "ABORT")
    for peer in waiting:
        assert peer.filled_line().startswith(b"-ERR Errors trying to SHUTDOWN")
        peer.close()
    node.client.set("after", 1)
    replica.close()


def test_a_replica_in_a_full_sync_does_not_delay_the_end(start):
    node = start("node", "--shutdown-timeout", "600", "--repl-diskless-sync-delay", "600")
    replica = FakeReplica(node.port)
    replica.peer.send(command("PSYNC", "?", -1))
    wait_until(lambda: node.client.info("replication")["connected_slaves"] == 1, "the replica")
    node.client.set("key", 1)
    with pytest.raises(redis.ConnectionError):
        node.client.execute_command("SHUTDOWN", "NOSAVE")
    node.process.wait(30)
    replica.close()
