from __future__ import annotations

from datetime import timedelta

import pytest

from engine.language.types import DURATION, INT, IP, JSON, STRING, TEXT, ListOf, SetOf, Type
from engine.service.bundles import Recipe, load_folder
from engine.verify.stand_in import StandIns, stand_ins
from tests.service.bundle import SECRET, write_folder

POLICY = """\
entity shop.order { pattern /ORD-[0-9]{6}/ }
entity shop.voucher { pattern /VOU-[0-9]{6}/ }
policy p { default allow rule r { when content has shop.order, shop.voucher then deny } }
test "one" {
  given { tenant.id: "a", user.id: "b", stage: "request", content: "ORD-000001" }
  expect deny
}
"""


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> StandIns:
    root = write_folder(tmp_path_factory.mktemp("p"), {"p.pol": POLICY})
    return stand_ins(load_folder(root, Recipe(SECRET)))


@pytest.mark.parametrize(
    ("text", "harmless"),
    [
        ("nothing in it", "nothing in it"),
        ("to ann@acme.example now", "to kim.lee@example.com now"),
        ("order ORD-123456", "order ORD-000001"),
        ("voucher VOU-123456", "voucher [VOUCHER]"),
        ("mail [EMAIL] or [NOTHING]", "mail kim.lee@example.com or [NOTHING]"),
        ("password = 'hunter2hunter2X9'", "password = 'c0rrect-H0rse-Battery'"),
    ],
)
def test_a_value_of_the_same_kind_stands_in(made: StandIns, text: str, harmless: str) -> None:
    assert made.text(text) == harmless


def test_names_in_texts_are_found_and_ids_are_left(made: StandIns) -> None:
    assert "Miller" not in made.text("Please call Sarah Miller about the contract.")
    assert made.text("Miller") == "Miller"


@pytest.mark.parametrize(
    ("value", "type_", "harmless"),
    [
        ("8.8.8.8", IP, "203.0.113.9"),
        ("10.1.2.3", IP, "10.1.2.3"),
        ("PT90S", DURATION, timedelta(seconds=90)),
        ("a@acme.example", TEXT, "kim.lee@example.com"),
        (["a@acme.example", "x"], SetOf(STRING), ["kim.lee@example.com", "x"]),
        ([1, 2], ListOf(INT), [1, 2]),
        (
            {"a@acme.example": ["a@acme.example", 7, None]},
            JSON,
            {"kim.lee@example.com": ["kim.lee@example.com", 7, None]},
        ),
        (7, INT, 7),
    ],
)
def test_attributes_are_harmless_and_of_their_type(
    made: StandIns, value: object, type_: Type, harmless: object
) -> None:
    assert made.attribute(value, type_) == harmless


def test_what_was_put_in_place_is_named(made: StandIns) -> None:
    fresh = StandIns(made.policies, made.samples)
    fresh.text("to ann@acme.example, VOU-123456")
    assert (fresh.replaced, fresh.labelled) == ({"pii.email"}, {"shop.voucher"})
