"""Random commands over every data type, the same for the same seed.

Each command comes with how its reply is to be compared: as it is, as a set (the order is the
server's own), or not at all (the reply is random or tells the time).
"""

import random

EXACT, UNORDERED, IGNORED = "exact", "unordered", "ignored"
KEYS = 24


class Workload:
    def __init__(self, seed):
        self.draw = random.Random(seed)
        self.families = [self.strings, self.keys, self.lists, self.hashes, self.sets,
                         self.sorted_sets, self.streams, self.bits, self.loglogs, self.places]

    def commands(self, count):
        """`count` pairs of a command (a list of words) and the way to compare its reply."""
        for _ in range(count):
            yield self.draw.choice(self.families)()

    # Words

    def key(self, family):
        # One key in twenty belongs to another family: wrong types must be refused alike.
        if self.draw.randrange(20) == 0:
            family = self.draw.choice("slhtzxbpg")
        return f"{family}{self.draw.randrange(KEYS)}"

    def member(self):
        return self.draw.choice([
            lambda: f"m{self.draw.randrange(40)}",
            lambda: str(self.draw.randrange(-50, 300)),
            lambda: str(self.draw.choice([2**31, -2**31 - 1, 2**63 - 1, -2**63, 2**16, 255])),
            lambda: "x" * self.draw.choice([1, 63, 64, 65, 200]),
            lambda: self.draw.randbytes(self.draw.randrange(1, 12)),
            lambda: "",
        ])()

    def members(self, most=4):
        return [self.member() for _ in range(self.draw.randrange(1, most + 1))]

    def score(self):
        # Binary fractions only: Redis 7.0 digests others with more digits than Redis 7.2.
        return self.draw.choice([
            str(self.draw.randrange(-20, 20)), "1.5", "-0.25", "3.0e5", "inf", "-inf",
            str(self.draw.randrange(-4096, 4096) / 64)])

    def index(self):
        return self.draw.randrange(-12, 40)

    def sometimes(self, *words):
        return list(words) if self.draw.randrange(3) == 0 else []

    def pick(self, *choices):
        choice = self.draw.choice(choices)
        return choice() if callable(choice) else choice

    # Families

    def strings(self):
        key, draw = self.key("s"), self.draw
        return self.pick(
            lambda: (["SET", key, self.member(), *self.sometimes(draw.choice(["NX", "XX"]))], EXACT),
            lambda: (["SET", key, self.member(), "GET"], EXACT),
            lambda: (["GET", key], EXACT), lambda: (["APPEND", key, self.member()], EXACT),
            lambda: (["INCRBY", key, draw.randrange(-9, 99)], EXACT),
            lambda: (["INCRBYFLOAT", key, draw.choice(["0.5", "-1.25", "1e3", "3"])], EXACT),
            lambda: (["SETRANGE", key, draw.randrange(80), self.member()], EXACT),
            lambda: (["GETRANGE", key, self.index(), self.index()], EXACT),
            lambda: (["STRLEN", key], EXACT), lambda: (["GETDEL", key], EXACT),
            lambda: (["MSETNX", key, "a", self.key("s"), "b"], EXACT),
            lambda: (["MGET", key, self.key("s"), self.key("l")], EXACT),
            lambda: (["LCS", key, self.key("s"), *self.sometimes("LEN")], EXACT))

    def keys(self):
        families = "slhtzxbpg"
        key, other = self.key(self.draw.choice(families)), self.key(self.draw.choice(families))
        return self.pick(
            lambda: (["TYPE", key], EXACT), lambda: (["EXISTS", key, other], EXACT),
            lambda: (["DEL", key], EXACT), lambda: (["UNLINK", key, other], EXACT),
            lambda: (["RENAME", key, other], EXACT), lambda: (["RENAMENX", key, other], EXACT),
            lambda: (["COPY", key, other, *self.sometimes("REPLACE")], EXACT),
            lambda: (["EXPIRE", key, 10_000], EXACT), lambda: (["PERSIST", key], EXACT),
            lambda: (["OBJECT", "ENCODING", key], IGNORED), lambda: (["TOUCH", key], EXACT),
            lambda: (["DBSIZE"], EXACT), lambda: (["KEYS", self.draw.choice(families) + "1*"], UNORDERED),
            lambda: (["SORT", self.key("l"), "ALPHA", "LIMIT", 0, 5], EXACT),
            lambda: (["SORT", self.key("t"), "ALPHA", "DESC"], EXACT),
            lambda: (["SORT", self.key("z"), "ALPHA", "STORE", self.key("l")], EXACT))

    def lists(self):
        key, draw = self.key("l"), self.draw
        side = draw.choice(["LEFT", "RIGHT"])
        return self.pick(
            lambda: (["LPUSH", key, *self.members()], EXACT),
            lambda: (["RPUSH", key, *self.members(9)], EXACT),
            lambda: (["RPUSHX", key, *self.members()], EXACT),
            lambda: (["LPOP", key, *self.sometimes(draw.randrange(4))], EXACT),
            lambda: (["RPOP", key, *self.sometimes(draw.randrange(4))], EXACT),
            lambda: (["LLEN", key], EXACT), lambda: (["LRANGE", key, self.index(), self.index()], EXACT),
            lambda: (["LINDEX", key, self.index()], EXACT),
            lambda: (["LSET", key, self.index(), self.member()], EXACT),
            lambda: (["LINSERT", key, draw.choice(["BEFORE", "AFTER"]), self.member(), self.member()], EXACT),
            lambda: (["LREM", key, draw.randrange(-2, 3), self.member()], EXACT),
            lambda: (["LTRIM", key, draw.randrange(-60, 5), draw.randrange(-3, 60)], EXACT),
            lambda: (["LPOS", key, self.member(), *self.sometimes("COUNT", 0)], EXACT),
            lambda: (["LMOVE", key, self.key("l"), side, draw.choice(["LEFT", "RIGHT"])], EXACT),
            lambda: (["RPOPLPUSH", key, self.key("l")], EXACT),
            lambda: (["LMPOP", 2, key, self.key("l"), side, "COUNT", 2], EXACT))

    def hashes(self):
        key, draw = self.key("h"), self.draw
        pairs = [self.member() for _ in range(2 * draw.randrange(1, 5))]
        return self.pick(
            lambda: (["HSET", key, *pairs], EXACT), lambda: (["HSETNX", key, *pairs[:2]], EXACT),
            lambda: (["HGET", key, self.member()], EXACT), lambda: (["HMGET", key, *self.members()], EXACT),
            lambda: (["HDEL", key, *self.members()], EXACT), lambda: (["HLEN", key], EXACT),
            lambda: (["HEXISTS", key, self.member()], EXACT),
            lambda: (["HSTRLEN", key, self.member()], EXACT),
            lambda: (["HINCRBY", key, self.member(), draw.randrange(-5, 50)], EXACT),
            lambda: (["HINCRBYFLOAT", key, self.member(), "0.5"], EXACT),
            lambda: (["HKEYS", key], UNORDERED), lambda: (["HVALS", key], UNORDERED),
            lambda: (["HGETALL", key], UNORDERED))

    def sets(self):
        key, other, draw = self.key("t"), self.key("t"), self.draw
        operation = draw.choice(["SINTER", "SUNION", "SDIFF"])
        return self.pick(
            lambda: (["SADD", key, *self.members(8)], EXACT), lambda: (["SREM", key, *self.members()], EXACT),
            lambda: (["SISMEMBER", key, self.member()], EXACT),
            lambda: (["SMISMEMBER", key, *self.members()], EXACT), lambda: (["SCARD", key], EXACT),
            lambda: (["SMEMBERS", key], UNORDERED), lambda: (["SMOVE", key, other, self.member()], EXACT),
            lambda: ([operation, key, other], UNORDERED),
            lambda: ([operation + "STORE", self.key("t"), key, other], EXACT),
            lambda: (["SINTERCARD", 2, key, other, *self.sometimes("LIMIT", 3)], EXACT))

    def sorted_sets(self):
        key, other, draw = self.key("z"), self.key("z"), self.draw
        pairs = [word for _ in range(draw.randrange(1, 6)) for word in (self.score(), self.member())]
        low, high = draw.choice(["-inf", "(0", "-5", "1"]), draw.choice(["+inf", "(10", "5", "2"])
        operation = draw.choice(["ZUNION", "ZINTER"])
        return self.pick(
            lambda: (["ZADD", key, *self.sometimes(draw.choice(["NX", "XX", "GT", "LT"])),
                      *self.sometimes("CH"), *pairs], EXACT),
            lambda: (["ZINCRBY", key, self.score(), self.member()], EXACT),
            lambda: (["ZREM", key, *self.members()], EXACT), lambda: (["ZCARD", key], EXACT),
            lambda: (["ZSCORE", key, self.member()], EXACT), lambda: (["ZRANK", key, self.member()], EXACT),
            lambda: (["ZREVRANK", key, self.member()], EXACT),
            lambda: (["ZMSCORE", key, *self.members()], EXACT),
            lambda: (["ZCOUNT", key, low, high], EXACT),
            lambda: (["ZRANGE", key, self.index(), self.index(), *self.sometimes("REV"), "WITHSCORES"], EXACT),
            lambda: (["ZRANGE", key, low, high, "BYSCORE", *self.sometimes("LIMIT", 1, 3)], EXACT),
            lambda: (["ZREVRANGEBYSCORE", key, high, low, "WITHSCORES"], EXACT),
            lambda: (["ZRANGEBYLEX", key, "-", "(m3"], IGNORED),
            lambda: (["ZREMRANGEBYSCORE", key, "(3", "4"], EXACT),
            lambda: (["ZREMRANGEBYRANK", key, -2, -2], EXACT),
            lambda: (["ZPOPMIN", key, *self.sometimes(2)], EXACT), lambda: (["ZPOPMAX", key], EXACT),
            lambda: ([operation, 2, key, other, *self.sometimes("WEIGHTS", 2, 3),
                      *self.sometimes("AGGREGATE", "MAX"), "WITHSCORES"], EXACT),
            lambda: (["ZDIFFSTORE", self.key("z"), 2, key, other], EXACT),
            lambda: ([operation + "STORE", self.key("z"), 2, key, self.key("t")], EXACT),
            lambda: (["ZRANGESTORE", self.key("z"), key, 0, 4], EXACT),
            lambda: (["ZINTERCARD", 2, key, other], EXACT),
            lambda: (["ZMPOP", 1, key, "MIN", "COUNT", 2], EXACT))

    def streams(self):
        key, draw = self.key("x"), self.draw
        identity = f"{draw.randrange(1, 60)}-{draw.randrange(3)}"
        fields = [self.member() for _ in range(2 * draw.randrange(1, 3))]
        return self.pick(
            lambda: (["XADD", key, *self.sometimes("MAXLEN", 20), identity, *fields], EXACT),
            lambda: (["XADD", key, identity.split("-")[0] + "-*", "f", "v"], EXACT),
            lambda: (["XLEN", key], EXACT), lambda: (["XDEL", key, identity], EXACT),
            lambda: (["XRANGE", key, "-", "+", *self.sometimes("COUNT", 4)], EXACT),
            lambda: (["XREVRANGE", key, "+", identity], EXACT),
            lambda: (["XREAD", "COUNT", 3, "STREAMS", key, identity], EXACT),
            lambda: (["XTRIM", key, draw.choice(["MAXLEN", "MINID"]), draw.randrange(1, 30)], EXACT),
            lambda: (["XGROUP", "CREATE", key, f"g{draw.randrange(2)}", draw.choice(["0", "$", identity]),
                      *self.sometimes("MKSTREAM")], EXACT),
            lambda: (["XREADGROUP", "GROUP", f"g{draw.randrange(2)}", f"c{draw.randrange(2)}", "COUNT", 3,
                      *self.sometimes("NOACK"), "STREAMS", key, draw.choice([">", ">", "0"])], EXACT),
            lambda: (["XACK", key, f"g{draw.randrange(2)}", identity], EXACT),
            lambda: (["XPENDING", key, f"g{draw.randrange(2)}"], EXACT),
            lambda: (["XCLAIM", key, "g0", "c1", 0, identity, "JUSTID"], EXACT),
            lambda: (["XAUTOCLAIM", key, "g1", "c0", 0, "-", "COUNT", 3, "JUSTID"], EXACT),
            lambda: (["XGROUP", "DELCONSUMER", key, "g0", "c0"], EXACT))

    def bits(self):
        key, draw = self.key("b"), self.draw
        return self.pick(
            lambda: (["SETBIT", key, draw.randrange(600), draw.randrange(2)], EXACT),
            lambda: (["GETBIT", key, draw.randrange(700)], EXACT),
            lambda: (["BITCOUNT", key, *self.sometimes(self.index(), self.index(), "BIT")], EXACT),
            lambda: (["BITPOS", key, draw.randrange(2), *self.sometimes(self.index())], EXACT),
            lambda: (["BITOP", draw.choice(["AND", "OR", "XOR"]), self.key("b"), key, self.key("b")], EXACT),
            lambda: (["BITOP", "NOT", self.key("b"), key], EXACT),
            lambda: (["BITFIELD", key, "OVERFLOW", draw.choice(["WRAP", "SAT", "FAIL"]), "INCRBY",
                      draw.choice(["u5", "i7", "u13"]), f"#{draw.randrange(9)}", draw.randrange(-9, 40),
                      "GET", "i16", draw.randrange(50)], EXACT))

    def loglogs(self):
        key = self.key("p")
        return self.pick(
            lambda: (["PFADD", key, *self.members(30)], EXACT), lambda: (["PFCOUNT", key], EXACT),
            lambda: (["PFCOUNT", key, self.key("p")], EXACT),
            lambda: (["PFMERGE", self.key("p"), key], EXACT))

    def places(self):
        key, draw = self.key("g"), self.draw
        place = [round(draw.uniform(-179, 179), 4), round(draw.uniform(-80, 80), 4)]
        return self.pick(
            lambda: (["GEOADD", key, *place, f"m{draw.randrange(40)}"], EXACT),
            lambda: (["GEOPOS", key, f"m{draw.randrange(40)}"], EXACT),
            lambda: (["GEODIST", key, f"m{draw.randrange(40)}", f"m{draw.randrange(40)}", "km"], EXACT),
            lambda: (["GEOHASH", key, f"m{draw.randrange(40)}"], EXACT),
            lambda: (["GEOSEARCH", key, "FROMLONLAT", *place, "BYRADIUS", 5000, "km", "ASC", "WITHDIST"], EXACT),
            lambda: (["GEOSEARCHSTORE", self.key("z"), key, "FROMLONLAT", *place, "BYBOX", 4000, 9000, "km"], EXACT))
