"""The process beside the others, as an operator has it: real daemons, killed and stopped."""

from __future__ import annotations

import os
import random
import re
import signal
import time
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
import pytest

from tests.daemon.running import Running, daemon, decide, refused
from tests.ports import free_port
from tests.service.bundle import write_folder
from tests.sinks.collector import Answer, Asked, collector

pytestmark = pytest.mark.slow

OPEN = "policy door { default allow }"
PATIENCE = 60.0
SHIPPER = "engine.daemon.shipper"


def write(folder: Path, sinks: str, port: int) -> None:
    """Write policies and settings."""
    write_folder(folder / "policies", {"door.pol": OPEN})
    (folder / "engine.toml").write_text(
        f'[metrics]\nlisten = "127.0.0.1:{port}"\n[audit]\nfolder = "audit"\n{sinks}'
    )


FILE = """
[[audit.sinks]]
name = "copy"
kind = "file"
folder = "copy"
batch_records = 20
batch_seconds = 0.05
"""


def web(url: str, **more: object) -> str:
    table = {
        "name": "web",
        "kind": "http",
        "url": url,
        "batch_seconds": 0.05,
        "timeout_seconds": 5,
        "retry_most_seconds": 0.5,
        **more,
    }
    lines = (f"{key} = {msgspec.json.encode(value).decode()}\n" for key, value in table.items())
    return "[[audit.sinks]]\n" + "".join(lines)


@contextmanager
def serving(folder: Path, sinks: str, *arguments: str) -> Iterator[tuple[Running, int]]:
    port = free_port()
    write(folder, sinks, port)
    with daemon(folder, "--listen", "127.0.0.1:0", *arguments) as running:
        yield running, port


def page(port: int, path: str = "metrics") -> str:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/{path}", timeout=PATIENCE) as answer:
        text: str = answer.read().decode()
        return text


def figure(port: int, name: str) -> float:
    """Return the sum of the samples of a metric."""
    found = re.findall(rf"^{re.escape(name)}(?:{{[^}}]*}})? ([^ \n]+)$", page(port), re.MULTILINE)
    return sum(float(one) for one in found)


def until(what: Callable[[], bool]) -> None:
    """Return when *what* holds: other processes bring it about."""
    ends = time.monotonic() + PATIENCE
    while not what():
        assert time.monotonic() < ends, "it never came about"
        time.sleep(0.02)


def shippers(running: Running) -> list[int]:
    """Return the process ids of the shippers of a daemon."""
    found = []
    children = Path(f"/proc/{running.process.pid}/task").glob("*/children")
    for child in (one for each in children for one in each.read_text().split()):
        try:
            command = Path(f"/proc/{child}/cmdline").read_bytes()
        except OSError:
            continue
        if SHIPPER.encode() in command:
            found.append(int(child))
    return found


def shipped(folder: Path) -> Counter[str]:
    """Return how often each decision is in the file sink."""
    lines = b"".join(one.read_bytes() for one in (folder / "copy").glob("*.jsonl")).splitlines()
    records = [msgspec.json.decode(line) for line in lines]
    return Counter(one["decision_id"] for one in records if one["kind"] == "decision")


@pytest.mark.parametrize("workers", ["1", "2"])
def test_what_was_decided_until_the_end_is_shipped(tmp_path: Path, workers: str) -> None:
    with serving(tmp_path, FILE, "--workers", workers) as (running, port):
        made = {decide(running.address).decision_id for _ in range(30)}
        until(lambda: figure(port, "engine_sink_completeness") == 1.0)
        assert figure(port, "engine_sink_decisions") == 30
        assert figure(port, "engine_sink_up") == 1
        made |= {decide(running.address).decision_id for _ in range(30)}
        assert running.stop() == 0
    assert set(shipped(tmp_path)) == made
    assert '"event":"stopped"' in running.log()


