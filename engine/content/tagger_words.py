"""A piece of text to a word: what it looks like, which lists it is in, and its features.

A text is cut into pieces, each with the space behind it: words and numbers, single signs, white
space. All that is known of a piece by itself is worked out once (see `tagger_model.Model`): its
*kind* says whether it can be part of a name at all, its *form* and its features are what the model
reads. Names themselves are no features, only the lists and endings that they share with others, so
that the model judges names that it has never seen as it judges those that it has.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from engine.content import gazetteer_words as told
from engine.content.gazetteer import (
    COMMON,
    COUNTRY,
    FAMOUS,
    GIVEN,
    PART,
    PLACE,
    SURNAME,
    WORD,
    Gazetteer,
    hashed,
    plain,
)

PIECES = re.compile(r"\w+(?:['\u2019](?:t|ll|re|ve|m|d)\b)? ?|[^\w\s] ?|\s+")
LONGEST = 26
"""Longer pieces are in no name."""
WIDEST = 24
"""White space that is wider ends what stands before it."""
JOINTS = frozenset(".,-'\u2019/#&()\u2013:")
BREAK, STRONG, PLAIN, NUMBER, LOW, UNKNOWN, KNOWN, JOINT = "bSCDsuwj"
"""Kinds: no part of a name; a capitalised name; another capitalised word; a number; a name in lower
case; a word of no list in lower case; a word of addresses or companies; what joins such words."""

KINDS = BREAK + UNKNOWN + JOINT + NUMBER + PLAIN + KNOWN + LOW + STRONG
"""The first three of them begin and end no name by themselves."""
MONTH = (
    r"(?:jan(?:uar[yi]?|uary)?|feb(?:ruar[yi]?)?|mar(?:ch|s|ço|zo)?|m[äa]rz|apr(?:il|ile)?|a[vb]ril"
    r"|ma[iyj]o?|ma[gi]gio|june?|jun[ih]o|juin|juni|giugno|july?|jul[iy]o|juillet|juli|luglio"
    r"|aug(?:ust)?|août|agosto|sept?(?:ember|iembre|tembre|tembro)?|settembre|setembro"
    r"|o[ck]t(?:ober|ubre|obre)?|ottobre|outubro|nov(?:ember|embre|iembre|embro)?"
    r"|de[czs](?:ember|embre|embro|iembre)?|dicembre|diciembre|janvier|février|enero|febrero"
    r"|gennaio|febbraio|janeiro|fevereiro|januari|februari)\b\.?"
)
"""A month as it is written in dates; not each word of ``told.MONTHS`` is one."""
_month = re.compile(MONTH, re.IGNORECASE)

NAMES = GIVEN | SURNAME
ENGLISH = COMMON | WORD
_ENDS = tuple(told.STREET_ENDS)
LISTS = (
    ("st", told.STREETS),
    ("un", told.UNITS),
    ("oe", told.ORG_ENDS),
    ("ow", told.ORG_WORDS),
    ("ho", told.HONORIFICS),
    ("pa", told.PARTICLES),
    ("mo", told.MONTHS),
    ("re", told.RELATIVES),
    ("sa", told.STATES),
)
IDENTIFIED = frozenset().union(*(words for _, words in LISTS))


@dataclass(frozen=True, slots=True)
class Piece:
    """What a piece is by itself.

    *mark* is its part in addresses: D, P, W, U, O, H or a dot. *role* is the rule that it may begin
    (see `tagger_rules.ROLE`), or a dot.
    """

    kind: str
    mark: str
    form: int
    key: int
    role: str
    features: tuple[str, ...] = field(repr=False)


def is_month(piece: str) -> bool:
    """Return whether *piece* begins with a `MONTH`."""
    return _month.match(piece) is not None


def read_piece(piece: str, lists: Gazetteer) -> Piece:
    """Return what *piece* is: a word, a number, a sign or white space."""
    word = piece.rstrip(" ") if piece[-1] == " " else piece
    if not word or word.isspace():
        return _space(piece)
    if len(word) > LONGEST or "_" in word:
        return _sign(BREAK, "long")
    if not word[0].isalnum():
        return _sign(JOINT if word in JOINTS else BREAK, word)
    if not word.isalnum():
        return _sign(BREAK, "contraction")  # "don't"
    if any(map(str.isdigit, word)):
        return _number(word)
    return _word(word, lists)


def _sign(kind: str, name: str) -> Piece:
    return Piece(kind, ".", hashed(name), hashed(name), ".", ("sign=" + name,))


def _space(piece: str) -> Piece:
    if len(piece) > WIDEST:
        return _sign(BREAK, "wide")
    lines = piece.count("\n")
    if lines > 1:
        return _sign(BREAK, "gap")
    return _sign(JOINT, "line" if lines else "space")


def _number(word: str) -> Piece:
    shape = re.sub(r"\d", "9", re.sub(r"[^\W\d_]", "a", word))[:7]
    name = hashed("n" + shape)
    if word.isdigit():
        mark = "P" if 4 <= len(word) <= 6 else "D"  # noqa: PLR2004 - digits of a postcode
        return Piece(NUMBER, mark, name, name, "n", ("num=" + shape,))
    short = len(word) <= 8  # noqa: PLR2004 - "221b", "SW1A", "12th"
    end = plain(word).lstrip("0123456789")[:3]
    features = ("num=" + shape, "tail=" + end)
    role = "n" if word[0].isdecimal() else "."
    return Piece(
        NUMBER if short else BREAK, "D" if short else ".", name, hashed("m" + end), role, features
    )


def _shape(word: str) -> str:
    if word.islower() or not word[0].isupper():
        return "l" if word[1:].islower() or len(word) == 1 else "m"
    if len(word) == 1:
        return "i"
    if word[1:].islower():
        return "T"
    return "U" if word.isupper() else "M"


def _word(word: str, lists: Gazetteer) -> Piece:
    low = plain(word)
    bits = lists.look(low)
    shape = _shape(word)
    held = [name for name, words in LISTS if low in words]
    street = len(low) > 5 and low.endswith(_ENDS) and not bits & ENGLISH  # noqa: PLR2004 - a name first
    if street:
        held.append("se")
    level = "C" if bits & COMMON else "W" if bits & WORD else "-"
    mask = "".join(
        letter
        for letter, bit in zip(
            "gsptcf", (GIVEN, SURNAME, PLACE, PART, COUNTRY, FAMOUS), strict=True
        )
        if bits & bit
    )
    form = (
        f"{shape}{held[0] if held else ''}:{mask[:3] if level == '-' or 'g' in mask else ''}{level}"
    )
    features = [
        "form=" + form, f"mask={shape}{mask}{level}", f"{shape}{level}", "end3=" + low[-3:],
        "end2=" + low[-2:], f"start3={shape}{low[:3]}", f"len={shape}{min(len(low), 10)}",
        *(f"in={shape}{name}" for name in held), *("is=" + letter for letter in mask),
    ]  # fmt: skip
    if len(low) > 5:  # noqa: PLR2004 - else it is nearly the word
        features.append("end4=" + low[-4:])
    if bits & ENGLISH or low in IDENTIFIED:
        features += ("word=" + low, f"cased={shape}{low}")
        key = low
    else:
        key = form
    kind = _kind(shape, low, bits, held)
    return Piece(
        kind,
        _mark(held),
        hashed(form),
        hashed(key),
        _role(word, low, held, plain_word=shape == "l" and bool(bits & ENGLISH)),
        tuple(features),
    )


def _role(word: str, low: str, held: list[str], *, plain_word: bool) -> str:
    if low in told.NATIONS and not plain_word:
        return "a"
    if "ho" in held:
        return "b" if low in told.JOBS else "h"
    return "j" if low in told.JOBS else "m" if "mo" in held and is_month(word) else "."


def _mark(held: list[str]) -> str:
    for name, mark in (("st", "W"), ("se", "W"), ("un", "U"), ("oe", "O"), ("ho", "H")):
        if name in held:
            return mark
    return "."


def _kind(shape: str, low: str, bits: int, held: list[str]) -> str:
    """Return the kind of a word of *shape* with these *bits*, which is *held* by those lists."""
    if shape in "TMi":
        if bits & ENGLISH:
            return STRONG if bits & (GIVEN | PLACE | COUNTRY) or "ho" in held else PLAIN
        return PLAIN if shape == "i" or low in told.PARTICLES else STRONG
    if shape == "U":
        return STRONG if bits & NAMES | bits & (PLACE | COUNTRY) and not bits & ENGLISH else PLAIN
    if shape == "m":
        return UNKNOWN
    if low in told.PARTICLES:
        return JOINT
    if "mo" in held:
        return NUMBER
    if held and held[0] not in ("re", "sa"):
        return KNOWN
    if bits & (NAMES | FAMOUS | COUNTRY) and not bits & ENGLISH and len(low) > 2:  # noqa: PLR2004
        return LOW
    return BREAK if bits and not bits & NAMES else UNKNOWN
