"""What the functions of an index look for in texts: all that one request asks is found at once.

Every reading of a text costs the same for what it does not hold, whatever is looked for. So when a
text is looked at for the first time, it is searched for all that the functions will ask of it which
this request reaches.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NamedTuple

from engine.content.findings import Finding
from engine.language.interned import interned
from engine.language.plan import Look
from engine.runtime.record import Record

MOST = 4096
"""So many questions are remembered at most."""
MOST_UNIONS = 32
"""So many different unions are looked for at most: to prepare one takes milliseconds. With more,
each set is looked for when it is asked for."""


class Wide(NamedTuple):
    """The *entities* to look for at once, and the sets that they are made of.

    Hot path: whether one set holds another takes longer to say than whether it is one of a few.
    """

    entities: frozenset[str]
    sets: frozenset[frozenset[str]]


Widen = Callable[[Record, str, frozenset[str]], Wide]
"""A request, the path of a text in it and entities in; what to look for there at once out."""


class Looks:
    """What functions look for. Safe to share between threads once all are added."""

    __slots__ = ("_bits", "_known", "_numbers", "_unions", "_wide")

    def __init__(self) -> None:
        self._bits: dict[Callable[..., None], int] = {}
        self._numbers: dict[Look, int] = {}
        self._known: list[Look] = []
        self._unions: set[frozenset[str]] = set()
        self._wide: dict[tuple[str, int, frozenset[str]], Wide] = {}

    def add(self, function: Callable[..., None], looks: Iterable[Look]) -> None:
        """Note that *function* looks for *looks*."""
        bits = 0
        for one in looks:
            number = self._numbers.setdefault(one, len(self._numbers))
            if number == len(self._known):
                self._known.append((one[0], interned(one[1])))
            bits |= 1 << number
        if bits:
            self._bits[function] = bits

    @property
    def several(self) -> bool:
        """Whether two sets are looked for at one path: otherwise there is nothing to unite."""
        return len({path for path, _ in self._known}) < len(self._known)

    def unite(
        self, path: str, entities: frozenset[str], functions: Iterable[Callable[..., None]]
    ) -> Wide:
        """Return *entities* and what else *functions* look for at *path*."""
        held, bits = self._bits, 0
        for function in functions:
            bits |= held.get(function, 0)
        asked = path, bits, entities
        known = self._wide.get(asked)
        if known is None:
            if len(self._wide) >= MOST:
                self._wide.clear()
            known = self._wide[asked] = self._united(path, bits, entities)
        return known

    def _united(self, path: str, bits: int, entities: frozenset[str]) -> Wide:
        sets = {
            found
            for number, (where, found) in enumerate(self._known)
            if where == path and bits >> number & 1
        }
        sets.add(entities)
        whole = interned(frozenset[str]().union(*sets))
        if len(whole) == len(entities):
            return Wide(entities, frozenset(sets))
        if len(self._unions) == MOST_UNIONS and whole not in self._unions:
            return Wide(entities, frozenset({entities}))
        self._unions.add(whole)
        return Wide(whole, frozenset(sets))


def _place(finding: Finding) -> tuple[int, int, str]:
    return finding.start, finding.end, finding.entity


def joined(found: tuple[Finding, ...], more: tuple[Finding, ...]) -> tuple[Finding, ...]:
    """Return both in the order of places; most texts hold nothing."""
    if not (found and more):
        return found or more
    return tuple(sorted((*found, *more), key=_place))
