from __future__ import annotations

import json
import socket
import ssl
import threading
from collections.abc import Callable, Sequence
from contextlib import closing, suppress
from http import HTTPStatus
from pathlib import Path

import grpc
import pytest

from engine.classifiers.call import ANSWER_BYTES, Failed, check_scores
from engine.classifiers.grpc_call import GrpcTransport
from engine.classifiers.http_call import IDLE, HttpTransport
from engine.classifiers.hub import connect
from engine.wire import classifier_pb2 as wire
from tests.classifiers.servers import (
    Server,
    Talk,
    by_length,
    grpc_server,
    honest,
    honest_grpc,
    http_server,
    page,
    scores,
)

TEXTS = ["one", "a longer text"]
SECRET = "the user's own words"
PATIENCE = 60.0
SHORT = 0.2
"""For those who get no answer in any time."""


def ask(endpoint: str, texts: Sequence[str] = TEXTS, seconds: float = PATIENCE) -> list[float]:
    """Call the server once, as a line does."""
    with closing(connect(endpoint)) as transport:
        return check_scores(transport.classify("toxicity", texts, seconds), len(texts))


def failure(endpoint: str, seconds: float = PATIENCE) -> tuple[str, str]:
    """Return the kind of the failure and its sentence, which holds nothing that was sent."""
    with pytest.raises(Failed) as caught:
        ask(endpoint, [SECRET, "two"], seconds)
    assert SECRET not in str(caught.value)
    assert caught.value.__cause__ is None
    return caught.value.kind, str(caught.value)


