"""Damage in the log: the node starts with a right prefix of its history or not at all.

A history of numbered writes lies in a base and three increments. A copy of the folder is damaged in
one place, and a node is started on it: every key that it serves must have the value that was
written, and there may be no hole. What it does not load of the newest file is kept aside.
"""

import hashlib
import random
import re
import shutil
import subprocess

import pytest

from servers import NODE, Server, free_port, servers

WRITES = 240
KINDS = ("flip", "zero", "random", "truncate", "zeros behind", "junk behind")


def value(number):
    return hashlib.sha256(str(number).encode()).hexdigest()


def write(node, numbers):
    pipe = node.client.pipeline(transaction=False)
    for number in numbers:
        if number % 10 == 0:
            pipe.execute_command("MULTI")
        pipe.set(f"key:{number}", value(number))
        if number % 10 == 5:
            pipe.execute_command("EXEC")
        pipe.incr("count")
    pipe.execute()


@pytest.fixture(scope="module")
def history(tmp_path_factory):
    """A folder that a node left when it was killed."""
    folder = tmp_path_factory.mktemp("history")
    node = Server("node", "--appendonly", "yes", folder=folder)
    part = WRITES // 4
    try:
        write(node, range(part))
        node.client.bgrewriteaof()
        write(node, range(part, 2 * part))
        for begin in (2 * part, 3 * part):
            node.kill()
            node.start()
            write(node, range(begin, begin + part))
    finally:
        node.kill()
    (folder / "log").unlink()
    return folder


def newest(folder):
    increments = (folder / "appendonlydir").glob("*.incr.aof")
    return max(increments, key=lambda path: int(path.name.split(".")[-3]))


def damage(path, kind, draw):
    data = bytearray(path.read_bytes())
    place = draw.randrange(len(data))
    if kind == "flip":
        data[place] ^= 1 << draw.randrange(8)
    elif kind == "zero":
        data[place:place + 64] = bytes(len(data[place:place + 64]))
    elif kind == "random":
        data[place:place + 64] = draw.randbytes(len(data[place:place + 64]))
    elif kind == "truncate":
        del data[place:]
    elif kind == "zeros behind":
        data += bytes(draw.choice([1, 64, 4096]))
    else:
        data += draw.randbytes(draw.choice([1, 64, 4096]))
    path.write_bytes(data)


def outcome(folder):
    """The number of writes that a node on this folder has, in order; None if it refuses to start."""
    try:
        # Not of `servers`: that one would take the folder away at the end.
        node = Server("node", "--appendonly", "yes", folder=folder)
    except AssertionError:
        log = (folder / "log").read_text(errors="replace")
        assert "Ready to accept" not in log, log
        return None
    try:
        count = int(node.client.get("count") or 0)
        found = node.client.mget([f"key:{number}" for number in range(WRITES)])
        keys = node.client.dbsize()
    finally:
        node.kill()
    have = [number for number in range(WRITES) if found[number] is not None]
    assert have == list(range(len(have))), "there is a hole"
    assert all(found[number].decode() == value(number) for number in have), "a wrong value is served"
    assert count in (len(have), len(have) - 1) and keys == len(have) + (count > 0)
    return len(have)


def copied(history, tmp_path):
    target = tmp_path / "node"
    shutil.copytree(history, target)
    return target


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("seed", range(4))
def test_the_newest_file_is_cut_or_refused(history, tmp_path, kind, seed):
    folder = copied(history, tmp_path)
    before = newest(folder).stat().st_size
    damage(newest(folder), kind, random.Random(f"{kind} {seed}"))
    have = outcome(folder)
    if kind == "truncate" or kind.endswith("behind"):
        assert have is not None, "a torn end is no reason not to serve"
    if kind.endswith("behind"):
        assert have == WRITES
    log = (folder / "log").read_text()
    if have is not None and have < WRITES and kind != "truncate":
        aside = re.search(r"kept in (\S+)", log)
        assert aside and before > int(aside[1].rsplit("-", 1)[1]), log


@pytest.mark.parametrize("pattern", ["*.base.rdb", "*.incr.aof", "*.index", "*.manifest"])
@pytest.mark.parametrize("kind", KINDS)
def test_damage_anywhere_never_gives_wrong_values(history, tmp_path, pattern, kind):
    draw = random.Random(f"{pattern} {kind}")
    for number in range(3):
        folder = copied(history, tmp_path / str(number))
        path = draw.choice(sorted((folder / "appendonlydir").glob(pattern)))
        damage(path, kind, draw)
        outcome(folder)


def refusal(folder, *options):
    run = subprocess.run(
        [NODE, "--port", str(free_port()), "--dir", str(folder), "--appendonly", "yes", *options],
        capture_output=True, text=True, timeout=30)
    assert run.returncode == 1, run.stdout
    return run.stdout.splitlines()[-1]


def test_a_missing_manifest_is_an_error_that_says_how_to_go_on(history, tmp_path):
    folder = copied(history, tmp_path)
    manifest = next((folder / "appendonlydir").glob("*.manifest"))
    kept = manifest.read_bytes()
    manifest.unlink()
    line = refusal(folder)
    assert "has no manifest" in line and "Bring the manifest back" in line
    manifest.write_bytes(kept)
    assert outcome(folder) == WRITES


def test_a_changed_byte_on_disk_names_its_place_and_the_way_on(history, tmp_path):
    folder = copied(history, tmp_path)
    node = Server("node", "--appendonly", "yes", "--appendfsync", "always", folder=folder)
    try:
        write(node, range(WRITES, WRITES + 10))
    finally:
        node.kill()
    path = newest(folder)
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    line = refusal(folder)
    offset = re.search(r"truncate -s (\d+) ", line)
    assert path.name in line and offset, line
    with open(path, "r+b") as file:
        file.truncate(int(offset[1]))
    assert outcome(folder) >= WRITES


def test_an_upgrade_of_redis_that_ended_halfway_goes_on(tmp_path):
    with servers() as start:
        old = start("redis", "--appendonly", "yes")
        old.client.set("kept", 1)
        old.kill()
        lines = next((old.folder / "appendonlydir").glob("*.incr.aof")).read_bytes()
    folder = tmp_path / "node"
    (folder / "appendonlydir").mkdir(parents=True)
    (folder / "appendonly.aof").write_bytes(lines)
    (folder / "appendonlydir" / "appendonly.aof.manifest").write_text(
        "file appendonly.aof seq 1 type b\n")
    with servers() as start:
        node = start("node", "--appendonly", "yes", folder=folder)
        assert node.client.get("kept") == b"1"
        assert not (folder / "appendonly.aof").exists()
