"""The debugger of scripts over a raw connection: on the node and on the real redis-server."""

import socket
import time

import pytest
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from servers import servers, wait_until

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


def session(server, script, commands):
    """Everything that the server says, up to the end of the connection."""
    debugger = Debugger(server, script)
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


@pytest.mark.parametrize("case", CASES)
def test_a_session_is_that_of_the_real_server(start, case):
    script, commands = CASES[case]
    node = session(start("node", "--busy-reply-threshold", "500"), script, commands)
    real = session(start("redis", "--busy-reply-threshold", "500"), script, commands)
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

        assert b"SCRIPT DEBUG SYNC" in ask("SCRIPT", "DEBUG", "YES")
        # redis-cli goes on all the same: nothing may run that was to be undone.
        assert b"SCRIPT DEBUG SYNC" in ask("EVAL", "return 1", "0")
        assert ask("SCRIPT", "DEBUG", "NO") == b"+OK\r\n"
        assert ask("EVAL", "return 1", "0") == b":1\r\n"
        assert ask("SCRIPT", "DEBUG", "SYNC") == b"+OK\r\n"
        assert b"instead of EVALSHA" in ask("EVALSHA", "a" * 40, "0")
        assert ask("SCRIPT", "DEBUG", "NO") == b"+OK\r\n"
        assert ask("EVAL", "redis.debug('x') return redis.breakpoint()", "0") == b"$-1\r\n"
        connection.sendall(encode("PING") + encode("SCRIPT", "DEBUG", "SYNC"))
        assert lines.readline() == b"+PONG\r\n"
        assert b"outside a pipeline" in lines.readline()
