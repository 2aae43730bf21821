"""Ports for tests that run in several processes at once: each is given to one of them alone."""

from __future__ import annotations

import socket
from contextlib import ExitStack
from secrets import choice

PORTS = range(10_000, 22_768)
"""With `BUS` added, still below those that a kernel gives to who names none, and to who calls."""
BUS = 10_000
"""So far above its port the nodes of a cluster of Valkey or Redis talk to each other."""

_claims = ExitStack()


def free_port() -> int:
    """Return a port on loopback that nobody listens on, as on the one `BUS` above it.

    It stays this process's own until that ends, whoever listens on it meanwhile, or does not: the
    port of the same number for datagrams, which no test has a use for, is held.
    """
    while True:
        port = choice(PORTS)
        with ExitStack() as tried:
            try:
                for one in (port, port + BUS):
                    tried.enter_context(bound(socket.SOCK_DGRAM, one))
                    bound(socket.SOCK_STREAM, one).close()
            except OSError:
                continue
            _claims.enter_context(tried.pop_all())
            return port


def bound(kind: socket.SocketKind, port: int) -> socket.socket:
    """Return a socket that has *port*; OSError if it has been taken."""
    made = socket.socket(socket.AF_INET, kind)
    try:
        made.bind(("127.0.0.1", port))
    except OSError:
        made.close()
        raise
    return made
