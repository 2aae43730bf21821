"""How a sink fares in, a small file beside its cursor out; and back, for who looks on.

The file is a notice and no more: nothing goes on from it, so it need not survive a crash.
"""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import msgspec

from engine.sinks.cursor import FOLDER

ENDING = ".status"


class Status(msgspec.Struct, frozen=True):
    """What is told of a sink."""

    trouble: str = ""
    retries: int = 0
    failures: int = 0
    """Since the process began."""


def write_status(folder: Path, sink: str, status: Status) -> bool:
    """Replace the notice of *sink*; return whether that was possible."""
    path = folder / FOLDER / f"{sink}{ENDING}"
    new = path.with_suffix(".status-new")
    with suppress(OSError):
        new.write_bytes(msgspec.json.encode(status))
        new.rename(path)
        return True
    return False


def read_status(folder: Path, sink: str) -> Status:
    """Return the notice of *sink*; an empty one where there is none."""
    path = folder / FOLDER / f"{sink}{ENDING}"
    try:
        # Who opens a pipe waits for whoever writes.
        return msgspec.json.decode(path.read_bytes() if path.is_file() else b"", type=Status)
    except (OSError, msgspec.DecodeError, UnicodeDecodeError):
        return Status()
