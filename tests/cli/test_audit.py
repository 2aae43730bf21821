from __future__ import annotations

import csv
import io
import json
import os
import subprocess
import sys
import typing
from pathlib import Path

import msgspec
import pytest

from engine.doors.grpc.convert import ACTIONS
from engine.language import schema
from engine.service.audit import PUBLIC, Audit
from engine.service.entries import Entry, GapEntry, ReasonEntry, Said
from engine.sinks.cursor import Cursor, save_cursor
from engine.storage.checkpoints import FILE as CHECKPOINTS
from engine.storage.header import CLOSED, Cut
from engine.storage.source import COMPRESSED, segment_files
from tests.cli.calling import call
from tests.service.test_record import entry

FIRST = entry()


def denied(number: int) -> Entry:
    return msgspec.structs.replace(
        FIRST,
        time=f"2026-01-01T00:00:0{number}.000000Z",
        decision_id=f"d{number}",
        tenant="south",
        user="=cmd()\x1b[2J",
        effective_action="deny",
        reasons=(ReasonEntry(policy="q", action="deny"),),
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two trails: one of three records, one of a record."""
    one, two = (
        Audit(tmp_path / "audit", tmp_path / "key", "deny", name="x", time=lambda: "2026")
        for _ in range(2)
    )
    one.write(denied(1))
    two.write(denied(2))
    one.write(denied(3))
    one.write(msgspec.structs.replace(FIRST, time="2026-01-02T00:00:00.000000Z"))
    one.close()
    two.close()
    return tmp_path / "audit"


def test_a_whole_trail_is_verified(folder: Path) -> None:
    result = call("audit", "verify", "--folder", folder)
    assert result.exit_code == 0
    assert "4 records in 2 segments of 2 trails, 4 of them signed by x" in result.stdout
    assert "nothing is wrong" in result.stdout
    key = (folder / PUBLIC).read_text().strip()
    found = json.loads(call("audit", "verify", "--folder", folder, "--key", key, "--json").stdout)
    assert (found["records"], found["problems"]) == (4, [])


def test_a_changed_trail_is_told(folder: Path) -> None:
    path = max(segment_files(folder), key=lambda one: one.stat().st_size)
    path.write_bytes(path.read_bytes().replace(b"south", b"north", 1))
    result = call("audit", "verify", "--folder", folder)
    assert result.exit_code == 1
    assert f"{path.name}: record 0 (after 2026): at byte" in result.stdout
    assert "this trail was changed" in result.stdout


def test_records_of_all_trails_come_by_time(folder: Path) -> None:
    shown = call("audit", "tail", "--folder", folder, "-n", "3").stdout.splitlines()
    assert [line.split()[-1] for line in shown] == ["d2", "d3", "d1"]
    assert "\x1b" not in "".join(shown)
    lines = call("audit", "tail", "--folder", folder, "--json").stdout.splitlines()
    assert [json.loads(line)["decision_id"] for line in lines] == ["d1", "d2", "d3", "d1"]


@pytest.mark.parametrize(
    ("options", "ids"),
    [
        (("--tenant", "south"), ["d1", "d2", "d3"]),
        (("--tenant", "north"), ["d1"]),
        (("--user", "u1"), ["d1"]),
        (("--rule", "p.r"), ["d1"]),
        (("--rule", "q"), ["d1", "d2", "d3"]),
        (("--action", "deny", "--since", "2026-01-02"), ["d1"]),
        (("--until", "2026-01-01T00:00:02"), ["d1"]),
        (("--session", "s1", "-n", "1"), ["d1"]),
        (("--kind", "decision"), ["d1", "d2", "d3", "d1"]),
    ],
)
def test_records_are_chosen(folder: Path, options: tuple[str, ...], ids: list[str]) -> None:
    result = call("audit", "query", "--folder", folder, "--json", *options)
    assert [json.loads(line)["decision_id"] for line in result.stdout.splitlines()] == ids
    assert result.exit_code == 0


def test_what_is_not_shown_of_what_fits_is_said(folder: Path) -> None:
    some = call("audit", "query", "--folder", folder, "-n", "3")
    assert (len(some.stdout.splitlines()), "more of them fit" in some.stderr) == (3, True)
    newest = call("audit", "query", "--folder", folder, "-n", "3", "--newest")
    assert "these are the first 3" in newest.stderr
    assert call("audit", "query", "--folder", folder, "-n", "4").stderr == ""
    endless = call("audit", "query", "--folder", folder, "-n", str(10**30))
    assert (endless.exit_code, "is not in the range" in endless.stderr) == (2, True)


def test_when_nothing_is_found_the_code_says_so(folder: Path) -> None:
    nothing = call("audit", "query", "--folder", folder, "--tenant", "x")
    assert (nothing.exit_code, nothing.stdout) == (1, "")
    assert nothing.stderr == "nothing that is recorded here fits\n"
    missing = call("audit", "show", "--folder", folder, "nowhere")
    assert (missing.stdout, missing.exit_code) == ("", 1)
    assert "no such decision is recorded here" in missing.stderr


def test_one_decision_is_shown_whole(folder: Path) -> None:
    result = call("audit", "show", "--folder", folder, "d2")
    found = json.loads(result.stdout)
    assert (found["tenant"], found["sequence"], found["kind"]) == ("south", 0, "decision")


def test_records_are_counted(folder: Path) -> None:
    found = json.loads(call("audit", "stats", "--folder", folder, "--json").stdout)
    assert found["tenant"] == {"south": 3, "north": 1}
    assert found["action"] == {"deny": 4}
    text = call("audit", "stats", "--folder", folder, "--tenant", "south").stdout
    assert "by rule:\n           3  q" in text
    until = ("--until", "2026-01-01T00:00:02")
    first = json.loads(call("audit", "stats", "--folder", folder, "--json", *until).stdout)
    assert (first["records"], first["hour"]) == (1, {"2026-01-01T00": 1})


def test_records_are_exported(folder: Path, tmp_path: Path) -> None:
    file = tmp_path / "out.csv"
    result = call("audit", "export", "--folder", folder, "--format", "csv", "-o", file)
    assert (result.stdout, result.exit_code) == ("", 0)
    with file.open(newline="") as lines:
        rows = list(csv.DictReader(lines))
    assert [row["decision_id"] for row in rows] == ["d1", "d2", "d3", "d1"]
    assert rows[0]["user"].startswith("'=cmd()")
    printed = call("audit", "export", "--folder", folder, "--tenant", "south").stdout
    assert len(printed.splitlines()) == 3
    cannot = call("audit", "export", "--folder", folder, "-o", tmp_path / "gone" / "x")
    assert cannot.exit_code == 2
    assert "cannot write" in cannot.stderr


def test_what_is_no_trail_is_told(folder: Path, tmp_path: Path) -> None:
    assert "there is no audit trail in" in call("audit", "tail", "--folder", tmp_path / "no").stderr
    (tmp_path / "none").mkdir()
    (tmp_path / "none" / f"x{CLOSED}").write_bytes(b"nothing\n")
    for verb in ("tail", "query", "stats", "export"):
        result = call("audit", verb, "--folder", tmp_path / "none")
        assert result.exit_code == 2
        assert "cannot be read: its first line is no header" in result.stderr
    (folder / PUBLIC).unlink()
    unknown = call("audit", "verify", "--folder", folder)
    assert unknown.exit_code == 2
    assert "give one with --key" in unknown.stderr
    os.mkfifo(folder / PUBLIC)
    waited_for = call("audit", "verify", "--folder", folder)
    assert waited_for.exit_code == 2
    assert "it is no regular file; give one with --key" in waited_for.stderr


@pytest.mark.parametrize("ending", [CLOSED, COMPRESSED])
@pytest.mark.parametrize(
    ("asked", "code", "shown"),
    [
        ("tail", 0, "d3"),
        ("query --tenant south", 1, "d3"),
        ("stats", 1, "4 records"),
        ("stats --scan", 1, "4 records"),
        ("export", 1, '"d3"'),
        ("export --format csv --tenant south", 1, ",d3,"),
        ("show d3", 1, "d3"),
        ("report d3 --no-verify", 1, "d3"),
    ],
)
def test_a_segment_that_cannot_be_read_takes_nothing_from_the_others(
    folder: Path, ending: str, asked: str, code: int, shown: str
) -> None:
    (folder / f"{16 * '0'}-00000000{ending}").write_bytes(b"nothing\n")
    verb, *rest = asked.split()
    result = call("audit", verb, *rest, "--folder", folder)
    assert (result.exit_code, shown in result.stdout) == (code, True)
    assert f"engine: {16 * '0'}-00000000{ending} cannot be read: it" in result.stderr


SOME = f"{16 * '0'}-00000000{CLOSED}"
PIPES = [
    (SOME, "verify", 1, "it is no regular file"),
    (f"{SOME}.zst", "verify", 1, "it is no regular file"),
    (SOME, "tail", 0, "it is no regular file"),
    (SOME, "stats --scan", 1, "it is no regular file"),
    (SOME, "export", 1, "it is no regular file"),
    (CHECKPOINTS, "verify", 1, "it is no regular file"),
    (CHECKPOINTS, "prove d2", 2, "it is no regular file"),
    ("holds.json", "holds", 2, "it is no regular file"),
    ("holds.json", "prune --keep-days 1 --key-file KEY", 2, "it is no regular file"),
    ("shipped/a.json", "sinks", 1, "it is no regular file"),
    ("shipped/a.json", "prune --keep-days 1 --dry-run --key-file KEY", 0, "would be forgotten"),
    ("shipped/a.status", "sinks", 0, "yes"),
    ("../audit.key", "hold north --reason x", 2, "cannot read the key file"),
]


@pytest.mark.parametrize(("place", "asked", "code", "told"), PIPES)
def test_nobody_waits_for_a_pipe_among_the_files_of_a_trail(
    folder: Path, place: str, asked: str, code: int, told: str
) -> None:
    verb, *rest = asked.replace("KEY", str(folder.parent / "key")).split()
    if verb == "sinks":
        save_cursor(folder / "shipped" / "a.json", Cursor(sink="a"))
    pipe = folder / place
    pipe.parent.mkdir(exist_ok=True)
    pipe.unlink(missing_ok=True)
    os.mkfifo(pipe, 0o600)
    result = call("audit", verb, *rest, "--folder", folder)
    assert result.exit_code == code
    assert told in result.stdout + result.stderr


def test_a_folder_that_is_not_for_us_is_told(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As root is kept out of nothing, the kernel's words are put in its place."""

    def kept_out(path: Path) -> bool:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "is_dir", kept_out)
    for verb in (["tail"], ["verify"], ["stats"], ["show", "d1"], ["export"], ["prune"]):
        result = call("audit", *verb, "--folder", folder)
        assert result.exit_code == 2
        assert result.stderr == (
            f"engine: the audit trail in {folder} cannot be used: {folder}: Permission denied\n"
        )


