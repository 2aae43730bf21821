"""What a diagnostic advises is what the author most likely meant."""

from __future__ import annotations

import pytest

from engine.language import catalog
from engine.language.schema import STANDARD
from engine.language.text import NOWHERE


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("user.role", "did you mean `user.roles`?"),
        ("context.amount", "declare it: `schema { context.amount: string }`"),
        ("sesion.id", "did you mean `session.id`?"),
        ("weather.today", "declare it in a `schema`"),
    ],
)
def test_an_unknown_attribute_is_put_right_or_declared(name: str, hint: str) -> None:
    found = catalog.unknown_attribute(name, STANDARD, NOWHERE)

    assert found.help is not None
    assert found.help.startswith(hint)
