"""How one sink fares in; the log's lines about it, and the file for who looks on, out."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from engine.daemon.logs import Log, Seldom
from engine.daemon.shipping import Route
from engine.sinks.status import Status, write_status

SELDOM_SECONDS = 60.0
OTHER = "another daemon ships from this folder: this one does when that one has ended"
"""The trouble of who ships nothing: how the sinks fare the other one knows."""


class Teller:
    """Tells when a sink is away and back, and of what it will never take."""

    def __init__(self, route: Route, folder: Path, log: Log, clock: Callable[[], float]) -> None:
        self._route = route
        self._name = route.settings.name
        self._folder = folder
        self._log = log
        self._clock = clock
        self._away = Seldom(log.error, SELDOM_SECONDS, clock)
        self._is_away = False
        self._status: Status | None = None
        self._dead = 0
        """Of those the log has been told."""
        self._next = 0.0

    def look(self, *, last: bool = False) -> None:
        """Tell what is new; *last*: nobody looks again."""
        why, tally = self._route.trouble, self._route.shipment.tally
        status = Status(why, tally.retries, tally.failures)
        # On a full disk it is written as soon as there is room.
        new = why != OTHER and self._status != status
        if new and write_status(self._folder, self._name, status):
            self._status = status
        if why:
            self._is_away = True
            self._away("a sink does not take the audit trail", sink=self._name, why=why)
        elif self._is_away:
            self._is_away = False
            self._log.info("a sink takes the audit trail again", sink=self._name)
        if tally.dead > self._dead and (last or self._clock() >= self._next):
            self._next = self._clock() + SELDOM_SECONDS
            self._log.error(
                "a sink has refused records for good; they are kept in a file",
                sink=self._name,
                records=tally.dead - self._dead,
                why=tally.refusal,
                file=str(self._route.shipment.dead.path),
            )
            self._dead = tally.dead
