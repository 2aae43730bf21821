"""A server in a process of its own, to be attacked: settings as JSON in, its address out.

It serves methods of each kind, and one that tells what it holds; it ends when its input does.
"""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any

import grpc
import grpc.aio
import uvloop

from engine.doors.grpc.bounds import Bounds
from engine.doors.grpc.lean_call import Call
from engine.doors.grpc.lean_server import LeanServer
from engine.doors.grpc.listener import Listener
from engine.doors.http2.limits import Limits

MESSAGE_BYTES = 1 << 20
LARGE = 64
"""So many messages of the largest size are one answer of ``Large``."""


def handlers(waits: asyncio.Event) -> Any:
    """Return a service with the kinds of methods there are."""

    async def echo(raw: bytes, _call: Any) -> bytes:
        return raw

    async def wait(raw: bytes, _call: Any) -> bytes:
        await waits.wait()
        return raw

    async def stream(_asked: Any, call: Any) -> None:
        while (raw := await call.read()) is not grpc.aio.EOF:  # type: ignore[attr-defined]
            await call.write(raw)

    async def large(_raw: bytes, call: Any) -> None:
        for _ in range(LARGE):
            await call.write(bytes(MESSAGE_BYTES))

    async def idle(_asked: Any, call: Any) -> None:
        await call.read()
        await waits.wait()

    return grpc.method_handlers_generic_handler(
        "t.T",
        {
            "Echo": grpc.unary_unary_rpc_method_handler(echo),
            "Wait": grpc.unary_unary_rpc_method_handler(wait),
            "Stream": grpc.stream_stream_rpc_method_handler(stream),
            "Large": grpc.unary_stream_rpc_method_handler(large),
            "Idle": grpc.stream_stream_rpc_method_handler(idle),
        },
    )


def inline(raw: bytes, _call: Call) -> bytes:
    """Answer at once."""
    return raw


async def serve(settings: dict[str, Any]) -> None:
    """Serve until the input ends."""
    if settings.get("transport") == "grpcio":
        await serve_grpcio()
        return
    limits = Limits(**settings.get("limits", {}))
    calls = settings.get("calls", 1_000)
    most = settings.get("message_bytes", MESSAGE_BYTES)
    server = LeanServer(Bounds(message_bytes=most, calls=calls, connection=limits))
    server.room.most_bytes = settings.get("held", server.room.most_bytes)

    def told(_raw: bytes, _call: Call) -> bytes:
        room = server.room
        held = {"tasks": room.tasks, "calls": room.calls - 1, "held": room.held}
        return json.dumps({**held, "connections": len(server._connections)}).encode()

    server.add_generic_rpc_handlers([handlers(asyncio.Event())])
    held = grpc.unary_unary_rpc_method_handler(lambda _raw, _call: b"")
    server.add_generic_rpc_handlers([grpc.method_handlers_generic_handler("t.Held", {"Ask": held})])
    server.inline["/t.T/Echo"] = inline
    server.inline["/t.Held/Ask"] = told
    address = server.listen(Listener("127.0.0.1:0"))
    await server.start()
    await until_the_end(address)
    await server.stop(0)


async def serve_grpcio() -> None:
    """Serve the same methods over grpcio's server."""
    server = grpc.aio.server(options=[("grpc.max_receive_message_length", MESSAGE_BYTES)])
    server.add_generic_rpc_handlers((handlers(asyncio.Event()),))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    await until_the_end(f"127.0.0.1:{port}")
    await server.stop(0)


async def until_the_end(address: str) -> None:
    """Tell where the server listens; return when the input ends."""
    sys.stdout.write(f"{address}\n")
    sys.stdout.flush()
    await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    uvloop.run(serve(json.loads(sys.argv[1])))
