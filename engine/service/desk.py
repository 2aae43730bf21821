"""A credential and what someone wants with a review in; the review, or which right is missing, out.

Where a deployment lists its reviewers, the credential says who acts, whatever else was said, and
what they may see and do; what they may not do is refused and kept in the review's history, and so
recorded. Where it lists none, the name that is given is believed (the door then only serves callers
of this machine).
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from dataclasses import dataclass, replace
from pathlib import Path

import msgspec

from engine.service import earlier as past
from engine.service.callers import certificate_shown
from engine.service.earlier import Earlier
from engine.service.reviewers import Barred, Reviewer, Reviewers, Right, Unknown
from engine.service.reviews import LISTED, MOST_LISTED, Reviews
from engine.service.watcher import MOST, Watcher
from engine.storage.reviews import (
    PAGE_BYTES,
    History,
    Move,
    Page,
    Refused,
    Review,
    Shown,
    Verb,
    Wanted,
)
from engine.storage.reviews_acts import same_person

RIGHTS: Mapping[Verb, Right] = {
    "claim": "approve",
    "release": "approve",
    "hand_over": "approve",
    "approve": "approve",
    "reject": "approve",
    "edit": "edit",
    "read_full": "full",
}
"""What an act needs; for those that are not here it is enough to see the review."""

DOES: Mapping[Right, str] = {
    "approve": "answer",
    "edit": "edit what is released in",
    "full": "read what came in",
}

NO_REVIEWERS = "nobody may: this daemon knows no reviewers, see `reviews.reviewers`"
UNSHOWN = "it is shown to reviewers only"
READERS = 2
"""How many look for earlier decisions at once."""

MOST_PAGES = 20
"""How many pages of the store are looked through for one page of a reviewer's own."""


@dataclass(frozen=True, slots=True)
class Seen:
    """A review as someone may see it."""

    review: Review
    bare: bool
    """Whether only how it stands may be told."""
    token: str = ""
    """Of its approval, for gateways."""
    full: Shown | None = None
    """What came as it came, where that was asked for."""
    earlier: Earlier | None = None
    """What was decided before, where that was asked for."""


