"""Regular expressions of policies: RE2 syntax, linear time, bounded size."""

from __future__ import annotations

from functools import lru_cache

import re2

MAX_LENGTH = 1_000
"""Characters in a pattern."""
MAX_PROGRAM = 10_000
"""Instructions in the compiled program; RE2's memory grows with them."""
MAX_REPEATED = 800
"""Instructions of a pattern read as Latin-1, in which a class such as all letters counts little:
what a pattern repeats. RE2 is linear in the text, but the time for each byte grows with them."""
MAX_PATTERNS = 64
"""Patterns of one entity: each may cost every text a pass."""


def options() -> re2.Options:
    """Return the options that every pattern is compiled with, here and at run time."""
    made = re2.Options()
    made.log_errors = False
    return made


@lru_cache(maxsize=4_096)
def problem_of(pattern: str) -> str | None:
    """Return what is wrong with *pattern* in RE2's words, or None when it may be used."""
    if len(pattern) > MAX_LENGTH:
        return f"it has {len(pattern)} characters, {MAX_LENGTH} are allowed"
    try:
        compiled = re2.compile(pattern, options())
    except re2.error as error:
        said = error.args[0] if error.args else b""
        return said.decode("utf-8", "replace") if isinstance(said, bytes) else str(said)
    except UnicodeEncodeError:
        return "it holds a lone surrogate"
    if compiled.programsize > MAX_PROGRAM or repeated(pattern, compiled.programsize) > MAX_REPEATED:
        return "it is too large: repeat less"
    return None


def repeated(pattern: str, size: int) -> int:
    """Return the size of *pattern* read as Latin-1; with characters beyond it a share of *size*."""
    narrow = options()
    narrow.encoding = re2.Options.Encoding.LATIN1
    try:
        return int(re2.compile(pattern.encode(), narrow).programsize)
    except re2.error:
        return size // 8


def matches_everything(pattern: str) -> bool:
    """Return whether a valid *pattern* surely is found in every text.

    It fits the empty text at any place.
    """
    anchored = any(piece in pattern for piece in ("^", "$", "\\A", "\\z", "\\b", "\\B", "\\Q"))
    return not anchored and re2.compile(pattern, options()).search("") is not None
