"""Redacting rules in; the content, messages and arguments without what they found out."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import cast

import msgspec

from engine.content.findings import Finding
from engine.content.pseudonyms import Tokens
from engine.content.redact import STRICTNESS, Span, Strategy, redact_json, redact_text
from engine.language.functions import Unknowable
from engine.language.program import Redact
from engine.runtime.arguments import ARGUMENTS
from engine.runtime.combine import Contribution
from engine.runtime.decision import Message, Redaction
from engine.runtime.evidence import Evidence, Part
from engine.runtime.keys import join_key
from engine.runtime.record import Record


@dataclass(slots=True)
class Redacted:
    """What to use instead: only what was changed is set."""

    content: str | None = None
    messages: tuple[Message, ...] | None = None
    arguments: object = None
    attributes: dict[str, str] = field(default_factory=dict)
    redactions: list[Redaction] = field(default_factory=list)
    tokens: Tokens = field(default_factory=dict)
    """What the placeholders stand for."""


def asked(contribution: Contribution) -> Redact:
    """Return the redact action of a contribution that redacts."""
    return cast("Redact", contribution.rule.action)


def expect(contributions: Sequence[Contribution], evidence: Evidence) -> None:
    """Tell *evidence* what *contributions* will look for, so that each text is scanned once."""
    if len(contributions) > 1:
        wanted: dict[str, frozenset[str]] = {}
        for one in contributions:
            action = asked(one)
            known = wanted.get(action.path)
            wanted[action.path] = action.entities if known is None else known | action.entities
        for path, entities in wanted.items():
            evidence.expect(path, entities)


def finds(contribution: Contribution, evidence: Evidence) -> bool:
    """Return whether there is anything for the rule to redact. Raises Unknowable."""
    action = asked(contribution)
    if action.path == ARGUMENTS:
        named = evidence.named_in_arguments(action.entities)
        if named:
            # A name cannot be replaced: two could become one, and the tool knows them by name.
            raise Unknowable(f"{ARGUMENTS} (a name in it holds {', '.join(named)})")
        return bool(evidence.argument_findings(action.entities))
    return evidence.has(action.path, action.entities)


def look_for(contributions: Sequence[Contribution], evidence: Evidence) -> None:
    """Look for all that *contributions* redact, so that nothing is left to look for later."""
    expect(contributions, evidence)
    for one in contributions:
        with suppress(Unknowable):
            finds(one, evidence)


def redact(
    contributions: Sequence[Contribution], record: Record, evidence: Evidence, key: bytes
) -> Redacted:
    """Return the request's texts with all that *contributions* ask for replaced.

    An entity that two rules redact gets the stricter strategy.
    """
    plans = strategies_of(contributions)
    scope = join_key((record.tenant.id, record.session.id))
    made = Redacted()
    for path in sorted(plans):
        if path == ARGUMENTS:
            _arguments(made, plans[path], record, evidence, key, scope)
        else:
            _texts(made, path, plans[path], record, evidence, key, scope)
    return made


def strategies_of(contributions: Iterable[Contribution]) -> dict[str, dict[str, Strategy]]:
    """Return how *contributions* redact each entity, by path: the stricter of two strategies."""
    plans: dict[str, dict[str, Strategy]] = {}
    for contribution in contributions:
        action = asked(contribution)
        strategy = Strategy(action.strategy.name, action.strategy.fill, action.strategy.keep)
        plan = plans.get(action.path)
        if plan is None:
            # Hot path: a rule may name hundreds of entities, and is mostly the only one.
            plans[action.path] = dict.fromkeys(action.entities, strategy)
            continue
        for entity in action.entities:
            plan[entity] = min(plan.get(entity, strategy), strategy, key=_leniency)
    return plans


def _leniency(strategy: Strategy) -> tuple[int, int, str]:
    return STRICTNESS[strategy.name], strategy.keep, strategy.fill


def _texts(
    made: Redacted,
    path: str,
    plan: dict[str, Strategy],
    record: Record,
    evidence: Evidence,
    key: bytes,
    scope: str,
) -> None:
    texts: list[tuple[Part, str]] = []
    spans: list[Span] = []
    for part, findings in evidence.findings(path, frozenset(plan)):
        text, found = redact_text(part.text, findings, plan, key, scope, part.path, made.tokens)
        texts.append((part, text))
        spans.extend(found)
    made.redactions += _redactions(spans)
    if path != "content":
        made.attributes[path] = texts[0][1]
    elif record.messages is None:
        made.content = texts[0][1]
    else:
        made.messages = tuple(
            msgspec.structs.replace(message, text=text)
            for message, (_, text) in zip(record.messages, texts, strict=True)
        )


def _arguments(
    made: Redacted,
    plan: dict[str, Strategy],
    record: Record,
    evidence: Evidence,
    key: bytes,
    scope: str,
) -> None:
    found = evidence.argument_findings(frozenset(plan))

    def find(text: str) -> Sequence[Finding]:
        return found.get(text, ())

    value, spans = redact_json(record.tool.args, find, plan, key, scope, tokens=made.tokens)
    made.arguments = value
    made.redactions += _redactions(spans)


def _redactions(spans: Iterable[Span]) -> list[Redaction]:
    return [
        Redaction(path=path, start=start, end=end, entity=entity, strategy=strategy)
        for path, start, end, entity, strategy in spans
    ]
