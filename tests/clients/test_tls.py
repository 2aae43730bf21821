"""What the client says where TLS does not come about: at once, whatever carries its calls."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import pytest
from pol_client import DeadlineExceeded, Unavailable, grpcio_threads
from pol_client import Tls as ClientTls
from pol_client.connect import Connection
from pol_client.grpcio_threads import GrpcioTransport

from engine.doors.grpc.listener import Listener, Tls
from engine.doors.grpc.service import Service
from tests.clients.asking import ASK, KINDS, PATIENCE
from tests.daemon.test_serve import until
from tests.doors.grpc.authority import Authority, Pair
from tests.doors.grpc.serving import Daemon, loop, make_door, make_gate, run
from tests.ports import free_port

AUTHORITY = Authority()
SERVER = AUTHORITY.issue()
CLIENT = AUTHORITY.issue("gateway")
EXPIRED = AUTHORITY.issue(days=-1)
EARLY = AUTHORITY.issue(days=3, begun=-1)
NOT_ACCEPTED = "TLS: the daemon's certificate is not accepted"


def daemon(pair: Pair = SERVER, *, mutual: bool = False, transport: str = "lean") -> Daemon:
    tls = Tls(pair.certificate, pair.key, AUTHORITY.root if mutual else None)
    gate = make_gate()
    listeners = (Listener("127.0.0.1:0", tls),)
    return Daemon(gate, run(make_door(Service(gate, ""), listeners, transport=transport)))


def trusting(root: bytes = AUTHORITY.root, name: str = "localhost") -> ClientTls:
    return ClientTls(root, server_name=name)


def calls(client: Any) -> list[Callable[[], Any]]:
    """Return a call of each kind: of its own, on a shared stream, on a stream of its own."""
    return [
        lambda: client.decide(**ASK),
        lambda: client.explain(**ASK),
        lambda: client.pipeline().decide(**ASK),
        lambda: client.wait_review("r", timeout=PATIENCE),
    ]


@pytest.mark.parametrize("kind", [*KINDS])
@pytest.mark.parametrize(
    ("pair", "tls", "why"),
    [
        (SERVER, trusting(Authority("another").root), "certificate"),
        (SERVER, trusting(name="elsewhere"), "(?i)hostname"),
        (EXPIRED, trusting(), "expired"),
        (EARLY, trusting(), "not yet valid"),
    ],
    ids=["root", "name", "expired", "early"],
)
def test_a_certificate_that_is_not_accepted_is_told_and_not_waited_for(
    kind: str, pair: Pair, tls: ClientTls, why: str
) -> None:
    with daemon(pair) as served, KINDS[kind](served.address, tls=tls, timeout=PATIENCE) as client:
        for call in calls(client):
            with pytest.raises(Unavailable, match=why) as caught:
                call()
            assert caught.value.message.startswith(NOT_ACCEPTED)
            assert "Tls.roots" in caught.value.message


def passes(client: Any) -> bool:
    """Return whether it is decided; grpcio tells what it found until its next look."""
    try:
        return bool(client.decide(**ASK).passes)
    except Unavailable:
        return False


@pytest.mark.parametrize("kind", [*KINDS])
def test_a_renewed_certificate_mends_it_for_the_same_client(kind: str) -> None:
    with (
        daemon(EXPIRED) as served,
        KINDS[kind](served.address, tls=trusting(), timeout=PATIENCE) as client,
    ):
        with pytest.raises(Unavailable, match="expired"):
            client.decide(**ASK)
        loop().call_soon_threadsafe(served.door.renew, Tls(SERVER.certificate, SERVER.key))
        until(lambda: passes(client))
        assert client.pipeline().decide(**ASK).passes


def shown(own: Pair | None) -> ClientTls:
    certificate, key = (own.certificate, own.key) if own else (None, None)
    return ClientTls(AUTHORITY.root, certificate, key, server_name="localhost")


@pytest.mark.parametrize("kind", [*KINDS])
@pytest.mark.parametrize(
    ("own", "why"),
    [
        (None, "certificate required"),
        (EXPIRED, "certificate expired"),
        (EARLY, "bad certificate"),
        (Authority("another").issue("gateway"), "unknown ca"),
    ],
    ids=["none", "expired", "early", "stranger"],
)
def test_a_client_whose_certificate_is_not_accepted_is_told_at_once(
    kind: str, own: Pair | None, why: str, caplog: pytest.LogCaptureFixture
) -> None:
    with (
        caplog.at_level(logging.WARNING, logger="engine.doors.grpc"),
        daemon(mutual=True) as served,
        KINDS[kind](served.address, tls=shown(own), timeout=PATIENCE) as client,
    ):
        for call in calls(client):
            with pytest.raises(Unavailable, match=r"Tls\.certificate") as caught:
                call()
            assert caught.value.message.startswith("TLS: the daemon does not accept this client")
            if "grpcio" not in kind:  # grpcio does not say which alert came.
                assert f"({why})" in caught.value.message
    assert "a caller was not let in: " in caplog.text
    assert ("certificate is not accepted" in caplog.text) is (own is not None)


@pytest.mark.parametrize("kind", [*KINDS])
def test_a_client_that_shows_its_certificate_after_all_is_let_in_beside_one_that_does_not(
    kind: str,
) -> None:
    with (
        daemon(mutual=True) as served,
        KINDS[kind](served.address, tls=shown(None), timeout=PATIENCE) as stranger,
        KINDS[kind](served.address, tls=shown(CLIENT), timeout=PATIENCE) as client,
    ):
        for _ in range(3):
            with pytest.raises(Unavailable):
                stranger.decide(**ASK)
            assert client.decide(**ASK).passes


@pytest.mark.parametrize("kind", [*KINDS])
def test_a_client_that_grpcio_does_not_let_in_learns_that_it_may_be_its_certificate(
    kind: str,
) -> None:
    said = ""
    with (
        daemon(mutual=True, transport="grpcio") as served,
        KINDS[kind](served.address, tls=shown(None)) as client,
    ):
        for seconds in (0.3, 3.0, 30.0):
            with pytest.raises(DeadlineExceeded) as caught:
                client.decide(**ASK, timeout=seconds)
            said = caught.value.message
            if ";" in said:  # Else nothing was tried yet in that time.
                break
    assert "Tls.certificate" in said


class Probed(GrpcioTransport):
    """The transport of grpcio whose clock stands still but while it looks for a connection."""

    def _reach(self, seconds: float) -> None:
        self.clock.at += seconds - 1.0

    def begun(self, opening: Any, asked: Any, **named: Any) -> Any:
        del opening, asked
        self.left.append(named["timeout"])

    def __init__(self, clock: StillClock) -> None:
        super().__init__(Connection("127.0.0.1:1", tls=shown(None)))
        self.clock = clock
        self.left: list[float] = []


class StillClock:
    """A clock that somebody else sets."""

    def __init__(self) -> None:
        self.at = 1_000.0

    def monotonic(self) -> float:
        return self.at


def test_what_a_connection_took_is_part_of_the_time_of_a_stream(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock = StillClock()
    monkeypatch.setattr(grpcio_threads, "time", clock)
    transport = Probed(clock)
    transport.stream("/p.S/M", 30.0)
    assert transport.left == [1.0]
    transport.close()


@pytest.mark.parametrize("kind", [*KINDS])
def test_a_daemon_with_tls_that_is_not_there_yet_is_waited_for(kind: str) -> None:
    address = f"127.0.0.1:{free_port()}"
    gate = make_gate()
    with KINDS[kind](address, tls=trusting(), timeout=PATIENCE) as client:
        with pytest.raises(DeadlineExceeded, match="no answer in time"):
            client.decide(**ASK, timeout=0.3)
        tls = Tls(SERVER.certificate, SERVER.key)
        door = run(make_door(Service(gate, ""), (Listener(address, tls),)))
        with Daemon(gate, door):
            assert client.pipeline().decide(**ASK).passes
            assert client.decide(**ASK).passes


@pytest.mark.parametrize("kind", [*KINDS])
def test_a_name_that_nobody_knows_yet_is_waited_for(kind: str) -> None:
    with KINDS[kind]("nobody.invalid:1", tls=trusting(), timeout=0.3) as client:
        with pytest.raises(DeadlineExceeded) as caught:
            client.decide(**ASK)
        assert "Tls.certificate" not in caught.value.message
