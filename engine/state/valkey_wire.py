"""What a decision asks goes in; the keys and the packed request of one script call come out.

The script (``valkey.lua``) takes, corrects and counts; what only has to be looked at, and what is
said about a take, ``valkey_answers`` computes from the values that the script found.

Levels are whole numbers far beyond what the script's doubles hold exactly, so they are sent and
kept divided by a *scale*, chosen so that nothing is lost: of a limit of 100,000 tokens a minute
(1e14 x 6e7) remains 6e7. What is large still, goes as its digits.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache
from hashlib import blake2b
from itertools import repeat
from math import gcd
from typing import TypeAlias, cast

import msgspec

from engine.runtime import meter as meters
from engine.runtime import throttle
from engine.runtime.memory import LINGER, SESSION_LIFE
from engine.runtime.store import NANO, REQUESTS, Take
from engine.state import valkey_answers as answers
from engine.state.remote import Op

PLAIN = 9 * 10**15
"""From here on a number goes as its digits."""
LONGEST = 160
"""Bytes of a name that is kept as it is in a key."""
ALONE = "-"
"""The tag of reservations where there is one server."""
_BUDGET, _SLOT = 0, -1
_LIGHT = frozenset({"take", "peek", "owe", "look"})
_WHOLE = frozenset({REQUESTS, "tokens", "lease"})
"""Units that come in whole numbers."""

Number: TypeAlias = int | str
Sent: TypeAlias = tuple[list[object], answers.Reader]
Amounts: TypeAlias = Sequence[tuple[str, int]]
Life: TypeAlias = int | None

_encode = msgspec.msgpack.Encoder().encode


class Manner(msgspec.Struct, frozen=True):
    """How instants and keys are written. *tick* is the ns of the script's unit of time."""

    prefix: str = "pol:"
    session_life: int = SESSION_LIFE
    tick: int = 1000
    lasting: bool = False
    """Entries do not end by the server's clock: instants come from elsewhere."""


class Figures(msgspec.Struct, frozen=True):
    """A throttle as the script counts: *step* is what one *grain* of an amount raises the level."""

    scale: int
    limit: int
    capacity: int
    step: int
    grain: int


class Call(msgspec.Struct, frozen=True):
    """One script call: its *keys*, its packed *request*, and how to read each answer."""

    keys: tuple[bytes, ...]
    request: bytes
    readers: tuple[answers.Reader, ...]
    light: bool
    """Whether it does nothing but take and look."""


def number(value: int) -> Number:
    """Return *value* as it is sent."""
    return value if value < PLAIN else str(value)


