"""A pattern to a text that it matches, so that no example in a file looks like a secret."""

from __future__ import annotations

import random
import re
import string
from re import _constants as codes  # type: ignore[attr-defined, unused-ignore]
from re import _parser as parser  # type: ignore[attr-defined, unused-ignore]

LIKED = string.ascii_letters + string.digits
EXCLUDED = set(" \n")


def example(regex: str) -> str:
    """Return a text that *regex* matches: the first alternatives, the fewest repetitions.

    Letters are drawn at random, the same in every run.
    """
    return _made(parser.parse(regex), random.Random(regex))  # noqa: S311 - no secret


def finding(regex: str, text: str) -> str:
    """Return what *regex* finds in *text*: its first group, or all."""
    found = re.search(regex, text)
    assert found is not None
    return found[1] if found.re.groups else found[0]


def _made(parts: object, source: random.Random) -> str:
    return "".join(_one(code, value, source) for code, value in parts)  # type: ignore[attr-defined, unused-ignore]


def _one(code: object, value: object, source: random.Random) -> str:
    if code is codes.LITERAL:
        return chr(value)  # type: ignore[arg-type]
    if code is codes.IN:
        return source.choice(_members(value))
    if code is codes.BRANCH:
        return _made(value[1][0], source)  # type: ignore[index]
    if code is codes.SUBPATTERN:
        return _made(value[3], source)  # type: ignore[index]
    if code in (codes.MAX_REPEAT, codes.MIN_REPEAT):
        least, _, what = value  # type: ignore[misc]
        return "".join(_made(what, source) for _ in range(least))  # type: ignore[has-type]
    assert code is codes.AT, code
    return ""


def _members(value: object) -> str:
    """Return the characters of a class, letters and digits alone where it has any."""
    shown = {char for char in LIKED + " \n" + string.punctuation if re.match(_class(value), char)}
    return "".join(sorted(shown & set(LIKED) or shown - EXCLUDED or shown))


def _class(value: object) -> str:
    names = {
        codes.CATEGORY_WORD: r"\w",
        codes.CATEGORY_SPACE: r"\s",
        codes.CATEGORY_NOT_WORD: r"\W",
    }
    text = ""
    for code, part in value:  # type: ignore[attr-defined, unused-ignore]
        if code is codes.NEGATE:
            text += "^"
        elif code is codes.LITERAL:
            text += re.escape(chr(part))
        elif code is codes.RANGE:
            text += f"{re.escape(chr(part[0]))}-{re.escape(chr(part[1]))}"
        else:
            text += names[part]
    return f"[{text}]"
