"""Random calls: a server answers them as the store in memory does, to the nanosecond."""

from __future__ import annotations

from random import Random

import pytest

from engine.runtime.memory import MemoryStore
from engine.runtime.store import NANO, Store, Take
from tests.state.servers import Server, ValkeyStore

YEAR = 365 * 86_400 * NANO
TODAY = 1_767_225_600 * NANO
DAY = 86_400 * NANO

# What amounts and windows are multiples of: of nothing, of billionths, of whole units; small enough
# for plain numbers, and far beyond them.
GRAINS = ((1, 1), (NANO, NANO), (NANO, 1), (10**21 + 7, NANO + 7))


class Calls:
    """Random calls of a store, made of a seed; two of them make the same ones."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)  # noqa: S311 - no secret
        self.amount, self.time = self.random.choice(GRAINS)
        self.now = self.random.choice([1000, TODAY])
        self.rules = [
            (f"rule {n}", self.figure(), self.figure(), self.random.randint(1, 60) * self.time)
            for n in range(4)
        ]
        self.decisions = 0

    def figure(self) -> int:
        return self.random.randint(0, 20) * self.amount

    def pass_time(self) -> None:
        step = self.random.choice([0, 1, self.time, 3 * self.time, 11 * self.time])
        self.now += step if self.random.random() < 0.9 else -step
        self.now = max(self.now, 0)

    def take(self) -> Take:
        rule, limit, burst, window = self.random.choice(self.rules)
        if self.random.random() < 0.05:  # The author changed the rule.
            limit, window = self.figure(), self.random.randint(1, 60) * self.time
        kind = self.random.choice(["tokens", "requests", "path", "usd", "slots"])
        amount = self.random.choice([0, 1, 1, 2, 5]) * self.amount
        if self.random.random() < 0.1:
            amount += 1
        key, payer = (
            f"{rule} {kind}",
            self.random.choice(["", "north", "s\N{LATIN SMALL LETTER U WITH DIAERESIS}d"]),
        )
        if kind == "slots":
            slots = self.random.randint(0, 80) * NANO
            held = NANO * (amount > 0)
            return Take(rule, key, held, slots, slots, None, 0, 0, kind, window, payer=payer)
        if kind == "usd":
            opens = self.now // DAY * DAY
            ends = opens + DAY
            return Take(rule, key, amount, limit, limit, None, opens, ends, kind, payer=payer)
        return Take(rule, key, amount, limit, burst, window, 0, 0, kind, payer=payer)

    def make(self, store: Store) -> list[object]:
        """Pass some time and make a call; return what it is answered."""
        self.pass_time()
        choice = self.random
        match choice.choice(["take"] * 6 + ["settle"] * 3 + ["meter", "label", "note", "say"]):
            case "take":
                takes = [self.take() for _ in range(choice.randint(1, 3))]
                decision = ""
                if choice.random() < 0.8:
                    self.decisions += choice.random() < 0.7
                    decision = f"d{self.decisions}"
                hold = choice.choice([5, 100]) * self.time
                peeked = store.peek(takes, self.now)
                return [peeked, store.take(takes, self.now, reservation=decision, hold=hold)]
            case "settle":
                decision = f"d{max(0, self.decisions - choice.randint(0, 3))}"
                units = choice.sample(["tokens", "path", "usd", "slots", "other"], 3)
                amounts = {unit: self.figure() + choice.choice([0, 0, 0, 1]) for unit in units}
                return [store.settle(decision, amounts, self.now)]
            case "meter":
                window = choice.choice([7, 61, 600]) * self.time
                store.record("m", "k", window, self.now)
                return [store.count("m", "k", window, self.now)]
            case "label":
                until = choice.choice([None, self.now + 40 * self.time])
                store.label("t", "s", choice.choice("ab"), until, self.now)
                return [store.labels("t", "s", self.now)]
            case "note":
                prints = frozenset(choice.sample(range(2**48 - 50, 2**48), 5))
                until = choice.choice([None, self.now + 40 * self.time])
                store.note("t", "s", choice.choice(["", "x", "y"]), prints, until, self.now)
                return [store.noted("t", "s", prints | {1, 2}, self.now)]
            case _:
                sealed = {choice.choice("abc"): choice.choice([b"\xff\0", b"2"])}
                store.remember("t", "s", sealed, self.now)
                turns = store.turn("t", "s", self.now, advance=choice.random() < 0.5)
                return [store.recall("t", "s", "abcd", self.now), turns]


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(24))
def test_a_server_answers_as_the_store_in_memory(server: Server, seed: int) -> None:
    store = ValkeyStore(server.url)
    here, there = Calls(seed), Calls(seed)
    memory = MemoryStore()
    try:
        for number in range(250):
            assert here.make(memory) == there.make(store), f"call {number}"
    finally:
        store.close()
