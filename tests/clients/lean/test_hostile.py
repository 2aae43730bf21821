"""What a client makes of daemons that break the rules: an error in time, never an answer."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Callable
from typing import Any

import pytest
from pol_client import DeadlineExceeded, NoDecision, PolError, Unavailable
from pol_client._http2.fields import block_of
from pol_client._http2.frames import (
    CONTINUATION,
    DATA,
    END_HEADERS,
    END_STREAM,
    GOAWAY,
    HEADERS,
    PING,
    PREFACE,
    PUSH_PROMISE,
    RST_STREAM,
    SETTINGS,
    WINDOW_UPDATE,
    Code,
    goaway,
    head,
    ping,
    rst_stream,
    settings,
    window_update,
)

from tests.clients.asking import ASK, KINDS, PATIENCE
from tests.clients.lean.scripted import (
    FINE,
    OPENING,
    Line,
    Script,
    client_of,
    daemon,
    decision,
    packed,
    thread_client_of,
)
from tests.doors.grpc.serving import run

Bytes = tuple[bytes, ...]
Ask = Callable[..., PolError]


def ask_in_thread(script: Script, **options: Any) -> PolError:
    """Return the error of a decision that a thread asks for."""
    with thread_client_of(script, **options) as client, pytest.raises(PolError) as caught:
        client.decide(**ASK)
    return caught.value


def ask_in_loop(script: Script, **options: Any) -> PolError:
    """Return the error of a decision that a task asks for."""

    async def failing() -> PolError:
        async with client_of(script, **options) as client:
            with pytest.raises(PolError) as caught:
                await client.decide(**ASK)
            return caught.value

    return run(failing())


WAYS = [ask_in_loop, ask_in_thread]


@pytest.mark.parametrize("ask", WAYS)
def test_a_daemon_that_goes_while_it_greets_is_not_asked_over_and_over(ask: Ask) -> None:
    met: list[int] = []

    async def script(line: Line) -> None:
        await line.reader.readexactly(len(PREFACE))
        met.append(line.number)
        line.send(settings(()), goaway(0, Code.NO_ERROR))
        await line.reader.read()

    error = ask(script, wait_for_ready=False)
    assert isinstance(error, Unavailable)
    assert "takes no calls" in str(error)
    assert len(met) <= 2  # A thread tries by itself before.


def after_asked(*data: bytes) -> Script:
    """Return what says *data* once it is asked something, on stream 1."""

    async def script(line: Line) -> None:
        await line.greet()
        await line.asked()
        line.send(*data)
        await line.reader.read()

    return script


def fields(*pairs: tuple[bytes, bytes], end: bool = False, stream: int = 1) -> bytes:
    block = block_of(pairs)
    return head(len(block), HEADERS, END_HEADERS | (END_STREAM if end else 0), stream) + block


def data(raw: bytes, flags: int = 0) -> bytes:
    return head(len(raw), DATA, flags, 1) + raw


def answer(**given: Any) -> Bytes:
    """Return an answer that is well but for what is *given*."""
    return (GRPC, data(packed(decision(**given))), WELL)


GRPC = fields(*OPENING)
WELL = fields(*FINE, end=True)
ALLOW = packed(b"\x10\x01\x18\x01")
BEYOND = {"seconds": 10**15}
DEEP = b"[" * 50_000

BAD_ANSWERS: dict[str, tuple[Bytes, str, str]] = {
    "half a message": ((GRPC, data(ALLOW[:7]), WELL), "INTERNAL", "not whole"),
    "half a prefix": ((GRPC, data(ALLOW[:3]), WELL), "INTERNAL", "not whole"),
    "no message": ((GRPC, WELL), "INTERNAL", "no answer"),
    "two messages": ((GRPC, data(ALLOW * 2), WELL), "INTERNAL", "more than one"),
    "no trailers": ((GRPC, data(ALLOW, END_STREAM)), "UNKNOWN", "no gRPC status"),
    "no status": ((GRPC, data(ALLOW), fields((b"x", b"y"), end=True)), "UNKNOWN", "no gRPC"),
    "a status that is none": (
        (GRPC, data(ALLOW), fields((b"grpc-status", b"zero"), end=True)),
        "UNKNOWN",
        "",
    ),
    "a status that is too high": (
        (fields(*OPENING, (b"grpc-status", b"99"), end=True),),
        "UNKNOWN",
        "",
    ),
    "compressed": ((GRPC, data(b"\1" + ALLOW[1:]), WELL), "INTERNAL", "compressed"),
    "four gigabytes": ((GRPC, data(b"\0\xff\xff\xff\xff")), "RESOURCE_EXHAUSTED", "bytes"),
    "no protobuf": ((GRPC, data(packed(b"\xff\xff")), WELL), "INTERNAL", "protobuf"),
    "arguments that are no JSON": (answer(arguments_json=b"{"), "INTERNAL", "protobuf"),
    "advice without bottom": (answer(advice_json=DEEP), "INTERNAL", "protobuf"),
    "a limit that is no number": (answer(throttle={"limit": "many"}), "INTERNAL", "protobuf"),
    "a time beyond all": (answer(escalation={"expires_at": BEYOND}), "INTERNAL", "protobuf"),
    "two statuses": (
        (GRPC, data(ALLOW), fields((b"grpc-status", b"13"), *FINE, end=True)),
        "INTERNAL",
        "no answer",
    ),
    "a page": ((fields((b":status", b"200"), (b"content-type", b"text/html")),), "UNKNOWN", "200"),
    "a gateway's 503": ((fields((b":status", b"503"), end=True),), "UNAVAILABLE", "503"),
    "a gateway's 404": ((fields((b":status", b"404"), end=True),), "UNIMPLEMENTED", "404"),
    "no HTTP status": ((fields(*FINE, end=True),), "INTERNAL", ":status"),
    "an HTTP status that is none": ((fields((b":status", b"2000")),), "INTERNAL", "no answer"),
    "data first": ((data(ALLOW),), "INTERNAL", "before"),
    "fields twice": ((GRPC, GRPC), "INTERNAL", "no answer"),
    "trailers that do not end": ((GRPC, fields(*FINE)), "INTERNAL", "do not end"),
    "only something else to come": ((fields((b":status", b"103"), end=True),), "INTERNAL", "none"),
    "a field in capitals": ((fields(*OPENING, (b"X-Y", b"z")),), "INTERNAL", "no answer"),
    "a field of HTTP/1": ((fields(*OPENING, (b"connection", b"close")),), "INTERNAL", "no answer"),
    "broken off": ((rst_stream(1, Code.INTERNAL_ERROR),), "INTERNAL", "INTERNAL_ERROR"),
    "taken back": ((rst_stream(1, Code.CANCEL),), "CANCELLED", "CANCEL"),
    "calmed": ((rst_stream(1, Code.ENHANCE_YOUR_CALM),), "RESOURCE_EXHAUSTED", "CALM"),
    "an unknown code": ((head(4, RST_STREAM, 0, 1) + bytes((0, 0, 0, 77)),), "INTERNAL", "77"),
    "a stream's window by nothing": ((window_update(1, 0),), "INTERNAL", "nothing"),
}


@pytest.mark.parametrize("ask", WAYS)
@pytest.mark.parametrize("name", [*BAD_ANSWERS])
def test_an_answer_that_is_none_is_an_error_at_once(name: str, ask: Ask) -> None:
    said, code, words = BAD_ANSWERS[name]
    error = ask(after_asked(*said))
    assert isinstance(error, NoDecision)
    assert error.code == code
    assert words in error.message


@pytest.mark.parametrize("name", [*BAD_ANSWERS])
def test_and_the_connection_lives_on(name: str) -> None:
    said = BAD_ANSWERS[name][0]
    lines: list[int] = []

    async def script(line: Line) -> None:
        lines.append(line.number)
        await line.greet()
        await line.asked()
        line.send(*said)
        while True:
            line.answer((await line.asked())[0])

    async def both() -> None:
        async with client_of(script) as client:
            with pytest.raises(NoDecision):
                await client.decide(**ASK)
            assert (await client.decide(**ASK)).passes

    run(both())
    assert lines == [1]


@pytest.mark.parametrize("kind", [*KINDS])
def test_what_else_cannot_be_read_is_an_error_too(kind: str) -> None:
    async def script(line: Line) -> None:
        await line.greet()
        while True:
            stream, _ = await line.asked()
            line.answer(stream, b"\xff\xff")

    async def begin() -> str:
        return await served.__aenter__()

    served = daemon(script)
    try:
        with KINDS[kind](run(begin()), timeout=PATIENCE) as client:
            with pytest.raises(NoDecision, match="no valid protobuf"):
                client.explain(**ASK)
            with pytest.raises(NoDecision, match="no valid protobuf"):
                client.settle("1")
    finally:
        run(served.__aexit__(None, None, None))


@pytest.mark.parametrize("kind", [*KINDS])
def test_that_all_is_well_is_no_answer_over_either_transport(kind: str) -> None:
    async def script(line: Line) -> None:
        await line.greet()
        while True:
            stream, _ = await line.asked()
            line.fields(stream, (*OPENING, *FINE), end=True)

    async def begin() -> str:
        return await served.__aenter__()

    served = daemon(script)
    try:
        with KINDS[kind](run(begin()), timeout=PATIENCE) as client:
            for ask in (client.decide, client.explain):
                with pytest.raises(NoDecision, match="no answer") as caught:
                    ask(**ASK)
                assert caught.value.code == "INTERNAL"
    finally:
        run(served.__aexit__(None, None, None))


def flood(frame: bytes) -> Bytes:
    return (frame * 20_000,)


LONG = b"\0\1x" + b"\x7f\x80\x7f" + b"v" * 16_384
BROKEN: dict[str, Bytes] = {
    "a giant frame": (head(2**24 - 1, DATA, 0, 1), b"\0" * 70_000),
    "a frame above the limit": (head(65_537, DATA, 0, 1),),
    "a stream that was never": (rst_stream(99, Code.CANCEL),),
    "an answer to nothing": (fields(*OPENING, stream=7),),
    "an answer on an even stream": (fields(*OPENING, stream=2),),
    "data of nothing": (head(1, DATA, 0, 9), b"x"),
    "data of the connection": (head(1, DATA, 0, 0), b"x"),
    "pings": flood(ping(b"12345678", ack=False)),
    "settings": flood(settings(())),
    "empty data": (GRPC, *flood(data(b""))),
    "windows": flood(window_update(0, 1)),
    "a window by nothing": (window_update(0, 0),),
    "a window beyond all": (window_update(0, 2**31 - 1),) * 2,
    "unknown frames": flood(head(0, 99, 0, 0)),
    "early hints": flood(fields((b":status", b"103"))),
    "a push": (head(8, PUSH_PROMISE, END_HEADERS, 1), bytes(8)),
    "a field block without end": (
        head(0, HEADERS, 0, 1),
        *[head(1, CONTINUATION, 0, 1) + b"x"] * 20,
    ),
    "a field block that is too long": (
        head(60_000, HEADERS, 0, 1) + bytes(60_000),
        head(10, CONTINUATION, 0, 1) + bytes(10),
    ),
    "another frame in a field block": (head(0, HEADERS, 0, 1), ping(b"12345678", ack=False)),
    "CONTINUATION of nothing": (head(0, CONTINUATION, 0, 1),),
    "a block that is none": (head(1, HEADERS, END_HEADERS, 1) + b"\xff",),
    "fields without measure": (head(len(LONG), HEADERS, END_HEADERS, 1) + LONG,) * 1,
    "more padding than payload": (head(1, DATA, 0x8, 1) + b"\x09",),
    "priority cut off": (head(3, HEADERS, END_HEADERS | 0x20, 1) + b"abc",),
    "settings of a stream": (head(0, SETTINGS, 0, 1),),
    "a setting cut off": (head(5, SETTINGS, 0, 0) + bytes(5),),
    "a frame size below the least": (settings(((5, 100),)),),
    "a window that is none": (settings(((4, 2**31),)),),
    "pushes wanted": (settings(((2, 1),)),),
    "a ping cut off": (head(3, PING, 0, 0) + bytes(3),),
    "a goaway cut off": (head(3, GOAWAY, 0, 0) + bytes(3),),
    "a goaway of a stream": (head(8, GOAWAY, 0, 1) + bytes(8),),
    "a reset cut off": (head(3, RST_STREAM, 0, 1) + bytes(3),),
    "a window cut off": (head(3, WINDOW_UPDATE, 0, 1) + bytes(3),),
}


@pytest.mark.parametrize("ask", WAYS)
@pytest.mark.parametrize("name", [*BROKEN])
def test_a_daemon_that_breaks_the_protocol_is_left(name: str, ask: Ask) -> None:
    error = ask(after_asked(*BROKEN[name]))
    assert isinstance(error, Unavailable)
    assert "broke the protocol" in error.message


def test_who_breaks_the_protocol_is_told_why() -> None:
    async def told() -> bytes:
        heard: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()

        async def script(line: Line) -> None:
            await line.greet()
            await line.asked()
            line.send(*BROKEN["a push"])
            heard.set_result((await line.until(GOAWAY)).payload)

        async with client_of(script) as client:
            with pytest.raises(Unavailable):
                await client.decide(**ASK)
            return await asyncio.wait_for(heard, PATIENCE)

    payload = run(told())
    assert struct.unpack(">II", payload[:8]) == (0, 1)
    assert b"push" in payload


def test_a_flood_of_calls_broken_off_ends_the_connection() -> None:
    lines: list[int] = []

    async def script(line: Line) -> None:
        lines.append(line.number)
        await line.greet()
        await line.asked()
        if line.number == 1:
            line.send(rst_stream(1, Code.CANCEL) * 20_000)
            await line.until(GOAWAY)
        else:
            line.answer(1)
        await line.reader.read()

    async def both() -> None:
        async with client_of(script) as client:
            with pytest.raises(NoDecision, match="CANCEL"):
                await client.decide(**ASK)
            while lines == [1]:
                try:
                    assert (await client.decide(**ASK, timeout=0.2)).passes
                except NoDecision:
                    continue

    run(both())
    assert lines == [1, 2]


@pytest.mark.parametrize(
    "said", [b"HTTP/1.1 400 Bad Request\r\n\r\n", ping(b"12345678", ack=False)]
)
@pytest.mark.parametrize("ask", WAYS)
def test_what_is_not_http2_is_no_daemon(said: bytes, ask: Ask) -> None:
    async def script(line: Line) -> None:
        line.send(said)
        await line.reader.read()

    error = ask(script, wait_for_ready=False)
    assert isinstance(error, Unavailable)


@pytest.mark.parametrize("ask", WAYS)
def test_a_daemon_that_never_speaks_ends_with_the_deadline(ask: Ask) -> None:
    async def script(line: Line) -> None:
        await line.reader.read()

    assert isinstance(ask(script, timeout=0.05), DeadlineExceeded)


@pytest.mark.parametrize("ask", WAYS)
def test_a_daemon_that_never_answers_ends_with_the_deadline_and_is_told(ask: Ask) -> None:
    seen: list[int] = []

    async def script(line: Line) -> None:
        await line.greet()
        await line.asked()
        seen.append((await line.until(RST_STREAM)).stream)

    assert isinstance(ask(script, timeout=0.05), DeadlineExceeded)
    assert seen in ([1], [])


@pytest.mark.slow
def test_a_silent_daemon_is_asked_whether_it_lives_and_then_left(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("pol_client._lean.link.SILENCE_SECONDS", 0.05)
    pinged = asyncio.Event()
    lines: list[int] = []

    async def script(line: Line) -> None:
        lines.append(line.number)
        await line.greet()
        line.answer((await line.asked())[0])
        while line.number > 1:
            line.answer((await line.asked())[0])
        await line.until(PING)
        pinged.set()
        await line.reader.read()

    async def twice() -> None:
        async with client_of(script) as client:
            assert (await client.decide(**ASK)).passes  # It is connected.
            with pytest.raises(DeadlineExceeded):
                await client.decide(**ASK, timeout=0.05)
            await asyncio.wait_for(pinged.wait(), PATIENCE)
            while lines == [1]:
                try:
                    assert (await client.decide(**ASK, timeout=0.1)).passes
                except NoDecision:
                    continue

    run(twice())
    assert lines == [1, 2]


@pytest.mark.parametrize("ask", WAYS)
def test_a_daemon_that_went_away_in_the_middle_is_not_asked_again(ask: Ask) -> None:
    asked: list[int] = []

    async def script(line: Line) -> None:
        await line.greet()
        asked.append((await line.asked())[0])
        line.fields(1, OPENING)
        line.data(1, ALLOW[:6])
        await line.writer.drain()

    error = ask(script)
    assert isinstance(error, Unavailable)
    assert asked == [1]
