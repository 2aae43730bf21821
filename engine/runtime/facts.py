"""Facts and list files: their bytes in, tables and sets out, every wrong cell as a diagnostic.

Each format has a fast path for whole files and, only when something is wrong, a slow one that finds
and places every mistake.
"""

from __future__ import annotations

from collections.abc import Mapping

from engine.language.diagnostics import Report
from engine.language.program import Field
from engine.runtime.facts_csv import load_csv
from engine.runtime.facts_json import load_json
from engine.runtime.table import Table, decode, shape_of

__all__ = ["Table", "load_facts", "read_list"]


def load_facts(
    group: str, file: str, data: bytes, fields: Mapping[str, Field], report: Report
) -> Table:
    """Return the table of a facts file about *group*; usable only when *report* has no error.

    *fields* is the whole schema by path. A *file* that ends in ``.csv`` is CSV with a header, and
    any other JSON: an object of records by id, or an array of records with an ``id``.
    """
    shape = shape_of(group, file, fields)
    text = decode(file, data, report)
    if text is None:
        return Table(group, (), {})
    if file.lower().endswith(".csv"):
        return load_csv(text, shape, report)
    return load_json(text, shape, report)


def read_list(file: str, data: bytes, report: Report) -> frozenset[str]:
    """Return the entries of a list file, one a line and literal. Empty lines are dropped.

    White space around an entry is no part of it: nobody sees it, and a blocked name would pass.
    """
    text = decode(file, data, report)
    if text is None:
        return frozenset()
    entries = set(map(str.strip, text.replace("\r", "\n").split("\n")))
    entries.discard("")
    return frozenset(entries)
