"""A literal and the type that it is used as in, a constant out."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network

from engine.language import catalog, catalog_syntax, nodes
from engine.language.diagnostics import Report
from engine.language.literals import LARGEST_INT
from engine.language.text import Span
from engine.language.typed import Constant
from engine.language.types import (
    BOOL,
    DECIMAL,
    DURATION,
    FLOAT,
    INT,
    IP,
    JSON,
    STRING,
    TEXT,
    TIME,
    Enumeration,
    Type,
)


def convert_literal(
    literal: nodes.Literal, wanted: Type | None, report: Report, *, negative: bool = False
) -> Constant | None:
    """Return *literal* (or its negative) as *wanted*, or None after a report.

    Beside an int a number with a point stays a float: the int will be widened.
    """
    type_ = None if wanted == JSON else wanted
    span, value = literal.span, literal.value
    match value:
        case bool():
            made = Constant(value, BOOL, span)
        case int():
            if value > LARGEST_INT and not negative:  # `a - 9223372036854775808`
                report.add(catalog_syntax.int_too_large(span))
                return None
            return convert_number(-value if negative else value, type_, span, report)
        case Decimal():  # `-` would round it to 28 digits.
            return convert_number(value.copy_negate() if negative else value, type_, span, report)
        case datetime():
            made = Constant(value, TIME, span)
        case timedelta():
            made = Constant(-value if negative else value, DURATION, span)
        case _:
            return convert_string(value, type_ or STRING, span, report)
    if type_ is None or type_ == made.type:
        return made
    report.add(catalog.literal_type(made.type, type_, span))
    return None


def convert_number(
    value: int | Decimal, type_: Type | None, span: Span, report: Report
) -> Constant | None:
    """Return a number as *type_*, or None after a report."""
    if type_ == DECIMAL:
        return Constant(Decimal(value), DECIMAL, span)
    if type_ == FLOAT or (type_ in {None, INT} and isinstance(value, Decimal)):
        return Constant(float(value), FLOAT, span)
    if type_ is None or type_ == INT:
        return Constant(value, INT, span)
    report.add(catalog.literal_type(INT if isinstance(value, int) else FLOAT, type_, span))
    return None


def convert_string(value: str, type_: Type, span: Span, report: Report) -> Constant | None:
    """Return a string as *type_*: as it is, as a word of an enumeration, or as an ip address."""
    if isinstance(type_, Enumeration):
        if value in type_.words:
            return Constant(value, type_, span)
        report.add(catalog.unknown_word(value, type_.words, span))
        return None
    if type_ in {STRING, TEXT}:
        return Constant(value, type_, span)
    if type_ == IP:
        try:
            return Constant(ip_address(value), IP, span)
        except ValueError:
            report.add(catalog.not_an_address(value, span))
            return None
    report.add(catalog.literal_type(STRING, type_, span))
    return None


def parse_network(value: str, span: Span, report: Report) -> IPv4Network | IPv6Network | None:
    """Return the network that *value* names, or None after a report.

    An address alone is a network of one.
    """
    try:
        return ip_network(value)
    except ValueError:
        pass
    try:
        wide = str(ip_network(value, strict=False))
    except ValueError:
        wide = ""
    report.add(catalog.not_a_network(value, wide, span))
    return None
