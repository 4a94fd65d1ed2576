"""When two servers' answers to one step count as the same."""

import re

from protocol import Value

# Times of now, in milliseconds or seconds since 1970, also as parts of stream entries' names.
NOW = re.compile(rb"\b1[789]\d{11}(-\d+)?\b|\b1[789]\d{8}\b")
# What a client sent is quoted in errors, by the real servers up to its first zero byte; Valkey leaves
# the name of the script out.
QUOTED = re.compile(rb"'[^']*'|script: ([0-9a-f]{40}, )?on @user_script:\d+\.|\x00.*")
# The order of these replies is the server's own.
UNORDERED = {b"SMEMBERS", b"SINTER", b"SUNION", b"SDIFF", b"KEYS", b"HKEYS", b"HVALS"}
UNORDERED_PAIRS = {b"HGETALL"}
# What holds replies of other commands.
NESTED = {b"EVAL", b"EVAL_RO"}
# Times that are left, or that came from one: the servers were asked at different moments.
TIMES_LEFT = {b"TTL", b"PTTL", b"HTTL", b"HPTTL", b"EXPIRETIME", b"PEXPIRETIME", b"HEXPIRETIME",
              b"HPEXPIRETIME"}


def plain(value):
    """The value without the moment at which it was made; maps and sets in one order."""
    if isinstance(value.body, tuple):
        parts = tuple(plain(one) for one in value.body)
        if value.kind == "~":
            parts = tuple(sorted(parts, key=str))
        elif value.kind in "%|":
            pairs = sorted(zip(parts[::2], parts[1::2]), key=str)
            parts = tuple(part for pair in pairs for part in pair)
        return Value(value.kind, parts)
    if value.kind == "-":
        return Value("-", QUOTED.sub(b"'...'", value.body))
    if value.body is not None and value.kind in "$:":
        return Value(value.kind, NOW.sub(b"<now>", value.body))
    return value


def loose(value):
    """The value with every array in one order: for replies inside replies."""
    if isinstance(value.body, tuple):
        return Value(value.kind, tuple(sorted((loose(one) for one in value.body), key=str)))
    return value


def comparable(words, values):
    """The replies to `words` in the form in which they are compared."""
    name = words[0].upper()
    found = [plain(value) for value in values]
    if name == b"HELLO":
        # Versions, modules and numbers of clients are each server's own.
        found = [Value(value.kind, None) if value.kind in "*%" else value for value in found]
    elif name == b"EXEC":
        found = [replies_of(value) for value in found]
    elif name in UNORDERED or name in NESTED:
        found = [loose(value) for value in found]
    elif name in UNORDERED_PAIRS:
        found = [pairs_in_order(value) for value in found]
    elif name in TIMES_LEFT:
        found = [seconds_left(value) for value in found]
    return found


def replies_of(value):
    """The replies of a transaction, each as a reply inside another."""
    if value.kind != "*" or not value.body:
        return value
    return Value("*", tuple(loose(one) for one in value.body))


def is_mixture(ours, theirs):
    """Whether every part of `ours` is the same part of one of `theirs`: in a transaction each reply
    may be as one or the other peer gives it."""
    for place, parts in enumerate(ours):
        if all(parts == other[place] for other in theirs):
            continue
        if not parts or parts[0].kind != "*" or not parts[0].body:
            return False
        others = [other[place][0].body for other in theirs if other[place]]
        if any(other is None or len(other) != len(parts[0].body) for other in others):
            return False
        for mine, *rest in zip(parts[0].body, *others):
            if mine not in rest:
                return False
    return True


def pairs_in_order(value):
    if value.kind != "*" or not value.body:
        return value
    pairs = sorted(zip(value.body[::2], value.body[1::2]), key=str)
    return Value("*", tuple(part for pair in pairs for part in pair))


def seconds_left(value):
    if isinstance(value.body, tuple):
        return Value(value.kind, tuple(seconds_left(one) for one in value.body))
    if value.kind == ":" and (value.body == b"<now>" or int(value.body) > 10_000):
        return Value(":", b"<left>")
    return value
