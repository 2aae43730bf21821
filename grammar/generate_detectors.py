"""Build ``grammar/detectors.md``: every built-in entity, and what it asks of a match."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

from engine.content.detectors import THRESHOLD, Entity
from engine.content.entities import ALSO, ENTITIES, NAMESPACES
from engine.content.validate import VALIDATORS

ROOT = Path(__file__).parent.parent
HEAD = """\
# Detectors

<!-- GENERATED from engine/content by grammar/generate.py: do not edit. -->

Every entity that exists without a declaration. `engine detectors show NAME` shows the patterns of
one. The reference says [how policies ask for entities](language.md#content), and how to
[declare your own](language.md#your-own-entities).

A *score* says how sure a finding is by its shape alone; what scores below 0.5 is reported only with
a context word within 60 characters, which adds 0.35. *Checked* means that a match must pass a check
beyond its shape: a check digit, a range, the length of a country's numbers, randomness.

Names, places and dates have no shape. They are found by a *tagger*, a small model that is shipped
with the engine and reads each word in its sentence; its score says how sure it is, and what scores
below 0.5 is not reported. It costs more than all patterns together, is loaded only where policies
ask for what it finds (`pii.any` does), and is wrong more often.
"""

TITLES = {
    "phi": "Health data",
    "pii": "Personal data",
    "secret": "Secrets",
}
CHECKS = """\
## Checks

What `check NAME` may name in an entity of your own. Joints between digits do not matter.
"""
MOST_WORDS = 12


def outputs() -> dict[str, bytes]:
    """Return the generated file: path from the repository's root -> content."""
    return {"grammar/detectors.md": ("\n".join(page()) + "\n").encode()}


def page() -> Iterator[str]:
    """Yield the lines of the page."""
    yield HEAD
    for space in sorted(NAMESPACES):
        names = sorted(name for name in ENTITIES if name.startswith(f"{space}."))
        yield f"## {TITLES.get(space, space)}: `{space}.any`"
        yield ""
        others = f", and those of `{ALSO[space]}`" if space in ALSO else ""
        yield f"{len(names)} {'entity' if len(names) == 1 else 'entities'}{others}."
        yield ""
        for name in names:
            yield from section(ENTITIES[name])
    yield CHECKS
    for name in sorted(VALIDATORS):
        yield f"- `{name}`: {promise(VALIDATORS[name])}"


def promise(check: Callable[[str], bool]) -> str:
    """Return what *check* says that it takes, as a sentence about a text."""
    first = docstrings(check.__module__)[check.__name__].partition("\n")[0]
    told = first.removeprefix("Return whether ").replace("*text*", "the text").replace("``", "`")
    return told[0].upper() + told[1:]


@cache
def docstrings(module: str) -> dict[str, str]:
    """Return what functions of *module* say of themselves: compiled ones do so in the source."""
    source = (ROOT / module.replace(".", "/")).with_suffix(".py").read_text(encoding="utf-8")
    found = [one for one in ast.parse(source).body if isinstance(one, ast.FunctionDef)]
    return {one.name: ast.get_docstring(one) or "" for one in found}


def section(entity: Entity) -> Iterator[str]:
    """Yield the lines about *entity*."""
    yield f"### `{entity.name}`"
    yield ""
    yield entity.doc
    facts = list(details(entity))
    if facts:
        yield " ".join(facts)
    yield ""


def details(entity: Entity) -> Iterator[str]:
    """Yield sentences about how sure a finding is and what it needs."""
    if entity.finder:
        yield f"Found by a {entity.finder}."
    scores = sorted({one.score for one in entity.patterns}, reverse=True)
    if scores:
        yield f"Score {', '.join(f'{one:g}' for one in scores)}."
    if any(one.check is not None or one.fit is not None for one in entity.patterns):
        yield "Checked."
    if entity.near and any(one.score < THRESHOLD for one in entity.patterns):
        words = [f"`{one.strip()}`" for one in entity.near[:MOST_WORDS]]
        more = len(entity.near) - len(words)
        yield f"Context words: {', '.join(words)}{f' and {more} more' if more > 0 else ''}."
