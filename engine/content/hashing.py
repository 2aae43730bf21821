"""A key in, the state of a hash that has taken it out: a copy of it hashes one text, keyed.

Both hashes have 256 bits. BLAKE2b (RFC 7693) has a key of its own; SHA-256 (FIPS 180-4) takes the
key as its first block. What is told apart by such a hash stays in the process: a hash with the key
in front can be continued by who sees one, so that none must be shown.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Protocol, Self

KEY_BYTES = 64
"""A block of SHA-256, and all that BLAKE2b takes."""


class Hash(Protocol):
    """What `hashlib` makes."""

    def update(self, data: bytes) -> None: ...  # noqa: D102
    def copy(self) -> Self: ...  # noqa: D102
    def digest(self) -> bytes: ...  # noqa: D102
    def hexdigest(self) -> str: ...  # noqa: D102


Begin = Callable[[bytes], Hash]
"""A key of `KEY_BYTES` in, the state that has taken it out."""


def with_blake2b(key: bytes) -> Hash:
    """Return BLAKE2b with *key*: quick on every machine."""
    return hashlib.blake2b(key=key, digest_size=32)


def with_sha256(key: bytes) -> Hash:
    """Return SHA-256 with *key*: quicker where the machine has instructions for it, else slower."""
    return hashlib.sha256(key)
