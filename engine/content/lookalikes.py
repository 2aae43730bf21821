"""Letters of other scripts that show as ASCII letters, and the words that are written with them.

A word of ASCII letters or digits with such letters among them, and no others of another script, is
a disguise: ``p\u0430ssword`` with a Cyrillic ``\u0430``. Words of one script are what they are. The
pairs are those of UTS 39 (confusables) that readers take for the letter in any common font.

A disguise gives away all that is written in one with it, and nothing else: with its word, the other
look-alikes of an address such as ``\u0430.lee@ex\u0430mple.org``. So what a stream or a window
shows of it is what the whole text does.
"""

from __future__ import annotations

import re

from engine.content.regex import any_of

PAIRS = {
    "A": "\u0410\u0391\u13aa\ua4ee\u1d00",
    "B": "\u0412\u0392\u13f4\ua4d0\u0299",
    "C": "\u0421\u03f9\u13df\ua4da\u1d04",
    "D": "\u13a0\ua4d3\u1d05",
    "E": "\u0415\u0395\u13ac\ua4f0\u1d07",
    "F": "\u03dc\ua4dd\ua730",
    "G": "\u050c\u13c0\ua4d6\u0262",
    "H": "\u041d\u0397\u13bb\ua4e7\u029c",
    "I": "\u0406\u0399\u04c0\ua4f2\u026a",
    "J": "\u0408\u037f\u13ab\ua4d9\u1d0a",
    "K": "\u041a\u039a\u13e6\ua4d7\u1d0b",
    "L": "\u13de\ua4e1\u029f",
    "M": "\u041c\u039c\u03fa\u13b7\ua4df\u1d0d",
    "N": "\u039d\ua4e0\u0274",
    "O": "\u041e\u039f\u0555\ua4f3\u1d0f",
    "P": "\u0420\u03a1\u13e2\ua4d1\u1d18",
    "Q": "\u051a",
    "R": "\u13a1\u13d2\ua4e3\u0280",
    "S": "\u0405\u054f\u13da\ua4e2\ua731",
    "T": "\u0422\u03a4\u13a2\ua4d4\u1d1b",
    "U": "\u054d\ua4f4\u1d1c",
    "V": "\u0474\u13d9\ua4e6\u1d20",
    "W": "\u051c\u13b3\ua4ea\u1d21",
    "X": "\u0425\u03a7\ua4eb",
    "Y": "\u04ae\u03a5\ua4ec\u028f",
    "Z": "\u0396\u13c3\ua4dc\u1d22",
    "a": "\u0430\u03b1\u0251",
    "b": "\u044c",
    "c": "\u0441\u03f2",
    "d": "\u0501",
    "e": "\u0435\u04bd",
    "g": "\u0261\u0581",
    "h": "\u04bb\u0570",
    "i": "\u0456\u0131\u03b9",
    "j": "\u0458\u03f3",
    "k": "\u043a\u03ba",
    "l": "\u04cf\u01c0",
    "n": "\u0578",
    "o": "\u043e\u03bf\u0585",
    "p": "\u0440\u03c1",
    "q": "\u051b\u0566",
    "s": "\u0455",
    "u": "\u03c5\u057d",
    "v": "\u03bd\u0475",
    "w": "\u051d\u0461",
    "x": "\u0445\u03c7",
    "y": "\u0443\u04af\u03b3",
    ".": "\u3002",
}
"""ASCII to what looks like it. A full stop is that of addresses written in Chinese or Japanese."""

TABLE = str.maketrans({alike: plain for plain, many in PAIRS.items() for alike in many})

_alike = "".join(char for plain, many in PAIRS.items() if plain != "." for char in many)
_word = rf"[A-Za-z0-9{_alike}]"

DISGUISED = any_of(
    (
        rf"(?:^|[^\pL\pN])(?:[A-Za-z0-9]+[{_alike}]|[{_alike}]+[A-Za-z0-9]){_word}*(?:$|[^\pL\pN])",
        r"[A-Za-z0-9]\x{3002}[A-Za-z0-9]",
    )
)
"""Occurs in a text in which some word is a disguise."""


def undisguised(text: str) -> str:
    """Return *text* with every look-alike as the ASCII letter it shows, place for place."""
    return text.translate(TABLE)


_run = re.compile(rf"[!-~\u3002{_alike}]+")


def revealed(text: str) -> str:
    """Return *text* with the look-alikes around a disguise, up to white space or other letters.

    They become the ASCII letters they show, place for place.
    """
    pieces: list[str] = []
    done = 0
    for run in _run.finditer(text):
        start, end = run.span()
        if run.group().isascii():
            continue
        around = text[max(0, start - 1) : end + 1]
        if DISGUISED.within(around.encode("utf-8", "replace")):
            pieces += text[done:start], undisguised(run.group())
            done = end
    return "".join((*pieces, text[done:]))
