"""Results in; text for people, JSON for machines and JUnit XML for build servers out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from math import floor
from xml.etree import ElementTree as ET

import orjson

from engine.language.render import inert
from engine.verify.coverage import Gap, Summary
from engine.verify.results import Failure, Result

SHOWN = 300
"""How many characters of a request a failure shows."""


def describe(result: Result) -> str:
    """Return what failed in *result*: message, request, decision and explanation."""
    lines = [f"{result.kind} {result.name}"]
    for failure in result.failures:
        lines += [f"  {line}".rstrip() for line in failure_lines(failure)]
    return "\n".join(map(inert, lines))


def failure_lines(failure: Failure) -> Iterator[str]:
    """Yield the lines about one failed expectation."""
    yield f"{failure.span}: {failure.message}"
    if failure.request:
        yield f"  request: {shorten(to_json(failure.request).decode())}"
    if failure.explanation is not None:
        yield from (f"  {line}" for line in failure.explanation.text.splitlines())


def describe_coverage(summary: Summary) -> str:
    """Return the figures of *summary* and a line for each gap."""
    figures = (
        f"coverage {percent(summary)}: {summary.rules_matched} of {summary.rules} rules, "
        f"{summary.outcomes_seen} of {summary.outcomes} outcomes of conditions"
    )
    return "\n".join([figures, *(f"  {gap.span}: {gap.message}" for gap in summary.gaps)])


def percent(summary: Summary) -> str:
    """Return the coverage, rounded down: what is short of everything never reads 100 %."""
    return f"{floor(summary.percent * 10) / 10:.1f} %"


def to_json(value: object) -> bytes:
    """Return *value* as JSON; what JSON does not know as its text."""
    return orjson.dumps(value, default=loosen, option=orjson.OPT_NON_STR_KEYS)


def loosen(value: object) -> object:
    """Return something JSON knows for *value*."""
    if isinstance(value, frozenset | set | tuple):
        return sorted(map(str, value))
    return str(value)


def shorten(text: str) -> str:
    """Return *text*, cut when it is long."""
    return text if len(text) <= SHOWN else text[:SHOWN] + "…"


def result_json(result: Result) -> Mapping[str, object]:
    """Return *result* in JSON-ready values."""
    return {
        "name": result.name,
        "kind": result.kind,
        "passed": result.passed,
        "file": result.span.path,
        "line": result.span.line,
        "decisions": result.decisions,
        "seconds": round(result.seconds, 6),
        "failures": [failure_json(one) for one in result.failures],
    }


def failure_json(failure: Failure) -> Mapping[str, object]:
    """Return *failure* in JSON-ready values."""
    return {
        "message": failure.message,
        "file": failure.span.path,
        "line": failure.span.line,
        "request": failure.request,
        "decision": failure.decision.to_dict() if failure.decision else None,
        "explanation": failure.explanation.text if failure.explanation else None,
    }


def coverage_json(summary: Summary) -> Mapping[str, object]:
    """Return *summary* in JSON-ready values."""
    return {
        "percent": floor(summary.percent * 100) / 100,
        "rules": {"total": summary.rules, "matched": summary.rules_matched},
        "outcomes": {"total": summary.outcomes, "seen": summary.outcomes_seen},
        "gaps": [gap_json(gap) for gap in summary.gaps],
    }


def gap_json(gap: Gap) -> Mapping[str, object]:
    """Return *gap* in JSON-ready values."""
    where = {"file": gap.span.path, "line": gap.span.line, "column": gap.span.column}
    return {**where, "message": gap.message}


def junit(results: Mapping[str, Sequence[Result]]) -> bytes:
    """Return the JUnit XML of the results by folder; one test suite a folder."""
    root = ET.Element("testsuites")
    for folder, those in results.items():
        suite = ET.SubElement(
            root,
            "testsuite",
            name=printable(folder),
            tests=str(len(those)),
            failures=str(sum(not one.passed for one in those)),
            time=f"{sum(one.seconds for one in those):.6f}",
        )
        for one in those:
            case = ET.SubElement(
                suite,
                "testcase",
                name=printable(one.name),
                classname=printable(one.span.path),
                file=printable(one.span.path),
                line=str(one.span.line),
                time=f"{one.seconds:.6f}",
            )
            if not one.passed:
                failed = ET.SubElement(case, "failure", message=printable(one.failures[0].message))
                failed.text = printable(describe(one))
    ET.indent(root)
    body: bytes = ET.tostring(root, encoding="utf-8")
    return b'<?xml version="1.0" encoding="utf-8"?>\n' + body


def printable(text: str) -> str:
    """Return *text* without the control characters that XML cannot carry."""
    return "".join(one if one.isprintable() or one in "\n\t" else "?" for one in text)


def headline(results: Sequence[Result], decisions: int, seconds: float) -> str:
    """Return the closing line: how many tests and properties passed and failed."""
    failed = sum(not one.passed for one in results)
    kinds = [one.kind for one in results]
    tests, laws = kinds.count("test"), kinds.count("property")
    verdict = f"{failed} failed" if failed else "all passed"
    counts = ", ".join(
        f"{number} {one if number == 1 else many}"
        for number, one, many in (
            (tests, "test", "tests"),
            (laws, "property", "properties"),
            (decisions, "decision", "decisions"),
        )
    )
    return f"{counts} in {seconds:.2f} s: {verdict}"