class Desk:
    """Where reviewers and gateways are answered about reviews; of one event loop."""

    def __init__(
        self,
        reviews: Reviews,
        reviewers: Reviewers | None = None,
        most_waiting: int = MOST,
        trail: Path | None = None,
    ) -> None:
        """Serve *reviews*; *reviewers* None: every name is believed.

        *trail* is the folder of the audit trail, in which earlier decisions are looked up.
        """
        self.reviews = reviews
        self.reviewers = reviewers
        self._trail = trail
        self._readers = asyncio.Semaphore(READERS)
        self.watcher = Watcher(
            lambda known: reviews.apart(lambda: reviews.look(known)), most_waiting
        )

    async def get(
        self, credential: str, review_id: str, *, full: bool = False, earlier: bool = False
    ) -> Seen:
        """Return a review as it stands. Raises NoReview, Refused, Barred and Unknown.

        *full*: with what came; *earlier*: with what was decided in the conversation before.
        """
        get = self._get_full if full else self._get
        seen = await get(credential, review_id)
        if seen.bare or not earlier:
            return seen
        return replace(seen, earlier=await self._before(seen.review))

    async def _get(self, credential: str, review_id: str) -> Seen:
        who = self._who_if(credential)
        review = await self.reviews.apart(lambda: self.reviews.find(review_id))
        if who is not None and not who.sees(review.question.queue, review.question.tenant):
            await self._do(who, review, Move(verb="read", who=who.name))
        return self._seen(who, review)

    async def follow(self, credential: str, review_id: str) -> AsyncGenerator[Seen, None]:
        """Yield a review as it stands and again as that changes, until it is not open any more.

        Raises what `get` does, and Overloaded.
        """
        first = await self._get(credential, review_id)
        async with aclosing(self.watcher.follow(review_id, first.review)) as changes:
            async for review in changes:
                # Asked each time: a credential may be taken away while someone waits.
                yield self._seen(self._who_if(credential), review)

    async def act(self, credential: str, named: str, review_id: str, move: Move) -> Review:
        """Return the review after *move*, by whom the *credential* names, or *named*.

        Raises NoReview, Refused, Barred and Unknown.
        """
        if self.reviewers is None:
            moved = msgspec.structs.replace(move, who=named, certificate=certificate_shown())
            try:
                return await self.reviews.acted(review_id, moved)
            finally:
                self.watcher.nudge()
        who = self.reviewers.who(credential)
        review = await self.reviews.apart(lambda: self.reviews.find(review_id))
        if named and not same_person(named, who.name):
            move = msgspec.structs.replace(move, barred=f"{who.name} cannot act as {named}")
        return await self._do(who, review, move)

    async def browse(self, credential: str, wanted: Wanted, token: str, most: int) -> Page:
        """Return up to *most* reviews (0: a hundred) that may be seen, after *token*.

        A page may be shorter though more follow: then its token says where. Raises Refused.
        """
        who = None if self.reviewers is None else self.reviewers.who(credential)
        if who is None or not 0 <= most <= MOST_LISTED:
            return await self._page(wanted, token, most, PAGE_BYTES)
        scopes = who.scopes()
        if not scopes:
            return Page(reviews=())
        wanted = msgspec.structs.replace(wanted, within=scopes)
        found: list[Review] = []
        most, room = most or LISTED, PAGE_BYTES
        for _ in range(MOST_PAGES):
            page = await self._page(wanted, token, most - len(found), room)
            token = page.token
            for one, size in zip(page.reviews, page.sizes, strict=True):
                if who.sees(one.question.queue, one.question.tenant):
                    found.append(one)
                    room -= size
            if not token or len(found) == most or room <= 0:
                break
        return Page(reviews=tuple(found), token=token)

    async def history(
        self, credential: str, review_id: str, token: str = "", most: int = 0
    ) -> History:
        """Return up to *most* deeds of a review (0: a thousand) after *token*.

        Raises NoReview, Refused, Barred and Unknown.
        """
        if self.reviewers is not None:
            who = self.reviewers.who(credential)
            review = await self.reviews.apart(lambda: self.reviews.find(review_id))
            if not who.sees(review.question.queue, review.question.tenant):
                await self._do(who, review, Move(verb="read", who=who.name))
        return await self.reviews.apart(lambda: self.reviews.history(review_id, token, most))

    async def _get_full(self, credential: str, review_id: str) -> Seen:
        """Return a review with what came; that it was read is kept before it is shown."""
        if self.reviewers is None:
            raise Barred(NO_REVIEWERS)
        who = self.reviewers.who(credential)
        review = await self.reviews.apart(lambda: self.reviews.find(review_id))
        read = await self._do(who, review, Move(verb="read_full", who=who.name))
        return Seen(read, bare=False, full=self.reviews.terms.original(read))

    async def _before(self, review: Review) -> Earlier:
        """Return what was decided in the conversation before *review* was opened."""
        question = review.question
        async with self._readers:  # It may read much: a few at a time.
            return await asyncio.to_thread(
                past.earlier, self._trail, question.tenant, question.session, review.opened_at
            )

    async def _page(self, wanted: Wanted, token: str, most: int, room: int) -> Page:
        return await self.reviews.apart(lambda: self.reviews.browse(wanted, token, most, room))

    def _who_if(self, credential: str) -> Reviewer | None:
        """Return whose *credential* it is; None for nobody: gateways may have others."""
        if self.reviewers is None:
            return None
        try:
            return self.reviewers.who(credential)
        except Unknown:
            return None

    def _seen(self, who: Reviewer | None, review: Review) -> Seen:
        if who is not None:
            question = review.question
            return Seen(review, bare=not who.sees(question.queue, question.tenant))
        approvals = self.reviews.terms.approvals
        token = "" if approvals is None else approvals.token(review, self.reviews.now)
        return Seen(review, bare=self.reviewers is not None, token=token)

    async def _do(self, who: Reviewer, review: Review, move: Move) -> Review:
        """Return *review* after *move* of a reviewer who may do so. Raises Barred."""
        why = move.barred or self._missing(who, review, move)
        moved = msgspec.structs.replace(
            move,
            who=who.name,
            aliases=who.aliases,
            barred=why,
            certificate=certificate_shown(),
        )
        try:
            return await self.reviews.acted(review.question.review_id, moved)
        except Refused as error:
            if why:
                raise Barred(str(error)) from None
            raise
        finally:
            self.watcher.nudge()

    def _missing(self, who: Reviewer, review: Review, move: Move) -> str:
        """Return which right *who* has not that *move* needs; empty where there is none."""
        queue, tenant = review.question.queue, review.question.tenant
        if not who.sees(queue, tenant):
            return f"{who.name} may not see reviews of queue `{queue}` and this tenant"
        right = RIGHTS.get(move.verb)
        if right is not None and not who.may(right, queue, tenant):
            return f"{who.name} may not {DOES[right]} reviews of queue `{queue}`"
        if (
            move.verb == "hand_over"
            and self.reviewers is not None
            and not self.reviewers.takes(move.to, queue, tenant)
        ):
            return f"no reviewer of queue `{queue}` has the name that it is handed over to"
        return ""
