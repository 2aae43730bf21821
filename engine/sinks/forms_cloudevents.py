"""A record in, a CloudEvent out: CloudEvents 1.0.2, JSON format, structured mode.

``source`` and ``id`` name the record's place in its trail, so that together they are unique, as the
specification asks. The extensions are the documented ones: Distributed Tracing (``traceparent``),
Partitioning (``partitionkey``) and Sequence (``sequence``, decimal digits of one width: they sort).
"""

from __future__ import annotations

import re
from base64 import b64encode

from engine.language.render import inert
from engine.sinks.forms_taken import Taken, time_of

VERSION = "1.0"
TYPE = "engine.audit"
SCHEMA = "urn:engine:audit"
"""Of ``dataschema``: ``urn:engine:audit:<kind>:1``; the number grows with a field's meaning."""

SEQUENCE_DIGITS = 20

SUBJECTS = ("decision_id", "review_id", "revision", "act")
"""What a record is about: the first of these that it has."""

_TRACE = re.compile(r"[0-9a-f]{32}")
_SPAN = re.compile(r"[0-9a-f]{16}")
_WORD = re.compile(r"[a-z][a-z0-9_]{0,63}")


def cloudevents_form(taken: Taken) -> dict[str, object]:
    """Return the event. Bytes that are no JSON go into ``data_base64``."""
    kind = taken.kind if _WORD.fullmatch(taken.kind) else "other"
    event: dict[str, object] = {
        "specversion": VERSION,
        "id": str(taken.sequence),
        "source": f"{SCHEMA}:trail:{taken.trail}",
        "type": f"{TYPE}.{kind}",
    }
    subject = next((taken.text(name) for name in SUBJECTS if taken.text(name)), "")
    if subject:
        event["subject"] = inert(subject)  # No attribute may hold a control character.
    time = time_of(taken)
    if time is not None:
        event["time"] = time.isoformat().replace("+00:00", "Z")
    event["sequence"] = str(taken.sequence).zfill(SEQUENCE_DIGITS)
    key = taken.text("session") or taken.text("tenant")
    if key:
        event["partitionkey"] = inert(key)
    trace, span = taken.text("trace_id"), taken.text("span_id")
    if _TRACE.fullmatch(trace) and _SPAN.fullmatch(span):
        event["traceparent"] = f"00-{trace}-{span}-01"
    if taken.fields:
        event["datacontenttype"] = "application/json"
        event["dataschema"] = f"{SCHEMA}:{kind}:1"
        event["data"] = taken.fields
    else:
        event["datacontenttype"] = "application/octet-stream"
        event["data_base64"] = b64encode(taken.payload).decode()
    return event
