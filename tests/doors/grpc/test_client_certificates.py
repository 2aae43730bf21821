"""Who has shown a certificate is told in what is recorded, over both servers; strangers are not."""

from __future__ import annotations

import hashlib
import socket
import ssl
import struct
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import grpc
import pytest
from grpc_reflection.v1alpha import reflection_pb2
from h2.connection import H2Connection
from h2.events import StreamEnded

from engine.doors.grpc.client_certificates import (
    MOST_NAMES,
    allowed_names,
    may_ask,
    read_certificate,
)
from engine.doors.grpc.listener import Listener, Tls
from engine.doors.grpc.service import Service
from engine.language.diagnostics import Diagnostic
from engine.runtime.certificate import Certificate
from engine.service.entries import ReviewEntry
from engine.service.reviews import Reviews
from engine.storage.reviews_sqlite import SqliteReviews
from engine.wire import engine_pb2 as wire
from tests.doors.grpc.authority import Authority, Pair
from tests.doors.grpc.reviewing import Place
from tests.doors.grpc.serving import (
    PATIENCE,
    Channel,
    Daemon,
    ask,
    call,
    decide,
    decide_stream,
    make_door,
    make_gate,
    refused,
    run,
    serve,
)
from tests.service.test_gate import Kept

AUTHORITY = Authority()
SERVER = AUTHORITY.issue()
GATEWAY = AUTHORITY.issue("Gateway.example", uris=("spiffe://north/Gateway",))
OTHER = AUTHORITY.issue("other.example")
HEALTH = "/grpc.health.v1.Health/Check"


async def reload() -> Sequence[Diagnostic]:
    return ()


@contextmanager
def daemon(
    allowed: str = "",
    roots: bytes | None = AUTHORITY.root,
    more: tuple[Listener, ...] = (),
) -> Iterator[Daemon]:
    tls = Tls(SERVER.certificate, SERVER.key, roots, allowed_names(allowed))
    gate = make_gate()
    gate.recorder = Kept()
    listeners = (Listener("127.0.0.1:0", tls), *more)
    door = run(make_door(Service(gate, "", reload), listeners, reflect=True, admin=True))
    with Daemon(gate, door) as made:
        yield made


def channel_to(daemon: Daemon, own: Pair | None) -> Channel:
    pair = (own.key, own.certificate) if own else (None, None)
    return grpc.secure_channel(daemon.address, grpc.ssl_channel_credentials(AUTHORITY.root, *pair))


def told(daemon: Daemon) -> list[Certificate | None]:
    """Return the certificates in what was recorded."""
    recorder: Any = daemon.gate.recorder
    return [one.client_certificate for one in (*recorder.entries, *recorder.others)]


def of(pair: Pair) -> Certificate:
    found, _ = read_certificate(ssl.PEM_cert_to_DER_cert(pair.certificate.decode()))
    return found


def test_subject_names_and_fingerprint_are_those_of_the_certificate() -> None:
    der = ssl.PEM_cert_to_DER_cert(GATEWAY.certificate.decode())
    assert of(GATEWAY) == Certificate(
        subject="CN=Gateway.example",
        names=("DNS:Gateway.example", "IP Address:127.0.0.1", "URI:spiffe://north/Gateway"),
        sha256=hashlib.sha256(der).hexdigest(),
    )


def test_what_is_no_certificate_that_can_be_read_is_nobodys() -> None:
    assert read_certificate(b"odd") == (
        Certificate(sha256=hashlib.sha256(b"odd").hexdigest()),
        frozenset(),
    )


def test_a_certificate_without_names_has_none_and_very_many_are_not_all_told() -> None:
    many = AUTHORITY.issue("a.example", uris=[f"spiffe://north/{n}" for n in range(50)])
    assert len(of(many).names) == MOST_NAMES
    assert may_ask(
        read_certificate(ssl.PEM_cert_to_DER_cert(many.certificate.decode()))[1],
        allowed_names("spiffe://north/49"),
    )
    root = ssl.PEM_cert_to_DER_cert(AUTHORITY.root.decode())
    assert read_certificate(root)[0].names == ()


