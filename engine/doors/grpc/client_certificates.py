"""A client's certificate in, what the record says of it, and whether its holder may ask, out.

grpcio's server hands the certificate over with each call, the lean one once for a connection.
"""

from __future__ import annotations

import inspect
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from functools import lru_cache
from hashlib import sha256
from importlib import import_module
from ipaddress import ip_address
from typing import Any

import grpc
import grpc.aio

from engine.runtime.certificate import Certificate
from engine.service.callers import CALLER, Caller

STRANGER = "no name in the client's certificate is one that may ask (`grpc.tls.client_names`)"
MOST_NAMES = 16
LONGEST = 500
"""So many names, and characters of each and of the subject, are recorded."""
REMEMBERED = 256

HOST, URI, EMAIL, ADDRESS = "DNS", "URI", "email", "IP Address"
"""The kinds of names, as OpenSSL calls them."""

NAMES = "engine.doors.grpc.certificate_names"
"""What reads certificates: it takes its time to load, and most daemons are shown none."""


def load_reader() -> None:
    """Load what reads certificates, so that nobody who shows one waits for it."""
    import_module(NAMES)


def read_certificate(der: bytes) -> tuple[Certificate, frozenset[str]]:
    """Return what the record says of a certificate, and all its names as they are compared."""
    subject, names = import_module(NAMES).read_names(der)
    told = Certificate(
        subject=subject[:LONGEST],
        names=tuple([f"{kind}:{name}"[:LONGEST] for kind, name in names[:MOST_NAMES]]),
        sha256=sha256(der).hexdigest(),
    )
    return told, frozenset([compared(kind, name) for kind, name in names])


def compared(kind: str, name: str) -> str:
    """Return *name* as it is compared: of hosts the case does not matter, of all else it does.

    With its *kind*: an authority that may vouch for some hosts only (RFC 5280, 4.2.1.10) may still
    write the name of another host into a URI.
    """
    return f"{kind}:{name.lower() if kind == HOST else name}"


def allowed_names(text: str) -> frozenset[str]:
    """Return the names in *text*, which has commas between them, as they are compared."""
    names = [one.strip() for one in text.split(",")]
    return frozenset([allowed_name(one) for one in names if one])


def allowed_name(name: str) -> str:
    """Return a *name* of the settings as it is compared; it looks like what it is."""
    with suppress(ValueError):
        return compared(ADDRESS, str(ip_address(name)))
    if ":" in name:
        return compared(URI, name)
    return compared(EMAIL if "@" in name else HOST, name)


def may_ask(names: frozenset[str], allowed: frozenset[str]) -> bool:
    """Return whether a certificate with *names* is of one of the *allowed*; empty for all."""
    return not allowed or not allowed.isdisjoint(names)


@lru_cache(REMEMBERED)
def read_pem(pem: bytes) -> tuple[Certificate, frozenset[str]]:
    """Return the same of a certificate as text, read once."""
    return read_certificate(ssl.PEM_cert_to_DER_cert(pem.decode("ascii")))


Answer = Callable[[Any, Any], Any]
Handler = Any
"""grpc.RpcMethodHandler, which is generic in its stubs alone."""


class Recognition(grpc.aio.ServerInterceptor):  # type: ignore[type-arg]  # generic in its stubs
    """Has grpcio's calls belong to who has shown a certificate, and refuses who may not ask."""

    def __init__(self, allowed: frozenset[str]) -> None:
        self._allowed = allowed

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[Handler]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> Handler:
        """Return the handler of a call, behind a look at who calls."""
        handler = await continuation(handler_call_details)
        if handler is None:  # Of an unknown method.
            return handler
        kind, make = KINDS[(handler.request_streaming, handler.response_streaming)]
        return make(
            self._behind(getattr(handler, kind)),
            handler.request_deserializer,
            handler.response_serializer,
        )

    def _behind(self, answer: Answer) -> Answer:
        if inspect.isasyncgenfunction(answer):

            async def flow(asked: Any, context: Any) -> AsyncIterator[Any]:
                await self._recognise(context)
                async for one in answer(asked, context):
                    yield one

            return flow

        async def once(asked: Any, context: Any) -> Any:
            await self._recognise(context)
            return await answer(asked, context)

        return once

    async def _recognise(self, context: Any) -> None:
        shown = context.auth_context().get("x509_pem_cert")
        if not shown:
            return  # Of a socket, or nobody is asked who they are.
        certificate, names = read_pem(shown[0])
        if not may_ask(names, self._allowed):
            await context.abort(grpc.StatusCode.PERMISSION_DENIED, STRANGER)
        CALLER.set(Caller(certificate))


KINDS: dict[tuple[bool, bool], tuple[str, Callable[..., Handler]]] = {
    (False, False): ("unary_unary", grpc.unary_unary_rpc_method_handler),
    (False, True): ("unary_stream", grpc.unary_stream_rpc_method_handler),
    (True, False): ("stream_unary", grpc.stream_unary_rpc_method_handler),
    (True, True): ("stream_stream", grpc.stream_stream_rpc_method_handler),
}
