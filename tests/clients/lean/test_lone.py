"""A thread that asks alone has a socket of its own; whoever cannot have it asks with the others."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from concurrent.futures import Future
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from pol_client import Client, DeadlineExceeded, Decision, NoDecision, PolError, Unavailable
from pol_client._http2.frames import (
    INITIAL_WINDOW_SIZE,
    PING,
    Code,
    goaway,
    ping,
    rst_stream,
    window_update,
)
from pol_client._lean.blocking import Wire, first_of, found
from pol_client._lean.threads import Promised, Waited

from tests.clients.asking import ASK, PATIENCE
from tests.clients.lean.scripted import Line, Script, thread_client_of
from tests.doors.grpc.serving import serve
from tests.ports import free_port


def answering(lines: list[int], asked: list[int]) -> Script:
    """Return what answers every call."""

    async def script(line: Line) -> None:
        lines.append(line.number)
        await line.greet()
        while True:
            stream, _ = await line.asked()
            asked.append(line.number)
            line.answer(stream)

    return script


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have threads wait for a connection of their own for as long as it takes."""
    monkeypatch.setattr("pol_client._lean.lone.AGAIN_SECONDS", PATIENCE)


def test_a_thread_alone_keeps_one_connection() -> None:
    lines: list[int] = []
    asked: list[int] = []
    with thread_client_of(answering(lines, asked)) as client:
        for _ in range(10):
            assert client.decide(**ASK).passes
    assert lines == [1]
    assert asked == [1] * 10


def test_others_ask_meanwhile_through_the_loop() -> None:
    first = threading.Event()
    lines: list[int] = []
    kept: list[tuple[Line, int]] = []

    async def script(line: Line) -> None:
        lines.append(line.number)
        await line.greet()
        kept.append((line, (await line.asked())[0]))
        if line.number == 1:
            first.set()
        else:
            for one, stream in reversed(kept):
                one.answer(stream)
        await line.reader.read()

    with thread_client_of(script) as client:
        found: list[Decision] = []
        thread = threading.Thread(target=lambda: found.append(client.decide(**ASK)))
        thread.start()
        assert first.wait(PATIENCE)
        assert client.decide(**ASK).passes
        thread.join(PATIENCE)
        assert found[0].passes
    assert lines == [1, 2]


def test_a_call_refused_unseen_is_asked_through_the_loop() -> None:
    lines: list[int] = []

    async def script(line: Line) -> None:
        lines.append(line.number)
        await line.greet()
        stream, _ = await line.asked()
        if line.number == 1:
            line.send(rst_stream(stream, Code.REFUSED_STREAM))
        else:
            line.answer(stream)
        await line.reader.read()

    with thread_client_of(script) as client:
        assert client.decide(**ASK).passes
    assert lines == [1, 2]


def test_a_daemon_that_went_between_two_calls_is_not_asked_there_again() -> None:
    gone = threading.Event()

    async def script(line: Line) -> None:
        await line.greet()
        stream, _ = await line.asked()
        line.answer(stream)
        if line.number == 1:
            line.send(goaway(stream, Code.NO_ERROR))
            await line.writer.drain()
            line.writer.close()
            gone.set()
        else:
            await line.reader.read()

    with thread_client_of(script) as client:
        assert client.decide(**ASK).passes
        assert gone.wait(PATIENCE)
        assert client.decide(**ASK).passes


def test_what_came_meanwhile_is_heard_before_the_next_call() -> None:
    answered = threading.Event()
    sent = threading.Event()

    async def script(line: Line) -> None:
        await line.greet()
        line.answer((await line.asked())[0])
        line.send(ping(b"are you?", ack=False))
        await line.writer.drain()
        sent.set()
        assert (await line.until(PING)).payload == b"are you?"
        answered.set()
        line.answer((await line.asked())[0])
        await line.reader.read()

    with thread_client_of(script) as client:
        assert client.decide(**ASK).passes
        assert sent.wait(PATIENCE)
        while not answered.is_set():
            try:
                assert client.decide(**ASK, timeout=0.2).passes
            except NoDecision:
                continue


