from __future__ import annotations

from engine.classifiers.breaker import FAILURES, LONGEST, SHORTEST, Breaker


def opened(now: float = 0.0) -> Breaker:
    breaker = Breaker()
    for _ in range(FAILURES):
        assert breaker.admit(now)
        breaker.fail(now)
    return breaker


def test_a_few_failures_in_a_row_open_it() -> None:
    breaker = Breaker()
    for _ in range(FAILURES - 1):
        breaker.fail(0.0)
    assert breaker.closed
    breaker.succeed()
    for _ in range(FAILURES - 1):
        breaker.fail(0.0)
    assert breaker.admit(0.0)
    breaker.fail(0.0)
    assert not breaker.closed
    assert breaker.refuses(0.0)
    assert not breaker.admit(0.0)


def test_after_a_rest_one_call_probes_and_a_success_closes_it() -> None:
    breaker = opened()
    assert not breaker.refuses(SHORTEST)
    assert breaker.admit(SHORTEST)
    assert breaker.refuses(SHORTEST), "one probe at a time"
    assert not breaker.admit(SHORTEST)
    breaker.succeed()
    assert breaker.closed
    assert breaker.admit(SHORTEST)


def test_every_failed_probe_doubles_the_rest_up_to_a_bound() -> None:
    breaker = opened()
    now, rest = 0.0, SHORTEST
    for _ in range(10):
        assert breaker.refuses(now + rest - 0.01)
        now += rest
        assert breaker.admit(now)
        breaker.fail(now)
        rest = min(rest * 2, LONGEST)
    assert rest == LONGEST
    assert breaker.refuses(now + LONGEST - 0.01)
    assert not breaker.refuses(now + LONGEST)


def test_calls_that_were_out_when_it_opened_do_not_prolong_the_rest() -> None:
    breaker = opened()
    breaker.fail(0.9)
    assert not breaker.refuses(SHORTEST)


def test_a_rest_begins_anew_after_a_success() -> None:
    breaker = opened()
    assert breaker.admit(SHORTEST)
    breaker.fail(SHORTEST)
    assert breaker.admit(SHORTEST * 3)
    breaker.succeed()
    for _ in range(FAILURES):
        breaker.fail(100.0)
    assert not breaker.refuses(100.0 + SHORTEST)
