r"""Placeholders that can be turned back: their names, their sealed values, and how texts say them.

`redact` with the strategy ``token`` puts ``[EMAIL_7f3a2c1b]`` where an address was. The digits are
a keyed hash of tenant, session, entity and value: the same value has the same placeholder in the
whole session, on every node, without a counter that nodes would have to share.

What stands behind a placeholder is sealed (AES-SIV, RFC 5297, under a key of its own) and bound to
tenant, session and digits, so that a value that is moved to another place opens nowhere.

Models repeat placeholders with small changes: ``Email 7F3A2C1B``, ``[email_7f3a2c1b]``,
``\[EMAIL\_7f3a2c1b\]``. `find_digits` finds the digits however they are written, and `restore`
takes the word before them and the brackets around both along.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import NamedTuple

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.hmac import HMAC

from engine.content.regex import compiled, spans

DIGITS = 8
"""Of 32 bits: among 1,000 values of one session two share them once in 8,000 sessions, and then
neither is turned back."""
HALF = DIGITS // 2
"""Bytes that have so many digits."""
MOST_JOINTS = 3
JOINTS = rf"[\s_\-:\\]{{0,{MOST_JOINTS}}}"

MOST_SEALED, MOST_SEALED_BYTES = 8192, 256
"""So many sealed values are remembered, of so many bytes at most: 3 MB."""
NUMBER = "#"
"""Marks what was a number; no kind has it in its name."""
BLANK = r"\s\v\x1c-\x1f\x{85}\pZ"
"""White space, as `re` knows it, for RE2."""
FORMS_OF_I = r"\x{130}\x{131}"
"""What `re` takes for an ``I`` or ``i``, and RE2 does not."""

# Invariant: finds all that `restore` does, so that it does not depend on what is elsewhere.
_digits = compiled(rf"(?i)[a-z0-9{FORMS_OF_I}][{BLANK}_\-:\\]{{1,3}}[0-9a-f]{{{DIGITS}}}\b")
# What `re` takes for letters under (?i) is no end either.
_ended = re.compile(r"[0-9a-fA-F]{8}(?![0-9a-zA-Z_\u0130\u0131\u017f\u212a])")
CLOSING = " \t\n\r\v\f\\]"
_behind = re.compile(r"\s?\\?\]")


class Pseudonym(NamedTuple):
    """What a placeholder stands for: its *kind*, such as ``EMAIL``, and the *value*.

    *number*: the value was a whole JSON number.
    """

    kind: str
    value: str
    number: bool = False


Tokens = dict[bytes, Pseudonym]
"""What placeholders stand for, by their tags."""

Tagger = Callable[[str], bytes]
"""A value in, its tag out: a keyed hash of 256 bits, of which a placeholder's digits begin."""


@lru_cache(maxsize=1024)
def tagger(key: bytes, *parts: str) -> Tagger:
    """Return what makes the HMAC-SHA256 (RFC 2104) of *parts* and a value.

    The lengths of all keep them apart. Raises ValueError without a *key*.
    """
    if not key:
        raise ValueError("`hash` and `token` need a key")
    begun = HMAC(key, SHA256())
    for part in parts:
        begun.update(_part(part))

    def tag(value: str) -> bytes:
        # Hot path: a copy of what key and parts come to takes a third of beginning anew.
        coded = value.encode("utf-8", "surrogatepass")
        made = begun.copy()
        made.update(len(coded).to_bytes(8, "big") + coded)
        return made.finalize()

    return tag


def _part(text: str) -> bytes:
    coded = text.encode("utf-8", "surrogatepass")
    return len(coded).to_bytes(8, "big") + coded


def token_tagger(key: bytes, scope: str, entity: str, *, number: bool = False) -> Tagger:
    """Return what makes the tags of values that were found as *entity* in the session *scope*.

    A *number* has another than its digits in a text, so that it comes back as what it was.
    """
    return tagger(key, scope, entity, NUMBER) if number else tagger(key, scope, entity)


def digits_of(tag: bytes) -> str:
    """Return the digits of the placeholder whose value has *tag*."""
    return tag[:HALF].hex()


