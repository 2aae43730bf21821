"""What a request carries in, by what hash it is known without being known out.

The hash is keyed: who has only the hash cannot try contents against it.
"""

from __future__ import annotations

import hashlib

import msgspec

from engine.runtime.record import Record

HASH_BYTES = 16
MOST_KEYS = 16

BEGUN: dict[bytes, hashlib.blake2b] = {}
"""Hashes of nothing, by their key, to be copied."""

_canonical = msgspec.json.Encoder(order="deterministic").encode


def hash_content(content: str, key: bytes) -> str:
    """Return the keyed hash by which equal contents can be told without knowing them."""
    return _hash(content.encode(), key)


def hash_arguments(record: Record | None, key: bytes) -> str:
    """Return the keyed hash of the tool's arguments in *record*; empty where it has none."""
    if record is None or record.tool.args is None:
        return ""
    return _hash(_canonical(record.tool.args), key)


def _hash(data: bytes, key: bytes) -> str:
    """Return the keyed hash of *data* in hexadecimal."""
    begun = BEGUN.get(key)
    if begun is None:
        begun = hashlib.blake2b(key=key, digest_size=HASH_BYTES)
        if len(BEGUN) >= MOST_KEYS:
            BEGUN.clear()
        BEGUN[key] = begun
    made = begun.copy()  # Two thirds of the time of beginning anew.
    made.update(data)
    return made.hexdigest()
