from __future__ import annotations

from decimal import Decimal

import pytest

from engine.runtime.review import written_alike


@pytest.mark.parametrize(
    ("one", "other"), [("9", "9.00"), ("900", "9E+2"), ("0", "-0.00"), ("0.10", "0.1")]
)
def test_equal_amounts_are_bound_alike(one: str, other: str) -> None:
    assert written_alike(Decimal(one)) == written_alike(Decimal(other))
    assert written_alike([{"a": Decimal(one)}]) == written_alike([{"a": Decimal(other)}])


@pytest.mark.parametrize(
    ("one", "other"), [("9", "90"), ("9", "-9"), ("1" + "0" * 40 + "1", "1" + "0" * 40 + "2")]
)
def test_other_amounts_are_bound_otherwise(one: str, other: str) -> None:
    assert written_alike(Decimal(one)) != written_alike(Decimal(other))
    assert written_alike(Decimal(one)) != written_alike(one)
