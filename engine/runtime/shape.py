"""A program in, what a decision needs to know of all its policies at once out."""

from __future__ import annotations

from dataclasses import dataclass

from engine.language.program import Program
from engine.language.typed import Constant


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


def shape_of(program: Program) -> Shape:
    """Return the shape of *program*."""
    owner = tuple(number for number, policy in enumerate(program.policies) for _ in policy.rules)
    rolled_out = frozenset(
        number for number, policy in enumerate(program.policies) if policy.rollout is not None
    )
    rules = program.rules
    advice = {one.name for rule in rules for one in rule.advise}
    computed = {
        one.name for rule in rules for one in rule.advise if not isinstance(one.value, Constant)
    }
    return Shape(
        owner=owner,
        passing=frozenset(
            number
            for number, rule in enumerate(rules)
            if rule.expires is not None or rule.rollout is not None or owner[number] in rolled_out
        ),
        passing_policies=rolled_out,
        spelt=frozenset(advice - computed),
    )
