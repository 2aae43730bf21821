"""A file that says who is told of reviews, in; the sinks that tell them out.

[[sink]]
name = "pager"
kind = "webhook"                        # or slack, smtp
url = "https://pager.example/hooks/7"   # or file:PATH, env:NAME
key = "file:/run/secrets/pager"         # signs
events = ["opened", "due"]              # all without it: opened, due, expired, resolved
queues = ["treasury"]                   # all without it
link = "https://console.example/reviews/{review_id}"
"""

from __future__ import annotations

import re
import time
import tomllib
from pathlib import Path
from typing import Annotated, Literal, assert_never

import msgspec
from msgspec import Meta

from engine.service.notify import EVENTS, SECOND, Post
from engine.service.plain import read_plain
from engine.sinks.credentials import Tls, secret, tls_context
from engine.sinks.notice import Event, Way
from engine.sinks.notify_post import Address, NoAddress, read_address
from engine.sinks.notify_slack import Slack
from engine.sinks.notify_smtp import Mail
from engine.sinks.notify_webhook import Webhook
from engine.sinks.sink import SinkError

Name = Annotated[str, Meta(pattern=r"^[a-z][a-z0-9_-]{0,39}$")]
MAILBOX = re.compile(r"[^@\s,<>\x00-\x1f\x7f]+@[^@\s,<>\x00-\x1f\x7f]+")
PORTS = {"starttls": 587, "tls": 465, "none": 25}
MOST_SINKS = 32


class NotifyError(Exception):
    """The file cannot be used. The text is one sentence with the place."""


class Sink(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One of those who are told."""

    name: Name
    kind: Literal["webhook", "slack", "smtp"]
    events: tuple[Event, ...] = EVENTS
    queues: tuple[str, ...] = ()
    severity: Literal["", "low", "medium", "high", "critical"] = ""
    link: str = ""
    due_minutes: Annotated[int, Meta(ge=1, le=10_080)] = 10
    give_up_hours: Annotated[int, Meta(ge=1, le=720)] = 24
    timeout_seconds: Annotated[float, Meta(gt=0, le=60)] = 10
    url: str = ""
    key: str = ""
    host: str = ""
    port: Annotated[int, Meta(ge=0, le=65_535)] = 0
    tls: Literal["starttls", "tls", "none"] = "starttls"
    user: str = ""
    password: str = ""
    sender: str = ""
    to: tuple[str, ...] = ()
    ca_file: str = ""


class File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """All of them."""

    sink: tuple[Sink, ...]


def read_notify(path: Path) -> tuple[tuple[Post, Way], ...]:
    """Return what each sink in the file at *path* is told, and the way there.

    Raises NotifyError.
    """
    try:
        made = msgspec.convert(tomllib.loads(read_plain(path).decode()), File)
    except OSError as error:
        raise NotifyError(f"cannot read {path}: {error.strerror}") from None
    except (ValueError, RecursionError) as error:  # Thousands of digits or brackets, too.
        raise NotifyError(f"{path} is not valid TOML: {error}") from None
    except msgspec.ValidationError as error:
        raise NotifyError(f"{path}: {error}") from None
    names = [one.name for one in made.sink]
    if len(set(names)) != len(names):
        raise NotifyError(f"{path}: two sinks have the same `name`")
    if len(names) > MOST_SINKS:
        raise NotifyError(f"{path}: there are {len(names)} sinks, and {MOST_SINKS} are the most")
    try:
        return tuple((post_of(one), way_of(one, path.parent)) for one in made.sink)
    except (SinkError, NoAddress) as error:
        raise NotifyError(f"{path}: {error}") from None


def post_of(sink: Sink) -> Post:
    """Return what *sink* is told."""
    return Post(
        name=sink.name,
        events=frozenset(sink.events),
        queues=frozenset(sink.queues),
        least=sink.severity,
        due=sink.due_minutes * 60 * SECOND,
        give_up=sink.give_up_hours * 3600 * SECOND,
        link=sink.link,
    )


def way_of(sink: Sink, folder: Path) -> Way:
    """Return the way to *sink*; relative files are in *folder*. Raises SinkError and NoAddress."""
    context = tls_context(Tls(ca_file=str(folder / sink.ca_file) if sink.ca_file else ""))
    timeout = float(sink.timeout_seconds)
    match sink.kind:
        case "webhook":
            key = secret(placed(sink.key, folder), f"{sink.name}.key") if sink.key else ""
            return Webhook(address_of(sink, folder), key.encode(), timeout, context, time.time)
        case "slack":
            return Slack(address_of(sink, folder), timeout, context)
        case "smtp":
            check_mail(sink)
            password = secret(placed(sink.password, folder), f"{sink.name}.password")
            if not (sink.user + password).isascii():
                raise SinkError(
                    f"{sink.name}: mail servers take `user` and `password` in ASCII only"
                )
            return Mail(
                host=sink.host,
                port=sink.port or PORTS[sink.tls],
                tls=sink.tls,
                user=sink.user,
                password=password,
                sender=sink.sender,
                to=sink.to,
                timeout=timeout,
                context=context,
            )
        case _:
            assert_never(sink.kind)


def address_of(sink: Sink, folder: Path) -> Address:
    """Return where *sink* is posted to. Raises SinkError and NoAddress."""
    named = sink.url.startswith(("file:", "env:"))
    url = secret(placed(sink.url, folder), f"{sink.name}.url") if named else sink.url
    try:
        return read_address(url)
    except NoAddress as error:
        raise NoAddress(f"{sink.name}: {error}") from None


def placed(where: str, folder: Path) -> str:
    """Return the place of a secret, a relative file in *folder*. Raises SinkError."""
    if not where or where.startswith("env:"):
        return where
    if not where.startswith("file:"):
        raise SinkError("a secret is not written here: say file:PATH or env:NAME")
    return f"file:{folder / where.removeprefix('file:')}"


def check_mail(sink: Sink) -> None:
    """Raise SinkError when mail cannot be sent so."""
    if not sink.host or not sink.sender or not sink.to:
        raise SinkError(f"{sink.name}: mail needs `host`, `sender` and `to`")
    if not all(MAILBOX.fullmatch(one) for one in (sink.sender, *sink.to)):
        raise SinkError(f"{sink.name}: `sender` and `to` are addresses such as people@example.com")
    if bool(sink.user) != bool(sink.password):
        raise SinkError(f"{sink.name}: `user` and `password` belong together")
    if sink.user and sink.tls == "none":
        raise SinkError(f"{sink.name}: a password is sent over TLS only")
