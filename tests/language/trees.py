"""A tree -> the same without its places, to compare what two texts mean."""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from typing import Any

from engine.language.diagnostics import Diagnostic, Report
from engine.language.items import File
from engine.language.parse import parse_file
from engine.language.text import Source, Span


def bare(tree: Any) -> Any:
    """Return *tree* as nested tuples without spans and comments."""
    if isinstance(tree, Span):
        return None
    if isinstance(tree, tuple):
        return tuple(bare(one) for one in tree)
    if is_dataclass(tree):
        named = [field.name for field in fields(tree) if field.name != "comments"]
        return (type(tree).__name__, *[bare(getattr(tree, name)) for name in named])
    return tree


def parsed(text: str) -> File:
    """Return the tree of *text*, which has no errors."""
    report = Report()
    file = parse_file(Source("case.pol", text), report)
    assert not report.found, report.sorted()
    return file


def problems(text: str) -> tuple[Diagnostic, ...]:
    """Return the syntax diagnostics of *text*."""
    report = Report()
    parse_file(Source("case.pol", text), report)
    return report.sorted()
