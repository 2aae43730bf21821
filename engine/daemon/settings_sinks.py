"""Settings of where the audit trail is shipped to: one table for each sink.

Secrets never stand in the settings: a key such as `token` says where the secret is, `file:PATH` or
`env:NAME`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Literal, TypeAlias, get_args
from urllib.parse import urlsplit

import msgspec
from msgspec import Meta, Struct

from engine.sinks.credentials import FILE, is_named

Positive = Annotated[int, Meta(ge=1, le=2**31)]
Seconds = Annotated[float, Meta(ge=0, le=86_400)]
Text = Annotated[str, Meta(min_length=1)]
Form = Literal["jsonl", "ocsf", "opa", "cloudevents", "table"]

MEGABYTE = 2**20


class Common(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="kind"):
    """What every sink can be told."""

    name: Annotated[str, Meta(pattern=r"^[a-z0-9][a-z0-9_-]{0,62}$")]
    """Names its cursor, its metrics and its dead letters."""
    form: Form = "jsonl"
    tenants: tuple[Text, ...] = ()
    actions: tuple[Text, ...] = ()
    kinds: tuple[Text, ...] = ()
    """Which records it gets; empty for all."""
    checkpoints: bool = True
    """Whether it gets the signed checkpoints too."""
    batch_records: Annotated[int, Meta(ge=1, le=100_000)] = 500
    batch_bytes: Annotated[int, Meta(ge=1024, le=256 * MEGABYTE)] = MEGABYTE
    batch_seconds: Seconds = 1.0
    timeout_seconds: Annotated[float, Meta(gt=0, le=3600)] = 30.0
    retry_seconds: Annotated[float, Meta(gt=0, le=3600)] = 0.2
    """The first pause; each is twice as long as the one before."""
    retry_most_seconds: Annotated[float, Meta(gt=0, le=3600)] = 60.0


class Secured(Common, frozen=True, kw_only=True):
    """A sink behind TLS."""

    ca_file: str = ""
    certificate_file: str = ""
    key_file: str = ""


class File(Common, frozen=True, kw_only=True, tag="file"):
    """Lines of a file."""

    folder: Text
    rotate_megabytes: Annotated[int, Meta(ge=1, le=65_536)] = 64


class S3(Secured, frozen=True, kw_only=True, tag="s3"):
    """Objects of a bucket."""

    url: Text
    region: str = ""
    endpoint: str = ""
    key_id: str = "env:AWS_ACCESS_KEY_ID"
    secret: str = "env:AWS_SECRET_ACCESS_KEY"  # noqa: S105 - where it is, not what
    session: str = ""
    lock: Literal["any", "governance", "compliance", "off"] = "any"
    batch_records: Annotated[int, Meta(ge=1, le=100_000)] = 10_000
    batch_bytes: Annotated[int, Meta(ge=1024, le=256 * MEGABYTE)] = 8 * MEGABYTE
    batch_seconds: Seconds = 30.0


class Kafka(Secured, frozen=True, kw_only=True, tag="kafka"):
    """Messages of a topic."""

    servers: Annotated[tuple[Text, ...], Meta(min_length=1)]
    topic: Text
    tls: bool = False
    username: str = ""
    password: str = ""
    mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = "SCRAM-SHA-512"
    compression: Literal["none", "gzip"] = "gzip"


class Nats(Secured, frozen=True, kw_only=True, tag="nats"):
    """Messages of a stream."""

    servers: Annotated[tuple[Text, ...], Meta(min_length=1)]
    subject: Text
    tls: bool = False
    username: str = ""
    password: str = ""
    token: str = ""
    credentials_file: str = ""


class Web(Secured, frozen=True, kw_only=True):
    """What is reached by a URL."""

    url: Text
    token: str = ""
    username: str = ""
    password: str = ""
    gzip: bool = True


class Otlp(Web, frozen=True, kw_only=True, tag="otlp"):
    """Log records of OpenTelemetry. The URL mostly ends with ``/v1/logs``."""

    service: Text = "policy-engine"


class Http(Web, frozen=True, kw_only=True, tag="http"):
    """Requests in the shape that the receiver wants."""

    shape: Literal["array", "lines", "splunk", "elastic"] = "array"
    index: Text = "policy-audit"
    """Of Elasticsearch."""
    ack: bool = True
    """Of Splunk: a batch counts when it is indexed, and not when it was received."""


AnySink: TypeAlias = File | S3 | Kafka | Nats | Otlp | Http
KINDS: dict[str, type[Common]] = {str(one.__struct_config__.tag): one for one in get_args(AnySink)}
SECRETS = ("username", "password", "token", "key_id", "secret", "session")
PATHS = ("folder", "ca_file", "certificate_file", "key_file", "credentials_file")
TLS_FILES = ("ca_file", "certificate_file", "key_file")
URLS = {"otlp": ("http", "https"), "http": ("http", "https"), "s3": ("s3", "gs", "az", "abfs")}


class SinksError(Exception):
    """Tables that are no sinks. The text has one line for each problem."""


def read_sinks(value: object) -> tuple[AnySink, ...]:
    """Return the sinks in *value*, a list of tables. Raises SinksError with all problems."""
    if not isinstance(value, list | tuple):
        raise SinksError("`audit.sinks` must be an array of tables: write [[audit.sinks]]")
    problems: list[str] = []
    found: list[AnySink] = []
    for number, table in enumerate(value, 1):
        what = name_of(table, number)
        wrong = list(misspelt(table))
        if not wrong:
            try:
                one: AnySink = msgspec.convert(table, AnySink)
            except msgspec.ValidationError as error:
                wrong = [str(error).replace(" - at `$.", " - at `")]
            else:
                wrong = list(unfit(one))
                found.append(one)
        problems += [f"{what}: {text}" for text in wrong]
    for name, count in Counter(one.name for one in found).items():
        if count > 1:
            problems.append(f"sink `{name}`: {count} sinks have this name")
    if problems:
        raise SinksError("\n".join(problems))
    return tuple(found)


def name_of(table: object, number: int) -> str:
    """Return what to call the sink in *table*."""
    name = table.get("name") if isinstance(table, dict) else None
    return f"sink `{name}`" if isinstance(name, str) else f"sink {number}"


def misspelt(table: object) -> Iterator[str]:
    """Yield what is wrong with the words in *table*."""
    if not isinstance(table, dict):
        yield "must be a table"
        return
    kind = table.get("kind")
    if kind not in KINDS:
        yield "`kind` must be one of " + ", ".join(f'"{one}"' for one in KINDS)
        return
    known = [one.encode_name for one in msgspec.structs.fields(KINDS[kind])]
    for key in table:
        if key != "kind" and key not in known:
            close = get_close_matches(str(key), known, n=1)
            hint = f"did you mean `{close[0]}`?" if close else "known are " + ", ".join(known)
            yield f"unknown key `{key}`; {hint}"


def unfit(one: AnySink) -> Iterator[str]:
    """Yield what of a sink's values cannot be."""
    values: Mapping[str, object] = msgspec.structs.asdict(one)
    for key in SECRETS:
        if not is_named(str(values.get(key, ""))):
            yield f"`{key}` must say where the secret is: file:PATH or env:NAME"
    schemes = URLS.get(kind_of(one), ())
    if schemes:
        yield from unfit_url(str(values["url"]), schemes)
    if isinstance(one, S3) and one.lock != "off":
        if not one.url.startswith("s3://"):
            yield '`lock` can only be verified for s3://; see to it there, and set it to "off"'
        elif not (one.key_id and one.secret):
            yield '`lock` is verified with `key_id` and `secret`; without them set it to "off"'
    yield from unfit_tls(one)
    if one.retry_most_seconds < one.retry_seconds:
        yield "`retry_most_seconds` is less than `retry_seconds`"


