from __future__ import annotations

from decimal import Decimal

import pytest

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
