"""What is decided together is recorded together, and answered only when it is."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import pytest

from engine.runtime.decision import Decision
from engine.runtime.memory import MemoryStore
from engine.runtime.policyset import PolicySet
from engine.runtime.reader import Reader
from engine.runtime.request import InvalidRequest
from engine.service.audit import Audit
from engine.service.bundles import Recipe, load_folder
from engine.service.entries import Entry, Line
from engine.service.gate import Gate
from engine.service.journal import Journal
from engine.service.laid import Laid
from engine.service.record import Both, NoRecorder, RecordError
from engine.service.together import Begun, begin_all
from engine.storage.durability import Way
from tests.service.bundle import SECRET, asked, write_folder


class Kept(NoRecorder):
    """Keeps entries, in one go if it may, but for those that it is told to refuse."""

    def __init__(self, refused: str = "none", *, whole: bool = True) -> None:
        self.refused = refused
        self.whole = whole
        self.goes: list[list[str]] = []

    def write(self, entry: Line) -> None:
        assert isinstance(entry, Entry)
        if entry.request_id == self.refused:
            raise RecordError("the disk is full")
        self.goes.append([entry.decision_id])

    def write_all(self, entries: Sequence[Entry | Laid]) -> bool:
        if self.whole:
            self.goes.append([one.decision_id for one in entries])
        return self.whole


@pytest.fixture(scope="module")
def policies(tmp_path_factory: pytest.TempPathFactory) -> PolicySet:
    return load_folder(write_folder(tmp_path_factory.mktemp("chat")), Recipe(SECRET))


def gate_of(policies: PolicySet, recorder: Kept | Audit | None) -> Gate:
    """Return a gate that records with *recorder*."""
    gate = Gate(MemoryStore(), recorder, secret=SECRET)
    gate.swap(policies)
    return gate


def three() -> list[dict[str, object]]:
    """Return three requests."""
    return [asked(request_id=f"r{number}") for number in range(3)]


def begun(gate: Gate, requests: Iterable[dict[str, object]]) -> list[Begun]:
    """Return what comes of each of *requests*, together."""

    def begin(one: dict[str, object]) -> Begun:
        try:
            return gate.begin_with(Reader.read, one)
        except InvalidRequest as problem:
            return problem

    return begin_all(gate, requests, begin)


def decisions(gate: Gate, requests: Sequence[dict[str, object]]) -> list[Decision]:
    """Return what is decided on *requests* together."""
    made = begun(gate, requests)
    assert all(isinstance(one, Decision) for one in made)
    return [one for one in made if isinstance(one, Decision)]


def test_decisions_are_recorded_in_one_go_and_in_their_order(policies: PolicySet) -> None:
    kept = Kept()
    made = decisions(gate_of(policies, kept), three())
    assert kept.goes == [[one.decision_id for one in made]]
    assert [one.request_id for one in made] == ["r0", "r1", "r2"]


def test_afterwards_each_is_recorded_by_itself_again(policies: PolicySet) -> None:
    kept = Kept()
    gate = gate_of(policies, kept)
    decisions(gate, three())
    alone = gate.decide(asked())
    assert kept.goes[1:] == [[alone.decision_id]]


def test_where_one_go_fails_only_what_cannot_be_recorded_is_denied(policies: PolicySet) -> None:
    kept = Kept(refused="r1", whole=False)
    made = decisions(gate_of(policies, kept), three())
    assert [one.action for one in made] == ["allow", "deny", "allow"]
    assert made[1].reasons[0].failure == "the decision could not be recorded"
    assert kept.goes == [[made[0].decision_id], [made[2].decision_id]]


def test_what_breaks_while_recording_denies(
    policies: PolicySet, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = Kept(whole=False)
    monkeypatch.setattr(kept, "write", None)
    made = decisions(gate_of(policies, kept), three())
    assert {one.action for one in made} == {"deny"}


def test_a_request_that_is_none_fails_no_neighbour(policies: PolicySet) -> None:
    kept = Kept()
    gate = gate_of(policies, kept)
    made = begun(gate, [asked(), {}, asked()])
    assert isinstance(made[1], InvalidRequest)
    assert len(kept.goes[0]) == 2


def test_what_was_decided_before_time_was_over_is_recorded(policies: PolicySet) -> None:
    kept = Kept()

    def hurried() -> Iterator[dict[str, object]]:
        yield asked()
        raise TimeoutError

    gate = gate_of(policies, kept)
    with pytest.raises(TimeoutError):
        begun(gate, hurried())
    assert [len(go) for go in kept.goes] == [1]
    gate.decide(asked())
    assert len(kept.goes) == 2


def test_nothing_is_asked_of_a_recorder_when_nothing_was_decided(policies: PolicySet) -> None:
    kept = Kept()
    assert begun(gate_of(policies, kept), []) == []
    assert kept.goes == []


def trail(folder: Path, way: Way, now: str = "2026-01-01") -> Audit:
    """Return a trail below *folder*, which is written at *now*."""
    return Audit(folder / "audit", folder / "key", way, name="x", time=lambda: now)


def test_a_trail_holds_the_same_records_however_they_were_written(
    policies: PolicySet, tmp_path: Path
) -> None:
    audit = trail(tmp_path, Way(durability="written"))
    gate = gate_of(policies, audit)
    assert audit.together
    decisions(gate, three())
    gate.decide(asked())
    assert audit.tally.records == 4
    gate.close()


@pytest.mark.parametrize(
    ("now", "records"),
    [("1970-01-01T00:00:02Z", 4), ("1970-01-01T00:00:04Z", 3)],
    ids=["and one says that the clock went back", "since they are told late"],
)
def test_records_whose_times_go_back_are_written_one_by_one(
    policies: PolicySet, tmp_path: Path, now: str, records: int
) -> None:
    audit = trail(tmp_path, Way(durability="written"), now)
    times = iter((3_000_000_000, 2_000_000_000, 4_000_000_000))
    gate = Gate(MemoryStore(), audit, secret=SECRET, clock=lambda: 1_000_000_000)
    gate.swap(policies)
    gate._clock = lambda: next(times)
    assert [one.action for one in decisions(gate, three())] == ["allow"] * 3
    assert audit.tally.records == records
    gate.close()


@pytest.mark.parametrize(
    "way", [Way(durability="synced"), Way(durability="spool"), Way(on_full="block")]
)
def test_what_may_have_to_wait_is_not_kept_together(way: Way, tmp_path: Path) -> None:
    audit = trail(tmp_path, way)
    assert not audit.together
    audit.close()


def test_a_trail_that_cannot_take_all_takes_none(
    policies: PolicySet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    audit = trail(tmp_path, Way(durability="written"))

    def full(_file: int, _data: bytes) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "write", full)
    made = decisions(gate_of(policies, audit), three())
    assert [one.action for one in made] == ["deny"] * 3
    monkeypatch.undo()
    audit.close()


def test_journals_and_two_recorders_are_written_one_by_one(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "record.jsonl", "deny")
    for one in (journal, Both(journal, NoRecorder())):
        assert not one.together
        assert not one.write_all([])
    assert not NoRecorder().write_all([])
    journal.close()


def test_a_trail_that_has_a_backlog_keeps_nothing_out_of_turn(tmp_path: Path) -> None:
    audit = trail(tmp_path, Way(durability="spool"))
    assert not audit._committer.put_all([b"x"])
    audit.close()
