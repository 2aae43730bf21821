"""Numbers of states: of people, of firms and of the insured, gathered from their modules."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from engine.content import (
    identity_america,
    identity_asia,
    identity_east,
    identity_firms,
    identity_health,
    identity_north,
    identity_south,
    identity_west,
)
from engine.content.identity_america import AMERICA
from engine.content.identity_asia import ASIA
from engine.content.identity_companies import COMPANIES
from engine.content.identity_east import EAST
from engine.content.identity_health import HEALTH
from engine.content.identity_north import NORTH
from engine.content.identity_south import SOUTH
from engine.content.identity_west import WEST

NATIONAL = (*WEST, *NORTH, *EAST, *AMERICA, *ASIA, *SOUTH, *COMPANIES, *HEALTH)

NUMBERS: Mapping[str, Callable[[str], bool]] = {
    **identity_america.CHECKS,
    **identity_asia.CHECKS,
    **identity_east.CHECKS,
    **identity_firms.CHECKS,
    **identity_health.CHECKS,
    **identity_north.CHECKS,
    **identity_south.CHECKS,
    **identity_west.CHECKS,
}
"""The validators of all of them, by the names that authors use."""
