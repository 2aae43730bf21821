"""A generator knows when the machine held it, and what that did to the tail."""

from __future__ import annotations

import os
from time import perf_counter_ns, sleep

import pytest

from bench.load.ahead import LOOP_ORDER, ahead, answering, order_of
from bench.load.holds import Holds, tail_share

LONG_NS = 5_000_000


def test_a_loop_that_gave_up_its_core_was_held() -> None:
    holds = Holds()
    before = perf_counter_ns()
    sleep(LONG_NS / 1e9)
    now = perf_counter_ns()
    holds.look(before, now)
    ((begin, end),) = holds.spans
    assert end == now
    assert LONG_NS * 0.8 < end - begin <= now - before


def test_a_loop_that_works_is_not_held() -> None:
    holds = Holds()
    begin = perf_counter_ns()
    # What others take of the core meanwhile is asked for at once, and is no part of the last look.
    holds.look(begin, perf_counter_ns())
    before = perf_counter_ns()
    holds.look(before, before)
    assert [one for one in holds.spans if one[0] >= before] == []


def test_a_loop_that_left_its_core_by_itself_was_not_held() -> None:
    holds = Holds()
    before = perf_counter_ns()
    sleep(LONG_NS / 1e9)
    awake = perf_counter_ns()
    holds.slept(awake)
    holds.look(before, perf_counter_ns())
    assert all(begin > before + LONG_NS * 0.8 for begin, _ in holds.spans)


def test_the_tail_is_the_slowest_hundredth() -> None:
    dues = list(range(0, 200_000, 1000))
    latencies = [10] * 200
    latencies[50], latencies[150] = 1000, 3000
    assert tail_share(dues, latencies, []) == 0
    # Calls 50 and 150 take 4,000 together; of these 500 and 1,000 were in the spans.
    spans = [(50_500, 51_500), (100_000, 149_000), (151_000, 152_000)]
    assert tail_share(dues, latencies, spans) == pytest.approx(1500 / 4000)
    assert tail_share([], [], spans) == 0


def test_a_server_is_back_among_others_after_its_turn() -> None:
    before = os.sched_getscheduler(0)
    with ahead(os.getpid()) as went:
        policy = os.sched_getscheduler(0) & ~os.SCHED_RESET_ON_FORK
        assert policy == (os.SCHED_FIFO if went else before)
    assert os.sched_getscheduler(0) == before == os.SCHED_OTHER


def test_the_loop_of_a_python_server_comes_before_its_threads() -> None:
    assert os.getpid() in answering(os.getpid())
    assert order_of(os.getpid(), os.getpid()) == LOOP_ORDER
    assert order_of(os.getpid(), os.getpid() + 1) < LOOP_ORDER
