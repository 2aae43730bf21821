"""The name of an argument tells what stands behind it."""

from __future__ import annotations

import pytest

from engine.content.findings import Finding
from engine.runtime.told import LONGEST_VALUE, told_in, untold


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ({"password": "x1"}, ['password: "x1"']),
        ({"db": {"password": "x1", "port": 5432}}, ['password: "x1"', 'port: "5432"']),
        ({"tokens": ["a", ["b"]]}, ['tokens: "a"', 'tokens: "b"']),
        ({"token": {"value": "x1"}}, ['token: "x1"']),
        ({"name": "API_KEY", "value": "x1"}, ['name: "API_KEY"', 'API_KEY: "x1"']),
        ({"name": "two words", "value": "x1"}, ['name: "two words"']),
        ({"name": 7, "key": "pin", "Value": "x1"}, ['name: "7"', 'key: "pin"', 'pin: "x1"']),
        ({"card": 4111.0, "share": 0.5, "on": True, "off": None}, ['card: "4111"']),
        ({'a: "b': "x1", "": "x1", "empty": ""}, []),
        (["x1", 7, 7.0, {}], []),
        ({"long": "x" * (LONGEST_VALUE + 1)}, []),
    ],
)
def test_a_string_is_told_behind_its_name(value: object, told: list[str]) -> None:
    assert list(told_in(value)) == told


def test_what_is_found_in_the_string_alone_counts_at_its_place_there() -> None:
    told = 'password: "a: \\"b"'
    findings = (
        Finding("x.name", 0, 8, 1.0),
        Finding("x.both", 5, 14, 1.0),
        Finding("x.inside", 11, 13, 1.0),
        Finding("x.beyond", 13, 18, 1.0),
    )
    assert untold(told, findings) == ('a: \\"b', (Finding("x.inside", 0, 2, 1.0),))