def nowhere(scheme: str) -> str:
    """Return the address of a port where nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return f"{scheme}://127.0.0.1:{listener.getsockname()[1]}"


# --- both ----------------------------------------------------------------------------------------


def test_every_text_gets_its_score_in_order() -> None:
    with http_server(honest) as server:
        assert ask(server.endpoint) == by_length(TEXTS)
        assert server.calls == [TEXTS]
    with grpc_server(honest_grpc) as server:
        assert ask(server.endpoint) == by_length(TEXTS)
        assert server.calls == [TEXTS]


def test_texts_of_any_kind_arrive_as_they_are() -> None:
    texts = ["", "\x00\x01", "é\U0001f600", '"\\\n', "x" * 300_000]
    with http_server(honest) as server:
        ask(server.endpoint, texts)
        assert server.calls == [texts]
    with grpc_server(honest_grpc) as server:
        ask(server.endpoint, texts)
        assert server.calls == [texts]


@pytest.mark.parametrize("scheme", ["http", "grpc"])
def test_where_nobody_listens_it_cannot_be_reached(scheme: str) -> None:
    kind, sentence = failure(nowhere(scheme))
    assert kind == "unreachable"
    assert "cannot be reached" in sentence


LIES = [
    ([0.1], "it gave 1 scores for 2 texts"),
    ([], "it gave 0 scores for 2 texts"),
    ([0.1, 0.2, 0.3], "it gave 3 scores for 2 texts"),
    ([0.1, float("nan")], "it gave a score that is no number from 0 to 1"),
    ([0.1, float("inf")], "it gave a score that is no number from 0 to 1"),
    ([-0.1, 0.5], "it gave a score that is no number from 0 to 1"),
    ([0.1, 1.5], "it gave a score that is no number from 0 to 1"),
]


@pytest.mark.parametrize(("lie", "sentence"), LIES)
def test_a_server_that_lies_has_failed(lie: list[float], sentence: str) -> None:
    with grpc_server(lambda *_: wire.ClassifyResponse(scores=lie)) as server:
        assert failure(server.endpoint) == ("invalid", sentence)

    def talk(_server: Server, connection: socket.socket, _texts: list[str]) -> bool:
        connection.sendall(page(json.dumps({"scores": lie}).encode()))
        return True

    with http_server(talk) as server:
        kind, told = failure(server.endpoint)
    assert kind == "invalid"
    # NaN and infinity are no JSON.
    assert told in {sentence, "its answer is no JSON with scores"}


@pytest.mark.parametrize("odd", [True, "0.5", None, {}])
def test_a_score_that_is_no_number_is_none(odd: object) -> None:
    with pytest.raises(Failed, match="no number"):
        check_scores([odd], 1)


# --- gRPC ----------------------------------------------------------------------------------------


def hang(server: Server, *_: object) -> wire.ClassifyResponse:
    server.release.wait(PATIENCE)
    return wire.ClassifyResponse()


def test_a_grpc_server_that_hangs_is_not_waited_for() -> None:
    with grpc_server(hang) as server:
        assert failure(server.endpoint, SHORT) == ("timeout", "it did not answer within 200 ms")


def test_another_status_is_told_without_its_text() -> None:
    def refuse(
        _server: Server, request: wire.ClassifyRequest, context: grpc.ServicerContext
    ) -> None:
        context.abort(grpc.StatusCode.PERMISSION_DENIED, f"no: {request.texts[0]}")

    with grpc_server(refuse) as server:
        sentence = "it answered with the status PERMISSION_DENIED"
        assert failure(server.endpoint) == ("status", sentence)


def test_a_giant_or_garbled_grpc_answer_has_failed() -> None:
    giant = wire.ClassifyResponse(scores=[0.5] * ANSWER_BYTES)
    with grpc_server(lambda *_: giant) as server:
        assert failure(server.endpoint)[0] == "invalid"
    with grpc_server(lambda *_: b"\xff\xff\xff") as server:
        assert failure(server.endpoint) == ("invalid", "its answer cannot be read")


def test_a_grpc_server_that_dies_in_a_call_has_failed() -> None:
    """It says hello as HTTP/2 does, and hangs up."""
    listener = socket.create_server(("127.0.0.1", 0))

    def die() -> None:
        connection, _ = listener.accept()
        connection.recv(24)
        connection.sendall(b"\x00\x00\x00\x04\x00\x00\x00\x00\x00")
        connection.close()
        listener.close()

    thread = threading.Thread(target=die)
    thread.start()
    kind, _ = failure(f"grpc://127.0.0.1:{listener.getsockname()[1]}")
    thread.join()
    assert kind == "unreachable"


def test_a_call_that_is_ended_from_here_has_failed() -> None:
    entered = threading.Event()

    def wait(server: Server, *_: object) -> wire.ClassifyResponse:
        entered.set()
        return hang(server)

    with grpc_server(wait) as server:
        transport = GrpcTransport(server.endpoint)

        def end() -> None:
            entered.wait(PATIENCE)
            transport.close()

        threading.Thread(target=end).start()
        with pytest.raises(Failed) as caught:
            transport.classify("toxicity", ["x"], PATIENCE)
    assert caught.value.kind == "ended"


def test_grpcs_and_unix_addresses_are_understood(tmp_path: Path) -> None:
    path = tmp_path / "nobody.sock"
    assert failure(f"unix:{path}")[0] == "unreachable"
    assert failure(nowhere("grpcs"))[0] == "unreachable"


# --- HTTP ----------------------------------------------------------------------------------------


def saying(answer: bytes, *, goes_on: bool = False) -> Talk:
    """Return what writes *answer* and hangs up."""

    def talk(_server: Server, connection: socket.socket, _texts: list[str]) -> bool:
        connection.sendall(answer)
        return goes_on

    return talk


BAD: list[tuple[bytes, str, str]] = [
    (page(b"no", HTTPStatus.INTERNAL_SERVER_ERROR), "status", "the status 500"),
    (page(b"", HTTPStatus.FOUND, more="Location: /x\r\n"), "status", "the status 302"),
    (page(scores(0.1, 0.2))[:-5], "ended", "before its answer was complete"),
    (b"", "ended", "before its answer was complete"),
    (page(b"<html>"), "invalid", "no JSON with scores"),
    (page(b'{"score": [1]}'), "invalid", "no JSON with scores"),
    (page(b"[0.1, 0.2]"), "invalid", "no JSON with scores"),
    (page(b" " * (ANSWER_BYTES + 1)), "invalid", "longer than"),
    (b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n", "invalid", "longer than"),
    (b"HTTP/1.1 200 OK\r\n\r\n" + b" " * (ANSWER_BYTES + 1), "invalid", "longer than"),
    (b"HTTP/1.1 200 OK\r\n\r\n{", "invalid", "no JSON with scores"),
    (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{", "ended", "before its answer"),
    (b"SSH-2.0-OpenSSH_9\r\n", "invalid", "no HTTP"),
    (b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 200, "invalid", "no HTTP"),
]


@pytest.mark.parametrize(("answer", "kind", "sentence"), BAD)
def test_an_answer_that_is_none_has_failed(answer: bytes, kind: str, sentence: str) -> None:
    with http_server(saying(answer)) as server:
        found, told = failure(server.endpoint)
    assert found == kind
    assert sentence in told


def test_an_answer_in_pieces_and_one_without_a_length_are_read() -> None:
    body = scores(0.25, 0.5)
    chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    chunked += b"".join(b"1\r\n%c\r\n" % one for one in body) + b"0\r\n\r\n"
    for answer in (chunked, b"HTTP/1.1 200 OK\r\n\r\n" + body):
        with http_server(saying(answer)) as server:
            assert ask(server.endpoint) == [0.25, 0.5]


def hanging(server: Server, connection: socket.socket, _texts: list[str]) -> bool:
    del connection
    server.release.wait(PATIENCE)
    return False


def dripping(server: Server, connection: socket.socket, _texts: list[str]) -> bool:
    """Send a byte of the head now and then: no single read is late."""
    for one in b"HTTP/1.1 200 OK\r\nX-Slow: " + b"z" * 10_000:
        if server.release.wait(0.02):
            return False
        with suppress(OSError):
            connection.sendall(bytes([one]))
    return False


@pytest.mark.parametrize("talk", [hanging, dripping])
def test_an_http_server_that_hangs_or_drips_is_not_waited_for(talk: Talk) -> None:
    with http_server(talk) as server:
        assert failure(server.endpoint, SHORT) == ("timeout", "it did not answer within 200 ms")


def test_a_connection_is_used_again_and_replaced_when_the_server_has_closed_it() -> None:
    closing_down = threading.Event()

    def talk(server: Server, connection: socket.socket, texts: list[str]) -> bool:
        honest(server, connection, texts)
        return not closing_down.is_set()

    with http_server(talk) as server, closing(HttpTransport(server.endpoint)) as transport:
        transport.classify("toxicity", TEXTS, PATIENCE)
        (kept,) = transport._idle
        transport.classify("toxicity", TEXTS, PATIENCE)
        assert transport._idle == [kept]
        closing_down.set()
        transport.classify("toxicity", TEXTS, PATIENCE)  # answered, then closed
        assert transport.classify("toxicity", TEXTS, PATIENCE) == by_length(TEXTS)
        assert len(server.calls) == 4


def test_no_more_connections_are_kept_than_are_needed() -> None:
    gate = threading.Barrier(IDLE + 1)

    def talk(server: Server, connection: socket.socket, texts: list[str]) -> bool:
        gate.wait(PATIENCE)
        return honest(server, connection, texts)

    with http_server(talk) as server, closing(HttpTransport(server.endpoint)) as transport:
        threads = [
            threading.Thread(target=transport.classify, args=("toxicity", TEXTS, PATIENCE))
            for _ in range(IDLE + 1)
        ]
        for one in threads:
            one.start()
        for one in threads:
            one.join()
        assert len(transport._idle) == IDLE


def test_https_asks_for_a_certificate_that_it_can_trust() -> None:
    here = Path(__file__).parent.parent / "doors/grpc"
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(here / "localhost.crt", here / "localhost.key")
    listener = socket.create_server(("127.0.0.1", 0))

    def greet() -> None:
        connection, _ = listener.accept()
        with suppress(OSError), connection:
            context.wrap_socket(connection, server_side=True)

    thread = threading.Thread(target=greet)
    thread.start()
    assert failure(f"https://127.0.0.1:{listener.getsockname()[1]}/score")[0] == "unreachable"
    thread.join()
    listener.close()


def test_the_scheme_chooses_the_transport() -> None:
    made: list[tuple[str, Callable[..., object]]] = [
        ("http://127.0.0.1", HttpTransport),
        ("https://models.test:8443/a?b=c", HttpTransport),
        ("grpc://127.0.0.1:1", GrpcTransport),
        ("unix:/run/model.sock", GrpcTransport),
    ]
    for endpoint, kind in made:
        with closing(connect(endpoint)) as transport:
            assert type(transport) is kind
