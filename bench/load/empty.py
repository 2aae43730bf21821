"""Our lean server with a call that decides nothing: what a call costs by itself.

python -m bench.load.empty      (prints where it serves, until its standard input ends)
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import grpc
import uvloop

from bench.load.board import Contender
from bench.load.daemons import ROOT, Running
from bench.load.machine import SERVER, pinned
from bench.load.spec import Load
from engine.doors.grpc.lean_server import LeanServer
from engine.doors.grpc.listener import Listener

CALL = "/bench.Empty/Call"
ANSWER = b"\x08\x01"


@contextmanager
def empty(name: str) -> Iterator[Contender]:
    """Yield the server, asked for nothing with a call each."""
    command = [*pinned(SERVER), sys.executable, "-m", "bench.load.empty"]
    with subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        address = process.stdout.readline().strip()
        yield Contender(name, Running(process, address), Load(address, CALL, [b""], [[ANSWER]]))
        process.communicate()


async def answer(_raw: bytes, _call: object) -> bytes:
    """Return the answer."""
    return ANSWER


async def serve() -> None:
    """Serve until the parent goes away."""
    server = LeanServer()
    service, _, method = CALL[1:].partition("/")
    handlers = {method: grpc.unary_unary_rpc_method_handler(answer)}
    server.add_generic_rpc_handlers([grpc.method_handlers_generic_handler(service, handlers)])
    server.inline[CALL] = lambda _raw, _call: ANSWER
    server.many[CALL] = lambda raws, _calls: [ANSWER] * len(raws)
    address = server.listen(Listener("127.0.0.1:0"))
    await server.start()
    sys.stdout.write(f"{address}\n")
    sys.stdout.flush()
    await asyncio.to_thread(sys.stdin.read)
    await server.stop(0)


if __name__ == "__main__":
    uvloop.run(serve())
