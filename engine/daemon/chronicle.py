"""What the daemon itself does in, lines of the record out: it began, it ended, policies came.

What cannot be recorded is logged. Decisions have their own way (see ``service.gate``).
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import engine
from engine.daemon.logs import Log
from engine.daemon.settings import Settings
from engine.service.acts import keep_apart, whoami
from engine.service.entries import AdminEntry, Line, ReloadEntry
from engine.service.record import RecordError
from engine.service.reload import Attempt
from engine.service.times import iso_time


@dataclass(frozen=True, slots=True)
class Chronicle:
    """Keeps lines with *write*, which raises RecordError."""

    write: Callable[[Line], None]
    log: Log
    clock: Callable[[], int] = time.time_ns

    def began(self, revision: str, policies: int, rules: int, workers: int) -> None:
        """Record that the daemon serves."""
        self._act(
            "started",
            {
                "version": engine.__version__,
                "revision": revision,
                "policies": policies,
                "rules": rules,
                "workers": workers,
            },
        )

    def ended(self) -> None:
        """Record that the daemon serves no more."""
        self._act("stopped", {})

    def reloaded(self, attempt: Attempt, policies: int, rules: int) -> None:
        """Record what became of a reload, after which there are so many *policies* and *rules*."""
        self._keep(
            ReloadEntry(
                time=iso_time(self.clock()),
                revision=attempt.revision,
                previous=attempt.previous,
                outcome="refused" if attempt.why else "accepted",
                policies=policies,
                rules=rules,
                why=attempt.why,
            )
        )

    def _act(self, act: str, what: dict[str, object]) -> None:
        self._keep(AdminEntry(time=iso_time(self.clock()), act=act, who=whoami(), what=what))

    def _keep(self, line: Line) -> None:
        try:
            self.write(line)
        except RecordError as error:
            self.log.warning("what the daemon did is not recorded", why=str(error))


def written_apart(settings: Settings, data: Path) -> Callable[[Line], None]:
    """Return what keeps lines for a process that decides nothing, beside those that do."""
    folder = settings.audit.folder

    def write(line: Line) -> None:
        if folder:
            keep_apart(data / folder, data, line)

    return write
