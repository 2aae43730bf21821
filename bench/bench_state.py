"""How much does a decision's state cost, in memory and in LMDB?

    python bench/bench_state.py [--rounds 25] [--keys 10000] [--seconds 0.02] [--json]

Takes from one and from two buckets, with and without a reservation, over many keys, and what goes
with them: settling, meters, labels, a refused take, a sweep. And whole decisions: by two rules that
throttle, and by the same two rules if they only allow, so that what is between them is what a
decision's limits cost in all. The measure is a bare LMDB transaction in the same run that reads and
writes two values of a bucket's size, by hand and without a policy engine. Figures are the smallest
CPU times of interleaved rounds, so that other work on the machine counts little; what the store's
own limit of 10 us allows is about 4 bare transactions. Before anything is timed both stores must
give the same answers to the same takes.
"""

from __future__ import annotations

import argparse
import itertools
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from time import process_time_ns

import lmdb
import msgspec

sys.path.insert(0, str(Path(__file__).parent.parent))

from bench.goals import Goal, Result, Row, show
from engine.runtime.decide import decide
from engine.runtime.memory import MemoryStore
from engine.runtime.policyset import PolicySet
from engine.runtime.record import Record
from engine.runtime.request import Request
from engine.runtime.store import NANO, Level, Store, Take
from engine.service.bundles import Recipe, load_folder
from engine.state.clock import SteadyClock, SteadyStore, keep_here
from engine.state.lmdb import LmdbStore

NOW = 1_767_225_600 * NANO
MINUTE = 60 * NANO
BARE = "bare LMDB, two keys"
PURE = "decision, two rules that allow"
THROTTLED = "decision, two throttles in LMDB"
ALLOWING = "then allow"
THROTTLING = (
    "then throttle 1_000_000_000 requests per 1m by tenant.id",
    "then throttle 1_000_000_000 requests per 1h by tenant.id, user.id",
)
POLICY = """
policy door {{
  default allow
  rule one {{ when content contains "hello" {} }}
  rule two {{ when content contains "there" {} }}
}}
"""
SECRET = b"a secret for a bench, 32 bytes.."
CROWD = 5000
"""So many slots are held at once in one bucket."""
GOALS = (
    # what, numerator, denominator (None: microseconds), bound
    ("LMDB, two buckets, microseconds", "LMDB, two buckets", None, 10.0),
    ("LMDB, two buckets, against a bare transaction", "LMDB, two buckets", BARE, 4.0),
)
AT_ONCE = "decision, two throttles, a store that answers at once"
BEYOND = (
    # what, beyond what: of a decision with two buckets in LMDB, microseconds
    ("a decision with two buckets: what LMDB costs of it, microseconds", AT_ONCE),
    ("a decision with two buckets: what it costs beyond one without limits, microseconds", PURE),
)
MOST_BEYOND = 10.0
GRANTED = (Level(granted=True, remaining=NANO, retry_after=0, reset=MINUTE),) * 2


@dataclass(slots=True)
class Contender:
    """One thing to do again and again, with its figures in microseconds."""

    name: str
    act: Callable[[], object]
    figures: list[float] = field(default_factory=list)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print, and return 0; 1 when the stores disagree."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("--rounds", type=int, default=25)
    parser.add_argument("--keys", type=int, default=10_000)
    parser.add_argument("--seconds", type=float, default=0.02, help="of one round of one thing")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        with closing(LmdbStore(place / "check")) as kept:
            if answers(kept) != answers(MemoryStore()):
                print("the stores disagree", file=sys.stderr)
                return 1
        with closing(LmdbStore(place / "state")) as kept:
            contenders = [
                Contender(BARE, bare(place / "bare", options.keys)),
                *of_store("memory", MemoryStore(), options.keys),
                *of_store("LMDB", kept, options.keys),
                *of_decision(kept, place, options.keys),
            ]
            for _ in range(options.rounds):
                for contender in contenders:
                    contender.figures.append(round_of(contender.act, options.seconds))
    figures = {one.name: min(one.figures) for one in contenders}
    show(judge(figures), as_json=options.json)
    return 0


