"""One exchange with a model, for asyncio. The same as ``exchange``, awaited."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from types import TracebackType
from typing import Protocol, Self, Unpack

from pol_client.errors import PolError
from pol_client.ledger import Ledger, OnFailure, Passed, pass_on
from pol_client.request import About, Asked, Request, Stage, Usage
from pol_client.results import Decision


class AsyncDecides(Protocol):
    """What an exchange needs of a client."""

    async def decide(self, *, timeout: float | None = None, **asked: Unpack[Request]) -> Decision:
        """Return the decision."""
        ...

    async def settle(
        self, decision_id: str, *, timeout: float | None = None, **usage: Unpack[Usage]
    ) -> bool:
        """Report the real usage."""
        ...


_SETTLING: set[asyncio.Future[None]] = set()
"""What is being settled: a loop alone would let go of it."""


class AsyncExchange:
    """Made by ``AsyncClient.exchange``; use it in an ``async with`` statement. See ``Exchange``."""

    def __init__(
        self,
        client: AsyncDecides,
        about: About,
        *,
        raise_on_block: bool = True,
        on_failure: OnFailure = "nothing",
    ) -> None:
        self._client = client
        self._about = about
        self._raise = raise_on_block
        self._ledger = Ledger(on_failure)
        self.unsettled: tuple[tuple[str, Usage], ...] = ()

    @property
    def decisions(self) -> tuple[Decision, ...]:
        """Every decision so far, in order."""
        return tuple(self._ledger.decisions)

    async def request(self, *, timeout: float | None = None, **asked: Unpack[Asked]) -> Passed:
        """Decide on a prompt; return what may go to the model."""
        return await self._decide("request", timeout, asked)

    async def response(self, *, timeout: float | None = None, **asked: Unpack[Asked]) -> Passed:
        """Decide on the model's response; return what may go to the user. Give *usage* if known."""
        self._ledger.use(asked.get("usage"))
        return await self._decide("response", timeout, asked)

    async def tool_call(self, *, timeout: float | None = None, **asked: Unpack[Asked]) -> Passed:
        """Decide on a tool call; return the arguments to call it with."""
        return await self._decide("tool_call", timeout, asked)

    async def tool_result(self, *, timeout: float | None = None, **asked: Unpack[Asked]) -> Passed:
        """Decide on what a tool gave back; return what may go to the model."""
        return await self._decide("tool_result", timeout, asked)

    async def document(self, *, timeout: float | None = None, **asked: Unpack[Asked]) -> Passed:
        """Decide on a document; return what may go into the context."""
        return await self._decide("document", timeout, asked)

    def used(self, **usage: Unpack[Usage]) -> None:
        """Say what the newest request's model call used, where no ``response`` follows."""
        self._ledger.use(usage)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._settle_all(self._ledger.due(error))

    async def _settle_all(self, due: Sequence[tuple[str, Usage]]) -> None:
        if due:
            # A task of its own, because this one may be cancelled, even again and again.
            settling = asyncio.ensure_future(self._settle(due))
            _SETTLING.add(settling)
            settling.add_done_callback(_SETTLING.discard)
            await asyncio.shield(settling)

    async def _settle(self, due: Sequence[tuple[str, Usage]]) -> None:
        for decision_id, usage in due:
            try:
                await self._client.settle(decision_id, **usage)
            except PolError:
                self.unsettled += ((decision_id, usage),)

    async def _decide(self, stage: Stage, timeout: float | None, asked: Asked) -> Passed:
        if stage == "request":
            await self._settle_all(self._ledger.over())
        request: Request = {**self._about, **asked, "stage": stage}
        decision = await self._client.decide(timeout=timeout, **request)
        self._ledger.note(stage, decision)
        return pass_on(decision, asked, raise_on_block=self._raise)
