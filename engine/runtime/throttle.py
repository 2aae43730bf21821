"""A bucket, what to take and an instant go in; whether it fits and the bucket after come out.

A refilling bucket is a leaky level: every take raises it, time lowers it, and a take fits while it
stays within the capacity (``burst``). With *amount* in billionths of a unit and *limit* billionths
flowing back every *window* ns, the level is kept in units of amount x window: one ns then lowers
it by exactly *limit*, so nothing is ever rounded and nothing drifts. 60 requests a minute, burst
10: the level rises by 6e19 a request up to 6e20, and 6e10 of it leaks away each ns. This admits
what a token bucket and GCRA (ITU-T I.371) admit. The level may stand above the capacity: a debt,
from usage that turned out higher than its estimate.

A calendar budget is a level in billionths that starts at nothing when its period opens.

Invariants, whatever the clock does: a bucket's time never goes back, so an instant before it
counts as its own time; nothing is granted that an exact bucket with every correction known in
advance would have refused.

Refunds. Giving back *d* of a take made at *s* must not give back what has leaked away since: the
bucket without the *d* would have stood empty for a while and leaked less. By the reflection
principle (Skorokhod) the two levels differ at *t* by ``min(d, lowest level in [s, t])``. So a
bucket from which corrigible takes were made keeps its *lows*: pairs (since, low), both ascending,
where low is the lowest level ever since. Of more than eight pairs the least telling is dropped,
which errs towards giving back less.
"""

from __future__ import annotations

from collections.abc import Mapping

from engine.runtime.buckets import Bucket, Reserved
from engine.runtime.store import Level, Take

FOREVER = 2**63 - 1
"""An instant that never comes (the year 2262)."""
_LOWS = 8


class ImpossibleAmount(ValueError):
    """The amount to take is negative, infinite or not a number."""


# --- taking --------------------------------------------------------------------------------------


