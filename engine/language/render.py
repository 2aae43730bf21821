"""Diagnostics -> text for people and dictionaries for machines.

    triage.pol:4:8: error[E201]: unknown field `tenant.plann`
      |
    4 |   when tenant.plann == "free"
      |        ^^^^^^^^^^^^
      = help: did you mean `tenant.plan`?
      = note: triage.pol:2:3: the schema is here

Whatever stands in the source is shown inert: control and escape characters as pictures or ``U+…``,
tabs as spaces, wide and combining characters with the columns a terminal gives them, long lines as
a window.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping
from typing import TypedDict

from engine.language.diagnostics import Diagnostic
from engine.language.text import Span

_TAB = "    "
_WINDOW = 120
"""Terminal columns of a source line that are shown around the wrong piece."""
_BEFORE = 40
"""Of these, columns shown before it."""

_COLORS = {"error": "\x1b[1;31m", "warning": "\x1b[1;33m", "dim": "\x1b[1;34m", "bold": "\x1b[1m"}
_RESET = "\x1b[0m"


class Place(TypedDict):
    """A place in a file; lines and columns count from one, the end is excluded."""

    file: str
    line: int
    column: int
    end_line: int
    end_column: int


class Note(Place):
    """A further place with a sentence."""

    message: str


class Shown(Place):
    """A diagnostic for machines."""

    code: str
    severity: str
    message: str
    help: str | None
    notes: list[Note]


def to_dict(diagnostic: Diagnostic) -> Shown:
    """Return *diagnostic* for JSON."""
    return {
        **_place(diagnostic.span),
        "code": diagnostic.code,
        "severity": diagnostic.severity,
        "message": diagnostic.message,
        "help": diagnostic.help,
        "notes": [{**_place(span), "message": message} for message, span in diagnostic.notes],
    }


def _place(span: Span) -> Place:
    return {
        "file": span.path,
        "line": span.line,
        "column": span.column,
        "end_line": span.end_line,
        "end_column": span.end_column,
    }


def render(
    diagnostics: Iterable[Diagnostic], texts: Mapping[str, str], *, color: bool = False
) -> str:
    """Return *diagnostics* for people, an empty line between two; *texts* are sources by path."""
    split: dict[str, list[str]] = {}
    shown: list[str] = []
    for one in diagnostics:
        path = one.span.path
        if path not in split:
            split[path] = texts.get(path, "").split("\n")
        shown.append(_render_one(one, split[path], color=color))
    return "\n\n".join(shown) + "\n" if shown else ""


def _render_one(diagnostic: Diagnostic, lines: list[str], *, color: bool) -> str:
    span = diagnostic.span
    kind = _paint(f"{diagnostic.severity}[{diagnostic.code}]", diagnostic.severity, color=color)
    message = _paint(inert(diagnostic.message), "bold", color=color)
    shown = [f"{inert(str(span))}: {kind}: {message}"]
    number = str(span.line)
    margin = " " * len(number)
    if 1 <= span.line <= len(lines) and lines[span.line - 1].strip():
        text, marks = _underlined(lines[span.line - 1].removesuffix("\r"), span)
        bar = _paint("|", "dim", color=color)
        shown += [
            f"{margin} {bar}",
            f"{_paint(number, 'dim', color=color)} {bar} {text}".rstrip(),
            f"{margin} {bar} {_paint(marks, diagnostic.severity, color=color)}",
        ]
    sign = _paint("=", "dim", color=color)
    if diagnostic.help:
        shown.append(f"{margin} {sign} help: {inert(diagnostic.help)}")
    for note, place in diagnostic.notes:
        shown.append(f"{margin} {sign} note: {inert(str(place))}: {inert(note)}")
    return "\n".join(shown)


def _paint(text: str, color_name: str, *, color: bool) -> str:
    lead = text[: len(text) - len(text.lstrip())]
    return f"{lead}{_COLORS[color_name]}{text.lstrip()}{_RESET}" if color else text


# --- the line with the wrong piece ---------------------------------------------------------------


def _underlined(line: str, span: Span) -> tuple[str, str]:
    """Return what is shown of *line* and the marks below it."""
    start = min(span.column - 1, len(line))
    end = min(span.end_column - 1, len(line)) if span.end_line == span.line else len(line)
    before, piece, after = line[:start], line[start : max(start, end)], line[max(start, end) :]
    lead = _last_columns(before, _BEFORE if _width(line) > _WINDOW else _width(before))
    body = _first_columns(piece, _WINDOW - _width(lead))
    tail = _first_columns(after, _WINDOW - _width(lead) - _width(body)) if body == piece else ""
    cut_left = "…" if lead != before else ""
    cut_right = "…" if lead + body + tail != line[len(before) - len(lead) :] else ""
    marks = " " * (len(cut_left) + _width(lead)) + "^" * max(1, _width(body))
    return f"{cut_left}{inert(lead + body + tail)}{cut_right}", marks


def _first_columns(text: str, columns: int) -> str:
    """Return the most of the start of *text* that takes at most *columns*."""
    used = 0
    for index, character in enumerate(text):
        used += _width(character)
        if used > columns:
            return text[:index]
    return text


def _last_columns(text: str, columns: int) -> str:
    """Return the most of the end of *text* that takes at most *columns*."""
    used = 0
    for index in range(len(text) - 1, -1, -1):
        used += _width(text[index])
        if used > columns:
            return text[index + 1 :]
    return text


def _width(text: str) -> int:
    """Return the terminal columns of *text* as it is shown."""
    if text.isascii() and text.isprintable():
        return len(text)
    return sum(_columns(character) for shown in map(inert, text) for character in shown)


def _columns(character: str) -> int:
    if unicodedata.combining(character) or unicodedata.category(character) in {"Mn", "Me"}:
        return 0
    return 2 if unicodedata.east_asian_width(character) in {"W", "F"} else 1


def inert(text: str) -> str:
    """Return *text* with everything that a terminal could obey turned into something visible."""
    if text.isprintable():
        return text
    return "".join(_inert_character(character) for character in text)


def _inert_character(character: str) -> str:
    if character == "\t":
        return _TAB
    if character.isprintable() or unicodedata.category(character) == "Zs":
        return character
    code = ord(character)
    if code < 32:  # noqa: PLR2004 - the control characters, which have pictures
        return chr(0x2400 + code)
    return f"<U+{code:04X}>"
