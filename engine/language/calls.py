"""Calls: a function of the table and its checked arguments in, a typed call out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import assert_never

from engine.language import catalog, nodes, typed
from engine.language.check_names import check_scanned, find_entities, read_argument
from engine.language.context import Context
from engine.language.diagnostics import Report
from engine.language.functions import TABLE, Function, Kind, zone_exists
from engine.language.operators import as_text, plain_number, unify
from engine.language.text import Span
from engine.language.types import FLOAT, INT, JSON, TIME, ListOf, SetOf, Type, numeric, textual

Check = Callable[[nodes.Expr, Context, Type | None], typed.Expr | None]
"""How an argument is checked; handed in, for it is the caller of this module that knows."""


def check_call(node: nodes.Call, context: Context, check: Check) -> typed.Expr | None:
    """Return a call of a function or classifier, or None after a report."""
    name = node.function.name
    if name.startswith("classifier."):
        return check_score(node, context, check)
    row = TABLE.get(name)
    if row is None:
        context.report.add(catalog.unknown_function(name, TABLE, node.function.span))
        return None
    kinds = [one.kind for one in row.parameters]
    least = len(kinds) - kinds.count(Kind.ZONE)
    given = len(node.arguments)
    if given < least or (given > len(kinds) and Kind.ENTITIES not in kinds):
        context.report.add(catalog.argument_count(row.signature, given, node.span))
        return None
    if row.name == "arg":
        return read_argument(node, context)
    if row.name == "count":
        text = check_scanned(
            check(node.arguments[0], context, None), name, node.arguments[0].span, context
        )
        entities = find_entities(node.arguments[1:], context)
        if text is None or entities is None:
            return None
        return typed.Call(name, (text,), entities, INT, node.span)
    return check_arguments(node, row, context, check)


def check_score(node: nodes.Call, context: Context, check: Check) -> typed.Expr | None:
    """Return ``classifier.NAME(text)``, or None after a report."""
    name = node.function.name.removeprefix("classifier.")
    if name not in context.environment.classifiers:
        known = context.environment.classifiers
        context.report.add(catalog.unknown_classifier(name, known, node.function.span))
        return None
    context.used.add(node.function.name)
    if len(node.arguments) != 1:
        signature = f"{node.function.name}(of: text): float"
        context.report.add(catalog.argument_count(signature, len(node.arguments), node.span))
        return None
    subject = node.arguments[0]
    text = check_scanned(check(subject, context, None), node.function.name, subject.span, context)
    return None if text is None else typed.Score(name, text, FLOAT, node.span)


def check_arguments(
    node: nodes.Call, row: Function, context: Context, check: Check
) -> typed.Expr | None:
    """Return the call of a function over plain values, or None after a report."""
    if row.parameters and all(one.kind is Kind.NUMBER for one in row.parameters):
        checked = check_numbers(node.arguments, context, check)
    else:
        checked = [check(one, context, None) for one in node.arguments]
    made: list[typed.Expr] = []
    for written, argument, parameter in zip(node.arguments, checked, row.parameters, strict=False):
        if argument is None:
            continue
        fitted = fit_argument(parameter.kind, argument, row.name, written.span, context)
        if fitted is not None:
            made.append(fitted)
    if len(made) < len(node.arguments):
        return None
    return finish_call(row, made, node.span, context.report)


def check_numbers(
    arguments: Sequence[nodes.Expr], context: Context, check: Check
) -> list[typed.Expr | None]:
    """Return the arguments typed; a literal beside another number becomes of its type."""
    made: list[typed.Expr | None] = [None] * len(arguments)
    type_: Type | None = None
    literal = (nodes.Literal, nodes.Negative)
    for place in sorted(range(len(arguments)), key=lambda one: isinstance(arguments[one], literal)):
        one = check(arguments[place], context, type_)
        made[place] = one
        type_ = one.type if one is not None and numeric(one.type) else None
    return made


def fit_argument(
    kind: Kind, argument: typed.Expr, name: str, span: Span, context: Context
) -> typed.Expr | None:
    """Return *argument* as a parameter of *kind* takes it, or None after a report."""
    assert kind is not Kind.ENTITIES, "entities are no values"
    assert kind is not Kind.PATH, "a path is no value"
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
        case _:
            assert_never(kind)
    if made is None:
        context.report.add(catalog.bad_argument(name, str(kind), argument.type, span))
    return made


def finish_call(
    function: Function, arguments: Sequence[typed.Expr], span: Span, report: Report
) -> typed.Call | None:
    """Return the call, or None after a report.

    Two numbers get a common type. A function of numbers has their type, unless the table has
    another.
    """
    made = tuple(arguments)
    if [one.kind for one in function.parameters] == [Kind.NUMBER, Kind.NUMBER]:
        sides = unify(made[0], made[1], span, report)
        if sides is None:
            return None
        made = sides
    type_ = made[0].type if function.result is None else function.result
    return typed.Call(function.name, made, frozenset(), type_, span)