def test_a_request_that_waits_for_a_window_that_never_opens_ends_with_the_deadline() -> None:
    async def script(line: Line) -> None:
        await line.greet((INITIAL_WINDOW_SIZE, 10))
        await line.reader.read()

    with thread_client_of(script) as client:
        for _ in range(2):
            with pytest.raises(DeadlineExceeded):
                client.decide(**ASK, timeout=0.05)


def test_a_silent_connection_is_left_after_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pol_client._lean.lone.SILENCE_SECONDS", 0.0)
    lines: list[int] = []

    async def script(line: Line) -> None:
        lines.append(line.number)
        await line.greet()
        if line.number == 1:
            line.answer((await line.asked())[0])
            await line.reader.read()
        while True:
            line.answer((await line.asked())[0])

    with thread_client_of(script) as client:
        assert client.decide(**ASK).passes  # It is connected.
        for _ in range(2):
            with pytest.raises(DeadlineExceeded):
                client.decide(**ASK, timeout=0.05)
        assert client.decide(**ASK).passes
    assert lines[:2] == [1, 2]


def test_closing_ends_the_call_of_a_thread() -> None:
    begun = threading.Event()

    async def script(line: Line) -> None:
        await line.greet()
        await line.asked()
        begun.set()
        await line.reader.read()

    with thread_client_of(script) as client:
        found: list[BaseException] = []

        def alone() -> None:
            try:
                client.decide(**ASK)
            except PolError as error:
                found.append(error)

        thread = threading.Thread(target=alone)
        thread.start()
        assert begun.wait(PATIENCE)
        client.close()
        thread.join(PATIENCE)
        assert isinstance(found[0], Unavailable)
        with pytest.raises(Unavailable, match="closed"):
            client.decide(**ASK)
        client.close()


def test_calls_of_their_own_are_made_where_that_is_wished() -> None:
    lines: list[int] = []
    with thread_client_of(answering(lines, []), coalesce=False) as client:
        for _ in range(3):
            assert client.decide(**ASK).passes
    assert lines == [1]


