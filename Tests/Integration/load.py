"""Writers that record what was acknowledged, so that a test can ask for it afterwards."""

import threading

import redis

from suite import NODES


class Writer:
    """Writes ever new keys to whichever node is master, until stopped.

    `acknowledged` holds the keys whose SET was answered with OK (and, with `replicas`, whose WAIT
    counted that many): none of them may ever be missing.
    """

    def __init__(self, suite, prefix, replicas=0, wait_milliseconds=1000):
        self.suite = suite
        self.prefix = prefix
        self.replicas = replicas
        self.wait_milliseconds = wait_milliseconds
        self.acknowledged = []
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self.stop()

    def stop(self):
        self._stop.set()
        self._thread.join(timeout=30)
        assert not self._thread.is_alive(), "the writer hangs"

    def _run(self):
        number = 0
        client = None
        while not self._stop.is_set():
            number += 1
            key = f"{self.prefix}:{number}"
            try:
                client = client or self._connect()
                if client is None:
                    continue
                client.set(key, number)
                if self.replicas and client.wait(
                    self.replicas, self.wait_milliseconds
                ) < self.replicas:
                    continue
                self.acknowledged.append((key, number))
            except (redis.RedisError, OSError):
                if client:
                    client.close()
                client = None

    def _connect(self):
        for name in NODES:
            client = None
            try:
                client = self.suite.client(name, single_connection_client=True, socket_timeout=5)
                if client.role()[0] == "master":
                    return client
            except (redis.RedisError, OSError):
                pass
            if client:
                client.close()
        return None


def missing(client, acknowledged):
    """Which of the acknowledged writes the node does not hold."""
    lost = []
    for start in range(0, len(acknowledged), 1000):
        part = acknowledged[start : start + 1000]
        values = client.mget([key for key, _ in part])
        lost += [key for (key, number), value in zip(part, values) if value != str(number)]
    return lost
