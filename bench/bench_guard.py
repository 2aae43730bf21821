"""What does a chunk of a guarded stream cost?

    python bench/bench_guard.py [--rounds 15] [--json]

Streams one long answer through the guard, in pieces of about a token, of a line and whole: with few
entities redacted, with all that have a pattern, and with those too that the tagger finds. The
measures, in the same run: one scan of the whole answer, and the guard without an automaton, which
scans all that has come at every token. Figures are the smallest CPU times of interleaved rounds;
those of new texts, the project's own pages, are of the first and only time that they are seen.
Before anything is timed, every way of cutting must say what the redaction of the whole text says.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from time import perf_counter_ns, process_time_ns

sys.path.insert(0, str(Path(__file__).parent.parent))

from bench.goals import Goal, Result, Row, show
from engine.content.entities import ENTITIES, STRUCTURED
from engine.content.redact import Strategy, redact_text
from engine.content.scan import build_scanner
from engine.content.stream import Redaction, StreamRedactor
from engine.content.stream_hold import make_hold

KEY = b"a key of the benchmark, 32 bytes"
PARAGRAPH = """\
Thank you for waiting. I looked into order A-1009 and found that the parcel left the warehouse on
14 March; the carrier expects to deliver it within three working days. If it has not come by then,
please write to {name}@example.org or call (415) 555-0132, and we will send another one at once.

- The refund of $1,299.00 goes back to the card that you paid with, which ends in 0000.
- Your account shows two more orders, neither of which has been shipped so far.

    def total(items: list[dict]) -> float:
        return sum(item["price"] * item["count"] for item in items)

"""
TEXT = "".join(PARAGRAPH.format(name=name) for name in ("ann.lee", "bob", "cy", "di", "ed", "flo"))
SOME = frozenset({"pii.email", "pii.phone", "pii.card"})
ALL = frozenset(ENTITIES)
PAGES = ("language.md", "content.md", "README.md")
TOKEN, LINE = 4, 80
SCANNED = "one scan of the whole"
ANEW = "a scan of all that has come, at each token"


@dataclass(slots=True)
class Contender:
    """One thing to do again and again: how many pieces it takes, and its times in microseconds."""

    name: str
    act: Callable[[], object]
    pieces: int
    figures: list[float] = field(default_factory=list)

    @property
    def best(self) -> float:
        """The quickest round."""
        return min(self.figures)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print, and return 0; 1 when a stream says something else than the whole."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args(arguments)
    began = perf_counter_ns()
    make_hold(build_scanner((), {}), STRUCTURED)
    first = (perf_counter_ns() - began) / 1e6
    fresh = {name: new_texts(asked) for name, asked in (("all", STRUCTURED), ("tagger", ALL))}
    contenders = [
        *streams("all", STRUCTURED),
        *streams("and the tagger", ALL),
        *streams("three", SOME),
        *measures(),
    ]
    if not all(one.act() for one in contenders):
        return 1
    for _ in range(options.rounds):
        for one in contenders:
            start = process_time_ns()
            one.act()
            one.figures.append((process_time_ns() - start) / 1000)
    show(judge({one.name: one for one in contenders}, first, fresh), as_json=options.json)
    return 0


def new_texts(entities: frozenset[str]) -> float:
    """Return the microseconds a piece takes of texts that were never seen, by tokens."""
    scanner = build_scanner((), {})
    scanner.prepare(entities)
    hold = make_hold(scanner, entities)
    redaction = Redaction({one: Strategy("label") for one in entities}, KEY, "")
    grammar = Path(__file__).parent.parent / "grammar"
    text = "".join((grammar / one).read_text(encoding="utf-8") for one in PAGES)[:100_000]
    start = process_time_ns()
    guard = StreamRedactor(scanner, hold, entities, redaction)
    for at in range(0, len(text), TOKEN):
        guard.feed(text[at : at + TOKEN])
    guard.finish()
    return (process_time_ns() - start) / 1000 / (len(text) / TOKEN)


def streams(name: str, entities: frozenset[str]) -> list[Contender]:
    """Return the streams that redact *entities*, by the size of their pieces."""
    scanner = build_scanner((), {})
    scanner.prepare(entities)
    hold = make_hold(scanner, entities)
    strategies = {one: Strategy("label") for one in entities}
    said = redact_text(TEXT, scanner.scan(TEXT, entities), strategies, KEY, "").text
    redaction = Redaction(strategies, KEY, "")

    def stream(size: int) -> bool:
        guard = StreamRedactor(scanner, hold, entities, redaction)
        pieces = [guard.feed(TEXT[at : at + size]).text for at in range(0, len(TEXT), size)]
        return "".join(pieces) + guard.finish().text == said

    sizes = {"token": TOKEN, "line": LINE, "whole": len(TEXT)}
    return [
        Contender(f"{name}, by {word}", partial(stream, size), -(-len(TEXT) // size))
        for word, size in sizes.items()
    ]


def measures() -> list[Contender]:
    """Return what streams are measured against, with all entities that have a pattern."""
    scanner = build_scanner((), {})
    scanner.prepare(STRUCTURED)
    places = range(TOKEN, len(TEXT) + TOKEN, TOKEN)

    def anew() -> bool:
        return sum(len(scanner.scan(TEXT[:at], STRUCTURED)) for at in places) > 0

    return [
        Contender(SCANNED, lambda: bool(scanner.scan(TEXT, STRUCTURED)), 1),
        Contender(ANEW, anew, len(places)),
    ]


def judge(found: dict[str, Contender], first: float, fresh: dict[str, float]) -> Result:
    """Return the figures and the goals."""
    rows: list[Row] = [
        {
            "what": one.name,
            "pieces": one.pieces,
            "us a piece": one.best / one.pieces,
            "us": one.best,
        }
        for one in found.values()
    ]
    tokens, anew = found["all, by token"], found[ANEW]
    goals = [
        Goal("a token, all entities, microseconds", tokens.best / tokens.pieces, 30.0),
        Goal(
            "a line, all entities, against one scan of the whole",
            found["all, by line"].best / found[SCANNED].best,
            60.0,
        ),
        Goal(
            "a token, all entities, share of scanning all that has come",
            tokens.best / anew.best,
            0.2,
        ),
    ]
    start: list[Row] = [{"what": "automata of all entities, once", "ms": first}]
    new: list[Row] = [{"what": name, "us a piece": spent} for name, spent in fresh.items()]
    return Result(
        {f"{len(TEXT):,} characters, CPU time": rows, "New texts": new, "When loaded": start}, goals
    )


if __name__ == "__main__":
    sys.exit(main())
