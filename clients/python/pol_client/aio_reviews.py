"""Reviews for asyncio: listed, watched and answered; see ``reviews``."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from time import monotonic
from typing import Any, Protocol, Unpack

from pol_client import connect
from pol_client._wire import engine_pb2 as wire
from pol_client.aio_transport import AsyncTransport
from pol_client.decode import parsed
from pol_client.decode_reviews import read_history, read_page, read_review
from pol_client.errors import NoDecision
from pol_client.results import Message
from pol_client.results_reviews import Review, ReviewDeed, ReviewPage
from pol_client.review_requests import (
    Sentence,
    Wanted,
    build_claim,
    build_edit,
    build_hand_over,
    build_list,
)

PAUSE = 0.1
"""Seconds until a wait that was broken off is begun again."""


class Caller(Protocol):
    """What asks the daemon."""

    async def __call__(self, method: connect.Method, message: object, timeout: float | None) -> Any:
        """Return the answer."""
        ...


class AsyncReviews:
    """What `AsyncClient.reviews` is: one method an act. Each returns the review as it stands then.

    Raises NotPermitted for a token that is no reviewer's or has not the right, Refused for what may
    not be done as the review stands, and NoDecision otherwise.
    """

    def __init__(self, call: Caller, transport: AsyncTransport) -> None:
        """Ask with *call*, and watch over *transport*."""
        self._call = call
        self._transport = transport

    async def get(
        self,
        review_id: str,
        *,
        full: bool = False,
        earlier: bool = False,
        timeout: float | None = None,
    ) -> Review:
        """Return a review as it stands.

        *full*: with what came, before anything was redacted, which needs the right to it;
        *earlier*: with what was decided in the conversation before.
        """
        message = wire.GetReviewRequest(review_id=review_id, full=full, earlier=earlier)
        return read_review(await self._call(connect.GET_REVIEW, message, timeout))

    async def list(self, *, timeout: float | None = None, **wanted: Unpack[Wanted]) -> ReviewPage:
        """Return reviews, the gravest first and then the oldest."""
        return read_page(await self._call(connect.LIST_REVIEWS, build_list(wanted), timeout))

    async def history(
        self, review_id: str, *, timeout: float | None = None
    ) -> tuple[ReviewDeed, ...]:
        """Return what was done with a review, the oldest first; *timeout* is of each page."""
        found: tuple[ReviewDeed, ...] = ()
        message = wire.GetReviewHistoryRequest(review_id=review_id)
        while True:
            answer = await self._call(connect.REVIEW_HISTORY, message, timeout)
            found += read_history(answer)
            if not answer.next_page_token:
                return found
            message.page_token = answer.next_page_token

    async def claim(
        self,
        review_id: str,
        *,
        seconds: float | None = None,
        timeout: float | None = None,
        **sentence: Unpack[Sentence],
    ) -> Review:
        """Keep others away for *seconds*; left out: 15 minutes."""
        message = build_claim(review_id, seconds, sentence)
        return await self._review(connect.CLAIM_REVIEW, message, timeout)

    async def release(
        self, review_id: str, *, timeout: float | None = None, **sentence: Unpack[Sentence]
    ) -> Review:
        """Give a claim up."""
        message = wire.ReleaseReviewRequest(review_id=review_id, **sentence)
        return await self._review(connect.RELEASE_REVIEW, message, timeout)

    async def hand_over(
        self,
        review_id: str,
        to: str,
        *,
        seconds: float | None = None,
        timeout: float | None = None,
        **sentence: Unpack[Sentence],
    ) -> Review:
        """Give a claim to someone else."""
        message = build_hand_over(review_id, to, seconds, sentence)
        return await self._review(connect.HAND_OVER_REVIEW, message, timeout)

    async def comment(
        self, review_id: str, *, timeout: float | None = None, **sentence: Unpack[Sentence]
    ) -> Review:
        """Write the *note* into the history."""
        message = wire.CommentReviewRequest(review_id=review_id, **sentence)
        return await self._review(connect.COMMENT_REVIEW, message, timeout)

    async def approve(
        self, review_id: str, *, timeout: float | None = None, **sentence: Unpack[Sentence]
    ) -> Review:
        """Let it pass when it is asked again."""
        message = wire.ResolveReviewRequest(
            review_id=review_id, state=wire.REVIEW_STATE_APPROVED, **sentence
        )
        return await self._review(connect.RESOLVE_REVIEW, message, timeout)

    async def reject(
        self, review_id: str, *, timeout: float | None = None, **sentence: Unpack[Sentence]
    ) -> Review:
        """Deny it; the *note* is told to who asked."""
        message = wire.ResolveReviewRequest(
            review_id=review_id, state=wire.REVIEW_STATE_REJECTED, **sentence
        )
        return await self._review(connect.RESOLVE_REVIEW, message, timeout)

    async def edit(
        self,
        review_id: str,
        *,
        content: str | None = None,
        messages: Sequence[Message | Mapping[str, str]] | None = None,
        arguments: object = None,
        timeout: float | None = None,
        **sentence: Unpack[Sentence],
    ) -> Review:
        """Let something else pass in place of what was asked."""
        message = build_edit(review_id, content, messages, arguments, sentence)
        return await self._review(connect.RESOLVE_REVIEW, message, timeout)

    async def watch(self, review_id: str, *, timeout: float) -> AsyncIterator[Review]:
        """Yield a review as it stands, and again as that changes, until it is answered.

        Or *timeout* (seconds) is nearly over. A daemon that goes away meanwhile is waited for.
        """
        deadline = monotonic() + connect.limited(timeout)
        seen: Review | None = None
        asked = wire.WaitReviewRequest(review_id=review_id).SerializeToString()
        while True:
            call = self._transport.stream(connect.WAIT_REVIEW, max(deadline - monotonic(), 0))
            try:
                await call.write(asked)
                await call.end()
                while (answer := await call.read()) is not None:
                    found = read_review(parsed(wire.Review, answer))
                    if found != seen:
                        seen = found
                        yield found
            except NoDecision as error:
                again = connect.go_on_waiting(error, deadline - monotonic() - PAUSE)
                if again is None and seen is not None:
                    return
                if not again:
                    raise
            else:
                return
            finally:
                call.cancel()  # Also when whoever iterates has seen enough.
            await asyncio.sleep(PAUSE)

    async def wait(self, review_id: str, *, timeout: float) -> Review:
        """Return a review once it is answered, or as it stands when *timeout* is nearly over."""
        seen: Review | None = None
        async for seen in self.watch(review_id, timeout=timeout):  # noqa: B007  the last one counts
            pass
        assert seen is not None, "the first one comes at once"
        return seen

    async def _review(
        self, method: connect.Method, message: object, timeout: float | None
    ) -> Review:
        return read_review(await self._call(method, message, timeout))