@lru_cache(maxsize=4096)
def figures(limit: int, burst: int, window: int, *, whole: bool) -> Figures:
    """Return the largest scale that loses nothing, and the figures at that scale."""
    grain = NANO if whole and limit % NANO == 0 and burst % NANO == 0 else 1
    scale = gcd(limit, grain * window)
    step = grain * window // scale
    return Figures(scale, limit // scale, burst // grain * step, step, grain)


@lru_cache(maxsize=4096)
def written(take: Take, tick: int, *, corrigible: bool) -> tuple[object, ...]:
    """Return the name of the bucket and the take as the script reads it.

    That is: window, step, limit, capacity, scale, opens, closes, and what is needed to correct it:
    unit, grains, step of a grain, whether a grain is more than a billionth, and who pays. Last
    whether there is nothing but plain numbers, and nothing to correct.
    """
    correctable = corrigible and take.unit != REQUESTS
    if take.life:
        taken, slots = int(take.amount > 0), take.limit // NANO
        held = correctable and (take.unit, taken, 1, False, take.payer)
        return (_SLOT, taken, number(-(-take.life // tick)), slots, 1, 0, 0, held)
    if take.window is None:
        amount, limit = number(take.amount), number(take.limit)
        bounds = number(take.opens // tick), number(take.closes // tick)
        charged = correctable and (take.unit, amount, 1, False, take.payer)
        return (_BUDGET, amount, 0, limit, 1, *bounds, charged)
    window = -(-take.window // tick)
    whole = take.unit in _WHOLE and take.amount % NANO == 0
    made = figures(take.limit, take.burst, window, whole=whole)
    grains, coarse = take.amount // made.grain, made.grain > 1
    sent = (window, grains * made.step, made.limit, made.capacity, made.scale)
    correction = correctable and (take.unit, number(grains), number(made.step), coarse, take.payer)
    return (*map(number, sent), 0, 0, correction)


def is_quick(takes: Sequence[Sequence[object]]) -> bool:
    """Return whether ``valkey_quick.lua`` may try it: no budgets, slots, digits, and no key twice.

    It must be all that is asked, and by the server's clock.
    """
    figured = [one for take in takes for one in take[1:6]]
    windows = [take[1] for take in takes]
    keys = {take[0] for take in takes}
    plain = all(isinstance(one, int) and one >= 0 for one in figured)
    return plain and all(windows) and len(keys) == len(takes)


@lru_cache(maxsize=4096)
def tag_of(tenant: str) -> str:
    """Return what the keys of *tenant* share, so that they lie in one slot of a cluster."""
    return blake2b(tenant.encode(), digest_size=6).hexdigest()


def take_tag(take: Take) -> str:
    """Return the tag of a bucket's key: of its tenant, or of its own where tenants share it."""
    return tag_of(take.tenant or f"\0{take.key}")


class Writer:
    """Gathers the keys and ops of one call."""

    def __init__(self, manner: Manner) -> None:
        self._manner = manner
        self._tag = ALONE
        self._alone = False
        self._keys: dict[bytes, int] = {}

    def call(self, ops: Sequence[Op], now: int, tags: Sequence[str] = ()) -> Call:
        """Return the call for *ops*; *now* is 0 where the server's clock counts.

        *tags* are those of the reservation of each op; without, there is one server for all.
        """
        self._alone = len(ops) == 1 and not self._manner.lasting
        pairs: list[Sent] = []
        for op, tag in zip(ops, tags or repeat(ALONE), strict=False):
            self._tag = tag
            pairs.append(self._op(op))
        manner = self._manner
        per_ms = 0 if manner.lasting else 1_000_000 // manner.tick
        life = number(manner.session_life // manner.tick)
        sent = [number(now // manner.tick), per_ms, life, [one for one, _ in pairs]]
        light = all(one[0] in _LIGHT for one, _ in pairs)
        readers = tuple(reader for _, reader in pairs)
        return Call(tuple(self._keys), _encode(sent), readers, light)

    def _key(self, kind: str, tag: str, name: str) -> int:
        """Return the number of the key with this name."""
        key = self._text(kind, tag, name).encode()
        return self._keys.setdefault(key, len(self._keys) + 1)

    def _text(self, kind: str, tag: str, name: str) -> str:
        plain = name.encode()
        if len(plain) > LONGEST:
            name = f"\0{blake2b(plain, digest_size=32).hexdigest()}"
        return f"{self._manner.prefix}{{{tag}}}{kind}{name}"

    def _session(self, kind: str, tenant: str, session: str, rest: str = "") -> int:
        name = f"{len(tenant)}:{tenant}{len(session)}:{session}{rest}"
        return self._key(kind, tag_of(tenant), name)

    def _ticks(self, duration: int) -> int:
        """Return ns in ticks, rounded up; a duration that is over is 0."""
        return max(0, -(-duration // self._manner.tick))

    def _life(self, life: Life) -> Number | bool:
        """Return ticks from now; False for the life of a session."""
        return life is not None and number(self._ticks(life))

    def _op(self, op: Op) -> Sent:
        match op.method, op.arguments:
            case ("take" | "peek" | "owe") as method, (takes, *held):
                return self._take(method, cast("Sequence[Take]", takes), *held)  # type: ignore[arg-type]
            case "reserve", (takes, str() as reservation, int() as hold):
                pairs = cast("Sequence[tuple[Take, int]]", takes)
                place = self._key("r", self._tag, reservation)
                held = [self._held(take, at) for take, at in pairs]
                return ["reserve", place, number(self._ticks(hold)), held], answers.nothing("r")
            case "held", (str() as reservation, _):
                place = self._key("r", self._tag, reservation)
                return ["look", "r", place], answers.held(self._manner.tick)
            case "settle", (str() as reservation, amounts):
                return self._settle(reservation, cast("Amounts", amounts))
            case ("count" | "record") as method, (str() as meter, str() as key, int() as window):
                return self._meter(method, meter, key, window)
            case method, (str() as tenant, str() as session, *rest):
                return self._said(method, tenant, session, rest)
            case _:
                raise ValueError(f"a store has no `{op.method}` with these arguments")

    # --- takes -----------------------------------------------------------------------------------

    def _take(
        self, method: str, takes: Sequence[Take], reservation: str = "", hold: int = 0
    ) -> Sent:
        corrigible = bool(reservation)
        place = 0
        if corrigible and any(take.unit != REQUESTS for take in takes):
            place = self._key("r", self._tag, reservation)
        sent = [self._one(take, corrigible=corrigible) for take in takes]
        op: list[object] = [method, place, number(self._ticks(hold)), sent]
        op.append(method == "take" and self._alone and not place and is_quick(sent))
        if method == "owe":
            return op, answers.nothing("b")
        if not place:
            return op, answers.levels(takes, self._manner.tick, None, {})
        slots = {self._text("s", take_tag(take), take.key): take for take in takes if take.life}
        return op, answers.levels(takes, self._manner.tick, hold, slots)

    def _settle(self, reservation: str, amounts: Amounts) -> Sent:
        throttle.check_amounts(dict(amounts))
        real = {
            unit: (number(amount), amount % NANO == 0 and number(amount // NANO))
            for unit, amount in amounts
        }
        return ["settle", self._key("r", self._tag, reservation), real], answers.settled

    def _one(self, take: Take, *, corrigible: bool) -> list[object]:
        key = self._key("s" if take.life else "b", take_tag(take), take.key)
        return [key, *written(take, self._manner.tick, corrigible=corrigible)]

    def _held(self, take: Take, at: int) -> list[object]:
        """Return *take*, which was made at the instant *at*."""
        opened = at if take.window is not None else take.opens
        return [*self._one(take, corrigible=True), number(opened // self._manner.tick)]

    # --- the rest --------------------------------------------------------------------------------

    def _meter(self, method: str, meter: str, key: str, window: int) -> Sent:
        ticks = self._ticks(window)
        name = f"{window}:{len(meter)}:{meter}{key}"
        place = self._key("m", tag_of(name), name)
        if method == "count":
            return ["look", "m", place], answers.counted(ticks)
        return ["record", place, number(meters.slot_length(ticks))], answers.nothing("m")

    def _said(self, method: str, tenant: str, session: str, rest: Sequence[object]) -> Sent:
        linger = number(self._manner.session_life // LINGER // self._manner.tick)
        match method, rest:
            case "labels", ():
                return ["look", "l", self._session("l", tenant, session)], answers.labels
            case "label", (str() as label, life):
                place = self._session("l", tenant, session)
                ends = self._life(cast("Life", life))
                return ["label", place, label, ends], answers.nothing("l")
            case "remember", (sealed,):
                pairs = [
                    (self._session("p", tenant, session, one), value.decode("latin-1"))
                    for one, value in cast("Iterable[tuple[str, bytes]]", sealed)
                ]
                return ["remember", pairs, linger], answers.nothing("p")
            case "recall", (digits,):
                names = tuple(cast("Iterable[str]", digits))
                places = [self._session("p", tenant, session, one) for one in names]
                return ["look", "p", *places], answers.recalled(names)
            case "note", (str() as source, prints, life):
                place, ends = self._session("n", tenant, session), self._life(cast("Life", life))
                return ["note", place, source, prints, ends, linger], answers.nothing("n")
            case "noted", (prints,):
                place = self._session("n", tenant, session)
                return ["noted", place, prints], answers.noted(cast("Sequence[int]", prints))
            case "turn", ():
                return ["look", "t", self._session("t", tenant, session)], answers.turns
            case "advance", ():
                return ["advance", self._session("t", tenant, session)], answers.nothing("t")
            case _:
                raise ValueError(f"a store has no `{method}` with these arguments")
