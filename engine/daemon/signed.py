"""The file of checkpoints in; how many records each trail has, as far as that was signed, out.

Nothing is verified here: it says how far a sink lags behind, and what is missing.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from engine.storage.bridges import Bridge
from engine.storage.checkpoints import FILE, read_text, text_of
from engine.storage.follow import NotThere, list_trails
from engine.storage.follow_notes import new_notes
from engine.storage.notes import NoteError


class Note(NamedTuple):
    """What a checkpoint says."""

    trail: str = ""
    size: int = 0
    time: str = ""


@lru_cache(maxsize=64)
def read_note(note: str) -> Note:
    """Return what *note* says; nothing where it is no checkpoint."""
    try:
        found = read_text(text_of(note))
    except NoteError:
        return Note()
    if isinstance(found, Bridge):
        return Note(time=found.newest)
    return Note(found.trail, found.size, found.time)


class Signed:
    """Follows the checkpoints of *folder*."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._path = folder / FILE
        self._offset = 0
        self._digest = ""
        """Of the line before."""
        self.sizes: dict[str, int] = {}
        """By trail: its records."""
        self.present: frozenset[str] = frozenset()
        """The trails that are there."""

    def look(self) -> None:
        """Read what is new. Raises OSError."""
        self.present = frozenset(list_trails(self._folder))
        while True:
            try:
                notes = new_notes(self._path, self._offset, self._digest)
            except NotThere:
                self._offset, self._digest = 0, ""
                continue
            if not notes:
                return
            for one in notes:
                told = read_note(one.note)
                if told.trail:
                    self.sizes[told.trail] = max(told.size, self.sizes.get(told.trail, 0))
                self._offset, self._digest = one.end, one.digest

    def behind(self, shipped: Mapping[str, int]) -> int:
        """Return how many records there are behind those that were *shipped*, by trail.

        What is in a trail that is gone is not counted: it is no lag, but lost.
        """
        return sum(
            max(0, self.sizes.get(trail, 0) - shipped.get(trail, 0)) for trail in self.present
        )
