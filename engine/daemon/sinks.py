"""The settings of a sink in, the sink out; or one sentence about what stands in the way."""

from __future__ import annotations

import asyncio
import base64
import ssl
from collections.abc import Awaitable, Callable, Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import assert_never
from urllib.parse import urlsplit

from engine.daemon.settings_sinks import (
    S3,
    AnySink,
    File,
    Http,
    Kafka,
    Nats,
    Otlp,
    Secured,
    Web,
)
from engine.sinks import web
from engine.sinks.batch import Chosen, with_origin
from engine.sinks.credentials import Tls, secret, tls_context
from engine.sinks.file import FileSink
from engine.sinks.forms import line
from engine.sinks.forms_taken import take
from engine.sinks.http import HttpSink
from engine.sinks.kafka import KafkaSink
from engine.sinks.nats import NatsSink
from engine.sinks.otlp import OtlpSink
from engine.sinks.s3 import S3Sink
from engine.sinks.s3_lock import Bucket, ask, require_lock
from engine.sinks.sink import Sink, SinkError

SCHEMES = {"splunk": "Splunk", "elastic": "ApiKey"}
"""What stands before a token, by the shape; Bearer before others."""
SUFFIXES = {"splunk": "/event", "elastic": "/_bulk"}
MEGABYTE = 2**20
DEFAULT_REGION = "us-east-1"
JSONL = "jsonl"


def open_sink(one: AnySink) -> Sink:
    """Return the sink. Raises SinkError."""
    match one:
        case File():
            return FileSink(Path(one.folder), one.rotate_megabytes * MEGABYTE)
        case S3():
            return open_s3(one)
        case Kafka():
            return open_kafka(one)
        case Nats():
            return open_nats(one)
        case Otlp():
            make = web_of(one, "", "Bearer")
            return OtlpSink(make, {"service.name": one.service})
        case Http():
            make = web_of(one, SUFFIXES.get(one.shape, ""), SCHEMES.get(one.shape, "Bearer"))
            return HttpSink(
                make, one.shape, index=one.index, ack=one.ack, patience=one.timeout_seconds
            )
        case _:
            assert_never(one)


def body_of(form: str, trail: str, sequence: int, payload: bytes) -> bytes:
    """Return the record as JSON in the form that was chosen."""
    if form == JSONL:
        return with_origin(trail, sequence, payload)
    return line(form, take(trail, sequence, payload))


def chosen_of(one: AnySink) -> Chosen:
    """Return which records the sink gets."""
    return Chosen(frozenset(one.tenants), frozenset(one.actions), frozenset(one.kinds))


def context_of(one: Secured) -> ssl.SSLContext:
    """Return what TLS connections are made with. Raises SinkError."""
    return tls_context(Tls(one.ca_file, one.certificate_file, one.key_file))


def web_of(one: Web, suffix: str, scheme: str) -> Callable[[], web.Web]:
    """Return what makes the client; it is tried once. Raises SinkError."""
    headers = headers_of(one, scheme)
    context = context_of(one) if one.url.startswith("https:") else None

    def make() -> web.Web:
        return web.Web(
            one.url.rstrip("/"), headers, context, one.timeout_seconds, suffix=suffix, pack=one.gzip
        )

    web.need("httpx", "http")
    return make


def headers_of(one: Web, scheme: str) -> Mapping[str, str]:
    """Return the headers that say who we are. Raises SinkError."""
    if one.token:
        return {"Authorization": f"{scheme} {secret(one.token, 'token')}"}
    if one.username:
        pair = f"{secret(one.username, 'username')}:{secret(one.password, 'password')}"
        return {"Authorization": f"Basic {base64.b64encode(pair.encode()).decode()}"}
    return {}


def open_kafka(one: Kafka) -> Sink:
    """Return the sink. Raises SinkError."""
    options: dict[str, object] = {"bootstrap_servers": list(one.servers)}
    protocol = "SSL" if one.tls else "PLAINTEXT"
    if one.compression != "none":
        options["compression_type"] = one.compression
    if one.tls:
        options["ssl_context"] = context_of(one)
    if one.username:
        protocol = f"SASL_{protocol}"
        options |= {
            "sasl_mechanism": one.mechanism,
            "sasl_plain_username": secret(one.username, "username"),
            "sasl_plain_password": secret(one.password, "password"),
        }
    options["security_protocol"] = protocol
    return KafkaSink(one.topic, options, one.timeout_seconds)


def open_nats(one: Nats) -> Sink:
    """Return the sink. Raises SinkError."""
    options: dict[str, object] = {}
    if one.username:
        options |= {
            "user": secret(one.username, "username"),
            "password": secret(one.password, "password"),
        }
    if one.token:
        options["token"] = secret(one.token, "token")
    if one.credentials_file:
        web.need("nkeys", "nats")
        options["user_credentials"] = one.credentials_file
    context = context_of(one) if one.tls else None
    return NatsSink(one.servers, one.subject, options, context, one.timeout_seconds)


def open_s3(one: S3) -> Sink:
    """Return the sink. Raises SinkError."""
    config: dict[str, object] = {}
    check: Callable[[], Awaitable[None]] | None = None
    client: dict[str, object] = {"timeout": f"{one.timeout_seconds}s"}
    if one.ca_file:
        client["root_certificate"] = authority(one.ca_file)
    if one.url.startswith("s3://"):
        region = one.region or DEFAULT_REGION
        config |= {"region": region, "checksum_algorithm": "SHA256"}
        if one.endpoint:
            config["endpoint"] = one.endpoint
            client["allow_http"] = one.endpoint.startswith("http://")
        if one.key_id and one.secret:
            bucket = Bucket(
                one.endpoint or f"https://s3.{region}.amazonaws.com",
                urlsplit(one.url).netloc,
                region,
                secret(one.key_id, "key_id"),
                secret(one.secret, "secret"),
                secret(one.session, "session"),
            )
            config |= {"access_key_id": bucket.key_id, "secret_access_key": bucket.secret}
            if bucket.token:
                config["session_token"] = bucket.token
            if one.lock != "off":
                check = checking(bucket, one)
    return S3Sink(one.url, config, client, check, one.timeout_seconds)


def authority(file: str) -> str:
    """Return the certificates in *file* as text. Raises SinkError."""
    tls_context(Tls(ca_file=file))
    return Path(file).read_text("ascii", "replace")


def checking(bucket: Bucket, one: S3) -> Callable[[], Awaitable[None]]:
    """Return what raises Away where *bucket* does not lock as it must."""
    context = context_of(one) if bucket.endpoint.startswith("https:") else None

    async def check() -> None:
        found = await asyncio.to_thread(
            ask, bucket, datetime.now(UTC), context, one.timeout_seconds
        )
        require_lock(bucket, one.lock, found)

    return check


def check_sinks(sinks: Iterable[AnySink]) -> list[str]:
    """Return why sinks cannot be made: a package, a file or a secret that is missing."""
    problems = []
    for one in sinks:
        try:
            open_sink(one)
        except SinkError as error:
            problems.append(f"sink `{one.name}`: {error}")
    return problems
