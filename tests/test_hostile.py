"""What a hostile stranger does to a daemon: it says one clear sentence, goes on, and tells nothing.

Here stand the attacks that cross rooms; those on one room stand beside that room's tests.
"""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import threading
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import grpc
import pytest
from click.testing import CliRunner

from engine import PolicyError, load
from engine.cli.main import group
from engine.doors.grpc.caller import METHOD, write_request
from engine.runtime.request import Request
from engine.wire import engine_pb2 as wire
from tests.daemon.running import PATIENCE, Running, daemon, decide, refused
from tests.daemon.test_serve import until
from tests.ports import free_port
from tests.service.bundle import write_folder

pytestmark = pytest.mark.slow

OPEN = "policy door { default allow }"
QUICK = ("--listen=127.0.0.1:0", "--metrics=", "--log-format=json", "--set=reload.debounce_ms=20")
MARK = "Zyzzyva"
"""Stands in every place of a request where content may be, and nowhere else."""


def request_bytes(content: str = "hello", **parts: object) -> bytes:
    whole: dict[str, object] = {"tenant": {"id": "north"}, "user": {"id": "u1"}, **parts}
    asked = Request(**{"stage": "request", "content": content, **whole})  # type: ignore[arg-type]
    return write_request(asked).SerializeToString()


def ask(channel: Any, method: str = METHOD) -> Any:
    """Return the call of *method*, from bytes to bytes."""
    return channel.unary_unary(method)


def recorded(folder: Path) -> list[dict[str, object]]:
    """Return every line of the record; each must be whole."""
    lines = (folder / "data/decisions.jsonl").read_text().splitlines()
    return [json.loads(line) for line in lines]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_folder(tmp_path / "policies", {"door.pol": OPEN})
    return tmp_path


# --- data files -----------------------------------------------------------------------------------


@pytest.mark.parametrize("form", ["csv", "json"])
def test_a_wrong_type_on_line_40001_is_named_by_its_line(tmp_path: Path, form: str) -> None:
    policy = f'schema {{ user.level: int }}\nfacts user from "users.{form}"\n{OPEN}'
    levels = [f"u{number}" for number in range(40_010)]
    if form == "csv":
        rows = ["id,level", *(f"{one},{7 if one != 'u39999' else 'high'}" for one in levels)]
    else:
        cells = [f'"{one}": {{"level": {7 if one != "u39999" else "true"}}}' for one in levels]
        rows = ["{", *(f"{one}," for one in cells[:-1]), cells[-1], "}"]
    write_folder(tmp_path, {"p.pol": policy, f"users.{form}": "\n".join(rows)})

    with pytest.raises(PolicyError) as raised:
        load(tmp_path)

    (problem,) = raised.value.diagnostics
    assert (problem.span.path, problem.span.line) == (f"users.{form}", 40_001)
    assert "`level`: expected int" in problem.message


def test_a_list_that_vanishes_is_named_and_the_old_one_stays(tmp_path: Path) -> None:
    policy = """
    list blocked from "blocked.txt"
    policy door { default allow rule r { when user.id in blocked then deny } }
    """
    policies = write_folder(tmp_path / "policies", {"p.pol": policy, "blocked.txt": "mallory\n"})
    with daemon(tmp_path, *QUICK) as running:
        (policies / "blocked.txt").unlink()
        until(lambda: "policies refused" in running.log())
        assert "`blocked.txt`" in running.log()
        assert decide(running.address, user="mallory").action == "deny"
        (policies / "blocked.txt").write_text("trudy\n")
        until(lambda: "policies loaded" in running.log())
        # A file that was opened, and not written to yet, may have been loaded first.
        until(lambda: decide(running.address, user="trudy").action == "deny")
        assert decide(running.address, user="mallory").action == "allow"
        assert running.stop() == 0
    (policies / "blocked.txt").unlink()
    code, told = refused(tmp_path, *QUICK)
    assert code == 1
    assert "p.pol:2:5" in told
    assert "`blocked.txt`" in told


