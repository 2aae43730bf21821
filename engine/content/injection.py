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
from dataclasses import dataclass
from functools import cache
from typing import NamedTuple

import re2
from ahocorasick_rs import BytesAhoCorasick, Implementation

from engine.content.findings import Injection
from engine.content.islands import islands, unescaped
from engine.content.normalize import fold
from engine.content.phrases import COMPACT, PHRASES, Phrase
from engine.content.regex import Regex, any_of, compiled, either, spans
from engine.content.sample import ATTACK, SAMPLE

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
SIGNS = b"013457@$!|"
NOTHING: tuple[float, frozenset[str]] = (0.0, frozenset())

SPACES = bytes.maketrans(b"\t\n\v\f\r\x1c\x1d\x1e\x1f", b" " * 9)
"""What `str.split` takes for a space."""

_foreign = re.compile(r"[^\x00-\x7f]+")
_word = re.compile(r"\S+")
_latin = re.compile(r"[a-z]")
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
    score, signals = _strongest(find_hits(simple, embedded=embedded))
    said = "\n".join(islands(shown))
    hidden, inside = _strongest(find_hits(plain(said), embedded=True)) if said else NOTHING
    if hidden >= HALF:
        score, signals = max(score, HIDDEN), signals | inside | {"encoded"}
    views = [_strongest(find_hits(view, embedded=embedded)) for view in disguises(simple, shown)]
    inside = frozenset[str]().union(*(found for inner, found in views if inner >= HALF))
    if inside or _disguised(simple):
        score, signals = max(score, HIDDEN), signals | inside | {"obfuscated"}
    return Injection(round(score, 4), tuple(sorted(signals)))


def prepare_injection() -> None:
    """Build and warm up what `score_injection` needs, so that no request pays for it."""
    for text in (SAMPLE, SAMPLE.encode("ascii", "ignore").decode()):
        score_injection(text, "user")
    data = plain(SAMPLE + ATTACK).encode()
    for pattern in (*(one for _, one in _phrasebook().patterns), _opened, _closed, _about):
        for _ in spans(pattern, data):
            pass


def plain(text: str) -> str:
    """Return *text* as phrases are written: lower case, no accents, look-alikes or wide gaps."""
    if text.isascii():
        return _spaced(text.encode().lower().translate(SPACES)).strip(b" ").decode()
    text = unicodedata.normalize("NFD", fold(text).text)
    text = _foreign.sub(_unaccented, text).casefold()
    text = _word.sub(_familiar, text)
    return " ".join(text.lower().split())


def _spaced(data: bytes) -> bytes:
    """Return *data* with one space for several; in fewer steps than splitting and joining."""
    while b"  " in data:
        data = data.replace(b"  ", b" ")
    return data


def _unaccented(run: re.Match[str]) -> str:
    return "".join(char for char in run.group() if not unicodedata.combining(char))


def _familiar(word: re.Match[str]) -> str:
    """Return a word of Latin letters and their look-alikes in Latin letters."""
    found = word.group()
    return found.translate(LOOKALIKES) if _latin.search(found) else found


def disguises(simple: str, shown: str) -> Iterator[str]:
    """Yield plain forms of a text that is spaced out (``i g n o r e  a l l``) or in leetspeak."""
    joined = simple
    if simple.count(" ") * 3 > len(simple):  # words of two letters and a space on the average
        joined = " ".join(plain(word.replace(" ", "")) for word in _wide.split(shown))
        yield joined
    # Counting is cheap; words are looked at one by one only where it makes one suspect.
    data = joined.encode("utf-8", "replace")
    if len(data) - len(data.translate(None, SIGNS)) > FEW_SIGNS * len(joined):
        words = joined.split(" ")
        if sum(_leet.search(word) is not None for word in words) > LEET_SHARE * len(words):
            yield joined.translate(LEET)


def find_hits(text: str, *, embedded: bool) -> list[Hit]:
    """Return the phrases in *text*, which is plain, in order of place."""
    data = text.encode("utf-8", "replace")
    book = _phrasebook()
    if not book.hint.within(data):
        return []
    keywords = {one[0] for one in book.gate.find_matches_as_indexes(data, overlapping=True)}
    hits: list[Hit] = []
    for number in sorted({number for keyword in keywords for number in book.gated[keyword]}):
        phrase, pattern = book.patterns[number]
        weight = phrase.embedded if embedded else phrase.direct
        for start, end in spans(pattern, data):
            talk = not phrase.marked and talked_about(data, start, end)
            hits.append(Hit(start, number, phrase.signal, weight * (QUOTED if talk else 1)))
    hits.sort()
    return hits


def talked_about(data: bytes, start: int, end: int) -> bool:
    """Return whether ``data[start:end]`` is quoted in a sentence about such phrases."""
    before = data[max(0, start - SPOKEN_ABOUT) : start].decode("utf-8", "ignore")
    after = data[end : end + SPOKEN_ABOUT].decode("utf-8", "ignore")
    found = data[start:end].decode()
    return (
        _opened.within((before + found).encode())
        and _closed.within(after.encode())
        and _about.within((before + " " + after).encode())
    )


def _strongest(hits: list[Hit]) -> tuple[float, frozenset[str]]:
    """Return the score of the strongest window and its signals. *hits* are in order of place."""
    best, named = NOTHING
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
    phrases, gate, hint = _compact()
    places: list[int] = []
    form = data.translate(ALIKE, NO_LETTERS)
    if not hint.within(form):
        return False
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


@dataclass(frozen=True, slots=True)
class Phrasebook:
    """Keyword ``i`` of *gate* is needed by ``gated[i]``; without *hint* nothing can match."""

    hint: Regex
    gate: BytesAhoCorasick
    gated: tuple[tuple[int, ...], ...]
    patterns: tuple[tuple[Phrase, Regex], ...]


@cache
def _phrasebook() -> Phrasebook:
    keyed: dict[str, list[int]] = {}
    for number, phrase in enumerate(PHRASES):
        for keyword in phrase.keywords:
            keyed.setdefault(keyword, []).append(number)
    return Phrasebook(
        any_of(phrase.hint or either(phrase.keywords) for phrase in PHRASES),
        BytesAhoCorasick(
            [keyword.encode() for keyword in keyed], implementation=Implementation.DFA
        ),
        tuple(map(tuple, keyed.values())),
        tuple((phrase, compiled(phrase.regex)) for phrase in PHRASES),
    )


@cache
def _compact() -> tuple[tuple[str, ...], BytesAhoCorasick, Regex]:
    phrases = (*COMPACT, *(codecs.encode(phrase, "rot13") for phrase in COMPACT))
    forms = [phrase.encode().translate(ALIKE) for phrase in phrases]
    return phrases, BytesAhoCorasick(forms), any_of(re2.escape(form.decode()) for form in forms)
