"""The supervisor in the tests' own process, so that its clocks can be turned."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import grpc
import pytest

from engine.daemon import fleet, member
from engine.daemon.places import (
    EXIT_BROKEN,
    EXIT_ERROR,
    EXIT_FINE,
    cache_folder,
)
from engine.daemon.settings import Reload, Settings
from engine.daemon.supervisor import serve
from engine.doors.grpc.caller import CallError
from engine.service.cache import FolderCache, open_cache
from engine.service.compiler import Outcome
from engine.service.reload import broken
from engine.service.shelf import BUNDLE, SERVED, FolderShelf
from tests.daemon.running import PATIENCE, ROOT, Told, decide, serve_here
from tests.daemon.test_serve import (
    process,  # noqa: F401  a fixture that every test uses
    settings,
    until,
)
from tests.daemon.test_workers import CAP, children, lives
from tests.service.bundle import write_folder
from tests.state import stopping

pytestmark = pytest.mark.slow


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(fleet, "LOOK_SECONDS", 0.05)
    monkeypatch.setattr(fleet, "FIRST_PAUSE", 0.01)
    write_folder(tmp_path / "policies", {"door.pol": CAP.format(100)})
    return tmp_path


def two(folder: Path, **others: object) -> Settings:
    return settings(folder, workers=2, **others)


def workers() -> list[int]:
    return children(os.getpid())


@contextmanager
def locked_state(folder: Path) -> Iterator[None]:
    """Hold the state's lock: by a process that was stopped in the middle of a transaction."""
    with subprocess.Popen(  # noqa: S603  our own program
        [sys.executable, stopping.__file__, str(folder / "data/state")],
        stdout=subprocess.DEVNULL,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    ) as holder:
        os.waitid(os.P_PID, holder.pid, os.WSTOPPED)
        yield
        holder.kill()


@contextmanager
def waiting_call(address: str) -> Iterator[None]:
    """Ask for a decision and do not wait for it; it fails when its worker is killed."""

    def ask() -> None:
        with suppress(CallError):
            decide(address)

    thread = threading.Thread(target=ask)
    thread.start()
    yield
    thread.join()


def hangs(address: str) -> bool:
    """Return whether a worker does not answer what it would answer at once."""
    with grpc.insecure_channel(address) as channel:
        call = channel.unary_unary("/engine.v1.Admin/GetStatus", None, None)
        try:
            call(b"", timeout=5)
        except grpc.RpcError:
            return True
    return False


def test_a_worker_that_does_not_answer_is_replaced(
    folder: Path, told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fleet, "MOST_SILENT", 100)
    address = f"unix://{folder}/s"

    def work() -> None:
        first = workers()[0]
        with locked_state(folder), waiting_call(address):
            until(lambda: told.has("a worker that does not answer is killed"))
            until(lambda: not lives(first))
        until(lambda: told.has("a worker serves again"))
        assert decide(address).action == "allow"

    assert serve_here(two(folder), work, serve) == EXIT_FINE
    assert told.of("a worker that does not answer is killed")[0]["worker"] == 0


def test_a_second_signal_ends_the_patience_with_a_worker_that_hangs(
    folder: Path, told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fleet, "MARGIN_SECONDS", 0.2)
    monkeypatch.setattr(fleet, "MOST_SILENT", 10**6)  # Else it would be killed before.
    with ExitStack() as stack:

        def work() -> None:
            stack.enter_context(locked_state(folder))
            stack.enter_context(waiting_call(f"unix://{folder}/s"))
            until(lambda: hangs(f"unix://{folder}/s"))
            os.kill(os.getpid(), signal.SIGTERM)
            until(lambda: told.has("draining"))

        assert serve_here(two(folder, drain_seconds=600), work, serve) == EXIT_FINE
    assert told.has("a worker that did not end was killed")
    assert not workers()


def test_a_worker_that_does_not_start_again_is_tried_again_and_again(
    folder: Path, told: Told
) -> None:
    key = folder / "data/secret.key"

    def work() -> None:
        key.chmod(0o644)
        os.kill(workers()[0], signal.SIGKILL)
        until(lambda: told.has("a worker does not start", 2))
        assert decide(f"unix://{folder}/s.1").action == "allow"
        key.chmod(0o600)
        until(lambda: told.has("a worker serves again"))

    assert serve_here(two(folder), work, serve) == EXIT_FINE
    assert "the key file is open to others" not in str(told.of("a worker died"))
    assert "open to others" in str(told.of("a worker does not start")[0]["why"])