def make_takes(name: str, unit: str, keys: int) -> list[Take]:
    """Return a take of one unit for each of *keys* callers, far from any limit."""
    return [
        Take(
            rule=name,
            key=f'["policy.{name}","{unit}","","tenant-{number:06}"]',
            amount=NANO,
            limit=10**9 * NANO,
            burst=10**9 * NANO,
            window=MINUTE,
            unit=unit,
        )
        for number in range(keys)
    ]


def make_slots(keys: int) -> list[Take]:
    """Return a slot of very many for each of *keys* callers."""
    return [
        Take(
            rule="once",
            key=f'["policy.once","concurrent","","tenant-{number:06}"]',
            amount=NANO,
            limit=10**9 * NANO,
            burst=10**9 * NANO,
            window=None,
            unit="concurrent",
            life=10 * MINUTE,
        )
        for number in range(keys)
    ]


def answers(store: Store) -> list[object]:
    """Return what *store* says to a few hundred takes and settlements near their limits."""
    said: list[object] = []
    for number in range(500):
        pair = [
            Take(rule="a", key="a", amount=3, limit=7, burst=20, window=10, unit="tokens"),
            Take(rule="b", key=f"b{number % 3}", amount=1, limit=1, burst=4, window=9),
        ]
        if number % 2:
            slot = msgspec.structs.replace(make_slots(1)[0], limit=3 * NANO, life=20)
            pair.append(slot)
        said.append(store.take(pair, NOW + number, reservation=f"d{number}", hold=50))
        said.append(store.settle(f"d{number - 7}", {"tokens": number % 5}, NOW + number))
    return said


def bare(folder: Path, keys: int) -> Callable[[], None]:
    """Return a transaction by hand: two values of 49 bytes read and written."""
    folder.mkdir()
    environment = lmdb.open(str(folder), map_size=64 * 2**20, writemap=True, sync=False)
    first = [take.key.encode() for take in make_takes("first", "requests", keys)]
    second = [take.key.encode() for take in make_takes("second", "requests", keys)]
    turns = turn(keys)
    value = bytes(49)

    def act() -> None:
        at = next(turns)
        with environment.begin(write=True) as transaction:
            transaction.get(first[at])
            transaction.get(second[at])
            transaction.put(first[at], value)
            transaction.put(second[at], value)

    return act


