"""Much text at every method of the door: others are served while it is looked at."""

from __future__ import annotations

import asyncio
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import grpc
import pytest

from engine.doors.grpc.guard import left
from engine.doors.grpc.listener import Listener
from engine.doors.grpc.server import Door
from engine.doors.grpc.service import Service
from engine.runtime.memory import MemoryStore
from engine.runtime.policyset import PolicySet
from engine.runtime.request import OnTooLarge
from engine.service.bundles import Recipe, load_folder
from engine.service.gate import Gate
from engine.service.guarding import open_guard
from engine.service.lookout import Lookout
from engine.wire import engine_pb2 as wire
from tests.doors.grpc.serving import Channel, make_door, refused, run
from tests.doors.grpc.test_later import PATIENCE, call, request, stream
from tests.service.bundle import SECRET, write_folder
from tests.service.eye import POLICIES, Eye, planted
from tests.service.test_gate import Kept

CARD = planted("card 4111 1111 1111 1111")
MAIL = planted("mail ann.lee@example.org")


@pytest.fixture(scope="module")
def compiled() -> dict[OnTooLarge, PolicySet]:
    with tempfile.TemporaryDirectory() as folder:
        root = write_folder(Path(folder), {"desk.pol": POLICIES})
        actions: tuple[OnTooLarge, ...] = ("refuse", "deny")
        return {one: load_folder(root, Recipe(SECRET, on_content_too_large=one)) for one in actions}


@pytest.fixture
def eye(compiled: dict[OnTooLarge, PolicySet]) -> Eye:
    return Eye(compiled["refuse"])


@contextmanager
def served(
    eye: Eye, kept: Kept | None = None, waiting: int = 64, threads: int = 1
) -> Iterator[tuple[Channel, Door]]:
    """Serve the policies of *eye*; give a channel, and the door, which is drained at the end."""
    gate = Gate(MemoryStore(), kept, secret=SECRET, lookout=Lookout(threads, waiting))
    gate.swap(eye.policies)

    async def start() -> tuple[Door, str]:
        door = await make_door(Service(gate, "0"), (Listener("127.0.0.1:0"),))
        (address,) = await door.start()
        return door, address

    door, address = run(start())
    try:
        with grpc.insecure_channel(address) as channel:
            yield channel, door
    finally:
        eye.may.set()
        run(door.drain(0))
        gate.close()


def begin(channel: Channel, text: str, **options: object):  # type: ignore[no-untyped-def]  # noqa: ANN201
    """Return the call that decides on *text*, under way."""
    made = channel.unary_unary(
        "/engine.v1.PolicyEngine/Decide",
        wire.DecideRequest.SerializeToString,
        wire.Decision.FromString,
    )
    return made.future(request(text, "large"), **{"timeout": PATIENCE, **options})


def small(channel: Channel) -> int:
    action: int = call(channel, "Decide", request("hello"), wire.Decision).effective_action
    return action


def test_others_are_served_while_much_text_is_looked_at(eye: Eye) -> None:
    with served(eye) as (channel, _):
        eye.may.clear()
        large = begin(channel, CARD)
        assert eye.reached.acquire(timeout=PATIENCE)
        assert [small(channel) for _ in range(3)] == [wire.ACTION_ALLOW] * 3
        assert not large.done()
        eye.may.set()
        assert large.result().effective_action == wire.ACTION_DENY


def test_a_batch_with_much_text_keeps_its_order(eye: Eye) -> None:
    batch = wire.DecideBatchRequest(
        requests=[request(CARD, "a"), request("hello", "b"), request(MAIL, "c")]
    )
    with served(eye) as (channel, _):
        made = call(channel, "DecideBatch", batch, wire.DecideBatchResponse).decisions
    assert [one.request_id for one in made] == ["a", "b", "c"]
    assert [one.effective_action for one in made] == [
        wire.ACTION_DENY,
        wire.ACTION_ALLOW,
        wire.ACTION_REDACT,
    ]
    assert made[2].content == MAIL.replace("ann.lee@example.org", "[EMAIL]")
    assert all(name.startswith("lookout") for name in eye.threads)


def test_on_a_stream_much_text_is_overtaken(eye: Eye) -> None:
    more = threading.Event()

    def requests() -> Iterator[wire.DecideRequest]:
        yield request(CARD, "large")
        assert eye.reached.acquire(timeout=PATIENCE)
        yield request("hello", "small")
        assert more.wait(PATIENCE)

    with served(eye) as (channel, _):
        eye.may.clear()
        answers = stream(channel, requests())
        first = next(answers)
        eye.may.set()
        more.set()
        assert [first.request_id, *(one.request_id for one in answers)] == ["small", "large"]


def test_an_explanation_of_much_text_waits_for_its_turn(eye: Eye) -> None:
    with served(eye) as (channel, _):
        why = call(channel, "Explain", request(CARD, "why"), wire.Explanation)
        assert why.decision.effective_action == wire.ACTION_DENY
        assert "4111" not in str(why)


def test_a_caller_that_leaves_or_is_late_leaves_no_decision(eye: Eye) -> None:
    kept = Kept()
    with served(eye, kept) as (channel, _):
        eye.may.clear()
        gone = begin(channel, CARD)
        assert eye.reached.acquire(timeout=PATIENCE)
        gone.cancel()
        late = begin(channel, CARD, timeout=0.05)
        assert late.exception().code() is grpc.StatusCode.DEADLINE_EXCEEDED
        assert small(channel) == wire.ACTION_ALLOW  # The door has heard that they are gone.
        eye.may.set()
        assert small(channel) == wire.ACTION_ALLOW
    assert [one.request_id for one in kept.entries] == ["hello"] * 2