def test_what_one_worker_cannot_load_none_decides_by(
    folder: Path, told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def compile_apart(*_: object) -> Outcome:
        return Outcome(revision="of another engine")

    def work() -> None:
        monkeypatch.setattr("engine.service.reload.compile_apart", compile_apart)
        os.kill(os.getpid(), signal.SIGHUP)
        until(lambda: told.has("policies refused"))
        assert decide(f"unix://{folder}/s").action == "allow"

    assert serve_here(two(folder), work, serve) == EXIT_FINE
    assert "does not hold what was compiled" in str(told.of("policies refused")[0]["why"])


def test_what_only_one_worker_cannot_load_the_other_does_not_decide_by_either(
    folder: Path, told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    really = member.Member.load

    async def load(self: member.Member, revision: str, patience: float) -> None:
        if self.number == 1 and self.serving:
            raise member.WorkerError("no memory is left")
        await really(self, revision, patience)

    def work() -> None:
        monkeypatch.setattr(member.Member, "load", load)
        write_folder(folder / "policies", {"door.pol": "policy door { default deny }"})
        os.kill(os.getpid(), signal.SIGHUP)
        until(lambda: told.has("policies refused"))
        assert [decide(f"unix://{folder}/{one}").action for one in ("s", "s.1")] == ["allow"] * 2

    assert serve_here(two(folder), work, serve) == EXIT_FINE
    assert told.of("policies refused")[0]["why"] == "no memory is left"


def test_a_worker_that_does_not_follow_is_replaced(
    folder: Path, told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    follow = member.Member.decide_by
    failing = [True]

    async def decide_by(self: member.Member, revision: str, patience: float) -> None:
        if self.serving and failing:
            failing.clear()
            raise member.WorkerError("no memory is left")
        await follow(self, revision, patience)

    def work() -> None:
        monkeypatch.setattr(member.Member, "decide_by", decide_by)
        write_folder(folder / "policies", {"door.pol": "policy door { default deny }"})
        os.kill(os.getpid(), signal.SIGHUP)
        until(lambda: told.has("a worker serves again"))
        assert [decide(f"unix://{folder}/{one}").action for one in ("s", "s.1")] == ["deny"] * 2

    assert serve_here(two(folder), work, serve) == EXIT_FINE
    assert told.of("a worker did not follow")[0]["why"] == "no memory is left"


def test_a_supervisor_that_breaks_ends_everything_with_a_code_of_its_own(
    folder: Path, told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    def look(_self: fleet.Fleet) -> None:
        raise KeyError("a secret")

    monkeypatch.setattr(fleet.Fleet, "look", look)
    assert serve(two(folder)) == EXIT_BROKEN
    assert not workers()
    assert told.has("a task of the supervisor broke")
    assert "a secret" not in str(told.all())


def compiled_nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    async def compile_apart(root: Path, *_: object) -> Outcome:
        raise broken(root, "somebody compiles")

    monkeypatch.setattr("engine.daemon.supervisor.compile_apart", compile_apart)


def test_what_the_cache_holds_of_the_folder_is_not_compiled_at_a_start(
    folder: Path, told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert serve_here(two(folder), lambda: None, serve) == EXIT_FINE
    compiled_nowhere(monkeypatch)

    def work() -> None:
        assert [decide(f"unix://{folder}/{one}").action for one in ("s", "s.1")] == ["allow"] * 2

    assert serve_here(two(folder), work, serve) == EXIT_FINE
    first, second = told.of("ready")
    assert first["revision"] == second["revision"]


def test_what_changed_while_nothing_ran_is_compiled_at_the_next_start(folder: Path) -> None:
    assert serve_here(two(folder), lambda: None, serve) == EXIT_FINE
    write_folder(folder / "policies", {"door.pol": "policy door { default deny }"})

    def work() -> None:
        assert decide(f"unix://{folder}/s").action == "deny"

    assert serve_here(two(folder), work, serve) == EXIT_FINE


def test_what_the_cache_knows_of_and_holds_no_more_is_compiled_again(folder: Path) -> None:
    assert serve_here(two(folder), lambda: None, serve) == EXIT_FINE
    cache = open_cache(cache_folder(two(folder), folder / "data"))
    shelf = FolderShelf(cache, folder / "policies")
    for name in (BUNDLE, SERVED):
        cache.path(shelf.key(name)).unlink()

    def work() -> None:
        assert decide(f"unix://{folder}/s").action == "allow"

    assert serve_here(two(folder), work, serve) == EXIT_FINE


# --- what does not start -------------------------------------------------------------------------


def refusal(chosen: Settings, capfd: pytest.CaptureFixture[str]) -> tuple[int, str]:
    code = serve(chosen)
    assert not workers()
    return code, capfd.readouterr().err


def test_an_interpreter_that_cannot_be_started_is_told(
    folder: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def compile_apart(*_: object) -> Outcome:
        return Outcome(revision="any")

    monkeypatch.setattr("engine.daemon.supervisor.compile_apart", compile_apart)
    monkeypatch.setattr(sys, "executable", "/gone/python")
    assert refusal(two(folder), capfd) == (
        EXIT_ERROR,
        "engine: a worker cannot be started: No such file or directory\n",
    )


def test_a_worker_that_takes_too_long_is_told(
    folder: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fleet, "START_SECONDS", 0.0)
    code, said = refusal(two(folder), capfd)
    assert code == EXIT_ERROR
    assert "did not answer in 0 s" in said


def test_a_compiler_that_breaks_is_told(
    folder: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def compile_apart(root: Path, *_: object) -> Outcome:
        raise broken(root, "compiling took longer than 1 s")

    monkeypatch.setattr("engine.daemon.supervisor.compile_apart", compile_apart)
    code, said = refusal(two(folder), capfd)
    assert code == EXIT_ERROR
    assert "took longer" in said
    assert "could not be compiled, so the daemon does not start" in said
    assert "do not check" not in said


def test_a_cache_that_cannot_be_read_to_its_end_is_told(
    folder: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    chosen = two(folder, reload=Reload(watch=False, timeout_seconds=1))
    back = threading.Event()
    # As on a file system that is away, where who reads waits for ever.
    monkeypatch.setattr(FolderCache, "get", lambda *_: back.wait(PATIENCE) and None)
    try:
        code, said = refusal(chosen, capfd)
    finally:
        back.set()
    assert code == EXIT_ERROR
    assert f"cache folder {cache_folder(chosen, folder / 'data')} took longer than 1 s" in said
    assert "see `reload.timeout_seconds`" in said


def test_a_worker_that_dies_at_once_is_told(
    folder: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def compile_apart(*_: object) -> Outcome:
        return Outcome(revision="any")

    monkeypatch.setattr("engine.daemon.supervisor.compile_apart", compile_apart)
    monkeypatch.setattr(sys, "executable", "/bin/false")
    code, said = refusal(two(folder), capfd)
    assert code == EXIT_ERROR
    assert "ended: exit code 1" in said


def test_no_worker_begins_a_state_of_its_own_beside_the_others(folder: Path, told: Told) -> None:
    state, away = folder / "data/state", folder / "away"

    def work() -> None:
        state.rename(away)
        died = workers()[0]
        os.kill(died, signal.SIGKILL)
        until(lambda: told.has("a worker does not start", 2))
        assert not state.exists()
        assert len(workers()) == 1
        away.rename(state)
        until(lambda: told.has("a worker serves again"))

    assert serve_here(two(folder), work, serve) == EXIT_FINE
    assert "was removed or replaced" in str(told.of("a worker does not start")[0]["why"])
    assert len(told.of("a worker died")) == 1


def test_policies_that_nobody_serves_are_not_said_to_be_loaded(folder: Path, told: Told) -> None:
    state, away = folder / "data/state", folder / "away"

    def work() -> None:
        state.rename(away)  # So that nobody starts in their place.
        for one in workers():
            os.kill(one, signal.SIGKILL)
        until(lambda: told.has("a worker does not start", 2))
        write_folder(folder / "policies", {"door.pol": "policy door { default deny }"})
        os.kill(os.getpid(), signal.SIGHUP)
        until(lambda: told.has("policies compiled, but no worker serves"))
        assert not told.has("policies loaded")
        away.rename(state)
        until(lambda: told.has("a worker serves again", 2))

    assert serve_here(two(folder), work, serve) == EXIT_FINE
    (compiled, *_) = told.of("policies compiled, but no worker serves")
    assert "rules" not in compiled
    for again in told.of("a worker serves again"):
        assert (again["revision"], again["rules"]) == (compiled["revision"], 0)


def test_a_worker_that_is_stopped_holds_up_no_drain(folder: Path, told: Told) -> None:
    def work() -> None:
        os.kill(workers()[0], signal.SIGSTOP)

    assert serve_here(two(folder, drain_seconds=30), work, serve) == EXIT_FINE
    assert told.of("a worker that was stopped is killed")[0]["worker"] == 0
    assert told.has("draining")
    assert not told.has("a worker that did not end was killed")
