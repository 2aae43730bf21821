"""TLS of the door, over each of the servers: who is let in, and certificates that are renewed."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import grpc
import pytest

from engine.doors.grpc.lean_sockets import secured
from engine.doors.grpc.listener import Listener, Tls
from engine.doors.grpc.service import Service
from engine.wire import engine_pb2 as wire
from tests.doors.grpc.authority import Authority, Pair
from tests.doors.grpc.serving import (
    PATIENCE,
    Channel,
    Daemon,
    ask,
    decide,
    decide_stream,
    loop,
    make_door,
    make_gate,
    refused,
    run,
)

AUTHORITY = Authority()
SERVER = AUTHORITY.issue()
CLIENT = AUTHORITY.issue("gateway")
STRANGER = Authority("somebody else").issue("gateway")


@contextmanager
def secured_daemon(pair: Pair = SERVER, roots: bytes | None = None) -> Iterator[Daemon]:
    tls = Tls(pair.certificate, pair.key, roots)
    door = run(make_door(Service(make_gate(), ""), (Listener("127.0.0.1:0", tls),)))
    with Daemon(make_gate(), door) as daemon:
        yield daemon


def code_of(channel: Channel) -> object:
    """Return the status with which a decision fails."""
    method: Any = channel.unary_unary("/engine.v1.PolicyEngine/Decide")
    return refused(lambda: method(ask().SerializeToString(), timeout=PATIENCE)).code()


def channel_to(daemon: Daemon, own: Pair | None = None, root: bytes = AUTHORITY.root) -> Channel:
    pair = (own.key, own.certificate) if own else (None, None)
    return grpc.secure_channel(daemon.address, grpc.ssl_channel_credentials(root, *pair))


def shake(daemon: Daemon, context: ssl.SSLContext) -> ssl.SSLSocket:
    """Return a connection whose handshake is over."""
    host, _, port = daemon.address.rpartition(":")
    raw = socket.create_connection((host, int(port)), 10)
    try:
        return context.wrap_socket(raw, server_hostname="localhost")
    except OSError:
        raw.close()
        raise


def client_context(*protocols: str) -> ssl.SSLContext:
    made = ssl.create_default_context(cadata=AUTHORITY.root.decode())
    if protocols:
        made.set_alpn_protocols(list(protocols))
    return made


def ended(found: socket.socket) -> bool:
    """Return whether the server ends the connection, without a word."""
    try:
        return found.recv(1) == b""
    except ConnectionError:
        return True


def test_a_client_that_trusts_the_authority_is_answered() -> None:
    with secured_daemon() as daemon, channel_to(daemon) as channel:
        assert decide(channel, ask()).action == wire.ACTION_ALLOW


def test_a_client_without_tls_is_not_answered() -> None:
    with secured_daemon() as daemon, grpc.insecure_channel(daemon.address) as channel:
        assert code_of(channel) is grpc.StatusCode.UNAVAILABLE


@pytest.mark.parametrize("own", [None, STRANGER], ids=["none", "of another authority"])
def test_a_client_must_show_a_certificate_of_the_authority(own: Pair | None) -> None:
    with secured_daemon(roots=AUTHORITY.root) as daemon:
        with channel_to(daemon, own) as channel:
            assert code_of(channel) is grpc.StatusCode.UNAVAILABLE
        with channel_to(daemon, CLIENT) as channel:
            assert decide(channel, ask()).action == wire.ACTION_ALLOW


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion.TLSv1")
def test_tls_before_1_2_is_refused() -> None:
    old = client_context("h2")
    old.minimum_version = ssl.TLSVersion.TLSv1
    old.maximum_version = ssl.TLSVersion.TLSv1_1
    old.set_ciphers("ALL:@SECLEVEL=0")
    with secured_daemon() as daemon, pytest.raises((ssl.SSLError, ConnectionError)):
        shake(daemon, old)


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_tls_1_2_and_1_3_are_spoken(version: ssl.TLSVersion) -> None:
    context = client_context("h2")
    context.minimum_version = context.maximum_version = version
    with secured_daemon() as daemon, shake(daemon, context) as found:
        assert found.selected_alpn_protocol() == "h2"
        assert found.version() == version.name.replace("_", ".")
        assert found.recv(9)[3:4] == b"\x04"  # SETTINGS


@pytest.mark.parametrize("protocols", [(), ("http/1.1",)], ids=["nothing", "HTTP/1.1"])
def test_a_client_that_does_not_agree_on_h2_is_not_answered(protocols: tuple[str, ...]) -> None:
    with secured_daemon() as daemon:
        with suppress(OSError), shake(daemon, client_context(*protocols)) as found:
            assert ended(found)
        with channel_to(daemon) as channel:
            assert decide(channel, ask()).action == wire.ACTION_ALLOW


def test_a_renewed_certificate_is_shown_and_no_connection_ends() -> None:
    other = Authority("the next")
    renewed = other.issue()
    with secured_daemon() as daemon, channel_to(daemon) as before:

        def messages() -> Iterator[bytes]:
            yield ask(request_id="before").SerializeToString()
            loop().call_soon_threadsafe(daemon.door.renew, Tls(renewed.certificate, renewed.key))
            yield ask(request_id="after").SerializeToString()

        answers = [wire.Decision.FromString(one) for one in decide_stream(before, messages())]
        assert [one.request_id for one in answers] == ["before", "after"]
        with channel_to(daemon, root=other.root) as after:
            assert decide(after, ask()).action == wire.ACTION_ALLOW
        with pytest.raises(ssl.SSLError) as caught:
            shake(daemon, client_context("h2"))
        assert "CERTIFICATE_VERIFY_FAILED" in str(caught.value)
        assert decide(before, ask()).action == wire.ACTION_ALLOW


def test_who_was_let_in_by_former_roots_is_not_let_in_again() -> None:
    other = Authority("the next")
    theirs = other.issue("gateway")
    with secured_daemon(roots=AUTHORITY.root) as daemon:
        with channel_to(daemon, CLIENT) as channel:
            assert decide(channel, ask()).action == wire.ACTION_ALLOW
        tls = Tls(SERVER.certificate, SERVER.key, other.root)
        loop().call_soon_threadsafe(daemon.door.renew, tls)
        with channel_to(daemon, theirs) as channel:
            assert decide(channel, ask()).action == wire.ACTION_ALLOW
        with channel_to(daemon, CLIENT) as channel:
            assert code_of(channel) is grpc.StatusCode.UNAVAILABLE


def test_handshakes_that_do_not_end_keep_nobody_out() -> None:
    with secured_daemon() as daemon, channel_to(daemon) as channel:
        host, _, port = daemon.address.rpartition(":")
        for first in (b"", b"\x16\x03\x01", b"GET / HTTP/1.1\r\n\r\n", b"\x00" * 64):
            with socket.create_connection((host, int(port)), 10) as found:
                found.sendall(first)
        with socket.create_connection((host, int(port)), 10):
            assert decide(channel, ask()).action == wire.ACTION_ALLOW


def test_a_session_is_taken_up_again_and_a_connection_may_speak_at_once(transport: str) -> None:
    if transport != "lean":
        pytest.skip("of the lean server")
    context = client_context("h2")
    context.maximum_version = ssl.TLSVersion.TLSv1_3
    preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\0\0\0\x04\0\0\0\0\0"
    ping = b"\0\0\x08\x06\0\0\0\0\0" + b"12345678"
    with secured_daemon() as daemon:
        for _ in range(20):
            with shake(daemon, context) as found:
                found.sendall(preface + ping)
                seen = b""
                while b"12345678" not in seen:
                    seen += found.recv(4096)


def test_the_key_is_on_no_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path / "none"))
    assert secured(Tls(SERVER.certificate, SERVER.key)).verify_mode is ssl.CERT_NONE
