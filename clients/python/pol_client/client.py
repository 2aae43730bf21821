"""The client for threads: one connection, calls that block until the answer or the deadline.

Repeating. A call that never left this process is sent again by gRPC itself. Beyond that, only calls
for which twice is the same as once (explain, settle, status) are repeated, until their deadline,
when the daemon went away under them. ``decide`` never is: it may have taken throttle units already.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from types import TracebackType
from typing import Any, Self, Unpack

from pol_client import connect, decode
from pol_client._lean.threads import LeanThreads
from pol_client._wire import engine_pb2 as wire
from pol_client.errors import NoDecision
from pol_client.exchange import Exchange
from pol_client.grpcio_threads import GrpcioTransport
from pol_client.guard import SECONDS, Guard, open_guard
from pol_client.lay import lay_batch, lay_request
from pol_client.ledger import OnFailure
from pol_client.pipeline import Pipeline
from pol_client.reading import read_batch
from pol_client.request import About, Opening, Request, Usage, build_request, build_usage
from pol_client.results import Decision, Explanation, Status
from pol_client.results_reviews import Review
from pol_client.reviews import Reviews
from pol_client.threads_transport import Transport

PAUSE = 0.02
"""Seconds between two tries of a call that may be repeated."""


class Client:
    """Asks one daemon. Safe to share between threads; make one and keep it.

    with Client("127.0.0.1:50051") as client:
        decision = client.decide(tenant="north", user="u1", stage="request", content="Hi")
    """

    def __init__(
        self,
        address: str | Sequence[str],
        *,
        timeout: float = 1.0,
        tls: connect.Tls | None = None,
        token: connect.Token = None,
        metadata: connect.Pairs = (),
        wait_for_ready: bool = True,
        transport: connect.Transport = "lean",
        **more: Unpack[connect.More],
    ) -> None:
        """Prepare a connection; it is made at the first call and again whenever it is lost.

        *address* is ``host:port`` or ``unix:///path``, or several of a daemon's workers.
        *timeout* is in seconds, for each call.
        *token* (or a function that returns one) is sent as ``authorization: Bearer``. With
        *wait_for_ready* a call waits, within its deadline, for a daemon that is starting.
        *transport* carries the calls; for *more* see ``connect.More``.
        """
        self._connection = connect.Connection(
            address, timeout, tls, token, metadata, wait_for_ready, more
        )
        self._transport: Transport = (
            LeanThreads(self._connection)
            if transport == "lean"
            else GrpcioTransport(self._connection)
        )
        self.reviews = Reviews(self._call, self._transport)
        """What reviewers do, and what a gateway is told of reviews."""

    def decide(self, /, *, timeout: float | None = None, **asked: Unpack[Request]) -> Decision:
        """Return whether it may pass, in what form. Raises NoDecision without an answer."""
        seconds = self._connection.seconds(timeout)
        return self._transport.decide(lay_request(asked), seconds)

    def decide_batch(
        self, requests: Iterable[Request], *, timeout: float | None = None
    ) -> list[Decision]:
        """Return one decision for each request (at most 1024), in their order.

        One that cannot be decided has ``failure`` set, and deny as its action.
        """
        message = lay_batch([lay_request(each) for each in requests])
        seconds = self._connection.seconds(timeout)
        return read_batch(self._transport.unary(connect.DECIDE_BATCH, message, seconds))

    def explain(self, *, timeout: float | None = None, **asked: Unpack[Request]) -> Explanation:
        """Return why it would be decided as it would. Consumes and records nothing."""
        message = build_request(asked)
        return decode.read_explanation(self._call(connect.EXPLAIN, message, timeout))

    def settle(
        self, decision_id: str, *, timeout: float | None = None, **usage: Unpack[Usage]
    ) -> bool:
        """Report the real usage; return whether that changed anything. Repeating it does not."""
        message = wire.SettleRequest(decision_id=decision_id, usage=build_usage(usage))
        return bool(self._call(connect.SETTLE, message, timeout).settled)

    def wait_review(self, review_id: str, *, timeout: float) -> Review:
        """Return a review once it is answered, or as it stands when *timeout* is nearly over.

        Then ask ``decide`` again with the same request: the decision is what came of the review.
        Seconds; see ``reviews.watch`` for what happens meanwhile.
        """
        return self.reviews.wait(review_id, timeout=timeout)

    def status(self, *, timeout: float | None = None) -> Status:
        """Return which policies the daemon serves. Needs its Admin service."""
        return decode.read_status(self._call(connect.GET_STATUS, wire.GetStatusRequest(), timeout))

    def pipeline(self) -> Pipeline:
        """Return a stream on which many threads decide at once, cheaper than one call each."""
        return Pipeline(self._transport.pipe(), self._connection)

    def guard(
        self,
        pieces: Iterable[str],
        *,
        timeout: float = SECONDS,
        raise_on_block: bool = True,
        **asked: Unpack[Opening],
    ) -> Guard:
        """Return an iterator over what may pass on of a streamed response, as it flows.

        *pieces* are its pieces of text, read as they are asked for. *timeout* is for the whole.
        """
        return open_guard(
            self._transport, pieces, asked, connect.limited(timeout), raise_on_block=raise_on_block
        )

    def exchange(
        self,
        *,
        raise_on_block: bool = True,
        on_failure: OnFailure = "nothing",
        **about: Unpack[About],
    ) -> Exchange:
        """Return a context for "decide, call the model, decide on the response, settle".

        *on_failure* is what a model call counts for that an exception ended.
        """
        return Exchange(self, about, raise_on_block=raise_on_block, on_failure=on_failure)

    def close(self) -> None:
        """Close the connection; calls that run end with CANCELLED."""
        self._transport.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _call(self, method: connect.Method, message: Any, timeout: float | None) -> Any:
        deadline = time.monotonic() + self._connection.seconds(timeout)
        raw = message.SerializeToString()
        while True:
            try:
                seconds = max(deadline - time.monotonic(), 0)
                return decode.parsed(method.answer, self._transport.unary(method, raw, seconds))
            except NoDecision as error:
                if not connect.try_again(method, error, deadline - time.monotonic() - PAUSE):
                    raise
            time.sleep(PAUSE)
