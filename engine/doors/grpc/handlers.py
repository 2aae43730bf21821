"""A method of the table in, what a server calls for it out: bytes in, bytes or a status out."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, assert_never

import grpc
from google.protobuf.message import Message

from engine.doors.grpc.guard import Pieces
from engine.doors.grpc.later import Later
from engine.doors.grpc.lean_call import Call as LeanCall
from engine.doors.grpc.lean_call import Inline
from engine.doors.grpc.methods import (
    Absent,
    Direct,
    Guarded,
    Method,
    Personal,
    Pipelined,
    Plain,
    Together,
    Waiting,
    Watching,
)
from engine.doors.grpc.open_calls import (
    Call,
    Context,
    Drained,
    Stream,
    Wait,
    credential_of,
    refuse_late,
)
from engine.doors.grpc.service import Service
from engine.doors.grpc.status import NotServed, Refusal, TooLate, end_call, refusal_of, trailers_of
from engine.doors.grpc.tracing import follow
from engine.service.tracing import TRACE

DRAINING = Refusal(
    grpc.StatusCode.UNAVAILABLE, "the daemon is stopping: open the stream again elsewhere"
)


class Handlers:
    """Makes the handlers of *service*, and ends what is open when the server drains."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self.streams: set[Stream] = set()
        self.waits: set[Wait] = set()
        self.draining = False

    def drain(self) -> None:
        """End what only waits; nothing that was decided is lost."""
        self.draining = True
        for stream in self.streams:
            stream.end_idle()
        for wait in self.waits:
            wait.end()

    def inline(self, method: Direct | Plain) -> Inline:
        """Return what answers *method* at once, without a task, unless it must wait."""
        service, answer = self._service, direct(method)

        async def wait(made: Later, call: LeanCall) -> bytes | None:
            follow(call)  # In a task of its own.
            try:
                return await made(call.time_remaining)
            except Exception as error:  # noqa: BLE001 - every failure becomes a status
                refusal = refusal_of(error)
            return await end_call(call, refusal)

        def handle(raw: bytes, call: LeanCall) -> bytes | Coroutine[Any, Any, bytes | None] | None:
            # The event loop hands all calls of a connection the same context.
            before = TRACE.set(None)
            try:
                refuse_late(call)
                follow(call)
                made = answer(service, raw)
                return made if isinstance(made, bytes) else wait(made, call)
            except Exception as error:  # noqa: BLE001 - every failure becomes a status
                refusal = refusal_of(error)
            finally:
                TRACE.reset(before)
            call.refuse(refusal.code, refusal.message, trailers_of(refusal))
            return None

        return handle

    def handler(self, method: Method) -> grpc.RpcMethodHandler[bytes, bytes]:
        """Return what a server calls for *method*."""
        match method:
            case Direct() | Plain():
                return grpc.unary_unary_rpc_method_handler(self._plain(direct(method)))
            case Together(answer):
                return grpc.unary_unary_rpc_method_handler(self._together(answer))
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
        self, answer: Callable[[Service, bytes], bytes | Later]
    ) -> Callable[[bytes, Context], Awaitable[bytes]]:
        service = self._service

        async def handle(raw: bytes, context: Context) -> bytes:
            try:
                refuse_late(context)
                follow(context)
                made = answer(service, raw)
                return made if isinstance(made, bytes) else await made(context.time_remaining)
            except Exception as error:  # noqa: BLE001 - every failure becomes a status
                refusal = refusal_of(error)
            return await end_call(context, refusal)

        return handle

    def _together(
        self, answer: Callable[..., Awaitable[bytes]]
    ) -> Callable[[bytes, Context], Awaitable[bytes]]:
        service = self._service

        async def handle(raw: bytes, context: Context) -> bytes:
            try:
                follow(context)
                return await answer(
                    service, raw, lambda: refuse_late(context), context.time_remaining
                )
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
            self.waits.add(wait)
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
                self.waits.discard(wait)
            await end_call(context, refusal)

        return handle

    def _pipelined(
        self, answer: Callable[[Service, bytes], bytes | Later]
    ) -> Callable[[object, Context], Awaitable[None]]:
        service = self._service

        async def handle(_requests: object, context: Context) -> None:
            stream = Stream(context)
            self.streams.add(stream)
            follow(context)
            try:
                while (raw := await stream.read()) is not None:
                    refuse_late(context)
                    await stream.answer(answer(service, raw), len(raw))
                    stream.go_on(draining=self.draining)
                await stream.finish()
            except Drained:
                await stream.finish()
                await end_call(context, DRAINING)
            except TooLate as error:
                await end_call(context, refusal_of(error))
            finally:
                stream.abandon()
                self.streams.discard(stream)

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


def direct(method: Direct | Plain) -> Callable[[Service, bytes], bytes | Later]:
    """Return how *method* is answered, from bytes to bytes."""
    if isinstance(method, Direct):
        return method.answer
    parse, answer = method.request.FromString, method.answer

    def made(service: Service, raw: bytes) -> bytes | Later:
        found = answer(service, parse(raw))
        return found.SerializeToString() if isinstance(found, Message) else found

    return made


def absent(sentence: str) -> Callable[[object, Context], Awaitable[None]]:
    """Return the handler that refuses every call with *sentence*."""
    refusal = refusal_of(NotServed(sentence))

    async def handle(_requests: object, context: Context) -> None:
        await end_call(context, refusal)

    return handle
