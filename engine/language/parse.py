"""Bytes -> source, source -> syntax tree: the first pass, and the only one that sees text."""

from __future__ import annotations

import codecs

from engine.language import catalog_syntax as catalog
from engine.language.diagnostics import Report
from engine.language.items import File
from engine.language.lex import split_tokens
from engine.language.recover import recover_file
from engine.language.reduce import parse_tokens
from engine.language.text import Source, Span


def decode(path: str, data: bytes, report: Report) -> Source | None:
    """Return the source in *data*; None, and a diagnostic at the bad byte, when it is not UTF-8.

    A byte order mark at the start is dropped.
    """
    body = data.removeprefix(codecs.BOM_UTF8)
    try:
        return Source(path, body.decode("utf-8"))
    except UnicodeDecodeError as error:
        before = body[: error.start].decode("utf-8")
        line = before.count("\n") + 1
        column = len(before) - (before.rfind("\n") + 1) + 1
        start = len(before)
        place = Span(path, start, start + 1, line, column, line, column + 1)
        report.add(catalog.bad_bytes(place, body[error.start]))
        return None


def parse_file(source: Source, report: Report) -> File:
    """Return the tree of *source*; errors go to *report*, their pieces are left out."""
    own = Report()
    tokens = split_tokens(source, own)
    lexical = len(own.found)
    made = parse_tokens(tokens, "file", 0, len(tokens.kinds) - 1)
    if not isinstance(made, File):
        del own.found[lexical:]
        made = recover_file(tokens)
    report.extend(own.found)
    return made
