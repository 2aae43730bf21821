"""All wording about data files, facts and lists: the diagnostics E602 to E613."""

from __future__ import annotations

from collections.abc import Iterable

from engine.language.diagnostics import Diagnostic, did_you_mean
from engine.language.text import Span


def not_utf8(at: Span) -> Diagnostic:
    """E602: a line is not UTF-8."""
    return Diagnostic("E602", "not UTF-8", at, help="save the file as UTF-8")


def not_json(detail: str, at: Span) -> Diagnostic:
    """E603: a facts file that ends in ``.json`` is no JSON."""
    return Diagnostic("E603", f"not JSON: {detail}", at)


def not_facts(at: Span) -> Diagnostic:
    """E604: the JSON is neither an object of records by id nor an array of records with an id."""
    return Diagnostic(
        "E604",
        "expected records by id",
        at,
        help='write { "north": { … } } or [ { "id": "north", … } ]',
    )


def wrong_fact(column: str, detail: str, at: Span) -> Diagnostic:
    """E605: a value does not fit the schema."""
    return Diagnostic("E605", f"`{column}`: {detail}", at)


def missing_fact(column: str, id_: str, at: Span) -> Diagnostic:
    """E606: a record lacks an attribute that the schema requires."""
    return Diagnostic(
        "E606",
        f"`{column}` of `{id_}` is missing",
        at,
        help=f"give it a value, or declare `{column}` as optional with `?`",
    )


def duplicate_id(id_: str, at: Span, first: Span) -> Diagnostic:
    """E607: two records have the same id."""
    return Diagnostic("E607", f"`{id_}` occurs twice", at, notes=(("first here", first),))


def unknown_fact(column: str, known: Iterable[str], at: Span) -> Diagnostic:
    """E608: a column is no attribute of the schema."""
    help_ = did_you_mean(column, known) or "declare it in a schema, or remove it"
    if column in known:  # JSON, where a name with a point in it is one name
        *groups, name = column.split(".")
        above = "".join(f'"{group}": {{ ' for group in groups)
        help_ = f'in JSON it is nested: `{above}"{name}": …{" }" * len(groups)}`'
    return Diagnostic("E608", f"unknown attribute `{column}`", at, help=help_)


def missing_id(at: Span) -> Diagnostic:
    """E609: there is no ``id`` column, or a record has none."""
    return Diagnostic(
        "E609", "no `id`", at, help="each record needs an `id`, a text that is not empty"
    )


def wrong_width(found: int, expected: int, at: Span) -> Diagnostic:
    """E610: a CSV row has more or fewer cells than the header."""
    return Diagnostic("E610", f"{found} cells, but the header has {expected}", at)


def duplicate_column(column: str, at: Span) -> Diagnostic:
    """E611: a CSV header names a column twice."""
    return Diagnostic("E611", f"column `{column}` occurs twice", at)


def not_csv(detail: str, at: Span) -> Diagnostic:
    """E613: a facts file that ends in ``.csv`` is no CSV."""
    return Diagnostic("E613", f"not CSV: {detail}", at)


def unfinished_list(more: int, file: str, at: Span) -> Diagnostic:
    """E612: there are more problems in the file than are shown."""
    return Diagnostic("E612", f"and {more:,} more problems in `{file}`", at)
