"""One exchange with a model: decide on the prompt, call it, decide on the response, settle."""

from __future__ import annotations

from collections.abc import Iterable
from types import TracebackType
from typing import Protocol, Self, Unpack

from pol_client.errors import PolError
from pol_client.ledger import Ledger, OnFailure, Passed, pass_on
from pol_client.request import About, Asked, Request, Stage, Usage
from pol_client.results import Decision


class Decides(Protocol):
    """What an exchange needs of a client."""

    def decide(self, *, timeout: float | None = None, **asked: Unpack[Request]) -> Decision:
        """Return the decision."""
        ...

    def settle(
        self, decision_id: str, *, timeout: float | None = None, **usage: Unpack[Usage]
    ) -> bool:
        """Report the real usage."""
        ...


class Exchange:
    """Made by ``Client.exchange``; use it in a ``with`` statement, from one thread.

    Each method raises Denied, Throttled or Escalated when nothing may go on (unless
    ``raise_on_block=False``) and NoDecision when there is no answer. On leaving, whatever way,
    everything that was reserved is settled: with the usage that ``response`` or ``used`` was told;
    with nothing when an exception came before (with ``on_failure="estimate"``, and when it only
    ended the waiting, the estimate stands). A usage that cannot be reported is kept in *unsettled*
    and raises nothing: the estimate then stands.
    """

    def __init__(
        self,
        client: Decides,
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

    def request(self, *, timeout: float | None = None, **asked: Unpack[Asked]) -> Passed:
        """Decide on a prompt; return what may go to the model."""
        return self._decide("request", timeout, asked)

    def response(self, *, timeout: float | None = None, **asked: Unpack[Asked]) -> Passed:
        """Decide on the model's response; return what may go to the user. Give *usage* if known."""
        self._ledger.use(asked.get("usage"))
        return self._decide("response", timeout, asked)

    def tool_call(self, *, timeout: float | None = None, **asked: Unpack[Asked]) -> Passed:
        """Decide on a tool call; return the arguments to call it with."""
        return self._decide("tool_call", timeout, asked)

    def tool_result(self, *, timeout: float | None = None, **asked: Unpack[Asked]) -> Passed:
        """Decide on what a tool gave back; return what may go to the model."""
        return self._decide("tool_result", timeout, asked)

    def document(self, *, timeout: float | None = None, **asked: Unpack[Asked]) -> Passed:
        """Decide on a document; return what may go into the context."""
        return self._decide("document", timeout, asked)

    def used(self, **usage: Unpack[Usage]) -> None:
        """Say what the newest request's model call used, where no ``response`` follows."""
        self._ledger.use(usage)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._settle(self._ledger.due(error))

    def _settle(self, due: Iterable[tuple[str, Usage]]) -> None:
        for decision_id, usage in due:
            try:
                self._client.settle(decision_id, **usage)
            except PolError:
                self.unsettled += ((decision_id, usage),)

    def _decide(self, stage: Stage, timeout: float | None, asked: Asked) -> Passed:
        if stage == "request":
            self._settle(self._ledger.over())
        request: Request = {**self._about, **asked, "stage": stage}
        decision = self._client.decide(timeout=timeout, **request)
        self._ledger.note(stage, decision)
        return pass_on(decision, asked, raise_on_block=self._raise)
