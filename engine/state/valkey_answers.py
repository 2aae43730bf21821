"""What the script answers, and the instant of the server, go in; what a store's methods return out.

Every value of ours begins with five bytes that say so; behind them it is packed. What is said about
a take is computed by ``taking``, the function that every store asks, from the values as they were
before: the script has decided the same by them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final, TypeAlias, cast

import msgspec

from engine.runtime import meter as meters
from engine.runtime import taking
from engine.runtime.buckets import Bucket, Reservation, Reserved, Slots
from engine.runtime.store import Noted, Settled, StoreUnavailable, Take
from engine.state.remote import STALE

HEAD = 5
"""Bytes before what is packed: the magic, and the kind of the value."""
FOREIGN: Final = b"FOREIGN"
_STALE = b"STALE"
KINDS: Mapping[str, str] = {
    "b": "a bucket",
    "r": "a reservation",
    "m": "a meter",
    "l": "a session's labels",
    "p": "a placeholder",
    "n": "a session's fingerprints",
    "t": "a session's turns",
}

Reader = Callable[[object, int], object]
"""Makes a method's answer of the script's, and of the instant in ticks."""
Values: TypeAlias = "list[bytes | None]"
Look = Callable[[Values, int], object]

_figures = msgspec.msgpack.Decoder(list[int | str]).decode
_ends = msgspec.msgpack.Decoder(dict[str, int | str]).decode
_anything = msgspec.msgpack.Decoder().decode


def foreign(kind: str) -> StoreUnavailable:
    """Return what is said where a key holds what is not ours."""
    return StoreUnavailable(
        f"where {KINDS[kind]} is kept, there is what this engine did not write: another program "
        "uses the same prefix; nothing was changed"
    )


def _of(kind: str, look: Look) -> Reader:
    """Return the reader that looks at values of *kind*, all of them ours."""

    def read(answer: object, now: int) -> object:
        if answer == FOREIGN:
            return foreign(kind)
        try:
            return look(cast("Values", answer), now)
        except (msgspec.DecodeError, ValueError, TypeError, IndexError):
            return foreign(kind)

    return read


def nothing(kind: str) -> Reader:
    """Return the reader for a method that returns nothing."""
    return _of(kind, lambda _, __: None)


def _settled(answer: object, now: int) -> Settled | None:
    del now
    return Settled(cast("list[bytes]", answer)[0].decode()) if answer else None


settled: Final = _of("r", _settled)


# --- takes ---------------------------------------------------------------------------------------


class _Before:
    """The buckets and slots that the script found."""

    def __init__(self, takes: Sequence[Take], values: Values, tick: int) -> None:
        self._found = {
            take.key: value for take, value in zip(takes, values, strict=True) if value is not None
        }
        self._tick = tick

    def bucket(self, take: Take, now: int) -> Bucket | None:
        del now
        value = self._found.get(take.key)
        if value is None:
            return None
        tick = self._tick
        at, level, window, scale, closes = map(int, _anything(value[HEAD:])[:5])
        if window:
            return Bucket(at * tick, level * scale * tick, window * tick, 0)
        return Bucket(at * tick, level, 0, closes * tick)

    def slots(self, take: Take, now: int) -> Slots | None:
        del now
        value = self._found.get(take.key)
        if value is None:
            return None
        at, *pairs = map(int, _figures(value[HEAD:]))
        ends = tuple(one * self._tick for one in pairs[::2])
        return Slots(at * self._tick, ends, tuple(pairs[1::2]))


def levels(
    takes: Sequence[Take], tick: int, hold: int | None, places: Mapping[str, Take]
) -> Reader:
    """Return the reader of what *takes* are answered.

    With *hold* they are reserved; *places* are the slots among them, by their keys.
    """

    def look(values: Values, now: int) -> object:
        *found, reserved = values
        before = _reserved(reserved, places, tick) if places and reserved else None
        asked = [_ticked(take, tick) for take in takes]
        known = _Before(takes, found, tick)
        return taking.attempt(asked, known, now * tick, hold=hold, before=before).levels

    read = _of("b", look)
    return lambda answer, now: STALE if answer == _STALE else read(answer, now)


def _ticked(take: Take, tick: int) -> Take:
    """Return *take* with a window of whole ticks."""
    if take.window is None or take.window % tick == 0:
        return take
    return msgspec.structs.replace(take, window=-(-take.window // tick) * tick)


def _reserved(value: bytes, places: Mapping[str, Take], tick: int) -> Reservation:
    """Return the slots among *places* that the decision holds already."""
    until, *items = _anything(value[HEAD:])
    mine = (Reserved(places[one[0]], int(one[4]) * tick) for one in items if one[0] in places)
    return Reservation(int(until) * tick, tuple(mine))


def held(tick: int) -> Reader:
    """Return the reader of when a reservation's first take was made, by its bucket's time."""

    def look(values: Values, now: int) -> int:
        del now
        return int(_anything(values[0][HEAD:])[1][4]) * tick if values[0] else 0

    return _of("r", look)


# --- meters and sessions -------------------------------------------------------------------------


def counted(window: int) -> Reader:
    """Return the reader of a meter with a *window* of so many ticks."""

    def look(values: Values, now: int) -> int:
        if values[0] is None:
            return 0
        newest, *counts = map(int, _figures(values[0][HEAD:]))
        return meters.count(meters.Meter(newest, tuple(counts)), window, now)

    return _of("m", look)


def _labels(values: Values, now: int) -> frozenset[str]:
    ends = {} if values[0] is None else _ends(values[0][HEAD:])
    return frozenset(label for label, until in ends.items() if int(until) > now)


def _turns(values: Values, now: int) -> int:
    if values[0] is None:
        return 0
    until, count = map(int, _figures(values[0][HEAD:]))
    return count if until > now else 0


labels: Final = _of("l", _labels)
turns: Final = _of("t", _turns)


def recalled(names: Sequence[str]) -> Reader:
    """Return the reader of what the placeholders with these *names* stand for."""

    def look(values: Values, now: int) -> dict[str, bytes]:
        known: dict[str, bytes] = {}
        for one, value in zip(names, values, strict=True):
            until, sealed = (0, "") if value is None else _figures(value[HEAD:])
            if int(until) > now and sealed:
                known[one] = str(sealed).encode("latin-1")
        return known

    return _of("p", look)


def noted(prints: Sequence[int]) -> Reader:
    """Return the reader of which of *prints* each source has."""

    def look(values: object, now: int) -> Noted:
        del now
        found = cast("Sequence[tuple[bytes, int, Sequence[int]]]", values)
        seen = {
            name.decode(): frozenset(prints[place] for place in places) for name, _, places in found
        }
        return Noted(seen, frozenset(name.decode() for name, full, _ in found if full))

    return _of("n", look)
