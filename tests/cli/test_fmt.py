from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import example, given, settings

from engine.cli import fmt
from engine.language import items
from engine.language.diagnostics import Report
from engine.language.parse import parse_file
from engine.language.text import Source
from tests.cli.calling import DOOR, call, folder
from tests.cli.test_check import BYTES

UGLY = "policy p{default allow}# why\n"
PRETTY = "policy p {\n  default allow\n}  # why\n"


def test_a_file_is_written_in_the_one_style(tmp_path: Path) -> None:
    root = folder(tmp_path, {"ugly.pol": UGLY, "deep/door.pol": DOOR, "notes.txt": UGLY})
    first = call("fmt", root)
    made = (root / "ugly.pol").read_text()
    assert f"formatted {root}/ugly.pol\n" in first.stdout
    assert (root / "notes.txt").read_text() == UGLY
    assert "# why" in made
    assert made != UGLY
    assert first.exit_code == 0
    second = call("fmt", root)
    assert second.stdout == "2 in style already\n"
    assert (root / "ugly.pol").read_text() == made


def test_check_changes_nothing_and_fails(tmp_path: Path) -> None:
    root = folder(tmp_path, {"ugly.pol": UGLY})
    result = call("fmt", "--check", root)
    assert result.stdout == f"would format {root}/ugly.pol\n1 would be formatted\n"
    assert result.exit_code == 1
    assert (root / "ugly.pol").read_text() == UGLY
    call("fmt", root)
    assert call("fmt", "--check", root).exit_code == 0


def test_a_diff_can_be_applied(tmp_path: Path) -> None:
    root = folder(tmp_path, {"ugly.pol": UGLY.rstrip("\n")})
    result = call("fmt", "--diff", root / "ugly.pol")
    assert result.exit_code == 1
    assert "\\ No newline at end of file" in result.stdout
    assert result.stderr == "1 would be formatted\n"
    applied = subprocess.run(  # noqa: S603
        ["patch", "--silent", str(root / "ugly.pol")],  # noqa: S607
        input=result.stdout,
        text=True,
        check=True,
    )
    assert applied.returncode == 0
    assert call("fmt", "--diff", root).stdout == ""


def test_mode_and_links_stay(tmp_path: Path) -> None:
    root = folder(tmp_path, {"real/ugly.pol": UGLY})
    real, link = root / "real/ugly.pol", root / "link.pol"
    real.chmod(0o640)
    link.symlink_to(real)
    result = call("fmt", link, real)
    assert result.stdout == f"formatted {link}\n1 formatted\n"
    assert link.is_symlink()
    assert stat.S_IMODE(real.stat().st_mode) == 0o640
    assert [one.name for one in real.parent.iterdir()] == ["ugly.pol"]


def test_an_unchanged_file_is_not_touched(tmp_path: Path) -> None:
    root = folder(tmp_path, {"ugly.pol": UGLY})
    call("fmt", root)
    os.utime(root / "ugly.pol", (1, 1))
    call("fmt", root)
    assert (root / "ugly.pol").stat().st_mtime == 1


def test_what_does_not_parse_is_reported_and_left_alone(tmp_path: Path) -> None:
    root = folder(tmp_path, {"bad.pol": "policy { default allow }\n", "ugly.pol": UGLY})
    (root / "bytes.pol").write_bytes(b"policy p \xff")
    result = call("fmt", root)
    assert "bad.pol:1:8: error[E" in result.stderr
    assert "bytes.pol:1:10: error[E100]" in result.stderr
    assert result.stdout.endswith("1 formatted, 2 left alone\n")
    assert (root / "bad.pol").read_text() == "policy { default allow }\n"
    assert result.exit_code == 2


def test_names_that_do_not_check_can_be_formatted(tmp_path: Path) -> None:
    text = "policy p{default allow rule r{when no.such then deny}}"
    assert call("fmt", folder(tmp_path, {"a.pol": text})).exit_code == 0


def test_standard_input_goes_to_standard_output() -> None:
    result = call("fmt", "-", given=UGLY)
    assert result.stdout.startswith("policy p {\n  default allow\n}")
    assert result.exit_code == 0
    assert call("fmt", "-", given=result.stdout).stdout == result.stdout
    assert call("fmt", "-", "--check", given=result.stdout).output == ""
    checked = call("fmt", "-", "--check", given=UGLY)
    assert (checked.stdout, checked.exit_code) == ("", 1)
    assert checked.stderr == "would format <stdin>\n"
    assert call("fmt", "-", "--diff", given=UGLY).stdout.startswith("--- <stdin>\n")


