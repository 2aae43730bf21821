"""An address and a body in; sent by POST, or why not. No redirect is followed, TLS is verified."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Mapping
from contextlib import closing, suppress
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from urllib.parse import urlsplit

from engine.sinks.notice import NotSent
from engine.sinks.notify_dial import dialled

TAKEN = range(200, 300)
REDIRECTED = range(300, 400)
MOST_ANSWER = 65_536
"""Bytes of an answer that are read: nobody looks at them."""


class NoAddress(Exception):
    """Nothing can be posted to it; the text says why."""


@dataclass(frozen=True, slots=True)
class Address:
    """Where to post: *host* and *port* over TLS or not, and the *target* there."""

    secure: bool
    host: str
    port: int
    target: str


def read_address(url: str) -> Address:
    """Return *url* taken apart. Raises NoAddress, which never repeats it: it may be a secret."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        raise NoAddress("the `url` is no URL") from None
    if parts.scheme not in {"http", "https"} or not host:
        raise NoAddress("the `url` begins with https:// or http://, and names a host")
    if parts.username is not None or parts.password is not None:
        raise NoAddress("the `url` holds no user and no password")
    if any(not one.isprintable() or one.isspace() for one in url) or not url.isascii():
        raise NoAddress("the `url` holds a blank, or what must be percent-encoded")
    target = parts.path or "/"
    target += f"?{parts.query}" if parts.query else ""
    secure = parts.scheme == "https"
    return Address(secure, host, port or (443 if secure else 80), target)


def post(
    address: Address,
    body: bytes,
    headers: Mapping[str, str],
    timeout: float,
    context: ssl.SSLContext,
) -> None:
    """Return when the other side has taken *body*, within *timeout* seconds. Raises NotSent."""
    try:
        with dialled(address.host, address.port, timeout, timeout) as line:
            status = ask(line, address, body, headers, context)
    except ssl.SSLError as error:
        raise NotSent(f"TLS: {error.reason or error}") from None
    except HTTPException as error:
        raise NotSent(f"the answer is no HTTP: {type(error).__name__}") from None
    except OSError as error:
        raise NotSent(error.strerror or str(error) or type(error).__name__) from None
    if status in REDIRECTED:
        raise NotSent(f"it answers {status}: redirects are not followed")
    if status not in TAKEN:
        raise NotSent(f"it answers {status}")


def ask(
    line: socket.socket,
    address: Address,
    body: bytes,
    headers: Mapping[str, str],
    context: ssl.SSLContext,
) -> int:
    """Return the status of the answer. Raises OSError and HTTPException."""
    kind = HTTPSConnection if address.secure else HTTPConnection
    session = kind(address.host, address.port)
    if address.secure:
        line = context.wrap_socket(line, server_hostname=address.host)
    session.sock = line
    with closing(session):
        session.request("POST", address.target, body, dict(headers))
        answer = session.getresponse()
        with suppress(OSError, HTTPException, ValueError):  # The status has said it.
            answer.read(MOST_ANSWER)
        return answer.status
