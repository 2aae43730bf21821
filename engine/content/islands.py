"""Text to the texts hidden in it, one level deep: base64, hexadecimal, binary, escapes."""

from __future__ import annotations

import base64
import html
import re
from collections.abc import Iterator
from urllib.parse import unquote

from engine.content.regex import any_of, compiled, spans

MIN_READABLE = 0.6

_base64 = compiled(r"[A-Za-z0-9+/]{16,}={0,2}")
_hex = compiled(r"\b(?:[0-9a-fA-F]{2}[ :]?){12,}|(?:\\x[0-9a-fA-F]{2}){8,}")
_binary = compiled(r"(?:[01]{8}[ ,]?){8,}")
_any = any_of(
    (
        r"[A-Za-z0-9+/]{16}",
        r"\b(?:[0-9a-fA-F]{2}[ :]?){12}",
        r"(?:\\x[0-9a-fA-F]{2}){8}",
        r"(?:[01]{8}[ ,]?){8}",
    )
)
"""What every island begins with: one pass for the texts without any."""
_percent = re.compile(r"(?:%[0-9A-Fa-f]{2}.{0,40}?){3}")


def islands(text: str) -> Iterator[str]:
    """Yield what encoded stretches of *text* say, those that turn into readable text."""
    data = text.encode("utf-8", "replace")
    if not _any.within(data):
        return
    for pattern, decode in ((_base64, _from_base64), (_hex, _from_hex), (_binary, _from_binary)):
        for start, end in spans(pattern, data):
            decoded = decode(data[start:end].decode())
            if decoded is not None:
                yield decoded


def unescaped(text: str) -> str:
    """Return *text* without percent-encoding and HTML entities, where it has a few of them."""
    if "%" in text and _percent.search(text):
        text = unquote(text, errors="replace")
    return html.unescape(text) if "&" in text else text


def _from_base64(island: str) -> str | None:
    bare = island.rstrip("=")
    bare = bare[: len(bare) - (len(bare) % 4 == 1)]
    return _readable(base64.b64decode(bare + "=" * (-len(bare) % 4)))


def _from_hex(island: str) -> str | None:
    return _readable(bytes.fromhex(re.sub(r"\\x|[ :]", "", island)))


def _from_binary(island: str) -> str | None:
    bits = re.sub(r"[ ,]", "", island)
    return _readable(bytes(int(bits[at : at + 8], 2) for at in range(0, len(bits) - 7, 8)))


def _readable(data: bytes) -> str | None:
    """Return *data* as text when it is text, with letters, else None."""
    try:
        text = data.decode()
    except UnicodeDecodeError:
        return None
    letters = sum(char.isalpha() or char == " " for char in text)
    return (
        text if " " in text and text.isprintable() and letters >= MIN_READABLE * len(text) else None
    )
