"""Methods in, a gRPC server of our own out: sockets, connections, drain; grpc.aio's names for them.

It takes what grpc.aio's server takes, so that a door is put together in one way for both.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import grpc

from engine.doors.awake import Awake
from engine.doors.grpc.bounds import Bounds
from engine.doors.grpc.client_certificates import STRANGER, may_ask, read_certificate
from engine.doors.grpc.lean_accept import Acceptor
from engine.doors.grpc.lean_call import (
    Call,
    Flow,
    Inline,
    Many,
    Served,
    refuse_http,
)
from engine.doors.grpc.lean_head import Head, Metadata, read_head
from engine.doors.grpc.lean_heard import OVERLOADED
from engine.doors.grpc.lean_room import Room
from engine.doors.grpc.lean_sockets import open_files, open_sockets, remove, secured
from engine.doors.grpc.lean_typed import served
from engine.doors.grpc.listener import Listener, Tls
from engine.doors.http2.connection import Connection
from engine.doors.http2.stream import NOBODY, App, Stream
from engine.service.callers import CALLER, Caller

OTHER_FILES = 256
"""There are never so many connections that this many files besides could not be opened: records,
the state, calls of other servers."""
OPEN_EACH = 4
"""So many calls may be open for each that may be answered at once: some are not whole yet."""
HELD_MESSAGES = 4
"""What requests that are not answered may hold together in any case: largest messages."""


class Asked(NamedTuple):
    """What a generic handler is asked about."""

    method: str
    invocation_metadata: Metadata = ()


class LeanServer:
    """Serves methods on sockets. Make, start and stop it in one event loop."""

    def __init__(
        self,
        bounds: Bounds | None = None,
        *,
        share_port: bool = False,
    ) -> None:
        """*share_port*: several processes listen on one."""
        self._share = share_port
        self._bounds = bounds = bounds or Bounds()
        self._most = bounds.message_bytes
        self.awake: Awake | None = None
        """Since it has begun, and where it polls."""
        self._limits = bounds.connection
        self._read = partial(read_head, most=bounds.connection.header_bytes)
        self.most_connections = min(bounds.connections, max(1, open_files() - OTHER_FILES))
        self.room = Room(
            tasks=bounds.calls,
            calls=bounds.calls * OPEN_EACH,
            held=max(bounds.held_bytes, HELD_MESSAGES * bounds.message_bytes),
            patience=bounds.request_seconds,
        )
        self._sockets: list[tuple[Listener, socket.socket]] = []
        self._paths: list[tuple[str, int]] = []
        self._acceptors: list[Acceptor] = []
        self._connections: set[Connection[Head]] = set()
        self._handlers: list[grpc.GenericRpcHandler[Any, Any]] = []
        self._methods: dict[str, Served] = {}
        self.inline: dict[str, Inline] = {}
        """By path, who answers a message at once."""
        self.many: dict[str, Many] = {}
        """By path, who answers messages of several calls at once."""
        self.flows: dict[str, Flow] = {}
        """By path, who answers the messages of a stream, as they come."""
        self._stopping = False
        self._empty = asyncio.Event()
        """Set when it stops and no connection is left."""
        self._stopped = asyncio.Event()

    # What grpc.aio's server takes, too.

    def add_generic_rpc_handlers(
        self, handlers: Sequence[grpc.GenericRpcHandler[Any, Any]]
    ) -> None:
        """Serve what *handlers* know."""
        self._handlers += handlers

    def add_registered_method_handlers(self, name: str, handlers: Mapping[str, object]) -> None:
        """Do nothing: the generic handlers know the same."""
        del name, handlers

    def listen(self, listener: Listener) -> str:
        """Listen; return the address with the port that was given. Raises ListenError."""
        address, opened = open_sockets(listener, share_port=self._share)
        for one in opened:
            self._sockets.append((listener, one))
        if listener.path is not None:
            self._paths.append((listener.path, Path(listener.path).stat().st_ino))
        return address

    async def start(self) -> None:
        """Accept connections."""
        seconds = self._bounds.busy_poll_seconds
        self.awake = Awake(seconds) if seconds > 0 else None
        for listener, one in self._sockets:
            context = None if listener.tls is None else secured(listener.tls)
            make, bounds = self._maker(listener.tls), self._bounds
            made = Acceptor(one, make, context, bounds.handshakes, bounds.handshake_seconds)
            self._acceptors.append(made)
            self._acceptors[-1].start()

    def renew(self, tls: Tls) -> None:
        """Show the certificate of *tls* from the next handshake on; open connections go on."""
        for acceptor in self._acceptors:
            if acceptor.context is not None:
                acceptor.context = secured(tls)

    async def stop(self, grace: float | None) -> None:
        """Take no new calls, finish those that run, end after *grace* seconds at the latest."""
        self._stopping = True
        for acceptor in self._acceptors:
            acceptor.stop()
        for _, one in self._sockets:
            one.close()  # Where it never began.
        for connection in tuple(self._connections):
            connection.drain()
        if not self._connections:
            self._empty.set()
        if grace:
            await _wait(self._empty, grace)
        for connection in tuple(self._connections):
            connection.abort()
        await self._empty.wait()
        for path, inode in self._paths:
            remove(path, inode)
        self._stopped.set()

    async def wait_for_termination(self) -> None:
        """Return when it has stopped."""
        await self._stopped.wait()

    # Connections.

    def _maker(self, tls: Tls | None) -> Callable[[], asyncio.Protocol | None]:
        """Return what makes connections: of callers that show who they are, or of others."""
        if tls is None or tls.client_roots is None:
            return self._connection
        # A renewed certificate comes with the same names.
        return partial(self._shown, tls.client_names)

    def _shown(self, allowed: frozenset[str]) -> asyncio.Protocol | None:
        """Return a connection whose caller shows a certificate in the handshake to come.

        Invariant: it is made in the task that accepts it, and the event loop hands all that is
        called of a connection a copy of that task's context.
        """
        caller = Caller()
        CALLER.set(caller)
        return self._connection(partial(self._met, caller, allowed))

    def _met(self, caller: Caller, allowed: frozenset[str], connection: Connection[Head]) -> None:
        """Note whose *connection* it is; once, so that no call need ask."""
        self._connections.add(connection)
        handshake = connection.secured
        der = handshake.getpeercert(binary_form=True) if handshake is not None else None
        names: frozenset[str] = frozenset()
        if der is not None:
            caller.certificate, names = read_certificate(der)
        if not may_ask(names, allowed):
            connection.serve_by(self._turn_away)

    def _connection(
        self, begun: Callable[[Connection[Head]], object] | None = None
    ) -> asyncio.Protocol | None:
        if len(self._connections) >= self.most_connections or self._stopping:
            return None
        begun = begun or self._connections.add
        made = Connection(self._serve, self._read, self._limits, ended=self._ended, begun=begun)
        made.awake = self.awake
        if self.many:
            made.answer_all = answer_all
        return made

    def _ended(self, connection: Connection[Head]) -> None:
        self._connections.discard(connection)
        if self._stopping and not self._connections:
            self._empty.set()

    def _serve(self, stream: Stream, head: Head) -> App:
        """Return who answers a call."""
        # Hot path: each call comes by here.
        if head.http:
            refuse_http(stream, head.http)
            return NOBODY
        method = self._methods.get(head.path) or self._find(head.path)
        stream.expected = head.length
        call = Call(stream, head, method, self._most, self.room)
        if head.refused is not None:
            call.refuse(*head.refused)
        elif method is NONE:
            call.refuse(grpc.StatusCode.UNIMPLEMENTED, "Method not found!")
        elif self.room.calls > self.room.most_calls:
            call.refuse(grpc.StatusCode.RESOURCE_EXHAUSTED, OVERLOADED)
        elif not method.one_asks:
            call.begin()
        return call

    def _turn_away(self, stream: Stream, head: Head) -> App:
        """Refuse a call of who has shown a certificate, and may not ask."""
        call = Call(stream, head, NONE, self._most, self.room)
        call.refuse(grpc.StatusCode.PERMISSION_DENIED, STRANGER)
        return call

    def _find(self, path: str) -> Served:
        for generic in self._handlers:
            handler = generic.service(Asked(path))  # type: ignore[arg-type]
            if handler is not None:
                flow = self.flows.get(path)
                if flow is None:
                    made = served(handler, self.inline.get(path), self.many.get(path))
                else:
                    made = Served(one_asks=False, apart=_nothing, flow=flow)
                self._methods[path] = made
                return made
        return NONE


def answer_all(ready: list[Stream]) -> None:
    """Answer the calls that became whole in one read: those of one method together."""
    many: Many | None = None
    raws: list[bytes] = []
    calls: list[Call] = []
    for stream in ready:
        call = stream.app
        if not isinstance(call, Call) or call.method.many is None:
            stream.tell()
            continue
        if many is None:
            many = call.method.many
        if call.method.many is not many:
            stream.tell()
            continue
        stream.due = False
        message = None if stream.closed else call.asked()
        if message is not None:
            raws.append(message)
            calls.append(call)
    if many is not None and raws:
        for at, made in enumerate(many(raws, calls)):
            calls[at].answered(made)


async def _wait(event: asyncio.Event, seconds: float) -> None:
    """Return when *event* is set, or *seconds* are over."""
    waited = asyncio.ensure_future(event.wait())
    await asyncio.wait((waited,), timeout=seconds)
    waited.cancel()


async def _nothing(_message: bytes | None, _call: object) -> bytes | None:
    return None


NONE = Served(one_asks=True, apart=_nothing)