@dataclass(frozen=True, slots=True)
class Vault:
    """Seals and opens values with one key."""

    cipher: AESSIV
    sealed: dict[bytes, bytes] = field(default_factory=dict, repr=False, compare=False)
    """What was sealed lately, by its tag: neither says what the value was."""

    def seal_all(self, scope: str, tokens: Tokens) -> list[tuple[str, bytes]]:
        """Return the digits of *tokens* of *scope*, each with what `seal` makes of its value.

        Hot path: a conversation sends its history again and again, and its values are sealed once.
        """
        known, half = self.sealed.get, HALF
        return [
            (tag[:half].hex(), known(tag) or self._seal_new(scope, tag, made))
            for tag, made in tokens.items()
        ]

    def _seal_new(self, scope: str, tag: bytes, made: Pseudonym) -> bytes:
        """Return *made* sealed, and remember it by its *tag*, which binds the value and *scope*."""
        sealed = self.seal(scope, digits_of(tag), made)
        if len(sealed) <= MOST_SEALED_BYTES:
            if len(self.sealed) >= MOST_SEALED:
                self.sealed.clear()
            self.sealed[tag] = sealed
        return sealed

    def seal(self, scope: str, digits: str, made: Pseudonym) -> bytes:
        """Return *made* sealed. The same value gives the same bytes: two can be compared."""
        mark = NUMBER if made.number else ""
        plain = f"{made.kind}{mark}\0{made.value}".encode("utf-8", "surrogatepass")
        return self.cipher.encrypt(plain, [scope.encode("utf-8", "surrogatepass"), digits.encode()])

    def open(self, scope: str, digits: str, sealed: bytes) -> Pseudonym | None:
        """Return what was sealed; None for bytes of another place, another key, or none at all."""
        bound = [scope.encode("utf-8", "surrogatepass"), digits.encode()]
        try:
            plain = self.cipher.decrypt(sealed, bound)
        except (InvalidTag, ValueError):
            return None
        kind, _, value = plain.decode("utf-8", "surrogatepass").partition("\0")
        return Pseudonym(kind.removesuffix(NUMBER), value, kind.endswith(NUMBER))


@lru_cache(maxsize=64)
def vault_of(key: bytes) -> Vault:
    """Return the vault of a deployment's *key*."""
    return Vault(AESSIV(hmac.new(key, b"pseudonyms", hashlib.sha512).digest()))


def find_digits(text: str) -> frozenset[str]:
    """Return the digits, in lower case, of everything in *text* that may be a placeholder."""
    data = text.encode("utf-8", "replace")
    return frozenset(data[end - DIGITS : end].decode().lower() for _, end in spans(_digits, data))


def restore(text: str, known: Mapping[str, Pseudonym]) -> tuple[str, int]:
    """Return *text* with the placeholders of *known* digits turned back, and how many there were.

    Digits without their kind's word before them are left alone.
    """
    pieces: list[str] = []
    done = count = 0
    for start, end, value in written(text, known):
        pieces += text[done:start], value
        done = end
        count += 1
    if not count:
        return text, 0
    return "".join((*pieces, text[done:])), count


def restore_value(text: str, known: Mapping[str, Pseudonym]) -> tuple[str | int, int]:
    """Return what `restore` does; the number itself where *text* is the placeholder of one."""
    restored, count = restore(text, known)
    if count == 1:
        start, end, _ = next(written(text, known))
        digits = text.rstrip(CLOSING)[-DIGITS:].lower()
        if end - start == len(text) and known[digits].number:
            return int(restored), 1
    return restored, count


def written(
    text: str, known: Mapping[str, Pseudonym], first: int = 0
) -> Iterator[tuple[int, int, str]]:
    """Yield where placeholders of *known* digits are in *text*, and what each stands for.

    None begins before *first*, though the character before it is looked at.
    """
    done = first
    for match in _ended.finditer(text, first):
        made = known.get(match.group().lower())
        if made is None:
            continue
        pattern, reach = _before(made.kind)
        before = pattern.search(text, max(done, match.start() - reach), match.start())
        if before is None:
            continue
        opened = before.group(1) is not None
        behind = _behind.match(text, match.end()) if opened else None
        done = behind.end() if behind else match.end()
        yield before.start(), done, made.value


def unfinished(kinds: Iterable[str]) -> str:
    r"""Return the RE2 pattern of a placeholder of *kinds* up to what may still change it.

    What stands behind the digits decides whether they end there; a ``]`` ends it for certain. It
    reads white space and letters as `restore` does.
    """
    joint = rf"[{BLANK}_\-:\\]"
    words = "|".join(
        f"{joint}{{0,3}}".join(map(re.escape, kind.split("_"))) for kind in sorted(set(kinds))
    ).replace("I", f"[I{FORMS_OF_I}]")
    return (
        rf"(?i)(?:\\?\[[{BLANK}]?)?(?:{words}){joint}{{1,3}}[0-9a-f]{{{DIGITS}}}(?:[{BLANK}]?\\?)?"
    )


@lru_cache(maxsize=1024)
def _before(kind: str) -> tuple[re.Pattern[str], int]:
    """Return the pattern of *kind* at the end of what stands before the digits, and its length."""
    parts = kind.split("_")
    words = JOINTS.join(map(re.escape, parts))
    longest = len(kind) + MOST_JOINTS * len(parts) + MOST_JOINTS
    return re.compile(rf"(?i)(?:(\\?\[\s?)|(?<![a-z0-9])){words}[\s_\-:\\]{{1,3}}\Z"), longest
