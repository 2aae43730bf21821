"""Reduced grammar rules -> policies and rules; see ``build`` for what a builder is."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import Any

from engine.language import catalog_syntax as catalog
from engine.language import items
from engine.language.build import DECLARATIONS, Builder, Children, Clause, doc_above
from engine.language.build_expressions import bounded
from engine.language.lex import Tokens
from engine.language.nodes import Literal, Name

# --- policies ------------------------------------------------------------------------------------


def policy(tokens: Tokens, children: Children, first: int, last: int) -> items.Policy:
    """Return the node of ``policy x "…" { … }``; no part twice, and a default."""
    name, title, *members = children
    span = tokens.span(first, last)
    parts = [one for one in members if not isinstance(one, items.Rule) and one is not None]
    _refuse_repeated(tokens, parts)
    modes = [one for one in parts if isinstance(one, items.Mode | items.Rollout)]
    if len({type(one) for one in modes}) > 1:
        tokens.report.add(catalog.mode_and_rollout(modes[1].span, modes[0].span))
    applies = _first_clause(parts, "applies")
    default = _first_clause(parts, "default")
    if default is None:
        tokens.report.add(catalog.no_default(name))
    return items.Policy(
        name,
        title,
        applies.value if applies else None,
        modes[0] if modes else None,
        default.value if default else "deny",
        default.reason if default else None,
        tuple(one for one in members if isinstance(one, items.Rule)),
        doc_above(tokens, first),
        span,
        default.span if default else name.span,
    )


def applies(tokens: Tokens, children: Children, first: int, last: int) -> Clause:
    """Return the node of ``applies when …``."""
    condition = bounded(tokens, children[0], first, last)
    return Clause("applies", condition, None, tokens.span(first, last))


def default(tokens: Tokens, children: Children, first: int, last: int) -> Clause:
    """Return the node of ``default deny "…"``."""
    return Clause("default", children[0].text, children[1], tokens.span(first, last))


def _first_clause(parts: list[Any], kind: str) -> Clause | None:
    found = (one for one in parts if isinstance(one, Clause) and one.kind == kind)
    return next(found, None)


_WORDS: Mapping[type, str] = {
    items.Advise: "advise",
    items.Label: "label",
    items.SeverityRider: "severity",
    items.Tags: "tags",
    items.Owner: "owner",
    items.Expires: "expires",
    items.OnFailure: "on_failure",
    items.OnStateFailure: "on_state_failure",
    items.Mode: "mode",
    items.Rollout: "rollout",
}
_MANY = (items.Label, items.Advise)
"""Riders that may stand in a rule more than once."""


def _word(part: Any) -> str:
    return part.kind if isinstance(part, Clause) else _WORDS[type(part)]


def _refuse_repeated(tokens: Tokens, parts: list[Any]) -> None:
    seen: dict[str, Any] = {}
    for part in parts:
        if isinstance(part, _MANY):
            continue
        word = _word(part)
        before = seen.setdefault(word, part)
        if before is not part:
            tokens.report.add(catalog.repeated(f"`{word}`", part.span, before.span))


# --- rules ---------------------------------------------------------------------------------------


def rule(tokens: Tokens, children: Children, first: int, last: int) -> items.Rule | None:
    """Return the node of ``rule x "…" { … }``; None when it has no action."""
    name, title, *parts = children
    _refuse_repeated(tokens, parts)
    for one, following in pairwise(parts):
        if _rank(following) < _rank(one):
            tokens.report.add(catalog.clause_order(_word(following), following.span))
            break
    when, unless, then = (_first_clause(parts, kind) for kind in ("when", "unless", "then"))
    if then is None:
        if not tokens.is_torn(first, last):
            tokens.report.add(catalog.no_action(name))
        return None
    return items.Rule(
        name,
        title,
        when.value if when else None,
        unless.value if unless else None,
        then.value,
        tuple(one for one in parts if not isinstance(one, Clause)),
        doc_above(tokens, first),
        tokens.span(first, last),
    )


_RANKS = {"when": 0, "unless": 1, "then": 2}


def _rank(part: Any) -> int:
    return _RANKS[part.kind] if isinstance(part, Clause) else len(_RANKS)


def when(tokens: Tokens, children: Children, first: int, last: int) -> Clause:
    """Return the node of ``when …``."""
    condition = bounded(tokens, children[0], first, last)
    return Clause("when", condition, None, tokens.span(first, last))


def unless(tokens: Tokens, children: Children, first: int, last: int) -> Clause:
    """Return the node of ``unless …``."""
    condition = bounded(tokens, children[0], first, last)
    return Clause("unless", condition, None, tokens.span(first, last))


def then(tokens: Tokens, children: Children, first: int, last: int) -> Clause:
    """Return the node of ``then …``."""
    return Clause("then", children[0], None, tokens.span(first, last))


# --- actions -------------------------------------------------------------------------------------


def allow(tokens: Tokens, children: Children, first: int, last: int) -> items.Allow:
    """Return the node of ``allow``."""
    del children
    return items.Allow(tokens.span(first, last))


def deny(tokens: Tokens, children: Children, first: int, last: int) -> items.Deny:
    """Return the node of ``deny "because"``."""
    return items.Deny(children[0], tokens.span(first, last))


def redact(tokens: Tokens, children: Children, first: int, last: int) -> items.Redact:
    """Return the node of ``redact pii.email in content as mask("*", 4)``."""
    entities, path, chosen = children
    name, arguments_ = chosen or (None, ())
    return items.Redact(entities, path, name, arguments_, tokens.span(first, last))


def strategy(
    tokens: Tokens, children: Children, first: int, last: int
) -> tuple[Name, tuple[Literal, ...]]:
    """Return the node of ``as mask("*", 4)``."""
    del tokens, first, last
    return children[0], children[1] or ()


def arguments(tokens: Tokens, children: Children, first: int, last: int) -> tuple[Literal, ...]:
    """Return the node of ``"*", 4``."""
    del tokens, first, last
    return tuple(children)


def escalate(tokens: Tokens, children: Children, first: int, last: int) -> items.Escalate:
    """Return the node of ``escalate to "queue" within 15m by 2 reviewers otherwise deny``."""
    queue, within, reviewers, word = children
    otherwise = word.text if word else None
    return items.Escalate(queue, within, otherwise, tokens.span(first, last), reviewers)


def throttle(tokens: Tokens, children: Children, first: int, last: int) -> items.Throttle:
    """Return the node of ``throttle 60 requests per 1m by tenant.id burst 10``."""
    limit, unit, period, keys, burst, held = children
    every, calendar_name, zone = period or (None, None, None)
    span = tokens.span(first, last)
    return items.Throttle(limit, unit, every, calendar_name, zone, keys, burst, span, held)


Period = tuple[Literal | None, Name | None, Literal | None]


def every(tokens: Tokens, children: Children, first: int, last: int) -> Period:
    """Return the node of ``1m``."""
    del tokens, first, last
    return children[0], None, None


def calendar(tokens: Tokens, children: Children, first: int, last: int) -> Period:
    """Return the node of ``calendar day in "Europe/Berlin"``."""
    del tokens, first, last
    return None, children[0], children[1]


# --- riders --------------------------------------------------------------------------------------


def advise(tokens: Tokens, children: Children, first: int, last: int) -> items.Advise:
    """Return the node of ``advise route = "sandbox"``."""
    value = bounded(tokens, children[1], first, last)
    return items.Advise(children[0], value, tokens.span(first, last))


def label(tokens: Tokens, children: Children, first: int, last: int) -> items.Label:
    """Return the node of ``label session "untrusted" for 1h from tool_result``."""
    text, duration, sources = children
    return items.Label(text, duration, sources or (), tokens.span(first, last))


def severity(tokens: Tokens, children: Children, first: int, last: int) -> items.SeverityRider:
    """Return the node of ``severity high``."""
    return items.SeverityRider(children[0], tokens.span(first, last))


def tags(tokens: Tokens, children: Children, first: int, last: int) -> items.Tags:
    """Return the node of ``tags "a", "b"``."""
    return items.Tags(tuple(children), tokens.span(first, last))


def owner(tokens: Tokens, children: Children, first: int, last: int) -> items.Owner:
    """Return the node of ``owner "security@example.com"``."""
    return items.Owner(children[0], tokens.span(first, last))


def expires(tokens: Tokens, children: Children, first: int, last: int) -> items.Expires:
    """Return the node of ``expires 2026-12-31``."""
    return items.Expires(children[0], tokens.span(first, last))


def on_failure(tokens: Tokens, children: Children, first: int, last: int) -> items.OnFailure:
    """Return the node of ``on_failure deny``."""
    return items.OnFailure(children[0].text, tokens.span(first, last))


def on_state_failure(
    tokens: Tokens, children: Children, first: int, last: int
) -> items.OnStateFailure:
    """Return the node of ``on_state_failure local``."""
    return items.OnStateFailure(children[0].text, tokens.span(first, last))


def mode(tokens: Tokens, children: Children, first: int, last: int) -> items.Mode:
    """Return the node of ``mode shadow``."""
    return items.Mode(children[0], tokens.span(first, last))


def rollout(tokens: Tokens, children: Children, first: int, last: int) -> items.Rollout:
    """Return the node of ``rollout 10% by user.id``."""
    return items.Rollout(children[0], children[1], tokens.span(first, last))


BUILDERS: Mapping[str, Builder] = {
    **DECLARATIONS,
    "policy": policy,
    "applies": applies,
    "default": default,
    "rule": rule,
    "when": when,
    "unless": unless,
    "then": then,
    "allow": allow,
    "deny": deny,
    "redact": redact,
    "strategy": strategy,
    "arguments": arguments,
    "escalate": escalate,
    "throttle": throttle,
    "every": every,
    "calendar": calendar,
    "advise": advise,
    "label": label,
    "severity": severity,
    "tags": tags,
    "owner": owner,
    "expires": expires,
    "on_failure": on_failure,
    "on_state_failure": on_state_failure,
    "mode": mode,
    "rollout": rollout,
}
"""The function of every rule and alias of the grammar."""
