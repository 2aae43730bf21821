"""The plain way to read a text in its other forms: character by character, without triggers first.

The companion of `tests.content.plain` for the views of a text: the patterns are written anew, for
Python's `re`, and each character of a reading has its own place.
"""

from __future__ import annotations

import base64
import codecs
import html
import re
from collections.abc import Iterator

from engine.content.lookalikes import PAIRS
from engine.content.validate import card

Places = tuple[tuple[int, int], ...]
Reading = tuple[str, Places]
"""A text, and the place in the original of each of its characters."""

LETTERS = {alike: letter for letter, many in PAIRS.items() for alike in many}
SPACE = r"[\t\n\f\r ]"
SHOWN = r"[^\t\n\f\r ]"
OPENING = r"(?:^|[\t\n\f\r \"'(\[:,])"
SPELLED = r"[^\x00-@\[-`{-\x7f](?: {1,3}[^\x00-/:-?\[-`{-\x7f]){4}"
DOTTED = (
    r"(?:^|[^0-9A-Za-z._*-])"
    r"([A-Za-z](?:\.[A-Za-z]){4,}|[A-Za-z](?:-[A-Za-z]){4,}|[A-Za-z](?:_[A-Za-z]){4,}|[A-Za-z](?:\*[A-Za-z]){4,})"
    r"(?=[^0-9A-Za-z]|$)"
)
UNSHOWN = r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ue000-\uf8ff\ufffd]"


def plain_readings(text: str) -> list[Reading]:
    """Return the other readings of *text*, which is folded."""
    seen = text.encode("utf-8", "replace").decode()
    same = tuple((place, place + 1) for place in range(len(text)))
    readings: list[Reading] = []
    shown = "".join(LETTERS.get(char, char) for char in text)
    given_away = {
        place
        for run in re.finditer("[!-~]+", shown)
        if any(
            run.start() <= word.start() < run.end() and _disguised(word.group())
            for word in re.finditer(r"[^\W_]+|(?<=[A-Za-z0-9])\u3002(?=[A-Za-z0-9])", seen)
        )
        for place in range(*run.span())
    }
    if given_away:
        said = (shown[at] if at in given_away else char for at, char in enumerate(text))
        readings.append(("".join(said), same))
    escapes = dict(_escapes(seen))
    if escapes:
        readings.append(_replaced(text, escapes))
    if (
        re.search(f"{OPENING}{SPELLED}(?:{SPACE}|$)", seen)
        or re.search(rf"{OPENING}[0-9](?: {{1,3}}[0-9.-]){{6}}(?:{SPACE}|$)", seen)
        or re.search(DOTTED, seen)
    ):
        signs = (
            run.start(1) + at
            for run in re.finditer(DOTTED, seen)
            for at in range(1, len(run[1]), 2)
        )
        readings.append(_replaced(text, dict(_gaps(seen)) | {at: (at + 1, "") for at in signs}))
    islands = sorted(_islands(seen))
    if islands:
        pieces = [("\n" * 64 + said, (start, end)) for start, end, said in islands]
        readings.append(
            (
                "".join(piece for piece, _ in pieces),
                tuple(place for piece, place in pieces for _ in piece),
            )
        )
    if re.search(
        r"(?i:ebg-?13|rot-?13|cnffjbeq|cnffcuenfr|frperg|ncv[_\- ]?xrl|npprff[_\- ]?xrl|gbxra)"
        r"|NXVN[A-Z2-7]|tuc_[0-9A-Za-z]|-----ORTVA",
        seen,
    ):
        readings.append((codecs.encode(text, "rot13"), same))
    return readings


def _mixed(word: str) -> bool:
    shown = "".join(LETTERS.get(char, char) for char in word)
    return shown != word and shown.isascii() and any(map(str.isascii, word))


def _disguised(word: str) -> bool:
    return word[-1] == "\u3002" or _mixed(word)


def _replaced(text: str, replaced: dict[int, tuple[int, str]]) -> Reading:
    out: list[str] = []
    places: list[tuple[int, int]] = []
    place = 0
    while place < len(text):
        end, chars = replaced.get(place, (place + 1, text[place]))
        out.append(chars)
        places += [(place, end)] * len(chars)
        place = end
    return "".join(out), tuple(places)


def _escapes(seen: str) -> Iterator[tuple[int, tuple[int, str]]]:
    """Yield where an escape begins, where it ends, and what it stands for."""
    place = 0
    while place < len(seen):
        end, chars = _escape(seen, place)
        if end > place:
            yield place, (end, chars)
        place = max(end, place + 1)