@pytest.mark.parametrize(
    ("allowed", "well"),
    [
        ("", True),
        ("gateway.EXAMPLE", True),
        ("nobody, spiffe://north/Gateway", True),
        ("127.0.0.1", True),
        ("spiffe://north/gateway", False),
        ("example, .example, *.example", False),
        ("CN=Gateway.example", False),
    ],
)
def test_a_name_is_compared_whole_and_of_hosts_the_case_does_not_matter(
    allowed: str, *, well: bool
) -> None:
    _, names = read_certificate(ssl.PEM_cert_to_DER_cert(GATEWAY.certificate.decode()))
    assert may_ask(names, allowed_names(allowed)) is well


def test_a_name_of_one_kind_is_no_name_of_another() -> None:
    """An authority that may vouch for hosts of its own may have any URI signed, for instance."""
    odd = AUTHORITY.issue("x@north", uris=("gateway.example", "127.0.0.2", "ann@gateway.example"))
    _, names = read_certificate(ssl.PEM_cert_to_DER_cert(odd.certificate.decode()))
    for allowed in ("gateway.example", "127.0.0.2", "ann@gateway.example", "x@north"):
        assert not may_ask(names, allowed_names(allowed)), allowed
    assert may_ask(names, allowed_names("127.0.0.1"))


def test_every_kind_of_call_is_recorded_with_who_has_made_it() -> None:
    with daemon() as made:
        for pair in (GATEWAY, OTHER):
            with channel_to(made, pair) as channel:
                decision = decide(channel, ask())
                batch = wire.DecideBatchRequest(requests=[ask(), ask()])
                call(channel, "PolicyEngine/DecideBatch", batch)
                answers = decide_stream(channel, iter([ask().SerializeToString()] * 2))
                assert len(list(answers)) == 2
                usage = wire.SettleRequest(decision_id=decision.decision_id)
                call(channel, "PolicyEngine/Settle", usage)
                call(channel, "Admin/Reload", wire.ReloadRequest())
        seen = told(made)
        assert (seen.count(of(GATEWAY)), seen.count(of(OTHER)), len(seen)) == (7, 7, 14)


def test_nobody_is_told_of_where_none_is_asked_for() -> None:
    with daemon(roots=None) as made, channel_to(made, None) as channel:
        decide(channel, ask())
        assert told(made) == [None]


def test_who_has_none_of_the_names_is_refused_whatever_is_asked() -> None:
    with daemon("spiffe://north/Gateway") as made:
        with channel_to(made, OTHER) as channel:
            for path in ("/engine.v1.PolicyEngine/Decide", HEALTH, "/engine.v1.Admin/Reload"):
                asked = ask().SerializeToString() if path.endswith("Decide") else b""
                error = refused(partial(channel.unary_unary(path), asked))
                assert error.code() is grpc.StatusCode.PERMISSION_DENIED
                assert "grpc.tls.client_names" in error.details()
            error = refused(lambda: list(decide_stream(channel, iter([b""]))))
            assert error.code() is grpc.StatusCode.PERMISSION_DENIED
        assert told(made) == []
        with channel_to(made, GATEWAY) as channel:
            assert decide(channel, ask()).action == wire.ACTION_ALLOW
            assert channel.unary_unary(HEALTH)(b"") == b"\x08\x01"
            watch = channel.unary_stream("/grpc.health.v1.Health/Watch")(b"")
            assert next(iter(watch)) == b"\x08\x01"
            watch.cancel()
            reflect = channel.stream_stream(
                "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
                reflection_pb2.ServerReflectionRequest.SerializeToString,
            )
            (listed,) = reflect(iter([reflection_pb2.ServerReflectionRequest(list_services="")]))
            assert b"engine.v1.PolicyEngine" in listed
            unknown = refused(lambda: channel.unary_unary("/engine.v1.Nothing/At")(b""))
            assert unknown.code() is grpc.StatusCode.UNIMPLEMENTED
        assert told(made) == [of(GATEWAY)]


