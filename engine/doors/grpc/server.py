"""The gRPC server: the table of methods behind TCP ports and Unix sockets, until it is drained.

Handlers decide inline in the event loop: a decision takes microseconds, handing it to a thread and
back takes longer. One event loop a process; more processes share a port.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, assert_never

import grpc
import grpc.aio
from google.protobuf.message import Message
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

from engine.doors.grpc.guard import Pieces
from engine.doors.grpc.later import Later
from engine.doors.grpc.listener import Listener, bind
from engine.doors.grpc.methods import (
    ADMIN,
    ENGINE,
    LOCAL,
    METHODS,
    NOT_LOCAL,
    Absent,
    Guarded,
    Method,
    Personal,
    Pipelined,
    Plain,
    Waiting,
    Watching,
)
from engine.doors.grpc.service import Service
from engine.doors.grpc.status import NotServed, Refusal, TooLate, end_call, refusal_of
from engine.doors.grpc.tracing import follow
from engine.service.asking import TimeLeft

MESSAGE_BYTES = 64 << 20
"""The largest message that is read: above what any content limit lets through, so that content that
is too long is told so by name instead of by the transport."""

WAITS = 256
WAITING_BYTES = 4 << 20
"""How many answers of one stream may be waited for, and how long their requests may be together;
the stream's next request is read after that. A single request may be longer."""

AUTHORIZATION = "authorization"
"""The metadata in which a credential comes."""

CALLS = 10_000
"""Calls in flight; one more is refused with RESOURCE_EXHAUSTED."""

Context = Any
"""grpc.aio.ServicerContext, which the library gives no usable type."""

DRAINING = Refusal(
    grpc.StatusCode.UNAVAILABLE, "the daemon is stopping: open the stream again elsewhere"
)


