"""Real usage by attribute in, amounts by throttle unit out."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from engine.runtime.store import NANO

TOKENS = ("usage.input_tokens", "usage.output_tokens")
COST = "usage.cost_usd"


def by_unit(figures: Mapping[str, int | Decimal]) -> dict[str, int]:
    """Return *figures* in billionths, under their own names and as the units they are counted in.

    ``tokens`` is the sum of those that are known; a unit of which nothing is known is left out.
    """
    amounts = {name: int(value * NANO) for name, value in figures.items()}
    tokens = [amounts[name] for name in TOKENS if name in amounts]
    if tokens:
        amounts["tokens"] = sum(tokens)
    if COST in amounts:
        amounts["usd"] = amounts[COST]
    return amounts
