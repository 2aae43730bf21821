"""Trails for tests."""

from __future__ import annotations

from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from engine.storage.notes import Signer
from engine.storage.trail import Trail
from engine.storage.verify import Report, verify_folder

SIGNER = Signer("audit.example", Ed25519PrivateKey.from_private_bytes(bytes(range(32))))
TIME = "2026-01-01T00:00:00.000000Z"


def trail(folder: Path, *, segment_bytes: int = 2**20) -> Trail:
    return Trail(folder, SIGNER, time=lambda: TIME, segment_bytes=segment_bytes)


def record(number: int) -> bytes:
    return f'{{"kind":"decision","number":{number}}}'.encode()


def filled(folder: Path, count: int, *, every: int = 10, segment_bytes: int = 2**20) -> None:
    """Write a trail of *count* records, signed after *every* so many, and close it."""
    one = trail(folder, segment_bytes=segment_bytes)
    for number in range(count):
        one.append(record(number))
        if number % every == every - 1:
            one.checkpoint()
    one.close()


def verified(folder: Path) -> Report:
    return verify_folder(folder, [SIGNER.verifier])


def told(folder: Path) -> list[str]:
    return [str(one) for one in verified(folder).problems]
