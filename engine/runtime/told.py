"""JSON in; each of its strings behind its name out, as detectors know secrets that a name tells.

``{"db": {"password": "hunter2"}}`` says that ``hunter2`` is a password, and the string alone does
not. It is looked at as ``password: "hunter2"``; what is found in the string counts. A name passes
to the strings of a list, and ``{"name": "API_KEY", "value": …}`` is a name and a value too.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from engine.content.findings import Finding

LONGEST_VALUE = 4096
"""A longer string is a text, and is looked at without its name."""
BETWEEN = ': "'
VALUES = frozenset({"value", "val", "text", "content"})
"""Names that say nothing: those of the object are the ones that do."""
NAMES = ("name", "key", "header", "field")

_name = re.compile(r"[\w.\-]{2,64}")


def told_in(value: object, name: str = "") -> Iterator[str]:
    """Yield ``name: "text"`` for every string and whole number of a JSON *value*."""
    match value:
        case str() if name and value and len(value) <= LONGEST_VALUE:
            yield f'{name}{BETWEEN}{value}"'
        case bool():
            pass
        case int() if name:
            yield f'{name}{BETWEEN}{value}"'
        case float() if name and value.is_integer():
            yield f'{name}{BETWEEN}{int(value)}"'
        case list():
            for item in value:
                yield from told_in(item, name)
        case dict():
            outer = _outer(value, name)
            for own, item in value.items():
                yield from told_in(item, outer if own.lower() in VALUES else _fitting(own))
        case _:
            pass


def _outer(value: dict[str, object], name: str) -> str:
    """Return what the member ``value`` of an object is called."""
    for one in NAMES:
        said = value.get(one)
        if isinstance(said, str) and _fitting(said):
            return said
    return name


def _fitting(name: str) -> str:
    return name if _name.fullmatch(name) else ""


def untold(told: str, findings: tuple[Finding, ...]) -> tuple[str, tuple[Finding, ...]]:
    """Return the text in *told*, and those of *findings* that lie in it, at their places there."""
    start = told.index(BETWEEN) + len(BETWEEN)
    text = told[start:-1]
    return text, tuple(
        one._replace(start=one.start - start, end=one.end - start)
        for one in findings
        if one.start >= start and one.end <= start + len(text)
    )
