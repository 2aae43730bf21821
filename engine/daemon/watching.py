"""Changes of the policies' folder are noticed; where the kernel has no room for that, it is told.

Watching takes a descriptor and one of the user's inotify instances. Decisions go on without.
"""

from __future__ import annotations

import asyncio
from pathlib import Path

from watchfiles._rust_notify import WatchfilesRustInternalError

from engine.daemon.logs import Log, Seldom
from engine.service.reload import Reloader

AGAIN_SECONDS = 1.0
SELDOM_SECONDS = 60.0


async def watch_folder(
    reloader: Reloader, debounce_ms: int, ignored: frozenset[Path], log: Log
) -> None:
    """Reload after every change, until cancelled; see `Reloader.watch`.

    What changes while the folder cannot be watched is noticed once it can.
    """
    tell = Seldom(log.error, SELDOM_SECONDS)
    while True:
        try:
            await reloader.watch(debounce_ms, ignored)
        except (OSError, WatchfilesRustInternalError) as error:
            tell(
                "changes of the policies are not noticed: reload by SIGHUP; raise the limits of "
                "open files (`ulimit -n`) and of `fs.inotify` (sysctl)",
                why=str(error),
            )
        await asyncio.sleep(AGAIN_SECONDS)
