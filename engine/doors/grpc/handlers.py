"""A method of the table in, what a server calls for it out: bytes in, bytes or a status out."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, assert_never

import grpc
from google.protobuf.message import Message

from engine.doors.grpc.guard import Pieces
from engine.doors.grpc.inline import answering, flow, inline, many
from engine.doors.grpc.later import Later
from engine.doors.grpc.lean_call import TOGETHER, Flow, Inline, Many
from engine.doors.grpc.lean_call import Call as LeanCall
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
from engine.doors.grpc.status import NotServed, Refusal, TooLate, end_call, refusal_of
from engine.doors.grpc.tracing import follow

DRAINING = Refusal(
    grpc.StatusCode.UNAVAILABLE, "the daemon is stopping: open the stream again elsewhere"
)


class Handlers:
    """Makes the handlers of *service*, and ends what is open when the server drains."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self.streams: set[Stream] = set()
        self.waits: set[Wait] = set()
        self._flows: list[Flow] = []
        self.draining = False

    @property
    def open_streams(self) -> int:
        """How many streams of requests are open."""
        return len(self.streams) + sum(len(one.calls) for one in self._flows)

    def drain(self) -> None:
        """End what only waits; nothing that was decided is lost."""
        self.draining = True
        for stream in self.streams:
            stream.end_idle()
        for wait in self.waits:
            wait.end()
        for one in self._flows:
            one.end(DRAINING.code, DRAINING.message)

    def inline(self, method: Direct | Plain | Together) -> Inline:
        """Return what answers *method* at once, without a task, unless it must wait."""
        return inline(self._service, method)

    def many(self, method: Direct | Plain | Together) -> Many | None:
        """Return what answers calls of *method* that have come together, where something does."""
        return many(self._service, method)

    def flowing(self, method: Pipelined) -> Flow:
        """Return what answers a stream on a lean server: what has come together goes together."""
        service, answer_some = self._service, method.many

        async def send(
            stream: Stream, made: Sequence[bytes | Later], raws: Sequence[bytes]
        ) -> None:
            ready = [one for one in made if isinstance(one, bytes)]
            if ready:
                await stream.answer_all(ready)
            for raw, one in zip(raws, made, strict=True):
                if not isinstance(one, bytes):
                    await stream.answer(one, len(raw))
            stream.go_on(draining=self.draining)

        async def go_on(
            made: Sequence[bytes | Later], raws: Sequence[bytes], call: LeanCall
        ) -> None:
            stream, breath = Stream(call), call.breath
            self.streams.add(stream)
            follow(call)
            try:
                await send(stream, made, raws)
                while raws := await stream.read_some(most := breath.fitting(TOGETHER)):
                    begun = breath.now()
                    made = answer_some(service, raws, lambda: refuse_late(call))
                    breath.took(breath.now() - begun, len(raws))
                    await send(stream, made, raws)
                    if len(raws) == most:  # The other calls get their turn.
                        await asyncio.sleep(0)
                await stream.finish()
            except Drained:
                await stream.finish()
                await end_call(call, DRAINING)
            except TooLate as error:
                await end_call(call, refusal_of(error))
            finally:
                stream.abandon()
                self.streams.discard(stream)

        made = flow(service, method, go_on)
        self._flows.append(made)
        return made

    def handler(self, method: Method) -> grpc.RpcMethodHandler[bytes, bytes]:
        """Return what a server calls for *method*."""
        match method:
            case Direct() | Plain() | Together():
                return grpc.unary_unary_rpc_method_handler(self._plain(method))
            case Waiting(request, answer):
                return grpc.unary_unary_rpc_method_handler(self._waiting(request, answer))
            case Personal(request, answer):
                return grpc.unary_unary_rpc_method_handler(self._personal(request, answer))
            case Watching(request, answer):
                return grpc.unary_stream_rpc_method_handler(self._watching(request, answer))
            case Pipelined(answer, _):
                return grpc.stream_stream_rpc_method_handler(self._pipelined(answer))
            case Guarded(answer):
                return grpc.stream_stream_rpc_method_handler(self._guarded(answer))
            case Absent(sentence):
                return grpc.stream_stream_rpc_method_handler(absent(sentence))
            case _:
                assert_never(method)

    def _plain(
        self, method: Direct | Plain | Together
    ) -> Callable[[bytes, Context], Awaitable[bytes]]:
        answer = answering(self._service, method, refuse_late)

        async def handle(raw: bytes, context: Context) -> bytes:
            try:
                refuse_late(context)
                follow(context)
                made = answer(raw, context)
                return made if isinstance(made, bytes) else await made(context.time_remaining)
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


def absent(sentence: str) -> Callable[[object, Context], Awaitable[None]]:
    """Return the handler that refuses every call with *sentence*."""
    refusal = refusal_of(NotServed(sentence))

    async def handle(_requests: object, context: Context) -> None:
        await end_call(context, refusal)

    return handle
