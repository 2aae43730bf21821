"""Pol: a policy engine for GenAI gateways. ``engine.load(folder)`` is the way in.

    >>> import engine
    >>> with engine.load("policies/starter") as pol:         # doctest: +SKIP
    ...     decision = pol.decide({"stage": "request", "tenant": {"id": "north"}, …})

Names are loaded on first use (PEP 562), so that ``import engine`` costs the command line nothing.
"""

from __future__ import annotations

import importlib
import os
from pathlib import Path

from engine.sources import PURE, import_sources

__version__ = "0.1.0"

PLACES = {
    "Decision": "engine.runtime.decision",
    "Engine": "engine.embedding",
    "Explanation": "engine.runtime.explain",
    "InvalidRequest": "engine.runtime.request",
    "PolicyError": "engine.service.compiled",
    "Request": "engine.runtime.request",
    "load": "engine.embedding",
}
"""Where each public name lives."""

__all__ = [
    "Decision",
    "Engine",
    "Explanation",
    "InvalidRequest",
    "PolicyError",
    "Request",
    "load",
]


if os.environ.get(PURE):
    import_sources(Path(__file__).parent)


def __getattr__(name: str) -> object:
    """Import a public name on first use."""
    place = PLACES.get(name)
    if place is None:
        raise AttributeError(f"module `engine` has no attribute `{name}`")
    value: object = getattr(importlib.import_module(place), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """Return the public names, loaded or not."""
    return sorted({*globals(), *__all__})
