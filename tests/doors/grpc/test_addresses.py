from __future__ import annotations

import errno
import os
import socket
from pathlib import Path

import pytest

from engine.doors.grpc.addresses import ListenError, busy, path_of, reserve_port, shared_socket


def test_a_reserved_port_is_for_those_who_share_it() -> None:
    with reserve_port("127.0.0.1", 0) as kept:
        where = kept.getsockname()
        with shared_socket(socket.AF_INET, where) as worker, socket.socket() as other:
            worker.listen()
            with pytest.raises(OSError, match="in use"):
                other.bind(where)
            # What is only bound gets no connection.
            with socket.create_connection(where) as client:
                worker.accept()[0].close()
                assert client.recv(1) == b""


@pytest.mark.parametrize("share", [False, True])
def test_a_port_that_another_has_is_refused_though_it_could_be_shared(share: bool) -> None:  # noqa: FBT001
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, share)
        other.bind(("127.0.0.1", 0))
        other.listen()
        with pytest.raises(ListenError, match="it is in use"):
            reserve_port(*other.getsockname())


def test_an_address_of_another_machine_is_refused() -> None:
    with pytest.raises(ListenError, match="not an address of this machine"):
        reserve_port("192.0.2.1", 0)
    with pytest.raises(ListenError, match=r"\[2001:db8::1\]:7"):
        reserve_port("2001:db8::1", 7)


def test_a_socket_that_cannot_be_bound_is_closed() -> None:
    with pytest.raises(OSError, match=r".+"):
        shared_socket(socket.AF_INET, ("192.0.2.1", 0))


def test_a_path_is_told_from_a_port() -> None:
    assert path_of("unix:///run/s") == "/run/s"
    assert path_of("unix:s") == "s"
    assert path_of("127.0.0.1:1") is None


def test_why_a_port_cannot_be_had_is_told_with_what_to_do() -> None:
    said = {
        socket.gaierror(-2, "unknown"): "no machine has this name",
        OSError(errno.EADDRINUSE, ""): "it is in use by another process",
        OSError(errno.EADDRNOTAVAIL, ""): "it is not an address of this machine",
        OSError(errno.EACCES, ""): "this user may not (ports below 1024",
        OSError(errno.EINVAL, ""): "it is in use, or not an address",
        ValueError(""): "it is in use, or not an address",
        None: "it is in use, or not an address",
    }
    for error, why in said.items():
        told = str(busy("127.0.0.1:80", error))
        assert told.startswith(f"cannot listen on 127.0.0.1:80: {why}")
        assert told.endswith("; choose another with `grpc.listen`")


@pytest.mark.parametrize("address", ["127.0.0.1:80", "unix:s"])
def test_that_no_file_can_be_opened_is_not_said_to_be_the_address(address: str) -> None:
    for number in (errno.EMFILE, errno.ENFILE):
        told = str(busy(address, OSError(number, os.strerror(number))))
        assert told.startswith(f"cannot listen on {address}: Too many open files")
        assert "ulimit -n" in told
        assert "choose another" not in told


def test_why_there_can_be_no_socket_is_told_with_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def why(path: str, error: Exception | None = None) -> str:
        told = str(busy(f"unix:{path}", error))
        assert told.endswith("; choose another with `grpc.socket`")
        return told.removeprefix(f"cannot listen on unix:{path}: ")

    (tmp_path / "file").touch()
    assert why("x" * 108).startswith("a path of a socket has 107 bytes at most")
    assert why(f"{tmp_path}/gone/s").startswith(f"there is no folder {tmp_path}/gone: make it")
    assert why(f"{tmp_path}/file").startswith("there is a file that is no socket: remove it")
    assert why(f"{tmp_path}/s", OSError(errno.EROFS, "Read-only")).startswith("Read-only")
    assert why(f"{tmp_path}/s").startswith("it cannot be made")
    monkeypatch.setattr(os, "access", lambda *_: False)  # As where this is not root.
    assert why(f"{tmp_path}/s").startswith(f"this user may not write to {tmp_path}: change")
