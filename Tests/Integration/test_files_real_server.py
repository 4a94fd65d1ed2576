"""Files in both directions between our node and real servers, and what survives a kill.

Needs redis-server, redis-check-rdb and redis-check-aof of the distribution; `make` installs them.
"""

import os
import pathlib
import random
import resource
import shutil
import subprocess
import threading

import pytest
import redis

from servers import BINARIES, free_port, wait_until

OURS = str(BINARIES / "headwater-node")
REDIS = "/usr/bin/redis-server"


class Server:
    """One process in a folder of its own."""

    def __init__(self, binary, folder, *arguments):
        self.binary = binary
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(exist_ok=True)
        self.arguments = arguments
        self.process = None
        self.port = None

    def launch(self):
        # A restarted server keeps its port: others know it.
        self.port = self.port or free_port()
        self.log = open(self.folder / "server.log", "ab")
        self.process = subprocess.Popen(
            [self.binary, "--port", str(self.port), "--dir", str(self.folder), "--save", ""]
            + ["--enable-debug-command", "yes", "--bind", "127.0.0.1", *self.arguments],
            stdout=self.log,
            stderr=self.log,
        )

    def start(self):
        self.launch()
        client = self.client()
        wait_until(lambda: self.process.poll() is not None or client.ping(), "a server")
        assert self.process.poll() is None, self.tail()
        return self

    def client(self, database=0, **options):
        return redis.Redis(
            host="127.0.0.1", port=self.port, db=database, **({"socket_timeout": 20} | options)
        )

    def end(self, kill=False):
        if self.process is None:
            return
        if self.process.poll() is None:
            self.process.kill() if kill else self.process.terminate()
        self.process.wait(timeout=20)
        self.process = None
        self.log.close()

    def tail(self):
        return (self.folder / "server.log").read_text(errors="replace")[-3000:]

    def info(self, section):
        return self.client().info(section)


@pytest.fixture
def server(tmp_path):
    started = []

    def make(binary, folder, *arguments):
        made = Server(binary, tmp_path / folder, *arguments)
        started.append(made)
        return made

    yield make
    for made in started:
        made.end(kill=True)


VALUES = [
    b"", b"0", b"-1", b"007", b"127", b"-32769", b"2147483648", b"9223372036854775807", b"3.0",
    bytes(range(256)), b"a" * 21, b"ab" * 5000, random.Random(1).randbytes(100_000), b"x" * 300_000,
]  # fmt: skip


def fill(server):
    for database in (0, 3, 15):
        client = server.client(database)
        for index, value in enumerate(VALUES):
            client.set(f"value:{index}", value)
        client.set(b"binary\x00key\xff", "b")
        client.set("k" * 5000, "long key")
        for index in range(1000):
            client.set(f"many:{index}", f"value {index}", ex=100_000 + index)
        client.transaction(lambda pipe: pipe.incr("counter").append("text", "more"))


def content(server):
    """Every key with its value and expiry, by database."""
    found = {}
    for database in range(16):
        client = server.client(database)
        for key in client.scan_iter(count=1000):
            found[database, key] = (client.get(key), client.pexpiretime(key))
    return found


def check(*command):
    result = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


def copy_folder(source, target, name):
    target.folder.mkdir(exist_ok=True)
    if (source.folder / name).is_dir():
        shutil.copytree(source.folder / name, target.folder / name, dirs_exist_ok=True)
    else:
        shutil.copy(source.folder / name, target.folder / name)


def manifest(server):
    return server.folder / "appendonlydir/appendonly.aof.manifest"


# Snapshots


@pytest.mark.parametrize("compression", ["yes", "no"])
@pytest.mark.parametrize("command", ["SAVE", "BGSAVE"])
def test_our_dump_loads_in_redis(server, compression, command):
    ours = server(OURS, "ours", "--rdbcompression", compression).start()
    fill(ours)
    ours.client().execute_command(command)
    wait_until(lambda: (ours.folder / "dump.rdb").exists(), "the dump")
    report = check("redis-check-rdb", str(ours.folder / "dump.rdb"))
    assert "RDB looks OK" in report and "Checksum OK" in report
    theirs = server(REDIS, "theirs")
    copy_folder(ours, theirs, "dump.rdb")
    theirs.start()
    assert content(theirs) == content(ours)


