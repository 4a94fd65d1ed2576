"""Scripts that run for too long, and libraries that survive a restart, on the real node."""

import json
import signal
import threading
import time
import urllib.request

import pytest
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from servers import free_port, servers, wait_in_step, wait_until

ENDLESS = "while true do end"
# One call of a C function: the matcher tries 2^100 ways.
ENDLESS_CALL = "return string.find(string.rep('a', 1000), string.rep('a*', 100) .. 'b')"
# A command that nothing can interrupt.
SLEEP = "redis.log(redis.LOG_WARNING, 'asleep') redis.call('debug', 'sleep', '60') "
WRITES = "redis.call('set', 'half', 'x') "
FORCED_SECONDS = 10


def lasting(seconds):
    """A script that ends by itself, after so many seconds at least."""
    return f"local finish = os.clock() + {seconds} while os.clock() < finish do end return 7"


@pytest.fixture
def node():
    with servers() as start:
        yield start("node", "--lua-time-limit", "100", "--appendonly", "yes")


def client(server, **options):
    # Nothing may be sent twice: no retry, and longer than any script here runs on a slow machine.
    options.setdefault("socket_timeout", 120)
    options.setdefault("retry", Retry(NoBackoff(), 0))
    return redis.Redis(port=server.port, decode_responses=True, **options)


def run_in_background(server, *command):
    """Sends a command on a connection of its own; the answer or error is in the list later."""
    answers = []

    def run():
        try:
            answers.append(client(server).execute_command(*command))
        except redis.RedisError as error:
            answers.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    return thread, answers


def until_busy(server):
    def is_busy():
        try:
            client(server).ping()
        except redis.RedisError as error:
            return str(error) if "busy running a script" in str(error) else None

    return wait_until(is_busy, "BUSY")


def test_a_script_that_only_reads_is_killed(node):
    thread, answers = run_in_background(node, "EVAL", ENDLESS, 0)
    assert "SCRIPT KILL" in until_busy(node)
    other = client(node)
    with pytest.raises(redis.ResponseError, match="SCRIPT KILL"):
        other.execute_command("FUNCTION", "KILL")
    with pytest.raises(redis.RedisError, match="SCRIPT KILL"):
        other.execute_command("SHUTDOWN", "SAVE")
    assert other.execute_command("SCRIPT", "KILL")
    thread.join(10)
    assert "Script killed by user with SCRIPT KILL" in str(answers[0])
    wait_until(lambda: client(node).ping(), "an answer after the script")
    with pytest.raises(redis.ResponseError, match="No scripts in execution"):
        other.execute_command("SCRIPT", "KILL")


def test_catching_the_end_does_not_help(node):
    script = "while true do pcall(function() while true do end end) end"
    thread, answers = run_in_background(node, "EVAL", script, 0)
    until_busy(node)
    client(node).execute_command("SCRIPT", "KILL")
    thread.join(10)
    assert "Script killed by user" in str(answers[0])


def test_a_script_that_has_written_goes_on(node):
    script = "redis.call('set', 'k', 'v') local n = 0 while n < 3e8 do n = n + 1 end return n"
    thread, answers = run_in_background(node, "EVAL", script, 0)
    until_busy(node)
    with pytest.raises(redis.ResponseError, match="UNKILLABLE"):
        client(node).execute_command("SCRIPT", "KILL")
    thread.join(60)
    assert answers == [300000000]
    assert client(node).get("k") == "v"


def test_a_function_is_killed_by_its_own_command(node):
    client(node).function_load(
        "#!lua name=lib\nredis.register_function('endless', function() while true do end end)")
    thread, answers = run_in_background(node, "FCALL", "endless", 0)
    assert "FUNCTION KILL" in until_busy(node)
    other = client(node)
    running = other.execute_command("FUNCTION", "STATS")
    assert "endless" in str(running) and "FCALL" in str(running)
    with pytest.raises(redis.ResponseError, match="FUNCTION KILL"):
        other.execute_command("SCRIPT", "KILL")
    other.execute_command("FUNCTION", "KILL")
    thread.join(10)
    assert "Script killed by user with FUNCTION KILL" in str(answers[0])


def test_shutdown_takes_back_what_a_script_has_begun(node):
    client(node).set("before", "1")
    script = "redis.call('set', 'half', 'x') while true do end"
    thread, _ = run_in_background(node, "EVAL", script, 0)
    until_busy(node)
    with pytest.raises(redis.ConnectionError):
        client(node).execute_command("SHUTDOWN", "NOSAVE")
    thread.join(10)
    node.process.wait(10)
    node.start()
    assert client(node).get("before") == "1"
    assert client(node).get("half") is None


