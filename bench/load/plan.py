"""How long the load benches take: a quick look, or all of it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Plan:
    """Rounds and seconds."""

    rounds: int
    seconds: float
    """Of one closed loop."""
    open_seconds: float
    """Of one open loop, and how many rounds: short ones, which others cannot disturb."""
    open_rounds: int
    flying: tuple[int, ...]
    """Calls in flight in closed loops."""
    shares: tuple[float, ...]
    """Of the maximum, in open loops."""
    rules: tuple[int, ...]
    contents: tuple[int, ...]
    """Kilobytes of content, with detectors on."""
    requests: int
    """Different ones, so that many of the tenants have their turn."""
    full: bool


QUICK = Plan(
    rounds=2,
    seconds=0.25,
    open_seconds=0.5,
    open_rounds=3,
    flying=(1, 32),
    shares=(0.8,),
    rules=(100, 1_000, 10_000),
    contents=(0, 4),
    requests=400,
    full=False,
)
FULL = Plan(
    rounds=3,
    seconds=0.4,
    open_seconds=0.7,
    open_rounds=5,
    flying=(1, 8, 32, 128),
    shares=(0.5, 0.8, 0.95),
    rules=(10, 100, 1_000, 10_000, 100_000),
    contents=(0, 1, 4, 32),
    requests=2_000,
    full=True,
)