def unfit_tls(one: AnySink) -> Iterator[str]:
    """Yield why what is said of TLS cannot hold: it would be left aside."""
    if not isinstance(one, Secured):
        return
    if bool(one.certificate_file) != bool(one.key_file):
        yield "`certificate_file` and `key_file` belong together"
    given = [key for key in TLS_FILES if getattr(one, key)]
    match one:
        case Kafka() | Nats() if given and not one.tls:
            yield f"`{given[0]}` is of TLS, and none is spoken: set `tls = true`"
        case Nats() if not one.tls and any(server.startswith("tls:") for server in one.servers):
            yield "`servers` begin with tls://: set `tls = true`"
        case S3() if one.certificate_file:
            yield "`certificate_file` cannot be shown to a bucket: use `key_id` and `secret`"
        case Web() if given and one.url.startswith("http:"):
            yield f"`{given[0]}` is of TLS, and `url` begins with http://"
        case _:
            pass


def unfit_url(url: str, schemes: tuple[str, ...]) -> Iterator[str]:
    """Yield why *url* cannot be used."""
    try:
        parts = urlsplit(url)
    except ValueError:
        yield "`url` is none"
        return
    if not parts.netloc or parts.scheme not in schemes:
        yield "`url` must begin with " + " or ".join(f"{scheme}://" for scheme in schemes)
    if "@" in parts.netloc:
        yield "`url` must not hold a user or a password: use `username` and `password`"


def kind_of(one: AnySink) -> str:
    """Return the sink's kind."""
    return str(type(one).__struct_config__.tag)


def rooted(value: object, folder: Path) -> object:
    """Return *value* with relative paths in *folder*, where the file of settings lies."""
    if not isinstance(value, list):
        return value
    return [
        {key: _rooted(key, one, folder) for key, one in table.items()}
        if isinstance(table, dict)
        else table
        for table in value
    ]


def _rooted(key: str, value: object, folder: Path) -> object:
    if not isinstance(value, str) or not value:
        return value
    if key in PATHS:
        return str(folder / value)
    if key in SECRETS and value.startswith(FILE):
        return f"{FILE}{folder / value.removeprefix(FILE)}"
    return value


def render_sinks(sinks: tuple[AnySink, ...]) -> str:
    """Return *sinks* as tables of TOML."""
    parts = []
    for one in sinks:
        lines = [f'kind = "{kind_of(one)}"']
        for key, value in msgspec.structs.asdict(one).items():
            shown = list(value) if isinstance(value, tuple) else value
            # JSON's lists of strings, strings, numbers and truth values are written alike in TOML.
            lines.append(f"{key} = {msgspec.json.encode(shown).decode()}")
        parts.append("[[audit.sinks]]\n" + "\n".join(lines) + "\n")
    return "\n".join(parts)
