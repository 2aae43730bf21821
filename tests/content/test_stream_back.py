from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.content.pseudonyms import Pseudonym, restore
from engine.content.stream_back import StreamRestorer

KNOWN = {
    "7f3a2c1b": Pseudonym("EMAIL", "ann@example.org"),
    "00c0ffee": Pseudonym("NATIONAL_ID", "12-345"),
    "deadbeef": Pseudonym("D", "the EMAIL_7f3a2c1b of nobody"),
}
KINDS = ("EMAIL", "NATIONAL_ID", "DATE", "D")


class Store:
    """Knows the placeholders of one session, and notes what it was asked."""

    def __init__(self) -> None:
        self.asked: list[frozenset[str]] = []

    def __call__(self, digits: frozenset[str]) -> Mapping[str, Pseudonym]:
        self.asked.append(digits)
        return {one: KNOWN[one] for one in digits if one in KNOWN}


def pieces(text: str, cuts: Iterable[int]) -> list[str]:
    stream = StreamRestorer(KINDS, Store())
    places = [0, *sorted(cuts), len(text)]
    return [*(stream.feed(text[start:end]) for start, end in pairwise(places)), stream.finish()]


@pytest.mark.parametrize(
    ("text", "passed"),
    [
        (
            "write to [EM|AIL_7f3a|2c1b|], now",
            ["write to ", "", "", "ann@example.org, now", ""],
        ),
        ("nation|al\nid: 00C|0FFEE| and", ["", "", "", "12-345 an", "d"]),
        (r"\|[EMAIL\|_7f3a2c1b\|]|", ["", "", "", "ann@example.org", "", ""]),
        ("email 7f3a2c1b|", ["", "", "ann@example.org"]),
        ("EMAIL_7f3a2c1b|d", ["", "EMAIL_7f3a2c1b", "d"]),
        ("XEMAIL_7f3a2c1b| y", ["X", "EMAIL_7f3a2c1b y", ""]),
        ("the em|peror", ["the ", "emperor", ""]),
        ("dat\u00e9: é|[", ["daté: é", "", "["]),
    ],
)
def test_placeholders_are_turned_back_wherever_they_are_cut(text: str, passed: list[str]) -> None:
    places = [place for place, char in enumerate(text) if char == "|"]
    cuts = [place - number for number, place in enumerate(places)]
    assert pieces(text.replace("|", ""), cuts) == passed


def test_the_session_is_asked_once_for_each_placeholder() -> None:
    store = Store()
    stream = StreamRestorer(KINDS, store)
    for _ in range(3):
        stream.feed("[EMAIL_7f3a2c1b] [EMAIL_11111111] ")
    assert store.asked == [{"7f3a2c1b", "11111111"}]
    assert stream.count == 3


def test_what_is_held_is_short() -> None:
    stream = StreamRestorer(KINDS, Store())
    passed = 0
    for number, char in enumerate(
        "[ NATIONAL \u00a0_ID :\\ 0000000[[[D D D date Email national id " * 9
    ):
        passed += len(stream.feed(char))
        assert number - passed < 40


WORDS = st.sampled_from(
    (
        "[EMAIL_7f3a2c1b]", "[EMAIL_7f3a2c1b", "email", "7f3a2c1b", "00C0FFEE", "National", "_ID_",
        "[", "]", "\\", "_", " ", "\n", "\u00a0", "\u2028", "D", "deadbeef", "0", "f", "x", "é",
        "EMA\u0130L", "ema\u0131l_",
        "[DATE_deadbeef]", "[D_deadbeef]", "-", ": ", "\x1c",
    )
)  # fmt: skip


@given(st.lists(WORDS, max_size=12).map("".join), st.lists(st.integers(0, 200), max_size=12))
def test_law_a_stream_says_what_the_whole_would(text: str, cuts: list[int]) -> None:
    assert "".join(pieces(text, [cut % (len(text) + 1) for cut in cuts])) == restore(text, KNOWN)[0]
    assert "".join(pieces(text, range(1, len(text)))) == restore(text, KNOWN)[0]
