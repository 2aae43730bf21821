"""A report in, text for a terminal out. Whatever came from outside is shown inert."""

from __future__ import annotations

from collections.abc import Iterator
from typing import assert_never

from engine.cli.report_document import Block, Document, Facts, Note, Table
from engine.language.render import inert

LABEL = 20
"""Columns of a fact's name."""


def text_of(document: Document) -> str:
    """Return *document* as lines."""
    return "\n".join(_lines(document)) + "\n"


def _lines(document: Document) -> Iterator[str]:
    yield f"{document.title}: {inert(document.subject)}"
    yield "  ".join(inert(one.text) for one in document.verdict)
    yield from _block(document.about)
    for section in document.sections:
        yield ""
        title = inert(section.title)
        yield title
        yield ("=" if section.level == 1 else "-") * min(len(title), 78)
        for block in section.blocks:
            yield from _block(block)


def _block(block: Block) -> Iterator[str]:
    match block:
        case Facts(rows):
            for name, cell in rows:
                yield f"{name:<{LABEL}}{inert(cell.text)}"
        case Note(text):
            yield inert(text)
        case Table():
            table = block.without_empty()
            shown = [[inert(cell.text) for cell in row] for row in table.rows]
            lines = [list(table.columns), *shown]
            widths = [max(len(line[at]) for line in lines) for at in range(len(table.columns))]
            for line in lines:
                padded = (f"{text:<{width}}" for text, width in zip(line, widths, strict=True))
                yield "  ".join(padded).rstrip()
        case _:
            assert_never(block)
