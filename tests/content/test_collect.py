"""Where rules are run: around numbers and bytes, and with a context word only where one is near."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from engine.content.collect import LEAD, MANY, TAIL, Span, numbers
from engine.content.detectors import JOINTS
from engine.content.entities import ENTITIES
from engine.content.net import Net, cast, find_cast, pack_net, wanted
from engine.content.normalize import fold
from engine.content.plan import arrange, find_spans
from engine.content.regex import compiled, spans
from engine.content.rules import Rule, builtin_rules
from engine.content.scan import located
from tests.content.made_texts import made_texts

RULES = [rule for entity in ENTITIES.values() for rule in builtin_rules(entity)]
PHONES = builtin_rules(ENTITIES["pii.phone"])
PLAN, DIALLED = arrange(RULES), arrange(PHONES)
CONTEXT = sorted({word for rule in RULES for word in ENTITIES[rule.entity].near})
NUMBER = compiled(rf"[0-9](?:{JOINTS}{{0,4}}[0-9]){{6,}}")
Found = list[tuple[str, int, int, float]]


def borne_out(text: str, spans: list[Span]) -> Found:
    return sorted(located(text, text.encode(), spans))


def both(text: str) -> tuple[Found, Found]:
    """Return what is borne out of all matches, and of those where a context word may be near."""
    data = text.encode()
    return borne_out(text, find_spans(PLAN, data)), borne_out(
        text, find_spans(PLAN, data, near=True)
    )


def weak(rules: list[Rule]) -> list[Rule]:
    return [rule for rule in rules if rule.pattern.digits and rule.around is not None]


@pytest.mark.parametrize("word", CONTEXT)
def test_a_context_word_is_near_wherever_it_bears_out(word: str) -> None:
    number = "1234567, 12345678, 123456789, 1234567890, 12345678901"
    for text in (
        f"{word} {number}",
        f"{number} {word}",
        f"{word}{'.' * 40}{number}",
        word + number,
    ):
        everything, near = both(fold(text).text)
        assert near == everything


@pytest.mark.slow
def test_where_no_context_word_is_near_nothing_that_counts_is_left_out() -> None:
    pytest.importorskip("hyperscan")
    held = cast(RULES, Net(pack_net(wanted(rule.pattern for rule in RULES))))
    assert held is not None
    left_out = 0
    for made in made_texts(weak(RULES), 1500, seed=11):
        text = fold(made).text
        everything, near = both(text)
        assert near == everything, text
        spans = find_cast(held, text.encode(), near=True)
        assert borne_out(text, spans) == everything, text
        left_out += len(spans) < len(find_cast(held, text.encode()))
    assert left_out > 20


FAR = ",  extension: 4155550132"
"""Hides its number from where no word is near that stands 56 characters behind it."""


@pytest.mark.parametrize(
    "text",
    [
        f"555 0199{FAR}{' ' * 56}call",
        f"5550100 and more than a little farther on 555 0199{FAR}{' ' * 56}call",
        f"\u00e9 555 0199{FAR}{' ' * 56}call",
    ],
)
def test_a_number_hides_the_next_though_no_context_word_is_near_it(text: str) -> None:
    data = text.encode()
    assert borne_out(text, find_spans(DIALLED, data)) == []
    assert borne_out(text, find_spans(DIALLED, data, near=True)) == []
    alone = text[text.index("4155550132") :]
    assert len(borne_out(alone, find_spans(DIALLED, alone.encode(), near=True))) == 1


def test_of_numbers_apart_none_hides_another() -> None:
    gap = " " * (TAIL + LEAD + 1)
    text = f"555 0199{gap * 4}4155550132 call"
    found = borne_out(text, find_spans(DIALLED, text.encode(), near=True))
    assert [text[start:end] for _, start, end, _ in found] == ["4155550132"]


@pytest.mark.parametrize("count", [1, MANY - 1, MANY, MANY + 1, 3 * MANY])
def test_each_of_many_numbers_is_found(count: int) -> None:
    for one in ("+49 30 1234567", "(415) 555-0132"):
        text = f"{one}; " * count
        found = find_spans(DIALLED, text.encode())
        assert len({(span.start, span.end) for span in found if span.rule.pattern.score > 0.5}) == (
            count
        )


@given(st.text("0127 .-x\u00e9", max_size=80), st.integers(0, 40))
@example("1234567", 0)
@example("1 2 3 4 5 6 7", 1)
@example("12    3456789     1", 0)
@example("x 12345678x", 2)
@example("1234567 " * 3, 5)
def test_numbers_are_what_a_pattern_says_they_are(text: str, first: int) -> None:
    data = text.encode()
    first = min(first, len(data))
    assert numbers(data, first) == list(spans(NUMBER, data, first))


def test_behind_many_numbers_the_rest_is_one() -> None:
    data = b"12345678, " * (MANY + 9)
    found = numbers(data, 0)
    assert len(found) == MANY + 1
    assert found[-1] == (MANY * 10, len(data))
    assert numbers(data[: MANY * 10], 0) == found[:-1]
