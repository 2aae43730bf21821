"""JSON and what it was decoded to in; whether a name stands twice in one of its objects out.

Decoders keep the last of two members with one name, others keep the first: with
``{"path": "/etc/passwd", "path": "/tmp/ok"}`` an engine would judge one and a tool use the other.

Nothing is parsed twice. Every member of the text and every ``:`` in its strings is a colon, and so
is every member and every ``:`` of the value, unless a member was dropped::

    {"a": "x:y", "a": "z"}   3 colons      {"a": "z"}   1 colon
"""

from __future__ import annotations

import json

from engine.runtime.json_places import noticing

DEEPEST = 400
"""Values that are nested deeper are not walked through: compiled code has no limit of its own."""
SPELT = (b"\\u003a", b"\\u003A")
"""Colons in disguise."""


def has_repeats(raw: bytes, value: object) -> bool:
    """Return whether an object of *raw*, valid JSON that holds *value*, has a name twice.

    Raises RecursionError where it is nested deeper than `DEEPEST`.
    """
    if any(spelt in raw for spelt in SPELT):
        repeated: list[str] = []
        json.loads(raw, object_pairs_hook=noticing(repeated))
        return bool(repeated)
    return raw.count(b":") != colons(value)


def colons(value: object, depth: int = 0) -> int:
    """Return how many ``:`` the JSON of *value*, *depth* below the whole, has."""
    if depth > DEEPEST:
        raise RecursionError
    match value:
        case str():
            return value.count(":")
        case dict():
            found = len(value)
            for name, inner in value.items():
                found += name.count(":") + colons(inner, depth + 1)
            return found
        case list():
            found = 0
            for inner in value:
                found += colons(inner, depth + 1)
            return found
        case _:
            return 0
