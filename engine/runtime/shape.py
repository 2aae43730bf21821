"""Outlines of policies in, what a decision needs to know of all policies at once out."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

from engine.language.outline import Outline


class Heard(NamedTuple):
    """What policies ask of sessions, so that it must be noted."""

    tainted: bool = False
    """Whether anything asks if an argument is tainted: then the user's words are noted."""
    turns: bool = False
    """Whether anything asks for the turn of the conversation: then requests are counted."""
    carried: frozenset[tuple[str, str]] = frozenset()
    """The stages whose content a label carries, each with the label."""


DEAF = Heard()


@dataclass(frozen=True, slots=True)
class Shape:
    """See the module."""

    owner: tuple[int, ...]
    """The policy number of each rule."""
    passing: frozenset[int]
    """Rules whose effect depends on more than matching: the clock (expires) or a key (rollout)."""
    passing_policies: frozenset[int]
    spelt: frozenset[str]
    """Advice names whose every value the policies spell out: no request shows in them."""
    reversible: bool
    """Whether any rule redacts with placeholders that can be turned back."""
    asked: frozenset[frozenset[str]]
    """The sets of entities that policies look for, and for each policy all of its sets as one."""
    heard: Heard = DEAF
    """What of sessions is asked."""
    scored: bool = False
    """Whether it is asked how much a text looks like an injection."""


def shape_of(outlines: Iterable[Outline]) -> Shape:
    """Return the shape of the policies with these *outlines*, in their order."""
    owner: list[int] = []
    passing: set[int] = set()
    rolled_out: set[int] = set()
    advised: set[str] = set()
    computed: set[str] = set()
    reversible = tainted = turns = scored = False
    asked: set[frozenset[str]] = set()
    carried: set[tuple[str, str]] = set()
    for number, one in enumerate(outlines):
        first = len(owner)
        owner.extend([number] * one.rules)
        if one.rolled_out:
            rolled_out.add(number)
            passing.update(range(first, len(owner)))
        else:
            passing.update(first + rule for rule in one.passing)
        advised |= one.advised
        computed |= one.computed
        reversible = reversible or one.reversible
        tainted = tainted or one.tainted
        turns = turns or one.turns
        scored = scored or one.scored
        asked |= one.asked
        if one.asked:
            # Most requests are asked all of it at once: see ``looks``.
            asked.add(frozenset().union(*one.asked))
        carried |= one.carried
    return Shape(
        owner=tuple(owner),
        passing=frozenset(passing),
        passing_policies=frozenset(rolled_out),
        spelt=frozenset(advised - computed),
        reversible=reversible,
        heard=Heard(tainted, turns, frozenset(carried)),
        asked=frozenset(asked),
        scored=scored,
    )
