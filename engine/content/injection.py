"""Text and role to an injection score: how likely it tries to take over the model.

1. The text is brought to a plain form: Unicode folded, look-alike letters of other scripts
   replaced, accents and case dropped, escapes undone. Readable base64, hexadecimal and binary
   islands, and the form without any spaces or leetspeak, are looked at as well.
2. Families of phrases are searched for; one Aho-Corasick pass says which patterns can match at all.
3. The different phrases within `WINDOW` characters are combined as ``1 - (1 - a)(1 - b)...``. The
   highest window is the score: padding cannot dilute it, and single weak phrases, far apart in a
   long text, do not add up.

An instruction inside a document or tool result weighs more than in the user's own words. A phrase
in quotation marks, in a sentence that talks about it ("detects", "example", ...), weighs a tenth.
"""

from __future__ import annotations

import codecs
import re
import unicodedata
from collections.abc import Iterator
from functools import cache
from typing import NamedTuple

from ahocorasick_rs import BytesAhoCorasick

from engine.content.findings import Injection
from engine.content.islands import islands, unescaped
from engine.content.normalize import fold
from engine.content.phrases import COMPACT, PHRASES, Phrase
from engine.content.regex import Regex, compiled, spans

WINDOW = 700
QUOTED = 0.1
LEET_SHARE = 0.25
FEW_SIGNS = 0.05
SPOKEN_ABOUT = 120
HIDDEN = 0.9
HALF = 0.5
MAX_PIECE = 4
"""Every compact phrase has a longer word: pieces this short were cut up."""
EMBEDDED = frozenset({"document", "tool_result", "tool_description", "tool"})
"""Roles of text that nobody wrote to the model: it has no business giving instructions."""

LOOKALIKES = str.maketrans(
    "аеорсухіјѕԁһԛԝвкмнтгпоɑαβγεικνορτυχωϲѡℓıłøđħŧ",
    "aeopcyxijsdhqwbkmhtrnoaabyeiknoptuxwcwlilodht",
)
LEET = str.maketrans("013457@$!|", "oieastasii")
ALIKE = bytes.maketrans(b"013457@$!|l", b"oieastasiii")
"""The same, and no difference between what ``1`` may stand for."""
NO_LETTERS = bytes(set(range(256)) - set(b"abcdefghijklmnopqrstuvwxyz0123456789@$!|"))
GAPS = bytes.maketrans(NO_LETTERS, b" " * len(NO_LETTERS))
SIGNS = "013457@$!|"

_mixed = re.compile(r"\S*[a-z]\S*")
_wide = re.compile(r"\s{2,}")
_leet = re.compile(r"[a-z][0-9@$!|]+[a-z]|[0-9@$!|][a-z]+[0-9@$!|]")
_opened = compiled(
    r"(?:^|[ (\[=:,;#>])[\"'`\x{2018}\x{201c}\x{ab}](?:[^\"'`\x{2019}\x{201d}\x{bb}]|\pL'\pL)*$"
)
_closed = compiled(
    r"^(?:[^\"'`\x{2018}\x{201c}\x{ab}]|\pL'\pL)*[\"'`\x{2019}\x{201d}\x{bb}](?:[^\pL\pN]|$)"
)
_about = compiled(
    r"\b(?:example|quot(?:e|es|ed|ing)|phrase|phrases|detect\w*|classif\w*|pattern|rule"
    r"|training|trainer|guide|guidance|material|policy|describes?|explains?|documentation"
    r"|docs|article|report|unsafe|malicious|attack|attacks|literal|string|test|testing"
    r"|fixture|blocked|flag(?:s|ged)?|review|annotate|slides?|learners?|students?"
    r"|awareness|lists?|compare|prompts? like|paper|benchmark|changelog|such as|warns?"
    r"|says|called|titled|means?|translat\w*|owasp|ncsc|analysts?|const|let|assert)\b"
)


class Hit(NamedTuple):
    """A *phrase* (its number) of family *signal* at *place* of the plain text, with its weight."""

    place: int
    phrase: int
    signal: str
    weight: float


def score_injection(text: str, role: str) -> Injection:
    """Return how likely *text* is an injection, and the signals that say so.

    *role* is a message's role (``user`` …) or a stage (``document``, ``tool_result`` …).
    """
    embedded = role in EMBEDDED
    shown = unescaped(text)
    simple = plain(shown)
    score, signals = _strongest(_hits(simple, embedded=embedded))
    hidden, inside = _strongest(_hits(plain("\n".join(islands(shown))), embedded=True))
    if hidden >= HALF:
        score, signals = max(score, HIDDEN), signals | inside | {"encoded"}
    views = [_strongest(_hits(view, embedded=embedded)) for view in disguises(simple, shown)]
    inside = frozenset[str]().union(*(found for inner, found in views if inner >= HALF))
    if inside or _disguised(simple):
        score, signals = max(score, HIDDEN), signals | inside | {"obfuscated"}
    return Injection(round(score, 4), tuple(sorted(signals)))


