"""Sinks over TLS with an authority of their own: real servers, and whom they do not trust."""

from __future__ import annotations

import asyncio
import shutil
import socket
import ssl
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from threading import Thread

import boto3
import nats
import pytest
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from nats.js.api import StreamConfig

from engine.daemon.settings_sinks import SinksError, read_sinks
from engine.daemon.sinks import open_sink
from engine.sinks.credentials import Tls, tls_context
from engine.sinks.handshake import told, tried
from engine.sinks.sink import TAKEN, Away, Outcome, SinkError
from tests.doors.grpc.authority import Authority, key_pem, write_key
from tests.ports import free_port
from tests.sinks.listening import web_server
from tests.sinks.servers import Server
from tests.sinks.shipping_made import batch

AUTHORITY = Authority()
NOT_TRUSTED = "its certificate is not accepted: "
NO_TLS = "it speaks no TLS there"


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a server's certificate, its authority, another one, and a client's pair."""
    folder = tmp_path_factory.mktemp("tls")
    AUTHORITY.issue().write(folder, AUTHORITY.root)
    folder.joinpath("other.crt").write_bytes(Authority("somebody else").root)
    mine = AUTHORITY.issue("engine")
    folder.joinpath("me.crt").write_bytes(mine.certificate)
    write_key(folder / "me.key", mine.key)
    return folder


@pytest.fixture(scope="module")
def context(files: Path) -> ssl.SSLContext:
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.load_cert_chain(files / "tls.crt", files / "tls.key")
    return made


def sent(kind: str, **more: object) -> Outcome | str:
    """Return what came of a batch, or why the sink is away."""
    (one,) = read_sinks([{"kind": kind, "name": "x", "timeout_seconds": 60, **more}])

    async def go() -> Outcome | str:
        sink = open_sink(one)
        try:
            return await sink.send(batch(3))
        except Away as error:
            return str(error)
        finally:
            await sink.close()

    return asyncio.run(go())


# --- over HTTP -----------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["http", "otlp"])
def test_what_goes_over_http_trusts_the_authority_that_is_named_and_no_other(
    kind: str, files: Path, context: ssl.SSLContext
) -> None:
    with web_server(tls=context) as web:
        url = f"https://127.0.0.1:{web.port}/x"
        for trusted in ({}, {"ca_file": str(files / "other.crt")}):
            assert str(sent(kind, url=url, **trusted)).startswith(NOT_TRUSTED)
        assert web.heard == []
        assert sent(kind, url=url, ca_file=str(files / "ca.crt")) == TAKEN
        assert len(web.until(1)) == 1
    with web_server() as web:
        assert sent(kind, url=f"https://127.0.0.1:{web.port}/x") == NO_TLS


def test_a_receiver_may_ask_who_sends(files: Path) -> None:
    asking = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    asking.load_cert_chain(files / "tls.crt", files / "tls.key")
    asking.verify_mode = ssl.CERT_REQUIRED
    asking.load_verify_locations(files / "ca.crt")
    asking.maximum_version = ssl.TLSVersion.TLSv1_2  # It is refused in the handshake then.
    own = {"certificate_file": str(files / "me.crt"), "key_file": str(files / "me.key")}
    with web_server(tls=asking) as web:
        more = {"url": f"https://127.0.0.1:{web.port}/x", "ca_file": str(files / "ca.crt")}
        assert "see `certificate_file`" in str(sent("http", **more))
        assert sent("http", **more, **own) == TAKEN


# --- NATS ----------------------------------------------------------------------------------------


@contextmanager
def nats_over_tls(folder: Path, files: Path) -> Iterator[int]:
    """Run nats-server with TLS and JetStream; it asks who calls."""
    program = shutil.which("nats-server")
    if program is None:
        pytest.skip("there is no nats-server")
    port = free_port()
    tls = ("--tls", "--tlscert", f"{files}/tls.crt", "--tlskey", f"{files}/tls.key", "--tlsverify")
    more = ("--tlscacert", f"{files}/ca.crt", "-js", "-sd", str(folder))
    server = Server([program, "-a", "127.0.0.1", "-p", str(port), *tls, *more], port)
    server.start()
    try:
        asyncio.run(stream(port, files))
        yield port
    finally:
        server.kill()


async def stream(port: int, files: Path) -> None:
    made = ssl.create_default_context(cafile=files / "ca.crt")
    made.load_cert_chain(files / "me.crt", files / "me.key")
    connection = await nats.connect(f"tls://127.0.0.1:{port}", tls=made)
    await connection.jetstream().add_stream(StreamConfig(name="AUDIT", subjects=["audit"]))
    await connection.close()


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:returning true from eof_received")
def test_nats_is_trusted_by_the_authority_that_is_named_and_told_who_we_are(
    tmp_path: Path, files: Path
) -> None:
    own = {"certificate_file": str(files / "me.crt"), "key_file": str(files / "me.key")}
    with nats_over_tls(tmp_path, files) as port:
        for scheme in ("nats", "tls"):
            more = {"servers": [f"{scheme}://127.0.0.1:{port}"], "subject": "audit", "tls": True}
            trusted = {"ca_file": str(files / "ca.crt")}
            assert sent("nats", **more, **trusted, **own) == TAKEN
            wrong = {"ca_file": str(files / "other.crt"), "timeout_seconds": 3600}
            assert str(sent("nats", **more, **wrong, **own)).startswith(NOT_TRUSTED)
            assert isinstance(sent("nats", **more, **trusted, timeout_seconds=5), str)


class Eavesdropper:
    """Says that it is a NATS server without TLS, and hears what it is told."""

    def __init__(self) -> None:
        self.heard = b""
        self.server = socket.create_server(("127.0.0.1", 0))
        self.server.settimeout(60)
        self.port = self.server.getsockname()[1]
        self._thread = Thread(target=self._listen)
        self._thread.start()

    def _listen(self) -> None:
        found, _ = self.server.accept()
        with found:
            found.settimeout(60)
            found.sendall(b'INFO {"server_id":"x","version":"2.9.10","max_payload":1048576}\r\n')
            while piece := found.recv(4096):
                self.heard += piece

    def stop(self) -> None:
        self._thread.join()
        self.server.close()


def test_a_nats_server_that_offers_no_tls_is_told_no_secret(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("TOKEN", "s3cret")
    between = Eavesdropper()
    more = {"servers": [f"nats://127.0.0.1:{between.port}"], "subject": "audit"}
    assert sent("nats", **more, tls=True, token="env:TOKEN") == f"{NO_TLS}, and was told nothing"
    between.stop()
    assert between.heard == b""


# --- Kafka, S3 -----------------------------------------------------------------------------------


def test_why_there_is_no_kafka_over_tls_is_told(files: Path, context: ssl.SSLContext) -> None:
    for tls, wrong, why in ((context, "other.crt", NOT_TRUSTED), (None, "ca.crt", NO_TLS)):
        with web_server(tls=tls) as web:
            more = {"servers": [f"127.0.0.1:{web.port}"], "topic": "t", "timeout_seconds": 3}
            found = sent("kafka", **more, tls=True, ca_file=str(files / wrong))
            assert str(found).startswith(why)


@pytest.mark.slow
def test_a_bucket_is_trusted_by_the_authority_that_is_named_and_no_other(
    files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIA")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "s3cret")
    port = free_port()
    options = ["-H", "127.0.0.1", "-p", str(port), "-s", "-c", f"{files}/tls.crt"]
    options += ["-k", f"{files}/tls.key"]
    code = f"from moto.server import main; main({options!r})"
    server = Server([sys.executable, "-W", "ignore", "-c", code], port)
    server.start()
    endpoint = f"https://127.0.0.1:{port}"
    try:
        own = boto3.client(
            "s3", endpoint_url=endpoint, region_name="us-east-1", verify=str(files / "ca.crt")
        )
        own.create_bucket(Bucket="trail")
        more: Mapping[str, object] = {"url": "s3://trail", "endpoint": endpoint}
        assert sent("s3", **more, lock="off", ca_file=str(files / "ca.crt")) == TAKEN
        wrong = {"ca_file": str(files / "other.crt")}
        assert str(sent("s3", **more, lock="off", **wrong)).startswith(NOT_TRUSTED)
        assert str(sent("s3", **more, lock="any", **wrong)).startswith(NOT_TRUSTED)
        assert str(sent("s3", **more, lock="off")).startswith(NOT_TRUSTED)
    finally:
        server.kill()


# --- files and settings --------------------------------------------------------------------------


def test_a_file_that_cannot_be_used_is_named(tmp_path: Path, files: Path) -> None:
    mine = (str(files / "me.crt"), str(files / "me.key"))
    odd = tmp_path / "odd"
    odd.write_text("no PEM")
    sealed = tmp_path / "sealed"
    key = load_pem_private_key((files / "me.key").read_bytes(), None)
    sealed.write_bytes(key_pem(key, b"secret"))  # type: ignore[arg-type]
    for tls, why in (
        (Tls(ca_file=str(odd)), f"{odd} holds no certificate"),
        (Tls("", mine[0], str(files / "tls.key")), "tls.key is not that of "),
        (Tls("", mine[0], str(sealed)), "sealed is encrypted: nobody is here to decrypt it"),
        (Tls("", str(odd), mine[1]), f"{odd} or {mine[1]} is not what it should be"),
        (Tls("", mine[0], str(tmp_path / "none")), "No such file"),
    ):
        with pytest.raises(SinkError, match="the TLS files cannot be read") as caught:
            tls_context(tls)
        assert why in str(caught.value)
    (one,) = read_sinks([{"kind": "s3", "name": "x", "url": "s3://b", "ca_file": str(odd)}])
    with pytest.raises(SinkError, match="holds no certificate"):
        open_sink(one)


@pytest.mark.parametrize(
    ("table", "why"),
    [
        ({"kind": "http", "url": "http://h/", "ca_file": "c"}, "`ca_file` is of TLS, and `url`"),
        ({"kind": "otlp", "url": "https://h/", "key_file": "k"}, "belong together"),
        ({"kind": "kafka", "servers": ["h:1"], "topic": "t", "ca_file": "c"}, "set `tls = true`"),
        ({"kind": "nats", "servers": ["h"], "subject": "s", "ca_file": "c"}, "set `tls = true`"),
        ({"kind": "nats", "servers": ["tls://h"], "subject": "s"}, "set `tls = true`"),
        (
            {"kind": "s3", "url": "s3://b", "certificate_file": "c", "key_file": "k"},
            "cannot be shown to a bucket",
        ),
    ],
)
def test_what_would_be_left_aside_is_refused(table: dict[str, object], why: str) -> None:
    with pytest.raises(SinksError) as caught:
        read_sinks([{"name": "x", **table}])
    assert why in str(caught.value)


def test_an_error_that_is_not_of_tls_stays_what_it_is() -> None:
    error = OSError("refused")
    error.__context__ = error.__cause__ = ValueError("x")
    error.__cause__.__context__ = error
    assert told(error, "otherwise") == "otherwise"
    ended = ssl.SSLError(1, "x")
    ended.reason = ""
    assert told(ended, "otherwise") == "TLS failed (it was ended)"
    none = asyncio.run(tried("nowhere", ssl.create_default_context(), 1.0, "otherwise"))
    assert none == "otherwise"


def test_where_tls_is_spoken_something_else_is_wrong(files: Path, context: ssl.SSLContext) -> None:
    trusting = ssl.create_default_context(cafile=files / "ca.crt")
    with web_server(tls=context) as web:
        found = tried(f"127.0.0.1:{web.port}", trusting, 10.0, "otherwise")
        assert asyncio.run(found) == "otherwise"
