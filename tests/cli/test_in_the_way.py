"""What may stand in the way of any verb: files that cannot be used, a full disk, no reader."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from engine.cli.main import LazyGroup, group
from engine.cli.reviews_file import key_in
from engine.storage.reviews_sqlite import SqliteReviews
from tests.cli.calling import DOOR, call, folder
from tests.storage.asked import asked

ID = "0190aaaa-0000-7000-8000-000000000000"
CASES = f"""
new @
check @
fmt @
fmt --check @
test @
test pol --junit @
eval @ --tenant t --user u --content hello
eval pol @
explain @ --tenant t --user u --content hello
explain pol @
scan @
scan --policies @ request.json
detectors list @
detectors show @
detectors eval @
detectors eval rows.jsonl --policies @
detectors eval rows.jsonl --png @
docs @
docs pol -o @
serve pol --config @
serve pol --data @ --listen 127.0.0.1:0 --metrics ""
serve pol --memory --metrics "" --listen "" --socket @
state export --data @
state reset --data @ --all --yes
state show --data @
state top --data @
audit verify --folder @
audit verify --folder trail --key @
audit verify --folder trail --checkpoints @
audit verify --folder trail --proof @
audit prove --folder @ {ID}
audit prove --folder trail {ID} --key @
audit tail --folder @
audit query --folder @
audit show --folder @ {ID}
audit stats --folder @
audit export --folder @
audit export --folder trail -o @
audit export --folder trail --format parquet -o @
audit report --folder @ {ID}
audit erase t --data @ --yes
audit hold --folder @ t --reason r
audit hold --folder trail t --reason r --key-file @
audit release --folder @ x --reason r
audit release --folder trail x --reason r --key-file @
audit holds --folder @
audit sinks --folder @
audit prune --folder @ --keep-days 1
audit prune --folder trail --keep-days 1 --key-file @
audit prune --folder trail --config @
reviews list --data @
reviews list --config @
reviews list --address 127.0.0.1:1 --token-file @
reviews list --address 127.0.0.1:1 --tls --ca @
reviews list --address 127.0.0.1:1 --tls --cert @ --key @
reviews approve x --data @
reviews claim x --data @
reviews comment x --data @ --note n
reviews edit x --data @ --content request.json
reviews edit x --data data --messages @
reviews edit x --data data --arguments @
reviews hand-over x --data @ --to y
reviews move --data @ --to sqlite
reviews overturn x --data @ --note n
reviews overturn x --data data --trail @ --note n
reviews reject x --data @
reviews release x --data @
reviews show x --data @
reviews stats --data @
reviews stats --data data --trail @
reviews to-test x --data @
reviews to-test x --data data --policies @
decide @ --addr 127.0.0.1:1
decide request.json --addr unix:@
decide request.json --addr 127.0.0.1:1 --tls --ca @
decide request.json --addr 127.0.0.1:1 --tls --cert @ --key @
""".strip().splitlines()
"""Every verb with the things it is given, `@` where it looks for one of them."""

PLACES = {
    "too long": "n" * 300,
    "under a file": "request.json/under",
    "a loop": "loop/under",
    "nowhere": "dangling/under",
    "no text": os.fsdecode(b"odd\xff/under"),
} | ({"shut": "shut/under"} if os.geteuid() else {})
"""What nobody can use who reads or writes there; the superuser may enter any folder."""

FINE = {"audit erase t --data @ --yes": "nothing to erase", "new @": "now: cd"}
"""What verbs say that can do what they are asked in some of those places."""


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder to call verbs in, in which not everything can be used."""
    folder(tmp_path / "pol", {"door.pol": DOOR})
    for name in ("shut", "data", "trail"):
        (tmp_path / name).mkdir()
    (tmp_path / "loop").symlink_to("loop")
    (tmp_path / "dangling").symlink_to("nowhere")
    asked = '{"tenant": {"id": "t"}, "user": {"id": "u"}, "stage": "request", "content": "hello"}'
    (tmp_path / "request.json").write_text(asked)
    (tmp_path / "rows.jsonl").write_text('{"text": "write to a@example.com", "spans": []}\n')
    (tmp_path / "shut").chmod(0)
    monkeypatch.chdir(tmp_path)
    yield tmp_path
    (tmp_path / "shut").chmod(0o700)


