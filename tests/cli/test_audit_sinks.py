"""How far the trail is shipped, for people and for machines."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from engine.cli.audit_sinks import sinks
from engine.cli.serve import check
from engine.daemon.settings import Settings
from engine.daemon.settings_audit import Audit
from engine.daemon.settings_sinks import read_sinks
from engine.sinks.cursor import Cursor, path_of, save_cursor
from engine.sinks.status import Status, read_status, write_status
from engine.storage.follow import list_trails
from tests.storage.made import filled


def run(folder: Path, *arguments: str) -> tuple[int, str]:
    found = CliRunner().invoke(sinks, ["--folder", str(folder), *arguments])
    return found.exit_code, found.output


def test_where_nothing_is_shipped_it_says_so(tmp_path: Path) -> None:
    assert run(tmp_path) == (0, "nothing is shipped from here\n")
    assert run(tmp_path / "nowhere")[0] == 2


def test_lag_and_last_success_of_each_sink(tmp_path: Path) -> None:
    filled(tmp_path, 1500)
    (name,) = list_trails(tmp_path)
    cursor = Cursor(
        sink="lake", trails={name: 100}, shipped=90, dead=7, missed=3, last="2026-01-01"
    )
    save_cursor(path_of(tmp_path, "lake"), cursor)
    save_cursor(path_of(tmp_path, "new"), Cursor(sink="new"))
    code, text = run(tmp_path)
    assert code == 0
    lines = [line.split() for line in text.splitlines()]
    assert ["lake", "1,400", "90", "0", "7", "3", "2026-01-01", "yes"] in lines
    assert ["new", "1,500", "0", "0", "0", "0", "never", "yes"] in lines
    assert "lake: refused for good: 7; they and the reasons are in a file that is gone" in text
    (tmp_path / "shipped" / "lake.dead.jsonl").write_text("")
    assert "lake.dead.jsonl" in run(tmp_path)[1].replace("\n", "")


def test_a_sink_that_does_not_take_anything_is_told_and_its_words_are_inert(tmp_path: Path) -> None:
    save_cursor(path_of(tmp_path, "lake"), Cursor(sink="lake"))
    write_status(tmp_path, "lake", Status("it is \x1b[31maway", 3, 4))
    (tmp_path / "shipped" / "lake.dead.jsonl").write_text("")
    code, text = run(tmp_path)
    assert code == 1
    assert "lake: it is " in text
    assert "\x1b" not in text
    code, text = run(tmp_path, "--json")
    (found,) = json.loads(text)
    assert (code, found["retries"], found["failures"]) == (1, 3, 4)
    assert found["dead_letters"].endswith("lake.dead.jsonl")


def test_a_cursor_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    save_cursor(path_of(tmp_path, "lake"), Cursor(sink="lake"))
    path_of(tmp_path, "lake").write_text("{}")
    code, text = run(tmp_path)
    assert code == 1
    assert "the cursor cannot be read" in text


def test_a_notice_that_cannot_be_written_or_read_is_none(tmp_path: Path) -> None:
    write_status(tmp_path, "lake", Status("x"))
    assert read_status(tmp_path, "lake") == Status()
    (tmp_path / "shipped").mkdir()
    (tmp_path / "shipped" / "lake.status").write_text("no JSON")
    assert read_status(tmp_path, "lake") == Status()


def test_settings_are_checked_before_anything_runs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    good = {"kind": "file", "name": "copy", "folder": str(tmp_path)}
    bad = {"kind": "http", "name": "web", "url": "http://x", "token": "file:/nowhere/token"}
    assert check(Settings(audit=Audit(folder="audit", sinks=read_sinks([good])))) == 0
    assert capsys.readouterr().out == "the settings can be used\n"
    assert check(Settings(audit=Audit(folder="audit", sinks=read_sinks([good, bad])))) == 2
    assert "sink `web`: `token`: cannot read /nowhere/token" in capsys.readouterr().err
