"""How many questions are answered in one go."""

from __future__ import annotations

from engine.doors.breath import SECONDS, Breath

MOST = 16


def test_until_something_took_long_all_are_answered_in_one_go() -> None:
    breath = Breath()
    assert breath.fitting(MOST) == MOST
    breath.took(SECONDS, MOST)
    assert breath.fitting(MOST) == MOST


def test_of_what_takes_long_so_many_fit_as_the_first_may_wait_for() -> None:
    breath = Breath()
    breath.took(SECONDS * 4, MOST)
    assert breath.fitting(MOST) == MOST // 4
    breath.took(SECONDS * 9, 3)
    assert breath.fitting(MOST) == 1


def test_who_asks_for_little_again_is_trusted_step_by_step() -> None:
    breath = Breath()
    breath.took(SECONDS, 1)
    fitting = []
    while breath.fitting(MOST) < MOST:
        breath.took(0.0, 1)
        fitting.append(breath.fitting(MOST))
    assert fitting == [2, 4, 8, 16]


def test_its_own_clock_goes_on() -> None:
    breath = Breath()
    assert breath.now() <= breath.now()
