from __future__ import annotations

import json
import os
import time
from pathlib import Path

import msgspec
import pytest

from engine.cli.audit_signing import opener, who
from engine.service.audit import KEY, PUBLIC, Audit
from engine.storage.holds import FILE
from engine.storage.moment import time_of
from engine.storage.retention import DAY
from engine.storage.tending import tending
from tests.cli.calling import call
from tests.service.test_record import entry


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Thirty days of decisions of two tenants, and nothing else in the working directory."""
    monkeypatch.chdir(tmp_path)
    audit = Audit(
        tmp_path / "audit",
        tmp_path / KEY,
        "deny",
        name="x",
        time=lambda: "2026-01-01T00:00:00Z",
        segment_bytes=8000,
    )
    for day in range(30, 0, -1):
        moment = time_of(time.time_ns() // 1000 - day * DAY)
        for tenant in ("north", "south\x1b[31m"):
            audit.write(
                msgspec.structs.replace(
                    entry(), time=moment, tenant=tenant, decision_id=f"{tenant[0]}{day}"
                )
            )
    audit.close()
    return tmp_path / "audit"


def fine(folder: Path) -> None:
    result = call("audit", "verify", "--folder", folder)
    assert (result.exit_code, "nothing is wrong" in result.stdout) == (0, True), result.stdout


def test_what_would_go_is_shown_and_then_goes(folder: Path) -> None:
    asked = ("--folder", folder, "--keep-days", "10", "--tenant", "north=20")
    dry = call("audit", "prune", *asked, "--dry-run")
    assert "32 records of " in dry.stdout
    assert "would be forgotten" in dry.stdout
    assert dry.exit_code == 0
    done = json.loads(call("audit", "prune", *asked, "--json").stdout)
    assert (done["records"], done["busy"], done["told"]) == (32, False, [])
    assert sum(one["by_age"] for one in done["segments"]) == 32
    assert "0 records of 0 bytes were forgotten" in call("audit", "prune", *asked).stdout
    fine(folder)
    text = call("audit", "verify", "--folder", folder).stdout
    assert "forgotten: " in text
    acts = call("audit", "query", "--folder", folder, "--kind", "admin", "--json").stdout
    assert {json.loads(line)["who"] for line in acts.splitlines()} == {who()}


def test_what_was_forgotten_is_no_fault_of_what_is_read(folder: Path) -> None:
    whole = call("audit", "export", "--folder", folder).stdout.splitlines()
    pruned = call("audit", "prune", "--folder", folder, "--tenant", "north=25")
    assert "were forgotten" in pruned.stdout
    left = call("audit", "export", "--folder", folder)
    assert (left.exit_code, left.stderr) == (0, "")
    lines = left.stdout.splitlines()
    assert 0 < len(set(whole) - set(lines)) < len(whole)
    assert all(json.loads(line)["tenant"] == "north" for line in set(whole) - set(lines))
    assert call("audit", "query", "--folder", folder).exit_code == 0


def test_checkpoints_that_sign_nothing_any_more_go_and_verify_says_so(folder: Path) -> None:
    first = call("audit", "prune", "--folder", folder, "--keep-days", "1")
    assert "checkpoints went that signed nothing else" in first.stdout, first.output
    text = call("audit", "verify", "--folder", folder).stdout
    assert "checkpoints that signed only what was forgotten, up to 20" in text
    assert "nothing is left of 1 trails with " in text
    fine(folder)


def test_the_settings_say_what_may_go(folder: Path, tmp_path: Path) -> None:
    forever = call("audit", "prune", "--folder", folder)
    assert "everything is kept for ever" in forever.stdout
    (tmp_path / "engine.toml").write_text(
        '[audit]\nkeep_days = 10\nkeep_megabytes = 5\n[audit.tenants."north"]\nkeep_days = 20\n'
    )
    assert "32 records of " in call("audit", "prune", "--folder", folder, "--dry-run").stdout
    (tmp_path / "other.toml").write_text("[audit]\nkeep_days = 25\n")
    other = call("audit", "prune", "--folder", folder, "--config", "other.toml", "--dry-run")
    assert "12 records of " in other.stdout
    some = call("audit", "prune", "--folder", folder, "--keep-megabytes", "0", "--keep-days", "0")
    assert "11 records of " in some.stdout  # Of the tenant that has a table of its own.
    (tmp_path / "engine.toml").write_text("[audit]\nkeep_days = -1\n")
    wrong = call("audit", "prune", "--folder", folder)
    assert (wrong.exit_code, "keep_days" in wrong.stderr) == (2, True)
    odd = call("audit", "prune", "--folder", folder, "--config", "other.toml", "--tenant", "north")
    assert (odd.exit_code, "NAME=DAYS" in odd.stderr) == (2, True)


def test_a_hold_is_placed_listed_and_released(folder: Path) -> None:
    placed = call("audit", "hold", "south\x1b[31m", "--folder", folder, "--reason", "case\x1b]0;x")
    assert placed.exit_code == 0
    identity = placed.stdout.split()[0]
    assert "\x1b" not in placed.stdout
    listed = call("audit", "holds", "--folder", folder)
    assert identity in listed.stdout
    assert "\x1b" not in listed.stdout
    (found,) = json.loads(call("audit", "holds", "--folder", folder, "--json").stdout)
    assert (found["id"], found["tenant"]) == (identity, "south\x1b[31m")
    call("audit", "prune", "--folder", folder, "--keep-days", "1")
    assert len(rows(folder)) == 30
    done = call("audit", "release", identity, "--folder", folder, "--reason", "over")
    assert "is released" in done.stdout
    assert "nothing is held" in call("audit", "holds", "--folder", folder).stderr
    again = call("audit", "release", identity, "--folder", folder, "--reason", "over")
    assert (again.exit_code, "there is no hold" in again.stderr) == (1, True)
    fine(folder)


def rows(folder: Path) -> list[str]:
    return call("audit", "query", "--folder", folder, "--kind", "decision").stdout.splitlines()


def test_a_hold_is_for_one_thing(folder: Path) -> None:
    for asked in ((), ("north", "--session", "s"), ("--session", "s", "--decision", "d")):
        result = call("audit", "hold", *asked, "--folder", folder, "--reason", "x")
        assert (result.exit_code, "a hold is for one thing" in result.stderr) == (2, True)


def test_a_broken_file_of_holds_stops_pruning_and_says_so(folder: Path) -> None:
    (folder / FILE).write_text("{\x1b[2J")
    result = call("audit", "prune", "--folder", folder, "--keep-days", "1")
    assert result.exit_code == 2
    assert "is no file of holds" in result.stderr
    assert len(rows(folder)) == 60
    assert call("audit", "holds", "--folder", folder).exit_code == 2


def test_who_is_late_is_told(folder: Path) -> None:
    with tending(folder):
        result = call("audit", "prune", "--folder", folder, "--keep-days", "1")
    assert (result.stdout.strip(), result.exit_code) == ("another process is at it", 1)


def test_without_the_key_of_the_trail_nothing_is_done(folder: Path, tmp_path: Path) -> None:
    key = tmp_path / KEY
    key.rename(tmp_path / "elsewhere")
    for asked in (
        ("prune",),
        ("hold", "north", "--reason", "x"),
        ("release", "a", "--reason", "x"),
    ):
        result = call("audit", *asked, "--folder", folder)
        assert (result.exit_code, "no key to sign with" in result.stderr) == (2, True)
    assert not key.exists()
    given = call("audit", "hold", "north", "--folder", folder, "--reason", "x", "--key-file",
                 tmp_path / "elsewhere")  # fmt: skip
    assert given.exit_code == 0
    (folder / PUBLIC).write_text("no key")
    assert call("audit", "prune", "--folder", folder).exit_code == 2
    (folder / PUBLIC).unlink()
    os.mkfifo(folder / PUBLIC)
    assert "it is no regular file" in call("audit", "prune", "--folder", folder).stderr


def test_a_segment_that_was_changed_stays_and_that_is_told(folder: Path) -> None:
    path = min(folder.glob("*.seg"))
    path.write_bytes(path.read_bytes().replace(b"north", b"nortH", 1))
    result = call("audit", "prune", "--folder", folder, "--keep-days", "1")
    assert result.exit_code == 1
    assert f"{path.name} stays as it is: it is not whole" in result.stderr


@pytest.mark.parametrize("held", [("--session", "s1"), ("--decision", "d1")])
def test_where_what_is_held_may_be_in_what_was_damaged_nothing_goes(
    folder: Path, held: tuple[str, str]
) -> None:
    path = min(folder.glob("*.seg"))
    assert call("audit", "hold", "--folder", folder, *held, "--reason", "case").exit_code == 0
    path.write_bytes(path.read_bytes().replace(b"north", b"nortH", 1))
    before = {one.name: one.read_bytes() for one in folder.glob("*.seg*")}
    result = call("audit", "prune", "--folder", folder, "--keep-days", "1")
    assert (result.exit_code, "cannot be known" in result.stderr) == (2, True)
    assert {one.name: one.read_bytes() for one in folder.glob("*.seg*")} == before


def test_whoever_has_no_name_is_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    def nobody() -> str:
        raise KeyError("uid")

    monkeypatch.setattr("getpass.getuser", nobody)
    assert who() == ""


def test_the_trail_of_an_act_is_signed_by_the_name_of_the_trail(folder: Path) -> None:
    made = opener(folder, None)()
    made.close()
    assert made.verifier.name == "x"
    assert os.fspath(made.folder) == os.fspath(folder)
