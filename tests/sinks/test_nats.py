"""Messages of a stream, on a real nats-server with JetStream that is killed meanwhile."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import nats
import pytest
from nats.js.api import DiscardPolicy, StreamConfig

from engine.daemon.settings_sinks import Nats
from engine.daemon.sinks import open_sink
from engine.sinks.nats import header
from engine.sinks.ship import Dead, Pauses, Shipment
from engine.sinks.sink import TAKEN, Away, Outcome, SinkError
from tests.sinks.servers import Server, nats_server
from tests.sinks.shipping_made import batch, item, of_items

pytestmark = pytest.mark.slow


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    with nats_server(tmp_path / "nats") as found:
        yield found


def settings(server: Server, **more: object) -> Nats:
    table = {
        "kind": "nats",
        "name": "n",
        "servers": [f"nats://127.0.0.1:{server.port}"],
        "subject": "audit",
        "timeout_seconds": 60,
        **more,
    }
    return msgspec.convert(table, Nats)


async def stream(server: Server, most: int = -1) -> None:
    connection = await nats.connect(f"nats://127.0.0.1:{server.port}")
    config = StreamConfig(name="AUDIT", subjects=["audit"], max_msg_size=most)
    await connection.jetstream().add_stream(config)
    await connection.close()


async def read(server: Server) -> list[tuple[str, str, bytes]]:
    """Return id, tenant and body of all that the stream has."""
    connection = await nats.connect(f"nats://127.0.0.1:{server.port}")
    manager = connection.jetstream()
    count = (await manager.stream_info("AUDIT")).state.messages
    found = []
    for number in range(1, count + 1):
        message = await manager.get_msg("AUDIT", number)
        named = message.headers or {}
        found.append((named["Nats-Msg-Id"], named.get("Audit-Tenant", ""), message.data or b""))
    await connection.close()
    return found


def test_all_of_a_batch_is_in_the_stream_once_however_often_it_is_sent(server: Server) -> None:
    async def go() -> None:
        await stream(server)
        sink = open_sink(settings(server))
        assert await sink.send(batch(300)) == TAKEN
        assert await sink.send(batch(300)) == TAKEN
        await sink.close()
        again = open_sink(settings(server))
        assert await again.send(batch(5)) == TAKEN
        await again.close()
        found = await read(server)
        assert sorted(found) == sorted((f"t/{n}", "north", item(n).body) for n in range(300))

    asyncio.run(go())


def test_without_a_stream_nothing_is_taken(server: Server) -> None:
    async def go() -> None:
        sink = open_sink(settings(server, timeout_seconds=60))
        outcome = await sink.send(batch(2))
        assert outcome.again == (0, 1)
        assert outcome.why == "the stream did not take it: no stream has `subject`"
        await sink.close()

    asyncio.run(go())


@pytest.mark.parametrize("said", [b"", b"+OK", b"[]", b"7", b"{}", b'{"stream":"","seq":1}'])
def test_an_answer_of_another_than_a_stream_takes_nothing(server: Server, said: bytes) -> None:
    async def go() -> None:
        other = await nats.connect(f"nats://127.0.0.1:{server.port}")

        async def answer(message: Any) -> None:
            await message.respond(said)

        await other.subscribe("audit", cb=answer)
        await other.flush()
        sink = open_sink(settings(server))
        outcome = await sink.send(batch(2))
        assert (outcome.again, outcome.refused) == ((0, 1), ())
        assert outcome.why == "the stream did not take it: what answers on `subject` is no stream"
        await sink.close()
        await other.close()

    asyncio.run(go())


def test_a_stream_that_is_full_takes_the_rest_when_it_has_room(server: Server) -> None:
    async def go() -> None:
        connection = await nats.connect(f"nats://127.0.0.1:{server.port}")
        manager = connection.jetstream()
        config = StreamConfig(
            name="AUDIT", subjects=["audit"], max_msgs=3, discard=DiscardPolicy.NEW
        )
        await manager.add_stream(config)
        sink = open_sink(settings(server))
        outcome = await sink.send(batch(5))
        assert (len(outcome.again), outcome.refused) == (2, ())
        assert "(error 10077): it cannot store it; see whether it is full" in outcome.why
        config.max_msgs = 10
        await manager.update_stream(config)
        assert await sink.send(batch(5)) == TAKEN
        await sink.close()
        await connection.close()
        assert {name for name, _, _ in await read(server)} == {f"t/{n}" for n in range(5)}

    asyncio.run(go())


def test_what_is_too_long_is_refused_and_the_others_are_taken(server: Server) -> None:
    async def go() -> Outcome:
        await stream(server, most=10_000)
        sink = open_sink(settings(server))
        what = of_items(
            item(0), item(1, text="x" * 20_000), item(2, tenant="a\r\nb"), item(3, text="x" * 2**21)
        )
        outcome = await sink.send(what)
        await sink.close()
        assert {(name, tenant) for name, tenant, _ in await read(server)} == {
            ("t/0", "north"),
            ("t/2", "a\\r\\nb"),
        }
        return outcome

    outcome = asyncio.run(go())
    assert [place for place, _ in outcome.refused] == [1, 3]
    assert outcome.again == ()


def test_a_server_that_is_killed_in_the_middle_gets_everything_once(
    server: Server, tmp_path: Path
) -> None:
    async def go() -> None:
        await stream(server)
        sink = open_sink(settings(server, timeout_seconds=5))
        shipment = Shipment(
            sink, Dead(tmp_path / "dead"), Pauses(0.01, 0.1), asyncio.sleep, lambda: 1.0
        )
        sending = asyncio.create_task(ship(shipment))
        for _ in range(3):
            await asyncio.sleep(0.15)
            server.kill()
            await asyncio.to_thread(server.start)
        await sending
        await sink.close()
        names = [name for name, _, _ in await read(server)]
        assert set(names) == {f"t/{n}" for n in range(2000)}
        assert len(names) == 2000
        assert not (tmp_path / "dead").exists()

    async def ship(shipment: Shipment) -> None:
        for first in range(0, 2000, 50):
            await shipment.deliver(batch(50, first))

    asyncio.run(go())


def test_nobody_there_is_away(server: Server) -> None:
    server.kill()

    async def go() -> None:
        sink = open_sink(settings(server, timeout_seconds=2))
        with pytest.raises(Away, match="no connection"):
            await sink.send(batch(1))
        await sink.close()

    asyncio.run(go())


def test_a_header_stays_one_line() -> None:
    assert header("a\nb\u00e9") == "a\\nb\\xe9"


def test_without_the_extra_one_sentence_says_so(
    monkeypatch: pytest.MonkeyPatch, server: Server
) -> None:
    monkeypatch.setitem(sys.modules, "nats", None)
    with pytest.raises(SinkError, match=r"needs nats.*pol-engine\[nats\]"):
        open_sink(settings(server))
