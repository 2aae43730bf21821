"""Fields of a call as they are sent, and what the fields of an answer say (gRPC over HTTP/2)."""

from __future__ import annotations

import base64
import re
from binascii import Error as NotBase64
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import unquote_to_bytes

from pol_client._http2.fields import Fields, block_of, literal
from pol_client._http2.frames import Code
from pol_client.errors import DETAILS, InvalidRequest, NoDecision, no_decision, violations
from pol_client.results import Failure, Violation

CODES = (
    "OK",
    "CANCELLED",
    "UNKNOWN",
    "INVALID_ARGUMENT",
    "DEADLINE_EXCEEDED",
    "NOT_FOUND",
    "ALREADY_EXISTS",
    "PERMISSION_DENIED",
    "RESOURCE_EXHAUSTED",
    "FAILED_PRECONDITION",
    "ABORTED",
    "OUT_OF_RANGE",
    "UNIMPLEMENTED",
    "INTERNAL",
    "UNAVAILABLE",
    "DATA_LOSS",
    "UNAUTHENTICATED",
)
"""The gRPC statuses, by number."""
NAMES = {str(number).encode(): name for number, name in enumerate(CODES)}
HTTP = re.compile(rb"[1-5]\d\d")
OF_HTTP = {
    b"400": "INTERNAL",
    b"401": "UNAUTHENTICATED",
    b"403": "PERMISSION_DENIED",
    b"404": "UNIMPLEMENTED",
    b"429": "UNAVAILABLE",
    b"502": "UNAVAILABLE",
    b"503": "UNAVAILABLE",
    b"504": "UNAVAILABLE",
}
"""What a status of HTTP means where nothing says more; any other is UNKNOWN."""
OF_RESET = {
    Code.REFUSED_STREAM: "UNAVAILABLE",
    Code.CANCEL: "CANCELLED",
    Code.ENHANCE_YOUR_CALM: "RESOURCE_EXHAUSTED",
    Code.INADEQUATE_SECURITY: "PERMISSION_DENIED",
}
"""What a stream that the daemon breaks off means; any other code is INTERNAL."""

AGENT = b"pol-engine-client-python"
UNITS = ((b"n", 1e-9), (b"u", 1e-6), (b"m", 1e-3), (b"S", 1.0), (b"M", 60.0), (b"H", 3600.0))
MOST_DIGITS = 100_000_000
"""A timeout has eight digits at most."""
FORBIDDEN = frozenset(
    (b"connection", b"keep-alive", b"proxy-connection", b"transfer-encoding", b"upgrade")
)
GRPC = b"application/grpc"
STATUS = b"grpc-status"
"""Said once: of two, one is not the daemon's."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What the fields of an answer say, which may come first or last."""

    http: bytes = b""
    """The status of HTTP: there where the fields come first."""
    code: str = ""
    """The name of the status of gRPC: there where the fields come last."""
    message: str = ""
    violations: tuple[Violation, ...] = ()
    grpc: bool = True
    """Whether what follows is said to be gRPC."""
    broken: bool = False
    """Whether these are no fields of an answer (RFC 9113, 8.1.1)."""

    def failure(self) -> NoDecision | None:
        """Return what the end of a call means; None when it went well."""
        if self.code == "OK":
            return None
        if self.code:
            return no_decision(Failure(self.code, self.message, self.violations))
        if self.http not in (b"", b"200") or not self.grpc:
            code = OF_HTTP.get(self.http, "UNKNOWN")
            return no_decision(Failure(code, f"no gRPC answer, HTTP status {self.http.decode()}"))
        return NoDecision("UNKNOWN", "the answer has no gRPC status")