def plain(text: str) -> str:
    """Return *text* as phrases are written: lower case, no accents, look-alikes or wide gaps."""
    if not text.isascii():
        text = unicodedata.normalize("NFD", fold(text).text)
        text = "".join(char for char in text if not unicodedata.combining(char)).casefold()
        text = _mixed.sub(lambda word: word.group().translate(LOOKALIKES), text)
    return " ".join(text.lower().split())


def disguises(simple: str, shown: str) -> Iterator[str]:
    """Yield plain forms of a text that is spaced out (``i g n o r e  a l l``) or in leetspeak."""
    joined = simple
    if simple.count(" ") * 3 > len(simple):  # words of two letters and a space on the average
        joined = " ".join(plain(word.replace(" ", "")) for word in _wide.split(shown))
        yield joined
    # Counting is cheap; words are looked at one by one only where it makes one suspect.
    if sum(map(joined.count, SIGNS)) > FEW_SIGNS * len(joined):
        words = joined.split(" ")
        if sum(_leet.search(word) is not None for word in words) > LEET_SHARE * len(words):
            yield joined.translate(LEET)


def _hits(text: str, *, embedded: bool) -> list[Hit]:
    data = text.encode("utf-8", "replace")
    gate, patterns = _phrasebook()
    wanted: set[int] = set()
    for keyword, _, _ in gate[0].find_matches_as_indexes(data, overlapping=True):
        wanted.update(gate[1][keyword])
    hits: list[Hit] = []
    for number in sorted(wanted):
        phrase, pattern = patterns[number]
        weight = phrase.embedded if embedded else phrase.direct
        for start, end in spans(pattern, data):
            talk = not phrase.marked and _talked_about(data, start, end)
            hits.append(Hit(start, number, phrase.signal, weight * (QUOTED if talk else 1)))
    hits.sort()
    return hits


def _talked_about(data: bytes, start: int, end: int) -> bool:
    """Return whether ``data[start:end]`` is quoted in a sentence about such phrases."""
    before = data[max(0, start - SPOKEN_ABOUT) : start].decode("utf-8", "ignore")
    after = data[end : end + SPOKEN_ABOUT].decode("utf-8", "ignore")
    found = data[start:end].decode()
    return (
        _opened.search((before + found).encode()) is not None
        and _closed.search(after.encode()) is not None
        and _about.search((before + " " + after).encode()) is not None
    )


def _strongest(hits: list[Hit]) -> tuple[float, frozenset[str]]:
    """Return the score of the strongest window and its signals. *hits* are in order of place."""
    best, named = 0.0, frozenset[str]()
    first = 0
    for last, hit in enumerate(hits, 1):
        while hit.place - hits[first].place > WINDOW:
            first += 1
        strongest: dict[int, float] = {}
        for one in hits[first:last]:
            strongest[one.phrase] = max(strongest.get(one.phrase, 0.0), one.weight)
        rest = 1.0
        for weight in strongest.values():
            rest *= 1 - weight
        if 1 - rest > best:
            best, named = 1 - rest, frozenset(one.signal for one in hits[first:last])
    return best, named


def _disguised(simple: str) -> bool:
    """Return whether a phrase shows only once spaces, dots and leetspeak are gone, or in ROT13."""
    data = simple.encode("utf-8", "replace")
    phrases, gate = _compact()
    places: list[int] = []
    form = data.translate(ALIKE, NO_LETTERS)
    for number, start, end in gate.find_matches_as_indexes(form):
        places = places or [at for at, byte in enumerate(data) if byte not in NO_LETTERS]
        words = data[places[start] : places[end - 1] + 1].translate(GAPS).split()
        if (
            number >= len(COMPACT)
            or b"".join(words) != phrases[number].encode()
            or max(map(len, words)) <= MAX_PIECE
        ):
            return True
    return False


@cache
def _phrasebook() -> tuple[
    tuple[BytesAhoCorasick, tuple[tuple[int, ...], ...]], tuple[tuple[Phrase, Regex], ...]
]:
    keyed: dict[str, list[int]] = {}
    for number, phrase in enumerate(PHRASES):
        for keyword in phrase.keywords:
            keyed.setdefault(keyword, []).append(number)
    gate = BytesAhoCorasick([keyword.encode() for keyword in keyed])
    patterns = tuple((phrase, compiled(phrase.regex)) for phrase in PHRASES)
    return (gate, tuple(map(tuple, keyed.values()))), patterns


@cache
def _compact() -> tuple[tuple[str, ...], BytesAhoCorasick]:
    phrases = (*COMPACT, *(codecs.encode(phrase, "rot13") for phrase in COMPACT))
    return phrases, BytesAhoCorasick([phrase.encode().translate(ALIKE) for phrase in phrases])
