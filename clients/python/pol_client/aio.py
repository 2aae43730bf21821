"""The client for asyncio: the same as ``Client``, awaited. See there for what is repeated."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable, Sequence
from types import TracebackType
from typing import Any, Self, Unpack

from pol_client import connect, decode
from pol_client._lean.transport import LeanTransport
from pol_client._wire import engine_pb2 as wire
from pol_client.aio_exchange import AsyncExchange
from pol_client.aio_guard import AsyncGuard, Source, open_guard
from pol_client.aio_pipeline import AsyncPipeline
from pol_client.aio_reviews import AsyncReviews
from pol_client.aio_transport import AsyncTransport
from pol_client.client import PAUSE
from pol_client.errors import NoDecision
from pol_client.grpcio_aio import GrpcioTransport
from pol_client.guard import SECONDS
from pol_client.lay import lay_batch, lay_request
from pol_client.ledger import OnFailure
from pol_client.reading import read_batch
from pol_client.request import About, Opening, Request, Usage, build_request, build_usage
from pol_client.results import Decision, Explanation, Status
from pol_client.results_reviews import Review


class AsyncClient:
    """Asks one daemon from one event loop: in another it raises RuntimeError. Make one and keep it.

    async with AsyncClient("127.0.0.1:50051") as client:
        decision = await client.decide(tenant="north", user="u1", stage="request", content="Hi")
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

        The arguments are those of ``Client``.
        """
        self._connection = connect.Connection(
            address, timeout, tls, token, metadata, wait_for_ready, more
        )
        self._transport: AsyncTransport = (
            LeanTransport(self._connection)
            if transport == "lean"
            else GrpcioTransport(self._connection)
        )
        self.reviews = AsyncReviews(self._call, self._transport)
        """What reviewers do, and what a gateway is told of reviews."""

    async def decide(
        self, /, *, timeout: float | None = None, **asked: Unpack[Request]
    ) -> Decision:
        """Return whether it may pass, in what form. Raises NoDecision without an answer."""
        seconds = self._connection.seconds(timeout)
        return await self._transport.decide(lay_request(asked), seconds)

    async def decide_batch(
        self, requests: Iterable[Request], *, timeout: float | None = None
    ) -> list[Decision]:
        """Return one decision for each request (at most 1024), in their order.

        One that cannot be decided has ``failure`` set, and deny as its action.
        """
        message = lay_batch([lay_request(each) for each in requests])
        seconds = self._connection.seconds(timeout)
        return read_batch(await self._transport.unary(connect.DECIDE_BATCH, message, seconds))

    async def explain(
        self, *, timeout: float | None = None, **asked: Unpack[Request]
    ) -> Explanation:
        """Return why it would be decided as it would. Consumes and records nothing."""
        message = build_request(asked)
        return decode.read_explanation(await self._call(connect.EXPLAIN, message, timeout))

    async def settle(
        self, decision_id: str, *, timeout: float | None = None, **usage: Unpack[Usage]
    ) -> bool:
        """Report the real usage; return whether that changed anything. Repeating it does not."""
        message = wire.SettleRequest(decision_id=decision_id, usage=build_usage(usage))
        return bool((await self._call(connect.SETTLE, message, timeout)).settled)

    async def wait_review(self, review_id: str, *, timeout: float) -> Review:
        """Return a review once it is answered, or as it stands when *timeout* is nearly over.

        Then ask ``decide`` again with the same request: the decision is what came of the review.
        Seconds; see ``reviews.watch`` for what happens meanwhile.
        """
        return await self.reviews.wait(review_id, timeout=timeout)

    async def status(self, *, timeout: float | None = None) -> Status:
        """Return which policies the daemon serves. Needs its Admin service."""
        answer = await self._call(connect.GET_STATUS, wire.GetStatusRequest(), timeout)
        return decode.read_status(answer)

    def pipeline(self) -> AsyncPipeline:
        """Return a stream on which many tasks decide at once, cheaper than one call each."""
        return AsyncPipeline(self._transport.pipe(), self._connection)

    def guard(
        self,
        pieces: Source,
        *,
        timeout: float = SECONDS,
        raise_on_block: bool = True,
        **asked: Unpack[Opening],
    ) -> AsyncGuard:
        """Return an asynchronous iterator over what may pass on of a streamed response.

        *pieces* are its pieces of text. *timeout* is for the whole.
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
    ) -> AsyncExchange:
        """Return a context for "decide, call the model, decide on the response, settle".

        *on_failure* is what a model call counts for that an exception ended.
        """
        return AsyncExchange(self, about, raise_on_block=raise_on_block, on_failure=on_failure)

    async def close(self) -> None:
        """Close the connection; calls that run are cancelled."""
        await self._transport.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()

    async def _call(self, method: connect.Method, message: Any, timeout: float | None) -> Any:
        deadline = time.monotonic() + self._connection.seconds(timeout)
        raw = message.SerializeToString()
        while True:
            try:
                seconds = max(deadline - time.monotonic(), 0)
                answer = await self._transport.unary(method, raw, seconds)
                return decode.parsed(method.answer, answer)
            except NoDecision as error:
                if not connect.try_again(method, error, deadline - time.monotonic() - PAUSE):
                    raise
            await asyncio.sleep(PAUSE)
