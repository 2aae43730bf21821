"""A daemon records that it began, that it ended, and what became of the policies in between."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import engine
from engine.daemon.chronicle import Chronicle, written_apart
from engine.daemon.logs import open_log
from engine.daemon.settings import Settings
from engine.daemon.settings_audit import Audit as AuditSettings
from engine.service.audit import KEY, PUBLIC, Audit
from engine.service.entries import AdminEntry, ReloadEntry
from engine.service.record import RecordError
from engine.service.reload import Attempt
from engine.storage.notes import read_verifier
from engine.storage.read import read_folder
from engine.storage.verify import verify_folder
from tests.daemon.running import daemon, decide
from tests.daemon.test_workers import reload, write
from tests.service.bundle import write_folder
from tests.service.test_gate import Kept

NOW = 1_767_225_600_000_000_000
TIME = "2026-01-01T00:00:00.000000Z"
OPEN = "policy door { default allow }"


@pytest.fixture
def kept() -> Kept:
    return Kept()


@pytest.fixture
def chronicle(kept: Kept) -> Chronicle:
    return Chronicle(kept.write, open_log("info", "json"), lambda: NOW)


def test_a_beginning_and_an_end_are_acts(chronicle: Chronicle, kept: Kept) -> None:
    chronicle.began("abc", 3, 7, 2)
    chronicle.ended()
    first, last = kept.others
    assert isinstance(first, AdminEntry)
    assert isinstance(last, AdminEntry)
    assert (first.time, first.act, last.act) == (TIME, "started", "stopped")
    assert first.what == {
        "version": engine.__version__,
        "revision": "abc",
        "policies": 3,
        "rules": 7,
        "workers": 2,
    }


def test_a_reload_was_accepted_or_refused(chronicle: Chronicle, kept: Kept) -> None:
    chronicle.reloaded(Attempt("new", "old"), 3, 7)
    chronicle.reloaded(Attempt("new", "new", ("E201 a.pol:3:9",)), 3, 7)
    assert kept.others == [
        ReloadEntry(
            time=TIME, revision="new", previous="old", outcome="accepted", policies=3, rules=7
        ),
        ReloadEntry(
            time=TIME,
            revision="new",
            previous="new",
            outcome="refused",
            policies=3,
            rules=7,
            why=("E201 a.pol:3:9",),
        ),
    ]


def test_what_cannot_be_recorded_is_logged(kept: Kept, capsys: pytest.CaptureFixture[str]) -> None:
    kept.problem = RecordError("the disk is full")
    Chronicle(kept.write, open_log("info", "json"), lambda: NOW).ended()
    logged = json.loads(capsys.readouterr().err)
    assert (logged["event"], logged["why"]) == (
        "what the daemon did is not recorded",
        "the disk is full",
    )


def test_who_decides_nothing_records_beside_those_who_do(tmp_path: Path) -> None:
    folder = tmp_path / "audit"
    Audit(folder, tmp_path / KEY, "deny", name="north.example/a", time=lambda: TIME).close()
    line = AdminEntry(time=TIME, act="started")
    settings = Settings(audit=AuditSettings(folder="audit"))
    written_apart(settings, tmp_path)(line)
    written_apart(Settings(audit=AuditSettings(folder="")), tmp_path)(line)
    assert [json.loads(one.payload)["act"] for one in read_folder(folder)] == ["started"]


def story(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(one.payload) for one in read_folder(folder / "data" / "audit")]


@pytest.mark.slow
@pytest.mark.parametrize("workers", ["1", "2"])
def test_the_record_of_a_daemon_is_whole(workers: str, tmp_path: Path) -> None:
    write_folder(tmp_path / "policies", {"door.pol": OPEN})
    options = (
        f"--workers={workers}",
        "--listen=127.0.0.1:0",
        "--metrics=",
        "--set=reload.watch=false",
        "--set=drain_seconds=2",
        "--set=audit.folder=audit",
    )
    with daemon(tmp_path, *options) as running:
        decide(running.address)
        write(tmp_path, 'policy door { default deny "shut" }')
        assert reload(running.address).loaded
        write(tmp_path, "policy door { default perhaps }")
        assert not reload(running.address).loaded
        assert running.stop() == 0, running.log()
    found = story(tmp_path)
    told = [(one["kind"], one.get("act") or one.get("outcome") or "") for one in found]
    assert sorted(told) == [
        ("admin", "reload_asked"),
        ("admin", "reload_asked"),
        ("admin", "started"),
        ("admin", "stopped"),
        ("decision", ""),
        ("reload", "accepted"),
        ("reload", "refused"),
    ]
    accepted, refused = (one for one in found if one["kind"] == "reload")
    assert accepted["previous"] != accepted["revision"] == refused["revision"]
    [why] = refused["why"]
    assert why.startswith("E")
    assert why.endswith("door.pol:1:23")
    folder = tmp_path / "data" / "audit"
    report = verify_folder(folder, [read_verifier((folder / PUBLIC).read_text())])
    assert report.problems == []
