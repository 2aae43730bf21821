"""A folder compiled with what the cache holds of it is the folder compiled afresh."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest

from engine.service.cache import FolderCache, open_cache
from engine.service.compiled import PolicyError, compile_folder
from engine.service.shelf import FolderShelf
from engine.service.stored import Bundle, fetch_bundle
from tests.service.bundle import write_folder

SHARED = """\
package shared
schema { context.amount: int  context.note: string ? }
let limit = 500
let small = 10
list words from "words.txt"
meter refusals counts rule north.money.cap by user.id over 10m
fixture plain { tenant.id: "t", user.id: "u", stage: "request", context.amount: 1 }
"""
NORTH = """\
package north
import shared
policy money "Money" {
  rollout 50% by user.id
  applies when tenant.id == "north"
  default allow
  rule cap { when context.amount > shared.limit then deny "too much" advise tier = "small" }
  rule odd { when 1 == 2 then deny }
}
"""
SOUTH = """\
package south
import shared
policy words {
  default deny
  rule ok { when context.amount < shared.small then allow advise said = content }
  rule late { when content in shared.words then deny expires 2027-01-01 }
  rule often { when meter.refusals > 3 then escalate to "people" }
}
test "small sums pass" {
  given shared.plain with { content: "x" }
  expect allow by words.ok
}
property never_cheap "Never cheap" { never deny when context.amount < 0 }
"""
EAST = """\
policy east { default allow rule r { when stage == "response" then redact pii.email } }
test "east" {
  given { tenant.id: "t", user.id: "u", stage: "request", context.amount: 1, content: "x" }
  expect allow
}
property aaa "First" { always allow when context.amount < 0 }
"""
FILES: dict[str, str | bytes] = {
    "shared.pol": SHARED,
    "north.pol": NORTH,
    "deep/south.pol": SOUTH,
    "east.pol": EAST,
    "words.txt": "plutonium\n",
}


@pytest.fixture
def cache(tmp_path: Path) -> FolderCache:
    return open_cache(tmp_path / "cache")


@pytest.fixture
def root(tmp_path: Path, cache: FolderCache) -> Path:
    """Return a folder that the cache knows."""
    made = write_folder(tmp_path / "policies", FILES)
    compile_folder(made, cache)
    return made


def edit(root: Path, name: str, old: str, new: str) -> None:
    text = (root / name).read_text()
    assert old in text
    (root / name).write_text(text.replace(old, new))


def rebuilt(root: Path, cache: FolderCache) -> Bundle:
    """Return the bundle that the cache helps to make, once it is what a fresh one is."""
    warm, cold = compile_folder(root, cache), compile_folder(root)
    stored = fetch_bundle(warm.revision, FolderShelf(cache, root))
    assert warm == cold
    assert stored == cold
    assert pickle.loads(pickle.dumps(warm)) == cold  # noqa: S301  made here
    names = [one.name for one in warm.program.policies]
    assert names == sorted(names)
    return warm


def test_everything_of_a_bundle_is_compared() -> None:
    made = set(Bundle.__dataclass_fields__)
    assert made == {
        "revision", "program", "facts", "lists", "units", "places", "shape", "warnings",
    }  # fmt: skip
    assert all(one.compare for one in Bundle.__dataclass_fields__.values())


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("north.pol", '"too much"', '"far too much"'),
        ("north.pol", "policy money", "# moved down\npolicy money"),
        ("north.pol", "rollout 50% by user.id", ""),
        ("north.pol", 'advise tier = "small"', "advise tier = content"),
        ("deep/south.pol", "rule late", "rule aaa"),
        ("deep/south.pol", '"small sums pass"', '"small sums still pass"'),
        ("deep/south.pol", "never_cheap", "aa"),
        ("shared.pol", "limit = 500", "limit = 900"),
        ("shared.pol", "context.note: string ?", "context.note: int ?"),
        ("shared.pol", "over 10m", "over 20m"),
        ("shared.pol", "context.amount: 1 }", "context.amount: 2 }"),
        ("words.txt", "plutonium", "uranium"),
    ],
)
def test_an_edited_file(root: Path, cache: FolderCache, name: str, old: str, new: str) -> None:
    before = compile_folder(root)
    edit(root, name, old, new)
    assert rebuilt(root, cache) != before


def test_a_let_of_a_shared_file_reaches_the_files_that_use_it(
    root: Path, cache: FolderCache
) -> None:
    before = compile_folder(root, cache).program.policies
    edit(root, "shared.pol", "limit = 500", "limit = 900")
    after = rebuilt(root, cache).program.policies
    assert [one == other for one, other in zip(before, after, strict=True)] == [True, False, True]


def test_a_schema_that_no_longer_fits_is_told(root: Path, cache: FolderCache) -> None:
    edit(root, "shared.pol", "context.amount: int", "context.amount: string")
    told = []
    for one in (cache, open_cache(root.parent / "empty")):
        with pytest.raises(PolicyError) as caught:
            compile_folder(root, one)
        told.append(caught.value.diagnostics)
    assert told[0] == told[1]
    edit(root, "shared.pol", "context.amount: string", "context.amount: int")
    rebuilt(root, cache)


def test_a_deleted_file_is_gone(root: Path, cache: FolderCache) -> None:
    (root / "east.pol").unlink()
    made = rebuilt(root, cache)
    assert [one.name for one in made.program.policies] == ["north.money", "south.words"]
    assert [one.name for one in made.program.tests] == ["small sums pass"]
    assert [one.name for one in made.program.properties] == ["south.never_cheap"]
    assert made.shape.owner == (0, 0, 1, 1, 1)


def test_a_new_file_takes_its_place_by_name(root: Path, cache: FolderCache) -> None:
    (root / "zzz.pol").write_text("policy aaa { default allow rule r { then deny } }")
    made = rebuilt(root, cache)
    assert made.program.policies[0].name == "aaa"
    assert made.shape.owner == (0, 1, 2, 2, 3, 3, 3)


def test_a_renamed_policy_is_numbered_anew(root: Path, cache: FolderCache) -> None:
    edit(root, "east.pol", "policy east", "policy zebra")
    made = rebuilt(root, cache)
    assert [one.name for one in made.program.policies] == ["north.money", "south.words", "zebra"]
    assert made.shape.passing_policies == {0}
    assert made.shape.passing == {0, 1, 2}


def test_a_moved_file_says_its_new_place(root: Path, cache: FolderCache) -> None:
    (root / "east.pol").rename(root / "deep/west.pol")
    made = rebuilt(root, cache)
    assert made.program.policies[0].span.path == "deep/west.pol"


def test_two_changes_one_after_the_other(root: Path, cache: FolderCache) -> None:
    edit(root, "east.pol", "pii.email", "pii.phone")
    rebuilt(root, cache)
    edit(root, "north.pol", "too much", "far too much")
    rebuilt(root, cache)
    edit(root, "east.pol", "pii.phone", "pii.email")
    rebuilt(root, cache)
