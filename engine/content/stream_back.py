r"""A stream in pieces in; the same with the session's placeholders turned back out.

A placeholder may be cut anywhere. What may be the beginning of one is held until it is one, or
cannot become one any more; it is short, and so is what is held::

    "write to [EM" "AIL_7f3a" "2c1b], now"   ->   "write to " "" "ann@example.org, now"

Turning back comes before anything else looks at the text, so that what is released is judged and
redacted as what it is. What passes is the same for all ways to cut the pieces: where a piece ends
is outside of everything that may be a placeholder.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache

from engine.content.pseudonyms import Pseudonym, find_digits, unfinished, written
from engine.content.regex import Regex, compiled
from engine.content.stream_prefixes import beginnings, read_pattern

Recall = Callable[[frozenset[str]], Mapping[str, Pseudonym]]
"""Digits in, what those of them stand for that are the session's own out."""


class StreamRestorer:
    """Turns placeholders of *kinds* back, as *recall* knows them. Not thread-safe."""

    __slots__ = ("_asked", "_before", "_held", "_known", "_recall", "_tail", "count")

    def __init__(self, kinds: Iterable[str], recall: Recall) -> None:
        self._tail = _tail_of(frozenset(kinds))
        self._recall = recall
        self._asked: frozenset[str] = frozenset()
        self._known: dict[str, Pseudonym] = {}
        self._before = ""  # the character before what is held
        self._held = ""
        self.count = 0
        """How many were turned back so far."""

    def feed(self, piece: str) -> str:
        """Return what can go on now that *piece* has come."""
        text = self._held + piece
        data = text.encode("utf-8", "replace")
        begin = self._tail.find(data, 0, len(data))[0][0]
        place = begin if len(data) == len(text) else len(data[:begin].decode())
        self._held = text[place:]
        return self._restored(text, place)

    def finish(self) -> str:
        """Return the rest: nothing follows."""
        rest, self._held = self._held, ""
        return self._restored(rest, len(rest))

    def _restored(self, text: str, place: int) -> str:
        """Return ``text[:place]`` restored: what is behind it goes on with no placeholder in it."""
        if not place:
            return ""
        first, end = len(self._before), len(self._before) + place
        # The next character too: digits that go on are none.
        looked = self._before + text[: place + 1]
        self._before = text[place - 1]
        new = find_digits(looked) - self._asked
        if new:
            self._asked |= new
            self._known.update(self._recall(new))
        if not self._known:
            return text[:place]
        pieces: list[str] = []
        done = first
        for start, stop, value in written(looked, self._known, first):
            pieces += looked[done:start], value
            done = stop
            self.count += 1
        return "".join((*pieces, looked[done:end]))


@lru_cache(maxsize=16)
def _tail_of(kinds: frozenset[str]) -> Regex:
    """Return what finds where a placeholder of *kinds* may begin at the end of a text."""
    return compiled(rf"(?:{beginnings(read_pattern(unfinished(kinds)), coarse=False)})\z")
