"""A ``like`` pattern -> the cheapest test that decides it, or an RE2 pattern."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import re2


@dataclass(frozen=True, slots=True)
class Glob:
    """How to match: the text *is*, *starts* with, *ends* with or *holds* ``text``.

    Or the whole of it fits ``text`` as an RE2 *pattern*.
    """

    kind: Literal["is", "starts", "ends", "holds", "pattern"]
    text: str


def read_glob(glob: str) -> Glob:
    """Return the test for *glob*: ``*`` is any run of characters, ``?`` any one."""
    middle = glob.strip("*")
    if "?" in glob or "*" in middle:
        return Glob("pattern", "(?s)" + "".join(map(translate, glob)))
    match glob.startswith("*"), glob.endswith("*"):
        case True, True:
            return Glob("holds", middle)
        case True, False:
            return Glob("ends", middle)
        case False, True:
            return Glob("starts", middle)
        case _:
            return Glob("is", middle)


def translate(character: str) -> str:
    """Return the RE2 pattern for one character of a glob."""
    match character:
        case "*":
            return ".*"
        case "?":
            return "."
        case _:
            escaped: str = re2.escape(character)
            return escaped
