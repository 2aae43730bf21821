"""A trail and what is asked of it in; the records that a report tells of, and their proof, out."""

from __future__ import annotations

import time
from bisect import bisect_left
from collections.abc import Container, Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Final

import msgspec

from engine.cli.audit_content import hide, reveal
from engine.cli.audit_options import progress
from engine.cli.audit_read import Troubles, story_of
from engine.cli.audit_verify import read_keys
from engine.cli.report_story import Incident, Proof
from engine.service.times import iso_time
from engine.storage.checkpoints import CheckpointFile, sound
from engine.storage.moment import MICROSECONDS, moment_of, time_of
from engine.storage.notes import Verifier
from engine.storage.query import find
from engine.storage.verify import verify_folder
from engine.storage.wanted import Found, Wanted

EARLIER: Final = 86_400 * MICROSECONDS
"""So much a clock may have been set back between a decision and its settlement."""
FEW: Final = 16
"""Decisions of which each is looked for by itself."""
MOST_RELATED: Final = 200
"""Other decisions of a session that are told: the newest."""


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """What a report is asked for: one of the first three, and how."""

    decision: str | None = None
    session: str | None = None
    review: str | None = None
    tenant: str | None = None
    openly: bool = False
    """Whether the content is shown."""
    data: str | None = None
    """Where the keys of sealed content are."""
    no_verify: bool = False
    keys: tuple[str, ...] = ()

    @property
    def named(self) -> list[tuple[str, str]]:
        """What it is about, and its name: one of them, if it was asked well."""
        named = (("decision", self.decision), ("session", self.session), ("review", self.review))
        return [(what, name) for what, name in named if name]


def incident_in(folder: Path, asked: Asked, troubles: Troubles) -> Incident | None:
    """Return the incident, or None where nothing of it is recorded. Raises OSError, NoSegment."""
    [(what, name)] = asked.named
    if what == "session":
        found = session_of(folder, name, asked.tenant, troubles)
    else:
        found = story_of(folder, name, troubles)
    if not found:
        return None
    home = Path(asked.data) if asked.data else folder.parent
    return Incident(
        what=what,
        identity=name,
        records=[_told(one, home, openly=asked.openly) for one in found],
        related=[_told(one, home) for one in related_to(folder, found, troubles)],
        reloads=reloads_of(folder, found, troubles),
        proof=UNPROVEN if asked.no_verify else proof_of(folder, asked.keys, found),
        made=iso_time(time.time_ns()),
        folder=str(folder),
        troubles=sorted(troubles.said),
    )


UNPROVEN: Final = Proof(
    checked=False, vouched={}, covering={}, problems=(), signers=(), trusted=False
)
"""What is known where nobody has looked."""


def session_of(folder: Path, session: str, tenant: str | None, troubles: Troubles) -> list[Found]:
    """Return all records of the decisions of *session*, their reviews and settlements, by time."""
    decisions = list(find(folder, Wanted(session=session, tenant=tenant), told=troubles))
    ids = dict.fromkeys(one.text("decision_id") for one in decisions if one.text("decision_id"))
    found = {_place(one): one for one in decisions}
    if len(ids) > FEW:
        found |= {_place(one): one for one in _of_many(folder, ids, decisions, troubles)}
    else:
        for identity in ids:
            found |= {_place(one): one for one in story_of(folder, identity, troubles)}
    return sorted(found.values(), key=lambda one: (one.kept.time, *_place(one)))


def _of_many(
    folder: Path, ids: Container[str], decisions: list[Found], troubles: Troubles
) -> Iterator[Found]:
    """Yield the settlements, and what was done in the reviews, of the *decisions* named *ids*.

    To look for those of each would be to look into every segment for each of many.
    """
    reviews = {one.text("review_id") for one in decisions} - {""}
    began = min(moment_of(one.kept.time) for one in decisions)
    settled = Wanted(kind="settlement", since=time_of(max(0, began - EARLIER)))
    for one in find(folder, settled, told=troubles):
        if one.text("decision_id") in ids:
            yield one
    # One that was joined may have been opened long before.
    for one in find(folder, Wanted(kind="review"), told=troubles) if reviews else ():
        if one.text("review_id") in reviews:
            yield one


def related_to(folder: Path, found: Iterable[Found], troubles: Troubles) -> list[Found]:
    """Return the other decisions of the sessions of the decisions *found*: the newest, by time."""
    known = {_place(one) for one in found}
    sessions = dict.fromkeys(
        (one.text("tenant"), one.text("session")) for one in found if one.text("session")
    )
    made: list[Found] = []
    for tenant, session in sessions:
        wanted = Wanted(session=session, tenant=tenant, kind="decision")
        others = (
            one
            for one in find(folder, wanted, newest=True, told=troubles)
            if _place(one) not in known
        )
        made += islice(others, MOST_RELATED)
    return sorted(made, key=lambda one: one.kept.time)


def reloads_of(folder: Path, found: Iterable[Found], troubles: Troubles) -> list[Found]:
    """Return for each revision that decided the last reload before it that brought it."""
    first: dict[str, str] = {}
    for one in found:
        if one.text("kind") == "decision" and one.text("revision"):
            first.setdefault(one.text("revision"), one.kept.time)
    made: list[Found] = []
    for revision, until in first.items():
        wanted = Wanted(kind="reload", until=until)
        brought = (
            one
            for one in find(folder, wanted, newest=True, told=troubles)
            if one.text("revision") == revision and one.text("outcome") == "accepted"
        )
        made += islice(brought, 1)
    return made


def proof_of(folder: Path, keys: tuple[str, ...], found: Iterable[Found]) -> Proof:
    """Return whether the records *found* are what was signed; exit with code 2 without a key."""
    verifiers = read_keys(folder, keys)
    with progress(folder, "verifying") as read:
        checked = verify_folder(folder, verifiers, read)
    return Proof(
        checked=True,
        vouched=checked.vouched,
        covering=_covering(folder, verifiers, found),
        problems=tuple(str(one) for one in checked.problems),
        signers=tuple(one.name for one in verifiers),
        trusted=bool(keys),
    )


def _covering(
    folder: Path, verifiers: list[Verifier], found: Iterable[Found]
) -> dict[str, tuple[str, int]]:
    """Return by ``trail/number`` the time and the size of the first checkpoint over each record."""
    sizes: dict[str, list[tuple[int, str]]] = {}
    try:
        for one in sound(CheckpointFile(folder).lines(), verifiers, []):
            sizes.setdefault(one.trail, []).append((one.size, one.time))
    except OSError:
        pass  # Verifying has said what is wrong with them.
    for ones in sizes.values():
        ones.sort()
    made = {}
    for record in found:
        ones = sizes.get(record.kept.trail, [])
        at = bisect_left(ones, (record.kept.sequence + 1, ""))
        if at < len(ones):
            size, moment = ones[at]
            made[f"{record.kept.trail}/{record.kept.sequence}"] = (moment, size)
    return made


def _place(one: Found) -> tuple[str, int]:
    return one.kept.trail, one.kept.sequence


def _told(one: Found, data: Path, *, openly: bool = False) -> Found:
    return Found(one.kept, reveal(one.fields, data) if openly else hide(one.fields))
