"""A committer of a trail in a folder, and what there is in it afterwards, for tests."""

from __future__ import annotations

from pathlib import Path

import msgspec

from engine.storage.committer import Committer
from engine.storage.durability import Losses, Way
from engine.storage.header import OPEN
from engine.storage.read import read_folder
from engine.storage.segment import recover
from engine.storage.synced import Synced
from engine.storage.trail import Trail
from tests.storage.made import SIGNER, TIME, told


def made(
    folder: Path, way: Way, said: list[str] | None = None, segment_bytes: int = 2**20
) -> Committer:
    careful = way.durability == "synced"
    trail = Trail(folder, SIGNER, time=lambda: TIME, careful=careful, segment_bytes=segment_bytes)
    heard = said if said is not None else []
    kind = Synced if careful else Committer
    return kind(trail, way, gap=gap, time=lambda: TIME, told=heard.append)


def gap(losses: Losses) -> bytes:
    return msgspec.json.encode({"kind": "gap", "time": TIME, **msgspec.to_builtins(losses)})


def kept(folder: Path) -> list[object]:
    """Return the numbers of the records, and what gaps tell."""
    found: list[object] = []
    for one in read_folder(folder):
        fields = msgspec.json.decode(one.payload)
        if fields["kind"] == "gap":
            found.append(tuple(fields[name] for name in ("dropped", "denied", "doubtful")))
        elif fields["kind"] == "decision":
            found.append(fields["number"])
    return found


def whole(folder: Path) -> None:
    """Check that all there is is whole and signed, when what is left open was recovered."""
    for path in folder.glob(f"*{OPEN}"):
        recover(path, TIME)
    assert told(folder) == []