def test_libraries_survive_restarts_and_reach_replicas(node):
    source = (
        "#!lua name=lib\nredis.register_function{function_name='seven', "
        "callback=function() return 7 end, flags={'no-writes'}}")
    client(node).function_load(source)
    node.stop()
    node.start()
    assert client(node).fcall("seven", 0) == 7
    client(node).bgrewriteaof()
    wait_until(
        lambda: client(node).info("persistence")["aof_rewrite_in_progress"] == 0, "the rewrite")
    node.stop()
    node.start()
    assert client(node).fcall("seven", 0) == 7
    dump = node.client.function_dump()
    with servers() as start:
        real = start("redis")
        real.client.function_restore(dump)
        assert client(real).fcall("seven", 0) == 7
        replica = start("node")
        replica.follow(real)
        wait_until(lambda: client(replica).fcall_ro("seven", 0) == 7, "the library on the replica")


# The end of the process while a script runs


def run_until_end(node, script, *signals, after_seconds=0.3):
    """Sends `signals` to a script; the status, how long the end took, what the caller was told."""
    client(node).set("before", "1")
    thread, answers = run_in_background(node, "EVAL", script, 0)
    if SLEEP in script:
        wait_until(lambda: "asleep" in node.log(), "the script runs")
    else:
        wait_until(lambda: cpu_seconds(node) > node.cpu_before + after_seconds, "the script runs")
    began = time.monotonic()
    for number in signals:
        node.process.send_signal(number)
        name = signal.Signals(number).name
        wait_until(
            lambda: f"Received {name}" in node.log() or "You insist" in node.log(), f"{name} heard")
    status = node.process.wait(60)
    seconds = time.monotonic() - began
    thread.join(10)
    return status, seconds, answers


def cpu_seconds(server):
    with open(f"/proc/{server.process.pid}/stat") as stat:
        return sum(map(int, stat.read().rsplit(")", 1)[1].split()[11:13])) / 100


@pytest.fixture
def start():
    with servers() as started:
        def begin(kind, *options, **arguments):
            server = started(kind, *options, **arguments)
            server.cpu_before = cpu_seconds(server) if kind == "node" else 0
            return server

        yield begin


@pytest.mark.parametrize("script, kept", [(lasting(2), None), (WRITES + lasting(2), "x")])
def test_a_signal_waits_for_the_end_of_a_script(start, script, kept):
    node = start("node", "--busy-reply-threshold", "100", "--appendonly", "yes")
    status, seconds, answers = run_until_end(node, script, signal.SIGTERM)
    assert (status, answers) == (0, [7]), node.log()
    assert seconds > 0.5
    node.start()
    assert client(node).mget("before", "half") == ["1", kept]


@pytest.mark.parametrize("threshold", ["100", "0"])
def test_force_ends_a_script_that_only_reads(start, threshold):
    node = start(
        "node", "--busy-reply-threshold", threshold, "--save", "3600", "1",
        "--shutdown-on-sigterm", "force")
    status, seconds, answers = run_until_end(node, ENDLESS, signal.SIGTERM)
    assert status == 0 and seconds < 5, node.log()
    assert "the server shuts down" in str(answers[0])
    node.start()
    assert client(node).get("before") == "1"


def test_force_takes_back_what_an_endless_script_has_written(start):
    node = start(
        "node", "--busy-reply-threshold", "100", "--appendonly", "yes",
        "--shutdown-on-sigterm", "force")
    status, seconds, answers = run_until_end(node, WRITES + ENDLESS, signal.SIGTERM)
    assert status == 0 and seconds < FORCED_SECONDS, node.log()
    assert isinstance(answers[0], redis.ConnectionError)
    node.start()
    assert client(node).mget("before", "half") == ["1", None]


def test_force_saves_a_data_set_that_has_no_log(start):
    node = start(
        "node", "--busy-reply-threshold", "100", "--save", "3600", "1",
        "--shutdown-on-sigterm", "force")
    status, seconds, answers = run_until_end(node, WRITES + ENDLESS, signal.SIGTERM)
    assert status == 0 and seconds < FORCED_SECONDS, node.log()
    assert "the server shuts down" in str(answers[0])
    node.start()
    assert client(node).mget("before", "half") == ["1", "x"]


def test_force_lets_a_script_that_has_written_finish(start):
    node = start(
        "node", "--busy-reply-threshold", "100", "--appendonly", "yes",
        "--shutdown-on-sigterm", "force")
    # Short, because a busy machine may leave it little of the 4 s that it has.
    status, _, answers = run_until_end(
        node, WRITES + lasting(0.3), signal.SIGTERM, after_seconds=0.1)
    assert (status, answers) == (0, [7]), node.log()
    node.start()
    assert client(node).mget("before", "half") == ["1", "x"]


