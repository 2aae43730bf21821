"""A stamp of this compiler: what it made is read again by the same code on the same Python."""

from __future__ import annotations

import sys
from hashlib import blake2b
from importlib.resources import files


def make_stamp() -> bytes:
    """Return a digest of the compiler's own source and of the Python that runs it.

    A release number would not do: who changes the compiler must not meet what it compiled before.
    """
    digest = blake2b(digest_size=20)
    digest.update(f"{sys.implementation.cache_tag} {sys.version}".encode())
    sources = [one for one in files("engine.language").iterdir() if one.name.endswith(".py")]
    for one in sorted(sources, key=lambda source: source.name):
        digest.update(one.name.encode() + b"\0" + one.read_bytes())
    return digest.digest()


STAMP = make_stamp()
"""Computed once a process, in about three milliseconds."""
