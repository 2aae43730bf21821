"""The folder of a trail and a key in; what writes into it what was done, and by whom, out."""

from __future__ import annotations

import getpass
import time
from pathlib import Path

from engine.cli.bundle import leave
from engine.language.render import inert
from engine.service.audit import KEY, PUBLIC, Audit
from engine.service.plain import read_plain
from engine.service.retention import Opener
from engine.storage.moment import time_of
from engine.storage.notes import NoteError, read_verifier


def opener(folder: Path, key_file: str | None) -> Opener:
    """Return what begins a trail in *folder* to say what was done; exit with code 2 without a key.

    The key is never made here: it must be the one that signs the trail.
    """
    key = Path(key_file) if key_file else folder.parent / KEY
    try:
        name = read_verifier(read_plain(folder / PUBLIC).decode()).name
        key.stat()
    except (OSError, UnicodeDecodeError, NoteError) as error:
        leave(f"no key to sign with: {inert(str(error))}; give the one of the trail by --key-file")
    return lambda: Audit(
        folder, key, "deny", name=name, time=lambda: time_of(time.time_ns() // 1000)
    )


def who() -> str:
    """Return the name of whoever runs this."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return ""
