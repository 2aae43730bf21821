"""An address -> how to reach it, and the table of the daemon's methods."""

from __future__ import annotations

import re
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from numbers import Real
from typing import Any, Literal, TypedDict

import grpc

from pol_client._wire import engine_pb2 as wire
from pol_client.errors import DeadlineExceeded, NoDecision, NotPermitted, Unavailable

UNAVAILABLE = "UNAVAILABLE"

ENGINE = "/engine.v1.PolicyEngine/"
ADMIN = "/engine.v1.Admin/"

NOT_READY = "no policies are loaded yet"
"""What a daemon says that has started and has no policies."""
MOST_SECONDS = 1e8
"""Three years: a timeout that is longer, or infinite, comes to this."""
CLOSED = "the client was closed"
"""What a client says that asks nothing any more."""
AWAY = "the daemon went away"
"""What it says where a connection ended by itself."""
UNSENDABLE = "the token cannot be sent"
REFUSED = (
    " before it spoke: with TLS, so does one over grpcio that does not accept the client's "
    "certificate (`Tls.certificate`), and its log says why"
)
"""What may be behind that while a connection is made."""
PAUSE = 0.05
"""Seconds between two looks whether a daemon is there, where grpcio does not wait by itself."""
NOT_ACCEPTED = "TLS: the daemon's certificate is not accepted"
NOT_LET_IN = "TLS: the daemon does not accept this client"
UNREACHED = ("failed to connect", "DNS resolution failed", "errors resolving")
"""How grpcio begins to say that a call never left."""
NOT_VERIFIED = ("CERTIFICATE_VERIFY_FAILED", "erification")
"""What it says somewhere of a certificate, or a name in one, that is not accepted."""
ALERTED = "TSI_DATA_CORRUPTED"
"""What it says, and no more, of an alert that came in place of the daemon's first words."""
NOBODY = re.compile("to remote host|resol")
"""What it says where nobody listens. Else somebody was there, and ended the connection."""
PROBE = "/grpc.health.v1.Health/Check"
"""What is asked before a stream is opened: whatever the answer, there is a connection then."""

Token = str | Callable[[], str] | None
Pairs = Sequence[tuple[str, str]]
Transport = Literal["lean", "grpcio"]
"""What carries calls: connections of our own, or grpcio's."""
Options = Sequence[tuple[str, str | int]]

OPTIONS: tuple[tuple[str, int], ...] = (
    # A daemon restarts in well under a second: look again soon, and never back off for minutes.
    ("grpc.initial_reconnect_backoff_ms", 50),
    ("grpc.min_reconnect_backoff_ms", 50),
    ("grpc.max_reconnect_backoff_ms", 1000),
    ("grpc.max_receive_message_length", 64 << 20),
    ("grpc.max_send_message_length", 64 << 20),
)


@dataclass(frozen=True, slots=True)
class Tls:
    """How to speak TLS: PEM bytes; without *roots* the system's certificates are trusted."""

    roots: bytes | None = None
    certificate: bytes | None = None
    """The client's own chain, where the daemon asks for one (mutual TLS)."""
    key: bytes | None = field(default=None, repr=False)
    server_name: str | None = None
    """The name in the daemon's certificate, where it is not the host's."""


@dataclass(frozen=True, slots=True)
class Method:
    """One unary method: its path, and the class of its answer."""

    path: str
    answer: Any
    """The message class."""
    repeatable: bool
    """Whether asking twice is the same as asking once."""


