"""Real usage of a model call in, amounts by throttle unit out."""

from __future__ import annotations

from decimal import Decimal

import msgspec

from engine.runtime.objections import Problem
from engine.runtime.record import read_number
from engine.runtime.request import InvalidRequest
from engine.runtime.usage import by_unit


class Usage(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a model call really took. What is None keeps its estimate."""

    input_tokens: int | None = None
    output_tokens: int | None = None
    cost_usd: Decimal | None = None


def amounts_of(usage: Usage) -> dict[str, int]:
    """Return real *usage* by throttle unit, in billionths; what is not known is left out.

    Raises InvalidRequest for a figure that is negative, or no amount of anything.
    """
    known = {
        "usage.input_tokens": usage.input_tokens,
        "usage.output_tokens": usage.output_tokens,
        "usage.cost_usd": usage.cost_usd,
    }
    figures = {name: value for name, value in known.items() if value is not None}
    problems = tuple(
        Problem(name, told) for name, value in figures.items() if (told := objection_to(value))
    )
    if problems:
        raise InvalidRequest(problems)
    return by_unit(figures)


def objection_to(figure: int | Decimal) -> str:
    """Return why *figure* is no amount, or an empty string."""
    try:
        amount = read_number(figure)
    except ValueError as error:
        return str(error)
    return "must not be negative" if amount < 0 else ""
