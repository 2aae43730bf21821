"""Where a reviewer's token may be: a file, behind a link, a pipe; and nothing waits for ever."""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest

from engine.cli import token_file
from engine.cli.token_file import MOST_BYTES, read_token
from tests.cli.calling import call
from tests.ports import free_port


@contextmanager
def pipe(data: bytes, *, ended: bool = True) -> Iterator[str]:
    """Give the name of a pipe in which *data* is, and whose writer has *ended*."""
    theirs, ours = os.pipe()
    os.write(ours, data)
    if ended:
        os.close(ours)
    try:
        yield f"/dev/fd/{theirs}"
    finally:
        os.close(theirs)
        if not ended:
            os.close(ours)


def refused(capsys: pytest.CaptureFixture[str], file: str) -> str:
    """Return why there is no token in *file*."""
    with pytest.raises(SystemExit) as left:
        read_token(file)
    assert left.value.code == 2
    said = capsys.readouterr().err
    assert said.startswith("engine: cannot read the token in ")
    assert said.count("\n") == 1
    return said


def test_a_token_is_read_from_a_file_behind_a_link_and_from_a_pipe(tmp_path: Path) -> None:
    held = tmp_path / "..data"
    held.write_text("  rev_abc\n")
    mounted = tmp_path / "token"
    mounted.symlink_to("..data")
    assert read_token("") == ""
    assert read_token(str(mounted)) == "rev_abc"
    with pipe(b"rev_abc\n") as name:
        assert read_token(name) == "rev_abc"


def test_a_pipe_whose_writer_comes_later_is_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(token_file, "SECONDS", 60.0)
    place = tmp_path / "token"
    os.mkfifo(place)
    # Who opens it to write waits until somebody opens it to read.
    with ThreadPoolExecutor(1) as writer:
        wrote = writer.submit(place.write_text, "rev_abc\n")
        assert read_token(str(place)) == "rev_abc"
        assert wrote.result() == len("rev_abc\n")


def test_a_pipe_that_nobody_writes_into_is_given_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(token_file, "SECONDS", 0.01)
    place = tmp_path / "token"
    os.mkfifo(place)
    assert "nobody has written all of it" in refused(capsys, str(place))
    with pipe(b"rev_", ended=False) as name:
        assert "nobody has written all of it" in refused(capsys, name)


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b" \n", "it is empty"),
        (b"rev_abc\nrev_def\n", "one line of printable ASCII"),
        (b"rev_\xc3\xa9", "one line of printable ASCII"),
        (b"rev_\x1b[2J", "one line of printable ASCII"),
        (b"x" * (MOST_BYTES + 1), "it has more than"),
    ],
)
def test_what_can_be_no_token_is_said_and_not_shown(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], data: bytes, why: str
) -> None:
    place = tmp_path / "token"
    place.write_bytes(data)
    said = refused(capsys, str(place))
    assert why in said
    assert "rev_" not in said


@pytest.mark.parametrize("name", ["/dev/zero", "/", "no\0path", "there/is/none"])
def test_what_is_no_file_and_no_pipe_is_not_read(
    capsys: pytest.CaptureFixture[str], name: str
) -> None:
    refused(capsys, name)


def test_an_empty_file_of_a_token_is_no_name_to_act_under(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("\n")
    address = f"127.0.0.1:{free_port()}"
    place = ("--address", address, "--token-file", str(tmp_path / "token"))
    done = call("reviews", "approve", "r1", *place)
    assert (done.exit_code, "it is empty" in done.stderr) == (2, True)