def test_a_socket_beside_the_port_knows_nobody_and_answers(tmp_path: Path) -> None:
    with (
        daemon("nobody.example", more=(Listener(f"unix://{tmp_path}/s"),)) as made,
        grpc.insecure_channel(f"unix://{tmp_path}/s") as channel,
    ):
        decide(channel, ask())
        assert told(made) == [None]


def test_acts_on_reviews_are_recorded_with_the_certificate_of_who_acts(tmp_path: Path) -> None:
    recorder = Kept()
    store = SqliteReviews(tmp_path / "reviews.db")
    reviews = Reviews(store, recorder, time.time_ns)
    tls = Tls(SERVER.certificate, SERVER.key, AUTHORITY.root)
    with serve(tls=tls, reviews=reviews) as made, channel_to(made, GATEWAY) as channel:
        review_id = Place(made, channel).pay().escalation.review_id
        claim = wire.ClaimReviewRequest(review_id=review_id, reviewer="zoe")
        call(channel, "PolicyEngine/ClaimReview", claim)
        acts = {one.act: one.certificate for one in reviews.history(review_id).deeds}
    reviews.close()
    assert acts == {"opened": None, "claimed": of(GATEWAY)}
    lines = [one for one in recorder.others if isinstance(one, ReviewEntry)]
    told = {one.act: one.client_certificate for one in lines}
    assert told == {"opened": None, "claimed": of(GATEWAY)}


def test_calls_of_two_connections_at_once_are_not_taken_for_one_another() -> None:
    with (
        daemon() as made,
        channel_to(made, GATEWAY) as first,
        channel_to(made, OTHER) as second,
    ):
        method = "/engine.v1.PolicyEngine/Decide"
        pending = [
            (
                name,
                channel.unary_unary(method).future(
                    ask(request_id=name).SerializeToString(), timeout=PATIENCE, wait_for_ready=True
                ),
            )
            for _ in range(50)
            for name, channel in (("gateway", first), ("other", second))
        ]
        for _, one in pending:
            one.result()
        recorder: Any = made.gate.recorder
        seen = {(one.request_id, one.client_certificate.sha256) for one in recorder.entries}
        assert seen == {("gateway", of(GATEWAY).sha256), ("other", of(OTHER).sha256)}


def test_a_session_that_is_taken_up_again_is_of_the_same_caller(tmp_path: Path) -> None:
    context = ssl.create_default_context(cadata=AUTHORITY.root.decode())
    context.set_alpn_protocols(["h2"])
    files = GATEWAY.write(tmp_path)
    context.load_cert_chain(files.certificate, files.key)
    for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
        context.minimum_version = context.maximum_version = version
        with daemon() as made:
            session = decide_raw(made, context, None)
            decide_raw(made, context, session)
            assert told(made) == [of(GATEWAY)] * 2


def decide_raw(made: Daemon, context: ssl.SSLContext, session: Any) -> Any:
    """Ask for a decision with nothing but a socket; return the session of TLS."""
    host, _, port = made.address.rpartition(":")
    with (
        socket.create_connection((host, int(port)), 10) as raw,
        context.wrap_socket(raw, server_hostname="localhost", session=session) as found,
    ):
        peer = H2Connection()
        peer.initiate_connection()
        head = {
            ":method": "POST",
            ":scheme": "https",
            ":path": "/engine.v1.PolicyEngine/Decide",
            ":authority": "localhost",
            "te": "trailers",
            "content-type": "application/grpc",
        }
        body = ask().SerializeToString()
        peer.send_headers(1, list(head.items()))
        peer.send_data(1, struct.pack(">BI", 0, len(body)) + body, end_stream=True)
        found.sendall(peer.data_to_send())
        events: list[object] = []
        while not any(isinstance(one, StreamEnded) for one in events):
            events += peer.receive_data(found.recv(65536))
        return found.session
