"""A unit: one policy file, compiled. What is kept in the cache and linked into a matcher.

Dumping uses ``marshal``, the only format for code objects. A unit is therefore as trusted as the
code of the engine itself: whoever can write the cache folder can run code, so it must belong to,
and be writable by, the user that runs the engine and nobody else.
"""

from __future__ import annotations

import marshal
from dataclasses import dataclass
from typing import Any

from engine.language.codegen import Piece
from engine.language.emit import Spec
from engine.language.plan import Choice, PolicyShape, Step, Threshold


@dataclass(frozen=True, slots=True)
class Unit:
    """See the module. ``pieces`` number policies and rules within the unit."""

    path: str
    policies: tuple[PolicyShape, ...]
    pieces: tuple[Piece, ...]
    constants: tuple[Spec, ...]


def dump_unit(unit: Unit) -> bytes:
    """Return *unit* as bytes that this version of Python and of the engine can load."""
    policies = tuple((one.name, one.rules, one.always) for one in unit.policies)
    pieces = tuple(
        (tuple(map(dump_step, one.steps)), one.code, one.ruled, one.applying) for one in unit.pieces
    )
    whole: Any = (unit.path, policies, pieces, unit.constants)
    return marshal.dumps(whole)


def load_unit(data: bytes) -> Unit:
    """Return the unit that ``dump_unit`` wrote. *data* must come from a trusted place."""
    path, policies, pieces, constants = marshal.loads(data)  # noqa: S302 - see the module
    return Unit(
        path,
        tuple(PolicyShape(*one) for one in policies),
        tuple(Piece(tuple(map(load_step, steps)), *rest) for steps, *rest in pieces),
        constants,
    )


def dump_step(step: Step) -> tuple[object, ...]:
    """Return *step* as a tuple; choices have three members, thresholds four."""
    if isinstance(step, Choice):
        return step.path, step.many, step.values
    return step.path, step.order, step.bound, step.default


def load_step(data: tuple[object, ...]) -> Step:
    """Return the step that ``dump_step`` wrote."""
    kind = Choice if len(data) == 3 else Threshold  # noqa: PLR2004
    return kind(*data)  # type: ignore[arg-type]  # as dump_step wrote it
