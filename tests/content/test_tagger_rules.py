"""Numbers that are dates and ages: the quick way to tell so finds what the patterns find."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from engine.content.tagger_model import load_model
from engine.content.tagger_rules import (
    AGE,
    AGE_AHEAD,
    AGE_BEHIND,
    AGE_ENDS,
    AGE_SAID,
    AHEAD,
    BY_MONTH,
    BY_NUMBER,
    EXPIRY_AHEAD,
    MONTH_YEAR,
    SAID_ENDS,
    SIGNS,
    YEAR,
    YEAR_AHEAD,
    in_month,
    numbered,
)
from engine.content.tagger_runs import read_pieces

NUMBERS = (
    "5", "12", "35", "235", "1999", "2004", "62704", "3.", "3rd", "12th", "1er", "09/29", "12/99",
    "2019-03-05", "12/31/1999", "05-Jan-2030", "10:15:00", "12.5", "1,200",
    "10.20.30.4", "1.2-3", "1.2.20", "1111", "\u0661\u0662", "1\u00b2",
)  # fmt: skip
BESIDE = (
    "March", "march,", "Sept.", "Sept.,", "Oct ",
    "May'd", "Monday", "août", "of", "de", "of May", "in", "since", "(", "-",
    "aged", "Age:", "turned", "already", "just", "when she was", "he is", "I'm", "who'\u017f",
    "AGE = ", "almost", "plan", "a\u0131s", "years old",
    "-year-old", "y/o", "ans", "Jahre alt", "exp", "valid until", "a", ".", ",", "\n", "%", "€",
)  # fmt: skip


@given(
    st.lists(
        st.tuples(st.sampled_from((*NUMBERS, *BESIDE)), st.sampled_from(("", " "))), max_size=9
    )
)
@settings(max_examples=500)
def test_numbers_and_months_are_what_the_patterns_tell(parts: list[tuple[str, str]]) -> None:
    text = "".join(word + space for word, space in parts)
    said = read_pieces(text, load_model())
    start = 0
    for at, one in enumerate(said):
        if one.role == ord("n"):
            assert numbered(text, said, at, start) == plainly(text, start)
        if one.role == ord("m"):
            date = BY_MONTH.match(text, start)
            dated = None if date is None else ("pii.date", start, date.end(), 0.85)
            assert in_month(text, start, start + one.size) == dated
        start += one.size


def plainly(text: str, start: int) -> tuple[str, int, int, float] | None:
    """Return what all patterns for numbers, one after the other, say about the one at *start*."""
    before = text[max(0, start - AHEAD) : start]
    if before[-1:] in SIGNS and before[-2:-1].isdigit():
        return None
    if date := BY_NUMBER.match(text, start):
        return "pii.date", start, date.end(), 0.85
    expiry = MONTH_YEAR.match(text, start)
    if expiry and EXPIRY_AHEAD.search(before):
        return "pii.date", start, expiry.end(), 0.7
    year = YEAR.match(text, start)
    if year and YEAR_AHEAD.search(before):
        return "pii.date", start, year.end(), 0.6
    age = AGE.match(text, start)
    if age is None:
        return None
    if AGE_BEHIND.match(text, age.end()):
        return "pii.age", start, age.end(), 0.85
    led = AGE_AHEAD.search(before) and AGE_ENDS.match(text, age.end())
    said = AGE_SAID.search(before) and SAID_ENDS.match(text, age.end())
    return ("pii.age", start, age.end(), 0.65) if led or said else None
