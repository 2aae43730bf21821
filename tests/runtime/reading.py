"""Readers with attributes of every type, and what they say to requests."""

from __future__ import annotations

from typing import Any

import pytest

from engine.language.types import (
    BOOL,
    DECIMAL,
    DURATION,
    FLOAT,
    INT,
    IP,
    STRING,
    TIME,
    Enumeration,
    ListOf,
    SetOf,
)
from engine.runtime.reader import Reader, build_reader
from engine.runtime.request import InvalidRequest
from tests.runtime.made import FIELDS, request, schema

FULL = schema(
    tenant__plan=Enumeration(("free", "pro")),
    context__count=(INT, "?"),
    context__ratio=(FLOAT, "?"),
    context__price=(DECIMAL, "?"),
    context__due=(TIME, "?"),
    context__wait=(DURATION, "?"),
    context__ip=(IP, "?"),
    context__flag=(BOOL, "?"),
    context__topics=(SetOf(STRING), "?"),
    context__sizes=(ListOf(INT), "?"),
    context__nets=(SetOf(IP), "?"),
    context__order__total=(DECIMAL, "?"),
    context__order__lines__count=(INT, "?"),
)
READER = build_reader(FULL)
SMALL = build_reader(FIELDS)


def full(**changes: object) -> dict[str, Any]:
    return request(tenant={"id": "north", "plan": "pro"}) | changes


def problems(asked: object, reader: Reader = READER) -> dict[str, str]:
    with pytest.raises(InvalidRequest) as raised:
        reader.read(asked)  # type: ignore[arg-type]
    return {problem.path: problem.message for problem in raised.value.problems}


def context(**values: object) -> dict[str, Any]:
    return full(context=values)
