"""Whatever is said and decided: the record repeats nothing of it, and can be read again."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.content.findings import Finding, Injection
from engine.language import program as pol
from engine.language.program import Program
from engine.language.text import NOWHERE
from engine.language.types import STRING, TEXT, ListOf, SetOf
from engine.runtime.memory import MemoryStore
from engine.runtime.policyset import build
from engine.service.entries import Entry, Said
from engine.service.gate import Gate
from engine.service.telling import Telling
from tests.made_programs import programs
from tests.made_requests import JSONS, nested, requests
from tests.service.test_gate import Kept
from tests.vocabulary import LISTS, OPTIONAL, REQUIRED, attribute

KEY = b"k" * 32
PIECE = 8
SAID = st.text("abcdefgh@.4ÄÖ \n", min_size=PIECE, max_size=90)
KEPT = {"tenant.id", "user.id", "session.id", "stage", "tenant.plan"}
"""What the record tells of every request, and words that the schema lists."""
TYPES = OPTIONAL | REQUIRED
STRINGS = [
    path
    for path, type_ in TYPES.items()
    if type_ in {STRING, TEXT} and path not in KEPT and path.split(".")[0] not in {"model", "tool"}
]
LISTED = [path for path, type_ in TYPES.items() if type_ in {SetOf(STRING), ListOf(STRING)}]
ACTIONS: tuple[pol.Action, ...] = (
    pol.Allow(),
    pol.Deny("no"),
    pol.Redact(frozenset({"pii.email"}), "content", pol.Strategy("mask", "*", 2), ("pii.email",)),
    pol.Redact(frozenset({"pii.email"}), "tool.args", pol.Strategy("label"), ("pii.email",)),
    pol.Escalate("people", timedelta(hours=1), "deny"),
    pol.Throttle(
        Decimal(1),
        "requests",
        timedelta(minutes=1),
        None,
        "",
        (attribute("user.id"), attribute("content")),
        Decimal(1),
    ),
)


class Scanner:
    """Finds what stands around an at sign."""

    def scan(self, text: str, entities: frozenset[str]) -> tuple[Finding, ...]:
        at = text.find("@")
        found = "pii.email" in entities and at >= 0
        return (Finding("pii.email", max(0, at - 3), min(len(text), at + 4), 1.0),) if found else ()


@st.composite
def acting(draw: st.DrawFn) -> Program:
    """Draw a program whose rules do all that rules do."""
    made = draw(programs())
    policies = tuple(
        replace(policy, rules=tuple(draw(changed(rule)) for rule in policy.rules))
        for policy in made.policies
    )
    return replace(made, policies=policies)


@st.composite
def changed(draw: st.DrawFn, rule: pol.Rule) -> pol.Rule:
    """Draw *rule* with another action and riders; some have no condition, so that they match."""
    advise = (pol.Advise("said", attribute("content"), NOWHERE),)
    return replace(
        rule,
        when=None if rule.when is None or draw(st.booleans()) else rule.when,
        action=draw(st.sampled_from(ACTIONS)),
        advise=draw(st.sampled_from([(), advise])),
        labels=draw(st.sampled_from([(), (pol.Label("put", None),)])),
        shadow=draw(st.sampled_from([False, False, True])),
    )


@st.composite
def spoken(draw: st.DrawFn) -> tuple[dict[str, Any], list[str]]:
    """Draw a request that repeats what was said wherever it can, and what was said."""
    request: dict[str, Any] = draw(requests())
    content, argument = draw(SAID), draw(SAID)
    repeated = st.sampled_from(
        [content, argument, content[:PIECE], f"and {content[-PIECE:]}!", argument[1:], "short"]
    )
    flat: dict[str, Any] = {}
    for path in STRINGS:
        if draw(st.booleans()):
            flat[path] = draw(repeated)
    for path in LISTED:
        flat[path] = draw(st.lists(repeated, max_size=3))
    merge(request, nested(flat))
    request["content"] = content
    request.setdefault("tool", {})["args"] = {"x": argument, "y": [argument], "z": draw(JSONS)}
    return request, [content, argument]


def merge(request: dict[str, Any], more: dict[str, Any]) -> None:
    for name, value in more.items():
        if isinstance(value, dict):
            merge(request.setdefault(name, {}), value)
        else:
            request[name] = value


def strings_in(value: object) -> Iterator[str]:
    match value:
        case dict():
            for name, inner in value.items():
                yield name
                yield from strings_in(inner)
        case list():
            for inner in value:
                yield from strings_in(inner)
        case _:
            yield str(value)


def recorded(program: Program, request: dict[str, Any]) -> Entry:
    kept = Kept()
    gate = Gate(MemoryStore(), kept, secret=KEY, telling=Telling(values="all"))
    gate.swap(
        build(
            program,
            scanner=Scanner(),
            injection=lambda text, role: Injection(len(text) / 100, (role,)),
            key=KEY,
            revision="r",
            lists=LISTS,
        )
    )
    gate.decide(request)
    return kept.entries[0]


def repeats_nothing(program: Program, asked: tuple[dict[str, Any], list[str]]) -> None:
    request, said = asked
    line = msgspec.json.decode(msgspec.json.encode(recorded(program, request), enc_hook=str))
    told = list(strings_in(line))
    for text in said:
        for at in range(len(text) - PIECE + 1):
            piece = text[at : at + PIECE]
            assert not [one for one in told if piece in one]


def can_be_read(program: Program, asked: tuple[dict[str, Any], list[str]]) -> None:
    encode = msgspec.json.Encoder(enc_hook=str).encode
    line = encode(recorded(program, asked[0]))
    again: Said = msgspec.json.decode(line, type=Said)
    assert isinstance(again, Entry)
    assert encode(again) == line


CALM = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]


@pytest.mark.slow
@settings(max_examples=200, deadline=None, suppress_health_check=CALM, derandomize=True)
@given(acting(), spoken())
def test_the_record_repeats_nothing_that_was_said(
    program: Program, asked: tuple[dict[str, Any], list[str]]
) -> None:
    repeats_nothing(program, asked)


@pytest.mark.slow
@settings(max_examples=100, deadline=None, suppress_health_check=CALM, derandomize=True)
@given(acting(), spoken())
def test_the_record_can_be_read_again(
    program: Program, asked: tuple[dict[str, Any], list[str]]
) -> None:
    can_be_read(program, asked)


@pytest.mark.nightly
@settings(max_examples=20_000, deadline=None, suppress_health_check=CALM)
@given(acting(), spoken())
def test_the_record_keeps_its_laws_all_night(
    program: Program, asked: tuple[dict[str, Any], list[str]]
) -> None:
    repeats_nothing(program, asked)
    can_be_read(program, asked)
