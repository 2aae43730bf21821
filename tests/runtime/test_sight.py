from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.content.entities import ENTITIES
from engine.content.findings import Finding, Injection
from engine.content.scan import build_scanner
from engine.runtime.evidence import Senses
from engine.runtime.sight import MOST_LOOKS, Look, Sight, Unlooked, look_at

A, B, C = "pii.email", "pii.phone", "pii.ssn"
ALL = frozenset({A, B, C})
LEAST = 20
LONG = "a word of many letters and another"


class Scanner:
    """Finds what is asked for in every text, and notes what it was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, frozenset[str]]] = []

    def scan(self, text: str, entities: frozenset[str]) -> tuple[Finding, ...]:
        self.asked.append((text, entities))
        return tuple(Finding(one, 0, 1, 1.0) for one in sorted(entities))


def score(text: str, role: str) -> Injection:
    return Injection(len(text) / 100, (role,))


def sight() -> tuple[Sight, Scanner]:
    scanner = Scanner()
    return Sight(Senses(scanner, score), ALL, LEAST), scanner


def stopped(made: Sight, texts: tuple[tuple[str, str], ...], wanted: frozenset[str] | None) -> Look:
    with pytest.raises(Unlooked) as raised:
        made.ahead(texts, wanted)
    return raised.value.look


def go_on() -> None:
    pass


def test_little_text_is_looked_at_on_the_spot() -> None:
    made, scanner = sight()
    made.ahead((("user", LONG[:LEAST]),), ALL)
    assert made.scan(LONG[:LEAST], frozenset({A})) == (Finding(A, 0, 1, 1.0),)
    assert made.injection(LONG, "user") == score(LONG, "user")
    assert scanner.asked == [(LONG[:LEAST], frozenset({A}))]


def test_much_text_is_looked_at_once_for_what_is_asked_and_once_for_all() -> None:
    made, scanner = sight()
    texts = (("user", LONG), ("assistant", "short"), ("user", LONG))
    look = stopped(made, texts, frozenset({A}))
    assert look == Look((("", LONG), ("", "short")), frozenset({A}))
    made.learn(look, look_at(look, made.behind, go_on))
    made.ahead(texts, frozenset({A}))
    again = stopped(made, texts, frozenset({B}))
    assert again == Look(look.texts, ALL)
    made.learn(again, look_at(again, made.behind, go_on))
    for wanted in (ALL, frozenset({C}), frozenset({A, B})):
        made.ahead(texts, wanted)
        assert {one.entity for one in made.scan(LONG, wanted)} == wanted
    assert len(scanner.asked) == 4


def test_injections_are_judged_by_who_speaks() -> None:
    made, _ = sight()
    texts = (("user", LONG), ("tool", LONG), ("user", LONG))
    look = stopped(made, texts, None)
    assert look.texts == texts[:2]
    made.learn(look, look_at(look, made.behind, go_on))
    made.ahead(texts, None)
    assert made.injection(LONG, "tool").signals == ("tool",)
    assert made.senses.injection(LONG, "user").signals == ("user",)


def test_texts_that_change_from_try_to_try_are_looked_at_on_the_spot_in_the_end() -> None:
    made, _ = sight()
    for count in range(MOST_LOOKS):
        stopped(made, (("user", f"{LONG}{count}"),), ALL)
    made.ahead((("user", LONG),), ALL)


def test_a_look_ends_when_nobody_waits_any_more() -> None:
    class Gone(Exception):
        pass

    def gone() -> None:
        raise Gone

    for wanted in (ALL, None):
        with pytest.raises(Gone):
            look_at(Look((("user", LONG),), wanted), sight()[0].behind, gone)


SCANNER = build_scanner((), {})
EVERYTHING = frozenset(ENTITIES)
PLANTED = (
    "mail ann.lee@example.org",
    "ssn 536-90-4399",
    "card 4111 1111 1111 1111",
    "key AKIAQYLPMN5HHHFPZAM2",
    "tel +49 30 901820",
    "a&#64;example.org",
)


@pytest.mark.slow
@given(
    st.lists(st.tuples(st.integers(1, 40_000), st.sampled_from(PLANTED)), min_size=2, max_size=6),
    st.sampled_from(("the plan was discussed ", "z\u00e4h wie Leder ", "x\ty\n")),
)
def test_windows_find_what_one_scan_finds(gaps: list[tuple[int, str]], filler: str) -> None:
    text = "".join((filler * (gap // len(filler) + 1))[:gap] + f" {one} " for gap, one in gaps)
    look = Look((("user", text),), EVERYTHING)
    seen = look_at(look, Senses(SCANNER, score), go_on)
    assert seen == (SCANNER.scan(text, EVERYTHING),)
