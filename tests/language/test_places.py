from __future__ import annotations

from engine.language.places import place_policies


def test_policies_are_numbered_by_name_and_rules_in_that_order() -> None:
    made = place_policies([[("m", 2), ("a", 3)], [], [("k", 0), ("z", 1)]])
    # By name: a (rules 0 to 2), k (none), m (3 and 4), z (5).
    assert list(made.policies) == [2, 0, 1, 3]
    assert list(made.rules) == [3, 0, 3, 5]


def test_no_policies_have_no_places() -> None:
    made = place_policies([])
    assert (list(made.policies), list(made.rules)) == ([], [])
