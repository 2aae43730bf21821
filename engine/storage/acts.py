"""A folder in, which records of what was pruned are not needed any more out.

By such a record `verify` knows that what is missing was forgotten on purpose. It is needed as long
as something would be missed: not when a later one tells all of it, nor when nothing is left of the
trail it tells of, not even a checkpoint (see `roll`). Only what is signed takes another's place.
"""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path
from typing import NamedTuple

from engine.storage.checkpoints import CheckpointFile
from engine.storage.examine import Pruned, numbers_digest
from engine.storage.header import OPEN
from engine.storage.index import Stale, index_of, make_index
from engine.storage.notes import Verifier
from engine.storage.roll import Seen, look, signed_acts, telling_in, trail_of
from engine.storage.source import opened_source, segment_files, stem_of


class _Act(NamedTuple):
    """An act, in the order in which acts tell more of a segment."""

    deleted: bool
    pruned: int
    time: str
    """When the checkpoint was signed that vouches for it."""
    trail: str
    sequence: int
    what: Pruned


def needless_acts(folder: Path, verifier: Verifier) -> frozenset[tuple[str, int]]:
    """Return the trails and numbers of the acts of pruning that need not stay.

    Raises OSError, NoSegment, and Damaged where a checkpoint is not what was signed.
    """
    path = CheckpointFile(folder).path
    telling = list(telling_in(folder, all_acts=True)) if path.exists() else []
    if not telling:
        return frozenset()
    seen = look(path, verifier, {trail_of(one) for one in telling})
    there = {stem_of(one): one for one in segment_files(folder)}
    known = {stem.rpartition("-")[0] for stem in there} | seen.newest.keys()
    found: set[tuple[str, int]] = set()
    for segment, acts in _by_segment(telling, seen).items():
        newest = max(acts, key=lambda one: one[:-1])
        if newest.what.trail not in known:
            found.update((one.trail, one.sequence) for one in acts)
        elif _fits(newest.what, there.get(segment)):
            found.update((one.trail, one.sequence) for one in acts if one is not newest)
    return frozenset(found)


def _by_segment(telling: list[Path], seen: Seen) -> dict[str, list[_Act]]:
    found: defaultdict[str, list[_Act]] = defaultdict(list)
    for trail, told in signed_acts(telling, seen.signed):
        what = told.pruned
        time = next(one.time for one in seen.signed[trail] if one.size > told.sequence)
        act = _Act(what.deleted, what.pruned, time, trail, told.sequence, what)
        found[what.segment].append(act)
    return found


def _fits(what: Pruned, path: Path | None) -> bool:
    """Return whether just what *what* says was done to the segment at *path*; None: it is gone."""
    if path is None or path.name.endswith(OPEN):
        return what.deleted and path is None
    with opened_source(path) as source:
        index = index_of(source)
        try:
            rows = index.pruned
        except Stale:
            index = make_index(source)
            rows = index.pruned
    first = index.top.header.first
    return what.numbers == numbers_digest([first + row for row in rows])
