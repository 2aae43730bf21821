"""What the databases of a net must hold and do hold, as it is kept in files."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Literal, NamedTuple

import msgspec

from engine.content.detectors import Aimed
from engine.content.hyper import VERSION, Sought

Kind = Literal["words", "shapes", "numbers"]
KINDS: tuple[Kind, ...] = ("words", "shapes", "numbers")

MAKERS = ("aims", "hyper", "net", "net_packed", "plan", "translate")
"""The modules beside this one that say what a net of the same patterns is."""


class Outline(msgspec.Struct, frozen=True, array_like=True, order=True):
    """What of a pattern decides what is looked for in its place; see `detectors.Pattern`."""

    regex: str
    hint: str
    aimed: Aimed
    digits: bool
    shape: bool
    byte: bool
    """One byte sets it off."""
    apart: bool
    """Only what no letter or digit touches counts."""
    whole: bool
    """Matches are not cut."""
    retry: bool


class Aim(NamedTuple):
    """What a database looks for in place of a rule, and what an event tells.

    A match begins at most *back* bytes before the event's end (anywhere, if None), and has at most
    *most* bytes. With *single* there is one event, the first. *kind* tells the database. Around the
    hint of a shape *margin* bytes may matter; *free*: all else may be left out.
    """

    text: str
    single: bool
    kind: Kind
    back: int | None = None
    most: int | None = None
    margin: int = 0
    free: bool = False


class Wanted(msgspec.Struct, frozen=True, array_like=True):
    """The patterns that a net must find."""

    outlines: tuple[Outline, ...]

    @property
    def size(self) -> int:
        """How many patterns there are."""
        return len(self.outlines)

    def digest(self) -> str:
        """Return what names such a net, as this code and this machine's Hyperscan make it."""
        hashed = hashlib.sha256(msgspec.json.encode((VERSION, self)))
        for source in sources():
            hashed.update(source)
        return hashed.hexdigest()


def sources() -> Iterator[bytes]:
    """Yield the text of `MAKERS`: who changes them must not meet what they made before."""
    here = Path(__file__)
    for name in MAKERS:
        yield here.with_name(f"{name}.py").read_bytes()


class Packed(msgspec.Struct, frozen=True, array_like=True):
    """A net as bytes: databases, what they hold, and what to aim at for the patterns wanted."""

    wanted: Wanted
    aims: tuple[Aim | None, ...]
    held: tuple[Sought, ...]
    words: memoryview
    shapes: memoryview
    numbers: memoryview
