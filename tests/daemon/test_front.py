"""The process beside the others as who started it sees it: begun again, killed, drained."""

from __future__ import annotations

import asyncio
import io
import os
import random
import signal
from collections.abc import Awaitable, Callable
from pathlib import Path

import msgspec
import pytest
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric

from engine.daemon import front as fronts
from engine.daemon.completeness import Completeness
from engine.daemon.front import Front, FrontWatch
from engine.daemon.logs import open_log
from engine.daemon.places import StartError
from engine.daemon.settings import Settings
from engine.daemon.settings_audit import Audit
from engine.daemon.settings_sinks import read_sinks
from engine.daemon.shipper_metrics import timestamp
from engine.storage.trail import Trail
from tests.storage.made import SIGNER

pytestmark = pytest.mark.slow

BEGAN = "2026-01-01T00:00:00.000000Z"


def settings(data: Path, **more: object) -> Settings:
    table = {"kind": "file", "name": "copy", "folder": str(data / "copy"), **more}
    audit = Audit(folder="audit", sinks=read_sinks([table]))
    return Settings(data=str(data), audit=audit, drain_seconds=0)


def run(
    data: Path,
    work: Callable[[Front, io.StringIO], Awaitable[None]],
    given: Settings | None = None,
    patience: float = 60.0,
) -> str:
    """Do *work* with a front; return what the log has."""
    out = io.StringIO()
    (data / "audit").mkdir(exist_ok=True)

    async def go() -> None:
        log = open_log("info", "json", out)
        front = Front(given or settings(data), data, (), log, BEGAN)
        try:
            async with asyncio.timeout(patience):
                await work(front, out)
        finally:
            await front.kill()

    asyncio.run(go())
    return out.getvalue()


async def until(what: Callable[[], bool]) -> None:
    while not what():  # noqa: ASYNC110 - other processes bring it about
        await asyncio.sleep(0.01)


def pid(front: Front) -> int:
    assert front._member is not None
    return front._member.process.pid


def test_where_nothing_is_kept_nothing_is_started(tmp_path: Path) -> None:
    async def work(front: Front, _out: io.StringIO) -> None:
        await front.start()
        await front.count()
        await front.reopen()
        await front.drain()
        front.hurry()
        assert front.trouble == ""
        assert not front._wanted()
        assert front._member is None

    run(tmp_path, work, Settings(data=str(tmp_path), audit=Audit(folder="")))


def test_one_that_dies_is_begun_again_and_what_it_counted_stays(tmp_path: Path) -> None:
    async def work(front: Front, _out: io.StringIO) -> None:
        await front.start()
        await front.count()
        first = pid(front)
        watching = asyncio.create_task(front.watch())
        os.kill(first, signal.SIGKILL)
        await until(
            lambda: front._member is not None and pid(front) != first and front._member.serving
        )
        assert front.deaths == 1
        await front.count()
        names = {metric.name for metric in front.sums.collect()}
        assert {"engine_sink_up", "engine_shipper_deaths"} <= names
        watching.cancel()
        await front.drain()

    assert "the shipper died" in run(tmp_path, work)


def kept_in(data: Path) -> list[str]:
    """Return the ids of the decisions in the file sink, as often as they are there."""
    written = [one.read_bytes() for one in sorted((data / "copy").glob("*.jsonl"))]
    # What is being written has no line end yet.
    lines = [
        line for one in written for line in one.splitlines(keepends=True) if line[-1:] == b"\n"
    ]
    found = [msgspec.json.decode(line) for line in lines]
    return [one["id"] for one in found if one["kind"] == "decision"]


def killed(data: Path, rounds: int, seed: int) -> None:
    """Kill the shipper so often, at any moment of its life, while records are made."""
    chance = random.Random(seed)  # noqa: S311 - repeatable
    (data / "audit").mkdir()
    made: list[str] = []
    trail = Trail(data / "audit", SIGNER, time=lambda: BEGAN, segment_bytes=4096)
    table = settings(data, batch_records=7, batch_seconds=0, rotate_megabytes=1)

    def more() -> None:
        for _ in range(chance.randrange(20)):
            made.append(f"d{len(made)}")
            payload = {"kind": "decision", "time": BEGAN, "tenant": "t", "id": made[-1]}
            trail.append(msgspec.json.encode(payload))
        trail.checkpoint()

    async def work(front: Front, _out: io.StringIO) -> None:
        await front.start()
        watching = asyncio.create_task(front.watch())
        for _ in range(rounds):
            await until(lambda: front._member is not None and front._member.serving)
            dying = front._member
            assert dying is not None
            ends = asyncio.get_running_loop().time() + chance.random() * 0.3
            while asyncio.get_running_loop().time() < ends:
                more()
                await asyncio.sleep(0.01)
            dying.send(signal.SIGKILL)
            await dying.gone.wait()
        await until(lambda: set(kept_in(data)) >= set(made))
        watching.cancel()
        assert front.deaths >= rounds - 1

    run(data, work, table, patience=60.0 + rounds * 5)
    trail.close()
    assert set(kept_in(data)) == set(made)
    first = list(dict.fromkeys(kept_in(data)))
    assert first == made  # In their order, but for what came again.


