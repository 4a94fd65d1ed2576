"""A connection that keeps replies as they came: every value with the letter of its type.

A client library would hide what is under test: whether a map is a map, where a push stands.
"""

import select
import socket
from typing import NamedTuple

REPLY_SECONDS = 10


class Value(NamedTuple):
    """One reply: the letter of its type in the protocol, and its bytes or its elements."""

    kind: str
    body: object

    def __str__(self):
        if isinstance(self.body, tuple):
            return self.kind + "(" + " ".join(str(one) for one in self.body) + ")"
        text = "nil" if self.body is None else self.body.decode("latin-1")
        return self.kind + (text if len(text) < 120 else f"{text[:120]}… ({len(text)})")


class Broken(Exception):
    """What came is not the protocol, or nothing came in time."""


def encode(words):
    parts = [b"*%d\r\n" % len(words)]
    for word in words:
        parts.append(b"$%d\r\n%s\r\n" % (len(word), word))
    return b"".join(parts)


class Connection:
    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket.settimeout(REPLY_SECONDS)
        self.buffer = b""
        self.place = 0

    def send(self, words):
        self.socket.sendall(encode(words))

    def ask(self, *words):
        """Sends a command; gives its reply. For connections that no push reaches."""
        self.send([word if isinstance(word, bytes) else str(word).encode() for word in words])
        return self.read()

    def waiting(self):
        """Every value that has come in whole or in part, without waiting for a first byte."""
        found = []
        while self.is_readable():
            found.append(self.read())
        return found

    def is_readable(self):
        return self.place < len(self.buffer) or bool(select.select([self.socket], [], [], 0)[0])

    def close(self):
        self.socket.close()

    def fill(self):
        try:
            data = self.socket.recv(1 << 18)
        except TimeoutError:
            raise Broken(f"no answer within {REPLY_SECONDS} s") from None
        except OSError as error:
            raise Broken(f"the connection broke: {error}") from None
        if not data:
            raise Broken("the server closed the connection")
        self.buffer = self.buffer[self.place:] + data
        self.place = 0

    def line(self):
        while (end := self.buffer.find(b"\r\n", self.place)) < 0:
            self.fill()
        line = self.buffer[self.place:end]
        self.place = end + 2
        return line

    def exactly(self, count):
        while len(self.buffer) - self.place < count + 2:
            self.fill()
        data = self.buffer[self.place:self.place + count]
        if self.buffer[self.place + count:self.place + count + 2] != b"\r\n":
            raise Broken(f"no line end behind {data[:60]!r}")
        self.place += count + 2
        return data

    def read(self):
        line = self.line()
        kind, rest = line[:1].decode("latin-1"), line[1:]
        if kind in "+-:,#_(":
            return Value(kind, rest)
        if kind not in "$=!*~>%|":
            raise Broken(f"no reply begins like {line[:60]!r}")
        count = int(rest)
        if count < 0:
            return Value(kind, None)
        if kind in "$=!":
            return Value(kind, self.exactly(count))
        elements = count * 2 if kind in "%|" else count
        return Value(kind, tuple(self.read() for _ in range(elements)))
