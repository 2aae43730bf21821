"""How those who wait for the disk came and went in, how many of them it need not wait for out.

Those who are answered together come again together. While they come the disk has nothing to do, and
while it is busy they have nothing to do: n records that take c each, and a sync that takes s, take
s + n c. Where another core syncs, and the first half of them is brought to the disk when it is
there, one half comes while the other is synced: that takes s for n/2, where s is the longer, which
is worth it as long as s < n c. On a slower disk all that came goes together.
"""

from __future__ import annotations

from time import monotonic

MANY = 16
"""Fewer records are not worth another core, nor a sync of their own."""


class Halves:
    """Measures what it takes to come again. Not for several threads at once."""

    __slots__ = ("_each", "_put", "_since", "half")

    def __init__(self) -> None:
        """Nothing is known: nobody is told apart."""
        self.half = 0
        """With so many there the disk need not wait for the rest of the turn; 0: it waits."""
        self._since = 0.0
        """When some were answered; 0 when those who came then are counted."""
        self._put = 0
        """How many records had come by then."""
        self._each = 0.0
        """Seconds that each of them took."""

    def come(self, put: int) -> None:
        """Note, at the end of a turn, that *put* records have come in all."""
        came = put - self._put
        if self._since and came:
            self._each = (monotonic() - self._since) / came
            self._since = 0.0

    def land(self, answered: int, put: int, waiting: int, seconds: float) -> None:
        """Note that a sync of so many *seconds* has answered some, and how many are *waiting*.

        None are *answered* where the core that syncs is the one on which they come.
        """
        worth = answered >= 2 * MANY and seconds < self._each * (answered + waiting)
        self.half = answered // 2 if worth else 0
        self._since, self._put = monotonic(), put
