"""Programs made by hand: typed trees, schemas and policies as small function calls."""

from __future__ import annotations

from datetime import timedelta
from typing import Literal

from engine.language.program import Field
from engine.language.text import NOWHERE
from engine.language.types import (
    DECIMAL,
    INT,
    IP,
    JSON,
    STRING,
    TEXT,
    TIME,
    Enumeration,
    SetOf,
    Type,
)

STAGES = Enumeration(
    ("request", "response", "tool_call", "tool_result", "document", "tool_description")
)


def field(path: str, type_: Type, *, optional: bool = False, standard: bool = False) -> Field:
    return Field(path, type_, optional, "", standard, NOWHERE)


def _standard() -> dict[str, Field]:
    rows: tuple[tuple[str, Type, bool], ...] = (
        ("stage", STAGES, False),
        ("tenant.id", STRING, False),
        ("user.id", STRING, False),
        ("user.roles", SetOf(STRING), False),
        ("model.name", STRING, True),
        ("model.provider", STRING, True),
        ("model.version", STRING, True),
        ("tool.name", STRING, True),
        ("tool.server", STRING, True),
        ("tool.args", JSON, True),
        ("content", TEXT, False),
        ("usage.input_tokens", INT, True),
        ("usage.output_tokens", INT, True),
        ("usage.cost_usd", DECIMAL, True),
        ("session.id", STRING, True),
        ("session.labels", SetOf(STRING), False),
        ("session.turn", INT, False),
        ("source.ip", IP, True),
        ("now", TIME, False),
    )
    return {path: field(path, type_, optional=gone, standard=True) for path, type_, gone in rows}


STANDARD = _standard()


def schema(**declared: Type | tuple[Type, Literal["?"]]) -> dict[str, Field]:
    """Return the standard attributes and *declared* ones, ``context__purpose=(STRING, "?")``."""
    fields = dict(STANDARD)
    for name, type_ in declared.items():
        path = name.replace("__", ".")
        if isinstance(type_, tuple):
            fields[path] = field(path, type_[0], optional=True)
        else:
            fields[path] = field(path, type_)
    return fields


def request(**changes: object) -> dict[str, object]:
    """Return a small valid request with *changes*."""
    return {"tenant": {"id": "north"}, "user": {"id": "u1"}, "stage": "request"} | changes


MINUTE = timedelta(minutes=1)
