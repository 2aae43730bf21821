"""A data folder in, held for one supervisor and its workers; or who has it."""

from __future__ import annotations

import fcntl
import os
import time
from pathlib import Path

from engine.daemon.places import StartError
from engine.remedies import remedy_for

FILE = "workers.lock"
PATIENCE = 10.0
"""Seconds that the workers of a supervisor that was killed get to be gone."""
PAUSE = 0.01
PID_BYTES = 32


def hold_folder(folder: Path) -> int:
    """Return the descriptor that holds *folder*, for the workers to inherit. Raises StartError.

    The lock is everybody's who has the descriptor: it is free when the last of them is gone. If the
    process that wrote its number into the file is, its workers end, and are waited for.
    """
    path = folder / FILE
    try:
        file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        remedy = remedy_for(error, "make its folder writable for this user")
        raise StartError(f"cannot open {path}: {error.strerror}; {remedy}") from None
    ends = time.monotonic() + PATIENCE
    while not lock(file):
        holder = os.pread(file, PID_BYTES, 0).decode("ascii", "replace").strip()
        if lives(holder) or time.monotonic() > ends:
            os.close(file)
            raise StartError(
                f"another daemon with workers has the data folder {folder} (process {holder}); "
                "stop it, or choose another folder with --data"
            )
        time.sleep(PAUSE)
    try:
        os.ftruncate(file, 0)
        os.pwrite(file, f"{os.getpid()}\n".encode(), 0)
    except OSError as error:
        os.close(file)
        remedy = remedy_for(error, "choose another data folder with --data")
        raise StartError(f"cannot write to {path}: {error.strerror}; {remedy}") from None
    return file


def lock(file: int) -> bool:
    """Lock *file*; return whether that was possible."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def lives(process: str) -> bool:
    """Return whether *process* is the number of one that runs."""
    try:
        stat = Path(f"/proc/{int(process)}/stat").read_bytes()
    except (OSError, ValueError):
        return False
    return stat.rpartition(b")")[2].split()[0] not in {b"Z", b"X"}
