"""A request and its decision in, the bytes of the line out, where that says what nearly all say.

To fill an `Entry` and to encode it takes twice as long. `lines.make_entry` is the reference: what
is laid here is what the encoder makes of its line, byte for byte.

    {"kind":"decision","time":"…","decision_id":"…", request_id … "action":"deny", … reasons …
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
from msgspec.structs import astuple

from engine.runtime import held as at
from engine.runtime.decision import Decision, Reason
from engine.runtime.values import Values
from engine.service.callers import CALLER
from engine.service.hashes import hash_arguments, hash_content
from engine.service.laid import Laid
from engine.service.lines import MOST, content_of, reason_entry
from engine.service.making import Making
from engine.service.times import iso_time
from engine.service.tracing import TRACE

REMEMBERED = 4096
"""Texts, and reasons, of which it is known how they are laid. When there are more, all are
forgotten."""
LONGEST = 128
"""Characters of a text that is remembered."""

encode = msgspec.json.Encoder(enc_hook=str).encode

texts: dict[str, str] = {}
"""How texts that come again and again are written in JSON."""
heads: dict[int, tuple[Reason, str]] = {}
"""How reasons begin, by the identity of the reason, which is held so that it stays its own."""


def lay_line(
    made: Making, decision: Decision, key: bytes, values: Mapping[str, Values]
) -> Laid | None:
    """Return the line; None where there is more to say than nearly all say.

    *key* is of hashes, *values* are what rules have read, by rule.
    """
    record, held, caller = made.record, astuple(decision), CALLER.get()
    reasons: tuple[Reason, ...] = held[at.REASONS]
    shown = caller is not None and caller.certificate is not None
    if record is None or made.error or shown or len(reasons) > MOST or not at.is_bare(held):
        return None
    # Hot path. Invariant: times, hashes and ids of decisions and traces need no escape in JSON.
    time, decision_id, action = iso_time(made.now), held[at.DECISION_ID], quoted(held[at.ACTION])
    request_id, content, tool = held[at.REQUEST_ID], content_of(record), record.tool
    line = (
        f'{{"kind":"decision","time":"{time}","decision_id":"{decision_id}"'
        f"{unique('request_id', request_id)}"
        f',"revision":{quoted(held[at.REVISION])},"tenant":{quoted(record.tenant.id)}'
        f',"user":{quoted(record.user.id)},"stage":{quoted(record.stage)}'
        f"{common('model', record.model.name)}{common('tool', tool.name)}"
        f"{unique('session', record.session.id)}"
        f',"action":{action},"effective_action":{action}{laid_reasons(reasons, values)}'
        f',"evaluated_in":{held[at.EVALUATED_IN]}{laid_spent(made)}{laid_trace()}'
        f"{hashed('content_hash', hash_content(content, key) if content else '')}"
        f"{hashed('arguments_hash', '' if tool.args is None else hash_arguments(record, key))}}}"
    )
    return Laid(time, decision_id, line.encode())


def written(text: str) -> str:
    """Return *text* in JSON."""
    return encode(text).decode()


def quoted(text: str) -> str:
    """Return *text*, which comes again and again, in JSON."""
    found = texts.get(text)
    if found is None:
        found = written(text)
        if len(text) <= LONGEST:
            if len(texts) >= REMEMBERED:
                texts.clear()
            texts[text] = found
    return found


def common(name: str, text: str | None) -> str:
    """Return the member *name* with a *text* that comes again and again; nothing without one."""
    return f',"{name}":{quoted(text)}' if text else ""


def unique(name: str, text: str | None) -> str:
    """Return the member *name* with any *text*; nothing without one."""
    return f',"{name}":{written(text)}' if text else ""


def hashed(name: str, text: str) -> str:
    """Return the member *name* with a *text* in which nothing is escaped; nothing without one."""
    return f',"{name}":"{text}"' if text else ""


def laid_reasons(reasons: tuple[Reason, ...], values: Mapping[str, Values]) -> str:
    """Return the member with the *reasons*, and what their rules have read; nothing for none."""
    if not reasons:
        return ""
    made: list[str] = []
    for one in reasons:
        told = values.get(one.rule) if values else None
        head = laid_head(one)
        made.append(f'{head},"values":{encode(told).decode()}}}' if told else f"{head}}}")
    return f',"reasons":[{",".join(made)}]'


def laid_head(reason: Reason) -> str:
    """Return *reason* without its values and its end. Most are the same objects again and again."""
    found = heads.get(id(reason))
    if found is not None and found[0] is reason:  # Invariant: it is held; no other has its id.
        return found[1]
    head = encode(reason_entry(reason)).decode()[:-1]
    if not reason.failure:  # Those are new for each decision.
        if len(heads) >= REMEMBERED:
            heads.clear()
        heads[id(reason)] = (reason, head)
    return head


def laid_spent(made: Making) -> str:
    """Return where the time went; nothing where nobody has looked at the clock."""
    if not made.decide:
        return ""
    read = f'"read":{made.read},' if made.read else ""
    wait = f',"wait":{made.wait}' if made.wait else ""
    review = f',"review":{made.review}' if made.review else ""
    return f',"spent":{{{read}"decide":{made.decide}{wait}{review}}}'


def laid_trace() -> str:
    """Return of which trace and span it is; nothing where it is of none."""
    trace = TRACE.get()
    if trace is None:
        return ""
    return f',"trace_id":"{trace.trace_id}","span_id":"{trace.span_id}"'
