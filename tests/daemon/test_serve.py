from __future__ import annotations

import json
import logging
import os
import signal
import socket
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest
from pol_client import Client

from engine.daemon.places import EXIT_ERROR, EXIT_FINE, EXIT_POLICIES
from engine.daemon.serve import serve
from engine.daemon.settings import Grpc, Log, Metrics, Reload, Settings
from engine.daemon.settings_audit import Record
from engine.doors.grpc.caller import CallError
from engine.runtime.store import StoreUnavailable
from engine.service.gate import Gate
from engine.wire import engine_pb2 as wire
from tests.daemon.running import Told, decide, serve_here
from tests.ports import free_port
from tests.service.bundle import write_folder

pytestmark = pytest.mark.slow

OPEN = "policy door { default allow }"
SHUT = "policy door { default deny }"
BROKEN = "policy door { default perhaps }"
PATIENCE = 60.0


@pytest.fixture(autouse=True)
def process() -> Iterator[None]:
    """Put back what a daemon changes of its process."""
    logger = logging.getLogger()
    handlers, level, interval = logger.handlers[:], logger.level, sys.getswitchinterval()
    yield
    logger.handlers[:] = handlers
    logger.setLevel(level)
    sys.setswitchinterval(interval)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_folder(tmp_path / "policies", {"door.pol": OPEN})
    return tmp_path


def settings(folder: Path, **others: object) -> Settings:
    chosen: dict[str, object] = {
        "policies": str(folder / "policies"),
        "data": str(folder / "data"),
        "grpc": Grpc(listen="", socket=str(folder / "s")),
        "metrics": Metrics(listen=""),
        "log": Log(format="json"),
        "reload": Reload(watch=False),
        "drain_seconds": 1,
    }
    return Settings(**{**chosen, **others})  # type: ignore[arg-type]


def until(condition: object) -> None:
    """Ask *condition* until it holds: another process or thread makes it so."""
    assert callable(condition)
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, "it did not come true"
        time.sleep(0.02)


def events(capfd: pytest.CaptureFixture[str]) -> list[dict[str, object]]:
    lines = capfd.readouterr().err.splitlines()
    return [json.loads(line) for line in lines if line.startswith("{")]


