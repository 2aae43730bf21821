"""A stamp of this engine: what it made is read again by the same code on the same Python."""

from __future__ import annotations

import sys
from hashlib import blake2b
from importlib.resources import files


def make_stamp(*packages: str) -> bytes:
    """Return a digest of the source of *packages* of the engine, and of the Python that runs it.

    A release number would not do: who changes the compiler must not meet what it compiled before.
    """
    digest = blake2b(digest_size=20)
    digest.update(f"{sys.implementation.cache_tag} {sys.version}".encode())
    for package in packages:
        sources = [one for one in files(f"engine.{package}").iterdir() if one.name.endswith(".py")]
        for one in sorted(sources, key=lambda source: source.name):
            digest.update(f"{package}/{one.name}".encode() + b"\0" + one.read_bytes())
    return digest.digest()


STAMP = make_stamp("language")
"""Of the compiler; computed once a process, in about three milliseconds."""
