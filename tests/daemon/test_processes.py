from __future__ import annotations

import json
import signal
import socket
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Self

import grpc
import pytest

from engine.doors.grpc.caller import METHOD, write_request
from engine.runtime.request import InvalidRequest, Request
from engine.wire import engine_pb2 as wire
from tests.daemon.running import PATIENCE, daemon, decide, refused
from tests.daemon.test_serve import until
from tests.service.bundle import write_folder

pytestmark = pytest.mark.slow

OPEN = "policy door { default allow }"
SHUT = "policy door { default deny }"
BROKEN = "policy door { default perhaps }"
QUICK = (
    "--listen=127.0.0.1:0",
    "--metrics=",
    "--log-format=json",
    "--set=reload.debounce_ms=20",
)


def request_bytes(content: str) -> bytes:
    request = Request(tenant={"id": "north"}, user={"id": "u1"}, stage="request", content=content)
    return write_request(request).SerializeToString()


REQUEST = request_bytes("hello")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_folder(tmp_path / "policies", {"door.pol": OPEN})
    return tmp_path


def recorded(folder: Path) -> list[dict[str, object]]:
    lines = (folder / "data/decisions.jsonl").read_text().splitlines()
    return [json.loads(line) for line in lines]


class Load:
    """Asks a daemon again and again from several threads, and keeps every answer and failure."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.answers: list[wire.Decision] = []
        self.failures: list[grpc.StatusCode] = []
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._ask) for _ in range(4)]

    def _ask(self) -> None:
        with grpc.insecure_channel(self.address) as channel:
            call = channel.unary_unary(METHOD, None, wire.Decision.FromString)
            while not self._stop.is_set():
                try:
                    self.answers.append(call(REQUEST, timeout=PATIENCE))
                except grpc.RpcError as error:
                    self.failures.append(code_of(error))
                    return

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def actions(self) -> Counter[int]:
        return Counter(one.action for one in self.answers)


def code_of(error: grpc.RpcError) -> grpc.StatusCode:
    assert isinstance(error, grpc.Call)
    return error.code()


@contextmanager
def loaded(address: str) -> Iterator[Load]:
    with Load(address) as load:
        until(lambda: len(load.answers) > 20)
        yield load


def test_reloads_under_load_lose_no_decision(folder: Path) -> None:
    door = {"allow": OPEN, "deny": SHUT}
    with daemon(folder, *QUICK) as running:
        with loaded(running.address) as load:
            for action in ("deny", "allow", "deny"):
                write_folder(folder / "policies", {"door.pol": door[action]})
                running.send(signal.SIGHUP)
                until(lambda: decide(running.address).action == action)  # noqa: B023
        assert load.failures == []
        assert set(load.actions()) == {wire.ACTION_ALLOW, wire.ACTION_DENY}
        assert running.stop() == 0
    answered = {one.decision_id for one in load.answers}
    assert len(answered) == len(load.answers)
    assert answered <= {str(one["decision_id"]) for one in recorded(folder)}
    revisions = {one.revision: one.action for one in load.answers}
    assert len(revisions) == 2
    assert all(revisions[one.revision] == one.action for one in load.answers)


def test_a_broken_folder_never_replaces_the_last_good_policies(folder: Path) -> None:
    with daemon(folder, *QUICK) as running, loaded(running.address) as load:
        revision = decide(running.address).revision
        write_folder(folder / "policies", {"more.pol": BROKEN, "bytes.pol": b"\xff\0\xfe"})
        until(lambda: "policies refused" in running.log())
        asked = len(load.answers)
        until(lambda: len(load.answers) > asked + 20)
        assert decide(running.address).revision == revision
        assert "more.pol:1:23" in running.log()
        (folder / "policies/more.pol").unlink()
        (folder / "policies/bytes.pol").unlink()
        until(lambda: "policies loaded" in running.log())
    assert load.failures in ([], [grpc.StatusCode.UNAVAILABLE] * len(load.failures))
    assert set(load.actions()) == {wire.ACTION_ALLOW}


def test_what_was_taken_survives_kill_9_and_nothing_answered_is_missing(tmp_path: Path) -> None:
    write_folder(
        tmp_path / "policies",
        {
            "flood.pol": """
            policy flood {
              default allow
              rule limit { then throttle 5 requests per calendar month by tenant.id }
            }
            """
        },
    )
    answers = []
    for _ in range(3):
        with daemon(tmp_path, *QUICK) as running:
            answers += [decide(running.address) for _ in range(2)]
            assert running.stop(signal.SIGKILL) == -signal.SIGKILL
    assert [one.action for one in answers] == ["allow"] * 5 + ["throttle"]
    assert [one["decision_id"] for one in recorded(tmp_path)] == [
        one.decision_id for one in answers
    ]


def test_sigterm_finishes_what_runs_and_every_answer_is_recorded(folder: Path) -> None:
    with daemon(folder, *QUICK) as running, loaded(running.address) as load:
        assert running.stop() == 0
    # Those that were asked after the end are told so; none was answered and lost.
    assert set(load.failures) <= {grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED}
    answered = {one.decision_id for one in load.answers}
    assert answered <= {str(one["decision_id"]) for one in recorded(folder)}
    assert "stopped" in running.log()


def test_a_second_signal_ends_the_patience_with_a_caller_that_does_not_read(folder: Path) -> None:
    mails = (
        "policy door { default allow rule m { when content has pii.email then redact pii.email } }"
    )
    write_folder(folder / "policies", {"door.pol": mails})
    large = request_bytes("ann@example.com " * 20_000)
    stop = threading.Event()

    def requests() -> Iterator[bytes]:
        while not stop.is_set():
            yield large

    def stuck() -> bool:
        before = len(recorded(folder))
        stop.wait(0.3)
        return 0 < before == len(recorded(folder))

    with (
        daemon(folder, *QUICK, "--set=drain_seconds=600") as running,
        grpc.insecure_channel(running.address) as channel,
    ):
        stream = channel.stream_stream(
            "/engine.v1.PolicyEngine/DecideStream", None, wire.Decision.FromString
        )
        answers = stream(requests())
        until(stuck)
        running.send(signal.SIGTERM)
        until(lambda: "draining" in running.log())
        assert running.stop(signal.SIGINT) == 0
        stop.set()
        answers.cancel()  # type: ignore[no-untyped-call]


def test_ten_megabytes_are_refused_by_name_and_the_daemon_keeps_serving(folder: Path) -> None:
    told = "content: content too large: 10,000,000 characters, and the limit is 1,048,576"
    with daemon(folder, *QUICK) as running:
        with pytest.raises(InvalidRequest, match=told):
            decide(running.address, "x" * 10_000_000)
        assert decide(running.address, "a NUL \0 is content").action == "allow"
    assert len(recorded(folder)) == 1


def test_a_unix_socket_serves_beside_the_port(folder: Path) -> None:
    with daemon(folder, *QUICK, f"--socket={folder}/s") as running:
        assert decide(running.address).action == "allow"
        assert decide(f"unix://{folder}/s").action == "allow"


# --- what must not start -------------------------------------------------------------------------


def test_a_port_in_use_is_one_sentence(folder: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        address = f"127.0.0.1:{other.getsockname()[1]}"
        code, told = refused(folder, f"--listen={address}", "--metrics=")
    assert code == 2
    assert told == (
        f"engine: cannot listen on {address}: it is in use by another process; "
        "choose another with `grpc.listen`\n"
    )


def test_a_folder_that_does_not_check_is_a_list_and_code_1(folder: Path) -> None:
    write_folder(folder / "policies", {"door.pol": BROKEN})
    code, told = refused(folder, *QUICK)
    assert code == 1
    assert "door.pol:1:23" in told
    assert "Traceback" not in told


def test_a_data_folder_without_permission_is_one_sentence(folder: Path) -> None:
    code, told = refused(folder, *QUICK, "--data=/proc/engine")  # even root may not write there
    assert code == 2
    assert "engine: cannot write to the data folder /proc/engine" in told
    assert "Traceback" not in told


def test_a_wrong_setting_is_one_sentence(folder: Path) -> None:
    code, told = refused(folder, "--set=grpc.lisen=x")
    assert (code, told) == (
        2,
        "engine: --set grpc.lisen: unknown setting `grpc.lisen`; did you mean `grpc.listen`?\n",
    )