def of_store(name: str, store: Store, keys: int) -> list[Contender]:
    """Return what is done with *store*."""
    first, second = make_takes("first", "requests", keys), make_takes("second", "requests", keys)
    tokens = make_takes("tokens", "tokens", keys)
    never = [Take(rule="n", key="never", amount=2, limit=1, burst=1, window=MINUTE)]
    turns = turn(keys)
    decisions = (f"decision-{number}" for number in itertools.count())

    def reserve_and_settle() -> None:
        decision, at = next(decisions), next(turns)
        store.take([tokens[at]], NOW, reservation=decision, hold=MINUTE)
        store.settle(decision, {"tokens": NANO // 2}, NOW)

    def two() -> None:
        at = next(turns)
        store.take([first[at], second[at]], NOW)

    few, crowd = make_slots(keys), make_slots(1)
    for number in range(CROWD):
        store.take(crowd, NOW + number * MINUTE // CROWD, reservation=f"crowd-{number}")

    def hold_and_settle(slots: Sequence[Take]) -> None:
        decision = next(decisions)
        store.take([slots[next(turns) % len(slots)]], NOW + MINUTE, reservation=decision)
        store.settle(decision, {}, NOW + MINUTE)

    store.label("tenant", "session", "tainted", None, NOW)
    return [
        Contender(f"{name}, one bucket", lambda: store.take([first[next(turns)]], NOW)),
        Contender(f"{name}, two buckets", two),
        Contender(f"{name}, refused", lambda: store.take(never, NOW)),
        Contender(f"{name}, reserve and settle", reserve_and_settle),
        Contender(f"{name}, slot and settle", lambda: hold_and_settle(few)),
        Contender(f"{name}, slot among {CROWD:,} and settle", lambda: hold_and_settle(crowd)),
        Contender(f"{name}, meter event", lambda: store.record("m", "k", MINUTE, NOW)),
        Contender(f"{name}, meter count", lambda: store.count("m", "k", MINUTE, NOW)),
        Contender(f"{name}, labels", lambda: store.labels("tenant", "session", NOW)),
        Contender(f"{name}, sweep of 100 (none ended)", lambda: store.sweep(NOW, 100)),
    ]


def of_decision(kept: Store, place: Path, keys: int) -> list[Contender]:
    """Return whole decisions: by two rules that allow, and by two that throttle.

    The conditions are the same, so what is between the two is the throttles and the store *kept*,
    behind the daemon's clock.
    """
    pure = policies_of(place / "pure", (ALLOWING, ALLOWING))
    throttled = policies_of(place / "throttled", THROTTLING)
    steady = SteadyStore(kept, SteadyClock(keep_here()))
    requests = [
        Request(
            tenant={"id": f"tenant-{number % 100}"},
            user={"id": f"user-{number}"},
            stage="request",
            content="hello there",
        )
        for number in range(keys)
    ]
    records = [pure.reader.read(one) for one in requests]
    limited = [throttled.reader.read(one) for one in requests]
    turns, decisions = turn(keys), (f"decided-{number}" for number in itertools.count())
    memory = MemoryStore()
    assert decide(throttled, limited[0], memory, NOW).throttle is not None

    def by(policies: PolicySet, asked: Sequence[Record], store: Store) -> Callable[[], object]:
        return lambda: decide(policies, asked[next(turns)], store, NOW, decision_id=next(decisions))

    return [
        Contender(PURE, by(pure, records, memory)),
        Contender(AT_ONCE, by(throttled, limited, AtOnce())),
        Contender("decision, two throttles in memory", by(throttled, limited, memory)),
        Contender(THROTTLED, by(throttled, limited, steady)),
    ]


class AtOnce(MemoryStore):
    """A store that costs nothing: two takes are always granted, and nothing is kept."""

    def take(
        self, takes: Sequence[Take], now: int, *, reservation: str = "", hold: int = 0
    ) -> tuple[Level, ...]:
        """Return the same levels for any two takes."""
        del takes, now, reservation, hold
        return GRANTED


def policies_of(folder: Path, outcomes: tuple[str, str]) -> PolicySet:
    """Return the policies whose two rules have *outcomes*."""
    folder.mkdir()
    (folder / "door.pol").write_text(POLICY.format(*outcomes), "utf-8")
    return load_folder(folder, Recipe(SECRET))


def turn(keys: int) -> Iterator[int]:
    """Return key numbers for ever, neighbours far apart."""
    return (number * 7919 % keys for number in itertools.count())


def round_of(act: Callable[[], object], seconds: float) -> float:
    """Do it for at least *seconds*; return the mean in microseconds."""
    done, began = 0, process_time_ns()
    ends = began + seconds * 1e9
    while (now := process_time_ns()) < ends:
        for _ in range(50):
            act()
        done += 50
    return (now - began) / done / 1000


def judge(figures: dict[str, float]) -> Result:
    """Return the figures, their ratio to the bare transaction, and the goals."""
    rows: list[Row] = [
        {"what": name, "us": figure, "x bare": figure / figures[BARE]}
        for name, figure in figures.items()
    ]
    goals = [
        Goal(what, figures[one] / (figures[other] if other else 1), bound)
        for what, one, other, bound in GOALS
    ]
    goals += [
        Goal(what, figures[THROTTLED] - figures[other], MOST_BEYOND) for what, other in BEYOND
    ]
    return Result({"CPU microseconds of the quickest round": rows}, goals)


if __name__ == "__main__":
    sys.exit(main())
