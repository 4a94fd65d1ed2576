"""The debugger of scripts over a raw connection: on the node and on the real redis-server."""

import os
import pathlib
import signal
import socket
import subprocess
import time

import pytest
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from servers import servers, wait_in_step, wait_until

SCRIPT = """local foo = redis.call('ping')
local t = {1, 2, {a = 'x'}}
redis.call('set', KEYS[1], ARGV[1])
redis.debug('hello', t)
local function add(a, b)
  local c = a + b
  return c
end
local sum = 0
for i = 1, 3 do
  sum = add(sum, i)
end
redis.breakpoint()
local long = string.rep('z', 3000)
return {sum, foo}
"""

COMMANDS = [
    "help", "list", "list 3", "list 3 2", "whole", "step", "next", "print", "print foo",
    "print nope", "p KEYS", "p ARGV", "redis get k", "n", "r get k", "n", "n", "b", "break 6",
    "b 100", "b 7 nope", "b", "b -6", "b -6", "b 6", "b 6", "c", "trace", "t", "p a", "p",
    "eval return a+b", "e 1 +", "e error('x')", "e {1,'a\tb',{true,nil,x=1.5}}",
    "e return string.rep('y', 300)", "xyz", "r", "m", "maxlen 70", "maxlen 0", "maxlen 10", "b 0",
    "b", "c", "s", "p long", "e return redis.call('get','k')", "r incr k", "r lpush l a b",
    "r lrange l 0 -1", "w", "l", "l 0", "c",
]

CASES = {
    "everything": (SCRIPT, COMMANDS),
    "aborted": (SCRIPT, ["n", "n", "n", "abort"]),
    "failing": ("local a = nil\nlocal b = a.x\nreturn 1", ["n"]),
    "broken": ("return 1 +", []),
    "nested": ("return {1,2,{3,'x'},false,1.5}", ["n"]),
    "caught": ("local a = redis.pcall('incr', KEYS[1])\nreturn a.err", ["n", "p", "n"]),
    "endless": ("while true do end", ["c", "abort"]),
}


@pytest.fixture
def start():
    with servers() as started:
        yield started


def encode(*words):
    parts = [word if isinstance(word, bytes) else str(word).encode() for word in words]
    return b"*%d\r\n" % len(parts) + b"".join(b"$%d\r\n%s\r\n" % (len(p), p) for p in parts)


class Debugger:
    """One connection that debugs."""

    def __init__(self, server, script, mode="SYNC"):
        self.socket = socket.create_connection(("127.0.0.1", server.port), 60)
        self.file = self.socket.makefile("rb")
        assert self.ask("SCRIPT", "DEBUG", mode) == ["+OK"]
        self.greeting = self.ask("EVAL", script, "1", "k", "v")

    def ask(self, *words):
        self.socket.sendall(encode(*words))
        return self.read()

    def read(self):
        """The lines of one reply; None at the end of the connection."""
        line = self.file.readline()
        if not line:
            return None
        line = line.rstrip(b"\r\n").decode()
        if line[:1] == "$" and line != "$-1":
            return [line, self.file.read(int(line[1:]) + 2)[:-2].decode()]
        lines = [line]
        for _ in range(int(line[1:]) if line[:1] == "*" else 0):
            lines += self.read()
        return lines

    def close(self):
        self.file.close()
        self.socket.close()


def session(server, script, commands, mode):
    """Everything that the server says, up to the end of the connection."""
    debugger = Debugger(server, script, mode)
    said = [("EVAL", debugger.greeting)]
    for command in commands:
        said.append((command, debugger.ask(*command.split(" "))))
    if said[-1][1][-1] != "+<endsession>":
        raise AssertionError(f"the session goes on: {said[-1]}")
    said.append(("reply", debugger.read()))
    said.append(("end", debugger.read()))
    debugger.close()
    return said


def client(server):
    return redis.Redis(
        port=server.port, decode_responses=True, socket_timeout=60,
        retry=Retry(NoBackoff(), 0))


@pytest.mark.parametrize("mode", ["SYNC", "YES"])
@pytest.mark.parametrize("case", CASES)
def test_a_session_is_that_of_the_real_server(start, case, mode):
    script, commands = CASES[case]
    node = session(start("node", "--busy-reply-threshold", "500"), script, commands, mode)
    real = session(start("redis", "--busy-reply-threshold", "500"), script, commands, mode)
    for ours, theirs in zip(node, real):
        assert ours == theirs
    assert len(node) == len(real)


