"""Real clients and tools of the field against our node: redis-py, redis-cli, redis-benchmark."""

import re
import socket
import subprocess

import pytest
import redis

from servers import servers, wait_until

BIG_KEYS = 5_000


@pytest.fixture
def node():
    with servers() as start:
        yield start("node", "--enable-debug-command", "yes")


@pytest.fixture(params=["with a log", "without a log"])
def source(request):
    """A node that files are taken from: with a log it has a base before the first write."""
    log = "yes" if request.param == "with a log" else "no"
    with servers() as start:
        yield start("node", "--enable-debug-command", "yes", "--appendonly", log)


def cli(node, *arguments, given=None, seconds=60):
    result = subprocess.run(
        ["redis-cli", "-p", str(node.port), *map(str, arguments)], input=given,
        capture_output=True, timeout=seconds)
    assert result.returncode == 0, result.stdout[-2000:] + result.stderr[-2000:]
    return result.stdout.decode(errors="replace")


def fill(node):
    """Some keys of every type."""
    pipe = node.client.pipeline(transaction=False)
    for number in range(300):
        pipe.set(f"string:{number}", "x" * (number % 90))
        pipe.rpush(f"list:{number % 7}", *range(number % 11 + 1))
        pipe.hset(f"hash:{number % 9}", mapping={f"f{number}": number, "shared": "y"})
        pipe.sadd(f"set:{number % 5}", number, f"m{number}")
        pipe.zadd(f"zset:{number % 6}", {f"m{number}": number / 4})
        pipe.xadd(f"stream:{number % 3}", {"field": number})
    pipe.execute()


@pytest.mark.parametrize("protocol", [2, 3])
def test_redis_py_gets_the_shapes_it_expects(node, protocol):
    client = redis.Redis(port=node.port, protocol=protocol, decode_responses=True)
    assert client.set("s", "v", ex=100, get=True) is None and 0 < client.ttl("s") <= 100
    assert client.getex("s", persist=True) == "v" and client.ttl("s") == -1
    assert client.hset("h", mapping={"a": 1, "b": "two"}) == 2
    assert client.hgetall("h") == {"a": "1", "b": "two"} and client.hmget("h", "a", "c") == ["1", None]
    assert sorted(client.hkeys("h")) == ["a", "b"] and len(client.hrandfield("h", 2, withvalues=True)) in (2, 4)
    assert client.rpush("l", "a", "b", "c") == 3 and client.lrange("l", 0, -1) == ["a", "b", "c"]
    assert client.blpop("l", timeout=1) in (("l", "a"), ["l", "a"]) and client.lpos("l", "c") == 1
    assert client.lmpop(1, "l", direction="LEFT") == ["l", ["b"]] and client.blpop("none", timeout=0.01) is None
    assert client.sadd("t", "x", "y") == 2 and client.smembers("t") == {"x", "y"}
    assert client.smismember("t", ["x", "z"]) == [1, 0] and client.sintercard(1, ["t"]) == 2
    assert client.zadd("z", {"a": 1, "b": 2.5}) == 2 and client.zscore("z", "b") == 2.5
    scores = client.zrange("z", 0, -1, withscores=True)
    assert [(member, float(score)) for member, score in scores] == [("a", 1.0), ("b", 2.5)]
    assert client.zmscore("z", ["a", "none"]) == [1.0, None]
    identity = client.xadd("x", {"f": "v"}, id="5-1")
    assert identity == "5-1" and client.xrange("x") == [("5-1", {"f": "v"})]
    assert client.xgroup_create("x", "g", id="0") is True
    read = client.xreadgroup("g", "c", {"x": ">"}, count=1)
    assert "5-1" in str(read) and client.xpending("x", "g")["pending"] == 1
    assert client.xack("x", "g", "5-1") == 1 and client.xinfo_stream("x")["length"] == 1
    assert client.geoadd("geo", (13.361389, 38.115556, "Palermo")) == 1
    assert client.geosearch("geo", longitude=13, latitude=38, radius=100, unit="km") == ["Palermo"]
    assert client.pfadd("hll", "a", "b") == 1 and client.pfcount("hll") == 2
    assert client.setbit("bits", 7, 1) == 0 and client.bitcount("bits") == 1
    assert client.eval("return {KEYS[1], ARGV[1], 3}", 1, "k", "a") == ["k", "a", 3]
    square = client.register_script("return tonumber(ARGV[1]) * tonumber(ARGV[1])")
    assert square(args=[7]) == 49
    assert client.function_load("#!lua name=lib\nredis.register_function('f', function(k, a) return a[1] end)") == "lib"
    assert client.fcall("f", 0, "back") == "back"
    with client.pipeline() as pipe:
        assert pipe.incr("n").get("n").execute() == [1, "1"]
    assert client.acl_whoami() == "default" and client.client_getname() in (None, "")
    assert client.config_get("maxmemory") == {"maxmemory": "0"} and client.info()["redis_version"] == "7.2.4"
    assert client.command_count() > 240 and client.object("encoding", "n") == "int"
    assert client.memory_usage("n") > 0


