"""Rules in, an audit trail without what need not be kept out; and who forgot it, on record.

First a signed record says what will be forgotten (its numbers, never what it said), then it is: a
crash in between leaves a record of something that has not happened yet, never the other way round.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import msgspec

from engine.service.audit import PUBLIC, Audit
from engine.service.entries import AdminEntry
from engine.service.plain import read_plain
from engine.service.record import RecordError
from engine.storage.acts import needless_acts
from engine.storage.header import NoSegment
from engine.storage.holds import Hold, HoldsError, read_holds, write_holds
from engine.storage.moment import time_of
from engine.storage.notes import NoteError, read_verifier
from engine.storage.prune import NotWhole, checked, forget, sweep
from engine.storage.retention import Due, Rules, due_in, lost_holds
from engine.storage.roll import Damaged
from engine.storage.shipped import CHECKPOINTS, read_shipped
from engine.storage.tending import tending

Opener = Callable[[], Audit]
"""Begins a trail in the folder, to say in it what was done."""


class Forgotten(msgspec.Struct, kw_only=True):
    """What was forgotten, or would be."""

    busy: bool = False
    """Whether another process was at it, and nothing was done."""
    due: list[Due] = []
    checkpoints: int = 0
    """How many went that signed only what was forgotten."""
    told: list[str] = []
    """What stands in the way, or must be known."""

    @property
    def records(self) -> int:
        """How many records."""
        return sum(len(one.rows) for one in self.due)

    @property
    def bytes(self) -> int:
        """Of their payloads."""
        return sum(one.bytes for one in self.due)

    @property
    def segments(self) -> int:
        """How many segments go altogether."""
        return sum(one.ends for one in self.due)


def prune(
    folder: Path, rules: Rules, now: int, opener: Opener, *, who: str, dry: bool = False
) -> Forgotten:
    """Forget what *rules* say at *now* (microseconds since the epoch); with *dry* only say what.

    Raises HoldsError, RecordError, OSError and NoSegment; then nothing was forgotten.
    """
    with tending(folder) as mine:
        if not mine:
            return Forgotten(busy=True)
        holds = checked_holds(folder)
        found = Forgotten()
        if not rules.any:
            return found
        if not dry:
            sweep(folder)
        needless = _needless(folder, found)
        shipped = read_shipped(folder)
        found.due = due_in(folder, rules, holds, shipped, now, found.told.append, needless)
        for due in found.due:
            found.told += [
                f"{due.name}: {count:,} records were not shipped by the sink {sink} yet, and go "
                f"since the megabytes are used up"
                for sink, count in due.unsent.items()
            ]
        if not dry:
            _each(found, lambda due: checked(due.path, due))
        if found.due and not dry:
            audit = _forget(found, now, opener, who)
            # What is closed now says what was deleted; and it is signed.
            try:
                found.checkpoints = audit.roll(read_shipped(folder).sent(CHECKPOINTS))
            except (OSError, NoSegment, Damaged) as error:
                found.told.append(f"the checkpoints stay as they are: {error}")
    return found


def _needless(folder: Path, found: Forgotten) -> frozenset[tuple[str, int]]:
    """Return which acts of pruning need not stay; none, and that is told, where that is unsure."""
    try:
        return needless_acts(folder, read_verifier(read_plain(folder / PUBLIC).decode()))
    except FileNotFoundError:
        return frozenset()
    except (OSError, NoSegment, NoteError, Damaged, UnicodeDecodeError) as error:
        found.told.append(f"what says what was pruned stays: {error}")
        return frozenset()


def _forget(found: Forgotten, now: int, opener: Opener, who: str) -> Audit:
    """Say what is due and do it; return the trail that says so, closed."""
    with closing(opener()) as audit:
        for due in found.due:
            audit.write(AdminEntry(time=time_of(now), act="pruned", who=who, what=due.told))
        audit.wait()
        if not audit.tend():
            raise RecordError("what is to be forgotten cannot be signed, so nothing is")
        _each(found, forget)
    return audit


def _each(found: Forgotten, act: Callable[[Due], object]) -> None:
    """Do *act* with each segment; leave out those where that cannot be done, and tell."""
    done = []
    for due in found.due:
        try:
            act(due)
        except (OSError, NoSegment, NotWhole) as error:
            found.told.append(f"{due.name} stays as it is: {error}")
        else:
            done.append(due)
    found.due = done


def checked_holds(folder: Path) -> tuple[Hold, ...]:
    """Return the holds of *folder*.

    Raises HoldsError, also where one is gone that was not released; OSError and NoSegment.
    """
    holds = read_holds(folder)
    lost = list(lost_holds(folder, holds))
    if lost:
        raise HoldsError(
            f"the trail tells of the hold {lost[0]}, which was never released, and {folder} has "
            "none of that id: nothing is forgotten until it is there again, or released"
        )
    return holds


def hold(folder: Path, asked: Hold, opener: Opener) -> Hold:
    """Put *asked* on record and into force, under an id of its own; return it.

    Waits for whoever is pruning just now. Raises HoldsError, RecordError and OSError.
    """
    with tending(folder, wait=True):
        holds = read_holds(folder)
        made = msgspec.structs.replace(asked, id=secrets.token_hex(4))
        # In force before it is told: it may be in force unsaid, never said and not in force.
        write_holds(folder, (*holds, made))
        with closing(opener()) as audit:
            audit.write(
                AdminEntry(
                    time=made.since, act="held", who=made.who, what=msgspec.to_builtins(made)
                )
            )
            audit.wait()
    return made


def release(
    folder: Path, identity: str, opener: Opener, *, who: str, reason: str, now: int
) -> Hold | None:
    """Put on record that a hold is released, then do it; return it, None where there is none.

    Raises HoldsError, RecordError and OSError.
    """
    with tending(folder, wait=True):
        holds = read_holds(folder)
        found = next((one for one in holds if one.id == identity), None)
        known = identity in set(lost_holds(folder, holds))
        if found is None and not known:
            return None
        what: dict[str, object] = {"id": identity, "reason": reason}
        if found is not None:
            what |= {"what": found.what, "since": found.since}
        with closing(opener()) as audit:
            audit.write(AdminEntry(time=time_of(now), act="released", who=who, what=what))
            audit.wait()
        write_holds(folder, tuple(one for one in holds if one.id != identity))
    return found or Hold(id=identity, since="", reason="")
