"""Who is interrupted, or closes a client that is used, leaves nothing that others wait for."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

import pytest
from pol_client import Client, NoDecision, Unavailable
from pol_client._http2.frames import RST_STREAM
from pol_client._lean import threads
from pol_client._lean.blocking import Wire
from pol_client._lean.threads import LeanThreads, Waited

from tests.clients.asking import ASK, PATIENCE
from tests.clients.lean.scripted import Line, thread_client_of
from tests.clients.lean.test_lone import answering

SOON = 10.0
"""Seconds for what comes at once, or never."""


def carrier(client: Client) -> LeanThreads:
    """Return what carries the calls of *client*."""
    found = client._transport
    assert isinstance(found, LeanThreads)
    return found


def ends(work: Callable[[], object]) -> bool:
    """Return whether *work* comes to its end in a thread of its own."""
    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    thread.join(PATIENCE)
    return not thread.is_alive()


def test_the_thread_that_waits_may_close_the_client(monkeypatch: pytest.MonkeyPatch) -> None:
    real = Wire.receive
    found: list[NoDecision] = []

    def handled(wire: Wire, deadline: float) -> None:  # As in the handler of a signal.
        monkeypatch.setattr(Wire, "receive", real)
        client.close()
        real(wire, deadline)

    def ask() -> None:
        try:
            client.decide(**ASK)
        except NoDecision as error:
            found.append(error)

    async def script(line: Line) -> None:
        await line.greet()
        line.answer((await line.asked())[0])
        await line.reader.read()

    with thread_client_of(script) as client:
        assert client.decide(**ASK).passes
        monkeypatch.setattr(Wire, "receive", handled)
        assert ends(ask)
        assert isinstance(found[0], Unavailable)
        with pytest.raises(Unavailable, match="closed"):
            client.decide(**ASK)


def test_nobody_waits_for_a_lock_that_an_interrupted_thread_has_kept() -> None:
    lines: list[int] = []
    with thread_client_of(answering(lines, [])) as client:
        assert client.decide(**ASK).passes
        assert carrier(client)._lone._lock.acquire(blocking=False)
        assert client.decide(**ASK).passes
        assert ends(client.close)
        carrier(client)._lone._lock.release()
    assert lines == [1, 2]


def test_a_thread_interrupted_while_it_hears_what_came_meanwhile_leaves_its_socket(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    lines: list[int] = []

    with thread_client_of(answering(lines, [])) as client:
        assert client.decide(**ASK).passes
        wire = carrier(client)._lone._wire
        assert wire is not None
        real = wire._socket.inner
        monkeypatch.setattr(wire._socket, "inner", InterruptingSocket(real))
        with pytest.raises(KeyboardInterrupt):
            client.decide(**ASK)
        assert client.decide(**ASK).passes
    assert lines == [1, 2]


class InterruptingSocket:
    """A socket on which somebody is interrupted who has just been given something."""

    def __init__(self, inner: Any) -> None:
        self._inner = inner

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def recv(self, *_given: int) -> bytes:
        raise KeyboardInterrupt


def test_a_client_is_closed_while_a_call_is_handed_to_its_loop(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    real = LeanThreads._running
    found: list[NoDecision] = []

    def handled(one: LeanThreads) -> asyncio.AbstractEventLoop:
        monkeypatch.setattr(LeanThreads, "_running", real)
        loop = real(one)
        client.close()
        return loop

    def ask() -> None:
        for call in (client.decide, client.explain):
            try:
                call(**ASK)
            except NoDecision as error:
                found.append(error)

    with thread_client_of(answering([], []), coalesce=False) as client:
        assert client.decide(**ASK).passes
        monkeypatch.setattr(LeanThreads, "_running", handled)
        assert ends(ask)
    assert [one.message for one in found] == ["the client was closed"] * 2


def test_decisions_that_were_handed_in_when_a_client_closed_are_told() -> None:
    with thread_client_of(answering([], [])) as client:
        inbox = carrier(client)._inbox
        first, second = Waited(), Waited()
        inbox._called = True  # Somebody was just about to call the loop.
        inbox.put((b"", (), SOON, first))
        client.close()
        inbox._called = False
        inbox._closed = False
        with pytest.raises(Unavailable, match="closed"):
            inbox.put((b"", (), SOON, second))
        for one in (first, second):
            with pytest.raises(Unavailable, match="closed"):
                one.result(SOON)


def test_decisions_are_asked_for_after_one_who_was_interrupted_while_asking(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    real = LeanThreads.call

    def interrupted(_one: LeanThreads, _function: object) -> None:
        monkeypatch.setattr(LeanThreads, "call", real)
        raise KeyboardInterrupt

    with thread_client_of(answering([], [])) as client, client.pipeline() as pipeline:
        monkeypatch.setattr(LeanThreads, "call", interrupted)
        with pytest.raises(KeyboardInterrupt):
            pipeline.decide(**ASK)
        assert pipeline.submit(**ASK).result(SOON).passes


def test_a_call_whose_thread_was_interrupted_is_broken_off(monkeypatch: pytest.MonkeyPatch) -> None:
    asked, broken = threading.Event(), threading.Event()
    real = asyncio.run_coroutine_threadsafe

    async def script(line: Line) -> None:
        await line.greet()
        await line.asked()
        asked.set()
        await line.until(RST_STREAM)
        broken.set()
        await line.reader.read()

    def handed(coroutine: Any, loop: asyncio.AbstractEventLoop) -> Future[Any]:
        monkeypatch.setattr(asyncio, "run_coroutine_threadsafe", real)
        made = real(coroutine, loop)
        made.result = interrupted  # type: ignore[method-assign, assignment]
        return made

    def interrupted(_seconds: float | None = None) -> Any:
        assert asked.wait(PATIENCE)
        raise KeyboardInterrupt

    with thread_client_of(script, coalesce=False) as client:
        monkeypatch.setattr(asyncio, "run_coroutine_threadsafe", handed)
        with pytest.raises(KeyboardInterrupt):
            client.decide(**ASK)
        assert broken.wait(PATIENCE)


def test_a_decision_that_nobody_waits_for_is_not_wanted() -> None:
    waited = Waited()
    waited._lock = Interrupted()  # type: ignore[assignment]
    with pytest.raises(KeyboardInterrupt):
        waited.result(SOON)
    assert waited.done()


class Interrupted:
    """A lock that nobody gets."""

    def acquire(self, **_given: float) -> bool:
        raise KeyboardInterrupt


def test_where_no_thread_can_be_had_the_next_call_tries_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    real = threading.Thread

    class NoThread(real):  # type: ignore[misc, valid-type]
        def start(self) -> None:
            monkeypatch.setattr(threads, "Thread", real)
            raise RuntimeError("can't start new thread")

    with thread_client_of(answering([], []), coalesce=False) as client:
        monkeypatch.setattr(threads, "Thread", NoThread)
        with pytest.raises(RuntimeError, match="new thread"):
            client.decide(**ASK)
        assert ends(lambda: client.decide(**ASK))
        assert client.decide(**ASK).passes


def test_a_callback_may_close_the_client_and_must_not_wait_for_it() -> None:
    found: list[BaseException] = []
    added, closed = threading.Event(), threading.Event()

    def called(_answer: Future[Any]) -> None:
        try:
            client.explain(**ASK)
        except RuntimeError as error:
            found.append(error)
        client.close()
        closed.set()

    async def script(line: Line) -> None:
        await line.greet()
        stream, _ = await line.asked()
        # What is answered by then is told to the thread that asks, which may well wait.
        await asyncio.to_thread(added.wait, PATIENCE)
        line.answer(stream)
        await line.reader.read()

    with thread_client_of(script) as client:
        client.pipeline().submit(**ASK).add_done_callback(called)
        added.set()
        assert closed.wait(PATIENCE)
        with pytest.raises(Unavailable, match="closed"):
            client.decide(**ASK)
    assert "must not wait" in str(found[0])
