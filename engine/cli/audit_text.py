"""A record of an audit trail in, what people read of it out."""

from __future__ import annotations

from engine.language.render import inert
from engine.storage.wanted import Found


def describe(one: Found) -> str:
    """Return a record in a line for people."""
    kind = one.text("kind")
    if kind != "decision":
        rest = {name: value for name, value in one.fields.items() if name not in {"kind", "time"}}
        return inert(f"{one.kept.time}  {kind or 'unreadable'}  {rest}")
    who = f"{one.text('tenant')}/{one.text('user')}"
    why = ", ".join(one.rules)
    return inert(
        f"{one.kept.time}  {one.text('effective_action'):<8}  {one.text('stage')}  {who}  {why}  "
        f"{one.text('decision_id')}"
    )