def test_others_are_served_while_a_script_stands_still(start):
    node = start("node", "--appendonly", "yes")
    debugger = Debugger(node, SCRIPT)
    began = time.monotonic()
    with pytest.raises(redis.RedisError, match="busy running a script"):
        client(node).get("k")
    assert time.monotonic() - began < 3
    for _ in range(3):
        debugger.ask("n")
    debugger.ask("c")
    assert debugger.ask("c") == ["*1", "+<endsession>"]
    assert debugger.read() == ["*2", ":6", "+PONG"]
    assert client(node).get("k") == "v"
    node.kill()
    node.start()
    assert client(node).get("k") == "v"


def test_a_client_that_goes_lets_its_script_run_to_the_end(start):
    node = start("node")
    debugger = Debugger(node, SCRIPT)
    assert debugger.ask("b", "9")[0] == "*3"
    debugger.close()
    wait_until(lambda: client(node).get("k") == "v", "the script's end")


def test_a_script_that_stands_still_is_killed(start):
    node = start("node")
    debugger = Debugger(node, "local n = 0\nwhile true do n = n + 1 end")
    assert debugger.ask("n")[1].startswith("+* Stopped at 2")
    client(node).script_kill()
    assert debugger.read() == ["*1", "+<endsession>"]
    assert "Script killed by user" in debugger.read()[0]
    assert debugger.read() is None
    assert client(node).ping()


def test_of_a_script_that_is_killed_not_a_line_runs_any_more(start):
    node = start("node")
    debugger = Debugger(node, "local n = 0\nn = 1\nredis.call('set', 'k', 'v')\nreturn n")
    assert debugger.ask("n")[1].startswith("+* Stopped at 2")
    client(node).script_kill()
    assert debugger.read() == ["*1", "+<endsession>"]
    assert "Script killed by user" in debugger.read()[0]
    assert client(node).get("k") is None


def test_what_cannot_be_debugged(start):
    node = start("node")
    with socket.create_connection(("127.0.0.1", node.port), 60) as connection:
        lines = connection.makefile("rb")

        def ask(*words):
            connection.sendall(encode(*words))
            return lines.readline()

        for mode in ("YES", "SYNC"):
            assert ask("SCRIPT", "DEBUG", mode) == b"+OK\r\n"
            assert b"instead of EVALSHA" in ask("EVALSHA", "a" * 40, "0")
            assert ask("SCRIPT", "DEBUG", "NO") == b"+OK\r\n"
            assert ask("EVAL", "return 1", "0") == b":1\r\n"
        assert ask("SCRIPT", "DEBUG", "YES") == b"+OK\r\n"
        assert ask("MULTI") == b"+OK\r\n"
        assert ask("EVAL", "return redis.call('set', 'k', 'v')", "0") == b"+QUEUED\r\n"
        assert ask("EXEC") == b"*1\r\n"
        assert b"within a transaction" in lines.readline()
        assert client(node).get("k") is None
        assert ask("SCRIPT", "DEBUG", "NO") == b"+OK\r\n"
        assert ask("EVAL", "redis.debug('x') return redis.breakpoint()", "0") == b"$-1\r\n"
        connection.sendall(encode("PING") + encode("SCRIPT", "DEBUG", "SYNC"))
        assert lines.readline() == b"+PONG\r\n"
        assert b"outside a pipeline" in lines.readline()


# Sessions on a copy of the data set.


def children(server):
    """The processes that a server has started."""
    found = []
    for stat in pathlib.Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[1]) == server.process.pid:
            found.append(int(stat.parent.name))
    return found


def wait_without_children(server):
    wait_until(lambda: not children(server), "the end of the copies")


COUNTING = """local a = redis.call('incr', KEYS[1])
local b = redis.call('incr', KEYS[1])
return {a, b}
"""


def test_a_copy_keeps_its_changes_to_itself_and_disturbs_nobody(start):
    node = start("node", "--appendonly", "yes")
    replica = start("node")
    replica.follow(node)
    others = client(node)
    others.set("k", 10)
    others.set("text", "x" * 1000)
    wait_in_step(node, replica)
    debugger = Debugger(node, COUNTING, "YES")
    assert len(children(node)) == 1
    assert debugger.ask("n")[1:3] == ["+<redis> incr k", "+<reply> 11"]
    # Nobody is busy, and nobody sees what the script has done.
    assert others.incrby("k", 100) == 110
    assert debugger.ask("r", "strlen", "text")[1:] == ["+<redis> strlen text", "+<reply> 1000"]
    assert debugger.ask("r", "set", "other", "x")[-1] == "+<reply> \"+OK\""
    assert debugger.ask("c") == ["*1", "+<endsession>"]
    assert debugger.read() == ["*2", ":11", ":12"]
    assert debugger.read() is None
    assert others.get("k") == "110"
    assert others.exists("other") == 0
    wait_in_step(node, replica)
    assert replica.contents() == node.contents()
    wait_without_children(node)
    assert not list(pathlib.Path(node.folder).glob("temp-*"))
    node.kill()
    node.start()
    assert client(node).get("k") == "110"