def test_a_dump_of_redis_loads_in_ours(server):
    theirs = server(REDIS, "theirs").start()
    fill(theirs)
    theirs.client().save()
    ours = server(OURS, "ours")
    copy_folder(theirs, ours, "dump.rdb")
    ours.start()
    assert content(ours) == content(theirs)


def test_a_background_save_under_transactions_is_one_moment(server):
    ours = server(OURS, "ours").start()
    ours.client().execute_command("DEBUG", "POPULATE", "200000")
    stopping = threading.Event()

    def write():
        client = ours.client()
        while not stopping.is_set():
            client.transaction(lambda pipe: pipe.incr("left").incr("right"))

    writers = [threading.Thread(target=write) for _ in range(4)]
    for writer in writers:
        writer.start()
    wait_until(lambda: int(ours.client().get("left") or 0) > 100, "writes")
    ours.client().bgsave()
    wait_until(lambda: ours.info("persistence")["rdb_bgsave_in_progress"] == 0, "the save")
    stopping.set()
    for writer in writers:
        writer.join()
    theirs = server(REDIS, "theirs")
    copy_folder(ours, theirs, "dump.rdb")
    theirs.start()
    left, right = theirs.client().mget("left", "right")
    assert left == right and int(left) >= 100
    assert theirs.client().dbsize() == 200_002


def test_a_million_pending_entries_are_saved_in_small_steps_at_one_moment(server):
    count = 1_000_000
    ours = server(OURS, "ours").start()
    client = ours.client()
    add = client.register_script(
        "for i = ARGV[1], ARGV[2] do redis.call('XADD', 's', i .. '-0', 'f', i) end"
    )
    read = client.register_script(
        "redis.call('XREADGROUP', 'GROUP', 'g', 'first', 'COUNT', ARGV[1], 'STREAMS', 's', '>')"
    )
    client.xgroup_create("s", "g", "0", mkstream=True)
    for start in range(1, count, 20_000):
        add(args=[start, start + 19_999])
        read(args=[20_000])
    client.xgroup_createconsumer("s", "g", "second")
    assert client.xpending("s", "g")["pending"] == count
    client.bgsave()
    wait_until(lambda: ours.info("persistence")["rdb_bgsave_in_progress"] == 0, "the save")
    # Processor time, which other processes do not add to; at once it would be tens of milliseconds.
    assert 0 < ours.info("persistence")["snapshot_longest_slice_cpu_usec"] < 5_000
    stopping = threading.Event()

    def work():
        mine = ours.client()
        ids = random.Random(7).sample(range(1, count + 1), 200_000)
        for acknowledged, claimed in zip(ids[::2], ids[1::2]):
            if stopping.is_set():
                return
            pipe = mine.pipeline(transaction=True)
            pipe.xack("s", "g", f"{acknowledged}-0")
            pipe.xclaim("s", "g", "second", 0, [f"{claimed}-0"], justid=True)
            pipe.incr("turns").execute()

    worker = threading.Thread(target=work)
    worker.start()
    wait_until(lambda: int(client.get("turns") or 0) > 20, "work")
    before = int(client.get("turns"))
    client.bgsave()
    wait_until(lambda: ours.info("persistence")["rdb_bgsave_in_progress"] == 0, "the save")
    assert int(client.get("turns")) > before
    stopping.set()
    worker.join()
    theirs = server(REDIS, "theirs")
    copy_folder(ours, theirs, "dump.rdb")
    theirs.start()
    turns = int(theirs.client().get("turns"))
    assert turns >= before
    pending = theirs.client().xpending("s", "g")
    assert pending["pending"] == count - turns
    held = {found["name"]: found["pending"] for found in pending["consumers"]}
    assert held == {b"first": count - 2 * turns, b"second": turns}


