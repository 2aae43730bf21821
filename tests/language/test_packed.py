from __future__ import annotations

import pickle

import pytest

from engine.language.packed import Packed, RulesOf, join, pack
from engine.language.program import Policy
from tests.language.plans import compiled

TWO = """\
policy a { default allow rule x { then deny } rule y { then deny } }
policy b { default allow }
policy c { default allow rule z { then deny } }
"""


@pytest.fixture(scope="module")
def policies() -> Packed[Policy]:
    packed = compiled(TWO).program.policies
    assert isinstance(packed, Packed)
    return packed


def test_members_are_decoded_once_and_only_when_asked_for(policies: Packed[Policy]) -> None:
    fresh: Packed[Policy] = pickle.loads(pickle.dumps(policies))  # noqa: S301  made here
    assert fresh._members == {}
    assert fresh[1].name == "b"
    assert fresh[1] is fresh[1]
    assert list(fresh._members) == [1]


def test_a_packed_sequence_is_a_sequence(policies: Packed[Policy]) -> None:
    assert len(policies) == 3
    assert [one.name for one in policies] == ["a", "b", "c"]
    assert [one.name for one in policies[1:]] == ["b", "c"]
    assert policies[-1].name == "c"
    with pytest.raises(IndexError):
        policies[3]


def test_equal_members_make_equal_sequences(policies: Packed[Policy]) -> None:
    again = pack(policies)
    assert again == policies
    assert hash(again) == hash(policies)
    assert again != pack(policies[:2])
    assert again != tuple(policies)


def test_rules_are_numbered_through(policies: Packed[Policy]) -> None:
    rules = RulesOf(policies, (0, 0, 2))
    assert len(rules) == 3
    assert [one.name for one in rules] == ["a.x", "a.y", "c.z"]
    assert rules[1] is policies[0].rules[1]
    assert [one.name for one in rules[1:]] == ["a.y", "c.z"]


@pytest.mark.parametrize("protocol", [2, 4, 5])
def test_byte_strings_end_to_end_are_a_sequence(protocol: int) -> None:
    made = pickle.loads(pickle.dumps(join([b"one", b"", b"three"]), protocol))  # noqa: S301
    assert made == join([b"one", b"", b"three"])
    assert hash(made) == hash(join([b"one", b"", b"three"]))
    assert made != join([b"one", b"thr", b"ee"])
    assert made != [b"one", b"", b"three"]
    assert [bytes(one) for one in made] == [b"one", b"", b"three"]
    assert [bytes(one) for one in made[1:]] == [b"", b"three"]
    assert bytes(made[-1]) == b"three"
    with pytest.raises(IndexError):
        made[3]
