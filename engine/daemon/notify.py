"""Sinks in; threads that tell people of reviews, in one process of the machine, out."""

from __future__ import annotations

import fcntl
import os
import random
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from engine.daemon.notify_file import read_notify
from engine.daemon.places import keeps_reviews
from engine.daemon.settings import Settings
from engine.service.notify import Bell, Courier, Post, Reader, Tally
from engine.service.record import Both, Recorder
from engine.sinks.notice import Way
from engine.storage.notices import Spool, SpoolError
from engine.storage.reviews import ReviewsUnavailable

SPOOL = "notices.db"
LOCK = "notices.lock"
"""In the data folder: what waits, and which process sends it."""

MOST_WAITING = 10_000
"""Of one sink."""
PATIENCE = 2.0
"""Seconds that a stopping daemon waits for what is just being sent; it is sent again."""
TICK = 1.0
"""Seconds between two looks at what waits."""


class Messenger:
    """Owns the spool of notices, and a thread for each sink while this process is the one."""

    def __init__(
        self,
        data: Path,
        sinks: Sequence[tuple[Post, Way]],
        tick: float = TICK,
        patience: float = PATIENCE,
    ) -> None:
        """Open what waits in *data*; look every *tick* seconds. Raises SpoolError."""
        self.tally = Tally()
        self.posts = tuple(post for post, _ in sinks)
        self.troubled: Callable[[str, str], None] = ignore
        """Is told which sink cannot be reached, and why."""
        self._data = data
        self._sinks = tuple(sinks)
        self._tick = tick
        self._patience = patience
        self._spool = Spool(data / SPOOL, MOST_WAITING)
        self._spool.keep_only(tuple(post.name for post in self.posts))
        self._stop = threading.Event()
        self._threads: list[threading.Thread] = []
        self.bell = Bell(self._spool, self.posts, self.tally)
        """What is recorded beside everything else."""

    def start(self, reviews: Reader) -> None:
        """Begin to send; what waits is looked up in *reviews*, from several threads."""
        for post, way in self._sinks:
            thread = threading.Thread(
                target=self._work,
                args=(post, way, reviews),
                name=f"notify-{post.name}",
                daemon=True,
            )
            self._threads.append(thread)
            thread.start()

    def close(self) -> None:
        """Send no more; what waits is sent after the next start."""
        self._stop.set()
        for thread in self._threads:
            thread.join(self._patience)
        self._spool.close()

    def waiting(self) -> dict[str, int]:
        """Return how many notices wait, by sink. Raises SpoolError."""
        spool = Spool(self._data / SPOOL, MOST_WAITING)
        try:
            return {post.name: 0 for post in self.posts} | spool.waiting()
        finally:
            spool.close()

    def _work(self, post: Post, way: Way, reviews: Reader) -> None:
        """Send what waits for one sink, while no other process of the machine does."""
        lock = os.open(f"{self._data / LOCK}.{post.name}", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            while not taken(lock):
                if self._stop.wait(self._tick):
                    return
            while not self._stop.is_set():
                try:
                    self._send(post, way, reviews)
                except SpoolError as error:  # It could not be opened.
                    self.troubled(post.name, str(error))
                    self._stop.wait(self._tick)
        finally:
            os.close(lock)  # The lock goes with it, also when the process is killed.

    def _send(self, post: Post, way: Way, reviews: Reader) -> None:
        spool = Spool(self._data / SPOOL, MOST_WAITING)
        courier = Courier(post, way, spool, reviews, self.tally, random.random)
        try:
            while not self._stop.is_set():
                try:
                    sent = courier.round(time.time_ns(), lambda: not self._stop.is_set())
                    why = courier.why
                except (SpoolError, ReviewsUnavailable) as error:
                    sent, why = 0, str(error)
                if why:
                    self.troubled(post.name, why)
                if not sent or why:
                    self._stop.wait(self._tick)
        finally:
            spool.close()


def open_messenger(settings: Settings, data: Path) -> Messenger | None:
    """Return who tells people of reviews; None where nobody is told.

    Raises NotifyError and SpoolError.
    """
    if not settings.reviews.notify or not keeps_reviews(settings):
        return None
    return Messenger(data, read_notify(Path(settings.reviews.notify)))


def overheard(recorder: Recorder, tally: Recorder, messenger: Messenger | None) -> Recorder:
    """Return *recorder* with those who must know what is recorded of reviews behind it.

    The last of them cannot fail: what fails is recorded again, and must not be counted twice.
    """
    told = recorder if messenger is None else Both(recorder, messenger.bell)
    return Both(told, tally)


def taken(lock: int) -> bool:
    """Return whether the file *lock* is ours now."""
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def ignore(sink: str, why: str) -> None:
    """Do nothing."""
