from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from ipaddress import ip_address

import pytest

from engine.language.types import BOOL, JSON, ListOf, SetOf
from engine.verify.generate import paths, put, read, remove
from engine.verify.palette import PLAIN, around, loose, plain, read_palette
from tests.verify.bundles import load

LAST = datetime.max.replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "found"),
    [
        (5, (5, 4, 6)),
        (Decimal("0.50"), (Decimal("0.50"), Decimal("0.49"), Decimal("0.51"))),
        (timedelta(1), (timedelta(1), timedelta(1, -1), timedelta(1, 1))),
        (LAST, (LAST,)),
        (True, (True,)),
        ("a", ("a",)),
    ],
)
def test_constants_have_neighbours(value: object, found: tuple[object, ...]) -> None:
    assert around(value) == found


def test_every_type_has_values() -> None:
    assert all(plain(one) == PLAIN[one] for one in PLAIN)
    assert plain(SetOf(BOOL)) == plain(ListOf(BOOL)) == ([], [True], [True, False])
    assert plain(JSON)


def test_values_are_as_a_door_receives_them() -> None:
    value = {"a": (frozenset({1}), ip_address("::1")), "b": {"c": None}}
    assert loose(value) == {"a": [[1], "::1"], "b": {"c": None}}


def test_nested_requests_are_read_and_changed() -> None:
    request: dict[str, object] = {"a": 1}
    put(request, "b.c.d", 2)
    assert list(paths(request)) == ["a", "b.c.d", "b.c", "b"]
    assert (read(request, "b.c.d"), read(request, "a.x"), read(request, "b.x")) == (2, None, None)
    remove(request, "a.b")
    remove(request, "b.c")
    assert request == {"a": 1, "b": {}}


def test_conditions_give_the_values_that_they_tell_apart() -> None:
    made = load(
        """
        schema { context.n: int? context.word: string? }
        policy p {
          applies when "x" == user.id or now < 9999-12-31T23:59:59Z
          default allow
          rule a { when context.word is present and context.word like "a*b?" then deny }
          rule b { when tool is present and (arg("n") ?? 0) > 5 then deny }
          rule c { when lower(content) == "loud" or length(content) > 7 then deny }
          rule d {
            when any r in user.roles: (r == "boss" or any s in user.roles: (s != r))
            then deny
          }
          rule e { when source.ip is present and source.ip within "10.0.0.0/8" then deny }
          rule g { when arg("to.name") tainted or arg("n") not tainted then deny }
          rule f { when (context.n ?? 0) + 1 > 5 or context.word in {"a", user.id} then deny }
        }
        test "t" {
          mock injection(content) = 0.5
          given { tenant.id: "t", user.id: "u", stage: "request", content: "from a test" }
          expect deny
          repeat 1 { given { tenant.id: "t", user.id: "u", stage: "request" } expect deny }
        }
        """.replace("context.word in {", "user.id in {")
    )
    palette = read_palette(made.program, ["a sample"], {"tenant.id": ["north"]}, {})
    assert palette.values["tenant.id"] == ("north",)
    assert palette.values["user.id"] == ("x",)
    assert palette.values["context.word"] == ("axby",)
    assert palette.values["user.roles"] == (["boss"],)
    assert palette.values["content"] == ("loud",)
    assert palette.values["source.ip"] == ("10.0.0.0",)
    assert palette.arguments == {("n",): (5, 4, 6), ("to", "name"): ()}
    assert palette.texts == ("a sample", "from a test")
    assert palette.mocks == {"tainted.to.name": (True, False), "tainted.n": (True, False)}
