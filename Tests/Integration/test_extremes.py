"""Numbers at the ends of their ranges, from clients, directives and peers: the node goes on."""

import contextlib
import socket
import threading

import pytest
import redis

from servers import free_port, servers, wait_until

MAX = 2**63 - 1
EXTREMES = [0, 1, -1, 2**31 - 1, 2**31, 2**53, 2**62, MAX - 1, MAX, -2**31, -2**62, -2**63]
# They end the process, move it to other ports or files, or take clients away on purpose.
LEFT_ALONE = {
    "port", "tls-port", "bind", "unixsocket", "dir", "logfile", "pidfile", "databases",
    "requirepass", "maxclients", "proc-title-template", "aclfile",
}
# With these the workload is refused or thrown away, which is what they are for.
STARVING = {"maxmemory", "maxmemory-clients", "min-replicas-to-write", "min-slaves-to-write"}


@pytest.fixture
def node():
    with servers() as start:
        yield start("node", "--enable-debug-command", "yes")


def workload(client):
    """A little of everything that directives are about."""
    pipe = client.pipeline(transaction=False)
    pipe.xadd("s", {"f": "v"}, maxlen=5, approximate=True)
    pipe.execute_command("XTRIM", "s", "MINID", "~", "255")
    for number in range(3):
        pipe.rpush("l", "x" * 100)
        pipe.hset("h", f"f{number}", "v" * 80)
        pipe.zadd("z", {f"m{number}": number})
        pipe.sadd("e", number, "m")
        pipe.set("k", "v", px=1)
    pipe.pfadd("p", *range(50))
    pipe.info("all")
    pipe.execute_command("SLOWLOG", "GET", "-1")
    pipe.execute_command("LATENCY", "LATEST")
    pipe.execute(raise_on_error=False)


def test_a_directive_takes_any_number_or_refuses_it(node):
    client = node.client
    for name, old in client.config_get("*").items():
        if name in LEFT_ALONE:
            continue
        words = max(1, len(str(old).split()))
        for extreme in EXTREMES:
            value = str(extreme)
            # Such as `normal 0 0 0`: the first word stays.
            if words > 1:
                first = str(old).split()[0]
                value = " ".join([first] + [value] * (3 if not first.isdigit() else 1))
            try:
                client.config_set(name, value)
            except redis.ResponseError:
                continue
            if name not in STARVING:
                workload(client)
        with contextlib.suppress(redis.ResponseError):
            client.config_set(name, old)
        assert node.is_answering(), name


COMMANDS = [
    f"XTRIM s MAXLEN ~ {2**31}", "XTRIM s MINID ~ 255", f"FAILOVER TIMEOUT {-2**63}",
    f"FAILOVER TIMEOUT {MAX}", f"WAIT 0 {MAX}", f"WAITAOF 0 0 {MAX}", f"CLIENT PAUSE {MAX}",
    f"CLIENT PAUSE {2**62} WRITE", "CLIENT UNPAUSE", f"CLIENT KILL ID {MAX}",
    f"CLIENT KILL MAXAGE {MAX} SKIPME yes", f"CLIENT LIST ID {MAX}", f"CLIENT UNBLOCK {-2**63}",
    f"SLOWLOG GET {MAX}", f"SLOWLOG GET {-2**63}", f"ACL LOG {MAX}", f"HELLO {MAX}",
    f"SWAPDB {MAX} {-2**63}", f"SELECT {MAX}", f"MOVE k {MAX}", f"COPY k c DB {MAX}",
    f"SCAN {MAX} COUNT {MAX}", f"SCAN {2**64 - 1} COUNT {MAX}", f"EXPIRE k {MAX}",
    f"EXPIRE k {-2**63}", f"PEXPIREAT k {MAX}", "PTTL k", "TTL k", "EXPIRETIME k",
    f"SET k v PX {MAX}", f"SET k v EXAT {MAX}", f"GETEX k PXAT {MAX}", f"LRANGE l {-2**63} {MAX}",
    f"LTRIM l {-2**63} {MAX}", f"LINDEX l {-2**63}", f"LPOS l x RANK {-2**63 + 1} COUNT 0",
    f"LPOS l x MAXLEN {MAX}", f"LPOP l {MAX}", f"SPOP e {MAX}", f"ZRANGE z {-2**63} {MAX}",
    f"ZRANGEBYSCORE z -inf +inf LIMIT {MAX} {MAX}", f"ZPOPMIN z {MAX}", f"ZRANGE z {MAX} {-2**63}",
    f"SORT l LIMIT {MAX} {MAX} ALPHA", f"SORT l LIMIT {-2**63} {-2**63} ALPHA",
    f"GETRANGE k {-2**63} {MAX}", f"SETRANGE k {MAX} v", f"SETBIT k {MAX} 1", f"GETBIT k {MAX}",
    f"BITCOUNT k {-2**63} {MAX}", f"BITPOS k 1 {-2**63} {MAX}", f"BITFIELD k GET i64 #{2**62}",
    f"BITFIELD k INCRBY i64 0 {-2**63}", f"XADD s {2**64 - 1}-{2**64 - 1} f v", "XADD s * f v",
    f"XRANGE s - + COUNT {MAX}", f"XSETID s {2**64 - 1}-{2**64 - 1} ENTRIESADDED {MAX}",
    f"XGROUP CREATE s g 0 ENTRIESREAD {MAX}", "XINFO STREAM s FULL", f"XREADGROUP GROUP g c COUNT {MAX} STREAMS s >",
    f"XCLAIM s g c {MAX} 1-1 IDLE {MAX} RETRYCOUNT {MAX} FORCE",
    f"XCLAIM s g c {-2**63} 1-1 TIME {-2**63} FORCE", f"XAUTOCLAIM s g c {MAX} 0 COUNT {2**58}",
    f"XPENDING s g IDLE {MAX} - + {MAX}", f"OBJECT FREQ k", f"MIGRATE 127.0.0.1 1 k 0 {MAX}",
    f"MIGRATE 127.0.0.1 1 k {MAX} {-2**63}", f"DEBUG SLEEP -1", f"DEBUG JMAP", f"DEBUG STRINGMATCH-LEN {MAX} x",
    f"LATENCY HISTORY {MAX}", f"MEMORY USAGE k SAMPLES {MAX}", f"GEORADIUS z 0 0 1e308 km COUNT {MAX}",
    f"SRANDMEMBER e {-2**63}", f"HRANDFIELD h {-2**62} WITHVALUES", f"ZRANDMEMBER z {-2**63}",
    f"INCRBY k2 {MAX}", f"INCRBY k2 1", f"DECRBY k3 {-2**63}", f"HINCRBY h2 f {-2**63}",
    f"LMPOP {MAX} l LEFT", f"ZUNIONSTORE d {MAX} z", f"SINTERCARD 1 e LIMIT {MAX}",
    f"LCS k k2 IDX MINMATCHLEN {MAX}", f"FUNCTION STATS", f"CLIENT TRACKING on REDIRECT {MAX}",
    f"REPLICAOF 127.0.0.1 {MAX}", f"DEBUG SET-ACTIVE-EXPIRE {MAX}",
]


