"""Scripts that run for too long, and libraries that survive a restart, on the real node."""

import threading

import pytest
import redis

from servers import servers, wait_until

ENDLESS = "while true do end"


@pytest.fixture
def node():
    with servers() as start:
        yield start("node", "--lua-time-limit", "100", "--appendonly", "yes")


def client(server, **options):
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
        client(node, retry_on_error=[]).execute_command("SHUTDOWN", "NOSAVE")
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
