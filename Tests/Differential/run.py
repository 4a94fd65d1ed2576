#!/usr/bin/env python3
"""Plays the same random sessions to headwater-node, redis-server and Valkey and compares them.

Compared are the replies on every connection, what replicas are sent, and the digest of the data.
redis-server (7.0) is older than what the node serves, Valkey (9.1) newer: what both do alike and the
node does not is a finding; where they differ, the node must do as one of them. A peer that differs
is out for the rest of that session; what the node does otherwise than the last one left is weak
evidence (`--weak`). A finding is shown with the shortest session that still shows it. Known
differences stand in expected.txt.
"""

import argparse
import random
import re
import sys
import time
from pathlib import Path

from comparison import comparable, is_mixture
from grammar import documentation
from protocol import Broken
from sessions import Sessions
from world import World

PEERS = ("redis", "valkey")
HERE = Path(__file__).resolve().parent


class Finding(Exception):
    """Where the node does what no peer does."""

    def __init__(self, step, words, ours, theirs):
        super().__init__()
        self.step, self.words, self.ours, self.theirs = step, words, ours, theirs

    def is_strong(self):
        """Whether both peers agree against the node, or nothing but the node went wrong."""
        return len(self.theirs) != 1

    def text(self):
        command = b" ".join(self.words[:12]).decode("latin-1")
        lines = [f"{command[:300]}", f"    node: {self.ours}"]
        return "\n".join(lines + [f"    {kind}: {answer}" for kind, answer in self.theirs.items()])

    def signature(self):
        name = self.words[0].upper().decode("latin-1")
        if name.startswith("EVAL") and len(self.words) > 3:
            name += " " + self.words[3].upper().decode("latin-1")
        return re.sub(r"\d+|'[^']*'", "#", f"{name}: {self.ours} / {list(self.theirs.values())}")[:400]


class Undecided(Exception):
    """No peer is left to compare with, and nothing speaks against the node."""


class Comparison:
    def __init__(self, seed, chosen):
        self.draw = random.Random(seed)
        self.node = World("node")
        self.peers = [World(kind) for kind in PEERS]
        older, newer = (documentation(peer.control) for peer in self.peers)
        common = {name: newer[name] for name in newer if name in older}
        self.common = Sessions(common, self.draw, chosen)
        self.newest = Sessions(newer, self.draw, chosen)

    def worlds(self):
        return [self.node, *self.peers]

    def session(self):
        """A session, and the peers that know every command in it."""
        if self.draw.randrange(4) == 0:
            return self.newest.session(), self.peers[1:]
        return self.common.session(), self.peers

    def play(self, steps, peers):
        """Plays a session; raises Finding at the first step at which the node stands alone."""
        for world in self.worlds():
            world.begin()
        agreeing = list(peers)
        waiting, played = set(), []
        for number, (index, words) in enumerate(steps):
            if index in waiting:
                continue
            mark = str(number).encode()
            got = {}
            for world in [self.node, *agreeing]:
                got[world] = self.answer(world, number, index, words, mark)
            agreeing = self.agreeing(number, words, got, agreeing)
            played.append((mark, words))
            waiting = {place for place, values in enumerate(got[self.node][1])
                       if not values and (place == index or place in waiting)}
        self.compare_effects(played, agreeing)
        self.compare_data(len(steps), agreeing)

    def answer(self, world, number, index, words, mark):
        """What a world did with one step, to compare and as it came."""
        try:
            world.mark(mark)
            values = world.play(index, words)
        except Broken as broken:
            if world is not self.node:
                raise
            ended = " and the process ended" if self.node.has_ended() else ""
            raise Finding(number, words, f"{broken}{ended}", {}) from None
        return [comparable(words, one) for one in values], values

    def agreeing(self, number, words, got, peers):
        """The peers that did as the node did; a Finding when none did."""
        ours = got[self.node][0]
        same = [peer for peer in peers if got[peer][0] == ours]
        if same:
            return same
        if words[0].upper() == b"EXEC" and is_mixture(ours, [got[peer][0] for peer in peers]):
            raise Undecided
        theirs = {peer.kind: shown(got[peer][0]) for peer in peers}
        raise Finding(number, words, shown(ours), theirs)

    def compare_effects(self, played, peers):
        for world in [self.node, *peers]:
            world.mark(b"end")
        ours = by_step(self.node.read_effects(b"end"))
        effects = {peer: by_step(peer.read_effects(b"end")) for peer in peers}
        for mark, words in played:
            mine = ours.get(mark, [])
            if all(effects[peer].get(mark, []) != mine for peer in peers):
                theirs = {peer.kind: f"sends {effects[peer].get(mark, [])}" for peer in peers}
                raise Finding(int(mark), words, f"sends {mine}", theirs)

    def compare_data(self, step, peers):
        digests = {peer.kind: peer.digest() for peer in peers}
        mine = self.node.digest()
        if mine not in digests.values():
            raise Finding(step, [b"DEBUG", b"DIGEST"], mine, digests)

    def finding(self, steps, peers):
        """What a session shows; None if nothing."""
        try:
            self.play(steps, peers)
        except Undecided:
            return None
        except Finding as found:
            if self.node.has_ended():
                found.ours += "\n" + self.node.server.log()[-1500:]
            return found
        except (Broken, EOFError, OSError) as error:
            # A peer went wrong: that says nothing of the node.
            print(f"a peer broke: {error}", file=sys.stderr)
            for world in self.peers:
                world.restart()
            return None
        finally:
            self.mend()
        return None

    def mend(self):
        """After a finding streams and connections may stand anywhere."""
        for world in self.worlds():
            world.end_connections()
            try:
                world.resynchronise()
            except (Broken, EOFError, OSError) as error:
                print(f"{world.kind} is started again: {error!r}", file=sys.stderr)
                world.restart()

    def shortest(self, steps, peers, found):
        """The session without the steps that the finding does not need."""
        kept = steps[:found.step + 1]
        place = len(kept) - 2
        while place >= 0:
            fewer = kept[:place] + kept[place + 1:]
            again = self.finding(fewer, peers)
            if again and again.signature() == found.signature():
                kept = fewer
            place -= 1
        return kept

    def close(self):
        for world in self.worlds():
            world.close()