def test_a_command_takes_any_number_or_refuses_it(node):
    workload(node.client)
    client = node.database(0)
    # Replies as they are: some of them are stranger than what the library takes apart.
    client.response_callbacks.clear()
    for command in COMMANDS:
        try:
            client.execute_command(*command.split())
        except redis.ResponseError:
            pass
        except redis.ConnectionError:
            # The node has ended a client that asked for more than it may be owed.
            assert "RANDFIELD" in command or "RANDMEMBER" in command, command
        assert client.execute_command("CLIENT", "UNPAUSE") == b"OK", command


@pytest.mark.parametrize("request_words", [
    ["BLPOP", "q", "4611686018427388"], ["BLMPOP", "9223370000000000", "1", "q", "LEFT"],
    ["BZPOPMIN", "q", "9223370000000000"], ["BLMOVE", "q", "r", "LEFT", "LEFT", "9e15"],
    ["XREAD", "BLOCK", "4611686018427387904", "STREAMS", "q", "$"],
    ["WAIT", "1", "9223370000000000000"], ["WAITAOF", "0", "1", "9223370000000000000"],
])
def test_a_wait_may_be_longer_than_any_clock(node, request_words):
    waiting = node.database(0)
    thread = threading.Thread(target=lambda: contextlib.suppress(redis.RedisError)
                              and waiting.execute_command(*request_words))
    thread.start()
    wait_until(lambda: node.client.info("clients")["blocked_clients"] == 1, "the wait")
    who = next(c for c in node.client.client_list() if "b" in c["flags"])
    assert node.client.client_unblock(int(who["id"]))
    thread.join(20)
    assert not thread.is_alive()


def test_a_replica_may_say_any_number(node):
    words = [str(extreme) for extreme in EXTREMES] + [str(2**64), "9" * 400, "", "x"]
    for word in words:
        for line in (
            f"REPLCONF listening-port {word}", f"REPLCONF ACK {word}",
            f"REPLCONF ACK {word} FACK {word} HEARTBEAT {word}:{word}",
            f"PSYNC ? {word}", f"PSYNC {'a' * 40} {word}",
            f"PSYNC {node.replication()['master_replid']} {word}",
        ):
            with socket.create_connection(("127.0.0.1", node.port), 20) as peer:
                request = line.split(" ")
                peer.sendall(f"*{len(request)}\r\n".encode())
                for part in request:
                    peer.sendall(f"${len(part)}\r\n{part}\r\n".encode())
                if line.startswith("PSYNC"):
                    peer.sendall(
                        f"*3\r\n$8\r\nREPLCONF\r\n$3\r\nACK\r\n${len(word)}\r\n{word}\r\n".encode())
                node.client.set("k", word)
                node.client.execute_command("ROLE")
                node.client.info("replication")
        assert node.is_answering(), word


@pytest.mark.parametrize("offset", [2**62 - 1, 2**62 + 1, MAX - 1, MAX, 2**63, -1])
def test_a_master_may_say_any_offset(node, offset):
    """The node loads a snapshot at the offset and applies what follows, or refuses the offset."""
    snapshot = b"REDIS0011\xff" + bytes(8)
    with socket.create_server(("127.0.0.1", free_port())) as listener:
        listener.settimeout(20)
        node.client.execute_command("REPLICAOF", "127.0.0.1", listener.getsockname()[1])
        link, _ = listener.accept()
        with link:
            link.settimeout(20)
            received = b""
            while b"PSYNC" not in received:
                part = link.recv(4096)
                assert part, received
                received += part
                link.sendall(b"+PONG\r\n" * part.count(b"PING"))
                link.sendall(b"+OK\r\n" * part.count(b"REPLCONF"))
            head = f"+FULLRESYNC {'b' * 40} {offset}\r\n${len(snapshot)}\r\n".encode()
            with contextlib.suppress(OSError):
                link.sendall(head + snapshot)
                link.sendall(b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$1\r\nv\r\n" * 10)
            if 0 <= offset <= 2**62:
                wait_until(lambda: node.client.get("k") == b"v", "the stream behind the snapshot")
            wait_until(node.is_answering, "an answer")
            node.client.info("replication")
            node.client.execute_command("ROLE")
    node.promote()
    assert node.client.set("after", 1)
