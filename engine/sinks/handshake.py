"""An error of a connection in; what was wrong with its handshake of TLS, for people, out."""

from __future__ import annotations

import asyncio
import ssl

NO_TLS = frozenset({"WRONG_VERSION_NUMBER", "HTTP_REQUEST", "RECORD_LAYER_FAILURE"})
"""OpenSSL's reasons where what came is no TLS."""


def told(error: BaseException, otherwise: str) -> str:
    """Return what of the handshake *error* comes from; *otherwise* where that is not known.

    Never what the other side has said in its own words.
    """
    seen: set[int] = set()
    found: BaseException | None = error
    while found is not None and id(found) not in seen:
        seen.add(id(found))
        if isinstance(found, ssl.SSLCertVerificationError):
            return f"its certificate is not accepted: {found.verify_message}; see `ca_file`"
        if isinstance(found, ssl.SSLError):
            return reason(found.reason or "")
        found = found.__cause__ or found.__context__
    return otherwise


async def tried(server: str, context: ssl.SSLContext, seconds: float, otherwise: str) -> str:
    """Return why there is no TLS with *server* (``host:port``); *otherwise* where there is.

    For clients that do not say it.
    """
    host, _, port = server.rpartition(":")
    try:
        async with asyncio.timeout(seconds):
            _, writer = await asyncio.open_connection(host.strip("[]"), int(port), ssl=context)
            writer.close()
            await writer.wait_closed()
    except (OSError, TimeoutError, ValueError) as error:
        return told(error, otherwise)
    return otherwise


def reason(said: str) -> str:
    """Return what OpenSSL's reason means."""
    if said in NO_TLS:
        return "it speaks no TLS there"
    words = said.replace("_", " ").lower() or "it was ended"
    if "ALERT" in said:
        return f"it does not accept our certificate ({words}); see `certificate_file`"
    return f"TLS failed ({words})"
