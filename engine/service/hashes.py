"""What a request carries in, by what hash it is known without being known out.

The hash is keyed: who has only the hash cannot try contents against it.
"""

from __future__ import annotations

import hashlib
from functools import lru_cache

import msgspec

from engine.runtime.record import Record

HASH_BYTES = 16

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
    made = begun(key).copy()  # Two thirds of the time of beginning anew.
    made.update(data)
    return made.hexdigest()


@lru_cache(maxsize=16)
def begun(key: bytes) -> hashlib.blake2b:
    """Return the hash with *key* of nothing, to be copied."""
    return hashlib.blake2b(key=key, digest_size=HASH_BYTES)