# redis-server looks at clients once in 1024 commands of a log, so a slow one takes long.
@pytest.mark.parametrize("binary, is_log", [(OURS, False), (OURS, True), (REDIS, False)])
def test_a_slow_load_is_seen_by_clients_and_can_be_sped_up(server, binary, is_log):
    arguments = ["--appendonly", "yes", "--aof-use-rdb-preamble", "no"] if is_log else []
    subject = server(binary, "subject", *arguments).start()
    pipe = subject.client().pipeline(transaction=False)
    for number in range(5_000):
        pipe.set(f"key:{number}", "x" * 60)
    pipe.execute()
    if is_log:
        subject.client().shutdown()
    else:
        subject.client().shutdown(save=True)
    subject.process.wait(20)
    arguments += ["--key-load-delay", "2000", "--loading-process-events-interval-bytes", "1024"]
    subject.arguments = arguments
    subject.launch()

    def is_loading():
        # A client that tries again would wait for the end of the load.
        client = subject.client(retry=redis.retry.Retry(redis.backoff.NoBackoff(), 0))
        try:
            client.get("key:0")
        except redis.exceptions.BusyLoadingError as error:
            return "loading the dataset in memory" in str(error)
        except redis.exceptions.ConnectionError:
            return False
        raise AssertionError("the delay was not heeded")

    wait_until(is_loading, "an answer while loading")
    assert subject.info("persistence")["loading"] == 1
    assert subject.client().config_get("key-load-delay") == {"key-load-delay": "2000"}
    subject.client().config_set("key-load-delay", "-10")
    wait_until(lambda: subject.info("persistence")["loading"] == 0, "the end of the load")
    assert subject.client().dbsize() == 5_000


# The log


@pytest.mark.parametrize("rewrite", [False, True])
def test_our_log_goes_to_redis_and_back(server, rewrite):
    arguments = ("--appendonly", "yes")
    ours = server(OURS, "ours", *arguments).start()
    fill(ours)
    if rewrite:
        ours.client().bgrewriteaof()
        wait_until(
            lambda: "appendonly.aof.2.base.rdb" in manifest(ours).read_text(), "the new base"
        )
    ours.client(7).set("after", "the rewrite")
    ours.client(7).publish("channel", "in the log, and harmless")
    expected = content(ours)
    ours.end(kill=True)
    assert "AOF files and manifest are valid" in check("redis-check-aof", str(manifest(ours)))
    theirs = server(REDIS, "theirs", *arguments)
    copy_folder(ours, theirs, "appendonlydir")
    theirs.start()
    assert content(theirs) == expected
    # The real server appends to our file; our index describes only its start.
    theirs.client(9).set("written by", "redis")
    expected = content(theirs)
    theirs.end()
    shutil.rmtree(ours.folder / "appendonlydir")
    copy_folder(theirs, ours, "appendonlydir")
    ours.start()
    assert content(ours) == expected


def test_a_log_of_redis_loads_in_ours(server):
    arguments = ("--appendonly", "yes")
    theirs = server(REDIS, "theirs", *arguments).start()
    fill(theirs)
    theirs.client().bgrewriteaof()
    wait_until(lambda: theirs.info("persistence")["aof_rewrite_in_progress"] == 0, "the rewrite")
    theirs.client(5).set("after", "the rewrite")
    expected = content(theirs)
    theirs.end()
    ours = server(OURS, "ours", *arguments)
    copy_folder(theirs, ours, "appendonlydir")
    ours.start()
    assert content(ours) == expected


@pytest.mark.parametrize("policy", ["always", "everysec", "no"])
def test_a_kill_loses_nothing_acknowledged(server, policy):
    ours = server(OURS, "ours", "--appendonly", "yes", "--appendfsync", policy).start()
    acknowledged = [0] * 4

    def write(number):
        client = ours.client(number)
        try:
            while True:
                acknowledged[number] = client.incr("counter")
        except redis.RedisError:
            pass

    writers = [threading.Thread(target=write, args=(number,)) for number in range(4)]
    for writer in writers:
        writer.start()
    wait_until(lambda: min(acknowledged) > 200, "writes")
    ours.client().bgrewriteaof()
    wait_until(lambda: ours.info("persistence")["aof_rewrites"] == 1, "a rewrite under writes")
    before = min(acknowledged)
    wait_until(lambda: min(acknowledged) > before + 100, "more writes")
    ours.process.kill()
    for writer in writers:
        writer.join()
    ours.end()
    ours.start()
    for number in range(4):
        stored = int(ours.client(number).get("counter"))
        assert stored in (acknowledged[number], acknowledged[number] + 1)


