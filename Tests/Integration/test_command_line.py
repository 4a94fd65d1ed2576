"""What our node makes of its command line, beside the real redis-server."""

import subprocess

import pytest
import redis

from servers import binary, free_port, wait_until

DIRECTIVES = ("save", "bind", "client-output-buffer-limit", "replicaof")


def outcome(kind, folder, arguments):
    """The directives in force, or the last line of a start that failed."""
    port = free_port()
    command = [binary(kind), "--port", str(port), "--dir", str(folder), *arguments]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=folder)
    client = redis.Redis(port=port, decode_responses=True)

    def is_decided():
        try:
            return client.ping()
        except redis.ConnectionError:
            return process.poll() is not None

    try:
        wait_until(is_decided, f"{kind} answers or ends")
        if process.poll() is None:
            return {name: client.config_get(name)[name] for name in DIRECTIVES}
        # Behind the words of the log: its time, its process, its level.
        last = process.stdout.read().strip().splitlines()[-1]
        return process.returncode, last.split(" # ")[-1].split(" * ")[-1]
    finally:
        client.close()
        process.kill()
        process.communicate(timeout=20)


@pytest.mark.parametrize("arguments", [
    ["--save", "3600 1"], ["--save", "3600 1 60 100"], ["--save", ""], ["--save", " "],
    ["--save", "3600", "1", "60", "100"], ["--save", "3600 1", "--save", "60 100"],
    ["--save", "3600"], ["--save", "3600 1", "60 100"], ["--save", "'3600' 1"],
    ["--save 3600 1"], ['--save "3600 1"'], ["--save"], ["--save", "--appendonly", "no"],
    ["--bind", "127.0.0.1 -::1"], ["--bind", "127.0.0.1", "-::1"], ["--bind", ""],
    ["--port", "0"], ["--client-output-buffer-limit", "normal 1 2 3 pubsub 4 5 6"],
    ["--client-output-buffer-limit", "normal"], ["--replicaof", "127.0.0.1 1"],
    ["--replicaof", "no one"],
], ids=" ".join)
def test_arguments_mean_what_they_mean_to_a_real_server(tmp_path, arguments):
    ours, real = (outcome(kind, tmp_path, arguments) for kind in ("node", "redis"))
    assert ours == real