def killed_rounds(folder: Path, rounds: int, seed: int) -> None:
    """Kill the shipper at any moment, so often, while decisions are made."""
    chance = random.Random(seed)  # noqa: S311 - repeatable
    made: set[str] = set()
    with serving(folder, FILE) as (running, port):
        for _ in range(rounds):
            until(lambda: bool(shippers(running)))
            made |= {decide(running.address).decision_id for _ in range(chance.randrange(60))}
            time.sleep(chance.random() * 0.2)
            for one in shippers(running):
                os.kill(one, signal.SIGKILL)
            made |= {decide(running.address).decision_id for _ in range(chance.randrange(30))}
        until(lambda: set(shipped(folder)) >= made)
        until(lambda: figure(port, "engine_shipper_deaths") >= 1)
        assert figure(port, "engine_failures_total") == 0
        assert running.stop() == 0
    assert set(shipped(folder)) == made


def test_a_shipper_that_is_killed_goes_on_and_everything_is_there_at_least_once(
    tmp_path: Path,
) -> None:
    killed_rounds(tmp_path, 3, seed=1)


def test_a_sink_that_is_away_holds_up_no_decision_and_gets_everything_when_it_is_back(
    tmp_path: Path,
) -> None:
    port = free_port()
    with serving(tmp_path, web(f"http://127.0.0.1:{port}/x")) as (running, metrics):
        made = {decide(running.address).decision_id for _ in range(40)}
        until(lambda: figure(metrics, "engine_sink_lag_records") >= 40)
        until(lambda: figure(metrics, "engine_sink_failures_total") > 1)
        until(lambda: "behind: sink web: no connection" in page(metrics, "readyz"))
        assert figure(metrics, "engine_sink_completeness") == 0.0
        with collector(port=port) as told:
            until(lambda: figure(metrics, "engine_sink_completeness") == 1.0)
            found = [one for asked in told.asked for one in msgspec.json.decode(asked.body)]
        assert {one["decision_id"] for one in found if one["kind"] == "decision"} == made
        until(lambda: "behind" not in page(metrics, "readyz"))
        assert running.stop() == 0
    assert "a sink does not take the audit trail" in running.log()
    assert "a sink takes the audit trail again" in running.log()


def test_a_sink_that_fails_in_every_way_gets_everything(tmp_path: Path) -> None:
    chance = random.Random(7)  # noqa: S311 - repeatable
    got: list[dict[str, object]] = []

    def answer(asked: Asked) -> Answer:
        failure = chance.choice([429, 503, "drop", "cut", None, None])
        if failure not in {429, 503, "drop"}:
            got.extend(msgspec.json.decode(asked.body))
        match failure:
            case int(status):
                return (status, b"", {"Retry-After": "0"})
            case str(kind):
                return kind
            case _:
                return (200, b"")

    with collector(answer) as told:
        sinks = web(told.url, batch_records=5, retry_seconds=0.01)
        with serving(tmp_path, sinks) as (running, metrics):
            made = {decide(running.address).decision_id for _ in range(80)}
            until(lambda: figure(metrics, "engine_sink_completeness") == 1.0)
            assert running.stop() == 0
    assert {one["decision_id"] for one in got if one["kind"] == "decision"} == made
    assert any(one["kind"] == "checkpoint" for one in got)


def test_what_a_sink_refuses_is_told_counted_and_holds_up_nothing(tmp_path: Path) -> None:
    seen: dict[str, None] = {}

    def answer(asked: Asked) -> Answer:
        found = [one.get("decision_id", "") for one in msgspec.json.decode(asked.body)]
        seen.update(dict.fromkeys(one for one in found if one))
        return (400 if set(list(seen)[4:5]) & set(found) else 200, b"")

    with collector(answer) as told, serving(tmp_path, web(told.url)) as (running, metrics):
        for _ in range(4):
            decide(running.address)
        until(lambda: figure(metrics, "engine_sink_completeness") == 1.0)
        poison = decide(running.address).decision_id
        until(lambda: 'result="dead",sink="web"} 1.0' in page(metrics))
        made = {decide(running.address).decision_id for _ in range(3)}
        until(lambda: figure(metrics, "engine_sink_decisions") == 7)
        assert figure(metrics, "engine_sink_completeness") == pytest.approx(7 / 8)
        assert figure(metrics, "engine_sink_up") == 1
        assert running.stop() == 0
    got = [one for each in told.asked for one in msgspec.json.decode(each.body)]
    assert {one.get("decision_id") for one in got} >= made
    (line,) = (one for one in running.log().splitlines() if "refused records for good" in one)
    said = msgspec.json.decode(line)
    assert (said["sink"], said["records"], said["why"]) == ("web", 1, "it answers 400")
    dead = msgspec.json.decode(Path(said["file"]).read_bytes())
    assert dead["record"]["decision_id"] == poison


