"""A past denial that was wrong in; a label in the audit trail out. And labels back.

A label changes nothing that was decided. It is a record of its own that names the decision and the
rules that made it, so that figures can tell which rules deny for nothing.
"""

from __future__ import annotations

from pathlib import Path

import msgspec

from engine.service.entries import AdminEntry
from engine.storage.query import find
from engine.storage.wanted import Found, Wanted

ACT = "overturned"


class NoLabel(Exception):
    """Nothing can be said of the decision; the text says why."""


class Overturned(msgspec.Struct, frozen=True, kw_only=True):
    """A denial that somebody says was wrong."""

    time: str
    who: str
    decision_id: str
    rules: tuple[str, ...]
    note: str = ""


def label_of(folder: Path, decision_id: str, who: str, note: str, time: str) -> AdminEntry:
    """Return the record that *who* overturns a denial in the trail's *folder*.

    Raises NoLabel, OSError and NoSegment.
    """
    found = next(find(folder, Wanted(kind="decision", decision=decision_id)), None)
    if found is None:
        raise NoLabel(f"there is no decision `{decision_id}` in the audit trail")
    action = found.text("effective_action")
    if action != "deny":
        raise NoLabel(f"only a denial can be overturned: the decision was {action}")
    before = next((one for one in overturned(folder) if one.decision_id == decision_id), None)
    if before is not None:
        raise NoLabel(f"{before.who} has overturned it already, at {before.time}")
    what: dict[str, object] = {
        "decision_id": decision_id,
        "tenant": found.text("tenant"),
        "rules": list(found.rules),
        "note": note,
    }
    return AdminEntry(time=time, act=ACT, who=who, what=what)


def overturned(folder: Path) -> tuple[Overturned, ...]:
    """Return every denial that was overturned, once each. Raises OSError and NoSegment."""
    made: dict[str, Overturned] = {}
    for one in find(folder, Wanted(kind="admin")):
        if one.text("act") == ACT:
            label = read_label(one)
            made.setdefault(label.decision_id, label)
    return tuple(made.values())


def read_label(one: Found) -> Overturned:
    """Return the label in a record."""
    what = one.fields.get("what")
    said = what if isinstance(what, dict) else {}
    rules = said.get("rules")
    return Overturned(
        time=one.text("time"),
        who=one.text("who"),
        decision_id=str(said.get("decision_id", "")),
        rules=tuple(map(str, rules)) if isinstance(rules, list) else (),
        note=str(said.get("note", "")),
    )