def _escape(seen: str, place: int) -> tuple[int, str]:
    rest = seen[place:]
    if found := re.match(
        r"&(?:#\d{1,7};?|#[xX][\da-fA-F]{1,6};?|[A-Za-z][A-Za-z\d]{1,30};)", rest, re.ASCII
    ):
        return place + found.end(), html.unescape(found.group())
    if found := re.match(r"\\u([\da-fA-F]{4})(?:\\u([\da-fA-F]{4}))?", rest, re.ASCII):
        unit, second = (int(one or "0", 16) for one in found.groups())
        if 0xD800 <= unit < 0xDC00 <= second < 0xE000:
            return place + 12, chr(0x10000 + (unit - 0xD800) * 0x400 + second - 0xDC00)
        return place + 6, "\ufffd" if 0xD800 <= unit < 0xE000 else chr(unit)
    for pattern, width in ((r"%([\da-fA-F]{2})", 3), (r"\\x([\da-fA-F]{2})", 4)):
        for count in range(1, 5):
            found = re.match(f"(?:{pattern}){{{count}}}", rest, re.ASCII)
            if found is None:
                break
            digits = re.findall(pattern, found.group(), re.ASCII)
            try:
                return place + count * width, bytes.fromhex("".join(digits)).decode()
            except UnicodeDecodeError:
                continue
        if re.match(pattern, rest, re.ASCII):
            return place + 1, seen[place]
    return place, ""


def _gaps(seen: str) -> Iterator[tuple[int, tuple[int, str]]]:
    for run in re.finditer(rf"{OPENING}({SHOWN}(?: {{1,3}}{SHOWN}){{4,}})(?={SPACE}|$)", seen):
        bare = run.group(1).replace(" ", "")
        numeric = set(bare) <= set("0123456789.-") and (not bare.isdigit() or card(bare))
        if not numeric and not re.search(SPELLED, run.group(1)):
            continue
        for gap in re.finditer(" +", run.group(1)):
            end = run.start(1) + gap.end()
            yield run.start(1) + gap.start(), (end, " " if len(gap.group()) > 1 else "")


def _islands(seen: str) -> Iterator[tuple[int, int, str]]:
    """Yield where base64, hex and bits hide a text, and which."""
    for found in re.finditer(
        r"(?:[A-Za-z0-9+/_-]{60,}\r?\n)+[A-Za-z0-9+/_-]{2,}={0,2}|[A-Za-z0-9+/_-]{16,}={0,2}", seen
    ):
        parts = list(re.finditer(r"[A-Za-z0-9+]{16,}={0,2}", found.group()))
        said = _base64(found.group())
        if said is not None:
            yield *found.span(), said
            continue
        for part in parts:
            said = _base64(part.group())
            if said is not None:
                yield found.start() + part.start(), found.start() + part.end(), said
    pair = r"[\da-fA-F]{2}"
    for found in re.finditer(
        rf"\b(?:(?:{pair}){{10,}}|{pair}(?:[ :]{pair}){{9,}}|(?:{pair}[ :]?){{9,}}{pair})",
        seen,
        re.ASCII,
    ):
        said = _text(bytes.fromhex(re.sub("[ :]", "", found.group())))
        if said is not None:
            yield *found.span(), said
    for found in re.finditer(r"(?:[01]{8}[ ,]?){7,}[01]{8}", seen):
        bits = re.findall("[01]{8}", re.sub("[ ,]", "", found.group()))
        said = _text(bytes(int(one, 2) for one in bits))
        if said is not None:
            yield *found.span(), said


def _base64(island: str) -> str | None:
    bare = re.sub(r"[=\r\n]", "", island).replace("-", "+").replace("_", "/")
    if len(bare) % 4 == 1:
        bare = bare[:-1]
    return _text(base64.b64decode(bare + "=" * (-len(bare) % 4)))


def _text(data: bytes) -> str | None:
    if len(data) >= 16 and set(data[1::2]) == {0}:
        data = data[::2]
    foreign = sum(not (32 <= byte < 127 or byte in b"\t\n\r") for byte in data)
    text = data.decode("utf-8", "replace")
    if "\ufffd" in text and text.encode() != data and foreign * 8 > len(data):
        return None
    return text if len(re.findall(UNSHOWN, text)) * 16 <= len(text) else None
