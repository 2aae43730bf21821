"""Retention of much: what goes for its size, and how little of it is in memory meanwhile."""

from __future__ import annotations

import random
import tracemalloc
from pathlib import Path

import msgspec
import pytest

from engine.storage import prune as pruning
from engine.storage import retention
from engine.storage.moment import time_of
from engine.storage.prune import NEW, NotWhole, forget
from engine.storage.read import read_folder
from engine.storage.retention import DAY, MEGABYTE, Due, Keep, Rules, due_in
from engine.storage.shipped import Shipped
from engine.storage.source import COMPRESSED, compressed, opened_source, segment_files
from tests.storage.made import told, trail

NOW = 1_800_000_000_000_000
NOTHING = Shipped({})
ONE = Rules(others=Keep(megabytes=1))


def kept(minutes: int, name: str, bytes_: int, tenant: str = "north") -> bytes:
    """A record that was made so many minutes ago, of about so many bytes."""
    time = time_of(NOW - minutes * DAY // 1440)
    fields = {"kind": "decision", "time": time, "tenant": tenant, "decision_id": name}
    return msgspec.json.encode({**fields, "pad": "x" * (bytes_ - 120)})


def names_of(found: list[Due], folder: Path) -> set[str]:
    """The ids of what is due, as they stand in the records."""
    gone = {(due.trail, number) for due in found for number in due.numbers}
    return {
        msgspec.json.decode(one.payload)["decision_id"]
        for one in read_folder(folder)
        if (one.trail, one.sequence) in gone
    }


def test_the_oldest_go_of_all_trails_whatever_order_they_stand_in(tmp_path: Path) -> None:
    chance = random.Random(7)  # noqa: S311  no secret
    made: list[tuple[int, str, int]] = []
    for number in range(6):
        one = trail(tmp_path, segment_bytes=200_000)
        for place in range(60):
            # Clocks were set back, and trails lie beside each other.
            record = (
                chance.randrange(1, 10_000),
                f"{number}-{place}",
                chance.randrange(200, 20_000),
            )
            made.append(record)
            one.append(kept(*record))
            one.append(kept(record[0], f"s{number}-{place}", 200, tenant="south"))
        one.close()
    found = due_in(tmp_path, ONE, (), NOTHING, NOW)
    sizes = {
        msgspec.json.decode(one.payload)["decision_id"]: len(one.payload)
        for one in read_folder(tmp_path)
    }
    left = sum(sizes[name] for _, name, _ in made)
    expected = set()
    for _, name, _ in sorted(made, key=lambda one: -one[0]):
        if left <= MEGABYTE:
            break
        left -= sizes[name]
        expected.add(name)
    assert names_of(found, tmp_path) == expected
    assert 0 < len(expected) < len(made)
    assert sum(due.by_size for due in found) == len(expected)


def many_segments(folder: Path) -> None:
    """Write a trail of records of 10 KB, the oldest first."""
    one = trail(folder, segment_bytes=100_000)
    for number in range(120):
        one.append(kept(1000 - number, f"n{number}", 10_000))
    one.close()


def test_only_what_may_go_next_is_looked_at_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    many_segments(tmp_path)
    segments = segment_files(tmp_path)
    assert len(segments) > 10
    looked: list[str] = []
    look_again = retention._look_again

    def looking(due: Due, **given: object) -> object:
        looked.append(due.name)
        return look_again(due, **given)  # type: ignore[arg-type]

    monkeypatch.setattr(retention, "_look_again", looking)
    assert [one.name for one in due_in(tmp_path, ONE, (), NOTHING, NOW)] == looked[:2]
    assert len(looked) <= 3
    looked.clear()
    assert due_in(tmp_path, Rules(others=Keep(megabytes=2)), (), NOTHING, NOW) == []
    assert looked == []


def test_a_segment_that_goes_while_it_is_looked_at_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    many_segments(tmp_path)
    first, second = segment_files(tmp_path)[:2]
    look_again = retention._look_again

    def looking(due: Due, **given: object) -> object:
        first.unlink(missing_ok=True)
        return look_again(due, **given)  # type: ignore[arg-type]

    monkeypatch.setattr(retention, "_look_again", looking)
    heard: list[str] = []
    found = due_in(tmp_path, ONE, (), NOTHING, NOW, heard.append)
    assert found[0].path == second
    assert [one.startswith(f"{first.stem} stays as it is: ") for one in heard] == [True]


@pytest.fixture
def much(tmp_path: Path) -> Path:
    """A closed segment of 24 MB, every other record of north."""
    one = trail(tmp_path, segment_bytes=2**26)
    for number in range(2400):
        one.append(kept(1000, f"n{number}", 10_000, tenant="south" if number % 2 else "north"))
    one.close()
    (path,) = segment_files(tmp_path)
    return path


@pytest.mark.slow
@pytest.mark.parametrize("form", ["plain", "compressed"])
def test_a_long_segment_is_forgotten_a_piece_at_a_time(much: Path, form: str) -> None:
    if form == "compressed":
        much.with_suffix(COMPRESSED).write_bytes(compressed(much.read_bytes()))
        much.unlink()
    folder = much.parent
    rules = Rules(tenants={"north": Keep(megabytes=4)})
    tracemalloc.start()
    (due,) = due_in(folder, rules, (), NOTHING, NOW)
    one = trail(folder)
    act = {"kind": "admin", "time": time_of(NOW), "act": "pruned", "what": due.told}
    one.append(msgspec.json.encode(act))
    one.close()
    tracemalloc.reset_peak()
    forget(due)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 8 * MEGABYTE
    assert told(folder) == []
    assert len(due.rows) == due.by_size > 700
    names = [msgspec.json.decode(one.payload).get("decision_id") for one in read_folder(folder)]
    assert [name for name in names if name] == [
        f"n{number}" for number in range(2400) if number not in set(due.rows)
    ]
    with opened_source(due.path) as source:
        assert source.compressed == (form == "compressed")
        assert source.size < 20 * MEGABYTE


def test_what_would_be_another_segment_is_not_put_in_its_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = trail(tmp_path)
    for number in range(9):
        one.append(kept(1000, f"n{number}", 200_000))
    one.close()
    (due,) = due_in(tmp_path, ONE, (), NOTHING, NOW)
    before = due.path.read_bytes()
    monkeypatch.setattr(pruning, "pruned_frame", lambda data, start: data[start : start + 9])
    with pytest.raises(NotWhole):
        forget(due)
    monkeypatch.setattr(pruning, "pruned_frame", lambda *_: b"")
    due.rows = due.rows[-1:]
    with pytest.raises(NotWhole):
        forget(due)
    assert due.path.read_bytes() == before
    assert list(tmp_path.glob(f"*{NEW}")) == []
