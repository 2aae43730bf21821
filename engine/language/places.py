"""The policies of all files in; the number of each, and of its first rule, in the bundle out.

Policies are numbered by their names, whatever file they stand in, and rules in that order: as the
tuples of `program.Program`.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Sequence
from typing import NamedTuple


class Places(NamedTuple):
    """By the place of a policy, counted file by file: its number, and that of its first rule."""

    policies: Sequence[int]
    rules: Sequence[int]


NOWHERE = Places((), ())


def place_policies(files: Iterable[Iterable[tuple[str, int]]]) -> Places:
    """Return the places of policies. Each file is the name and the count of rules of its own."""
    found = [one for file in files for one in file]
    policies, rules = array("I", bytes(4 * len(found))), array("I", bytes(4 * len(found)))
    first = 0
    for order, at in enumerate(sorted(range(len(found)), key=lambda one: found[one][0])):
        policies[at], rules[at] = order, first
        first += found[at][1]
    return Places(policies, rules)
