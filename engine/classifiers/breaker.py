"""Outcomes of calls in; whether a server may be called out.

*Closed*, every call goes out. After `FAILURES` failed calls in a row the breaker *opens*: no call
goes out for a while, so that a server that is down costs nobody its timeout. Then one call is let
through as a probe (*half-open*): if it succeeds the breaker closes; if it fails the breaker stays
open for twice as long, up to `LONGEST`.
"""

from __future__ import annotations

FAILURES = 5
SHORTEST = 1.0
LONGEST = 30.0
"""Seconds."""


class Breaker:
    """See the module. Times are seconds of a monotonic clock. Its user holds a lock."""

    def __init__(self) -> None:
        self._failures = 0
        self._rest = SHORTEST
        self._until: float | None = None
        self._probing = False

    @property
    def closed(self) -> bool:
        """Whether every call goes out."""
        return self._until is None

    def refuses(self, now: float) -> bool:
        """Return whether a question that is asked *now* need not wait: no call will go out."""
        return self._until is not None and (self._probing or now < self._until)

    def admit(self, now: float) -> bool:
        """Return whether a call may go out; its outcome must then be told."""
        if self._until is None:
            return True
        if self.refuses(now):
            return False
        self._probing = True
        return True

    def succeed(self) -> None:
        """Note that a call went well."""
        self._failures = 0
        self._rest = SHORTEST
        self._until = None
        self._probing = False

    def fail(self, now: float) -> None:
        """Note that a call failed."""
        self._failures += 1
        if self._probing:
            self._rest = min(self._rest * 2, LONGEST)
        elif self._failures < FAILURES or self._until is not None:
            return
        self._probing = False
        self._until = now + self._rest