def test_dump_moves_values_of_every_type(node):
    fill(node)
    for key in node.client.keys("*:1"):
        payload = node.client.dump(key)
        copy = b"copy:" + key
        assert node.client.restore(copy, 0, payload) in (b"OK", True, "OK")
        digests = node.client.execute_command("DEBUG", "DIGEST-VALUE", key, copy)
        assert digests[0] == digests[1], key


def test_redis_cli_walks_and_samples(node):
    fill(node)
    report = cli(node, "--bigkeys")
    for kind in ("string", "list", "hash", "set", "zset", "stream"):
        assert re.search(rf"Biggest\s+{kind}\s+found", report), report
    assert "Biggest" in cli(node, "--memkeys")
    listed = cli(node, "--scan", "--pattern", "hash:*").split()
    assert sorted(listed) == sorted(f"hash:{n}" for n in range(9))
    assert cli(node, "-3", "HGETALL", "hash:1").strip()


def digest(server):
    return server.client.execute_command("DEBUG", "DIGEST")


def digests_of(dump):
    """What our node and the real server find in a file, after the real checker."""
    checked = subprocess.run(["redis-check-rdb", dump], capture_output=True, text=True, timeout=60)
    assert checked.returncode == 0, checked.stdout
    with servers() as start:
        found = []
        for kind, options in (("redis", ()), ("node", ("--enable-debug-command", "yes"))):
            folder = dump.parent / f"{dump.name}-{kind}"
            folder.mkdir()
            (folder / "dump.rdb").write_bytes(dump.read_bytes())
            found.append(digest(start(kind, *options, folder=folder)))
        return found


def test_redis_cli_pipes_and_takes_the_data_away(source, tmp_path):
    node = source
    words = "".join(
        f"*3\r\n$3\r\nSET\r\n${len(str(n)) + 2}\r\nk:{n}\r\n${len(str(n))}\r\n{n}\r\n" for n in range(BIG_KEYS))
    assert f"replies: {BIG_KEYS}" in cli(node, "--pipe", given=words.encode())
    fill(node)
    dump = tmp_path / "taken.rdb"
    cli(node, "--rdb", dump)
    assert digests_of(dump) == [digest(node)] * 2


def test_every_dump_has_what_was_written_before_it(source, tmp_path):
    for number in range(3):
        source.client.mset({"a": number, f"b:{number}": 2})
        dump = tmp_path / f"{number}.rdb"
        cli(source, "--rdb", dump)
        assert digests_of(dump) == [digest(source)] * 2
        # Nothing written in between: the same again.
        cli(source, "--rdb", tmp_path / f"{number}-again.rdb")
        assert digests_of(tmp_path / f"{number}-again.rdb") == [digest(source)] * 2


def test_a_dump_beside_a_replica_is_its_own(source, tmp_path):
    """What serves the replica, file and stream, does not serve the dump."""
    with servers() as start:
        fill(source)
        replica = start("redis")
        replica.follow(source)
        wait_until(lambda: digest(replica) == digest(source), "the replica has everything")
        source.client.set("behind", "the file of the replica")
        dump = tmp_path / "taken.rdb"
        cli(source, "--rdb", dump)
        assert digests_of(dump) == [digest(source)] * 2
        wait_until(lambda: digest(replica) == digest(source), "the replica still follows")


