"""Both ends of the replication protocol by hand: a fake master and a fake replica.

What they send and expect is the protocol as redis-server speaks it, byte by byte.
"""

import select
import socket
import time

REPLICATION_ID = "0123456789abcdef0123456789abcdef01234567"


def command(*words):
    parts = [b"*%d\r\n" % len(words)]
    for word in words:
        word = word if isinstance(word, bytes) else str(word).encode()
        parts.append(b"$%d\r\n%s\r\n" % (len(word), word))
    return b"".join(parts)


def snapshot(strings=(), database=0, stream_database=None):
    """A snapshot of version 9 with its checksum left out, which every loader accepts."""
    def text(value):
        value = value if isinstance(value, bytes) else str(value).encode()
        assert len(value) < 64
        return bytes([len(value)]) + value

    body = b"REDIS0009"
    if stream_database is not None:
        body += b"\xfa" + text("repl-stream-db") + text(stream_database)
    strings = list(strings)
    if strings:
        body += b"\xfe" + bytes([database])
        body += b"\xfb" + bytes([len(strings), 0])
        for key, value in strings:
            body += b"\x00" + text(key) + text(value)
    return body + b"\xff" + bytes(8)


class Peer:
    """A socket with a reader of lines, counted bytes and commands."""

    def __init__(self, connection):
        self.connection = connection
        self.connection.settimeout(15)
        self.buffer = bytearray()

    def send(self, data):
        self.connection.sendall(data)

    def fill(self):
        data = self.connection.recv(65536)
        if not data:
            raise EOFError("the peer closed the connection")
        self.buffer += data

    def peek(self):
        """What is there, without waiting for more."""
        while select.select([self.connection], [], [], 0)[0]:
            self.fill()
        return self.buffer

    def take(self, count):
        while len(self.buffer) < count:
            self.fill()
        data = bytes(self.buffer[:count])
        del self.buffer[:count]
        return data

    def line(self):
        while b"\n" not in self.buffer:
            self.fill()
        line = self.take(self.buffer.index(b"\n") + 1)
        return line[:-1].rstrip(b"\r")

    def filled_line(self):
        """The next line that is no keepalive."""
        while True:
            line = self.line()
            if line:
                return line

    def command(self):
        header = self.filled_line()
        assert header[:1] == b"*", header
        words = []
        for _ in range(int(header[1:])):
            length = self.line()
            assert length[:1] == b"$", length
            words.append(self.take(int(length[1:])))
            assert self.take(2) == b"\r\n"
        return words

    def is_closed(self, seconds=10):
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            try:
                self.fill()
            except (EOFError, ConnectionError):
                return True
        return False

    def close(self):
        self.connection.close()


class FakeMaster:
    """Listens, and takes a replica through the handshake."""

    def __init__(self):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.listener.settimeout(20)
        self.port = self.listener.getsockname()[1]
        self.peers = []

    def accept(self):
        connection, _ = self.listener.accept()
        peer = Peer(connection)
        self.peers.append(peer)
        return peer

    def handshake(self):
        """Answers until PSYNC arrives; gives the peer, its PSYNC and what it announced."""
        peer = self.accept()
        announced = []
        while True:
            words = peer.command()
            name = words[0].upper()
            if name == b"PSYNC":
                return peer, words, announced
            if name == b"PING":
                peer.send(b"+PONG\r\n")
            elif words[1].lower() == b"headwater":
                peer.send(b"-ERR Unrecognized REPLCONF option: headwater\r\n")
            else:
                peer.send(b"+OK\r\n")
            announced.append(words)

    def close(self):
        for peer in self.peers:
            peer.close()
        self.listener.close()


class FakeReplica:
    """Attaches to a master by hand."""

    def __init__(self, port, listening_port=1, capabilities=("eof", "psync2")):
        self.peer = Peer(socket.create_connection(("127.0.0.1", port)))
        self.ask("PING")
        self.ask("REPLCONF", "listening-port", listening_port)
        words = [word for name in capabilities for word in ("capa", name)]
        self.ask("REPLCONF", *words)

    def ask(self, *words):
        self.peer.send(command(*words))
        return self.peer.line()

    def psync(self, replication_id="?", offset=-1):
        """Sends PSYNC; gives the first line of the answer."""
        self.peer.send(command("PSYNC", replication_id, offset))
        return self.peer.filled_line()

    def full_sync(self):
        """Gets a snapshot; gives its history, its offset and its bytes."""
        answer = self.psync().split()
        assert answer[0] == b"+FULLRESYNC", answer
        offset = int(answer[2])
        return answer[1].decode(), offset, self.payload(offset)

    def payload(self, offset=0):
        """The bytes of a snapshot; the end of one of unknown length is acknowledged."""
        header = self.peer.filled_line()
        assert header[:1] == b"$", header
        if header.startswith(b"$EOF:"):
            mark = header[5:]
            while not self.peer.buffer.endswith(mark):
                self.peer.fill()
            data = self.peer.take(len(self.peer.buffer))[:-len(mark)]
            self.acknowledge(offset)
            return data
        return self.peer.take(int(header[1:]))

    def acknowledge(self, offset):
        self.peer.send(command("REPLCONF", "ACK", offset))

    def stream(self, count):
        return self.peer.take(count)

    def close(self):
        self.peer.close()