class Door:
    """Listens, serves, drains. Make, start and drain it in one event loop."""

    def __init__(
        self,
        service: Service,
        listeners: Sequence[Listener],
        *,
        reflect: bool | None = None,
        admin: bool | None = None,
        message_bytes: int = MESSAGE_BYTES,
        share_port: bool = False,
    ) -> None:
        """Prepare to serve *service* on *listeners*.

        *reflect* and *admin* switch reflection and the Admin service; None means only when every
        listener is a loopback address or a Unix socket. *share_port* lets several processes listen
        on one port (without it, a port in use is an error).
        """
        local = all(listener.local for listener in listeners)
        self._service = service
        self._listeners = listeners
        self._streams: set[Stream] = set()
        self._waits: set[Wait] = set()
        self._draining = False
        self._health = health.aio.HealthServicer()  # type: ignore[attr-defined]
        self._server = grpc.aio.server(
            options=[
                ("grpc.max_receive_message_length", message_bytes),
                ("grpc.max_send_message_length", -1),
                ("grpc.so_reuseport", int(share_port)),
            ],
            maximum_concurrent_rpcs=CALLS,
        )
        self._names = [ENGINE, ADMIN] if (local if admin is None else admin) else [ENGINE]
        for name in self._names:
            handlers = {key: self._handler(method) for key, method in self._table(name).items()}
            self._server.add_generic_rpc_handlers(
                (grpc.method_handlers_generic_handler(name, handlers),)
            )
        health_pb2_grpc.add_HealthServicer_to_server(self._health, self._server)
        if local if reflect is None else reflect:
            reflection.enable_server_reflection(
                [*self._names, health.SERVICE_NAME, reflection.SERVICE_NAME], self._server
            )

    async def start(self) -> tuple[str, ...]:
        """Listen and serve; return the addresses with their ports. Raises ListenError."""
        await self.show_serving()
        addresses = tuple(bind(self._server, listener) for listener in self._listeners)
        await self._server.start()
        return addresses

    async def show_serving(self) -> None:
        """Tell health checks whether there are policies. To be called after each reload."""
        serving = health_pb2.HealthCheckResponse.SERVING
        ready = serving if self._service.gate.ready else health_pb2.HealthCheckResponse.NOT_SERVING
        for name in ("", ENGINE):
            await self._health.set(name, ready)
        if ADMIN in self._names:
            await self._health.set(ADMIN, serving)

    async def drain(self, grace: float) -> None:
        """Take no new calls, finish those that run, stop after *grace* seconds at the latest."""
        self._draining = True
        await self._health.enter_graceful_shutdown()
        for stream in self._streams:
            stream.end_idle()
        for wait in self._waits:
            wait.end()
        await self._server.stop(grace)

    async def wait(self) -> None:
        """Return when the server was drained."""
        await self._server.wait_for_termination()

    def _table(self, name: str) -> dict[str, Method]:
        """Return the methods of a service; those of reviewers only where they may be served."""
        table = METHODS[name]
        desk = self._service.desk
        if ADMIN in self._names or (desk is not None and desk.reviewers is not None):
            return table
        return {key: Absent(NOT_LOCAL) if key in LOCAL else table[key] for key in table}

    def _handler(self, method: Method) -> grpc.RpcMethodHandler[bytes, bytes]:
        match method:
            case Plain(request, answer):
                return grpc.unary_unary_rpc_method_handler(self._plain(request, answer))
            case Waiting(request, answer):
                return grpc.unary_unary_rpc_method_handler(self._waiting(request, answer))
            case Personal(request, answer):
                return grpc.unary_unary_rpc_method_handler(self._personal(request, answer))
            case Watching(request, answer):
                return grpc.unary_stream_rpc_method_handler(self._watching(request, answer))
            case Pipelined(answer):
                return grpc.stream_stream_rpc_method_handler(self._pipelined(answer))
            case Guarded(answer):
                return grpc.stream_stream_rpc_method_handler(self._guarded(answer))
            case Absent(sentence):
                return grpc.stream_stream_rpc_method_handler(absent(sentence))
            case _:
                assert_never(method)

    def _plain(
        self, request: type[Message], answer: Callable[[Service, Any], Message | Later]
    ) -> Callable[[bytes, Context], Awaitable[bytes]]:
        service, parse = self._service, request.FromString

        async def handle(raw: bytes, context: Context) -> bytes:
            try:
                refuse_late(context)
                follow(context)
                made = answer(service, parse(raw))
                if not isinstance(made, Message):
                    made = await made(context.time_remaining)
                return made.SerializeToString()
            except Exception as error:  # noqa: BLE001 - every failure becomes a status
                refusal = refusal_of(error)
            return await end_call(context, refusal)

        return handle

    def _waiting(
        self, request: type[Message], answer: Callable[..., Awaitable[Message]]
    ) -> Callable[[bytes, Context], Awaitable[bytes]]:
        service, parse = self._service, request.FromString

        async def handle(raw: bytes, context: Context) -> bytes:
            try:
                follow(context)
                made = await answer(
                    service, parse(raw), lambda: refuse_late(context), context.time_remaining
                )
                return made.SerializeToString()
            except Exception as error:  # noqa: BLE001 - every failure becomes a status
                refusal = refusal_of(error)
            return await end_call(context, refusal)

        return handle

    def _personal(
        self, request: type[Message], answer: Callable[[Service, Any, str], Awaitable[Message]]
    ) -> Callable[[bytes, Context], Awaitable[bytes]]:
        service, parse = self._service, request.FromString

        async def handle(raw: bytes, context: Context) -> bytes:
            try:
                refuse_late(context)
                made = await answer(service, parse(raw), credential_of(context))
                return made.SerializeToString()
            except Exception as error:  # noqa: BLE001 - every failure becomes a status
                refusal = refusal_of(error)
            return await end_call(context, refusal)

        return handle

    def _watching(
        self, request: type[Message], answer: Callable[..., Awaitable[None]]
    ) -> Callable[[bytes, Context], Awaitable[None]]:
        service, parse = self._service, request.FromString

        async def handle(raw: bytes, context: Context) -> None:
            wait = Wait(context)
            self._waits.add(wait)
            try:
                refuse_late(context)
                credential = credential_of(context)
                await answer(service, parse(raw), credential, context.time_remaining, wait.send)
            except asyncio.CancelledError:
                if not wait.ended:
                    raise
                refusal = DRAINING
            except Drained:
                refusal = DRAINING
            except Exception as error:  # noqa: BLE001 - every failure becomes a status
                refusal = refusal_of(error)
            else:
                return
            finally:
                self._waits.discard(wait)
            await end_call(context, refusal)

        return handle

    def _pipelined(
        self, answer: Callable[[Service, bytes], Message | Later]
    ) -> Callable[[object, Context], Awaitable[None]]:
        service = self._service

        async def handle(_requests: object, context: Context) -> None:
            stream = Stream(context)
            self._streams.add(stream)
            follow(context)
            try:
                while (raw := await stream.read()) is not None:
                    refuse_late(context)
                    await stream.answer(answer(service, raw), len(raw))
                    stream.go_on(draining=self._draining)
                await stream.finish()
            except Drained:
                await stream.finish()
                await end_call(context, DRAINING)
            except TooLate as error:
                await end_call(context, refusal_of(error))
            finally:
                stream.abandon()
                self._streams.discard(stream)

        return handle

    def _guarded(
        self, answer: Callable[[Service, Pieces], Awaitable[None]]
    ) -> Callable[[object, Context], Awaitable[None]]:
        """Return the handler of a guarded stream; a drain lets it go on for its grace."""
        service = self._service

        async def handle(_requests: object, context: Context) -> None:
            try:
                follow(context)
                await answer(service, Call(context))
            except Exception as error:  # noqa: BLE001 - every failure becomes a status
                await end_call(context, refusal_of(error))

        return handle


