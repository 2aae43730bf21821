"""The lean server's own: sockets, room, handlers as grpc.aio has them."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import grpc
import pytest
from hpack import Decoder, Encoder

from engine.doors.grpc import lean_sockets
from engine.doors.grpc.addresses import ListenError
from engine.doors.grpc.bounds import Bounds
from engine.doors.grpc.lean_server import NONE, LeanServer
from engine.doors.grpc.lean_sockets import open_files, open_sockets, remove
from engine.doors.grpc.listener import Listener, Tls, changes
from engine.doors.grpc.open_calls import Drained, Wait
from engine.doors.http2 import frames
from engine.wire import engine_pb2 as wire
from tests.doors.grpc.authority import Authority
from tests.doors.grpc.serving import PATIENCE, loop, refused, run
from tests.doors.http2.peers import REQUEST

AUTHORITY = Authority()


@contextmanager
def serving(
    methods: dict[str, grpc.RpcMethodHandler[Any, Any]],
    *listeners: Listener,
    change: Callable[[LeanServer], object] = lambda _: None,
    polls: float = 0.0,
) -> Iterator[tuple[LeanServer, list[str]]]:
    """Serve *methods* of the service ``t.T``."""

    async def begin() -> tuple[LeanServer, list[str]]:
        server = LeanServer(Bounds(message_bytes=1 << 20, calls=100, busy_poll_seconds=polls))
        handlers = grpc.method_handlers_generic_handler("t.T", methods)
        server.add_generic_rpc_handlers((handlers,))
        change(server)
        addresses = [server.listen(one) for one in listeners or (Listener("127.0.0.1:0"),)]
        await server.start()
        return server, addresses

    server, addresses = run(begin())
    try:
        yield server, addresses
    finally:
        run(server.stop(0))


def call(address: str, name: str, body: bytes = b"x") -> bytes:
    with grpc.insecure_channel(address) as made:
        channel: Any = made
        found: bytes = channel.unary_unary(f"/t.T/{name}")(
            body, timeout=PATIENCE, wait_for_ready=True
        )
        return found


def plain(message: bytes, context: Any) -> bytes:
    """Answer with the metadata's first name and the message."""
    names = [name for name, _ in context.invocation_metadata()]
    return str(len(names) > 0).encode() + message


def test_a_handler_may_be_a_plain_function() -> None:
    methods = {"Plain": grpc.unary_unary_rpc_method_handler(plain)}
    with serving(methods) as (_, (address,)):
        assert call(address, "Plain") == b"Truex"


async def join(messages: Any, _context: Any) -> bytes:
    """Return all messages in one: many ask, one answers."""
    return b",".join([one async for one in messages])


async def count(message: bytes, _context: Any) -> Any:
    """Yield numbers: one asks, many answer."""
    for number in range(int(message)):
        yield str(number).encode()


def test_streams_go_either_way() -> None:
    methods = {
        "Join": grpc.stream_unary_rpc_method_handler(join),
        "Count": grpc.unary_stream_rpc_method_handler(count),
    }
    with serving(methods) as (_, (address,)), grpc.insecure_channel(address) as made:
        channel: Any = made
        assert channel.stream_unary("/t.T/Join")(iter([b"a", b"b"]), timeout=PATIENCE) == b"a,b"
        assert list(channel.unary_stream("/t.T/Count")(b"3", timeout=PATIENCE)) == [
            b"0",
            b"1",
            b"2",
        ]


def test_one_connection_too_many_is_closed() -> None:
    methods = {"Plain": grpc.unary_unary_rpc_method_handler(plain)}

    def few(server: LeanServer) -> None:
        server.most_connections = 1

    with serving(methods, change=few) as (_, (address,)), grpc.insecure_channel(address) as made:
        channel: Any = made
        method = channel.unary_unary("/t.T/Plain")
        assert method(b"x", timeout=PATIENCE, wait_for_ready=True)
        host, _, port = address.rpartition(":")
        with socket.create_connection((host, int(port)), 10) as second:
            assert second.recv(1) == b""
        assert method(b"x", timeout=PATIENCE)


def test_a_server_that_never_began_leaves_no_socket(tmp_path: Path) -> None:
    async def scene() -> str:
        server = LeanServer()
        server.listen(Listener(f"unix:{tmp_path}/s"))
        address = server.listen(Listener("127.0.0.1:0"))
        await server.stop(0)
        await server.wait_for_termination()
        return address

    host, _, port = run(scene()).rpartition(":")
    assert not (tmp_path / "s").exists()
    with pytest.raises(OSError, match=r".+"):
        socket.create_connection((host, int(port)), 1)


def test_who_polls_keeps_the_loop_awake_while_something_comes() -> None:
    methods = {"Plain": grpc.unary_unary_rpc_method_handler(plain)}
    with serving(methods, polls=PATIENCE) as (server, (address,)):
        assert server.awake is not None
        assert not server.awake.looking
        assert call(address, "Plain") == b"Truex"
        assert server.awake.looking
        assert call(address, "Plain") == b"Truex"


def test_without_polling_the_loop_sleeps_when_it_can() -> None:
    with serving({"Plain": grpc.unary_unary_rpc_method_handler(plain)}) as (server, (address,)):
        assert call(address, "Plain") == b"Truex"
        assert server.awake is None


