"""The gRPC server: the table of methods behind TCP ports and Unix sockets, until it is drained.

Handlers decide inline in the event loop: a decision takes microseconds, handing it to a thread and
back takes longer. One event loop a process; more processes share a port.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Literal, assert_never

import grpc
import grpc.aio
from grpc_health.v1 import health_pb2_grpc

from engine.doors.grpc import health
from engine.doors.grpc.bounds import Bounds
from engine.doors.grpc.client_certificates import Recognition
from engine.doors.grpc.handlers import Handlers
from engine.doors.grpc.health import Health
from engine.doors.grpc.lean_server import LeanServer
from engine.doors.grpc.listener import Listener, Tls, bind
from engine.doors.grpc.methods import (
    ADMIN,
    ENGINE,
    LOCAL,
    METHODS,
    NOT_LOCAL,
    Absent,
    Direct,
    Method,
    Pipelined,
    Plain,
    Together,
)
from engine.doors.grpc.reflect import reflection_handlers
from engine.doors.grpc.service import Service
from engine.doors.http2.frames import WORKER

Transport = Literal["grpcio", "lean"]
"""Which server the door is built over: the lean one of this package, or the library's."""
Worker = tuple[int, int]
"""Which of several processes on one port this is, from 0, and how many there are."""
ALONE: Worker = (0, 1)
PING_MILLISECONDS = 1_000
"""So often a client of the library's server may ask whether it is there."""


class Door:
    """Listens, serves, drains. Make, start and drain it in one event loop."""

    def __init__(
        self,
        service: Service,
        listeners: Sequence[Listener],
        *,
        reflect: bool | None = None,
        admin: bool | None = None,
        share_port: bool = False,
        transport: Transport = "lean",
        worker: Worker = ALONE,
        bounds: Bounds | None = None,
    ) -> None:
        """Prepare to serve *service* on *listeners*.

        *reflect* and *admin* switch reflection and the Admin service; None means only when every
        listener is a loopback address or a Unix socket. *share_port* lets several processes listen
        on one port (without it, a port in use is an error). *transport* is which server serves.
        *worker* is which of several processes this is, which the lean server's clients are told;
        *bounds* is what callers may take.
        """
        local = all(listener.local for listener in listeners)
        self._service = service
        self._listeners = listeners
        self._handlers = Handlers(service)
        self._renewed: Tls | None = None
        self._health = Health()
        self._server = make_server(
            transport,
            share_port=share_port,
            recognition=recognition_of(listeners),
            worker=worker,
            bounds=bounds or Bounds(),
        )
        self._names = [ENGINE, ADMIN] if (local if admin is None else admin) else [ENGINE]
        for name in self._names:
            self._serve(name)
        health_pb2_grpc.add_HealthServicer_to_server(self._health, self._server)
        if local if reflect is None else reflect:
            told = reflection_handlers((*self._names, health.SERVICE))
            self._server.add_generic_rpc_handlers(told)

    def _serve(self, name: str) -> None:
        """Have the server call the methods of a service."""
        table = self._table(name)
        made = {key: self._handlers.handler(method) for key, method in table.items()}
        self._server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(name, made),))
        if isinstance(self._server, LeanServer):
            for key, method in table.items():
                if isinstance(method, Direct | Plain | Together):
                    self._server.inline[f"/{name}/{key}"] = self._handlers.inline(method)
                    together = self._handlers.many(method)
                    if together is not None:
                        self._server.many[f"/{name}/{key}"] = together
                elif isinstance(method, Pipelined):
                    self._server.flows[f"/{name}/{key}"] = self._handlers.flowing(method)

    async def start(self) -> tuple[str, ...]:
        """Listen and serve; return the addresses with their ports. Raises ListenError."""
        await self.show_serving()
        addresses = tuple(self._bind(listener) for listener in self._listeners)
        await self._server.start()
        return addresses

    def _bind(self, listener: Listener) -> str:
        if isinstance(self._server, LeanServer):
            return self._server.listen(listener)
        return bind(self._server, listener, lambda: self._renewed)

    def renew(self, tls: Tls) -> None:
        """Show the certificate of *tls* from the next handshake on; open connections go on.

        Listeners without TLS stay so.
        """
        self._renewed = tls
        if isinstance(self._server, LeanServer):
            self._server.renew(tls)

    async def show_serving(self) -> None:
        """Tell health checks whether there are policies. To be called after each reload."""
        for name in ("", ENGINE):
            self._health.set(name, serving=self._service.gate.ready)
        if ADMIN in self._names:
            self._health.set(ADMIN, serving=True)

    async def drain(self, grace: float) -> None:
        """Take no new calls, finish those that run, stop after *grace* seconds at the latest."""
        self._health.drain()
        self._handlers.drain()
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


def recognition_of(listeners: Sequence[Listener]) -> list[Recognition]:
    """Return what looks at who calls a server of the library's; nothing where nobody is asked."""
    asking = [one.tls for one in listeners if one.tls is not None and one.tls.client_roots]
    return [Recognition(asking[0].client_names)] if asking else []


def make_server(
    transport: Transport,
    *,
    share_port: bool,
    recognition: Sequence[Recognition] = (),
    worker: Worker = ALONE,
    bounds: Bounds,
) -> grpc.aio.Server | LeanServer:
    """Return a server without methods."""
    match transport:
        case "lean":
            number, many = worker
            told = ((WORKER, number << 16 | many),) if many > 1 else ()
            bounds = replace(bounds, connection=replace(bounds.connection, told=told))
            return LeanServer(bounds, share_port=share_port)
        case "grpcio":
            return grpc.aio.server(
                options=[
                    ("grpc.max_receive_message_length", bounds.message_bytes),
                    ("grpc.max_send_message_length", -1),
                    ("grpc.so_reuseport", int(share_port)),
                    # Else who asks more than once in five minutes whether it is there is sent away.
                    ("grpc.http2.min_ping_interval_without_data_ms", PING_MILLISECONDS),
                ],
                maximum_concurrent_rpcs=bounds.calls,
                interceptors=recognition,
            )
        case _:
            assert_never(transport)
