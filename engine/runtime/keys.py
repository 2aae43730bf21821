"""The parts of a name go in; one unambiguous, bounded, readable key comes out.

Buckets and meters are named by a rule and the values of request attributes, which a caller chooses
freely: no choice of values may run into another's bucket. A key is therefore the JSON array of its
parts, and a long one is cut and ends in a digest of the whole.
"""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import blake2b

import msgspec

LONGEST = 320
"""Bytes (UTF-8) that a key may have; a key of a store can be 511 bytes long."""
_READABLE = 200
_encoder = msgspec.json.Encoder(enc_hook=str, order="deterministic", decimal_format="string")


def join_key(parts: Iterable[object]) -> str:
    """Return the key of *parts*: any attribute values, None for an absent one."""
    key = _encoder.encode(tuple(parts))
    if len(key) <= LONGEST:
        return key.decode()
    # The cut form does not end in `]`, so it is no whole key's.
    return f"{key[:_READABLE].decode(errors='ignore')}…{blake2b(key, digest_size=16).hexdigest()}"


def split_key(key: str) -> tuple[object, ...] | None:
    """Return the parts of what ``join_key`` made, as JSON has them; None for a long key, cut."""
    if not key.endswith("]"):
        return None
    try:
        return msgspec.json.decode(key, type=tuple[object, ...])
    except msgspec.DecodeError:
        return None
