"""An address to listen on in; whether it is free out, before anything of gRPC is loaded."""

from __future__ import annotations

import errno
import os
import socket

UNIX = "unix:"
NO_MORE = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})
"""What the kernel says where no address would help."""
LONGEST_PATH = 107
"""Of a Unix socket, in bytes (Linux)."""


class ListenError(Exception):
    """An address cannot be listened on; the text names it, the reason and the remedy."""


def path_of(address: str) -> str | None:
    """Return the path of a Unix socket's address, or None for TCP."""
    return address.removeprefix(UNIX).removeprefix("//") if address.startswith(UNIX) else None


def busy(address: str, error: Exception | None = None) -> ListenError:
    """Return the error for an address that cannot be had; *error* is what the kernel says."""
    if isinstance(error, OSError) and error.errno in NO_MORE:
        return ListenError(
            f"cannot listen on {address}: {error.strerror}; give the daemon more (`ulimit -n` for "
            "files)"
        )
    path = path_of(address)
    why = why_not(error) if path is None else why_no_socket(path, error)
    setting = "grpc.listen" if path is None else "grpc.socket"
    return ListenError(f"cannot listen on {address}: {why}; choose another with `{setting}`")


def why_not(error: Exception | None) -> str:
    """Return why a port cannot be had, with the remedy where it is another than another port."""
    if isinstance(error, socket.gaierror):
        return "no machine has this name"
    match error.errno if isinstance(error, OSError) else None:
        case errno.EADDRINUSE:
            return "it is in use by another process"
        case errno.EADDRNOTAVAIL:
            return "it is not an address of this machine"
        case errno.EACCES:
            return "this user may not (ports below 1024 need CAP_NET_BIND_SERVICE)"
        case _:
            return "it is in use, or not an address of this machine"


def why_no_socket(path: str, error: Exception | None) -> str:
    """Return why there can be no Unix socket at *path*."""
    folder = os.path.dirname(path) or "."  # noqa: PTH120 - of text that may be no path at all
    if len(os.fsencode(path)) > LONGEST_PATH:
        return f"a path of a socket has {LONGEST_PATH} bytes at most"
    if not os.path.isdir(folder):  # noqa: PTH112 - the same
        return f"there is no folder {folder}: make it"
    if os.path.lexists(path):
        return "there is a file that is no socket: remove it"
    if not os.access(folder, os.W_OK | os.X_OK):
        return f"this user may not write to {folder}: change its owner or mode"
    said = error.strerror if isinstance(error, OSError) else None
    return said or "it cannot be made"


def refuse_taken(address: str) -> None:
    """Raise ListenError when another process answers on the Unix socket.

    gRPC removes a socket file that is in its way, which is right for one that a killed daemon left
    behind and would silently cut off a daemon that lives.
    """
    path = path_of(address)
    if path is None:
        return
    with socket.socket(socket.AF_UNIX) as probe:
        try:
            probe.connect(path)
        except OSError:
            return
    raise ListenError(f"{address} is in use by another process: stop it or choose another")


def reserve_port(host: str, port: int) -> socket.socket:
    """Return a socket that keeps a TCP port for the processes that will share it.

    It is bound and does not listen, so that it gets no connection. Port 0 takes a free one. Raises
    ListenError when any other process has the port, even one that would share it.
    """
    address = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        for family, _, _, _, where in found:
            with socket.socket(family, socket.SOCK_STREAM) as alone:
                alone.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                alone.bind(where)
        family, _, _, _, where = found[0]
        return shared_socket(family, where)
    except OSError as error:
        raise busy(address, error) from None


def shared_socket(family: int, where: tuple[object, ...]) -> socket.socket:
    """Return a socket bound to *where* that others of this user may bind too."""
    kept = socket.socket(family, socket.SOCK_STREAM)
    try:
        kept.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        kept.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        kept.bind(where)
    except OSError:
        kept.close()
        raise
    return kept