@pytest.mark.parametrize("verb", ["tail", "query", "show", "stats", "export"])
def test_who_looks_for_records_is_given_examples(verb: str) -> None:
    shown = call("audit", verb, "--help").stdout
    assert f"engine audit {verb}" in shown.partition("Examples:")[2]
    assert "Exit codes: 0 fine" in shown


def test_the_help_names_what_a_record_may_say() -> None:
    shown = " ".join(call("audit", "query", "--help").stdout.split())
    assert f"Where in the conversation: {', '.join(schema.STAGES.words)}." in shown
    actions = shown.partition("The effective action: ")[2].partition(".")[0].split(", ")
    assert sorted(actions) == sorted(ACTIONS)
    kinds = shown.partition("What is recorded: ")[2].partition(".")[0].split(", ")
    assert kinds == [
        *(one.__struct_config__.tag for one in typing.get_args(Said)),
        Cut.__struct_config__.tag,
    ]


@pytest.mark.slow
def test_output_that_takes_no_more_is_no_fault_of_the_trail(folder: Path) -> None:
    for verb in (["query"], ["tail"], ["tail", "-f"], ["show", "d1"], ["stats"], ["verify"]):
        run = [sys.executable, "-m", "engine", "audit", *verb, "--folder", str(folder)]
        with open("/dev/full", "wb") as full:  # noqa: PTH123 - a device, not a path of ours
            done = subprocess.run(run, stdout=full, stderr=subprocess.PIPE, check=False)  # noqa: S603
        assert (done.returncode, done.stderr) == (
            2,
            b"engine: cannot write: No space left on device\n",
        )
        reader, writer = os.pipe()
        os.close(reader)
        done = subprocess.run(run, stdout=writer, stderr=subprocess.PIPE, check=False)  # noqa: S603
        os.close(writer)
        assert (done.returncode, done.stderr) == (0, b"")


