"""What the door calls: the gate, and what an operator may ask for."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from engine.service.gate import Gate

Reload = Callable[[], Awaitable[None]]
"""Reads the policies again (``Reloader.reload``); raises ReloadError when they are refused."""


@dataclass(frozen=True, slots=True)
class Service:
    """The gate that decides, the engine's version, and how to reload (None: it cannot)."""

    gate: Gate
    version: str
    reload: Reload | None = None
