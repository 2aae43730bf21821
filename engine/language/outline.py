"""The little of a policy that is needed of all policies at once: its name, and what passes by.

It is kept beside the policy's bytes, so that a bundle is put together without decoding a policy.
"""

from __future__ import annotations

import marshal
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from engine.language.program import Policy, Redact, Throttle
from engine.language.typed import Attribute, Call, Constant, Expr, Has, Tainted
from engine.language.walk import inner

SCORE = "injection"
"""The function that judges texts."""
TURN = "session.turn"
"""The attribute that is counted where a request does not bring it."""


class Outline(NamedTuple):
    """See the module."""

    name: str
    rules: int
    passing: frozenset[int]
    """Those of its rules whose own effect depends on the clock (expires) or a key (rollout)."""
    rolled_out: bool
    """Whether the whole policy depends on a key."""
    advised: frozenset[str]
    computed: frozenset[str]
    """The advice names of which some value depends on the request."""
    reversible: bool
    """Whether a rule redacts with placeholders that can be turned back."""
    asked: frozenset[frozenset[str]]
    """The sets of entities that its conditions and redactions look for."""
    tainted: bool = False
    """Whether a condition asks if an argument is tainted."""
    turns: bool = False
    """Whether anything depends on the turn of the conversation."""
    carried: frozenset[tuple[str, str]] = frozenset()
    """The stages whose content a label carries, each with the label."""
    scored: bool = False
    """Whether a condition asks how much a text looks like an injection."""


def outline_of(policy: Policy) -> Outline:
    """Return the outline of *policy*."""
    advice = [one for rule in policy.rules for one in rule.advise]
    nodes = list(_nodes(policy))
    throttles = (one.action for one in policy.rules if isinstance(one.action, Throttle))
    return Outline(
        name=policy.name,
        rules=len(policy.rules),
        passing=frozenset(
            number
            for number, rule in enumerate(policy.rules)
            if rule.expires is not None or rule.rollout is not None
        ),
        rolled_out=policy.rollout is not None,
        advised=frozenset(one.name for one in advice),
        computed=frozenset(one.name for one in advice if not isinstance(one.value, Constant)),
        reversible=any(
            isinstance(rule.action, Redact) and rule.action.strategy.name == "token"
            for rule in policy.rules
        ),
        tainted=any(isinstance(node, Tainted) for node in nodes),
        turns=TURN in {node.path for node in nodes if isinstance(node, Attribute)}
        or any(one.unit == TURN for one in throttles),
        carried=frozenset(
            (stage, one.label)
            for rule in policy.rules
            for one in rule.labels
            for stage in one.source
        ),
        asked=frozenset(_asked(policy, nodes)),
        scored=any(isinstance(node, Call) and node.function == SCORE for node in nodes),
    )


def _nodes(policy: Policy) -> Iterator[Expr]:
    """Yield all expressions of *policy* and what stands in them, and the keys of its rules."""
    waiting: list[Expr | None] = [policy.applies]
    for rule in policy.rules:
        waiting += (rule.when, rule.unless, *(one.value for one in rule.advise))
        if isinstance(rule.action, Throttle):
            waiting += rule.action.keys
    rollouts = (policy.rollout, *(rule.rollout for rule in policy.rules))
    waiting += (one.key for one in rollouts if one is not None)
    while waiting:
        node = waiting.pop()
        if node is not None:
            yield node
            waiting += inner(node)


def _asked(policy: Policy, nodes: Iterable[Expr]) -> Iterator[frozenset[str]]:
    for rule in policy.rules:
        if isinstance(rule.action, Redact):
            yield rule.action.entities
    for node in nodes:
        if isinstance(node, Has | Call) and node.entities:
            yield node.entities


def dump_outlines(outlines: Iterable[Outline]) -> bytes:
    """Return *outlines* as bytes."""
    return marshal.dumps([tuple(one) for one in outlines])


def load_outlines(data: bytes) -> list[Outline]:
    """Return what `dump_outlines` wrote. *data* must come from a trusted place."""
    return [Outline(*one) for one in marshal.loads(data)]  # noqa: S302 - see ``compile``
