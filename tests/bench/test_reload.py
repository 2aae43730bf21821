"""Whose pause it was that a decision waited for, in the bench of reloads."""

from __future__ import annotations

from bench.bench_reload import MS, Phase, joined, judge, share_of, undisturbed
from bench.steady import Taken

CALLS = [(0, 10), (100, 50), (200, 10), (300, 10)]


def test_calls_that_a_pause_fell_on_are_told_apart() -> None:
    # The second was under way when the generator was held, the third was due during that.
    assert undisturbed(CALLS, [(120, 85)]) == [10, 10]
    assert undisturbed(CALLS, [(10, 90)]) == [10, 50, 10, 10]
    assert undisturbed(CALLS, [(0, 1), (299, 400)]) == [50, 10]
    assert undisturbed(CALLS, []) == [10, 50, 10, 10]


def test_a_share_of_the_answers_came_within_a_time() -> None:
    assert share_of(range(1000, 0, -1), 0.999) == 1000
    assert share_of(range(1000, 0, -1), 0.5) == 501
    assert share_of([], 0.5) == 0


def phase(latencies: list[tuple[int, int]], holds: list[tuple[int, int, int]]) -> Phase:
    made = Phase()
    made.add(Taken(latencies, [(0, 2 * MS)], 0), iter(holds), 0)
    return made


def test_what_the_process_worked_for_is_a_hold_of_its_own() -> None:
    slow = [(number, 3 * MS) for number in range(10)]
    late = [(10 * MS + number, MS // 2) for number in range(90)]
    row = phase(slow + late, [(5, 3 * MS, 2 * MS), (5, 2 * MS, 0), (5, MS // 2, MS)]).row(
        "off", "x"
    )
    assert (row["times"], row["by itself"]) == (2, 1)
    assert (row["p99.9 us"], row["p99.9 us, generator not held"]) == (3000, 500)


def test_goals_are_of_all_calls_and_of_those_that_the_generator_did_not_delay() -> None:
    found = {
        ("off", what): phase([(10 * MS, MS)] * 9, []) for what in ("nothing", "reloads", "scrapes")
    }
    names = [one.name for one in judge(found).goals]
    assert "audit off: p99.9 with reloads, ms" in names
    assert "audit off: p99.9 with reloads, generator not held, ms" in names
    assert all(one.met for one in judge(found).goals)


def test_the_machine_is_blamed_for_what_it_did_to_both_ends_or_to_an_idle_loop() -> None:
    # The generator was held until 2 ms, the loop that decides from 9 to 12 ms without running,
    # and from 19 to 22 ms by its own work.
    calls = [(0, 3 * MS), (10 * MS, 4 * MS), (20 * MS, 5 * MS), (30 * MS, MS)]
    held = [(12 * MS, 3 * MS, MS // 2), (22 * MS, 3 * MS, 3 * MS), (2 * MS, 2 * MS, 2 * MS)]
    seen = phase(calls, held)
    assert seen.aside == [5 * MS, MS]
    assert seen.row("off", "x")["by itself"] == 1
    assert seen.row("written", "x")["machine aside"] is None


def test_pauses_that_overlap_are_one() -> None:
    assert joined([(50, 5), (0, 10), (5, 20), (10, 2), (25, 1)]) == [(0, 26), (50, 5)]
    assert joined([]) == []
