"""How long finding, scoring and redacting take, as ratios against other ways in the same run.

    python bench/bench_content.py [--quick] [--json]

Each text is scanned once only: RE2 keeps its automata, and a text seen before flatters everyone.
"full" texts hold an entity a kilobyte, "chat" texts none, as most do.
The times are of this thread's CPU, medians over many texts. Peers look for the same patterns:

- ``re2 one by one``: each RE2 pattern over the whole text, no gate, no guard, no validator;
- ``re one by one``: the same with the standard library's ``re``.
"""

from __future__ import annotations

import argparse
import random
import re
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import re2

sys.path.insert(0, str(Path(__file__).parent.parent))

from bench.goals import Goal, Result, Row, show
from engine.content.entities import ENTITIES, expand
from engine.content.injection import score_injection
from engine.content.redact import Strategy, redact_text
from engine.content.scan import Scanner, build_scanner

WORDS = """
the quarterly figures were discussed at length and nobody objected to the plan although some asked
whether delivery in March is likely since the supplier changed its terms twice this year please
review section four before Monday because the customer expects an answer about pricing
def handler(event): return load(event.path) for item in rows if item.count > 3 else None token
"""
PLANTED = (
    "ann.lee@example.org", "+49 30 1234567", "4111 1111 1111 1111", "DE89370400440532013000",
    "10.20.30.40", "536-90-4399", "(415) 555-0132",
)  # fmt: skip
CHAT = """
i would like to know where my order went because the tracking page has not changed since tuesday and
nobody answers your support line please tell me when it arrives or how to get my money back the
courier said it was delivered to a neighbour but we have no such neighbour thanks for your help
"""
SIZES = ((1_000, 400), (4_000, 200), (32_000, 30))
"""Characters of a text, and how many different texts."""
SIDES = ("RE2 one by one", "re one by one")
GOALS = (
    # board, characters, column, at least so many times as fast
    ("all, full", 4_000, SIDES[0], 2.0),
    ("all, full", 32_000, SIDES[0], 1.5),
    ("all, full", 4_000, SIDES[1], 15.0),
    ("all, chat", 4_000, SIDES[0], 8.0),
    ("secret, full", 4_000, SIDES[0], 6.0),
)


def fresh(size: int, count: int, seed: int, *, chat: bool = False) -> list[str]:
    """Return *count* different texts of *size* characters with one planted entity a kilobyte.

    Texts of a *chat* have none.
    """
    source = random.Random(seed)
    vocabulary = (CHAT if chat else WORDS).split()
    texts = []
    for _ in range(count):
        words: list[str] = []
        length = planted = 0
        while length < size:
            if length >= planted * 1000 and not chat:
                planted += 1
                word = source.choice(PLANTED)
            else:
                word = source.choice(vocabulary) + source.choice(
                    ("", "", "", ",", ".", str(length % 7))
                )
            words.append(word)
            length += len(word) + 1
        texts.append(" ".join(words)[:size])
    return texts


def micros(work: Callable[[str], object], texts: Sequence[str]) -> float:
    """Return the median microseconds of CPU that *work* takes on a text; a tenth warms up."""
    warm = max(1, len(texts) // 10)
    for text in texts[:warm]:
        work(text)
    spent = []
    for text in texts[warm:]:
        begin = time.thread_time_ns()
        work(text)
        spent.append((time.thread_time_ns() - begin) / 1000)
    return statistics.median(spent)


def one_by_one(compiled: Sequence[re2._Regexp]) -> Callable[[str], int]:
    """Return a scan with each RE2 pattern over the whole text."""

    def scan(text: str) -> int:
        data = text.encode()
        return sum(1 for find in compiled for _ in find.finditer(data))

    return scan


def library(compiled: Sequence[re.Pattern[str]]) -> Callable[[str], int]:
    """Return a scan with each pattern of the standard library over the whole text."""
    return lambda text: sum(1 for find in compiled for _ in find.finditer(text))


def translated(regex: str) -> str:
    """Return a pattern that ``re`` understands: its classes of letters are not RE2's."""
    return regex.replace(r"\pL\pN", r"\w").replace(r"\pL", "[^\\W\\d_]")


def labelled(scanner: Scanner, texts: Sequence[str]) -> Callable[[str], object]:
    """Return a redaction of *texts*, whose findings are known beforehand."""
    found = {text: scanner.scan(text, frozenset(ENTITIES)) for text in texts}
    label = dict.fromkeys(ENTITIES, Strategy("label"))
    return lambda text: redact_text(text, found[text], label, b"key", "s")


def scanning(scanner: Scanner, share: int) -> list[Row]:
    """Return how long a scan takes, and how many times that the others need; 1/*share* of all."""
    boards = {
        "pii": expand("pii.any") | expand("phi.any"),
        "secret": expand("secret.any"),
        "all": frozenset(ENTITIES),
    }
    rows: list[Row] = []
    for name, chat in ((name, chat) for name in boards for chat in (False, True)):
        entities = boards[name]
        regexes = [one.regex for entity in entities for one in ENTITIES[entity].patterns]
        peer = one_by_one([re2.compile(regex) for regex in regexes])
        plain = library([re.compile(translated(regex)) for regex in regexes])
        for number, (size, count) in enumerate(SIZES):
            texts = fresh(size, max(20, count // share), number, chat=chat)
            ours = micros(partial(scanner.scan, entities=entities), texts)
            sides = micros(peer, texts), micros(plain, texts[: max(10, count // 10)])
            board = f"{name}, {'chat' if chat else 'full'}"
            row: Row = {"entities": board, "chars": size, "scan us": ours}
            rows.append(
                {**row, **{which: side / ours for which, side in zip(SIDES, sides, strict=True)}}
            )
    return rows


def others(scanner: Scanner, share: int) -> list[Row]:
    """Return how long scoring and redacting take, beside a scan for all entities."""
    rows: list[Row] = []
    for chat, number in ((chat, number) for chat in (False, True) for number in range(len(SIZES))):
        size, count = SIZES[number]
        texts = fresh(size, max(20, count // share), number, chat=chat)
        full = micros(partial(scanner.scan, entities=frozenset(ENTITIES)), texts)
        for what, work in (
            ("injection score", partial(score_injection, role="document")),
            ("redaction", labelled(scanner, texts)),
        ):
            spent = micros(work, texts)
            label = f"{what}, {'chat' if chat else 'full'}"
            rows.append({"what": label, "chars": size, "us": spent, "x scan": spent / full})
    return rows


def judge(scans: list[Row], rest: list[Row]) -> Result:
    """Return the figures and the goals."""
    goals = []
    for board, size, side, bound in GOALS:
        (row,) = (one for one in scans if (one["entities"], one["chars"]) == (board, size))
        value = row[side]
        assert isinstance(value, float)
        goals.append(Goal(f"scan, {board}, {size:,} chars, against {side}", value, bound, "higher"))
    return Result({"Scanning": scans, "Scoring and redacting": rest}, goals)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print; return 0."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("--quick", action="store_true", help="a quarter of the texts")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args(arguments)
    scanner = build_scanner((), {})
    share = 4 if options.quick else 1
    show(judge(scanning(scanner, share), others(scanner, share)), as_json=options.json)
    return 0


if __name__ == "__main__":
    sys.exit(main())
