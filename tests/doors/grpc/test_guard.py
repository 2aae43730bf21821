from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path
from threading import Event
from typing import Any

import grpc
import pytest
from google.protobuf.message import Message

from engine.doors.grpc.guard import guard
from engine.doors.grpc.listener import Listener
from engine.doors.grpc.service import Service
from engine.runtime.memory import MemoryStore
from engine.service.asking import TimeLeft
from engine.service.bundles import Recipe, load_folder
from engine.service.entries import Entry, Line
from engine.service.gate import Gate
from engine.service.record import NoRecorder
from engine.wire import engine_pb2 as wire
from tests.doors.grpc.serving import (
    PATIENCE,
    SECRET,
    Channel,
    Daemon,
    ask,
    make_door,
    make_gate,
    refused,
    run,
    serve,
)
from tests.service.shelf import POLICIES, Shelf

GUARD = "/engine.v1.PolicyEngine/Guard"


class Recorded(NoRecorder):
    """A recorder that keeps entries for the test."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []
        self.written = Event()

    def write(self, entry: Line) -> None:
        if isinstance(entry, Entry):
            self.entries.append(entry)
            self.written.set()


@pytest.fixture
def recorder(daemon: Daemon) -> Iterator[Recorded]:
    made, before = Recorded(), daemon.gate.recorder
    daemon.gate.recorder = made
    yield made
    daemon.gate.recorder = before


@pytest.fixture
def recorded(recorder: Recorded) -> list[Entry]:
    return recorder.entries


@pytest.fixture
def kept(recorder: Recorded) -> Event:
    return recorder.written


def opened(**fields: Any) -> wire.Chunk:
    request = ask(**{"stage": wire.STAGE_RESPONSE, **fields})
    request.ClearField("content")
    return wire.Chunk(open=request)


def guarded(channel: Channel, chunks: Iterable[wire.Chunk], timeout: float = PATIENCE) -> Any:
    method = channel.stream_stream(
        GUARD, wire.Chunk.SerializeToString, wire.GuardedChunk.FromString
    )
    return method(iter(chunks), timeout=timeout, wait_for_ready=True)


def texts(*pieces: str | bytes, **fields: Any) -> list[wire.Chunk]:
    return [
        opened(**fields),
        *(wire.Chunk(text=one) if isinstance(one, str) else wire.Chunk(utf8=one) for one in pieces),
    ]


def said(answers: Iterable[wire.GuardedChunk]) -> tuple[str, wire.Decision]:
    *_, last = got = list(answers)
    return "".join(one.text for one in got), last.decision


def test_a_response_flows_redacted(channel: Channel) -> None:
    pieces = texts("Write to a", "nn@exam", "ple.org", " or to bob@example.org now.")
    answers = list(guarded(channel, pieces))
    text, decision = said(answers)
    assert text == "Write to [EMAIL] or to [EMAIL] now."
    assert decision.effective_action == wire.ACTION_REDACT
    assert not decision.HasField("content")
    spans = [(one.path, one.start, one.end) for each in answers for one in each.redactions]
    assert spans == [("content", 9, 24), ("content", 31, 46)]
    assert [one.text for one in answers[:3]] == ["", "Write to ", ""]


def test_bytes_may_be_cut_inside_a_character(channel: Channel) -> None:
    raw = "Größe: über ann@exämple.org, 你好 \U0001f600.".encode()
    for size in (1, 2, 3, 5):
        cut = [raw[at : at + size] for at in range(0, len(raw), size)]
        text, decision = said(guarded(channel, texts(*cut)))
        assert text == "Größe: über [EMAIL], 你好 \U0001f600."
        assert decision.action == wire.ACTION_REDACT


def test_the_last_piece_ends_the_response(channel: Channel) -> None:
    first = opened()
    first.text, first.last = "All in one", True
    text, decision = said(guarded(channel, [first, wire.Chunk(text="never read")]))
    assert (text, decision.action) == ("All in one", wire.ACTION_ALLOW)


def test_an_empty_response_is_decided_on(channel: Channel, recorded: list[Entry]) -> None:
    assert said(guarded(channel, texts()))[1].action == wire.ACTION_ALLOW
    assert [one.action for one in recorded] == ["allow"]


def test_what_is_denied_at_the_end_passes_no_more(channel: Channel, recorded: list[Entry]) -> None:
    text, decision = said(guarded(channel, texts("This is forbidden by", " many.")))
    assert text == "This is forbidden by "
    assert decision.effective_action == wire.ACTION_DENY
    assert [one.action for one in recorded] == ["deny"]


class Ahead:
    """A caller who has sent all pieces before the first is read, and takes all answers at once."""

    def __init__(self, chunks: Iterable[wire.Chunk]) -> None:
        self._chunks = [one.SerializeToString() for one in chunks]
        self.answers: list[Any] = []
        self.left: TimeLeft = lambda: None

    async def read(self) -> bytes | None:
        """Return the next piece."""
        return self._chunks.pop(0) if self._chunks else None

    async def write(self, message: Message) -> None:
        """Take an answer."""
        self.answers.append(message)


def test_a_caller_that_sends_ahead_leaves_the_others_their_turn() -> None:
    async def turns_of_others(caller: Ahead) -> int:
        turns = 0

        async def another() -> None:
            nonlocal turns
            while True:
                turns += 1
                await asyncio.sleep(0)

        beside = asyncio.create_task(another())
        await guard(Service(make_gate(), "1.2.3"), caller)
        beside.cancel()
        return turns

    caller = Ahead(texts(*("a " for _ in range(100))))
    assert run(turns_of_others(caller)) >= 100
    assert said(caller.answers)[0] == "a " * 100


def test_long_pieces_flow(channel: Channel) -> None:
    text, _ = said(guarded(channel, texts("word " * 3000 + "ann@example.org")))
    assert text == "word " * 3000 + "[EMAIL]"


@pytest.mark.parametrize(
    ("chunks", "path"),
    [
        ([], "open"),
        ([wire.Chunk(text="hello")], "open"),
        ([opened(), opened()], "open"),
        ([wire.Chunk(open=ask(stage=wire.STAGE_RESPONSE, content="x"))], "content"),
        ([opened(user_id="")], "user.id"),
        (texts(b"\xff"), "utf8"),
        ([*texts(b"\xc3"), wire.Chunk(last=True)], "utf8"),
        (texts(b"\xc3", "x"), "utf8"),
        ([opened(), wire.Chunk(text="a", utf8=b"b")], "utf8"),
    ],
)
def test_what_is_wrong_is_told(channel: Channel, chunks: list[wire.Chunk], path: str) -> None:
    error = refused(partial(list, guarded(channel, chunks)))
    assert error.code() is grpc.StatusCode.INVALID_ARGUMENT
    details = dict(error.trailing_metadata())["grpc-status-details-bin"]
    assert path.encode() in details


def test_a_stream_that_breaks_is_recorded(channel: Channel, recorded: list[Entry]) -> None:
    error = refused(partial(list, guarded(channel, texts("Write to ann@example.org ", b"\xff"))))
    assert error.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert [(one.action, one.stage) for one in recorded] == [("redact", "response")]


@pytest.mark.parametrize("timeout", [PATIENCE, 2])
def test_a_caller_that_vanishes_or_is_late_is_recorded(
    channel: Channel, recorded: list[Entry], kept: Event, timeout: float
) -> None:
    forever = Event()

    def pieces() -> Iterator[wire.Chunk]:
        yield from texts("Write to ann@example.org and ")
        forever.wait(PATIENCE)

    call = guarded(channel, pieces(), timeout)
    assert [next(call).text, next(call).text] == ["", "Write to [EMAIL] and "]
    if timeout == PATIENCE:  # the other one is late
        call.cancel()
    assert kept.wait(PATIENCE)
    forever.set()
    assert [one.action for one in recorded] == ["redact"]


def test_without_policies_nothing_is_guarded() -> None:
    with serve(ready=False) as daemon, grpc.insecure_channel(daemon.address) as channel:
        error = refused(partial(list, guarded(channel, texts("hello"))))
        assert error.code() is grpc.StatusCode.UNAVAILABLE


@pytest.mark.parametrize(
    ("word", "action"), [("rude", wire.ACTION_DENY), ("kind", wire.ACTION_ALLOW)]
)
def test_the_end_waits_for_classifiers(tmp_path: Path, word: str, action: int) -> None:
    (tmp_path / "talk.pol").write_text(POLICIES)
    gate = Gate(MemoryStore(), secret=SECRET, classifiers=Shelf({"rude": 0.95, "kind": 0.1}))
    gate.swap(load_folder(tmp_path, Recipe(SECRET)))
    door = run(make_door(Service(gate, "0"), (Listener("127.0.0.1:0"),)))
    with Daemon(gate, door) as daemon, grpc.insecure_channel(daemon.address) as channel:
        chunks = texts(word, stage=wire.STAGE_REQUEST)
        assert said(guarded(channel, chunks))[1].effective_action == action
