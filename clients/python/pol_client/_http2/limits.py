# GENERATED from engine/doors/http2/limits.py by grammar/generate.py, do not edit.
"""What a connection may ask for, with defaults that no honest client meets."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of a connection. Sizes in bytes, times in seconds."""

    streams: int = 1_000
    """Streams open at once (SETTINGS_MAX_CONCURRENT_STREAMS); one more is refused."""
    frame_bytes: int = 1 << 16
    """The largest frame that is read (SETTINGS_MAX_FRAME_SIZE)."""
    header_bytes: int = 16_384
    """Of one list of fields, decoded, with 32 more for each field (RFC 7541, 4.1)."""
    block_bytes: int = 32_768
    """Of one field block as it came, with its CONTINUATION frames."""
    continuations: int = 8
    """CONTINUATION frames of one field block."""
    window_bytes: int = 1 << 20
    """What a stream may send before it is read (SETTINGS_INITIAL_WINDOW_SIZE)."""
    connection_bytes: int = 4 << 20
    """The same for all streams of a connection together."""
    resets: int = 500
    resets_a_second: float = 100.0
    """Streams that a client may take back or break at once, and how many more a second."""
    resets_earned: float = 0.5
    """How many of them each whole answer earns: callers whose deadline was over are honest."""
    idle_frames: int = 1_000
    idle_frames_a_second: float = 500.0
    """Frames that bring nothing on: PING, SETTINGS, PRIORITY, empty DATA, WINDOW_UPDATE."""
    earned: float = 4.0
    """How many of them a request earns, and each frame of an answer: clients probe and widen."""
    preface_seconds: float = 10.0
    """How long a connection may take for its first frame."""
    stall_seconds: float = 60.0
    """How long an answer may wait for a peer that gives no window or does not read."""
    ping_seconds: float = 300.0
    """How long a client may say nothing before it is asked whether it is there; 0 for ever."""
    answer_seconds: float = 20.0
    """How long it may take to say so; then its connection is ended."""
    idle_seconds: float = 0.0
    """How long a connection may have no stream; 0 for as long as it wants."""
    turn_frames: int = 512
    turn_fields: int = 1_024
    """So many frames, and fields not seen before, are read before others have their turn."""
    told: tuple[tuple[int, int], ...] = ()
    """More settings that a peer is told: no bounds, but known to each connection from the first."""


class Bucket:
    """A budget that fills again with time. Not for several threads."""

    __slots__ = ("_clock", "_full", "_left", "_rate", "_then", "earned")

    def __init__(self, full: int, rate: float, clock: Callable[[], float]) -> None:
        """*rate* is how much is added a second, up to *full*; *clock* gives seconds."""
        self._full = self._left = float(full)
        self._rate = rate
        self._clock = clock
        self._then = clock()
        self.earned = 0.0
        """What was earned since one was taken: each call earns some, and few frames take one."""

    def give(self, more: float) -> None:
        """Add *more* that were earned, up to all that it holds."""
        self.earned += more

    def take(self) -> bool:
        """Take one; return whether there was one."""
        self._left = min(self._full, self._left + self.earned) - 1.0
        self.earned = 0.0
        if self._left >= 0:
            return True
        now = self._clock()
        self._left = min(self._full - 1.0, self._left + (now - self._then) * self._rate)
        self._then = now
        return self._left >= 0
