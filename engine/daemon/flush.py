"""The state's file in; the same file on the disk, every few seconds.

Commits go to the kernel, which keeps them when a process dies, but not when the power does. Here
they are written to the disk beside the decisions: by the supervisor, or by a thread of the only
process, and through a descriptor of its own, so that no decision waits for a lock.
"""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

from engine.daemon.logs import Log
from engine.state.lmdb import FILE


def state_file(data: Path) -> Path:
    """Return where the state is in the folder *data*."""
    return data / "state" / FILE


async def flush_often(data: Path | None, seconds: float, log: Log) -> None:
    """Write the state in the folder *data* to the disk, every so many *seconds* for ever.

    None for no such folder and 0 for never.
    """
    if data is None or not seconds:
        return
    path = state_file(data)
    while True:
        await asyncio.sleep(seconds)
        try:
            await asyncio.to_thread(flush, path)
        except OSError as error:
            log.error(  # noqa: TRY400 - told without a trace
                "the state was not written to the disk", why=error.strerror
            )


def flush(path: Path) -> None:
    """Write what the kernel has of *path* to the disk. Raises OSError."""
    handle = os.open(path, os.O_RDONLY)
    try:
        # What was changed through a memory map belongs to the file's pages as any other (Linux).
        os.fdatasync(handle)
    finally:
        os.close(handle)
