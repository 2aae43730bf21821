"""Records in, events of Splunk's HTTP event collector out; and what its codes mean, back.

Splunk's 200 says that a batch looks valid, and no more: what it loses before it has written it
is lost. Only an acknowledgement (``ack``) says that a batch is there. Codes:
https://help.splunk.com/en/splunk-enterprise/get-data-in/collect-http-event-data/troubleshoot-http-event-collector
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import uuid4

import msgspec

from engine.sinks.batch import Batch, Item
from engine.sinks.sink import Away, Refused
from engine.sinks.web import ABOUT_THE_BATCH, FINE, JSON, Answer, Web, decoded, judged

ACK_PATH = "/ack"
ACK_PAUSE = 1.0
RESEND_SECONDS = 300.0
"""After which a batch that was not acknowledged is sent again; until then it is asked about."""
MOST_NUMBERS = 16
HEADER = "X-Splunk-Request-Channel"
NO_ACK = "acknowledgement is not enabled for this token: enable it, or set `ack = false`"
SETTINGS = {
    1: "the token is disabled",
    2: "it wants a token; see `token`",
    3: "it does not understand our authorization; see `token`",
    4: "it does not know the token; see `token`",
    7: "the token may not write to the index",
    10: "acknowledgement is enabled for this token: set `ack = true`",
    11: "it does not accept our channel",
    14: NO_ACK,
    16: "it wants no token in the URL; see `url`",
    21: "it does not know the token; see `token`",
    22: "the token is disabled",
}
"""Codes that are about how it is set up, here or there: no record is the worse for it."""
RECORDS = {
    6: "not the data that it expects",
    12: "an event without `event`",
    13: "an empty event",
    15: "fields that cannot be indexed",
    27: "too large",
}


class Spoken(msgspec.Struct):
    """What Splunk says to a batch."""

    code: int = 0
    ackId: int | str | None = None  # noqa: N815 - its spelling


class Acks(msgspec.Struct):
    """What Splunk has indexed."""

    acks: dict[str, bool] = {}


class Hec:
    """A collector. With *ack*, a batch counts when it is acknowledged, within *patience* seconds.

    What is not acknowledged by then is asked about when the batch comes again, before it is sent.
    """

    def __init__(self, *, ack: bool, patience: float) -> None:
        self._ack = ack
        self._patience = patience
        self._headers: Mapping[str, str] = {HEADER: str(uuid4())} if ack else {}
        self._batch = ""
        self._numbers: list[int | str] = []
        """Of the batch that was sent last, and is not acknowledged."""
        self._sent = 0.0
        self._silent = False
        """Whether Splunk gave no number."""

    async def send(self, web: Web, batch: Batch) -> None:
        """Return when Splunk has *batch*. Raises Away and Refused."""
        now = asyncio.get_running_loop().time
        if batch.id != self._batch:
            self._batch, self._numbers = batch.id, []
        if self._silent:
            await self._look(web, [0])  # So that nothing is sent in vain while it has none.
            self._silent = False
        if self._numbers and await self._look(web, self._numbers):
            self._numbers = []
            return
        if not self._numbers or now() - self._sent >= RESEND_SECONDS:
            body = events_of(batch.items)
            answer = await web.post(body, JSON, headers=self._headers, judge=judged_by_code)
            if not self._ack:
                return
            number = said(answer).ackId
            if number is None:
                self._silent = True
                raise Away(f"Splunk gives no ackId: {NO_ACK}")
            self._sent = now()
            self._numbers = [*self._numbers, number][-MOST_NUMBERS:]
        await self._wait(web)
        self._numbers = []

    async def _wait(self, web: Web) -> None:
        try:
            async with asyncio.timeout(self._patience):
                while True:
                    if await self._look(web, self._numbers):
                        return
                    await asyncio.sleep(ACK_PAUSE)
        except TimeoutError:
            raise Away(f"Splunk has not indexed it within {self._patience:g} s") from None

    async def _look(self, web: Web, numbers: Sequence[int | str]) -> bool:
        """Return whether one of *numbers* is acknowledged."""
        asked = msgspec.json.encode({"acks": numbers})
        answer = await web.post(
            asked, JSON, path=ACK_PATH, headers=self._headers, judge=judged_by_code
        )
        return any(decoded(answer, Acks).acks.values())


def events_of(items: Sequence[Item]) -> bytes:
    """Return the records as events of Splunk's collector, one behind the other."""
    return b"".join(
        msgspec.json.encode(
            {"event": msgspec.Raw(one.body), "fields": {"audit_id": one.id}} | _time(one.time)
        )
        for one in items
    )


def _time(text: str) -> dict[str, float]:
    try:
        return {"time": datetime.fromisoformat(text).timestamp()}
    except ValueError:
        return {}


def said(answer: Answer) -> Spoken:
    """Return what Splunk says; some that speak as Splunk does say a word. Raises Away."""
    found = decoded(answer, object)
    return decoded(answer, Spoken) if not isinstance(found, str) else Spoken()


def judged_by_code(answer: Answer, after: float) -> Answer:
    """Return *answer* if it says that the body was taken. Raises Away and Refused."""
    if answer.status in FINE:
        code = said(answer).code
        if code:
            raise Away(f"it answers {answer.status} with code {code}, which is no success")
        return answer
    try:
        code = said(answer).code
    except Away:
        code = 0
    if code in SETTINGS:
        raise Away(f"it answers {answer.status}, code {code}: {SETTINGS[code]}")
    if code and answer.status in ABOUT_THE_BATCH:
        what = f": {RECORDS[code]}" if code in RECORDS else ""
        raise Refused(f"it answers {answer.status}, code {code}{what}")
    return judged(answer, after)
