"""Calls: a function of the table and its checked arguments in, a typed call out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import assert_never

from engine.language import catalog, typed
from engine.language.check_names import check_scanned
from engine.language.context import Context
from engine.language.diagnostics import Report
from engine.language.functions import Function, Kind, zone_exists
from engine.language.operators import as_text, plain_number, unify
from engine.language.text import Span
from engine.language.types import JSON, TIME, ListOf, SetOf, numeric, textual


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


def finish_call(
    function: Function, arguments: Sequence[typed.Expr], span: Span, report: Report
) -> typed.Call | None:
    """Return the call, or None after a report.

    Two numbers get a common type. A function of numbers has their type, unless the table has another.
    """
    made = tuple(arguments)
    if [one.kind for one in function.parameters] == [Kind.NUMBER, Kind.NUMBER]:
        sides = unify(made[0], made[1], span, report)
        if sides is None:
            return None
        made = sides
    type_ = made[0].type if function.result is None else function.result
    return typed.Call(function.name, made, frozenset(), type_, span)
