"""What the door calls: the gate, and what an operator may ask for."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from engine.language.diagnostics import Diagnostic
from engine.service.gate import Gate

Reload = Callable[[], Awaitable[Sequence[Diagnostic]]]
"""Reads the policies again; returns why they were refused, or nothing when they are served now."""


@dataclass(frozen=True, slots=True)
class Service:
    """The gate that decides, the engine's version, and how to reload (None: it cannot)."""

    gate: Gate
    version: str
    reload: Reload | None = None
