"""A conversation in; what was decided in it before, from the audit trail of this machine, out.

It is looked up when a reviewer looks, not when a review opens: no decision waits for it, nothing
is kept twice. So it knows what this machine has recorded and what has not been pruned yet; of
several machines each knows its own part. Content is not in it, whatever the trail keeps.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import msgspec

from engine.service.times import iso_time
from engine.storage.header import NoSegment
from engine.storage.query import find
from engine.storage.wanted import Found, Wanted

MOST = 20
MOST_NAMED = 16
"""Rules, and labels, that are shown of one decision."""

NO_TRAIL = "there is no audit trail on this machine"
NO_SESSION = "the request named no session"


class Passed(msgspec.Struct, frozen=True, kw_only=True):
    """A decision of the conversation."""

    time: str
    decision_id: str
    stage: str
    action: str
    effective_action: str
    rules: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    """Put on the session by it."""
    review_id: str = ""


class Earlier(msgspec.Struct, frozen=True, kw_only=True):
    """The newest decisions before an instant, the oldest of them first."""

    decisions: tuple[Passed, ...] = ()
    missing: str = ""
    """Why some may not be there; empty when all that this machine has recorded are."""


def earlier(
    folder: Path | None, tenant: str, session: str, before: int, most: int = MOST
) -> Earlier:
    """Return the last *most* decisions of a conversation before *before*, ns since the epoch.

    *folder* is that of the trail; None for none. It reads files: call it from a thread.
    """
    if not session:
        return Earlier(missing=NO_SESSION)
    if folder is None or not folder.is_dir():
        return Earlier(missing=NO_TRAIL)
    wanted = Wanted(kind="decision", tenant=tenant, session=session, until=iso_time(before))
    troubles: list[str] = []
    found: list[Passed] = []
    try:
        for one in find(folder, wanted, newest=True, told=troubles.append):
            found.append(passed_of(one))
            if len(found) == most:
                break
    except (OSError, NoSegment) as error:
        troubles.append(f"the audit trail cannot be read: {error}")
    return Earlier(decisions=tuple(reversed(found)), missing="; ".join(dict.fromkeys(troubles)))


def passed_of(one: Found) -> Passed:
    """Return what a reviewer sees of a record."""
    return Passed(
        time=one.text("time"),
        decision_id=one.text("decision_id"),
        stage=one.text("stage"),
        action=one.text("action"),
        effective_action=one.text("effective_action"),
        rules=one.rules[:MOST_NAMED],
        labels=texts(one.fields, "labels")[:MOST_NAMED],
        review_id=one.text("review_id"),
    )


def texts(fields: Mapping[str, object], name: str) -> tuple[str, ...]:
    """Return the field *name* as texts; none where it is no list."""
    value = fields.get(name)
    return tuple(map(str, value)) if isinstance(value, list) else ()