def test_a_daemon_decides_tells_where_and_drains(
    folder: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    port = free_port()
    chosen = settings(folder, metrics=Metrics(listen=f"127.0.0.1:{port}"))
    address = f"unix://{folder}/s"
    pages: list[str] = []

    def work() -> None:
        assert decide(address).action == "allow"
        for page in ("readyz", "metrics"):
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/{page}") as answer:
                pages.append(answer.read().decode())

    assert serve_here(chosen, work) == EXIT_FINE
    printed = capfd.readouterr()
    assert f"serves {address}, http://127.0.0.1:{port}/metrics: 1 policy, 0 rules" in printed.out
    told = [json.loads(line)["event"] for line in printed.err.splitlines() if line[:1] == "{"]
    # When the trail is signed is its own affair.
    assert [one for one in told if one != "audit checkpoint"] == ["ready", "draining", "stopped"]
    assert pages[0].startswith("serving ")
    assert 'engine_decisions_total{action="allow",stage="request"} 1.0' in pages[1]
    (line,) = (folder / "data/decisions.jsonl").read_text().splitlines()
    assert json.loads(line)["action"] == "allow"


def test_a_settlement_of_nothing_is_refused_counted_and_logged(
    folder: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    port = free_port()
    chosen = settings(folder, metrics=Metrics(listen=f"127.0.0.1:{port}"))
    pages: list[str] = []

    def work() -> None:
        with Client(f"unix://{folder}/s", timeout=PATIENCE) as client:
            for decision in ("unknown\n" * 40, "foreign"):
                assert not client.settle(decision, input_tokens=1)
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics") as answer:
            pages.append(answer.read().decode())

    assert serve_here(chosen, work) == EXIT_FINE
    told = [one for one in events(capfd) if "settled" in str(one["event"])]
    assert [(one["level"], one["decision"]) for one in told] == [
        ("warning", ("unknown\n" * 40)[:64])
    ]
    assert 'engine_settlements_total{result="unknown"} 2.0' in pages[0]
    assert 'engine_settlements_total{result="settled"} 0.0' in pages[0]


def test_sighup_reopens_the_record_and_reloads(folder: Path, told: Told) -> None:
    address = f"unix://{folder}/s"
    record = folder / "data/decisions.jsonl"

    def work() -> None:
        decide(address)
        record.rename(folder / "old.jsonl")
        write_folder(folder / "policies", {"door.pol": SHUT})
        os.kill(os.getpid(), signal.SIGHUP)
        until(lambda: decide(address).action == "deny")
        write_folder(folder / "policies", {"door.pol": BROKEN})
        record.rename(folder / "older.jsonl")
        record.mkdir()
        os.kill(os.getpid(), signal.SIGHUP)
        until(lambda: told.has("policies refused"))
        assert decide(address).action == "deny"

    assert serve_here(settings(folder), work) == EXIT_FINE
    assert "allow" in (folder / "old.jsonl").read_text()
    assert "deny" in (folder / "older.jsonl").read_text()
    assert told.has("policies loaded")
    assert told.has("the record was not reopened")
    assert "door.pol:1:23" in str(told.of("policies refused")[0]["why"])


def test_the_admin_service_reloads_and_says_why_not(folder: Path) -> None:
    address = f"unix://{folder}/s"

    def reload() -> wire.ReloadResponse:
        with grpc.insecure_channel(address) as channel:
            call = channel.unary_unary(
                "/engine.v1.Admin/Reload",
                wire.ReloadRequest.SerializeToString,
                wire.ReloadResponse.FromString,
            )
            answer: wire.ReloadResponse = call(wire.ReloadRequest(), timeout=PATIENCE)
            return answer

    def work() -> None:
        write_folder(folder / "policies", {"door.pol": SHUT})
        assert reload().loaded
        assert decide(address).action == "deny"
        write_folder(folder / "policies", {"door.pol": BROKEN})
        answer = reload()
        assert not answer.loaded
        assert (answer.problems[0].file, answer.problems[0].line) == ("door.pol", 1)
        assert decide(address).action == "deny"

    assert serve_here(settings(folder), work) == EXIT_FINE


def test_policies_that_do_not_check_stop_the_start_with_the_whole_list(
    folder: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    write_folder(folder / "policies", {"a.pol": BROKEN, "b.pol": "policy b {"})
    assert serve(settings(folder)) == EXIT_POLICIES
    told = capfd.readouterr().err
    assert "a.pol:1:23" in told
    assert "b.pol:1:" in told
    assert "the daemon does not start" in told


def test_a_missing_folder_stops_the_start(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert serve(settings(folder, policies=str(folder / "gone"))) == EXIT_POLICIES
    assert "there is no folder" in capfd.readouterr().err


def test_a_daemon_can_wait_for_its_policies(folder: Path) -> None:
    address = f"unix://{folder}/s"
    (folder / "policies").rename(folder / "later")
    chosen = settings(
        folder, wait_for_bundle=True, reload=Reload(watch=True, debounce_ms=20), state="memory"
    )

    def work() -> None:
        with pytest.raises(CallError, match="no policies"):
            decide(address)
        (folder / "later").rename(folder / "policies")
        until(lambda: answered(address))
        assert decide(address).action == "allow"

    assert serve_here(chosen, work) == EXIT_FINE


def answered(address: str) -> bool:
    try:
        decide(address)
    except CallError:
        return False
    return True


def test_decisions_that_cannot_be_recorded_are_denied_and_logged(
    folder: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    full = Path("/dev/full")
    address = f"unix://{folder}/s"

    def work() -> None:
        assert decide(address).effective_action == "deny"

    chosen = settings(folder, record=Record(file=str(full)))
    assert serve_here(chosen, work) == EXIT_FINE
    told = [one for one in events(capfd) if one["level"] == "error"]
    assert "No space left" in str(told[0]["error"])


def test_a_disk_that_is_full_does_not_flood_the_log(
    folder: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    address = f"unix://{folder}/s"

    def work() -> None:
        assert [decide(address).effective_action for _ in range(5)] == ["deny"] * 5

    assert serve_here(settings(folder, record=Record(file="/dev/full")), work) == EXIT_FINE
    assert len([one for one in events(capfd) if one["level"] == "error"]) == 1


@pytest.mark.parametrize("taken", ["grpc", "metrics"])
def test_an_address_in_use_is_one_clear_sentence(
    folder: Path, capfd: pytest.CaptureFixture[str], taken: str
) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        address = f"127.0.0.1:{other.getsockname()[1]}"
        chosen = settings(
            folder,
            grpc=Grpc(listen=address if taken == "grpc" else "127.0.0.1:0"),
            metrics=Metrics(listen=address if taken == "metrics" else ""),
        )
        assert serve(chosen) == EXIT_ERROR
    told = [line for line in capfd.readouterr().err.splitlines() if line.startswith("engine: ")]
    assert len(told) == 1
    assert address in told[0]
    assert "in use" in told[0]


def test_nowhere_to_listen_is_told(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert serve(settings(folder, grpc=Grpc(listen="", socket=""))) == EXIT_ERROR
    assert "nowhere to listen" in capfd.readouterr().err


def test_a_data_folder_in_the_way_is_told(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (folder / "data").write_text("")
    assert serve(settings(folder)) == EXIT_ERROR
    assert "--memory" in capfd.readouterr().err


def test_the_store_is_tidied_and_a_store_that_is_away_is_logged(
    folder: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    swept: list[int] = []

    def sweep(_gate: Gate, entries: int) -> int:
        swept.append(entries)
        if len(swept) == 2:
            raise StoreUnavailable("the disk is gone")
        return 0

    monkeypatch.setattr("engine.daemon.server.SWEEP_SECONDS", 0.01)
    monkeypatch.setattr(Gate, "sweep", sweep)
    assert serve_here(settings(folder), lambda: until(lambda: len(swept) > 3)) == EXIT_FINE
    told = [one for one in events(capfd) if one["level"] == "warning"]
    assert [(one["event"], one["why"]) for one in told] == [
        ("the state store could not be tidied", "the disk is gone")
    ]


def test_a_task_that_breaks_is_logged_and_the_daemon_goes_on(
    folder: Path, told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = f"unix://{folder}/s"

    def sweep(_gate: Gate, _entries: int) -> int:
        raise KeyError("a secret")

    monkeypatch.setattr("engine.daemon.server.SWEEP_SECONDS", 0.01)
    monkeypatch.setattr(Gate, "sweep", sweep)

    def work() -> None:
        until(lambda: told.has("a task of the daemon broke"))
        assert decide(address).action == "allow"

    assert serve_here(settings(folder), work) == EXIT_FINE
    assert "a secret" not in str(told.all())