def test_no_id_is_no_id_of_everything(folder: Path) -> None:
    shown = call("audit", "show", "", "--folder", folder)
    assert (shown.exit_code, shown.stdout) == (1, "")
    assert "no such decision" in shown.stderr


@pytest.mark.parametrize(
    "verb", [["tail"], ["tail", "--json"], ["query", "--json"], ["show", "d9"]]
)
def test_what_a_terminal_cannot_show_ends_no_list(tmp_path: Path, verb: list[str]) -> None:
    audit = Audit(tmp_path / "audit", tmp_path / "key", "drop", name="x", time=lambda: "2026")
    audit.write(msgspec.structs.replace(FIRST, decision_id="d9", user="\N{SNOWMAN}"))
    audit.write(msgspec.structs.replace(FIRST, decision_id="d9", user="last"))
    audit.close()
    done = subprocess.run(  # noqa: S603  our own interpreter
        [sys.executable, "-m", "engine", "audit", *verb, "--folder", str(tmp_path / "audit")],
        env={**os.environ, "PYTHONIOENCODING": "latin-1"},
        capture_output=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, b"")
    assert b"last" in done.stdout
    if "--json" in verb:
        lines = done.stdout.decode("utf-8").splitlines()
        assert [json.loads(one)["user"] for one in lines] == ["\N{SNOWMAN}", "last"]
    else:
        assert b"\\u2603" in done.stdout


def test_records_of_other_kinds_are_shown_too(tmp_path: Path) -> None:
    audit = Audit(tmp_path / "audit", tmp_path / "key", "drop", name="x", time=lambda: "2026")
    audit.write(GapEntry(time="2026", lost=3))
    audit.write(FIRST)
    audit._trail.append(b"no json")
    audit.close()
    shown = call("audit", "tail", "--folder", tmp_path / "audit").stdout.splitlines()
    assert any("gap         3 records lost" in line for line in shown)
    assert any("unreadable" in line for line in shown)
    rows = csv.DictReader(
        io.StringIO(
            call("audit", "export", "--format", "csv", "--folder", tmp_path / "audit").stdout
        )
    )
    assert [row["kind"] for row in rows].count("gap") == 1
