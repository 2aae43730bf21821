"""Sinks that are made of their settings, with credentials from where those say."""

from __future__ import annotations

import base64
from pathlib import Path

import msgspec
import pytest

from engine.daemon.settings_sinks import AnySink, Http, read_sinks
from engine.daemon.sinks import body_of, check_sinks, headers_of, open_sink
from engine.sinks.credentials import Tls, secret, tls_context
from engine.sinks.http import HttpSink
from engine.sinks.kafka import KafkaSink
from engine.sinks.nats import NatsSink
from engine.sinks.s3 import S3Sink
from engine.sinks.sink import SinkError


def one(kind: str, **more: object) -> AnySink:
    (found,) = read_sinks([{"kind": kind, "name": "x", **more}])
    return found


def web(**more: object) -> Http:
    found = one("http", url="https://host/x", **more)
    assert isinstance(found, Http)
    return found


def test_a_token_stands_behind_what_the_receiver_wants(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOKEN", "abc")
    assert headers_of(web(token="env:TOKEN"), "Splunk") == {"Authorization": "Splunk abc"}
    pair = base64.b64encode(b"abc:abc").decode()
    basic = headers_of(web(username="env:TOKEN", password="env:TOKEN"), "Bearer")
    assert basic == {"Authorization": f"Basic {pair}"}
    assert headers_of(web(), "Bearer") == {}


def test_a_secret_that_cannot_be_had_is_named_and_not_quoted(tmp_path: Path) -> None:
    (tmp_path / "empty").write_text("\n")
    (tmp_path / "binary").write_bytes(b"\xff")
    for where, why in (
        ("env:NO_SUCH", "the variable NO_SUCH is not set"),
        (f"file:{tmp_path}/none", "No such file"),
        (f"file:{tmp_path}/empty", "is empty"),
        (f"file:{tmp_path}/binary", "it is not UTF-8"),
    ):
        with pytest.raises(SinkError, match=why):
            secret(where, "token")
    assert secret("", "token") == ""


def test_tls_files_that_cannot_be_read_are_told(tmp_path: Path) -> None:
    with pytest.raises(SinkError, match="the TLS files cannot be read"):
        tls_context(Tls(ca_file=str(tmp_path / "none")))
    (tmp_path / "bad.pem").write_text("no certificate")
    with pytest.raises(SinkError, match="the TLS files cannot be read"):
        tls_context(Tls(certificate_file=str(tmp_path / "bad.pem")))
    with pytest.raises(SinkError, match="TLS"):
        open_sink(web(ca_file=str(tmp_path / "none")))


def test_kafka_speaks_as_it_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("U", "u")
    plain = open_sink(one("kafka", servers=["h:1"], topic="t"))
    assert isinstance(plain, KafkaSink)
    assert plain._options["security_protocol"] == "PLAINTEXT"
    safe = open_sink(
        one(
            "kafka",
            servers=["h:1"],
            topic="t",
            tls=True,
            username="env:U",
            password="env:U",
            compression="none",
        )
    )
    assert isinstance(safe, KafkaSink)
    assert safe._options["security_protocol"] == "SASL_SSL"
    assert safe._options["sasl_mechanism"] == "SCRAM-SHA-512"
    assert "compression_type" not in safe._options


def test_nats_speaks_as_it_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("U", "u")
    sink = open_sink(
        one(
            "nats",
            servers=["nats://h"],
            subject="s",
            tls=True,
            username="env:U",
            password="env:U",
            token="env:U",
            credentials_file="/c",
        )
    )
    assert isinstance(sink, NatsSink)
    assert set(sink._options) == {"user", "password", "token", "user_credentials", "tls"}


def test_a_bucket_is_reached_as_it_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "SESSION"):
        monkeypatch.setenv(name, "x")
    sink = open_sink(one("s3", url="s3://b/p", session="env:SESSION"))
    assert isinstance(sink, S3Sink)
    assert sink._config["session_token"] == "x"
    assert sink._check is not None
    instance = open_sink(one("s3", url="s3://b/p", key_id="", lock="off"))
    assert isinstance(instance, S3Sink)
    assert "access_key_id" not in instance._config
    assert instance._check is None
    with pytest.raises(SinkError, match="no bucket can be reached"):
        S3Sink("s3://b/p", {"nonsense": "x"}, {}, None, 1.0)


def test_all_sinks_that_cannot_be_made_are_told() -> None:
    found = check_sinks([web(token="env:NO_SUCH"), web(), web(token="env:NO_OTHER")])
    assert [line.split(": ")[2] for line in found] == [
        "the variable NO_SUCH is not set",
        "the variable NO_OTHER is not set",
    ]


def test_splunk_and_elastic_have_their_paths() -> None:
    for shape, path in (("splunk", "/event"), ("elastic", "/_bulk"), ("array", "")):
        sink = open_sink(web(shape=shape))
        assert isinstance(sink, HttpSink)
        assert sink._open_web()._suffix == path


def test_a_record_has_its_origin_or_another_form() -> None:
    payload = b'{"kind":"admin","time":"2026-01-01T00:00:00Z","act":"x"}'
    assert msgspec.json.decode(body_of("jsonl", "t", 3, payload))["sequence"] == 3
    assert msgspec.json.decode(body_of("cloudevents", "t", 3, payload))["id"] == "3"