DECIDE = Method(ENGINE + "Decide", wire.Decision, repeatable=False)
DECIDE_BATCH = Method(ENGINE + "DecideBatch", wire.DecideBatchResponse, repeatable=False)
EXPLAIN = Method(ENGINE + "Explain", wire.Explanation, repeatable=True)
SETTLE = Method(ENGINE + "Settle", wire.SettleResponse, repeatable=True)
GET_STATUS = Method(ADMIN + "GetStatus", wire.Status, repeatable=True)
GET_REVIEW = Method(ENGINE + "GetReview", wire.Review, repeatable=True)
LIST_REVIEWS = Method(ENGINE + "ListReviews", wire.ListReviewsResponse, repeatable=True)
REVIEW_HISTORY = Method(ENGINE + "GetReviewHistory", wire.ReviewHistory, repeatable=True)
CLAIM_REVIEW = Method(ENGINE + "ClaimReview", wire.Review, repeatable=False)
RELEASE_REVIEW = Method(ENGINE + "ReleaseReview", wire.Review, repeatable=False)
HAND_OVER_REVIEW = Method(ENGINE + "HandOverReview", wire.Review, repeatable=False)
COMMENT_REVIEW = Method(ENGINE + "CommentReview", wire.Review, repeatable=False)
RESOLVE_REVIEW = Method(ENGINE + "ResolveReview", wire.Review, repeatable=False)
UNARY = (
    DECIDE,
    DECIDE_BATCH,
    EXPLAIN,
    SETTLE,
    GET_STATUS,
    GET_REVIEW,
    LIST_REVIEWS,
    REVIEW_HISTORY,
    CLAIM_REVIEW,
    RELEASE_REVIEW,
    HAND_OVER_REVIEW,
    COMMENT_REVIEW,
    RESOLVE_REVIEW,
)
WAIT_REVIEW = ENGINE + "WaitReview"
DECIDE_STREAM = ENGINE + "DecideStream"
GUARD = ENGINE + "Guard"


class More(TypedDict, total=False):
    """What one of the transports knows, and the other has no use for."""

    options: Options
    """grpcio: more options of its channel."""
    connections: int
    """lean: how many there are to each address; 1 by default."""
    workers: bool
    """lean: whether there is a connection to each worker of a daemon that says it has several; True
    by default."""
    coalesce: bool
    """lean: whether decisions asked for at once share calls; True by default."""
    in_flight: int
    """lean: how many decisions are asked for at once, 1024 by default; what is more waits."""
    waiting: int
    """lean: how many may wait, 65536 by default; one more fails with RESOURCE_EXHAUSTED."""


@dataclass(frozen=True, slots=True)
class Connection:
    """Everything about how to reach a daemon."""

    address: str | Sequence[str]
    """``host:port``, ``unix:///path/to/socket`` or any other target that gRPC knows. Several, for
    the lean transport, lead to the same daemon: one socket for each of its workers."""
    timeout: float = 1.0
    """Seconds for each call, where the call does not say otherwise."""
    tls: Tls | None = None
    token: Token = field(default=None, repr=False)
    """Sent as ``authorization: Bearer …``; a function is asked before each call."""
    metadata: Pairs = ()
    wait_for_ready: bool = True
    """Wait (within the deadline) for a daemon that is not there yet, instead of failing at once."""
    more: More = field(default_factory=lambda: More())  # noqa: PLW0108 - it is below

    def __post_init__(self) -> None:
        """Raise ValueError for a timeout that is none."""
        limited(self.timeout)

    def seconds(self, timeout: float | None = None) -> float:
        """Return how long a call may take that is given *timeout*.

        Raises ValueError for what is none, and DeadlineExceeded where no time is left: the answer
        of a daemon that is near might be there before that is noticed.
        """
        left = limited(self.timeout if timeout is None else timeout)
        if left <= 0.0:
            raise DeadlineExceeded("DEADLINE_EXCEEDED", "no time is left: it was never sent")
        return left

    def headers(self) -> tuple[tuple[str, str], ...]:
        """Return the metadata of a call. Raises NotPermitted, and whatever makes tokens does."""
        if self.token is None:
            return tuple(self.metadata)
        made = self.token() if callable(self.token) else self.token
        return (*self.metadata, ("authorization", f"Bearer {sendable(made)}"))

    @property
    def waits(self) -> bool:
        """Whether grpcio waits for a daemon that is not there.

        With TLS it would wait for another certificate too, until the deadline, and not say so.
        """
        return self.wait_for_ready and self.tls is None

    def go_on(self, failure: NoDecision, left: float) -> None:
        """Return where a daemon is waited for that grpcio cannot reach; else raise *failure*."""
        if failure.code != UNAVAILABLE or not failure.message.startswith(UNREACHED):
            raise failure
        if any(one in failure.message for one in NOT_VERIFIED):
            raise not_accepted(failure.message.rpartition("last error: ")[2])
        if ALERTED in failure.message:
            raise not_let_in("the daemon's log says why")
        if self.waits or not self.wait_for_ready:
            raise failure
        if left <= PAUSE:
            hint = "" if NOBODY.search(failure.message) else REFUSED
            why = f"no answer in time: it was never sent; {failure.message}{hint}"
            raise DeadlineExceeded("DEADLINE_EXCEEDED", why)

    @property
    def target(self) -> str:
        """The address, for a transport that takes one. Raises ValueError for several."""
        if not isinstance(self.address, str):
            raise ValueError('several addresses are for transport="lean"')  # noqa: TRY004
        return self.address

    @property
    def steady(self) -> bool:
        """Whether the metadata of all calls is the same."""
        return not callable(self.token) and (not self.metadata or type(self.metadata) is tuple)

    def channel_options(self) -> list[tuple[str, str | int]]:
        """Return the options of a channel; later ones win."""
        name = self.tls.server_name if self.tls else None
        override = [("grpc.ssl_target_name_override", name)] if name else []
        return [*OPTIONS, *override, *self.more.get("options", ())]

    def credentials(self) -> grpc.ChannelCredentials | None:
        """Return the TLS credentials, or None for a plain connection."""
        if self.tls is None:
            return None
        return grpc.ssl_channel_credentials(self.tls.roots, self.tls.key, self.tls.certificate)


