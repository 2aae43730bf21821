"""Attributes of a schema in, which of them a request must have out."""

from __future__ import annotations

from collections.abc import Mapping

from engine.language.program import Field

DEFAULTED = frozenset({"user.roles", "session.labels", "session.turn", "content", "now"})
"""Standard attributes that a request may leave out although they are never absent in a policy."""


def required(field: Field) -> bool:
    """Return whether every request (or the facts) must supply *field*."""
    return not field.optional and field.path not in DEFAULTED


def required_by_word(fields: Mapping[str, Field]) -> dict[str, dict[str, frozenset[str]]]:
    """Return the optional attributes that are required, by enumeration and word."""
    found: dict[str, dict[str, set[str]]] = {}
    for field in fields.values():
        if field.required_when is not None:
            path, words = field.required_when
            for word in words:
                found.setdefault(path, {}).setdefault(word, set()).add(field.path)
    return {
        path: {word: frozenset(paths) for word, paths in by_word.items()}
        for path, by_word in found.items()
    }