@pytest.mark.parametrize("script", [SLEEP, WRITES + SLEEP])
def test_force_ends_a_script_that_no_hook_can_interrupt(start, script):
    node = start(
        "node", "--appendonly", "yes", "--pidfile", "node.pid", "--shutdown-on-sigint", "force",
        "--enable-debug-command", "yes")
    client(node).execute_command("DEBUG", "SET-DISABLE-DENY-SCRIPTS", "1")
    assert (node.folder / "node.pid").exists()
    status, seconds, answers = run_until_end(node, script, signal.SIGINT)
    assert status == 0 and 4 < seconds < FORCED_SECONDS, node.log()
    assert isinstance(answers[0], redis.ConnectionError)
    assert not (node.folder / "node.pid").exists()
    node.start()
    assert client(node).mget("before", "half") == ["1", None]


@pytest.mark.parametrize("kind", ["node", "redis"])
@pytest.mark.parametrize("script", [ENDLESS, ENDLESS_CALL])
def test_who_insists_on_the_end_gets_it(start, kind, script):
    server = start(kind, "--busy-reply-threshold", "100", "--appendonly", "yes")
    server.cpu_before = cpu_seconds(server)
    status, seconds, _ = run_until_end(server, script, signal.SIGTERM, signal.SIGINT)
    assert status == 1 and seconds < 5, server.log()
    assert "You insist" in server.log()
    server.start()
    assert client(server).get("before") == "1"


def test_a_client_that_waits_is_served_when_the_busy_script_has_ended(node):
    waiting, popped = run_in_background(node, "BLPOP", "l", 0)
    wait_until(lambda: client(node).info("clients")["blocked_clients"] == 1, "one waits")
    script, answers = run_in_background(
        node, "EVAL", "redis.call('rpush', 'l', 'a') " + lasting(1), 0)
    until_busy(node)
    # Served while the script is busy: the end of its turn looks for clients that wait.
    assert client(node).execute_command("HELLO", 2)
    script.join(30)
    waiting.join(30)
    assert answers == [7] and popped == [("l", "a")]


# Links while a script runs


@pytest.mark.parametrize(
    "kind, begin", [("node", ""), ("node", WRITES), ("redis", "")])
def test_a_busy_master_keeps_its_replicas(start, kind, begin):
    master = start(
        "node", "--busy-reply-threshold", "100", "--repl-timeout", "2",
        "--repl-ping-replica-period", "1")
    replica = start(kind, "--repl-timeout", "2", "--repl-ping-replica-period", "1")
    replica.follow(master)
    client(master).set("before", "1")
    wait_in_step(master, replica)
    assert client(master).eval(begin + lasting(3.5), 0) == 7
    client(master).set("behind", "1")
    wait_in_step(master, replica)
    assert (master.stat("sync_full"), master.stat("sync_partial_ok")) == (1, 0), master.log()
    assert client(replica).mget("before", "behind") == ["1", "1"]
    assert (client(replica).get("half") == "x") == bool(begin)


@pytest.mark.parametrize("kind", ["node", "redis"])
def test_a_busy_replica_keeps_its_master(start, kind):
    master = start(kind, "--repl-timeout", "2", "--repl-ping-replica-period", "1")
    replica = start("node", "--busy-reply-threshold", "100", "--repl-timeout", "2")
    replica.follow(master)
    wait_in_step(master, replica)
    before = master.stat("sync_full")
    thread, answers = run_in_background(replica, "EVAL_RO", lasting(3.5), 0)
    until_busy(replica)
    client(master).set("meanwhile", "1")
    thread.join(120)
    assert answers == [7]
    wait_in_step(master, replica)
    assert client(replica).get("meanwhile") == "1"
    assert (master.stat("sync_full"), master.stat("sync_partial_ok")) == (before, 0), replica.log()


def test_the_control_port_tells_busy_from_dead(start):
    port = free_port()
    master = start("node", "--busy-reply-threshold", "100", "--http-port", str(port))
    replica = start("node")
    replica.follow(master)
    wait_in_step(master, replica)

    def health():
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=5) as answer:
            return json.load(answer)

    thread, answers = run_in_background(master, "EVAL", lasting(3.5), 0)
    until_busy(master)

    def busy_report():
        report = health()
        return report if report["loop"]["currentCommandAgeMilliseconds"] >= 2000 else None

    report = wait_until(busy_report, "a report of a busy node", 60)
    assert report["role"] == "master"
    assert report["replicas"][0]["lastAckAgeMilliseconds"] < 1500, report
    thread.join(120)
    assert answers == [7]
    wait_until(
        lambda: health()["loop"]["currentCommandAgeMilliseconds"] < 1000, "a report of an idle one")
