"""What the server of a door lets all callers together take, with defaults no honest one meets.

And what it takes itself: how long it looks for more before it sleeps.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from engine.doors.http2.limits import Limits


@dataclass(frozen=True, slots=True)
class Bounds:
    """Bounds of a server; those of each *connection* with them. Times in seconds.

    Of these, grpcio's server knows *message_bytes* and *calls* alone.
    """

    message_bytes: int = 64 << 20
    """The largest message that is read: above what any content limit lets through, so that content
    that is too long is told so by name instead of by the transport."""

    connections: int = 20_000
    """Connections at once; one more is closed. Never so many that files could not be opened."""
    calls: int = 10_000
    """Calls that are answered at once; one more is refused with RESOURCE_EXHAUSTED."""
    held_bytes: int = 256 << 20
    """What requests that are not answered may hold together; four of the largest messages if that
    is more."""
    handshakes: int = 1_000
    """Handshakes of TLS at once on a port; one more is closed."""
    handshake_seconds: float = 10.0
    request_seconds: float = 60.0
    """How long the message of a call that one message asks may take."""
    busy_poll_seconds: float = 0.0
    """So long after something came from a client the loop does not sleep (see `Awake`)."""
    connection: Limits = field(default_factory=Limits)
