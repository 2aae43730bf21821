"""A request that escalates in, its attributes as a door would take them out: for a test of it."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from engine.runtime.decision import Decision
from engine.runtime.record import Record
from engine.runtime.review import to_plain

MOST = 65_536
"""Bytes of JSON that are kept; of more nothing is, and then nobody can make a test of it."""

_encode = msgspec.json.Encoder(enc_hook=str, decimal_format="string").encode


def asked_of(record: Record, decision: Decision) -> dict[str, object]:
    """Return the attributes of *record* by group, redacted where *decision* redacts them.

    Without content, messages and tool arguments, which a review shows; without what is absent.
    """
    groups = {
        "tenant": record.tenant,
        "user": record.user,
        "model": record.model,
        "tool": record.tool,
        "session": record.session,
        "usage": record.usage,
        "source": record.source,
        "context": record.context,
    }
    found = {
        name: attributes(to_plain(group), f"{name}.", decision.attributes)
        for name, group in groups.items()
    }
    made: dict[str, object] = {name: one for name, one in found.items() if one}
    return made if len(_encode(made)) <= MOST else {}


def attributes(values: object, before: str, instead: Mapping[str, str]) -> dict[str, object]:
    """Return *values* whose paths begin with *before*, those of *instead* in their place."""
    assert isinstance(values, dict), "a group is a struct"
    made: dict[str, object] = {}
    for name, value in values.items():
        path = f"{before}{name}"
        if value is None or path == "tool.args":
            continue
        if isinstance(value, dict):
            inner = attributes(value, f"{path}.", instead)
            if inner:
                made[name] = inner
        else:
            made[name] = instead.get(path, value)
    return made
