"""Bytes and a key in, bytes that say nothing without it out, and back (AES-256-GCM).

A nonce of 96 random bits stands before what is sealed: up to some billion values a key (NIST SP
800-38D, 8.3).
"""

from __future__ import annotations

import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

NONCE_BYTES = 12


class WrongKey(Exception):
    """What was sealed was sealed with another key, or was changed."""


class Chest:
    """Seals and opens with a key of 32 bytes."""

    def __init__(self, key: bytes) -> None:
        self._cipher = AESGCM(key)

    def seal(self, data: bytes) -> bytes:
        """Return *data* sealed."""
        nonce = os.urandom(NONCE_BYTES)
        return nonce + self._cipher.encrypt(nonce, data, None)

    def open(self, sealed: bytes) -> bytes:
        """Return what was sealed. Raises WrongKey."""
        try:
            return self._cipher.decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], None)
        except (InvalidTag, ValueError):
            raise WrongKey("it was sealed with another key, or was changed") from None


class Open:
    """Seals nothing: for those who have no key, and tests."""

    def seal(self, data: bytes) -> bytes:
        """Return *data*."""
        return data

    def open(self, sealed: bytes) -> bytes:
        """Return *sealed*."""
        return sealed