def read_answer(fields: Fields) -> Answer:
    """Return what *fields* say."""
    http = b""
    plain: dict[bytes, bytes] = {}
    for name, value in fields:
        if name[:1] == b":":
            if name != b":status" or http or plain or not HTTP.fullmatch(value):
                return Answer(broken=True)
            http = value
        elif name in FORBIDDEN or name != name.lower() or (name == STATUS and name in plain):
            return Answer(broken=True)
        else:
            plain[name] = value
    kind = plain.get(b"content-type")
    return Answer(
        http=http,
        code=_code(plain.get(STATUS)),
        message=unquote_to_bytes(plain.get(b"grpc-message", b"")).decode("utf-8", "replace"),
        violations=_violations(plain.get(DETAILS.encode())),
        grpc=kind is None or kind.startswith(GRPC),
    )


def _code(text: bytes | None) -> str:
    """Return the name of a status; empty where there is none."""
    if text is None:
        return ""
    return NAMES.get(text, "UNKNOWN")


def _violations(text: bytes | None) -> tuple[Violation, ...]:
    """Return the wrong paths that an answer lists. Details that cannot be read say nothing."""
    if text is None:
        return ()
    try:
        raw = base64.b64decode(text + b"=" * (-len(text) % 4))
    except NotBase64:
        return ()
    return violations(((DETAILS, raw),))


def of_reset(code: int) -> NoDecision:
    """Return what it means that the daemon breaks a call off."""
    known = code in Code.__members__.values()
    name = Code(code).name if known else str(code)
    said = OF_RESET.get(Code(code), "INTERNAL") if known else "INTERNAL"
    return no_decision(Failure(said, f"the daemon broke the call off: {name}"))


def call_block(scheme: bytes, authority: str, path: str) -> bytes:
    """Return the fields of every call."""
    return block_of(
        (
            (b":method", b"POST"),
            (b":scheme", scheme),
            (b":path", path.encode()),
            (b":authority", authority.encode()),
            (b"te", b"trailers"),
            (b"content-type", b"application/grpc"),
            (b"user-agent", AGENT),
        )
    )


def metadata_block(pairs: Sequence[tuple[str, str | bytes]]) -> bytes:
    """Return the fields of metadata. Raises InvalidRequest."""
    return b"".join([_metadatum(*pair) for pair in pairs])


def _metadatum(name: str, value: str | bytes) -> bytes:
    lower = name.lower()
    if lower.endswith("-bin") and isinstance(value, bytes):
        return literal(lower.encode(), base64.b64encode(value).rstrip(b"="))
    proper = isinstance(value, str) and value.isascii() and value.isprintable()
    if not proper or not lower.isascii() or not lower.isprintable() or ":" in lower or " " in lower:
        where = Violation(f"metadata.{lower}", "names and values are printable ASCII")
        raise InvalidRequest("the request cannot be sent", (where,))
    return literal(lower.encode(), str(value).strip().encode())


class Timeouts:
    """Remembers the field of the last time: calls alike have nearly the same."""

    __slots__ = ("_field", "_least", "_most")

    def __init__(self) -> None:
        self._field = b""
        self._least, self._most = 1.0, 0.0
        """Between these all have that field, since more time never has a field that says less."""

    def field(self, seconds: float) -> bytes:
        """Return the same as `timeout_field`."""
        if self._least <= seconds <= self._most:  # Hot path.
            return self._field
        made = timeout_field(seconds)
        if made == self._field and self._least <= self._most:
            self._least, self._most = min(self._least, seconds), max(self._most, seconds)
        else:
            self._field, self._least, self._most = made, seconds, seconds
        return made


def timeout_field(seconds: float) -> bytes:
    """Return the field that tells how long a caller waits: a little more rather than less.

    Two digits count, so that calls alike have the same fields, which both sides remember.
    """
    for unit, size in UNITS:  # noqa: B007  the last one counts
        number = seconds / size
        if number < MOST_DIGITS:
            break
    else:
        return b""  # As good as none.
    whole = max(int(number) + (number > int(number)), 1)
    step = 10 ** max(len(str(whole)) - 2, 0)
    whole = -(-whole // step) * step
    if whole >= MOST_DIGITS:
        whole = MOST_DIGITS - 1
    return literal(b"grpc-timeout", str(whole).encode() + unit)
