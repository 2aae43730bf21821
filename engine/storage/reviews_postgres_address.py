"""The URL of a PostgreSQL database in; how to connect with it, and a name without secrets, out."""

from __future__ import annotations

import socket
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, urlsplit

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo

SCHEMES = ("postgresql", "postgres")
SECRET = frozenset({"password", "sslpassword", "passfile"})

KEEPALIVE_SECONDS = 30

NONE = "it is no URL of PostgreSQL; what is special in a password is written as %XX"


@dataclass(frozen=True, slots=True)
class Tls:
    """Files (PEM): whom to trust, who we are; empty for none."""

    ca: str = ""
    certificate: str = ""
    key: str = ""


@dataclass(frozen=True, slots=True)
class Address:
    """Where a database is, and how it is entered. `str` has no password."""

    told: Mapping[str, str] = field(repr=False)

    def __str__(self) -> str:
        host = self.told.get("host", "") or "a local socket"
        port = self.told.get("port", "")
        where = host if not port or host.startswith("/") else f"{host}:{port}"
        return f"the database `{self.told.get('dbname') or self.told.get('user', '')}` on {where}"

    def options(self, timeout: float) -> dict[str, str]:
        """Return what psycopg connects with; a connection is made within *timeout* seconds.

        The client library takes whole seconds, and two at least.
        """
        return {
            "application_name": "pol-engine",
            "target_session_attrs": "read-write",
            "keepalives_idle": str(KEEPALIVE_SECONDS),
            "tcp_user_timeout": str(int(timeout * 1000)),
            **self.told,
            "connect_timeout": str(max(2, round(timeout))),
        }

    def places(self, timeout: float) -> list[str]:
        """Return `options` for each server, as the client library reads them; with the password.

        Every address of a name is a place of its own: the library would wait for one that does not
        answer for as long as the system does.
        """
        options = self.options(timeout)
        names = ("host", "hostaddr", "port")
        lists = {name: options[name].split(",") for name in names if options.get(name)}
        most = max(map(len, lists.values()), default=1)
        if any(len(each) not in {1, most} for each in lists.values()):
            return [make_conninfo("", **options)]  # The library says what is wrong.
        found: list[str] = []
        for number in range(most):
            here = {name: each[number % len(each)] for name, each in lists.items()}
            found += [
                make_conninfo("", **{**options, **here, **address})
                for address in addresses_of(here)
            ]
        return found


def addresses_of(place: Mapping[str, str]) -> list[dict[str, str]]:
    """Return the addresses that the host of *place* has; an empty one where nothing is to be known.

    Those of a name that nobody knows, too: the library says so.
    """
    host = place.get("host", "")
    if place.get("hostaddr") or not host or host.startswith(("/", "@")):
        return [{}]
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        return [{}]
    return [{"hostaddr": one} for one in dict.fromkeys(str(at[0]) for *_, at in found)]


def read_url(url: str, tls: Tls | None = None) -> Address:
    """Return the address at *url*; ValueError, which does not repeat it, where it is none.

    With a file of whom to trust the server must prove its name (``sslmode=verify-full``), unless
    the URL says otherwise.
    """
    if url.partition("://")[0] not in SCHEMES or "://" not in url:
        raise ValueError("it must begin with `postgresql://`")
    try:
        split = urlsplit(url)
        queried = {name for name, _ in parse_qsl(split.query, keep_blank_values=True)}
        told = conninfo_to_dict(url)
    except (psycopg.Error, ValueError):  # What they say holds pieces of it.
        raise ValueError(NONE) from None
    ports = str(told.get("port") or "0").split(",")
    # An `@` in a host is one in a password: it would be shown with the host.
    if "@" in str(told.get("host")) or not all(one.isdecimal() for one in ports):
        raise ValueError(NONE)
    hidden = sorted(queried & SECRET)
    if hidden:
        raise ValueError(f"`{hidden[0]}` does not belong behind the `?`, where it would be shown")
    options = {name: str(value) for name, value in told.items() if value is not None}
    given = tls or Tls()
    files = {"sslrootcert": given.ca, "sslcert": given.certificate, "sslkey": given.key}
    if given.ca:
        options = {"sslmode": "verify-full", **options}
    return Address({**options, **{name: file for name, file in files.items() if file}})