def shown(answers):
    return " | ".join(" ".join(str(value) for value in one) or "-" for one in answers)


def by_step(effects):
    """The commands sent for each step, as words; times left out, SELECT and frames too."""
    found = {}
    for mark, words in effects:
        if words[0].upper() in (b"SELECT", b"MULTI", b"EXEC"):
            continue
        words = [re.sub(rb"^\d{13,19}$", b"<time>", word) for word in words]
        found.setdefault(mark, []).append(b" ".join([words[0].upper(), *words[1:]]))
    return found


def expected():
    lines = (HERE / "expected.txt").read_text().splitlines()
    return [re.compile(line) for line in lines if line and not line.startswith("#")]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=None)
    parser.add_argument("--sessions", type=int, default=200)
    parser.add_argument("--seconds", type=float, default=None, help="stop after this time instead")
    parser.add_argument("--most", type=int, default=20, help="stop after this many findings")
    parser.add_argument("--only", nargs="*", default=[], help="commands to draw; all if not given")
    parser.add_argument("--weak", action="store_true",
                        help="also tell where only one peer was left to compare with")
    options = parser.parse_args()
    seed = options.seed if options.seed is not None else random.SystemRandom().randrange(10**6)
    known, seen, count = expected(), set(), 0
    comparison = Comparison(seed, set(options.only))
    end = time.monotonic() + options.seconds if options.seconds else None
    try:
        while (time.monotonic() < end if end else count < options.sessions):
            count += 1
            steps, peers = comparison.session()
            found = comparison.finding(steps, peers)
            if found is None or found.signature() in seen or not (options.weak or found.is_strong()):
                continue
            seen.add(found.signature())
            if any(rule.search(found.signature()) for rule in known):
                continue
            report(comparison, seed, count, steps, peers, found)
            options.most -= 1
            if options.most == 0:
                break
    finally:
        comparison.close()
    failed = len([one for one in seen if not any(rule.search(one) for rule in known)])
    print(f"seed {seed}: {count} sessions, {failed} findings")
    return 1 if failed else 0


def report(comparison, seed, count, steps, peers, found):
    print(f"== seed {seed} session {count}: {found.text()}")
    for index, words in comparison.shortest(steps, peers, found):
        print(f"      {index}> " + " ".join(repr(word)[2:-1] or "''" for word in words)[:400])
    print(f"    signature: {found.signature()}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
