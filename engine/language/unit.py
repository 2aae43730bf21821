"""A unit: one policy file, compiled. What is kept in the cache and linked into a matcher.

Dumping uses ``marshal``, the only format for code objects. A unit is therefore as trusted as the
code of the engine itself: whoever can write the cache folder can run code, so it must belong to,
and be writable by, the user that runs the engine and nobody else.
"""

from __future__ import annotations

import marshal
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

from engine.language.plan import Choice, Piece, PolicyShape, Spec, Step, Threshold


@dataclass(frozen=True, slots=True)
class Unit:
    """See the module. ``pieces`` number policies and rules within the unit."""

    path: str
    policies: tuple[PolicyShape, ...]
    pieces: tuple[Piece, ...]
    constants: tuple[Spec, ...]


class Opened(NamedTuple):
    """A unit whose pieces are decoded one by one, each when it is asked for."""

    policies: tuple[PolicyShape, ...]
    pieces: Iterator[Piece]
    constants: tuple[Spec, ...]


def dump_unit(unit: Unit) -> bytes:
    """Return *unit* as bytes that this version of Python and of the engine can load."""
    policies = tuple((one.name, one.rules, one.always) for one in unit.policies)
    pieces = tuple(
        (
            tuple(map(dump_step, one.steps)),
            marshal.dumps(one.code),
            one.ruled,
            one.applying,
            one.looks,
        )
        for one in unit.pieces
    )
    whole: Any = (unit.path, policies, pieces, unit.constants)
    return marshal.dumps(whole)


def load_unit(data: bytes | memoryview) -> Unit:
    """Return the unit that ``dump_unit`` wrote. *data* must come from a trusted place."""
    path, policies, pieces, constants = marshal.loads(data)  # noqa: S302 - see the module
    return Unit(
        path, tuple(PolicyShape(*one) for one in policies), tuple(load_pieces(pieces)), constants
    )


def open_unit(data: bytes | memoryview) -> Opened:
    """Return the unit that ``dump_unit`` wrote, its code still to be decoded, piece by piece."""
    _, policies, pieces, constants = marshal.loads(data)  # noqa: S302 - see the module
    return Opened(tuple(PolicyShape(*one) for one in policies), load_pieces(pieces), constants)


def load_pieces(pieces: tuple[Any, ...]) -> Iterator[Piece]:
    """Yield the *pieces* of a unit, decoded."""
    for steps, code, *rest in pieces:
        yield Piece(tuple(map(load_step, steps)), marshal.loads(code), *rest)  # noqa: S302


def dump_step(step: Step) -> tuple[object, ...]:
    """Return *step* as a tuple; choices have three members, thresholds four."""
    if isinstance(step, Choice):
        return step.path, step.many, step.values
    return step.path, step.order, step.bound, step.default


def load_step(data: tuple[object, ...]) -> Step:
    """Return the step that ``dump_step`` wrote."""
    kind = Choice if len(data) == 3 else Threshold  # noqa: PLR2004
    return kind(*data)  # type: ignore[arg-type]  # as dump_step wrote it
