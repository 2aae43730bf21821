"""Entities that code finds and no pattern: who finds them, by the name that `Entity.finder` gives.

The law that a finder keeps, so that streams and windows find what one look at the whole text does:
what it says about a token depends on the token's own sentence alone, and there on nothing farther
than `NEARBY` characters from it. A sentence ends with a line, and behind ``.``, ``!`` or ``?``
where white space follows. A token of more than `LONGEST_TOKEN` characters is none.
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
    text would have to wait for.
    """

    find: Callable[[str, frozenset[str]], list[Found]]
    warm: Callable[[], object]


FINDERS: Mapping[str, Finder] = MappingProxyType({"tagger": Finder(tagger.find, tagger.warm)})
