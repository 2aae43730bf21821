"""Operators over checked sides: types that agree in, a typed node of type bool or a number out."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Literal as OneOf

from engine.language import catalog, catalog_warnings, nodes, typed
from engine.language.constants import parse_network
from engine.language.diagnostics import Report
from engine.language.narrow import is_optional
from engine.language.regexes import matches_everything, problem_of
from engine.language.text import Span
from engine.language.types import (
    BOOL,
    DECIMAL,
    DURATION,
    FLOAT,
    INT,
    JSON,
    STRING,
    TIME,
    Enumeration,
    ListOf,
    Scalar,
    SetOf,
    Type,
    numeric,
    textual,
)

Order = OneOf["==", "!=", "<", "<=", ">", ">="]
Sign = OneOf["+", "-", "*", "/"]
JSON_PEERS = frozenset({BOOL, INT, FLOAT, DECIMAL, JSON})
"""What a json value compares with, beside what is textual."""

ARITHMETIC: dict[tuple[Scalar, str, Scalar], Scalar] = {
    (TIME, "-", TIME): DURATION,
    (TIME, "+", DURATION): TIME,
    (TIME, "-", DURATION): TIME,
    (DURATION, "+", TIME): TIME,
    (DURATION, "+", DURATION): DURATION,
    (DURATION, "-", DURATION): DURATION,
    (DURATION, "*", INT): DURATION,
    (INT, "*", DURATION): DURATION,
    (DURATION, "/", DURATION): FLOAT,
}
"""What times and durations give."""


def element_type(collection: Type) -> Type | None:
    """Return the type of a collection's elements (json's are json); None for other types."""
    match collection:
        case SetOf(item) | ListOf(item):
            return item
        case Scalar.JSON:
            return JSON
        case _:
            return None


def widen(expression: typed.Expr, type_: Type) -> typed.Expr:
    """Return an int as *type_* (float or decimal), a constant at once."""
    if expression.type == type_:
        return expression
    if isinstance(expression, typed.Constant) and isinstance(expression.value, int):
        value = Decimal(expression.value) if type_ == DECIMAL else float(expression.value)
        return typed.Constant(value, type_, expression.span)
    return typed.Convert(expression, type_, expression.span)


def common_type(left: Type, right: Type) -> Type | None:
    """Return the type in which two values can be compared, or None when they cannot."""
    if left == right:
        return left
    if textual(left) and textual(right):
        return STRING
    if numeric(left) and numeric(right):
        return None if {left, right} == {FLOAT, DECIMAL} else (right if left == INT else left)
    if JSON in {left, right}:
        other = right if left == JSON else left
        return JSON if other in JSON_PEERS or textual(other) else None
    match left, right:
        case (SetOf(first), SetOf(second)) | (ListOf(first), ListOf(second)):
            item = common_type(first, second)
            same = item is not None and not (numeric(first) and first != second)
            return left if same else None
        case _:
            return None


def unify(
    left: typed.Expr, right: typed.Expr, at: Span, report: Report
) -> tuple[typed.Expr, typed.Expr] | None:
    """Return both sides in their common type (json stays beside what it is compared with).

    The result is None after a report.
    """
    type_ = common_type(left.type, right.type)
    if type_ is None:
        report.add(catalog.sides_differ(left.type, right.type, at))
        return None
    if numeric(type_):
        return widen(left, type_), widen(right, type_)
    return left, right


def compare(
    operator: Order, left: typed.Expr, right: typed.Expr, at: Span, span: Span, report: Report
) -> typed.Expr | None:
    """Return ``left operator right``, or None after a report."""
    if operator not in {"==", "!="}:
        for side in (left, right):
            if not ordered(side.type):
                report.add(catalog.no_order(side.type, operator, at))
                return None
    sides = unify(left, right, at, report)
    if sides is None:
        return None
    return typed.Compare(operator, sides[0], sides[1], BOOL, span)


def ordered(type_: Type) -> bool:
    """Return whether values of *type_* have an order.

    Enumerations have none: their words have no rank.
    """
    if isinstance(type_, Enumeration):
        return False
    return numeric(type_) or textual(type_) or type_ in {TIME, DURATION, JSON}


def member(
    item: typed.Expr, collection: typed.Expr, at: Span, span: Span, report: Report
) -> typed.Expr | None:
    """Return ``item in collection``, or None after a report."""
    type_ = element_type(collection.type)
    if type_ is None:
        report.add(catalog.not_a_collection(collection.type, at))
        return None
    common = common_type(item.type, type_)
    fits = common is not None and (not numeric(common) or common == type_)
    if common is None or not fits or isinstance(item.type, (SetOf, ListOf)):
        report.add(catalog.element_differs(item.type, collection.type, at))
        return None
    if numeric(common):
        item = widen(item, common)
    return typed.Member(item, collection, BOOL, span)


def widen_elements(collection: typed.Expr, item: Type) -> typed.Expr | None:
    """Return a written set with its elements widened to *item*, or None for an attribute."""
    match collection:
        case typed.Constant(frozenset() as values):
            made = frozenset(
                Decimal(value) if item == DECIMAL else float(value)
                for value in values
                if isinstance(value, int)
            )
            return typed.Constant(made, SetOf(item), collection.span)
        case typed.MakeSet(items):
            parts = tuple(widen(one, item) for one in items)
            return replace(collection, items=parts, type=SetOf(item))
        case _:
            return None


def contains(
    whole: typed.Expr, part: typed.Expr, at: Span, span: Span, report: Report
) -> typed.Expr | None:
    """Return ``whole contains part``: an element of a collection, or a substring.

    A json value may be either, and which one it is shows only in the request. The result is None
    after a report.
    """
    if whole.type != JSON and not textual(whole.type):
        return member(part, whole, at, span, report)
    comparable = part.type in JSON_PEERS or textual(part.type)
    needle = (part if comparable else None) if whole.type == JSON else as_text(part)
    if needle is None:
        report.add(catalog.element_differs(part.type, whole.type, at))
        return None
    return typed.Substring(whole, needle, BOOL, span)


def as_text(expression: typed.Expr) -> typed.Expr | None:
    """Return *expression* as a string, json through a conversion; None for other types."""
    if textual(expression.type):
        return expression
    if expression.type == JSON:
        return typed.Convert(expression, STRING, expression.span)
    return None


def compare_sets(
    operator: OneOf["overlaps", "within"],
    left: typed.Expr,
    right: typed.Expr,
    at: Span,
    span: Span,
    report: Report,
) -> typed.Expr | None:
    """Return ``left overlaps right`` or ``left within right`` over two collections.

    The result is None after a report.
    """
    for side in (left, right):
        if not isinstance(side.type, (SetOf, ListOf)):
            report.add(catalog.needs_collections(operator, side.type, at))
            return None
    first, second = element_type(left.type), element_type(right.type)
    assert first is not None
    assert second is not None
    common = common_type(first, second)
    if common is not None and numeric(common):
        wide_left = left if first == common else widen_elements(left, common)
        wide_right = right if second == common else widen_elements(right, common)
    else:
        wide_left, wide_right = left, right
    if common is None or wide_left is None or wide_right is None:
        report.add(catalog.sides_differ(left.type, right.type, at))
        return None
    if operator == "overlaps":
        return typed.Overlaps(wide_left, wide_right, BOOL, span)
    return typed.Within(wide_left, wide_right, BOOL, span)


def calculate(
    operator: Sign, left: typed.Expr, right: typed.Expr, span: Span, report: Report
) -> typed.Expr | None:
    """Return ``left operator right`` over numbers, times and durations, or None after a report.

    A json number becomes what the other side is, or a float.
    """
    left, right = plain_number(left, right.type), plain_number(right, left.type)
    if numeric(left.type) and numeric(right.type):
        sides = unify(left, right, span, report)
        if sides is None:
            return None
        type_ = FLOAT if operator == "/" and sides[0].type == INT else sides[0].type
        if type_ != sides[0].type:
            sides = widen(sides[0], type_), widen(sides[1], type_)
        return typed.Arithmetic(operator, sides[0], sides[1], type_, span)
    if isinstance(left.type, Scalar) and isinstance(right.type, Scalar):
        result = ARITHMETIC.get((left.type, operator, right.type))
        if result is not None:
            return typed.Arithmetic(operator, left, right, result, span)
    report.add(catalog.no_arithmetic(operator, left.type, right.type, span))
    return None


def plain_number(expression: typed.Expr, beside: Type) -> typed.Expr:
    """Return a json value beside a number (or another json value) as a number.

    Others as they are.
    """
    if expression.type != JSON or not (numeric(beside) or beside == JSON):
        return expression
    return typed.Convert(expression, DECIMAL if beside == DECIMAL else FLOAT, expression.span)


def negate(inner: typed.Expr, span: Span, report: Report) -> typed.Expr | None:
    """Return ``-inner`` as a subtraction from zero, or None after a report."""
    zeros: dict[Type, typed.Value] = {
        INT: 0,
        FLOAT: 0.0,
        DECIMAL: Decimal(0),
        DURATION: timedelta(0),
    }
    number = plain_number(inner, JSON)
    if number.type not in zeros:
        report.add(catalog.no_negative(inner.type, span))
        return None
    zero = typed.Constant(zeros[number.type], number.type, span)
    return typed.Arithmetic("-", zero, number, number.type, span)


def gather(
    node: nodes.SetLiteral, elements: list[typed.Expr], item: Type, report: Report
) -> typed.Expr | None:
    """Return a set of *elements*, all of one type, or None after a report."""
    type_ = item
    for written, element in zip(node.items, elements, strict=True):
        common = common_type(type_, element.type)
        if common is None or not scalar(element.type):
            report.add(catalog.mixed_set(type_, element.type, written.span))
            return None
        type_ = type_ if type_ == element.type or not numeric(common) else common
        type_ = STRING if textual(common) and type_ != element.type else type_
    if numeric(type_):
        elements = [widen(one, type_) for one in elements]
    constants = [one for one in elements if isinstance(one, typed.Constant)]
    if len(constants) < len(elements):
        return typed.MakeSet(tuple(elements), SetOf(type_), node.span)
    seen: set[typed.Value] = set()
    for written, constant in zip(node.items, constants, strict=True):
        if constant.value in seen:
            report.add(catalog_warnings.repeated_element(written.span))
        seen.add(constant.value)
    return typed.Constant(frozenset(seen), SetOf(type_), node.span)


def scalar(type_: Type) -> bool:
    """Return whether values of *type_* may be elements of a set."""
    return isinstance(type_, Enumeration) or (isinstance(type_, str) and type_ != JSON)


def in_networks(
    node: nodes.Comparison, address: typed.Expr, right: typed.Expr, report: Report
) -> typed.Expr | None:
    """Return whether *address* lies in the constant networks on the right; None after a report."""
    match right:
        case typed.Constant(str() as one, _, span):
            written = [(one, span)]
        case typed.Constant(frozenset() as several, SetOf(Scalar.STRING), span) if several:
            written = sorted((str(one), span) for one in several)
        case _:
            report.add(catalog.networks_not_constant(node.right.span))
            return None
    networks = [parse_network(text, span, report) for text, span in written]
    good = tuple(network for network in networks if network is not None)
    if len(good) < len(networks):
        return None
    return typed.InNetwork(address, good, BOOL, node.span)


def is_constant(expression: typed.Expr) -> bool:
    """Return whether *expression* is made of literals only."""
    match expression:
        case typed.Constant():
            return True
        case typed.Arithmetic(_, left, right):
            return is_constant(left) and is_constant(right)
        case _:
            return False


def matches(text: typed.Expr, regex: nodes.Regex, span: Span, report: Report) -> typed.Expr | None:
    """Return ``text matches /regex/``, or None after a report."""
    if not valid_regex(regex, report):
        return None
    return typed.Matches(text, regex.pattern, BOOL, span)


def valid_regex(regex: nodes.Regex, report: Report) -> bool:
    """Return whether *regex* may be used.

    Report otherwise, and warn of one that is found in every text.
    """
    problem = problem_of(regex.pattern)
    if problem is not None:
        report.add(catalog.bad_regex(problem, regex.span))
        return False
    if matches_everything(regex.pattern):
        report.add(catalog_warnings.regex_matches_everything(regex.span))
    return True


def join(
    node: nodes.Coalesce, left: typed.Expr, right: typed.Expr, report: Report
) -> typed.Expr | None:
    """Return *left* where present, else *right*, re-associated to the right.

    The result is None after a report.
    """
    if isinstance(left, typed.Coalesce) and is_optional(left):
        rest = join(node, left.default, right, report)
        return None if rest is None else join(node, left.subject, rest, report)
    if not is_optional(left):
        report.add(catalog_warnings.never_absent(node.left.span))
        return left
    sides = unify(left, right, node.right.span, report)
    if sides is None:
        return None
    if sides[0] is not left:
        report.add(catalog.sides_differ(left.type, right.type, node.right.span))
        return None
    type_ = default_type(left, right)
    return typed.Coalesce(left, sides[1], type_, node.span)


def default_type(left: typed.Expr, right: typed.Expr) -> Type:
    """Return the type of ``left ?? right``; an enumeration grows by a default word outside it."""
    match left.type, right:
        case Enumeration(words), typed.Constant(str() as word):
            return left.type if word in words else Enumeration((*words, word))
        case Enumeration(words), _:
            more = right.type.words if isinstance(right.type, Enumeration) else None
            return STRING if more is None else Enumeration(tuple(dict.fromkeys((*words, *more))))
        case _:
            return left.type
