from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from threading import Thread

import msgspec
import pytest

from engine.cli.audit_options import MOMENT
from engine.cli.audit_read import Troubles, _behind, _ends, _following
from engine.service.audit import PUBLIC, Audit
from engine.service.entries import ReviewEntry, SettlementEntry
from engine.storage.checkpoints import FILE
from engine.storage.follow import list_trails
from engine.storage.header import CLOSED
from engine.storage.moment import moment_of
from engine.storage.source import COMPRESSED, compressed, segment_files
from engine.storage.wanted import Wanted
from tests.cli.calling import call
from tests.service.test_record import entry

TIME = "2026-01-01T00:00:00.000000Z"
LATER = "2026-01-01T00:00:10.000000Z"


def begun(root: Path) -> Audit:
    return Audit(root / "audit", root / "key", "deny", name="x", time=lambda: TIME)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A decision with a settlement and a review, and another one that shares the review."""
    audit = begun(tmp_path)
    for number in range(10):
        audit.write(
            msgspec.structs.replace(
                entry(),
                time=TIME.replace("00.000", f"0{number}.000"),
                decision_id=f"d{number}",
                request_id=f"r{number}",
                session="s\x1b[2J\u202e<b>",
                review_id="v1" if number in {3, 4} else "",
            )
        )
    audit.write(
        SettlementEntry(time=LATER, decision_id="d3", amounts={"input_tokens": 3}, settled=True)
    )
    audit.write(
        ReviewEntry(
            time=LATER,
            review_id="v1",
            act="approved",
            state="approved",
            round=1,
            tenant="north",
            user="u",
            queue="q",
            number=1,
        )
    )
    audit.close()
    return tmp_path / "audit"


def test_the_whole_story_of_a_decision_is_shown(folder: Path) -> None:
    for identity in ("d3", "r3"):
        result = call("audit", "show", identity, "--folder", folder, "--json")
        found = [json.loads(line) for line in result.stdout.splitlines()]
        assert sorted(one["kind"] for one in found) == ["decision", "review", "settlement"]
        assert result.exit_code == 0
    found = call("audit", "show", "v1", "--folder", folder, "--json").stdout.splitlines()
    assert len(found) == 4  # Both decisions, the settlement, the act.
    shown = call("audit", "show", "d3", "--folder", folder).stdout
    assert "\x1b" not in shown
    assert "\u202e" not in shown


def test_a_proof_is_printed_and_checked_without_the_trail(folder: Path, tmp_path: Path) -> None:
    proof = tmp_path / "d5.tlog-proof"
    proof.write_text(call("audit", "prove", "d5", "--folder", folder).stdout)
    key = (folder / PUBLIC).read_text().strip()
    asked = ("--proof", proof, "--key", key, "--folder", tmp_path / "nowhere")
    result = call("audit", "verify", *asked)
    assert result.exit_code == 0
    assert '"decision_id":"d5"' in result.stdout
    assert "this is record 5 of the 12 that x/" in result.stdout
    proof.write_text(proof.read_text().replace("index 5", "index 6"))
    changed = call("audit", "verify", *asked)
    assert (changed.exit_code, "it proves nothing" in changed.stdout) == (1, True)
    assert call("audit", "verify", "--proof", tmp_path / "no", "--key", key).exit_code == 2
    settled = call("audit", "prove", "d3", "--folder", folder, "--sequence", "10").stdout
    assert "index 10" in settled
    missing = call("audit", "prove", "d3", "--folder", folder, "--trail", "none")
    assert (missing.exit_code, missing.stdout) == (1, "")
    (folder / FILE).unlink()
    late = call("audit", "prove", "d5", "--folder", folder)
    assert (late.exit_code, "no checkpoint vouches" in late.stderr) == (1, True)


def test_a_second_copy_of_the_checkpoints_is_held_against_them(
    folder: Path, tmp_path: Path
) -> None:
    copy = tmp_path / "log"
    copy.write_bytes((folder / FILE).read_bytes())
    asked = ("audit", "verify", "--folder", folder, "--checkpoints", copy)
    assert call(*asked).exit_code == 0
    for path in segment_files(folder):
        path.unlink()
    (folder / FILE).unlink()
    assert call("audit", "verify", "--folder", folder).exit_code == 0
    result = call(*asked)
    assert result.exit_code == 1
    assert "all 12 records of the trail" in result.stdout
    copy.write_text("nothing")
    assert "there is no checkpoint in" in call(*asked).stderr
    assert call(*asked[:-1], tmp_path / "none").exit_code == 2


def write_all(descriptor: int, data: bytes) -> None:
    """Write *data*, and close the file."""
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)


def test_a_copy_may_come_out_of_a_pipe_but_nobody_waits_for_one(
    folder: Path, tmp_path: Path
) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    for option in ("--checkpoints", "--proof"):
        alone = call("audit", "verify", "--folder", folder, option, pipe)
        assert (alone.exit_code, "nobody writes into this pipe" in alone.stderr) == (2, True)
        device = call("audit", "verify", "--folder", folder, option, "/dev/zero")
        assert (device.exit_code, "neither a file nor a pipe" in device.stderr) == (2, True)
    reads, writes = os.pipe()
    with os.fdopen(reads):
        # More than a pipe holds, from a thread that begins when it likes.
        text = (folder / FILE).read_bytes() + b"another line\n" * 100_000
        writer = Thread(target=write_all, args=(writes, text))
        writer.start()
        given = call("audit", "verify", "--folder", folder, "--checkpoints", f"/dev/fd/{reads}")
        writer.join()
    assert (given.exit_code, given.stderr) == (0, "")


def test_what_no_checkpoint_has_signed_is_warned_of(folder: Path) -> None:
    (folder / FILE).unlink()
    result = call("audit", "verify", "--folder", folder)
    assert (
        "warning: 12 of 12 records are signed by no checkpoint; the newest unsigned is of "
        f"{LATER}; compare with a copy: --checkpoints FILE"
    ) in result.stdout
    assert result.exit_code == 1
    found = json.loads(call("audit", "verify", "--folder", folder, "--json").stdout)
    assert (found["unsigned"], found["unsigned_newest"]) == (12, LATER)


def test_what_a_crash_left_unsigned_is_warned_of_and_is_fine(tmp_path: Path) -> None:
    audit = begun(tmp_path)
    audit.write(msgspec.structs.replace(entry(), time=TIME))
    audit._trail._segment.drop()
    asked = ("audit", "verify", "--folder", audit.folder)
    result = call(*asked)
    assert "warning: 1 of 1 records are signed by no checkpoint" in result.stdout
    assert result.exit_code == 0
    audit = begun(tmp_path)
    audit.recover()
    audit.close()
    result = call(*asked)
    assert ("warning" in result.stdout, result.exit_code) == (False, 0)


def test_one_damaged_checkpoint_leaves_the_others_standing(folder: Path) -> None:
    begun(folder.parent).close()
    lines = (folder / FILE).read_bytes().splitlines(keepends=True)
    (folder / FILE).write_bytes(b"".join([b"torn\n", *lines]))
    result = call("audit", "verify", "--folder", folder)
    assert f"{FILE}: checkpoint 1: this is no checkpoint" in result.stdout
    assert "12 of them signed by" in result.stdout
    assert result.exit_code == 1
    assert call("audit", "prove", "d5", "--folder", folder).exit_code == 0


def test_a_report_for_machines_names_file_record_and_time(folder: Path) -> None:
    (path,) = folder.glob(f"*{CLOSED}")
    path.write_bytes(path.read_bytes().replace(b'"d4"', b'"d5"', 1))
    result = call("audit", "verify", "--folder", folder, "--json", "--jobs", "1")
    found = json.loads(result.stdout)["problems"][0]
    assert (found["file"], found["record"]) == (path.name, 4)
    assert found["time"] == "2026-01-01T00:00:03.000000Z"
    assert result.exit_code == 1


def test_names_of_files_and_texts_in_records_are_inert(folder: Path) -> None:
    (path,) = folder.glob(f"*{CLOSED}")
    path.with_name(f"\x1b[31mz-00000000{CLOSED}").write_bytes(path.read_bytes())
    result = call("audit", "verify", "--folder", folder)
    assert "\x1b" not in result.stdout
    path.with_name(f"\x1b[31mz-00000000{CLOSED}").write_bytes(b"\x1b[2J\n")
    for verb in ("verify", "tail", "stats"):
        result = call("audit", verb, "--folder", folder)
        assert "\x1b" not in result.stdout + result.stderr
    assert "\x1b" not in call("audit", "verify", "--folder", folder, "--key", "\x1b[2J").stderr


def test_compressed_trails_are_read_too(folder: Path) -> None:
    (path,) = folder.glob(f"*{CLOSED}")
    path.with_suffix(COMPRESSED).write_bytes(compressed(path.read_bytes()))
    path.unlink()
    assert call("audit", "verify", "--folder", folder).exit_code == 0
    assert (
        len(call("audit", "query", "--folder", folder, "--tenant", "north").stdout.split("\n")) > 5
    )


def test_what_cannot_be_read_is_told_and_the_code_says_so(folder: Path) -> None:
    (path,) = folder.glob(f"*{CLOSED}")
    path.write_bytes(path.read_bytes().replace(b'"d4"', b'"d5"', 1))
    result = call("audit", "query", "--folder", folder, "--user", "u1")
    assert (result.exit_code, "ask `verify`" in result.stderr) == (1, True)


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-01-01", "2026-01-01"),
        ("2026-01-01T10:00Z", "2026-01-01T10:00"),
        ("2026-01-01T10:00:00+02:00", "2026-01-01T08:00:00.000000Z"),
        ("2026", "2026"),
        ("0300-01-01T00:00:00+00:00", "0300-01-01T00:00:00.000000Z"),
    ],
)
def test_times_are_understood(text: str, moment: str) -> None:
    assert MOMENT.convert(text, None, None) == moment


def test_a_time_may_be_so_long_ago(folder: Path) -> None:
    two, one = (moment_of(MOMENT.convert(text, None, None)) for text in ("2h", "60m"))
    assert abs(one - two - 3_600_000_000) < 60_000_000
    assert call("audit", "query", "--folder", folder, "--since", "2h").exit_code == 1
    wrong = call("audit", "query", "--folder", folder, "--since", "yesterday")
    assert (wrong.exit_code, "is no time" in wrong.stderr) == (2, True)
    for text in ("2026-13-01", "0001-01-01T00:00:00+23:00", "9999-12-31T23:59:59-23:00"):
        wrong = call("audit", "query", "--folder", folder, "--since", text)
        assert (wrong.exit_code, "is no time" in wrong.stderr) == (2, True)


def test_statistics_tell_hours_and_how_long_decisions_took(folder: Path) -> None:
    text = call("audit", "stats", "--folder", folder).stdout
    assert "12 records" in text
    assert "by hour:\n          12  2026-01-01T00" in text
    assert "microseconds a decision took: p50 " in text
    found = json.loads(call("audit", "stats", "--folder", folder, "--json", "--scan").stdout)
    assert found["kind"] == {"decision": 10, "settlement": 1, "review": 1}
    assert found["evaluated_in"]["p50"] == 12


@pytest.mark.slow
def test_what_comes_after_a_look_is_followed(folder: Path) -> None:
    places = _ends(folder)
    audit = begun(folder.parent)
    audit.write(msgspec.structs.replace(entry(), time=TIME, decision_id="d70", tenant="x"))
    audit.write(msgspec.structs.replace(entry(), time=TIME, decision_id="d71"))
    found = next(_following(folder, Wanted(tenant="north"), places))
    assert found.text("decision_id") == "d71"
    audit.write(msgspec.structs.replace(entry(), time=TIME, decision_id="d72"))
    found = next(_following(folder, Wanted(tenant="north"), places))
    assert found.text("decision_id") == "d72"
    audit.close()


def test_a_trail_that_is_no_longer_the_same_is_told(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ((name, place),) = _ends(folder).items()
    other = place._replace(sequence=place.sequence + 5, digest="00" * 32)
    segments = list_trails(folder)[name]
    assert list(_behind(folder, name, other, segments, Troubles())) == []
    assert f"the trail {name} cannot be followed" in capsys.readouterr().err


@pytest.mark.slow
def test_a_trail_is_followed_over_its_segments(folder: Path) -> None:
    words = [sys.executable, "-m", "engine", "audit", "tail", "-n", "1", "-f", "--json"]
    with subprocess.Popen(  # noqa: S603 - the engine itself
        [*words, "--folder", folder, "--kind", "decision"], stdout=subprocess.PIPE, text=True
    ) as child:
        assert child.stdout is not None
        assert json.loads(child.stdout.readline())["decision_id"] == "d9"
        audit = begun(folder.parent)
        for number in range(20, 26):
            audit.write(msgspec.structs.replace(entry(), time=TIME, decision_id=f"d{number}"))
            if number == 22:
                audit.reopen()
        seen = [json.loads(child.stdout.readline())["decision_id"] for _ in range(6)]
        child.terminate()
        audit.close()
    assert seen == [f"d{number}" for number in range(20, 26)]