def test_one_call_too_many_is_refused() -> None:
    def none(server: LeanServer) -> None:
        server.room.most_calls = 0

    methods = {"Plain": grpc.unary_unary_rpc_method_handler(plain)}
    with serving(methods, change=none) as (server, (address,)):
        error = refused(lambda: call(address, "Plain"))
        assert error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
        assert server.room.calls == 0


async def ended(_message: bytes, _context: object) -> bytes:
    """End as calls do in a process that ends at once: its supervisor was killed."""
    task = asyncio.current_task()
    assert task is not None
    task.cancel()
    await asyncio.sleep(600)
    return b""


def test_a_call_that_ends_with_the_daemon_may_be_asked_again() -> None:
    with serving({"Ended": grpc.unary_unary_rpc_method_handler(ended)}) as (_, (address,)):
        error = refused(lambda: call(address, "Ended"))
        assert error.code() is grpc.StatusCode.UNAVAILABLE
        assert error.details() == "the daemon ends"


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        (((b":method", b"GET"),), {b":status": b"405"}),
        (((b"content-type", b"text/plain"),), {b":status": b"415"}),
        (((b"grpc-encoding", b"br"),), {b"grpc-status": b"12"}),
        (((b"grpc-timeout", b"soon"),), {b"grpc-status": b"13"}),
    ],
)
def test_what_is_no_call_is_told_so(
    fields: tuple[tuple[bytes, bytes], ...], status: dict[bytes, bytes]
) -> None:
    said = {**dict(REQUEST), **dict(fields)}
    asked = frames.PREFACE + frames.settings(())
    asked += frames.headers(1, Encoder().encode(said.items()), frames.FRAME_BYTES, end=True)
    with serving({}) as (_, (address,)):
        host, _, port = address.rpartition(":")
        with socket.create_connection((host, int(port)), 10) as found, found.makefile("rb") as file:
            found.sendall(asked)
            kind, payload = 0, b""
            while kind != frames.HEADERS:
                high, low, kind, *_ = frames.HEAD.unpack(file.read(frames.HEAD_BYTES))
                payload = file.read(high << 8 | low)
    answer = dict(Decoder().decode(payload, raw=True))
    assert answer.items() >= status.items()
    if b"grpc-status" in status:
        assert answer[b"grpc-accept-encoding"] == b"identity,gzip"


def test_a_renewed_certificate_is_for_the_listeners_that_have_one() -> None:
    pair = AUTHORITY.issue()
    tls = Tls(pair.certificate, pair.key)
    methods = {"Plain": grpc.unary_unary_rpc_method_handler(plain)}
    listeners = (Listener("127.0.0.1:0"), Listener("127.0.0.1:0", tls))
    with serving(methods, *listeners) as (server, (open_to_all, _)):
        loop().call_soon_threadsafe(server.renew, tls)
        assert call(open_to_all, "Plain")


def test_what_answers_no_method_answers_nothing() -> None:
    answer: Awaitable[bytes | None] = NONE.apart(None, None)  # type: ignore[arg-type]

    async def ask() -> bytes | None:
        return await answer

    assert run(ask()) is None


def test_a_name_with_several_addresses_has_one_port(monkeypatch: pytest.MonkeyPatch) -> None:
    found = [
        (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", 0)),
        (socket.AF_INET6, socket.SOCK_STREAM, 6, "", ("::1", 0, 0, 0)),
    ]
    monkeypatch.setattr(lean_sockets.socket, "getaddrinfo", lambda *_a, **_k: found)  # type: ignore[attr-defined]
    try:
        address, opened = open_sockets(Listener("localhost:0"), share_port=True)
    except ListenError:
        pytest.skip("no IPv6 here")
    assert {f"localhost:{one.getsockname()[1]}" for one in opened} == {address}
    assert all(one.getsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT) for one in opened)
    for one in opened:
        one.close()


@pytest.mark.parametrize("address", ["unix:///nowhere/at/all", "127.0.0.1:port", "192.0.2.1:0"])
def test_where_nothing_can_listen_is_told(address: str) -> None:
    with pytest.raises(ListenError, match="cannot listen on"):
        open_sockets(Listener(address), share_port=False)


def test_a_socket_that_another_took_over_is_left(tmp_path: Path) -> None:
    path = tmp_path / "s"
    path.touch()
    remove(str(path), path.stat().st_ino + 1)
    assert path.exists()
    remove(str(path), path.stat().st_ino)
    assert not path.exists()
    remove(str(path), 0)


def test_files_without_a_limit_are_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lean_sockets.resource, "getrlimit", lambda _: (-1, -1))  # type: ignore[attr-defined]
    assert open_files() > 1 << 60


def test_grpcio_is_given_a_certificate_once() -> None:
    first, second = (
        Tls(one.certificate, one.key) for one in (AUTHORITY.issue(), AUTHORITY.issue())
    )
    shown: list[Tls | None] = [None]
    fetch = changes(first, lambda: shown[0])
    assert fetch() is None
    shown[0] = first
    assert fetch() is None
    shown[0] = second
    assert fetch() is not None
    assert fetch() is None


class Slow:
    """A context that ends its wait while it sends."""

    wait: Wait

    async def write(self, _message: bytes) -> None:
        """Send; meanwhile the server is drained."""
        self.wait.end()


def test_a_wait_that_is_ended_while_it_sends_ends_behind_that() -> None:
    async def scene() -> None:
        context = Slow()
        context.wait = Wait(context)
        with pytest.raises(Drained):
            await context.wait.send(wire.Decision())

    run(scene())
