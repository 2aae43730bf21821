"""Text to the texts hidden in it, one level deep: base64, hexadecimal, binary, escapes.

`hidden` says also where they are, for detectors of entities; `islands` reads prose only, for those
of injections.
"""

from __future__ import annotations

import base64
import html
import re
from collections.abc import Callable, Iterator, Sequence
from itertools import chain
from urllib.parse import unquote

from engine.content.normalize import characters
from engine.content.regex import Regex, any_of, compiled, spans

MIN_READABLE = 0.6
MOST_ISLANDS = 4096
MOST_SAID = 1_048_576
"""So many islands, and characters said by them, are read in one text."""
FEWEST = 3
"""So many bytes in percent-encoding stand near each other, or it is none."""
TOLERATED = 16
"""One character in so many may be one that is not shown: random bytes have far more."""
MOST = 80
"""No beginning in `BEGINNINGS` but the first, nor what `views` calls rare, needs so many bytes."""
WIDE = 16
"""Bytes of UTF-16 from which on it is told from others."""
FOREIGN = 8
"""Broken UTF-8 is text only if fewer than one byte in so many is none of ASCII's that show."""

_base64 = compiled(r"[A-Za-z0-9+/]{16,}={0,2}")
_hex = compiled(r"\b(?:[0-9a-fA-F]{2}[ :]?){12,}|(?:\\x[0-9a-fA-F]{2}){8,}")
_binary = compiled(r"(?:[01]{8}[ ,]?){8,}")
BEGINNINGS = (
    r"[A-Za-z0-9+/]{16}",
    r"\b(?:[0-9a-fA-F]{2}[ :]?){12}",
    r"(?:\\x[0-9a-fA-F]{2}){8}",
    r"(?:[01]{8}[ ,]?){8}",
)
"""What every island of `islands` begins with, those of base64 first."""
_any = any_of(BEGINNINGS)
_others = any_of(BEGINNINGS[1:])
"""One pass for the texts without any; and, around base64, whether something else is there, too."""
_percent = compiled(r"(?:%[0-9A-Fa-f]{2}.{0,40}){2}%[0-9A-Fa-f]{2}")

LONG = r"[A-Za-z0-9+/]{16}"
PAIRS = r"\b(?:[0-9a-fA-F]{2}[ :]?){10}"
BITS = r"(?:[01]{8}[ ,]?){8}"
"""What base64, hexadecimal and bits, that `hidden` reads, begin with or hold."""
_wrapped = compiled(
    r"(?:[A-Za-z0-9+/_\-]{60,}\r?\n)+[A-Za-z0-9+/_\-]{2,}={0,2}|[A-Za-z0-9+/_\-]{16,}={0,2}"
)
_pairs = compiled(
    # In one piece, pair by pair, in groups: what follows an island may look like more of it.
    r"\b(?:(?:[0-9a-fA-F]{2}){10,}|[0-9a-fA-F]{2}(?:[ :][0-9a-fA-F]{2}){9,}"
    r"|(?:[0-9a-fA-F]{2}[ :]?){9,}[0-9a-fA-F]{2})"
)
_bits = compiled(r"(?:[01]{8}[ ,]?){7,}[01]{8}")
_part = re.compile(rb"[A-Za-z0-9+]{16,}={0,2}")
_unshown = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ue000-\uf8ff\ufffd]")
BAD = "\ufffd"
"""What stands for bytes that are no UTF-8."""
SPACE = ord(" ")
ASCII_SHOWN = bytes((9, 10, 13, *range(32, 127)))

Place = tuple[int, int, str]
"""Begin, end, and what is said there."""


def hidden(
    text: str,
    data: bytes,
    firsts: Sequence[int] = (0, 0, 0),
    pairs: Sequence[tuple[int, int]] = (),
) -> list[Place]:
    """Return where *text* (in UTF-8: *data*) hides another text in base64, hex or bits, and which.

    *firsts* are, for as many of these three as may be there, bytes before which `LONG`, `PAIRS` and
    `BITS` do not begin; *pairs* are all places of hex, where they are known. What is binary is no
    text: nearly all of it must be characters that are shown.
    """
    found: list[Place] = []
    room = MOST_SAID
    for one in chain(_read(data, firsts), _read_pairs(data, pairs)):
        room -= len(one[2])
        if room < 0 or len(found) == MOST_ISLANDS:
            break
        found.append(one)
    if found and len(data) != len(text):
        known = characters(data, {at for one in found for at in one[:2]})
        found = [(known[start], known[end], said) for start, end, said in found]
    return sorted(found)


def _read(data: bytes, firsts: Sequence[int]) -> Iterator[Place]:
    for (pattern, decode), first in zip(READERS, firsts, strict=False):
        # What is read as base64 may begin with signs that are in no `LONG`.
        begin = first if pattern is not _wrapped else len(data[:first].rstrip(URL_SAFE_SIGNS))
        for start, end in spans(pattern, data, begin):
            for begin, stop, said in decode(data[start:end]):
                yield start + begin, start + stop, said


