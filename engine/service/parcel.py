"""A value in, its bytes out, and back: what is large in it is not read until asked.

::

    count (4 bytes) | length of each part (8 bytes each) | parts

The first part is a pickle, the others are the buffers that it takes apart (PEP 574). So what holds
ten thousand rules is read in the time that a hundred take. Each buffer is given back by itself:
most of the bytes are code, and of no use once it was loaded. Whoever can write a parcel can run
code: see ``language.compile``.
"""

from __future__ import annotations

import pickle
from itertools import accumulate, pairwise
from mmap import mmap
from typing import Any

from engine.service.cache import PIECE_BYTES

COUNT_BYTES = 4
LENGTH_BYTES = 8


def wrap(value: object) -> bytes:
    """Return *value* as bytes."""
    buffers: list[pickle.PickleBuffer] = []
    head = pickle.dumps(value, protocol=pickle.HIGHEST_PROTOCOL, buffer_callback=buffers.append)
    parts = [memoryview(head), *(one.raw() for one in buffers)]
    lengths = b"".join(one.nbytes.to_bytes(LENGTH_BYTES, "big") for one in parts)
    return b"".join((len(parts).to_bytes(COUNT_BYTES, "big"), lengths, *parts))


def unwrap(data: bytes | memoryview) -> Any:
    """Return what `wrap` was given. *data* must come from a trusted place."""
    whole = memoryview(data)
    count = int.from_bytes(whole[:COUNT_BYTES], "big")
    first = COUNT_BYTES + count * LENGTH_BYTES
    lengths = [
        int.from_bytes(whole[at : at + LENGTH_BYTES], "big")
        for at in range(COUNT_BYTES, first, LENGTH_BYTES)
    ]
    ends = list(accumulate(lengths, initial=first))
    head, *parts = (whole[start:end] for start, end in pairwise(ends))
    return pickle.loads(head, buffers=map(apart, parts))  # noqa: S301 - see the module


def apart(part: memoryview) -> memoryview:
    """Return *part* in memory of its own, which goes when it is used no more, whatever stays."""
    made = memoryview(mmap(-1, max(len(part), 1)))[: len(part)]
    for start in range(0, len(part), PIECE_BYTES):
        made[start : start + PIECE_BYTES] = part[start : start + PIECE_BYTES]
    return made.toreadonly()