def test_a_dump_does_not_join_a_snapshot_under_way(source, tmp_path):
    fill(source)
    early, late = tmp_path / "early.rdb", tmp_path / "late.rdb"
    source.client.config_set("rdb-key-save-delay", 2_000)
    before = digest(source)
    first = subprocess.Popen(
        ["redis-cli", "-p", str(source.port), "--rdb", early],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait_until(
            lambda: source.client.info("persistence")["current_save_keys_processed"] > 0,
            "the snapshot has begun")
        source.client.set("behind", "the cut")
        assert first.poll() is None
        cli(source, "--rdb", late)
        assert first.wait(timeout=60) == 0
    finally:
        first.kill()
        first.wait()
    assert digests_of(early) == [before] * 2
    assert digests_of(late) == [digest(source)] * 2


def test_redis_cli_takes_the_functions_away(source, tmp_path):
    fill(source)
    for name in ("first", "second"):
        source.client.function_load(
            f"#!lua name={name}\nredis.register_function('{name}', function() return '{name}' end)")
    dump = tmp_path / "functions.rdb"
    cli(source, "--functions-rdb", dump)
    assert digests_of(dump) == [b"0" * 40] * 2
    with servers() as start:
        folder = tmp_path / "real"
        folder.mkdir()
        (folder / "dump.rdb").write_bytes(dump.read_bytes())
        real = start("redis", folder=folder)
        assert real.client.dbsize() == 0
        assert sorted(map(str, real.client.function_list(withcode=True))) == sorted(
            map(str, source.client.function_list(withcode=True)))
        assert real.client.fcall("second", 0) == b"second"
        # It is nobody else's: neither a replica's nor that of a whole dump.
        replica = start("redis")
        replica.follow(source)
        wait_until(lambda: digest(replica) == digest(source), "the replica has everything")
    whole = tmp_path / "whole.rdb"
    cli(source, "--rdb", whole)
    assert digests_of(whole) == [digest(source)] * 2


def test_a_filter_that_names_nothing_gives_an_empty_file_and_the_stream(source):
    """As in Redis. What was written before lies before the stream too."""
    source.client.config_set("repl-ping-replica-period", 3_600)
    with socket.create_connection(("127.0.0.1", source.port), timeout=20) as peer:
        peer.sendall(b"REPLCONF capa eof rdb-filter-only ''\r\n")
        stream = peer.makefile("rb")
        assert stream.readline() == b"+OK\r\n"
        source.client.set("before", 1)
        peer.sendall(b"PSYNC ? -1\r\n")
        answer = next(line for line in stream if line.strip()).split()
        assert answer[0] == b"+FULLRESYNC" and int(answer[2]) == source.offset
        line = next(line for line in stream if line.strip())
        file = stream.read(int(line[1:]))
        assert file[:5] == b"REDIS" and b"before" not in file and b"repl-id" not in file
        source.client.set("behind", 1)
        while stream.readline() != b"behind\r\n":
            pass


def test_a_tool_that_only_knows_sync_gets_everything(source):
    """As redis-cli before version 7 takes a dump: bare SYNC, and it hangs up after the file."""
    source.client.set("key-of-the-dump", 1)
    with socket.create_connection(("127.0.0.1", source.port), timeout=20) as peer:
        peer.sendall(b"SYNC\r\n")
        stream = peer.makefile("rb")
        line = next(line for line in stream if line.strip())
        assert b"key-of-the-dump" in stream.read(int(line[1:]))


def test_redis_cli_measures_latency(node):
    output = subprocess.run(
        ["timeout", "3", "redis-cli", "-p", str(node.port), "--latency", "-i", "1", "--raw"],
        capture_output=True, text=True).stdout
    assert output.strip() and all(word.replace(".", "").isdigit() for word in output.split()[:3])


@pytest.mark.parametrize("pipeline", [1, 16])
def test_redis_benchmark_runs_completely(node, pipeline):
    result = subprocess.run(
        ["redis-benchmark", "-p", str(node.port), "-n", "2000", "-P", str(pipeline), "-q"],
        capture_output=True, text=True, timeout=120)
    assert result.returncode == 0, result.stderr
    assert "rror" not in result.stdout + result.stderr
    assert len(re.findall(r"requests per second", result.stdout)) >= 19, result.stdout


def test_every_command_of_redis_is_listed(node):
    """Redis 7.0's COMMAND LIST, subcommands included."""
    def listed(server):
        server.client.response_callbacks.clear()
        return set(server.client.execute_command("COMMAND", "LIST"))

    with servers() as start:
        missing = listed(start("redis")) - listed(node)
    # A node is no member of a Redis Cluster: it refuses CLUSTER as a whole.
    missing = {name for name in missing if not name.startswith(b"cluster|")}
    assert missing == set()
