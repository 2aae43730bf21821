from __future__ import annotations

import pickle
from pathlib import Path

import pytest

from engine.language.program import Policy
from engine.service.cache import open_cache
from engine.service.compiled import compile_folder
from engine.service.packed import Origin, Packed, RulesOf, pack, repack
from tests.service.bundle import write_folder

TWO = """\
policy a { default allow rule x { then deny } rule y { then deny } }
policy b { default allow }
policy c { default allow rule z { then deny } }
"""


@pytest.fixture(scope="module")
def policies(tmp_path_factory: pytest.TempPathFactory) -> Packed[Policy]:
    folder: Path = write_folder(tmp_path_factory.mktemp("packed"), {"two.pol": TWO})
    packed = compile_folder(folder).program.policies
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


def test_bytes_are_taken_over_only_from_files_that_did_not_change(
    policies: Packed[Policy],
) -> None:
    old: Packed[Policy] = Packed(bytes([number]) for number in range(3))
    was = Origin("e", {"two.pol": b"1"}, ("a", "b", "gone"))

    def taken(now: Origin) -> list[bool]:
        made = repack(policies, now, old, was)
        return [made.raw(number) == bytes([number]) for number in range(3)]

    assert taken(Origin("e", {"two.pol": b"1"}, ("a", "b", "c"))) == [True, True, False]
    assert taken(Origin("e", {"two.pol": b"2"}, ("a", "b", "c"))) == [False] * 3
    assert taken(Origin("f", {"two.pol": b"1"}, ("a", "b", "c"))) == [False] * 3


def test_a_bundle_made_from_an_older_one_is_the_same_as_one_made_afresh(tmp_path: Path) -> None:
    files = {"a.pol": "policy a { default allow }", "b.pol": "policy b { default allow }"}
    root = write_folder(tmp_path / "policies", files)
    cache = open_cache(tmp_path / "cache")
    compile_folder(root, cache)
    write_folder(root, {"b.pol": "# moved down\npolicy b { default deny }"})
    made = compile_folder(root, cache)
    assert made == compile_folder(root)
    assert [one.default for one in made.program.policies] == ["allow", "deny"]
    assert made.program.policies[1].span.line == 2
