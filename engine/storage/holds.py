"""A folder in, what of its trail must not be forgotten out: legal holds, in a file of their own.

A hold is for a tenant, a session or a decision, and stands above every rule of retention. The file
is small and read whole; one that cannot be read means that nothing may be forgotten at all.
"""

from __future__ import annotations

import os
from pathlib import Path

import msgspec

from engine.storage.no_json import NO_JSON
from engine.storage.plain import plain_bytes
from engine.storage.segment import sync_folder

FILE = "holds.json"
FORMAT = 1


class HoldsError(Exception):
    """The file of holds is none, or some are missing from it; the text says which."""


class Hold(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What is held, one of *tenant*, *session* and *decision*; since when, by whom and why."""

    id: str
    tenant: str = ""
    session: str = ""
    decision: str = ""
    since: str
    who: str = ""
    reason: str

    @property
    def what(self) -> str:
        """What is held, in words."""
        if self.tenant:
            return f"tenant {self.tenant}"
        return f"session {self.session}" if self.session else f"decision {self.decision}"


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    format: int
    holds: tuple[Hold, ...]


def read_holds(folder: Path) -> tuple[Hold, ...]:
    """Return the holds of *folder*. Raises HoldsError."""
    path = folder / FILE
    try:
        found = msgspec.json.decode(plain_bytes(path), type=_File)
    except FileNotFoundError:
        return ()
    except OSError as error:
        raise HoldsError(f"{path} cannot be read: {error.strerror}") from None
    except NO_JSON as error:
        raise HoldsError(f"{path} is no file of holds: {error}") from None
    if found.format != FORMAT:
        raise HoldsError(f"{path} has the format {found.format}, and only {FORMAT} is known")
    for one in found.holds:
        if sum(map(bool, (one.tenant, one.session, one.decision))) != 1:
            raise HoldsError(f"{path}: the hold {one.id} is not for one thing")
    return found.holds


def write_holds(folder: Path, holds: tuple[Hold, ...]) -> None:
    """Write the holds of *folder*, whole or not at all. Raises OSError."""
    path = folder / FILE
    new = path.with_name(f"{FILE}.new")
    file = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with os.fdopen(file, "wb") as out:
        out.write(msgspec.json.format(msgspec.json.encode(_File(FORMAT, holds))) + b"\n")
        out.flush()
        os.fsync(out.fileno())
    new.replace(path)
    sync_folder(folder)
