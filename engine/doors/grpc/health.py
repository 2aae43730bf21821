"""Which services can be asked in; answers of grpc.health.v1 out.

The library's own is not used: while one watcher does not read, it tells no other anything, and a
drain waits for watchers that never end by themselves.
"""

from __future__ import annotations

import asyncio
from typing import Any

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

SERVICE = "grpc.health.v1.Health"
STOPPING = "the daemon is stopping: ask another one"

Status = health_pb2.HealthCheckResponse


class Health(health_pb2_grpc.HealthServicer):  # type: ignore[misc]  # It has no types.
    """Says which services serve, and tells those who watch."""

    def __init__(self) -> None:
        self._serving: dict[str, bool] = {}
        self._changed = asyncio.Event()
        """Set when something changes, and then replaced."""
        self._draining = False

    def set(self, service: str, *, serving: bool) -> None:
        """Say whether *service* serves; after a drain nothing does."""
        if not self._draining:
            self._serving[service] = serving
            self._tell()

    def drain(self) -> None:
        """Say that nothing serves any more, and end what is watched."""
        self._serving = dict.fromkeys(self._serving, False)
        self._draining = True
        self._tell()

    def _tell(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()

    def _answer(self, service: str) -> Any:
        serving = self._serving[service]
        return Status(status=Status.SERVING if serving else Status.NOT_SERVING)

    async def Check(self, request: Any, context: Any) -> Any:  # noqa: N802 - the protocol's name
        """Answer for one service."""
        if request.service not in self._serving:
            await context.abort(grpc.StatusCode.NOT_FOUND, "no such service")
        return self._answer(request.service)

    async def List(self, _request: Any, _context: Any) -> Any:  # noqa: N802 - the protocol's name
        """Answer for all of them. Versions of the library without it never call it."""
        statuses = {name: self._answer(name) for name in self._serving}
        return health_pb2.HealthListResponse(statuses=statuses)

    async def Watch(self, request: Any, context: Any) -> None:  # noqa: N802 - the protocol's name
        """Answer for one service, and again whenever that changes."""
        said = None
        while True:
            changed, known = self._changed, request.service in self._serving
            now = self._answer(request.service) if known else Status(status=Status.SERVICE_UNKNOWN)
            if now != said:
                await context.write(now)
                said = now
            if self._draining:
                await context.abort(grpc.StatusCode.UNAVAILABLE, STOPPING)
            # What changed while it was written is seen at once: the event was taken before.
            await changed.wait()
