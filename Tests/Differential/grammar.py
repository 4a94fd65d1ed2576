"""Draws arguments for a command from the syntax that a server gives in COMMAND DOCS.

The values are what breaks servers: numbers at the ends of their types, empty words, counts that do
not fit, options twice. Two in three draws are sound, so that there are data to work on.
"""

KEYS = 7
INTEGERS = ["0", "1", "-1", "2", "3", "10", "-2147483648", "2147483647", "2147483648", "4294967296",
            "9007199254740993", "4611686018427387904", "9223372036854775807",
            "-9223372036854775808", "9223372036854775808", "-9223372036854775809", "",
            "1e3", "0x10", " 1", "1 ", "+1", "007", "1.0", "99999999999999999999"]
SMALL_INTEGERS = ["0", "1", "2", "3", "-1", "-2", "5", "17"]
DOUBLES = ["0", "-0", "1.5", "-3.25", "inf", "-inf", "+inf", "nan", "1e308", "-1e308", "1e-320",
           "1e309", "9007199254740993", "", "1.", ".5", "1e", "0x1p3", "infinity", "3.0e5"]
SMALL_DOUBLES = ["0", "1", "1.5", "-2.25", "3", "10", "-7"]
MEMBERS = ["a", "b", "c", "d", "1", "2", "-5", "300", "9223372036854775807", "", "\x00\xff",
           "x" * 63, "x" * 64, "x" * 65, "3.5", "hello world"]
PATTERNS = ["*", "?", "[a-c]", "[^a]*", "k*", "\\", "[", "a**b", "", "s[0-9]"]
IDENTITIES = ["0", "1-1", "2-1", "3-0", "5-2", "0-0", "18446744073709551615-18446744073709551615",
              "7", "7-*", "$", ">", "-", "+", "(2-1", "1-", "-1", "99999999999999999999-1"]
# Times that do not pass while a session lasts: three servers never look at the same moment.
TIMES = ["100000", "-1", "0", "9007199254740993", "9223372036854775807", "-9223372036854775808",
         "9223372036854775808", "", "1.5", "99999999999999999999"]


class Grammar:
    """What a server says of its commands, in a form to draw from."""

    def __init__(self, documentation, draw):
        self.commands = documentation
        self.draw = draw

    def names(self):
        return sorted(self.commands)

    def command(self, name):
        """The words of one call of `name` ("xadd" or "config|get")."""
        words = name.upper().split("|")
        for argument in self.commands[name]:
            words += self.argument(argument)
        if self.draw.randrange(25) == 0 and len(words) > 1:
            self.disturb(words)
        if name == "xadd":
            # An entry named by the clock would make every later difference of data.
            words = ["9-*" if word == "*" else word for word in words]
        return [str(word).encode("latin-1") for word in words]

    def disturb(self, words):
        place = self.draw.randrange(1, len(words))
        how = self.draw.randrange(4)
        if how == 0:
            del words[place]
        elif how == 1:
            words.insert(place, words[place])
        elif how == 2:
            words[place] = self.draw.choice(INTEGERS + DOUBLES + MEMBERS)
        else:
            words.append(self.draw.choice(words[1:]))

    def argument(self, argument):
        flags = argument.get("flags", ())
        if "optional" in flags and self.draw.randrange(3):
            return []
        repeats = 1
        if "multiple" in flags:
            repeats = self.draw.choice([1, 1, 2, 3])
        words = []
        for turn in range(repeats):
            if "token" in argument and (turn == 0 or "multiple_token" in flags):
                words.append(self.cased(argument["token"]))
            words += self.value(argument)
        return words

    def cased(self, token):
        return token.lower() if self.draw.randrange(4) == 0 else token

    def value(self, argument):
        kind = argument["type"]
        if kind == "block":
            return [word for part in argument["arguments"] for word in self.argument(part)]
        if kind == "oneof":
            return self.argument(self.draw.choice(argument["arguments"]))
        if kind == "pure-token":
            return []
        return [self.word(kind, argument["name"])]

    def word(self, kind, name):
        draw = self.draw
        if kind == "key":
            return draw.choice("slhtzx") + str(draw.randrange(KEYS // 2))
        if "id" in name.split("-") or name in ("start", "end") and kind == "string":
            return draw.choice(IDENTITIES)
        if kind == "integer":
            if name == "numkeys":
                return draw.choice(["1", "1", "2", "2", "3", "0", "-1", "9223372036854775807"])
            if name in ("seconds", "milliseconds"):
                return draw.choice(TIMES)
            return draw.choice(SMALL_INTEGERS if draw.randrange(3) else INTEGERS)
        if kind == "double":
            if name in ("timeout",):
                return draw.choice(["0", "0", "0", "-1", "nan", "inf", "1e308", "abc", ""])
            return draw.choice(SMALL_DOUBLES if draw.randrange(3) else DOUBLES)
        if kind == "unix-time":
            return draw.choice(["1", "0", "-1", "33177117420", "33177117420000", "9223372036854775807",
                                "-9223372036854775808", "99999999999999999999"])
        if kind == "pattern":
            return draw.choice(PATTERNS)
        if name in ("offset", "min", "max", "score", "increment"):
            return draw.choice(SMALL_DOUBLES + ["(1", "[a", "-", "+", "(inf"] + DOUBLES[:4])
        return draw.choice(MEMBERS)


def documentation(connection):
    """COMMAND DOCS of a server that speaks RESP2, as arguments by name."""
    def texts(value):
        if isinstance(value.body, tuple):
            return [texts(one) for one in value.body]
        return value.body.decode() if value.body is not None else None

    def argument(fields):
        found = dict(zip(fields[::2], fields[1::2]))
        if "arguments" in found:
            found["arguments"] = [argument(one) for one in found["arguments"]]
        return found

    def entries(listed):
        for name, fields in zip(listed[::2], listed[1::2]):
            facts = dict(zip(fields[::2], fields[1::2]))
            if "subcommands" in facts:
                yield from entries(facts["subcommands"])
            else:
                yield name, [argument(one) for one in facts.get("arguments", [])]

    return dict(entries(texts(connection.ask("COMMAND", "DOCS"))))
