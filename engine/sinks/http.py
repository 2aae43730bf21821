"""Batches in, requests of HTTP out, in the shape that the receiver wants.

``array``    a JSON array, as OPA sends its decision log
``lines``    a JSON object a line
``splunk``   the HTTP event collector; with *ack*, taken only when Splunk has indexed it
``elastic``  the bulk API of Elasticsearch and OpenSearch: each record has its own answer
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime
from hashlib import sha256
from typing import Literal, TypeVar, assert_never
from uuid import UUID, uuid4

import msgspec

from engine.sinks.batch import Batch, Item
from engine.sinks.sink import TAKEN, Away, Outcome
from engine.sinks.web import Answer, Web

Told = TypeVar("Told")
Shape = Literal["array", "lines", "splunk", "elastic"]

JSON = "application/json"
LINES = "application/x-ndjson"
ACK_PATH = "/ack"
ACK_PAUSE = 1.0
CREATED = frozenset({200, 201})
CONFLICT = 409
"""Of a record that was there already: it was sent before."""
BUSY = frozenset({429, 500, 502, 503, 504})


class Spoken(msgspec.Struct):
    """What Splunk says to a batch."""

    ackId: int | None = None  # noqa: N815 - its spelling


class Acks(msgspec.Struct):
    """What Splunk has indexed."""

    acks: dict[str, bool] = {}


class Done(msgspec.Struct):
    """What became of one record in Elasticsearch."""

    status: int = 0
    error: msgspec.Raw = msgspec.Raw(b"")


class Fault(msgspec.Struct):
    """Why a record was not taken."""

    type: str = ""


class Bulk(msgspec.Struct):
    """Elasticsearch's answer to a batch."""

    errors: bool
    items: list[dict[str, Done]]


class HttpSink:
    """Sends batches to one URL. *open_web* makes the client, *index* is Elasticsearch's."""

    def __init__(
        self,
        open_web: Callable[[], Web],
        shape: Shape,
        *,
        index: str = "",
        ack: bool = False,
        patience: float = 30.0,
    ) -> None:
        self._open_web = open_web
        self._web: Web | None = None
        self._shape = shape
        self._index = index
        self._ack = ack
        self._patience = patience
        self._channel = str(uuid4())

    async def send(self, batch: Batch) -> Outcome:
        """Send *batch*; see `sink.Sink`."""
        if self._web is None:
            self._web = self._open_web()
        match self._shape:
            case "array":
                await self._web.post(array_of(batch.items), JSON)
            case "lines":
                await self._web.post(batch.lines, LINES)
            case "splunk":
                await self._splunk(self._web, batch)
            case "elastic":
                answer = await self._web.post(bulk_of(batch.items, self._index), LINES)
                return outcome_of(answer, len(batch.items))
            case _:
                assert_never(self._shape)
        return TAKEN

    async def close(self) -> None:
        """Close the connections."""
        if self._web is not None:
            await self._web.close()
            self._web = None

    async def _splunk(self, web: Web, batch: Batch) -> None:
        """Send events; wait until they are indexed where that is asked for."""
        headers = {"X-Splunk-Request-Channel": self._channel} if self._ack else {}
        answer = await web.post(events_of(batch.items), JSON, headers=headers)
        if not self._ack:
            return
        number = decoded(answer, Spoken).ackId
        if number is None:
            raise Away("Splunk gives no ackId: acknowledgement is not enabled for this token")
        asked = msgspec.json.encode({"acks": [number]})
        try:
            async with asyncio.timeout(self._patience):
                while True:
                    said = decoded(
                        await web.post(asked, JSON, path=ACK_PATH, headers=headers), Acks
                    )
                    if said.acks.get(str(number)):
                        return
                    await asyncio.sleep(ACK_PAUSE)
        except TimeoutError:
            raise Away(f"Splunk has not indexed it within {self._patience:g} s") from None


def array_of(items: Sequence[Item]) -> bytes:
    """Return a JSON array of the records."""
    return b"[" + b",".join(one.body for one in items) + b"]"


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


def bulk_of(items: Sequence[Item], index: str) -> bytes:
    """Return the records as actions of a bulk request; one that comes twice has the same id."""
    return b"".join(
        msgspec.json.encode({"create": {"_index": index, "_id": id_of(one)}})
        + b"\n"
        + one.body
        + b"\n"
        for one in items
    )


def id_of(item: Item) -> str:
    """Return the record's id as a UUID."""
    return str(UUID(bytes=sha256(item.id.encode()).digest()[:16]))


def outcome_of(answer: Answer, count: int) -> Outcome:
    """Return what became of the *count* records of a bulk request. Raises Away."""
    bulk = decoded(answer, Bulk)
    if not bulk.errors:
        return TAKEN
    if len(bulk.items) != count:
        raise Away("it does not answer for every record")
    refused: list[tuple[int, str]] = []
    again: list[int] = []
    why = ""
    for place, one in enumerate(bulk.items):
        done = next(iter(one.values()), Done())
        if done.status in CREATED or done.status == CONFLICT:
            continue
        if done.status in BUSY:
            again.append(place)
            why = f"it answers {done.status} to some records"
        else:
            refused.append((place, f"it answers {done.status}: {fault_of(done)}".rstrip(": ")))
    return Outcome(tuple(refused), tuple(again), why)


def fault_of(done: Done) -> str:
    """Return the kind of error that Elasticsearch names; its text may quote the record."""
    try:
        return msgspec.json.decode(done.error, type=Fault).type
    except msgspec.DecodeError:
        return ""


def decoded(answer: Answer, kind: type[Told]) -> Told:
    """Return the answer's body as a *kind*. Raises Away where it is none."""
    try:
        return msgspec.json.decode(answer.body, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise Away("its answer cannot be understood") from None
