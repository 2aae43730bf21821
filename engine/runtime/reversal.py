"""A record on its way back in; the same with the session's placeholders turned back out.

What `redact … as token` took out of a prompt comes back where it is the session's own again: in
responses and in the arguments of tool calls. It is turned back before the policies look, so that
they judge what would be released, and redact it again where they say so.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import msgspec

from engine.content.pseudonyms import (
    Pseudonym,
    Tokens,
    find_digits,
    restore,
    restore_value,
    vault_of,
)
from engine.runtime.arguments import texts_in
from engine.runtime.decision import Decision
from engine.runtime.keys import join_key
from engine.runtime.policyset import PolicySet
from engine.runtime.record import Capability, Record
from engine.runtime.store import Store, StoreUnavailable

BACK = frozenset({"response", "tool_call"})
"""The stages at which placeholders are turned back."""


@dataclass(frozen=True, slots=True)
class Turned:
    """The *record* to decide on, and how many placeholders in it were turned back."""

    record: Record
    count: int = 0


RELEASES = frozenset({"allow", "redact", "escalate"})


def show_restored(decision: Decision, turned: Turned) -> Decision:
    """Return *decision* with what was turned back, where it releases and did not redact it."""
    if decision.effective_action not in RELEASES:
        return decision
    record = turned.record
    content, messages, arguments = decision.content, decision.messages, decision.arguments
    if content is None and messages is None:
        content, messages = record.content, record.messages
    return msgspec.structs.replace(
        decision,
        content=content,
        messages=messages,
        arguments=record.tool.args if arguments is None else arguments,
        restored=turned.count,
    )


def scope_of(record: Record) -> str:
    """Return what bounds where a placeholder means the same: the tenant and the session."""
    return join_key((record.tenant.id, record.session.id))


def turn_back(policies: PolicySet, record: Record, store: Store, now_ns: int) -> Turned:
    """Return *record* with the placeholders of its session turned back.

    Nothing is turned back for a caller that cannot put other text in the place of what it has, nor
    while the store is away: the placeholders stay, which releases nothing.
    """
    if not goes_back(record, "mask"):
        return Turned(record)
    wanted = frozenset[str]().union(*map(find_digits, _texts(record)))
    if not wanted:
        return Turned(record)
    return _rewritten(record, recall(policies, record, wanted, store, now_ns))


def goes_back(record: Record, needed: Capability) -> bool:
    """Return whether placeholders of *record* may be turned back: its caller can do *needed*."""
    able = record.capabilities
    known = record.session.id is not None
    return known and record.stage in BACK and (able is None or needed in able)


def recall(
    policies: PolicySet, record: Record, digits: frozenset[str], store: Store, now_ns: int
) -> dict[str, Pseudonym]:
    """Return what those of *digits* stand for that are of the tenant and session of *record*.

    Nothing while the store is away.
    """
    try:
        sealed = store.recall(record.tenant.id, record.session.id, digits, now_ns)
    except StoreUnavailable:
        return {}
    vault, scope = vault_of(policies.key), scope_of(record)
    known = {one: vault.open(scope, one, value) for one, value in sealed.items()}
    return {one: made for one, made in known.items() if made is not None}


def remember(policies: PolicySet, record: Record, made: Tokens, store: Store, now_ns: int) -> None:
    """Keep what the placeholders *made* for *record* stand for. Raises StoreUnavailable."""
    session = record.session.id
    if session is None or not made:
        return
    vault, scope, tenant = vault_of(policies.key), scope_of(record), record.tenant.id
    sealed = vault.seal_all(scope, made)
    at_once = dict(sealed)
    store.remember(tenant, session, at_once, now_ns)
    if len(at_once) < len(sealed):  # two values share their digits: the store is told of both
        for digits, value in sealed:
            store.remember(tenant, session, {digits: value}, now_ns)


def _texts(record: Record) -> Iterator[str]:
    if record.messages is not None:
        yield from (one.text for one in record.messages)
    elif record.content is not None:
        yield record.content
    yield from texts_in(record.tool.args)


def _rewritten(record: Record, known: Mapping[str, Pseudonym]) -> Turned:
    if not known:
        return Turned(record)
    total = 0

    def rewrite(text: str) -> str:
        nonlocal total
        text, count = restore(text, known)
        total += count
        return text

    def rewrite_value(text: str) -> str | int:
        nonlocal total
        value, count = restore_value(text, known)
        total += count
        return value

    changed: dict[str, object] = {}
    if record.messages is not None:
        changed["messages"] = tuple(
            msgspec.structs.replace(one, text=rewrite(one.text)) for one in record.messages
        )
    elif record.content is not None:
        changed["content"] = rewrite(record.content)
    before = total
    arguments = _in_json(record.tool.args, rewrite_value)
    if total > before:
        changed["tool"] = msgspec.structs.replace(record.tool, args=arguments)
    if not total:
        return Turned(record)
    made: Record = msgspec.structs.replace(record, **changed)  # type: ignore[type-var]  # a Struct
    return Turned(made, total)


def _in_json(value: object, rewrite: Callable[[str], str | int]) -> object:
    """Return the JSON *value* with every string rewritten; names and structure stay.

    What was a number before it was a placeholder is one again.
    """
    match value:
        case str():
            return rewrite(value)
        case dict():
            return {name: _in_json(inner, rewrite) for name, inner in value.items()}
        case list():
            return [_in_json(inner, rewrite) for inner in value]
        case _:
            return value
