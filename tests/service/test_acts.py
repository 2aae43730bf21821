"""Who records beside the daemon does so in the daemon's name, or not at all."""

from __future__ import annotations

import os
import pwd
from pathlib import Path

import pytest

from engine.service.acts import keep_apart, whoami
from engine.service.audit import KEY, PUBLIC, Audit
from engine.service.entries import AdminEntry
from engine.service.keys import load_key
from engine.service.record import RecordError
from engine.storage.notes import read_verifier
from engine.storage.read import read_folder
from engine.storage.verify import verify_folder

LINE = AdminEntry(time="2026-01-01T00:00:00.000000Z", act="state_reset", who="ann")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "audit"
    Audit(made, tmp_path / KEY, "deny", name="north.example/a", time=lambda: LINE.time).close()
    return made


def test_a_line_is_kept_in_a_trail_of_its_own_that_verifies(folder: Path, tmp_path: Path) -> None:
    assert keep_apart(folder, tmp_path, LINE)
    assert keep_apart(folder, tmp_path, LINE)
    assert len({one.trail for one in read_folder(folder)}) == 2
    report = verify_folder(folder, [read_verifier((folder / PUBLIC).read_text())])
    assert (report.records, report.signed, report.problems) == (2, 2, [])


def test_where_no_trail_is_kept_none_is_begun(tmp_path: Path) -> None:
    assert not keep_apart(tmp_path / "none", tmp_path, LINE)
    assert list(tmp_path.iterdir()) == []


def test_what_is_no_trail_s_key_is_told(folder: Path, tmp_path: Path) -> None:
    (folder / PUBLIC).write_text("nonsense\n")
    with pytest.raises(RecordError, match="cannot be signed"):
        keep_apart(folder, tmp_path, LINE)
    (folder / PUBLIC).unlink()
    (folder / PUBLIC).mkdir()
    with pytest.raises(RecordError, match="cannot read"):
        keep_apart(folder, tmp_path, LINE)


def test_a_key_that_is_none_is_told(folder: Path, tmp_path: Path) -> None:
    (tmp_path / KEY).write_text("nonsense")
    with pytest.raises(RecordError, match="cannot be signed"):
        keep_apart(folder, tmp_path, LINE)


def test_a_key_is_never_made_nor_put_in_the_place_of_another(folder: Path, tmp_path: Path) -> None:
    public = (folder / PUBLIC).read_text()
    (tmp_path / KEY).unlink()
    with pytest.raises(RecordError, match="is not there"):
        keep_apart(folder, tmp_path, LINE)
    assert not (tmp_path / KEY).exists()
    load_key(tmp_path / KEY)
    with pytest.raises(RecordError, match="signed with another key"):
        keep_apart(folder, tmp_path, LINE)
    assert (folder / PUBLIC).read_text() == public


def test_who_acts_has_a_name_or_a_number(monkeypatch: pytest.MonkeyPatch) -> None:
    assert whoami() == pwd.getpwuid(os.getuid()).pw_name

    def nobody(_user: int) -> None:
        raise KeyError

    monkeypatch.setattr(pwd, "getpwuid", nobody)
    assert whoami() == str(os.getuid())