@pytest.mark.parametrize("policy", ["always", "everysec"])
def test_a_full_disk_refuses_writes_until_there_is_room(server, policy):
    ours = server(OURS, "ours", "--appendonly", "yes", "--appendfsync", policy).start()
    client = ours.client()
    client.set("before", "the limit")
    # A file size limit is as good as a full disk, and can be lifted again.
    resource.prlimit(ours.process.pid, resource.RLIMIT_FSIZE, (4096, resource.RLIM_INFINITY))

    def refused():
        try:
            ours.client(socket_timeout=1).set("filler", "x" * 1000)
            return False
        except redis.ResponseError as error:
            return "MISCONF" in str(error)
        except redis.ConnectionError:
            return False

    wait_until(refused, "a refusal")
    assert ours.process.poll() is None
    assert ours.client().get("before") == b"the limit"
    resource.prlimit(
        ours.process.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY)
    )
    wait_until(lambda: ours.client(socket_timeout=1).set("after", "the limit"), "a write")
    expected = content(ours)
    ours.end(kill=True)
    ours.start()
    assert content(ours) == expected
    assert "AOF files and manifest are valid" in check("redis-check-aof", str(manifest(ours)))


def test_a_log_repaired_by_redis_check_aof_loads(server):
    ours = server(OURS, "ours", "--appendonly", "yes", "--aof-load-truncated", "no").start()
    for index in range(100):
        ours.client().set(f"key:{index}", index)
    ours.end(kill=True)
    log = ours.folder / "appendonlydir/appendonly.aof.1.incr.aof"
    with open(log, "r+b") as file:
        file.truncate(log.stat().st_size - 3)
    ours.launch()
    assert ours.process.wait(timeout=20) == 1
    assert "Unexpected end of file reading the append only file" in ours.tail().splitlines()[-1]
    ours.end()
    subprocess.run(
        ["redis-check-aof", "--fix", str(manifest(ours))], input=b"y\n", check=True,
        capture_output=True, timeout=60,
    )  # fmt: skip
    # The repaired file is shorter than the index says; whole commands are kept without a record.
    ours.start()
    assert ours.client().dbsize() == 99
    assert "bytes unverified, cut 0 bytes" in (ours.folder / "server.log").read_text()


# Failed starts


@pytest.mark.parametrize(
    "path, content, words",
    [
        ("dump.rdb", b"REDIS0010\xff" + b"\x01" * 8, "CRC error"),
        ("dump.rdb", b"REDIS0099", "Fatal error loading"),
        ("appendonlydir/appendonly.aof.manifest", b"", "Found an empty AOF manifest"),
        (
            "appendonlydir/appendonly.aof.manifest",
            b"file a seq 1 type b\nfile b seq 1 type b\n",
            "Found duplicate base file information",
        ),
        (
            "appendonlydir/appendonly.aof.manifest",
            b"file appendonly.aof.1.incr.aof seq 1 type i\n",
            "No such file or directory",
        ),
        ("appendonly.aof", b"!!!\r\n", "Bad file format reading the append only file"),
        (
            "appendonly.aof",
            b"*2\r\n$3\r\nbla\r\n$1\r\nx\r\n",
            "Unknown command 'bla' reading the append only file",
        ),
    ],
)
def test_a_failed_start_says_why_last(server, path, content, words):
    ours = server(OURS, "ours", "--appendonly", "no" if path == "dump.rdb" else "yes")
    file = ours.folder / path
    file.parent.mkdir(exist_ok=True)
    file.write_bytes(content)
    ours.launch()
    assert ours.process.wait(timeout=20) == 1
    assert words in ours.tail().splitlines()[-1]


# Positions


@pytest.mark.parametrize("replica_binary", [OURS, REDIS])
def test_replicas_resume_after_the_kill_of_a_master_with_a_log(server, replica_binary):
    master = server(OURS, "master", "--appendonly", "yes").start()
    fill(master)
    replica = server(replica_binary, "replica", "--replicaof", "127.0.0.1", str(master.port))
    replica.start()
    wait_until(lambda: replica.info("replication")["master_link_status"] == "up", "the link")
    master.client(3).set("last", "write")
    wait_until(lambda: replica.client(3).get("last") == b"write", "the last write")
    master.end(kill=True)
    master.start()
    wait_until(lambda: master.info("stats")["sync_partial_ok"] == 1, "a partial resync")
    assert master.info("stats")["sync_full"] == 0
    master.client(3).set("new", "history")
    wait_until(lambda: replica.client(3).get("new") == b"history", "the stream")
    assert content(replica) == content(master)


