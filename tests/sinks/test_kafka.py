"""Messages of a topic, on the brokers that librdkafka brings: what they do not know is not tested
(replication over machines, transactions of others, authentication).
"""

from __future__ import annotations

import asyncio
import base64
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import msgspec
import pytest

from engine.daemon.settings_sinks import Kafka
from engine.daemon.sinks import open_sink
from engine.sinks.kafka import milliseconds
from engine.sinks.sink import TAKEN, Away, Outcome, SinkError
from tests.sinks.shipping_made import batch, item, of_items

pytestmark = [
    pytest.mark.slow,
    # aiokafka leaves connections to the garbage collector when a broker dies under it.
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


class Brokers:
    """The process with the cluster."""

    def __init__(self) -> None:
        self.process = subprocess.Popen(  # noqa: S603 - our own interpreter
            [sys.executable, str(Path(__file__).with_name("broker.py"))],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env={**os.environ},
        )
        assert self.process.stdout is not None
        self.servers = self.process.stdout.readline().strip().split(",")

    def ask(self, line: str) -> list[list[str]]:
        """Return the answer to *line*; see `broker`."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(f"{line}\n")
        self.process.stdin.flush()
        found: list[list[str]] = json.loads(self.process.stdout.readline())
        return found

    def read(self, topic: str) -> list[tuple[str, bytes, str]]:
        """Return what *topic* has: key, value and id."""
        return [(key, base64.b64decode(value), name) for key, value, name in self.ask(topic)]


@contextmanager
def running() -> Iterator[Brokers]:
    found = Brokers()
    try:
        yield found
    finally:
        found.process.kill()
        found.process.wait()
        assert found.process.stdin is not None
        assert found.process.stdout is not None
        found.process.stdin.close()
        found.process.stdout.close()


@pytest.fixture(scope="module")
def brokers() -> Iterator[Brokers]:
    with running() as found:
        yield found


def settings(servers: list[str], topic: str = "audit", **more: object) -> Kafka:
    table = {"kind": "kafka", "name": "k", "servers": servers, "topic": topic, **more}
    return msgspec.convert({"timeout_seconds": 60, **table}, Kafka)


def send(one: Kafka, *counts: int) -> list[Outcome]:
    sink = open_sink(one)

    async def go() -> list[Outcome]:
        try:
            done, first = [], 0
            for count in counts:
                done.append(await sink.send(batch(count, first)))
                first += count
            return done
        finally:
            await sink.close()
            await sink.close()

    return asyncio.run(go())


@pytest.mark.parametrize("compression", ["none", "gzip"])
def test_all_of_a_batch_is_in_the_topic_under_its_tenant(
    brokers: Brokers, compression: str
) -> None:
    topic = f"audit-{compression}"
    assert send(settings(brokers.servers, topic, compression=compression), 5, 3) == [TAKEN, TAKEN]
    found = brokers.read(topic)
    assert sorted(found) == sorted(("north", item(n).body, f"t/{n}") for n in range(8))


def test_what_one_tenant_did_stays_in_order(brokers: Brokers) -> None:
    send(settings(brokers.servers, "order"), 200)
    assert [name for _, _, name in brokers.read("order")] == [f"t/{n}" for n in range(200)]


def test_a_record_that_is_too_long_is_refused_and_the_others_are_taken(brokers: Brokers) -> None:
    sink = open_sink(settings(brokers.servers, "long", compression="none"))
    what = of_items(item(0), item(1, text="x" * 2**21), item(2, tenant=""))

    async def go() -> Outcome:
        try:
            return await sink.send(what)
        finally:
            await sink.close()

    outcome = asyncio.run(go())
    assert [place for place, _ in outcome.refused] == [1]
    assert outcome.again == ()
    assert {name for _, _, name in brokers.read("long")} == {"t/0", "t/2"}


TOO_LARGE, LIST_TOO_LARGE, INVALID_TIMESTAMP = 10, 18, 32
UNKNOWN_TOPIC, NOT_LEADER, UNAUTHORIZED, OUT_OF_ORDER = 3, 6, 29, 45


@pytest.mark.parametrize("code", [TOO_LARGE, LIST_TOO_LARGE, INVALID_TIMESTAMP])
def test_what_is_refused_among_others_is_sent_alone_before_it_is_dead(code: int) -> None:
    with running() as brokers:
        brokers.ask(f"fail {code}")
        assert send(settings(brokers.servers), 5) == [TAKEN]
        assert {name for _, _, name in brokers.read("audit")} == {f"t/{n}" for n in range(5)}


def test_what_is_refused_alone_too_is_refused_and_the_others_are_taken() -> None:
    with running() as brokers:
        brokers.ask(f"fail {TOO_LARGE} {TOO_LARGE}")
        (outcome,) = send(settings(brokers.servers), 3)
        assert outcome.refused == ((0, "Kafka refuses it (MessageSizeTooLargeError)"),)
        assert outcome.again == ()
        assert {name for _, _, name in brokers.read("audit")} == {"t/1", "t/2"}


def test_a_time_that_no_broker_takes_is_left_to_the_broker() -> None:
    with running() as brokers:
        brokers.ask(f"fail {INVALID_TIMESTAMP} {INVALID_TIMESTAMP}")
        assert send(settings(brokers.servers), 1) == [TAKEN]
        assert [name for _, _, name in brokers.read("audit")] == ["t/0"]


def test_what_fails_for_another_reason_while_it_is_alone_is_sent_again() -> None:
    with running() as brokers:
        brokers.ask(f"fail {TOO_LARGE} {UNAUTHORIZED}")
        (outcome,) = send(settings(brokers.servers), 2)
        assert (outcome.refused, outcome.again) == ((), (0,))
        assert "see `username`" in outcome.why


@pytest.mark.parametrize("code", [UNAUTHORIZED, OUT_OF_ORDER])
def test_what_is_not_the_records_fault_is_sent_again(code: int) -> None:
    with running() as brokers:
        sink = open_sink(settings(brokers.servers))

        async def go() -> None:
            brokers.ask(f"fail {code}")
            outcome = await sink.send(batch(3))
            assert (outcome.refused, outcome.again) == ((), (0, 1, 2))
            assert await sink.send(batch(3)) == TAKEN
            await sink.close()

        asyncio.run(go())


def test_a_leader_that_has_changed_is_looked_for() -> None:
    with running() as brokers:
        brokers.ask(f"fail {NOT_LEADER} {NOT_LEADER}")
        assert send(settings(brokers.servers), 3) == [TAKEN]
        assert [name for _, _, name in brokers.read("audit")] == ["t/0", "t/1", "t/2"]


def unsent(brokers: Brokers, number: int) -> Outcome:
    """Return what came of a batch that is given up a fifth before its time is over.

    Where the machine was busy for that fifth, it is sent again with more time.
    """
    for seconds in (2, 8, 32):
        with suppress(Away):
            (outcome,) = send(settings(brokers.servers, timeout_seconds=seconds), number)
            return outcome
    raise AssertionError("it is never told in time")


def test_a_topic_that_is_not_there_is_told() -> None:
    with running() as brokers:
        brokers.ask(f"lost audit {UNKNOWN_TOPIC}")
        outcome = unsent(brokers, 2)
        assert outcome.again == (0, 1)
        assert "it has no such topic; see `topic`" in outcome.why


def test_brokers_that_stop_are_away_and_lose_nothing_when_they_go_on() -> None:
    with running() as brokers:
        one = settings(brokers.servers, timeout_seconds=2)
        assert send(settings(brokers.servers), 3) == [TAKEN]
        brokers.process.send_signal(signal.SIGSTOP)
        with pytest.raises(Away):
            send(one, 5)
        brokers.process.send_signal(signal.SIGCONT)
        assert send(settings(brokers.servers), 5) == [TAKEN]
        assert {name for _, _, name in brokers.read("audit")} == {f"t/{n}" for n in range(5)}


def test_brokers_that_were_killed_are_away() -> None:
    with running() as brokers:
        sink = open_sink(settings(brokers.servers, timeout_seconds=10))

        async def go() -> None:
            await sink.send(batch(3))
            brokers.process.kill()
            brokers.process.wait()
            try:
                outcome = await sink.send(batch(3, 3))
            except Away:
                pass
            else:
                assert outcome.again == (0, 1, 2)
            with pytest.raises(Away):
                await sink.send(batch(3, 3))
            await sink.close()

        asyncio.run(go())


def test_a_time_that_is_none_is_the_brokers() -> None:
    assert milliseconds("") is None
    assert milliseconds("2026-01-01T00:00:00Z") == 1767225600000


def test_without_the_extra_one_sentence_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "aiokafka", None)
    with pytest.raises(SinkError, match=r"needs aiokafka.*pol-engine\[kafka\]"):
        open_sink(settings(["x:1"]))
