from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import grpc
import pytest

from engine.doors.grpc.caller import CallError
from engine.wire import engine_pb2 as wire
from tests.daemon.running import PATIENCE, ROOT, Running, daemon, decide, refused
from tests.daemon.test_serve import until
from tests.ports import free_port
from tests.service.bundle import write_folder

pytestmark = pytest.mark.slow

OPEN = "policy door { default allow }"
SHUT = "policy door { default deny }"
BROKEN = "policy door { default perhaps }"
CAP = """
policy door {{
  default allow
  rule cap {{
    when content contains "h"
    then throttle {} requests per calendar month in "UTC" by tenant.id
  }}
}}
"""
REFUSED_SECONDS = 50
"""As long as nobody waits for what the first daemon holds."""
TWO = (
    "--workers=2",
    "--listen=127.0.0.1:0",
    "--metrics=",
    "--log-format=json",
    "--set=reload.debounce_ms=20",
    "--set=drain_seconds=2",
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_folder(tmp_path / "policies", {"door.pol": OPEN})
    return tmp_path


def write(folder: Path, text: str) -> None:
    write_folder(folder / "policies", {"door.pol": text})


def events(running: Running) -> list[dict[str, object]]:
    return [json.loads(line) for line in running.log().splitlines() if line.startswith("{")]


def told(running: Running, event: str) -> list[dict[str, object]]:
    return [one for one in events(running) if one["event"] == event]


def children(process: int) -> list[int]:
    """Return the workers of the supervisor *process* that still run."""
    text = Path(f"/proc/{process}/task/{process}/children").read_text()
    return [int(one) for one in text.split() if b"engine.daemon.worker" in command_of(one)]


def command_of(process: str) -> bytes:
    try:
        return Path(f"/proc/{process}/cmdline").read_bytes()
    except OSError:
        return b""


def lives(process: int) -> bool:
    try:
        stat = Path(f"/proc/{process}/stat").read_bytes()
    except OSError:
        return False
    return stat.rpartition(b")")[2].split()[0] != b"Z"


def answers(address: str) -> bool:
    try:
        decide(address)
    except CallError:
        return False
    return True


def admin(address: str, method: str) -> bytes:
    """Return the answer of a method of the Admin service that needs no request."""
    with grpc.insecure_channel(address) as channel:
        answer: bytes = channel.unary_unary(f"/engine.v1.Admin/{method}", None, None)(
            b"", timeout=PATIENCE
        )
        return answer


def reload(address: str) -> wire.ReloadResponse:
    return wire.ReloadResponse.FromString(admin(address, "Reload"))


def both(folder: Path) -> tuple[str, str]:
    """Return the addresses of the first and of the second worker alone."""
    return f"unix://{folder}/s", f"unix://{folder}/s.1"


# --- serving together ----------------------------------------------------------------------------


def test_two_workers_serve_one_port_and_a_socket_each(folder: Path) -> None:
    with daemon(folder, *TWO, f"--socket={folder}/s") as running:
        assert decide(running.address).action == "allow"
        assert all(decide(one).action == "allow" for one in both(folder))
        assert len(children(running.process.pid)) == 2
        assert running.stop() == 0
    assert told(running, "ready")[0]["workers"] == 2


def test_each_worker_has_a_trail_of_its_own_in_one_audit_folder(folder: Path) -> None:
    settings = (*TWO, f"--socket={folder}/s", "--set=audit.folder=audit")
    with daemon(folder, *settings) as running:
        assert [decide(one).action for one in both(folder)] == ["allow"] * 2
        os.kill(children(running.process.pid)[0], signal.SIGKILL)
        until(lambda: told(running, "a worker serves again"))
        assert [decide(one).action for one in both(folder)] == ["allow"] * 2
        assert running.stop() == 0
    verified = subprocess.run(
        [sys.executable, "-m", "engine", "audit", "verify", "--folder", "data/audit"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert verified.returncode == 0, verified.stderr
    assert re.match(r"6 records in 5 segments of 5 trails", verified.stdout)


def test_workers_share_their_state_exactly(folder: Path) -> None:
    write(folder, CAP.format(5))
    with daemon(folder, *TWO, f"--socket={folder}/s") as running:
        actions = [decide(both(folder)[number % 2]).action for number in range(8)]
        assert actions == ["allow"] * 5 + ["throttle"] * 3
        assert running.stop() == 0


@contextmanager
def callers(*arguments: str, processes: int = 2) -> Iterator[list[dict[str, float]]]:
    """Yield a list into which the answers of client processes are put at the end."""
    started = [
        subprocess.Popen(  # noqa: S603  our own interpreter
            [sys.executable, "-m", "bench.callers", *arguments],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        for _ in range(processes)
    ]
    found: list[dict[str, float]] = []
    for one in started:
        assert one.stdin is not None
        one.stdin.write(b"go\n")
        one.stdin.flush()
    try:
        yield found
        found.extend(json.loads(one.communicate(timeout=PATIENCE)[0]) for one in started)
    finally:
        for one in started:
            one.kill()
            one.communicate()


def test_many_callers_of_two_workers_are_granted_exactly_the_limit(folder: Path) -> None:
    write(folder, CAP.format(2000))
    with (
        daemon(folder, *TWO) as running,
        callers(running.address, "--callers=50") as found,
    ):
        pass
    assert sum(one["granted"] for one in found) == 2000
    assert sum(one["refused"] for one in found) == 100
    assert sum(one["failed"] for one in found) == 0
    lines = (folder / "data/decisions.jsonl").read_text().splitlines()
    assert len([json.loads(one) for one in lines]) == 2100


# --- what dies -----------------------------------------------------------------------------------


def test_a_killed_worker_is_replaced_while_the_other_serves(folder: Path) -> None:
    with daemon(folder, *TWO, f"--socket={folder}/s") as running:
        first, second = both(folder)
        before = children(running.process.pid)
        os.kill(before[0], signal.SIGKILL)
        assert any(answers(one) for one in (first, second))
        until(lambda: told(running, "a worker serves again"))
        assert answers(first)
        assert answers(second)
        after = children(running.process.pid)
        assert len(after) == 2
        assert before[0] not in after
        assert before[1] in after
        (died,) = told(running, "a worker died")
        assert (died["process"], died["how"]) == (before[0], "signal 9")
        assert running.stop() == 0


def test_a_worker_that_dies_again_and_again_is_replaced_after_ever_longer_pauses(
    folder: Path,
) -> None:
    with daemon(folder, *TWO) as running:
        pauses: list[float] = []
        while pauses[-2:] != [0.1, 0.2]:  # Who lived for long, on a busy machine, is begun at once.
            os.kill(children(running.process.pid)[-1], signal.SIGKILL)
            until(lambda: len(told(running, "a worker serves again")) > len(pauses))  # noqa: B023
            pauses = [float(str(one["restart_in"])) for one in told(running, "a worker died")]
            assert set(pauses) <= {0.0, 0.1, 0.2}


def test_a_worker_that_is_told_to_end_by_others_is_replaced_too(folder: Path) -> None:
    with daemon(folder, *TWO) as running:
        os.kill(children(running.process.pid)[0], signal.SIGTERM)
        until(lambda: told(running, "a worker serves again"))
        assert told(running, "a worker died")[0]["how"] == "exit code 0"
        assert running.stop() == 0


def test_a_replaced_worker_decides_by_the_last_good_policies(folder: Path) -> None:
    with daemon(folder, *TWO, f"--socket={folder}/s") as running:
        write(folder, SHUT)
        until(lambda: told(running, "policies loaded"))
        write(folder, BROKEN)
        until(lambda: told(running, "policies refused"))
        for one in children(running.process.pid):
            os.kill(one, signal.SIGKILL)
        until(lambda: len(told(running, "a worker serves again")) == 2)
        for address in both(folder):
            assert decide(address).action == "deny"
            status = wire.Status.FromString(admin(address, "GetStatus"))
            assert "door.pol:1:23" in status.last_error


def test_a_killed_supervisor_leaves_nobody_and_the_next_starts_at_once(folder: Path) -> None:
    port = free_port()
    settings = (*TWO, f"--listen=127.0.0.1:{port}", f"--socket={folder}/s")
    write(folder, CAP.format(3))
    with daemon(folder, *settings) as running:
        workers = children(running.process.pid)
        assert decide(running.address).action == "allow"
        running.send(signal.SIGKILL)
        with daemon(folder, *settings) as again:
            assert not any(lives(one) for one in workers)
            assert again.address == f"127.0.0.1:{port}"
            actions = [decide(both(folder)[number % 2]).action for number in range(3)]
            assert actions == ["allow", "allow", "throttle"]
            assert again.stop() == 0


def test_a_stopped_worker_is_killed_and_the_others_go_on(folder: Path) -> None:
    with daemon(folder, *TWO, f"--socket={folder}/s") as running:
        victim = children(running.process.pid)[0]
        os.kill(victim, signal.SIGSTOP)
        until(lambda: told(running, "a worker serves again"))
        assert not lives(victim)
        assert all(answers(one) for one in both(folder))
        assert running.stop() == 0


# --- signals and reloads -------------------------------------------------------------------------


def test_sigterm_drains_all_and_leaves_nobody(folder: Path) -> None:
    with daemon(folder, *TWO, "--set=drain_seconds=60") as running:
        workers = children(running.process.pid)
        asked = ("--callers=8", "--seconds=1", "--no-wait")  # What is decided has time to arrive.
        with callers(running.address, *asked, processes=1) as found:
            until(lambda: (folder / "data/decisions.jsonl").stat().st_size > 0)
            assert running.stop() == 0
        assert not any(lives(one) for one in workers)
        assert [one["event"] for one in events(running)][-2:] == ["draining", "stopped"]
    assert found[0]["granted"] > 0
    assert len((folder / "data/decisions.jsonl").read_text().splitlines()) == found[0]["granted"]


def test_sighup_reopens_the_record_and_reloads_all(folder: Path) -> None:
    record = folder / "data/decisions.jsonl"
    with daemon(folder, *TWO, f"--socket={folder}/s", "--no-watch") as running:
        assert [decide(one).action for one in both(folder)] == ["allow", "allow"]
        record.rename(folder / "old.jsonl")
        write(folder, SHUT)
        running.send(signal.SIGHUP)
        until(lambda: told(running, "policies loaded"))
        assert [decide(one).action for one in both(folder)] == ["deny", "deny"]
        record.unlink()
        record.mkdir()
        running.send(signal.SIGHUP)
        until(lambda: len(told(running, "policies loaded")) == 2)
        assert {one["worker"] for one in told(running, "the record was not reopened")} == {0, 1}
        assert running.stop() == 0
    assert len((folder / "old.jsonl").read_text().splitlines()) == 2


def test_an_operator_reloads_all_through_any_worker(folder: Path) -> None:
    with daemon(folder, *TWO, f"--socket={folder}/s", "--no-watch") as running:
        write(folder, SHUT)
        assert reload(both(folder)[1]).loaded
        assert [decide(one).action for one in both(folder)] == ["deny", "deny"]
        write(folder, BROKEN)
        answer = reload(both(folder)[0])
        assert (answer.loaded, answer.problems[0].file) == (False, "door.pol")
        os.kill(children(running.process.pid)[0], signal.SIGHUP)
        until(lambda: len(told(running, "policies refused")) == 2)
        assert running.stop() == 0


def test_workers_can_wait_for_their_policies(folder: Path) -> None:
    write(folder, BROKEN)
    port = free_port()
    settings = (*TWO, f"--metrics=127.0.0.1:{port}", "--wait", f"--socket={folder}/s")
    with daemon(folder, *settings) as running:
        with pytest.raises(CallError, match="no policies"):
            decide(both(folder)[1])
        with pytest.raises(OSError, match="503"):
            urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz")
        write(folder, OPEN)
        until(lambda: told(running, "policies loaded"))
        assert all(answers(one) for one in both(folder))
        assert running.stop() == 0


# --- watching ------------------------------------------------------------------------------------


def page(port: int, name: str) -> str:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/{name}") as answer:
        text: str = answer.read().decode()
        return text


def sample(text: str, name: str) -> float:
    found = re.search(rf"^{re.escape(name)} (\S+)$", text, re.MULTILINE)
    assert found, f"no {name} in {text}"
    return float(found[1])


def test_metrics_are_of_all_workers_and_never_go_back(folder: Path) -> None:
    port = free_port()
    allowed = 'engine_decisions_total{action="allow",stage="request"}'
    settings = (*TWO, f"--metrics=127.0.0.1:{port}", f"--socket={folder}/s")
    with daemon(folder, *settings) as running:
        for count in range(5):
            decide(both(folder)[count % 2])
        text = page(port, "metrics")
        assert sample(text, allowed) == 5
        assert sample(text, "engine_decision_seconds_count") == 5
        assert sample(text, "engine_ready") == 1
        assert sample(text, "engine_workers_serving") == 2
        assert 'process_resident_memory_bytes{worker="1"}' in text
        assert page(port, "healthz") == "alive\n"
        assert re.match(r"serving \w+ by 2 of 2 workers\n", page(port, "readyz"))
        for one in children(running.process.pid):
            os.kill(one, signal.SIGKILL)
        until(lambda: len(told(running, "a worker serves again")) == 2)
        decide(both(folder)[0])
        text = page(port, "metrics")
        assert sample(text, allowed) == 6
        assert sample(text, "engine_worker_deaths_total") == 2
        assert running.stop() == 0


def test_each_worker_says_who_it_is_in_the_log(folder: Path) -> None:
    settings = (*TWO, f"--socket={folder}/s", "--set=record.file=/dev/full")
    with daemon(folder, *settings) as running:
        assert [decide(one).action for one in both(folder)] == ["deny", "deny"]
        lines = told(running, "a decision was denied because of an error")
        assert sorted(str(one["worker"]) for one in lines) == ["0", "1"]
        assert running.stop() == 0


# --- what must not start -------------------------------------------------------------------------


def test_policies_that_do_not_check_are_told_once_with_code_1(folder: Path) -> None:
    write(folder, BROKEN)
    code, said = refused(folder, *TWO)
    assert code == 1
    assert said.count("door.pol:1:23") == 1
    assert "the daemon does not start" in said


def test_a_port_in_use_is_one_sentence(folder: Path) -> None:
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        other.bind(("127.0.0.1", 0))
        other.listen()
        address = f"127.0.0.1:{other.getsockname()[1]}"
        code, said = refused(folder, *TWO, f"--listen={address}")
    assert code == 2
    assert said.startswith(f"engine: cannot listen on {address}: it is in use")
    assert said.count("\n") == 1


def test_an_address_of_the_metrics_in_use_ends_the_workers(folder: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        code, said = refused(folder, *TWO, f"--metrics=127.0.0.1:{other.getsockname()[1]}")
    assert code == 2
    assert said.startswith("engine: cannot serve metrics")


def test_what_a_worker_cannot_do_is_told_once_with_its_code(folder: Path) -> None:
    data = folder / "data/state"
    data.mkdir(parents=True)
    (data / "state.mdb").write_text("no state file" * 1000)
    code, said = refused(folder, *TWO)
    assert code == 2
    assert said.count("is damaged or no state file") == 1


def test_memory_cannot_be_shared(folder: Path) -> None:
    code, said = refused(folder, *TWO, "--memory")
    assert code == 2
    assert "cannot share what is kept in memory" in said


def test_a_second_daemon_in_the_folder_is_refused(folder: Path) -> None:
    with daemon(folder, *TWO) as running:
        began = time.monotonic()
        code, said = refused(folder, *TWO)
        assert code == 2
        assert f"(process {running.process.pid})" in said
        assert time.monotonic() - began < REFUSED_SECONDS
        alone, why = refused(folder, "--listen=127.0.0.1:0", "--metrics=")
        assert alone == 2
        assert "another process records into" in why
        assert decide(running.address).action == "allow"
        assert running.stop() == 0