def test_one_that_is_killed_a_few_times_loses_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fronts, "LAST_PAUSE", 0.01)
    killed(tmp_path, 3, seed=1)


@pytest.mark.nightly
def test_one_that_is_killed_two_hundred_times_loses_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fronts, "LAST_PAUSE", 0.01)
    killed(tmp_path, 200, seed=2)


def test_one_that_does_not_answer_is_killed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fronts, "LOOK_SECONDS", 0.02)

    async def work(front: Front, _out: io.StringIO) -> None:
        await front.start()
        os.kill(pid(front), signal.SIGSTOP)
        watching = asyncio.create_task(front.watch())
        await until(lambda: front.deaths > 0)
        watching.cancel()

    assert "does not answer, and is killed" in run(tmp_path, work)


def test_one_that_cannot_begin_again_is_tried_later(tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("secret")
    web = {"kind": "http", "url": "http://127.0.0.1:9", "token": f"file:{token}", "folder": None}
    del web["folder"]
    (sink,) = read_sinks([{"name": "web", **web}])
    given = Settings(
        data=str(tmp_path), audit=Audit(folder="audit", sinks=(sink,)), drain_seconds=0
    )

    async def work(front: Front, out: io.StringIO) -> None:
        await front.start()
        token.unlink()
        os.kill(pid(front), signal.SIGKILL)
        watching = asyncio.create_task(front.watch())
        await until(lambda: "was not started" in out.getvalue())
        token.write_text("secret")
        await until(lambda: front._member is not None)
        watching.cancel()

    assert "`token`: cannot read" in run(tmp_path, work, given)


def test_a_drain_ends_by_force_when_it_takes_too_long(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fronts, "MARGIN_SECONDS", 0.1)

    async def work(front: Front, _out: io.StringIO) -> None:
        await front.start()
        await until((tmp_path / "audit" / "shipped" / "copy.json").exists)
        os.kill(pid(front), signal.SIGSTOP)
        front.hurry()
        await front.drain()
        assert front._member is not None
        assert front._member.gone.is_set()
        await front.drain()

    assert "did not end, and is killed" in run(tmp_path, work)


def test_sinks_that_cannot_be_made_are_a_reason_not_to_start(tmp_path: Path) -> None:
    async def work(front: Front, _out: io.StringIO) -> None:
        with pytest.raises(StartError, match="cannot be shipped: sink `x`"):
            await front.start()

    (sink,) = read_sinks(
        [{"kind": "http", "name": "x", "url": "http://x", "token": "env:NO_SUCH_VARIABLE"}]
    )
    given = Settings(data=str(tmp_path), audit=Audit(folder="audit", sinks=(sink,)))
    run(tmp_path, work, given)


class Watched:
    """What the pages show without what is shipped."""

    def __init__(self, *, ready: bool) -> None:
        self.ready = ready

    async def metrics(self) -> bytes:
        return b"all\n"

    def readiness(self) -> tuple[bool, str]:
        return self.ready, "told"


def test_the_pages_tell_of_a_sink_that_is_away_but_stay_ready(tmp_path: Path) -> None:
    async def work(front: Front, _out: io.StringIO) -> None:
        await front.start()
        assert front._member is not None
        front._member.trouble = "sink copy: away"
        assert FrontWatch(Watched(ready=True), front).readiness() == (
            True,
            "told; behind: sink copy: away",
        )
        assert FrontWatch(Watched(ready=False), front).readiness() == (False, "told")
        assert await FrontWatch(Watched(ready=True), front).metrics() == b"all\n"

    run(tmp_path, work)


def families(*held: tuple[str, str, float]) -> list[Metric]:
    made = CounterMetricFamily("engine_tenant_decisions", "", labels=("action", "bucket"))
    for action, bucket, count in (("allow", "1", 6), ("deny", "1", 4), ("allow", "2", 0)):
        made.add_metric([action, bucket], count)
    up = GaugeMetricFamily("engine_sink_up", "", labels=("sink",))
    has = GaugeMetricFamily("engine_sink_decisions", "", labels=("sink", "bucket"))
    for sink, part, value in held:
        up.add_metric([sink], 1)
        has.add_metric([sink, part], value)
    return [made, up, has, GaugeMetricFamily("other", "", 1)]


def test_completeness_is_what_a_sink_has_of_what_was_decided() -> None:
    found = Completeness(lambda: families(("a", "1", 5), ("b", "3", 5), ("c", "1", 12)))
    (family,) = found.collect()
    assert {(one.labels["sink"], one.labels["bucket"]): one.value for one in family.samples} == {
        ("a", "1"): 0.5,
        ("b", "1"): 0.0,
        ("c", "1"): 1.0,
    }
    assert list(Completeness(families).collect()) == []


def test_a_time_that_is_none_is_zero() -> None:
    assert timestamp("") == 0.0
    assert timestamp("1970-01-01T00:00:01Z") == 1.0
