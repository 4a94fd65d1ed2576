"""Draws whole sessions: what several clients send, one step after the other.

A step is the number of a connection and the words that it sends. Transactions, scripts, blocking
calls, subscriptions and both protocols come up in every session.
"""

from grammar import Grammar

CONNECTIONS = 3
STEPS = 40

# Not drawn: what ends, stops, reconfigures or waits, what tells time or chance or the server's own
# state, and what needs other servers. Each of these has tests of its own.
LEFT_OUT = {
    "shutdown", "debug", "monitor", "sync", "psync", "replicaof", "slaveof", "failover", "replconf",
    "migrate", "save", "bgsave", "bgrewriteaof", "info", "time", "lastsave", "role", "wait",
    "waitaof", "readonly", "readwrite", "asking", "auth", "quit", "lolwut", "randomkey",
    "srandmember", "spop", "hrandfield", "zrandmember", "dump", "restore", "restore-asking", "hello",
    "pfdebug", "pfselftest", "reset", "scan", "sscan", "hscan", "zscan", "select", "subscribe",
    "psubscribe", "ssubscribe", "unsubscribe", "punsubscribe", "sunsubscribe", "eval", "evalsha",
    "eval_ro", "evalsha_ro", "fcall", "fcall_ro", "multi", "exec", "discard", "watch", "unwatch",
}
FAMILIES_LEFT_OUT = {"acl", "client", "cluster", "command", "config", "latency", "memory", "module",
                     "slowlog", "script", "function", "sentinel", "pubsub", "object", "commandlog"}
BLOCKING = {b"BLPOP", b"BRPOP", b"BLMOVE", b"BRPOPLPUSH", b"BLMPOP", b"BZPOPMIN", b"BZPOPMAX",
            b"BZMPOP", b"XREAD", b"XREADGROUP"}
SCRIPTS = [
    b"return redis.call(unpack(ARGV))",
    b"return redis.pcall(unpack(ARGV))",
    b"redis.setresp(3); return redis.call(unpack(ARGV))",
    b"local r = redis.pcall(unpack(ARGV)); return {type(r), r}",
]


class Sessions:
    def __init__(self, documentation, draw, chosen=()):
        self.draw = draw
        self.grammar = Grammar(documentation, draw)
        self.names = [name for name in self.grammar.names() if self.is_drawn(name, chosen)]

    @staticmethod
    def is_drawn(name, chosen):
        family = name.split("|")[0]
        if chosen:
            return family in chosen
        return name not in LEFT_OUT and family not in FAMILIES_LEFT_OUT | LEFT_OUT

    def session(self):
        steps = list(self.opening())
        # Few names a session: commands of one type meet on the same keys.
        names = self.draw.sample(self.names, min(len(self.names), self.draw.choice([4, 8, 20])))
        queueing = set()
        for _ in range(STEPS):
            index, words = self.draw.randrange(CONNECTIONS), self.words(names)
            if words[0] == b"HELLO" and index in queueing:
                # Its answer tells versions, and inside EXEC's reply it could not be told apart.
                continue
            if words[0] == b"MULTI":
                queueing.add(index)
            elif words[0] in (b"EXEC", b"DISCARD", b"RESET"):
                queueing.discard(index)
            steps.append((index, words))
        return steps

    def opening(self):
        """Data of every type, and the protocol of each connection."""
        for index in range(CONNECTIONS):
            if self.draw.randrange(2):
                yield index, [b"HELLO", b"3"]
        for words in (b"SET s0 12", b"SET s1 hello", b"RPUSH l0 a b 1 2 c", b"RPUSH l1 3 1 2",
                      b"HSET h0 a 1 b hello", b"HSET h1 c 2.5", b"SADD t0 a b c", b"SADD t1 1 2 300",
                      b"ZADD z0 1 a 2 b 3.5 c", b"ZADD z1 0 a 0 b 0 c", b"XADD x0 1-1 a 1",
                      b"XADD x0 2-1 b 2", b"XGROUP CREATE x0 g 0", b"EXPIRE s1 100000"):
            if self.draw.randrange(3):
                yield 0, words.split()

    def words(self, names):
        turn = self.draw.randrange(100)
        if turn < 5:
            return [b"MULTI"]
        if turn < 11:
            return [b"EXEC"]
        if turn < 12:
            return [self.draw.choice([b"DISCARD", b"UNWATCH"])]
        if turn < 14:
            return [b"WATCH", self.key()]
        if turn < 15:
            return [self.draw.choice([b"SUBSCRIBE", b"UNSUBSCRIBE", b"PSUBSCRIBE", b"SSUBSCRIBE"]),
                    self.draw.choice([b"a", b"b", b"*"])]
        if turn < 16:
            return [self.draw.choice([b"PUBLISH", b"SPUBLISH"]), b"a", b"news"]
        if turn < 17:
            return [b"SELECT", self.draw.choice([b"0", b"1", b"0"])]
        if turn < 18:
            return self.draw.choice([b"RESET", b"HELLO 2", b"HELLO 3", b"CLIENT TRACKING on",
                                     b"CLIENT TRACKING off"]).split()
        inner = self.grammar.command(self.draw.choice(names))
        if turn < 26:
            return [b"EVAL", self.draw.choice(SCRIPTS), b"0", *inner]
        return inner

    def key(self):
        return (self.draw.choice("slhtzx") + str(self.draw.randrange(3))).encode()