@pytest.mark.parametrize("transport", ["lean", "grpcio"])
def test_a_daemon_that_comes_back_is_asked_again(
    transport: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pol_client._lean.lone.AGAIN_SECONDS", 1.0)
    address = f"unix://{tmp_path}/engine.sock"
    with Client(address, timeout=PATIENCE) as client:
        for _ in range(2):
            with serve(address, transport=transport):
                for _ in range(3):
                    assert client.decide(**ASK).passes
            with pytest.raises(NoDecision):
                client.decide(**ASK, timeout=0.05)


def test_throttles_are_taken_once(tmp_path: Path) -> None:
    with (
        serve(f"unix://{tmp_path}/a.sock") as daemon,
        Client(daemon.address, timeout=PATIENCE) as client,
    ):
        asked = {**ASK, "user": "flood"}
        actions = [client.decide(**asked).action for _ in range(3)]
    assert actions == ["allow", "allow", "throttle"]


def test_a_request_that_is_too_much_for_the_kernel_ends_with_the_deadline() -> None:
    async def script(line: Line) -> None:
        await line.greet((INITIAL_WINDOW_SIZE, 1 << 30))
        line.send(window_update(0, 1 << 30))
        line.answer((await line.asked())[0])
        await asyncio.sleep(600)  # It reads nothing any more.

    with thread_client_of(script) as client:
        assert client.decide(**ASK).passes
        with pytest.raises(DeadlineExceeded):
            client.decide(**{**ASK, "content": "x" * (32 << 20)}, timeout=0.2)


def test_a_daemon_that_reads_a_little_now_and_then_does_not_hold_anybody_up() -> None:
    whole = 32 << 20
    over = threading.Event()
    read = 0

    async def script(line: Line) -> None:
        nonlocal read
        await line.greet((INITIAL_WINDOW_SIZE, 1 << 30))
        line.send(window_update(0, 1 << 30))
        line.answer((await line.asked())[0])
        while not over.is_set() and (piece := await line.reader.read(1 << 18)):
            read += len(piece)
            await asyncio.sleep(0.01)  # It takes seconds to read all of it.

    with thread_client_of(script) as client:
        assert client.decide(**ASK).passes
        with pytest.raises(DeadlineExceeded):
            client.decide(**{**ASK, "content": "x" * whole}, timeout=0.2)
        over.set()
    assert read < whole // 2


def test_a_thread_that_is_interrupted_leaves_its_socket(monkeypatch: pytest.MonkeyPatch) -> None:
    lines: list[int] = []
    real = Wire.receive

    def interrupted(_wire: Wire, _deadline: float) -> None:
        monkeypatch.setattr(Wire, "receive", real)
        raise KeyboardInterrupt

    with thread_client_of(answering(lines, [])) as client:
        assert client.decide(**ASK).passes
        monkeypatch.setattr(Wire, "receive", interrupted)
        with pytest.raises(KeyboardInterrupt):
            client.decide(**ASK)
        assert client.decide(**ASK).passes
    assert lines == [1, 2]


def test_a_thread_gives_up_by_itself_when_the_loop_does_not_tell_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("pol_client._lean.threads.GRACE_SECONDS", 0.0)
    with pytest.raises(DeadlineExceeded):
        Waited().result(0.01)


def test_a_promise_that_is_not_wanted_is_not_kept() -> None:
    futures: list[Future[Decision]] = [Future(), Future()]
    kept, broken = map(Promised, futures)
    for future in futures:
        future.cancel()
    kept.set_result(Decision("allow", "allow"))
    broken.set_exception(Unavailable("UNAVAILABLE", "gone"))
    assert kept.done()
    assert broken.done()


def test_a_name_that_takes_long_to_look_up_does_not_hold_a_call_beyond_its_deadline(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    returned = threading.Event()
    waited: list[bool] = []
    really = socket.getaddrinfo

    def look_up(host: Any, *given: Any, **named: Any) -> Any:
        if host == "slow.test" and not named.get("flags"):
            waited.append(returned.wait(PATIENCE))
            host = "127.0.0.1"
        return really(host, *given, **named)

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    with Client("slow.test:1", timeout=0.1) as client:
        with pytest.raises(DeadlineExceeded):
            client.decide(**ASK)
        returned.set()
    assert all(waited)


def test_what_a_name_stands_for_is_tried_in_turn_until_the_deadline() -> None:
    with socket.create_server(("127.0.0.1", 0)) as there:
        good = (socket.AF_INET, socket.SOCK_STREAM, 0, "", there.getsockname())
        refused = (socket.AF_INET, socket.SOCK_STREAM, 0, "", ("127.0.0.1", free_port()))
        later = time.monotonic() + PATIENCE
        first_of([refused, good], later).close()
        with pytest.raises(ConnectionRefusedError):
            first_of([refused, refused], later)
        with pytest.raises(TimeoutError):
            first_of([good], time.monotonic() - 1.0)


def test_an_address_that_says_nothing_does_not_hide_those_behind_it() -> None:
    with ExitStack() as stack:
        there = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        silent = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=0))
        # As many as wait to be accepted: one more hears nothing.
        waiting = [stack.enter_context(socket.socket()) for _ in range(4)]
        for one in waiting:
            one.settimeout(0)
            one.connect_ex(silent.getsockname())
        both = [
            (socket.AF_INET, socket.SOCK_STREAM, 0, "", one.getsockname())
            for one in (silent, there)
        ]
        first_of(both, time.monotonic() + 2.0).close()


@pytest.mark.parametrize("host", ["nobody.invalid", "a" * 64 + ".test"])
def test_a_name_that_is_nobodys_is_an_error_of_the_socket(host: str) -> None:
    with pytest.raises((OSError, ValueError)):
        found(host, 1, time.monotonic() + PATIENCE)
