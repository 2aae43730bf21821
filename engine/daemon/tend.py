"""The closed segments of a trail in; indexed, forgotten where they may be, compressed, out.

Beside everything else, in a thread, so that shipping goes on meanwhile.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from time import monotonic

from engine.daemon.leap import Leap
from engine.daemon.logs import Log, Seldom
from engine.daemon.retention import rules_of, tidy
from engine.daemon.settings_audit import Audit
from engine.storage.header import CLOSED, OPEN, NoSegment
from engine.storage.index import missing_indexes
from engine.storage.press import press_folder
from engine.storage.source import segment_files

PAUSE_SECONDS = 5.0
"""Between two looks for what was closed."""
SELDOM_SECONDS = 600.0
MUCH_BYTES = 10 << 30
"""When the folder has more, and no setting says what is to go, that is worth a line of the log."""


def has_work(settings: Audit, folder: Path) -> bool:
    """Return whether there is something to tend in *folder*."""
    return rules_of(settings).any or bool(untended(settings, folder))


async def tend_often(settings: Audit, data: Path, folder: Path, log: Log) -> None:
    """Tend *folder*, which is in *data*, when something was closed, and now and then; for ever."""
    warn = Seldom(log.warning, SELDOM_SECONDS)

    def told(why: str) -> None:
        warn("the audit trail", why=why)

    due, leap = 0.0, Leap()
    left: set[str] = set()
    """What could not be tended, and is no news."""
    while True:
        found = await asyncio.to_thread(untended, settings, folder)
        if monotonic() >= due or found != left:
            due = monotonic() + settings.prune_minutes * 60
            await asyncio.to_thread(tend, settings, data, told, log, leap.lately)
            # What was closed meanwhile is news.
            left = found & await asyncio.to_thread(untended, settings, folder)
        await asyncio.sleep(PAUSE_SECONDS)


def untended(settings: Audit, folder: Path) -> set[str]:
    """Return the names of the segments that were closed and that nobody has tended."""
    try:
        closed = [path for path in segment_files(folder) if not path.name.endswith(OPEN)]
        found = {path.name for path in missing_indexes(closed)}
    except OSError:
        return set()
    if settings.compress:
        found |= {path.name for path in closed if path.name.endswith(CLOSED)}
    return found


def tend(
    settings: Audit,
    data: Path,
    told: Callable[[str], None],
    log: Log,
    leapt: Callable[[], bool] = lambda: False,
) -> None:
    """Tend the trail once. See `tidy` for *leapt*."""
    found = tidy(settings, data, told, leapt)
    if found.records:
        log.info("audit records were forgotten", records=found.records, segments=found.segments)
    if settings.compress:
        try:
            while press_folder(data / settings.folder):
                pass
        except (NoSegment, OSError) as error:
            told(f"a segment cannot be compressed: {error}")
    size = size_of(data / settings.folder)
    if size > MUCH_BYTES and not rules_of(settings).any:
        told(f"it has {size >> 30} GB, and nothing is ever forgotten: see `audit.keep_days`")


def size_of(folder: Path) -> int:
    """Return how many bytes *folder* has, while others rename files in it."""
    size = 0
    with suppress(OSError):
        for path in folder.iterdir():
            with suppress(FileNotFoundError):
                size += path.stat().st_size
    return size
