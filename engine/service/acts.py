"""A line and the folder of a trail in; the line recorded there, in a short trail of its own, out.

For whoever records seldom and beside the daemon: its supervisor, and people at a command line.
"""

from __future__ import annotations

import os
import pwd
import time
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from engine.service.audit import KEY, PUBLIC, Audit
from engine.service.entries import Line
from engine.service.keys import KeyFileError, load_key
from engine.service.plain import read_plain
from engine.service.record import RecordError
from engine.service.times import iso_time
from engine.storage.notes import NoteError, Signer, read_verifier

FOREIGN = "its records are signed with another key than that of this data folder"


def keep_apart(folder: Path, data: Path, line: Line) -> bool:
    """Record *line* in the trail's *folder*, signed with the key in *data*; False where none is.

    Raises RecordError.
    """
    try:
        text = read_plain(folder / PUBLIC).decode()
    except FileNotFoundError:
        return False
    except (OSError, UnicodeDecodeError) as error:
        raise RecordError(f"cannot read {folder / PUBLIC}: {error}") from None
    name = signer_of(folder, data, text)
    audit = Audit(folder, data / KEY, "deny", name=name, time=lambda: iso_time(time.time_ns()))
    try:
        audit.write(line)
        audit.wait()
    finally:
        audit.close()
    return True


def signer_of(folder: Path, data: Path, text: str) -> str:
    """Return who signs the trail in *folder*, whose public key *text* is. Raises RecordError."""
    key = data / KEY
    try:
        name = read_verifier(text).name
        # Invariant: a key is never made here, and never put in the place of another.
        if not key.exists():
            raise RecordError(f"the trail in {folder} cannot be signed: {key} is not there")
        signer = Signer(name, Ed25519PrivateKey.from_private_bytes(load_key(key)))
    except (NoteError, KeyFileError) as error:
        raise RecordError(f"the trail in {folder} cannot be signed: {error}") from None
    if str(signer.verifier) != text.strip():
        raise RecordError(f"nothing can be recorded in {folder}: {FOREIGN}")
    return name


def whoami() -> str:
    """Return the name of the person, or the account, that runs this process."""
    user = os.getuid()
    try:
        return pwd.getpwuid(user).pw_name
    except KeyError:
        return str(user)
