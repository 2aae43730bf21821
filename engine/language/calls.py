"""Calls: a function of the table and its checked arguments in, a typed call out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import assert_never

from engine.language import catalog, typed
from engine.language.check_names import check_scanned
from engine.language.context import Context
from engine.language.functions import Function, Kind, zone_exists
from engine.language.operators import as_text, plain_number, widen
from engine.language.text import Span
from engine.language.types import FLOAT, INT, JSON, TIME, ListOf, SetOf, numeric, textual


def fit_argument(
    kind: Kind, argument: typed.Expr, name: str, span: Span, context: Context
) -> typed.Expr | None:
    """Return *argument* as a parameter of *kind* takes it, or None after a report."""
    match kind:
        case Kind.SCANNED:
            return check_scanned(argument, name, span, context)
        case Kind.TEXT:
            made = as_text(argument)
        case Kind.NUMBER:
            number = plain_number(argument, JSON)
            made = number if numeric(number.type) else None
        case Kind.TIME:
            made = argument if argument.type == TIME else None
        case Kind.ZONE:
            made = as_text(argument)
            if isinstance(made, typed.Constant) and not zone_exists(str(made.value)):
                context.report.add(catalog.unknown_zone(str(made.value), span))
                return None
        case Kind.COUNTABLE:
            collection = isinstance(argument.type, (SetOf, ListOf)) or argument.type == JSON
            made = argument if collection or textual(argument.type) else None
        case Kind.ENTITIES | Kind.PATH:
            raise AssertionError(f"{kind} is no value")
        case _:
            assert_never(kind)
    if made is None:
        context.report.add(catalog.bad_argument(name, str(kind), argument.type, span))
    return made


def finish_call(function: Function, arguments: Sequence[typed.Expr], span: Span) -> typed.Call:
    """Return the call; a function of numbers has the type of its arguments unless the table says otherwise."""
    made = tuple(arguments)
    type_ = function.result
    if type_ is None:
        type_ = made[0].type
        if function.name in {"min", "max"} and {one.type for one in made} == {INT, FLOAT}:
            type_ = FLOAT
            made = tuple(widen(one, FLOAT) for one in made)
    return typed.Call(function.name, made, frozenset(), type_, span)
