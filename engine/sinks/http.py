"""Batches in, requests of HTTP out, in the shape that the receiver wants.

``array``    a JSON array, as OPA sends its decision log
``lines``    a JSON object a line
``splunk``   the HTTP event collector; with *ack*, taken only when Splunk has indexed it
``elastic``  the bulk API of Elasticsearch and OpenSearch: each record has its own answer
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal, assert_never

from engine.sinks.batch import Batch, Item
from engine.sinks.elastic import bulk_of, outcome_of
from engine.sinks.sink import TAKEN, Outcome
from engine.sinks.splunk import Hec
from engine.sinks.web import JSON, LINES, Web

Shape = Literal["array", "lines", "splunk", "elastic"]


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
        self._hec = Hec(ack=ack, patience=patience)

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
                await self._hec.send(self._web, batch)
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


def array_of(items: Sequence[Item]) -> bytes:
    """Return a JSON array of the records."""
    return b"[" + b",".join(one.body for one in items) + b"]"
