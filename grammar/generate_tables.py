"""Fill the tables in the documentation that say what the code says: they cannot go stale.

A table stands between ``<!-- NAME: made by grammar/generate.py -->`` and ``<!-- end -->``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path

from engine.content.entities import NAMESPACES, expand
from engine.content.validate import VALIDATORS
from engine.daemon.config import OPTIONS
from engine.daemon.options import Option, wanted
from engine.language.functions import TABLE
from engine.language.schema import STANDARD

ROOT = Path(__file__).resolve().parents[1]
DOCUMENTS = ("grammar/language.md", "engine/daemon/README.md")
MARKED = re.compile(
    r"(?P<head><!-- (?P<name>\w+): made by grammar/generate\.py -->\n).*?(?P<end><!-- end -->)",
    re.DOTALL,
)

FEW = 8
SHOWN = frozenset(
    {
        "pii.email", "pii.phone", "pii.card", "pii.iban", "pii.ssn", "pii.ip", "pii.url",
        "pii.person", "pii.address", "pii.organization", "pii.location", "pii.passport",
        "pii.driver_license", "pii.crypto", "pii.bank", "secret.generic", "secret.password",
        "secret.private_key", "secret.jwt", "secret.connection_string", "secret.http_auth",
        "secret.aws", "secret.azure", "secret.google", "secret.github", "secret.openai",
        "secret.slack", "secret.stripe",
    }
)  # fmt: skip
"""Entities that most policies ask for; the page of detectors has all."""

Row = tuple[str, ...]


def outputs() -> dict[str, bytes]:
    """Return the documents with their tables as they should be: path -> content."""
    return {path: fill((ROOT / path).read_text(encoding="utf-8")).encode() for path in DOCUMENTS}


def fill(text: str) -> str:
    """Return *text* with every marked table made anew."""
    return MARKED.sub(
        lambda found: f"{found['head']}\n{MAKERS[found['name']]()}\n\n{found['end']}", text
    )


def table(head: Row, rows: Iterable[Row]) -> str:
    """Return a Markdown table."""
    lines = (head, ("---",) * len(head), *rows)
    return "\n".join(
        f"| {' | '.join(one.replace('|', chr(92) + '|') for one in row)} |" for row in lines
    )


def attributes() -> str:
    """Return the table of the attributes that exist without a schema."""
    rows = (
        (f"`{one.path}`", f"`{one.type}{'?' * one.optional}`", one.doc) for one in STANDARD.values()
    )
    return table(("attribute", "type", "meaning"), rows)


def functions() -> str:
    """Return the table of functions."""
    rows = ((f"`{one.signature}`", one.doc, f"`{one.example}`") for one in TABLE.values())
    return table(("function", "meaning", "example"), rows)


def entities() -> str:
    """Return the table of namespaces of built-in entities, with some of each."""
    rows = (
        (
            f"`{space}.any`",
            str(len(names)),
            ", ".join(f"`{one}`" for one in names if one in SHOWN or len(names) <= FEW),
        )
        for space, names in sorted(by_namespace().items())
    )
    return table(("all of them", "how many", "among them"), rows)


def by_namespace() -> dict[str, list[str]]:
    """Return the names of the built-in entities by namespace."""
    return {space: sorted(expand(f"{space}.any")) for space in NAMESPACES}


def checks() -> str:
    """Return the validators that an author may name, as a list with commas."""
    return ", ".join(f"`{name}`" for name in sorted(VALIDATORS)) + "."


def settings() -> str:
    """Return the table of the daemon's settings."""
    return table(("setting", "default", "meaning"), setting_rows(OPTIONS.values()))


def setting_rows(options: Iterable[Option]) -> Iterator[Row]:
    """Yield the row of each setting: name, default, what it means and may be."""
    for one in options:
        default = json.dumps(one.default, ensure_ascii=False)
        allowed = wanted(one)
        may_be = "" if allowed == "a string" else f" Must be {allowed}."
        yield f"`{one.name}`", f"`{default}`", f"{one.doc}{may_be}"


MAKERS: Mapping[str, Callable[[], str]] = {
    "attributes": attributes,
    "functions": functions,
    "entities": entities,
    "checks": checks,
    "settings": settings,
}
"""What makes the table of each name."""
