"""One server under comparison, with the clients of a session and a replica that reads its effects."""

import sys
import time
from pathlib import Path

from protocol import REPLY_SECONDS, Broken, Connection
from sessions import BLOCKING, CONNECTIONS

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "Integration"))

from servers import Server, wait_until  # noqa: E402
from wire import FakeReplica  # noqa: E402

OPTIONS = ["--enable-debug-command", "yes", "--proto-max-bulk-len", "2mb", "--databases", "9",
           "--maxmemory", "512mb", "--maxmemory-policy", "noeviction",
           "--repl-timeout", "86400"]
# In the last database, where no session goes.
MARK_KEY, MARK_DATABASE = b"differential:step", 8


class World:
    def __init__(self, kind):
        self.kind = kind
        self.server = Server(kind, *OPTIONS)
        self.connections = []
        self.open()

    def open(self):
        self.control = Connection(self.server.port)
        self.control.ask("DEBUG", "SET-ACTIVE-EXPIRE", "0")
        self.control.ask("SELECT", MARK_DATABASE)
        self.replica = FakeReplica(self.server.port)
        self.replica.full_sync()
        # A FLUSHALL would end the child that still holds the transfer.
        wait_until(self.is_synchronised, "the replica is online and no child runs")
        # One that came before the transfer was over did not start the stream.
        self.replica.acknowledge(0)

    def is_synchronised(self):
        facts = self.control.ask("INFO", "everything").body
        return b"state=online" in facts and b"rdb_bgsave_in_progress:0" in facts

    def begin(self):
        """An empty data set and new connections."""
        self.end_connections()
        self.control.ask("FLUSHALL")
        self.control.ask("SCRIPT", "FLUSH")
        self.connections = [Connection(self.server.port) for _ in range(CONNECTIONS)]
        self.identities = [one.ask("CLIENT", "ID").body for one in self.connections]
        self.mark(b"begin")
        self.read_effects(b"begin")

    def end_connections(self):
        for connection in self.connections:
            connection.close()
        self.connections = []

    def play(self, index, words):
        """Sends one command; gives what every connection then got, as a list for each.

        An empty list for the sender means that it waits (a blocking command).
        """
        sender = self.connections[index]
        sender.send(words)
        got = [[] for _ in self.connections]
        if self.answers(index, words):
            got[index].append(sender.read())
        # Whatever the command caused has been written when a later command is answered.
        self.control.ask("PING")
        for place, connection in enumerate(self.connections):
            got[place] += connection.waiting()
        return got

    def answers(self, index, words):
        """Whether a reply comes; False when the sender was put to wait."""
        if words[0].upper() not in BLOCKING:
            return True
        deadline = time.monotonic() + REPLY_SECONDS
        connection = self.connections[index]
        while time.monotonic() < deadline:
            if connection.is_readable():
                return True
            line = self.control.ask("CLIENT", "LIST", "ID", self.identities[index]).body
            flags = line.split(b" flags=")[1].split(b" ")[0] if line else b""
            if b"b" in flags:
                return False
        raise Broken(f"neither a reply nor a wait within {REPLY_SECONDS} s")

    def mark(self, name):
        """Marks the place in the stream that replicas read, by a write that no client sees."""
        self.control.ask("SET", MARK_KEY, name)

    def read_effects(self, last):
        """The commands in the stream up to the mark `last`, as (mark before, words) pairs."""
        found, after = [], b""
        while True:
            words = self.replica.peer.command()
            if words[0].upper() == b"SET" and words[1] == MARK_KEY:
                after = words[2]
                if after == last:
                    return found
                continue
            if words[0].upper() not in (b"PING", b"REPLCONF"):
                found.append((after, words))

    def resynchronise(self):
        """Reads the stream up to a fresh mark, whatever stands before it."""
        self.mark(b"mended")
        self.read_effects(b"mended")

    def digest(self):
        return self.control.ask("DEBUG", "DIGEST").body

    def has_ended(self):
        return self.server.process.poll() is not None

    def restart(self):
        """A fresh server in place of one that ended or went wrong."""
        self.close()
        self.__init__(self.kind)

    def close(self):
        self.end_connections()
        self.control.close()
        self.replica.close()
        self.server.kill()
