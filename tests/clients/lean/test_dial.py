"""Where addresses lead, and how TLS is spoken there."""

from __future__ import annotations

import os
import ssl
from pathlib import Path
from typing import Any

import pytest
from pol_client import Client, DeadlineExceeded, Tls, Unavailable
from pol_client._lean.dial import Target, in_file, read_address, secured

from engine.doors.grpc.listener import Listener
from engine.doors.grpc.listener import Tls as ServerTls
from engine.doors.grpc.service import Service
from tests.clients.asking import ASK, KINDS
from tests.clients.lean.scripted import Line, thread_client_of
from tests.doors.grpc.serving import Daemon, make_door, make_gate, run
from tests.ports import free_port

DOOR = Path(__file__).parents[2] / "doors" / "grpc"
CERTIFICATE = (DOOR / "localhost.crt").read_bytes()
KEY = (DOOR / "localhost.key").read_bytes()


@pytest.mark.parametrize(
    ("address", "target"),
    [
        ("127.0.0.1:50051", Target(host="127.0.0.1", port=50051, authority="127.0.0.1:50051")),
        ("dns:///engine:1", Target(host="engine", port=1, authority="engine:1")),
        ("engine", Target(host="engine", port=443, authority="engine")),
        ("[::1]:50051", Target(host="::1", port=50051, authority="[::1]:50051")),
        ("ipv6:[::1]", Target(host="::1", port=443, authority="[::1]")),
        ("::1", Target(host="::1", port=443, authority="::1")),
        ("unix:///run/engine.sock", Target(path="/run/engine.sock")),
        ("unix:engine.sock", Target(path="engine.sock")),
        ("unix-abstract:engine", Target(path="\0engine")),
    ],
)
def test_addresses_lead_somewhere(address: str, target: Target) -> None:
    assert read_address(address) == target


@pytest.mark.parametrize("address", ["", ":1", "h:0", "h:65536", "h:x", "xds:///engine:1", "a/b"])
def test_what_is_no_address_is_refused_at_once(address: str) -> None:
    with pytest.raises(ValueError, match="grpcio"):
        Client(address)


def test_keys_are_read_where_there_are_no_files_in_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "memfd_create")
    with in_file(b"text") as path:
        assert Path(path).read_bytes() == b"text"
    assert not Path(path).exists()
    assert secured(Tls(CERTIFICATE, CERTIFICATE, KEY)).verify_mode is ssl.CERT_REQUIRED


@pytest.mark.parametrize("transport", ["lean", "grpcio"])
@pytest.mark.parametrize("kind", [*KINDS])
def test_another_certificate_or_name_is_refused(kind: str, transport: Any) -> None:
    gate = make_gate()
    server = ServerTls(CERTIFICATE, KEY, None)
    door = run(
        make_door(Service(gate, ""), (Listener("127.0.0.1:0", server),), transport=transport)
    )
    with Daemon(gate, door) as daemon:
        for wrong in (
            Tls(None, server_name="localhost"),
            Tls(CERTIFICATE, server_name="elsewhere"),
        ):
            with (
                KINDS[kind](daemon.address, tls=wrong, timeout=60, wait_for_ready=False) as client,
                pytest.raises(Unavailable),
            ):
                client.decide(**ASK)


def test_what_is_no_certificate_is_told() -> None:
    with (
        Client("127.0.0.1:1", tls=Tls(b"no PEM"), timeout=60, wait_for_ready=False) as client,
        pytest.raises(Unavailable, match="cannot connect"),
    ):
        client.decide(**ASK)


@pytest.mark.parametrize("kind", ["sync", "async"])
@pytest.mark.parametrize("tls", [None, Tls(b"no PEM")])
def test_who_waited_for_a_connection_in_vain_is_told_why(kind: str, tls: Tls | None) -> None:
    told = ""
    with KINDS[kind](f"127.0.0.1:{free_port()}", tls=tls) as client:
        for seconds in (0.2, 2.0, 20.0, 200.0):
            with pytest.raises(DeadlineExceeded, match="no answer in time") as caught:
                client.decide(**ASK, timeout=seconds)
            told = caught.value.message
            if ";" in told:  # Else nothing was tried yet in that time.
                break
    assert "; cannot connect: " in told


@pytest.mark.parametrize("kind", ["sync", "async"])
def test_tls_without_http2_is_refused(kind: str, tmp_path: Path) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    (tmp_path / "c").write_bytes(CERTIFICATE)
    (tmp_path / "k").write_bytes(KEY)
    context.load_cert_chain(tmp_path / "c", tmp_path / "k")

    async def script(line: Line) -> None:
        await line.reader.read()

    tls = Tls(CERTIFICATE, server_name="localhost")
    with thread_client_of(script, ssl=context) as plain:
        address = plain._connection.address
        with (
            KINDS[kind](address, tls=tls, timeout=60, wait_for_ready=False) as client,
            pytest.raises(Unavailable, match="HTTP/2"),
        ):
            client.decide(**ASK)


def test_calls_wait_for_a_daemon_that_is_not_there(tmp_path: Path) -> None:
    for kind in ("sync", "async"):
        with (
            KINDS[kind](f"unix://{tmp_path}/none.sock", timeout=0.1, connections=2) as client,
            pytest.raises(DeadlineExceeded),
        ):
            client.decide(**ASK)
