"""Entities that code finds and no pattern: who finds them, by the name that `Entity.finder` gives.

The law that a finder keeps, so that streams and windows find what one look at the whole text does:
what it says about a token depends on nothing that is farther than `NEARBY` characters from it, and
a token of more than `LONGEST_TOKEN` characters is none.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from engine.content import tagger

NEARBY = 256
LONGEST_TOKEN = 64

Found = tuple[str, int, int, float]
"""An entity, its place in characters, its score."""


@dataclass(frozen=True, slots=True)
class Finder:
    """``find(text, wanted)`` returns what it finds of the entities *wanted* in a folded text.

    It is pure and may run in several threads. *warm* loads what it needs, which otherwise the first
    text would have to wait for. ``settled(text)`` returns up to where what it finds in *text* stays
    as it is whatever follows: all but the last few hundred characters at least.
    """

    find: Callable[[str, frozenset[str]], list[Found]]
    warm: Callable[[], object]
    settled: Callable[[str], int]


FINDERS: Mapping[str, Finder] = MappingProxyType(
    {"tagger": Finder(tagger.find, tagger.warm, tagger.settled)}
)