def test_nothing_comes_out_of_standard_input_that_does_not_parse() -> None:
    result = call("fmt", "-", given=b"policy \xff")
    assert (result.stdout, result.exit_code) == ("", 2)
    assert "<stdin>:1:8: error[E100]" in result.stderr


def test_standard_input_has_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fmt, "POLICY_BYTES", 10)
    result = call("fmt", "-", given=UGLY)
    assert result.stderr == "engine: standard input is larger than 10 bytes\n"
    assert result.exit_code == 2


def test_windows_line_ends_and_marks_go() -> None:
    result = call("fmt", "-", given=b"\xef\xbb\xbf# a\r\npolicy p {\r\n  default allow\r\n}\r\n")
    assert result.stdout_bytes == b"# a\npolicy p {\n  default allow\n}\n"


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("gone.pol",), "there is no file or folder gone.pol"),
        (("-", "gone.pol"), "`-` cannot stand beside files"),
        (("/dev/null",), "no regular file"),
    ],
)
def test_input_that_cannot_be_read_is_told(arguments: tuple[str, ...], told: str) -> None:
    result = call("fmt", *arguments)
    assert told in result.stderr
    assert result.exit_code == 2


def test_a_folder_without_policies_is_told(tmp_path: Path) -> None:
    assert call("fmt", tmp_path).stdout == "no .pol file\n"


def test_a_folder_that_cannot_be_listed_is_told(tmp_path: Path) -> None:
    # Whoever runs the tests may be allowed everything: a broken link is unreadable to all.
    (tmp_path / "broken.pol").symlink_to(tmp_path / "gone")
    result = call("fmt", tmp_path)
    assert "broken.pol: cannot be read" in result.stderr
    assert result.exit_code == 2


def test_a_file_that_cannot_be_replaced_is_told_and_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(28, "No space left on device")

    root = folder(tmp_path, {"ugly.pol": UGLY})
    monkeypatch.setattr(os, "fsync", refuse)
    result = call("fmt", root)
    assert "cannot be written: No space left on device" in result.stderr
    assert (root / "ugly.pol").read_text() == UGLY
    assert [one.name for one in root.iterdir()] == ["ugly.pol"]
    assert result.exit_code == 2


def test_a_formatter_that_loses_a_comment_changes_no_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lose(_: items.File) -> str:
        return "policy p {\n  default allow\n}\n"

    root = folder(tmp_path, {"ugly.pol": UGLY})
    monkeypatch.setattr(fmt, "format_file", lose)
    result = call("fmt", root)
    assert "left alone: formatting would have lost something" in result.stderr
    assert (root / "ugly.pol").read_text() == UGLY
    assert result.exit_code == 2


def format_bytes(data: bytes) -> None:
    result = call("fmt", "-", given=data)
    assert result.exception is None or isinstance(result.exception, SystemExit)
    assert result.exit_code in {0, 2}, result.output
    assert "please report" not in result.stderr
    if result.exit_code == 2:
        assert result.stdout == ""
        assert result.stderr
        return
    before = parse_file(Source("x", data.decode("utf-8-sig")), Report())
    after = parse_file(Source("x", result.stdout_bytes.decode()), Report())
    assert fmt.comments(before) == fmt.comments(after)
    assert call("fmt", "-", given=result.stdout_bytes).stdout_bytes == result.stdout_bytes


@pytest.mark.slow
@example(b"\xef\xbb\xbf")
@example(b"# only a comment")
@example(b"\r\n\r")
@given(BYTES)
@settings(max_examples=60)
def test_any_bytes_are_formatted_or_refused(data: bytes) -> None:
    format_bytes(data)


@pytest.mark.nightly
@given(BYTES)
@settings(max_examples=10_000)
def test_very_many_bytes_are_formatted_or_refused(data: bytes) -> None:
    format_bytes(data)


@pytest.mark.slow
def test_a_real_process_formats_a_pipe() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "engine", "fmt", "-"],
        input=UGLY,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.startswith("policy p {\n")