class Call:
    """The pieces of a guarded stream on the wire."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self.left: TimeLeft = context.time_remaining

    async def read(self) -> bytes | None:
        """Return the next piece, or None at the end. Raises TooLate."""
        raw = await self._context.read()
        refuse_late(self._context)
        return None if raw is grpc.aio.EOF else raw  # type: ignore[attr-defined]

    async def write(self, message: Message) -> None:
        """Send an answer; waits while the caller does not read."""
        await self._context.write(message.SerializeToString())


class Wait:
    """One call that waits for something to change, and can be told to end."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._task = asyncio.current_task()
        self._sending = False
        self.ended = False

    async def send(self, message: Message) -> None:
        """Send an answer; waits while the caller does not read. Raises Drained after `end`."""
        self._sending = True
        await self._context.write(message.SerializeToString())
        self._sending = False
        if self.ended:
            raise Drained

    def end(self) -> None:
        """End it: the daemon stops."""
        self.ended = True
        # Invariant: what is being sent is never cancelled; the library takes no status after that.
        if self._task is not None and not self._sending:
            self._task.cancel()


class Drained(Exception):
    """The server takes no more requests from a stream."""


class Stream:
    """One open stream, which can be woken while it waits for the next request."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._task = asyncio.current_task()
        self._idle = False
        self._woken = False
        self._waiting: set[asyncio.Task[None]] = set()
        """Answers that wait. They overtake nothing and are overtaken."""
        self._waiting_bytes = 0
        self._writing = asyncio.Lock()

    async def read(self) -> bytes | None:
        """Return the next request, or None at the end. Raises Drained after ``end_idle``."""
        self._idle = True
        try:
            raw = await self._context.read()
        except asyncio.CancelledError:
            if self._woken:
                raise Drained from None
            raise
        finally:
            self._idle = False
        return None if raw is grpc.aio.EOF else raw  # type: ignore[attr-defined]

    async def answer(self, made: Message | Later, size: int) -> None:
        """Write what was *made* of a request of *size* bytes, or begin to wait for it.

        Many answers may be waited for, but while the caller does not read no more are begun.
        """
        if not isinstance(made, Message):
            while self._crowded(size):
                await asyncio.wait(self._waiting, return_when=asyncio.FIRST_COMPLETED)
            self._waiting_bytes += size
            task = asyncio.ensure_future(self._write_later(made, size))
            self._waiting.add(task)
            task.add_done_callback(self._ended)
        elif self._waiting:
            await self._write(made)
        else:  # Hot path: nobody else can write.
            await self._context.write(made.SerializeToString())

    def _crowded(self, size: int) -> bool:
        """Return whether something must be answered before a request of *size* bytes can wait."""
        if not self._waiting:
            return False
        full = len(self._waiting) >= WAITS or self._waiting_bytes + size > WAITING_BYTES
        return full or self._writing.locked()

    async def _write_later(self, made: Later, size: int) -> None:
        try:
            await self._write(await made(self._context.time_remaining))
        finally:
            self._waiting_bytes -= size

    async def _write(self, made: Message) -> None:
        async with self._writing:
            await self._context.write(made.SerializeToString())

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._waiting.discard(task)
        if not task.cancelled():
            task.exception()  # A call that is over cannot be written to, and nobody need know.

    async def finish(self) -> None:
        """Wait until everything is answered."""
        while self._waiting:
            await asyncio.wait(self._waiting)

    def abandon(self) -> None:
        """Answer no more."""
        for task in self._waiting:
            task.cancel()

    def go_on(self, *, draining: bool) -> None:
        """Raise Drained when the server is *draining*."""
        if draining:
            raise Drained

    def end_idle(self) -> None:
        """Wake the stream if it waits for a request: nothing that was decided is lost."""
        if self._idle and self._task is not None:
            self._woken = True
            self._task.cancel()


def credential_of(context: Context) -> str:
    """Return what stands behind ``Bearer`` in the call's metadata; empty where that is not one."""
    given = [value for name, value in context.invocation_metadata() or () if name == AUTHORIZATION]
    if len(given) != 1 or not isinstance(given[0], str):
        return ""
    scheme, _, credential = given[0].partition(" ")
    return credential.strip() if scheme.lower() == "bearer" else ""


def refuse_late(context: Context) -> None:
    """Raise TooLate when the caller's deadline is over: what it cannot use is not decided."""
    left = context.time_remaining()
    if left is not None and left <= 0:
        raise TooLate


def absent(sentence: str) -> Callable[[object, Context], Awaitable[None]]:
    """Return the handler that refuses every call with *sentence*."""
    refusal = refusal_of(NotServed(sentence))

    async def handle(_requests: object, context: Context) -> None:
        await end_call(context, refusal)

    return handle