def test_a_stop_waits_no_longer_than_draining_may_take(tmp_path: Path) -> None:
    with (
        collector(lambda _: "hang") as told,
        serving(tmp_path, web(told.url, timeout_seconds=600), "--set", "drain_seconds=1") as (
            running,
            _,
        ),
    ):
        decide(running.address)
        until(lambda: bool(told.asked))
        assert running.stop() == 0


def test_a_token_is_read_anew_on_sighup(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("one\n")
    with collector() as told:
        sinks = web(told.url, token="file:token")
        with serving(tmp_path, sinks) as (running, _):
            decide(running.address)
            until(lambda: bool(told.asked))
            (tmp_path / "token").write_text("two\n")
            running.send(signal.SIGHUP)

            def renewed() -> bool:
                decide(running.address)
                return told.asked[-1].headers["Authorization"] == "Bearer two"

            until(renewed)
            (tmp_path / "token").unlink()
            running.send(signal.SIGHUP)
            until(lambda: "the sinks go on with what they had" in running.log())
            assert running.stop() == 0
    assert told.asked[0].headers["Authorization"] == "Bearer one"


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_sink_that_cannot_be_made_stands_in_the_way_of_the_start(
    tmp_path: Path, workers: str
) -> None:
    write(tmp_path, web("http://127.0.0.1:9", token="env:NO_SUCH_VARIABLE"), free_port())
    code, text = refused(tmp_path, "--listen", "127.0.0.1:0", "--workers", workers)
    assert code == 2
    assert "cannot be shipped: sink `web`: `token`: the variable NO_SUCH_VARIABLE is not" in text


def test_what_is_missed_is_in_the_trail_signed_and_shipped(tmp_path: Path) -> None:
    with serving(tmp_path, FILE) as (running, port):
        decide(running.address)
        until(lambda: figure(port, "engine_sink_completeness") == 1.0)
        assert running.stop() == 0
    (tmp_path / "data" / "audit" / "shipped" / "copy.json").write_text("{}")
    with serving(tmp_path, FILE) as (running, port):

        def gaps() -> list[dict[str, object]]:
            lines = (tmp_path / "copy" / "audit.jsonl").read_bytes().splitlines()
            records = [msgspec.json.decode(line) for line in lines]
            return [one for one in records if one["kind"] == "gap"]

        until(lambda: bool(gaps()))
        assert "put aside" in str(gaps()[0]["why"])
        assert running.stop() == 0
    assert "a sink does not get records" in running.log()


def test_of_two_daemons_with_one_trail_one_ships_and_then_the_other(tmp_path: Path) -> None:
    ports = [free_port(), free_port()]
    for name, port in zip("ab", ports, strict=True):
        write(tmp_path / name, FILE.replace('"copy"\nb', f'"{tmp_path}/copy"\nb'), port)
        settings = tmp_path / name / "engine.toml"
        text = settings.read_text().replace('folder = "audit"', f'folder = "{tmp_path}/audit"')
        settings.write_text(text)
    made: set[str] = set()
    listen = ("--listen", "127.0.0.1:0")

    def waiting(port: int) -> bool:
        return "another daemon ships from this folder" in page(port, "readyz")

    with (
        daemon(tmp_path / "a", *listen) as first,
        daemon(tmp_path / "b", *listen) as second,
    ):
        until(lambda: any(waiting(port) for port in ports))
        turns = sorted(zip((first, second), ports, strict=True), key=lambda one: waiting(one[1]))
        for running, _ in turns * 20:
            made.add(decide(running.address).decision_id)
        (ships, port), (waits, other) = turns
        until(lambda: set(shipped(tmp_path)) == made)
        assert [waiting(one) for one in (port, other)] == [False, True]
        assert ships.stop() == 0
        made |= {decide(waits.address).decision_id for _ in range(20)}
        until(lambda: set(shipped(tmp_path)) == made)
        assert set(shipped(tmp_path).values()) == {1}
        assert figure(other, "engine_sink_up") == 1
        assert waits.stop() == 0