def test_our_replica_resumes_after_its_own_kill(server):
    master = server(REDIS, "master").start()
    fill(master)
    replica = server(
        OURS, "replica", "--appendonly", "yes", "--replicaof", "127.0.0.1", str(master.port)
    ).start()
    wait_until(lambda: replica.info("replication")["master_link_status"] == "up", "the link")
    wait_until(lambda: " seq 2 type b" in manifest(replica).read_text(), "the received base")
    master.client(3).set("last", "write")
    wait_until(lambda: replica.client(3).get("last") == b"write", "the last write")
    replica.end(kill=True)
    master.client(3).set("missed", "write")
    replica.start()
    wait_until(lambda: replica.client(3).get("missed") == b"write", "what was missed")
    assert master.info("stats")["sync_partial_ok"] == 1
    assert content(replica) == content(master)


def test_a_node_that_loads_says_so(tmp_path):
    """Clients are told -LOADING while the data set comes in, and INFO says how far it is."""
    node = Server(OURS, tmp_path / "node").start()
    node.client().execute_command("DEBUG", "POPULATE", 400_000)
    node.client().save()
    node.end(kill=True)
    # A fast machine is done before anybody asks twice.
    node.arguments = ["--key-load-delay", "-20", "--loading-process-events-interval-bytes", "65536"]
    node.launch()
    seen = set()

    def loaded():
        client = node.client(retry=redis.retry.Retry(redis.backoff.NoBackoff(), 0))
        try:
            if client.info("persistence")["loading"]:
                seen.add("INFO")
            return client.get("key:399999") == b"value:399999"
        except redis.exceptions.BusyLoadingError:
            seen.add("-LOADING")
            return False

    wait_until(loaded, "the end of loading")
    assert seen == {"INFO", "-LOADING"}
    node.end()


# Without a log


@pytest.mark.parametrize("reader", [OURS, REDIS], ids=["ours", "redis"])
def test_a_rewrite_without_a_log_leaves_all_data(server, reader):
    ours = server(OURS, "ours").start()
    client = ours.client()
    fill(ours)
    for round in range(2):
        client.set("round", round)
        client.bgrewriteaof()
        wait_until(lambda: client.info("persistence")["aof_rewrites"] == round + 1, "the rewrite")
    assert client.info("persistence")["aof_enabled"] == 0
    names = sorted(path.name for path in (ours.folder / "appendonlydir").iterdir())
    assert names == ["appendonly.aof.2.base.rdb", "appendonly.aof.manifest"]
    check("redis-check-aof", str(manifest(ours)))
    expected = content(ours)
    # What came later is not in it.
    client.set("later", "x")
    client.execute_command("DEBUG", "LOADAOF")
    assert content(ours) == expected
    successor = server(reader, "successor", "--appendonly", "yes")
    copy_folder(ours, successor, "appendonlydir")
    successor.start()
    assert content(successor) == expected


def test_a_log_that_is_turned_off_during_its_rewrite_stays_off(server):
    ours = server(OURS, "ours", "--appendonly", "yes").start()
    client = ours.client()
    for value in range(3):
        with client.pipeline() as pipe:
            pipe.set("k", value).bgrewriteaof().config_set("appendonly", "no").execute()
        wait_until(
            lambda: client.info("persistence")["aof_rewrite_in_progress"] == 0, "the rewrite's end")
        assert client.info("persistence")["aof_enabled"] == 0
        client.bgrewriteaof()
        names = ours.folder / "appendonlydir"
        wait_until(
            lambda: not list(names.glob("*.incr.aof")) and len(list(names.iterdir())) == 2,
            "the rewrite without a log")
        client.config_set("appendonly", "yes")
        wait_until(
            lambda: client.info("persistence")["aof_rewrite_in_progress"] == 0, "the new log")
        client.incrby("k", 10)
        ours.end(kill=True)
        ours.start()
        assert client.get("k") == b"%d" % (value + 10)


def test_flushing_everything_ends_a_dump(server):
    ours = server(OURS, "ours").start()
    client = ours.client()
    for index in range(1000):
        client.set(index, "x")
    client.config_set("rdb-key-save-delay", 10_000)
    client.bgsave()
    assert client.info("persistence")["rdb_bgsave_in_progress"] == 1
    client.flushall()
    facts = client.info("persistence")
    assert facts["rdb_bgsave_in_progress"] == 0 and facts["rdb_saves"] == 0
    # With save points, what is on disk is gone too when the answer comes.
    client.config_set("rdb-key-save-delay", 0)
    client.set("k", "v")
    client.save()
    client.config_set("save", "3600 1")
    client.flushall()
    ours.end(kill=True)
    assert content(ours.start()) == {}
