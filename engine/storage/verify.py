"""A folder of segments and checkpoints in; what of it can be vouched for, and what is wrong, out.

Each trail is read from its first segment to its last: every record must have the bytes and the
place it was written with, every segment must go on where the one before ended, and the Merkle root
must be the signed one wherever a checkpoint says so. What only a checkpoint knows of is missing.

Records may have been pruned: they keep their leaf, so that all else is verified as before. That
they were pruned on purpose a signed record must say (an act with the numbers of all of them), and
likewise that a segment was deleted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from multiprocessing import get_context
from pathlib import Path
from time import time_ns

import msgspec

from engine.storage.bridges import Bridge
from engine.storage.checkpoints import FILE, Checkpoint, CheckpointFile, Damage, opened, sound
from engine.storage.examine import Part, Problem, Pruned, Signed, examine
from engine.storage.header import OPEN, Header
from engine.storage.moment import MICROSECONDS, UNKNOWN, moment_of
from engine.storage.notes import NoteError, Verifier
from engine.storage.source import number_of, segment_files, stem_of
from engine.storage.tending import tending

USUAL_SECONDS = 60
"""So long records may well be without signature, where nobody says how often they are signed."""


@dataclass(slots=True)
class Report:
    """What was read: *signed* of the *records* stand before a checkpoint that vouches for them."""

    trails: int = 0
    segments: int = 0
    records: int = 0
    pruned: int = 0
    """How many of the records have been forgotten, but for their leaf."""
    deleted: int = 0
    """How many records were in segments that were deleted since all in them was forgotten."""
    signed: int = 0
    checkpoints: int = 0
    bytes: int = 0
    vouched: dict[str, int] = field(default_factory=dict)
    """How many of its records a checkpoint vouches for, by trail."""
    unsigned: int = 0
    """How many records are signed by no checkpoint, though it was time; few of a trail that a
    process may have left by a crash are no problem."""
    unsigned_newest: str = ""
    """When the newest of these was made, as it says itself."""
    bridged: int = 0
    """How many checkpoints were forgotten with what they signed; a signed note stands for them."""
    bridged_trails: int = 0
    """Of how many trails nothing is left therefore, and no checkpoint."""
    bridged_records: int = 0
    """How many records these had."""
    bridged_newest: str = ""
    """When the newest of these checkpoints was signed."""
    cuts: list[Problem] = field(default_factory=list)
    """What crashes have left half written, and recoveries have cut. Nothing is wrong with that."""
    problems: list[Problem] = field(default_factory=list)


@dataclass(slots=True)
class _Walk:
    """How far a trail was followed."""

    size: int
    peaks: tuple[bytes, ...]
    digest: str
    number: int
    signed: int = 0
    since: str = ""
    """When the first record behind the signed ones was made, as it says itself."""
    newest: str = ""
    file: str = ""
    """The last segment."""
    lost: bool = False
    """Whether the last segment could not be read to its end."""


class _Forgotten:
    """What signed records say was pruned."""

    def __init__(self, parts: Iterable[Part], trails: dict[str, _Walk]) -> None:
        self._of: dict[str, list[Pruned]] = {}
        for part in parts:
            walk = trails.get(part.header.trail) if part.header is not None else None
            for told in part.acts:
                if walk is not None and told.sequence < walk.signed:
                    self._of.setdefault(told.pruned.segment, []).append(told.pruned)

    def allow(self, part: Part, stem: str) -> bool:
        """Return whether it was said that just these records of a segment were pruned."""
        return any(one.numbers == part.numbers for one in self._of.get(stem, ()))

    def deleted(self, trail: str, number: int) -> Pruned | None:
        """Return what was said when segment *number* was deleted; None where nothing was."""
        stem = Header(trail=trail, number=number, first=0, previous="", opened="").name
        return next((one for one in self._of.get(stem, ()) if one.deleted), None)

    def deleted_in(self, trail: str) -> list[int]:
        """Return the numbers of the segments of *trail* that it was said of that they were."""
        told = map(number_of, self._of)
        numbers = {number for name, number in told if name == trail}
        return [one for one in numbers if self.deleted(trail, one) is not None]


def verify_folder(
    folder: Path,
    verifiers: Iterable[Verifier],
    told: Callable[[int], None] = lambda _: None,
    *,
    copy: Sequence[str] = (),
    jobs: int = 1,
    patience: float = USUAL_SECONDS,
) -> Report:
    """Return what there is in *folder* and what is wrong with it; *told* hears of bytes read.

    *copy* are checkpoints that were kept elsewhere; *jobs* processes examine segments.
    *patience* is the time in seconds that records of a running process may be without signature.
    """
    report, begun = Report(), _now()
    with ExitStack() as stack:
        # While records are pruned, what says so and what is there do not fit each other yet. (Who
        # may only read cannot lock anything, and takes it as it is.)
        with suppress(OSError):
            stack.enter_context(tending(folder, wait=True))
        signed = _signed(folder, tuple(verifiers), copy, report)
        parts = list(_examined(segment_files(folder), signed, told, jobs))
    trails = _join(parts, report)
    report.trails = len(trails)
    report.vouched = {name: walk.signed for name, walk in trails.items()}
    report.signed = sum(report.vouched.values())
    forgotten = _Forgotten(parts, trails)
    report.problems += _gaps(parts, forgotten, report)
    report.problems += _missing(signed, trails, forgotten, report)
    report.problems += _unsigned(signed, trails, begun, int(patience * MICROSECONDS), report)
    return report


def _examined(
    paths: list[Path],
    signed: dict[str, list[Signed]],
    told: Callable[[int], None],
    jobs: int,
) -> Iterator[Part]:
    of = [signed.get(stem_of(path).rpartition("-")[0], []) for path in paths]
    with ExitStack() as stack:
        found: Iterable[Part] = map(examine, paths, of)
        if jobs > 1:
            pool = ProcessPoolExecutor(jobs, mp_context=get_context("spawn"))
            found = stack.enter_context(pool).map(examine, paths, of)
        for part in found:
            told(part.size)
            yield part


def _signed(
    folder: Path, verifiers: tuple[Verifier, ...], copy: Sequence[str], report: Report
) -> dict[str, list[Signed]]:
    """Return what was signed of every trail by its size; what is wrong goes into *report*."""
    found: dict[str, dict[int, Checkpoint]] = {}
    file = CheckpointFile(folder)
    damages: list[Damage] = []
    bridges: list[Bridge] = []
    try:
        for one in sound(file.lines(), verifiers, damages, bridges):
            found.setdefault(one.trail, {})[one.size] = one
            report.checkpoints += 1
    except OSError as error:
        report.problems.append(Problem(file.path.name, -1, str(error)))
    report.problems += [Problem(file.path.name, -1, str(one)) for one in damages]
    _bridge(bridges, report)
    for one in opened_copy(copy, verifiers, report.problems):
        if one.time <= report.bridged_newest and one.size not in found.get(one.trail, {}):
            if one.trail in found:  # Something of it is left, for which the copy vouches too.
                found[one.trail][one.size] = one
            continue
        held = found.setdefault(one.trail, {}).setdefault(one.size, one)
        if held.root != one.root:
            found[one.trail][one.size] = one
            why = (
                f"it vouches for other records than the copy: of the trail {one.trail} at "
                f"{one.size}, signed {one.time}"
            )
            report.problems.append(Problem(file.path.name, -1, why))
        elif held is one:
            why = f"the checkpoint of {one.time} is missing: the trail {one.trail} at {one.size}"
            report.problems.append(Problem(file.path.name, -1, why))
    return {
        trail: [
            Signed(size, one.root, one.time, one.segment, one.digest)
            for size, one in sorted(ones.items())
        ]
        for trail, ones in found.items()
    }


def _bridge(bridges: list[Bridge], report: Report) -> None:
    """Add to *report* what was forgotten of the checkpoints."""
    for one in bridges:
        report.bridged += one.count
        report.bridged_trails += one.trails
        report.bridged_records += one.records
        report.bridged_newest = max(report.bridged_newest, one.newest)


def opened_copy(
    notes: Sequence[str], verifiers: tuple[Verifier, ...], problems: list[Problem]
) -> Iterator[Checkpoint]:
    """Yield the checkpoints of a second copy that are signed; the others go into *problems*."""
    for number, note in enumerate(notes, 1):
        try:
            # A copy may begin anywhere and have holes: each stands for itself.
            yield from opened([note], verifiers, chained=False)
        except NoteError as error:
            why = str(error).partition(": ")[2]
            problems.append(Problem("the copy of the checkpoints", -1, f"note {number}: {why}"))


def _join(parts: list[Part], report: Report) -> dict[str, _Walk]:
    """Return how far each trail goes; what does not join goes into *report*."""
    trails: dict[str, _Walk] = {}
    for part in parts:
        report.problems += part.problems if part.header is not None else _placed(part, trails)
        report.bytes += part.size
        if part.cut > 0:
            why = f"{part.cut} bytes of a record that a crash left half written were cut"
            report.cuts.append(Problem(part.file, part.end, why, part.cut_at))
        header = part.header
        if header is None:
            continue
        report.segments += 1
        report.records += part.end - header.first
        report.pruned += part.pruned
        walk = trails.get(header.trail)
        if walk is not None and not walk.lost and header.number == walk.number + 1:
            joined = (header.first, header.previous, header.peaks)
            if joined != (walk.size, walk.digest, tuple(one.hex() for one in walk.peaks)):
                why = "it does not go on where the segment before it ended"
                report.problems.append(Problem(part.file, -1, why))
        # Where nothing of it is signed, what is unsigned may begin in a segment before it.
        began = walk.since if walk is not None and not part.signed else ""
        trails[header.trail] = _Walk(
            part.end,
            part.peaks,
            part.digest.hex(),
            header.number,
            max(part.signed, 0 if walk is None else walk.signed),
            began or part.since,
            part.newest or ("" if walk is None else walk.newest),
            part.file,
            part.lost,
        )
    return trails


def _placed(part: Part, trails: dict[str, _Walk]) -> list[Problem]:
    """Return why a segment cannot be read at all, at its first record where that is known."""
    trail, _, number = stem_of(Path(part.file)).rpartition("-")
    walk = trails.get(trail, _Walk(0, (), "", -1))
    if number != f"{walk.number + 1:08d}":
        return part.problems
    return [
        msgspec.structs.replace(one, record=walk.size, time=walk.newest) for one in part.problems
    ]


def _gaps(parts: list[Part], forgotten: _Forgotten, report: Report) -> Iterator[Problem]:
    """Yield which segments are missing between others, and what was pruned unsaid."""
    expected: dict[str, int] = {}
    # What was only just begun is read, and holds nothing: no segment stands behind it.
    unread: dict[str, set[int]] = {}
    for part in parts:
        if part.header is None and part.problems:
            trail, number = number_of(stem_of(Path(part.file)))
            unread.setdefault(trail, set()).add(number)
    for part in parts:
        header = part.header
        if header is None:
            continue
        if part.pruned and not forgotten.allow(part, header.name):
            why = f"{part.pruned} of its records were pruned, and no signed record says so"
            yield Problem(part.file, -1, why)
        begin, end = expected.get(header.trail, 0), header.number
        expected[header.trail] = end + 1
        if begin >= end:
            continue
        # A header may say any number: what is known is gone through, and not what is missing.
        known = {*forgotten.deleted_in(header.trail), *unread.get(header.trail, ())}
        for number in [*sorted(one for one in known if begin <= one < end), end]:
            if number > begin:
                yield Problem(part.file, -1, _missing_before(begin, number - 1))
            act = forgotten.deleted(header.trail, number) if number < end else None
            report.deleted += 0 if act is None else act.records
            begin = number + 1


def _missing_before(first: int, last: int) -> str:
    if first == last:
        return f"segment {first} is missing before it"
    return f"segments {first} to {last} are missing before it"


def _missing(
    signed: dict[str, list[Signed]],
    trails: dict[str, _Walk],
    forgotten: _Forgotten,
    report: Report,
) -> Iterator[Problem]:
    """Yield what checkpoints know of and no segment has."""
    for trail, ones in signed.items():
        walk = trails.get(trail)
        has, number = (0, 0) if walk is None else (walk.size, walk.number + 1)
        while (act := forgotten.deleted(trail, number)) is not None:
            report.deleted += act.records
            has, number = act.first + act.records, number + 1
        size = ones[-1].size
        if has == 0 and walk is None:
            yield Problem(FILE, -1, f"all {size} records of the trail {trail} are missing")
        elif has < size:
            why = f"of the {size} signed records of the trail {trail} {has} are there"
            yield Problem(FILE, -1, why)


def _unsigned(
    signed: dict[str, list[Signed]],
    trails: dict[str, _Walk],
    begun: int,
    patience: int,
    report: Report,
) -> Iterator[Problem]:
    """Yield of which trails more is unsigned than a running process or a crash leaves.

    A process signs what is new again and again, and all of it when it closes its trail, or when
    the next process does so in its place. Times are those of the records: a trail that a crash
    has left open is no problem, however long ago that was.
    """
    for trail, walk in trails.items():
        known = signed[trail][-1].size if trail in signed else 0
        if walk.size <= walk.signed or known > walk.signed:
            continue  # All are signed, or why what is signed does not fit has been said.
        since, newest = moment_of(walk.since), moment_of(walk.newest)
        if since != UNKNOWN and begun - patience <= since <= _now() + patience:
            continue  # Made just now, or while this was read.
        number = walk.size - walk.signed
        report.unsigned += number
        report.unsigned_newest = max(report.unsigned_newest, walk.newest)
        if walk.file.endswith(OPEN) and newest - since <= patience:
            continue
        why = (
            f"{number} of {walk.size} records of the trail {trail} are signed by no checkpoint, "
            "which a crash does not leave"
        )
        yield Problem(walk.file, walk.signed, why)


def _now() -> int:
    return time_ns() // 1000
