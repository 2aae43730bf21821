from __future__ import annotations

from engine.language.outline import Outline
from engine.runtime.shape import Shape, shape_of

NONE: frozenset[str] = frozenset()


def outline(
    rules: int,
    *passing: int,
    rolled_out: bool = False,
    advised: frozenset[str] = NONE,
    computed: frozenset[str] = NONE,
    reversible: bool = False,
    asked: frozenset[frozenset[str]] = frozenset(),
) -> Outline:
    return Outline("p", rules, frozenset(passing), rolled_out, advised, computed, reversible, asked)


def test_rules_are_numbered_through() -> None:
    made = shape_of([outline(2, 1), outline(0), outline(3, 0, 2)])
    assert made.owner == (0, 0, 2, 2, 2)
    assert made.passing == {1, 2, 4}
    assert made.passing_policies == frozenset()


def test_every_rule_of_a_policy_that_is_rolled_out_passes() -> None:
    made = shape_of([outline(1), outline(2, 1, rolled_out=True), outline(1)])
    assert made.passing == {1, 2}
    assert made.passing_policies == {1}


def test_advice_that_one_policy_computes_is_spelt_out_by_none() -> None:
    tier, both = frozenset({"tier"}), frozenset({"tier", "said"})
    made = shape_of([outline(1, advised=both), outline(1, advised=tier, computed=tier)])
    assert made.spelt == {"said"}


def test_no_policies_have_an_empty_shape() -> None:
    assert shape_of([]) == Shape(
        (), frozenset(), frozenset(), frozenset(), reversible=False, asked=frozenset()
    )


def test_one_rule_with_placeholders_makes_the_whole_reversible() -> None:
    assert shape_of([outline(1), outline(1, reversible=True), outline(1)]).reversible
    assert not shape_of([outline(1), outline(2)]).reversible


def test_what_the_policies_look_for_adds_up() -> None:
    card, mail = frozenset({"pii.card"}), frozenset({"pii.email", "pii.ip"})
    parts = [outline(1, asked=frozenset({card})), outline(1), outline(1, asked=frozenset({mail}))]
    assert shape_of(parts).asked == {card, mail}
    assert shape_of([outline(1, asked=frozenset({card, mail}))]).asked == {card, mail, card | mail}