def test_a_flood_is_refused_by_name_and_others_are_served(eye: Eye) -> None:
    with served(eye, waiting=1) as (channel, _):
        eye.may.clear()
        large = begin(channel, CARD)
        assert eye.reached.acquire(timeout=PATIENCE)
        error = refused(lambda: call(channel, "Decide", request(MAIL, "mail"), wire.Decision))
        assert error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
        assert "1 requests with long content wait already; try again" in error.details()
        batch = wire.DecideBatchRequest(requests=[request(MAIL, "a"), request("hello", "b")])
        made = call(channel, "DecideBatch", batch, wire.DecideBatchResponse).decisions
        assert [one.HasField("error") for one in made] == [True, False]
        assert made[0].effective_action == wire.ACTION_DENY
        eye.may.set()
        assert large.result().effective_action == wire.ACTION_DENY


def test_a_flood_is_denied_where_that_is_set(compiled: dict[OnTooLarge, PolicySet]) -> None:
    eye, kept = Eye(compiled["deny"]), Kept()
    with served(eye, kept, waiting=1) as (channel, _):
        eye.may.clear()
        large = begin(channel, CARD)
        assert eye.reached.acquire(timeout=PATIENCE)
        found = call(channel, "Decide", request(MAIL, "mail"), wire.Decision)
        assert found.reasons[0].message == "content too large"
        assert "ann.lee" not in str(found)
        eye.may.set()
        large.result()
    assert [one.request_id for one in kept.entries] == ["mail", "large"]


def guarded(channel: Channel, pieces: Iterator[wire.Chunk]):  # type: ignore[no-untyped-def]  # noqa: ANN201
    method = channel.stream_stream(
        "/engine.v1.PolicyEngine/Guard",
        wire.Chunk.SerializeToString,
        wire.GuardedChunk.FromString,
    )
    return method(pieces, timeout=PATIENCE)


def chunks(text: str, *, last: bool = True) -> Iterator[wire.Chunk]:
    opened = request("", "guarded")
    opened.stage = wire.STAGE_RESPONSE
    opened.ClearField("content")
    yield wire.Chunk(open=opened)
    size = 50_000
    for start in range(0, len(text), size):
        yield wire.Chunk(text=text[start : start + size])
    if last:
        yield wire.Chunk(last=True)


@pytest.mark.slow
def test_the_decision_on_a_long_stream_waits_for_its_look(eye: Eye) -> None:
    kept = Kept()
    with served(eye, kept) as (channel, _):
        eye.may.clear()
        answers = guarded(channel, chunks(MAIL))
        got: list[wire.GuardedChunk] = []
        reader = threading.Thread(target=lambda: got.extend(answers))
        reader.start()
        assert eye.reached.acquire(timeout=PATIENCE)
        assert small(channel) == wire.ACTION_ALLOW
        eye.may.set()
        reader.join(PATIENCE)
    assert "".join(one.text for one in got) == MAIL.replace("ann.lee@example.org", "[EMAIL]")
    assert got[-1].decision.effective_action == wire.ACTION_REDACT
    assert [one.request_id for one in kept.entries] == ["hello", "guarded"]


@pytest.mark.slow
def test_a_long_stream_that_was_left_is_decided_on_and_recorded(eye: Eye) -> None:
    kept = Kept()
    recorded = threading.Event()
    write = kept.write

    def note(entry):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
        write(entry)
        recorded.set()

    kept.write = note  # type: ignore[method-assign]
    with served(eye, kept, threads=2) as (channel, _):
        eye.may.clear()
        answers = guarded(channel, chunks(MAIL))
        assert eye.reached.acquire(timeout=PATIENCE)
        answers.cancel()
        assert eye.reached.acquire(timeout=PATIENCE)  # once more, for the record alone
        eye.may.set()
        assert recorded.wait(PATIENCE)
    assert [one.action for one in kept.entries] == ["redact"]


@pytest.mark.slow
def test_in_a_hurry_a_stream_that_was_left_is_decided_on_at_once(eye: Eye) -> None:
    kept = Kept()
    gate = Gate(MemoryStore(), kept, secret=SECRET, lookout=Lookout(1))
    gate.swap(eye.policies)

    async def drive() -> None:
        standard = {"tenant": {"id": "n"}, "user": {"id": "u"}, "stage": "response"}
        session = open_guard(gate, standard, b"")
        session.feed(MAIL)
        eye.may.clear()
        leaving = asyncio.ensure_future(left(gate, session))
        await asyncio.to_thread(eye.reached.acquire)
        leaving.cancel()
        eye.may.set()
        with pytest.raises(asyncio.CancelledError):
            await leaving

    run(drive())
    assert [one.action for one in kept.entries] == ["redact"]
    gate.close()


def test_a_drain_waits_for_a_look_for_as_long_as_it_may(eye: Eye) -> None:
    kept = Kept()
    with served(eye, kept) as (channel, door):
        eye.may.clear()
        large = begin(channel, CARD)
        assert eye.reached.acquire(timeout=PATIENCE)
        threading.Timer(0.0, eye.may.set).start()
        run(door.drain(PATIENCE), PATIENCE)
        assert large.result().effective_action == wire.ACTION_DENY
    assert [one.action for one in kept.entries] == ["deny"]


def test_a_drain_without_patience_ends_the_look(eye: Eye) -> None:
    kept = Kept()
    with served(eye, kept) as (channel, door):
        eye.may.clear()
        large = begin(channel, CARD)
        assert eye.reached.acquire(timeout=PATIENCE)
        run(door.drain(0), PATIENCE)
        assert large.exception() is not None
    assert kept.entries == []
