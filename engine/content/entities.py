"""The entities that exist without a declaration, and what a name such as ``pii.any`` stands for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType

from engine.content.assignments import ASSIGNED
from engine.content.credentials import CREDENTIALS
from engine.content.detectors import CustomEntity, Entity
from engine.content.national import NATIONAL
from engine.content.people import PEOPLE
from engine.content.personal import PERSONAL
from engine.content.secrets import PROVIDED

__all__ = ["ALSO", "ENTITIES", "NAMESPACES", "STRUCTURED", "CustomEntity", "Entity", "expand"]

ENTITIES: Mapping[str, Entity] = MappingProxyType(
    {
        entity.name: entity
        for entity in sorted(
            (*PERSONAL, *NATIONAL, *PEOPLE, *CREDENTIALS, *PROVIDED, *ASSIGNED),
            key=lambda one: one.name,
        )
    }
)
"""Built-in entities by name."""

STRUCTURED: frozenset[str] = frozenset(one.name for one in ENTITIES.values() if not one.finder)
"""Built-in entities that patterns find; for the others a model is loaded."""

NAMESPACES: frozenset[str] = frozenset(name.partition(".")[0] for name in ENTITIES)
"""``pii``, ``phi`` and ``secret``; authors name their entities in namespaces of their own."""

ALSO: Mapping[str, str] = MappingProxyType({"phi": "pii.health_id"})
"""What else a namespace holds: numbers of the insured are data of persons and of health."""


def expand(name: str, known: Iterable[str] = ENTITIES) -> frozenset[str]:
    """Return the names among *known* that *name* stands for, none when it is unknown.

    A name stands for itself, ``x.any`` for all names below ``x``. So does ``x.y`` where it is no
    entity by itself: ``pii.national_id`` stands for those of all countries. ``phi.any`` holds those
    of ``pii.health_id`` too.
    """
    names = frozenset(known)
    if name in names:
        return frozenset({name})
    below = name.removesuffix("any") if name.endswith(".any") else f"{name}."
    if "." not in below.removesuffix(".") and not name.endswith(".any"):
        return frozenset()
    prefixes = tuple(f"{one}." for one in (below[:-1], ALSO.get(below[:-1])) if one)
    return frozenset(one for one in names if one.startswith(prefixes))
