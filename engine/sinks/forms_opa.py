"""A record in, an event of Open Policy Agent's decision log out (EventV1 of its ``plugins/logs``).

Texts never come to a trail unless they are asked for, so ``/input/content`` is named in ``erased``;
what was redacted in them is named in ``masked``, as by a mask of OPA's own. Durations are in
nanoseconds, under the names that OPA's server has for the same spans of time.
"""

from __future__ import annotations

import re

from engine.sinks.forms_taken import (
    Fields,
    Taken,
    fields_of,
    list_of,
    number_of,
    text_of,
    time_of,
)

PRODUCT = "engine"

METRICS = {
    "read": "timer_rego_input_parse_ns",
    "decide": "timer_rego_query_eval_ns",
    "wait": "timer_engine_wait_ns",
    "review": "timer_engine_review_ns",
}
"""OPA's names of where the time goes, by ours; the last two have none there."""

ABOUT = ("request_id", "stage", "content_hash", "arguments_hash")
HASHED = {"content_hash": "content", "arguments_hash": "tool.args"}
"""Parts of a request of which a decision has only a hash, by the field that has it."""
NAMED = {"tenant": "id", "user": "id", "session": "id", "model": "name", "tool": "name"}
"""Fields of a decision that are about its request, with their attribute in the language."""

APART = {*ABOUT, *NAMED, "kind", "time", "decision_id", "revision", "trace_id", "span_id"}
APART |= {"spent", "evaluated_in", "error", "content"}
"""Fields that are not part of the result."""

_PLACE = re.compile(r"[^.\[\]]+")


def opa_form(taken: Taken) -> dict[str, object]:
    """Return the event. What is no decision has a path of its own and its fields as the result."""
    fields = taken.fields
    decision = taken.kind == "decision"
    event: dict[str, object] = {
        "labels": {"app": PRODUCT, "id": taken.trail},
        "decision_id": text_of(fields, "decision_id") or taken.uid,
    }
    for name in ("trace_id", "span_id"):
        if text_of(fields, name):
            event[name] = fields[name]
    if text_of(fields, "revision"):
        event["bundles"] = {"policies": {"revision": fields["revision"]}}
    event["path"] = f"{PRODUCT}/{taken.kind}"
    event["input"] = _input(fields)
    event["result"] = {name: value for name, value in fields.items() if name not in APART}
    if decision:
        event.update(_hidden(fields))
    if text_of(fields, "error"):
        event["error"] = {"code": "engine_error", "message": fields["error"]}
    event["timestamp"] = _timestamp(taken)
    metrics = _metrics(fields)
    if metrics:
        event["metrics"] = metrics
    custom: dict[str, object] = {"kind": taken.kind, "trail": taken.trail}
    custom["sequence"] = taken.sequence
    if not fields:
        custom["bytes"] = taken.payload.decode(errors="replace")
    event["custom"] = custom
    return event


def _input(fields: Fields) -> dict[str, object]:
    made: dict[str, object] = {name: fields[name] for name in ABOUT if name in fields}
    for name, attribute in NAMED.items():
        if name in fields:
            made[name] = {attribute: fields[name]}
    if "content" in fields:
        made["content"] = fields["content"]
    return made


def _hidden(fields: Fields) -> dict[str, object]:
    """Return what of the request is not in the event, and what in it is not what was sent."""
    kept = fields_of(fields, "content")
    made: dict[str, object] = {}
    erased = [pointer(part) for name, part in HASHED.items() if text_of(fields, name)]
    if erased and not kept:
        made["erased"] = erased
    places = [pointer(text_of(one, "path")) for one in list_of(fields, "redactions")]
    if places:
        made["masked"] = list(dict.fromkeys(places))
    return made


def pointer(path: str) -> str:
    """Return a path such as ``messages[2].text`` as a JSON pointer into the input."""
    steps = (one.replace("~", "~0").replace("/", "~1") for one in _PLACE.findall(path))
    return "/input/" + "/".join(steps)


def _timestamp(taken: Taken) -> str:
    found = time_of(taken)
    # Of what says no time: a time that no reader can take for a true one.
    return found.isoformat().replace("+00:00", "Z") if found else "1970-01-01T00:00:00Z"


def _metrics(fields: Fields) -> dict[str, int]:
    spent = fields_of(fields, "spent")
    made = {name: number_of(spent, own) for own, name in METRICS.items() if number_of(spent, own)}
    if number_of(fields, "evaluated_in"):
        made.setdefault(METRICS["decide"], number_of(fields, "evaluated_in"))
        made["timer_server_handler_ns"] = max(number_of(fields, "evaluated_in"), sum(made.values()))
    return made