# --- disks ----------------------------------------------------------------------------------------


@contextmanager
def small_disk(place: Path, size: str) -> Iterator[Path]:
    place.mkdir()
    mounted = subprocess.run(  # noqa: S603
        ["mount", "-t", "tmpfs", "-o", f"size={size}", "none", str(place)],  # noqa: S607
        check=False,
        capture_output=True,
    )
    if mounted.returncode:
        pytest.skip("only root may mount a small disk")
    try:
        yield place
    finally:
        subprocess.run(["umount", "-l", str(place)], check=True)  # noqa: S603, S607


def fill(place: Path) -> None:
    """Write to *place* until its disk is full."""
    file = os.open(place, os.O_WRONLY | os.O_CREAT)
    with pytest.raises(OSError, match="No space"):
        list(iter(lambda: os.write(file, bytes(4096)), 0))
    os.close(file)


def test_a_disk_too_small_for_the_state_is_one_sentence(folder: Path) -> None:
    with small_disk(folder / "data", "2m"):
        code, told = refused(folder, *QUICK)
    assert code == 2
    assert "engine: the state file" in told
    assert "No space left on device; make room on its disk" in told
    assert "Traceback" not in told


def test_a_disk_that_fills_up_under_the_record_denies_until_there_is_room(folder: Path) -> None:
    with small_disk(folder / "data", "80m") as disk, daemon(folder, *QUICK) as running:
        assert decide(running.address).action == "allow"
        fill(disk / "filler")
        actions = [decide(running.address).action for _ in range(30)]
        assert actions[-1] == "deny"
        assert "a decision was denied because of an error" in running.log()
        assert "No space left on device" in running.log()
        (disk / "filler").unlink()
        assert decide(running.address).action == "allow"
        assert running.stop() == 0
        given = 1 + actions.count("allow") + 1
        assert len(recorded(folder)) == given


def test_a_second_daemon_on_the_same_data_says_so_and_the_first_goes_on(folder: Path) -> None:
    with daemon(folder, *QUICK) as running:
        code, told = refused(folder, *QUICK)
        assert code == 2
        assert "another process records into" in told
        assert decide(running.address).action == "allow"


# --- callers --------------------------------------------------------------------------------------


def test_a_thousand_connections_are_all_answered(folder: Path) -> None:
    with daemon(folder, *QUICK) as running, ExitStack() as stack:
        host, _, port = running.address.rpartition(":")
        for _ in range(1_000):
            idle = socket.create_connection((host, int(port)), timeout=PATIENCE)
            stack.enter_context(idle)
            idle.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0")
        own = [("grpc.use_local_subchannel_pool", 1)]
        channels = [
            stack.enter_context(grpc.insecure_channel(running.address, own)) for _ in range(50)
        ]
        calls = [
            channel.unary_unary(METHOD, None, wire.Decision.FromString).future(
                request_bytes(), timeout=PATIENCE, wait_for_ready=True
            )
            for channel in channels
        ]
        assert {one.result().action for one in calls} == {wire.ACTION_ALLOW}
        assert running.process.poll() is None


def test_callers_that_vanish_take_nothing_with_them(folder: Path) -> None:
    large = request_bytes("ann@example.com " * 60_000)
    mails = "policy door { default allow rule r { then redact pii.email } }"
    write_folder(folder / "policies", {"door.pol": mails})
    with daemon(folder, *QUICK) as running:
        for _ in range(5):
            with grpc.insecure_channel(running.address) as channel:
                ask(channel)(request_bytes(), timeout=PATIENCE)
                ask(channel).future(large, timeout=PATIENCE)
            host, _, port = running.address.rpartition(":")
            with socket.create_connection((host, int(port))) as torn:
                torn.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\4\1")
        assert decide(running.address).action == "allow"
        assert "Traceback" not in running.log()
        assert running.stop() == 0
    assert len(recorded(folder)) >= 6


