"""A text and a key in, a signed note out; a note and known keys in, its text out, if it is theirs.

The form is that of C2SP's signed-note: a text, an empty line, and lines of signatures. Keys are
Ed25519 (RFC 8032). A verifier key is written as there::

    name+hash+key       hash = first 4 bytes of SHA-256(name | 0x0A | 0x01 | public key), in hex
                        key  = base64 of 0x01 | public key
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from binascii import Error
from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import sha256

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

_ED25519 = b"\1"
_HASH_BYTES = 4
_KEY_BYTES = 32
_DASH = "\N{EM DASH} "


class NoteError(Exception):
    """A note or a key is none, or is not signed by whom it should be; the text says which."""


@dataclass(frozen=True, slots=True)
class Verifier:
    """A public key and its name."""

    name: str
    public: bytes

    @property
    def hash(self) -> bytes:
        """What tells the key from others."""
        return sha256(self.name.encode() + b"\n" + _ED25519 + self.public).digest()[:_HASH_BYTES]

    def __str__(self) -> str:
        key = b64encode(_ED25519 + self.public).decode()
        return f"{self.name}+{self.hash.hex()}+{key}"


@dataclass(frozen=True, slots=True)
class Signer:
    """A private key and its name."""

    name: str
    private: Ed25519PrivateKey

    @property
    def verifier(self) -> Verifier:
        """The public key."""
        return Verifier(self.name, self.private.public_key().public_bytes_raw())

    def sign(self, text: str) -> str:
        """Return the note of *text*, which must end with a line end."""
        if not text.endswith("\n"):
            raise ValueError("the text of a note ends with a line end")
        verifier = self.verifier
        signature = b64encode(verifier.hash + self.private.sign(text.encode())).decode()
        return f"{text}\n{_DASH}{self.name} {signature}\n"


def read_verifier(text: str) -> Verifier:
    """Return the key that is written in *text*. Raises NoteError."""
    name, _, rest = text.strip().partition("+")
    told, _, key = rest.partition("+")
    raw = _decode(key)
    if not _is_name(name) or raw[:1] != _ED25519 or len(raw) != 1 + _KEY_BYTES:
        raise NoteError("this is no verifier key (name+hash+key)")
    verifier = Verifier(name, raw[1:])
    if verifier.hash.hex() != told:
        raise NoteError(f"the hash of the verifier key `{name}` is not that of the key")
    return verifier


def open_note(note: str, verifiers: Iterable[Verifier]) -> str:
    """Return the text of *note* that one of *verifiers* has signed. Raises NoteError."""
    text, _, signatures = note.rpartition("\n\n")
    if not text or not signatures.endswith("\n"):
        raise NoteError("this is no signed note")
    text += "\n"
    known = {(one.name, one.hash): one for one in verifiers}
    for line in signatures[:-1].split("\n"):
        name, _, encoded = line.removeprefix(_DASH).partition(" ")
        raw = _decode(encoded)
        if not line.startswith(_DASH) or not _is_name(name) or len(raw) <= _HASH_BYTES:
            raise NoteError("this is no signed note")
        verifier = known.get((name, raw[:_HASH_BYTES]))
        if verifier is not None:
            _check(verifier, raw[_HASH_BYTES:], text)
            return text
    raise NoteError("no known key has signed this note")


def _check(verifier: Verifier, signature: bytes, text: str) -> None:
    try:
        Ed25519PublicKey.from_public_bytes(verifier.public).verify(signature, text.encode())
    except InvalidSignature:
        raise NoteError(f"the signature of `{verifier.name}` is wrong") from None


def _is_name(name: str) -> bool:
    return bool(name) and not any(one.isspace() or one == "+" for one in name)


def _decode(text: str) -> bytes:
    try:
        return b64decode(text, validate=True)
    except (Error, ValueError):
        return b""
