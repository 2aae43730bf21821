"""What the databases of a net must hold and do hold, as it is kept in files."""

from __future__ import annotations

import hashlib

import msgspec

from engine.content.hyper import VERSION, Sought


class Wanted(msgspec.Struct, frozen=True, array_like=True):
    """What the databases of a net must hold, by `Kind`."""

    words: tuple[Sought, ...]
    shapes: tuple[Sought, ...]
    numbers: tuple[Sought, ...]

    @property
    def size(self) -> int:
        """How many expressions there are."""
        return len(self.words) + len(self.shapes) + len(self.numbers)

    def digest(self) -> str:
        """Return what names such a net, as this machine's Hyperscan makes it."""
        return hashlib.sha256(msgspec.json.encode((VERSION, self))).hexdigest()


class Packed(msgspec.Struct, frozen=True, array_like=True):
    """A net as bytes."""

    held: Wanted
    words: bytes
    shapes: bytes
    numbers: bytes