def admit(
    bucket: Bucket | None, take: Take, now: int, *, corrigible: bool = False
) -> tuple[Bucket, Level]:
    """Return the bucket after taking and the answer; the bucket counts only when granted.

    *corrigible* when ``correct`` may follow. An amount of 0 (a cost that is not known yet) passes
    while anything is left.
    """
    if take.window is None:
        return _admit_budget(roll(bucket, take), take, now)
    window, limit, amount = take.window, take.limit, take.amount
    at, before, lows = _place(bucket, take, window, now)
    capacity = take.burst * window
    level = before + amount * window
    # Without an amount there must be something left: one more step of the level would have to fit.
    over = level - capacity if amount else level + 1 - capacity
    if over > 0:
        possible = limit and take.burst and amount <= take.burst
        wait = at - now - (-over // limit) if possible else -1
        left = max(0, (capacity - before) // window)
        moved = drain(bucket, take, now)
        return moved, _refuse(left, wait, _reset(before, limit, at - now))
    if corrigible or lows:
        lows = _lower(lows, at, before, level)
    # Hot path: what `_until` and `_reset` say, with one division of two large numbers.
    until, reset = at, 0
    if level and limit:
        until = at - (-level // limit)
        reset = until - now
    elif level:
        until, reset = FOREVER, -1
    after = Bucket(at, level, window, min(FOREVER, until), lows)
    return after, Level(True, (capacity - level) // window, 0, reset)  # noqa: FBT003 - hot path


def standing(bucket: Bucket | None, take: Take, now: int) -> Level:
    """Return the answer for a take that would fit but was not made: another bucket refused."""
    if take.window is None:
        budget = roll(bucket, take)
        return _grant(max(0, take.limit - budget.level), _closing(budget, take, now))
    moved = drain(bucket, take, now)
    left = max(0, take.burst * take.window - moved.level) // take.window
    return _grant(left, _reset(moved.level, take.limit, moved.at - now))


def unseen(take: Take, now: int, swept: int) -> Bucket | None:
    """Return the bucket for an unknown key, in a store that has forgotten buckets until *swept*.

    A forgotten bucket was as good as new at *swept*. Should the clock go back before that, the
    bucket is given that time, so that forgetting never grants anything twice.
    """
    if now >= swept:
        return None
    if take.window is None:
        return Bucket(swept, 0, 0, swept + take.closes - take.opens)
    return Bucket(swept, 0, take.window, swept)


def drain(bucket: Bucket | None, take: Take, now: int) -> Bucket:
    """Return the refilling bucket of *take* at *now*, taking nothing."""
    window = take.window or 1
    at, level, lows = _place(bucket, take, window, now)
    return Bucket(at, level, window, at if bucket is None else bucket.until, lows)


def _place(
    bucket: Bucket | None, take: Take, window: int, now: int
) -> tuple[int, int, tuple[tuple[int, int], ...]]:
    """Return time, level and lows of the refilling bucket at *now*."""
    if bucket is None:
        return now, 0, ()
    level, lows = bucket.level, bucket.lows
    if bucket.window != window:  # The author changed the period: what was used stays used.
        level, lows = -(-level * window // bucket.window), ()
    passed = now - bucket.at
    if passed <= 0:
        return bucket.at, level, lows
    level -= passed * take.limit
    return now, max(0, level), lows


def roll(bucket: Bucket | None, take: Take) -> Bucket:
    """Return the budget of *take* in the take's period, taking nothing.

    A clock put back into the period before stays in the one that has opened. A period that
    ``unseen`` made, and that would close midway, closes with the one that it reaches into: what is
    used there must not be forgotten before.
    """
    if bucket is None or take.opens >= bucket.until:
        return Bucket(take.opens, 0, 0, take.closes)
    if take.closes > bucket.until:
        return Bucket(bucket.at, bucket.level, 0, take.closes)
    return bucket


def _admit_budget(budget: Bucket, take: Take, now: int) -> tuple[Bucket, Level]:
    level = budget.level + take.amount
    reset = _closing(budget, take, now)
    if level > take.limit or (take.amount == 0 and level == take.limit):
        wait = reset if take.limit and take.amount <= take.limit else -1
        return budget, _refuse(max(0, take.limit - budget.level), wait, reset)
    return Bucket(budget.at, level, 0, budget.until), _grant(take.limit - level, reset)


def _closing(budget: Bucket, take: Take, now: int) -> int:
    """Return the wait until the period closes; one that ``unseen`` made may close midway."""
    return (budget.until if budget.until > now else take.closes) - now


def _grant(remaining: int, reset: int) -> Level:
    return Level(granted=True, remaining=remaining, retry_after=0, reset=reset)


def _refuse(remaining: int, wait: int, reset: int) -> Level:
    return Level(granted=False, remaining=remaining, retry_after=wait, reset=reset)


def _reset(level: int, limit: int, lag: int) -> int:
    if level == 0:
        return 0
    return lag - (-level // limit) if limit else -1


def _until(at: int, level: int, limit: int) -> int:
    if level == 0:
        return at
    return min(at - (-level // limit), FOREVER) if limit else FOREVER


# --- correcting ----------------------------------------------------------------------------------


def correct(bucket: Bucket | None, reserved: Reserved, real: int, now: int) -> Bucket | None:
    """Return the bucket as if *real* had been taken; None when there is nothing left to correct.

    What a budget's period was charged too little or too much ends with the period.
    """
    take = reserved.take
    delta = real - take.amount
    if take.window is None:
        return _correct_budget(bucket, reserved, delta)
    moved = drain(bucket, take, now)
    change, lows = delta * take.window, moved.lows
    if change < 0:
        lowest = _lowest(lows, reserved.at)
        change = -min(-change, moved.level, lowest)
        lows = _refunded(lows, reserved.at, lowest, change)
    level = moved.level + change
    if change > 0 and lows:
        lows = _lower(lows, moved.at, moved.level, level)
    return Bucket(moved.at, level, take.window, _until(moved.at, level, take.limit), lows)


def check_amounts(amounts: Mapping[str, int]) -> None:
    """Raise ImpossibleAmount if one of the real *amounts* is negative."""
    for unit, amount in amounts.items():
        if amount < 0:
            raise ImpossibleAmount(f"the real amount of {unit} cannot be negative: {amount}")


def _correct_budget(bucket: Bucket | None, reserved: Reserved, delta: int) -> Bucket | None:
    if bucket is None or bucket.at != reserved.at:
        return None
    return Bucket(bucket.at, max(0, bucket.level + delta), 0, bucket.until)


def _lowest(lows: tuple[tuple[int, int], ...], since: int) -> int:
    """Return a lower bound for the level at every take and refund after *since*."""
    known = 0
    for began, low in lows:
        if began > since:
            break
        known = low
    return known


def _lower(
    lows: tuple[tuple[int, int], ...], at: int, before: int, after: int
) -> tuple[tuple[int, int], ...]:
    """Return the lows after the level rose from *before* to *after* at *at*."""
    if not lows:
        return ((at, after),)
    if lows[-1][0] == at:
        # Nothing leaked between two takes of one instant: what holds for the second holds for both.
        return (*lows[:-1], (at, after))
    kept = [pair for pair in lows if pair[1] < before]
    if len(kept) < len(lows):
        kept.append((lows[len(kept)][0], before))
    kept.append((at, after))
    if len(kept) > _LOWS:
        # Takes since the dropped pair's start are told the low before it: the smallest loss.
        del kept[min(range(1, len(kept)), key=lambda n: kept[n][1] - kept[n - 1][1])]
    return tuple(kept)


def _refunded(
    lows: tuple[tuple[int, int], ...], since: int, lowest: int, change: int
) -> tuple[tuple[int, int], ...]:
    """Return the lows as if the take at *since*, whose low is *lowest*, had been less by *change*.

    From that take on every level was lower by as much; a low from before it stands.
    """
    return tuple(
        (began, low + change if began > since else min(low, lowest + change)) for began, low in lows
    )
