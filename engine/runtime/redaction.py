"""Redacting rules in; the content, messages and arguments without what they found out."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, cast

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
    arguments: Any = None
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
    actions: dict[str, list[Redact]] = {}
    for one in contributions:
        action = asked(one)
        actions.setdefault(action.path, []).append(action)
    scope = join_key((record.tenant.id, record.session.id))
    made = Redacted()
    for path in sorted(actions):
        if path == ARGUMENTS:
            _arguments(made, actions[path], record, evidence, key, scope)
        else:
            _texts(made, path, actions[path], record, evidence, key, scope)
    return made


def _wanted(actions: Sequence[Redact]) -> frozenset[str]:
    """Return the entities that *actions* redact."""
    if len(actions) == 1:
        return actions[0].entities
    return frozenset[str]().union(*[one.entities for one in actions])


def _plan(actions: Sequence[Redact], found: Iterable[Finding]) -> dict[str, Strategy]:
    """Return how *actions* redact each entity of *found*: the stricter of two strategies.

    Hot path: a rule may name hundreds of entities, of which a text has a few.
    """
    plan: dict[str, Strategy] = {}
    for entity in {one.entity for one in found}:
        ways = [_strategy(one) for one in actions if entity in one.entities]
        plan[entity] = min(ways, key=_leniency)
    return plan


def _strategy(action: Redact) -> Strategy:
    return Strategy(action.strategy.name, action.strategy.fill, action.strategy.keep)


def strategies_of(contributions: Iterable[Contribution]) -> dict[str, dict[str, Strategy]]:
    """Return how *contributions* redact each entity, by path: the stricter of two strategies."""
    plans: dict[str, dict[str, Strategy]] = {}
    for contribution in contributions:
        action = asked(contribution)
        strategy = _strategy(action)
        plan = plans.setdefault(action.path, {})
        for entity in action.entities:
            plan[entity] = min(plan.get(entity, strategy), strategy, key=_leniency)
    return plans


def _leniency(strategy: Strategy) -> tuple[int, int, str]:
    return STRICTNESS[strategy.name], strategy.keep, strategy.fill


def _texts(
    made: Redacted,
    path: str,
    actions: Sequence[Redact],
    record: Record,
    evidence: Evidence,
    key: bytes,
    scope: str,
) -> None:
    texts: list[tuple[Part, str]] = []
    spans: list[Span] = []
    looked = evidence.findings(path, _wanted(actions))
    plan = _plan(actions, [one for _, findings in looked for one in findings])
    for part, findings in looked:
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
    actions: Sequence[Redact],
    record: Record,
    evidence: Evidence,
    key: bytes,
    scope: str,
) -> None:
    found = evidence.argument_findings(_wanted(actions))
    plan = _plan(actions, [one for findings in found.values() for one in findings])

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