def _read_pairs(data: bytes, places: Sequence[tuple[int, int]]) -> Iterator[Place]:
    for start, end in places:
        for _, _, said in _said_in_hex(data[start:end]):
            yield start, end, said


def find_pairs(data: bytes, place: int) -> tuple[int, int]:
    """Return where the first hex in ``data[place:]`` is; -1, -1 for none."""
    return _pairs.find(data, place, len(data))[0]


def _said_in_base64(island: bytes) -> list[Place]:
    """Return what *island* says, else what its parts do: a path or name may be glued to base64."""
    said = _shown(_unwrapped(island))
    if said is not None:
        return [(0, len(island), said)]
    found: list[Place] = []
    for part in _part.finditer(island):
        if part.end() - part.start() < len(island):
            said = _shown(_unwrapped(part.group()))
            if said is not None:
                found.append((part.start(), part.end(), said))
    return found


def _said_in_hex(island: bytes) -> list[Place]:
    said = _shown(bytes.fromhex(island.translate(None, b" :").decode()))
    return [] if said is None else [(0, len(island), said)]


def _said_in_bits(island: bytes) -> list[Place]:
    said = _shown(_from_bits(island.translate(None, b" ,").decode()))
    return [] if said is None else [(0, len(island), said)]


def _unwrapped(island: bytes) -> bytes:
    """Return the bytes of *island* in either alphabet of base64, with line ends or without."""
    bare = island.translate(URL_SAFE, b"\r\n=")
    bare = bare[: len(bare) - (len(bare) % 4 == 1)]
    return base64.b64decode(bare + b"=" * (-len(bare) % 4))


Reader = tuple[Regex, Callable[[bytes], list[Place]]]
READERS: Sequence[Reader] = (
    (_wrapped, _said_in_base64),
    (_pairs, _said_in_hex),
    (_bits, _said_in_bits),
)
URL_SAFE = bytes.maketrans(b"-_", b"+/")
URL_SAFE_SIGNS = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/-_"


def _shown(data: bytes) -> str | None:
    """Return *data* as text if it is text, else None."""
    if len(data) >= WIDE and not data[1::2].strip(b"\0"):
        # UTF-16, as PowerShell takes encoded commands: every other byte of ASCII is 0.
        data = data[::2]
    foreign = len(data.translate(None, ASCII_SHOWN))
    if not foreign:
        return data.decode()
    # Hot path: most of what looks like base64 is none, and an error takes its time.
    text = data.decode("utf-8", "replace")
    if foreign * FOREIGN > len(data) and text.count(BAD) > data.count(BAD.encode()):
        return None
    return text if len(_unshown.findall(text)) * TOLERATED <= len(text) else None


def islands(text: str, first: int = 0) -> Iterator[str]:
    """Yield what encoded stretches of *text* say, those that turn into readable text.

    None begins before the byte *first*.
    """
    data = text.encode("utf-8", "replace")
    size = len(data)
    found: list[tuple[int, int]] = []
    place = first
    # Hot path: most texts with any have long names, which look like base64, and nothing else.
    while (start := _any.find(data, place, size)[0][0]) >= 0:
        begin, place = _base64.find(data, start, size)[0]
        if begin != start or _others.find(data, start, min(size, place + MOST))[0][0] >= 0:
            yield from _said(data, found[0][0] if found else start)
            return
        found.append((start, place))
    for start, end in found:
        decoded = _from_base64(data[start:end].decode())
        if decoded is not None:
            yield decoded


def _said(data: bytes, first: int) -> Iterator[str]:
    """Yield what islands of all kinds say, of which none begins before the byte *first*."""
    for pattern, decode in ISLANDS:
        for start, end in spans(pattern, data, first):
            decoded = decode(data[start:end].decode())
            if decoded is not None:
                yield decoded


def unescaped(text: str) -> str:
    """Return *text* without percent-encoding and HTML entities, where it has a few of them."""
    if "%" not in text and "&" not in text:  # Hot path: asking for one is faster than counting.
        return text
    if text.count("%") >= FEWEST and _percent.within(text.encode("utf-8", "replace")):
        text = unquote(text, errors="replace")
    return html.unescape(text) if "&" in text else text


def _from_base64(island: str) -> str | None:
    return _readable(_unwrapped(island.encode()))


def _from_hex(island: str) -> str | None:
    return _readable(bytes.fromhex(re.sub(r"\\x|[ :]", "", island)))


def _from_binary(island: str) -> str | None:
    return _readable(_from_bits(re.sub(r"[ ,]", "", island)))


ISLANDS = ((_base64, _from_base64), (_hex, _from_hex), (_binary, _from_binary))


def _from_bits(bits: str) -> bytes:
    return bytes(int(bits[at : at + 8], 2) for at in range(0, len(bits) - 7, 8))


def _readable(data: bytes) -> str | None:
    """Return *data* as text when it is text, with letters, else None."""
    if SPACE not in data:  # Hot path: nor have most long names, and an error takes its time.
        return None
    try:
        text = data.decode()
    except UnicodeDecodeError:
        return None
    letters = sum(char.isalpha() or char == " " for char in text)
    return text if text.isprintable() and letters >= MIN_READABLE * len(text) else None