def answered(answer: bytes | None) -> bytes:
    """Return the *answer*. Raises NoDecision for none: grpcio gives nothing, and calls it well."""
    if answer is None:
        raise NoDecision("INTERNAL", "the daemon said that all is well, and no answer")
    return answer


def not_accepted(why: str) -> Unavailable:
    """Return what becomes of calls where the daemon's certificate is not accepted: no waiting."""
    return Unavailable(
        UNAVAILABLE,
        f"{NOT_ACCEPTED} ({why}); see `Tls.roots` and `Tls.server_name`, or have the daemon show "
        "another",
    )


def not_let_in(why: str) -> Unavailable:
    """Return what becomes of calls where the client's certificate is not accepted: no waiting."""
    return Unavailable(
        UNAVAILABLE,
        f"{NOT_LET_IN} ({why}); see `Tls.certificate` and `Tls.key`, or have the daemon trust "
        "who issued it",
    )


def limited(seconds: float) -> float:
    """Return *seconds*, or the most that anything waits; raise ValueError for no number.

    Raises TypeError for what is of no kind of number.
    """
    if not isinstance(seconds, int | float):
        if not isinstance(seconds, Real | Decimal):
            raise TypeError(f"timeout is a number of seconds, and no {type(seconds).__name__}")
        seconds = float(seconds)
    if -MOST_SECONDS <= seconds <= MOST_SECONDS:
        return seconds
    if seconds != seconds:  # noqa: PLR0124 - only what is no number differs from itself
        raise ValueError("timeout must be a number of seconds")
    return MOST_SECONDS if seconds > 0.0 else -MOST_SECONDS


def sendable(token: object) -> str:
    """Return a token that can be sent. Its text is in no error: it would be in logs.

    Raises NotPermitted for what is no text, and what no header can carry.
    """
    if isinstance(token, str):
        if token.isascii() and token.isprintable() and token.strip():
            return token.strip()
        raise NotPermitted("UNAUTHENTICATED", f"{UNSENDABLE}: it is empty, or no line of ASCII")
    if isinstance(token, Coroutine):
        token.close()
    raise NotPermitted(
        "UNAUTHENTICATED", f"{UNSENDABLE}: it is {type(token).__name__}, and no text"
    )


def try_again(method: Method, error: NoDecision, left: float) -> bool:
    """Return whether to repeat a call that failed, with *left* seconds until its deadline.

    Only where twice is the same as once, and the daemon went away: one that answers "no policies
    are loaded yet" is there, and its answer stands. A client that was closed asks no more.
    """
    stands = error.code != UNAVAILABLE or error.message == NOT_READY or in_vain(error)
    return method.repeatable and left > 0 and not stands


def in_vain(error: NoDecision) -> bool:
    """Return whether nothing comes of asking again, until somebody does something."""
    return error.message == CLOSED or error.message.startswith((NOT_ACCEPTED, NOT_LET_IN))


def go_on_waiting(error: NoDecision, left: float) -> bool | None:
    """Return whether to begin a wait anew that was broken off; None when its time is over."""
    if in_vain(error):
        return False
    if error.code == UNAVAILABLE and left > 0:
        return True
    return None if error.code in {UNAVAILABLE, "DEADLINE_EXCEEDED"} else False
