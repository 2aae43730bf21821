"""How long finding, scoring and redacting take, as ratios against other ways in the same run.

    python bench/bench_content.py

Each text is scanned once only: RE2 keeps its automata, and a text seen before flatters everyone.
The times are of this thread's CPU, medians over many texts. Peers look for the same patterns:

- ``re2 one by one``: each RE2 pattern over the whole text, no gate, no guard, no validator;
- ``re one by one``: the same with the standard library's ``re``.
"""

from __future__ import annotations

import random
import re
import statistics
import time
from collections.abc import Callable, Sequence
from functools import partial

import re2

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
SIZES = ((1_000, 400), (4_000, 200), (32_000, 30))


def fresh(size: int, count: int, seed: int) -> list[str]:
    """Return *count* different texts of *size* characters with one planted entity a kilobyte."""
    source = random.Random(seed)
    vocabulary = WORDS.split()
    texts = []
    for _ in range(count):
        words: list[str] = []
        length = planted = 0
        while length < size:
            if length >= planted * 1000:
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


def main() -> None:
    """Print the table."""
    scanner = build_scanner((), {})
    boards = {"pii": expand("pii.any") | expand("phi.any"), "secret": expand("secret.any")}
    boards["all"] = frozenset(ENTITIES)
    print(f"{'':10}{'chars':>7}{'scan us':>10}{'re2 one by one':>16}{'re one by one':>16}")
    for name, entities in boards.items():
        regexes = [one.regex for entity in entities for one in ENTITIES[entity].patterns]
        peer = one_by_one([re2.compile(regex) for regex in regexes])
        plain = library([re.compile(translated(regex)) for regex in regexes])
        for number, (size, count) in enumerate(SIZES):
            texts = fresh(size, count, number)
            ours = micros(partial(scanner.scan, entities=entities), texts)
            theirs = micros(peer, texts) / ours
            theirs_too = micros(plain, texts[: max(10, count // 10)]) / ours
            print(f"{name:10}{size:>7}{ours:>10.1f}{theirs:>15.1f}x{theirs_too:>15.1f}x")
    print(f"\n{'':10}{'chars':>7}{'us':>10}{'of a full scan':>16}")
    for number, (size, count) in enumerate(SIZES):
        texts = fresh(size, count, number)
        full = micros(partial(scanner.scan, entities=boards["all"]), texts)
        injection = micros(partial(score_injection, role="document"), texts)
        redaction = micros(labelled(scanner, texts), texts)
        print(f"{'injection':10}{size:>7}{injection:>10.1f}{injection / full:>15.2f}x")
        print(f"{'redact':10}{size:>7}{redaction:>10.1f}{redaction / full:>15.2f}x")


if __name__ == "__main__":
    main()
