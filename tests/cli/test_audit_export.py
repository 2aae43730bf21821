from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import duckdb
import msgspec
import pytest

from engine.cli import audit_export, output_file
from engine.cli.output_file import whole_file
from engine.service.audit import Audit
from engine.state.lmdb import LmdbStore
from engine.storage import query
from engine.storage.header import Cut
from engine.storage.source import segment_files
from tests.cli.calling import call
from tests.sinks.ocsf_schema import wrong
from tests.sinks.samples import DECISION, TIME, WRITTEN

LINES = [one for one in WRITTEN if not isinstance(one, Cut)]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A trail with a record of every kind."""
    audit = Audit(tmp_path / "audit", tmp_path / "key", "deny", name="x", time=lambda: TIME)
    for one in LINES:
        audit.write(one)
    audit.close()
    return tmp_path / "audit"


def test_as_lines_every_record_is_byte_by_byte_as_it_was_kept(folder: Path, tmp_path: Path) -> None:
    file = tmp_path / "all.jsonl"
    result = call("audit", "export", "--folder", folder, "-o", file)
    assert result.exit_code == 0
    assert f"{len(LINES)} records are in {file}" in result.stderr
    assert file.read_bytes().splitlines() == [
        msgspec.json.encode(one, enc_hook=str) for one in LINES
    ]
    assert file.stat().st_mode & 0o777 == 0o600
    assert call("audit", "export", "--folder", folder).stdout == file.read_text()


def test_a_dash_is_standard_output_for_every_verb(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    policies = tmp_path / "policies"
    policies.mkdir()
    (policies / "p.pol").write_text("policy p { default allow }\n", encoding="utf-8")
    LmdbStore(tmp_path / "data/state", map_size=2**20).close()
    verbs = [
        ("audit", "export", "--folder", folder),
        ("audit", "export", "--folder", folder, "--format", "csv"),
        ("state", "export", "--data", tmp_path / "data"),
        ("docs", policies),
    ]
    for verb in verbs:
        printed, dashed = call(*verb), call(*verb, "-o", "-")
        assert (dashed.exit_code, dashed.output) == (0, printed.output)
        assert "standard output" in " ".join(call(*verb, "--help").output.split())
    page = call("audit", "report", "--folder", folder, "--session", "s1", "--html", "-")
    assert page.stdout.startswith("<!DOCTYPE html>")
    both = call("audit", "report", "--folder", folder, "--session", "s1", "--html", "-", "--json")
    assert (both.exit_code, both.stdout) == (2, "")
    assert "name a file" in both.stderr
    refused = [("test", policies, "--junit", "-"), ("detectors", "eval", "x", "--png", "-")]
    for verb in refused:
        result = call(*verb)
        assert (result.exit_code, result.stdout) == (2, "")
        assert "name a file" in result.stderr
    assert list(Path().iterdir()) == []


@pytest.mark.parametrize("form", ["ocsf", "opa", "cloudevents"])
def test_every_kind_has_a_line_in_every_form(folder: Path, form: str) -> None:
    result = call("audit", "export", "--folder", folder, "--format", form)
    lines = [json.loads(line) for line in result.stdout.splitlines()]
    assert len(lines) == len(LINES)
    assert form != "ocsf" or [wrong(one) for one in lines] == [[]] * len(lines)


def test_tables_have_a_row_for_every_record(folder: Path, tmp_path: Path) -> None:
    sheet, table = tmp_path / "all.csv", tmp_path / "all.parquet"
    call("audit", "export", "--folder", folder, "--format", "csv", "-o", sheet)
    with sheet.open(newline="") as file:
        rows = list(csv.DictReader(file, strict=True))
    assert [row["kind"] for row in rows][:2] == ["decision", "decision"]
    call("audit", "export", "--folder", folder, "--format", "parquet", "-o", table)
    assert len(duckdb.read_parquet(str(table)).fetchall()) == len(rows) == len(LINES)


def test_records_are_chosen_as_a_query_chooses_them(folder: Path) -> None:
    chosen = ("--kind", "decision", "--action", "escalate")
    result = call("audit", "export", "--folder", folder, "--format", "opa", *chosen)
    assert [json.loads(one)["decision_id"] for one in result.stdout.splitlines()] == ["d-held"]
    none = call("audit", "export", "--folder", folder, "--tenant", "nobody")
    assert (none.exit_code, none.stdout) == (0, "")


def test_a_part_that_cannot_be_read_is_told(folder: Path, tmp_path: Path) -> None:
    [path] = segment_files(folder)
    data = path.read_bytes()
    path.write_bytes(data.replace(b'"reload"', b'"RELOAD"', 1))
    result = call("audit", "export", "--folder", folder, "-o", tmp_path / "some.jsonl")
    assert result.exit_code == 1
    assert path.name in result.stderr
    kinds = [
        json.loads(line)["kind"] for line in (tmp_path / "some.jsonl").read_text().splitlines()
    ]
    assert kinds == [type(one).__struct_config__.tag for one in LINES[: len(kinds)]]
    assert 0 < len(kinds) < len(LINES)


def test_a_trail_that_is_not_there_is_said(tmp_path: Path) -> None:
    result = call("audit", "export", "--folder", tmp_path / "none")
    assert result.exit_code == 2
    assert "there is no audit trail" in result.stderr


def test_a_file_that_cannot_be_written_leaves_what_was_there(folder: Path, tmp_path: Path) -> None:
    result = call("audit", "export", "--folder", folder, "-o", tmp_path / "none" / "x")
    assert result.exit_code == 2
    assert "cannot write" in result.stderr
    kept = tmp_path / "kept.csv"
    kept.write_text("before")
    kept.chmod(0o640)
    with pytest.raises(TypeError), whole_file(str(kept)) as file:
        file.writelines([b"half", None])  # type: ignore[list-item]
    assert kept.read_text() == "before"
    assert sorted(one.name for one in tmp_path.iterdir()) == ["audit", "kept.csv", "key"]
    call("audit", "export", "--folder", folder, "--format", "csv", "-o", kept)
    assert kept.read_text().startswith("time,kind,")
    assert kept.stat().st_mode & 0o777 == 0o640


def test_who_is_killed_while_a_file_is_written_leaves_nothing(tmp_path: Path) -> None:
    kept = tmp_path / "kept.csv"
    kept.write_text("before")
    program = """
