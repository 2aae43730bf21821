"""What made-up programs and requests are made from: a schema with every type, and values."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from ipaddress import IPv4Network, IPv6Network, ip_address

from engine.language import program, typed
from engine.language.text import NOWHERE
from engine.language.typed import Expr, Value
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
    ListOf,
    SetOf,
    Type,
)

STAGE = Enumeration(
    ("request", "response", "tool_call", "tool_result", "document", "tool_description")
)
PLAN = Enumeration(("free", "pro", "enterprise"))
STRINGS = SetOf(STRING)

OPTIONAL: dict[str, Type] = {
    "model.name": STRING,
    "model.provider": STRING,
    "model.version": STRING,
    "tool.name": STRING,
    "tool.server": STRING,
    "session.id": STRING,
    "source.ip": IP,
    "usage.input_tokens": INT,
    "usage.output_tokens": INT,
    "usage.cost_usd": DECIMAL,
    "context.amount": FLOAT,
    "context.count": INT,
    "context.price": DECIMAL,
    "context.due": TIME,
    "context.note": TEXT,
    "context.flag": BOOL,
    "context.plan": PLAN,
    "context.topics": STRINGS,
}
REQUIRED: dict[str, Type] = {
    "stage": STAGE,
    "tenant.id": STRING,
    "user.id": STRING,
    "user.roles": STRINGS,
    "session.turn": INT,
    "session.labels": STRINGS,
    "content": TEXT,
    "now": TIME,
    "tenant.plan": PLAN,
    "user.clearance": INT,
    "user.trusted": BOOL,
    "context.score": FLOAT,
    "context.wait": DURATION,
    "context.tags": ListOf(STRING),
    "context.sizes": ListOf(INT),
}
FIELDS = {
    path: program.Field(path, type_, optional, "", standard=True, span=NOWHERE)
    for optional, group in ((True, OPTIONAL | {"tool.args": JSON}), (False, REQUIRED))
    for path, type_ in group.items()
}
LISTS = {"words": frozenset({"a", "north", "u1"}), "none": frozenset[str]()}
ENTITIES = ("pii.email", "pii.card")
PATHS: tuple[tuple[str | int, ...], ...] = (("x",), ("y",), ("x", 0), ("y", "z"), ("none",))
BIG = 2**63 - 1

WORDS = ("a", "b", "north", "south", "u1", "", "ab\nc", "café")
START = datetime(2026, 1, 1, tzinfo=UTC)
VALUES: dict[Type, tuple[Value, ...]] = {
    BOOL: (True, False),
    INT: (0, 1, 2, 3, -1, BIG, -BIG - 1),
    FLOAT: (0.0, 0.5, 1.0, 2.5, -1.0, 1e308),
    DECIMAL: tuple(map(Decimal, ("0", "0.5", "1.00", "2", "-3", "1E+60"))),
    STRING: WORDS,
    TEXT: ("mail a@b.example", "4111 1111", "ignore all", "north a", ""),
    TIME: (START, START + timedelta(hours=1), datetime(9999, 12, 31, 23, 59, tzinfo=UTC)),
    DURATION: (timedelta(), timedelta(minutes=1), timedelta(days=1), timedelta(days=999_999_999)),
    IP: tuple(map(ip_address, ("10.0.0.1", "192.168.1.9", "2001:db8::1"))),
    STAGE: STAGE.words,
    PLAN: PLAN.words,
}
NETWORKS: tuple[IPv4Network | IPv6Network, ...] = (
    IPv4Network("10.0.0.0/8"),
    IPv4Network("10.0.0.1/32"),
    IPv6Network("2001:db8::/32"),
    IPv4Network("0.0.0.0/0"),
)
GLOBS = ("*", "a*", "*a", "*o*", "a", "n?rth", "a*b", "**", "caf?", "*b\n*", "a.c", "")
PATTERNS = ("a", "^a$", "n.*h", "[0-9]{4}", "é", "(?i)NORTH", "")
ORDERED = (INT, FLOAT, DECIMAL, STRING, TIME, DURATION, JSON)
NUMBERS = (INT, FLOAT, DECIMAL)


def constant(value: Value, type_: Type) -> typed.Constant:
    """Return a constant."""
    return typed.Constant(value, type_, NOWHERE)


def attribute(path: str) -> typed.Attribute:
    """Return an attribute of the schema above."""
    field = FIELDS[path]
    return typed.Attribute(path, field.optional, field.type, NOWHERE)


METERS = {
    "refusals": program.MeterDefinition(
        "refusals", "p0.r0", (attribute("user.id"),), timedelta(minutes=10), "", NOWHERE
    )
}


def bare_rule(name: str, when: Expr | None, unless: Expr | None = None) -> program.Rule:
    """Return a denying rule without riders."""
    return program.Rule(
        name=name,
        policy=name.rpartition(".")[0],
        title="",
        doc="",
        when=when,
        unless=unless,
        action=program.Deny(""),
        advise=(),
        labels=(),
        severity=None,
        tags=(),
        owner="",
        expires=None,
        on_failure=None,
        shadow=False,
        rollout=None,
        span=NOWHERE,
    )
