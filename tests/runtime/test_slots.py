from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from engine.runtime import slots
from engine.runtime.buckets import Slots
from engine.runtime.slots import MOST_ENDS
from engine.runtime.store import NANO, Level
from tests.runtime.buckets import NOW, granted, refused, slot


def taken(held: Slots | None, limit: int, now: int, life: int = 100) -> tuple[Slots, Level]:
    after, level, _ = slots.admit(held, slot(limit, life), now)
    return after, level


def test_as_many_are_held_as_there_are_slots() -> None:
    one, first = taken(None, 2, NOW)
    two, second = taken(one, 2, NOW + 10)
    three, third = taken(two, 2, NOW + 20)
    assert first == granted(NANO, 100)
    assert second == granted(0, 90)
    assert third == refused(0, 80, 80)
    assert three == Slots(NOW + 20, (NOW + 100, NOW + 110), (1, 1))


def test_a_slot_that_nobody_settles_ends_by_itself() -> None:
    held, _ = taken(None, 1, NOW)
    assert not taken(held, 1, NOW + 99)[1].granted
    after, level = taken(held, 1, NOW + 100)
    assert level.granted
    assert after == Slots(NOW + 100, (NOW + 200,), (1,))


def test_what_is_given_back_is_free_at_once_and_only_that() -> None:
    held, _ = taken(taken(None, 3, NOW)[0], 3, NOW + 5)
    held, _ = taken(held, 3, NOW + 5)
    free = slots.give_back(held, NOW + 105, NOW + 6)
    assert free == Slots(NOW + 6, (NOW + 100, NOW + 105), (1, 1))
    assert free is not None
    assert slots.give_back(free, NOW + 100, NOW + 6) == Slots(NOW + 6, (NOW + 105,), (1,))


def test_what_has_ended_or_was_forgotten_is_not_given_back() -> None:
    held, _ = taken(None, 2, NOW)
    assert slots.give_back(held, NOW + 100, NOW + 100) == Slots(NOW + 100)
    assert slots.give_back(None, NOW + 100, NOW) is None
    again, _ = taken(held, 2, NOW + 100)
    assert slots.give_back(again, NOW + 100, NOW + 100) == again
    assert slots.give_back(again, NOW + 300, NOW + 100) == again


def test_the_clock_put_back_gives_no_slot_back() -> None:
    held, _ = taken(taken(None, 2, NOW)[0], 2, NOW + 60)
    later = slots.give_back(held, NOW + 160, NOW + 120)
    assert later == Slots(NOW + 120)
    after, level = taken(later, 2, NOW - 1000)
    assert level == granted(NANO, 1220)
    assert after == Slots(NOW + 120, (NOW + 220,), (1,))
    assert slots.unseen(NOW, NOW + 7) == Slots(NOW + 7)
    assert slots.unseen(NOW + 7, NOW + 7) is None


def test_a_lowered_limit_waits_until_enough_have_ended() -> None:
    held: Slots | None = None
    for second in range(5):
        held, _ = taken(held, 5, NOW + second)
    assert held is not None
    after, level = taken(held, 2, NOW + 5)
    assert level == refused(0, 98, 95)
    assert after.counts == (1, 1, 1, 1, 1)
    assert taken(held, 6, NOW + 5)[1].granted


def test_a_limit_of_nothing_never_passes() -> None:
    assert taken(None, 0, NOW)[1] == refused(0, -1, 0)


def test_an_amount_of_nothing_passes_while_one_is_free() -> None:
    held, level, _ = slots.admit(None, slot(1, 100, amount=0), NOW)
    assert level == granted(NANO, 0)
    assert held == Slots(NOW)
    full, _ = taken(held, 1, NOW)
    assert not slots.admit(full, slot(1, 100, amount=0), NOW)[1].granted
    assert slots.standing(full, slot(3, 100), NOW) == granted(2 * NANO, 100)


def test_slots_of_a_shorter_life_end_before_older_ones() -> None:
    held, _ = taken(None, 3, NOW, life=1000)
    held, _ = taken(held, 3, NOW, life=10)
    assert held.ends == (NOW + 10, NOW + 1000)
    assert held.until == NOW + 1000
    assert Slots(NOW).until == NOW


def test_thousands_of_slots_are_few_ends() -> None:
    life, held = 600 * NANO, None
    for number in range(5000):
        held, level = taken(held, 5000, NOW + number * NANO // 10, life)
        assert level.granted
        assert len(held.ends) <= MOST_ENDS
    assert held is not None
    assert sum(held.counts) == 5000
    assert not taken(held, 5000, NOW + 500 * NANO, life)[1].granted


lives = st.sampled_from([1, 50, 900, 1000])


@settings(max_examples=80)
@given(
    st.lists(st.tuples(lives, st.integers(0, 30), st.booleans()), min_size=60, max_size=300),
    st.integers(0, 2**32),
)
def test_a_crowd_holds_no_fewer_and_no_longer_than_a_fifteenth(
    steps: list[tuple[int, int, bool]], seed: int
) -> None:
    """Against every single end, however lives change and whatever is given back."""
    held, now, real = None, NOW, list[int]()
    for life, passed, give in steps:
        now += passed
        real = [end for end in real if end > now]
        if give and real:
            end = real.pop(seed % len(real))
            held = slots.give_back(held, end, now)
            assert held is not None
        else:
            held, level, end = slots.admit(held, slot(10**6, life), now)
            assert level.granted
            real.append(end)
        for moment in (now, now + 1, now + 60, now + 400, now + 999):
            kept = sum(slots.brought(held, moment).counts)
            assert kept >= sum(end > moment for end in real)
        assert held.until <= now + 1000 + 1000 // 15
