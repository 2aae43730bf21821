from __future__ import annotations

from decimal import Decimal

import pytest

from engine.runtime.request import InvalidRequest
from engine.service.usage import Usage, amounts_of

BILLION = 1_000_000_000


@pytest.mark.parametrize(
    ("usage", "amounts"),
    [
        (Usage(), {}),
        (
            Usage(input_tokens=2, output_tokens=3),
            {"usage.input_tokens": 2, "usage.output_tokens": 3, "tokens": 5},
        ),
        (Usage(output_tokens=0), {"usage.output_tokens": 0, "tokens": 0}),
        (Usage(cost_usd=Decimal("0.5")), {"usage.cost_usd": 0.5, "usd": 0.5}),
    ],
)
def test_figures_become_amounts_by_unit(usage: Usage, amounts: dict[str, float]) -> None:
    assert amounts_of(usage) == {unit: int(value * BILLION) for unit, value in amounts.items()}


@pytest.mark.parametrize(
    ("cost", "told"),
    [
        ("1e9999999", "more than 64 digits"),
        ("1e99999", "more than 64 digits"),
        ("NaN", "not finite"),
        ("Infinity", "not finite"),
        ("-0.01", "must not be negative"),
    ],
)
def test_what_is_no_cost_is_refused_before_it_is_work(cost: str, told: str) -> None:
    with pytest.raises(InvalidRequest) as raised:
        amounts_of(Usage(cost_usd=Decimal(cost)))
    assert [str(one) for one in raised.value.problems] == [f"usage.cost_usd: {told}"]
