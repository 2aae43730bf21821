"""Who is at the other end of a connection; a door says it once, and records tell it.

A door sets `CALLER` for a connection, or for the task that answers a call, and whatever that starts
inherits it.
"""

from __future__ import annotations

from contextvars import ContextVar

from engine.runtime.certificate import Certificate


class Caller:
    """One connection's caller. *certificate* comes with the end of the handshake."""

    __slots__ = ("certificate",)

    def __init__(self, certificate: Certificate | None = None) -> None:
        self.certificate = certificate


CALLER: ContextVar[Caller | None] = ContextVar("caller", default=None)


def certificate_shown() -> Certificate | None:
    """Return the certificate that the caller of what is answered now has shown; None for none."""
    caller = CALLER.get()
    return None if caller is None else caller.certificate
