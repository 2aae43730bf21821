"""What does a message cost that was seen before, and what does a look for disguises cost?

    python bench/bench_remembered.py [--rounds 25] [--seconds 0.02] [--json]

Texts are prose, every one different, so that no automaton's memory of a text helps. *new* is a scan
for all entities without a memory, *seen* the same with one that holds the text, *kept* a scan that
is remembered. A row of lists says what 100,000 terms take. Figures are the smallest CPU times of
interleaved rounds. Before anything is timed, what is remembered must be what is found.
"""

from __future__ import annotations

import argparse
import itertools
import random
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from time import process_time_ns

sys.path.insert(0, str(Path(__file__).parent.parent))

from bench.goals import Goal, Result, Row, show
from engine.content.entities import ENTITIES
from engine.content.injection import prepare_injection, score_injection
from engine.content.remembered import MEMORY_BYTES, remembering
from engine.content.scan import build_scanner
from engine.content.terms import Terms
from engine.content.views import DISGUISES
from engine.service.hashing import quickest

SIZES = (250, 1_000, 4_000)
ALL = frozenset(ENTITIES)
SECRET = bytes(32)
PROSE = (
    "the order was sent to our office on time and a customer asked for one copy of this final "
    "report because it had changed since last week when nobody could say which version of each "
    "plan was agreed between both teams"
)
WORDS = PROSE.split()


@dataclass(slots=True)
class Contender:
    """One thing to do again and again, with its figures in microseconds."""

    name: str
    act: Callable[[], object]
    figures: list[float] = field(default_factory=list)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print, and return 0; leave with 1 when not what was found is remembered."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("--rounds", type=int, default=25)
    parser.add_argument("--seconds", type=float, default=0.02, help="of one round of one thing")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args(arguments)
    contenders = [one for size in SIZES for one in of_size(size)]
    contenders += of_terms()
    for _ in range(options.rounds):
        for contender in contenders:
            contender.figures.append(round_of(contender.act, options.seconds))
    show(judge({one.name: min(one.figures) for one in contenders}), as_json=options.json)
    return 0


def prose(size: int, chance: random.Random) -> str:
    """Return *size* characters of words in a row."""
    return " ".join(chance.choices(WORDS, k=size // 2))[:size]


def of_size(size: int) -> Iterator[Contender]:
    """Yield what is measured with messages of *size* characters."""
    chance = random.Random(size)
    texts = [f"{prose(size - 20, chance)} ann@example.org" for _ in range(64)]
    plain = [prose(size, chance) for _ in range(64)]
    scanner = build_scanner((), {})
    scanner.prepare(ALL)
    prepare_injection()
    scan, score = remembering(scanner, score_injection, SECRET, MEMORY_BYTES, quickest())
    for text in (*texts, *plain) * 2:
        if (scan.scan(text, ALL), score(text, "user")) != (
            scanner.scan(text, ALL),
            score_injection(text, "user"),
        ):
            sys.exit("what is remembered is not what was found")
    turn = itertools.cycle(plain)
    fresh = (f"{number} {next(turn)}" for number in itertools.count())
    data = itertools.cycle([text.encode() for text in plain])
    yield Contender(f"{size:,}: new", lambda: scanner.scan(next(turn), ALL))
    yield Contender(f"{size:,}: seen", lambda: scan.scan(next(turn), ALL))
    yield Contender(f"{size:,}: kept", lambda: scan.scan(next(fresh), ALL))
    yield Contender(f"{size:,}: new, injection", lambda: score_injection(next(turn), "user"))
    yield Contender(f"{size:,}: seen, injection", lambda: score(next(turn), "user"))
    yield Contender(f"{size:,}: is there a disguise", lambda: DISGUISES.within(next(data)))


def of_terms() -> Iterator[Contender]:
    """Yield what a list of 100,000 terms takes in 4,000 characters."""
    terms = Terms(f"{word}{number:05}" for number in range(10_000) for word in WORDS[:10])
    chance = random.Random(1)
    turn = itertools.cycle([prose(4_000, chance) for _ in range(64)])
    yield Contender("4,000: 100,000 terms", lambda: list(terms.find(next(turn))))


def round_of(act: Callable[[], object], seconds: float) -> float:
    """Return the microseconds of *act*, done for about so many *seconds* of CPU."""
    begin = process_time_ns()
    stop = begin + int(seconds * 1e9)
    count = 0
    while process_time_ns() < stop:
        for _ in range(20):
            act()
        count += 20
    return (process_time_ns() - begin) / count / 1000


def judge(figures: Mapping[str, float]) -> Result:
    """Return *figures* as tables, and the goals."""
    rows: list[Row] = [{"what": name, "microseconds": value} for name, value in figures.items()]
    seen, new = figures["1,000: seen"], figures["1,000: new"]
    return Result(
        {"messages of so many characters": rows},
        (
            Goal("a message of 1,000 characters that was seen, microseconds", seen, 3.0),
            Goal(
                "a message of 4,000 characters that was seen, microseconds",
                figures["4,000: seen"],
                3.0,
            ),
            Goal("a message that was seen, share of scanning it", seen / new, 0.5),
        ),
    )


if __name__ == "__main__":
    sys.exit(main())
