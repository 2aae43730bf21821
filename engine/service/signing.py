"""A trail in; brought to the disk and signed now and then beside the decisions, out."""

from __future__ import annotations

from collections.abc import Callable
from threading import Event, Thread

SECONDS = 60.0
"""Between two signatures: so much of a trail a crash can leave to the chain alone."""


class Signing:
    """Tends a trail in a thread that ends with the process, or when this is closed."""

    def __init__(self, tend: Callable[[], object], seconds: float = SECONDS) -> None:
        """Begin; *tend* is that of the trail."""
        self._tend = tend
        self._seconds = seconds
        self._ended = Event()
        self._thread = Thread(target=self._run, name="signing", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while not self._ended.wait(self._seconds):
            self._tend()

    def close(self) -> None:
        """End; the trail stays open. Closing twice is fine."""
        self._ended.set()
        self._thread.join()
