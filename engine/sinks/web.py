"""A URL, headers and a body in; the answer, or that the sink is away, out.

What an answer means is the same for most that take batches over HTTP: 2xx is taken; 400, 413, 415
and 422 are about what was sent; everything else is not, and is told with what to do about it.
"""

from __future__ import annotations

import asyncio
import gzip
import importlib
import ssl
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from types import ModuleType
from typing import TypeVar

import msgspec

from engine.sinks.handshake import told
from engine.sinks.sink import Away, Refused, SinkError

Told = TypeVar("Told")

JSON = "application/json"
LINES = "application/x-ndjson"
FINE = range(200, 300)
ELSEWHERE = range(300, 400)
ABOUT_THE_BATCH = frozenset({400, 413, 415, 422})
BROKEN = frozenset({500, 502, 504})
"""A server failed, perhaps for the sake of one record; 503 says that it takes nothing now."""
REMEDIES = {
    401: "it does not accept who we are; see `token`, or `username` and `password`",
    403: "we may not write there; see `token`, or `username` and `password`",
    404: "nothing takes records there; see `url`",
    405: "nothing takes records there; see `url`",
    413: "too large",
}
MOST_ANSWER = 16 * 2**20
MOST_AFTER = 3600.0
LEVEL = 1
"""Of gzip: logs shrink by four fifths as it is, and a higher level takes four times as long."""


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer of a server."""

    status: int
    body: bytes


def need(module: str, name: str) -> ModuleType:
    """Return *module*, which the extra *name* installs. Raises SinkError."""
    try:
        return importlib.import_module(module)
    except ImportError:
        package = module.partition(".")[0]
        raise SinkError(
            f"this needs {package}, which is not installed: pip install 'pol-engine[{name}]'"
        ) from None


def judged(answer: Answer, after: float) -> Answer:
    """Return *answer* if it says that the body was taken. Raises Away and Refused.

    *after*: how many seconds it asks to be left alone.
    """
    if answer.status in FINE:
        return answer
    remedy = REMEDIES.get(answer.status, "")
    if answer.status in ELSEWHERE:
        remedy = "it sends us elsewhere, and we do not go; see `url`"
    why = f"it answers {answer.status}" + (f": {remedy}" if remedy else "")
    if answer.status in ABOUT_THE_BATCH:
        raise Refused(why)
    raise Away(why, after, suspect=answer.status in BROKEN and not after)


class Web:
    """A client of one server, with its connections."""

    def __init__(
        self,
        url: str,
        headers: Mapping[str, str],
        context: ssl.SSLContext | None,
        timeout: float,
        *,
        suffix: str = "",
        pack: bool,
    ) -> None:
        """Raise SinkError where the client is not installed. *timeout* is for a whole call.

        *suffix* stands behind the URL; *pack*: compress what is sent.
        """
        self._url = url
        self._suffix = suffix
        self._headers = dict(headers)
        self._timeout = timeout
        self._pack = pack
        self._httpx = need("httpx", "http")
        self._client = self._httpx.AsyncClient(
            verify=context if context is not None else True, timeout=None, trust_env=False
        )

    async def post(
        self,
        body: bytes,
        kind: str,
        *,
        path: str | None = None,
        headers: Mapping[str, str] | None = None,
        judge: Callable[[Answer, float], Answer] = judged,
    ) -> Answer:
        """Send *body* and return the answer, if *judge* lets it pass. Raises Away and Refused.

        *path* stands behind the URL in place of the usual *suffix*.
        """
        url = self._url + (self._suffix if path is None else path)
        given = {**self._headers, "Content-Type": kind, **(headers or {})}
        if self._pack:
            given["Content-Encoding"] = "gzip"
            body = gzip.compress(body, LEVEL, mtime=0)
        try:
            async with asyncio.timeout(self._timeout):
                found = await self._ask(url, body, given)
        except TimeoutError:
            raise Away(f"no answer within {self._timeout:g} s", suspect=True) from None
        except self._httpx.HTTPError as error:
            name = type(error).__name__
            why = told(error, f"no connection, or a broken one ({name})")
            raise Away(why, suspect=not isinstance(error, self._httpx.ConnectError)) from None
        answer, after = found
        return judge(answer, seconds_of(after, time.time()))

    async def _ask(self, url: str, body: bytes, headers: Mapping[str, str]) -> tuple[Answer, str]:
        """Return the answer and its Retry-After; raise Away where it is too long."""
        async with self._client.stream("POST", url, content=body, headers=headers) as found:
            read = bytearray()
            async for piece in found.aiter_bytes():
                read += piece
                if len(read) > MOST_ANSWER:
                    raise Away("its answer is too long")
            return Answer(found.status_code, bytes(read)), found.headers.get("Retry-After", "")

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()


def seconds_of(after: str, now: float) -> float:
    """Return the seconds from *now* that a Retry-After asks for; 0 where it gives none."""
    text = after.strip()
    if text.isascii() and text.isdigit():
        return min(MOST_AFTER, float(text))
    try:
        moment = parsedate_to_datetime(text).timestamp()
    except (ValueError, OverflowError):
        return 0.0
    return min(MOST_AFTER, max(0.0, moment - now))


def decoded(answer: Answer, kind: type[Told]) -> Told:
    """Return the answer's body as a *kind*. Raises Away where it is none."""
    try:
        return msgspec.json.decode(answer.body, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise Away("its answer cannot be understood") from None
