"""Streams and windows with the tagger that is shipped: nothing of what it reads leaks."""

from __future__ import annotations

from random import Random

import pytest

from engine.content.entities import ENTITIES, STRUCTURED
from engine.content.redact import Span, Strategy
from engine.content.scan import build_scanner
from engine.content.stream import Redaction, StreamRedactor
from engine.content.stream_hold import READ, make_hold
from engine.content.windows import LONG, scan_windows

SCANNER = build_scanner((), {})
TAGGED = frozenset(ENTITIES) - STRUCTURED
HOLD = make_hold(SCANNER, TAGGED)
LABELS = {one: Strategy("label") for one in TAGGED}
SAID = (
    "Dr. Ms. Hanna Vogel García de la Torre lives at 7 Mill Lane , Ashford . Bristol in Lyon ; and"
    " the Northwind Ltd. Inc. of on March 4 1999 to so said that we they he was meeting 42 years"
    " old French German \n - Prof. Madrid 10115 University ( ) \" ' \u2019 / & : Liam O'Hara"
    " Jean-Luc x street road"
)
WORDS = SAID.split(" ")
GAPS = (" ", " ", " ", " ", "", "\n")


def made(seed: int, size: int) -> str:
    source = Random(seed)  # noqa: S311 - texts, no secrets
    return "".join(source.choice(WORDS) + source.choice(GAPS) for _ in range(size))


@pytest.mark.slow
def test_law_nothing_that_is_read_leaks_from_a_stream() -> None:
    for seed in range(40):
        text = made(seed, 20 + 5 * seed)
        said: list[str] = []
        spans: list[Span] = []
        for size in (1, 7, len(text)):
            stream = StreamRedactor(SCANNER, HOLD, TAGGED, Redaction(LABELS, b"a key", "s"))
            passed = [stream.feed(text[at : at + size]) for at in range(0, len(text), size)]
            passed.append(stream.finish())
            said.append("".join(one.text for one in passed))
            spans = [span for one in passed for span in one.spans]
        assert said == said[:1] * 3
        covered = {place for one in spans for place in range(one.start, one.end)}
        for one in SCANNER.scan(text, TAGGED):
            assert covered.issuperset(range(one.start, one.end)), one


@pytest.mark.slow
def test_law_windows_read_what_the_whole_says() -> None:
    for seed in (1, 2):
        text = made(seed, LONG // 4)
        assert len(text) > LONG
        assert scan_windows(SCANNER.scan, text, TAGGED) == SCANNER.scan(text, TAGGED)


def test_what_is_read_passes_soon() -> None:
    stream = StreamRedactor(SCANNER, HOLD, TAGGED, Redaction(LABELS, b"a key", "s"))
    text = "the plan was discussed at length and nobody objected to it, " * 8
    passed = 0
    for number, char in enumerate(text):
        passed += len(stream.feed(char).text)
        assert number - passed < READ // 2
