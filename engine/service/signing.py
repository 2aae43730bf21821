"""A trail in; brought to the disk and signed now and then beside the decisions, out."""

from __future__ import annotations

from threading import Event, Thread

from engine.service.audit import Audit

SECONDS = 60.0
"""Between two signatures: so much of a trail a crash can leave to the chain alone."""


class Signing:
    """Tends *trail* in a thread that ends with the process, or when it is closed."""

    def __init__(self, trail: Audit, seconds: float = SECONDS) -> None:
        """Begin."""
        self._trail = trail
        self._seconds = seconds
        self._ended = Event()
        self._thread = Thread(target=self._run, name="signing", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while not self._ended.wait(self._seconds):
            self._trail.tend()

    def close(self) -> None:
        """End; the trail stays open. Closing twice is fine."""
        self._ended.set()
        self._thread.join()
