"""The URL of a server in; what makes connections with it out, and a name for it without secrets."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from redis.asyncio.connection import (
    AbstractConnection,
    Connection,
    SSLConnection,
    UnixDomainSocketConnection,
    parse_url,
)
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

_PORT = 6379
_KNOWN = frozenset({"host", "port", "path", "username", "password", "db", "connection_class"})


@dataclass(frozen=True, slots=True)
class Tls:
    """Files for `rediss://`: whom to trust (None: whom the system does), and who we are."""

    ca: str | None = None
    certificate: str | None = None
    key: str | None = None


@dataclass(frozen=True, slots=True)
class Address:
    """Where a server is, and how it is entered. `str` has no password."""

    kind: type[AbstractConnection]
    options: Mapping[str, Any] = field(repr=False)

    def __str__(self) -> str:
        path = self.options.get("path")
        return path or f"{self.options['host']}:{self.options['port']}"

    @property
    def host(self) -> str:
        """The name of the machine; empty for a socket."""
        return str(self.options.get("host", ""))

    def beside(self, host: str, port: int) -> Address:
        """Return another node of the same cluster, entered in the same way."""
        return replace(self, options={**self.options, "host": host, "port": port})

    def connection(self) -> AbstractConnection:
        """Return a connection that is not open yet. It tries nothing twice, and waits for ever."""
        made: AbstractConnection = self.kind(
            **self.options,
            socket_timeout=None,
            socket_connect_timeout=None,
            retry=Retry(NoBackoff(), 0),
            protocol=2,
        )
        return made


def read_url(url: str, tls: Tls | None = None) -> Address:
    """Return the address at *url*; ValueError, which does not repeat it, where it is none."""
    told: dict[str, Any] = dict(parse_url(url))
    unknown = sorted(told.keys() - _KNOWN)
    if unknown:
        raise ValueError(f"it must not say `{unknown[0]}`")
    kind = told.pop("connection_class", Connection)
    if kind is not UnixDomainSocketConnection:
        told = {"host": "localhost", "port": _PORT, **told}
    if kind is SSLConnection:
        tls = tls or Tls()
        told |= {
            "ssl_ca_certs": tls.ca,
            "ssl_certfile": tls.certificate,
            "ssl_keyfile": tls.key,
            "ssl_password": "",  # Else it would be asked for at the terminal.
            "ssl_check_hostname": True,
        }
    elif tls is not None:
        raise ValueError("files for TLS are given, and it does not begin with `rediss://`")
    return Address(kind, told)