import os, signal, sys
from engine.cli.output_file import whole_file
with whole_file(sys.argv[1]) as file:
    file.write(b"half")
    file.flush()
    os.kill(os.getpid(), signal.SIGKILL)
"""
    done = subprocess.run([sys.executable, "-c", program, kept], check=False)  # noqa: S603  ours
    assert done.returncode == -signal.SIGKILL
    assert [one.name for one in tmp_path.iterdir()] == ["kept.csv"]
    assert kept.read_text() == "before"


def test_where_no_file_can_be_without_a_name_it_has_a_hidden_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(output_file, "OPEN_FILES", tmp_path / "no proc")
    kept = tmp_path / "kept.csv"
    with whole_file(str(kept)) as file:
        file.write(b"whole")
        (hidden,) = tmp_path.iterdir()
        assert hidden.name.startswith(".kept.csv.")
    assert [one.name for one in tmp_path.iterdir()] == ["kept.csv"]
    assert kept.read_text() == "whole"


def test_a_link_stays_a_link(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "real.jsonl")
    call("audit", "export", "--folder", folder, "-o", tmp_path / "link")
    assert (tmp_path / "link").is_symlink()
    assert len((tmp_path / "real.jsonl").read_bytes().splitlines()) == len(LINES)


def test_what_is_no_file_is_written_to(folder: Path) -> None:
    result = call("audit", "export", "--folder", folder, "-o", "/dev/full")
    assert result.exit_code == 2
    assert "No space left" in result.stderr
    assert call("audit", "export", "--folder", folder, "-o", "/dev/null").exit_code == 0


def test_parquet_without_its_library_is_a_sentence(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "engine.sinks.forms_parquet", None)
    result = call("audit", "export", "--folder", folder, "--format", "parquet")
    assert result.exit_code == 2
    assert result.stderr == f"engine: {audit_export.MISSING}\n"


@pytest.fixture
def run(folder: Path) -> list[str]:
    """A command line that exports the folder."""
    return [sys.executable, "-m", "engine", "audit", "export", "--folder", str(folder)]


@pytest.mark.slow
def test_a_full_disk_and_a_closed_pipe_are_no_accidents(run: list[str]) -> None:
    with open("/dev/full", "wb") as full:  # noqa: PTH123 - a device, not a path of ours
        done = subprocess.run(run, stdout=full, stderr=subprocess.PIPE, check=False)  # noqa: S603
    assert (done.returncode, done.stderr) == (2, b"engine: cannot write: No space left on device\n")
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(run, stdout=writer, stderr=subprocess.PIPE, check=False)  # noqa: S603
    os.close(writer)
    assert (done.returncode, done.stderr) == (0, b"")


def test_parquet_is_not_for_a_terminal(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit_export, "on_terminal", lambda: True)
    result = call("audit", "export", "--folder", folder, "--format", "parquet")
    assert result.exit_code == 2
    assert "--output" in result.stderr


def test_the_trail_failing_midway_is_not_blamed_on_the_output(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(*_: object, **__: object) -> Iterator[object]:
        raise OSError(5, "Input/output error")
        yield

    monkeypatch.setattr(audit_export, "find", failing)
    result = call("audit", "export", "--folder", folder, "-o", tmp_path / "x")
    assert result.exit_code == 2
    assert "cannot be read" in result.stderr
    assert not (tmp_path / "x").exists()
    assert DECISION.decision_id not in result.output


def test_an_export_that_is_broken_off_leaves_nothing_and_says_one_sentence(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dropped: list[object] = []

    def interrupted(*given: object, **named: object) -> Iterator[object]:
        yield from query.find(*given, **named)  # type: ignore[arg-type]
        raise KeyboardInterrupt

    monkeypatch.setattr(audit_export, "find", interrupted)
    monkeypatch.setattr(sys, "unraisablehook", dropped.append)
    to = tmp_path / "out"
    to.mkdir()
    result = call(
        "audit", "export", "--folder", folder, "--format", "parquet", "-o", to / "x.parquet"
    )
    assert (result.exit_code, result.stderr) == (130, "\nengine: interrupted\n")
    assert not [*to.iterdir()]
    assert not dropped