def test_kill_9_under_load_grants_nothing_twice_and_leaves_whole_lines(tmp_path: Path) -> None:
    limit = 40
    policy = (
        f"policy p {{ default allow rule r {{ then throttle {limit} requests "
        "per calendar month by tenant.id } }"
    )
    write_folder(tmp_path / "policies", {"p.pol": policy})
    granted: list[str] = []

    def go_on(address: str) -> None:
        with grpc.insecure_channel(address) as channel:
            call = channel.unary_unary(METHOD, None, wire.Decision.FromString)
            try:
                while (answer := call(request_bytes(), timeout=PATIENCE)).decision_id:
                    if answer.action == wire.ACTION_ALLOW:
                        granted.append(answer.decision_id)
                    if answer.action == wire.ACTION_THROTTLE:
                        return
            except grpc.RpcError:
                return

    for kill_at in (10, 25, limit):
        with daemon(tmp_path, *QUICK) as running:
            asking = [threading.Thread(target=go_on, args=(running.address,)) for _ in range(4)]
            for one in asking:
                one.start()
            until(lambda: len(granted) >= kill_at or not any(one.is_alive() for one in asking))  # noqa: B023
            assert running.stop(signal.SIGKILL) == -signal.SIGKILL
            for one in asking:
                one.join()
    assert len(granted) == len(set(granted)) <= limit
    kept = recorded(tmp_path)
    assert set(granted) <= {str(one["decision_id"]) for one in kept}
    assert sum(one["action"] == "allow" for one in kept) <= limit


# --- leaks ----------------------------------------------------------------------------------------

LEAKY = """
schema {
  context.note:   text?
  context.word:   "a" | "b"?
  context.amount: decimal?
  context.wait:   duration?
}
policy p {
  default allow
  rule mails { when content has pii.email then redact pii.email as token }
  rule notes { when context.note is present then redact pii.email in context.note }
  rule tool  { when stage == "tool_call" and (arg("n") ?? 0) > 5 then deny }
  rule args  { when stage == "tool_call" then redact pii.email in tool.args }
  rule echo  { then allow advise said = content  advise short = lower(content) }
  rule ask   { when content contains "review" then escalate to "people" }
  rule cost  { when content contains "cost" then throttle 1 tokens per 1m by user.id }
}
"""


def hostile_requests() -> Iterator[bytes]:
    """Yield requests with the mark in content, arguments, attributes, names and broken places."""
    mail = f"{MARK}@example.com {MARK}"
    for text in (mail, f"{mail} review", f"{mail} cost", f"\x1b[31m{MARK}\r\n{MARK}"):
        yield request_bytes(text)
        yield request_bytes(text, context={"note": text})
    for args in (
        {"n": MARK},
        {"n": [MARK]},
        {MARK: 7},
        {f"{MARK}@example.com": mail},
        {MARK: mail},
        [mail],
        mail,
    ):
        yield request_bytes(stage="tool_call", tool={"name": "t", "args": args})
    for context in (
        {"word": MARK},
        {"amount": MARK},
        {"wait": MARK},
        {"note": [MARK]},
        {"note": {"x": MARK}},
    ):
        yield request_bytes(MARK, context=context)
    broken = wire.DecideRequest.FromString(request_bytes(MARK))
    for context_json in (
        f'{{"word": "{MARK}"',
        f'"{MARK}"',
        f'{{"amount": "{MARK}", "amount": 1}}',
    ):
        broken.context_json = context_json.encode()
        yield broken.SerializeToString()
    yield request_bytes(MARK)[:-3]
    yield request_bytes("x" + MARK).replace(MARK.encode(), b"\xff" + MARK[1:].encode())
    yield MARK.encode() * 10


def asked_for_everything(running: Running) -> list[str]:
    """Send all of it by every method; return the texts of the errors."""
    told: list[str] = []
    with grpc.insecure_channel(running.address) as channel:
        for raw in hostile_requests():
            for method in ("Decide", "Explain", "DecideBatch", "Settle"):
                call = ask(channel, f"/engine.v1.PolicyEngine/{method}")
                try:
                    call(raw, timeout=PATIENCE)
                except grpc.RpcError as error:
                    told.append(str(error))
                    told.append(str(error.trailing_metadata()))
    return told


