"""Results in; text for people, JSON for machines and JUnit XML for build servers out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from xml.etree import ElementTree as ET  # noqa: S405  it writes; nothing is parsed

import orjson

from engine.runtime.explain import Explanation
from engine.verify.coverage import Summary
from engine.verify.expectation import outcome
from engine.verify.results import Failure, Result

CONTENT_SHOWN = 300
"""How many characters of a request's JSON a failure shows."""


def describe(result: Result) -> str:
    """Return what failed in *result*, for people: message, request, decision, explanation."""
    lines = [f"{result.span}: {result.kind} {result.name}"]
    for failure in result.failures:
        lines += [f"  {line}" for line in failure_lines(failure)]
    return "\n".join(lines)


def failure_lines(failure: Failure) -> Iterator[str]:
    """Yield the lines about one failed expectation."""
    yield f"{failure.span}: {failure.message}"
    if failure.request:
        yield f"  request   {shorten(to_json(failure.request))}"
    if failure.decision is not None:
        yield f"  decision  {outcome(failure.decision)}"
    if failure.explanation is not None:
        yield from ("  " + line for line in explanation_lines(failure.explanation))


def to_json(value: object) -> str:
    """Return *value* as one line of JSON; what JSON does not know as its text."""
    return orjson.dumps(value, default=str).decode()


def shorten(text: str) -> str:
    """Return *text*, cut when it is long."""
    return text if len(text) <= CONTENT_SHOWN else text[:CONTENT_SHOWN] + "…"