def test_a_copy_ends_with_its_client_and_with_its_node(start):
    node = start("node")
    script = "local n = 0\nwhile true do n = n + 1 end"
    debugger = Debugger(node, script, "YES")
    debugger.socket.sendall(encode("c"))
    debugger.close()
    wait_without_children(node)
    # Also one whose script never comes to its end.
    debugger = Debugger(node, script, "YES")
    debugger.socket.sendall(encode("c"))
    copy = pathlib.Path(f"/proc/{children(node)[0]}")
    node.kill()
    wait_until(lambda: not copy.exists(), "the end of the copy")
    node.start()
    debugger = Debugger(node, script, "YES")
    copy = children(node)[0]
    os.kill(copy, signal.SIGKILL)
    assert debugger.read() is None
    assert client(node).ping()
    wait_without_children(node)


def test_so_many_copies_and_no_more(start):
    node = start("node")
    debuggers = [Debugger(node, COUNTING, "YES") for _ in range(4)]
    assert len(children(node)) == 4
    refused = Debugger(node, COUNTING, "YES")
    assert refused.greeting[0].startswith("-ERR 4 scripts are being debugged")
    debuggers.pop().close()
    wait_until(lambda: len(children(node)) == 3, "the end of one session")
    debuggers.append(Debugger(node, COUNTING, "YES"))
    assert debuggers[-1].ask("c") == ["*1", "+<endsession>"]
    assert debuggers[-1].read() == ["*2", ":1", ":2"]


def test_a_copy_has_the_rights_and_the_database_of_its_client(start):
    node = start("node", password="secret")
    admin = redis.Redis(port=node.port, password="secret", decode_responses=True)
    admin.execute_command("ACL", "SETUSER", "ann", "on", ">pass", "~a*", "+@all")
    admin.execute_command("FUNCTION", "LOAD", "#!lua name=l\nredis.register_function('f',"
                          "function() return 'of the library' end)")
    redis.Redis(port=node.port, password="secret", db=3).set("a", "three")
    debugger = Debugger.__new__(Debugger)
    debugger.socket = socket.create_connection(("127.0.0.1", node.port), 60)
    debugger.file = debugger.socket.makefile("rb")
    assert debugger.ask("AUTH", "ann", "pass") == ["+OK"]
    assert debugger.ask("SELECT", "3") == ["+OK"]
    assert debugger.ask("SCRIPT", "DEBUG", "YES") == ["+OK"]
    debugger.ask("EVAL", "local x = 1\nreturn redis.call('fcall', 'f', 0)", "0")
    assert debugger.ask("r", "get", "a")[-1] == '+<reply> "three"'
    assert "No permissions" in debugger.ask("r", "get", "b")[-1]
    assert debugger.ask("abort") == ["*1", "+<endsession>"]
    debugger.close()
    wait_without_children(node)


def test_a_copy_of_a_replica_refuses_writes(start):
    master, node = start("node"), start("node")
    node.follow(master)
    client(master).set("k", "v")
    wait_in_step(master, node)
    debugger = Debugger(node, "local x = 1\nreturn redis.call('get', KEYS[1])", "YES")
    assert "READONLY" in debugger.ask("r", "set", "k", "w")[-1]
    assert debugger.ask("c") == ["*1", "+<endsession>"]
    assert debugger.read() == ["$1", "v"]


def test_the_field_s_own_console(start, tmp_path):
    node = start("node")
    script = tmp_path / "script.lua"
    script.write_text(COUNTING)
    said = subprocess.run(
        ["redis-cli", "-p", str(node.port), "--ldb", "--eval", str(script), "k"],
        input="s\ns\np a\nc\nquit\n", capture_output=True, text=True, timeout=60).stdout
    assert "Lua debugging session started" in said
    assert "<value> 1" in said and "session ended" in said
    assert client(node).get("k") is None
