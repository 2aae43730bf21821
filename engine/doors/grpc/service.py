"""What the door calls: the gate, and what an operator may ask for."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

from engine.doors.grpc.turns import Turns
from engine.language.diagnostics import Diagnostic
from engine.service.desk import Desk
from engine.service.gate import Gate

Reload = Callable[[], Awaitable[Sequence[Diagnostic]]]
"""Reads the policies again; returns why they were refused, or nothing when they are served now."""


@dataclass(frozen=True, slots=True)
class Service:
    """The gate that decides, the engine's version, and what may be asked beside."""

    gate: Gate
    version: str
    reload: Reload | None = None
    """How to reload; None: it cannot."""
    desk: Desk | None = None
    """Where reviews are answered; None: none are kept."""
    turns: Turns = field(default_factory=Turns)
    """Of the pieces of streamed responses."""