def leaves(command: click.Command, name: str, context: click.Context) -> Iterator[str]:
    """Yield every verb and verb of a verb by its whole name."""
    if not isinstance(command, click.Group):
        yield name
        return
    for one in command.list_commands(context):
        below = command.get_command(context, one)
        assert below is not None
        yield from leaves(below, f"{name} {one}".strip(), context)


def test_no_verb_is_left_out() -> None:
    assert isinstance(group, LazyGroup)
    asked = {" ".join(one.split()[: 1 + (one.split()[0] in GROUPS)]) for one in CASES}
    # It makes a token of a name, and looks for no file.
    assert asked == set(leaves(group, "", click.Context(group))) - {"reviews token"}


GROUPS = {"audit", "detectors", "reviews", "state"}


@pytest.mark.parametrize("where", PLACES)
@pytest.mark.parametrize("case", CASES)
def test_what_cannot_be_used_is_said_in_a_line(here: Path, case: str, where: str) -> None:
    del here
    done = call(*(one.replace("@", PLACES[where]) for one in shlex.split(case)))
    assert isinstance(done.exception, SystemExit | None), done.exception
    said = done.stderr.strip().splitlines()
    if case in FINE and FINE[case] in done.stdout:
        return
    assert done.exit_code == 2, done.output
    assert said, done.output
    assert not any(one.startswith("Traceback") for one in said)


def engine(*arguments: str, output: int) -> subprocess.CompletedProcess[str]:
    """Return what ``engine ARGUMENTS`` did whose standard output is the descriptor *output*."""
    return subprocess.run(  # noqa: S603  our own interpreter
        [sys.executable, "-m", "engine", *arguments],
        stdout=output,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )


PRINTING = ["--help", "check pol", "check --help", "docs pol", "scan --json request.json"]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no full disk here")
@pytest.mark.parametrize("case", PRINTING)
def test_an_output_that_takes_no_more_is_said(here: Path, case: str) -> None:
    del here
    output = os.open("/dev/full", os.O_WRONLY)
    try:
        done = engine(*case.split(), output=output)
    finally:
        os.close(output)
    assert done.stderr == "engine: cannot write: No space left on device\n"
    assert done.returncode == 2


@pytest.mark.parametrize("case", PRINTING)
def test_a_reader_who_has_gone_is_told_nothing(here: Path, case: str) -> None:
    del here
    theirs, ours = os.pipe()
    os.close(theirs)
    try:
        done = engine(*case.split(), output=ours)
    finally:
        os.close(ours)
    assert done.stderr == ""
    # Nobody has seen the answer: it does not count as a good one.
    assert done.returncode == 1


def test_no_file_comes_to_be_a_stream_that_was_closed(here: Path) -> None:
    code = "import os, sys\nos.close(1)\nsys.stdout = None\nsys.argv = ['engine', *sys.argv[1:]]\n"
    code += "from engine.cli.main import main\nmain()\n"
    done = subprocess.run(  # noqa: S603  our own interpreter
        [sys.executable, "-c", code, "docs", "pol", "-o", "book.md"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert (here / "book.md").read_text().startswith("#")


@pytest.mark.parametrize("case", ["eval pol -", "explain pol -", "decide -", "fmt -", "scan -"])
def test_an_input_that_was_closed_is_an_empty_one(here: Path, case: str) -> None:
    del here
    done = subprocess.run(  # noqa: S603  our own interpreter
        ["/bin/sh", "-c", 'exec "$@" <&-', "sh", sys.executable, "-m", "engine", *case.split()],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == (0 if case in {"fmt -", "scan -"} else 2)
    assert "Traceback" not in done.stderr


def test_who_ends_a_verb_by_ctrl_c_is_not_told_that_something_was_found(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_given: object, **_more: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("engine.cli.audit_read.find", interrupted)
    done = call("audit", "query", "--folder", here / "trail")
    assert (done.exit_code, done.stderr) == (130, "\nengine: interrupted\n")


def test_a_list_of_reviews_whose_reader_has_gone_is_no_finding(here: Path) -> None:
    (here / "data" / "secret.key").write_text("6b" * 32)
    (here / "data" / "secret.key").chmod(0o600)
    store = SqliteReviews(here / "data" / "reviews.db", key=key_in(here / "data"))
    store.open_or_join(asked(at=time.time_ns()), time.time_ns())
    store.close()
    theirs, ours = os.pipe()
    os.close(theirs)
    try:
        done = engine("reviews", "list", "--state", "all", output=ours)
    finally:
        os.close(ours)
    assert (done.returncode, done.stderr) == (0, "")
