"""A record of an audit trail in, what people read of it out."""

from __future__ import annotations

from collections.abc import Mapping

from engine.language.render import inert
from engine.sinks.forms_taken import encode
from engine.storage.wanted import Found

LONGEST = 300
"""Characters that are shown of what has no form of its own."""
LONGEST_WAIT = 1e15
"""Seconds: what somebody wrote there as more is no time."""


def describe(one: Found) -> str:
    """Return a record in a line for people."""
    kind = one.text("kind") or "unreadable"
    match kind:
        case "decision":
            parts = _decision(one)
        case "review":
            parts = _review(one)
        case "settlement":
            parts = _settlement(one)
        case "reload":
            parts = _reload(one)
        case "admin":
            parts = _admin(one)
        case "gap":
            parts = _gap(one)
        case "cut":
            lost = _number(one, "lost")
            broken = f"{_many(lost, 'byte')} of a record that was being written were cut off"
            parts = [broken if lost else "the last record of a crashed process is whole"]
        case _:
            parts = [_pairs(_rest(one))]
    start = [one.kept.time, *([] if kind == "decision" else [f"{kind:<10}"])]
    return inert("  ".join((*start, *parts)).rstrip())


def _decision(one: Found) -> list[str]:
    action, why = one.text("effective_action"), ", ".join(one.rules)
    return [f"{action:<8}", one.text("stage"), _asker(one), why, one.text("decision_id")]


def _review(one: Found) -> list[str]:
    act = one.text("act").replace("_", " ")
    waited = one.fields.get("waited")
    told = isinstance(waited, int | float) and 0 < waited < LONGEST_WAIT
    after = f"after {waited:.0f} s" if told else ""
    parts = [f"{act}{_by(one)}", after, f"now {one.text('state')}", one.text("queue"), _asker(one)]
    return _filled(*parts, one.text("review_id"))


def _settlement(one: Found) -> list[str]:
    amounts = one.fields.get("amounts")
    used = _pairs(amounts) if isinstance(amounts, dict) else ""
    settled = "settled" if one.fields.get("settled") is True else "nothing waited for it"
    return _filled(settled, used, one.text("tenant"), one.text("decision_id"))


def _reload(one: Found) -> list[str]:
    revision, previous = one.text("revision")[:12], one.text("previous")[:12]
    if one.text("outcome") != "accepted":
        why = one.fields.get("why")
        texts = ", ".join(map(str, why)) if isinstance(why, list) else ""
        return _filled(one.text("outcome"), f"{revision} goes on deciding", texts)
    came = f"{previous} -> {revision}" if previous else revision
    policies, rules = _number(one, "policies"), _number(one, "rules")
    return ["accepted", came, f"{_many(policies, 'policy')}, {_many(rules, 'rule')}"]


def _admin(one: Found) -> list[str]:
    what = one.fields.get("what")
    told = _pairs(what) if isinstance(what, dict) else ""
    return _filled(f"{one.text('act').replace('_', ' ')}{_by(one)}", told)


def _gap(one: Found) -> list[str]:
    sink = one.text("sink")
    lost = f"{_many(_number(one, 'lost'), 'record')} lost"
    if sink:
        first = _number(one, "first")
        lost += f" to the sink {sink}, of the trail {one.text('trail')} from {first} on"
    parts = [lost]
    for name in ("denied", "doubtful"):
        number = _number(one, name)
        parts.append(f"{number} {name}" if number else "")
    since = one.text("since")
    return _filled(*parts, f"since {since}" if since else "", one.text("why"))


def _asker(one: Found) -> str:
    return f"{one.text('tenant')}/{one.text('user')}"


def _by(one: Found) -> str:
    who = one.text("who")
    return f" by {who}" if who else ""


def _number(one: Found, name: str) -> int:
    value = one.fields.get(name)
    return value if isinstance(value, int) else 0


def _many(number: int, thing: str) -> str:
    if number == 1:
        return f"1 {thing}"
    return f"{number} {thing[:-1]}ies" if thing.endswith("y") else f"{number} {thing}s"


def _filled(*parts: str) -> list[str]:
    return [part for part in parts if part]


def _rest(one: Found) -> dict[str, object]:
    return {name: value for name, value in one.fields.items() if name not in {"kind", "time"}}


def _pairs(values: Mapping[str, object]) -> str:
    """Return names with their values: a text as it is, all else as JSON; cut where it is long."""
    told = ", ".join(
        f"{name} {value if isinstance(value, str) else encode(value).decode()}"
        for name, value in values.items()
    )
    return told if len(told) <= LONGEST else f"{told[: LONGEST - 1]}…"