def test_content_appears_in_no_log_metric_record_or_error(tmp_path: Path) -> None:
    write_folder(tmp_path / "policies", {"p.pol": LEAKY})
    port = free_port()
    options = (f"--metrics=127.0.0.1:{port}", "--log-level=debug")
    with daemon(tmp_path, *QUICK, *options) as running:
        errors = asked_for_everything(running)
        # What can be neither written nor recorded must not be told either.
        (tmp_path / "data/decisions.jsonl").rename(tmp_path / "moved.jsonl")
        os.mkfifo(tmp_path / "data/decisions.jsonl")
        running.send(signal.SIGHUP)
        until(lambda: "policies loaded" in running.log())
        errors += asked_for_everything(running)
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=PATIENCE) as page:
            metrics = page.read().decode()
        assert running.stop() == 0
        log = running.log()
    record = (tmp_path / "moved.jsonl").read_text()
    assert len(record.splitlines()) > 10
    assert "engine_invalid_requests_total" in metrics
    assert errors
    for place in (log, metrics, record, *errors):
        assert MARK.casefold() not in place.casefold()
    for file in (tmp_path / "data").rglob("*"):
        if file.is_file():
            assert MARK.encode() not in file.read_bytes(), file


# --- what a terminal or a build server would obey -------------------------------------------------

ODD_NAME = "x\x1b]0;own\x07\x9b31m.pol"
ODD = r"""
policy p "title \u{1B}[31m" {
  default allow
  rule r "shown \u{9B}5m <script>" {
    when content contains "\u{1B}[1m"
    then deny "no \u{1B}[31m\u{202E}\nway"
    tags "a\u{1B}[0m"
    owner "o\u{1B}[7m"
  }
  rule s {
    when content contains "q"
    then escalate to "q\u{1B}[7m"
    advise x = "\u{1B}[1m"
    label session "l\u{1B}[1m"
  }
}
test "t \u{1B}[3m" {
  given { tenant.id: "t", user.id: "u", stage: "request", content: "x\u{1B}[1m" }
  expect allow
  case "c\u{1B}[3m" { content: "\u{9B}q" } expect deny
}
"""
WHO = ("--tenant", "t\x9b1m", "--user", "u\x1b[1m", "--stage", "request")


@pytest.mark.parametrize(
    "arguments",
    [
        ("check", "FOLDER"),
        ("test", "FOLDER", "--coverage"),
        ("fmt", "--diff", "FOLDER"),
        ("fmt", "--check", "FOLDER"),
        ("docs", "FOLDER"),
        ("eval", "FOLDER", *WHO, "--content", "q\x1b[1m\x9b"),
        ("explain", "FOLDER", *WHO, "--content", "q\x1b[1m\x9b"),
        ("explain", "FOLDER", *WHO, "--content", "q", "--set", 'user.roles=["\x9b"]'),
    ],
    ids=lambda one: " ".join(one[:2]),
)
def test_nothing_that_is_written_drives_a_terminal(
    tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    write_folder(tmp_path, {ODD_NAME: ODD})
    given = [str(tmp_path) if one == "FOLDER" else one for one in arguments]

    made = CliRunner().invoke(group, given, color=True)

    assert made.exit_code in {0, 1}
    own = re.sub(r"\x1b\[[0-9;]*m(?=[^\x1b]*\x1b\[0m)|\x1b\[0m", "", made.output)
    assert not set(own) & set("\x1b\x07\x9b\u202e"), own
    assert "Traceback" not in made.output


def test_a_build_server_can_read_what_odd_tests_report(tmp_path: Path) -> None:
    policies = write_folder(tmp_path / "p", {ODD_NAME: ODD})
    report = tmp_path / "report.xml"
    CliRunner().invoke(group, ["test", str(policies), "--junit", str(report)])
    assert ET.parse(report).getroot().tag == "testsuites"  # noqa: S314  made here
