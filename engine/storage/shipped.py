"""A folder in, how much of each trail all sinks have been sent out.

Each sink writes `shipped/<name>.json` beside the segments: for each trail the number of the first
record that it has not shipped. What a file does not tell of has not been shipped.
"""

from __future__ import annotations

from pathlib import Path

import msgspec

from engine.storage.no_json import NO_JSON
from engine.storage.plain import plain_bytes

FOLDER = "shipped"
ENDING = ".json"
CHECKPOINTS = "checkpoints"
"""Stands among the trails for the file of checkpoints."""


class _Cursor(msgspec.Struct):
    trails: dict[str, int]


class Shipped:
    """How much has been shipped."""

    def __init__(self, cursors: dict[str, dict[str, int]]) -> None:
        self._cursors = cursors

    def sent(self, trail: str) -> int | None:
        """Return how many records of *trail* every sink has; None where there is no sink."""
        if not self._cursors:
            return None
        return min(one.get(trail, 0) for one in self._cursors.values())

    def lacking(self, trail: str, number: int) -> list[str]:
        """Return the sinks that have not been sent record *number* of *trail*."""
        return sorted(
            name for name, trails in self._cursors.items() if trails.get(trail, 0) <= number
        )


def read_shipped(folder: Path) -> Shipped:
    """Return what the sinks of the trail in *folder* say. What cannot be read says: nothing."""
    found: dict[str, dict[str, int]] = {}
    for path in sorted((folder / FOLDER).glob(f"*{ENDING}")):
        try:
            found[path.stem] = msgspec.json.decode(plain_bytes(path), type=_Cursor).trails
        except (OSError, *NO_JSON):
            found[path.stem] = {}
    return Shipped(found)
