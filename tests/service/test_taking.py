from __future__ import annotations

import asyncio
import gc
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from inspect import isfunction
from pathlib import Path
from threading import get_ident
from weakref import finalize, ref

import pytest

from engine.runtime.memory import MemoryStore
from engine.runtime.policyset import PolicySet
from engine.runtime.reference import ReferenceMatcher
from engine.runtime.request import Request
from engine.service import taking
from engine.service.bundles import Recipe
from engine.service.cache import FolderCache, open_cache
from engine.service.compiled import compile_folder
from engine.service.gate import Gate
from engine.service.shelf import FolderShelf
from engine.service.slices import in_slices
from engine.service.stored import Bundle, fetch_bundle
from engine.service.taking import GateTaker, parts_of, settle_heap
from tests.few_files import few_files

SECRET = b"s" * 32
RULES = 'policy p {{ default allow rule r {{ when user.id == "u1" then deny "{reason}" }} }}'
SCANNING = """
policy q {
  default allow
  rule mail { when content has pii.email then deny "mail" }
  rule odd { when injection(content) > 0.9 then deny "odd" }
}
"""
FACTS = 'facts tenant from "tenants.csv"\nschema { tenant.plan: string }\n'


class Place:
    """A folder of policies, a cache, and a gate that decides by them."""

    def __init__(self, folder: Path) -> None:
        self.root = folder / "policies"
        self.root.mkdir()
        self.cache: FolderCache = open_cache(folder / "cache")
        self.gate = Gate(MemoryStore(), secret=SECRET)
        recipe = Recipe(SECRET, prepare=True, remembered_bytes=1 << 20)
        self.taker = GateTaker(self.gate, self.root, self.cache, recipe)

    def write(self, reason: str, more: str = "") -> str:
        """Write and compile the policies; return their revision."""
        text = RULES.format(reason=reason) + more
        (self.root / "p.pol").write_text(text)
        return compile_folder(self.root, self.cache).revision

    def reason(self) -> str:
        """Return why a request of u1 is denied."""
        made = self.gate.decide(
            Request(tenant={"id": "north"}, user={"id": "u1"}, stage="request", content="hello")
        )
        return made.reasons[0].message


@pytest.fixture
def place(tmp_path: Path) -> Place:
    made = Place(tmp_path)
    made.write("one")
    made.taker.begin(compile_folder(made.taker.root, made.taker.cache))
    return made


def test_a_revision_decides_once_it_was_taken(place: Place) -> None:
    assert place.reason() == "one"
    revision = place.write("two")
    assert asyncio.run(place.taker.take(revision)) == ""
    assert (place.reason(), place.taker.revision) == ("two", revision)


def test_a_revision_that_is_not_there_changes_nothing(place: Place) -> None:
    assert "does not hold what was compiled" in asyncio.run(place.taker.take("another"))
    assert place.reason() == "one"


def test_what_cannot_be_read_is_told_with_what_it_takes(place: Place) -> None:
    revision = place.write("two")

    async def take() -> str:
        # The thread, and what the loop needs, is there before no file can be opened any more.
        await asyncio.to_thread(lambda: None)
        with few_files(0):
            return await place.taker.take(revision)

    said = asyncio.run(take())
    assert said == (
        f"what was compiled cannot be read from {place.cache.folder}: Too many open files; allow "
        "the process more open files (`ulimit -n`)"
    )


def test_what_was_loaded_decides_only_when_it_is_swapped_in(place: Place) -> None:
    loaded = asyncio.run(place.taker.load(place.write("two")))
    assert loaded is not None
    assert place.reason() == "one"
    asyncio.run(place.taker.swap(loaded))
    assert place.reason() == "two"


def test_a_gate_without_policies_takes_its_first(tmp_path: Path) -> None:
    place = Place(tmp_path)
    assert asyncio.run(place.taker.take(place.write("one"))) == ""
    assert place.reason() == "one"


def test_detectors_and_reader_stay_while_nothing_of_them_changes(place: Place) -> None:
    asyncio.run(place.taker.take(place.write("two", SCANNING)))
    scanning = place.gate.policies
    asyncio.run(place.taker.take(place.write("three", SCANNING)))
    assert place.gate.policies.senses.scanner is scanning.senses.scanner
    assert place.gate.policies.reader is scanning.reader
    asyncio.run(place.taker.take(place.write("four")))
    assert place.gate.policies.senses.scanner is not scanning.senses.scanner


def test_facts_are_joined_anew(place: Place) -> None:
    (place.root / "tenants.csv").write_text("id,plan\nnorth,pro\n")
    asyncio.run(place.taker.take(place.write("two", FACTS)))
    before = place.gate.policies.reader
    (place.root / "tenants.csv").write_text("id,plan\nnorth,free\n")
    asyncio.run(place.taker.take(place.write("two", FACTS)))
    assert place.gate.policies.reader is not before


def test_the_memory_of_code_that_was_linked_is_given_back_beside_who_decides(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    given_back: list[int] = []

    def fetch(revision: str, shelf: FolderShelf, *, gently: bool = False) -> Bundle | None:
        bundle = fetch_bundle(revision, shelf, gently=gently)
        assert bundle is not None
        whole = bundle.units[0]
        assert isinstance(whole, memoryview)
        finalize(whole.obj, lambda: given_back.append(get_ident()))
        return bundle

    async def link(work: Generator[None, None, PolicySet]) -> PolicySet:
        # The one thread beside has nothing of the bundle any more when it does something else.
        await asyncio.to_thread(int)
        return await in_slices(work)

    async def load(revision: str) -> PolicySet | None:
        asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(1))
        return await place.taker.load(revision)

    monkeypatch.setattr(taking, "fetch_bundle", fetch)
    monkeypatch.setattr(taking, "in_slices", link)
    assert asyncio.run(load(place.write("two"))) is not None
    assert len(given_back) == 1
    assert get_ident() not in given_back


def test_what_decided_before_is_freed_without_the_collector(place: Place) -> None:
    place.reason()
    old = ref(next(filter(isfunction, parts_of(place.gate.policies)[0])))
    gc.disable()
    try:
        asyncio.run(place.taker.take(place.write("two", "schema { context.x: int? }")))
        assert old() is None
    finally:
        gc.enable()


def test_who_still_decides_by_the_old_policies_can(place: Place) -> None:
    """As a stream does that was opened before."""
    old = place.gate.policies
    asyncio.run(place.taker.take(place.write("two")))
    record = old.reader.read(
        Request(tenant={"id": "north"}, user={"id": "u1"}, stage="request", content="x")
    )
    made = place.gate.decide_read(old, lambda: record)
    assert made.reasons[0].message == "one"


def test_refusals_are_told_until_the_newest_decides(place: Place) -> None:
    place.taker.refuse("not good")
    assert place.gate.status().refusal == "not good"
    place.taker.confirm()
    assert place.gate.status().refusal == ""


def test_what_is_there_is_left_alone_by_the_collector() -> None:
    before = gc.get_freeze_count()
    kept = [[number] for number in range(100)]
    settle_heap()
    assert gc.get_freeze_count() >= before + len(kept)


def test_what_the_interpreter_evaluates_is_freed_as_well(place: Place) -> None:
    policies = place.gate.policies
    indexed, _ = parts_of(policies)
    matcher = ReferenceMatcher(policies.program, policies.lists)
    plain, mass = parts_of(replace(policies, matcher=matcher))
    assert len(plain) < len(indexed)
    assert mass == [policies.program, policies.policies, policies.rules, policies.owner]
